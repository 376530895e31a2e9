//! Entries for fuzzers and the mutating tests: readers of foreign bytes that lie outside of `domain`.
//!
//! Each takes any bytes and must never panic, nor take longer than the bytes are worth.

use std::collections::BTreeMap;

use crate::agreements::text::{Notice, Terms};
use crate::archive::links::Links;
use crate::deliver::topic::Batch;
use crate::domain::description;
use crate::source::csv_file::Table;
use crate::source::described::{Described, Field};
use crate::source::rest_entry;

/// The columns that a register of these tests has, in JSON.
const FIELDS: &str = r#"{"name": {"from": "nombre"}, "birth": {"from": "nacimiento", "type": "date"},
    "count": {"from": "cuenta", "type": "int"}, "open": {"from": "abierto", "type": "bool"}}"#;

/// A register in a CSV file; what is read is found again.
pub fn registry_file(bytes: &[u8]) {
    let fields: BTreeMap<String, Field> =
        serde_json::from_str(FIELDS).expect("the fields above are written as fields are");
    let fields: Vec<_> = fields.into_iter().collect();
    if let Ok(table) = Table::read(bytes.to_vec(), None, "dni", Some("hasta"), &fields) {
        let _ = table.find("1", &["nombre", "nacimiento"]);
    }
}

/// The answer of a REST service that is a registry.
pub fn registry_answer(bytes: &[u8]) {
    let found = "/data".to_owned();
    for pointers in [&["/data/name", "/data/list/0"][..], &["", "/~1~0"]] {
        let _ = rest_entry(Some(&found), bytes, pointers);
        let _ = rest_entry(None, bytes, pointers);
    }
}

/// The description of a service in OpenAPI, and a registry's in settings.
pub fn description(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(mut document) = description::read(text)
    {
        let _ = description::endpoints(&document);
        description::without_hosts(&mut document);
    }
    let _ = serde_json::from_slice::<Described>(bytes);
}

/// The texts of an agreement's life; what is read is written the same.
pub fn agreement(bytes: &[u8]) {
    if let Ok(terms) = Terms::read(bytes) {
        assert_eq!(terms.text().as_bytes(), bytes);
    }
    if let Ok(notice) = Notice::read(bytes) {
        assert_eq!(notice.text().as_bytes(), bytes);
    }
}

/// The linking information of an archive; what is read is checked against files of the names in it.
pub fn archive(bytes: &[u8]) {
    if let Ok(links) = Links::parse(bytes) {
        let files: Vec<_> = links
            .entries
            .iter()
            .map(|(_, name)| (name.as_str(), bytes))
            .collect();
        let _ = links.check(&files);
        let _ = Links::parse(links.text().as_bytes());
    }
}

/// A batch of events of a topic.
pub fn events(bytes: &[u8]) {
    let _ = Batch::parse(bytes);
}
