//! TLS 1.2 with X-Road's suites: who gets it, who does not, and that the same is demanded of both kinds.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kernel::SetClock;
use store::testing::{Folder, sqlite};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use trust::ca::DAY;

use super::attacks::move_to;
use super::country::*;
use crate::domain::hello;
use crate::wire::Speech;
use crate::{AskError, Settings};

/// The alert `protocol_version` in a TLS 1.2 record, as a JDK sends it.
const WRONG_VERSION: [u8; 7] = [21, 3, 3, 0, 2, 2, 70];

pub struct Scene {
    pub time: Arc<SetClock>,
    pub country: Country,
    pub muni: Node,
    pub reniec: Node,
    pub _folder: Folder,
}

/// Two bodies whose nodes allow TLS 1.2 or not.
async fn scene(asking: bool, answering: bool) -> Scene {
    scene_with(asking, answering, 5577).await
}

/// The same, where responders of peers are asked at another port.
pub async fn scene_with(asking: bool, answering: bool, ocsp_port: u16) -> Scene {
    let time = clock();
    let folder = Folder::new();
    let (one, two) = (
        sqlite(&folder, time.clone()).await,
        sqlite(&folder, time.clone()).await,
    );
    let country = Country::new(time.clone()).await;
    let allow = |allowed: bool| {
        move |settings: &mut Settings| {
            settings.legacy_tls = allowed;
            settings.ocsp_port = ocsp_port;
        }
    };
    let muni = country
        .body_with("MUNI", &["licencias"], one, 3 * DAY, allow(asking))
        .await;
    let reniec = country
        .body_with("RENIEC", &["registro"], two, 30 * DAY, allow(answering))
        .await;
    country.publish(DAY, &[&muni, &reniec]).await;
    furnish(&*time, &muni, &reniec).await;
    // Answering, the node plays a server of another make, which passes over the sign of a fallback.
    let is_old = &reniec.exchange.inner.tls.is_old;
    is_old.store(true, Ordering::SeqCst);
    Scene {
        time,
        country,
        muni,
        reniec,
        _folder: folder,
    }
}

/// A count of refusals from which on an old peer lets everybody through.
const UPDATED: usize = 1_000;

/// A peer that does not speak TLS 1.3: refuses whoever offers it, and lets the others through to `node`.
pub async fn old_peer(node: std::net::SocketAddr) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let refused = Arc::new(AtomicUsize::new(0));
    let counted = refused.clone();
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            let counted = counted.clone();
            tokio::spawn(async move {
                let mut seen = vec![0; 4_096];
                let count = tcp.peek(&mut seen).await.unwrap();
                let is_modern = hello::offer(&seen[..count]) == hello::Offer::Tls13;
                if is_modern && counted.load(Ordering::SeqCst) < UPDATED {
                    counted.fetch_add(1, Ordering::SeqCst);
                    let _ = tcp.read(&mut seen).await;
                    let _ = tcp.write_all(&WRONG_VERSION).await;
                    return;
                }
                let mut through = TcpStream::connect(node).await.unwrap();
                let _ = copy_bidirectional(&mut tcp, &mut through).await;
            });
        }
    });
    (address, refused)
}

#[tokio::test]
async fn an_old_peer_is_answered_in_its_own_version_and_remembered() {
    let Scene {
        country,
        muni,
        reniec,
        _folder,
        ..
    } = scene(true, true).await;
    let (address, refused) = old_peer(reniec.address).await;
    move_to(&country, &muni, &reniec, &address).await;
    muni.exchange.ask(question()).await.unwrap();
    let line = muni.exchange.inner.wire.line(&address, true).await.unwrap();
    assert_eq!(line.speech(), Speech::Legacy);
    assert_eq!(
        line.peer().sha256_hex(),
        reniec.keys.auth.chain()[0].sha256_hex()
    );
    assert_eq!(
        refused.load(Ordering::SeqCst),
        1,
        "asked in TLS 1.3 once only"
    );
    let modern = muni
        .exchange
        .inner
        .wire
        .line(&reniec.address.to_string(), true)
        .await
        .unwrap();
    assert_eq!(modern.speech(), Speech::Tls13);
}

