//! A crowd at the door of the body's own systems: slow ones keep nobody out, those who leave are not waited for.

use std::time::{Duration, Instant};

use store::testing::{Folder, sqlite};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use trust::ca::DAY;

use super::country::*;
use super::offers::system;
use crate::wire::Serving;
use crate::{AccessRight, FactSource};

struct Scene {
    _others: (Country, Node, Serving, [Folder; 2]),
    muni: Node,
    systems: std::net::SocketAddr,
    path: String,
}

/// Two bodies of which the asking one has a single place.
async fn scene() -> Scene {
    let (time, folders) = (clock(), [Folder::new(), Folder::new()]);
    let country = Country::new(time.clone()).await;
    let store = sqlite(&folders[0], time.clone()).await;
    let muni = country
        .body_with("MUNI", &["licencias"], store, 365 * DAY, |settings| {
            settings.places = 1;
        })
        .await;
    let store = sqlite(&folders[1], time.clone()).await;
    let reniec = country.body("RENIEC", &["registro"], store).await;
    country.publish(DAY, &[&muni, &reniec]).await;
    furnish(&*time, &muni, &reniec).await;
    let service = persons().subsystem.service("files");
    let source = FactSource::Url {
        url: system("{}").await,
        agreement: false,
    };
    let answering = &reniec.exchange;
    answering.offer(&service, &source, true).await.unwrap();
    let right = AccessRight::whole(asking(), service.clone());
    answering.permit(&right).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let systems = listener.local_addr().unwrap();
    let serving = muni.exchange.serve_systems(listener, false).unwrap();
    Scene {
        _others: (country, reniec, serving, folders),
        muni,
        systems,
        path: format!("/r1/{service}"),
    }
}

impl Scene {
    /// A line on which a request's head was sent, with a body announced that never comes or with none.
    async fn begin(&self, body: Option<usize>) -> TcpStream {
        let mut tcp = TcpStream::connect(self.systems).await.unwrap();
        let (verb, length) = match body {
            Some(length) => ("POST", format!("Content-Length: {length}\r\n")),
            None => ("GET", String::new()),
        };
        let (path, client) = (&self.path, asking());
        let head = format!(
            "{verb} {path}/a?b=c HTTP/1.1\r\nHost: n\r\nX-Road-Client: {client}\r\n\
             X-Own: kept\r\n{length}\r\n"
        );
        tcp.write_all(head.as_bytes()).await.unwrap();
        tcp
    }

    fn waiting(&self) -> i64 {
        self.muni.exchange.inner.places.waiting()
    }

    async fn until_waiting(&self, is: impl Fn(i64) -> bool) {
        let until = Instant::now() + Duration::from_secs(3);
        while !is(self.waiting()) {
            assert!(Instant::now() < until, "{} wait", self.waiting());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

async fn said(mut tcp: TcpStream) -> String {
    let mut bytes = vec![0; 4_096];
    let count = tcp.read(&mut bytes).await.unwrap();
    String::from_utf8_lossy(&bytes[..count]).into_owned()
}

#[tokio::test]
async fn slow_senders_keep_nobody_out() {
    let scene = scene().await;
    let mut slow = Vec::new();
    for _ in 0..8 {
        slow.push(scene.begin(Some(100)).await);
    }
    scene.until_waiting(|count| count >= 6).await;
    let began = Instant::now();
    let answer = said(scene.begin(None).await).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    // The slow ones would have held the place for the ten seconds that one silence may last, each.
    let waited = began.elapsed();
    assert!(waited < Duration::from_secs(8), "{waited:?}");
    // They are not cut off for having been slow: one that goes on is answered.
    let mut late = slow.pop().unwrap();
    late.write_all(&[b'x'; 100]).await.unwrap();
    let answer = said(late).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn who_leaves_is_not_waited_for() {
    let scene = scene().await;
    let mut slow = Vec::new();
    for _ in 0..16 {
        slow.push(scene.begin(Some(100)).await);
    }
    scene.until_waiting(|count| count >= 14).await;
    let mut patient = Vec::new();
    for _ in 0..30 {
        patient.push(scene.begin(None).await);
    }
    scene.until_waiting(|count| count >= 40).await;
    // Half a second for each of the slow ones would be eight seconds.
    drop(patient);
    scene.until_waiting(|count| count <= 16).await;
    drop(slow);
    scene.until_waiting(|count| count == 0).await;
    let answer = said(scene.begin(None).await).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}
