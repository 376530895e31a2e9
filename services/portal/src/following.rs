//! Following a case: the receipt, the list of one's cases, the page of one case, and answering what was observed.

use std::str::FromStr;

use kernel::{Actor, Fault, Id, Moment};
use web::parts::Tone;
use web::{Upload, Visit};
use workflow::case::{FactState as Known, State};
use workflow::procedure::Procedure;
use workflow::sql::{Event, Order};
use workflow::{ClockFace, Cure, DeskRow, NotFiled};

use crate::catalogue::silence_view;
use crate::domain::{ClockView, FactState, FactView};
use crate::files::file_view;
use crate::views::{
    CaseCard, CaseView, EventView, FileView, ObservationView, ReceiptView, Stage, VerifiedReceipt,
};
use crate::{Portal, filling, kept};

/// The template of the receipt and the one of an observation, as every procedure names them.
const RECEIPT: &str = "receipt";
const OBSERVED: &str = "case.observed";

/// Reads a case's identifier from an address.
///
/// # Errors
/// Missing: what is no identifier names no case.
pub fn case_id(text: &str) -> Result<Id, Fault> {
    Id::from_str(text).map_err(|_| Fault::missing("fault-missing"))
}

impl Portal {
    /// The receipt of a case of one's own.
    ///
    /// # Errors
    /// No such case, or not this person's.
    pub async fn receipt(
        &self,
        visit: &Visit,
        actor: &Actor,
        id: Id,
    ) -> Result<ReceiptView, Fault> {
        let receipt = self.workflow.receipt(actor, id).await?;
        let view = self.workflow.case_for(actor, id, visit.locale).await?;
        let pdf = view
            .papers
            .iter()
            .find(|paper| paper.template == RECEIPT)
            .and_then(document_place);
        Ok(ReceiptView {
            case: format!("/cases/{id}"),
            number: receipt.number,
            procedure: view.procedure.title.get(visit.locale).to_owned(),
            applicant: view.applicant.clone(),
            presented: receipt.presented_at,
            counted_on: receipt.counted_on,
            clock: self.clock(&view.clock),
            silence: silence_view(view.procedure.silence),
            verify: format!("{}/receipts/{}", self.settings.address, receipt.code),
            code: receipt.code,
            pdf,
            waiting: receipt.facts_pending,
        })
    }

    /// A receipt by its code, for anybody.
    ///
    /// # Errors
    /// No receipt has this code.
    pub async fn verify_receipt(
        &self,
        visit: &Visit,
        code: &str,
    ) -> Result<VerifiedReceipt, Fault> {
        let (receipt, state, procedure) = self.workflow.verify_receipt(code).await?;
        Ok(VerifiedReceipt {
            number: receipt.number,
            procedure: procedure.title.get(visit.locale).to_owned(),
            presented: receipt.presented_at,
            due: receipt.deadline,
            stage: stage_of(state),
            code: receipt.code,
        })
    }

    /// This person's drafts and cases, the latest first; with `before`, the cases that are older than that one. Also
    /// the address of still older ones, if there may be any.
    ///
    /// # Errors
    /// Not a person; the store failed.
    pub async fn cases(
        &self,
        visit: &Visit,
        actor: &Actor,
        before: Option<Id>,
    ) -> Result<(Vec<CaseCard>, Option<String>), Fault> {
        let mut cards = Vec::new();
        let drafts = match before {
            None => self.workflow.drafts(actor).await?,
            Some(_) => Vec::new(),
        };
        for draft in drafts {
            let Ok(procedure) = self.workflow.procedure(&draft.procedure) else {
                continue;
            };
            cards.push(CaseCard {
                address: filling::form_place(&procedure.id),
                number: String::new(),
                procedure: procedure.title.get(visit.locale).to_owned(),
                applicant: String::new(),
                about: draft
                    .answers
                    .get(&procedure.subject)
                    .cloned()
                    .unwrap_or_default(),
                stage: Stage::Draft,
                clock: None,
                changed: draft.updated_at,
                waiting: 0,
            });
        }
        let rows = self.workflow.cases_of(actor, before).await?;
        let older = (rows.len() == workflow::MY_CASES)
            .then(|| rows.last().map(|row| format!("/cases?before={}", row.id)))
            .flatten();
        for row in rows {
            cards.push(self.card_of(visit, row, "/cases"));
        }
        Ok((cards, older))
    }

