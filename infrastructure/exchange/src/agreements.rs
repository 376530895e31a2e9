//! Agreements between two bodies: proposed, accepted and ended under the signatures of both.
//!
//! Read by the pages, the commands and the built-in service `agreements`. It promises that an agreement is in force only
//! with both signatures over the same bytes verified ([`InForce`]), that every step is an entry in the transparency log
//! of the same transaction, and that nothing here needs an agreement itself. It refuses whoever is not a party.

pub(crate) mod arrive;
pub(crate) mod audit;
pub mod decide;
pub(crate) mod deliver;
pub mod proof;
pub mod read;
pub mod state;
pub mod text;

use kernel::{Id, Moment};
use store::Tx;
use trust::log::Entry;
use trust::sigalg::Hash;

pub use self::proof::{Act, Evidence, InForce, NotInForce, SERVICE};
pub use self::read::{Held, Step};
pub use self::state::{State, Who};
pub use self::text::{BadText, Notice, Terms};
use crate::Exchange;
use crate::sql::agreement::{self as sql, ActRow, TextRow};

/// How long before its end an agreement should be renewed, in seconds: thirty days, so that both offices can decide.
pub const RENEW_SECONDS: i64 = 30 * 86_400;
/// Kind of the job that carries our acts to the other body.
pub const DELIVER_JOB: &str = "exchange-agreement";

/// What an act was, for the journal of acts and the log.
pub(crate) struct Done<'a> {
    pub row: &'a TextRow,
    pub act: Act,
    pub member: String,
    pub account: Option<String>,
    /// The text that is signed with it.
    pub text: String,
    pub at: Moment,
    /// `waiting` or `received`.
    pub sent: &'static str,
    /// The message that carried it, for acts of the other body.
    pub carried: Option<(String, Evidence)>,
}

impl Exchange {
    /// Enters an act in the agreement's history and in the log.
    pub(crate) async fn enter_act(&self, tx: &mut Tx, done: Done<'_>) -> Result<Id, kernel::Fault> {
        let inner = &self.inner;
        let id = Id::new(&*inner.clock, &*inner.chance);
        let kind = format!("exchange.agreement-{}", done.act.word());
        let notes = [("by", done.member.as_str()), ("state", done.sent)];
        let log_entry = self
            .note_agreement(tx, &kind, done.row, done.at, &notes)
            .await?;
        let (message, evidence) = done.carried.unzip();
        let (evidence, evidence_at) = evidence.map(|one| (one.container, one.at)).unzip();
        let row = ActRow {
            id,
            number: done.row.number.clone(),
            version: done.row.version,
            act: done.act.word().to_owned(),
            member: done.member,
            account: done.account,
            text: done.text,
            at: done.at,
            sent: done.sent.to_owned(),
            message,
            evidence,
            evidence_at,
            log_entry: Some(log_entry),
        };
        sql::insert_act(tx, &row).await?;
        Ok(id)
    }

    /// One line about an agreement in the transparency log; its digest is that of the agreement's text.
    pub(crate) async fn note_agreement(
        &self,
        tx: &mut Tx,
        kind: &str,
        row: &TextRow,
        at: Moment,
        notes: &[(&'static str, &str)],
    ) -> Result<String, kernel::Fault> {
        let digest = Hash::Sha256
            .digest(row.text.as_bytes())
            .try_into()
            .expect("SHA-256 gives 32 bytes");
        let mut entry = Entry::new(kind, at, digest)
            .note("number", row.number.clone())
            .note("version", row.version.to_string());
        for (name, value) in notes {
            entry = entry.note(*name, value.chars().take(300).collect::<String>());
        }
        Ok(self.inner.log.enter(tx, entry).await?.to_string())
    }

    /// Puts a verified agreement in force: the one place where the hot path's agreements are written.
    pub(crate) async fn put_in_force(
        &self,
        tx: &mut Tx,
        row: &TextRow,
        in_force: &InForce,
        at: Moment,
    ) -> Result<(), kernel::Fault> {
        for earlier in sql::texts_of(tx, &row.number).await? {
            if earlier.version != row.version && earlier.state == State::InForce.word() {
                sql::set_state(tx, &earlier, State::Replaced.word(), at).await?;
            }
        }
        sql::set_state(tx, row, State::InForce.word(), at).await?;
        crate::sql::set_agreement(tx, in_force.agreement()).await?;
        self.inner.lookups.change_with(tx);
        self.note_agreement(tx, "exchange.agreement-in-force", row, at, &[])
            .await
            .map(drop)
    }

    /// The two messages that prove a text, if this node has both.
    pub(crate) async fn evidence_of(
        &self,
        tx: &mut Tx,
        row: &TextRow,
    ) -> Result<(Option<Evidence>, Option<Evidence>), kernel::Fault> {
        let acts = sql::acts_of(tx, &row.number).await?;
        let find = |act: Act| {
            acts.iter()
                .filter(|one| one.version == row.version && one.act == act.word())
                .find_map(|one| {
                    Some(Evidence {
                        container: one.evidence.clone()?,
                        at: one.evidence_at?,
                    })
                })
        };
        Ok((find(Act::Propose), find(Act::Accept)))
    }
}
