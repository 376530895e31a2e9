//! A long past: that one made for measuring is like one that came by itself, and that what is read of it is found.

use store::testing::{Folder, both_at, sqlite};
use trust::ca::DAY;

use super::country::history::{self, Past};
use super::country::*;
use crate::Half;

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
