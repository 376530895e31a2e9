//! Agreements between two real nodes: the whole life, and what attackers try.

use std::sync::Arc;

use kernel::{Actor, Clock, Role, SetClock};
use store::Store;
use store::testing::{Folder, both_at, sqlite};
use trust::asic::verify_container;
use trust::ca::DAY;
use web::testing::Tester;

use super::attacks::two;
use super::country::*;
use crate::agreements::proof::{Act, Evidence, InForce};
use crate::agreements::{Notice, State, Terms};
use crate::ask::{Behalf, Outgoing};
use crate::sql::agreement as rows;
use crate::{Agreement, AskError};

const WHO: &str = "rosa";
const WORDS: &str = "Para dar licencias sin pedir copias";

fn wanted(time: &dyn Clock) -> Agreement {
    Agreement {
        number: "AG-1".into(),
        purpose: "otra-licencia".into(),
        valid_from: time.now().plus_seconds(-60),
        ..agreement(time)
    }
}

fn ask_it() -> crate::Ask {
    crate::Ask {
        purpose: "otra-licencia".into(),
        ..question()
    }
}

/// The state of an agreement's latest text.
async fn state(node: &Node, number: &str) -> State {
    let held = node.exchange.agreement_versions(number).await.unwrap();
    held.first().unwrap().state
}

/// Proposed by one, accepted by the other, over the wire.
pub async fn conclude(proposer: &Node, acceptor: &Node, agreement: Agreement) -> Terms {
    let terms = proposer
        .exchange
        .propose_agreement(agreement, WORDS, WHO)
        .await
        .unwrap();
    proposer.exchange.deliver_agreements().await.unwrap();
    acceptor
        .exchange
        .accept_agreement(&terms.agreement.number, WHO)
        .await
        .unwrap();
    acceptor.exchange.deliver_agreements().await.unwrap();
    terms
}

/// Sends any bytes to the other's built-in service; the status and code that come back.
async fn push(from: &Node, client: &str, to: &str, act: &str, body: &str) -> (u16, String) {
    let service = to
        .parse::<kernel::SubsystemId>()
        .unwrap()
        .service("agreements");
    let below = format!("/{act}");
    let body = body.as_bytes().to_vec();
    let out = Outgoing::built_in(
        client.parse::<kernel::Party>().unwrap(),
        service,
        &below,
        body,
        Behalf::default(),
    );
    let answered = from.exchange.send(out).await.unwrap().into_inner();
    let told: serde_json::Value =
        serde_json::from_slice(crate::body::small(answered.body.as_ref())).unwrap();
    (
        answered.response.status,
        told["code"].as_str().unwrap().to_owned(),
    )
}

const MUNI: &str = "PE/GOB/MUNI/licencias";
const RENIEC: &str = "PE/GOB/RENIEC/registro";

async fn each<F, R>(test: F)
where
    F: Fn(Store, Arc<SetClock>) -> R,
    R: Future<Output = ()>,
{
    let time = clock();
    both_at(time.clone(), |store| test(store, time.clone())).await;
}

#[tokio::test]
async fn what_both_signed_is_in_force_and_what_one_ends_is_over() {
    each(|store, time| async move {
        let (country, muni, reniec, _folder) = two(store, time.clone()).await;
        assert!(matches!(
            muni.exchange.ask(ask_it()).await,
            Err(AskError::NoAgreement { .. })
        ));
        let terms = muni
            .exchange
            .propose_agreement(wanted(&*time), WORDS, WHO)
            .await
            .unwrap();
        muni.exchange.deliver_agreements().await.unwrap();
        assert_eq!(state(&reniec, "AG-1").await, State::Offered);
        assert!(muni.exchange.ask(ask_it()).await.is_err());
        reniec.exchange.accept_agreement("AG-1", WHO).await.unwrap();
        assert_eq!(state(&reniec, "AG-1").await, State::Accepting);
        reniec.exchange.deliver_agreements().await.unwrap();
        for node in [&muni, &reniec] {
            assert_eq!(state(node, "AG-1").await, State::InForce);
            let history = node.exchange.agreement_history("AG-1").await.unwrap();
            assert_eq!(history.len(), 2);
            assert!(
                history
                    .iter()
                    .all(|step| step.signed && step.log_entry.is_some())
            );
            let audit = node.exchange.audit_agreements().await.unwrap();
            // The country's own agreement was entered without signatures: it goes.
            assert_eq!((audit.good, audit.changed.len()), (1, 1));
            for step in &history {
                let bytes = node
                    .exchange
                    .agreement_container("AG-1", step.id)
                    .await
                    .unwrap()
                    .unwrap();
                let trusted = node.exchange.shared_params().unwrap();
                let report = verify_container(&bytes, &trusted, time.now());
                assert!(report.is_valid(), "{report:?}");
                let held = trust::asic::Container::read(&bytes).unwrap();
                assert_eq!(held.attachments, [terms.text().into_bytes()]);
            }
        }
        time.advance(1);
        muni.exchange.ask(ask_it()).await.unwrap();
        assert_eq!(reniec.exchange.agreement_counted("AG-1").await.unwrap(), 1);
        // The registry ends it while the other can't be reached: it is over there at once.
        muni.serving.as_ref().unwrap();
        reniec
            .exchange
            .end_agreement("AG-1", "La ley cambió", WHO)
            .await
            .unwrap();
        let refused = muni.exchange.ask(ask_it()).await.unwrap_err();
        assert!(refused.to_string().contains("no agreement"), "{refused}");
        reniec.exchange.deliver_agreements().await.unwrap();
        assert_eq!(state(&muni, "AG-1").await, State::Ended);
        assert!(matches!(
            muni.exchange.ask(ask_it()).await,
            Err(AskError::NoAgreement { .. })
        ));
        let reason = muni
            .exchange
            .agreement_history("AG-1")
            .await
            .unwrap()
            .pop()
            .unwrap()
            .reason;
        assert_eq!(reason.as_deref(), Some("La ley cambió"));
        drop(country);
    })
    .await;
}

