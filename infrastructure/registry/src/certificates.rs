//! The certificates of a member's server: TLS, messages, seal; their subjects, and how long they last.
//!
//! Read by the register, which issues them for proven keys, and by a house that is its own authority.

use std::collections::BTreeMap;

use kernel::{Fault, ServerId};
use store::Tx;
use trust::ca::{AltName, DAY, Profile};
use trust::ca_request::Proven;
use trust::name::Name;
use trust::{Certificate, TrustError};

use crate::domain::envelope::{ProvenKeys, key_name};
use crate::domain::names;
use crate::{Register, sql};

/// Days that a leaf certificate is good for: two years, with the renewal two months before the end.
pub const LEAF_DAYS: i64 = 730;
/// Purpose of the key for TLS between servers.
pub const AUTH: &str = "auth";
/// Purpose of the key for messages.
pub const SIGN: &str = "sign";
/// Purpose of the key for the body's seal on documents.
pub const SEAL: &str = "seal";

/// The subject and profile of each certificate of a server: purpose, profile, subject.
///
/// # Errors
/// A name is too long for a certificate.
pub fn plan(
    body: &str,
    server: &ServerId,
    address: &str,
) -> Result<[(&'static str, Profile, Name); 3], TrustError> {
    let instance = &server.owner.instance;
    let member = Name::member(instance, body, &server.owner)?;
    let seal = Name::of_body(instance, body, &format!("Sello de {body}"))?;
    let tls = Profile::Tls {
        names: vec![alt_name(address)],
    };
    Ok([
        (AUTH, tls, member.clone()),
        (SIGN, Profile::Sign, member),
        (SEAL, Profile::Seal, seal),
    ])
}

fn alt_name(address: &str) -> AltName {
    let host = names::host(address);
    match host.parse() {
        Ok(ip) => AltName::Ip(ip),
        Err(_) => AltName::Dns(host.to_owned()),
    }
}

impl Register {
    /// Issues a server's certificates for proven keys and enters them; gives back the PEM chains by purpose.
    pub(crate) async fn issue(
        &self,
        tx: &mut Tx,
        (body, server, address): (&str, &ServerId, &str),
        keys: &ProvenKeys,
    ) -> Result<BTreeMap<String, String>, Fault> {
        let trust = &self.inner.parts.trust;
        let mut chains = BTreeMap::new();
        for (purpose, profile, subject) in plan(body, server, address).map_err(Fault::internal)? {
            let key: &Proven = match purpose {
                AUTH => &keys.auth,
                SIGN => &keys.sign,
                _ => &keys.seal,
            };
            let leaf = trust
                .issue_in(tx, &profile, &subject, key, LEAF_DAYS * DAY)
                .await?;
            let now = self.now();
            sql::server::put_certificate(tx, (server, purpose), &leaf, now).await?;
            let chain = [leaf, trust.certificate().clone()];
            let text: String = chain.iter().map(Certificate::pem).collect();
            chains.insert(purpose.to_owned(), text);
        }
        Ok(chains)
    }

    /// Refuses keys that another server's certificates hold, or that were ever registered for another purpose.
    pub(crate) async fn unused_elsewhere(
        &self,
        tx: &mut Tx,
        server: &ServerId,
        keys: &ProvenKeys,
    ) -> Result<(), Fault> {
        for (purpose, key) in [(AUTH, &keys.auth), (SIGN, &keys.sign), (SEAL, &keys.seal)] {
            let owner = sql::server::key_owner(tx, &key_name(key.spki())).await?;
            let elsewhere = owner.is_some_and(|(owner, active, for_what)| {
                owner != server.to_string() || for_what != purpose || !active
            });
            if elsewhere {
                return Err(Fault::new(
                    kernel::FaultKind::Conflict,
                    "fault-registry-key-used",
                ));
            }
        }
        Ok(())
    }
}
