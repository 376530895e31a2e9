//! What attackers try, on either side of the wire, and the name that each attempt gets.

use std::sync::Arc;
use std::time::Duration;

use kernel::Clock;
use store::Store;
use store::testing::{Folder, both_at, sqlite};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use trust::ca::DAY;

use super::country::*;
use crate::ask::{Outgoing, Sealed};
use crate::domain::codes::{Code, Leaf};
use crate::domain::multipart::{self, Direction, Envelope, Kind, Reader, frame};
use crate::wire::{Arrived, Call, Departing, Limits, Reply, Serving, WireError, serve};
use crate::{Agreement, AskError, Behalf};

const EDGE: &str = "xtopabcdefghijklmnopqrstuvwxyzabcd";

/// How a corrupt registry writes an answer.
type Change = fn(Envelope) -> Vec<u8>;

/// Both nodes, with the answering one on the engine under test.
async fn two(store: Store, time: Arc<kernel::SetClock>) -> (Country, Node, Node, Folder) {
    let folder = Folder::new();
    let other = sqlite(&folder, time.clone()).await;
    let (country, muni, reniec) = pair(time, other, store).await;
    (country, muni, reniec, folder)
}

/// Puts a listener with the registry's own keys in its place, which changes every answer before it leaves.
async fn corrupt(
    country: &Country,
    muni: &Node,
    reniec: &Node,
    change: impl Fn(Envelope) -> Vec<u8> + Send + Sync + 'static,
) -> Serving {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (exchange, change) = (reniec.exchange.clone(), Arc::new(change));
    let handler = Arc::new(move |arrived: Arrived| {
        let (exchange, change) = (exchange.clone(), change.clone());
        Box::pin(async move {
            match exchange.answer(arrived).await {
                Departing::Fault(text) => Departing::Fault(text),
                Departing::Message { boundary, bytes } => {
                    let mut reader = Reader::new(&boundary, Direction::Response, 1 << 20);
                    reader.push(&bytes).unwrap();
                    let bytes = change(reader.finish().unwrap());
                    Departing::Message {
                        boundary: EDGE.into(),
                        bytes: bytes.into(),
                    }
                }
            }
        }) as futures_util::future::BoxFuture<'static, Departing>
    });
    move_to(country, muni, reniec, &address).await;
    serve(listener, &reniec.exchange.inner.tls, limits(), handler)
}

async fn move_to(country: &Country, muni: &Node, reniec: &Node, address: &str) {
    country.change(|directory| {
        let server = directory
            .servers
            .iter_mut()
            .find(|server| server.id.owner == reniec.member);
        server.unwrap().address = address.to_owned();
    });
    country.publish(DAY, &[muni, reniec]).await;
}

fn limits() -> Limits {
    let whole = Duration::from_secs(5);
    Limits {
        connections: 10,
        stall: Duration::from_secs(2),
        whole,
        body: 1 << 20,
    }
}

fn write(envelope: &Envelope) -> Vec<u8> {
    multipart::write(envelope, Direction::Response, EDGE)
}

async fn sealed(node: &Node) -> Sealed {
    node.exchange
        .seal_request(Outgoing::facts(question(), Behalf::default()))
        .await
        .unwrap()
}

/// Sends any bytes as a message, with the asking node's own certificate.
async fn send_bytes(
    muni: &Node,
    reniec: &Node,
    request_id: &str,
    bytes: Vec<u8>,
) -> Result<Reply, WireError> {
    let call = Call {
        boundary: EDGE.into(),
        request_id: request_id.into(),
        original_content_type: "application/json".into(),
        bytes: bytes.into(),
    };
    {
        let wire = &muni.exchange.inner.wire;
        let line = wire.line(&reniec.address.to_string(), true).await?;
        wire.call(line, &call).await
    }
}

async fn send(muni: &Node, reniec: &Node, sealed: &Sealed) -> Result<Reply, WireError> {
    let bytes = multipart::write(&sealed.envelope, Direction::Request, EDGE);
    send_bytes(muni, reniec, &sealed.request_id, bytes).await
}