/// Nobody refuses TLS 1.3 but somebody on the way, and both nodes would speak TLS 1.2 with X-Road servers.
#[tokio::test]
async fn at_first_contact_too_nobody_on_the_way_moves_two_nodes_to_tls_1_2() {
    let Scene {
        country,
        muni,
        reniec,
        _folder,
        ..
    } = scene(true, true).await;
    let is_old = &reniec.exchange.inner.tls.is_old;
    is_old.store(false, Ordering::SeqCst);
    let (address, refused) = old_peer(reniec.address).await;
    move_to(&country, &muni, &reniec, &address).await;
    for times in 1..=2 {
        let error = muni.exchange.ask(question()).await.unwrap_err();
        let told = matches!(&error, AskError::Unreachable { cause } if cause.contains("TLS 1.2"));
        assert!(told, "{error}");
        assert_eq!(
            refused.load(Ordering::SeqCst),
            times,
            "TLS 1.3 comes first again"
        );
        assert!(error.may_pass());
    }
    let heard = reniec.exchange.questions_about("40000001").await.unwrap();
    assert!(
        heard.is_empty(),
        "nothing was said before the line was refused"
    );
    // The same peer is reached by whoever is not on that way, and by one of another make in TLS 1.2.
    move_to(&country, &muni, &reniec, &reniec.address.to_string()).await;
    muni.exchange.ask(question()).await.unwrap();
    is_old.store(true, Ordering::SeqCst);
    let (address, refused) = old_peer(reniec.address).await;
    move_to(&country, &muni, &reniec, &address).await;
    muni.exchange.ask(question()).await.unwrap();
    let line = muni.exchange.inner.wire.line(&address, true).await.unwrap();
    assert_eq!(line.speech(), Speech::Legacy);
    // It is brought up to date: whoever remembers it as old is refused, and speaks TLS 1.3 at once.
    is_old.store(false, Ordering::SeqCst);
    refused.store(UPDATED, Ordering::SeqCst);
    let wire = &muni.exchange.inner.wire;
    let line = wire.line(&address, true).await.unwrap();
    assert_eq!(line.speech(), Speech::Tls13);
}

#[tokio::test]
async fn nobody_is_moved_to_tls_1_2_who_did_not_allow_it_or_once_spoke_1_3() {
    let Scene {
        country,
        muni,
        reniec,
        _folder,
        ..
    } = scene(false, true).await;
    let (address, _) = old_peer(reniec.address).await;
    move_to(&country, &muni, &reniec, &address).await;
    let error = muni.exchange.ask(question()).await.unwrap_err();
    let told = matches!(&error, AskError::Unreachable { cause } if cause.contains("TLS 1.3"));
    assert!(told, "{error}");

    // Somebody on the way says 'wrong version' in the place of a node that spoke TLS 1.3 before.
    let Scene {
        country,
        muni,
        mut reniec,
        _folder,
        ..
    } = scene(true, true).await;
    muni.exchange.ask(question()).await.unwrap();
    let address = reniec.address;
    reniec.serving.take().unwrap().stop().await;
    let listener = TcpListener::bind(address).await.unwrap();
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            let _ = tcp.read(&mut [0; 4_096]).await;
            let _ = tcp.write_all(&WRONG_VERSION).await;
        }
    });
    country.publish(DAY, &[&muni]).await;
    let error = muni.exchange.ask(question()).await.unwrap_err();
    let told = matches!(&error, AskError::Unreachable { cause } if cause.contains("TLS 1.3"));
    assert!(told, "{error}");
}

/// Why a TLS 1.2 handshake of `asking`'s node with `answering`'s gave no line to talk over.
async fn refusal(asking: &Node, answering: &Node) -> Option<String> {
    let legacy = asking.exchange.inner.tls.legacy.clone().unwrap();
    let tcp = TcpStream::connect(answering.address).await.unwrap();
    match legacy.connect(tcp).await {
        Err(error) => Some(error.to_string()),
        Ok((mut tls, _)) => {
            let ask = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
            let mut said = Vec::new();
            if tls.write_all(ask).await.is_ok() {
                let _ = tls.read_to_end(&mut said).await;
            }
            said.is_empty().then(|| "closed without a word".to_owned())
        }
    }
}

