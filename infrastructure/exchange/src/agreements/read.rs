//! Agreements as officials and auditors see them: texts with their terms, history, use of the day and evidence.
//!
//! Read by the pages, the command and the reports. It changes nothing.

use kernel::{Fault, Id, Moment};

use super::state::State;
use super::text::Terms;
use super::{Act, Evidence, RENEW_SECONDS};
use crate::Exchange;
use crate::domain::agreement::day;
use crate::sql::agreement::{self as sql, ActRow, TextRow};

/// A text of an agreement as this node holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The terms.
    pub terms: Terms,
    /// The text.
    pub text: String,
    /// Its digest.
    pub digest: String,
    /// Where it stands.
    pub state: State,
    /// Since when.
    pub since: Moment,
}

/// One act in an agreement's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The act's identifier: whoever has it finds the container.
    pub id: Id,
    /// The version.
    pub version: u32,
    /// What was done.
    pub act: Act,
    /// By which body.
    pub member: String,
    /// When.
    pub at: Moment,
    /// Why, for refusals and ends.
    pub reason: Option<String>,
    /// `waiting`, `sent`, `refused` or `received`.
    pub sent: String,
    /// The message that carried it.
    pub message: Option<String>,
    /// Whether the signed message is kept here.
    pub signed: bool,
    /// Entry in the transparency log.
    pub log_entry: Option<String>,
}

impl Held {
    pub(crate) fn of(row: TextRow) -> Option<Self> {
        Some(Self {
            terms: Terms::read(row.text.as_bytes()).ok()?,
            state: State::of(&row.state)?,
            text: row.text,
            digest: row.digest,
            since: row.changed_at,
        })
    }

    /// Whether it is in force and its time has come and not passed.
    pub fn holds(&self, now: Moment) -> bool {
        let held = &self.terms.agreement;
        self.state == State::InForce && held.valid_from <= now && now < held.until
    }

    /// Whether it is in force but its time has passed.
    pub fn has_expired(&self, now: Moment) -> bool {
        self.state == State::InForce && self.terms.agreement.until <= now
    }

    /// Whether somebody should propose its renewal now.
    pub fn should_be_renewed(&self, now: Moment) -> bool {
        self.state == State::InForce
            && self.terms.agreement.until.seconds_since(now) < RENEW_SECONDS
    }
}

fn step(row: ActRow) -> Option<Step> {
    let act = Act::of(&row.act)?;
    let notice = super::text::Notice::read(row.text.as_bytes()).ok();
    Some(Step {
        id: row.id,
        version: row.version,
        act,
        member: row.member,
        at: row.at,
        reason: notice.map(|notice| notice.reason),
        sent: row.sent,
        message: row.message,
        signed: row.evidence.is_some(),
        log_entry: row.log_entry,
    })
}

impl Exchange {
    /// The latest text of each agreement after `after`, by number.
    ///
    /// # Errors
    /// The store failed.
    pub async fn agreements_after(&self, after: &str, limit: usize) -> Result<Vec<Held>, Fault> {
        let mut tx = self.inner.store.read().await?;
        let rows = sql::latest_texts(&mut tx, after, limit).await?;
        Ok(rows.into_iter().filter_map(Held::of).collect())
    }

    /// Texts in one state, by number.
    ///
    /// # Errors
    /// The store failed.
    pub async fn agreements_in(&self, state: State, limit: usize) -> Result<Vec<Held>, Fault> {
        let mut tx = self.inner.store.read().await?;
        let rows = sql::texts_in(&mut tx, state.word(), "", limit).await?;
        Ok(rows.into_iter().filter_map(Held::of).collect())
    }

    /// The versions of an agreement, the latest first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn agreement_versions(&self, number: &str) -> Result<Vec<Held>, Fault> {
        let mut tx = self.inner.store.read().await?;
        let rows = sql::texts_of(&mut tx, number).await?;
        Ok(rows.into_iter().filter_map(Held::of).collect())
    }

    /// What was done with an agreement, the earliest first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn agreement_history(&self, number: &str) -> Result<Vec<Step>, Fault> {
        let mut tx = self.inner.store.read().await?;
        let rows = sql::acts_of(&mut tx, number).await?;
        Ok(rows.into_iter().filter_map(step).collect())
    }

    /// How many questions were counted under an agreement today (UTC).
    ///
    /// # Errors
    /// The store failed.
    pub async fn agreement_counted(&self, number: &str) -> Result<i64, Fault> {
        let today = day(self.inner.clock.now());
        let mut tx = self.inner.store.read().await?;
        Ok(crate::sql::counted(&mut tx, number, today).await?)
    }

    /// The signed message of an act as a container; with its time stamp while the journal has it.
    ///
    /// # Errors
    /// The store failed.
    pub async fn agreement_container(
        &self,
        number: &str,
        act: Id,
    ) -> Result<Option<Vec<u8>>, Fault> {
        let mut tx = self.inner.store.read().await?;
        let row = sql::act_by_id(&mut tx, act).await?;
        drop(tx);
        let Some(row) = row.filter(|row| row.number == number) else {
            return Ok(None);
        };
        let (Some(message), Some(kept), Some(at)) = (row.message, row.evidence, row.evidence_at)
        else {
            return Ok(None);
        };
        let kept = Evidence {
            container: kept,
            at,
        };
        let stamped = self.container(&message, crate::Half::Request).await?;
        let same = |stamped: &Vec<u8>| kept.is_of_same_message(stamped);
        Ok(Some(stamped.filter(same).unwrap_or(kept.container)))
    }
}
