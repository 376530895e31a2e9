//! The plain way in: a one-time code that an official hands over at the desk.
//!
//! Promises: kept only as a keyed hash, works once, expires, and guessing is limited by number and by address; an unknown
//! number answers the same as a wrong code.

use aws_lc_rs::constant_time;
use kernel::{Actor, Fault, FaultKind, Moment};
use store::{Tx, params};

use crate::domain::{
    CODE_DIGITS, CODE_SECONDS, FAILURE_WINDOW_SECONDS, FAILURES_PER_CLIENT_MAX,
    FAILURES_PER_SUBJECT_MAX, before, read_code,
};
use crate::people::{Account, account_by};
use crate::{Identity, sql};

/// A code just issued. It is told this once and never again.
#[derive(Clone, PartialEq, Eq)]
pub struct IssuedCode {
    /// Eight digits.
    pub code: String,
    /// Until when it works.
    pub expires_at: Moment,
}

impl std::fmt::Debug for IssuedCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IssuedCode {{ expires_at: {} }}", self.expires_at)
    }
}

impl Identity {
    /// Issues a code for whoever has this national number; codes issued before stop working.
    ///
    /// `by` answers for having seen the person: an official with `RIGHT_ISSUE_CODE`, or the system in a practice country.
    ///
    /// # Errors
    /// `fault-denied`, `fault-identity-number`, or `fault-identity-nobody` if nobody here has the number.
    pub async fn issue_code(&self, by: &Actor, subject: &str) -> Result<IssuedCode, Fault> {
        let system = matches!(by.role, kernel::Role::System);
        if !system && !by.may(crate::RIGHT_ISSUE_CODE) {
            return Err(Fault::denied("fault-denied").detail("may not issue codes"));
        }
        let subject = self.read_subject(subject)?;
        let mut tx = self.store().begin().await?;
        let account = account_by(&mut tx, sql::ACCOUNT_BY_SUBJECT, &subject)
            .await?
            .ok_or_else(|| Fault::invalid("fault-identity-nobody"))?;
        let (now, code) = (self.now(), self.draw_code());
        let expires_at = now.plus_seconds(CODE_SECONDS);
        let hash = self.code_hash(&account.id, &code);
        tx.execute(sql::FORGET_CODES, &params![&account.id, now])
            .await?;
        let row = params![
            self.new_id(),
            &account.id,
            hash,
            &by.account,
            now,
            expires_at
        ];
        tx.execute(sql::ADD_CODE, &row).await?;
        tx.commit().await?;
        tracing::info!(
            account = account.id,
            by = by.account,
            "one-time code issued"
        );
        Ok(IssuedCode { code, expires_at })
    }

    /// Issues a code at the desk; with a name, whoever is not known here yet is added first.
    pub(crate) async fn enrol(
        &self,
        by: &Actor,
        subject: &str,
        name: &str,
    ) -> Result<IssuedCode, Fault> {
        let plain = self.read_subject(subject)?;
        let mut tx = self.store().read().await?;
        let known = account_by(&mut tx, sql::ACCOUNT_BY_SUBJECT, &plain)
            .await?
            .is_some();
        drop(tx);
        if !known && !name.trim().is_empty() {
            self.add_person(subject, name).await?;
        }
        self.issue_code(by, subject).await
    }

    /// Takes a code in. `client` is the network address, which limits guessing only.
    pub(crate) async fn redeem(
        &self,
        subject: &str,
        code: &str,
        client: &str,
    ) -> Result<Account, Fault> {
        let wrong = || Fault::invalid("fault-identity-code");
        let subject = self.read_subject(subject)?;
        let keys = self.attempt_keys(&subject, client);
        let mut tx = self.store().begin().await?;
        self.refuse_guessers(&mut tx, &keys).await?;
        let account = account_by(&mut tx, sql::ACCOUNT_BY_SUBJECT, &subject).await?;
        let held = self.held_code(&mut tx, account.as_ref(), code).await?;
        let (Some(account), Some(id)) = (account, held) else {
            for (key, _) in &keys {
                let since = before(self.now(), FAILURE_WINDOW_SECONDS);
                tx.execute(sql::FAILED, &params![key, self.now(), since])
                    .await?;
            }
            tx.commit().await?;
            return Err(wrong());
        };
        if tx.execute(sql::TAKE_CODE, &params![id]).await? != 1 {
            return Err(wrong());
        }
        tx.execute(sql::FORGIVE, &params![&keys[0].0]).await?;
        tx.commit().await?;
        Ok(account)
    }

    /// The identifier of the code that `typed` matches. An absent account costs the same work as a wrong code.
    async fn held_code(
        &self,
        tx: &mut Tx,
        account: Option<&Account>,
        typed: &str,
    ) -> Result<Option<String>, Fault> {
        let account = account.map_or("", |account| account.id.as_str());
        let rows = tx.all(sql::CODES_OF, &params![account, self.now()]).await?;
        let typed = read_code(typed).unwrap_or_default();
        let hash = self.code_hash(account, &typed);
        let mut held = None;
        for row in &rows {
            if constant_time::verify_slices_are_equal(&row.bytes(1)?, &hash).is_ok() {
                held = Some(row.text(0)?);
            }
        }
        Ok(held)
    }

    async fn refuse_guessers(&self, tx: &mut Tx, keys: &[(String, i64); 2]) -> Result<(), Fault> {
        let since = before(self.now(), FAILURE_WINDOW_SECONDS);
        for (key, most) in keys {
            let row = tx.maybe(sql::FAILURES, &params![key, since]).await?;
            let failures = row.map(|row| row.int(0)).transpose()?.unwrap_or(0);
            if failures >= *most {
                let minutes = (FAILURE_WINDOW_SECONDS / 60).to_string();
                return Err(
                    Fault::new(FaultKind::TooMany, "fault-identity-tries").arg("minutes", minutes)
                );
            }
        }
        Ok(())
    }

    /// Keys of the two counters, hashed so that the table tells neither numbers nor addresses.
    fn attempt_keys(&self, subject: &str, client: &str) -> [(String, i64); 2] {
        let key = |what: &str, text: &str| {
            data_encoding::HEXLOWER.encode(&self.keyed_hash(what, text)[..16])
        };
        [
            (key("tries of a number", subject), FAILURES_PER_SUBJECT_MAX),
            (
                key("tries from an address", client),
                FAILURES_PER_CLIENT_MAX,
            ),
        ]
    }

    fn code_hash(&self, account: &str, code: &str) -> Vec<u8> {
        self.keyed_hash("one-time code", &format!("{account}\n{code}"))
    }

    fn draw_code(&self) -> String {
        let chance = &self.inner.chance;
        (0..CODE_DIGITS)
            .map(|_| char::from_digit(chance.below(10), 10).unwrap_or('0'))
            .collect()
    }
}
