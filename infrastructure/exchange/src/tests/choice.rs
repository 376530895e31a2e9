//! Several servers of one provider, over real sockets: dead, slow, cut, in maintenance, named.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use store::testing::{Folder, sqlite};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use trust::ca::DAY;
use trust::globalconf::Maintenance;

use super::country::*;
use crate::AskError;
use crate::ask::Outgoing;
use crate::directory::Server;
use crate::domain::codes::{Code, Leaf};

struct Scene {
    time: Arc<kernel::SetClock>,
    country: Country,
    muni: Node,
    reniec: Node,
    _folder: Folder,
}

async fn scene() -> Scene {
    let time = clock();
    let folder = Folder::new();
    let (one, two) = (
        sqlite(&folder, time.clone()).await,
        sqlite(&folder, time.clone()).await,
    );
    let (country, muni, reniec) = pair(time.clone(), one, two).await;
    Scene {
        time,
        country,
        muni,
        reniec,
        _folder: folder,
    }
}

impl Scene {
    /// Lists the registry's servers at these addresses, all with the same certificate.
    async fn list(&self, addresses: &[&str]) {
        self.country.change(|directory| {
            let registry = self.reniec.member.clone();
            let at = directory
                .servers
                .iter()
                .position(|server| server.id.owner == registry);
            let known = directory.servers[at.unwrap()].clone();
            directory
                .servers
                .retain(|server| server.id.owner != registry);
            let more = addresses.iter().enumerate().map(|(at, address)| Server {
                id: registry.server(&format!("r{at}")),
                address: (*address).to_owned(),
                ..known.clone()
            });
            directory.servers.extend(more);
        });
        self.country.publish(DAY, &[&self.muni, &self.reniec]).await;
    }

    async fn close_for_work(&self, code: &str, message: &str) {
        self.country.change(|directory| {
            let server = directory
                .servers
                .iter_mut()
                .find(|server| server.id.code == code);
            server.unwrap().maintenance = Some(Maintenance {
                message: Some(message.to_owned()),
            });
        });
        self.country.publish(DAY, &[&self.muni, &self.reniec]).await;
    }

    async fn ask(&self) -> Result<(), AskError> {
        self.muni.exchange.ask(question()).await.map(drop)
    }

    fn winner(&self) -> Option<String> {
        let now = kernel::Clock::now(&*self.time);
        self.muni
            .exchange
            .inner
            .fastest
            .of(&persons().subsystem, now)
    }
}

/// An address where nobody listens.
async fn dead() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().to_string()
}

/// An address where a connection hangs, because the queue is full and nobody takes from it.
async fn hanging() -> (String, Vec<TcpStream>, TcpListener) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    while let Ok(tcp) =
        tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(address)).await
    {
        queue.push(tcp.unwrap());
        assert!(queue.len() < 10, "the queue of one never fills");
    }
    (address.to_string(), queue, listener)
}

/// A way to `node` that can be cut: all lines at once, and nobody listens there afterwards.
async fn cuttable(node: SocketAddr) -> (String, watch::Sender<bool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (cut, is_cut) = watch::channel(false);
    tokio::spawn(async move {
        let mut done = is_cut.clone();
        loop {
            let (mut tcp, _) = tokio::select! {
                accepted = listener.accept() => accepted.unwrap(),
                _ = done.changed() => return,
            };
            let mut is_cut = is_cut.clone();
            tokio::spawn(async move {
                let mut on = TcpStream::connect(node).await.unwrap();
                tokio::select! {
                    _ = copy_bidirectional(&mut tcp, &mut on) => {}
                    _ = is_cut.changed() => {}
                }
            });
        }
    });
    (address, cut)
}

