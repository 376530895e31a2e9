//! Certification paths: from a certificate to an anchor (RFC 5280 section 6.1), and the proof that one was found.
//!
//! Read by everyone who trusts a signature. `Valid` is made here alone. Checked for every certificate of the path:
//! signature, dates, names, basicConstraints, path length, keyCertSign, critical extensions. Name constraints and
//! policy constraints are not processed: a certificate that has them as critical is refused. Names chain if their
//! DER is equal (stricter than RFC 5280 section 7.1; every authority copies its own bytes). Revocation is `ocsp`.

use der::asn1::ObjectIdentifier;
use kernel::Moment;

use crate::cert::{Certificate, oids, usage};
use crate::error::TrustError;

/// Longest path, anchor included; public ecosystems have three or four.
pub const PATH_MAX: usize = 8;
/// Most signatures verified while looking for one path: bounds the work that a crafted bag of certificates can cause.
pub const SIGNATURES_MAX: usize = 48;

/// The certificates trusted of themselves.
#[derive(Clone, Debug, Default)]
pub struct Anchors {
    roots: Vec<Certificate>,
}

/// Proof that a path from a certificate to an anchor was valid at a moment. Only `Anchors::validate` makes it.
#[derive(Clone, Debug)]
pub struct Valid {
    path: Vec<Certificate>,
    at: Moment,
}

impl Anchors {
    /// Trusts these certificates.
    pub fn new(roots: Vec<Certificate>) -> Self {
        Self { roots }
    }

    /// The anchors.
    pub fn certificates(&self) -> &[Certificate] {
        &self.roots
    }

    /// Finds a path from `leaf` over any of `others` to an anchor, valid `at` that moment.
    pub fn validate(
        &self,
        leaf: &Certificate,
        others: &[Certificate],
        at: Moment,
    ) -> Result<Valid, TrustError> {
        check_itself(leaf, at)?;
        if self.roots.contains(leaf) {
            return Ok(Valid {
                path: vec![leaf.clone()],
                at,
            });
        }
        let mut search = Search {
            anchors: &self.roots,
            others,
            at,
            signatures: 0,
            cause: None,
        };
        let mut path = vec![leaf.clone()];
        if search.extend(&mut path)? {
            return Ok(Valid { path, at });
        }
        Err(search
            .cause
            .unwrap_or(TrustError::refused("no path to a trusted certificate")))
    }
}

struct Search<'a> {
    anchors: &'a [Certificate],
    others: &'a [Certificate],
    at: Moment,
    signatures: usize,
    /// The first reason why a candidate was refused: more telling than 'no path'.
    cause: Option<TrustError>,
}

impl Search<'_> {
    /// Extends `path` to an anchor. Depth is bounded by `PATH_MAX`, the whole search by `SIGNATURES_MAX`.
    fn extend(&mut self, path: &mut Vec<Certificate>) -> Result<bool, TrustError> {
        if path.len() >= PATH_MAX {
            return Ok(false);
        }
        let last = path.last().expect("a path begins with its leaf").clone();
        let (anchors, others) = (self.anchors, self.others);
        let candidates = anchors
            .iter()
            .map(|c| (c, true))
            .chain(others.iter().map(|c| (c, false)));
        for (candidate, is_anchor) in candidates {
            if candidate.subject() != last.issuer() || path.contains(candidate) {
                continue;
            }
            if self.signatures == SIGNATURES_MAX {
                let what = "search for a certification path";
                return Err(TrustError::TooLarge {
                    what,
                    limit: SIGNATURES_MAX,
                });
            }
            self.signatures += 1;
            if let Err(cause) = check_issuer(candidate, &last, path, self.at) {
                self.cause.get_or_insert(cause);
                continue;
            }
            path.push(candidate.clone());
            if is_anchor || self.extend(path)? {
                return Ok(true);
            }
            path.pop();
        }
        Ok(false)
    }
}

/// What must hold for any certificate of a path.
fn check_itself(certificate: &Certificate, at: Moment) -> Result<(), TrustError> {
    if at < certificate.not_before() {
        return Err(TrustError::refused("a certificate is not valid yet"));
    }
    // notAfter names a whole second, all of which is still valid.
    if at.seconds() > certificate.not_after().seconds() {
        return Err(TrustError::refused("a certificate has expired"));
    }
    if certificate.has_unknown_critical() {
        return Err(TrustError::refused(
            "a certificate has an unknown critical extension",
        ));
    }
    Ok(())
}

/// What must hold for the certificate that issued `child`; `path` runs from the leaf to `child`.
fn check_issuer(
    issuer: &Certificate,
    child: &Certificate,
    path: &[Certificate],
    at: Moment,
) -> Result<(), TrustError> {
    check_itself(issuer, at)?;
    if !issuer.is_ca() {
        return Err(TrustError::refused("an issuer is no authority"));
    }
    if issuer.key_usage().is_some() && !issuer.has_usage(usage::CERT_SIGN) {
        return Err(TrustError::refused("an issuer may not sign certificates"));
    }
    // Self-issued intermediates don't count (RFC 5280 section 4.2.1.9); the leaf never does.
    let between = path.iter().skip(1).filter(|c| !c.is_self_issued()).count();
    if issuer
        .path_len()
        .is_some_and(|limit| between > limit as usize)
    {
        return Err(TrustError::refused(
            "the path is longer than an issuer allows",
        ));
    }
    child.verify_signed_by(issuer)
}

impl Valid {
    /// The certificate that was validated.
    pub fn leaf(&self) -> &Certificate {
        &self.path[0]
    }

    /// From the leaf to the anchor, both included.
    pub fn path(&self) -> &[Certificate] {
        &self.path
    }

    /// The certificate that issued the leaf; the leaf itself if it is an anchor.
    pub fn issuer(&self) -> &Certificate {
        self.path.get(1).unwrap_or(&self.path[0])
    }

    /// The moment for which the path was checked.
    pub fn at(&self) -> Moment {
        self.at
    }

    /// Demands that the key may make signatures that bind its owner (nonRepudiation).
    pub fn for_signing(self) -> Result<Self, TrustError> {
        if self.leaf().has_usage(usage::NON_REPUDIATION) && !self.leaf().is_ca() {
            return Ok(self);
        }
        Err(TrustError::refused(
            "the certificate is not for signatures (nonRepudiation)",
        ))
    }

    /// Demands what X-Road demands of an authentication certificate: clientAuth, or a key usage that TLS uses.
    pub fn for_authentication(self) -> Result<Self, TrustError> {
        let leaf = self.leaf();
        let wide = [
            usage::DIGITAL_SIGNATURE,
            usage::KEY_ENCIPHERMENT,
            usage::DATA_ENCIPHERMENT,
        ];
        let by_usage = wide.into_iter().any(|bit| leaf.has_usage(bit));
        if (leaf.has_purpose(oids::CLIENT_AUTH) || by_usage) && !leaf.is_ca() {
            return Ok(self);
        }
        Err(TrustError::refused(
            "the certificate is not for authentication",
        ))
    }

    /// Demands a key purpose.
    pub fn for_purpose(self, purpose: ObjectIdentifier) -> Result<Self, TrustError> {
        if self.leaf().has_purpose(purpose) {
            return Ok(self);
        }
        Err(TrustError::refused(
            "the certificate is not for this purpose",
        ))
    }
}

#[cfg(test)]
mod tests;
