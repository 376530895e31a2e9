//! Making a PAdES-B-T signature: the hole, the CMS signature, the time stamp inside it.
//!
//! The one slow and failing part is the time-stamping service, so it is a value of its own (`Stamper`). The size of
//! the hole comes from a measured token: a guess that is too small would leave documents unsigned for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::BoxFuture;
use kernel::{Chance, Fault, FaultKind};
use trust::cms::{self, By, Cms};
use trust::{Anchors, Certificate, Hash, Signer, tsp};
use web::client::Http;

use super::verify::HASH;
use super::{Claim, Hole, SlotError};

/// Room beyond the measured size: serial numbers, times and ECDSA values differ by some bytes from token to token.
const SPARE_BYTES: usize = 512;
/// Times that a signature is made again with a larger hole, before it is given up.
const ATTEMPTS_MAX: usize = 3;

/// What asks a time-stamping service: the request (RFC 3161, DER) in, the response out.
pub type AskFn = Arc<dyn Fn(Vec<u8>) -> BoxFuture<'static, Result<Vec<u8>, Fault>> + Send + Sync>;

/// A time-stamping service. Cheap to clone.
#[derive(Clone)]
pub struct Stamper {
    ask: AskFn,
    anchors: Anchors,
    chance: Arc<dyn Chance>,
    token_bytes: Arc<AtomicUsize>,
}

/// Who signs.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The key.
    pub signer: Signer,
    /// The certificate, then those above it, without the root.
    pub chain: Vec<Certificate>,
}

impl Stamper {
    /// A service asked by `ask`, believed only under `anchors`.
    pub fn new(ask: AskFn, anchors: Anchors, chance: Arc<dyn Chance>) -> Self {
        Self {
            ask,
            anchors,
            chance,
            token_bytes: Arc::default(),
        }
    }

    /// A service at an HTTP address (RFC 3161 section 3.4).
    pub fn http(http: Http, url: String, anchors: Anchors, chance: Arc<dyn Chance>) -> Self {
        let ask = move |request: Vec<u8>| -> BoxFuture<'static, Result<Vec<u8>, Fault>> {
            let (http, url) = (http.clone(), url.clone());
            Box::pin(async move {
                let answer = http
                    .post(&url, "application/timestamp-query", request)
                    .await
                    .map_err(unanswered)?;
                match answer.status.as_u16() {
                    200 => Ok(answer.body.to_vec()),
                    other => Err(unanswered(format!("status {other}"))),
                }
            })
        };
        Self::new(Arc::new(ask), anchors, chance)
    }

    /// A time stamp over `data`, checked.
    ///
    /// # Errors
    /// `fault-documents-stamp` (upstream): no answer, a rejection, or a token that can't be trusted.
    pub async fn stamp(&self, data: &[u8]) -> Result<Vec<u8>, Fault> {
        let request = tsp::Request::over(data, Hash::Sha256, &*self.chance);
        let response = (self.ask)(request.to_der()).await?;
        let stamped = request
            .check(&response, &self.anchors)
            .map_err(unanswered)?;
        self.token_bytes
            .fetch_max(stamped.token().len(), Ordering::Relaxed);
        Ok(stamped.token().to_vec())
    }

    /// How long a token is, measured once.
    async fn measured(&self) -> Result<usize, Fault> {
        match self.token_bytes.load(Ordering::Relaxed) {
            0 => self
                .stamp(b"how long is a token?")
                .await
                .map(|token| token.len()),
            known => Ok(known),
        }
    }
}

fn unanswered(cause: impl std::fmt::Display) -> Fault {
    Fault::new(FaultKind::Upstream, "fault-documents-stamp").detail(cause)
}

/// Signs `pdf` into its reserved `field` with a time stamp (PAdES-B-T, ETSI EN 319 142-1 section 6).
///
/// # Errors
/// `fault-documents-stamp` if the time-stamping service fails; internal if the file has no such free field.
pub async fn sign(
    pdf: &[u8],
    field: &str,
    claim: &Claim,
    identity: &Identity,
    stamper: &Stamper,
) -> Result<Vec<u8>, Fault> {
    let bare = cms_over(&HASH.digest(b""), identity)?.to_der().len();
    let mut room = bare + stamper.measured().await? + SPARE_BYTES;
    for _ in 0..ATTEMPTS_MAX {
        let hole = Hole::cut(pdf, field, claim, room).map_err(Fault::internal)?;
        let cms = cms_over(&hole.digest(), identity)?;
        let token = stamper.stamp(cms.signature_value()).await?;
        match hole.fill(&cms.with_timestamp(&token).to_der()) {
            Err(SlotError::TooSmall { needed, .. }) => room = needed + SPARE_BYTES,
            filled => return filled.map_err(Fault::internal),
        }
    }
    Err(Fault::internal("the time stamps grow from one to the next"))
}

fn cms_over(digest: &[u8], identity: &Identity) -> Result<Cms, Fault> {
    let by = By {
        signer: &identity.signer,
        chain: &identity.chain,
        hash: HASH,
        signing_time: None,
    };
    cms::sign_detached(digest, by).map_err(Fault::internal)
}
