//! Which days count, and what a day is at the body's place.

use std::collections::BTreeSet;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use kernel::Moment;
use serde::Deserialize;

/// Longest run of days without a business day that a calendar may hold; a longer one is a mistake in the data.
const PAUSE_DAYS_MAX: i32 = 60;

/// A day on which no time limit runs. Only a norm of the state makes one (TUO art. 148 [137]).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holiday {
    /// The day, ISO 8601.
    pub date: Date,
    /// Its name, for people.
    pub name: String,
    /// The norm that makes it a holiday.
    pub law: String,
    /// The region it binds, for example an INEI department code; absent means the whole country.
    #[serde(default)]
    pub region: Option<String>,
}

/// When the desk is open on a business day, local time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    /// It opens.
    pub open: Time,
    /// It closes; what comes at this very minute is after hours.
    pub close: Time,
}

/// The business days of one body.
#[derive(Clone, Debug)]
pub struct Calendar {
    zone: TimeZone,
    closed: BTreeSet<Date>,
    weekdays: [bool; 7],
    hours: Hours,
}

/// The calendar's data are wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// The time zone is not in the IANA list.
    #[error("unknown time zone {0:?}; use an IANA name such as America/Lima")]
    Zone(String),
    /// The file of holidays can't be read.
    #[error("holidays: {0}")]
    Holidays(String),
    /// Weekdays or hours leave no time in which the body works.
    #[error("the body would never work: name at least one weekday, and open before it closes")]
    NeverOpen,
    /// More than 60 days in a row are closed.
    #[error("no business day within {PAUSE_DAYS_MAX} days after {0}")]
    NoBusinessDay(Date),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HolidayFile {
    holiday: Vec<Holiday>,
}

impl Hours {
    /// Office hours that most municipalities keep: 08:00 to 16:30.
    pub fn usual() -> Self {
        Self {
            open: Time::constant(8, 0, 0, 0),
            close: Time::constant(16, 30, 0, 0),
        }
    }
}

impl Calendar {
    /// A calendar from Monday to Friday at `zone` (IANA name), closed on the holidays that bind `region`.
    ///
    /// # Errors
    /// The zone is unknown, the hours are upside down, or the holidays leave no business day for months.
    pub fn new(
        zone: &str,
        region: &str,
        holidays: &[Holiday],
        hours: Hours,
    ) -> Result<Self, CalendarError> {
        let weekdays = [true, true, true, true, true, false, false];
        Self::with_week(zone, region, holidays, hours, weekdays)
    }

    /// As [`Calendar::new`], with the working weekdays from Monday on.
    ///
    /// # Errors
    /// As [`Calendar::new`]; also if no weekday is a working day.
    pub fn with_week(
        zone: &str,
        region: &str,
        holidays: &[Holiday],
        hours: Hours,
        weekdays: [bool; 7],
    ) -> Result<Self, CalendarError> {
        if hours.open >= hours.close || !weekdays.contains(&true) {
            return Err(CalendarError::NeverOpen);
        }
        let zone = TimeZone::get(zone).map_err(|_| CalendarError::Zone(zone.to_owned()))?;
        let binds = |holiday: &&Holiday| holiday.region.as_deref().is_none_or(|own| own == region);
        let closed: BTreeSet<Date> = holidays.iter().filter(binds).map(|h| h.date).collect();
        let calendar = Self {
            zone,
            closed,
            weekdays,
            hours,
        };
        match calendar
            .closed
            .iter()
            .find(|day| calendar.gap_after(**day) > PAUSE_DAYS_MAX)
        {
            Some(day) => Err(CalendarError::NoBusinessDay(*day)),
            None => Ok(calendar),
        }
    }

