//! Time limits: how long, from when, what stops them, and when silence speaks.

use jiff::ToSpan;
use jiff::civil::Date;
use kernel::Moment;
use serde::{Deserialize, Serialize};

use super::Calendar;

/// The length of a time limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Term {
    /// Business days, counted from the next one (TUO arts. 144.1, 145.1 [133, 134]).
    Days(u32),
    /// Months, date to date (TUO arts. 144.2, 145.3).
    Months(u32),
    /// Years, date to date.
    Years(u32),
}

/// A stretch in which the limit does not run: after `from` up to and including `to`, or still going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// The day it began; this day still counted.
    pub from: Date,
    /// The last day that did not count.
    pub to: Option<Date>,
}

/// The clock of one case: everything that its dates follow from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    /// The business day the filing counts for; the limit runs from the next one.
    pub counted_on: Date,
    /// Business days in which the body must decide.
    pub days: u32,
    /// Business days it then has to notify (art. 24.1); silence waits for them (TUO art. 199.1 [188]).
    pub notification_days: u32,
    /// Business days added by an extension, which is granted once (TUO art. 147 [136]).
    pub extension_days: u32,
    /// When it stood still: while the applicant cured what was observed (TUO art. 136 [125]).
    pub pauses: Vec<Pause>,
}

impl Term {
    /// The last day of a limit of this length that begins to count after `from`; always a business day.
    ///
    /// If the month has no equal day, the limit ends on the first business day of the month after (TUO art. 145.3);
    /// if the last day is no business day, on the next one (TUO art. 145.2).
    pub fn end(self, calendar: &Calendar, from: Date) -> Date {
        match self {
            Self::Days(count) => calendar.add(from, count),
            Self::Months(count) => end_of_months(calendar, from, count),
            Self::Years(count) => end_of_months(calendar, from, count.saturating_mul(12)),
        }
    }
}

fn end_of_months(calendar: &Calendar, from: Date, months: u32) -> Date {
    let landed = from
        .checked_add(i64::from(months).months())
        .unwrap_or(Date::MAX);
    let no_equal_day = landed.day() != from.day();
    let last = if no_equal_day {
        super::calendar::next(landed)
    } else {
        landed
    };
    calendar.on_or_after(last)
}

impl Timeline {
    /// A limit of `days` business days for a filing that counts for `counted_on`.
    pub fn new(counted_on: Date, days: u32, notification_days: u32) -> Self {
        Self {
            counted_on,
            days,
            notification_days,
            extension_days: 0,
            pauses: Vec::new(),
        }
    }

    /// Whether it stands still.
    pub fn is_paused(&self) -> bool {
        self.pauses.iter().any(|pause| pause.to.is_none())
    }

    /// Stops it; the day itself still counts. Nothing happens if it stands already.
    pub fn pause(&mut self, on: Date) {
        if !self.is_paused() {
            self.pauses.push(Pause { from: on, to: None });
        }
    }

    /// Lets it run again; the next business day counts. Nothing happens if it runs.
    pub fn resume(&mut self, on: Date) {
        if let Some(pause) = self.pauses.iter_mut().find(|pause| pause.to.is_none()) {
            pause.to = Some(on.max(pause.from));
        }
    }

    /// The last day to decide; `None` while it stands still.
    pub fn last_day(&self, calendar: &Calendar) -> Option<Date> {
        self.run(calendar, self.days.saturating_add(self.extension_days))
    }

    /// The last moment to decide; `None` while it stands still.
    pub fn deadline(&self, calendar: &Calendar) -> Option<Moment> {
        self.last_day(calendar).map(|day| calendar.end_of(day))
    }

    /// The moment from which silence has effect: the notification term has passed too. `None` while it stands still.
    pub fn silence_from(&self, calendar: &Calendar) -> Option<Moment> {
        let days = self
            .days
            .saturating_add(self.extension_days)
            .saturating_add(self.notification_days);
        self.run(calendar, days)
            .map(|day| calendar.end_of(day).plus_seconds(1))
    }

    /// Business days left after `today` to decide: zero on the last day, negative when late. `None` while it stands.
    pub fn days_left(&self, calendar: &Calendar, today: Date) -> Option<i64> {
        let last = self.last_day(calendar)?;
        let (left, late) = (calendar.between(today, last), calendar.between(last, today));
        Some(i64::from(left) - i64::from(late))
    }

    /// Business days of the limit that have passed by the end of `today`, not counting those on which it stood still.
    pub fn used(&self, calendar: &Calendar, today: Date) -> u32 {
        let mut day = calendar.on_or_after(self.counted_on);
        let mut used = 0;
        loop {
            day = calendar.after(day);
            if day > today {
                return used;
            }
            let stands = |p: &Pause| day > p.from && p.to.is_none_or(|to| day <= to);
            used += u32::from(!self.pauses.iter().any(stands));
        }
    }

    fn run(&self, calendar: &Calendar, days: u32) -> Option<Date> {
        if self.is_paused() {
            return None;
        }
        let paused = |day: Date| {
            self.pauses
                .iter()
                .any(|p| day > p.from && p.to.is_some_and(|to| day <= to))
        };
        let mut day = calendar.on_or_after(self.counted_on);
        let mut left = days;
        while left > 0 {
            day = calendar.after(day);
            left -= u32::from(!paused(day));
        }
        Some(day)
    }
}
