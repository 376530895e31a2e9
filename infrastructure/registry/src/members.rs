//! Story: what changes for a member that is one: addresses, subsystems, servers, maintenance, and its end.

use kernel::{Actor, Fault, FaultKind, MemberId, ServerId, SubsystemId};
use store::Tx;
use trust::ca::Reason;

use crate::domain::names;
use crate::sql::member::MemberRow;
use crate::sql::server::{CertificateRow, ServerRow};
use crate::{Register, digest_of, sql};

/// A member with everything that is registered of it.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its row.
    pub row: MemberRow,
    /// Codes of its subsystems.
    pub subsystems: Vec<String>,
    /// Its servers, with the subsystems on each and its certificates.
    pub servers: Vec<(ServerRow, Vec<SubsystemId>, Vec<CertificateRow>)>,
}

fn no_server() -> Fault {
    Fault::missing("fault-registry-server")
}

impl Register {
    /// Members after `after`, by identifier; as many as one page holds.
    ///
    /// # Errors
    /// The store failed.
    pub async fn members(&self, after: &str) -> Result<Vec<MemberRow>, Fault> {
        let mut tx = self.read().await?;
        let rows = i64::try_from(sql::PAGE_ROWS).unwrap_or(i64::MAX);
        Ok(sql::member::page(&mut tx, after, rows).await?)
    }

    /// One member.
    ///
    /// # Errors
    /// There is none, or the store failed.
    pub async fn member(&self, class: &str, code: &str) -> Result<Member, Fault> {
        let mut tx = self.read().await?;
        let row = sql::member::by_code(&mut tx, class, code).await?;
        let row = row.ok_or_else(|| Fault::missing("fault-registry-member"))?;
        let mut servers = Vec::new();
        for server in sql::server::of_member(&mut tx, &row.id).await? {
            let clients = sql::server::clients(&mut tx, &server.id).await?;
            let certificates = sql::server::certificates(&mut tx, &server.id).await?;
            servers.push((server, clients, certificates));
        }
        Ok(Member {
            subsystems: sql::member::subsystems(&mut tx, &row.id).await?,
            row,
            servers,
        })
    }

    pub(crate) async fn set_address(
        &self,
        tx: &mut Tx,
        server: &ServerId,
        address: &str,
    ) -> Result<(), Fault> {
        match sql::server::set_address(tx, server, address).await? {
            true => Ok(()),
            false => Err(no_server()),
        }
    }

    pub(crate) async fn register_subsystem(
        &self,
        tx: &mut Tx,
        subsystem: &SubsystemId,
        server: &ServerId,
    ) -> Result<(), Fault> {
        let now = self.now();
        sql::server::one(tx, server).await?.ok_or_else(no_server)?;
        sql::member::put_subsystem(tx, subsystem, now).await?;
        sql::server::put_client(tx, subsystem, server, now).await?;
        Ok(())
    }

    /// Takes a subsystem off a server; one that no server has any more leaves the register and its groups.
    pub(crate) async fn unregister_subsystem(
        &self,
        tx: &mut Tx,
        subsystem: &SubsystemId,
        server: &ServerId,
    ) -> Result<(), Fault> {
        if !sql::server::drop_client(tx, subsystem, server).await? {
            return Err(Fault::missing("fault-registry-subsystem"));
        }
        if sql::server::hosts(tx, subsystem).await? == 0 {
            sql::group::take_everywhere(tx, subsystem).await?;
            sql::member::drop_subsystem(tx, subsystem).await?;
        }
        Ok(())
    }