    /// Reads a file of holidays: `[[holiday]]` with `date`, `name`, `law` and, if it binds one region only, `region`.
    ///
    /// # Errors
    /// The text is not such a file; the message names the line.
    pub fn read_holidays(text: &str) -> Result<Vec<Holiday>, CalendarError> {
        toml::from_str::<HolidayFile>(text)
            .map(|file| file.holiday)
            .map_err(|error| CalendarError::Holidays(error.to_string()))
    }

    /// Whether time limits run on `day`.
    pub fn is_business(&self, day: Date) -> bool {
        let weekday = usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or(0);
        self.weekdays[weekday] && !self.closed.contains(&day)
    }

    /// `day` itself if it is a business day, otherwise the next one.
    pub fn on_or_after(&self, day: Date) -> Date {
        let mut day = day;
        while !self.is_business(day) {
            day = next(day);
        }
        day
    }

    /// The next business day after `day`.
    pub fn after(&self, day: Date) -> Date {
        self.on_or_after(next(day))
    }

    /// `day` plus `count` business days, the first being the one after `day` (TUO arts. 144-145 [133-134]).
    /// With `count` zero: `day`, or the next business day if it is none.
    pub fn add(&self, day: Date, count: u32) -> Date {
        (0..count).fold(
            if count == 0 {
                self.on_or_after(day)
            } else {
                day
            },
            |d, _| self.after(d),
        )
    }

    /// Business days after `from` up to and including `to`; zero if `to` is not after `from`.
    pub fn between(&self, from: Date, to: Date) -> u32 {
        let mut day = from;
        let mut count = 0;
        while day < to {
            day = next(day);
            count += u32::from(self.is_business(day));
        }
        count
    }

    /// The local day of `moment`.
    pub fn day_of(&self, moment: Moment) -> Date {
        self.zone.to_datetime(moment.timestamp()).date()
    }

    /// The local time of day of `moment`.
    pub fn time_of(&self, moment: Moment) -> Time {
        self.zone.to_datetime(moment.timestamp()).time()
    }

    /// The first moment of `day` here.
    pub fn start_of(&self, day: Date) -> Moment {
        self.at(day, Time::midnight())
    }

    /// The last whole second of `day` here: a limit that ends on `day` is kept until then.
    pub fn end_of(&self, day: Date) -> Moment {
        self.start_of(next(day)).plus_seconds(-1)
    }

    /// The moment of `time` on `day` here.
    pub fn at(&self, day: Date, time: Time) -> Moment {
        let far = Moment(if day.year() > 0 { i64::MAX } else { i64::MIN });
        let timestamp = self.zone.to_timestamp(day.to_datetime(time));
        timestamp.map_or(far, |timestamp| Moment(timestamp.as_microsecond()))
    }

    /// Whether the desk is open at `moment`.
    pub fn is_open(&self, moment: Moment) -> bool {
        let time = self.time_of(moment);
        self.is_business(self.day_of(moment)) && time >= self.hours.open && time < self.hours.close
    }

    /// `moment` if the desk is open then, otherwise the next opening.
    pub fn next_opening(&self, moment: Moment) -> Moment {
        if self.is_open(moment) {
            return moment;
        }
        let day = self.day_of(moment);
        let today = self.is_business(day) && self.time_of(moment) < self.hours.open;
        self.at(if today { day } else { self.after(day) }, self.hours.open)
    }

    /// The office hours.
    pub fn hours(&self) -> Hours {
        self.hours
    }

    fn gap_after(&self, day: Date) -> i32 {
        let mut gap = 0;
        let mut day = day;
        while !self.is_business(day) && gap <= PAUSE_DAYS_MAX {
            day = next(day);
            gap += 1;
        }
        gap
    }
}

/// The day after; at the end of jiff's years (9999) it stays a weekday so that no search runs on for ever.
pub(super) fn next(day: Date) -> Date {
    day.tomorrow().unwrap_or_else(|_| {
        let back = i64::from(Weekday::Friday.to_monday_zero_offset());
        day.checked_sub(jiff::Span::new().days(7 + back))
            .unwrap_or(day)
    })
}
