//! When a filing counts as presented, and when the desk receives it.
//!
//! Two moments are kept apart: presented (the machine's receipt, at once, day and night) and received (the desk's
//! cargo, after a check, in office hours). Which day a late filing counts for is a policy of each body with its legal
//! basis and the day from which it applies, because the bodies publish two readings of DS 075-2023-PCM.

use jiff::civil::Date;
use kernel::Moment;
use serde::{Deserialize, Serialize};

use super::Calendar;

/// Which day a filing after office hours counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CutOff {
    /// The same business day until 23:59:59 (the reading of INDECOPI Res. 0518-2024/SEL).
    SameDay,
    /// The next business day once the desk has closed (the letter of DS 075-2023-PCM).
    OfficeHours,
}

/// One policy and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceptionPolicy {
    /// The first day it applies.
    pub from: Date,
    /// The rule.
    pub cut_off: CutOff,
    /// The norm or decision it rests on.
    pub source: String,
}

/// A body's policies over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reception {
    policies: Vec<ReceptionPolicy>,
}

impl Reception {
    /// The policies in any order; where none applies yet, the applicant's better reading does: [`CutOff::SameDay`].
    pub fn new(mut policies: Vec<ReceptionPolicy>) -> Self {
        policies.sort_by_key(|policy| policy.from);
        Self { policies }
    }

    /// One policy for all time.
    pub fn always(cut_off: CutOff, source: &str) -> Self {
        Self::new(vec![ReceptionPolicy {
            from: Date::MIN,
            cut_off,
            source: source.to_owned(),
        }])
    }

    /// The policy of `day`, if the body has set one by then.
    pub fn on(&self, day: Date) -> Option<&ReceptionPolicy> {
        self.policies.iter().rev().find(|policy| policy.from <= day)
    }

    /// The business day that a filing presented at `moment` counts for. Time limits run from the next one.
    pub fn counted_on(&self, calendar: &Calendar, moment: Moment) -> Date {
        let day = calendar.day_of(moment);
        let cut_off = self
            .on(day)
            .map_or(CutOff::SameDay, |policy| policy.cut_off);
        let late = calendar.time_of(moment) >= calendar.hours().close;
        match cut_off {
            CutOff::OfficeHours if late => calendar.after(day),
            CutOff::SameDay | CutOff::OfficeHours => calendar.on_or_after(day),
        }
    }

    /// When the desk gives its cargo to a filing presented at `moment`: at once in office hours, else at the opening.
    pub fn received_at(calendar: &Calendar, moment: Moment) -> Moment {
        calendar.next_opening(moment)
    }
}
