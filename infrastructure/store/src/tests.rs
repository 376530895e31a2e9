//! The store's promises, on both engines.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kernel::{Moment, SetClock, SystemChance, SystemClock};
use serde_json::json;

use crate::jobs::Runner;
use crate::{Job, JobError, JobHandler, Migration, Store, Subscriber, Value, params, testing};

const TABLE: &[Migration] = &[Migration {
    version: 1,
    name: "notes",
    sql: "CREATE TABLE test_note (id TEXT NOT NULL PRIMARY KEY, n BIGINT, body BYTEA, word TEXT);",
}];
const INSERT: &str = "INSERT INTO test_note (id, n, body, word) VALUES ($1, $2, $3, $4)";
const ALL: &str = "SELECT id, n, body, word FROM test_note ORDER BY id";

async fn put(store: &Store, id: &str, commit: bool) {
    let mut tx = store.begin().await.expect("begin");
    tx.execute(INSERT, &params![id, 7_i64, vec![0_u8, 255], None::<String>])
        .await
        .expect("insert");
    if commit {
        tx.commit().await.expect("commit");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_come_back_and_a_dropped_transaction_never_was() {
    testing::both(|store| async move {
        store.migrate(&[("test", TABLE)]).await.expect("migrate");
        put(&store, "a", true).await;
        put(&store, "b", false).await;
        let rows = store
            .read()
            .await
            .expect("read")
            .all(ALL, &[])
            .await
            .expect("rows");
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].text(0).expect("id"), "a");
        assert_eq!(rows[0].int(1).expect("n"), 7);
        assert_eq!(rows[0].bytes(2).expect("body"), [0, 255]);
        assert_eq!(rows[0].opt_text(3).expect("word"), None);
        assert!(rows[0].int(0).is_err(), "text is not a number");
    })
    .await;
}

