//! Who looked at my data: the questions that were asked about a person, by whom, why, when, with their proof.
//!
//! Read by the portal of this body, and by portals of other bodies through the built-in service `accesses`. It knows
//! persons only by the log's pseudonym.

use kernel::{Fault, Id, Moment};
use serde::{Deserialize, Serialize};
use store::Store;
use trust::log::Log;

use crate::sql::{self, QuestionRow, Side};

/// Most questions listed at once; a page shows no more.
pub const LIST_MAX: usize = 200;

/// A question about somebody, as they may see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The subsystem that asked.
    pub by: String,
    /// The service that was asked.
    pub service: String,
    /// For which purpose.
    pub purpose: Option<String>,
    /// For which case.
    pub case: Option<String>,
    /// Which fields.
    pub fields: Vec<String>,
    /// When.
    pub at: Moment,
    /// How it ended: `asked`, `answered`, `refused`, `bad-signature`, `unreachable`, `timeout`.
    pub outcome: String,
    /// Message number: the evidence.
    pub number: String,
    /// Whether this body asked (or else was asked).
    pub asked_here: bool,
    /// Entry in this body's transparency log.
    pub log_entry: Option<String>,
}

impl From<QuestionRow> for Question {
    fn from(row: QuestionRow) -> Self {
        let fields = row.fields.unwrap_or_default();
        Self {
            by: row.client,
            service: row.service,
            purpose: row.purpose,
            case: row.case,
            fields: fields
                .split(',')
                .filter(|field| !field.is_empty())
                .map(str::to_owned)
                .collect(),
            at: row.asked_at,
            outcome: row.outcome,
            number: row.number,
            asked_here: row.side == Side::Client,
            log_entry: row.log_entry,
        }
    }
}

/// The latest questions about `subject`, newest first, older than `before` if that is given.
///
/// # Errors
/// The store failed.
pub async fn about(
    store: &Store,
    log: &Log,
    subject: &str,
    before: Option<Id>,
) -> Result<Vec<Question>, Fault> {
    let pseudonym = log.pseudonym(subject).to_string();
    let before = before.map_or_else(|| sql::BEYOND.to_owned(), |id| id.to_string());
    let mut tx = store.read().await?;
    let rows = sql::questions_about(&mut tx, &pseudonym, &before, LIST_MAX).await?;
    Ok(rows.into_iter().map(Question::from).collect())
}
