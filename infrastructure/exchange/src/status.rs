//! Whether certificates are still good: OCSP responses, our own fetched and kept, a peer's checked.
//!
//! Our responses travel with every message (in the signature, and beside it for the TLS certificate), so that the other
//! node need not ask anybody. A response is used until half of its time is over, then a new one is fetched; while the
//! authority is away the old one goes on being used as long as peers accept it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use kernel::{Chance, Clock, Moment};
use store::Store;
use trust::xades::KnownSigners;
use trust::{Certificate, TrustError, Valid, ocsp};
use web::client::Http;

use crate::Keys;
use crate::directory::{Held, View};
use crate::ocsp_exchange;
use crate::settings::Settings;
use crate::sql;

/// Where X-Road's servers hand out their OCSP responses.
pub const PEER_PORT: u16 = 5577;
/// How long a peer's responder is not asked again, in seconds.
const ASKED_SECONDS: i64 = 300;
/// Most responders remembered; an instance has a few thousand.
const ASKED_MAX: usize = 4_096;
/// Most responders asked about one certificate: the one it names, and the configuration's.
const RESPONDERS_MAX: usize = 4;
const REVOKED: &str = "OCSP: the certificate was revoked";

/// How old an OCSP response may be.
#[derive(Clone, Copy, Debug)]
pub struct Freshness {
    /// Greatest age in seconds.
    pub seconds: i64,
}

impl Freshness {
    /// As the settings say.
    pub fn of(settings: &Settings) -> Self {
        Self {
            seconds: settings.ocsp_freshness_seconds,
        }
    }

    /// Whether peers accept a response made `at`. One from the future counts no more than an old one: our clock was ahead
    /// when it was fetched and has been set right since.
    fn allows(self, at: Moment, now: Moment) -> bool {
        (-ocsp::SKEW_SECONDS..self.seconds).contains(&now.seconds_since(at))
    }

    /// Whether a response made `at` need not be fetched anew.
    fn halfway(self, at: Moment, now: Moment) -> bool {
        self.allows(at, now) && now.seconds_since(at) < self.seconds / 2
    }
}

/// Our own OCSP responses: for the signing chain and for the authentication chain.
#[derive(Clone, Debug, Default)]
pub(crate) struct Own {
    pub sign: Vec<Vec<u8>>,
    pub auth: Vec<Vec<u8>>,
}

/// How long both chains' responses, and what was found of a peer, count as they were a moment ago, in seconds.
const RECENT_SECONDS: i64 = 2;
/// Most peers of whom it is remembered that they were good a moment ago.
const GOOD_MAX: usize = 4_096;

/// Our own responses of a moment ago, and what they were checked against.
struct Recent {
    at: Moment,
    view: Arc<View>,
    own: Arc<Own>,
}

/// A peer's certificate and the directory it was judged by, each by its digest.
type Judged = ([u8; 32], Vec<u8>);

/// Fetches and keeps OCSP responses for our own certificates.
pub(crate) struct Statuses {
    store: Store,
    http: Http,
    held: Held,
    clock: Arc<dyn Clock>,
    chance: Arc<dyn Chance>,
    freshness: Freshness,
    memory: Mutex<HashMap<String, (Vec<u8>, Moment)>>,
    recent: Mutex<Option<Recent>>,
    /// When a peer's certificate was found good, by its digest and the directory's.
    good: Mutex<HashMap<Judged, Moment>>,
    peer_port: u16,
    asked: Mutex<HashMap<String, Moment>>,
}

impl Statuses {
    pub(crate) fn new(http: Http, held: Held, store: Store, freshness: Freshness) -> Self {
        let (clock, chance) = (store.clock().clone(), store.chance().clone());
        Self {
            store,
            http,
            held,
            clock,
            chance,
            freshness,
            memory: Mutex::default(),
            recent: Mutex::default(),
            good: Mutex::default(),
            peer_port: PEER_PORT,
            asked: Mutex::default(),
        }
    }

    /// Asks peers' responders at another port.
    pub(crate) fn peers_at(mut self, port: u16) -> Self {
        self.peer_port = port;
        self
    }

    /// Responses for both of our chains, without the root.
    pub(crate) async fn own(&self, keys: &Keys) -> Result<Arc<Own>, String> {
        let now = self.clock.now();
        let view = self.held.current(now).ok_or("no current directory")?;
        let is_recent = |recent: &&Recent| {
            Arc::ptr_eq(&recent.view, &view)
                && (0..RECENT_SECONDS).contains(&now.seconds_since(recent.at))
        };
        let lock = || self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(recent) = lock().as_ref().filter(is_recent) {
            return Ok(recent.own.clone());
        }
        let own = Arc::new(Own {
            sign: self.chain(&keys.sign_chain).await?,
            auth: self.chain(keys.auth.chain()).await?,
        });
        *lock() = Some(Recent {
            at: now,
            view,
            own: own.clone(),
        });
        Ok(own)
    }

