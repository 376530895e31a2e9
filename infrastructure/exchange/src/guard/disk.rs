//! How much room the disk of the store has. It promises a judgement from what the system tells, never a guess: where
//! nothing is known, nothing is judged.

use std::path::Path;

use super::GuardSettings;

/// What a disk has, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Free for this program's user.
    pub free: u64,
    /// In all.
    pub total: u64,
}

/// What that means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// Nothing to tell.
    Enough,
    /// The operator should make room.
    Low,
    /// No new message is accepted.
    Full,
}

/// What the disk under `folder` has; `None` if the system does not tell.
pub fn space(folder: &Path) -> Option<Space> {
    let told = rustix::fs::statvfs(folder).ok()?;
    Some(Space {
        free: told.f_bavail.saturating_mul(told.f_frsize),
        total: told.f_blocks.saturating_mul(told.f_frsize),
    })
}

/// Judges what a disk has by the settings.
pub const fn judge(space: Space, settings: &GuardSettings) -> Room {
    let part = (space.total / 100).saturating_mul(settings.disk_warn_percent as u64);
    if space.free < settings.disk_stop_bytes {
        Room::Full
    } else if space.free < settings.disk_warn_bytes || space.free < part {
        Room::Low
    } else {
        Room::Enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_tells_the_space_of_a_folder_and_nothing_of_none() {
        let space = space(Path::new("/")).unwrap();
        assert!(space.total > 0 && space.free <= space.total);
        assert_eq!(super::space(Path::new("/no/such/folder")), None);
    }

    #[test]
    fn percent_and_bytes_both_warn_and_only_bytes_stop() {
        let settings = GuardSettings::default();
        let judged = |free: u64, total: u64| judge(Space { free, total }, &settings);
        assert_eq!(judged(20 << 30, 100 << 30), Room::Enough);
        assert_eq!(judged(9 << 30, 100 << 30), Room::Low);
        assert_eq!(judged(1000 << 20, 2 << 30), Room::Low);
        assert_eq!(judged(100 << 20, 1 << 30), Room::Low);
        assert_eq!(judged((100 << 20) - 1, 1 << 30), Room::Full);
        assert_eq!(judged(0, 0), Room::Full);
    }
}
