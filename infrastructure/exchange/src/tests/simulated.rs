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
            matches!(error, AskError::Unreachable { .. }),
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
                server.certificates = vec!["00".repeat(32)];
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
