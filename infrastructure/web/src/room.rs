//! A room: all that one module brings to a house, as one value. Read by whoever assembles or checks a house.
//!
//! Promises: every address is recorded with its method and audience, so that the whole table can be printed and tested,
//! and the recorded audience is enforced before the handler runs. Refuses: hidden routes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{MethodRouter, delete, get, post, put};
use futures_util::future::BoxFuture;
use kernel::{Fault, Locale};
use store::{JobHandler, Migration, Subscriber};

use crate::texts::{TextError, Texts};
use crate::{Visit, resend};

/// Who may come to an address, or see a menu item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Anybody, signed in or not.
    Everybody,
    /// Anybody who is signed in, officials too.
    Person,
    /// An official whose post holds this right.
    Right(&'static str),
}

/// One entry of the menu on every page.
#[derive(Clone, Copy, Debug)]
pub struct MenuItem {
    /// Address on this site.
    pub path: &'static str,
    /// Text key of the words to show.
    pub text: &'static str,
    /// Who sees it.
    pub audience: Audience,
}

/// What a timer runs.
pub type TimerFn = Arc<dyn Fn() -> BoxFuture<'static, Result<(), Fault>> + Send + Sync>;

/// Work that the house does again and again.
#[derive(Clone)]
pub struct Timer {
    /// Name in logs and in the table of rooms.
    pub name: &'static str,
    /// Pause between two runs.
    pub every: Duration,
    /// The work; a fault is logged and the next run comes as planned.
    pub run: TimerFn,
    /// Whether its first run waits for no other timer's, because something is refused until then.
    pub at_once: bool,
}

/// All that one module brings to a house.
#[derive(Clone)]
pub struct Room {
    /// The crate's name; prefix of its tables and text keys.
    pub name: &'static str,
    /// Its tables.
    pub migrations: &'static [Migration],
    /// Its addresses.
    pub routes: Routes,
    /// Its background work.
    pub jobs: Vec<JobHandler>,
    /// What it wants to be told.
    pub subscribers: Vec<Subscriber>,
    /// Its clockwork.
    pub timers: Vec<Timer>,
    /// Its texts, one Fluent source per language.
    pub texts: &'static [(Locale, &'static str)],
    /// Its menu items.
    pub menu: Vec<MenuItem>,
}

/// One recorded address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// HTTP method in upper case.
    pub method: &'static str,
    /// Path pattern, for example `/cases/{id}`.
    pub path: String,
    /// Who may come.
    pub audience: Audience,
}

/// Addresses with their handlers. `S` is the state that the handlers want; `with_state` settles it.
#[derive(Clone)]
pub struct Routes<S = ()> {
    router: Router<S>,
    table: Vec<Address>,
    audience: Audience,
}

/// What the rooms of a house make together.
pub struct Gathered {
    /// All addresses, still without the outer layer.
    pub router: Router,
    /// All texts.
    pub texts: Texts,
    /// The menu in the order of the rooms.
    pub menu: Vec<MenuItem>,
}

