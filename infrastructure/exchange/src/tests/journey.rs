//! Questions that are answered, and what stays of them.

use std::sync::Arc;

use kernel::fact::value::Value;
use kernel::{Actor, Clock, Locale, Role, SetClock};
use store::Store;
use store::testing::{Folder, both_at, sqlite};
use tokio::net::TcpListener;
use trust::ca::DAY;
use web::client::Http;
use web::testing::Tester;

use super::country::*;
use crate::{AccessRight, Agreement, Ask, AskError, Behalf, FactSource, Half};

async fn two(store: Store, time: Arc<SetClock>) -> (Country, Node, Node, Folder) {
    let folder = Folder::new();
    let other = sqlite(&folder, time.clone()).await;
    let (country, muni, reniec) = pair(time, store, other).await;
    (country, muni, reniec, folder)
}

#[tokio::test]
async fn a_question_is_answered_and_verified() {
    let time = clock();
    both_at(time.clone(), |a| {
        let time = time.clone();
        async move {
            both_at(time.clone(), |b| {
                let (time, a) = (time.clone(), a.clone());
                async move {
                    let (_country, muni, reniec) = pair(time.clone(), a, b).await;
                    let answer = muni.exchange.ask(question()).await.unwrap();
                    assert_eq!(answer.signer(), &member("RENIEC"));
                    let answer = answer.into_inner();
                    let values: Vec<_> =
                        answer.facts.iter().map(|fact| fact.value.clone()).collect();
                    assert_eq!(
                        values,
                        [Value::Text("Rosa Quispe Mamani".into()), Value::Bool(true)]
                    );
                    assert_eq!(answer.facts[0].evidence, answer.evidence);
                    let nobody = Ask {
                        about: "49999999".into(),
                        ..question()
                    };
                    let nobody = muni.exchange.ask(nobody).await.unwrap().into_inner();
                    assert!(
                        !nobody.found && nobody.facts.iter().all(|fact| fact.value == Value::None)
                    );
                    for (node, here) in [(&muni, true), (&reniec, false)] {
                        let mut asked = node.exchange.questions_about("40000001").await.unwrap();
                        asked.retain(|question| question.number == answer.evidence);
                        assert_eq!(asked.len(), 1);
                        assert_eq!(
                            (asked[0].asked_here, asked[0].outcome.as_str()),
                            (here, "answered")
                        );
                        assert_eq!(asked[0].number, answer.evidence);
                        assert_eq!(asked[0].case.as_deref(), Some("EXP-2026-0001"));
                        assert!(asked[0].log_entry.is_some());
                        node.exchange.inner.log.sequence().await.unwrap();
                        assert!(node.exchange.inner.log.check().await.unwrap().is_sound());
                    }
                    time.advance(1);
                }
            })
            .await;
        }
    })
    .await;
}

#[tokio::test]
async fn without_agreement_nobody_asks() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        async move {
            let (_country, muni, reniec, _folder) = two(store, time.clone()).await;
            let curious = Ask {
                purpose: "curiosidad".into(),
                ..question()
            };
            let secret = Ask {
                fields: vec!["secret".into()],
                ..question()
            };
            for ask in [curious, secret] {
                let error = muni.exchange.ask(ask).await.unwrap_err();
                assert!(matches!(error, AskError::NoAgreement { .. }), "{error}");
            }
            time.advance(400 * DAY);
            assert!(muni.exchange.ask(question()).await.is_err());
            assert!(
                reniec
                    .exchange
                    .questions_about("40000001")
                    .await
                    .unwrap()
                    .is_empty()
            );
        }
    })
    .await;
}

#[tokio::test]
async fn another_body_can_show_who_asked() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        async move {
            let (_country, muni, reniec, _folder) = two(store, time.clone()).await;
            muni.exchange.ask(question()).await.unwrap();
            let service = persons().subsystem.service("accesses");
            reniec
                .exchange
                .offer(&service, &FactSource::Accesses, true)
                .await
                .unwrap();
            let allowed = Agreement {
                number: "CONV-2".into(),
                service: service.clone(),
                purpose: "mis-datos".into(),
                fields: vec![],
                ..agreement(&*time)
            };
            let ask = Ask {
                service,
                purpose: "mis-datos".into(),
                ..question()
            };
            for node in [&muni, &reniec] {
                node.exchange
                    .agree(std::slice::from_ref(&allowed))
                    .await
                    .unwrap();
            }
            time.advance(1);
            let list = muni
                .exchange
                .ask_accesses(ask, Behalf::default())
                .await
                .unwrap()
                .into_inner();
            // The question about the questions is on record too.
            assert_eq!(list.len(), 2);
            assert_eq!(list[1].by, asking().to_string());
            assert_eq!(list[1].purpose.as_deref(), Some(PURPOSE));
        }
    })
    .await;
}

