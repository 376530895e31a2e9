//! Drafts: what somebody has typed is kept on the server, so that nothing is lost when a session or a line ends.

use kernel::{Actor, Fault, Moment};

use crate::answers::{ANSWER_CHARS_MAX, Checked, check_step};
use crate::procedure::Answers;
use crate::sql::{self, Draft};
use crate::{Workflow, access};

/// Most answers of a draft: more than any procedure asks, few enough to bound a row.
const ANSWERS_MAX: usize = 300;

/// Drafts that nobody touched for this long are thrown away: they hold personal data that no case needs.
const DRAFT_DAYS: i64 = 90;

/// A draft as pages see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedDraft {
    /// The procedure.
    pub procedure: String,
    /// The key to file under.
    pub key: String,
    /// The answers as typed.
    pub answers: Answers,
    /// When something was last saved.
    pub updated_at: Moment,
}

impl From<Draft> for SavedDraft {
    fn from(draft: Draft) -> Self {
        let Draft {
            procedure,
            key,
            answers,
            updated_at,
        } = draft;
        Self {
            procedure,
            key,
            answers,
            updated_at,
        }
    }
}

impl Workflow {
    /// This person's draft of `procedure`; a new empty one if there is none yet (saved by the first answer).
    ///
    /// # Errors
    /// Not a person; no such procedure; the store failed.
    pub async fn draft(&self, actor: &Actor, procedure: &str) -> Result<SavedDraft, Fault> {
        access::person(actor)?;
        self.procedure(procedure)?;
        let mut tx = self.inner.store.read().await?;
        let saved = sql::draft(&mut tx, &actor.subject, procedure).await?;
        Ok(saved.map_or_else(|| self.new_draft(procedure), SavedDraft::from))
    }

    /// All of this person's drafts, newest first.
    ///
    /// # Errors
    /// Not a person; the store failed.
    pub async fn drafts(&self, actor: &Actor) -> Result<Vec<SavedDraft>, Fault> {
        access::person(actor)?;
        let mut tx = self.inner.store.read().await?;
        let all = sql::drafts_of(&mut tx, &actor.subject).await?;
        Ok(all.into_iter().map(SavedDraft::from).collect())
    }

    /// Keeps the answers of one step, right or wrong, and tells what is wrong. Other steps' answers stay as they are.
    ///
    /// # Errors
    /// Not a person; no such procedure or step; too many answers; the store failed.
    pub async fn save_step(
        &self,
        actor: &Actor,
        procedure: &str,
        step: &str,
        typed: &Answers,
    ) -> Result<Checked, Fault> {
        access::person(actor)?;
        let known = self.procedure(procedure)?;
        let step = known
            .step(step)
            .ok_or_else(|| Fault::missing("fault-workflow-no-step"))?;
        let mut tx = self.inner.store.begin().await?;
        let saved = sql::draft(&mut tx, &actor.subject, procedure).await?;
        let mut draft = saved.map_or_else(|| self.new_draft(procedure), SavedDraft::from);
        for field in step.fields.iter().filter(|field| field.is_asked()) {
            match typed.get(&field.key) {
                Some(answer) => drop(draft.answers.insert(field.key.clone(), bounded(answer))),
                None => drop(draft.answers.remove(&field.key)),
            }
        }
        let checked = check_step(known, step, &self.inner.settings.schemes, &draft.answers);
        if checked.answers.len() > ANSWERS_MAX {
            return Err(Fault::invalid("fault-workflow-too-many-answers"));
        }
        let (key, updated_at) = (draft.key, self.now());
        let answers = checked.answers.clone();
        let draft = Draft {
            procedure: procedure.to_owned(),
            key,
            answers,
            updated_at,
        };
        sql::draft_save(&mut tx, &actor.subject, &draft).await?;
        tx.commit().await?;
        Ok(checked)
    }

    /// Throws this person's draft away.
    ///
    /// # Errors
    /// Not a person; the store failed.
    pub async fn discard_draft(&self, actor: &Actor, procedure: &str) -> Result<(), Fault> {
        access::person(actor)?;
        let mut tx = self.inner.store.begin().await?;
        sql::draft_remove(&mut tx, &actor.subject, procedure).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Throws away drafts that nobody touched for a season, and tells how many.
    ///
    /// # Errors
    /// The store failed.
    pub async fn forget_old_drafts(&self) -> Result<u64, Fault> {
        let mut tx = self.inner.store.begin().await?;
        let before = self.now().plus_seconds(-DRAFT_DAYS * 86_400);
        let count = sql::drafts_forget(&mut tx, before).await?;
        tx.commit().await?;
        Ok(count)
    }

    fn new_draft(&self, procedure: &str) -> SavedDraft {
        SavedDraft {
            procedure: procedure.to_owned(),
            key: self.inner.store.chance().token(),
            answers: Answers::new(),
            updated_at: self.now(),
        }
    }
}

/// Keeps a little more than the limit, so that checking still says that it is too long.
fn bounded(answer: &str) -> String {
    answer.chars().take(ANSWER_CHARS_MAX + 1).collect()
}
