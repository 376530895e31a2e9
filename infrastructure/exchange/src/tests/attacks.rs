//! What attackers try, on either side of the wire, and the name that each attempt gets.

use std::sync::Arc;
use std::time::Duration;

use kernel::Clock;
use store::Store;
use store::testing::{Folder, both_at, sqlite};
use tokio::net::TcpListener;
use trust::ca::DAY;

use super::country::*;
use crate::ask::{Outgoing, Sealed};
use crate::domain::codes::{Code, Leaf};
use crate::domain::multipart::{self, Direction, Envelope, Kind, frame};
use crate::wire::{Arrived, Call, Departing, Limits, Reply, Serving, Wire, WireError, serve};
use crate::{Agreement, AskError, Behalf};

pub const EDGE: &str = "xtopabcdefghijklmnopqrstuvwxyzabcd";

/// How a corrupt registry writes an answer.
type Change = fn(Envelope) -> Vec<u8>;

/// Both nodes, with the answering one on the engine under test.
pub async fn two(store: Store, time: Arc<kernel::SetClock>) -> (Country, Node, Node, Folder) {
    let folder = Folder::new();
    let other = sqlite(&folder, time.clone()).await;
    let (country, muni, reniec) = pair(time, other, store).await;
    (country, muni, reniec, folder)
}

/// Puts a listener with the registry's own keys in its place, which changes every answer before it leaves.
pub async fn corrupt(
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
                Departing::Message { envelope, .. } => Departing::Raw {
                    boundary: EDGE.into(),
                    frame: bytes::Bytes::from(change(envelope)).into(),
                },
                other => other,
            }
        }) as futures_util::future::BoxFuture<'static, Departing>
    });
    move_to(country, muni, reniec, &address).await;
    serve(listener, &reniec.exchange.inner.tls, limits(), handler)
}

pub async fn move_to(country: &Country, muni: &Node, reniec: &Node, address: &str) {
    country.change(|directory| {
        let server = directory
            .servers
            .iter_mut()
            .find(|server| server.id.owner == reniec.member);
        server.unwrap().address = address.to_owned();
    });
    country.publish(DAY, &[muni, reniec]).await;
}

pub fn limits() -> Limits {
    let whole = Duration::from_secs(5);
    Limits {
        connections: 10,
        shares: false,
        stall: Duration::from_secs(2),
        whole,
        room: crate::body::SpoolRoom::new(&std::env::temp_dir(), 1 << 20),
    }
}

fn write(envelope: &Envelope) -> Vec<u8> {
    multipart::write(envelope, Direction::Response, EDGE).to_vec()
}

pub async fn sealed(node: &Node) -> Sealed {
    node.exchange
        .seal_request(Outgoing::facts(question(), Behalf::default()))
        .await
        .unwrap()
}

/// Sends any bytes as a message, with the asking node's own certificate.
pub async fn send_bytes(
    muni: &Node,
    reniec: &Node,
    request_id: &str,
    bytes: Vec<u8>,
) -> Result<Reply, WireError> {
    let call = Call {
        boundary: EDGE.into(),
        request_id: request_id.into(),
        original_content_type: "application/json".into(),
        envelope: Arc::default(),
        raw: Some(bytes::Bytes::from(bytes).into()),
    };
    let Wire::Tls(caller) = &muni.exchange.inner.wire else {
        panic!("a wire of sockets was expected");
    };
    let wire = Wire::Tls(caller.alone());
    let line = wire.line(&reniec.address.to_string(), true).await?;
    wire.call(line, &call).await
}

