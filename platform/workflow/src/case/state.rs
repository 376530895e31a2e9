//! The states of a case and the arrows between them.

use kernel::{Fault, FaultKind, Moment};
use serde::{Deserialize, Serialize};

use super::{Case, Rules};
use crate::procedure::{Kind, Silence};

/// Where a case stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Presented: the machine has taken it and given its receipt.
    Filed,
    /// The desk has checked it and given its cargo.
    Received,
    /// An official evaluates it.
    InEvaluation,
    /// Something is missing; the applicant has a few days to cure it and the clock stands still.
    Observed,
    /// Granted by an official's decision.
    Granted,
    /// Denied by an official's decision.
    Denied,
    /// Granted because the body let its time limit pass.
    GrantedBySilence,
    /// What was observed was not cured in time.
    NotPresented,
    /// The applicant took it back.
    Withdrawn,
}

/// Something that happens to a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// The desk receives it.
    Receive,
    /// An official takes it up.
    Evaluate,
    /// An official says what is missing, once and all of it.
    Observe,
    /// The applicant brings it.
    Cure,
    /// The days to cure are over.
    Lapse,
    /// Granted.
    Grant(Granting),
    /// Denied.
    Deny,
    /// The time limit and the notification term are over.
    Silence,
    /// The body takes more days, once.
    Extend {
        /// Business days.
        days: u32,
    },
    /// The applicant takes it back.
    Withdraw,
}

/// Whether every fact that the decision rests on is known; only [`Granting::ready`] makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granting {
    pending: usize,
}

/// An act that the case's state or clock does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IllegalAct {
    /// The case has ended.
    #[error("the case has ended")]
    Ended,
    /// Not in this state.
    #[error("not possible while the case is {0:?}")]
    State(State),
    /// A filing is observed once (TUO LPAG art. 136 [126.2]).
    #[error("the filing was observed before")]
    ObservedBefore,
    /// The days to cure are over, or not over yet.
    #[error("outside the days to cure")]
    CureTime,
    /// Silence has no effect yet, or never for this procedure.
    #[error("silence has no effect now")]
    NoSilence,
    /// Silence has granted already: a decision would come too late (TUO LPAG art. 199).
    #[error("silence has granted already")]
    TooLate,
    /// Facts are still being asked for.
    #[error("{0} facts are still pending")]
    FactsPending(usize),
    /// A time limit is extended once.
    #[error("the time limit was extended before")]
    ExtendedBefore,
}

impl State {
    /// All states.
    pub const ALL: [Self; 9] = [
        Self::Filed,
        Self::Received,
        Self::InEvaluation,
        Self::Observed,
        Self::Granted,
        Self::Denied,
        Self::GrantedBySilence,
        Self::NotPresented,
        Self::Withdrawn,
    ];

    /// The code in the store and in text keys (`workflow-state-...`).
    pub const fn code(self) -> &'static str {
        match self {
            Self::Filed => "filed",
            Self::Received => "received",
            Self::InEvaluation => "in-evaluation",
            Self::Observed => "observed",
            Self::Granted => "granted",
            Self::Denied => "denied",
            Self::GrantedBySilence => "granted-by-silence",
            Self::NotPresented => "not-presented",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The state with this code.
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }

    /// Whether nothing more can happen.
    pub const fn is_final(self) -> bool {
        !matches!(
            self,
            Self::Filed | Self::Received | Self::InEvaluation | Self::Observed
        )
    }

    /// Whether the applicant holds what they asked for.
    pub const fn is_granted(self) -> bool {
        matches!(self, Self::Granted | Self::GrantedBySilence)
    }
}

impl Granting {
    /// What to grant with: how many facts that were asked for have not come yet.
    pub const fn ready(pending: usize) -> Self {
        Self { pending }
    }
}

/// The state after `act`, if it is allowed.
pub(super) fn next(
    case: &Case,
    act: &Act,
    rules: Rules<'_>,
    now: Moment,
) -> Result<State, IllegalAct> {
    use State as S;
    if case.state.is_final() {
        return Err(IllegalAct::Ended);
    }
    let illegal = Err(IllegalAct::State(case.state));
    match (case.state, act) {
        (S::Filed, Act::Receive) => Ok(S::Received),
        (S::Received, Act::Evaluate) => Ok(S::InEvaluation),
        (S::Received | S::InEvaluation, Act::Observe) => observable(case, rules, now),
        (S::Observed, Act::Cure) => in_cure_time(case, now, true).map(|()| S::InEvaluation),
        (S::Observed, Act::Lapse) => in_cure_time(case, now, false).map(|()| S::NotPresented),
        (S::Received | S::InEvaluation, Act::Grant(granting)) => {
            decidable(case, rules, now)?;
            match granting.pending {
                0 => Ok(S::Granted),
                pending => Err(IllegalAct::FactsPending(pending)),
            }
        }
        (S::Received | S::InEvaluation, Act::Deny) => {
            decidable(case, rules, now).map(|()| S::Denied)
        }
        (S::Filed | S::Received | S::InEvaluation, Act::Silence) => {
            if silence_speaks(case, rules, now) {
                Ok(S::GrantedBySilence)
            } else {
                Err(IllegalAct::NoSilence)
            }
        }
        (S::Received | S::InEvaluation, Act::Extend { .. }) => {
            decidable(case, rules, now)?;
            if case.timeline.extension_days > 0 {
                Err(IllegalAct::ExtendedBefore)
            } else {
                Ok(case.state)
            }
        }
        (_, Act::Withdraw) => Ok(S::Withdrawn),
        _ => illegal,
    }
}

fn observable(case: &Case, rules: Rules<'_>, now: Moment) -> Result<State, IllegalAct> {
    decidable(case, rules, now)?;
    if case.timeline.pauses.is_empty() {
        Ok(State::Observed)
    } else {
        Err(IllegalAct::ObservedBefore)
    }
}

fn decidable(case: &Case, rules: Rules<'_>, now: Moment) -> Result<(), IllegalAct> {
    if silence_speaks(case, rules, now) {
        Err(IllegalAct::TooLate)
    } else {
        Ok(())
    }
}

fn in_cure_time(case: &Case, now: Moment, wanted: bool) -> Result<(), IllegalAct> {
    let open = case.cure_until.is_some_and(|until| now <= until);
    if open == wanted {
        Ok(())
    } else {
        Err(IllegalAct::CureTime)
    }
}

fn silence_speaks(case: &Case, rules: Rules<'_>, now: Moment) -> bool {
    case.silence == Silence::Positive
        && case
            .timeline
            .silence_from(rules.calendar)
            .is_some_and(|from| now >= from)
}

impl Kind {
    /// Whether filing alone grants.
    pub const fn grants_by_filing(self) -> bool {
        matches!(self, Self::Automatic)
    }
}

impl IllegalAct {
    /// The key of the text that tells the reader.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Ended => "fault-workflow-ended",
            Self::State(_) => "fault-workflow-state",
            Self::ObservedBefore => "fault-workflow-observed-before",
            Self::CureTime => "fault-workflow-cure-time",
            Self::NoSilence => "fault-workflow-no-silence",
            Self::TooLate => "fault-workflow-too-late",
            Self::FactsPending(_) => "fault-workflow-facts-pending",
            Self::ExtendedBefore => "fault-workflow-extended-before",
        }
    }
}

impl From<IllegalAct> for Fault {
    fn from(illegal: IllegalAct) -> Self {
        let fault = Fault::new(FaultKind::Conflict, illegal.key()).detail(illegal);
        match illegal {
            IllegalAct::FactsPending(count) => fault.arg("count", count.to_string()),
            _ => fault,
        }
    }
}