#[tokio::test]
async fn containers_prove_themselves() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        async move {
            let (_country, muni, reniec, _folder) = two(store, time.clone()).await;
            let params = muni.exchange.shared_params().unwrap();
            let root = params.authorities[0].top.certificate.pem();
            let number = muni
                .exchange
                .ask(question())
                .await
                .unwrap()
                .into_inner()
                .evidence;
            muni.exchange.ask(question()).await.unwrap();
            assert_eq!(muni.exchange.stamp().await.unwrap(), 4);
            assert_eq!(muni.exchange.stamp().await.unwrap(), 0);
            for node in [&muni, &reniec] {
                for half in [Half::Request, Half::Response] {
                    let bytes = node
                        .exchange
                        .container(&number, half)
                        .await
                        .unwrap()
                        .unwrap();
                    let container = trust::asic::Container::read(&bytes).unwrap();
                    assert!(container.batch_stamp.is_some());
                    let proof = trust::asic::verify_container(&bytes, &params, time.now());
                    assert!(proof.is_valid(), "{half:?}: {proof:?}");
                    xmlsec(&container, &root);
                }
            }
            assert!(
                muni.exchange
                    .container("nothing", Half::Request)
                    .await
                    .unwrap()
                    .is_none()
            );
        }
    })
    .await;
}

/// A second opinion on the signature of a container, with the instance's root trusted.
fn xmlsec(container: &trust::asic::Container, root: &str) {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("root.pem", root.as_bytes());
    write("signatures.xml", &container.signature);
    write(
        "sig-hashchainresult.xml",
        &container.hash_chain.as_ref().unwrap().0,
    );
    let output = std::process::Command::new("xmlsec1")
        .args([
            "--verify",
            "--id-attr:Id",
            &format!("{}:SignedProperties", trust::xades::XADES),
        ])
        .args([
            "--trusted-pem",
            "root.pem",
            "--url-map:/sig-hashchainresult.xml",
            "sig-hashchainresult.xml",
        ])
        .arg("signatures.xml")
        .current_dir(folder.path())
        .output();
    match output {
        Err(_) => println!("not run: xmlsec1 missing"),
        Ok(output) => {
            let said =
                String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            assert!(output.status.success(), "{said}");
        }
    }
}

#[tokio::test]
async fn without_time_stamps_the_node_stops_in_time() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        async move {
            let (country, muni, _reniec, _folder) = two(store, time.clone()).await;
            muni.exchange.ask(question()).await.unwrap();
            country.set_away(true);
            assert!(muni.exchange.stamp().await.is_err());
            assert!(muni.exchange.ask(question()).await.is_ok(), "for a while it goes on");
            time.advance(4 * 3_600 + 60);
            assert!(muni.exchange.stamp().await.is_err());
            assert!(muni.exchange.problems().await.unwrap()[0].contains("wait for a time stamp"));
            let error = muni.exchange.ask(question()).await.unwrap_err();
            assert!(matches!(&error, AskError::Refused { code, .. } if code.ends_with("timestamping_failed")), "{error}");
            country.set_away(false);
            assert_eq!(muni.exchange.stamp().await.unwrap(), 4);
            assert!(muni.exchange.ask(question()).await.is_ok());
            time.advance(60);
        }
    })
    .await;
}

#[tokio::test]
async fn what_was_cut_off_is_closed_later() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        async move {
            let (_country, muni, _reniec, _folder) = two(store, time.clone()).await;
            let asking = muni.exchange.clone();
            let outgoing = crate::ask::Outgoing::facts(question(), Behalf::default());
            drop(asking.seal_request(outgoing).await.unwrap());
            assert_eq!(
                (
                    muni.exchange.pending().await.unwrap(),
                    muni.exchange.reconcile().await.unwrap()
                ),
                (1, 0)
            );
            time.advance(60);
            assert_eq!(
                (
                    muni.exchange.reconcile().await.unwrap(),
                    muni.exchange.pending().await.unwrap()
                ),
                (1, 0)
            );
            assert_eq!(
                muni.exchange.questions_about("40000001").await.unwrap()[0].outcome,
                "broken-off"
            );
        }
    })
    .await;
}

