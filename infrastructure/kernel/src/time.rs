//! Time as a parameter: a moment in UTC microseconds, and the clocks that tell it.
//!
//! Nothing else in the house reads the machine's clock, so every deadline can be replayed from a test or a demo.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};

/// A point in time: microseconds since 1970-01-01T00:00:00 UTC, leap seconds ignored.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Moment(pub i64);

/// Tells the present moment. Two real kinds exist: the machine's clock and one that a demo or a test moves.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Moment;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// The machine's clock plus an offset that can be moved forward while the program runs.
#[derive(Debug, Default)]
pub struct ShiftedClock {
    offset_micros: AtomicI64,
}

/// A clock that stands still until it is told to move; for tests and replays.
#[derive(Debug)]
pub struct SetClock {
    micros: AtomicI64,
}

impl Moment {
    /// The moment `seconds` after the epoch.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Whole seconds since the epoch, rounded towards the past.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Whole milliseconds since the epoch, rounded towards the past.
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// This moment moved by `seconds`, which may be negative.
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }

    /// Seconds from `earlier` to this moment; negative if it is later.
    pub const fn seconds_since(self, earlier: Moment) -> i64 {
        self.0.saturating_sub(earlier.0).div_euclid(1_000_000)
    }

    /// RFC 3339 text in UTC with milliseconds, for example `2026-11-23T15:04:05.123Z`.
    pub fn iso(self) -> String {
        let at = Offset::UTC.to_datetime(self.timestamp());
        let (year, millis) = (i64::from(at.year()), self.millis().rem_euclid(1_000));
        let mut text = String::with_capacity(24);
        if year < 0 {
            text.push('-');
        }
        push_digits(&mut text, year.abs(), 1_000);
        let [month, day, hour, minute, second] =
            [at.month(), at.day(), at.hour(), at.minute(), at.second()].map(i64::from);
        for (before, value) in [
            ('-', month),
            ('-', day),
            ('T', hour),
            (':', minute),
            (':', second),
        ] {
            text.push(before);
            push_digits(&mut text, value, 10);
        }
        text.push('.');
        push_digits(&mut text, millis, 100);
        text.push('Z');
        text
    }

    /// RFC 3339 text in UTC with whole seconds, the form that XML signatures use.
    pub fn iso_seconds(self) -> String {
        self.timestamp().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// Reads RFC 3339 text with any offset.
    pub fn parse_iso(text: &str) -> Option<Self> {
        text.parse::<Timestamp>()
            .ok()
            .map(|timestamp| Self(timestamp.as_microsecond()))
    }

    /// The same moment for calendar work; clamped to the years jiff knows.
    pub fn timestamp(self) -> Timestamp {
        Timestamp::from_microsecond(self.0).unwrap_or(if self.0 < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        })
    }
}

/// Digits of a value, from the one worth `first` down.
fn push_digits(text: &mut String, value: i64, first: i64) {
    let mut worth = first;
    while worth > 0 {
        let digit = u8::try_from(value / worth % 10).unwrap_or(0);
        text.push(char::from(b'0' + digit));
        worth /= 10;
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.iso())
    }
}

impl ShiftedClock {
    /// Moves this clock by `seconds` relative to where it stands; negative moves back.
    pub fn shift(&self, seconds: i64) {
        self.offset_micros
            .fetch_add(seconds.saturating_mul(1_000_000), Ordering::SeqCst);
    }

    /// How far this clock is ahead of the machine's, in seconds.
    pub fn offset_seconds(&self) -> i64 {
        self.offset_micros.load(Ordering::SeqCst) / 1_000_000
    }
}

impl SetClock {
    /// A clock that shows `moment`.
    pub fn at(moment: Moment) -> Self {
        Self {
            micros: AtomicI64::new(moment.0),
        }
    }

    /// Moves this clock by `seconds`.
    pub fn advance(&self, seconds: i64) {
        self.micros
            .fetch_add(seconds.saturating_mul(1_000_000), Ordering::SeqCst);
    }
}

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the machine's clock"
    )]
    fn now(&self) -> Moment {
        let since = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        Moment(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> Moment {
        Moment(
            SystemClock
                .now()
                .0
                .saturating_add(self.offset_micros.load(Ordering::SeqCst)),
        )
    }
}

impl Clock for SetClock {
    fn now(&self) -> Moment {
        Moment(self.micros.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_text_is_utc_with_milliseconds_and_reads_back() {
        let moment = Moment(1_795_437_845_123_000);
        assert_eq!(moment.iso(), "2026-11-23T12:44:05.123Z");
        assert_eq!(Moment::parse_iso(&moment.iso()), Some(moment));
        assert_eq!(
            Moment::parse_iso("2026-11-23T07:44:05.123-05:00"),
            Some(moment)
        );
        // The calendar library's own formatter says the same, also before the epoch and at the ends of its years.
        for micros in [
            0,
            -1,
            1,
            -62_135_596_800_000_000,
            -99_999_999_999_999_999,
            i64::MAX,
            i64::MIN,
        ] {
            let moment = Moment(micros);
            let known = moment.timestamp().strftime("%Y-%m-%dT%H:%M:%S").to_string();
            let millis = moment.millis().rem_euclid(1_000);
            assert_eq!(moment.iso(), format!("{known}.{millis:03}Z"));
        }
    }

    #[test]
    fn a_shifted_clock_runs_ahead() {
        let clock = ShiftedClock::default();
        clock.shift(86_400);
        assert!(clock.now().seconds_since(SystemClock.now()) >= 86_399);
    }
}
