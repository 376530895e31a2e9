//! Port 5577: what a server says there, to whom and how often; and what is believed of what a peer says there.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use data_encoding::HEXLOWER;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::attacks::move_to;
use super::country::*;
use super::legacy::{Scene, old_peer, scene_with};

/// Says these bytes and hears everything until the other side closes.
async fn say(address: SocketAddr, bytes: &str) -> (u16, String, Vec<u8>) {
    let mut tcp = TcpStream::connect(address).await.unwrap();
    tcp.write_all(bytes.as_bytes()).await.unwrap();
    let mut heard = Vec::new();
    let _ = tcp.read_to_end(&mut heard).await;
    let at = heard.windows(4).position(|four| four == b"\r\n\r\n");
    let Some(at) = at else {
        return (0, String::new(), heard);
    };
    let head = String::from_utf8(heard[..at].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head, heard[at + 4..].to_vec())
}

async fn get(address: SocketAddr, query: &str) -> (u16, String, Vec<u8>) {
    say(
        address,
        &format!("GET /?{query} HTTP/1.1\r\nHost: x\r\n\r\n"),
    )
    .await
}

#[tokio::test]
async fn a_server_hands_out_its_own_responses_in_the_order_asked() {
    let Scene {
        reniec, _folder, ..
    } = scene_with(true, true, 1).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let _serving = reniec.exchange.serve_ocsp(listener);
    let (auth, sign) = (&reniec.keys.auth.chain()[0], &reniec.keys.sign_chain[0]);
    let query = |one: &[u8], two: &[u8]| {
        format!(
            "cert={}&cert={}&cert_hash=00",
            HEXLOWER.encode(one),
            HEXLOWER.encode(two)
        )
    };
    let long = format!("cert_hash={}", HEXLOWER.encode(&auth.sha256()));
    assert_eq!(get(address, &long).await.0, 200, "by SHA-256 alone");
    let (status, head, body) = get(address, &query(&sign.sha1(), &auth.sha1())).await;
    assert_eq!(status, 200, "{head}");
    assert!(
        head.contains(
            "multipart/related; type=\"application/ocsp-response\"; charset=UTF-8; boundary="
        ),
        "{head}"
    );
    let edge = head
        .split("boundary=")
        .nth(1)
        .unwrap()
        .split("\r\n")
        .next()
        .unwrap();
    let own = reniec
        .exchange
        .inner
        .statuses
        .own(&reniec.keys)
        .await
        .unwrap();
    let part = format!("--{edge}\r\nContent-Type: application/ocsp-response\r\n\r\n");
    let end = format!("\r\n--{edge}--\r\n");
    let expected = [
        part.as_bytes(),
        &own.sign[0],
        b"\r\n",
        part.as_bytes(),
        &own.auth[0],
        end.as_bytes(),
    ];
    assert_eq!(body, expected.concat());
}

#[tokio::test]
async fn whatever_else_is_asked_gets_a_short_no() {
    let Scene {
        muni,
        reniec,
        _folder,
        ..
    } = scene_with(true, true, 1).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let _serving = reniec.exchange.serve_ocsp(listener);
    let head = say(address, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!((head.0, head.2.len()), (200, 0));
    let foreign = HEXLOWER.encode(&muni.keys.auth.chain()[0].sha1());
    for query in [
        format!("cert={foreign}"),
        String::new(),
        "cert=zz".into(),
        "cert_hash=00".into(),
    ] {
        let (status, head, body) = get(address, &query).await;
        assert_eq!(status, 500, "{query}");
        assert!(
            head.contains("text/plain") && !body.is_empty() && body.len() < 200,
            "{query}"
        );
    }
    assert_eq!(
        say(
            address,
            "POST / HTTP/1.1\r\nHost: x\r\ncontent-length: 0\r\n\r\n"
        )
        .await
        .0,
        500
    );
    let large = format!(
        "GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n",
        "y".repeat(20_000)
    );
    assert_ne!(say(address, &large).await.0, 200);
    // A slow asker is cut off; a greedy one is told to wait.
    let slow = say(address, "GET / HTTP/1.1\r\nHo");
    let slow = tokio::time::timeout(std::time::Duration::from_secs(6), slow).await;
    assert_ne!(slow.expect("a slow asker keeps its line").0, 200);
    let mut statuses = Vec::new();
    for _ in 0..60 {
        statuses.push(say(address, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n").await.0);
    }
    assert_eq!(statuses.last(), Some(&429));
}

/// A responder written for the test alone, with fixed answers.
async fn responder(listener: TcpListener, answer: Vec<u8>) -> Arc<AtomicUsize> {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            let mut seen = [0; 4_096];
            let count = tcp.read(&mut seen).await.unwrap();
            let seen = String::from_utf8_lossy(&seen[..count]).into_owned();
            assert!(
                seen.starts_with("GET /?cert=") && seen.contains("&cert_hash="),
                "{seen}"
            );
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = tcp.write_all(&answer).await;
        }
    });
    asked
}