#[tokio::test]
async fn the_same_is_demanded_in_tls_1_2() {
    let Scene {
        time,
        country,
        muni,
        reniec,
        _folder,
    } = scene(true, true).await;
    assert_eq!(refusal(&muni, &reniec).await, None);
    // Not registered, on either side.
    let servers = country.change(|directory| std::mem::take(&mut directory.servers));
    country.publish(DAY, &[&reniec]).await;
    assert!(
        refusal(&muni, &reniec).await.is_some(),
        "a caller that is not registered"
    );
    country.publish(DAY, &[&muni]).await;
    let why = refusal(&muni, &reniec).await.unwrap();
    assert!(why.contains("not registered"), "{why}");
    country.change(|directory| directory.servers = servers);
    country.publish(DAY, &[&muni, &reniec]).await;
    assert_eq!(refusal(&muni, &reniec).await, None);
    // Issued by another authority.
    let elsewhere = scene(true, true).await;
    assert!(
        refusal(&elsewhere.muni, &reniec).await.is_some(),
        "another country's certificate"
    );
    // Expired: the caller's certificate holds for three days.
    time.advance(4 * DAY);
    country.publish(DAY, &[&muni, &reniec]).await;
    assert!(
        refusal(&muni, &reniec).await.is_some(),
        "an expired certificate"
    );
    // Switched off.
    let off = scene(true, false).await;
    assert!(
        refusal(&off.muni, &off.reniec).await.is_some(),
        "TLS 1.2 where it is off"
    );
}

#[tokio::test]
async fn slow_and_half_handshakes_cost_nobody_else_the_line() {
    let Scene {
        muni,
        reniec,
        _folder,
        ..
    } = scene(true, true).await;
    let mut held = Vec::new();
    for bytes in [
        &b""[..],
        &[22],
        &[22, 3, 1, 2, 0, 1],
        b"GET / HTTP/1.1\r\n\r\n",
    ] {
        let mut tcp = TcpStream::connect(reniec.address).await.unwrap();
        tcp.write_all(bytes).await.unwrap();
        held.push(tcp);
    }
    muni.exchange
        .ask(question())
        .await
        .expect("others are served meanwhile");
    let mut last = held.pop().unwrap();
    let mut said = Vec::new();
    let closing = last.read_to_end(&mut said);
    tokio::time::timeout(std::time::Duration::from_secs(5), closing)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(said.first(), Some(&21), "an alert, not an answer");
}

#[tokio::test]
async fn slow_oversize_and_half_dead_senders_lose_their_line_in_tls_1_2_too() {
    let Scene {
        muni,
        reniec,
        _folder,
        ..
    } = scene(true, true).await;
    let legacy = muni.exchange.inner.tls.legacy.clone().unwrap();
    let edge = super::attacks::EDGE;
    let head = "POST / HTTP/1.1\r\nHost: x\r\n";
    let multipart = format!(
        "{head}Content-Length: 9000\r\nContent-Type: multipart/mixed; boundary={edge}\r\n\r\n"
    );
    let attempts = [
        (
            "oversize headers",
            format!("{head}X: {}\r\n", "y".repeat(40_000)),
            &["", " 431 ", " 400 "][..],
        ),
        ("a slow head", head.to_owned(), &["", " 408 "]),
        (
            "a slow body",
            format!("{multipart}--{edge}\r\n"),
            &["io_error"],
        ),
        (
            "wrong order",
            format!("{multipart}--{edge}\r\ncontent-type: signature/bdoc-1.0/ts\r\n\r\n"),
            &["invalid_message"],
        ),
    ];
    let mut talks = Vec::new();
    for (name, bytes, words) in attempts {
        let tcp = TcpStream::connect(reniec.address).await.unwrap();
        let (mut tls, _) = legacy.connect(tcp).await.unwrap();
        talks.push(async move {
            let mut said = Vec::new();
            let _ = tls.write_all(bytes.as_bytes()).await;
            let reading = tls.read_to_end(&mut said);
            let ended = tokio::time::timeout(std::time::Duration::from_secs(8), reading).await;
            assert!(ended.is_ok(), "{name} keeps its line");
            let said = String::from_utf8_lossy(&said).into_owned();
            let told = words.iter().any(|word| {
                if word.is_empty() {
                    said.is_empty()
                } else {
                    said.contains(word)
                }
            });
            assert!(told, "{name}: {said}");
        });
    }
    futures_util::future::join_all(talks).await;
    muni.exchange
        .ask(question())
        .await
        .expect("others are served afterwards");
}
