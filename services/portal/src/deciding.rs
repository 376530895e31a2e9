//! The official's desk: cases by deadline, one case with all its proof, and the acts that an official may do.

use kernel::{Actor, Fault, FaultKind, Id};
use web::{Fields, Visit};
use workflow::case::State;
use workflow::{Decision, DeskFilter, Verdict, access};

use crate::following::problems;
use crate::views::{ActTry, Acts, DeskPage, DeskView, Filter};
use crate::{Portal, kept};

/// An act of an official on a case, as the address names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Takes what was filed in at the reception desk.
    Receive,
    /// Takes the case up.
    Evaluate,
    /// Asks the applicant for what is missing.
    Observe,
    /// Asks the registries again for what is missing or was badly signed.
    Ask,
    /// Grants.
    Grant,
    /// Denies.
    Deny,
}

impl Act {
    /// All acts.
    pub const ALL: [Self; 6] = [
        Self::Receive,
        Self::Evaluate,
        Self::Observe,
        Self::Ask,
        Self::Grant,
        Self::Deny,
    ];

    /// The word in the address.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Receive => "receive",
            Self::Evaluate => "evaluate",
            Self::Observe => "observe",
            Self::Ask => "ask",
            Self::Grant => "grant",
            Self::Deny => "deny",
        }
    }

    /// Reads the word of an address.
    ///
    /// # Errors
    /// Missing: there is no such act.
    pub fn parse(word: &str) -> Result<Self, Fault> {
        let found = Self::ALL.into_iter().find(|act| act.word() == word);
        found.ok_or_else(|| Fault::missing("fault-missing"))
    }
}

impl Portal {
    /// A page of the desk.
    ///
    /// # Errors
    /// No right to see a desk; the store failed.
    pub async fn desk(
        &self,
        visit: &Visit,
        actor: &Actor,
        filter: Filter,
        after: Option<String>,
    ) -> Result<DeskPage, Fault> {
        let wanted = DeskFilter {
            post: None,
            state: state_of(filter),
            after,
        };
        let desk = self.workflow.desk(actor, &wanted).await?;
        let count = |filter| {
            let counts = &desk.counts.by_state;
            match state_of(filter) {
                Some(state) => counts.get(&state).copied().unwrap_or(0),
                None => counts.values().sum(),
            }
        };
        Ok(DeskPage {
            filter,
            counts: Filter::ALL.map(|filter| (filter, count(filter))).to_vec(),
            late: desk.counts.late,
            next: desk
                .next
                .map(|next| format!("/desk?show={}&after={next}", filter.word())),
            cards: desk
                .rows
                .into_iter()
                .map(|row| self.card_of(visit, row, "/desk"))
                .collect(),
        })
    }

    /// A case as the official sees it.
    ///
    /// # Errors
    /// No such case, or not for this official.
    pub async fn desk_case(
        &self,
        visit: &Visit,
        actor: &Actor,
        id: Id,
        again: Option<ActTry>,
    ) -> Result<DeskView, Fault> {
        let view = self.workflow.case_for(actor, id, visit.locale).await?;
        let acts = acts(actor, &view);
        let preview = match acts.decide {
            true => self.workflow.preview(actor, id, Verdict::Grant).await?,
            false => Vec::new(),
        };
        let shown = preview.into_iter().map(|part| match part.value {
            Some(value) => format!("{}: {value}", part.text),
            None => part.text,
        });
        let again = match again {
            Some(again) => Some(again),
            None => self.kept_act(visit, actor, id).await?,
        };
        Ok(DeskView {
            id: id.to_string(),
            whose: kept::whose(visit, actor),
            revision: view.case.revision,
            problems: problems(&view, visit),
            acts,
            again,
            preview: shown.filter(|part| !part.trim().is_empty()).collect(),
            case: self.view_case(visit, actor, &view).await?,
        })
    }

