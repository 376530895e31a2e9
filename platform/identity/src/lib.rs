//! Who acts here: people, officials and their posts, passkeys, one-time codes, sessions.
//!
//! Read by whoever assembles a house. Promises: nothing that signs somebody in is kept in the clear, each code and challenge
//! works once, and a right that no post lists is denied. Refuses: passwords, and any word about what people do once inside.

mod codes;
mod domain;
mod http;
mod pages;
mod passkeys;
mod people;
mod sessions;
mod sql;

use std::sync::Arc;

use aws_lc_rs::hmac;
use kernel::{Actor, Chance, Clock, Fault, Locale, Scheme};
use store::{Migration, Store};
use web::outer::ActorOf;
use web::{Room, Timer};
use webauthn_rs::prelude::{Url, Webauthn, WebauthnBuilder};

pub use codes::IssuedCode;
pub use domain::{Method, Post};
pub use people::Listed;
pub use sessions::Session;

/// The right to hand out one-time codes.
pub const RIGHT_ISSUE_CODE: &str = "identity.issue-code";

/// This crate's tables.
pub const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "accounts",
    sql: include_str!("../migrations/1.sql"),
}];

/// This crate's texts.
pub const TEXTS: &[(Locale, &str)] = &[
    (Locale::Es, include_str!("../texts/es.ftl")),
    (Locale::Qu, include_str!("../texts/qu.ftl")),
    (Locale::En, include_str!("../texts/en.ftl")),
];

/// Pause between two sweeps of what has expired.
const SWEEP_EVERY: std::time::Duration = std::time::Duration::from_secs(600);

/// What identity needs to know of its body.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The name that passkeys are bound to: the host of the pages. It can't change later without losing all passkeys.
    pub rp_id: String,
    /// Scheme, host and port of the pages, as the browser sees them.
    pub origin: String,
    /// The body's name, shown by the telephone when it asks for the passkey.
    pub body: String,
    /// How the persons' national number is checked.
    pub scheme: Scheme,
    /// Key under which codes are hashed; from the body's key store, so that a stolen database alone tells no code.
    pub secret: [u8; 32],
    /// A practice country: the sign-in page lists everybody to pick from.
    pub practice: bool,
}

/// The identity room of one body. Cheap to clone.
#[derive(Clone)]
pub struct Identity {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    chance: Arc<dyn Chance>,
    scheme: Scheme,
    practice: bool,
    key: hmac::Key,
    webauthn: Webauthn,
}

impl Identity {
    /// The identity of a body.
    ///
    /// # Errors
    /// The origin is not a URL, or doesn't belong to `rp_id`.
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        chance: Arc<dyn Chance>,
        settings: Settings,
    ) -> Result<Self, Fault> {
        let origin = Url::parse(&settings.origin).map_err(Fault::internal)?;
        let webauthn = WebauthnBuilder::new(&settings.rp_id, &origin)
            .map(|builder| builder.rp_name(&settings.body))
            .and_then(WebauthnBuilder::build)
            .map_err(Fault::internal)?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, &settings.secret);
        let Settings {
            scheme, practice, ..
        } = settings;
        Ok(Self {
            inner: Arc::new(Inner {
                store,
                clock,
                chance,
                scheme,
                practice,
                key,
                webauthn,
            }),
        })
    }

    /// What the outer layer asks on each request with a session cookie.
    pub fn actor_fn(&self) -> ActorOf {
        let identity = self.clone();
        Arc::new(move |token| {
            let identity = identity.clone();
            Box::pin(async move { identity.actor_of(&token).await })
        })
    }

    /// The actor of a session token, if the session still holds.
    ///
    /// # Errors
    /// The store fails.
    pub async fn actor_of(&self, token: &str) -> Result<Option<Actor>, Fault> {
        self.session_actor(token).await
    }

    /// Everything this crate brings to a house.
    pub fn room(&self) -> Room {
        let sweeper = self.clone();
        Room::new("identity")
            .migrations(MIGRATIONS)
            .routes(http::routes(self))
            .texts(TEXTS)
            .timer(Timer::new("identity-sweep", SWEEP_EVERY, move || {
                let sweeper = sweeper.clone();
                async move { sweeper.sweep().await }
            }))
            .menu(
                "/codes",
                "identity-menu-codes",
                web::Audience::Right(RIGHT_ISSUE_CODE),
            )
    }

    fn store(&self) -> &Store {
        &self.inner.store
    }

    fn now(&self) -> kernel::Moment {
        self.inner.clock.now()
    }

    fn new_id(&self) -> String {
        kernel::Id::new(&*self.inner.clock, &*self.inner.chance).to_string()
    }

    fn keyed_hash(&self, what: &str, text: &str) -> Vec<u8> {
        hmac::sign(&self.inner.key, format!("{what}\n{text}").as_bytes())
            .as_ref()
            .to_vec()
    }
}
