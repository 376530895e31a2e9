//! Containers that others made get the verdict of X-Road's own verifier, as `xroad/verdicts.txt` tells it.
//!
//! Read by whoever changes the verification of containers. It promises that the table holds line by line.

use std::path::Path;

use kernel::Moment;
use trust::asic::verify_container;
use trust::globalconf::SharedParams;

/// After every stamp in the containers, before none of the authorities ends: 2026-11-01.
const NOW: i64 = 1_793_491_200;

#[test]
fn foreign_containers_get_the_verdict_of_the_table() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/xroad");
    let table = std::fs::read_to_string(folder.join("verdicts.txt")).unwrap();
    let mut wrong = Vec::new();
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    for line in lines {
        let mut columns = line.split_whitespace();
        let (name, theirs, ours) = (columns.next(), columns.next(), columns.next());
        let (name, expected) = (name.unwrap(), ours.unwrap());
        assert!(
            theirs == Some("VALID") || expected != "VALID",
            "{name}: never more lenient than X-Road"
        );
        let bytes = std::fs::read(folder.join(format!("{name}.asice"))).unwrap();
        let (place, _) = name.split_once('/').unwrap();
        let params = std::fs::read(folder.join(place).join("shared-params.xml")).unwrap();
        let params = SharedParams::parse(&params).unwrap();
        let report = verify_container(&bytes, &params, Moment::from_seconds(NOW));
        let found = report
            .verdict
            .as_ref()
            .map_or_else(|bad| bad.code, |_| "VALID");
        if found != expected {
            wrong.push(format!("{name}: {found}, not {expected}\n{report}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(table.lines().count() > 50, "the table is there");
}
