//! Every class of failure is caused between real nodes; `why` must name the step that failed and what to do.

use std::sync::Arc;

use kernel::{Actor, Clock, Locale, Role, SetClock};
use store::Store;
use store::testing::{Folder, both_at, sqlite};
use tokio::net::TcpListener;
use trust::ca::DAY;
use web::testing::Tester;

use super::attacks::{corrupt, move_to, sealed, send, two};
use super::country::*;
use crate::ask::{Behalf, Outgoing};
use crate::domain::multipart::{self, Direction};
use crate::why::{Mark, Other, Stage, Trail};
use crate::{Agreement, Ask, FactSource};

const NUMBER: &str = "PE-why-1";

fn facts(ask: Ask) -> Outgoing {
    Outgoing {
        number: Some(NUMBER.into()),
        ..Outgoing::facts(ask, Behalf::default())
    }
}

/// A plain request of the licences' system, under no agreement.
fn plain(service: &str, number: &str) -> Outgoing {
    let mut out = facts(question());
    (out.method, out.below, out.body) = ("GET".into(), "/things".into(), None);
    (out.purpose, out.subject, out.fields) = (None, None, Vec::new());
    out.service = service.parse().unwrap();
    out.number = Some(number.into());
    out
}

/// Sends what must fail, and follows it.
async fn fails(muni: &Node, outgoing: Outgoing) -> Trail {
    let number = outgoing.number.clone().unwrap();
    assert!(muni.exchange.send(outgoing).await.is_err());
    muni.exchange
        .why(&number)
        .await
        .unwrap()
        .expect("the message is known")
}

fn is(trail: &Trail, stage: Stage, advice: &str) {
    let found = trail
        .diagnosis
        .unwrap_or_else(|| panic!("nothing found: {trail:?}"));
    assert_eq!((found.stage, found.advice), (stage, advice), "{trail:#?}");
    for step in &trail.steps {
        let expected: &[Mark] = match step.stage {
            at if at == stage => &[Mark::Bad],
            at if at > stage => &[Mark::NotReached],
            _ => &[Mark::Good, Mark::Unknown],
        };
        assert!(
            expected.contains(&step.mark),
            "{:?} is {:?}",
            step.stage,
            step.mark
        );
    }
    for (locale, text) in crate::http::TEXTS {
        for key in [
            format!("exchange-why-do-{advice}"),
            format!("exchange-why-step-{}", stage.word()),
        ] {
            assert!(
                text.contains(&format!("\n{key} = ")),
                "{locale:?} lacks {key}"
            );
        }
    }
}

async fn each<F, R>(test: F)
where
    F: Fn(Store, Arc<SetClock>) -> R,
    R: Future<Output = ()>,
{
    let time = clock();
    both_at(time.clone(), |store| test(store, time.clone())).await;
}

#[tokio::test]
async fn before_anything_leaves() {
    each(|store, time| async move {
        let (country, muni, reniec, _folder) = two(store, time.clone()).await;
        let other = Ask {
            purpose: "otra".into(),
            ..question()
        };
        is(
            &fails(&muni, facts(other)).await,
            Stage::Agreement,
            "no-agreement",
        );
        let field = Ask {
            fields: vec!["secret".into()],
            ..question()
        };
        let mut out = facts(field);
        out.number = Some("PE-why-2".into());
        let trail = fails(&muni, out).await;
        is(&trail, Stage::Agreement, "field");
        assert_eq!(trail.other, Other::NotAsked, "it never left");
        let foreign = Outgoing {
            client: "PE/GOB/OTHER/x".parse().unwrap(),
            ..plain("PE/GOB/RENIEC/registro/personas", "PE-why-3")
        };
        is(&fails(&muni, foreign).await, Stage::Request, "client");
        let limited = Agreement {
            daily_limit: Some(1),
            ..agreement(&*time)
        };
        muni.exchange.agree(&[limited]).await.unwrap();
        muni.exchange.ask(question()).await.unwrap();
        let mut out = facts(question());
        out.number = Some("PE-why-4".into());
        is(&fails(&muni, out).await, Stage::Agreement, "limit");
        muni.exchange
            .agree(&[Agreement {
                until: time.now(),
                ..agreement(&*time)
            }])
            .await
            .unwrap();
        let mut out = facts(question());
        out.number = Some("PE-why-5".into());
        is(&fails(&muni, out).await, Stage::Agreement, "agreement-time");
        time.advance(2 * DAY);
        let trail = fails(&muni, plain("PE/GOB/RENIEC/registro/personas", "PE-why-6")).await;
        is(&trail, Stage::Directory, "directory");
        drop((country, reniec));
    })
    .await;
}

