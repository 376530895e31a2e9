//! The message log survives: a disk nearly full, a clock that is wrong.

use store::testing::{Folder, sqlite};
use trust::ca::DAY;

use super::country::*;
use crate::AskError;

fn code_of(error: &AskError) -> String {
    error.code()
}

#[tokio::test]
async fn with_the_disk_nearly_full_neither_side_accepts_a_message() {
    let (time, folder) = (clock(), Folder::new());
    let store = || sqlite(&folder, time.clone());
    let country = Country::new(time.clone()).await;
    let full = |settings: &mut crate::Settings| {
        settings.guard.folder = Some("/".into());
        settings.guard.disk_stop_bytes = u64::MAX;
    };
    let muni = country.body("MUNI", &["licencias"], store().await).await;
    let crammed = country
        .body_with("RENIEC", &["registro"], store().await, 365 * DAY, full)
        .await;
    country.publish(DAY, &[&muni, &crammed]).await;
    muni.exchange.agree(&[agreement(&*time)]).await.unwrap();
    let error = muni.exchange.ask(question()).await.unwrap_err();
    assert_eq!(code_of(&error), "server.serverproxy.logging_failed");
    let own = crate::Ask {
        client: member("RENIEC").subsystem("registro"),
        ..question()
    };
    let error = crammed.exchange.ask(own).await.unwrap_err();
    assert_eq!(code_of(&error), "server.clientproxy.logging_failed");
    let problems = crammed.exchange.problems().await.unwrap();
    assert!(
        problems.iter().any(|line| line.contains("MiB free")),
        "{problems:?}"
    );
    assert_eq!(crammed.exchange.pending().await.unwrap(), 0);
}

#[tokio::test]
async fn a_clock_behind_the_log_refuses_also_after_a_restart_and_goes_on_when_it_is_right() {
    let (time, folder) = (clock(), Folder::new());
    let (asking, answering) = (
        sqlite(&folder, time.clone()).await,
        sqlite(&folder, time.clone()).await,
    );
    let (country, muni, reniec) = pair(time.clone(), asking, answering).await;
    muni.exchange.ask(question()).await.unwrap();
    time.advance(-30);
    muni.exchange.ask(question()).await.unwrap();
    // An hour back: the directory is of the future too, so a new one is published by that clock.
    time.advance(-3_600);
    country.publish(DAY, &[]).await;
    for node in [&muni, &reniec] {
        node.exchange.refresh_directory().await.ok();
    }
    let error = muni.exchange.ask(question()).await.unwrap_err();
    assert_eq!(code_of(&error), "server.clientproxy.logging_failed");
    assert!(error.to_string().contains("behind"), "{error}");
    let problems = muni.exchange.problems().await.unwrap();
    assert!(
        problems.iter().any(|line| line.contains("behind")),
        "{problems:?}"
    );
    let again = crate::Exchange::new(muni.parts()).await.unwrap();
    let error = again.ask(question()).await.unwrap_err();
    assert!(error.to_string().contains("behind"), "{error}");
    time.advance(3_631);
    muni.exchange.ask(question()).await.unwrap();
    again.ask(question()).await.unwrap();
}
