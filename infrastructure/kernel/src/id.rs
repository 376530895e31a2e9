//! Sortable identifiers: ULIDs, 26 characters of Crockford base32, time first.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Chance, Clock, Moment};

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// An identifier that sorts by the time it was made: 48 bits of milliseconds and 80 bits of chance.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(u128);

impl Id {
    /// A new identifier of this moment.
    pub fn new(clock: &dyn Clock, chance: &dyn Chance) -> Self {
        let mut random = [0_u8; 16];
        chance.name(&mut random[6..]);
        let millis = u128::try_from(clock.now().millis().max(0)).unwrap_or(0) & 0xffff_ffff_ffff;
        Self((millis << 80) | u128::from_be_bytes(random))
    }

    /// The least identifier of a moment: every one made then or later is at or above it. For reading by time.
    pub fn first_at(moment: Moment) -> Self {
        let millis = u128::try_from(moment.millis().max(0)).unwrap_or(0) & 0xffff_ffff_ffff;
        Self(millis << 80)
    }
}

/// The text is not a ULID: 26 characters of Crockford base32, the first at most `7`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier: 26 characters of Crockford base32 are expected")]
pub struct BadId;

impl Id {
    /// When the identifier was made, to the millisecond, by the clock of who made it.
    pub fn at(self) -> crate::Moment {
        let millis = i64::try_from(self.0 >> 80).unwrap_or(0);
        crate::Moment(millis.saturating_mul(1_000))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0_u8; 26];
        for (place, slot) in text.iter_mut().enumerate() {
            let shift = 5 * (25 - place);
            *slot = ALPHABET[usize::try_from((self.0 >> shift) & 31).unwrap_or(0)];
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or(""))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Id {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        if text.len() != 26 || text.as_bytes()[0] > b'7' {
            return Err(BadId);
        }
        text.bytes()
            .try_fold(0_u128, |value, letter| {
                let upper = letter.to_ascii_uppercase();
                let digit = ALPHABET
                    .iter()
                    .position(|&known| known == upper)
                    .ok_or(BadId)?;
                Ok((value << 5) | digit as u128)
            })
            .map(Self)
    }
}

impl Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SeededChance, SetClock};

    #[test]
    fn text_reads_back_and_time_sorts() {
        let clock = SetClock::at(Moment::from_seconds(1_700_000_000));
        let chance = SeededChance::new(1);
        let first = Id::new(&clock, &chance);
        clock.advance(1);
        let second = Id::new(&clock, &chance);
        let (before, after) = (
            Id::first_at(Moment::from_seconds(1_700_000_000)),
            clock.now(),
        );
        assert!(before <= first && first < Id::first_at(after) && Id::first_at(after) <= second);
        assert!(first < second && first.to_string() < second.to_string());
        assert_eq!(first.to_string().parse(), Ok(first));
        assert_eq!(first.at().seconds(), 1_700_000_000);
        assert_eq!("ZZZZZZZZZZZZZZZZZZZZZZZZZZ".parse::<Id>(), Err(BadId));
    }
}
