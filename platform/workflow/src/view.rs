//! One case as its applicant or an official sees it, a person's cases, and a receipt as anybody verifies it.

use jiff::civil::Date;
use kernel::{Actor, Fact, Fault, Id, Locale, Moment};

use crate::case::{Case, FactState, Refusal, State, problems};
use crate::procedure::{Check, Procedure};
use crate::sql::{self, Event, NeedRow, Order, Stored};
use crate::{DeskRow, Receipt, Workflow, access};

/// Cases on one page of a person's list.
pub const MY_CASES: usize = 25;

/// A case with all that its page shows.
#[derive(Clone, Debug)]
pub struct CaseView<'a> {
    /// The case.
    pub case: Case,
    /// The procedure.
    pub procedure: &'a Procedure,
    /// The applicant's name.
    pub applicant: String,
    /// The language it was filed in.
    pub locale: Locale,
    /// What was answered: field key, and the answer as people read it in the reader's language.
    pub answers: Vec<(String, String)>,
    /// Uploaded files: field key and the document's identifier.
    pub files: Vec<(String, Id)>,
    /// What registries state, in the order of the form.
    pub facts: Vec<FactView>,
    /// The questions to registries.
    pub needs: Vec<NeedRow>,
    /// What facts contradict.
    pub problems: Vec<&'a Check>,
    /// What happened.
    pub events: Vec<Event>,
    /// The papers, made or being made.
    pub papers: Vec<Order>,
    /// How its clock stands.
    pub clock: ClockFace,
}

/// What a registry states for a field.
#[derive(Clone, Debug, PartialEq)]
pub struct FactView {
    /// The field's key.
    pub field: String,
    /// The registry's service code.
    pub service: String,
    /// What is known.
    pub state: FactState,
}

/// How a case's clock stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockFace {
    /// When it was presented.
    pub presented_at: Moment,
    /// When the desk received it.
    pub received_at: Option<Moment>,
    /// The business day it counts for.
    pub counted_on: Date,
    /// The last moment to decide; while it stands still, `None`.
    pub deadline: Option<Moment>,
    /// From when silence grants, if it does.
    pub silence_at: Option<Moment>,
    /// While observed: the last moment to cure.
    pub cure_until: Option<Moment>,
    /// Business days of the whole limit.
    pub days: u32,
    /// Business days that have passed, at most `days`.
    pub used: u32,
    /// Whether it stands still.
    pub paused: bool,
    /// Whether the case has ended.
    pub over: bool,
}

impl FactView {
    /// The fact, if its signature was verified.
    pub fn verified(&self) -> Option<&Fact> {
        self.state.verified()
    }

    /// Why it was refused, if it was.
    pub fn refusal(&self) -> Option<Refusal> {
        match &self.state {
            FactState::Refused { why, .. } => Some(*why),
            FactState::Pending | FactState::Verified(_) => None,
        }
    }
}

