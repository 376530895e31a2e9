//! Steps of the clock: found by comparing it with the machine's count of seconds, and small steps back held out.
//!
//! Order and identifiers rest on time that does not run back, so [`Steady`] stands still for a step back of up to a
//! minute. A larger one it lets through: then the guard refuses messages, which says more than a clock that stands.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use kernel::{Clock, Moment};
use tokio::time::Instant;

/// How long a step of the clock is told, in seconds: until the operator's next look at the page.
const TOLD_SECONDS: i64 = 86_400;
/// The longest step back during which time stands still, in seconds.
const HOLD_SECONDS: i64 = 60;

/// A step of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jump {
    /// How far, forward or (negative) back.
    pub seconds: i64,
    /// What the clock said after it.
    pub at: Moment,
}

struct Base {
    wall: Moment,
    machine: Instant,
    latest: Option<Jump>,
}

/// Compares a clock with the machine's count of seconds.
pub(super) struct Watch {
    clock: Arc<dyn Clock>,
    limit: i64,
    base: Mutex<Base>,
    count: AtomicU64,
}

impl Watch {
    pub(super) fn new(clock: Arc<dyn Clock>, limit: i64) -> Self {
        let base = Base {
            wall: clock.now(),
            machine: Instant::now(),
            latest: None,
        };
        Self {
            clock,
            limit: limit.max(1),
            base: Mutex::new(base),
            count: AtomicU64::new(0),
        }
    }

    /// A step since the last look, if there was one. Small differences are taken over, so that slow drift never adds up.
    pub(super) fn look(&self) -> Option<Jump> {
        let mut base = self.base.lock().unwrap_or_else(PoisonError::into_inner);
        let (wall, machine) = (self.clock.now(), Instant::now());
        let passed = machine.duration_since(base.machine).as_micros();
        let expected = base
            .wall
            .0
            .saturating_add(i64::try_from(passed).unwrap_or(i64::MAX));
        base.wall = wall;
        base.machine = machine;
        let jump = step(Moment(expected), wall, self.limit)?;
        base.latest = Some(jump);
        self.count.fetch_add(1, Ordering::Relaxed);
        Some(jump)
    }

    /// The latest step, while it is worth telling.
    pub(super) fn latest(&self, now: Moment) -> Option<Jump> {
        let base = self.base.lock().unwrap_or_else(PoisonError::into_inner);
        base.latest
            .filter(|jump| (0..TOLD_SECONDS).contains(&now.seconds_since(jump.at)))
    }

    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

/// The step from where the clock should be to where it is, if it is over the limit.
fn step(expected: Moment, found: Moment, limit: i64) -> Option<Jump> {
    let seconds = found.0.saturating_sub(expected.0) / 1_000_000;
    (seconds.saturating_abs() > limit).then_some(Jump { seconds, at: found })
}

/// A clock that stands still for a short step back instead of following it.
pub struct Steady {
    clock: Arc<dyn Clock>,
    latest: AtomicI64,
}

impl Steady {
    /// A steady view of `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            latest: AtomicI64::new(0),
        }
    }
}

impl Clock for Steady {
    fn now(&self) -> Moment {
        let now = self.clock.now();
        let latest = Moment(self.latest.fetch_max(now.0, Ordering::AcqRel).max(now.0));
        if latest.seconds_since(now) <= HOLD_SECONDS {
            return latest;
        }
        // A large step back: from here the clock counts anew. Who loses the race reads the other's value next time.
        let _ = self
            .latest
            .compare_exchange(latest.0, now.0, Ordering::AcqRel, Ordering::Relaxed);
        now
    }
}

#[cfg(test)]
mod tests {
    use kernel::SetClock;

    use super::*;

    const NOW: Moment = Moment::from_seconds(1_800_000_000);

    #[test]
    fn a_step_is_found_in_both_directions_and_drift_is_not() {
        let clock = Arc::new(SetClock::at(NOW));
        let watch = Watch::new(clock.clone(), 5);
        assert_eq!(watch.look(), None);
        for (advance, found) in [
            (4, None),
            (3600, Some(3600)),
            (-7200, Some(-7200)),
            (-3, None),
        ] {
            clock.advance(advance);
            let jump = watch.look();
            let close = |seconds: i64, wanted: i64| (seconds - wanted).abs() <= 2;
            match found {
                None => assert_eq!(jump, None),
                Some(wanted) => assert!(close(jump.unwrap().seconds, wanted), "{jump:?}"),
            }
        }
        assert_eq!(watch.count(), 2);
        assert!(watch.latest(clock.now().plus_seconds(10)).is_some());
        assert!(watch.latest(clock.now().plus_seconds(2 * 86_400)).is_none());
    }

    #[test]
    fn a_short_step_back_stands_still_and_a_long_one_shows() {
        let clock = Arc::new(SetClock::at(NOW));
        let steady = Steady::new(clock.clone());
        assert_eq!(steady.now(), NOW);
        clock.advance(-30);
        assert_eq!(steady.now(), NOW);
        clock.advance(31);
        assert_eq!(steady.now(), NOW.plus_seconds(1));
        clock.advance(-3600);
        assert_eq!(steady.now(), NOW.plus_seconds(-3599));
        assert_eq!(steady.now(), NOW.plus_seconds(-3599));
        clock.advance(1);
        assert_eq!(steady.now(), NOW.plus_seconds(-3598));
    }
}
