//! Story: an official enters a server that runs other software, by two certificate requests in a file each.
//!
//! Such a server does not know how to apply by itself. The official, who has the requests from the member's hands, is the
//! one who vouches for them. The server gets a certificate for messages and one for TLS, stands in the configuration at
//! once, and has no log that the witness could cosign.

use kernel::{Actor, Fault, FaultKind, ServerId};
use trust::Certificate;
use trust::ca::DAY;
use trust::ca_request::Proven;

use crate::certificates::{AUTH, LEAF_DAYS, SIGN, plan};
use crate::domain::envelope::key_name;
use crate::domain::names;
use crate::{Register, digest_of, sql};

/// Most subsystems that are entered at once; more are added one by one.
const SUBSYSTEMS_MAX: usize = 50;

/// A server of another make.
#[derive(Clone, Debug)]
pub struct Foreign {
    /// The server; its owner becomes a member if it is none yet.
    pub server: ServerId,
    /// The member's name.
    pub name: String,
    /// Codes of the subsystems that it serves.
    pub subsystems: Vec<String>,
    /// `host:port` for other servers.
    pub address: String,
    /// The request (PKCS #10, PEM or DER) for messages.
    pub sign: Vec<u8>,
    /// The request for TLS.
    pub auth: Vec<u8>,
}

/// What it gets.
#[derive(Clone, Debug)]
pub struct Issued {
    /// For messages.
    pub sign: Certificate,
    /// For TLS.
    pub auth: Certificate,
    /// The authority's own.
    pub authority: Certificate,
}

impl Register {
    /// Enters the server and issues its certificates.
    ///
    /// # Errors
    /// A code, name, address or request doesn't fit, the server or one of the keys is registered already, or the store
    /// failed.
    pub async fn enter_foreign(&self, by: &Actor, foreign: &Foreign) -> Result<Issued, Fault> {
        let Foreign { server, name, .. } = foreign;
        let field = |field: &str| Fault::invalid("fault-registry-field").arg("field", field);
        let codes = &foreign.subsystems;
        if codes.len() > SUBSYSTEMS_MAX || !codes.iter().all(|code| names::code(code)) {
            return Err(field("subsystem"));
        }
        if !names::name(name) || !names::address(&foreign.address) {
            return Err(field("address"));
        }
        let mut tx = self.begin().await?;
        let known = sql::member::by_code(&mut tx, &server.owner.class, &server.owner.code).await?;
        let invited = known.map(|_| server.owner.clone());
        self.may_join(&mut tx, server, invited.as_ref()).await?;
        let now = self.now();
        sql::member::put(&mut tx, &server.owner, name, now).await?;
        sql::server::put(&mut tx, server, (&foreign.address, ""), now).await?;
        for code in codes {
            let subsystem = server.owner.subsystem(code);
            self.register_subsystem(&mut tx, &subsystem, server).await?;
        }
        let mut issued = Vec::new();
        for (purpose, profile, subject) in
            plan(name, server, &foreign.address).map_err(Fault::internal)?
        {
            let request = match purpose {
                SIGN => &foreign.sign,
                AUTH => &foreign.auth,
                _ => continue,
            };
            let key =
                Proven::from_request(request).map_err(|error| field(purpose).detail(error))?;
            if sql::server::key_owner(&mut tx, &key_name(key.spki()))
                .await?
                .is_some()
            {
                let used = Fault::new(FaultKind::Conflict, "fault-registry-key-used");
                return Err(used.detail("the key is registered already; make a new one"));
            }
            let trust = &self.inner.parts.trust;
            let leaf = trust
                .issue_in(&mut tx, &profile, &subject, &key, LEAF_DAYS * DAY)
                .await?;
            sql::server::put_certificate(&mut tx, (server, purpose), &leaf, now).await?;
            issued.push((purpose, leaf));
        }
        sql::setting::changed(&mut tx).await?;
        let id = server.to_string();
        let digest = digest_of(&["foreign", &id, name, &foreign.address]);
        let notes = [("server", id.as_str()), ("address", &foreign.address)];
        self.enter(&mut tx, ("foreign-entered", by), digest, &notes)
            .await?;
        tx.commit().await?;
        let mut take = |wanted: &str| {
            let at = issued.iter().position(|(purpose, _)| *purpose == wanted);
            at.map(|at| issued.swap_remove(at).1)
                .ok_or_else(|| Fault::internal("no certificate was planned"))
        };
        Ok(Issued {
            sign: take(SIGN)?,
            auth: take(AUTH)?,
            authority: self.inner.parts.trust.certificate().clone(),
        })
    }
}