impl Workflow {
    /// The case as this actor may see it, with words in `locale`.
    ///
    /// # Errors
    /// No such case, or not for this actor.
    pub async fn case_for(
        &self,
        actor: &Actor,
        id: Id,
        locale: Locale,
    ) -> Result<CaseView<'_>, Fault> {
        let mut tx = self.inner.store.read().await?;
        let stored = self.stored(&mut tx, id).await?;
        let procedure = self.procedure(&stored.case.procedure)?;
        access::may_read(actor, &stored.case, &procedure.right)?;
        let facts = sql::facts(&mut tx, id).await?;
        let needs = sql::needs(&mut tx, id).await?;
        let events = sql::events(&mut tx, id).await?;
        let papers = sql::orders(&mut tx, id).await?;
        drop(tx);
        let found = problems(procedure, &facts, &stored.case.subject);
        let facts = procedure.asked(&stored.answers).filter_map(|field| {
            let fact = facts.iter().find(|fact| fact.field == field.key)?;
            let service = fact.service.clone();
            Some(FactView {
                field: field.key.clone(),
                service,
                state: fact.state.clone(),
            })
        });
        let asked = || {
            procedure
                .asked(&stored.answers)
                .filter(|field| field.is_asked())
        };
        let answers = asked().filter_map(|field| {
            let answer = stored.answers.get(&field.key)?;
            Some((field.key.clone(), self.shown(field, answer, locale)))
        });
        let files = asked().filter(|field| field.kind == crate::procedure::FieldKind::File);
        let files = files.filter_map(|field| {
            Some((
                field.key.clone(),
                stored.answers.get(&field.key)?.parse().ok()?,
            ))
        });
        Ok(CaseView {
            procedure,
            answers: answers.collect(),
            files: files.collect(),
            facts: facts.collect(),
            needs,
            problems: found,
            events,
            papers,
            clock: self.clock_face(&stored.case),
            applicant: stored.applicant.clone(),
            locale: stored.locale,
            case: stored.case,
        })
    }

    /// What happened to a case that this actor may see.
    ///
    /// # Errors
    /// No such case, or not for this actor.
    pub async fn timeline(&self, actor: &Actor, id: Id) -> Result<Vec<Event>, Fault> {
        let mut tx = self.inner.store.read().await?;
        let stored = self.stored(&mut tx, id).await?;
        let procedure = self.procedure(&stored.case.procedure)?;
        access::may_read(actor, &stored.case, &procedure.right)?;
        Ok(sql::events(&mut tx, id).await?)
    }

    /// The applicant's own receipt.
    ///
    /// # Errors
    /// No such case, or not the applicant's.
    pub async fn receipt(&self, actor: &Actor, id: Id) -> Result<Receipt, Fault> {
        let mut tx = self.inner.store.read().await?;
        let stored = self.stored(&mut tx, id).await?;
        access::may_act_as_applicant(actor, &stored.case)?;
        let pending = sql::pending_count(&mut tx, id).await?;
        Ok(self.receipt_of(&stored.case, pending, true))
    }

    /// A person's own cases, newest first, older than `before`.
    ///
    /// # Errors
    /// Not a person; the store failed.
    pub async fn cases_of(&self, actor: &Actor, before: Option<Id>) -> Result<Vec<DeskRow>, Fault> {
        access::person(actor)?;
        // Sorts after every identifier.
        let before = before.map_or_else(|| "~".to_owned(), |id| id.to_string());
        let mut tx = self.inner.store.read().await?;
        let mine = sql::cases_of(&mut tx, &actor.subject, &before, MY_CASES).await?;
        let mut rows = Vec::with_capacity(mine.len());
        for stored in mine {
            let pending = sql::pending_count(&mut tx, stored.case.id).await?;
            let dates = stored.case.dates(&self.inner.settings.calendar);
            let due = stored
                .case
                .cure_until
                .or(dates.deadline)
                .unwrap_or(Moment(i64::MAX));
            rows.push(self.desk_row(stored, due, pending));
        }
        Ok(rows)
    }

    /// The receipt with this code, for anybody: number, dates and state, no names.
    ///
    /// # Errors
    /// No receipt has this code.
    pub async fn verify_receipt(&self, code: &str) -> Result<(Receipt, State, &Procedure), Fault> {
        const TYPED_CHARS_MAX: usize = 64;
        let plain = code
            .chars()
            .take(TYPED_CHARS_MAX)
            .filter(char::is_ascii_alphanumeric);
        let plain: Vec<char> = plain.map(|c| c.to_ascii_uppercase()).collect();
        let groups: Vec<String> = plain
            .chunks(4)
            .map(|group| group.iter().collect())
            .collect();
        let mut tx = self.inner.store.read().await?;
        let found = sql::by_code(&mut tx, &groups.join("-")).await?;
        let Stored { case, .. } = found.ok_or_else(|| Fault::missing("fault-missing"))?;
        let procedure = self.procedure(&case.procedure)?;
        Ok((self.receipt_of(&case, 0, true), case.state, procedure))
    }

    fn clock_face(&self, case: &Case) -> ClockFace {
        let calendar = &self.inner.settings.calendar;
        let (timeline, dates) = (&case.timeline, case.dates(calendar));
        let until = case.ended_at.unwrap_or_else(|| self.now());
        let days = timeline.days + timeline.extension_days;
        ClockFace {
            presented_at: case.presented_at,
            received_at: case.received_at,
            counted_on: timeline.counted_on,
            deadline: dates.deadline,
            silence_at: dates.silence_at,
            cure_until: case.cure_until,
            days,
            used: timeline.used(calendar, calendar.day_of(until)).min(days),
            paused: timeline.is_paused(),
            over: case.state.is_final(),
        }
    }
}
