//! A member itself as client, three parts instead of four: what it may ask, what is kept of it, what it can't have.

use kernel::{Clock, Party, ServiceId};
use store::testing::both_at;
use trust::asic::verify_container;
use trust::ca::DAY;

use super::attacks::two;
use super::country::*;
use super::offers::system;
use crate::ask::{AskError, Behalf, Outgoing};
use crate::deliver::{LaterRequest, State};
use crate::domain::message;
use crate::sql::{Half, Side};
use crate::{AccessRight, FactSource, Subject};

fn itself() -> Party {
    member("MUNI").into()
}

fn at(code: &str) -> ServiceId {
    persons().subsystem.service(code)
}

fn get(client: Party, code: &str) -> Outgoing {
    Outgoing {
        method: "GET".to_owned(),
        body: None,
        ..Outgoing::built_in(client, at(code), "", Vec::new(), Behalf::default())
    }
}

fn code_of(error: &AskError) -> String {
    match error {
        AskError::Refused { code, .. } => code.clone(),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_member_asks_under_rights_of_its_own() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        async move {
            let (country, muni, reniec, _folder) = two(store, time.clone()).await;
            let (asks, answers) = (&muni.exchange, &reniec.exchange);
            let url = system("{}").await;
            let source = FactSource::Url {
                url,
                agreement: false,
            };
            answers.offer(&at("api"), &source, true).await.unwrap();
            let grant = |subject: Subject| AccessRight::whole(subject, at("api"));

            asks.send(get(itself(), "listMethods"))
                .await
                .expect("metadata needs no right");
            let denied = asks.send(get(itself(), "api")).await.unwrap_err();
            assert_eq!(code_of(&denied), "server.serverproxy.access_denied");

            // The right of a subsystem is not its member's, nor the other way round.
            answers.permit(&grant(asking().into())).await.unwrap();
            assert!(asks.send(get(itself(), "api")).await.is_err());
            asks.send(get(asking().into(), "api")).await.unwrap();
            answers
                .forbid(&grant(asking().into()), "ana")
                .await
                .unwrap();
            answers.permit(&grant(itself().into())).await.unwrap();
            assert!(asks.send(get(asking().into(), "api")).await.is_err());
            let answered = asks.send(get(itself(), "api")).await.unwrap().into_inner();
            assert_eq!(
                answered.response.header(message::CLIENT),
                Some("PE/GOB/MUNI")
            );

            // Both sides keep it under the member's identifier, and the containers say so.
            for (exchange, side) in [(asks, Side::Client), (answers, Side::Provider)] {
                exchange.stamp().await.unwrap();
                let mut tx = exchange.inner.store.read().await.unwrap();
                let rows = crate::sql::questions_by_number(&mut tx, &answered.number)
                    .await
                    .unwrap();
                drop(tx);
                let [row] = rows.as_slice() else {
                    panic!("{rows:?}")
                };
                assert_eq!((row.side, row.client.as_str()), (side, "PE/GOB/MUNI"));
                let container = exchange
                    .pack(row, Half::Request, row.request)
                    .await
                    .unwrap();
                let view = exchange.directory().unwrap();
                let report = verify_container(&container.bytes, view.params(), time.now());
                assert_eq!(report.verdict.unwrap().sender().member, member("MUNI"));
            }

            // A local group and a group of the instance may hold it.
            answers
                .forbid(&grant(itself().into()), "ana")
                .await
                .unwrap();
            assert!(asks.send(get(itself(), "api")).await.is_err());
            answers
                .permit(&grant(Subject::Local("vecinos".into())))
                .await
                .unwrap();
            answers
                .set_member("vecinos", &itself(), true, "ana")
                .await
                .unwrap();
            asks.send(get(itself(), "api")).await.unwrap();
            answers
                .set_member("vecinos", &itself(), false, "ana")
                .await
                .unwrap();
            let global = Subject::Global {
                instance: "PE".into(),
                code: "todos".into(),
            };
            answers.permit(&grant(global)).await.unwrap();
            assert!(asks.send(get(itself(), "api")).await.is_err());
            country.change(|shared| {
                shared.groups.push(trust::globalconf::Group {
                    code: "todos".into(),
                    description: String::new(),
                    members: vec![itself()],
                });
            });
            country.publish(DAY, &[&muni, &reniec]).await;
            asks.send(get(itself(), "api")).await.unwrap();
            assert!(
                asks.send(get(asking().into(), "api")).await.is_err(),
                "its subsystem is not in it"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn agreements_and_topics_stay_with_subsystems() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        async move {
            let (_country, muni, reniec, _folder) = two(store, time.clone()).await;
            let facts = Outgoing {
                client: itself(),
                ..Outgoing::facts(question(), Behalf::default())
            };
            let refused = muni.exchange.send(facts.clone()).await.unwrap_err();
            assert!(matches!(refused, AskError::NoAgreement { .. }), "{refused}");
            // A node that does not check sends it all the same; the provider refuses by itself.
            let mut sent = Outgoing {
                purpose: None,
                ..facts
            };
            sent.headers
                .push(("Tambo-Purpose".into(), question().purpose));
            let refused = muni.exchange.send(sent).await.unwrap_err();
            assert_eq!(code_of(&refused), "server.serverproxy.access_denied");

            let subscribe = Outgoing::built_in(
                itself(),
                at(crate::deliver::SERVICE),
                "/topics/x/subscription",
                b"{}".to_vec(),
                Behalf::default(),
            );
            let told = muni.exchange.send(subscribe).await.unwrap();
            assert_eq!(told.get().response.status, 403);

            // What waits for the line may be the member's own.
            let outgoing = Outgoing {
                number: Some("N-1".into()),
                ..get(itself(), "listMethods")
            };
            let request = LaterRequest {
                outgoing,
                order: None,
            };
            muni.exchange.send_later(request).await.unwrap();
            muni.exchange.deliver().await.unwrap();
            let delivery = muni.exchange.delivery(&itself(), "N-1").await.unwrap();
            assert_eq!(delivery.state, State::Answered);
            assert!(
                muni.exchange
                    .delivery(&asking().into(), "N-1")
                    .await
                    .is_err()
            );
            let _ = reniec;
        }
    })
    .await;
}

#[tokio::test]
async fn no_node_speaks_for_another_member() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        async move {
            let (country, muni, reniec, _folder) = two(store, time.clone()).await;
            let own = &muni.keys.auth.chain()[0];
            let view = reniec.exchange.directory().unwrap();
            assert!(view.speaks_for(own, &itself()));
            assert!(!view.speaks_for(own, &member("RENIEC").into()));
            assert!(!view.speaks_for(own, &member("NADIE").into()));
            let other = muni
                .exchange
                .send(get(member("RENIEC").into(), "listMethods"))
                .await;
            assert_eq!(
                code_of(&other.unwrap_err()),
                "server.clientproxy.invalid_client_identifier"
            );
            // A server on which another member is registered as client may speak for that one.
            country.change(|shared| {
                let server = shared
                    .servers
                    .iter_mut()
                    .find(|one| one.id.owner == member("MUNI"));
                server.unwrap().clients.push(member("RENIEC").into());
            });
            country.publish(DAY, &[&muni, &reniec]).await;
            let view = reniec.exchange.directory().unwrap();
            assert!(view.speaks_for(own, &member("RENIEC").into()));
        }
    })
    .await;
}