#[tokio::test]
async fn stamps_and_own_certificates() {
    each(|store, time| async move {
        let (country, muni, reniec, _folder) = two(store, time.clone()).await;
        muni.exchange.ask(question()).await.unwrap();
        country.set_away(true);
        time.advance(3_700);
        is(
            &fails(&muni, facts(question())).await,
            Stage::Certificate,
            "own-certificate",
        );
        muni.exchange.stamp().await.unwrap_err();
        time.advance(4 * 3_600);
        let mut out = facts(question());
        out.number = Some("PE-why-2".into());
        is(&fails(&muni, out).await, Stage::Stamps, "stamps");
        country.set_away(false);
        muni.exchange.stamp().await.unwrap();
        country.revoke(&muni.keys.sign_chain[0]);
        let mut out = facts(question());
        out.number = Some("PE-why-3".into());
        is(&fails(&muni, out).await, Stage::Certificate, "own-revoked");
        drop(reniec);
    })
    .await;
}

#[tokio::test]
async fn on_the_line() {
    each(|store, time| async move {
        let (country, muni, mut reniec, _folder) = two(store, time.clone()).await;
        is(
            &fails(&muni, plain("PE/GOB/NOBODY/x/y", "PE-why-0")).await,
            Stage::Line,
            "not-registered",
        );
        let folder = Folder::new();
        let thief = country
            .body("THIEF", &["x"], sqlite(&folder, time.clone()).await)
            .await;
        country.publish(DAY, &[&muni, &reniec]).await;
        let home = reniec.address.to_string();
        move_to(&country, &muni, &reniec, &thief.address.to_string()).await;
        is(
            &fails(&muni, facts(question())).await,
            Stage::Line,
            "peer-certificate",
        );
        move_to(&country, &muni, &reniec, &home).await;
        reniec.serving.take().unwrap().stop().await;
        let mut out = facts(question());
        out.number = Some("PE-why-2".into());
        let trail = fails(&muni, out).await;
        is(&trail, Stage::Line, "line");
        assert!(
            matches!(trail.other, Other::Unreachable(_)),
            "{:?}",
            trail.other
        );
    })
    .await;
}

#[tokio::test]
async fn refused_by_the_other_node() {
    each(|store, time| async move {
        let (country, muni, reniec, _folder) = two(store, time.clone()).await;
        let unknown = plain("PE/GOB/RENIEC/registro/none", "PE-why-1");
        is(
            &fails(&muni, unknown).await,
            Stage::Service,
            "unknown-service",
        );
        let source = FactSource::Url {
            url: "http://127.0.0.1:9/x".into(),
            agreement: true,
        };
        let backed = "PE/GOB/RENIEC/registro/sistema";
        reniec
            .exchange
            .offer(&backed.parse().unwrap(), &source, true)
            .await
            .unwrap();
        is(
            &fails(&muni, plain(backed, "PE-why-2")).await,
            Stage::Right,
            "right",
        );
        let stranger = Outgoing {
            client: member("MUNI").subsystem("nadie").into(),
            ..plain(backed, "PE-why-3")
        };
        is(
            &fails(&muni, stranger).await,
            Stage::Peer,
            "not-registered-there",
        );
        reniec
            .exchange
            .offer(
                &persons(),
                &FactSource::Table {
                    register: "people".into(),
                    derived: vec![],
                },
                false,
            )
            .await
            .unwrap();
        let mut out = facts(question());
        out.number = Some("PE-why-4".into());
        let trail = fails(&muni, out).await;
        is(&trail, Stage::Service, "disabled");
        let Other::Told(told) = &trail.other else {
            panic!("{:?}", trail.other)
        };
        assert_eq!(told.service.as_ref().unwrap().enabled, Some(false));
        assert_eq!(told.seen.as_ref().unwrap().refusals.len(), 1);
        reniec
            .exchange
            .offer(
                &persons(),
                &FactSource::Table {
                    register: "people".into(),
                    derived: vec![],
                },
                true,
            )
            .await
            .unwrap();
        let narrow = Agreement {
            purpose: "otra".into(),
            ..agreement(&*time)
        };
        reniec.exchange.agree(&[narrow]).await.unwrap();
        let mut out = facts(question());
        out.number = Some("PE-why-5".into());
        is(&fails(&muni, out).await, Stage::Terms, "no-agreement-there");
        // Only the municipality gets the next directory; the registry's has ended.
        time.advance(DAY + 60);
        country.publish(DAY, &[&muni]).await;
        let mut out = plain(backed, "PE-why-6");
        out.number = Some("PE-why-6".into());
        is(&fails(&muni, out).await, Stage::State, "their-directory");
    })
    .await;
}

