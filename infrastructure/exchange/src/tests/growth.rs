//! A long past: that one made for measuring is like one that came by itself, and that what is read of it is found.

use store::testing::{Folder, both_at, sqlite};
use trust::ca::DAY;

use super::country::history::{self, Past};
use super::country::*;
use crate::{Half, sql};

const PAST: Past = Past {
    exchanges: 300,
    bytes: 200,
    scattered: true,
};

#[tokio::test]
async fn a_made_past_is_sound_and_is_archived_and_removed_piece_by_piece() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        looked_at(store, time)
    })
    .await;
}

async fn looked_at(store: store::Store, time: std::sync::Arc<kernel::SetClock>) {
    let folder = Folder::new();
    let other = sqlite(&folder, time.clone()).await;
    let (country, muni, reniec) = pair(time.clone(), other, store.clone()).await;
    country.publish(DAY, &[&muni, &reniec]).await;
    let (exchange, log) = (&reniec.exchange, &reniec.exchange.inner.log);
    history::lengthen(&store, log, PAST).await.unwrap();
    history::lengthen(&store, log, PAST).await.unwrap();
    let longer = Past {
        exchanges: 301,
        ..PAST
    };
    assert!(history::lengthen(&store, log, longer).await.is_err());
    let report = log.check().await.unwrap();
    assert!(report.is_sound() && report.entries == 300, "{report:?}");
    // The numbers are kept from being used twice again, and what comes after goes on.
    muni.exchange.ask(question()).await.unwrap();
    assert_eq!(log.sequence().await.unwrap(), 1);
    assert_eq!(exchange.stamp().await.unwrap(), 602);
    let samples = history::samples(exchange, PAST.exchanges, 5).await.unwrap();
    assert_eq!(samples.len(), 5);
    for (number, entry) in &samples {
        assert!(exchange.question(number).await.unwrap().is_some());
        assert!(log.proof(*entry).await.unwrap().is_some());
        let container = exchange.container(number, Half::Response).await.unwrap();
        assert!(container.is_some());
    }
    assert_eq!(
        exchange
            .questions_about(&history::person(7_919))
            .await
            .unwrap()
            .len(),
        1
    );
    let out = folder.path().join("archive");
    assert_eq!(history::archive_one(exchange, &out).await.unwrap(), 600);
    // The last turn of the past holds nothing younger, so all six are emptied, and none a second time.
    assert_eq!(history::remove_archived(exchange).await.unwrap(), 6);
    assert_eq!(history::remove_archived(exchange).await.unwrap(), 0);
    let gone = exchange.container(&samples[0].0, Half::Request).await;
    assert_eq!(gone.unwrap_err().key, "fault-exchange-archived");
    time.advance(150);
    let rest = exchange.write_archives(&out, 0, Some(0)).await.unwrap();
    // A question that only reads is kept in one turn with its answer.
    assert_eq!((rest.containers, rest.emptied), (2, 1), "{rest:?}");
    drop(country);
}

/// A partial index that compares with a list makes SQLite build a table for every row that is written: it was a third of
/// what the journal cost.
#[tokio::test]
async fn no_row_of_a_turn_makes_sqlite_build_a_table() {
    let folder = Folder::new();
    let store = sqlite(&folder, clock()).await;
    let tables = [
        ("log", trust::log::MIGRATIONS),
        ("exchange", crate::MIGRATIONS),
    ];
    store.migrate(&tables).await.unwrap();
    let mut tx = store.read().await.unwrap();
    for bulk in [
        &sql::PARTS,
        &sql::DAYS,
        &sql::TURNS,
        &sql::QUESTIONS_OPEN,
        &sql::QUESTIONS_END,
    ] {
        let explain: &'static str = format!("EXPLAIN {}", bulk.one).leak();
        let steps = tx.all(explain, &[]).await.unwrap();
        let steps: Vec<String> = steps.iter().map(|row| row.text(1).unwrap()).collect();
        assert!(steps.len() > 10, "{steps:?}");
        let builds = |step: &&String| step.contains("Ephemeral") || step.contains("Autoindex");
        assert_eq!(steps.iter().find(builds), None, "{}", bulk.one);
    }
}
