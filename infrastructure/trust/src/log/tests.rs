//! The log on both engines: turns, proofs, witnesses, crashes and tampering.

use std::collections::BTreeSet;
use std::sync::Arc;

use kernel::{Id, Moment, SetClock};
use store::testing::both_at;
use store::{Store, params};

use super::check::Place;
use super::checkpoint::{Checkpoint, cosigned_at};
use super::entry::{Entry, PseudonymSecret};
use super::journal::{Log, LogError, LogSettings, Standing};
use super::merkle::{empty_root, leaf_hash, verify_consistency};
use super::note::{Note, SignatureKind, testing::key};
use super::proof::{LogTrust, ProofFile};
use super::tiles::{TileAddress, TileId, unbundle};
use super::witness::{Witness, WitnessAnswer};
use super::{MIGRATIONS, WitnessPeer, ask};

mod tamper;

const ORIGIN: &str = "log.example/town";
const START: Moment = Moment::from_seconds(1_800_000_000);

fn settings(witness: Option<&Witness>) -> LogSettings {
    LogSettings {
        key: key(ORIGIN, SignatureKind::Note, 1),
        secret: PseudonymSecret::new(&[9; 32]),
        witness: witness.cloned().map(WitnessPeer::Local),
    }
}

pub(super) async fn tables(store: &Store) {
    store.migrate(&[("log", MIGRATIONS)]).await.unwrap();
}

pub(super) async fn open_with(store: &Store, settings: LogSettings) -> Log {
    tables(store).await;
    Log::open(store.clone(), settings).await.unwrap()
}

async fn open(store: &Store, witness: Option<&Witness>) -> Log {
    open_with(store, settings(witness)).await
}

async fn witness(store: &Store) -> Witness {
    tables(store).await;
    let witness = Witness::new(
        store.clone(),
        key("w.example/1", SignatureKind::Cosignature, 2),
    );
    witness
        .admit(key(ORIGIN, SignatureKind::Note, 1).verifier())
        .await
        .unwrap();
    witness
}

fn trust(cosignatures: usize) -> LogTrust {
    LogTrust {
        logs: vec![key(ORIGIN, SignatureKind::Note, 1).verifier().clone()],
        witnesses: vec![
            key("w.example/1", SignatureKind::Cosignature, 2)
                .verifier()
                .clone(),
        ],
        cosignatures,
    }
}

async fn enter(log: &Log, store: &Store, from: u32, count: u32) -> Vec<Id> {
    let mut tx = store.begin().await.unwrap();
    let mut ids = Vec::new();
    for n in from..from + count {
        let entry = Entry::new(
            "exchange.asked",
            START.plus_seconds(i64::from(n)),
            [n.to_le_bytes()[0]; 32],
        )
        .about(log.pseudonym(if n % 2 == 0 { "10000001" } else { "10000002" }))
        .note("n", n.to_string());
        ids.push(log.enter(&mut tx, entry).await.unwrap());
    }
    tx.commit().await.unwrap();
    ids
}

fn clock() -> Arc<SetClock> {
    Arc::new(SetClock::at(START))
}

#[tokio::test]
async fn entries_get_places_and_every_proof_holds_at_every_size() {
    both_at(clock(), async |store| {
        let witness = witness(&store).await;
        let log = open(&store, Some(&witness)).await;
        let mut ids = Vec::new();
        for batch in [1, 1, 2, 5, 60, 190, 3, 130] {
            ids.extend(enter(&log, &store, ids.len() as u32, batch).await);
            assert_eq!(
                log.proof(*ids.last().unwrap()).await.unwrap(),
                None,
                "no place yet"
            );
            assert_eq!(log.sequence().await.unwrap(), u64::from(batch));
            let mut places = BTreeSet::new();
            for id in ids.iter().step_by(1 + ids.len() / 40) {
                let proof = log.proof(*id).await.unwrap().unwrap();
                let again = ProofFile::parse(proof.to_string().as_bytes()).unwrap();
                let confirmed = again.verify(&trust(1)).unwrap();
                assert_eq!(confirmed.size(), ids.len() as u64);
                assert!(places.insert(confirmed.index()));
                assert_eq!(confirmed.kind(), "exchange.asked");
            }
        }
        let size = ids.len() as u64;
        let standing = Standing {
            size,
            staged: 0,
            witnessed: size,
            behind: 0,
        };
        assert_eq!(log.standing().await.unwrap(), standing);
        let report = log.check().await.unwrap();
        assert!(report.is_sound(), "{:?}", report.findings);
        assert_eq!((report.entries, report.checkpoints), (size, 9));
    })
    .await;
}

