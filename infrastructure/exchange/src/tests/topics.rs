//! Publish and subscribe over real sockets: order, outages, restarts, limits, poison.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kernel::SubsystemId;
use store::Store;
use store::testing::{Folder, both_at, sqlite};
use tokio::net::TcpListener;
use trust::ca::DAY;

use super::country::*;
use crate::Settings;
use crate::deliver::{DeliverError, NewEvent, Topic, TopicSettings};
use crate::sql::topic as sql;

fn publisher() -> SubsystemId {
    member("RENIEC").subsystem("registro")
}

fn topic() -> Topic {
    Topic::new(publisher(), "defunciones").unwrap()
}

fn limits() -> TopicSettings {
    let text = serde_json::json!({ "subsystem": "registro", "subscribers": [asking()] });
    serde_json::from_value(text).unwrap()
}

fn event(text: &str) -> NewEvent {
    NewEvent {
        kind: "text/plain".into(),
        body: text.as_bytes().to_vec(),
        number: None,
    }
}

async fn two(
    store: Store,
    time: Arc<kernel::SetClock>,
    change: impl FnOnce(&mut Settings),
    muni: impl FnOnce(&mut Settings),
) -> (Country, Node, Node, Folder, Arc<kernel::SetClock>) {
    let folder = Folder::new();
    let country = Country::new(time.clone()).await;
    let other = sqlite(&folder, time.clone()).await;
    let muni = country
        .body_with("MUNI", &["licencias"], other, 365 * DAY, muni)
        .await;
    let reniec = country
        .body_with("RENIEC", &["registro"], store, 365 * DAY, change)
        .await;
    country.publish(DAY, &[&muni, &reniec]).await;
    (country, muni, reniec, folder, time)
}

/// The same on both engines, with one clock for store and country.
async fn on_both<R: Future<Output = ()>>(test: impl Fn(Store, Arc<kernel::SetClock>) -> R) {
    let time = clock();
    both_at(time.clone(), |store| test(store, time.clone())).await;
}

async fn texts(node: &Node, after: i64) -> Vec<String> {
    let reading = node.exchange.events(&asking(), &topic(), after, 500).await;
    let events = reading.unwrap().events.into_iter();
    events
        .map(|event| format!("{} {}", event.n, String::from_utf8(event.body).unwrap()))
        .collect()
}

