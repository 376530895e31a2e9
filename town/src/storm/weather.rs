//! What befalls each message of a storm, decided from the seed and the exchange's place in the storm alone.
//!
//! Read by `storm`. However the threads run, exchange 17 of seed 5 loses its answer or does not: that is what makes a
//! storm replayable. It knows nothing of bytes beyond the case number that names the exchange.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use exchange::wire::Leg;
use kernel::{Chance, SeededChance};

/// How often each fault is ordered, in thousandths of all passages of its leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weather {
    /// A request or response vanishes without a sign.
    pub lost: u64,
    /// The line breaks under a request or response.
    pub cut: u64,
    /// A request arrives twice.
    pub doubled: u64,
    /// A byte changes on the way.
    pub changed: u64,
    /// The answering node loses power while it works.
    pub power: u64,
    /// Longest delay of a passage, in milliseconds; differing delays put passages in another order.
    pub delay_max: u64,
    /// Of every hundred exchanges, so many in a row find the network parted.
    pub parted: u64,
}

impl Weather {
    /// Nothing goes wrong.
    pub const CALM: Self = Self {
        lost: 0,
        cut: 0,
        doubled: 0,
        changed: 0,
        power: 0,
        delay_max: 0,
        parted: 0,
    };
    /// A line as bad as any in the mountains, and worse.
    pub const ROUGH: Self = Self {
        lost: 20,
        cut: 40,
        doubled: 60,
        changed: 40,
        power: 3,
        delay_max: 15,
        parted: 7,
    };
}

/// What befalls a passage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blow {
    /// Nothing.
    None,
    /// It vanishes.
    Lost,
    /// The line breaks.
    Cut,
    /// It arrives twice.
    Doubled,
    /// The byte at this place, counted modulo the length, changes.
    Changed(u64),
    /// The answering node loses power.
    Power,
    /// The network is parted.
    Parted,
}

/// The exchanges of a hundred form one period of partitions.
const PERIOD: u64 = 100;
/// Faults are counted in thousandths.
const THOUSAND: u64 = 1_000;

impl Weather {
    /// What befalls the leg of exchange `number` in the storm of `seed`; `copy` for the second delivery of a request.
    pub fn blow(&self, seed: u64, number: u64, leg: Leg, copy: bool) -> Blow {
        if number % PERIOD < self.parted {
            return Blow::Parted;
        }
        let (roll, place) = dice(seed, number, leg, copy);
        let mut left = roll % THOUSAND;
        let mut hit = |often: u64| {
            let hit = left < often;
            left = left.wrapping_sub(often);
            hit
        };
        if hit(self.lost) {
            Blow::Lost
        } else if hit(self.cut) {
            Blow::Cut
        } else if hit(self.changed) {
            Blow::Changed(place)
        } else if leg == Leg::Request && !copy && hit(self.doubled) {
            Blow::Doubled
        } else if leg == Leg::Request && !copy && hit(self.power) {
            Blow::Power
        } else {
            Blow::None
        }
    }

    /// How long the leg takes.
    pub fn delay(&self, seed: u64, number: u64, leg: Leg, copy: bool) -> Duration {
        let (_, place) = dice(seed.rotate_left(17), number, leg, copy);
        Duration::from_millis(place % (self.delay_max + 1))
    }
}

/// Two numbers that belong to a leg of an exchange.
fn dice(seed: u64, number: u64, leg: Leg, copy: bool) -> (u64, u64) {
    let side = match leg {
        Leg::Connect => 0,
        Leg::Request => 1,
        Leg::Response => 2,
    };
    let mixed = seed
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .wrapping_add(number * 8 + side * 2 + u64::from(copy));
    let mut bytes = [0; 16];
    SeededChance::new(mixed).fill(&mut bytes);
    let part = |at: usize| {
        let eight = bytes[at..at + 8]
            .try_into()
            .expect("eight of sixteen bytes");
        u64::from_be_bytes(eight)
    };
    (part(0), part(8))
}

/// What was ordered so far.
#[derive(Debug, Default)]
pub struct Tally {
    counts: [AtomicU64; 7],
}

/// Names of the blows, in the order of the tally.
const NAMES: [&str; 7] = [
    "calm",
    "lost",
    "cut",
    "doubled",
    "changed",
    "power cut",
    "parted",
];

impl Tally {
    /// Counts a blow.
    pub fn count(&self, blow: Blow) {
        let at = match blow {
            Blow::None => 0,
            Blow::Lost => 1,
            Blow::Cut => 2,
            Blow::Doubled => 3,
            Blow::Changed(_) => 4,
            Blow::Power => 5,
            Blow::Parted => 6,
        };
        self.counts[at].fetch_add(1, Ordering::Relaxed);
    }

    /// Every kind of fault with its number.
    pub fn faults(&self) -> Vec<(&'static str, u64)> {
        let counts = self
            .counts
            .iter()
            .map(|count| count.load(Ordering::Relaxed));
        NAMES.into_iter().zip(counts).skip(1).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_storm_again_and_another_one_gives_another() {
        let storm = |seed| -> Vec<Blow> {
            (0..500)
                .flat_map(|number| {
                    [Leg::Request, Leg::Response]
                        .map(|leg| Weather::ROUGH.blow(seed, number, leg, false))
                })
                .collect()
        };
        assert_eq!(storm(5), storm(5));
        assert_ne!(storm(5), storm(6));
    }

    #[test]
    fn every_kind_of_fault_comes_about_as_often_as_ordered() {
        let tally = Tally::default();
        let all = 20_000;
        for number in 0..all {
            tally.count(Weather::ROUGH.blow(1, number, Leg::Request, false));
        }
        let rough = Weather::ROUGH;
        let open = all * (PERIOD - rough.parted) / PERIOD;
        let expected = [
            rough.lost,
            rough.cut,
            rough.doubled,
            rough.changed,
            rough.power,
        ];
        for ((name, count), often) in tally.faults().into_iter().zip(expected) {
            let mean = open * often / THOUSAND;
            assert!(
                (mean / 2..mean * 2).contains(&count),
                "{name}: {count}, not {mean}"
            );
        }
        assert_eq!(tally.faults()[5], ("parted", all * rough.parted / PERIOD));
        assert_eq!(Weather::CALM.blow(1, 1, Leg::Request, false), Blow::None);
    }
}
