//! Serving a body: listeners, the outer layer, jobs, timers, and a stop that loses nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use kernel::{Clock, SystemClock};
use store::jobs::Runner;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use web::hosts::Hosts;
use web::limits::Limits;
use web::outer::OuterSettings;
use web::{BodyFace, Room, Routes, SharedTexts, Timer, Visit};

use crate::authority::{self, Authority};
use crate::commands::Problem;
use crate::house::{Ground, House, Manner};
use crate::joining;
use crate::settings::{Part, Settings};

/// How often the authority takes its own directory.
const DIRECTORY_EVERY: Duration = Duration::from_secs(60);
/// Longest wait of a timer's first time for those before it, one of which may wait for another machine.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// How long a stop may take before the program ends all the same.
const STOP_TIME: Duration = Duration::from_secs(25);

/// A body that is being served.
pub struct Serving {
    /// The body.
    pub house: Arc<House>,
    tasks: JoinSet<()>,
    exchange: exchange::Serving,
    systems: Vec<exchange::Serving>,
    hosted: Option<Hosted>,
}

/// The place of a body behind a shared listener; dropped, it is nobody's.
struct Hosted {
    hosts: Hosts,
    name: String,
}

impl Hosted {
    fn put(hosts: Hosts, settings: &Settings, router: Router) -> Result<Self, Problem> {
        let origin = &settings.pages.origin;
        let authority = origin.split("://").nth(1).unwrap_or("");
        let name = web::hosts::name_of(authority)
            .ok_or_else(|| Problem(format!("[pages] origin: {origin:?} names no host")))?;
        match hosts.put(&name, router) {
            true => Ok(Self { hosts, name }),
            false => Err(Problem(format!(
                "[pages] origin: another body of this process is {name:?}"
            ))),
        }
    }
}

impl Drop for Hosted {
    fn drop(&mut self) {
        self.hosts.remove(&self.name);
    }
}

/// Where a body listens.
pub struct Listeners {
    /// For people.
    pub pages: Pages,
    /// For other servers.
    pub exchange: TcpListener,
    /// Texts that it shares with other bodies of this process.
    pub texts: SharedTexts,
}

/// Where the pages of a body are.
pub enum Pages {
    /// On a listener of its own.
    Own(TcpListener),
    /// Behind a listener of several bodies, by the host of the body's origin.
    Shared(Hosts),
}

impl Listeners {
    /// Binds what the settings say.
    ///
    /// # Errors
    /// An address is taken or not ours; the text says which.
    pub async fn bind(settings: &Settings) -> Result<Self, Problem> {
        Ok(Self {
            pages: Pages::Own(bind("[pages] listen", settings.pages.listen).await?),
            exchange: bind("[exchange] listen", settings.exchange.listen).await?,
            texts: SharedTexts::default(),
        })
    }

    /// Binds the exchange alone: the pages are behind `hosts`.
    ///
    /// # Errors
    /// As [`Listeners::bind`].
    pub async fn hosted(
        settings: &Settings,
        hosts: Hosts,
        texts: SharedTexts,
    ) -> Result<Self, Problem> {
        Ok(Self {
            pages: Pages::Shared(hosts),
            exchange: bind("[exchange] listen", settings.exchange.listen).await?,
            texts,
        })
    }
}

impl Serving {
    /// Serves `house` on `listeners`, with `more` rooms beside its own.
    ///
    /// # Errors
    /// The texts don't fit together, `only` names no module, or a certificate of the pages can't be used.
    pub async fn of(
        house: House,
        more: Vec<Room>,
        listeners: Listeners,
        only: Option<&str>,
        stopped: &watch::Receiver<bool>,
    ) -> Result<Self, Problem> {
        let house = Arc::new(house);
        let mut rooms = house.rooms.clone();
        rooms.extend(more);
        rooms.push(watch_room(&house));
        let shown = chosen(&rooms, only)?;
        let router = outer(&house, &shown, &listeners.texts)?;
        let mut tasks = JoinSet::new();
        let hosted = match listeners.pages {
            Pages::Own(listener) => {
                let tls = page_tls(&house.ground.settings)?;
                let listening = web::listen::listen(listener, tls, router, stopped.clone());
                tasks.spawn(listening);
                None
            }
            Pages::Shared(hosts) => Some(Hosted::put(hosts, &house.ground.settings, router)?),
        };

        let jobs = rooms.iter().flat_map(|room| room.jobs.clone()).collect();
        let subscribers = rooms
            .iter()
            .flat_map(|room| room.subscribers.clone())
            .collect();
        let runner = Runner::new(house.ground.store.clone(), jobs, subscribers);
        let released = runner.recover().await?;
        if released > 0 {
            tracing::info!(jobs = released, "jobs of an earlier process were put back");
        }
        tasks.spawn(runner.run(stopped.clone()));
        let first = Arc::new(Semaphore::new(1));
        for timer in rooms.iter().flat_map(|room| room.timers.clone()) {
            tasks.spawn(tick(timer, first.clone(), stopped.clone()));
        }
        let exchange = house.exchange.serve(listeners.exchange);
        let systems = serve_systems(&house).await?;
        let unfinished = house.exchange.reconcile().await?;
        if unfinished > 0 {
            tracing::info!(
                questions = unfinished,
                "questions that an earlier process broke off were closed"
            );
        }
        tracing::info!(body = house.ground.settings.body.code, "serving");
        Ok(Self {
            house,
            tasks,
            exchange,
            systems,
            hosted,
        })
    }

