//! The other side: what a body does to join, to ask for a change, and to collect the answer.
//!
//! Read by `tambo init --join`, by a body's own renewal, and by tests. It promises that no byte of an answer is used
//! before the pinned key's signature over it held; it refuses an answer to another question. HTTPS adds privacy only:
//! trust comes from the pin, so whatever certificate the address shows is taken.

use std::sync::Arc;

use data_encoding::BASE64;
use http::{HeaderMap, HeaderValue, Method, header};
use kernel::{Chance, Clock, Fault, FaultKind, ServerId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use trust::ca_request::request;
use trust::name::Name;
use trust::{Signer, TrustError};
use web::client::{Http, HttpAnswer, HttpError, HttpLimits};

use crate::apply::Receipt;
use crate::domain::sealed::{self, ANSWER_BYTES_MAX, BadAnswer};
use crate::domain::{Application, Envelope, Pin, Requests, Wish, base32};
use crate::{Pins, certificates};

mod tls;

/// What an authority says of itself to whoever holds a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// The instance.
    pub instance: String,
    /// The body that runs the authority.
    pub name: String,
    /// Where members ask for certificates' status, time stamps and the configuration; plain HTTP, since all of it is
    /// signed in itself.
    pub services: String,
    /// Its root certificate, PEM.
    pub root: String,
    /// Keys that a member must know.
    pub pins: Pins,
    /// Member classes.
    pub classes: Vec<String>,
    /// The authority's time, in micros; a joining machine's clock is often not set yet.
    pub now: kernel::Moment,
}

/// Why the authority gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// It can't be reached.
    #[error("the authority can't be reached: {0}")]
    Away(#[from] HttpError),
    /// What came is not the pinned authority's answer.
    #[error(transparent)]
    Untrusted(#[from] BadAnswer),
    /// It said no. The text is not signed: it is for a person to read, and nothing follows from it.
    #[error("the authority refused: {0}")]
    Refused(String),
    /// A key can't be used.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

impl From<JoinError> for Fault {
    fn from(error: JoinError) -> Self {
        let kind = match error {
            JoinError::Away(_) => FaultKind::Unavailable,
            JoinError::Untrusted(_) => FaultKind::Upstream,
            JoinError::Refused(_) => FaultKind::Conflict,
            JoinError::Trust(_) => FaultKind::Internal,
        };
        Self::new(kind, "fault-registry-authority").detail(error)
    }
}

/// Talks to one authority. Cheap to clone.
#[derive(Clone)]
pub struct Authority {
    http: Http,
    origin: String,
    pin: Pin,
    clock: Arc<dyn Clock>,
    chance: Arc<dyn Chance>,
}

/// A body's keys as the register knows them.
pub struct OwnKeys<'k> {
    /// For TLS between servers.
    pub auth: &'k Signer,
    /// For messages.
    pub sign: &'k Signer,
    /// For the seal.
    pub seal: &'k Signer,
}

impl OwnKeys<'_> {
    /// Certificate requests for these keys. The subject is a wish that shows the reader who asks; the authority writes
    /// the subject that its profile wants.
    ///
    /// # Errors
    /// A key can't sign, or a name is too long.
    pub fn requests(
        &self,
        body: &str,
        server: &ServerId,
        address: &str,
    ) -> Result<Requests, TrustError> {
        let [auth, sign, seal] = certificates::plan(body, server, address)?;
        let one =
            |subject: &Name, signer| Ok::<_, TrustError>(BASE64.encode(&request(subject, signer)?));
        Ok(Requests {
            auth: one(&auth.2, self.auth)?,
            sign: one(&sign.2, self.sign)?,
            seal: one(&seal.2, self.seal)?,
        })
    }
}

impl Authority {
    /// The authority at `origin` whose key `pin` names.
    pub fn new(origin: &str, pin: Pin, clock: Arc<dyn Clock>, chance: Arc<dyn Chance>) -> Self {
        let limits = HttpLimits {
            answer_bytes: ANSWER_BYTES_MAX,
            ..HttpLimits::default()
        };
        Self {
            http: Http::tls(tls::encrypted_only()).limits(limits),
            origin: origin.trim_end_matches('/').to_owned(),
            pin,
            clock,
            chance,
        }
    }

    /// What the authority says of itself.
    ///
    /// # Errors
    /// [`JoinError`].
    pub async fn card(&self) -> Result<Card, JoinError> {
        let nonce = self.nonce();
        let url = format!("{}/registry/v1/card?nonce={nonce}", self.origin);
        self.opened(self.ask(Method::GET, &url, Vec::new()).await?, &nonce)
    }

    /// An application of `server` for `wish`, made now.
    pub fn application(&self, server: &ServerId, wish: Wish) -> Application {
        Application {
            authority: self.pin.to_string(),
            at: self.clock.now(),
            nonce: self.nonce(),
            server: server.clone(),
            wish,
        }
    }

    /// Hands in an application. The same envelope may be sent again: it stays one application.
    ///
    /// # Errors
    /// [`JoinError`].
    pub async fn apply(&self, envelope: &Envelope) -> Result<Receipt, JoinError> {
        let nonce = self.nonce();
        let url = format!("{}/registry/v1/applications?nonce={nonce}", self.origin);
        let body = serde_json::to_vec(envelope).expect("text always serialises");
        self.opened(self.ask(Method::POST, &url, body).await?, &nonce)
    }

    /// How far an application is.
    ///
    /// # Errors
    /// [`JoinError`].
    pub async fn standing(&self, number: kernel::Id) -> Result<Receipt, JoinError> {
        let nonce = self.nonce();
        let url = format!(
            "{}/registry/v1/applications/{number}?nonce={nonce}",
            self.origin
        );
        self.opened(self.ask(Method::GET, &url, Vec::new()).await?, &nonce)
    }

    async fn ask(&self, method: Method, url: &str, body: Vec<u8>) -> Result<HttpAnswer, HttpError> {
        let json = HeaderValue::from_static("application/json");
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, json.clone());
        headers.insert(header::CONTENT_TYPE, json);
        self.http.ask(method, url, headers, body.into()).await
    }

    fn nonce(&self) -> String {
        let mut bytes = [0; 20];
        self.chance.fill(&mut bytes);
        base32(&bytes)
    }

    fn opened<T: DeserializeOwned>(&self, answer: HttpAnswer, nonce: &str) -> Result<T, JoinError> {
        let text = String::from_utf8_lossy(&answer.body);
        if !answer.status.is_success() {
            return Err(JoinError::Refused(told(&text, answer.status)));
        }
        Ok(sealed::open(&text, &self.pin, nonce)?)
    }
}

/// The words of a refusal, made fit for a terminal.
fn told(text: &str, status: http::StatusCode) -> String {
    let json: Option<serde_json::Value> = serde_json::from_str(text).ok();
    let message = json.as_ref().and_then(|json| json["message"].as_str());
    let plain: String = message
        .unwrap_or("")
        .chars()
        .filter(|c| !c.is_control())
        .take(400)
        .collect();
    match plain.is_empty() {
        true => status.to_string(),
        false => plain,
    }
}