/// A back end that says what it received, and facts under `/facts` with more than was asked.
async fn back_end() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            tokio::spawn(async move {
                let service = hyper::service::service_fn(
                    |request: http::Request<hyper::body::Incoming>| async move {
                        use http_body_util::BodyExt;
                        let (head, body) = request.into_parts();
                        let body = body.collect().await?.to_bytes();
                        let text = match head.uri.path() {
                        "/base/facts" => r#"{"found":true,"facts":[{"name":"over18","value":true,"valid_until":null},
                            {"name":"secret","value":"x","valid_until":null}]}"#
                            .to_owned(),
                        _ => format!(
                            "{} {} client={} body={}",
                            head.method,
                            head.uri,
                            head.headers["x-road-client"].to_str().unwrap(),
                            String::from_utf8_lossy(&body)
                        ),
                    };
                        let response = http::Response::builder().status(201).header("x-own", "1");
                        let response = if text.starts_with('{') {
                            response.status(200)
                        } else {
                            response
                        };
                        Ok::<_, hyper::Error>(
                            response
                                .body(http_body_util::Full::new(bytes::Bytes::from(text)))
                                .unwrap(),
                        )
                    },
                );
                let line = hyper_util::rt::TokioIo::new(tcp);
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(line, service)
                    .await;
            });
        }
    });
    format!("http://{address}/base/")
}

#[tokio::test]
async fn information_systems_use_plain_rest() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        async move {
            let (_country, muni, reniec, _folder) = two(store, time.clone()).await;
            let service = persons().subsystem.service("api");
            let source = FactSource::Url {
                url: back_end().await,
                agreement: false,
            };
            reniec
                .exchange
                .offer(&service, &source, true)
                .await
                .unwrap();
            let right = |path: &str| AccessRight {
                subject: asking().into(),
                service: service.clone(),
                method: "*".into(),
                path: path.into(),
            };
            reniec.exchange.permit(&right("/items/*")).await.unwrap();
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let base = format!("http://{}/r1/{service}", listener.local_addr().unwrap());
            let _systems = muni.exchange.serve_systems(listener, false).unwrap();
            let http = Http::plain();
            let client = asking().to_string();
            let call = async |method: &str, url: String, headers: &[(&str, &str)], body: &str| {
                let headers = headers.iter().map(|(name, value)| {
                    (
                        name.parse::<http::HeaderName>().unwrap(),
                        value.parse::<http::HeaderValue>().unwrap(),
                    )
                });
                let method = method.parse().unwrap();
                http.ask(method, &url, headers.collect(), body.to_owned().into())
                    .await
                    .unwrap()
            };
            let named = [
                ("x-road-client", client.as_str()),
                ("x-road-id", "ID-1"),
                ("x-mine", "2"),
            ];
            let answer = call("PUT", format!("{base}/items/7?x=%20y"), &named, "hello").await;
            assert_eq!(answer.status, 201, "{:?}", answer.body);
            assert_eq!(
                &answer.body[..],
                format!("PUT /base/items/7?x=%20y client={client} body=hello").as_bytes()
            );
            for name in [
                "x-road-id",
                "x-road-client",
                "x-road-service",
                "x-road-request-id",
                "x-road-request-hash",
                "x-own",
            ] {
                assert!(answer.headers.contains_key(name), "{name}");
            }
            assert_eq!(answer.headers["x-road-id"], "ID-1");
            for (what, url, headers, code) in [
                (
                    "no right",
                    format!("{base}/other"),
                    &named[..1],
                    "server.serverproxy.access_denied",
                ),
                (
                    "climbing",
                    format!("{base}/items/%2e%2e"),
                    &named[..1],
                    "server.serverproxy.access_denied",
                ),
                (
                    "no client",
                    format!("{base}/items/7"),
                    &named[1..],
                    "server.clientproxy.invalid_client_identifier",
                ),
                (
                    "used number",
                    format!("{base}/items/7"),
                    &named[..2],
                    "server.clientproxy.invalid_request",
                ),
            ] {
                let answer = call("GET", url, headers, "").await;
                assert_eq!(answer.headers["x-road-error"], code, "{what}");
                assert!(!answer.headers["x-road-id"].is_empty(), "{what}");
                let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
                assert_eq!(body["type"], code);
            }
            let xml = [named[0], ("accept", "text/xml")];
            let answer = call("GET", format!("{base}/other"), &xml, "").await;
            assert!(answer.body.starts_with(b"<?xml") && answer.status == 500);
        }
    })
    .await;
}

