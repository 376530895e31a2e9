//! A case: one procedure of one applicant, and which act is possible when, as pure decisions.
//!
//! Read by the stories, which store what is decided here. It promises that a case only ever walks along the arrows of
//! [`Case::act`]; every other act is a typed refusal that changes nothing. It knows no store and no clock.

mod facts;
mod state;
#[cfg(test)]
mod tests;

use jiff::civil::Date;
use kernel::{Id, Moment};
use serde::{Deserialize, Serialize};

use crate::clock::{Calendar, Reception, Timeline};
use crate::procedure::{Answers, Procedure, Risk, Silence};

pub use facts::{
    CaseFact, FactState, Learned, Need, NeedState, Refusal, learn, needs_of, open_fields, problems,
    refuse,
};
pub use state::{Act, Granting, IllegalAct, State};

/// Longest reason that an official may write.
pub const REASONS_CHARS_MAX: usize = 4_000;

/// A case.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Its identifier inside the body.
    pub id: Id,
    /// The number that people quote, for example `2026-000123`.
    pub number: String,
    /// The code by which anybody verifies its documents.
    pub code: String,
    /// The procedure.
    pub procedure: String,
    /// The procedure's version when it was filed.
    pub version: u32,
    /// The applicant's national number.
    pub subject: String,
    /// The applicant's account here.
    pub account: String,
    /// What lists call it, for example the trade name.
    pub title: String,
    /// The desk that evaluates.
    pub post: String,
    /// The risk class that its answers gave.
    pub risk: Risk,
    /// Where it stands.
    pub state: State,
    /// When the machine took it.
    pub presented_at: Moment,
    /// When the desk received it.
    pub received_at: Option<Moment>,
    /// Its clock.
    pub timeline: Timeline,
    /// What silence means for it.
    pub silence: Silence,
    /// While observed: the last moment to cure.
    pub cure_until: Option<Moment>,
    /// When it ended.
    pub ended_at: Option<Moment>,
    /// Grows with every change; a change made on an older number is refused.
    pub revision: i64,
}

/// What a new case is made of.
#[derive(Clone, Debug)]
pub struct Opening {
    /// Its identifier.
    pub id: Id,
    /// Its number.
    pub number: String,
    /// Its verification code.
    pub code: String,
    /// The applicant's national number.
    pub subject: String,
    /// The applicant's account.
    pub account: String,
    /// When it was presented.
    pub presented_at: Moment,
}

/// What must be known of the case's surroundings to decide.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// The body's business days.
    pub calendar: &'a Calendar,
    /// Business days to cure what was observed.
    pub cure_days: u32,
}

/// The dates that lists and pages show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dates {
    /// The last moment to decide; `None` while it stands still or has ended.
    pub deadline: Option<Moment>,
    /// From when silence has effect; `None` if it doesn't, or as above.
    pub silence_at: Option<Moment>,
}

impl Case {
    /// A new case: presented now, counting from the day that the body's policy says.
    pub fn open(
        opening: Opening,
        procedure: &Procedure,
        answers: &Answers,
        calendar: &Calendar,
        reception: &Reception,
    ) -> Self {
        let risk = procedure.risk_of(answers);
        let counted_on = reception.counted_on(calendar, opening.presented_at);
        let title = answers.get(&procedure.subject).cloned().unwrap_or_default();
        let days = procedure.days(risk);
        let at_once = procedure.kind.grants_by_filing();
        Self {
            id: opening.id,
            number: opening.number,
            code: opening.code,
            procedure: procedure.id.clone(),
            version: procedure.version,
            subject: opening.subject,
            account: opening.account,
            title,
            post: procedure.post.clone(),
            risk,
            state: if at_once {
                State::Granted
            } else {
                State::Filed
            },
            presented_at: opening.presented_at,
            received_at: None,
            timeline: Timeline::new(counted_on, days, procedure.notification_days),
            silence: procedure.silence,
            cure_until: None,
            ended_at: at_once.then_some(opening.presented_at),
            revision: 1,
        }
    }

    /// The dates that follow from its clock.
    pub fn dates(&self, calendar: &Calendar) -> Dates {
        if self.state.is_final() {
            return Dates {
                deadline: None,
                silence_at: None,
            };
        }
        let silence = self.timeline.silence_from(calendar);
        Dates {
            deadline: self.timeline.deadline(calendar),
            silence_at: silence.filter(|_| self.silence == Silence::Positive),
        }
    }

    /// The last day to decide, as it stands or stood when it ended.
    pub fn last_day(&self, calendar: &Calendar) -> Option<Date> {
        self.timeline.last_day(calendar)
    }

    /// Does `act` at `now`: the case as it is afterwards.
    ///
    /// # Errors
    /// The act is not possible in this state, or not yet, or no longer; the case is unchanged.
    pub fn act(&self, act: &Act, rules: Rules<'_>, now: Moment) -> Result<Self, IllegalAct> {
        let state = state::next(self, act, rules, now)?;
        let mut after = Self {
            state,
            revision: self.revision + 1,
            ..self.clone()
        };
        let today = rules.calendar.day_of(now);
        match act {
            Act::Receive => after.received_at = Some(now),
            Act::Observe => {
                after.timeline.pause(today);
                let last = rules.calendar.add(today, rules.cure_days);
                after.cure_until = Some(rules.calendar.end_of(last));
            }
            Act::Cure => {
                after.timeline.resume(today);
                after.cure_until = None;
            }
            Act::Extend { days } => after.timeline.extension_days = *days,
            Act::Lapse
            | Act::Evaluate
            | Act::Grant(_)
            | Act::Deny
            | Act::Silence
            | Act::Withdraw => {}
        }
        if after.state.is_final() {
            after.ended_at = Some(now);
            after.cure_until = None;
        }
        Ok(after)
    }
}
