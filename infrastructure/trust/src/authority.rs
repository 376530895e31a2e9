//! A running authority: its root, its OCSP responder and its time-stamping unit, with records of what it issued.
//!
//! Read by whoever assembles a house that is an authority, and by `http`. It promises that a certificate is on record
//! before anyone receives it, so that OCSP never calls an issued one unknown; and that the responder's and the unit's
//! certificates are renewed, with new keys, before they end. It refuses to decide who may have a certificate.

use std::sync::{Arc, RwLock};

use kernel::{Chance, Clock, Fault, Moment};
use store::{Store, StoreError, Tx};

use crate::ca::{Ca, DAY, Profile, Reason, Revocations, Status};
use crate::ca_request::Proven;
use crate::cert::Certificate;
use crate::error::TrustError;
use crate::keys::{Algorithm, KeyStore, Signer};
use crate::name::Name;
use crate::ocsp::{self, Question, Responder};
use crate::path::Anchors;
use crate::sql;
use crate::tsp::{self, Tsa};

/// How long a root lasts: 20 years, longer than any document that must be verified without renewal.
pub const ROOT_SECONDS: i64 = 20 * 365 * DAY;
/// How long a responder's certificate lasts. Nobody can revoke it (nocheck), so it is short.
pub const RESPONDER_SECONDS: i64 = 60 * DAY;
/// How long a time-stamping unit's certificate lasts: tokens are verified at their own moment, so the key may be old.
pub const UNIT_SECONDS: i64 = 5 * 365 * DAY;
/// A certificate of this authority's own units with less than this left is renewed.
pub const RENEW_SECONDS: i64 = 15 * DAY;

/// What an authority is called and where it is reached.
#[derive(Clone, Debug)]
pub struct Founding {
    /// Two letters, for example `PE`.
    pub country: String,
    /// The body that runs the authority.
    pub body: String,
    /// Under which address everyone reaches this node, for example `http://ca.gob.pe`; no slash at the end.
    pub base_url: String,
    /// The policy of time stamps, for example `tsp::POLICY_DEFAULT`.
    pub policy: der::asn1::ObjectIdentifier,
}

/// Why the authority could not do something.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// Keys or certificates.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// Records.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// This authority never issued that.
    #[error("this authority issued no certificate with that serial number")]
    NotIssued,
}

impl From<AuthorityError> for Fault {
    fn from(error: AuthorityError) -> Self {
        match error {
            AuthorityError::Store(cause) => cause.into(),
            AuthorityError::NotIssued => Self::missing("fault-missing").detail(error),
            AuthorityError::Trust(_) => Self::internal(error),
        }
    }
}

/// An authority. Cheap to clone.
#[derive(Clone)]
pub struct Authority {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    keys: KeyStore,
    founding: Founding,
    ca: Ca,
    /// The root's key, by which records name the issuer.
    issuer: String,
    units: RwLock<Units>,
    clock: Arc<dyn Clock>,
    chance: Arc<dyn Chance>,
}

#[derive(Clone)]
struct Units {
    responder: Responder,
    tsa: Tsa,
}

