//! Deliveries that survive lines, nodes and their own sender; each effect once, in order.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kernel::{Chance, SeededChance, ServiceId, SetClock};
use store::testing::{Folder, sqlite};
use tokio::net::TcpListener;
use trust::ca::DAY;

use super::country::*;
use crate::ask::{Behalf, Outgoing};
use crate::deliver::{DeliverError, LaterRequest, State};
use crate::domain::rights::{AccessRight, Subject};
use crate::wire::{Fate, Leg, Network, Passage, Seat};
use crate::{Exchange, FactSource};

/// The body's own system behind the registry: notes the number of every call.
struct Backend {
    calls: Arc<Mutex<Vec<String>>>,
    url: String,
}

impl Backend {
    async fn new() -> Self {
        let calls: Arc<Mutex<Vec<String>>> = Arc::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let noted = calls.clone();
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let noted = noted.clone();
                let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                    let noted = noted.clone();
                    async move {
                        let number = request.headers()["x-road-id"].to_str().unwrap().to_owned();
                        let body = request.into_body().collect().await?.to_bytes();
                        noted.lock().unwrap().push(number);
                        let said = [b"done: ", &body[..]].concat();
                        Ok::<_, hyper::Error>(http::Response::new(Full::new(Bytes::from(said))))
                    }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(tcp), service),
                );
            }
        });
        Self { calls, url }
    }

    fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }
}

fn orders() -> ServiceId {
    member("RENIEC").subsystem("registro").service("pedidos")
}

fn order(number: &str, lane: Option<&str>) -> LaterRequest {
    let outgoing = Outgoing {
        client: asking().into(),
        service: orders(),
        server: None,
        method: "POST".into(),
        below: "/nuevo".into(),
        headers: vec![("Content-Type".into(), "text/plain".into())],
        body: Some(number.as_bytes().to_vec().into()),
        number: Some(number.into()),
        subject: None,
        fields: Vec::new(),
        purpose: None,
        case: None,
        behalf: Behalf::default(),
    };
    LaterRequest {
        outgoing,
        order: lane.map(str::to_owned),
    }
}

/// Two nodes on a simulated network with a back end behind the one.
struct Scene {
    time: Arc<SetClock>,
    network: Network,
    _country: Country,
    muni: Node,
    reniec: Node,
    seat: Seat,
    backend: Backend,
    _folder: Folder,
}

async fn scene(decide: impl Fn(&Passage) -> Fate + Send + Sync + 'static) -> Scene {
    let (time, folder) = (clock(), Folder::new());
    let network = Network::new(Arc::new(move |passage| {
        let fate = decide(&passage);
        Box::pin(async move { fate })
    }));
    let country = Country::new(time.clone()).await;
    let store = || sqlite(&folder, time.clone());
    let (muni, _) = country
        .body_on(&network, "MUNI", &["licencias"], store().await)
        .await;
    let (reniec, seat) = country
        .body_on(&network, "RENIEC", &["registro"], store().await)
        .await;
    country.publish(DAY, &[&muni, &reniec]).await;
    let backend = Backend::new().await;
    let source = FactSource::Url {
        url: backend.url.clone(),
        agreement: false,
    };
    reniec
        .exchange
        .offer(&orders(), &source, true)
        .await
        .unwrap();
    let right = AccessRight {
        subject: Subject::from(asking()),
        service: orders(),
        method: "POST".into(),
        path: "/**".into(),
    };
    reniec.exchange.permit(&right).await.unwrap();
    Scene {
        time,
        network,
        _country: country,
        muni,
        reniec,
        seat,
        backend,
        _folder: folder,
    }
}

impl Scene {
    async fn state(&self, number: &str) -> State {
        self.muni
            .exchange
            .delivery(&asking().into(), number)
            .await
            .unwrap()
            .state
    }

    /// Time goes on and everything due is tried.
    async fn later(&self, seconds: i64) {
        self.time.advance(seconds);
        self.muni.exchange.deliver().await.unwrap();
    }

