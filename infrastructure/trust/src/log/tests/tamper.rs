//! Tampering: every changed byte of the stored log is found and told by its place.

use super::*;

/// A column whose every byte must be watched: how to read it and how to write it back changed.
struct Watched {
    name: &'static str,
    read: &'static str,
    write: &'static str,
    text: bool,
}

const WATCHED: [Watched; 8] = [
    Watched {
        name: "leaf",
        read: "SELECT idx, leaf FROM trust_log_entry ORDER BY idx",
        write: "UPDATE trust_log_entry SET leaf = $2 WHERE idx = $1",
        text: false,
    },
    Watched {
        name: "salt",
        read: "SELECT idx, salt FROM trust_log_entry ORDER BY idx",
        write: "UPDATE trust_log_entry SET salt = $2 WHERE idx = $1",
        text: false,
    },
    Watched {
        name: "digest",
        read: "SELECT idx, digest FROM trust_log_entry ORDER BY idx",
        write: "UPDATE trust_log_entry SET digest = $2 WHERE idx = $1",
        text: false,
    },
    Watched {
        name: "about",
        read: "SELECT idx, about FROM trust_log_entry ORDER BY idx",
        write: "UPDATE trust_log_entry SET about = $2 WHERE idx = $1",
        text: false,
    },
    Watched {
        name: "told",
        read: "SELECT idx, note FROM trust_log_entry ORDER BY idx",
        write: "UPDATE trust_log_entry SET note = $2 WHERE idx = $1",
        text: true,
    },
    Watched {
        name: "tile",
        read: "SELECT level * 1000 + pos, hashes FROM trust_log_tile ORDER BY 1",
        write: "UPDATE trust_log_tile SET hashes = $2 WHERE level * 1000 + pos = $1",
        text: false,
    },
    Watched {
        name: "note",
        read: "SELECT size, note FROM trust_log_checkpoint ORDER BY size",
        write: "UPDATE trust_log_checkpoint SET note = $2 WHERE size = $1",
        text: true,
    },
    Watched {
        name: "cosigned",
        read: "SELECT size, cosigned FROM trust_log_checkpoint ORDER BY size",
        write: "UPDATE trust_log_checkpoint SET cosigned = $2 WHERE size = $1",
        text: true,
    },
];

/// Where a change of byte `at` in the row `row` must be told.
fn place_of(watched: &Watched, row: i64, at: usize) -> Place {
    let row = u64::try_from(row).unwrap();
    match watched.name {
        "tile" => Place::Tile(
            TileId {
                level: u32::try_from(row / 1000).unwrap(),
                index: row % 1000,
            },
            at as u64 / 32,
        ),
        "note" | "cosigned" => Place::Checkpoint(row),
        _ => Place::Entry(row),
    }
}

async fn write(store: &Store, watched: &Watched, row: i64, bytes: &[u8]) {
    let mut tx = store.begin().await.unwrap();
    let values = if watched.text {
        params![row, String::from_utf8(bytes.to_vec()).unwrap()]
    } else {
        params![row, bytes]
    };
    assert_eq!(tx.execute(watched.write, &values).await.unwrap(), 1);
    tx.commit().await.unwrap();
}

async fn read(store: &Store, watched: &Watched) -> Vec<(i64, Vec<u8>)> {
    let mut tx = store.read().await.unwrap();
    let rows = tx.all(watched.read, &[]).await.unwrap();
    let bytes = |row: &store::Row| {
        if watched.text {
            row.text(1).map(String::into_bytes)
        } else {
            row.bytes(1)
        }
    };
    rows.iter()
        .map(|row| (row.int(0).unwrap(), bytes(row).unwrap()))
        .collect()
}

/// Changes bytes of every watched column one by one, `step` apart, and wants each told at its place and nowhere else.
async fn tamper(log: &Log, store: &Store, step: usize) -> usize {
    let mut changes = 0;
    for watched in &WATCHED {
        for (row, bytes) in read(store, watched).await {
            for at in (changes % step..bytes.len()).step_by(step) {
                let mut bent = bytes.clone();
                bent[at] ^= 1;
                if watched.text && std::str::from_utf8(&bent).is_err() {
                    continue;
                }
                write(store, watched, row, &bent).await;
                let report = log.check().await.unwrap();
                let places: Vec<Place> = report
                    .findings
                    .iter()
                    .map(|finding| finding.place)
                    .collect();
                let wanted = place_of(watched, row, at);
                assert_eq!(
                    places,
                    [wanted],
                    "{} of {row}, byte {at}: {:?}",
                    watched.name,
                    report.findings
                );
                write(store, watched, row, &bytes).await;
                changes += 1;
            }
        }
    }
    changes
}

#[tokio::test]
async fn every_changed_byte_of_a_small_log_is_found_and_told_by_its_place() {
    both_at(clock(), async |store| {
        let witness = witness(&store).await;
        let log = open(&store, Some(&witness)).await;
        for round in 0..2 {
            enter(&log, &store, round, 1).await;
            log.sequence().await.unwrap();
        }
        // The finding is the same on both engines; the slower one is asked for every seventeenth byte.
        let all = store.engine().await.unwrap().starts_with("SQLite");
        let changes = tamper(&log, &store, if all { 1 } else { 17 }).await;
        assert!(changes > if all { 1_500 } else { 80 }, "{changes}");
        assert!(log.check().await.unwrap().is_sound());
    })
    .await;
}

#[tokio::test]
async fn changes_in_a_log_of_several_tiles_are_told_by_their_place() {
    both_at(clock(), async |store| {
        let witness = witness(&store).await;
        let log = open(&store, Some(&witness)).await;
        for round in 0..3 {
            enter(&log, &store, round * 200, 200).await;
            log.sequence().await.unwrap();
        }
        assert!(tamper(&log, &store, 4_001).await > 50);
    })
    .await;
}

#[tokio::test]
async fn vanished_added_and_swapped_rows_are_told_by_their_place() {
    both_at(clock(), async |store| {
        let log = open(&store, None).await;
        enter(&log, &store, 0, 12).await;
        log.sequence().await.unwrap();
        enter(&log, &store, 12, 2).await;
        let first = async || log.check().await.unwrap().findings.first().map(|finding| finding.place);
        assert_eq!(first().await, None);
        run(&store, "UPDATE trust_log_entry SET salt = digest WHERE idx IS NULL").await;
        assert_eq!(first().await, Some(Place::Staged(0)));
        run(&store, "DELETE FROM trust_log_entry WHERE idx IS NULL").await;
        for sql in [
            "UPDATE trust_log_entry SET idx = 100 WHERE idx = 4",
            "UPDATE trust_log_entry SET idx = 4 WHERE idx = 7",
            "UPDATE trust_log_entry SET idx = 7 WHERE idx = 100",
        ] {
            run(&store, sql).await;
        }
        assert_eq!(first().await, Some(Place::Entry(4)), "swapped");
        run(&store, "DELETE FROM trust_log_entry WHERE idx = 4").await;
        assert_eq!(first().await, Some(Place::Entry(4)), "vanished");
        run(&store, "INSERT INTO trust_log_tile (level, pos, hashes) SELECT 3, 3, hashes FROM trust_log_tile").await;
        assert_eq!(first().await, Some(Place::Head), "a tile too many");
    })
    .await;
}