#[tokio::test]
async fn consistency_holds_between_any_two_checkpoints() {
    both_at(clock(), async |store| {
        let log = open(&store, None).await;
        let mut heads: Vec<Checkpoint> = Vec::new();
        for round in 0..40_u32 {
            enter(&log, &store, round * 11, 1 + round % 17).await;
            log.sequence().await.unwrap();
            let note = Note::parse(log.checkpoint().await.unwrap().as_bytes()).unwrap();
            heads.push(Checkpoint::open(&note, ORIGIN, log.verifier()).unwrap());
        }
        for (place, new) in heads.iter().enumerate() {
            for old in &heads[..=place] {
                let proof = log.consistency(old.size, new.size).await.unwrap().unwrap();
                let verdict = verify_consistency(old.size, new.size, &proof, &old.root, &new.root);
                assert_eq!(verdict, Ok(()), "{} to {}", old.size, new.size);
            }
        }
        assert_eq!(log.consistency(1, 100_000).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_person_finds_what_was_entered_about_them_and_nothing_else() {
    both_at(clock(), async |store| {
        let log = open(&store, None).await;
        let ids = enter(&log, &store, 0, 30).await;
        log.sequence().await.unwrap();
        let ana = log.pseudonym("10000001");
        let mut found = Vec::new();
        let mut before = None;
        loop {
            let page = log.entries_about(ana, before, 4).await.unwrap();
            let Some(last) = page.last() else { break };
            before = Some(last.id);
            found.extend(page);
        }
        assert_eq!(found.len(), 15);
        assert!(found.is_sorted_by(|a, b| a.id > b.id), "newest first");
        assert!(
            found
                .iter()
                .all(|known| known.index.is_some() && ids.contains(&known.id))
        );
        assert!(
            found
                .iter()
                .all(|known| known.note["n"].parse::<u32>().unwrap() % 2 == 0)
        );
        let nobody = log
            .entries_about(log.pseudonym("10000003"), None, 10)
            .await
            .unwrap();
        assert!(nobody.is_empty());
        let one = log.entry(found[0].id).await.unwrap().unwrap();
        assert_eq!(one, found[0]);
    })
    .await;
}

#[tokio::test]
async fn a_dropped_transaction_enters_nothing_and_a_committed_one_is_never_lost() {
    both_at(clock(), async |store| {
        let log = open(&store, None).await;
        let mut tx = store.begin().await.unwrap();
        let lost = log
            .enter(&mut tx, Entry::new("a", START, [0; 32]))
            .await
            .unwrap();
        drop(tx);
        let kept = enter(&log, &store, 0, 3).await;
        assert_eq!(log.entry(lost).await.unwrap(), None);
        // The process ends before any turn; another one opens the same store.
        drop(log);
        let log = open(&store, None).await;
        assert_eq!(log.standing().await.unwrap().staged, 3);
        assert_eq!(log.sequence().await.unwrap(), 3);
        for id in kept {
            assert!(log.proof(id).await.unwrap().is_some());
        }
        // A turn that dies in the middle leaves everything as it was: here the checkpoint's row is in the way.
        enter(&log, &store, 3, 2).await;
        run(
            &store,
            "INSERT INTO trust_log_checkpoint (size, note, cosigned) VALUES (5, '', '')",
        )
        .await;
        assert!(log.sequence().await.is_err());
        run(&store, "DELETE FROM trust_log_checkpoint WHERE size = 5").await;
        let log = open(&store, None).await;
        assert_eq!(
            (
                log.standing().await.unwrap().size,
                log.standing().await.unwrap().staged
            ),
            (3, 2)
        );
        assert!(log.check().await.unwrap().is_sound());
        assert_eq!(log.sequence().await.unwrap(), 2);
        assert!(log.check().await.unwrap().is_sound());
    })
    .await;
}

#[tokio::test]
async fn sequencers_at_the_same_time_give_each_entry_one_place() {
    both_at(clock(), async |store| {
        let log = open(&store, None).await;
        let other = open(&store, None).await;
        for round in 0..5 {
            enter(&log, &store, round * 20, 20).await;
            let (a, b) = tokio::join!(log.sequence(), other.sequence());
            // On PostgreSQL the one that comes second may have to begin again; together they place all.
            let placed = a.unwrap_or(0) + b.unwrap_or(0) + log.sequence().await.unwrap();
            assert_eq!(placed, 20);
        }
        let report = log.check().await.unwrap();
        assert!(report.is_sound() && report.entries == 100, "{report:?}");
    })
    .await;
}

#[tokio::test]
async fn growth_that_was_prepared_on_another_state_writes_nothing() {
    both_at(clock(), async |store| {
        let log = open(&store, None).await;
        enter(&log, &store, 0, 5).await;
        let (count, late) = log.next_growth().await.unwrap().unwrap();
        assert_eq!((count, log.place_all().await.unwrap()), (5, 5));
        assert!(
            store.run(late).await.unwrap().is_empty(),
            "somebody else was first"
        );
        // An entry that vanished between the reading and the writing fails all of it.
        let ids = enter(&log, &store, 5, 3).await;
        let (_, holed) = log.next_growth().await.unwrap().unwrap();
        let mut tx = store.begin().await.unwrap();
        let (remove, id) = ("DELETE FROM trust_log_entry WHERE id = $1", params![ids[1]]);
        assert_eq!(tx.execute(remove, &id).await.unwrap(), 1);
        tx.commit().await.unwrap();
        assert!(store.run(holed).await.is_err());
        assert_eq!(log.standing().await.unwrap().size, 5);
        assert_eq!(log.place_all().await.unwrap(), 2);
        let report = log.check().await.unwrap();
        assert!(report.is_sound() && report.entries == 7, "{report:?}");
    })
    .await;
}

#[tokio::test]
async fn an_absent_witness_delays_only_its_cosignature() {
    both_at(clock(), async |store| {
        let log = open(&store, None).await;
        let ids = enter(&log, &store, 0, 5).await;
        log.sequence().await.unwrap();
        let alone = log.proof(ids[0]).await.unwrap().unwrap();
        assert!(alone.verify(&trust(1)).is_err() && alone.verify(&trust(0)).is_ok());
        let witness = witness(&store).await;
        let log = open(&store, Some(&witness)).await;
        assert_eq!(log.sequence().await.unwrap(), 0);
        let proof = log.proof(ids[0]).await.unwrap().unwrap();
        assert_eq!(proof.verify(&trust(1)).unwrap().cosigned()[0].1, START);
        // Entries after the last cosignature are proved by the log's own checkpoint until the witness is back.
        let later = enter(&log, &store, 5, 1).await;
        log.place_all().await.unwrap();
        assert_eq!(
            log.proof(later[0])
                .await
                .unwrap()
                .unwrap()
                .verify(&trust(0))
                .unwrap()
                .size(),
            6
        );
        assert_eq!(
            log.proof(ids[0])
                .await
                .unwrap()
                .unwrap()
                .verify(&trust(1))
                .unwrap()
                .size(),
            5
        );
    })
    .await;
}

#[tokio::test]
async fn a_store_put_back_from_an_old_copy_is_stopped_by_the_witness() {
    both_at(clock(), async |store| {
        let witness = witness(&store).await;
        let log = open(&store, Some(&witness)).await;
        enter(&log, &store, 0, 5).await;
        log.sequence().await.unwrap();
        // What an old copy of the store looks like: the last entries never happened.
        for sql in [
            "DELETE FROM trust_log_entry",
            "DELETE FROM trust_log_tile",
            "DELETE FROM trust_log_checkpoint",
            "DELETE FROM trust_log_head",
        ] {
            run(&store, sql).await;
        }
        let log = open(&store, Some(&witness)).await;
        enter(&log, &store, 0, 2).await;
        let refused = log.sequence().await;
        assert!(
            matches!(
                refused,
                Err(LogError::Behind {
                    ours: 0,
                    witness: 5
                })
            ),
            "{refused:?}"
        );
        assert!(log.place_all().await.is_err(), "and it stays stopped");
        assert_eq!(log.standing().await.unwrap().behind, 5);
        // Whoever silences the witness and grows another history is found at the next question.
        run(&store, "UPDATE trust_log_head SET behind = 0").await;
        enter(&log, &store, 2, 4).await;
        log.place_all().await.unwrap();
        assert!(matches!(log.cosign().await, Err(LogError::Forked)));
        assert!(matches!(log.sequence().await, Err(LogError::Forked)));
    })
    .await;
}

#[tokio::test]
async fn an_old_copy_goes_on_under_a_new_name_that_tells_so() {
    both_at(clock(), async |store| {
        let witness = witness(&store).await;
        let log = open(&store, Some(&witness)).await;
        let ids = enter(&log, &store, 0, 3).await;
        log.sequence().await.unwrap();
        let early = log.proof(ids[0]).await.unwrap().unwrap();
        // The witness has seen more than this store will ever have.
        run(&store, "UPDATE trust_witness_log SET size = 9").await;
        let log = open(&store, Some(&witness)).await;
        enter(&log, &store, 3, 2).await;
        assert!(matches!(
            log.sequence().await,
            Err(LogError::Behind {
                ours: 3,
                witness: 9
            })
        ));
        let log = Log::succeed(store.clone(), settings(Some(&witness)))
            .await
            .unwrap();
        assert_eq!(log.origin(), "log.example/town/2");
        assert_eq!(
            log.sequence().await.unwrap(),
            3,
            "two entries that waited, and the one that tells"
        );
        assert_eq!(
            log.standing().await.unwrap(),
            Standing {
                size: 6,
                staged: 0,
                witnessed: 6,
                behind: 0
            }
        );
        let report = log.check().await.unwrap();
        assert!(report.is_sound(), "{report:?}");
        // Whoever trusts the log's key reads proofs of before and after; the name tells which they are.
        assert_eq!(early.verify(&trust(1)).unwrap().origin(), ORIGIN);
        let late = log
            .proof(ids[0])
            .await
            .unwrap()
            .unwrap()
            .verify(&trust(1))
            .unwrap();
        assert_eq!(
            (late.origin(), late.index()),
            ("log.example/town/2", early.index)
        );
        let told: Vec<_> = log
            .entries(0, 10)
            .await
            .unwrap()
            .into_iter()
            .filter(|e| e.kind == "log.succeeded")
            .collect();
        assert_eq!(
            (
                told.len(),
                told[0].note["former"].as_str(),
                told[0].note["size"].as_str()
            ),
            (1, ORIGIN, "3")
        );
        // The next start finds the new name by itself, and what was signed before can't be changed either.
        let log = open(&store, Some(&witness)).await;
        assert_eq!(log.origin(), "log.example/town/2");
        run(
            &store,
            "UPDATE trust_log_former SET note = '' WHERE size = 3",
        )
        .await;
        assert_eq!(
            log.check().await.unwrap().findings[0].place,
            Place::Former(3)
        );
    })
    .await;
}

#[tokio::test]
async fn the_witness_answers_by_the_protocol() {
    both_at(clock(), async |store| {
        let witness = witness(&store).await;
        let log_key = key(ORIGIN, SignatureKind::Note, 1);
        let leaf = leaf_hash(b"one");
        let signed = |origin: &str, size, root, key: &super::NoteKey| {
            Checkpoint {
                origin: origin.into(),
                size,
                root,
            }
            .sign(key)
            .unwrap()
            .to_string()
        };
        let good = signed(ORIGIN, 1, leaf, &log_key);
        let ask = async |body: String| witness.answer(body.as_bytes()).await;
        let status = async |body: String| ask(body).await.status();
        assert_eq!(status(String::new()).await, 400);
        assert_eq!(status(ask::request(0, &[], "no note")).await, 400);
        assert_eq!(
            status(ask::request(2, &[], &good)).await,
            400,
            "old above new"
        );
        assert_eq!(
            status(ask::request(0, &[leaf; 64], &good)).await,
            400,
            "64 hashes"
        );
        assert_eq!(status("x".repeat(20_000)).await, 400);
        let stranger = key("log.example/other", SignatureKind::Note, 5);
        assert_eq!(
            status(ask::request(
                0,
                &[],
                &signed("log.example/other", 1, leaf, &stranger)
            ))
            .await,
            404
        );
        let forged = key(ORIGIN, SignatureKind::Note, 6);
        assert_eq!(
            status(ask::request(0, &[], &signed(ORIGIN, 1, leaf, &forged))).await,
            403
        );
        let bent = good.replace("\n1\n", "\n3\n");
        assert_eq!(status(ask::request(0, &[], &bent)).await, 403);
        assert_eq!(
            status(ask::request(0, &[], &signed(ORIGIN, 0, leaf, &log_key))).await,
            422,
            "empty tree, other root"
        );
        assert_eq!(
            status(ask::request(0, &[leaf], &good)).await,
            422,
            "a proof from nothing"
        );
        let WitnessAnswer::Cosigned(line) = ask(ask::request(0, &[], &good)).await else {
            panic!("not cosigned")
        };
        let note = Note::parse(format!("{good}{line}").as_bytes()).unwrap();
        assert_eq!(cosigned_at(&note, witness.verifier()), Ok(Some(START)));
        assert_eq!(
            ask(ask::request(0, &[], &good)).await,
            WitnessAnswer::Conflict(1)
        );
        assert_eq!(
            WitnessAnswer::Conflict(1).body(),
            ("text/x.tlog.size", "1\n".to_owned())
        );
        assert_eq!(
            status(ask::request(1, &[], &good)).await,
            200,
            "the same again"
        );
        assert_eq!(
            status(ask::request(
                1,
                &[],
                &signed(ORIGIN, 1, empty_root(), &log_key)
            ))
            .await,
            422
        );
        assert_eq!(
            status(ask::request(1, &[leaf], &signed(ORIGIN, 2, leaf, &log_key))).await,
            422
        );
        let stored = witness
            .checkpoint(&super::witness::origin_hash(ORIGIN))
            .await
            .unwrap()
            .unwrap();
        assert!(stored.starts_with(&good));
        assert_eq!(
            witness
                .checkpoint(&super::witness::origin_hash("x"))
                .await
                .unwrap(),
            None
        );
    })
    .await;
}

#[tokio::test]
async fn tiles_and_bundles_give_back_the_tree() {
    both_at(clock(), async |store| {
        let log = open(&store, None).await;
        enter(&log, &store, 0, 300).await;
        log.sequence().await.unwrap();
        let hashes = |level, index, width| TileAddress::Hashes {
            tile: TileId { level, index },
            width,
        };
        let entries = |index, width| TileAddress::Entries { index, width };
        for (index, width) in [(0, 256), (1, 44), (1, 7)] {
            let bundle = log.tile(entries(index, width)).await.unwrap().unwrap();
            let tile = log.tile(hashes(0, index, width)).await.unwrap().unwrap();
            let leaves: Vec<u8> = unbundle(&bundle)
                .unwrap()
                .iter()
                .flat_map(|e| leaf_hash(e))
                .collect();
            assert_eq!(leaves, tile);
            assert_eq!(tile.len() as u64, width * 32);
        }
        assert_eq!(log.tile(hashes(1, 0, 1)).await.unwrap().unwrap().len(), 32);
        for absent in [
            hashes(0, 1, 45),
            hashes(1, 0, 2),
            hashes(2, 0, 1),
            entries(1, 45),
            entries(2, 1),
            entries(u64::MAX, 1),
        ] {
            assert_eq!(log.tile(absent).await.unwrap(), None, "{absent:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn another_origin_and_another_key_are_refused_at_the_door() {
    both_at(clock(), async |store| {
        let log = open(&store, None).await;
        enter(&log, &store, 0, 1).await;
        log.sequence().await.unwrap();
        let other = LogSettings {
            key: key("log.example/b", SignatureKind::Note, 1),
            ..settings(None)
        };
        assert!(matches!(
            Log::open(store.clone(), other).await,
            Err(LogError::OtherOrigin { .. })
        ));
        let stranger = LogSettings {
            key: key(ORIGIN, SignatureKind::Note, 7),
            ..settings(None)
        };
        assert!(matches!(
            Log::open(store.clone(), stranger).await,
            Err(LogError::Damaged(_))
        ));
    })
    .await;
}

async fn run(store: &Store, sql: &'static str) {
    let mut tx = store.begin().await.unwrap();
    tx.execute(sql, &[]).await.unwrap();
    tx.commit().await.unwrap();
}
