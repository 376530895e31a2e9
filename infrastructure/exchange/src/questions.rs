//! Who looked at my data: the questions that were asked about a person, by whom, why, when, with their proof.
//!
//! Read by the portal of this body, and by portals of other bodies through the built-in service `accesses`. It knows
//! persons only by the log's pseudonym.

use std::collections::BTreeMap;

use kernel::{Fault, Id, Moment};
use serde::{Deserialize, Serialize};
use store::{Store, Tx};
use trust::log::Log;

use crate::agreements::{Held, State};
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
    /// Number of the agreement that allowed it.
    #[serde(default)]
    pub agreement: Option<String>,
    /// The purpose in the words that both bodies signed.
    #[serde(default)]
    pub words: Option<String>,
    /// The legal ground that the agreement names.
    #[serde(default)]
    pub legal_ground: Option<String>,
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
            agreement: row.agreement,
            words: None,
            legal_ground: None,
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
    let mut questions: Vec<Question> = rows.into_iter().map(Question::from).collect();
    add_grounds(&mut tx, &mut questions).await?;
    Ok(questions)
}

/// Adds what the agreements say, in the version that held when the question was asked.
async fn add_grounds(tx: &mut Tx, questions: &mut [Question]) -> Result<(), Fault> {
    let mut known: BTreeMap<String, Vec<Held>> = BTreeMap::new();
    for question in questions {
        let Some(number) = &question.agreement else {
            continue;
        };
        if !known.contains_key(number) {
            let rows = sql::agreement::texts_of(tx, number).await?;
            known.insert(
                number.clone(),
                rows.into_iter().filter_map(Held::of).collect(),
            );
        }
        let versions = known.get(number).map_or(&[][..], Vec::as_slice);
        let at = question.at;
        let holds = |held: &&Held| {
            let agreement = &held.terms.agreement;
            let in_time = agreement.valid_from <= at && at < agreement.until;
            in_time
                && match held.state {
                    State::InForce => held.since <= at,
                    State::Replaced | State::Ended => at <= held.since,
                    _ => false,
                }
        };
        if let Some(held) = versions.iter().find(holds).or(versions.first()) {
            question.words = Some(held.terms.purpose_text.clone());
            question.legal_ground = Some(held.terms.agreement.legal_ground.clone());
        }
    }
    Ok(())
}