    /// The words of an act that were sent when the session had ended.
    async fn kept_act(
        &self,
        visit: &Visit,
        actor: &Actor,
        id: Id,
    ) -> Result<Option<ActTry>, Fault> {
        let kept = kept::take(&self.store, visit, actor, &format!("/desk/{id}")).await?;
        Ok(kept.and_then(|fields| {
            let typed = |act: &Act| {
                fields
                    .get(&format!("{}-text", act.word()))
                    .is_some_and(|text| !text.is_empty())
            };
            let act = Act::ALL.into_iter().find(typed)?;
            let text = fields.text(&format!("{}-text", act.word())).to_owned();
            Some(ActTry {
                act: act.word().to_owned(),
                text,
                error: String::new(),
            })
        }))
    }

    /// Does an act. What the official can mend comes back as the page with what was typed.
    ///
    /// # Errors
    /// No right; not possible now; the store failed.
    pub async fn act(
        &self,
        visit: &Visit,
        actor: &Actor,
        id: Id,
        act: Act,
        sent: &Fields,
    ) -> Result<Option<Box<DeskView>>, Fault> {
        let text = sent.text(&format!("{}-text", act.word())).to_owned();
        let revision = sent.text("revision").parse().ok();
        let done = match act {
            Act::Receive => self.workflow.receive(actor, id).await,
            Act::Evaluate => self.workflow.evaluate(actor, id).await,
            Act::Observe => self.workflow.observe(actor, id, &text).await,
            Act::Ask => self.ask_again(visit, actor, id).await,
            Act::Grant => {
                self.decide(actor, id, Verdict::Grant, &text, revision)
                    .await
            }
            Act::Deny => self.decide(actor, id, Verdict::Deny, &text, revision).await,
        };
        match done {
            Ok(()) => Ok(None),
            Err(fault) if matches!(fault.kind, FaultKind::Invalid | FaultKind::Conflict) => {
                let error = web::failure::told(visit, &fault);
                let again = ActTry {
                    act: act.word().to_owned(),
                    text,
                    error,
                };
                Ok(Some(Box::new(
                    self.desk_case(visit, actor, id, Some(again)).await?,
                )))
            }
            Err(fault) => Err(fault),
        }
    }

    async fn decide(
        &self,
        actor: &Actor,
        id: Id,
        verdict: Verdict,
        reasons: &str,
        revision: Option<i64>,
    ) -> Result<(), Fault> {
        let decision = Decision {
            verdict,
            reasons: reasons.to_owned(),
            revision,
        };
        self.workflow.decide(actor, id, decision).await.map(drop)
    }

    /// Asks again every registry whose answer is missing or refused.
    async fn ask_again(&self, visit: &Visit, actor: &Actor, id: Id) -> Result<(), Fault> {
        let view = self.workflow.case_for(actor, id, visit.locale).await?;
        let mut services: Vec<&str> = view
            .facts
            .iter()
            .filter(|fact| fact.verified().is_none())
            .map(|fact| fact.service.as_str())
            .collect();
        services.sort_unstable();
        services.dedup();
        for service in services {
            self.workflow.ask_again(actor, id, service).await?;
        }
        Ok(())
    }
}

/// The state that a filter shows; none shows all.
const fn state_of(filter: Filter) -> Option<State> {
    match filter {
        Filter::All => None,
        Filter::Filed => Some(State::Filed),
        Filter::Received => Some(State::Received),
        Filter::Review => Some(State::InEvaluation),
        Filter::Observed => Some(State::Observed),
    }
}

/// What this official may do with the case now: the right and the state together.
fn acts(actor: &Actor, view: &workflow::CaseView<'_>) -> Acts {
    let (case, right) = (&view.case, view.procedure.right.as_str());
    let at_desk = matches!(case.state, State::Received | State::InEvaluation);
    let evaluates = access::may_evaluate(actor, case, right).is_ok();
    let missing = view.facts.iter().any(|fact| fact.verified().is_none());
    Acts {
        receive: case.state == State::Filed && access::may_receive(actor, case, right).is_ok(),
        evaluate: case.state == State::Received && evaluates,
        observe: at_desk && evaluates && case.timeline.pauses.is_empty(),
        ask: at_desk && evaluates && missing,
        decide: at_desk && access::may_decide(actor, case, right).is_ok(),
    }
}