/// A disk that is full, played by a limit of pages that holds for the connection it was set on.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_full_disk_the_next_transaction_begins() {
    let folder = testing::Folder::new();
    let store = testing::sqlite(&folder, Arc::new(SetClock::at(Moment(1)))).await;
    store.migrate(&[("test", TABLE)]).await.expect("migrate");
    let mut tx = store.begin().await.expect("begin");
    tx.execute_text("PRAGMA max_page_count = 1".to_owned())
        .await
        .expect("the limit");
    let large = params!["a", 1_i64, vec![7_u8; 500_000], "x"];
    tx.execute(INSERT, &large).await.expect_err("full");
    drop(tx);
    put(&store, "b", true).await;
    let mut read = store.read().await.expect("read");
    let rows = read.all(ALL, &[]).await.expect("rows");
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].text(0).expect("id"), "b");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duplicate_key_is_told_apart() {
    testing::both(|store| async move {
        store.migrate(&[("test", TABLE)]).await.expect("migrate");
        put(&store, "a", true).await;
        let mut tx = store.begin().await.expect("begin");
        let values = params!["a", 1_i64, None::<Vec<u8>>, "x"];
        let error = tx
            .execute(INSERT, &values)
            .await
            .expect_err("the key is there");
        assert!(error.is_duplicate());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_whose_text_changed_is_refused() {
    const CHANGED: &[Migration] = &[Migration {
        version: 1,
        name: "notes",
        sql: "SELECT 1",
    }];
    testing::both(|store| async move {
        store.migrate(&[("test", TABLE)]).await.expect("migrate");
        store
            .migrate(&[("test", TABLE)])
            .await
            .expect("again, nothing to do");
        assert!(store.migrate(&[("test", CHANGED)]).await.is_err());
        assert!(
            store.migrate(&[("test", &[])]).await.is_err(),
            "data newer than the program"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_retry_back_off_die_and_can_be_replayed() {
    let clock = Arc::new(SetClock::at(Moment::from_seconds(1_000)));
    testing::both_at(clock.clone(), |store| {
        let clock = clock.clone();
        async move {
            let runs = Arc::new(AtomicUsize::new(0));
            let counted = runs.clone();
            let mut handler = JobHandler::new("fails", move |_| {
                counted.fetch_add(1, Ordering::SeqCst);
                async { Err(JobError::retry("no")) }
            });
            handler.attempts_max = 3;
            let runner = Runner::new(store.clone(), vec![handler], Vec::new());
            let mut tx = store.begin().await.expect("begin");
            tx.enqueue(Job::new("fails", json!({})).key("one"))
                .await
                .expect("enqueue");
            tx.enqueue(Job::new("fails", json!({})).key("one"))
                .await
                .expect("the same key once");
            tx.commit().await.expect("commit");
            assert_eq!(runner.drain().await.expect("drain"), 1);
            assert_eq!(runner.drain().await.expect("not yet due"), 0);
            for _ in 0..2 {
                clock.advance(10);
                runner.drain().await.expect("drain");
            }
            assert_eq!(runs.load(Ordering::SeqCst), 3);
            let dead = store.dead_letters().await.expect("dead letters");
            assert_eq!((dead.len(), dead[0].error.as_str()), (1, "no"));
            assert!(store.replay(dead[0].id).await.expect("replay"));
            assert_eq!(runner.drain().await.expect("drain"), 1);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_reaches_every_subscriber_only_if_the_act_was_committed() {
    testing::both(|store| async move {
        let heard = Arc::new(AtomicUsize::new(0));
        let subscriber = |name: &'static str| {
            let heard = heard.clone();
            Subscriber::new("case.granted", name, move |run| {
                assert_eq!(run.payload["case"], 7);
                heard.fetch_add(1, Ordering::SeqCst);
                async { Ok(()) }
            })
        };
        let runner = Runner::new(
            store.clone(),
            Vec::new(),
            vec![subscriber("a"), subscriber("b")],
        );
        for commit in [false, true] {
            let mut tx = store.begin().await.expect("begin");
            tx.publish("case.granted", &json!({"case": 7}))
                .await
                .expect("publish");
            if commit {
                tx.commit().await.expect("commit");
            }
        }
        runner.drain().await.expect("drain");
        assert_eq!(heard.load(Ordering::SeqCst), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panicking_job_is_retried_and_a_killed_process_leaves_nothing_behind() {
    testing::both(|store| async move {
        let handler = JobHandler::new("panics", |_| async { panic!("on purpose") });
        let runner = Runner::new(store.clone(), vec![handler], Vec::new());
        let mut tx = store.begin().await.expect("begin");
        tx.enqueue(Job::new("panics", json!({})))
            .await
            .expect("enqueue");
        tx.enqueue(Job::new("nobody-knows", json!({})))
            .await
            .expect("enqueue");
        tx.commit().await.expect("commit");
        runner.drain().await.expect("drain");
        let counts = store.job_counts().await.expect("counts");
        assert_eq!((counts.ready, counts.running, counts.dead), (1, 0, 1));
    })
    .await;
}

async fn empty(store: &Store) {
    let mut tx = store.begin().await.expect("begin");
    tx.execute("DELETE FROM test_note", &[])
        .await
        .expect("empty");
    tx.commit().await.expect("commit");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_reads_back_the_same_and_damage_is_refused() {
    testing::both(|store| async move {
        store.migrate(&[("test", TABLE)]).await.expect("migrate");
        put(&store, "a", true).await;
        let mut first = Vec::new();
        store.export(&mut first).await.expect("export");
        let refused = store.import(&mut first.as_slice()).await;
        assert!(refused.is_err(), "a store with data is not overwritten");
        empty(&store).await;
        store.import(&mut first.as_slice()).await.expect("import");
        let mut second = Vec::new();
        store.export(&mut second).await.expect("export");
        assert_eq!(
            String::from_utf8_lossy(&first),
            String::from_utf8_lossy(&second)
        );
        empty(&store).await;
        let damaged = String::from_utf8_lossy(&first).replace("test_note", "other_note");
        assert!(store.import(&mut damaged.as_bytes()).await.is_err());
        let rows = store
            .read()
            .await
            .expect("read")
            .all(ALL, &[])
            .await
            .expect("rows");
        assert_eq!(rows.len(), 0, "a refused import changes nothing");
    })
    .await;
}

#[tokio::test]
async fn a_script_is_one_act_of_many_rows() {
    static MARKS: crate::Bulk = crate::Bulk {
        one: "INSERT INTO bulk_mark (name, number, bytes) VALUES (?1, ?2, ?3) ON CONFLICT (name) DO NOTHING",
        head: "INSERT INTO bulk_mark (name, number, bytes) SELECT * FROM (VALUES ",
        columns: &[crate::Kind::Text, crate::Kind::Int, crate::Kind::Bytes],
        tail: ") AS v WHERE column1 IS NOT NULL ON CONFLICT (name) DO NOTHING RETURNING name",
        tells: true,
    };
    static RENUMBER: crate::Bulk = crate::Bulk {
        one: "UPDATE bulk_mark SET number = ?2 WHERE name = ?1",
        head: "UPDATE bulk_mark SET number = v.column2 FROM (VALUES ",
        columns: &[crate::Kind::Text, crate::Kind::Int],
        tail: ") AS v WHERE bulk_mark.name = v.column1",
        tells: false,
    };
    const TABLE: &[Migration] = &[Migration {
        version: 1,
        name: "bulk",
        sql: "CREATE TABLE bulk_mark (name TEXT PRIMARY KEY, number BIGINT NOT NULL, bytes BYTEA)",
    }];
    testing::both(|store| async move {
        store.migrate(&[("bulk", TABLE)]).await.unwrap();
        let rows = |numbers: std::ops::Range<usize>| {
            let row =
                |n: usize| params![format!("m{n}"), n, n.is_multiple_of(2).then(|| vec![1_u8])];
            numbers.flat_map(row).collect::<Vec<_>>()
        };
        for (range, fresh) in [(0..1, 1), (0..45, 44), (40..60, 15), (0..60, 0)] {
            let mut script = crate::Script::default();
            script.add(&MARKS, rows(range.clone()));
            let renumbered = range.flat_map(|n| params![format!("m{n}"), n + 100]);
            script.add(&RENUMBER, renumbered.collect());
            assert_eq!(store.run(script).await.unwrap().len(), fresh);
        }
        let mut tx = store.read().await.unwrap();
        let all = tx
            .all(
                "SELECT COUNT(*), CAST(MIN(number) AS BIGINT) FROM bulk_mark",
                &[],
            )
            .await
            .unwrap();
        assert_eq!((all[0].int(0).unwrap(), all[0].int(1).unwrap()), (60, 100));
        drop(tx);

        // Rows that follow others: one that is written, one that was there before, none.
        let mut script = crate::Script::default();
        script.add(&MARKS, rows(59..61));
        let leaders = ["m60", "m59"].map(|name| Some(Value::from(name)));
        let leaders = leaders.into_iter().chain([None]).collect();
        script.add_following(&MARKS, rows(90..93), leaders);
        let told = store.run(script).await.unwrap();
        let told: Vec<_> = told.iter().map(|row| row.text(0).unwrap()).collect();
        assert_eq!(told, ["m60", "m90", "m92"]);

        let mut bad = crate::Script::default();
        bad.add(&MARKS, rows(70..75));
        bad.add(
            &MARKS,
            params!["m80", Value::Int(None), Value::Bytes(None)].to_vec(),
        );
        assert!(store.run(bad).await.is_err(), "a null where none may be");
        let mut good = crate::Script::default();
        good.add(&MARKS, rows(70..71));
        assert_eq!(
            store.run(good).await.unwrap().len(),
            1,
            "nothing of the bad one is there"
        );
    })
    .await;
}

#[tokio::test]
async fn a_store_that_only_reads_refuses_transactions_and_scripts() {
    static MARK: crate::Bulk = crate::Bulk {
        one: "INSERT INTO read_mark (name) VALUES (?1)",
        head: "INSERT INTO read_mark (name) SELECT * FROM (VALUES ",
        columns: &[crate::Kind::Text],
        tail: ") AS v WHERE column1 IS NOT NULL",
        tells: false,
    };
    const TABLE: &[Migration] = &[Migration {
        version: 1,
        name: "read",
        sql: "CREATE TABLE read_mark (name TEXT PRIMARY KEY)",
    }];
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("a.db").display());
    let (clock, chance) = (Arc::new(SystemClock), Arc::new(SystemChance::default()));
    let store = Store::open(&url, clock.clone(), chance.clone())
        .await
        .unwrap();
    store.migrate(&[("read", TABLE)]).await.unwrap();
    let mark = || {
        let mut script = crate::Script::default();
        script.add(&MARK, params!["a"].to_vec());
        script
    };
    let reading = Store::open_reading(&url, clock, chance).await.unwrap();
    assert!(reading.run(mark()).await.is_err());
    assert!(store.run(mark()).await.is_ok(), "the text is good");
}

fn more_open(store: &Store) -> u32 {
    match &store.inner.engine {
        crate::engine::Engine::Sqlite { readers, .. } => readers.more_open(),
        crate::engine::Engine::Postgres(_) => panic!("it is SQLite"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_soon_after_waits_for_the_connection() {
    let mut opened = Vec::new();
    // On a machine with much to do a moment may be long; once in five times is proof.
    for _ in 0..5 {
        let folder = testing::Folder::new();
        let store = testing::sqlite(&folder, Arc::new(SystemClock)).await;
        let held = store.read().await.expect("a read");
        let other = store.clone();
        let other = tokio::spawn(async move { drop(other.read().await.expect("a read")) });
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        drop(held);
        other.await.expect("it ended");
        opened.push(more_open(&store));
        if opened.last() == Some(&0) {
            return;
        }
    }
    panic!("{opened:?} further connections were opened");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_within_a_read_gets_a_connection_of_its_own() {
    let folder = testing::Folder::new();
    let store = testing::sqlite(&folder, Arc::new(SystemClock)).await;
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(store.read().await.expect("one more"));
    }
    assert_eq!(more_open(&store), 3);
    drop(held);
    drop(store.read().await.expect("a read after that"));
}