    /// The registry's process ends in its middle and another begins on the same store.
    async fn kill_registry(&mut self) {
        self.seat.cut();
        let parts = self.reniec.parts();
        let exchange = Exchange::simulated(parts, &self.network, "RENIEC:5500");
        self.reniec.exchange = exchange.await.unwrap();
        self.seat = self.reniec.exchange.join().unwrap();
    }

    /// The same with the asker's.
    async fn kill_asker(&mut self) {
        let parts = self.muni.parts();
        let exchange = Exchange::simulated(parts, &self.network, "MUNI:5500");
        self.muni.exchange = exchange.await.unwrap();
    }
}

#[tokio::test]
async fn what_is_accepted_while_the_provider_is_away_arrives_once_in_order() {
    let away = Arc::new(AtomicUsize::new(1));
    let gone = away.clone();
    let scene = scene(move |passage| {
        match passage.leg == Leg::Connect && gone.load(Ordering::SeqCst) == 1 {
            true => Fate::Cut,
            false => Fate::Deliver,
        }
    })
    .await;
    let numbers: Vec<String> = (1..=5).map(|n| format!("N-{n}")).collect();
    for number in &numbers {
        let accepted = scene.muni.exchange.send_later(order(number, Some("a")));
        assert_eq!(&accepted.await.unwrap(), number);
        // Accepted twice is accepted once; another message under the number is not.
        let again = scene.muni.exchange.send_later(order(number, Some("a")));
        again.await.unwrap();
    }
    let mut other = order("N-1", None);
    other.outgoing.body = Some(b"other".to_vec().into());
    let refused = scene.muni.exchange.send_later(other).await;
    assert!(matches!(refused, Err(DeliverError::NumberTaken)));
    scene.later(0).await;
    scene.later(5).await;
    let waiting = scene
        .muni
        .exchange
        .delivery(&asking().into(), "N-1")
        .await
        .unwrap();
    assert_eq!(
        (waiting.state, waiting.attempts, waiting.doubt),
        (State::Waiting, 2, false)
    );
    assert!(waiting.cause.unwrap().contains("refused"));
    let behind = scene
        .muni
        .exchange
        .delivery(&asking().into(), "N-2")
        .await
        .unwrap();
    assert_eq!(behind.attempts, 0, "the order holds the others back");
    away.store(0, Ordering::SeqCst);
    scene.later(600).await;
    assert_eq!(scene.backend.calls(), numbers);
    let delivered = scene
        .muni
        .exchange
        .delivery(&asking().into(), "N-3")
        .await
        .unwrap();
    let (status, headers, body) = delivered.answer.unwrap();
    assert_eq!(
        (delivered.state, status, &body[..]),
        (State::Answered, 200, &b"done: N-3"[..])
    );
    assert!(
        headers
            .iter()
            .any(|(name, value)| name == "x-road-id" && value == "N-3")
    );
    for node in [&scene.muni, &scene.reniec] {
        let question = node.exchange.question("N-3").await.unwrap().unwrap();
        assert_eq!(question.outcome, "answered");
    }
}

/// The line breaks at the given leg of the first real message.
async fn broken_at(leg: Leg) -> Scene {
    let broken = AtomicUsize::new(0);
    scene(move |passage| {
        let cut = passage.leg == leg && broken.fetch_add(1, Ordering::SeqCst) == 0;
        if cut { Fate::Cut } else { Fate::Deliver }
    })
    .await
}

#[tokio::test]
async fn an_answer_that_was_lost_is_given_again_and_nothing_is_done_twice() {
    let scene = broken_at(Leg::Response).await;
    scene
        .muni
        .exchange
        .send_later(order("N-1", None))
        .await
        .unwrap();
    scene.later(0).await;
    let doubtful = scene
        .muni
        .exchange
        .delivery(&asking().into(), "N-1")
        .await
        .unwrap();
    assert_eq!((doubtful.state, doubtful.doubt), (State::Waiting, true));
    assert_eq!(scene.backend.calls().len(), 1);
    let late = scene.muni.exchange.take_back(&asking().into(), "N-1").await;
    assert!(
        matches!(late, Err(DeliverError::TooLate("waiting"))),
        "{late:?}"
    );
    // So late that the statuses in the first answer's signature are too old.
    scene.later(2 * 3_600).await;
    assert_eq!(scene.state("N-1").await, State::Answered);
    assert_eq!(scene.backend.calls(), ["N-1"]);
    let log = &scene.reniec.exchange.inner.log;
    log.sequence().await.unwrap();
    assert!(log.check().await.unwrap().is_sound());
}