impl Timer {
    /// A timer that runs `work` every `every`.
    pub fn new<F, T>(name: &'static str, every: Duration, work: F) -> Self
    where
        F: Fn() -> T + Send + Sync + 'static,
        T: Future<Output = Result<(), Fault>> + Send + 'static,
    {
        Self {
            name,
            every,
            run: Arc::new(move || Box::pin(work())),
            at_once: false,
        }
    }

    /// The same, with a first run that waits for no other timer's.
    pub fn at_once(self) -> Self {
        Self {
            at_once: true,
            ..self
        }
    }
}

impl Room {
    /// An empty room.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            migrations: &[],
            routes: Routes::new(),
            jobs: Vec::new(),
            subscribers: Vec::new(),
            timers: Vec::new(),
            texts: &[],
            menu: Vec::new(),
        }
    }

    /// Sets the tables.
    #[must_use]
    pub fn migrations(mut self, migrations: &'static [Migration]) -> Self {
        self.migrations = migrations;
        self
    }

    /// Adds addresses.
    #[must_use]
    pub fn routes(mut self, routes: Routes) -> Self {
        self.routes = self.routes.merge(routes);
        self
    }

    /// Adds a job handler.
    #[must_use]
    pub fn job(mut self, job: JobHandler) -> Self {
        self.jobs.push(job);
        self
    }

    /// Adds a subscriber.
    #[must_use]
    pub fn subscriber(mut self, subscriber: Subscriber) -> Self {
        self.subscribers.push(subscriber);
        self
    }

    /// Adds a timer.
    #[must_use]
    pub fn timer(mut self, timer: Timer) -> Self {
        self.timers.push(timer);
        self
    }

    /// Sets the texts.
    #[must_use]
    pub fn texts(mut self, texts: &'static [(Locale, &'static str)]) -> Self {
        self.texts = texts;
        self
    }

    /// Adds a menu item.
    #[must_use]
    pub fn menu(mut self, path: &'static str, text: &'static str, audience: Audience) -> Self {
        self.menu.push(MenuItem {
            path,
            text,
            audience,
        });
        self
    }
}

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// No addresses yet; the audience of those to come is everybody.
    pub fn new() -> Self {
        Self {
            router: Router::new(),
            table: Vec::new(),
            audience: Audience::Everybody,
        }
    }

    /// Sets who may come to the addresses added after this call.
    #[must_use]
    pub fn only(mut self, audience: Audience) -> Self {
        self.audience = audience;
        self
    }

    /// Adds a GET (and HEAD) address.
    #[must_use]
    pub fn get<H: Handler<T, S>, T: 'static>(self, path: &str, handler: H) -> Self {
        self.add("GET", path, get(handler))
    }

    /// Adds a POST address.
    #[must_use]
    pub fn post<H: Handler<T, S>, T: 'static>(self, path: &str, handler: H) -> Self {
        self.add("POST", path, post(handler))
    }

    /// Adds a PUT address.
    #[must_use]
    pub fn put<H: Handler<T, S>, T: 'static>(self, path: &str, handler: H) -> Self {
        self.add("PUT", path, put(handler))
    }

    /// Adds a DELETE address.
    #[must_use]
    pub fn delete<H: Handler<T, S>, T: 'static>(self, path: &str, handler: H) -> Self {
        self.add("DELETE", path, delete(handler))
    }

    /// Gives the handlers their state.
    pub fn with_state(self, state: S) -> Routes {
        let router = self.router.with_state(state);
        Routes {
            router,
            table: self.table,
            audience: Audience::Everybody,
        }
    }

    /// Adds the addresses of `other`; the same method and path twice is a mistake that panics when the house is built.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.table.extend(other.table);
        self
    }

    /// The recorded addresses in the order they were added.
    pub fn table(&self) -> &[Address] {
        &self.table
    }

    fn add(mut self, method: &'static str, path: &str, handler: MethodRouter<S>) -> Self {
        let guarded = match self.audience {
            Audience::Everybody => handler,
            audience => handler.route_layer(from_fn_with_state(audience, guard)),
        };
        self.router = self.router.route(path, guarded);
        self.table.push(Address {
            method,
            path: path.to_owned(),
            audience: self.audience,
        });
        self
    }
}

impl Routes {
    /// The axum router, for `gather` and for tests.
    pub fn router(&self) -> Router {
        self.router.clone()
    }
}

/// Refuses whoever is not of the address' audience before the handler runs; a form whose sender's session has ended
/// goes back to the sender instead of being lost.
async fn guard(
    State(audience): State<Audience>,
    visit: Visit,
    request: Request,
    next: Next,
) -> Response {
    match visit.admitted(audience) {
        Ok(()) => next.run(request).await,
        Err(fault) => resend::or_refuse(&visit, fault, request).await,
    }
}

/// Puts the rooms of one house together: addresses, texts (this crate's own too) and menu.
///
/// # Errors
/// When a text source doesn't parse, a key is there twice, or the languages don't hold the same keys.
pub fn gather(rooms: &[Room]) -> Result<Gathered, TextError> {
    gather_sharing(rooms, &SharedTexts::default())
}

/// Texts that several houses of one process share: they are the same for the same rooms, and large.
#[derive(Clone, Default)]
pub struct SharedTexts {
    known: Arc<Mutex<BTreeMap<Vec<&'static str>, Texts>>>,
}

impl SharedTexts {
    fn of(&self, rooms: &[Room]) -> Result<Texts, TextError> {
        let names: Vec<&'static str> = rooms.iter().map(|room| room.name).collect();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(texts) = known.get(&names) {
            return Ok(texts.clone());
        }
        let sources = rooms.iter().map(|room| (room.name, room.texts));
        let texts = Texts::new(std::iter::once(("web", crate::TEXTS)).chain(sources))?;
        known.insert(names, texts.clone());
        Ok(texts)
    }
}

/// As [`gather`], with texts that other houses have too.
///
/// # Errors
/// As [`gather`].
pub fn gather_sharing(rooms: &[Room], shared: &SharedTexts) -> Result<Gathered, TextError> {
    let texts = shared.of(rooms)?;
    let router = rooms
        .iter()
        .fold(Router::new(), |all, room| all.merge(room.routes.router()));
    let menu = rooms
        .iter()
        .flat_map(|room| room.menu.iter().copied())
        .collect();
    Ok(Gathered {
        router,
        texts,
        menu,
    })
}
