//! The life of a delivery as pure decisions: what follows an attempt, how long to pause, who goes first.
//!
//! Read by `outgoing`. It promises that a message that may have arrived is sent again only to a node that keeps its
//! answer under the message's number, and that everything else ends in a state that says what is known.

use kernel::{Chance, Moment};

use crate::ask::AskError;
use crate::domain::codes::{Code, Leaf};

/// Pause after the first attempt that failed, in seconds.
pub const PAUSE_FIRST: i64 = 2;
/// Longest pause between two attempts, in seconds: a line that is back is noticed within ten minutes.
pub const PAUSE_MAX: i64 = 600;

/// Where a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It waits for its turn or its next attempt.
    Waiting,
    /// An attempt runs.
    Sending,
    /// The provider answered; the answer is kept.
    Answered,
    /// The provider, or this node, refused it for good.
    Refused,
    /// It may or may not have arrived, and the provider can't be asked: a person or the system decides.
    Unknown,
    /// Its time ran out before it left.
    Expired,
    /// Its sender took it back before it left.
    Withdrawn,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 7] = [
        Self::Waiting,
        Self::Sending,
        Self::Answered,
        Self::Refused,
        Self::Unknown,
        Self::Expired,
        Self::Withdrawn,
    ];

    /// The word in tables, answers and text keys.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sending => "sending",
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.text() == text)
    }

    /// Whether nothing more happens by itself.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Waiting | Self::Sending)
    }

    /// Whether messages behind this one on the same lane may go. One whose fate is unknown holds its lane until
    /// somebody decides: order would be lost otherwise.
    pub const fn frees_lane(self) -> bool {
        self.is_final() && !matches!(self, Self::Unknown)
    }
}

/// How an attempt went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// A verified answer.
    Answered,
    /// Nothing left this node, or the provider has not begun; the same message may go again.
    NotBegun(String),
    /// It may have arrived.
    Doubtful(String),
    /// A refusal that another attempt won't change.
    Refused {
        /// X-Road's code.
        code: String,
        /// What was said.
        cause: String,
    },
    /// The provider says that it can't tell.
    Untold(String),
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It has ended.
    End(State),
    /// Another attempt after a pause. `doubt`: the message may have arrived already.
    Again {
        /// See above.
        doubt: bool,
    },
}

/// What follows `attempt` on a delivery that was in `doubt` before it, whose time ends at `expires_at`.
pub fn next(attempt: &Attempt, doubt: bool, now: Moment, expires_at: Moment) -> Next {
    let again = |doubt: bool| match (now >= expires_at, doubt) {
        (false, doubt) => Next::Again { doubt },
        (true, false) => Next::End(State::Expired),
        (true, true) => Next::End(State::Unknown),
    };
    match attempt {
        Attempt::Answered => Next::End(State::Answered),
        Attempt::Refused { .. } => Next::End(State::Refused),
        Attempt::Untold(_) => Next::End(State::Unknown),
        Attempt::NotBegun(_) => again(doubt),
        Attempt::Doubtful(_) => again(true),
    }
}

/// Reads how an attempt went from its error. `left` tells whether any byte of the message may have left this node.
pub fn attempt_of(error: &AskError, left: bool) -> Attempt {
    let cause = error.to_string();
    match error {
        AskError::Own(_) if left => Attempt::Doubtful(cause),
        AskError::Own(_) => Attempt::NotBegun(cause),
        AskError::Unreachable { .. } if !left => Attempt::NotBegun(cause),
        // What came back proves nothing; the true answer is still to be had where answers are kept.
        AskError::Unreachable { .. }
        | AskError::Broken { .. }
        | AskError::BadSignature { .. }
        | AskError::Timeout => Attempt::Doubtful(cause),
        AskError::NoAgreement { .. } => Attempt::Refused {
            code: error.code(),
            cause,
        },
        AskError::Refused { code, message } => refusal(code, message),
    }
}

