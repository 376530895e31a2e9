//! Issuing: makes the paper that an act ordered. Run as a job; run twice, it makes one paper.

use std::collections::BTreeMap;

use kernel::{Fault, Id, Locale};
use serde::Deserialize;
use serde_json::json;
use store::{Job, JobError, JobRun};

use crate::Workflow;
use crate::case::CaseFact;
use crate::papers::Paper;
use crate::procedure::{Field, FieldKind, Procedure, fill};
use crate::sql::{self, Order, Stored};
use crate::trail::Act;

/// The kind of this job.
pub(crate) const JOB: &str = "workflow.issue";

/// The template of the receipt.
const RECEIPT: &str = "receipt";

#[derive(Deserialize)]
struct Payload {
    case: Id,
    template: String,
}

/// The job that makes a paper.
pub(crate) fn job(case: Id, template: &str) -> Job {
    let payload = json!({ "case": case, "template": template });
    Job::new(JOB, payload).key(format!("{case}/{template}"))
}

impl Workflow {
    pub(crate) async fn issue(&self, run: JobRun) -> Result<(), JobError> {
        let payload: Payload = serde_json::from_value(run.payload).map_err(JobError::give_up)?;
        let mut tx = self.inner.store.read().await?;
        let order = sql::order(&mut tx, payload.case, &payload.template).await?;
        drop(tx);
        let Some(order) = order.filter(|order| order.document.is_none()) else {
            return Ok(());
        };
        let (stored, document) = self.make_only(payload.case, &order).await?;
        let mut tx = self.inner.store.begin().await?;
        let (id, template) = (payload.case, order.template.as_str());
        if sql::order_done(&mut tx, id, template, &document.to_string()).await? {
            let act = Act::of_house("case.issued").note("template", template);
            let act = act.note("document", document.to_string());
            let act = order
                .number
                .iter()
                .fold(act, |act, number| act.note("number", number));
            self.note(&mut tx, &stored.case, act).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Makes the paper, without noting that it was made.
    pub(crate) async fn make_only(&self, case: Id, order: &Order) -> Result<(Stored, Id), Fault> {
        let mut tx = self.inner.store.read().await?;
        let stored = self.stored(&mut tx, case).await?;
        let facts = sql::facts(&mut tx, case).await?;
        drop(tx);
        let paper = self.compose(&stored, order, &facts)?;
        let document = self.inner.papers.make(paper).await?;
        Ok((stored, document))
    }

    /// The paper with every placeholder filled.
    pub(crate) fn compose(
        &self,
        stored: &Stored,
        order: &Order,
        facts: &[CaseFact],
    ) -> Result<Paper, Fault> {
        let case = &stored.case;
        let procedure = self.procedure(&case.procedure)?;
        let template = procedure.template(&order.template);
        let template = template.ok_or_else(|| Fault::internal("a paper without template"))?;
        let locale = self.inner.settings.paper_language(stored.locale);
        let mut values = self.case_values(stored, order, locale);
        values.extend(self.field_values(procedure, stored, facts, locale));
        let calendar = &self.inner.settings.calendar;
        Ok(Paper {
            case: case.id,
            case_number: case.number.clone(),
            template: order.template.clone(),
            number: order.number.clone(),
            title: fill(template.title.get(locale), &values, ""),
            blocks: template.fill(locale, &values),
            locale,
            made_at: order.decided_at,
            date: self
                .inner
                .words
                .date(locale, calendar.day_of(order.decided_at)),
            signer: order.signer.clone(),
            owner: case.subject.clone(),
            code: (order.template == RECEIPT).then(|| case.code.clone()),
        })
    }

    fn case_values(
        &self,
        stored: &Stored,
        order: &Order,
        locale: Locale,
    ) -> BTreeMap<String, String> {
        let (case, settings) = (&stored.case, &self.inner.settings);
        let (calendar, words) = (&settings.calendar, &self.inner.words);
        let moment = |moment| words.moment(locale, calendar, moment);
        let days = case.timeline.days + case.timeline.extension_days;
        let last_day = case.last_day(calendar);
        let silence = case.timeline.silence_from(calendar);
        let silence = silence.filter(|_| case.silence == crate::procedure::Silence::Positive);
        [
            ("body.name", settings.body.clone()),
            ("body.place", settings.place.clone()),
            ("case.number", case.number.clone()),
            ("case.presented", moment(case.presented_at)),
            (
                "case.received",
                case.received_at.map(moment).unwrap_or_default(),
            ),
            ("case.counted", words.date(locale, case.timeline.counted_on)),
            (
                "case.deadline",
                last_day
                    .map(|day| words.date(locale, day))
                    .unwrap_or_default(),
            ),
            ("case.days", days.to_string()),
            ("case.risk", words.risk(locale, case.risk)),
            (
                "case.silence",
                silence
                    .map(|at| words.date(locale, calendar.day_of(at)))
                    .unwrap_or_default(),
            ),
            ("document.number", order.number.clone().unwrap_or_default()),
            (
                "document.date",
                words.date(locale, calendar.day_of(order.decided_at)),
            ),
            ("applicant.number", case.subject.clone()),
            ("decision.reasons", order.reasons.clone()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    fn field_values(
        &self,
        procedure: &Procedure,
        stored: &Stored,
        facts: &[CaseFact],
        locale: Locale,
    ) -> BTreeMap<String, String> {
        let value = |field: &Field| {
            if field.is_asked() {
                let answer = stored.answers.get(&field.key)?;
                return Some(self.shown(field, answer, locale));
            }
            let fact = facts.iter().find(|fact| fact.field == field.key)?;
            Some(self.shown(field, &fact.state.verified()?.value.show(), locale))
        };
        let mut values: BTreeMap<String, String> = procedure
            .fields()
            .filter_map(|field| Some((field.key.clone(), value(field)?)))
            .collect();
        // Until the registry answers, the applicant is called by the name of their account.
        values
            .entry("applicant-name".to_owned())
            .or_insert_with(|| stored.applicant.clone());
        values
    }

    /// An answer as people read it.
    pub(crate) fn shown(&self, field: &Field, answer: &str, locale: Locale) -> String {
        match field.kind {
            FieldKind::Choice => field.choice_label(answer, locale).to_owned(),
            FieldKind::YesNo | FieldKind::Declaration => {
                self.inner.words.yes_no(locale, answer == "yes")
            }
            FieldKind::Date => match answer.parse() {
                Ok(day) => self.inner.words.date(locale, day),
                Err(_) => answer.to_owned(),
            },
            _ => answer.to_owned(),
        }
    }
}
