//! The addresses of the log and of the witness, and the room that brings them with their clockwork.
//!
//! Read by whoever builds a house. The log is public: it holds no personal data. Promises that what never changes is
//! marked so for caches, and that a witness that is away makes neither noise nor waiting for the entries.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use kernel::Fault;
use web::{Failure, Page, Room, Routes, Timer};

use super::journal::{Log, LogError};
use super::sql::MIGRATIONS;
use super::tiles::TileAddress;
use super::witness::Witness;

/// Pause between two turns: what a person waits for a proof, beside one commit.
const PLACE_EVERY: Duration = Duration::from_millis(300);
/// Pause between two questions to the witness.
const COSIGN_EVERY: Duration = Duration::from_millis(500);
/// Questions left out after failures at most: a witness that is back is asked within a minute.
const COSIGN_SKIP_MAX: u32 = 120;
/// Of a body at rest, every this many turns one looks at the store all the same: another process may have entered
/// something.
const REST_TURNS: u32 = 10;
/// A trouble that stays is told again after this many turns, about once a minute.
const TELL_EVERY: u32 = 200;

const TEXT: &str = "text/plain; charset=utf-8";
const BYTES: &str = "application/octet-stream";
/// tlog-tiles: a checkpoint may be cached for a few seconds only.
const SHORT: &str = "public, max-age=2";
/// tlog-tiles: tiles and bundles never change.
const FOREVER: &str = "public, max-age=31536000, immutable";

/// The log's public addresses below `/log`.
pub fn log_routes(log: Log) -> Routes {
    Routes::<Log>::new()
        .get("/log/checkpoint", checkpoint)
        .get("/log/tile/{*path}", tile)
        .get("/log/proof/{entry}", proof)
        .with_state(log)
}

/// The witness's addresses below `/witness`, which is both of its prefixes.
pub fn witness_routes(witness: Witness) -> Routes {
    Routes::<Witness>::new()
        .post("/witness/add-checkpoint", add_checkpoint)
        .get("/witness/{origin}/checkpoint", witnessed)
        .with_state(witness)
}

/// The room of a body's log, and of the witness if this body is one.
pub fn room(log: &Log, witness: Option<Witness>) -> Room {
    let room = Room::new("log")
        .migrations(MIGRATIONS)
        .routes(log_routes(log.clone()));
    let room = room
        .timer(place_timer(log.clone()))
        .timer(cosign_timer(log.clone()));
    match witness {
        Some(witness) => room.routes(witness_routes(witness)),
        None => room,
    }
}

/// Gives entries their places. A trouble that stays is told once a minute, not three times a second.
fn place_timer(log: Log) -> Timer {
    let (failed, beat) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    Timer::new("log.place", PLACE_EVERY, move || {
        let (log, failed, beat) = (log.clone(), failed.clone(), beat.clone());
        async move {
            let one_less = |turns: u32| turns.checked_sub(1);
            let (set, get) = (Ordering::AcqRel, Ordering::Acquire);
            let eager = log.inner.eager.fetch_update(set, get, one_less).is_ok();
            if !eager
                && !beat
                    .fetch_add(1, Ordering::Relaxed)
                    .is_multiple_of(REST_TURNS)
            {
                return Ok(());
            }
            quietly(&failed, log.place_all().await.map(drop))
        }
    })
}

/// Asks the witness, apart from the places, so that nobody waits for its line. After failures it leaves turns out.
fn cosign_timer(log: Log) -> Timer {
    let (failed, skip) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let (away, beat) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    Timer::new("log.cosign", COSIGN_EVERY, move || {
        let (log, failed, skip) = (log.clone(), failed.clone(), skip.clone());
        let (away, beat) = (away.clone(), beat.clone());
        async move {
            if skip.load(Ordering::Relaxed) > 0 {
                skip.fetch_sub(1, Ordering::Relaxed);
                return Ok(());
            }
            let bare = log.inner.bare.swap(false, Ordering::AcqRel);
            if !bare
                && !beat
                    .fetch_add(1, Ordering::Relaxed)
                    .is_multiple_of(REST_TURNS)
            {
                return Ok(());
            }
            let answer = log.cosign().await;
            if matches!(answer, Ok(true)) {
                away.store(0, Ordering::Relaxed);
            } else {
                log.inner.bare.store(true, Ordering::Release);
                let times = away.fetch_add(1, Ordering::Relaxed).min(16);
                skip.store((1 << times).min(COSIGN_SKIP_MAX), Ordering::Relaxed);
            }
            quietly(&failed, answer.map(drop))
        }
    })
}

