//! Story: global groups, to which members give access rights as a whole.

use kernel::{Actor, Fault, SubsystemId};

use crate::domain::names;
use crate::sql::group::GroupRow;
use crate::{Register, digest_of, sql};

impl Register {
    /// All groups.
    ///
    /// # Errors
    /// The store failed.
    pub async fn groups(&self) -> Result<Vec<GroupRow>, Fault> {
        let mut tx = self.read().await?;
        Ok(sql::group::all(&mut tx).await?)
    }

    /// Makes a group, or says anew what it is for.
    ///
    /// # Errors
    /// Code or name don't fit, or the store failed.
    pub async fn put_group(&self, by: &Actor, code: &str, name: &str) -> Result<(), Fault> {
        if !names::code(code) || !names::name(name) {
            return Err(Fault::invalid("fault-registry-group"));
        }
        let mut tx = self.begin().await?;
        sql::group::put(&mut tx, code, name, self.now()).await?;
        self.group_changed(&mut tx, ("group-put", by), code, name)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Removes a group.
    ///
    /// # Errors
    /// There is none, or the store failed.
    pub async fn remove_group(&self, by: &Actor, code: &str) -> Result<(), Fault> {
        let mut tx = self.begin().await?;
        if !sql::group::remove(&mut tx, code).await? {
            return Err(Fault::missing("fault-registry-group"));
        }
        self.group_changed(&mut tx, ("group-removed", by), code, "")
            .await?;
        Ok(tx.commit().await?)
    }

    /// Puts a registered subsystem into a group.
    ///
    /// # Errors
    /// There is no such group or subsystem, or the store failed.
    pub async fn join_group(
        &self,
        by: &Actor,
        code: &str,
        subsystem: &SubsystemId,
    ) -> Result<(), Fault> {
        let mut tx = self.begin().await?;
        let groups = sql::group::all(&mut tx).await?;
        let known = sql::member::subsystems(&mut tx, &subsystem.member).await?;
        if !groups.iter().any(|group| group.code == code) || !known.contains(&subsystem.code) {
            return Err(Fault::missing("fault-registry-subsystem"));
        }
        sql::group::add(&mut tx, code, subsystem, self.now()).await?;
        let id = subsystem.to_string();
        self.group_changed(&mut tx, ("group-joined", by), code, &id)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Takes a subsystem out of a group.
    ///
    /// # Errors
    /// It isn't in it, or the store failed.
    pub async fn leave_group(
        &self,
        by: &Actor,
        code: &str,
        subsystem: &SubsystemId,
    ) -> Result<(), Fault> {
        let mut tx = self.begin().await?;
        if !sql::group::take(&mut tx, code, subsystem).await? {
            return Err(Fault::missing("fault-registry-subsystem"));
        }
        let id = subsystem.to_string();
        self.group_changed(&mut tx, ("group-left", by), code, &id)
            .await?;
        Ok(tx.commit().await?)
    }

    async fn group_changed(
        &self,
        tx: &mut store::Tx,
        (kind, by): (&str, &Actor),
        code: &str,
        what: &str,
    ) -> Result<(), Fault> {
        sql::setting::changed(tx).await?;
        let notes = [("group", code), ("what", what)];
        self.enter(tx, (kind, by), digest_of(&[kind, code, what]), &notes)
            .await
    }
}
