//! Large bodies, both ways, over real sockets: equal to the byte, in little memory, bounded, and told when there is no room.

use std::sync::Arc;

use aws_lc_rs::digest;
use bytes::Bytes;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use kernel::SetClock;
use store::testing::{Folder, sqlite};
use tokio::net::TcpListener;
use trust::ca::DAY;

use super::country::*;
use crate::wire::Serving;
use crate::{AccessRight, FactSource};

const MIB: usize = 1 << 20;

/// Bytes that differ from place to place, so that a piece in a wrong place shows.
fn piece(at: usize) -> Bytes {
    (0..64 * 1024)
        .map(|i| ((at + i) * 31 % 251) as u8)
        .collect::<Vec<u8>>()
        .into()
}

fn stream(
    size: usize,
) -> StreamBody<impl futures_util::Stream<Item = std::io::Result<Frame<Bytes>>>> {
    let places = (0..size).step_by(64 * 1024);
    let pieces = places.map(move |at| {
        let bytes = piece(at);
        Ok(Frame::data(bytes.slice(..bytes.len().min(size - at))))
    });
    StreamBody::new(futures_util::stream::iter(pieces))
}

async fn digest_of(mut body: Incoming) -> (usize, Vec<u8>) {
    let mut context = digest::Context::new(&digest::SHA256);
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return (0, vec![]) };
        if let Ok(data) = frame.into_data() {
            length += data.len();
            context.update(&data);
        }
    }
    (length, context.finish().as_ref().to_vec())
}

fn expected(size: usize) -> Vec<u8> {
    let mut context = digest::Context::new(&digest::SHA256);
    for at in (0..size).step_by(64 * 1024) {
        let bytes = piece(at);
        context.update(&bytes[..bytes.len().min(size - at)]);
    }
    context.finish().as_ref().to_vec()
}

/// A system that tells the digest of what it got, and under `/SIZE` gives as many bytes.
async fn system() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            tokio::spawn(async move {
                let service =
                    hyper::service::service_fn(|request: http::Request<Incoming>| async move {
                        let wanted = request
                            .uri()
                            .path()
                            .trim_start_matches('/')
                            .parse()
                            .unwrap_or(0);
                        let (length, digest) = digest_of(request.into_body()).await;
                        let told = format!("{length} {}", data_encoding::HEXLOWER.encode(&digest));
                        let response = http::Response::builder().header("x-got", told);
                        Ok::<_, hyper::Error>(response.body(stream(wanted)).unwrap())
                    });
                let line = hyper_util::rt::TokioIo::new(tcp);
                let builder = hyper::server::conn::http1::Builder::new();
                let _ = builder.serve_connection(line, service).await;
            });
        }
    });
    format!("http://{address}")
}

struct Scene {
    _country: Country,
    _muni: Node,
    _reniec: Node,
    _serving: Serving,
    _folders: ([Folder; 2], tempfile::TempDir),
    spool: std::path::PathBuf,
    base: String,
}

async fn scene(time: Arc<SetClock>, max: usize) -> Scene {
    let folders = [Folder::new(), Folder::new()];
    let place = tempfile::tempdir().unwrap();
    let spool = place.path().join("spool");
    let country = Country::new(time.clone()).await;
    let folder = spool.clone();
    let set = move |settings: &mut crate::Settings| {
        settings.body_bytes_max = max;
        settings.timeout_seconds = 30;
        settings.spool_folder = Some(folder.clone());
    };
    let first = sqlite(&folders[0], time.clone()).await;
    let second = sqlite(&folders[1], time.clone()).await;
    let muni = country
        .body_with("MUNI", &["licencias"], first, 365 * DAY, set.clone())
        .await;
    let reniec = country
        .body_with("RENIEC", &["registro"], second, 365 * DAY, set)
        .await;
    country.publish(DAY, &[&muni, &reniec]).await;
    let service = persons().subsystem.service("files");
    let source = FactSource::Url {
        url: system().await,
        agreement: false,
    };
    reniec
        .exchange
        .offer(&service, &source, true)
        .await
        .unwrap();
    reniec
        .exchange
        .permit(&AccessRight::whole(asking(), service.clone()))
        .await
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("{}/r1/{service}", listener.local_addr().unwrap());
    let serving = muni.exchange.serve_systems(listener, false).unwrap();
    Scene {
        _country: country,
        _muni: muni,
        _reniec: reniec,
        _serving: serving,
        _folders: (folders, place),
        spool,
        base,
    }
}

impl Scene {
    async fn ask(&self, sent: usize, wanted: usize) -> http::Response<Incoming> {
        let (host, path) = self.base.split_once('/').unwrap();
        let tcp = tokio::net::TcpStream::connect(host).await.unwrap();
        let line = hyper_util::rt::TokioIo::new(tcp);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(line).await.unwrap();
        tokio::spawn(connection);
        let request = http::Request::post(format!("/{path}/{wanted}"))
            .header("host", "node")
            .header("x-road-client", asking().to_string());
        sender
            .send_request(request.body(stream(sent)).unwrap())
            .await
            .unwrap()
    }
}

async fn passes(scene: &Scene, size: usize) {
    let response = scene.ask(size, size).await;
    assert_eq!(response.status(), 200, "{:?}", response.headers());
    let hex = data_encoding::HEXLOWER.encode(&expected(size));
    assert_eq!(response.headers()["x-got"], format!("{size} {hex}"));
    assert_eq!(response.headers()["content-length"], size.to_string());
    assert_eq!(
        digest_of(response.into_body()).await,
        (size, expected(size))
    );
}

#[tokio::test]
async fn ten_megabytes_pass_both_ways_to_the_byte_and_leave_no_file() {
    let scene = scene(clock(), 32 * MIB).await;
    for size in [64 * 1024, 64 * 1024 + 1, 10 * MIB + 7] {
        passes(&scene, size).await;
    }
    assert_eq!(std::fs::read_dir(&scene.spool).unwrap().count(), 0);
}

#[tokio::test]
async fn bodies_over_the_limit_or_without_room_are_told() {
    let scene = scene(clock(), MIB).await;
    let response = scene.ask(MIB + 1, 0).await;
    assert_eq!(response.headers()["x-road-error"], "client.invalid_body");
    let response = scene.ask(1, MIB + 1).await;
    assert_eq!(
        response.headers()["x-road-error"],
        "server.serverproxy.io_error"
    );
    // Where the folder should be stands a file: there is no room for large bodies, and small ones still pass.
    let _ = std::fs::remove_dir_all(&scene.spool);
    std::fs::write(&scene.spool, "x").unwrap();
    let response = scene.ask(MIB / 2, 0).await;
    assert_eq!(
        response.headers()["x-road-error"],
        "server.clientproxy.io_error"
    );
    assert_eq!(scene.ask(1_000, 1_000).await.status(), 200);
}

#[tokio::test]
async fn a_system_that_breaks_off_is_forgotten() {
    let scene = scene(clock(), 32 * MIB).await;
    let (host, path) = scene.base.split_once('/').unwrap();
    let mut tcp = tokio::net::TcpStream::connect(host).await.unwrap();
    let head = format!(
        "POST /{path}/0 HTTP/1.1\r\nhost: node\r\nx-road-client: {}\r\ncontent-length: {}\r\n\r\n",
        asking(),
        10 * MIB
    );
    use tokio::io::AsyncWriteExt;
    tcp.write_all(head.as_bytes()).await.unwrap();
    tcp.write_all(&vec![7; MIB]).await.unwrap();
    drop(tcp);
    passes(&scene, 100_000).await;
    assert_eq!(std::fs::read_dir(&scene.spool).unwrap().count(), 0);
}
