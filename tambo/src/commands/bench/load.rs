//! The load: a provider that answers with so many bytes, and clients that ask over kept connections.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kernel::{Chance, SystemChance};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::commands::Problem;

/// Serves a provider that answers every request with as many bytes as its path ends with.
///
/// # Errors
/// No port is free.
pub async fn provider() -> Result<SocketAddr, Problem> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let whole = Bytes::from(vec![b'x'; 10 * 1024 * 1024]);
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let _ = tcp.set_nodelay(true);
            let whole = whole.clone();
            let service = service_fn(move |request: Request<Incoming>| {
                let size = request.uri().path().rsplit('/').next();
                let size = size.and_then(|size| size.parse().ok()).unwrap_or(0);
                let mut response = Response::new(Full::new(whole.slice(..whole.len().min(size))));
                let kind = http::HeaderValue::from_static("application/octet-stream");
                response.headers_mut().insert("content-type", kind);
                std::future::ready(Ok::<_, Infallible>(response))
            });
            let line = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(tcp), service);
            tokio::spawn(line);
        }
    });
    Ok(address)
}

/// What is asked of whom.
#[derive(Clone)]
pub struct Target {
    /// Where.
    pub address: SocketAddr,
    /// Path.
    pub path: String,
    /// Headers.
    pub headers: Vec<(&'static str, String)>,
    /// Whether each question gets a random number here, as other programs do it.
    pub numbered: bool,
    /// Bytes that each answer must have.
    pub bytes: usize,
}

impl Target {
    fn request(&self) -> Result<Request<Full<Bytes>>, String> {
        let mut request = Request::get(&self.path).header("host", self.address.to_string());
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if self.numbered {
            let number = SystemChance::default().uuid();
            request = request.header("x-road-id", number);
        }
        request
            .body(Full::default())
            .map_err(|error| error.to_string())
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let tcp = TcpStream::connect(self.address)
            .await
            .map_err(|e| text(&e))?;
        tcp.set_nodelay(true).map_err(|e| text(&e))?;
        let (sender, line) = handshake(TokioIo::new(tcp)).await.map_err(|e| text(&e))?;
        tokio::spawn(line);
        Ok(sender)
    }

    async fn ask(&self, sender: &mut SendRequest<Full<Bytes>>) -> Result<(), String> {
        sender.ready().await.map_err(|error| error.to_string())?;
        let answer = sender.send_request(self.request()?).await;
        let answer = answer.map_err(|error| error.to_string())?;
        let status = answer.status();
        let mut body = answer.into_body();
        let (mut bytes, mut start) = (0, Vec::new());
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| error.to_string())?;
            let data = frame.into_data().unwrap_or_default();
            if start.is_empty() {
                start.extend_from_slice(&data[..data.len().min(300)]);
            }
            bytes += data.len();
        }
        if status == StatusCode::OK && bytes == self.bytes {
            return Ok(());
        }
        let start = String::from_utf8_lossy(&start).into_owned();
        Err(format!("status {status}, {bytes} bytes: {start}"))
    }
}

/// How the load is given.
#[derive(Clone, Copy)]
pub struct Pace {
    /// Clients at the same time.
    pub clients: usize,
    /// For how long.
    pub time: Duration,
    /// Requests in a second over all clients; none for as many as go.
    pub per_second: Option<f64>,
}

/// What came of it.
pub struct Run {
    /// Milliseconds of each request, sorted.
    pub millis: Vec<f64>,
    /// Seconds on the wall.
    pub seconds: f64,
}

impl Run {
    /// Requests in a second of wall time.
    pub fn per_second(&self) -> f64 {
        self.millis.len() as f64 / self.seconds
    }

    /// Milliseconds below which this part of all requests stayed.
    pub fn percentile(&self, part: f64) -> f64 {
        let at = (self.millis.len() as f64 * part) as usize;
        self.millis
            .get(at)
            .or(self.millis.last())
            .copied()
            .unwrap_or(0.0)
    }
}

/// Asks over and over.
///
/// # Errors
/// A request failed.
pub async fn run(target: &Target, pace: Pace) -> Result<Run, Problem> {
    let (began, sent) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
    let mut clients = JoinSet::new();
    for _ in 0..pace.clients {
        let (target, sent) = (target.clone(), sent.clone());
        clients.spawn(async move { client(&target, pace, began, &sent).await });
    }
    let mut millis = Vec::new();
    while let Some(done) = clients.join_next().await {
        millis.extend(done?.map_err(Problem)?);
    }
    millis.sort_by(f64::total_cmp);
    Ok(Run {
        millis,
        seconds: began.elapsed().as_secs_f64(),
    })
}

async fn client(
    target: &Target,
    pace: Pace,
    began: Instant,
    sent: &AtomicUsize,
) -> Result<Vec<f64>, String> {
    let mut sender = target.connect().await?;
    let mut millis = Vec::new();
    while began.elapsed() < pace.time {
        if let Some(per_second) = pace.per_second {
            let turn = sent.fetch_add(1, Ordering::Relaxed);
            let due = began + Duration::from_secs_f64(turn as f64 / per_second);
            tokio::time::sleep_until(due.into()).await;
        }
        let asked = Instant::now();
        target.ask(&mut sender).await?;
        millis.push(asked.elapsed().as_secs_f64() * 1e3);
    }
    Ok(millis)
}