    /// A case in a list; `below` is the list's address.
    pub(crate) fn card_of(&self, visit: &Visit, row: DeskRow, below: &str) -> CaseCard {
        let procedure = self.workflow.procedure(&row.procedure).ok();
        let days = procedure.map_or(0, |procedure| procedure.days(row.risk));
        let stage = stage_of(row.state);
        let left = u32::try_from(row.days_left.unwrap_or(0).max(0)).unwrap_or(0);
        let clock = ClockView {
            presented: row.presented_at,
            due: row.due.unwrap_or(row.presented_at),
            days,
            used: if row.days_left.is_some() {
                days.saturating_sub(left)
            } else {
                0
            },
            paused: row.state == State::Observed,
            over: row.state.is_final(),
        };
        CaseCard {
            address: format!("{below}/{}", row.id),
            number: row.number,
            procedure: procedure.map_or_else(
                || row.procedure.clone(),
                |known| known.title.get(visit.locale).to_owned(),
            ),
            applicant: row.applicant,
            about: row.title,
            stage,
            clock: (!row.state.is_final()).then_some(clock),
            changed: row.presented_at,
            waiting: if row.state.is_final() {
                0
            } else {
                row.facts_pending
            },
        }
    }

    /// A case of one's own.
    ///
    /// # Errors
    /// No such case, or not for this actor.
    pub async fn case(&self, visit: &Visit, actor: &Actor, id: Id) -> Result<CaseView, Fault> {
        let view = self.workflow.case_for(actor, id, visit.locale).await?;
        let mut shown = self.view_case(visit, actor, &view).await?;
        if let Some(observation) = &mut shown.observation {
            observation.whose = kept::whose(visit, actor);
            let kept = kept::take(&self.store, visit, actor, &format!("/cases/{id}")).await?;
            if let Some(fields) = kept {
                observation.kept = true;
                observation.typed = fields.text("text").to_owned();
            }
        }
        Ok(shown)
    }

    /// A case as its page shows it, to applicant or official.
    pub(crate) async fn view_case(
        &self,
        visit: &Visit,
        actor: &Actor,
        view: &workflow::CaseView<'_>,
    ) -> Result<CaseView, Fault> {
        let (id, case) = (view.case.id, &view.case);
        let stage = stage_of(case.state);
        let label = |key: &str| {
            let field = view.procedure.field(key);
            field
                .map_or(key, |field| field.label.get(visit.locale))
                .to_owned()
        };
        let mut answers: Vec<(String, String)> = Vec::new();
        for (key, answer) in &view.answers {
            let file = view.files.iter().find(|(file, _)| file == key);
            let words = match file {
                Some((_, id)) => self
                    .readable(actor, *id)
                    .await
                    .map_or(String::new(), |file| file.title),
                None => answer.clone(),
            };
            answers.push((label(key), words));
        }
        Ok(CaseView {
            card: CaseCard {
                address: format!("/cases/{id}"),
                number: case.number.clone(),
                procedure: view.procedure.title.get(visit.locale).to_owned(),
                applicant: view.applicant.clone(),
                about: case.title.clone(),
                stage,
                clock: Some(self.clock(&view.clock)),
                changed: view
                    .events
                    .last()
                    .map_or(case.presented_at, |event| event.at),
                waiting: 0,
            },
            address: format!("/cases/{id}"),
            silence: silence_view(view.procedure.silence),
            events: view
                .events
                .iter()
                .map(|event| self.event(visit, view.procedure, event))
                .collect(),
            files: self.files_of(visit, actor, view).await?,
            facts: self.facts_of(visit, view),
            answers,
            observation: observation(view),
        })
    }

    /// The clock as pages draw it. A standing clock has no end; the presented moment stands in for it, undrawn.
    pub(crate) fn clock(&self, face: &ClockFace) -> ClockView {
        let calendar = &self.workflow.settings().calendar;
        let last = face
            .deadline
            .unwrap_or_else(|| calendar.end_of(face.counted_on));
        ClockView {
            presented: face.presented_at,
            due: last,
            days: face.days,
            used: face.used,
            paused: face.paused,
            over: face.over,
        }
    }

    fn facts_of(&self, visit: &Visit, view: &workflow::CaseView<'_>) -> Vec<FactView> {
        let shown = view.facts.iter().filter_map(|fact| {
            let field = view.procedure.field(&fact.field)?;
            let (value, state) = match &fact.state {
                Known::Verified(stated) => filling::stated(visit, field, stated),
                Known::Pending => (String::new(), FactState::Waiting),
                Known::Refused { why, .. } => (String::new(), filling::refused(visit, *why)),
            };
            Some(FactView {
                label: field.label.get(visit.locale).to_owned(),
                value,
                authority: self.registry_name(&fact.service, visit.locale),
                state,
            })
        });
        shown.collect()
    }