fn leaf(reply: Result<Reply, WireError>) -> Leaf {
    match reply {
        Ok(Reply::Fault(report)) => Code::parse(&report.code).expect("a known code").leaf,
        other => panic!("a fault was expected: {other:?}"),
    }
}

#[tokio::test]
async fn a_changed_answer_is_a_bad_signature() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        async move {
            let (country, muni, reniec, _folder) = two(store, time).await;
            let changes: [(&str, Change); 9] = [
                ("body", |mut e| {
                    let body = e.body.as_mut().unwrap();
                    let last = body.len() - 3;
                    body[last] ^= 1;
                    write(&e)
                }),
                ("body left out", |e| write(&Envelope { body: None, ..e })),
                ("status", |mut e| {
                    e.rest[2] = b'1';
                    write(&e)
                }),
                ("signature value", |mut e| {
                    let text = String::from_utf8(e.signature.clone()).unwrap();
                    let at = text.find("</ds:SignatureValue>").unwrap() - 10;
                    e.signature[at] = if e.signature[at] == b'A' { b'B' } else { b'A' };
                    write(&e)
                }),
                ("signature cut", |mut e| {
                    e.signature.truncate(e.signature.len() / 2);
                    write(&e)
                }),
                ("chain", |mut e| {
                    let chain = e.chain.as_mut().unwrap();
                    let at = chain.len() / 2;
                    chain[at] ^= 1;
                    write(&e)
                }),
                ("two bodies", |e| {
                    let body = e.body.as_deref().unwrap();
                    let parts = [
                        (Kind::Response, &e.rest[..]),
                        (Kind::Body, body),
                        (Kind::Body, body),
                        (Kind::Signature, &e.signature),
                    ];
                    frame(&parts, EDGE)
                }),
                ("order", |e| {
                    let parts = [
                        (Kind::Signature, &e.signature[..]),
                        (Kind::Response, &e.rest),
                    ];
                    frame(&parts, EDGE)
                }),
                ("a part after the signature", |e| {
                    let mut bytes = write(&e);
                    bytes.truncate(bytes.len() - 4);
                    bytes.extend_from_slice(
                        &frame(&[(Kind::Body, b"more")], EDGE)[EDGE.len() + 4..],
                    );
                    bytes
                }),
            ];
            for (name, change) in changes {
                let rogue = corrupt(&country, &muni, &reniec, change).await;
                let error = muni.exchange.ask(question()).await.unwrap_err();
                assert!(
                    matches!(error, AskError::BadSignature { .. }),
                    "{name}: {error}"
                );
                rogue.cut();
            }
            let asked = muni.exchange.questions_about("40000001").await.unwrap();
            assert!(asked.iter().all(
                |question| question.outcome == "bad-signature" && question.log_entry.is_some()
            ));
            assert_eq!(asked.len(), 9);
        }
    })
    .await;
}