async fn publish(node: &Node, texts: &[&str]) {
    for text in texts {
        let event = event(text);
        node.exchange
            .publish(&publisher(), "defunciones", event)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn events_arrive_in_order_over_outage_restart_and_repetition() {
    on_both(|store, time| async move {
        let with = |settings: &mut Settings| {
            settings.topics.insert("defunciones".into(), limits());
        };
        let (_country, mut muni, mut reniec, _folder, time) = two(store, time, with, |_| {}).await;
        publish(&reniec, &["a", "b"]).await;
        let early = muni.exchange.events(&asking(), &topic(), 0, 10).await;
        assert!(matches!(early, Err(DeliverError::NotSubscribed)));
        muni.exchange
            .subscribe(&asking(), &topic(), None)
            .await
            .unwrap();
        reniec.exchange.deliver().await.unwrap();
        assert_eq!(texts(&muni, 0).await, ["1 a", "2 b"]);
        // The subscriber is away; the publisher restarts meanwhile.
        muni.serving.take().unwrap().stop().await;
        publish(&reniec, &["c"]).await;
        reniec.exchange.deliver().await.unwrap();
        let overview = reniec.exchange.overview("").await.unwrap();
        assert_eq!(overview.lag(&overview.out[0]), 1);
        assert!(!overview.out[0].cause.is_empty());
        reniec.restart().await;
        publish(&reniec, &["d"]).await;
        muni.restart().await;
        time.advance(700);
        reniec.exchange.deliver().await.unwrap();
        assert_eq!(texts(&muni, 1).await, ["2 b", "3 c", "4 d"]);
        // The acknowledgement is lost: what comes again is dropped.
        let (key, subscriber) = (topic().to_string(), asking().to_string());
        let mut tx = reniec.exchange.inner.store.begin().await.unwrap();
        sql::acked(
            &mut tx,
            &key,
            &subscriber,
            1,
            reniec.exchange.inner.clock.now(),
        )
        .await
        .unwrap();
        tx.commit().await.unwrap();
        publish(&reniec, &["e"]).await;
        reniec.exchange.deliver().await.unwrap();
        assert_eq!(texts(&muni, 0).await, ["1 a", "2 b", "3 c", "4 d", "5 e"]);
        let overview = reniec.exchange.overview("").await.unwrap();
        assert_eq!(
            (overview.out[0].acked, overview.lag(&overview.out[0])),
            (5, 0)
        );
        // What left is signed and journalled like any other message.
        let asked = sql_questions(&muni).await;
        assert!(
            asked
                .iter()
                .any(|service| service.ends_with("licencias/events")),
            "{asked:?}"
        );
        muni.exchange
            .unsubscribe(&asking(), &topic())
            .await
            .unwrap();
        assert!(reniec.exchange.overview("").await.unwrap().out.is_empty());
    })
    .await;
}

async fn sql_questions(node: &Node) -> Vec<String> {
    let mut tx = node.exchange.inner.store.read().await.unwrap();
    let rows = crate::sql::questions(&mut tx, crate::sql::BEYOND, 100).await;
    rows.unwrap().into_iter().map(|row| row.service).collect()
}

#[tokio::test]
async fn limits_and_rights_are_told() {
    on_both(|store, time| async move {
        let with = |settings: &mut Settings| {
            let small = TopicSettings {
                backlog_max: 3,
                bytes_max: 12,
                event_bytes_max: 8,
                ..limits()
            };
            settings.topics.insert("defunciones".into(), small);
            let closed = TopicSettings {
                subscribers: Vec::new(),
                ..limits()
            };
            settings.topics.insert("cerrado".into(), closed);
        };
        let (_country, muni, reniec, _folder, time) = two(store, time, with, |_| {}).await;
        let status = |result: Result<(Topic, i64), DeliverError>| result.unwrap_err().told().0;
        let own = &reniec.exchange;
        let big = own
            .publish(&publisher(), "defunciones", event("nine bytes"))
            .await;
        assert_eq!(status(big), 413);
        assert_eq!(
            status(own.publish(&publisher(), "nada", event("x")).await),
            404
        );
        let stranger = member("RENIEC").subsystem("otra");
        assert_eq!(
            status(own.publish(&stranger, "defunciones", event("x")).await),
            403
        );
        let closed = Topic::new(publisher(), "cerrado").unwrap();
        let refused = muni.exchange.subscribe(&asking(), &closed, None).await;
        assert_eq!(refused.unwrap_err().told().0, 403);
        muni.exchange
            .subscribe(&asking(), &topic(), None)
            .await
            .unwrap();
        let numbered = NewEvent {
            number: Some("own-1".into()),
            ..event("1")
        };
        for _ in 0..2 {
            let published = own
                .publish(&publisher(), "defunciones", numbered.clone())
                .await;
            assert_eq!(published.unwrap().1, 1);
        }
        publish(&reniec, &["2", "3"]).await;
        assert_eq!(
            status(own.publish(&publisher(), "defunciones", event("4")).await),
            429
        );
        own.deliver().await.unwrap();
        publish(&reniec, &["4444444"]).await;
        own.deliver().await.unwrap();
        assert_eq!(
            status(own.publish(&publisher(), "defunciones", event("555")).await),
            507
        );
        // When their time is over there is room again, and a subscriber that lacks some learns which.
        time.advance(31 * DAY);
        _ = own.forget_events().await.unwrap();
        assert!(
            texts(&muni, 0).await.len() == 4,
            "the subscriber keeps its own"
        );
    })
    .await;
}

#[tokio::test]
async fn a_gap_is_told_to_whoever_reads() {
    on_both(|store, time| async move {
        let with = |settings: &mut Settings| {
            settings.topics.insert("defunciones".into(), limits());
        };
        let (country, muni, reniec, _folder, time) = two(store, time, with, |_| {}).await;
        publish(&reniec, &["a"]).await;
        muni.exchange
            .subscribe(&asking(), &topic(), None)
            .await
            .unwrap();
        reniec.exchange.deliver().await.unwrap();
        publish(&reniec, &["b", "c"]).await;
        time.advance(31 * DAY);
        country.publish(DAY, &[&muni, &reniec]).await;
        assert_eq!(reniec.exchange.forget_events().await.unwrap(), 1);
        publish(&reniec, &["d"]).await;
        reniec.exchange.deliver().await.unwrap();
        assert_eq!(texts(&muni, 1).await, ["4 d"]);
        let reading = muni
            .exchange
            .events(&asking(), &topic(), 1, 10)
            .await
            .unwrap();
        assert_eq!(reading.gap, Some((2, 3)));
        let problems = muni.exchange.problems().await.unwrap();
        assert!(
            problems.iter().any(|line| line.contains("2 to 3")),
            "{problems:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_poisoned_event_is_set_aside_and_an_absent_system_waited_for() {
    let (seen, away) = (
        Arc::<Mutex<Vec<String>>>::default(),
        Arc::new(AtomicUsize::new(1)),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/avisos", listener.local_addr().unwrap());
    let (noted, gone) = (seen.clone(), away.clone());
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let (noted, gone) = (noted.clone(), gone.clone());
            let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let (noted, gone) = (noted.clone(), gone.clone());
                async move {
                    let number = request.headers()["tambo-event"]
                        .to_str()
                        .unwrap()
                        .to_owned();
                    let body = request.into_body().collect().await?.to_bytes();
                    let status = match (&body[..], gone.load(Ordering::SeqCst)) {
                        (_, 1) => 503,
                        (b"poison", _) => 422,
                        _ => {
                            noted.lock().unwrap().push(number);
                            204
                        }
                    };
                    let mut response = http::Response::new(Full::new(Bytes::new()));
                    *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
                    Ok::<_, hyper::Error>(response)
                }
            });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(tcp), service),
            );
        }
    });
    let folder = Folder::new();
    let time = clock();
    let store = sqlite(&folder, time.clone()).await;
    let with = |settings: &mut Settings| {
        settings.topics.insert("defunciones".into(), limits());
    };
    let push = move |settings: &mut Settings| {
        settings.deliver.push.insert(topic().to_string(), url);
    };
    let (_country, muni, reniec, _folder, time) = two(store, time, with, push).await;
    muni.exchange
        .subscribe(&asking(), &topic(), None)
        .await
        .unwrap();
    publish(&reniec, &["a", "poison", "c"]).await;
    reniec.exchange.deliver().await.unwrap();
    for _ in 0..12 {
        muni.exchange.deliver().await.unwrap();
        time.advance(800);
    }
    assert!(seen.lock().unwrap().is_empty());
    let overview = muni.exchange.overview("").await.unwrap();
    assert_eq!(
        overview.received[0].1, 0,
        "an absent system poisons nothing"
    );
    away.store(0, Ordering::SeqCst);
    for _ in 0..12 {
        muni.exchange.deliver().await.unwrap();
        time.advance(800);
    }
    assert_eq!(*seen.lock().unwrap(), ["1", "3"]);
    let overview = muni.exchange.overview("").await.unwrap();
    assert_eq!(overview.received[0].1, 1);
    let reading = muni
        .exchange
        .events(&asking(), &topic(), 0, 10)
        .await
        .unwrap();
    assert!(reading.events[1].poison.as_deref().unwrap().contains("422"));
}
