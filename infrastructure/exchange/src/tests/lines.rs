//! Certificates, directories and lines that break: what a node does when trust ends or a peer goes away.

use std::sync::Arc;
use std::time::Duration;

use kernel::Clock;
use store::testing::{Folder, both_at, sqlite};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use trust::ca::DAY;

use super::attacks::{EDGE, limits, move_to, sealed, send, two};
use super::country::*;
use crate::AskError;
use crate::wire::{Arrived, Departing, Reply, WireError, serve};

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
            let vetted = crate::status::Vetted::default();
            let signers = trust::xades::KnownSigners::default();
            let check = |signer: &str, seconds: i64| {
                let scope = crate::status::Scope {
                    view: &view,
                    now: time.now().plus_seconds(seconds),
                    freshness: crate::status::Freshness { seconds: 3_600 },
                    vetted: &vetted,
                    signers: &signers,
                };
                crate::seal::verify((*request.envelope).clone(), &member(signer), &scope)
            };
            assert!(check("MUNI", 0).is_ok() && check("MUNI", 3_000).is_ok());
            assert!(
                check("MUNI", 2 * 3_600 + 400).is_err(),
                "the OCSP response is old"
            );
            assert!(
                check("MUNI", 400 * DAY).is_err(),
                "the certificate has expired"
            );
            assert!(
                check("MUNI", -DAY).is_err(),
                "the certificate is not valid yet"
            );
            assert!(check("RENIEC", 0).is_err(), "another member");
        }
    })
    .await;
}

#[tokio::test]
async fn statuses_fetched_while_the_clock_was_ahead_are_fetched_anew() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        async move {
            let (_country, muni, _reniec, _folder) = two(store, time.clone()).await;
            let keys = &muni.keys;
            let statuses = || muni.exchange.inner.statuses.own(keys);
            for seconds in [6 * 3_600, -6 * 3_600] {
                time.advance(seconds);
                let own = statuses().await.unwrap();
                let view = muni.exchange.inner.held.any().unwrap();
                let scope = crate::status::Scope {
                    view: &view,
                    now: time.now(),
                    freshness: crate::status::Freshness { seconds: 3_600 },
                    vetted: &crate::status::Vetted::default(),
                    signers: &trust::xades::KnownSigners::default(),
                };
                let (leaf, above) = keys.sign_chain.split_first().unwrap();
                let purpose = crate::status::Purpose::Signing;
                let checked = scope.check(purpose, leaf, above, &own.sign);
                assert!(checked.is_ok(), "{seconds}: {checked:?}");
            }
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
async fn idle_lines_do_not_hold_up_a_stop() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        async move {
            let (_country, muni, mut reniec, _folder) = two(store, time.clone()).await;
            // One line that was used and is kept, one that only shook hands, one that has not even begun to.
            muni.exchange.ask(question()).await.unwrap();
            let shaken = raw_line(&muni, &reniec).await;
            let silent = TcpStream::connect(reniec.address).await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
            let stopping = reniec.serving.take().unwrap().stop();
            let stopped = tokio::time::timeout(Duration::from_secs(1), stopping).await;
            assert!(stopped.is_ok(), "idle lines kept the listener");
            drop((shaken, silent));
        }
    })
    .await;
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
            Arc::make_mut(&mut request.envelope).body = Some(vec![b'x'; reniec.exchange.settings().body_bytes_max + 1].into());
            let reply = send(&muni, &reniec, &request).await;
            let told = matches!(&reply, Ok(Reply::Fault(report)) if report.code == "server.serverproxy.invalid_body");
            assert!(told, "{reply:?}");
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
            assert!(matches!(error, AskError::Broken { .. }), "{error}");
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
            time.advance(1);
            country.publish(DAY, &[&muni, &reniec]).await;
            assert!(muni.exchange.take_configuration(&old).await.is_err(), "an older one");
            let mut forged = country.published();
            let at = forged.directory.windows(6).position(|six| six == b"Expire").unwrap();
            forged.directory[at + 20] ^= 1;
            assert!(muni.exchange.take_configuration(&forged).await.is_err(), "a changed one");
            let mut other = country.published();
            other.files.iter_mut().for_each(|file| file.bytes[100] ^= 1);
            assert!(muni.exchange.take_configuration(&other).await.is_err(), "other files");
            assert!(muni.exchange.ask(question()).await.is_ok());
            time.advance(DAY + 1);
            let error = muni.exchange.ask(question()).await.unwrap_err();
            assert!(matches!(&error, AskError::Refused { code, .. } if code.ends_with("global_conf_outdated")), "{error}");
            assert!(muni.exchange.take_configuration(&country.published()).await.is_err(), "an expired one");
        }
    })
    .await;
}