    /// Papers issued, files attached to the form, and files attached to an answer, in order of time.
    async fn files_of(
        &self,
        visit: &Visit,
        actor: &Actor,
        view: &workflow::CaseView<'_>,
    ) -> Result<Vec<FileView>, Fault> {
        let mut files: Vec<FileView> = Vec::new();
        let of_case = self.documents.of_case(view.case.id).await?;
        let attached = view.files.iter().map(|(_, id)| *id);
        let others = attached.filter(|id| !of_case.iter().any(|document| document.id == *id));
        for id in others {
            files.extend(
                self.readable(actor, id)
                    .await
                    .map(|document| file_view(visit, &document)),
            );
        }
        let readable = of_case
            .iter()
            .filter(|document| document.is_readable_by(actor));
        files.extend(readable.map(|document| file_view(visit, document)));
        files.sort_by_key(|file| file.at);
        Ok(files)
    }

    fn event(&self, visit: &Visit, procedure: &Procedure, event: &Event) -> EventView {
        let what = event.kind.strip_prefix("case.").unwrap_or(&event.kind);
        let paper = event.note.get("template");
        let paper = paper.map(|template| Self::paper_title(visit, procedure, template));
        let registry = event
            .note
            .get("service")
            .map(|service| self.registry_name(service, visit.locale));
        let number = event.note.get("number").cloned();
        let words = event.words.clone();
        let who = (!event.actor.is_empty()).then(|| event.actor.clone());
        let detail: Vec<String> = [paper, registry, number, words]
            .into_iter()
            .flatten()
            .collect();
        EventView {
            at: event.at,
            tone: tone_of(what),
            what: visit.t(&format!("workflow-event-{what}")),
            who: who.unwrap_or_default(),
            detail: detail.join(" · "),
        }
    }

    /// What a paper is called; its number stands apart.
    fn paper_title(visit: &Visit, procedure: &Procedure, template: &str) -> String {
        let title = procedure
            .template(template)
            .map_or(template, |known| known.title.get(visit.locale));
        title.replace("{document.number}", "").trim().to_owned()
    }

    /// Answers what was observed, with words, a file, or both.
    ///
    /// # Errors
    /// `fault-portal-answer` if nothing came; as [`workflow::Workflow::cure`].
    pub async fn answer(
        &self,
        visit: &Visit,
        actor: &Actor,
        id: Id,
        sent: &Upload,
    ) -> Result<(), Fault> {
        let words = sent.fields.text("text").to_owned();
        if words.is_empty() && sent.file("file").is_none() {
            return Err(Fault::invalid("fault-portal-answer"));
        }
        let case = self.workflow.case_for(actor, id, visit.locale).await?;
        if case.case.state != State::Observed {
            return Err(Fault::new(
                kernel::FaultKind::Conflict,
                "fault-workflow-state",
            ));
        }
        if let Some(file) = sent.file("file") {
            let blob = self.save(file).await?;
            self.receive(actor, blob, "annex", Some(id)).await?;
        }
        let cure = Cure {
            words,
            ..Cure::default()
        };
        self.workflow
            .cure(actor, id, cure)
            .await
            .map_err(|not_filed| match not_filed {
                NotFiled::Fault(fault) => fault,
                NotFiled::Answers(errors) => {
                    let key = errors
                        .first()
                        .map_or("fault-workflow-state", |error| error.key);
                    Fault::invalid(key)
                }
            })
    }
}

/// Where a paper can be read, once it is made.
fn document_place(paper: &Order) -> Option<String> {
    paper.document.as_ref().map(|id| format!("/documents/{id}"))
}

/// What waits for the applicant: the latest observation and its last moment.
fn observation(view: &workflow::CaseView<'_>) -> Option<ObservationView> {
    let until: Moment = view.clock.cure_until?;
    let event = view
        .events
        .iter()
        .rev()
        .find(|event| event.kind == OBSERVED)?;
    let text = event.words.clone().unwrap_or_default();
    Some(ObservationView {
        text,
        until,
        error: None,
        typed: String::new(),
        kept: false,
        whose: String::new(),
    })
}

/// A case's state as pages tell it.
pub(crate) const fn stage_of(state: State) -> Stage {
    match state {
        State::Filed => Stage::Filed,
        State::Received => Stage::Received,
        State::InEvaluation => Stage::Review,
        State::Observed => Stage::Observed,
        State::Granted => Stage::Granted,
        State::Denied => Stage::Denied,
        State::GrantedBySilence => Stage::Silence,
        State::NotPresented | State::Withdrawn => Stage::Closed,
    }
}

fn tone_of(event: &str) -> Tone {
    match event {
        "granted" | "granted-by-silence" | "fact-learned" | "filed" | "received" | "cured"
        | "issued" => Tone::Good,
        "observed" | "extended" | "asked-again" => Tone::Warn,
        "denied" | "fact-refused" | "not-presented" => Tone::Bad,
        _ => Tone::Info,
    }
}

/// The words of a procedure's checks that don't hold.
pub(crate) fn problems(view: &workflow::CaseView<'_>, visit: &Visit) -> Vec<String> {
    view.problems
        .iter()
        .map(|check| check.problem.get(visit.locale).to_owned())
        .collect()
}
