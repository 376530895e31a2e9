//! Story: the authority enters a body whose keys it has in its own hands: itself, or the bodies that it hosts.
//!
//! The operator of the machine is the person who decides; running it again changes nothing.

use kernel::{Actor, Fault, ServerId};
use store::Tx;
use trust::Certificate;
use trust::log::VerifierKey;

use crate::domain::names;
use crate::{Register, digest_of, sql};

/// What is entered.
#[derive(Clone, Debug)]
pub struct Admission {
    /// The body's server.
    pub server: ServerId,
    /// The body's name.
    pub name: String,
    /// Codes of its subsystems, all served by that server.
    pub subsystems: Vec<String>,
    /// `host:port` for other servers.
    pub address: String,
    /// Its log, for the witness.
    pub log: VerifierKey,
    /// Its certificates by purpose.
    pub certificates: Vec<(&'static str, Certificate)>,
}

impl Register {
    /// Enters a body, or what has changed of it. A revoked member stays revoked.
    ///
    /// # Errors
    /// A code or address doesn't fit, or the store failed.
    pub async fn admit(&self, by: &Actor, admission: &Admission) -> Result<(), Fault> {
        if !names::address(&admission.address) || !names::name(&admission.name) {
            let text = format!("{} at {}", admission.name, admission.address);
            return Err(Fault::invalid("fault-registry-field").detail(text));
        }
        self.inner.parts.witness.admit(&admission.log).await?;
        let mut tx = self.begin().await?;
        let owner = &admission.server.owner;
        let known = sql::member::by_code(&mut tx, &owner.class, &owner.code).await?;
        if known.as_ref().is_some_and(|member| !member.active) {
            tracing::warn!(member = %owner, "a revoked member is not entered again");
            return Ok(());
        }
        let named = known.is_some_and(|member| member.name == admission.name);
        let changed = self.enter_body(&mut tx, admission).await?;
        if named && !changed {
            return Ok(());
        }
        sql::member::put(&mut tx, owner, &admission.name, self.now()).await?;
        sql::setting::changed(&mut tx).await?;
        let id = admission.server.to_string();
        let digest = digest_of(&["admitted", &id, &admission.name, &admission.address]);
        let notes = [("server", id.as_str()), ("address", &admission.address)];
        self.enter(&mut tx, ("admitted", by), digest, &notes)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Enters server, subsystems and certificates; tells whether anything was new.
    async fn enter_body(&self, tx: &mut Tx, admission: &Admission) -> Result<bool, Fault> {
        let (now, server) = (self.now(), &admission.server);
        let log = admission.log.to_string();
        let known = sql::server::one(tx, server).await?;
        let mut changed =
            known.is_none_or(|row| row.address != admission.address || row.log_key != log);
        if changed {
            sql::server::put(tx, server, (&admission.address, &log), now).await?;
        }
        for code in &admission.subsystems {
            let id = server.owner.subsystem(code);
            changed |= sql::member::put_subsystem(tx, &id, now).await?;
            changed |= sql::server::put_client(tx, &id, server, now).await?;
        }
        for (purpose, certificate) in &admission.certificates {
            changed |=
                sql::server::put_certificate(tx, (server, purpose), certificate, now).await?;
        }
        Ok(changed)
    }
}
