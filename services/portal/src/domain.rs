//! What the pages show, as plain values, and the few decisions about showing: how urgent a case is, what a cord draws.
//!
//! Read by `pages/` and filled by the stories. It promises values without I/O and without a clock: the present moment
//! is an argument. It refuses to know where a value came from.

use kernel::Moment;

/// Knots that a drawn cord shows at most; longer terms are drawn to scale on this many.
pub const CORD_KNOTS_MAX: u32 = 30;

/// Days left at which a case asks for attention: two days are what a reviewer needs for one act.
pub const SOON_DAYS: i64 = 2;

/// What a registry stated about somebody, as a page shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactView {
    /// The fact's name in the reader's language.
    pub label: String,
    /// What is stated; empty while waiting.
    pub value: String,
    /// The registry's name.
    pub authority: String,
    /// Where the fact stands.
    pub state: FactState,
}

/// Where a fact stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FactState {
    /// Stated under a signature that was verified.
    Signed {
        /// When the registry stated it.
        at: Moment,
        /// The exchange's message number.
        evidence: String,
    },
    /// The registry hasn't answered yet; the house keeps asking.
    Waiting,
    /// The answer was refused: what was wrong with it, in the reader's language.
    Refused {
        /// The reason.
        reason: String,
    },
    /// The registry answered that it has nothing on record.
    Nothing,
}

/// How a question is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// One line.
    Line {
        /// Most characters.
        max: usize,
        /// What is expected in it.
        holds: Holds,
    },
    /// Several lines.
    Lines {
        /// Most characters.
        max: usize,
    },
    /// One of these: code and label.
    One(Vec<(String, String)>),
    /// One of many, as a list that opens: code and label.
    Pick(Vec<(String, String)>),
    /// Yes or no.
    YesNo,
    /// A day.
    Date,
    /// A file; the kinds taken, for the browser's chooser.
    File {
        /// Media types, separated by commas.
        accept: String,
    },
    /// A statement to be sworn.
    Sworn,
}

/// What a line holds: decides the keyboard that a telephone shows and what the browser may fill in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Words.
    Words,
    /// Digits only.
    Digits,
    /// A number that one reckons with.
    Amount,
    /// A telephone number.
    Phone,
    /// An e-mail address.
    Email,
}

/// A question that no registry can answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The field's name in the form.
    pub name: String,
    /// What is asked.
    pub label: String,
    /// Help below the label; may be empty.
    pub hint: String,
    /// How it is asked.
    pub ask: Ask,
    /// What was answered so far; the file's name for [`Ask::File`].
    pub answer: Vec<String>,
    /// What is wrong with the answer, in the reader's language.
    pub error: Option<String>,
    /// Whether it may stay empty.
    pub optional: bool,
}

/// How the law's clock of a case stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockView {
    /// When it was presented.
    pub presented: Moment,
    /// When the term ends.
    pub due: Moment,
    /// Business days of the whole term.
    pub days: u32,
    /// Business days that have passed.
    pub used: u32,
    /// Whether the clock stands still because the applicant was asked for something.
    pub paused: bool,
    /// Whether the case is decided and no clock runs.
    pub over: bool,
}

/// How urgent a case is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Time enough.
    Calm,
    /// Two business days or less.
    Soon,
    /// The last day or later.
    Late,
    /// The applicant's turn.
    Paused,
    /// Decided.
    Over,
}

/// A knot on the drawn cord.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knot {
    /// A day that has passed.
    Past,
    /// The present day.
    Today,
    /// A day to come.
    Ahead,
}

impl ClockView {
    /// Business days left; never negative.
    pub fn left(&self) -> i64 {
        i64::from(self.days.saturating_sub(self.used))
    }

    /// How urgent the case is.
    pub fn urgency(&self) -> Urgency {
        match () {
            () if self.over => Urgency::Over,
            () if self.paused => Urgency::Paused,
            () if self.left() == 0 => Urgency::Late,
            () if self.left() <= SOON_DAYS => Urgency::Soon,
            () => Urgency::Calm,
        }
    }

    /// The cord to draw: a knot a day, or to scale when there are more days than [`CORD_KNOTS_MAX`].
    pub fn knots(&self) -> Vec<Knot> {
        let shown = self.days.clamp(1, CORD_KNOTS_MAX);
        let past = if self.days <= CORD_KNOTS_MAX {
            self.used.min(shown)
        } else {
            u32::try_from(u64::from(self.used) * u64::from(shown) / u64::from(self.days))
                .unwrap_or(shown)
                .min(shown)
        };
        (0..shown)
            .map(|day| match day {
                day if day < past => Knot::Past,
                day if day == past && !self.over => Knot::Today,
                _ => Knot::Ahead,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn clock(days: u32, used: u32) -> ClockView {
        let (presented, due) = (Moment(0), Moment(1));
        ClockView {
            presented,
            due,
            days,
            used,
            paused: false,
            over: false,
        }
    }

    #[test]
    fn urgency_follows_the_days_left() {
        for (used, urgency) in [
            (0, Urgency::Calm),
            (12, Urgency::Calm),
            (13, Urgency::Soon),
            (14, Urgency::Soon),
            (15, Urgency::Late),
            (40, Urgency::Late),
        ] {
            assert_eq!(clock(15, used).urgency(), urgency, "{used}");
        }
        assert_eq!(
            ClockView {
                paused: true,
                ..clock(15, 15)
            }
            .urgency(),
            Urgency::Paused
        );
        assert_eq!(
            ClockView {
                over: true,
                paused: true,
                ..clock(15, 15)
            }
            .urgency(),
            Urgency::Over
        );
    }

    #[test]
    fn a_cord_shows_each_day_once() {
        use Knot::{Ahead, Past, Today};
        assert_eq!(clock(4, 2).knots(), [Past, Past, Today, Ahead]);
        assert_eq!(clock(2, 9).knots(), [Past, Past]);
        assert_eq!(clock(0, 0).knots(), [Today]);
    }

    proptest! {
        #[test]
        fn cords_are_bounded_and_have_at_most_one_today(days in 0_u32..10_000, used in 0_u32..10_000) {
            let knots = clock(days, used).knots();
            prop_assert!((1..=CORD_KNOTS_MAX as usize).contains(&knots.len()));
            prop_assert!(knots.iter().filter(|knot| **knot == Knot::Today).count() <= 1);
        }
    }
}