/// Refusals that are made before a provider begins, for reasons that pass: certificates and their statuses are renewed.
/// Both X-Road's nodes and ours decide them before they call the service's own system.
const PASSING: [Leaf; 8] = [
    Leaf::CertValidation,
    Leaf::GlobalConfOutdated,
    Leaf::IncorrectValidationInfo,
    Leaf::LoggingFailed,
    Leaf::MaintenanceMode,
    Leaf::ServiceDisabled,
    Leaf::TimestampingFailed,
    Leaf::SslAuthenticationFailed,
];

/// Troubles of the provider's node or of the service's own system, which may have done its work. A node of ours tells at
/// the next attempt whether it has; of others nobody knows.
const TROUBLE: [Leaf; 6] = [
    Leaf::CannotCreateSignature,
    Leaf::HttpError,
    Leaf::InternalError,
    Leaf::IoError,
    Leaf::NetworkError,
    Leaf::UnknownHost,
];

fn refusal(code: &str, message: &str) -> Attempt {
    let cause = message.to_owned();
    let Some(parsed) = Code::parse(code) else {
        return Attempt::Refused {
            code: code.to_owned(),
            cause,
        };
    };
    match parsed.leaf {
        leaf if PASSING.contains(&leaf) && !parsed.service_failed => Attempt::NotBegun(cause),
        // A node of ours says so of a repetition whose first fate it does not know.
        Leaf::InternalError if parsed.service_failed => Attempt::Untold(cause),
        leaf if TROUBLE.contains(&leaf) => Attempt::Doubtful(cause),
        _ => Attempt::Refused {
            code: code.to_owned(),
            cause,
        },
    }
}

/// The pause before the next attempt, in microseconds: doubling from [`PAUSE_FIRST`] to [`PAUSE_MAX`], with a quarter more
/// or less by chance, so that a thousand waiting messages don't come at once.
pub fn pause_micros(attempts: i64, chance: &dyn Chance) -> i64 {
    let doubled = u32::try_from(attempts.saturating_sub(1).clamp(0, 20)).unwrap_or(0);
    let seconds = (PAUSE_FIRST << doubled).min(PAUSE_MAX);
    let micros = seconds * 1_000_000;
    let spread = u32::try_from(micros / 2).unwrap_or(u32::MAX);
    micros - micros / 4 + i64::from(chance.below(spread))
}

#[cfg(test)]
mod tests {
    use kernel::{Fault, SeededChance};
    use proptest::prelude::*;

    use super::*;

    const NOW: Moment = Moment::from_seconds(1_000);
    const LATER: Moment = Moment::from_seconds(2_000);

    fn text() -> String {
        String::from("x")
    }

    #[test]
    fn what_follows_each_attempt() {
        let refused = Attempt::Refused {
            code: text(),
            cause: text(),
        };
        let cases = [
            (Attempt::Answered, false, LATER, Next::End(State::Answered)),
            (refused, false, LATER, Next::End(State::Refused)),
            (
                Attempt::Untold(text()),
                true,
                LATER,
                Next::End(State::Unknown),
            ),
            (
                Attempt::NotBegun(text()),
                false,
                LATER,
                Next::Again { doubt: false },
            ),
            (
                Attempt::NotBegun(text()),
                true,
                LATER,
                Next::Again { doubt: true },
            ),
            (
                Attempt::Doubtful(text()),
                false,
                LATER,
                Next::Again { doubt: true },
            ),
            (
                Attempt::NotBegun(text()),
                false,
                NOW,
                Next::End(State::Expired),
            ),
            (
                Attempt::NotBegun(text()),
                true,
                NOW,
                Next::End(State::Unknown),
            ),
            (
                Attempt::Doubtful(text()),
                false,
                NOW,
                Next::End(State::Unknown),
            ),
        ];
        for (attempt, doubt, expires, wanted) in cases {
            assert_eq!(
                next(&attempt, doubt, NOW, expires),
                wanted,
                "{attempt:?} {doubt}"
            );
        }
    }