#[tokio::test]
async fn the_registrys_own_system_and_its_answer() {
    each(|store, time| async move {
        let (country, muni, reniec, _folder) = two(store, time.clone()).await;
        let dead = FactSource::Url {
            url: "http://127.0.0.1:9/x".into(),
            agreement: true,
        };
        reniec
            .exchange
            .offer(&persons(), &dead, true)
            .await
            .unwrap();
        is(
            &fails(&muni, facts(question())).await,
            Stage::System,
            "system-away",
        );
        let table = FactSource::Table {
            register: "people".into(),
            derived: vec![],
        };
        reniec
            .exchange
            .offer(&persons(), &table, true)
            .await
            .unwrap();
        let home = reniec.address.to_string();
        let serving = corrupt(&country, &muni, &reniec, |mut envelope| {
            let mut body = crate::body::small(envelope.body.as_ref()).to_vec();
            let last = body.len() - 3;
            body[last] ^= 1;
            envelope.body = Some(body.into());
            multipart::write(&envelope, Direction::Response, super::attacks::EDGE).to_vec()
        })
        .await;
        let mut out = facts(question());
        out.number = Some("PE-why-2".into());
        is(&fails(&muni, out).await, Stage::Proof, "answer-signature");
        serving.stop().await;
        move_to(&country, &muni, &reniec, &home).await;
        // The same number again.
        muni.exchange.ask(question()).await.unwrap();
        let again = sealed(&muni).await;
        send(&muni, &reniec, &again).await.unwrap();
        let again = super::attacks::changed(&muni, again).await;
        send(&muni, &reniec, &again).await.unwrap();
        let number = &again.opened.question.number;
        let told = reniec
            .exchange
            .told_of(number, None)
            .await
            .unwrap()
            .seen
            .unwrap();
        assert_eq!(told.refusals[0].step, Stage::Fresh.word());
        // A changed question, seen from the registry.
        let mut changed = sealed(&muni).await;
        let body = crate::body::small(changed.envelope.body.as_ref()).to_vec();
        let body = String::from_utf8(body).unwrap();
        let other = body.replace("40000001", "40000002").into_bytes();
        std::sync::Arc::make_mut(&mut changed.envelope).body = Some(other.into());
        send(&muni, &reniec, &changed).await.unwrap();
        let number = &changed.opened.question.number;
        let trail = reniec.exchange.why(number).await.unwrap().unwrap();
        is(&trail, Stage::Signature, "signature");
    })
    .await;
}

#[tokio::test]
async fn a_system_that_does_not_answer_in_time() {
    let time = clock();
    let folder = Folder::new();
    let store = sqlite(&folder, time.clone()).await;
    let (_country, muni, reniec, _folder) = two(store, time.clone()).await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/x", silent.local_addr().unwrap());
    reniec
        .exchange
        .offer(
            &persons(),
            &FactSource::Url {
                url,
                agreement: true,
            },
            true,
        )
        .await
        .unwrap();
    let trail = fails(&muni, facts(question())).await;
    assert_eq!(trail.diagnosis.unwrap().stage, Stage::System, "{trail:#?}");
}

#[tokio::test]
async fn the_page_draws_the_way_in_words_too() {
    each(|store, time| async move {
        let (_country, muni, reniec, _folder) = two(store, time.clone()).await;
        let other = Ask {
            purpose: "otra".into(),
            ..question()
        };
        fails(&muni, facts(other)).await;
        let role = Role::Official {
            post: "sistemas".into(),
            rights: vec![crate::http::READ.into()],
        };
        let rooms = [muni.exchange.room()];
        let tester = Tester::signed_in(
            &rooms,
            Actor {
                role,
                ..Actor::system("ana")
            },
        );
        let page = tester.get(&format!("/exchange/why/{NUMBER}")).await;
        assert_eq!(page.status, 200);
        for words in [
            "Falló en: Acuerdo",
            "Propóngalo",
            "class=\"path\"",
            "<span class=\"vh\">Falló: </span>",
        ] {
            assert!(page.text.contains(words), "{words}: {}", page.text);
        }
        assert!(!page.text.contains("40000001"));
        let evidence = muni
            .exchange
            .ask(question())
            .await
            .unwrap()
            .into_inner()
            .evidence;
        let page = tester.get(&format!("/exchange/why/{evidence}")).await.text;
        assert!(page.contains("Salió bien") && page.contains("200"));
        assert_eq!(tester.get("/exchange/why/none").await.status, 404);
        assert_eq!(
            tester.get("/exchange/why?number=x%20y").await.location(),
            "/exchange/why/x%20y"
        );
        assert_ne!(Tester::new(&rooms).get("/exchange/why").await.status, 200);
        drop(reniec);
    })
    .await;
}