#[tokio::test]
async fn an_old_answer_to_another_question_is_refused() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        async move {
            let (country, muni, reniec, _folder) = two(store, time).await;
            let first: Arc<std::sync::Mutex<Option<Envelope>>> = Arc::default();
            let _rogue = corrupt(&country, &muni, &reniec, move |e| {
                write(first.lock().unwrap().get_or_insert(e))
            })
            .await;
            muni.exchange.ask(question()).await.unwrap();
            let error = muni.exchange.ask(question()).await.unwrap_err();
            assert!(matches!(&error, AskError::BadSignature { cause } if cause.contains("another question")), "{error}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_member_cannot_sign_for_another() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        async move {
            let (country, muni, reniec, folder) = two(store, time.clone()).await;
            let third = sqlite(&folder, time.clone()).await;
            let sunat = country.body("SUNAT", &["ruc"], third).await;
            country.publish(DAY, &[&muni, &reniec, &sunat]).await;
            // A certificate that is good in itself, but SUNAT's, over a response of RENIEC.
            let own = sunat
                .exchange
                .inner
                .statuses
                .own(&sunat.keys)
                .await
                .unwrap();
            let (keys, at) = (sunat.keys.clone(), time.now());
            let _rogue = corrupt(&country, &muni, &reniec, move |e| {
                write(&crate::seal::seal(&keys.sign, e.rest, e.body, at, &own.sign).unwrap())
            })
            .await;
            let error = muni.exchange.ask(question()).await.unwrap_err();
            assert!(
                matches!(&error, AskError::BadSignature { cause } if cause.contains("SUNAT")),
                "{error}"
            );
            // And a question in MUNI's name over SUNAT's line.
            let request = sealed(&muni).await;
            assert_eq!(
                leaf(send(&sunat, &reniec, &request).await),
                Leaf::SslAuthenticationFailed
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_question_arrives_once_only() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        async move {
            let (_country, muni, reniec, _folder) = two(store, time).await;
            let request = sealed(&muni).await;
            assert!(matches!(
                send(&muni, &reniec, &request).await,
                Ok(Reply::Message { .. })
            ));
            assert_eq!(
                leaf(send(&muni, &reniec, &request).await),
                Leaf::InvalidRequest
            );
            assert_eq!(
                reniec
                    .exchange
                    .questions_about("40000001")
                    .await
                    .unwrap()
                    .len(),
                1
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_changed_question_is_refused_before_anybody_is_asked() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        async move {
            let (_country, muni, reniec, _folder) = two(store, time).await;
            let mut request = sealed(&muni).await;
            let body = request.envelope.body.as_mut().unwrap();
            let at = body.iter().position(|&byte| byte == b'1').unwrap();
            body[at] = b'2';
            assert_eq!(
                leaf(send(&muni, &reniec, &request).await),
                Leaf::InvalidSignatureValue
            );

            let mut request = sealed(&muni).await;
            let rest = String::from_utf8(request.envelope.rest.clone()).unwrap();
            request.envelope.rest = rest.replace("EXP-2026-0001", "EXP-2026-0002").into_bytes();
            assert_eq!(
                leaf(send(&muni, &reniec, &request).await),
                Leaf::InvalidSignatureValue
            );

            let mut request = sealed(&muni).await;
            request.request_id = "00000000-0000-4000-8000-000000000000".into();
            assert_eq!(
                leaf(send(&muni, &reniec, &request).await),
                Leaf::InconsistentHeaders
            );

            let request = sealed(&muni).await;
            let e = &request.envelope;
            let no_signature = frame(&[(Kind::Request, &e.rest)], EDGE);
            assert_eq!(
                leaf(send_bytes(&muni, &reniec, "x", no_signature).await),
                Leaf::MissingSignature
            );
            let twice = [
                (Kind::Request, &e.rest[..]),
                (Kind::Request, &e.rest),
                (Kind::Signature, &e.signature),
            ];
            assert_eq!(
                leaf(send_bytes(&muni, &reniec, "x", frame(&twice, EDGE)).await),
                Leaf::InvalidMessage
            );
            let turned = [
                (Kind::Signature, &e.signature[..]),
                (Kind::Request, &e.rest),
            ];
            assert_eq!(
                leaf(send_bytes(&muni, &reniec, "x", frame(&turned, EDGE)).await),
                Leaf::InvalidMessage
            );
            let host = [e.rest.as_slice(), b"Host:evil\r\n"].concat();
            let forbidden = [(Kind::Request, &host[..]), (Kind::Signature, &e.signature)];
            assert_eq!(
                leaf(send_bytes(&muni, &reniec, "x", frame(&forbidden, EDGE)).await),
                Leaf::InvalidMessage
            );
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
async fn the_provider_refuses_what_it_has_not_agreed() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        async move {
            let (_country, muni, reniec, _folder) = two(store, time.clone()).await;
            let held = agreement(&*time);
            let cases = [
                Agreement { until: time.now().plus_seconds(-1), ..held.clone() },
                Agreement { fields: vec!["over18".into()], ..held.clone() },
                Agreement { purpose: "otra".into(), ..held.clone() },
                Agreement { number: "CONV-2".into(), purpose: "otra".into(), ..held.clone() },
            ];
            for provider_side in cases {
                reniec.exchange.agree(&[provider_side]).await.unwrap();
                let error = muni.exchange.ask(question()).await.unwrap_err();
                assert!(matches!(&error, AskError::Refused { code, .. } if code.ends_with("access_denied")), "{error}");
            }
            reniec.exchange.agree(&[Agreement { daily_limit: Some(1), ..held }]).await.unwrap();
            muni.exchange.ask(question()).await.unwrap();
            assert!(muni.exchange.ask(question()).await.is_err());
            time.advance(DAY);
        }
    })
    .await;
}

#[tokio::test]
async fn paths_are_read_in_one_way_only() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        async move {
            let (_country, muni, reniec, _folder) = two(store, time).await;
            for below in [
                "/%2e%2e/facts",
                "/..;/facts",
                "/%252e%252e/facts",
                "/../../facts",
                "/a%2f..%2ffacts",
                "/fa%63ts%00",
            ] {
                let outgoing = Outgoing {
                    below: below.into(),
                    ..Outgoing::facts(question(), Behalf::default())
                };
                let request = muni.exchange.seal_request(outgoing).await.unwrap();
                assert_eq!(
                    leaf(send(&muni, &reniec, &request).await),
                    Leaf::InvalidRequest,
                    "{below}"
                );
            }
        }
    })
    .await;
}

