//! The simulated network: what its owner orders befalls the messages, and the exchange keeps its promises.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use store::testing::{Folder, sqlite};
use trust::ca::DAY;

use super::country::*;
use crate::AskError;
use crate::wire::{Fate, Leg, Network, Passage, Seat};

/// Two bodies on a network on which `decide` decides.
async fn two(
    decide: impl Fn(&Passage) -> Fate + Send + Sync + 'static,
) -> (Country, Node, Node, Seat, Folder) {
    let time = clock();
    let folder = Folder::new();
    let network = Network::new(Arc::new(move |passage| {
        let fate = decide(&passage);
        Box::pin(async move { fate })
    }));
    let country = Country::new(time.clone()).await;
    let (one, other) = (
        sqlite(&folder, time.clone()).await,
        sqlite(&folder, time.clone()).await,
    );
    let (muni, _) = country.body_on(&network, "MUNI", &["licencias"], one).await;
    let (reniec, seat) = country
        .body_on(&network, "RENIEC", &["registro"], other)
        .await;
    country.publish(DAY, &[&muni, &reniec]).await;
    furnish(&*time, &muni, &reniec).await;
    (country, muni, reniec, seat, folder)
}

async fn asked_at(node: &Node) -> usize {
    node.exchange
        .questions_about("40000001")
        .await
        .unwrap()
        .len()
}

#[tokio::test]
async fn a_question_is_answered_over_it_and_both_legs_are_seen() {
    let legs: Arc<Mutex<Vec<(Leg, String, u64)>>> = Arc::default();
    let seen = legs.clone();
    let (_country, muni, reniec, _seat, _folder) = two(move |passage| {
        let line = (passage.leg, passage.from.clone(), passage.number);
        seen.lock().unwrap().push(line);
        Fate::Deliver
    })
    .await;
    let answer = muni.exchange.ask(question()).await.unwrap();
    assert!(answer.get().found);
    assert_eq!((asked_at(&muni).await, asked_at(&reniec).await), (1, 1));
    let (muni, reniec) = ("MUNI:5500".to_owned(), "RENIEC:5500".to_owned());
    let legs = legs.lock().unwrap();
    let expected = [
        (Leg::Connect, muni.clone(), 0),
        (Leg::Request, muni, 1),
        (Leg::Response, reniec, 1),
    ];
    assert_eq!(*legs, expected);
}

#[tokio::test]
async fn a_loss_before_and_after_delivery_is_told_apart_at_the_other_end_alone() {
    for (leg, received) in [(Leg::Connect, 0), (Leg::Request, 0), (Leg::Response, 1)] {
        let (_country, muni, reniec, _seat, _folder) = two(move |passage| {
            if passage.leg == leg {
                Fate::Cut
            } else {
                Fate::Deliver
            }
        })
        .await;
        let error = muni.exchange.ask(question()).await.unwrap_err();
        assert!(
            match leg {
                Leg::Connect => matches!(error, AskError::Unreachable { .. }),
                Leg::Request | Leg::Response => matches!(error, AskError::Broken { .. }),
            },
            "{leg:?}: {error}"
        );
        assert_eq!(asked_at(&reniec).await, received, "{leg:?}");
    }
    let (_country, muni, reniec, _seat, _folder) = two(|passage| {
        if passage.leg == Leg::Response {
            Fate::Lose
        } else {
            Fate::Deliver
        }
    })
    .await;
    let error = muni.exchange.ask(question()).await.unwrap_err();
    assert!(matches!(error, AskError::Timeout), "{error}");
    assert_eq!(asked_at(&reniec).await, 1);
}

#[tokio::test]
async fn a_doubled_question_is_answered_once() {
    let copies = Arc::new(AtomicUsize::new(0));
    let counted = copies.clone();
    let (_country, muni, reniec, _seat, _folder) = two(move |passage| {
        counted.fetch_add(usize::from(passage.is_copy), Ordering::SeqCst);
        if passage.leg == Leg::Request && !passage.is_copy {
            Fate::Twice
        } else {
            Fate::Deliver
        }
    })
    .await;
    // Whichever of the two comes first is answered; the other is a replay.
    let _ = muni.exchange.ask(question()).await;
    assert_eq!(copies.load(Ordering::SeqCst), 1);
    assert_eq!(asked_at(&reniec).await, 1);
}

