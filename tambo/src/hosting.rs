//! Many bodies in one process: each with its own store, keys, log, rights, jobs and listeners of its own.
//!
//! Read by `tambo serve`. It promises that bodies share nothing but the program, its texts and, if asked for, the
//! listener of pages; that a body which can't be served stops no other one and is tried again; and that bodies come and
//! go while the others are served. It refuses two bodies under one name.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kernel::{Clock, SystemClock};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use web::SharedTexts;
use web::hosts::Hosts;

use crate::commands::{Outcome, Problem};
use crate::joining;
use crate::serve::{self, Listeners, Serving};
use crate::settings::Settings;

/// File in a body's folder that says: not served here.
pub const STOPPED: &str = "stopped";
/// How often the folder of bodies is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long a body that could not be served rests before it is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(60);
/// Most bodies of one process: each has a few descriptors, and a process usually 1024 to 524288.
const BODIES_MAX: usize = 5_000;

/// Which bodies.
pub enum Plan {
    /// These settings files.
    Files(Vec<PathBuf>),
    /// Every subfolder with settings.
    Folder(PathBuf),
}

/// The bodies of this process.
pub struct Hosting {
    only: Option<String>,
    clock: Arc<dyn Clock>,
    texts: SharedTexts,
    pages: Option<Hosts>,
    bodies: BTreeMap<PathBuf, Body>,
    /// Bodies that could not be served, and when to try again.
    failed: BTreeMap<PathBuf, Instant>,
    listening: JoinSet<()>,
    stop: watch::Sender<bool>,
}

struct Body {
    serving: Serving,
    stop: watch::Sender<bool>,
}

impl Body {
    async fn ended(self) {
        self.stop.send_replace(true);
        self.serving.ended().await;
    }
}

impl Hosting {
    /// No bodies yet; with `pages`, one listener for the pages of all.
    ///
    /// # Errors
    /// The address is taken.
    pub async fn new(only: Option<String>, pages: Option<SocketAddr>) -> Result<Self, Problem> {
        let (stop, stopped) = serve::stop_signal();
        let mut listening = JoinSet::new();
        let pages = match pages {
            None => None,
            Some(address) => {
                let (listener, hosts) = (serve::bind("--pages", address).await?, Hosts::default());
                listening.spawn(web::listen::listen(listener, None, hosts.router(), stopped));
                Some(hosts)
            }
        };
        Ok(Self {
            only,
            clock: Arc::new(SystemClock),
            texts: SharedTexts::default(),
            pages,
            bodies: BTreeMap::new(),
            failed: BTreeMap::new(),
            listening,
            stop,
        })
    }

    /// Serves the bodies of `plan` until told to stop.
    ///
    /// # Errors
    /// The only body can't be served. With several, those that can are.
    pub async fn run(mut self, plan: Plan) -> Outcome {
        let told = serve::until_told();
        tokio::pin!(told);
        if let Plan::Files(files) = &plan
            && let [only] = files.as_slice()
        {
            let settings = Settings::read(only).ok();
            let waiting = async {
                match &settings {
                    Some(settings) => joining::wait(settings, &self.clock).await,
                    None => Ok(()),
                }
            };
            tokio::select! {
                () = &mut told => return Ok(()),
                waited = waiting => waited?,
            }
            tokio::select! {
                started = self.start(only, true) => started?,
                () = &mut told => return Ok(()),
            }
            told.await;
            self.end().await;
            return Ok(());
        }
        loop {
            tokio::select! {
                () = &mut told => break,
                () = self.look(&plan) => {}
            }
            tokio::select! {
                () = &mut told => break,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
        self.end().await;
        Ok(())
    }

    /// Starts what should be served and is not, and stops what should not be.
    async fn look(&mut self, plan: &Plan) {
        let (wanted, alone) = match plan {
            Plan::Files(files) => (files.clone(), true),
            Plan::Folder(folder) => match bodies_in(folder) {
                Ok(bodies) => (bodies, false),
                Err(error) => {
                    // Unreadable is not empty: what is served goes on.
                    tracing::error!(folder = %folder.display(), %error, "the folder of bodies");
                    return;
                }
            },
        };
        let gone: Vec<PathBuf> = self
            .bodies
            .keys()
            .filter(|path| !wanted.contains(path))
            .cloned()
            .collect();
        for path in gone {
            if let Some(body) = self.bodies.remove(&path) {
                body.ended().await;
                println!("{}: no longer served", path.display());
            }
        }
        self.failed.retain(|path, _| wanted.contains(path));
        for path in wanted {
            let rests = self
                .failed
                .get(&path)
                .is_some_and(|until| *until > Instant::now());
            if rests || self.bodies.contains_key(&path) {
                continue;
            }
            if let Err(Problem(problem)) = self.start(&path, alone).await {
                tracing::error!(settings = %path.display(), problem, "this body is not served; the others are");
                self.failed.insert(path, Instant::now() + TRY_AGAIN);
            }
        }
    }

    /// Serves one body. The environment speaks for bodies that were named one by one, not for a folder of them.
    async fn start(&mut self, path: &Path, environment: bool) -> Outcome {
        let settings = match environment {
            true => Settings::read(path),
            false => Settings::read_alone(path),
        };
        let settings = settings.map_err(|error| {
            let hint = if path.exists() {
                ""
            } else {
                "\n`tambo init` makes a new body."
            };
            Problem(format!("{error}{hint}"))
        })?;
        joining::ask(&settings, &self.clock).await?;
        let mut listeners = match &self.pages {
            None => Listeners::bind(&settings).await?,
            Some(hosts) => Listeners::hosted(&settings, hosts.clone(), self.texts.clone()).await?,
        };
        listeners.texts = self.texts.clone();
        let (stop, stopped) = serve::stop_signal();
        let house = serve::open(settings, self.clock.clone()).await?;
        let only = self.only.as_deref();
        let serving = Serving::of(house, Vec::new(), listeners, only, &stopped).await?;
        let shown = &serving.house.ground.settings;
        println!("{}: {}", shown.body.name, shown.pages.origin);
        self.failed.remove(path);
        self.bodies.insert(path.to_owned(), Body { serving, stop });
        Ok(())
    }

    async fn end(mut self) {
        self.stop.send_replace(true);
        let bodies = std::mem::take(&mut self.bodies).into_values();
        futures_util::future::join_all(bodies.map(Body::ended)).await;
        while self.listening.join_next().await.is_some() {}
    }
}

/// The settings files of the bodies in `folder` that are not stopped, in order of name.
fn bodies_in(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut bodies = Vec::new();
    for entry in std::fs::read_dir(folder)?.take(BODIES_MAX) {
        let body = entry?.path();
        let settings = body.join("settings.toml");
        if settings.is_file() && !body.join(STOPPED).exists() {
            bodies.push(settings);
        }
    }
    bodies.sort();
    Ok(bodies)
}