fn http(status: &str, kind: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn related(part: &[u8]) -> Vec<u8> {
    let head = b"--e\r\ncontent-type: application/ocsp-response\r\n\r\n";
    let body = [&head[..], part, b"\r\n--e--\r\n"].concat();
    http(
        "200 OK",
        "multipart/related; type=\"application/ocsp-response\"; boundary=e",
        &body,
    )
}

/// Two bodies that talk as X-Road servers do, and the place where the registry's responder will be asked.
async fn x_road() -> (Scene, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let scene = scene_with(true, true, listener.local_addr().unwrap().port()).await;
    let (address, _) = old_peer(scene.reniec.address).await;
    move_to(&scene.country, &scene.muni, &scene.reniec, &address).await;
    (scene, listener)
}

#[tokio::test]
async fn an_x_road_peer_is_asked_itself_so_that_the_authority_may_be_away() {
    let (scene, listener) = x_road().await;
    let Scene {
        country,
        muni,
        reniec,
        ..
    } = &scene;
    let own = reniec
        .exchange
        .inner
        .statuses
        .own(&reniec.keys)
        .await
        .unwrap();
    muni.exchange.inner.statuses.own(&muni.keys).await.unwrap();
    let asked = responder(listener, related(&own.auth[0])).await;
    country.set_away(true);
    for _ in 0..3 {
        muni.exchange.ask(question()).await.unwrap();
    }
    assert_eq!(
        asked.load(Ordering::SeqCst),
        1,
        "kept for the next questions"
    );
}

#[tokio::test]
async fn what_a_peer_says_about_itself_is_checked_and_the_authority_is_asked_instead() {
    let stranger = scene_with(true, true, 1).await;
    let other = stranger
        .muni
        .exchange
        .inner
        .statuses
        .own(&stranger.muni.keys)
        .await
        .unwrap();
    let answers = [
        related(b"garbage"),
        related(&other.auth[0]),
        http("200 OK", "text/plain", b"hello"),
        http("500 Server Error", "text/plain", b"no"),
        http(
            "200 OK",
            "multipart/related; boundary=e",
            &vec![b'x'; 400_000],
        ),
        Vec::new(),
    ];
    for answer in answers {
        let (scene, listener) = x_road().await;
        let asked = responder(listener, answer).await;
        scene.muni.exchange.ask(question()).await.unwrap();
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        scene
            .muni
            .exchange
            .inner
            .statuses
            .own(&scene.muni.keys)
            .await
            .unwrap();
    }
    // With the authority away too, nothing is said to the peer.
    let (scene, listener) = x_road().await;
    let _asked = responder(listener, related(b"garbage")).await;
    scene
        .muni
        .exchange
        .inner
        .statuses
        .own(&scene.muni.keys)
        .await
        .unwrap();
    scene.country.set_away(true);
    assert!(scene.muni.exchange.ask(question()).await.is_err());
    assert!(
        scene
            .reniec
            .exchange
            .questions_about("40000001")
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_peer_that_proves_its_own_revocation_is_believed() {
    let (scene, listener) = x_road().await;
    let Scene {
        country,
        muni,
        reniec,
        ..
    } = &scene;
    let certificate = &reniec.keys.auth.chain()[0];
    country.revoke(certificate);
    let revoked = country.ocsp_response(certificate);
    let _asked = responder(listener, related(&revoked)).await;
    let error = muni.exchange.ask(question()).await.unwrap_err();
    assert!(error.to_string().contains("revoked"), "{error}");
    assert!(
        reniec
            .exchange
            .questions_about("40000001")
            .await
            .unwrap()
            .is_empty()
    );
}