pub async fn send(muni: &Node, reniec: &Node, sealed: &Sealed) -> Result<Reply, WireError> {
    let bytes = multipart::write(&sealed.envelope, Direction::Request, EDGE);
    send_bytes(muni, reniec, &sealed.request_id, bytes.to_vec()).await
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
                    let mut body = crate::body::small(e.body.as_ref()).to_vec();
                    let last = body.len() - 3;
                    body[last] ^= 1;
                    e.body = Some(body.into());
                    write(&e)
                }),
                ("body left out", |e| write(&Envelope { body: None, ..e })),
                ("status", |mut e| {
                    let mut rest = e.rest.to_vec();
                    rest[2] = b'1';
                    e.rest = rest.into();
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
                    let body = crate::body::small(e.body.as_ref());
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
                let unsealed =
                    crate::seal::Unsealed::new(e.rest.into_bytes(), e.body, at, own.clone());
                write(&unsealed.seal(&keys.sign).unwrap())
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

/// Another message under the same number, signed by the same member.
pub(super) async fn changed(muni: &Node, mut request: Sealed) -> Sealed {
    let rest = String::from_utf8(request.envelope.rest.to_vec()).unwrap();
    let rest = rest.replace("EXP-2026-0001", "EXP-2026-0002");
    let inner = &muni.exchange.inner;
    let own = inner.statuses.own(&muni.keys).await.unwrap();
    let (auth, body) = (own.auth.clone(), request.envelope.body.clone());
    let unsealed = crate::seal::Unsealed::new(rest.into_bytes(), body, inner.clock.now(), own);
    let mut envelope = unsealed.seal(&muni.keys.sign).unwrap();
    envelope.ocsp = auth;
    request.envelope = Arc::new(envelope);
    request
}

#[tokio::test]
async fn a_question_arrives_once_only() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        async move {
            let (_country, muni, reniec, _folder) = two(store, time).await;
            let request = sealed(&muni).await;
            let answer = async |request: &Sealed| match send(&muni, &reniec, request).await {
                Ok(Reply::Message { envelope }) => (envelope.rest, envelope.body),
                other => panic!("{other:?}"),
            };
            // The same bytes again get what was answered, and nobody is asked again.
            assert_eq!(answer(&request).await, answer(&request).await);
            let other = changed(&muni, request).await;
            assert_eq!(
                leaf(send(&muni, &reniec, &other).await),
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
            // The answer and its repetition; the log has nothing of what was read and not given out.
            assert_eq!(reniec.exchange.inner.log.place_all().await.unwrap(), 2);
        }
    })
    .await;
}

#[tokio::test]
async fn a_captured_question_is_worth_nothing_again_elsewhere_or_later() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        async move {
            let (country, muni, mut reniec, folder) = two(store, time.clone()).await;
            let third = sqlite(&folder, time.clone()).await;
            let sunat = country.body("SUNAT", &["ruc"], third).await;
            country.publish(DAY, &[&muni, &reniec, &sunat]).await;
            let request = sealed(&muni).await;
            let captured = multipart::write(&request.envelope, Direction::Request, EDGE).to_vec();
            let again = |node: Node, id: &str| {
                let (id, bytes, muni) = (id.to_owned(), captured.clone(), &muni);
                async move { (send_bytes(muni, &node, &id, bytes).await, node) }
            };
            let id = request.request_id.clone();
            let (reply, sunat) = again(sunat, &id).await;
            assert_eq!(leaf(reply), Leaf::UnknownService, "at another body");
            let (reply, node) = again(reniec, &id).await;
            let answer = |reply| match reply {
                Ok(Reply::Message { envelope }) => (envelope.rest, envelope.body),
                other => panic!("{other:?}"),
            };
            let first = answer(reply);
            // From the client's own node it brings what that node has already, and moves nothing.
            let (reply, node) = again(node, &id).await;
            assert_eq!(answer(reply), first, "again");
            let (reply, node) = again(node, "00000000-0000-4000-8000-000000000000").await;
            assert_eq!(leaf(reply), Leaf::InconsistentHeaders, "as another attempt");
            reniec = node;
            // The node starts anew and remembers.
            reniec.serving.take().unwrap().stop().await;
            let exchange = crate::Exchange::new(reniec.parts()).await.unwrap();
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            reniec.address = listener.local_addr().unwrap();
            reniec.serving = Some(exchange.serve(listener));
            let (reply, reniec) = again(reniec, &id).await;
            assert_eq!(answer(reply), first, "after a restart");
            // A question that nobody answered yet is too old once its OCSP response is.
            let unsent = sealed(&muni).await;
            time.advance(2 * 3_600);
            country.publish(DAY, &[&muni, &reniec, &sunat]).await;
            exchange.refresh_directory().await.unwrap();
            let reply = leaf(send(&muni, &reniec, &unsent).await);
            let old = [Leaf::SslAuthenticationFailed, Leaf::IncorrectValidationInfo];
            assert!(old.contains(&reply), "{reply:?}");
            let asked = exchange.questions_about("40000001").await.unwrap();
            assert_eq!(asked.len(), 1);
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
            let mut body = crate::body::small(request.envelope.body.as_ref()).to_vec();
            let at = body.iter().position(|&byte| byte == b'1').unwrap();
            body[at] = b'2';
            Arc::make_mut(&mut request.envelope).body = Some(body.into());
            assert_eq!(
                leaf(send(&muni, &reniec, &request).await),
                Leaf::InvalidSignatureValue
            );

            let mut request = sealed(&muni).await;
            let rest = String::from_utf8(request.envelope.rest.to_vec()).unwrap();
            Arc::make_mut(&mut request.envelope).rest = rest
                .replace("EXP-2026-0001", "EXP-2026-0002")
                .into_bytes()
                .into();
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
            let host = [&e.rest[..], b"Host:evil\r\n"].concat();
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
                    Leaf::AccessDenied,
                    "{below}"
                );
            }
        }
    })
    .await;
}