    #[test]
    fn errors_are_read_with_what_is_known_of_the_line() {
        let refused = |code: &str| AskError::Refused {
            code: code.into(),
            message: text(),
        };
        let unreachable = || AskError::Unreachable { cause: text() };
        let cases = [
            (unreachable(), false, "NotBegun"),
            (unreachable(), true, "Doubtful"),
            (AskError::Timeout, true, "Doubtful"),
            (AskError::Own(Fault::internal("x")), false, "NotBegun"),
            (AskError::Own(Fault::internal("x")), true, "Doubtful"),
            (AskError::BadSignature { cause: text() }, true, "Doubtful"),
            (AskError::NoAgreement { cause: text() }, false, "Refused"),
            (refused("server.serverproxy.access_denied"), true, "Refused"),
            (
                refused("server.serverproxy.maintenance_mode"),
                true,
                "NotBegun",
            ),
            (
                refused("Server.ServerProxy.LoggingFailed"),
                true,
                "NotBegun",
            ),
            (
                refused("server.serverproxy.network_error"),
                true,
                "Doubtful",
            ),
            (
                refused("server.serverproxy.service_failed.io_error"),
                true,
                "Doubtful",
            ),
            (
                refused("server.serverproxy.service_failed.internal_error"),
                true,
                "Untold",
            ),
            (
                refused("server.serverproxy.internal_error"),
                true,
                "Doubtful",
            ),
            (refused("something.else"), true, "Refused"),
        ];
        for (error, left, wanted) in cases {
            let read = format!("{:?}", attempt_of(&error, left));
            assert!(read.starts_with(wanted), "{error:?}: {read}");
        }
    }

    #[test]
    fn pauses_grow_to_a_limit_and_are_spread() {
        let chance = SeededChance::new(3);
        let mut seen = std::collections::BTreeSet::new();
        for attempts in 1..40 {
            let seconds = PAUSE_FIRST.saturating_mul(1 << (attempts - 1).min(20));
            let wanted = seconds.min(PAUSE_MAX) * 1_000_000;
            let pause = pause_micros(attempts, &chance);
            assert!(
                (wanted * 3 / 4..=wanted * 5 / 4).contains(&pause),
                "{attempts}: {pause}"
            );
            seen.insert(pause);
        }
        assert!(seen.len() > 30, "pauses are not spread");
        let again = SeededChance::new(3);
        assert_eq!(
            pause_micros(1, &again),
            pause_micros(1, &SeededChance::new(3))
        );
    }

    #[test]
    fn words_read_back_and_only_the_unknown_holds_a_lane_at_its_end() {
        for state in State::ALL {
            assert_eq!(State::parse(state.text()), Some(state));
            assert!(!state.frees_lane() || state.is_final());
        }
        assert!(!State::Unknown.frees_lane() && State::Unknown.is_final());
        assert_eq!(State::parse("lost"), None);
    }

    proptest! {
        /// Whatever happens, a message that may have arrived never ends as 'expired' and never loses its doubt.
        #[test]
        fn doubt_is_never_forgotten(steps in proptest::collection::vec(0_u8..3, 1..20), end in 1_i64..30) {
            let mut doubt = false;
            for (at, step) in steps.iter().enumerate() {
                let attempt = match step {
                    0 => Attempt::NotBegun(text()),
                    1 => Attempt::Doubtful(text()),
                    _ => Attempt::Untold(text()),
                };
                doubt |= matches!(attempt, Attempt::Doubtful(_));
                let now = Moment::from_seconds(i64::try_from(at).unwrap());
                match next(&attempt, doubt, now, Moment::from_seconds(end)) {
                    Next::Again { doubt: after } => prop_assert!(after == doubt),
                    Next::End(state) => {
                        prop_assert!(!doubt || state == State::Unknown);
                        return Ok(());
                    }
                }
            }
        }
    }
}