    /// Whether a peer's TLS certificate is good now; a response is asked for once and kept like our own. With `host`, the
    /// peer itself is asked first, as X-Road's servers do among themselves; the authority is asked for what is missing.
    pub(crate) async fn of_peer(
        &self,
        peer: &Certificate,
        host: Option<&str>,
        view: &View,
    ) -> Result<(), String> {
        let now = self.clock.now();
        let name = (peer.sha256(), view.digest().to_vec());
        let good = || self.good.lock().unwrap_or_else(PoisonError::into_inner);
        let since = good().get(&name).map(|at| now.seconds_since(*at));
        if since.is_some_and(|seconds| (0..RECENT_SECONDS).contains(&seconds)) {
            return Ok(());
        }
        let helpers: Vec<Certificate> = view.helpers().cloned().collect();
        let valid = view
            .anchors()
            .validate(peer, &helpers, now)
            .map_err(|error| error.to_string())?;
        if let Some(host) = host {
            self.ask_peer(&valid, host, view, now).await?;
        }
        for pair in valid.path().windows(2) {
            if let [certificate, issuer] = pair {
                self.one(certificate, issuer, view, now).await?;
            }
        }
        let mut good = good();
        if good.len() >= GOOD_MAX {
            good.clear();
        }
        good.insert(name, now);
        Ok(())
    }

    /// Takes from the peer's own responder what is not held yet. Only a revocation is an error: whatever else goes wrong,
    /// the authority can be asked.
    async fn ask_peer(
        &self,
        valid: &Valid,
        host: &str,
        view: &View,
        now: Moment,
    ) -> Result<(), String> {
        let mut wanted = Vec::new();
        for pair in valid.path().windows(2) {
            if let [certificate, issuer] = pair
                && !self.is_fresh(certificate, now).await
            {
                wanted.push((certificate, issuer));
            }
        }
        if wanted.is_empty() || !self.may_ask(host, now) {
            return Ok(());
        }
        let certificates: Vec<&Certificate> = wanted.iter().map(|(one, _)| *one).collect();
        let asked = ocsp_exchange::from_peer(&self.http, host, self.peer_port, &certificates).await;
        let responses = asked.unwrap_or_else(|error| {
            tracing::info!(%error, "a peer's OCSP responder does not answer");
            Vec::new()
        });
        self.note_asked(host, now);
        for (response, (certificate, issuer)) in responses.iter().zip(&wanted) {
            match verdict_of(response, certificate, issuer, view, now, self.freshness) {
                Ok(ocsp::Verdict::Revoked { .. }) => return Err(REVOKED.to_owned()),
                Ok(verdict) => {
                    if let Ok(good) = verdict.good() {
                        let name = certificate.sha256_hex();
                        self.remember(&name, response, good.this_update()).await;
                    }
                }
                Err(error) => tracing::info!(%error, "a peer's OCSP response does not count"),
            }
        }
        Ok(())
    }

    async fn is_fresh(&self, certificate: &Certificate, now: Moment) -> bool {
        let kept = self.kept(&certificate.sha256_hex()).await;
        kept.is_some_and(|(_, at)| self.freshness.halfway(at, now))
    }

    /// A responder that was asked is left alone for a while, whatever it said, so that no exchange waits for it again and
    /// again.
    fn may_ask(&self, host: &str, now: Moment) -> bool {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let since = asked.get(host).map(|at| now.seconds_since(*at));
        since.is_none_or(|seconds| !(0..ASKED_SECONDS).contains(&seconds))
    }

