//! The listener of pages: accepts plain or TLS connections and serves a router on each. Read by `tambo serve`.
//!
//! Promises: a slow sender of headers is cut off, connections are counted, and on stop the requests in work are finished.
//! Refuses: choosing certificates.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

/// Connections held at one time; each costs about 20 kB.
const CONNECTIONS_MAX: usize = 2_048;
/// Time for a request's headers; the slowest lines send 2 kB in it many times over.
const HEADERS_TIME: Duration = Duration::from_secs(20);
/// Time for a TLS handshake.
const HANDSHAKE_TIME: Duration = Duration::from_secs(15);
/// Bytes of a request's head, and so of its URL and cookies.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// How long requests in work may go on after stop was called.
const STOP_TIME: Duration = Duration::from_secs(20);
/// Rest after the system refuses a connection (too many open files).
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// Serves `router` on `tcp` until `stop` says true, then lets the requests in work end.
pub async fn listen(
    tcp: TcpListener,
    tls: Option<Arc<rustls::ServerConfig>>,
    router: Router,
    mut stop: watch::Receiver<bool>,
) {
    let acceptor = tls.map(TlsAcceptor::from);
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else {
            break;
        };
        let accepted = tokio::select! {
            accepted = tcp.accept() => accepted,
            () = stopped(&mut stop) => break,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, peer)) => {
                let (acceptor, router, stop) = (acceptor.clone(), router.clone(), stop.clone());
                connections.spawn(async move {
                    connection(stream, peer, acceptor, router, stop).await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "can't accept a connection");
                tokio::time::sleep(ACCEPT_REST).await;
            }
        }
    }
    drop(tcp);
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(STOP_TIME, all).await.is_err() {
        tracing::warn!("connections were cut: their requests took longer than the stop allows");
    }
}

/// Waits until `stop` says true, or whoever could say it is gone.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a stop too.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    acceptor: Option<TlsAcceptor>,
    router: Router,
    mut stop: watch::Receiver<bool>,
) {
    // Without it small answers wait for the peer's acknowledgement; failing only costs time.
    let _ = stream.set_nodelay(true);
    let Some(acceptor) = acceptor else {
        return serve(stream, peer, router, stop).await;
    };
    let shaken = tokio::select! {
        shaken = timeout(HANDSHAKE_TIME, acceptor.accept(stream)) => shaken,
        // Nothing was asked yet.
        () = stopped(&mut stop) => return,
    };
    match shaken {
        Ok(Ok(stream)) => serve(stream, peer, router, stop).await,
        Ok(Err(error)) => tracing::debug!(%error, "no TLS handshake"),
        Err(_) => tracing::debug!("the TLS handshake took too long"),
    }
}

async fn serve<S>(stream: S, peer: SocketAddr, router: Router, mut stop: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = hyper::service::service_fn(move |mut request: http::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request.map(axum::body::Body::new))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_TIME)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}