#[tokio::test]
async fn facts_from_a_back_end_are_minimised() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        async move {
            let (_country, muni, reniec, _folder) = two(store, time.clone()).await;
            let source = FactSource::Url { url: back_end().await, agreement: true };
            reniec.exchange.offer(&persons(), &source, true).await.unwrap();
            let answer = muni.exchange.ask(question()).await.unwrap().into_inner();
            assert_eq!(answer.facts[1].value, Value::Bool(true));
            let bytes = reniec.exchange.container(&answer.evidence, Half::Response).await.unwrap().unwrap();
            let container = trust::asic::Container::read(&bytes).unwrap();
            assert!(!String::from_utf8_lossy(&container.attachments[0]).contains("secret"));
            reniec.exchange.offer(&persons(), &source, false).await.unwrap();
            let error = muni.exchange.ask(question()).await.unwrap_err();
            assert!(matches!(&error, AskError::Refused { code, .. } if code.ends_with("service_disabled")), "{error}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_question_that_takes_long_is_journalled_before_its_answer() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        async move {
            let (_country, muni, reniec, _folder) = two(store, time.clone()).await;
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}/", listener.local_addr().unwrap());
            let source = FactSource::Url {
                url,
                agreement: true,
            };
            reniec
                .exchange
                .offer(&persons(), &source, true)
                .await
                .unwrap();
            let asking = muni.exchange.ask(question());
            let back_end = async {
                let (mut line, _) = listener.accept().await.unwrap();
                while reniec.exchange.pending().await.unwrap() == 0 {
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                }
                let body = r#"{"found":false,"facts":[]}"#;
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                let answer = head + body;
                tokio::io::AsyncWriteExt::write_all(&mut line, answer.as_bytes())
                    .await
                    .unwrap();
                line
            };
            let (answer, _line) = tokio::join!(asking, back_end);
            assert!(!answer.unwrap().into_inner().found);
            assert_eq!(reniec.exchange.pending().await.unwrap(), 0);
        }
    })
    .await;
}

#[tokio::test]
async fn officials_see_what_happened() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        async move {
            let (_country, muni, reniec, _folder) = two(store, time.clone()).await;
            let number = muni
                .exchange
                .ask(question())
                .await
                .unwrap()
                .into_inner()
                .evidence;
            assert_eq!(
                muni.exchange.problems().await.unwrap(),
                Vec::<String>::new()
            );
            let rooms = [muni.exchange.room()];
            let rights = vec![crate::http::READ.to_owned()];
            let official = Actor {
                role: Role::Official {
                    post: "sistemas".into(),
                    rights,
                },
                ..Actor::system("ana")
            };
            let tester = Tester::signed_in(&rooms, official);
            let list = tester.get("/exchange/messages").await;
            assert!(list.text.contains(&number));
            let place = format!("/exchange/messages/{number}");
            let one = tester.get(&place).await;
            assert!(one.text.contains("CONV-2026-1") && one.text.contains("EXP-2026-0001"));
            assert!(
                !one.text.contains("40000001") && !one.text.contains("Rosa"),
                "the page names nobody"
            );
            assert_eq!(
                tester.get(&format!("{place}/response.asice")).await.status,
                200
            );
            assert_eq!(tester.get(&format!("{place}/other.zip")).await.status, 404);
            assert_eq!(tester.get("/exchange/messages/none").await.status, 404);
            let anybody = Tester::new(&rooms);
            assert_ne!(anybody.get(&place).await.status, 200);
            reniec.serving.unwrap().stop().await;
        }
    })
    .await;
}

#[test]
fn every_language_says_the_same_keys() {
    let keys = |locale: Locale| {
        let (_, text) = crate::http::TEXTS
            .iter()
            .find(|(known, _)| *known == locale)
            .unwrap();
        let lines = text
            .lines()
            .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()));
        lines
            .filter_map(|line| line.split_once(" = ").map(|(key, _)| key.to_owned()))
            .collect::<Vec<_>>()
    };
    assert_eq!(keys(Locale::Es), keys(Locale::En));
    assert_eq!(keys(Locale::Es), keys(Locale::Qu));
    assert!(keys(Locale::Es).len() > 40);
}