#[tokio::test]
async fn a_dead_and_a_hanging_server_cost_nothing_when_another_lives() {
    let scene = scene().await;
    let live = scene.reniec.address.to_string();
    let (hanging, _queue, _listener) = hanging().await;
    scene.list(&[&dead().await, &hanging, &live]).await;
    let started = Instant::now();
    scene.ask().await.unwrap();
    assert!(
        started.elapsed() < Duration::from_secs(3),
        "waited for a dead server"
    );
    assert_eq!(scene.winner(), Some(live.clone()));
    // The memory ends after an hour.
    scene.time.advance(3_599);
    assert_eq!(scene.winner(), Some(live));
    scene.time.advance(1);
    assert_eq!(scene.winner(), None);
    scene.list(&[&dead().await, &dead().await]).await;
    let error = scene.ask().await.unwrap_err();
    assert!(matches!(error, AskError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn a_winner_that_fails_is_dropped_and_another_is_asked() {
    let scene = scene().await;
    let (away, cut) = cuttable(scene.reniec.address).await;
    scene.list(&[&away, &dead().await]).await;
    scene.ask().await.unwrap();
    assert_eq!(scene.winner().as_deref(), Some(&away[..]));
    // It goes away while nothing is under way: the next question finds the other server in the same breath.
    cut.send(true).unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let live = scene.reniec.address.to_string();
    scene.list(&[&away, &live]).await;
    scene.ask().await.unwrap();
    assert_eq!(scene.winner(), Some(live));
}

#[tokio::test]
async fn a_line_cut_in_mid_question_is_not_repeated_but_its_server_is_dropped() {
    let mut scene = scene().await;
    let (away, cut) = cuttable(scene.reniec.address).await;
    scene.list(&[&away, &dead().await]).await;
    scene.ask().await.unwrap();
    scene.time.advance(1);
    assert_eq!(scene.winner().as_deref(), Some(&away[..]));
    // The registry takes the question; the line breaks before it can say anything.
    scene.reniec.serving.take().unwrap().stop().await;
    let listener = TcpListener::bind(scene.reniec.address).await.unwrap();
    let tls = scene.reniec.exchange.inner.tls.server.clone();
    let silent = tokio_rustls::TlsAcceptor::from(tls);
    tokio::spawn(async move {
        let (tcp, _) = listener.accept().await.unwrap();
        let mut tls = silent.accept(tcp).await.unwrap();
        let mut piece = [0; 64];
        let _ = tokio::io::AsyncReadExt::read(&mut tls, &mut piece).await;
        cut.send(true).unwrap();
        std::future::pending::<()>().await;
    });
    let error = scene.ask().await.unwrap_err();
    assert!(matches!(error, AskError::Broken { .. }), "{error}");
    assert_eq!(scene.winner(), None);
}

fn leaf_of(error: &AskError) -> Leaf {
    Code::parse(&error.code()).unwrap().leaf
}

#[tokio::test]
async fn servers_in_maintenance_are_left_out_and_a_named_one_is_the_only_one() {
    let scene = scene().await;
    let live = scene.reniec.address.to_string();
    let never = dead().await;
    scene.list(&[&never, &live]).await;
    scene.close_for_work("r0", "until noon").await;
    scene.ask().await.unwrap();
    assert_eq!(
        scene.winner(),
        None,
        "without a choice there is nothing to remember"
    );

    let named = |code: &str| Outgoing {
        server: Some(scene.reniec.member.server(code)),
        ..Outgoing::facts(question(), crate::Behalf::default())
    };
    let exchange = &scene.muni.exchange;
    exchange.send(named("r1")).await.unwrap();
    let error = exchange.send(named("r0")).await.unwrap_err();
    assert_eq!(leaf_of(&error), Leaf::MaintenanceMode);
    assert!(error.to_string().contains("until noon"), "{error}");
    let error = exchange.send(named("r9")).await.unwrap_err();
    assert_eq!(leaf_of(&error), Leaf::InvalidSecurityServer);
    scene.close_for_work("r1", "").await;
    let error = scene.ask().await.unwrap_err();
    assert_eq!(leaf_of(&error), Leaf::MaintenanceMode);
}