#[tokio::test]
async fn a_request_that_was_lost_is_sent_again() {
    let scene = broken_at(Leg::Request).await;
    scene
        .muni
        .exchange
        .send_later(order("N-1", None))
        .await
        .unwrap();
    scene.later(0).await;
    assert_eq!(scene.backend.calls().len(), 0);
    scene.later(10).await;
    assert_eq!(scene.state("N-1").await, State::Answered);
    assert_eq!(scene.backend.calls(), ["N-1"]);
}

#[tokio::test]
async fn the_same_number_with_other_bytes_is_refused_and_the_limit_is_told() {
    let scene = scene(|_| Fate::Deliver).await;
    let sent = scene.muni.exchange.send(order("N-1", None).outgoing).await;
    sent.unwrap();
    let taken = scene.muni.exchange.send_later(order("N-1", None)).await;
    assert!(matches!(taken, Err(DeliverError::NumberTaken)));
    let mut parts = scene.muni.parts();
    parts.settings.deliver.waiting_max = 1;
    parts.settings.deliver.waiting_bytes_max = 10_000;
    let small = Exchange::simulated(parts, &scene.network, "MUNI:5500")
        .await
        .unwrap();
    let mut large = order("N-2", None);
    large.outgoing.body = Some(vec![7; 10_000].into());
    let refused = small.send_later(large).await.unwrap_err();
    assert_eq!(refused.told().0, 507);
    small.send_later(order("N-3", None)).await.unwrap();
    let refused = small.send_later(order("N-4", None)).await.unwrap_err();
    assert_eq!(refused.told().0, 429);
    small.take_back(&asking().into(), "N-3").await.unwrap();
    small.send_later(order("N-4", None)).await.unwrap();
    let stranger = member("MUNI").subsystem("otra");
    let nothing = small.delivery(&stranger.into(), "N-4").await;
    assert!(matches!(nothing, Err(DeliverError::NoDelivery)));
}

#[tokio::test]
async fn a_registry_killed_after_its_system_acted_says_that_it_does_not_know() {
    for (call_again, state, calls) in [(false, State::Unknown, 1), (true, State::Answered, 2)] {
        let mut scene = scene(|_| Fate::Deliver).await;
        // The registry's node dies between its system's answer and the journal: as if its journal had never ended it.
        scene
            .muni
            .exchange
            .send_later(order("N-1", None))
            .await
            .unwrap();
        let slow = scene.backend.calls.clone();
        let exchange = scene.muni.exchange.clone();
        let carrying = tokio::spawn(async move { exchange.deliver().await });
        while slow.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        scene.seat.cut();
        carrying.await.unwrap().unwrap();
        let ended = scene
            .reniec
            .exchange
            .question("N-1")
            .await
            .unwrap()
            .unwrap();
        if ended.outcome == "answered" {
            // The journal was faster than the knife this time; nothing is in doubt then.
            continue;
        }
        scene.kill_registry().await;
        let mut parts = scene.reniec.parts();
        if call_again {
            parts.settings.deliver.call_again = vec!["registro/pedidos".into()];
        }
        let exchange = Exchange::simulated(parts, &scene.network, "RENIEC:5500");
        scene.reniec.exchange = exchange.await.unwrap();
        scene.seat = scene.reniec.exchange.join().unwrap();
        scene.later(30).await;
        assert_eq!(scene.state("N-1").await, state);
        assert_eq!(scene.backend.calls().len(), calls);
    }
}

