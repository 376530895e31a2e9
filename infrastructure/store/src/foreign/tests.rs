//! What a foreign database gives, and what it must not be made to do.

use super::*;
use crate::testing::Folder;

const MAKE: &str = "CREATE TABLE padron (dni TEXT PRIMARY KEY, nombre TEXT, \"año\" INTEGER, alta DATE, vivo BOOLEAN);
     INSERT INTO padron VALUES ('40000001', 'Rosa', 1990, '2026-05-01', TRUE), ('40000002', NULL, NULL, NULL, NULL);
     CREATE VIEW doble AS SELECT * FROM padron UNION ALL SELECT * FROM padron;
     CREATE TABLE numeros (id BIGINT, nombre TEXT); INSERT INTO numeros VALUES (7, 'siete');";

fn view(table: &str, key: &str) -> View {
    View {
        table: Name::table(table).unwrap(),
        key: Name::column(key).unwrap(),
    }
}

fn text(key: &str) -> Key {
    Key::Text(key.to_owned())
}

async fn sqlite_file(folder: &Folder) -> String {
    let url = format!("sqlite:{}", folder.path().join("registro.db").display());
    let made = crate::engine::Engine::open(&url, false).await.unwrap();
    made.run(MAKE.to_owned()).await.unwrap();
    made.close().await;
    url
}

/// The same registry on each engine, in a place of its own.
async fn both<F: AsyncFn(Foreign)>(test: F) {
    let folder = Folder::new();
    let seconds = Duration::from_secs(5);
    test(Foreign::open(&sqlite_file(&folder).await, seconds).unwrap()).await;
    let Ok(url) = std::env::var(crate::testing::POSTGRES) else {
        eprintln!(
            "not run on PostgreSQL: {} is not set",
            crate::testing::POSTGRES
        );
        return;
    };
    let name = folder.path().file_name().unwrap().to_str().unwrap();
    let schema = name.replace('-', "_").to_lowercase();
    crate::make_schema(&url, &schema, true).await.unwrap();
    let mark = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{mark}options=-c%20search_path%3D{schema}");
    let made = crate::engine::Engine::open(&url, false).await.unwrap();
    made.run(MAKE.to_owned()).await.unwrap();
    test(Foreign::open(&url, seconds).unwrap()).await;
    made.run(format!("DROP SCHEMA {schema} CASCADE"))
        .await
        .unwrap();
    made.close().await;
}

#[tokio::test]
async fn a_row_comes_as_text_and_only_its_columns() {
    both(async |foreign| {
        let padron = view("padron", "dni");
        let rosa = text("40000001");
        let row = foreign.row(&padron, &["nombre", "año", "alta"], &rosa);
        let some = |text: &str| Some(text.to_owned());
        let expected = vec![some("Rosa"), some("1990"), some("2026-05-01")];
        assert_eq!(row.await.unwrap(), Some(expected));
        let truth = foreign
            .row(&padron, &["vivo"], &text("40000001"))
            .await
            .unwrap();
        let truth = truth.unwrap()[0].clone().unwrap();
        assert!(truth == "true" || truth == "1", "{truth}");
        let nothing = foreign.row(&padron, &["nombre"], &text("40000002")).await;
        assert_eq!(nothing.unwrap(), Some(vec![None]));
        assert_eq!(
            foreign.row(&padron, &["nombre"], &text("9")).await.unwrap(),
            None
        );
        let bare = foreign.row(&padron, &[], &text("40000001")).await.unwrap();
        assert!(bare.is_some());
        let number = foreign
            .row(&view("numeros", "id"), &["nombre"], &Key::Int(7))
            .await;
        assert_eq!(number.unwrap(), Some(vec![some("siete")]));
        // SQLite would compare the text with the number; PostgreSQL refuses to.
        let loose = foreign
            .row(&view("numeros", "id"), &["nombre"], &text("07"))
            .await;
        assert!(
            matches!(loose, Ok(None) | Err(ForeignError::Refused(_))),
            "{loose:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_key_that_is_not_unique_states_nothing() {
    both(async |foreign| {
        let row = foreign
            .row(&view("doble", "dni"), &["nombre"], &text("40000001"))
            .await;
        assert!(matches!(row, Err(ForeignError::Ambiguous)), "{row:?}");
    })
    .await;
}

#[tokio::test]
async fn a_wrong_name_is_told_with_the_right_ones_and_no_value() {
    both(async |foreign| {
        let key = text("40000001'\" OR 1=1 --");
        assert_eq!(
            foreign
                .row(&view("padron", "dni"), &["nombre"], &key)
                .await
                .unwrap(),
            None
        );
        for (table, column) in [("padron", "nombres"), ("patron", "nombre")] {
            let wrong = view(table, "dni");
            let error = foreign
                .row(&wrong, &[column], &text("40000001"))
                .await
                .unwrap_err();
            assert!(matches!(error, ForeignError::Refused(_)), "{error}");
            assert!(!error.to_string().contains("40000001"));
            let told = foreign
                .check(&wrong, &[column], &text(""))
                .await
                .unwrap_err();
            let advice = if table == "padron" {
                "nombre, año"
            } else {
                "no patron"
            };
            assert!(told.contains(advice), "{told}");
        }
        foreign
            .check(&view("padron", "dni"), &["nombre"], &text(""))
            .await
            .unwrap();
    })
    .await;
}

#[tokio::test]
async fn nothing_can_be_written() {
    both(async |foreign| {
        for statement in [
            "UPDATE padron SET nombre = $1",
            "DELETE FROM padron WHERE dni = $1",
        ] {
            let tried = foreign.rows(statement.to_owned(), &text("40000001")).await;
            assert!(matches!(tried, Err(ForeignError::Refused(_))), "{tried:?}");
        }
        let row = foreign
            .row(&view("padron", "dni"), &["nombre"], &text("40000001"))
            .await;
        assert_eq!(row.unwrap(), Some(vec![Some("Rosa".to_owned())]));
    })
    .await;
}

#[tokio::test]
async fn endless_work_is_given_up() {
    let folder = Folder::new();
    let foreign = Foreign::open(&sqlite_file(&folder).await, Duration::from_secs(60)).unwrap();
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE $1 <> '')
                   SELECT CAST(MAX(i) AS TEXT) FROM n";
    let tried = foreign.rows(endless.to_owned(), &text("x")).await;
    assert!(matches!(tried, Err(ForeignError::Slow)), "{tried:?}");
    let row = foreign
        .row(&view("padron", "dni"), &["nombre"], &text("40000001"))
        .await;
    assert!(
        row.unwrap().is_some(),
        "the connection serves the next question"
    );
}

#[tokio::test]
async fn a_file_that_is_not_there_is_not_made() {
    let folder = Folder::new();
    let path = folder.path().join("absent.db");
    let url = format!("sqlite:{}", path.display());
    let foreign = Foreign::open(&url, Duration::from_secs(5)).unwrap();
    let told = foreign
        .check(&view("a", "b"), &["c"], &text(""))
        .await
        .unwrap_err();
    assert!(told.contains("can't be reached"), "{told}");
    assert!(!path.exists());
    assert!(matches!(
        Foreign::open("mysql://x", Duration::from_secs(1)),
        Err(ForeignError::Address)
    ));
}

#[test]
fn names_are_plain() {
    for bad in ["", "a\"b", "a;b", "a.b", "x\0", "a'b", &"a".repeat(64)] {
        assert!(Name::column(bad).is_err(), "{bad:?}");
    }
    assert!(Name::table("public.padrón 2026").is_ok());
    assert!(Name::table("a.b.c").is_err());
}