    /// Registers a subsystem on a server, by an official.
    ///
    /// # Errors
    /// The code doesn't fit, there is no such server, or the store failed.
    pub async fn add_subsystem(
        &self,
        by: &Actor,
        server: &ServerId,
        code: &str,
    ) -> Result<(), Fault> {
        if !names::code(code) {
            return Err(Fault::invalid("fault-registry-field").arg("field", "subsystem"));
        }
        let subsystem = server.owner.subsystem(code);
        let mut tx = self.begin().await?;
        self.register_subsystem(&mut tx, &subsystem, server).await?;
        self.note(&mut tx, ("subsystem-added", by), server, code)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Takes a subsystem off a server, by an official.
    ///
    /// # Errors
    /// It isn't there, or the store failed.
    pub async fn remove_subsystem(
        &self,
        by: &Actor,
        server: &ServerId,
        code: &str,
    ) -> Result<(), Fault> {
        let subsystem = server.owner.subsystem(code);
        let mut tx = self.begin().await?;
        self.unregister_subsystem(&mut tx, &subsystem, server)
            .await?;
        self.note(&mut tx, ("subsystem-removed", by), server, code)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Begins or ends a server's maintenance, by an official.
    ///
    /// # Errors
    /// There is no such server, the notice is too long, or the store failed.
    pub async fn maintain(
        &self,
        by: &Actor,
        server: &ServerId,
        on: bool,
        notice: &str,
    ) -> Result<(), Fault> {
        if !names::why(notice) {
            return Err(Fault::invalid("fault-registry-why"));
        }
        let mut tx = self.begin().await?;
        if !sql::server::set_maintenance(&mut tx, server, on, notice).await? {
            return Err(no_server());
        }
        let kind = match on {
            true => "maintenance-begun",
            false => "maintenance-ended",
        };
        self.note(&mut tx, (kind, by), server, notice).await?;
        Ok(tx.commit().await?)
    }

    /// Deletes a server: its certificates are revoked, its registrations end.
    ///
    /// # Errors
    /// There is none, it is the authority's own, or the store failed.
    pub async fn delete_server(
        &self,
        by: &Actor,
        server: &ServerId,
        why: &str,
    ) -> Result<(), Fault> {
        self.not_ourselves(&server.owner)?;
        if why.trim().is_empty() || !names::why(why) {
            return Err(Fault::invalid("fault-registry-why"));
        }
        let mut tx = self.begin().await?;
        sql::server::one(&mut tx, server)
            .await?
            .ok_or_else(no_server)?;
        self.end_server(&mut tx, server).await?;
        self.note(&mut tx, ("server-deleted", by), server, why)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Ends a membership: every certificate is revoked and nothing of the member is published any more. Its number stays
    /// taken, so that nobody can come back under it without an official who knows.
    ///
    /// # Errors
    /// There is no such member, it is the authority's own, no reason is given, or the store failed.
    pub async fn revoke_member(
        &self,
        by: &Actor,
        member: &MemberId,
        why: &str,
    ) -> Result<(), Fault> {
        self.not_ourselves(member)?;
        let why = why.trim();
        if why.is_empty() || !names::why(why) {
            return Err(Fault::invalid("fault-registry-why"));
        }
        let mut tx = self.begin().await?;
        if !sql::member::end(&mut tx, member, self.now(), why).await? {
            return Err(Fault::missing("fault-registry-member"));
        }
        for server in sql::server::of_member(&mut tx, member).await? {
            self.end_server(&mut tx, &server.id).await?;
        }
        sql::setting::changed(&mut tx).await?;
        let id = member.to_string();
        let notes = [("member", id.as_str()), ("why", why)];
        let digest = digest_of(&["member-revoked", &id, why]);
        self.enter(&mut tx, ("member-revoked", by), digest, &notes)
            .await?;
        Ok(tx.commit().await?)
    }

    fn not_ourselves(&self, member: &MemberId) -> Result<(), Fault> {
        match *member == self.founding().owner {
            true => Err(Fault::new(FaultKind::Conflict, "fault-registry-ourselves")),
            false => Ok(()),
        }
    }

    async fn end_server(&self, tx: &mut Tx, server: &ServerId) -> Result<(), Fault> {
        let trust = &self.inner.parts.trust;
        for certificate in sql::server::certificates(tx, server).await? {
            let reason = Reason::CessationOfOperation;
            match trust.revoke_in(tx, &certificate.serial, reason).await {
                // A foreign authority's certificate is not ours to revoke; it leaves the configuration all the same.
                Ok(()) | Err(trust::authority::AuthorityError::NotIssued) => {}
                Err(error) => return Err(error.into()),
            }
        }
        sql::server::end_certificates(tx, server).await?;
        for subsystem in sql::server::clients(tx, server).await? {
            self.unregister_subsystem(tx, &subsystem, server).await?;
        }
        sql::server::remove(tx, server).await?;
        Ok(())
    }

    /// Enters an official's act on a server, and marks the register as changed.
    async fn note(
        &self,
        tx: &mut Tx,
        (kind, by): (&str, &Actor),
        server: &ServerId,
        what: &str,
    ) -> Result<(), Fault> {
        sql::setting::changed(tx).await?;
        let id = server.to_string();
        let digest = digest_of(&[kind, &id, what]);
        let notes = [("server", id.as_str()), ("what", what)];
        self.enter(tx, (kind, by), digest, &notes).await
    }
}