#[tokio::test]
async fn the_registry_may_propose_and_the_asker_refuse_or_the_proposer_take_back() {
    each(|store, time| async move {
        let (_country, muni, reniec, _folder) = two(store, time.clone()).await;
        reniec
            .exchange
            .propose_agreement(wanted(&*time), WORDS, WHO)
            .await
            .unwrap();
        reniec.exchange.deliver_agreements().await.unwrap();
        muni.exchange
            .refuse_agreement("AG-1", "No hace falta", WHO)
            .await
            .unwrap();
        muni.exchange.deliver_agreements().await.unwrap();
        assert_eq!(state(&reniec, "AG-1").await, State::Refused);
        assert!(muni.exchange.accept_agreement("AG-1", WHO).await.is_err());
        // The next version follows the refused one; it is taken back before the other decided.
        reniec
            .exchange
            .propose_agreement(wanted(&*time), "Otro texto", WHO)
            .await
            .unwrap();
        reniec
            .exchange
            .end_agreement("AG-1", "Error", WHO)
            .await
            .unwrap();
        reniec.exchange.deliver_agreements().await.unwrap();
        assert_eq!(state(&muni, "AG-1").await, State::Ended);
        assert_eq!(
            muni.exchange
                .agreement_versions("AG-1")
                .await
                .unwrap()
                .len(),
            2
        );
    })
    .await;
}

#[tokio::test]
async fn a_renewal_takes_the_place_and_an_old_version_does_not_come_back() {
    each(|store, time| async move {
        let (_country, muni, reniec, _folder) = two(store, time.clone()).await;
        let short = Agreement {
            until: time.now().plus_seconds(20 * DAY),
            ..wanted(&*time)
        };
        let first = conclude(&muni, &reniec, short.clone()).await;
        let held = muni.exchange.agreement_versions("AG-1").await.unwrap();
        assert!(held[0].should_be_renewed(time.now()));
        time.advance(1);
        muni.exchange.ask(ask_it()).await.unwrap();
        time.advance(1);
        let longer = Agreement {
            legal_ground: "Ley 31814, art. 2".into(),
            daily_limit: Some(2),
            ..wanted(&*time)
        };
        conclude(&muni, &reniec, longer).await;
        let held = reniec.exchange.agreement_versions("AG-1").await.unwrap();
        assert_eq!(
            (held[0].state, held[1].state),
            (State::InForce, State::Replaced)
        );
        assert!(!held[0].should_be_renewed(time.now()));
        for act in ["propose", "accept"] {
            let (from, client, to) = match act {
                "propose" => (&muni, MUNI, RENIEC),
                _ => (&reniec, RENIEC, MUNI),
            };
            let (status, code) = push(from, client, to, act, &first.text()).await;
            // Known and over: told so, and nothing changes.
            assert!(code == "ok" || status == 409, "{act}: {status} {code}");
        }
        for node in [&muni, &reniec] {
            assert_eq!(state(node, "AG-1").await, State::InForce);
            assert_eq!(node.exchange.audit_agreements().await.unwrap().good, 1);
        }
        time.advance(1);
        muni.exchange.ask(ask_it()).await.unwrap();
        time.advance(1);
        assert!(
            muni.exchange.ask(ask_it()).await.is_err(),
            "the limit of the new version"
        );
        // Whoever was asked about reads the words and the law of the version that held then, on both sides.
        for node in [&muni, &reniec] {
            let subject = &ask_it().about;
            let mut asked = node.exchange.questions_about(subject).await.unwrap();
            asked.retain(|question| question.outcome == "answered");
            let told: Vec<_> = asked
                .iter()
                .map(|question| (question.words.as_deref(), question.legal_ground.as_deref()))
                .collect();
            let expected = ["Ley 31814, art. 2", "Ley 28976, art. 8"];
            assert_eq!(told, expected.map(|law| (Some(WORDS), Some(law))));
        }
    })
    .await;
}