    fn note_asked(&self, host: &str, now: Moment) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.len() >= ASKED_MAX {
            asked.clear();
        }
        asked.insert(host.to_owned(), now);
    }

    async fn chain(&self, chain: &[Certificate]) -> Result<Vec<Vec<u8>>, String> {
        let now = self.clock.now();
        let view = self.held.current(now).ok_or("no current directory")?;
        let mut responses = Vec::with_capacity(chain.len());
        for (at, certificate) in chain.iter().enumerate() {
            let above = chain.get(at + 1).or_else(|| {
                view.roots()
                    .chain(view.helpers())
                    .find(|root| root.subject() == certificate.issuer())
            });
            let issuer = above.ok_or("the issuer of our certificate is not in the directory")?;
            responses.push(self.one(certificate, issuer, &view, now).await?);
        }
        Ok(responses)
    }

    async fn one(
        &self,
        certificate: &Certificate,
        issuer: &Certificate,
        view: &View,
        now: Moment,
    ) -> Result<Vec<u8>, String> {
        let name = certificate.sha256_hex();
        let kept = self.kept(&name).await;
        if let Some((response, at)) = &kept
            && self.freshness.halfway(*at, now)
        {
            return Ok(response.clone());
        }
        match self.fetch(certificate, issuer, view, now).await {
            Ok((response, at)) => {
                self.remember(&name, &response, at).await;
                Ok(response)
            }
            // A revocation that was heard counts at once, whatever was kept from before.
            Err(NoStatus::Revoked) => {
                self.memory
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .remove(&name);
                Err(REVOKED.to_owned())
            }
            Err(NoStatus::Away(cause)) => match kept {
                Some((response, at)) if self.freshness.allows(at, now) => Ok(response),
                _ => Err(cause),
            },
        }
    }

    async fn kept(&self, name: &str) -> Option<(Vec<u8>, Moment)> {
        let remembered = self
            .memory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .cloned();
        if remembered.is_some() {
            return remembered;
        }
        let mut tx = self.store.read().await.ok()?;
        let (response, at) = sql::ocsp(&mut tx, name).await.ok()??;
        self.keep_in_memory(name, &response, at);
        Some((response, at))
    }

    fn keep_in_memory(&self, name: &str, response: &[u8], at: Moment) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.insert(name.to_owned(), (response.to_vec(), at));
    }

    async fn remember(&self, name: &str, response: &[u8], at: Moment) {
        self.keep_in_memory(name, response, at);
        let kept = async {
            let mut tx = self.store.begin().await?;
            sql::set_ocsp(&mut tx, name, response, at).await?;
            tx.commit().await
        };
        if let Err(error) = kept.await {
            tracing::warn!(%error, "an OCSP response could not be kept");
        }
    }

    async fn fetch(
        &self,
        certificate: &Certificate,
        issuer: &Certificate,
        view: &View,
        now: Moment,
    ) -> Result<(Vec<u8>, Moment), NoStatus> {
        let (request, _nonce) = ocsp::request(&[certificate], issuer, &*self.chance);
        let mut missed = NoStatus::away(&"no responder is known for the certificate");
        for url in responders(certificate, issuer, view) {
            let sent = self
                .http
                .post(url, "application/ocsp-request", request.clone());
            let response = match sent.await {
                Ok(reply) => reply.body.to_vec(),
                Err(error) => {
                    missed = NoStatus::away(&error);
                    continue;
                }
            };
            // The nonce proves nothing to the peers that get the response later; its age does.
            let good = match verdict_of(&response, certificate, issuer, view, now, self.freshness) {
                Ok(ocsp::Verdict::Revoked { .. }) => return Err(NoStatus::Revoked),
                verdict => verdict.and_then(ocsp::Verdict::good),
            };
            match good {
                Ok(good) => return Ok((response, good.this_update())),
                Err(error) => missed = NoStatus::away(&error),
            }
        }
        Err(missed)
    }
}

/// Whom to ask about a certificate: the responder it names, then the configuration's, each once.
fn responders<'a>(
    certificate: &'a Certificate,
    issuer: &Certificate,
    view: &'a View,
) -> Vec<&'a str> {
    let mut urls: Vec<&str> = Vec::new();
    for url in certificate
        .ocsp_url()
        .into_iter()
        .chain(view.ocsp_urls(issuer))
    {
        if !urls.contains(&url) && urls.len() < RESPONDERS_MAX {
            urls.push(url);
        }
    }
    urls
}

/// Why no good status came.
enum NoStatus {
    /// The responder says that the certificate was revoked.
    Revoked,
    /// No answer that can be relied on; one that was kept may still do.
    Away(String),
}

impl NoStatus {
    fn away(cause: &dyn std::fmt::Display) -> Self {
        Self::Away(format!("OCSP: {cause}"))
    }
}

fn check_one(
    response: &[u8],
    certificate: &Certificate,
    issuer: &Certificate,
    view: &View,
    now: Moment,
    freshness: Freshness,
) -> Result<ocsp::Good, TrustError> {
    verdict_of(response, certificate, issuer, view, now, freshness)?.good()
}