    /// Waits until everything under way has ended, once `stopped` is true.
    pub async fn ended(mut self) {
        drop(self.hosted.take());
        let systems = self.systems.into_iter().map(exchange::Serving::stop);
        let rest = async {
            tokio::join!(
                self.exchange.stop(),
                futures_util::future::join_all(systems),
                self.house.exchange.end_deliveries(),
                async { while self.tasks.join_next().await.is_some() {} },
            )
        };
        if tokio::time::timeout(STOP_TIME, rest).await.is_err() {
            tracing::warn!("some work did not end in time; it goes on at the next start");
        }
        self.house.ground.store.close().await;
    }
}

/// The listeners for the body's own systems, for X-Road servers' questions about certificates, and for whoever watches the
/// node.
async fn serve_systems(house: &House) -> Result<Vec<exchange::Serving>, Problem> {
    let own = &house.ground.settings.exchange;
    let mut all = Vec::new();
    for (name, address, tls) in [
        ("client_listen", own.client_listen, false),
        ("client_tls_listen", own.client_tls_listen, true),
    ] {
        if let Some(address) = address {
            let listener = bind(&format!("[exchange] {name}"), address).await?;
            all.push(house.exchange.serve_systems(listener, tls)?);
        }
    }
    if let Some(address) = own.ocsp_listen {
        let listener = bind("[exchange] ocsp_listen", address).await?;
        all.push(house.exchange.serve_ocsp(listener));
    }
    if let Some(address) = own.health_listen {
        let listener = bind("[exchange] health_listen", address).await?;
        all.push(house.exchange.serve_health(listener));
    }
    Ok(all)
}

pub(crate) async fn bind(what: &str, address: SocketAddr) -> Result<TcpListener, Problem> {
    TcpListener::bind(address).await.map_err(|error| {
        Problem(format!(
            "{what} {address}: {error}; is another program using it?"
        ))
    })
}

/// Opens a body: its ground, its authority if it is one, its house.
///
/// # Errors
/// See [`House::build`].
pub async fn open(settings: Settings, clock: Arc<dyn Clock>) -> Result<House, Problem> {
    joining::must_be_approved(&settings)?;
    open_on(Ground::lay(settings, clock).await?).await
}

/// Opens a body for a command beside the process that serves it: nothing is made, renewed or entered by itself.
///
/// # Errors
/// See [`House::build`]; or something is missing that serving the body makes.
pub async fn open_for(settings: Settings, manner: Manner) -> Result<House, Problem> {
    joining::must_be_approved(&settings)?;
    open_on(Ground::lay_for(settings, Arc::new(SystemClock), manner).await?).await
}

/// Opens a body on its ground.
///
/// # Errors
/// See [`House::build`].
pub async fn open_on(ground: Ground) -> Result<House, Problem> {
    let authority = match ground.settings.is(Part::Authority) {
        true => Some(Authority::open(&ground).await?),
        false => None,
    };
    if let (Some(authority), Manner::Serve) = (&authority, ground.manner) {
        authority.admit(&ground).await?;
    }
    House::build(ground, authority).await
}

/// The rooms whose pages are shown: all, or one with what every page needs.
fn chosen(rooms: &[Room], only: Option<&str>) -> Result<Vec<Room>, Problem> {
    let Some(only) = only else {
        return Ok(rooms.to_vec());
    };
    let names: Vec<&str> = rooms.iter().map(|room| room.name).collect();
    if !names.contains(&only) {
        return Err(Problem(format!(
            "no module {only:?}; there are: {}",
            names.join(", ")
        )));
    }
    let needed = [only, "identity", "watch"];
    Ok(rooms
        .iter()
        .filter(|room| needed.contains(&room.name))
        .cloned()
        .collect())
}

fn outer(house: &House, rooms: &[Room], texts: &SharedTexts) -> Result<Router, Problem> {
    let ground = &house.ground;
    let settings = &ground.settings;
    let gathered = web::gather_sharing(rooms, texts)?;
    let face = BodyFace {
        code: settings.body.code.clone(),
        name: settings.body.name.clone(),
        place: settings.body.place.clone(),
        contact: settings.body.contact.clone(),
        time_zone: settings.body.time_zone.clone(),
        locale: settings.body.locale,
        simulated: settings.body.simulated,
    };
    let outer = OuterSettings {
        face,
        texts: gathered.texts,
        menu: gathered.menu,
        clock: ground.clock.clone(),
        chance: ground.chance.clone(),
        secret: ground.secret("forms")?,
        tls: settings.secure(),
        behind_proxy: settings.secure() && settings.pages.tls_key.is_none(),
        actor_of: house.identity.actor_fn(),
        metrics: house.metrics.clone(),
        limits: limits(settings.pages.requests_per_minute),
    };
    Ok(web::outer(gathered.router, outer))
}

