//! Who counts as a node of the instance: one verdict for every kind of wire.
//!
//! Read by the handshakes of `tls`, `legacy` and `simulated`. It looks at path, time and registration; whether a
//! certificate was revoked is asked afterwards by `ask` and `answer`, who know which member is spoken for.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use kernel::Clock;
use trust::{Certificate, TrustError};

use crate::directory::Held;

/// Most intermediate certificates taken from a handshake; real chains have one or two.
pub(super) const INTERMEDIATES_MAX: usize = 6;

/// Decides whether a certificate belongs to a server of the instance, by the directory of the moment.
#[derive(Clone)]
pub struct Judge {
    held: Held,
    clock: Arc<dyn Clock>,
}

impl Judge {
    /// A judge that follows `held` and `clock` from handshake to handshake.
    pub fn new(held: Held, clock: Arc<dyn Clock>) -> Self {
        Self { held, clock }
    }

    /// Demands that `leaf` has a path to an approved root, is for authentication, and is registered for a server.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn check(&self, leaf: &Certificate, others: &[Certificate]) -> Result<(), TrustError> {
        let now = self.clock.now();
        let refused = |why| TrustError::Refused { why };
        let view = self.held.current(now);
        let view = view.ok_or_else(|| refused("no current directory"))?;
        let mut chain: Vec<Certificate> = others.iter().take(INTERMEDIATES_MAX).cloned().collect();
        chain.extend(view.helpers().cloned());
        view.anchors()
            .validate(leaf, &chain, now)?
            .for_authentication()?;
        match view.server_with(leaf) {
            Some(_) => Ok(()),
            None => Err(refused("the certificate is not registered")),
        }
    }

    /// The same, of certificates as a handshake shows them: the leaf first, each in DER.
    ///
    /// # Errors
    /// See [`Judge::check`]; or the leaf can't be read. Intermediates that can't be read count as absent.
    pub fn check_der<'a>(
        &self,
        leaf: &[u8],
        others: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Certificate, TrustError> {
        let leaf = Certificate::from_der(leaf)?;
        let others: Vec<Certificate> = others
            .take(INTERMEDIATES_MAX)
            .filter_map(|der| Certificate::from_der(der).ok())
            .collect();
        self.check(&leaf, &others)?;
        Ok(leaf)
    }

    /// Whether the certificate of a kept line would still pass a handshake, as far as time and directory go.
    pub fn is_still_good(&self, peer: &Certificate) -> bool {
        let now = self.clock.now();
        let view = self.held.current(now);
        now <= peer.not_after() && view.is_some_and(|view| view.server_with(peer).is_some())
    }
}

/// Certificates whose reading is remembered: those of the nodes that are spoken to at the same time.
const MET_MAX: usize = 64;

/// Certificates met lately, each read once: all lines to one node share what its certificate says.
#[derive(Clone, Default)]
pub struct Met(Arc<Mutex<VecDeque<Certificate>>>);

impl Met {
    /// What a certificate says whose handshake is over.
    ///
    /// # Errors
    /// It can't be read.
    pub fn read(&self, der: &[u8]) -> Result<Certificate, TrustError> {
        let mut met = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = met.iter().find(|known| known.der() == der) {
            return Ok(known.clone());
        }
        let read = Certificate::from_der(der)?;
        if met.len() >= MET_MAX {
            met.pop_front();
        }
        met.push_back(read.clone());
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use trust::ca::DAY;

    use super::*;
    use crate::testing::{Country, clock, member};

    #[tokio::test]
    async fn certificates_are_told_apart_and_few_are_remembered() {
        let time = clock();
        let country = Country::new(time.clone()).await;
        let (one, other) = (member("MUNI"), member("RENIEC"));
        let shown = [one, other].map(|owner| country.keys(&owner, DAY).auth.chain()[0].clone());
        let met = Met::default();
        for _ in 0..MET_MAX {
            for certificate in &shown {
                assert_eq!(
                    met.read(certificate.der()).unwrap().der(),
                    certificate.der()
                );
            }
        }
        assert_eq!(met.0.lock().unwrap().len(), 2, "each is kept once");
        assert!(met.read(&shown[0].der()[1..]).is_err());
    }
}
