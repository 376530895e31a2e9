//! What officials decide: propose, accept, refuse, end. Each is one transaction; a job carries it to the other body.
//!
//! Read by the pages, the command and the demo. It refuses terms that can't be, and steps that the life of a text does
//! not have. An end counts here at once, whether or not the other body can be reached.

use kernel::{Fault, FaultKind, Moment};
use store::{Job, Tx};

use super::state::{State, Who};
use super::text::{Notice, Terms, digest};
use super::{Act, BadText, DELIVER_JOB, Done};
use crate::sql::agreement::{self as sql, TextRow};
use crate::{Agreement, Exchange};

impl From<BadText> for Fault {
    fn from(error: BadText) -> Self {
        let term = match error {
            BadText::Term(term) => term,
            BadText::TooLong => "length",
            BadText::Form => "form",
        };
        Self::invalid("fault-exchange-agreement-terms")
            .arg("term", term)
            .detail(error)
    }
}

fn unknown() -> Fault {
    Fault::missing("fault-exchange-agreement-missing")
}

fn not_now(state: &str) -> Fault {
    Fault::new(FaultKind::Conflict, "fault-exchange-agreement-state").detail(state)
}

/// The moment to the second, as texts hold it.
fn whole(at: Moment) -> Moment {
    Moment::from_seconds(at.seconds())
}

impl Exchange {
    /// Proposes an agreement to the other body. An empty number is replaced by a new one; a number that is held already
    /// makes the next version of that agreement (a renewal).
    ///
    /// # Errors
    /// Terms that can't be, a number whose latest text waits for a decision or is another pair's, or the store failed.
    pub async fn propose_agreement(
        &self,
        mut agreement: Agreement,
        purpose_text: &str,
        account: &str,
    ) -> Result<Terms, Fault> {
        let inner = &self.inner;
        let now = whole(inner.clock.now());
        if agreement.number.is_empty() {
            let uuid = inner.chance.uuid();
            agreement.number = format!("{}-{}", &now.iso()[..4], &uuid[..8]);
        }
        agreement.valid_from = whole(agreement.valid_from);
        agreement.until = whole(agreement.until);
        let mut tx = inner.store.begin().await?;
        let latest = sql::texts_of(&mut tx, &agreement.number)
            .await?
            .into_iter()
            .next();
        let (version, replaces) = match &latest {
            Some(held) if State::of(&held.state).is_none_or(State::is_open) => {
                return Err(not_now(&held.state));
            }
            Some(held) => (held.version + 1, Some(held.digest.clone())),
            None => (1, None),
        };
        let terms = Terms {
            agreement,
            version,
            replaces,
            purpose_text: purpose_text.trim().to_owned(),
            proposer: inner.settings.member.clone(),
            proposed_at: now,
        };
        let text = terms.text();
        let terms = Terms::read(text.as_bytes())?;
        if terms.agreement.until <= now {
            return Err(BadText::Term("time").into());
        }
        if let Some(held) = &latest
            && !terms.follows(&Terms::read(held.text.as_bytes())?)
        {
            return Err(not_now("another pair's number"));
        }
        let row = text_row(
            &terms,
            text,
            State::Proposed,
            terms.acceptor().to_string(),
            now,
        );
        if !sql::insert_text(&mut tx, &row).await? {
            return Err(not_now("proposed at the same moment"));
        }
        self.act(&mut tx, &row, Act::Propose, row.text.clone(), account, now)
            .await?;
        tx.commit().await?;
        Ok(terms)
    }

    /// Accepts what the other body proposed; it is in force when the other body has our signature.
    ///
    /// # Errors
    /// There is no such proposal, it is over, its time has passed, or the store failed.
    pub async fn accept_agreement(&self, number: &str, account: &str) -> Result<(), Fault> {
        let now = whole(self.inner.clock.now());
        let mut tx = self.inner.store.begin().await?;
        let row = self.step(&mut tx, number, Act::Accept, now).await?;
        if row.until <= now {
            return Err(not_now("expired"));
        }
        let text = row.text.clone();
        self.act(&mut tx, &row, Act::Accept, text, account, now)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Refuses what the other body proposed, with a reason in words.
    ///
    /// # Errors
    /// As [`Exchange::accept_agreement`]; or the reason is empty or too long.
    pub async fn refuse_agreement(
        &self,
        number: &str,
        reason: &str,
        account: &str,
    ) -> Result<(), Fault> {
        self.notify(number, Act::Refuse, reason, account).await
    }

    /// Ends an agreement that is in force, or takes an own proposal back; counts here at once.
    ///
    /// # Errors
    /// As [`Exchange::refuse_agreement`].
    pub async fn end_agreement(
        &self,
        number: &str,
        reason: &str,
        account: &str,
    ) -> Result<(), Fault> {
        self.notify(number, Act::End, reason, account).await
    }

    async fn notify(
        &self,
        number: &str,
        act: Act,
        reason: &str,
        account: &str,
    ) -> Result<(), Fault> {
        let now = whole(self.inner.clock.now());
        let mut tx = self.inner.store.begin().await?;
        let row = self.step(&mut tx, number, act, now).await?;
        let notice = Notice {
            ends: act == Act::End,
            number: row.number.clone(),
            version: row.version,
            digest: row.digest.clone(),
            reason: reason.trim().to_owned(),
            at: now,
        };
        Notice::read(notice.text().as_bytes())?;
        if row.state == State::InForce.word() {
            crate::sql::agreement::remove_effective(&mut tx, &row.number).await?;
            self.inner.lookups.change_with(&mut tx);
        }
        self.act(&mut tx, &row, act, notice.text(), account, now)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// The latest text on which `act` is possible now; it is moved on.
    async fn step(
        &self,
        tx: &mut Tx,
        number: &str,
        act: Act,
        now: Moment,
    ) -> Result<TextRow, Fault> {
        let rows = sql::texts_of(tx, number).await?;
        let latest = rows.first().ok_or_else(unknown)?.state.clone();
        let next = |row: &TextRow| State::of(&row.state)?.after(act, Who::We);
        let (row, next) = rows
            .into_iter()
            .find_map(|row| next(&row).map(|next| (row, next)))
            .ok_or_else(|| not_now(&latest))?;
        sql::set_state(tx, &row, next.word(), now).await?;
        Ok(row)
    }

    async fn act(
        &self,
        tx: &mut Tx,
        row: &TextRow,
        act: Act,
        text: String,
        account: &str,
        at: Moment,
    ) -> Result<(), Fault> {
        let done = Done {
            row,
            act,
            member: self.inner.settings.member.to_string(),
            account: Some(account.chars().take(100).collect()),
            text,
            at,
            sent: "waiting",
            carried: None,
        };
        let id = self.enter_act(tx, done).await?;
        let job = Job::new(DELIVER_JOB, serde_json::json!({ "act": id })).key(id.to_string());
        Ok(tx.enqueue(job).await?)
    }
}

/// A text as the store holds it.
pub(crate) fn text_row(
    terms: &Terms,
    text: String,
    state: State,
    other: String,
    at: Moment,
) -> TextRow {
    TextRow {
        number: terms.agreement.number.clone(),
        version: terms.version,
        digest: digest(text.as_bytes()),
        text,
        state: state.word().to_owned(),
        other,
        until: terms.agreement.until,
        changed_at: at,
    }
}