/// The usual limits with the operator's own for one client: ten seconds' worth may come at once, as a page load does.
fn limits(requests_per_minute: u32) -> Limits {
    Limits {
        burst: (requests_per_minute / 6).max(1),
        per_second: (requests_per_minute / 60).max(1),
        ..Limits::default()
    }
}

/// What operators look at, and the timer that keeps the authority's own directory fresh.
fn watch_room(house: &Arc<House>) -> Room {
    let (health, metrics) = (house.clone(), house.metrics.clone());
    let routes = Routes::new()
        .get("/health", async move || {
            web::metrics::health(&problems(&health).await)
        })
        .get("/metrics", async move |visit: Visit| {
            // Figures are for the operator: on this machine only.
            match visit
                .client
                .parse::<std::net::IpAddr>()
                .is_ok_and(|ip| ip.is_loopback())
            {
                true => metrics.response(),
                false => axum::response::IntoResponse::into_response(http::StatusCode::NOT_FOUND),
            }
        });
    let room = Room::new("watch").routes(routes.with_state(()));
    match house.authority {
        Some(_) => room.timer(own_directory(house)).timer(own_changes(house)),
        None => room,
    }
}

/// The register's changes are published, and taken by the authority's own exchange, within seconds.
fn own_changes(house: &Arc<House>) -> Timer {
    let house = house.clone();
    Timer::new("authority.changes", authority::LOOK_EVERY, move || {
        let house = house.clone();
        async move {
            match &house.authority {
                Some(authority) if authority.publish_changes().await? => {
                    let published = authority.published();
                    house.exchange.take_configuration(&published).await
                }
                _ => Ok(()),
            }
        }
    })
}

/// The authority takes its own directory without asking itself over the network.
fn own_directory(house: &Arc<House>) -> Timer {
    let house = house.clone();
    Timer::new("authority.directory", DIRECTORY_EVERY, move || {
        let house = house.clone();
        async move {
            match &house.authority {
                Some(authority) => {
                    house
                        .exchange
                        .take_configuration(&authority.published())
                        .await
                }
                None => Ok(()),
            }
        }
    })
}

/// What is wrong with a body now, for its operator; one line each, nothing personal.
pub async fn problems(house: &House) -> Vec<String> {
    let mut found = Vec::new();
    match house.ground.store.job_counts().await {
        Ok(counts) if counts.dead > 0 => {
            found.push(format!("{} jobs were given up: `tambo jobs`", counts.dead))
        }
        Ok(_) => {}
        Err(error) => found.push(format!("store: {error}")),
    }
    match house.exchange.problems().await {
        Ok(problems) => found.extend(problems),
        Err(fault) => found.push(format!("exchange: {fault}")),
    }
    found
}

fn page_tls(settings: &Settings) -> Result<Option<Arc<rustls::ServerConfig>>, Problem> {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let (Some(certificate), Some(key)) = (&settings.pages.tls_certificate, &settings.pages.tls_key)
    else {
        return Ok(None);
    };
    let (certificate, key) = (settings.path(certificate), settings.path(key));
    let bad = |path: &std::path::Path, error: &dyn std::fmt::Display| {
        Problem(format!("{}: {error}", path.display()))
    };
    let chain = CertificateDer::pem_file_iter(&certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| bad(&certificate, &error))?;
    let private = PrivateKeyDer::from_pem_file(&key).map_err(|error| bad(&key, &error))?;
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|error| bad(&certificate, &error))?;
    Ok(Some(Arc::new(config)))
}

/// A timer's work, again and again. The first times of a body's timers come one after the other, for all at once they
/// would open every connection to the store; those that a node needs before it takes messages wait for nobody.
async fn tick(timer: Timer, first: Arc<Semaphore>, mut stopped: watch::Receiver<bool>) {
    let wait = if timer.at_once {
        Duration::ZERO
    } else {
        FIRST_WAIT
    };
    let mut turn = tokio::time::timeout(wait, first.acquire()).await.ok();
    while !*stopped.borrow() {
        if let Err(fault) = (timer.run)().await {
            tracing::warn!(timer = timer.name, %fault, "a timer's work failed; it comes again");
        }
        drop(turn.take());
        tokio::select! {
            () = tokio::time::sleep(timer.every) => {}
            _ = stopped.changed() => {}
        }
    }
}

/// A signal to stop, to be given to everything that is served.
pub fn stop_signal() -> (watch::Sender<bool>, watch::Receiver<bool>) {
    watch::channel(false)
}

/// Waits for Ctrl-C or SIGTERM. Both are heard from the call on, not from the first wait: whoever sees that a body
/// answers may stop it at once.
pub fn until_told() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let heard = [SignalKind::terminate(), SignalKind::interrupt()].map(signal);
    async move {
        let [terminated, interrupted] = heard.map(|signal| async move {
            match signal {
                Ok(mut signal) => drop(signal.recv().await),
                Err(_) => std::future::pending().await,
            }
        });
        tokio::select! {
            () = terminated => {}
            () = interrupted => {}
        }
        tracing::info!("stopping: requests and jobs under way are finished first");
    }
}
