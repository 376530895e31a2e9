//! Whether this node can keep what it accepts: room on the disk, and a clock that can be relied on.
//!
//! Asked by `ask` and `answer` before a message is accepted, and by the pages and health. It promises that a message
//! which could not be kept, or would be dated wrongly, is refused before anything is done, that answers to messages
//! already accepted still finish, and that the node goes on by itself when there is space and time again.

mod disk;
mod time;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use kernel::{Clock, Moment};
use serde::{Deserialize, Serialize};
use web::metrics::NOTICE;

pub use disk::{Room, Space};
use time::Watch;
pub use time::{Jump, Steady};

/// Limits of disk and clock. Section `[exchange.guard]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GuardSettings {
    /// The folder whose disk is watched: the store's. None if the data are on another machine.
    #[serde(skip)]
    pub folder: Option<PathBuf>,
    /// Less free space than this, in bytes, is told to the operator.
    pub disk_warn_bytes: u64,
    /// Less free space than this part of the disk, in percent, is told too.
    pub disk_warn_percent: u8,
    /// Less free space than this, in bytes, and no new message is accepted.
    pub disk_stop_bytes: u64,
    /// How far the clock may be behind the last message or the directory, in seconds, before no message is accepted;
    /// 0 for no such limit.
    pub clock_behind_seconds: i64,
    /// A step of the clock of more than this, in seconds, is told to the operator.
    pub clock_jump_seconds: i64,
}

impl Default for GuardSettings {
    fn default() -> Self {
        Self {
            folder: None,
            // A month of a small office.
            disk_warn_bytes: 1 << 30,
            disk_warn_percent: 10,
            // A thousand messages of usual size in work, with the database's own journal.
            disk_stop_bytes: 100 << 20,
            // Peers and time servers differ by seconds, not by a minute.
            clock_behind_seconds: 60,
            // A clock that is disciplined by the network never steps so far.
            clock_jump_seconds: 5,
        }
    }
}

/// Why no message is accepted now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The disk is nearly full.
    #[error(
        "the disk of this node is nearly full ({free} bytes free, {needed} are kept): messages can't be kept now"
    )]
    Disk {
        /// Bytes free.
        free: u64,
        /// Bytes that stay free.
        needed: u64,
    },
    /// The clock is behind something that is known to have happened.
    #[error("the clock of this node is {seconds} seconds behind {what}: set it right")]
    Clock {
        /// How far.
        seconds: i64,
        /// Behind what.
        what: &'static str,
    },
}

/// Reads the free space; a test gives its own.
type Probe = Arc<dyn Fn() -> Option<Space> + Send + Sync>;

/// Watches disk and clock of one node.
pub struct Guard {
    settings: GuardSettings,
    probe: Probe,
    watch: Watch,
    /// When the newest message was accepted, in micros.
    newest: AtomicI64,
    /// What the disk last had free, in bytes, for the figures.
    free: AtomicU64,
}

impl Guard {
    /// Watches the disk under the settings' folder, and `clock` against the machine's own count of seconds.
    pub fn new(settings: GuardSettings, clock: Arc<dyn Clock>) -> Self {
        let folder = settings.folder.clone();
        let probe: Probe = Arc::new(move || disk::space(folder.as_deref()?));
        Self::with_probe(settings, clock, probe)
    }

    fn with_probe(settings: GuardSettings, clock: Arc<dyn Clock>, probe: Probe) -> Self {
        Self {
            watch: Watch::new(clock, settings.clock_jump_seconds),
            settings,
            probe,
            newest: AtomicI64::new(0),
            free: AtomicU64::new(u64::MAX),
        }
    }

    /// Takes up when the newest message of the store was accepted.
    pub fn take_up(&self, newest: Option<Moment>) {
        self.accepted(newest.unwrap_or_default());
    }

    /// Takes note that something was accepted and kept at a moment: the clock may not fall below it from here on.
    pub fn accepted(&self, at: Moment) {
        self.newest.fetch_max(at.0, Ordering::Relaxed);
    }

    /// Whether a message may be accepted at `now`, under a directory that was published at `published`.
    ///
    /// # Errors
    /// [`Unfit`], with what the operator should do.
    pub fn check(&self, now: Moment, published: Option<Moment>) -> Result<(), Unfit> {
        if let Some((space, Room::Full)) = self.room() {
            let needed = self.settings.disk_stop_bytes;
            return Err(Unfit::Disk {
                free: space.free,
                needed,
            });
        }
        let newest = Moment(self.newest.load(Ordering::Relaxed));
        let known = [
            (newest, "the newest message of its own log"),
            (published.unwrap_or_default(), "the instance's directory"),
        ];
        let limit = self.settings.clock_behind_seconds;
        for (event, what) in known {
            let seconds = event.seconds_since(now);
            if limit > 0 && seconds > limit {
                return Err(Unfit::Clock { seconds, what });
            }
        }
        Ok(())
    }