#[tokio::test]
async fn expired_and_revoked_certificates_end_the_talk() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        async move {
            let country = Country::new(time.clone()).await;
            let folder = Folder::new();
            let other = sqlite(&folder, time.clone()).await;
            let (muni, reniec) = {
                let muni = country.body("MUNI", &["licencias"], other).await;
                let reniec = country
                    .body_with("RENIEC", &["registro"], store, 2 * DAY, |_| {})
                    .await;
                (muni, reniec)
            };
            country.publish(DAY, &[&muni, &reniec]).await;
            muni.exchange.agree(&[agreement(&*time)]).await.unwrap();
            let before = muni.exchange.ask(question()).await.unwrap_err();
            assert!(
                matches!(before, AskError::Refused { .. }),
                "reached and refused: {before}"
            );
            time.advance(3 * DAY);
            country.publish(DAY, &[&muni]).await;
            let error = muni.exchange.ask(question()).await.unwrap_err();
            assert!(
                matches!(&error, AskError::Unreachable { cause } if cause.contains("expired")),
                "{error}"
            );
            // The asking side's certificate is revoked: its authority no longer says that it is good.
            country.revoke(&muni.keys.sign_chain[0]);
            time.advance(3_600);
            let error = muni.exchange.ask(question()).await.unwrap_err();
            assert!(
                matches!(&error, AskError::Unreachable { cause } if cause.contains("revoked")),
                "{error}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn nothing_is_said_to_a_server_whose_certificate_was_revoked() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        async move {
            let (country, muni, reniec, _folder) = two(store, time.clone()).await;
            muni.exchange.ask(question()).await.unwrap();
            country.revoke(&reniec.keys.auth.chain()[0]);
            time.advance(3_600);
            let error = muni.exchange.ask(question()).await.unwrap_err();
            let told =
                matches!(&error, AskError::Unreachable { cause } if cause.contains("revoked"));
            assert!(told, "{error}");
            assert_eq!(
                reniec
                    .exchange
                    .questions_about("40000001")
                    .await
                    .unwrap()
                    .len(),
                1
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_signature_is_checked_at_the_clock_s_time() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        async move {
            let (_country, muni, reniec, _folder) = two(store, time.clone()).await;
            let request = sealed(&muni).await;
            let view = reniec.exchange.inner.held.any().unwrap();
            let check = |seconds: i64| {
                let now = time.now().plus_seconds(seconds);
                let freshness = crate::status::Freshness { seconds: 3_600 };
                crate::seal::verify(
                    request.envelope.clone(),
                    &member("MUNI"),
                    &view,
                    now,
                    freshness,
                )
            };
            assert!(check(0).is_ok() && check(3_000).is_ok());
            assert!(check(2 * 3_600 + 400).is_err(), "the OCSP response is old");
            assert!(check(400 * DAY).is_err(), "the certificate has expired");
            assert!(check(-DAY).is_err(), "the certificate is not valid yet");
            let other = crate::seal::verify(
                request.envelope.clone(),
                &member("RENIEC"),
                &view,
                time.now(),
                crate::status::Freshness { seconds: 3_600 },
            );
            assert!(other.is_err());
        }
    })
    .await;
}