#[tokio::test]
async fn changed_bytes_are_never_believed() {
    for leg in [Leg::Request, Leg::Response] {
        let (_country, muni, _reniec, _seat, _folder) = two(move |passage| {
            let at = passage.bytes.len() / 2;
            let mut bytes = passage.bytes.to_vec();
            if passage.leg != leg {
                return Fate::Deliver;
            }
            bytes[at] ^= 1;
            Fate::Change(bytes.into())
        })
        .await;
        let error = muni.exchange.ask(question()).await.unwrap_err();
        let named = match leg {
            Leg::Request => matches!(error, AskError::Refused { .. }),
            _ => matches!(error, AskError::BadSignature { .. }),
        };
        assert!(named, "{leg:?}: {error}");
    }
}

#[tokio::test]
async fn strangers_get_no_line_and_the_dead_do_not_answer() {
    let (country, muni, reniec, seat, _folder) = two(|_| Fate::Deliver).await;
    let addressed = country.published();
    country.change(|directory| {
        let registry = reniec.member.clone();
        let servers = directory.servers.iter_mut();
        servers
            .filter(|server| server.id.owner == registry)
            .for_each(|server| {
                server.auth_cert_hashes = vec![vec![0; 32]];
            });
    });
    country.publish(DAY, &[&muni]).await;
    assert_ne!(addressed, country.published());
    let error = muni.exchange.ask(question()).await.unwrap_err();
    let told = matches!(&error, AskError::Unreachable { cause } if cause.contains("registered"));
    assert!(told, "{error}");
    seat.cut();
    let error = muni.exchange.ask(question()).await.unwrap_err();
    let told = matches!(&error, AskError::Unreachable { cause } if cause.contains("nobody"));
    assert!(told, "{error}");
}

#[tokio::test]
async fn what_became_of_an_unanswered_question_is_told_to_its_asker_alone() {
    let calm = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let is_calm = calm.clone();
    let time = clock();
    let folder = Folder::new();
    let network = Network::new(Arc::new(move |passage: Passage| {
        let loses = passage.leg == Leg::Response && !is_calm.load(Ordering::SeqCst);
        Box::pin(async move { if loses { Fate::Cut } else { Fate::Deliver } })
    }));
    let country = Country::new(time.clone()).await;
    let (mut nodes, mut seats) = (Vec::new(), Vec::new());
    for (code, subsystem) in [
        ("MUNI", "licencias"),
        ("RENIEC", "registro"),
        ("OTRA", "licencias"),
    ] {
        let store = sqlite(&folder, time.clone()).await;
        let (node, seat) = country.body_on(&network, code, &[subsystem], store).await;
        nodes.push(node);
        seats.push(seat);
    }
    let [muni, reniec, other] = nodes.try_into().ok().unwrap();
    country.publish(DAY, &[&muni, &reniec, &other]).await;
    furnish(&*time, &muni, &reniec).await;
    muni.exchange.ask(question()).await.unwrap_err();
    calm.store(true, Ordering::SeqCst);
    let number = muni.exchange.questions_about("40000001").await.unwrap()[0]
        .number
        .clone();
    assert_eq!(
        muni.exchange.settle().await.unwrap(),
        0,
        "it may still end by itself"
    );
    time.advance(60);
    assert_eq!(muni.exchange.settle().await.unwrap(), 1);
    assert_eq!(muni.exchange.settle().await.unwrap(), 0, "once is enough");
    let told = muni.exchange.settlement(&number).await.unwrap().unwrap();
    assert_eq!(told.there, "answered");
    assert!(
        muni.exchange
            .question(&told.evidence)
            .await
            .unwrap()
            .is_some()
    );

    let body = serde_json::json!({ "numbers": [number] })
        .to_string()
        .into_bytes();
    let client = other.member.subsystem("licencias");
    let service = persons().subsystem.service(crate::settle::SERVICE);
    let asked = crate::ask::Outgoing::built_in(client, service, "/ends", body, Default::default());
    let answer = other.exchange.send(asked).await.unwrap().into_inner();
    let text = String::from_utf8(crate::body::small(answer.body.as_ref()).to_vec()).unwrap();
    assert!(
        text.contains("unknown") && !text.contains("answered"),
        "{text}"
    );
}
