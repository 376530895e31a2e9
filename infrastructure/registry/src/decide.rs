//! Story: an official approves an application or refuses it with a reason; and what a grant of each kind does.

use kernel::{Actor, Fault, FaultKind, Id};
use store::Tx;
use trust::log::VerifierKey;

use crate::domain::{Heard, Wish, names};
use crate::sql::application::{ApplicationRow, State};
use crate::{Envelope, Register, sql};

impl Register {
    /// Approves what waits: certificates are issued and the register changes, all in one transaction.
    ///
    /// # Errors
    /// It does not wait any more, it is not possible now, or the store failed.
    pub async fn approve(&self, by: &Actor, number: &str) -> Result<(), Fault> {
        let row = self.application(number).await?;
        let mut tx = self.begin().await?;
        self.grant(&mut tx, row.number, by).await?;
        tx.commit().await?;
        self.after_grant(&self.application(number).await?).await;
        Ok(())
    }

    /// Refuses what waits; the applicant reads the reason.
    ///
    /// # Errors
    /// It does not wait any more, the reason is missing or too long, or the store failed.
    pub async fn refuse(&self, by: &Actor, number: &str, why: &str) -> Result<(), Fault> {
        let why = why.trim();
        if why.is_empty() || !names::why(why) {
            return Err(Fault::invalid("fault-registry-why"));
        }
        let row = self.application(number).await?;
        let mut tx = self.begin().await?;
        let decision = (State::Refused, by.account.as_str(), self.now());
        if !sql::application::decide(&mut tx, row.number, decision, (Some(why), None)).await? {
            return Err(Fault::new(FaultKind::Conflict, "fault-registry-decided"));
        }
        let server = row.server.to_string();
        let notes = [("number", number), ("server", &server), ("why", why)];
        self.enter(&mut tx, ("refused", by), row.digest, &notes)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Does what a waiting application asks for, and marks it as approved.
    pub(crate) async fn grant(&self, tx: &mut Tx, number: Id, by: &Actor) -> Result<(), Fault> {
        let row = sql::application::by_number(tx, number).await?;
        let row = row.ok_or_else(|| Fault::missing("fault-registry-application"))?;
        let decided = || Fault::new(FaultKind::Conflict, "fault-registry-decided");
        if row.state != State::Waiting {
            return Err(decided());
        }
        let heard = Envelope::parse(row.envelope.as_bytes())?.hear()?;
        let given = self.fulfil(tx, &heard, &row).await?;
        let decision = (State::Approved, by.account.as_str(), self.now());
        if !sql::application::decide(tx, number, decision, (None, given.as_deref())).await? {
            return Err(decided());
        }
        sql::setting::changed(tx).await?;
        let (shown, server) = (number.to_string(), row.server.to_string());
        let notes = [
            ("number", shown.as_str()),
            ("server", &server),
            ("kind", &row.kind),
        ];
        self.enter(tx, ("approved", by), row.digest, &notes).await
    }

    async fn fulfil(
        &self,
        tx: &mut Tx,
        heard: &Heard,
        row: &ApplicationRow,
    ) -> Result<Option<String>, Fault> {
        let server = &heard.application.server;
        match &heard.application.wish {
            Wish::Join { .. } => return self.fulfil_join(tx, heard, row).await.map(Some),
            Wish::Certificates { .. } => {
                return self.fulfil_certificates(tx, heard).await.map(Some);
            }
            Wish::Address { address } => self.set_address(tx, server, address).await?,
            Wish::Subsystem { code } => {
                let subsystem = server.owner.subsystem(code);
                self.register_subsystem(tx, &subsystem, server).await?;
            }
            Wish::SubsystemRemoval { code } => {
                let subsystem = server.owner.subsystem(code);
                self.unregister_subsystem(tx, &subsystem, server).await?;
            }
            Wish::Maintenance { on, notice } => {
                if !sql::server::set_maintenance(tx, server, *on, notice).await? {
                    return Err(Fault::missing("fault-registry-server"));
                }
            }
            Wish::Withdrawal { .. } => {}
        }
        Ok(None)
    }

    async fn fulfil_join(
        &self,
        tx: &mut Tx,
        heard: &Heard,
        row: &ApplicationRow,
    ) -> Result<String, Fault> {
        let (
            Wish::Join {
                link,
                name,
                subsystems,
                address,
                log,
                ..
            },
            Some(keys),
        ) = (&heard.application.wish, &heard.keys)
        else {
            return Err(Fault::internal("not a join"));
        };
        let (server, now) = (&heard.application.server, self.now());
        // Another application may have been approved since this one came.
        let link = sql::link::one(tx, link).await?;
        let invited = link.and_then(|link| link.member);
        self.may_join(tx, server, invited.as_ref()).await?;
        self.unused_elsewhere(tx, server, keys).await?;
        sql::member::put(tx, &server.owner, name, now).await?;
        sql::server::put(tx, server, (address, log), now).await?;
        for code in subsystems {
            let subsystem = server.owner.subsystem(code);
            self.register_subsystem(tx, &subsystem, server).await?;
        }
        let chains = self.issue(tx, (name, server, address), keys).await?;
        tracing::info!(number = %row.number, %server, "a body joined");
        serde_json::to_string(&chains).map_err(Fault::internal)
    }

    async fn fulfil_certificates(&self, tx: &mut Tx, heard: &Heard) -> Result<String, Fault> {
        let server = &heard.application.server;
        let missing = || Fault::missing("fault-registry-server");
        let keys = heard.keys.as_ref().ok_or_else(missing)?;
        self.unused_elsewhere(tx, server, keys).await?;
        let row = sql::server::one(tx, server).await?.ok_or_else(missing)?;
        let owner = &server.owner;
        let member = sql::member::by_code(tx, &owner.class, &owner.code).await?;
        let member = member.filter(|member| member.active).ok_or_else(missing)?;
        let chains = self
            .issue(tx, (&member.name, server, &row.address), keys)
            .await?;
        serde_json::to_string(&chains).map_err(Fault::internal)
    }

    /// What follows a grant outside its transaction: the witness takes the log of a body that joined. It is done again at
    /// every start ([`Register::admit_logs`]), so a process that ends in between loses nothing.
    pub(crate) async fn after_grant(&self, row: &ApplicationRow) {
        if row.kind == "join"
            && row.state == State::Approved
            && let Err(fault) = self.admit_logs().await
        {
            tracing::warn!(%fault, "the witness could not take a log; it is tried again at the next start");
        }
    }

    /// Has the witness take the logs of all registered servers.
    ///
    /// # Errors
    /// The store failed.
    pub async fn admit_logs(&self) -> Result<(), Fault> {
        let servers = {
            let mut tx = self.read().await?;
            sql::server::all(&mut tx).await?
        };
        // A server of another make has no log of this kind.
        for server in servers
            .into_iter()
            .filter(|server| !server.log_key.is_empty())
        {
            match VerifierKey::parse(&server.log_key) {
                Ok(key) => self.inner.parts.witness.admit(&key).await?,
                Err(cause) => {
                    tracing::warn!(server = %server.id, %cause, "a log's key can't be read")
                }
            }
        }
        Ok(())
    }
}