fn verdict_of(
    response: &[u8],
    certificate: &Certificate,
    issuer: &Certificate,
    view: &View,
    now: Moment,
    freshness: Freshness,
) -> Result<ocsp::Verdict, TrustError> {
    let responders: Vec<Certificate> = view.helpers().cloned().collect();
    let freshness_seconds = Some(freshness.seconds);
    let check = ocsp::Check {
        freshness_seconds,
        responders: &responders,
        ..ocsp::Check::at(now)
    };
    ocsp::verify(response, certificate, issuer, &check)
}

/// What a certificate is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Signatures on messages.
    Signing,
    /// TLS between nodes.
    Authentication,
}

/// How long a check holds, in seconds; it bounds how late an end of validity is noticed.
const VETTED_SECONDS: i64 = 60;
/// Most checks remembered; an instance has a few thousand certificates.
const VETTED_MAX: usize = 4_096;
/// Most bytes of OCSP responses remembered with a check, so that all of them stay below 32 MiB; a usual check has 2 KiB.
const VETTED_BYTES_MAX: usize = 8 * 1024;

/// Certificates whose path and status were found good a moment ago, so that a busy peer is not checked a thousand times
/// a second. A check counts for the same certificate, the same OCSP responses and the same directory alone.
#[derive(Debug, Default)]
pub struct Vetted(Mutex<Remembered>);

/// Checks by what the certificate is used for and its SHA-256.
type Remembered = HashMap<(Purpose, [u8; 32]), Check>;

/// A check that was made.
#[derive(Debug)]
struct Check {
    at: Moment,
    /// The directory that it was made by.
    directory: Vec<u8>,
    responses: Vec<Vec<u8>>,
    /// On which root the certificate rests.
    root: [u8; 32],
}

/// What a check of a certificate rests on.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// Whom the instance trusts.
    pub view: &'a View,
    /// The moment of the check.
    pub now: Moment,
    /// How old OCSP responses may be.
    pub freshness: Freshness,
    /// What was checked a moment ago.
    pub vetted: &'a Vetted,
    /// Whose signatures were met before; this says nothing about trust.
    pub signers: &'a KnownSigners,
}

impl Scope<'_> {
    /// Demands that `leaf` has a path to an approved root, is for `purpose`, and that `responses` say that every
    /// certificate of the path below the root is good. Gives the SHA-256 of that root.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn check(
        &self,
        purpose: Purpose,
        leaf: &Certificate,
        others: &[Certificate],
        responses: &[Vec<u8>],
    ) -> Result<[u8; 32], TrustError> {
        let Scope {
            view,
            now,
            freshness,
            vetted,
            ..
        } = *self;
        let name = (purpose, leaf.sha256());
        if let Some(check) = vetted.memory().get(&name)
            && (0..VETTED_SECONDS).contains(&now.seconds_since(check.at))
            && check.directory == view.digest()
            && check.responses == responses
        {
            return Ok(check.root);
        }
        let mut candidates = others.to_vec();
        candidates.extend(view.helpers().cloned());
        let valid = match purpose {
            Purpose::Signing => view
                .signing_anchors()
                .validate(leaf, &candidates, now)?
                .for_signing()?,
            Purpose::Authentication => view
                .anchors()
                .validate(leaf, &candidates, now)?
                .for_authentication()?,
        };
        let root = valid.path().last().unwrap_or(leaf).sha256();
        check_all(&valid, responses, view, now, freshness)?;
        let check = Check {
            at: now,
            directory: view.digest().to_vec(),
            responses: responses.to_vec(),
            root,
        };
        vetted.remember(name, check);
        Ok(root)
    }
}

impl Vetted {
    fn remember(&self, name: (Purpose, [u8; 32]), check: Check) {
        if check.responses.iter().map(Vec::len).sum::<usize>() > VETTED_BYTES_MAX {
            return;
        }
        let mut memory = self.memory();
        if memory.len() >= VETTED_MAX {
            memory.clear();
        }
        memory.insert(name, check);
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Demands a good response for every certificate of a path below the root.
///
/// # Errors
/// A response is missing, too old, badly signed, or says anything but 'good'.
fn check_all(
    valid: &Valid,
    responses: &[Vec<u8>],
    view: &View,
    now: Moment,
    freshness: Freshness,
) -> Result<(), TrustError> {
    for pair in valid.path().windows(2) {
        let [certificate, issuer] = pair else {
            continue;
        };
        let mut last = TrustError::Refused {
            why: "no OCSP response for a certificate",
        };
        let good = responses.iter().any(|response| {
            match check_one(response, certificate, issuer, view, now, freshness) {
                Ok(_) => true,
                Err(error) => {
                    last = error;
                    false
                }
            }
        });
        if !good {
            return Err(last);
        }
    }
    Ok(())
}