impl Authority {
    /// Opens the authority of this store and these keys; founds it (root, responder, unit) if there is none yet.
    pub async fn open(
        store: Store,
        keys: KeyStore,
        founding: Founding,
        clock: Arc<dyn Clock>,
        chance: Arc<dyn Chance>,
    ) -> Result<Self, AuthorityError> {
        let ca = root(&store, &keys, &founding, &*clock, &*chance).await?;
        let ca = ca.with_ocsp_url(&format!("{}/ocsp", founding.base_url));
        let issuer = issuer_key(ca.certificate());
        let units = Maker {
            store: &store,
            keys: &keys,
            founding: &founding,
            ca: &ca,
            as_is: false,
        };
        let units = RwLock::new(units.units(&*clock, &*chance).await?);
        let inner = Inner {
            store,
            keys,
            founding,
            ca,
            issuer,
            units,
            clock,
            chance,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Opens the authority as it is: founds nothing and renews nothing, whatever the clock says. For commands beside the
    /// process that serves it.
    pub async fn open_as_is(
        store: Store,
        keys: KeyStore,
        founding: Founding,
        clock: Arc<dyn Clock>,
        chance: Arc<dyn Chance>,
    ) -> Result<Self, AuthorityError> {
        let ca = known_root(&mut store.read().await?, &keys).await?;
        let ca = ca.ok_or(TrustError::Refused {
            why: "this authority is not founded yet: run `tambo serve` once",
        })?;
        let ca = ca.with_ocsp_url(&format!("{}/ocsp", founding.base_url));
        let issuer = issuer_key(ca.certificate());
        let units = Maker {
            store: &store,
            keys: &keys,
            founding: &founding,
            ca: &ca,
            as_is: true,
        };
        let units = RwLock::new(units.units(&*clock, &*chance).await?);
        let inner = Inner {
            store,
            keys,
            founding,
            ca,
            issuer,
            units,
            clock,
            chance,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The root's certificate.
    pub fn certificate(&self) -> &Certificate {
        self.inner.ca.certificate()
    }

    /// Trust in this authority.
    pub fn anchors(&self) -> Anchors {
        Anchors::new(vec![self.certificate().clone()])
    }

    /// Issues a certificate and puts it on record, in a transaction of its own.
    pub async fn issue(
        &self,
        profile: &Profile,
        subject: &Name,
        key: &Proven,
        lifetime_seconds: i64,
    ) -> Result<Certificate, AuthorityError> {
        let mut tx = self.inner.store.begin().await?;
        let certificate = self
            .issue_in(&mut tx, profile, subject, key, lifetime_seconds)
            .await?;
        tx.commit().await?;
        Ok(certificate)
    }

    /// Issues within the caller's transaction. The certificate must not leave before that is committed.
    pub async fn issue_in(
        &self,
        tx: &mut Tx,
        profile: &Profile,
        subject: &Name,
        key: &Proven,
        lifetime_seconds: i64,
    ) -> Result<Certificate, AuthorityError> {
        let Inner {
            ca,
            clock,
            chance,
            issuer,
            ..
        } = &*self.inner;
        let certificate = ca.issue(profile, subject, key, lifetime_seconds, &**clock, &**chance)?;
        sql::issued(tx, issuer, role(profile), &certificate, clock.now()).await?;
        Ok(certificate)
    }

    /// Revokes what this authority issued; the first revocation stands.
    pub async fn revoke(&self, serial_hex: &str, reason: Reason) -> Result<(), AuthorityError> {
        let mut tx = self.inner.store.begin().await?;
        self.revoke_in(&mut tx, serial_hex, reason).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Revokes within the caller's transaction.
    pub async fn revoke_in(
        &self,
        tx: &mut Tx,
        serial_hex: &str,
        reason: Reason,
    ) -> Result<(), AuthorityError> {
        let Inner { issuer, clock, .. } = &*self.inner;
        if sql::status(tx, issuer, serial_hex).await? == Status::Unknown {
            return Err(AuthorityError::NotIssued);
        }
        if sql::revoke(tx, issuer, serial_hex, clock.now(), reason).await? {
            tracing::info!(
                serial = serial_hex,
                reason = reason.code(),
                "certificate revoked"
            );
        }
        Ok(())
    }

    /// What this authority says of the certificate with this serial number.
    pub async fn status(&self, serial_hex: &str) -> Result<Status, AuthorityError> {
        let mut tx = self.inner.store.read().await?;
        Ok(sql::status(&mut tx, &self.inner.issuer, serial_hex).await?)
    }

    /// Answers an OCSP request; never fails, because a failure is an answer too.
    pub async fn ocsp(&self, request: &[u8]) -> Vec<u8> {
        let Ok(question) = Question::from_der(request) else {
            return ocsp::failure(ocsp::Failure::Malformed);
        };
        let responder = self.units().responder;
        if !responder.is_for(&question) {
            return ocsp::failure(ocsp::Failure::Unauthorised);
        }
        match self.answer(&responder, &question).await {
            Ok(response) => response,
            Err(cause) => {
                tracing::error!(%cause, "OCSP");
                ocsp::failure(ocsp::Failure::Internal)
            }
        }
    }

    async fn answer(
        &self,
        responder: &Responder,
        question: &Question,
    ) -> Result<Vec<u8>, AuthorityError> {
        let mut tx = self.inner.store.read().await?;
        let mut known = Revocations::default();
        for id in question.ids() {
            let serial = id.serial_hex();
            let status = sql::status(&mut tx, &self.inner.issuer, &serial).await?;
            known.note(&serial, status);
        }
        Ok(responder.answer(question, &known, self.inner.clock.now())?)
    }

    /// An OCSP response about one certificate of this authority, to be sent along with it.
    pub async fn staple(&self, certificate: &Certificate) -> Result<Vec<u8>, AuthorityError> {
        let mut tx = self.inner.store.read().await?;
        let serial = certificate.serial_hex();
        let status = sql::status(&mut tx, &self.inner.issuer, &serial).await?;
        Ok(self
            .units()
            .responder
            .staple(certificate, status, self.inner.clock.now())?)
    }

    /// Answers a time-stamp request.
    pub fn stamp(&self, request: &[u8]) -> Result<Vec<u8>, TrustError> {
        let Inner { clock, chance, .. } = &*self.inner;
        self.units().tsa.answer(request, &**clock, &**chance)
    }

    /// The certificate of the time-stamping unit in use.
    pub fn unit_certificate(&self) -> Certificate {
        self.units().tsa.certificate().clone()
    }

    /// The certificate of the OCSP responder in use.
    pub fn responder_certificate(&self) -> Certificate {
        self.units().responder.certificate().clone()
    }

    /// Certificates that end within `seconds` from now, soonest first: whom to remind.
    pub async fn ending_within(&self, seconds: i64) -> Result<Vec<Certificate>, AuthorityError> {
        let now = self.inner.clock.now();
        let mut tx = self.inner.store.read().await?;
        let found = sql::ending(&mut tx, now, now.plus_seconds(seconds)).await?;
        Ok(found.into_iter().collect::<Result<_, _>>()?)
    }

    /// Renews the responder's and the unit's certificates if they end soon. A timer calls it every day.
    pub async fn renew(&self) -> Result<(), AuthorityError> {
        let Inner {
            store,
            keys,
            founding,
            ca,
            clock,
            chance,
            ..
        } = &*self.inner;
        let maker = Maker {
            store,
            keys,
            founding,
            ca,
            as_is: false,
        };
        let fresh = maker.units(&**clock, &**chance).await?;
        *self
            .inner
            .units
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = fresh;
        Ok(())
    }

    fn units(&self) -> Units {
        self.inner
            .units
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }
}

/// How records name an issuer: SHA-256 of its public key.
fn issuer_key(certificate: &Certificate) -> String {
    data_encoding::HEXLOWER.encode(&crate::Hash::Sha256.digest(certificate.spki()))
}

/// How records name a profile.
const fn role(profile: &Profile) -> &'static str {
    match profile {
        Profile::Tls { .. } => "tls",
        Profile::Sign => "sign",
        Profile::Official => "official",
        Profile::Seal => "seal",
        Profile::TimeStamp => "timestamp",
        Profile::OcspSigning => "ocsp",
    }
}

async fn known_root(tx: &mut Tx, keys: &KeyStore) -> Result<Option<Ca>, AuthorityError> {
    let Some(found) = sql::root(tx).await? else {
        return Ok(None);
    };
    let certificate = found?;
    let signer = keys.signer_for(certificate.spki())?;
    Ok(Some(Ca::resume(certificate, Vec::new(), signer)?))
}

/// Loads the root, or makes it.
async fn root(
    store: &Store,
    keys: &KeyStore,
    founding: &Founding,
    clock: &dyn Clock,
    chance: &dyn Chance,
) -> Result<Ca, AuthorityError> {
    let mut tx = store.begin().await?;
    if let Some(known) = known_root(&mut tx, keys).await? {
        return Ok(known);
    }
    let signer = keys.signer_or_create("authority", Algorithm::P256)?;
    let name = Name::of_body(&founding.country, &founding.body, &founding.body)?;
    let ca = Ca::new_root(&name, signer, ROOT_SECONDS, clock, chance)?;
    let issuer = issuer_key(ca.certificate());
    sql::issued(&mut tx, &issuer, "root", ca.certificate(), clock.now()).await?;
    tx.commit().await?;
    Ok(ca)
}

/// Makes the certificates of the authority's own units.
struct Maker<'a> {
    store: &'a Store,
    keys: &'a KeyStore,
    founding: &'a Founding,
    ca: &'a Ca,
    /// Whether the unit's certificate is taken as it is, even if it ended.
    as_is: bool,
}

impl Maker<'_> {
    async fn units(&self, clock: &dyn Clock, chance: &dyn Chance) -> Result<Units, AuthorityError> {
        let root = self.ca.certificate();
        let (signer, certificate) = self
            .unit(
                &Profile::OcspSigning,
                "ocsp",
                RESPONDER_SECONDS,
                clock,
                chance,
            )
            .await?;
        let responder = Responder::new(root.clone(), signer, certificate)?;
        let (signer, certificate) = self
            .unit(
                &Profile::TimeStamp,
                "timestamp",
                UNIT_SECONDS,
                clock,
                chance,
            )
            .await?;
        let chain = vec![certificate, root.clone()];
        Ok(Units {
            responder,
            tsa: Tsa::new(signer, chain, self.founding.policy)?,
        })
    }

    /// The key and certificate of a unit that has long enough to go; a new pair otherwise.
    async fn unit(
        &self,
        profile: &Profile,
        label: &str,
        lifetime: i64,
        clock: &dyn Clock,
        chance: &dyn Chance,
    ) -> Result<(Signer, Certificate), AuthorityError> {
        let issuer = issuer_key(self.ca.certificate());
        let mut tx = match self.as_is {
            true => self.store.read().await?,
            false => self.store.begin().await?,
        };
        if let Some(found) = sql::newest(&mut tx, label, &issuer).await? {
            let found = found?;
            if self.as_is || self.lasts(&found, clock.now()) {
                return Ok((self.keys.signer_for(found.spki())?, found));
            }
        }
        if self.as_is {
            let why = "a unit of this authority has no certificate yet: run `tambo serve` once";
            return Err(TrustError::Refused { why }.into());
        }
        let signer = match self.keys.list()?.iter().any(|entry| entry.label == label) {
            true => self.keys.rotate(label)?,
            false => self.keys.create(label, Algorithm::P256)?,
        };
        let Founding { country, body, .. } = self.founding;
        let name = Name::of_body(country, body, &format!("{body} {label}"))?;
        let key = Proven::held(&signer);
        let certificate = self
            .ca
            .issue(profile, &name, &key, lifetime, clock, chance)?;
        sql::issued(&mut tx, &issuer, label, &certificate, clock.now()).await?;
        tx.commit().await?;
        tracing::info!(unit = label, until = %certificate.not_after(), "certificate made");
        Ok((signer, certificate))
    }

    /// Whether a certificate need not be renewed yet, or can't be, because the root itself ends then.
    fn lasts(&self, certificate: &Certificate, now: Moment) -> bool {
        let end = certificate.not_after();
        end > now.plus_seconds(RENEW_SECONDS)
            || end > now && end >= self.ca.certificate().not_after()
    }
}

/// The policy if the settings name none; here so that assemblers need not know `tsp`.
pub const POLICY_DEFAULT: der::asn1::ObjectIdentifier = tsp::POLICY_DEFAULT;

#[cfg(test)]
mod tests;