#[tokio::test]
async fn what_went_well_is_told_too_and_clocks_are_compared() {
    each(|store, time| async move {
        let (_country, muni, reniec, _folder) = two(store, time.clone()).await;
        let evidence = muni
            .exchange
            .ask(question())
            .await
            .unwrap()
            .into_inner()
            .evidence;
        for node in [&muni, &reniec] {
            let trail = node.exchange.why(&evidence).await.unwrap().unwrap();
            assert_eq!((trail.diagnosis, trail.clock_ahead), (None, Some(0)));
            assert!(
                trail.steps.iter().all(|step| step.mark == Mark::Good),
                "{trail:#?}"
            );
            let Other::Told(told) = trail.other else {
                panic!("not told")
            };
            assert_eq!(
                told.seen.unwrap().status,
                (node.member == muni.member).then_some(200).or(Some(200))
            );
        }
        assert_eq!(muni.exchange.why("PE-none").await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn nobody_is_told_about_messages_of_others() {
    each(|store, time| async move {
        let (country, muni, reniec, _folder) = two(store, time.clone()).await;
        let folder = Folder::new();
        let thief = country
            .body("THIEF", &["x"], sqlite(&folder, time.clone()).await)
            .await;
        country.publish(DAY, &[&muni, &reniec, &thief]).await;
        let number = muni
            .exchange
            .ask(question())
            .await
            .unwrap()
            .into_inner()
            .evidence;
        let service = persons().subsystem.service("why");
        let body = format!("{{\"number\":\"{number}\"}}").into_bytes();
        let out = Outgoing::built_in(
            "PE/GOB/THIEF/x".parse::<kernel::Party>().unwrap(),
            service,
            "",
            body,
            Behalf::default(),
        );
        let told = thief
            .exchange
            .send(out)
            .await
            .unwrap()
            .into_inner()
            .body
            .unwrap();
        let told: crate::why::Told = serde_json::from_slice(told.in_memory().unwrap()).unwrap();
        assert_eq!((told.seen, told.state, told.service), (None, None, None));
        assert_eq!(told.now, time.now());
    })
    .await;
}

#[tokio::test]
async fn the_reference_in_an_error_leads_to_the_cause() {
    each(|store, time| async move {
        let (_country, muni, reniec, _folder) = two(store, time.clone()).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let systems = muni.exchange.serve_systems(listener, false).unwrap();
        let url = format!("http://{address}/r1/PE/GOB/RENIEC/registro/none/things");
        let headers = [("X-Road-Client", "PE/GOB/MUNI/licencias")];
        let mut request = http::Request::builder().uri(&url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = ask_plain(address, request.body(String::new()).unwrap()).await;
        let error: serde_json::Value = serde_json::from_str(&answer).unwrap();
        let reference = error["detail"].as_str().unwrap();
        let trail = muni
            .exchange
            .why(reference)
            .await
            .unwrap()
            .expect("the reference is known");
        is(&trail, Stage::Service, "unknown-service");
        assert!(trail.number.starts_with("PE-"));
        systems.stop().await;
        drop(reniec);
    })
    .await;
}

async fn ask_plain(address: std::net::SocketAddr, request: http::Request<String>) -> String {
    use http_body_util::BodyExt;
    let tcp = tokio::net::TcpStream::connect(address).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(tcp);
    let (mut sender, line) = hyper::client::conn::http1::handshake(io).await.unwrap();
    tokio::spawn(line);
    let body = sender.send_request(request).await.unwrap().into_body();
    String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[test]
fn every_step_and_mark_has_words() {
    for (locale, text) in crate::http::TEXTS {
        for stage in Stage::ALL {
            let key = format!("\nexchange-why-step-{} = ", stage.word());
            assert!(text.contains(&key), "{locale:?} lacks {key}");
        }
    }
    assert_eq!(Locale::ALL.len(), crate::http::TEXTS.len());
}