#[tokio::test]
async fn an_unknown_fate_holds_its_order_until_somebody_decides() {
    let scene = scene(|_| Fate::Deliver).await;
    for number in ["N-1", "N-2"] {
        scene
            .muni
            .exchange
            .send_later(order(number, Some("a")))
            .await
            .unwrap();
    }
    let store = &scene.muni.exchange.inner.store;
    let mut tx = store.begin().await.unwrap();
    let rows = crate::sql::outgoing::by_number(&mut tx, "N-1")
        .await
        .unwrap();
    let end = crate::sql::outgoing::End {
        state: "unknown",
        ..Default::default()
    };
    crate::sql::outgoing::end(&mut tx, rows[0].id, scene.time_now(), end)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    scene.later(5).await;
    assert_eq!(scene.state("N-2").await, State::Waiting);
    let problems = scene.muni.exchange.problems().await.unwrap();
    assert!(
        problems.iter().any(|line| line.contains("decide")),
        "{problems:?}"
    );
    scene
        .muni
        .exchange
        .deliver_again(&asking().into(), "N-1")
        .await
        .unwrap();
    scene.later(5).await;
    assert_eq!(scene.backend.calls(), ["N-1", "N-2"]);
}

impl Scene {
    fn time_now(&self) -> kernel::Moment {
        kernel::Clock::now(&*self.time)
    }
}

/// Storms from a seed: lines break on every leg, both processes die at any await, and time passes. In the end every
/// accepted message has had its effect once, in order, and both journals say so.
#[tokio::test]
async fn whatever_a_seed_breaks_each_effect_is_there_once_in_order() {
    for seed in 0..6 {
        let state = Arc::new(AtomicU64::new(0));
        let storm = state.clone();
        let chance = Arc::new(SeededChance::new(seed));
        let dice = chance.clone();
        let mut scene = scene(move |_| match storm.load(Ordering::SeqCst) {
            1 if dice.below(3) == 0 => Fate::Cut,
            1 if dice.below(12) == 0 => Fate::Twice,
            _ => Fate::Deliver,
        })
        .await;
        let mut parts = scene.reniec.parts();
        // The counting system recognises numbers, as `call_again` asks; it counts distinct ones.
        parts.settings.deliver.call_again = vec!["registro/pedidos".into()];
        let exchange = Exchange::simulated(parts, &scene.network, "RENIEC:5500");
        scene.reniec.exchange = exchange.await.unwrap();
        scene.seat = scene.reniec.exchange.join().unwrap();
        state.store(1, Ordering::SeqCst);
        let mut accepted = Vec::new();
        for n in 0..40 {
            let number = format!("S{seed}-{n}");
            let later = order(&number, Some("a"));
            scene.muni.exchange.send_later(later).await.unwrap();
            accepted.push(number);
            let turn = scene.muni.exchange.deliver();
            let patience = std::time::Duration::from_millis(u64::from(chance.below(30)));
            // The asker's turn is dropped wherever it is when its time is over.
            let _ = tokio::time::timeout(patience, turn).await;
            match chance.below(8) {
                0 => scene.kill_registry().await,
                1 => scene.kill_asker().await,
                _ => {}
            }
            scene.time.advance(i64::from(chance.below(20)));
        }
        state.store(0, Ordering::SeqCst);
        scene.kill_asker().await;
        for _ in 0..200 {
            scene.later(700).await;
            if scene.state(accepted.last().unwrap()).await == State::Answered {
                break;
            }
        }
        let mut seen = std::collections::BTreeSet::new();
        let effects: Vec<String> = scene
            .backend
            .calls()
            .into_iter()
            .filter(|number| seen.insert(number.clone()))
            .collect();
        assert_eq!(effects, accepted, "seed {seed}");
        for number in &accepted {
            assert_eq!(scene.state(number).await, State::Answered, "seed {seed}");
            for node in [&scene.muni, &scene.reniec] {
                let question = node.exchange.question(number).await.unwrap().unwrap();
                assert_eq!(question.outcome, "answered", "seed {seed} {number}");
            }
        }
    }
}