fn quietly(failed: &AtomicU32, outcome: Result<(), LogError>) -> Result<(), Fault> {
    match outcome {
        Ok(()) => {
            failed.store(0, Ordering::Relaxed);
            Ok(())
        }
        Err(_)
            if !failed
                .fetch_add(1, Ordering::Relaxed)
                .is_multiple_of(TELL_EVERY) =>
        {
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

fn failure(error: LogError) -> Failure {
    Fault::from(error).into()
}

async fn checkpoint(State(log): State<Log>) -> Page {
    let text = log.checkpoint().await.map_err(failure)?;
    Ok((
        [(header::CONTENT_TYPE, TEXT), (header::CACHE_CONTROL, SHORT)],
        text,
    )
        .into_response())
}

async fn tile(State(log): State<Log>, Path(path): Path<String>) -> Page {
    let missing = || Failure::from(Fault::missing("fault-missing"));
    let address = TileAddress::parse(&path).ok_or_else(missing)?;
    let bytes = log
        .tile(address)
        .await
        .map_err(failure)?
        .ok_or_else(missing)?;
    Ok((
        [
            (header::CONTENT_TYPE, BYTES),
            (header::CACHE_CONTROL, FOREVER),
        ],
        bytes,
    )
        .into_response())
}

/// The proof that an entry is in the log, as a file that anybody verifies without this body. It opens the entry's note,
/// so its address is as secret as the identifier in it: 80 bits of chance that are not published and that a person gets
/// from a page about their own data.
async fn proof(State(log): State<Log>, Path(entry): Path<String>) -> Page {
    let missing = || Failure::from(Fault::missing("fault-missing"));
    let entry = entry.parse().map_err(|_| missing())?;
    let proof = log
        .proof(entry)
        .await
        .map_err(failure)?
        .ok_or_else(missing)?;
    let name = format!("attachment; filename=\"{entry}.tlog-proof\"");
    Ok((
        [
            (header::CONTENT_TYPE, TEXT),
            (header::CONTENT_DISPOSITION, name.as_str()),
            (header::CACHE_CONTROL, "private, no-store"),
        ],
        proof.to_string(),
    )
        .into_response())
}

async fn add_checkpoint(State(witness): State<Witness>, body: Bytes) -> Response {
    let answer = witness.answer(&body).await;
    let status = StatusCode::from_u16(answer.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (kind, text) = answer.body();
    (status, [(header::CONTENT_TYPE, kind)], text).into_response()
}

async fn witnessed(State(witness): State<Witness>, Path(origin): Path<String>) -> Page {
    let note = witness
        .checkpoint(&origin)
        .await
        .map_err(|error| Failure::from(Fault::from(error)))?;
    let text = note.ok_or_else(|| Failure::from(Fault::missing("fault-missing")))?;
    Ok((
        [(header::CONTENT_TYPE, TEXT), (header::CACHE_CONTROL, SHORT)],
        text,
    )
        .into_response())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kernel::{Moment, SetClock};
    use store::testing::both_at;
    use tokio::net::TcpListener;
    use web::client::Http;
    use web::testing::Tester;

    use super::super::entry::Entry;
    use super::super::journal::LogSettings;
    use super::super::note::Note;
    use super::super::proof::LogTrust;
    use super::super::tests::{open_with, tables};
    use super::super::{WitnessPeer, witness::origin_hash};
    use super::*;
    use crate::keys::{KeyStore, Passphrase};

    /// A free port on this machine, and the witness's prefix there.
    async fn listener() -> (TcpListener, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let prefix = format!("http://{}/witness", listener.local_addr().unwrap());
        (listener, prefix)
    }

    #[tokio::test]
    async fn a_log_and_its_witness_meet_over_http() {
        let clock = Arc::new(SetClock::at(Moment::from_seconds(1_800_000_000)));
        both_at(clock, async |store| {
            tables(&store).await;
            let folder = tempfile::tempdir().unwrap();
            let cost = crate::keys::Cost::light();
            let keys = KeyStore::open_with(folder.path(), &Passphrase::new("x"), cost).unwrap();
            let witness = Witness::open(store.clone(), &keys, "authority.example/witness").unwrap();
            let (listener, prefix) = listener().await;
            let key = witness.verifier().clone();
            let peer = WitnessPeer::at(&prefix, key.clone(), Http::plain());
            let log = open_with(
                &store,
                LogSettings::new(&keys, "body.example/log", Some(peer)).unwrap(),
            )
            .await;
            let mut tx = store.begin().await.unwrap();
            let id = log
                .enter(&mut tx, Entry::new("a", Moment::default(), [1; 32]))
                .await
                .unwrap();
            tx.commit().await.unwrap();
            witness.admit(log.verifier()).await.unwrap();
            let served = axum::serve(listener, witness_routes(witness.clone()).router());
            let server = tokio::spawn(served.into_future());
            assert_eq!(log.place_all().await.unwrap(), 1);
            assert!(log.cosign().await.unwrap());
            server.abort();
            assert!(server.await.is_err_and(|error| error.is_cancelled()));
            let trust = LogTrust {
                logs: vec![log.verifier().clone()],
                witnesses: vec![key.clone()],
                cosignatures: 1,
            };
            let proof = log.proof(id).await.unwrap().unwrap();
            assert_eq!(proof.verify(&trust).unwrap().cosigned().len(), 1);
            let room = room(&log, Some(witness));
            let browser = Tester::new(&[room]);
            let got = browser.get("/log/checkpoint").await;
            assert_eq!(got.status, StatusCode::OK);
            let note = Note::parse(&got.bytes).unwrap();
            assert_eq!(note, proof.note);
            assert_eq!(got.headers[header::CACHE_CONTROL], SHORT);
            let got = browser.get("/log/tile/0/000.p/1").await;
            assert_eq!(
                (got.bytes.len(), &got.headers[header::CACHE_CONTROL]),
                (32, &FOREVER.parse().unwrap())
            );
            let got = browser.get("/log/tile/entries/000.p/1").await;
            assert_eq!(&got.bytes[2..], &proof.leaf[..]);
            assert!(
                !got.text.contains(&id.to_string()),
                "the address of the proof is not published"
            );
            let got = browser.get(&format!("/log/proof/{id}")).await;
            assert_eq!(got.text, log.proof(id).await.unwrap().unwrap().to_string());
            assert_eq!(got.headers[header::CACHE_CONTROL], "private, no-store");
            for missing in [
                "/log/tile/0/000.p/2",
                "/log/tile/0/000",
                "/log/tile/0/0",
                "/log/tile/x",
                "/log/proof/x",
                "/log/proof/01ARZ3NDEKTSV4RRFFQ69G5FAV",
            ] {
                assert_eq!(
                    browser.get(missing).await.status,
                    StatusCode::NOT_FOUND,
                    "{missing}"
                );
            }
            let got = browser
                .get(&format!(
                    "/witness/{}/checkpoint",
                    origin_hash("body.example/log")
                ))
                .await;
            assert_eq!(Note::parse(&got.bytes).unwrap(), note);
            let got = browser
                .post_raw("/witness/add-checkpoint", TEXT, "old 7\n\n")
                .await;
            assert_eq!(got.status, StatusCode::BAD_REQUEST);
        })
        .await;
    }

    #[tokio::test]
    async fn the_timers_place_what_was_entered_and_rest_afterwards() {
        let clock = Arc::new(SetClock::at(Moment::from_seconds(1_800_000_000)));
        both_at(clock, async |store| {
            tables(&store).await;
            let folder = tempfile::tempdir().unwrap();
            let cost = crate::keys::Cost::light();
            let keys = KeyStore::open_with(folder.path(), &Passphrase::new("x"), cost).unwrap();
            let witness = Witness::open(store.clone(), &keys, "authority.example/w").unwrap();
            let peer = WitnessPeer::Local(witness.clone());
            let settings = LogSettings::new(&keys, "body.example/log", Some(peer)).unwrap();
            let log = open_with(&store, settings).await;
            witness.admit(log.verifier()).await.unwrap();
            let room = room(&log, None);
            let turn = async || {
                for timer in &room.timers {
                    (timer.run)().await.unwrap();
                }
            };
            for _ in 0..100 {
                turn().await;
            }
            let mut tx = store.begin().await.unwrap();
            log.enter(&mut tx, Entry::new("a", Moment::default(), [1; 32]))
                .await
                .unwrap();
            tx.commit().await.unwrap();
            turn().await;
            let standing = log.standing().await.unwrap();
            assert_eq!(
                (standing.size, standing.staged, standing.witnessed),
                (1, 0, 1)
            );
        })
        .await;
    }

    #[test]
    fn a_lasting_trouble_is_told_once_a_minute() {
        let failed = AtomicU32::new(0);
        let told = (0..401)
            .filter(|_| quietly(&failed, Err(LogError::Forked)).is_err())
            .count();
        assert_eq!(told, 3);
        assert!(
            quietly(&failed, Ok(())).is_ok() && quietly(&failed, Err(LogError::Forked)).is_err()
        );
    }
}