#[tokio::test]
async fn certificates_that_are_not_registered_get_no_line() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        async move {
            let (country, muni, reniec, folder) = two(store, time.clone()).await;
            let third = sqlite(&folder, time.clone()).await;
            let sunat = country.body("SUNAT", &["ruc"], third).await;
            country.change(|directory| {
                directory
                    .servers
                    .retain(|server| server.id.owner != sunat.member);
            });
            country.publish(DAY, &[&muni, &reniec, &sunat]).await;
            let request = sealed(&muni).await;
            let reply = send(&sunat, &reniec, &request).await;
            assert!(
                matches!(reply, Err(WireError::Broken(_) | WireError::Unreachable(_))),
                "{reply:?}"
            );
            let ask = crate::Ask {
                service: sunat.member.subsystem("ruc").service("x"),
                ..question()
            };
            assert!(muni.exchange.ask(ask).await.is_err());
        }
    })
    .await;
}

async fn raw_line(muni: &Node, reniec: &Node) -> tokio_rustls::client::TlsStream<TcpStream> {
    let tcp = TcpStream::connect(reniec.address).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(muni.exchange.inner.tls.client.clone());
    connector
        .connect("node.invalid".try_into().unwrap(), tcp)
        .await
        .unwrap()
}

/// What the node says until it closes the line, or `None` if it keeps the line open for longer than six seconds.
async fn last_words(mut line: tokio_rustls::client::TlsStream<TcpStream>) -> Option<String> {
    let mut said = Vec::new();
    let reading = async {
        let mut piece = [0_u8; 4_096];
        while let Ok(count @ 1..) = line.read(&mut piece).await {
            said.extend_from_slice(&piece[..count]);
        }
    };
    tokio::time::timeout(Duration::from_secs(6), reading)
        .await
        .ok()?;
    Some(String::from_utf8_lossy(&said).into_owned())
}

#[tokio::test]
async fn slow_and_oversize_senders_lose_their_line() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        async move {
            let (_country, muni, reniec, _folder) = two(store, time).await;
            let mut line = raw_line(&muni, &reniec).await;
            let large = format!("POST / HTTP/1.1\r\nHost: x\r\nX: {}\r\n", "y".repeat(40_000));
            let _ = line.write_all(large.as_bytes()).await;
            let said = last_words(line).await.expect("closed");
            assert!(said.is_empty() || said.contains(" 431 ") || said.contains(" 400 "), "{said}");

            let mut half_head = raw_line(&muni, &reniec).await;
            half_head.write_all(b"POST / HTTP/1.1\r\nHost: x\r\n").await.unwrap();
            let mut half_body = raw_line(&muni, &reniec).await;
            let head = format!(
                "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\nContent-Type: multipart/mixed; boundary={EDGE}\r\n\r\n\r\n--{EDGE}\r\n"
            );
            half_body.write_all(head.as_bytes()).await.unwrap();
            let (head, body) = tokio::join!(last_words(half_head), last_words(half_body));
            assert!(head.is_some(), "a slow head keeps its line");
            assert!(body.expect("a slow body keeps its line").contains("io_error"));
            muni.exchange.ask(question()).await.expect("others are served meanwhile");
        }
    })
    .await;
}