    /// How much room the disk has, if it is known.
    pub fn room(&self) -> Option<(Space, Room)> {
        let space = (self.probe)()?;
        self.free.store(space.free, Ordering::Relaxed);
        Some((space, disk::judge(space, &self.settings)))
    }

    /// Looks whether the clock stepped since the last look. Run every few seconds by a timer, and cheap.
    pub fn look(&self) -> Option<Jump> {
        let jump = self.watch.look();
        if let Some(jump) = &jump {
            tracing::warn!(seconds = jump.seconds, at = %jump.at, "the clock stepped");
        }
        jump
    }

    /// What the operator should know now, one line each.
    pub fn problems(&self, now: Moment, published: Option<Moment>) -> Vec<String> {
        let mut problems = Vec::new();
        if let Some((space, room)) = self.room() {
            let free = space.free >> 20;
            match room {
                Room::Enough => {}
                Room::Low => {
                    problems.push(format!("{NOTICE}exchange: the disk has {free} MiB free"))
                }
                Room::Full => problems.push(format!(
                    "exchange: the disk has {free} MiB free: no message is accepted"
                )),
            }
        }
        if let Some(jump) = self.watch.latest(now) {
            problems.push(format!(
                "{NOTICE}exchange: the clock stepped by {} seconds at {}",
                jump.seconds, jump.at
            ));
        }
        let newest = Moment(self.newest.load(Ordering::Relaxed));
        let ahead = newest
            .seconds_since(now)
            .max(published.unwrap_or_default().seconds_since(now));
        if ahead > self.settings.clock_behind_seconds && self.settings.clock_behind_seconds > 0 {
            problems.push(format!(
                "exchange: the clock is {ahead} seconds behind what is known to have happened: \
                 no message is accepted"
            ));
        }
        problems
    }

    /// Bytes free when it was last looked, for the figures.
    pub fn free(&self) -> Option<u64> {
        Some(self.free.load(Ordering::Relaxed)).filter(|free| *free != u64::MAX)
    }

    /// How often the clock has stepped since the start.
    pub fn jumps(&self) -> u64 {
        self.watch.count()
    }
}

impl crate::Exchange {
    /// Looks at disk and clock and enters them in the figures. Run by a timer.
    pub fn look(&self) {
        let inner = &self.inner;
        inner.guard.look();
        inner.guard.room();
        inner
            .meters
            .guarded(inner.guard.free(), inner.guard.jumps());
    }
}

#[cfg(test)]
mod tests {
    use kernel::SetClock;

    use super::*;

    const NOW: Moment = Moment::from_seconds(1_800_000_000);

    fn guard(free: u64) -> Guard {
        let probe: Probe = Arc::new(move || {
            Some(Space {
                free,
                total: 10 << 30,
            })
        });
        Guard::with_probe(GuardSettings::default(), Arc::new(SetClock::at(NOW)), probe)
    }

    #[test]
    fn a_message_is_refused_before_the_disk_is_full_and_taken_again_after() {
        assert_eq!(guard(2 << 30).check(NOW, None), Ok(()));
        assert!(guard(2 << 30).problems(NOW, None).is_empty());
        let low = guard(900 << 20);
        assert_eq!(low.check(NOW, None), Ok(()));
        assert!(low.problems(NOW, None)[0].contains("900 MiB"));
        let full = guard(99 << 20);
        assert!(matches!(full.check(NOW, None), Err(Unfit::Disk { .. })));
        assert!(full.problems(NOW, None)[0].contains("no message is accepted"));
        assert_eq!(full.free(), Some(99 << 20));
    }

    #[test]
    fn a_clock_behind_the_log_or_the_directory_refuses_until_it_is_right() {
        let guard = guard(2 << 30);
        guard.take_up(Some(NOW));
        assert_eq!(guard.check(NOW.plus_seconds(-60), None), Ok(()));
        let behind = guard.check(NOW.plus_seconds(-61), None);
        assert!(matches!(behind, Err(Unfit::Clock { seconds: 61, .. })));
        let published = Some(NOW.plus_seconds(200));
        let behind = guard.check(NOW, published);
        assert!(matches!(behind, Err(Unfit::Clock { seconds: 200, .. })));
        assert!(guard.problems(NOW, published)[0].contains("200 seconds behind"));
        let ahead = NOW.plus_seconds(150);
        assert_eq!(guard.check(ahead, published), Ok(()));
        // What was only tried while the clock ran ahead binds nobody; what was kept counts from then on.
        assert_eq!(guard.check(NOW.plus_seconds(80), None), Ok(()));
        guard.accepted(ahead);
        assert!(guard.check(NOW.plus_seconds(80), None).is_err());
    }

    #[test]
    fn without_a_folder_the_disk_is_not_judged() {
        let guard = Guard::new(GuardSettings::default(), Arc::new(SetClock::at(NOW)));
        assert_eq!(guard.room(), None);
        assert_eq!(guard.check(NOW, None), Ok(()));
    }
}
