//! The listener and the client over real sockets, plain and TLS: reuse, limits, names, stopping.

#![expect(
    clippy::unwrap_used,
    reason = "a test tells by its panic what went wrong"
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use maud::html;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use web::client::{Http, HttpError, HttpLimits};
use web::testing::{TEST_START, settings};
use web::{OuterSettings, Page, Room, Routes, Visit, page};

/// A certificate of the name `localhost` and its key, made for this test alone; good until 2126.
const CERTIFICATE: &[u8] = include_bytes!("tls/localhost.der");
const KEY: &[u8] = include_bytes!("tls/localhost.key.der");

struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

async fn home(visit: Visit) -> Page {
    Ok(page(&visit, "Inicio", html! { p { (visit.client) } }))
}

async fn slow(visit: Visit) -> Page {
    tokio::time::sleep(Duration::from_millis(400)).await;
    home(visit).await
}

async fn serve(tls: Option<Arc<rustls::ServerConfig>>) -> Server {
    let rooms = [Room::new("sample").routes(Routes::new().get("/", home).get("/slow", slow))];
    let clock = Arc::new(kernel::SetClock::at(TEST_START));
    let router = web::outer(
        rooms[0].routes.router(),
        settings(&rooms, clock, OuterSettings::nobody()),
    );
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = tcp.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(web::listen::listen(tcp, tls, router, stopped));
    Server {
        address,
        stop,
        task,
    }
}

fn server_config() -> Arc<rustls::ServerConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from(CERTIFICATE)],
            PrivatePkcs8KeyDer::from(KEY).into(),
        );
    Arc::new(config.unwrap())
}

fn client(trusting: bool) -> Http {
    let mut roots = rustls::RootCertStore::empty();
    if trusting {
        roots.add(CertificateDer::from(CERTIFICATE)).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Http::tls(Arc::new(config))
}

#[tokio::test]
async fn plain_answers_come_bounded_and_other_addresses_are_refused() {
    let server = serve(None).await;
    let url = format!("http://{}/", server.address);
    let answer = Http::plain().get(&url).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK);
    assert!(
        String::from_utf8_lossy(&answer.body).contains("127.0.0.1"),
        "the peer's address is known"
    );
    let small = Http::plain().limits(HttpLimits {
        answer_bytes: 100,
        ..HttpLimits::default()
    });
    let error = small.get(&url).await.unwrap_err();
    assert!(
        matches!(error, HttpError::TooLarge { bytes: 100, .. }),
        "{error}"
    );
    let hasty = HttpLimits {
        total: Duration::from_millis(50),
        ..HttpLimits::default()
    };
    let error = Http::plain()
        .limits(hasty)
        .get(&format!("{url}slow"))
        .await
        .unwrap_err();
    assert!(matches!(error, HttpError::Slow { .. }), "{error}");
    assert!(matches!(
        Http::plain().get("ftp://x/").await,
        Err(HttpError::Address(_))
    ));
    assert!(matches!(
        Http::plain().get("https://localhost:1/").await,
        Err(HttpError::Connect { .. })
    ));
}

#[tokio::test]
async fn an_authority_behind_tls_is_asked_if_a_named_authority_vouches_for_it() {
    let server = serve(Some(server_config())).await;
    let url = format!("https://localhost:{}/", server.address.port());
    let base64 = data_encoding::BASE64_MIME.encode(CERTIFICATE);
    let pem = format!("-----BEGIN CERTIFICATE-----\n{base64}-----END CERTIFICATE-----\n");
    let named = Http::trusting(Some(&pem)).unwrap();
    assert_eq!(named.get(&url).await.unwrap().status, StatusCode::OK);
    let public = Http::trusting(None).unwrap();
    let error = public.get(&url).await.unwrap_err();
    assert!(
        matches!(&error, HttpError::Connect { cause, .. } if cause.contains("UnknownIssuer")),
        "{error}"
    );
    let other_name = format!("https://127.0.0.1:{}/", server.address.port());
    assert!(
        named.get(&other_name).await.is_err(),
        "another name than the certificate's"
    );
    for bad in [
        "",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        assert!(Http::trusting(Some(bad)).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn connections_are_reused_and_a_dead_one_is_replaced() {
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", tcp.local_addr().unwrap());
    let accepted = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = accepted.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = tcp.accept().await.unwrap();
            counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            // Two answers on each connection, then it is closed without a word.
            for _ in 0..2 {
                let mut buffer = [0_u8; 1024];
                tokio::io::AsyncReadExt::read(&mut stream, &mut buffer)
                    .await
                    .unwrap();
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                tokio::io::AsyncWriteExt::write_all(&mut stream, answer)
                    .await
                    .unwrap();
            }
        }
    });
    let http = Http::plain();
    for _ in 0..6 {
        assert_eq!(http.get(&url).await.unwrap().body, "ok");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(accepted.load(std::sync::atomic::Ordering::SeqCst), 3);
}

#[tokio::test]
async fn tls_is_spoken_only_with_whom_the_roots_name() {
    let server = serve(Some(server_config())).await;
    let port = server.address.port();
    let answer = client(true)
        .get(&format!("https://localhost:{port}/"))
        .await
        .unwrap();
    assert_eq!(answer.status, StatusCode::OK);
    let unknown = client(false)
        .get(&format!("https://localhost:{port}/"))
        .await;
    assert!(matches!(unknown, Err(HttpError::Connect { .. })));
    let misnamed = client(true)
        .get(&format!("https://127.0.0.1:{port}/"))
        .await;
    assert!(matches!(misnamed, Err(HttpError::Connect { .. })));
    assert!(
        Http::plain()
            .get(&format!("http://localhost:{port}/"))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn stopping_lets_a_request_in_work_end_and_takes_no_new_ones() {
    let server = serve(None).await;
    let url = format!("http://{}/", server.address);
    let slow = format!("{url}slow");
    let in_work = tokio::spawn(async move { Http::plain().get(&slow).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.stop.send(true).unwrap();
    assert_eq!(in_work.await.unwrap().unwrap().status, StatusCode::OK);
    tokio::time::timeout(Duration::from_secs(5), server.task)
        .await
        .unwrap()
        .unwrap();
    assert!(Http::plain().get(&url).await.is_err());
}

#[tokio::test]
async fn idle_lines_do_not_hold_up_a_stop() {
    for tls in [None, Some(server_config())] {
        let server = serve(tls.clone()).await;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://localhost:{}/", server.address.port());
        let asked = client(true);
        assert_eq!(asked.get(&url).await.unwrap().status, StatusCode::OK);
        // One that never says anything, and with TLS has not even shaken hands.
        let silent = tokio::net::TcpStream::connect(server.address)
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        server.stop.send(true).unwrap();
        let ended = tokio::time::timeout(Duration::from_secs(1), server.task).await;
        assert!(ended.is_ok(), "{scheme}: idle lines kept the listener");
        drop((asked, silent));
    }
}