#[tokio::test]
async fn bodies_over_the_limit_are_refused() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        async move {
            let (_country, muni, reniec, _folder) = two(store, time).await;
            let mut request = sealed(&muni).await;
            request.envelope.body = Some(vec![b'x'; reniec.exchange.settings().body_bytes_max + 1]);
            let reply = send(&muni, &reniec, &request).await;
            let told = matches!(&reply, Ok(Reply::Fault(report)) if report.code.contains("invalid_message"));
            assert!(told || matches!(reply, Err(WireError::Broken(_))), "{reply:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_registry_that_is_away_slow_or_dies_is_told_apart() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        async move {
            let (country, muni, mut reniec, _folder) = two(store, time.clone()).await;
            // It dies half-way: after the handshake and the request, in the middle of its answer.
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap().to_string();
            move_to(&country, &muni, &reniec, &address).await;
            let acceptor = tokio_rustls::TlsAcceptor::from(reniec.exchange.inner.tls.server.clone());
            let dying = tokio::spawn(async move {
                let (tcp, _) = listener.accept().await.unwrap();
                let mut tls = acceptor.accept(tcp).await.unwrap();
                let mut piece = [0_u8; 2_048];
                let _ = tls.read(&mut piece).await;
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: 9000\r\nContent-Type: multipart/mixed; boundary={EDGE}\r\n\r\n\r\n--{EDGE}\r\nContent-");
                let _ = tls.write_all(head.as_bytes()).await;
                let _ = tls.flush().await;
            });
            let error = muni.exchange.ask(question()).await.unwrap_err();
            assert!(matches!(error, AskError::Unreachable { .. }), "{error}");
            dying.await.unwrap();
            time.advance(1);

            // It takes the question and says nothing.
            let handler = Arc::new(|_: Arrived| {
                Box::pin(async {
                    tokio::time::sleep(Duration::from_secs(60)).await;
                    Departing::Fault(String::new())
                }) as futures_util::future::BoxFuture<'static, Departing>
            });
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap().to_string();
            let silent = serve(listener, &reniec.exchange.inner.tls, limits(), handler);
            move_to(&country, &muni, &reniec, &address).await;
            let error = muni.exchange.ask(question()).await.unwrap_err();
            assert!(matches!(error, AskError::Timeout), "{error}");
            silent.cut();
            time.advance(1);

            // It is away.
            reniec.serving.take().unwrap().stop().await;
            let gone = reniec.address.to_string();
            move_to(&country, &muni, &reniec, &gone).await;
            let error = muni.exchange.ask(question()).await.unwrap_err();
            assert!(matches!(error, AskError::Unreachable { .. }), "{error}");
            assert!(error.may_pass());
            let outcomes: Vec<_> =
                muni.exchange.questions_about("40000001").await.unwrap().into_iter().map(|q| q.outcome).collect();
            assert_eq!(outcomes, ["unreachable", "timeout", "unreachable"]);
        }
    })
    .await;
}

#[tokio::test]
async fn directories_must_be_signed_current_and_newer() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        async move {
            let (country, muni, reniec, _folder) = two(store, time.clone()).await;
            let old = country.published();
            country.publish(DAY, &[&muni, &reniec]).await;
            assert!(muni.exchange.take_directory(&old).await.is_err(), "an older one");
            let forged = country.published().replace("RENIEC", "RENIES");
            assert!(muni.exchange.take_directory(&forged).await.is_err(), "a changed one");
            assert!(muni.exchange.take_directory("{}").await.is_err());
            assert!(muni.exchange.ask(question()).await.is_ok());
            time.advance(DAY + 1);
            let error = muni.exchange.ask(question()).await.unwrap_err();
            assert!(matches!(&error, AskError::Refused { code, .. } if code.ends_with("global_conf_outdated")), "{error}");
            assert!(muni.exchange.take_directory(&country.published()).await.is_err(), "an expired one");
        }
    })
    .await;
}