#[tokio::test]
async fn an_agreement_ends_by_itself_at_its_time() {
    each(|store, time| async move {
        let (country, muni, reniec, _folder) = two(store, time.clone()).await;
        let short = Agreement {
            until: time.now().plus_seconds(2 * DAY),
            ..wanted(&*time)
        };
        conclude(&muni, &reniec, short).await;
        time.advance(2 * DAY);
        country.publish(DAY, &[&muni, &reniec]).await;
        assert!(matches!(
            muni.exchange.ask(ask_it()).await,
            Err(AskError::NoAgreement { .. })
        ));
        let held = muni.exchange.agreement_versions("AG-1").await.unwrap();
        assert!(held[0].has_expired(time.now()));
    })
    .await;
}

#[tokio::test]
async fn copies_of_an_act_that_arrive_at_once_are_one_act() {
    each(|store, time| async move {
        let (_country, muni, reniec, _folder) = two(store, time.clone()).await;
        let agreement = wanted(&*time);
        let proposed = muni.exchange.propose_agreement(agreement, WORDS, WHO).await;
        proposed.unwrap();
        let copies = (0..8).map(|_| muni.exchange.deliver_agreements());
        for copy in futures_util::future::join_all(copies).await {
            copy.unwrap();
        }
        assert_eq!(state(&reniec, "AG-1").await, State::Offered);
        assert_eq!(state(&muni, "AG-1").await, State::Proposed);
        reniec.exchange.accept_agreement("AG-1", WHO).await.unwrap();
        reniec.exchange.deliver_agreements().await.unwrap();
        muni.exchange.ask(ask_it()).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn attacks_on_the_life_of_an_agreement_are_refused() {
    each(|store, time| async move {
        let (country, muni, reniec, _folder) = two(store, time.clone()).await;
        let folder = Folder::new();
        let store = sqlite(&folder, time.clone()).await;
        let thief = country.body("THIEF", &["x"], store).await;
        country.publish(DAY, &[&muni, &reniec, &thief]).await;
        let terms = muni
            .exchange
            .propose_agreement(wanted(&*time), WORDS, WHO)
            .await
            .unwrap();
        muni.exchange.deliver_agreements().await.unwrap();
        let text = terms.text();
        // An acceptance of other terms than were proposed, in each field that matters.
        let changed = [
            text.replace("over18", "secret"),
            text.replace(":null,\"fields\"", ":9000,\"fields\""),
            text.replace("Ley 28976, art. 8", "Ley 1, art. 1"),
            text.replace("otra-licencia", "otras-licencias"),
            text.replace("AG-1", "AG-2"),
        ];
        for altered in &changed {
            assert_ne!(altered, &text);
            let told = push(&reniec, RENIEC, MUNI, "accept", altered).await;
            assert_eq!(told, (404, "never-proposed".into()), "{altered}");
        }
        assert_eq!(state(&muni, "AG-1").await, State::Proposed);
        // A third party accepts, ends, or proposes in another's name.
        let end = Notice {
            ends: true,
            number: "AG-1".into(),
            version: 1,
            digest: crate::agreements::text::digest(text.as_bytes()),
            reason: "x".into(),
            at: time.now(),
        };
        let end = end.text();
        for to in [MUNI, RENIEC] {
            for (act, body) in [("accept", &text), ("propose", &text), ("end", &end)] {
                let told = push(&thief, "PE/GOB/THIEF/x", to, act, body).await;
                assert_eq!(told, (403, "party".into()), "{to} {act}");
            }
        }
        // The proposer accepts its own text at the other side.
        let told = push(&muni, MUNI, RENIEC, "accept", &text).await;
        assert_eq!(told, (403, "party".into()));
        reniec.exchange.accept_agreement("AG-1", WHO).await.unwrap();
        reniec.exchange.deliver_agreements().await.unwrap();
        // The number is in use by another pair.
        let own = Terms {
            proposer: "PE/GOB/THIEF".parse().unwrap(),
            agreement: Agreement {
                client: "PE/GOB/THIEF/x".parse().unwrap(),
                ..terms.agreement.clone()
            },
            ..terms.clone()
        };
        let told = push(&thief, "PE/GOB/THIEF/x", RENIEC, "propose", &own.text()).await;
        assert_eq!(told, (409, "number".into()));
        // A notice about another text, of the wrong kind, and no notice at all.
        let other = end.replace(
            &crate::agreements::text::digest(text.as_bytes()),
            &"0".repeat(64),
        );
        assert_eq!(
            push(&muni, MUNI, RENIEC, "end", &other).await,
            (404, "unknown".into())
        );
        assert_eq!(
            push(&muni, MUNI, RENIEC, "refuse", &end).await,
            (400, "form".into())
        );
        assert_eq!(
            push(&muni, MUNI, RENIEC, "end", "{}").await,
            (400, "form".into())
        );
        assert_eq!(
            push(&muni, MUNI, RENIEC, "sell", "{}").await,
            (404, "path".into())
        );
        let huge = text.replace(WORDS, &"x".repeat(60_000));
        assert_eq!(
            push(&muni, MUNI, RENIEC, "propose", &huge).await,
            (413, "too-long".into())
        );
        for node in [&muni, &reniec] {
            assert_eq!(state(node, "AG-1").await, State::InForce);
        }
    })
    .await;
}

#[tokio::test]
async fn unregistered_bodies_and_floods_do_not_get_through() {
    each(|store, time| async move {
        let (country, muni, reniec, _folder) = two(store, time.clone()).await;
        let terms = Terms {
            agreement: Agreement {
                client: "PE/GOB/MUNI/nobody".parse().unwrap(),
                ..wanted(&*time)
            },
            version: 1,
            replaces: None,
            purpose_text: WORDS.into(),
            proposer: muni.member.clone(),
            proposed_at: time.now(),
        };
        let service = persons().subsystem.service("agreements");
        let text = terms.text().into_bytes();
        let client = terms.agreement.client.clone();
        let out = Outgoing::built_in(client, service, "/propose", text, Behalf::default());
        match muni.exchange.send(out).await {
            Err(AskError::Refused { code, .. }) => {
                assert!(code.ends_with("unknown_member"), "{code}")
            }
            other => panic!("{other:?}"),
        }
        let mut last = (0, String::new());
        for _ in 0..=crate::builtin::BURST {
            last = push(&muni, MUNI, RENIEC, "end", "{}").await;
        }
        assert_eq!(last, (429, "too-many".into()));
        drop((country, reniec));
    })
    .await;
}

#[tokio::test]
async fn a_changed_byte_in_text_signature_or_effect_is_found() {
    each(|store, time| async move {
        let (_country, muni, reniec, _folder) = two(store, time.clone()).await;
        conclude(&muni, &reniec, wanted(&*time)).await;
        let inner = &reniec.exchange.inner;
        let mut tx = inner.store.read().await.unwrap();
        let row = rows::texts_of(&mut tx, "AG-1").await.unwrap().remove(0);
        let (proposal, acceptance) = reniec.exchange.evidence_of(&mut tx, &row).await.unwrap();
        drop(tx);
        let (proposal, acceptance) = (proposal.unwrap(), acceptance.unwrap());
        let view = inner.held.any().unwrap();
        let scope = inner.scope(&view, time.now());
        let judge =
            |text: &[u8], one: &Evidence, two: &Evidence| InForce::verify(text, one, two, &scope);
        assert!(judge(row.text.as_bytes(), &proposal, &acceptance).is_ok());
        for at in (0..row.text.len()).step_by(7) {
            let mut text = row.text.clone().into_bytes();
            text[at] ^= 1;
            assert!(
                judge(&text, &proposal, &acceptance).is_err(),
                "byte {at} of the text"
            );
        }
        // The proposer's message can't stand for the acceptance, nor the other way round.
        assert!(judge(row.text.as_bytes(), &proposal, &proposal).is_err());
        assert!(judge(row.text.as_bytes(), &acceptance, &acceptance).is_err());
        let mut read = trust::asic::Container::read(&acceptance.container).unwrap();
        let at = read.signature.len() / 2;
        read.signature[at] ^= 1;
        let bent = Evidence {
            container: read.to_bytes(time.now()).unwrap(),
            at: acceptance.at,
        };
        assert!(judge(row.text.as_bytes(), &proposal, &bent).is_err());
        assert!(
            proposal
                .check(
                    Act::Accept,
                    &Terms::read(row.text.as_bytes()).unwrap(),
                    &muni.member,
                    row.text.as_bytes(),
                    &scope
                )
                .is_err()
        );
        // Somebody with a hand in the store allows themselves more: it is out of force at once.
        let mut tx = inner.store.begin().await.unwrap();
        let wider = Agreement {
            fields: vec!["secret".into()],
            ..wanted(&*time)
        };
        crate::sql::set_agreement(&mut tx, &wider).await.unwrap();
        tx.commit().await.unwrap();
        let audit = reniec.exchange.audit_agreements().await.unwrap();
        assert_eq!((audit.good, audit.changed.len()), (0, 2));
        assert!(muni.exchange.ask(ask_it()).await.is_err());
    })
    .await;
}

fn official(node: &Node, rights: &[&str]) -> Tester {
    let role = Role::Official {
        post: "sistemas".into(),
        rights: rights.iter().map(|right| (*right).to_owned()).collect(),
    };
    Tester::signed_in(
        &[node.exchange.room()],
        Actor {
            role,
            ..Actor::system("ana")
        },
    )
}

#[tokio::test]
async fn officials_decide_on_pages() {
    each(|store, time| async move {
        let (_country, muni, reniec, _folder) = two(store, time.clone()).await;
        let rights = [crate::http::READ, crate::http::agreements::AGREE];
        let (asks, answers) = (official(&muni, &rights), official(&reniec, &rights));
        let form = asks.get("/exchange/agreement-proposal").await.text;
        assert!(
            form.contains(MUNI),
            "this body's own subsystem is filled in"
        );
        let until = time.now().plus_seconds(20 * DAY).iso();
        let from = time.now().iso();
        let token = asks.token().await;
        let mut fields = vec![
            ("csrf", token.as_str()),
            ("client", MUNI),
            ("service", "PE/GOB/RENIEC/registro/personas"),
            ("fields", "person.name\r\nover18"),
            ("purpose_text", WORDS),
            ("purpose", "otra-licencia"),
            ("legal_ground", ""),
            ("valid_from", &from[..10]),
            ("until", &until[..10]),
            ("number", "AG-1"),
        ];
        let wrong = asks.post("/exchange/agreement-proposal", &fields).await;
        assert!(wrong.text.contains("legal ground"), "{}", wrong.text);
        fields[6].1 = "Ley 28976, art. 8";
        let sent = asks.post("/exchange/agreement-proposal", &fields).await;
        assert_eq!(
            sent.location(),
            "/exchange/agreements/AG-1",
            "{}",
            sent.text
        );
        muni.exchange.deliver_agreements().await.unwrap();
        let seen = answers.get("/exchange/agreements/AG-1").await.text;
        for words in [WORDS, "Ley 28976, art. 8", "over18", "class=\"flow\""] {
            assert!(seen.contains(words), "{words}");
        }
        // Reading is not deciding.
        let reader = official(&reniec, &[crate::http::READ]);
        assert!(
            !reader
                .get("/exchange/agreements/AG-1")
                .await
                .text
                .contains("/accept")
        );
        let token = reader.token().await;
        let denied = reader
            .post("/exchange/agreements/AG-1/accept", &[("csrf", &token)])
            .await;
        assert_eq!(denied.status, 403);
        let token = answers.token().await;
        answers
            .post("/exchange/agreements/AG-1/accept", &[("csrf", &token)])
            .await;
        reniec.exchange.deliver_agreements().await.unwrap();
        assert_eq!(state(&muni, "AG-1").await, State::InForce);
        let page = asks.get("/exchange/agreements/AG-1").await.text;
        let (_, after) = page.split_once("/signed/").unwrap();
        let file = after.split('"').next().unwrap();
        let got = asks
            .get(&format!("/exchange/agreements/AG-1/signed/{file}"))
            .await;
        assert!(got.status == 200 && trust::asic::Container::read(&got.bytes).is_ok());
        let list = asks.get("/exchange/agreements").await.text;
        assert!(list.contains("AG-1") && list.contains(WORDS));
        let machine = asks.get("/exchange/agreements.json").await.text;
        assert!(machine.contains("\"state\":\"in-force\""), "{machine}");
        assert_eq!(asks.get("/exchange/agreements/AG-9").await.status, 404);
        assert_ne!(
            Tester::new(&[muni.exchange.room()])
                .get("/exchange/agreements")
                .await
                .status,
            200
        );
    })
    .await;
}
