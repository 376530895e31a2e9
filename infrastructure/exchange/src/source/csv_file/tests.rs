//! Files as offices make them, and files that must state nothing.

use super::*;
use proptest::prelude::*;

fn fields() -> Vec<(String, Field)> {
    let text = serde_json::json!({"name": {"from": "nombre"}, "birth": {"from": "nacimiento", "type": "date"}});
    let map: std::collections::BTreeMap<String, Field> = serde_json::from_value(text).unwrap();
    map.into_iter().collect()
}

fn read(text: &str) -> Result<Table, Vec<String>> {
    Table::read(text.into(), None, "dni", None, &fields())
}

#[test]
fn files_of_spreadsheets_are_read() {
    for text in [
        "dni,nombre,nacimiento\n1,\"Quispe, Rosa\",1990-05-01\n2,Ana,\n",
        "\u{feff}dni;nombre;nacimiento\r\n1;Quispe, Rosa;1990-05-01\r\n2;Ana;\r\n",
        "nacimiento,dni,nombre,otra\n1990-05-01,1,\"Quispe, Rosa\",\"x\ny\"\n,2,Ana,\"\"\"\"",
    ] {
        let table = read(text).unwrap();
        assert_eq!(table.len(), 2, "{text:?}");
        let rosa = table.find("1", &["nombre", "nacimiento"]).unwrap();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(rosa, [some("Quispe, Rosa"), some("1990-05-01")]);
        assert_eq!(table.find("2", &["nombre"]).unwrap(), [some("Ana")]);
        assert_eq!(table.find("3", &["nombre"]), None);
    }
}

#[test]
fn a_bad_line_is_told_by_its_number_and_never_by_its_value() {
    for (text, expected) in [
        (
            "dni,nombre\n1,Rosa\n",
            "line 1: there is no column \"nacimiento\"",
        ),
        (
            "dni,nombre,nacimiento,dni\n",
            "line 1: the column \"dni\" is there twice",
        ),
        (
            "dni,nombre,nacimiento\n1,Rosa,1990-05-01\n2,Ana\n",
            "line 3: 2 columns where",
        ),
        (
            "dni,nombre,nacimiento\n1,Rosa,ayer\n",
            "line 2: nacimiento is not a date",
        ),
        (
            "dni,nombre,nacimiento\n1,\"a\nb\",\n1,Eva,\n",
            "line 4: the number in the key",
        ),
        (
            "dni,nombre,nacimiento\n ,Rosa,\n",
            "line 2: the key column is empty",
        ),
    ] {
        let told = read(text).unwrap_err().join("\n");
        assert!(told.contains(expected), "{told}");
        assert!(
            !told.contains("Rosa") && !told.contains("ayer") && !told.contains("Eva"),
            "{told}"
        );
    }
    let latin = b"dni,nombre,nacimiento\n1,Mu\xf1oz,\n".to_vec();
    let told = Table::read(latin, None, "dni", None, &fields()).unwrap_err();
    assert!(told[0].contains("line 2: not UTF-8"), "{told:?}");
    let many = format!("dni,nombre,nacimiento\n{}", "1,x\n".repeat(100));
    assert_eq!(read(&many).unwrap_err().len(), REPORT_MAX);
}

#[tokio::test]
async fn a_file_that_changes_is_read_anew() {
    let folder = store::testing::Folder::new();
    let path = folder.path().join("padron.csv");
    let described: Described = serde_json::from_value(serde_json::json!({
        "title": "Padrón", "fields": {"name": {"from": "nombre"}}, "csv": {"file": "padron.csv", "key": "dni"},
    }))
    .unwrap();
    let file = CsvFile::open(described.csv.as_ref().unwrap(), &described, folder.path());
    let file = Arc::new(file.unwrap());
    assert!(matches!(
        file.find("1", &[]).await,
        Err(SourceError::Away(_))
    ));
    for (text, expected) in [
        ("dni,nombre\n1,Rosa\n", Ok(Some("Rosa"))),
        ("dni,nombre\n1,Rosa Quispe\n", Ok(Some("Rosa Quispe"))),
        ("dni,nombre\n2,Ana\n", Ok(None)),
        ("dni,nombre\n2,Ana\n1\n", Err(())),
        ("dni,nombre\n1,Eva\n", Ok(Some("Eva"))),
    ] {
        // Written beside and renamed, as the documentation advises: another file each time.
        let beside = folder.path().join("new.csv");
        std::fs::write(&beside, text).unwrap();
        std::fs::rename(&beside, &path).unwrap();
        let found = file.find("1", &["nombre"]).await;
        let found = found.map(|entry| entry.and_then(|mut values| values.pop().flatten()));
        let expected = expected.map(|name: Option<&str>| name.map(str::to_owned));
        assert_eq!(found.map_err(|_| ()), expected, "{text:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut text = b"dni,nombre,nacimiento\n".to_vec();
        text.extend(bytes);
        if let Ok(table) = Table::read(text, None, "dni", None, &fields()) {
            for subject in table.lines.keys() {
                prop_assert!(table.find(subject, &["dni", "nombre"]).is_some());
                let key = table.find(subject, &["dni"]).unwrap()[0].clone().unwrap();
                prop_assert_eq!(key.trim(), &**subject);
            }
        }
    }
}
