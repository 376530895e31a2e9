//! Chance as a parameter: the machine's randomness, or a sequence that repeats from a seed.

use std::sync::Mutex;

use aws_lc_rs::digest;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};

use crate::Moment;

/// Gives random bytes.
pub trait Chance: Send + Sync {
    /// Fills `buffer` with random bytes.
    fn fill(&self, buffer: &mut [u8]);

    /// Fills `buffer` with random bytes for a name: unique and not to be guessed, but no key and no secret. They may have
    /// been drawn ahead, which is cheaper.
    fn name(&self, buffer: &mut [u8]) {
        self.fill(buffer);
    }

    /// Thirty-two random bytes as text that is safe in URLs, cookies and file names (52 base32 characters).
    fn token(&self) -> String {
        let mut bytes = [0_u8; 32];
        self.fill(&mut bytes);
        data_encoding::BASE32_NOPAD
            .encode(&bytes)
            .to_ascii_lowercase()
    }

    /// A random number below `limit`, which must be above zero; the bias is below 2^-32.
    fn below(&self, limit: u32) -> u32 {
        let mut bytes = [0_u8; 8];
        self.fill(&mut bytes);
        u32::try_from(u64::from_be_bytes(bytes) % u64::from(limit.max(1))).unwrap_or(0)
    }

    /// A random UUID (RFC 9562, version 4) in lower case.
    fn uuid(&self) -> String {
        let mut bytes = [0_u8; 16];
        self.name(&mut bytes);
        uuid_text(bytes, 4)
    }

    /// A UUID that sorts by the time it was made (RFC 9562, version 7) in lower case: 48 bits of milliseconds and 74 bits
    /// of chance. An index of such numbers grows at its end, where one of random numbers is written all over.
    fn uuid_at(&self, moment: Moment) -> String {
        let mut bytes = [0_u8; 16];
        self.name(&mut bytes[6..]);
        let millis = moment.millis().max(0).to_be_bytes();
        bytes[..6].copy_from_slice(&millis[2..]);
        uuid_text(bytes, 7)
    }
}

fn uuid_text(mut bytes: [u8; 16], version: u8) -> String {
    bytes[6] = (bytes[6] & 0x0f) | (version << 4);
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let mut text = [b'-'; 36];
    let mut hex = [0_u8; 32];
    data_encoding::HEXLOWER.encode_mut(&bytes, &mut hex);
    for (from, to) in [
        (0..8, 0),
        (8..12, 9),
        (12..16, 14),
        (16..20, 19),
        (20..32, 24),
    ] {
        text[to..to + from.len()].copy_from_slice(&hex[from]);
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// Bytes drawn ahead for names: some dozen names at once cost hardly more than one.
const AHEAD: usize = 512;

/// The operating system's randomness, through the binary's one crypto provider.
#[derive(Default)]
pub struct SystemChance {
    random: SystemRandom,
    /// Bytes for names; each is given out once.
    ahead: Mutex<Vec<u8>>,
}

impl std::fmt::Debug for SystemChance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SystemChance")
    }
}

/// A repeatable sequence: SHA-256 of the seed and a counter. For the simulated country and for tests, never for keys in use.
#[derive(Debug)]
pub struct SeededChance {
    state: Mutex<(u64, u64)>,
}

impl SeededChance {
    /// The sequence that belongs to `seed`.
    pub fn new(seed: u64) -> Self {
        Self {
            state: Mutex::new((seed, 0)),
        }
    }
}

impl Chance for SystemChance {
    fn fill(&self, buffer: &mut [u8]) {
        self.random
            .fill(buffer)
            .expect("the operating system gives randomness, or nothing secure can go on");
    }

    fn name(&self, buffer: &mut [u8]) {
        if buffer.len() > AHEAD {
            return self.fill(buffer);
        }
        let lock = self.ahead.lock();
        let mut ahead = lock.unwrap_or_else(std::sync::PoisonError::into_inner);
        if ahead.len() < buffer.len() {
            ahead.resize(AHEAD, 0);
            self.fill(&mut ahead);
        }
        let from = ahead.len() - buffer.len();
        buffer.copy_from_slice(&ahead[from..]);
        ahead.truncate(from);
    }
}

impl Chance for SeededChance {
    fn fill(&self, buffer: &mut [u8]) {
        let mut state = self
            .state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        for chunk in buffer.chunks_mut(32) {
            let mut context = digest::Context::new(&digest::SHA256);
            context.update(&state.0.to_be_bytes());
            context.update(&state.1.to_be_bytes());
            state.1 += 1;
            chunk.copy_from_slice(&context.finish().as_ref()[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_drawn_ahead_are_given_out_once() {
        let chance = SystemChance::default();
        let mut met = std::collections::HashSet::new();
        for _ in 0..1_000 {
            let mut name = [0_u8; 10];
            chance.name(&mut name);
            assert!(met.insert(name));
        }
        let mut long = [0_u8; AHEAD + 1];
        chance.name(&mut long);
        assert_ne!(long, [0; AHEAD + 1]);
    }

    #[test]
    fn a_seed_repeats_and_another_differs() {
        let (a, b, c) = (
            SeededChance::new(7),
            SeededChance::new(7),
            SeededChance::new(8),
        );
        let (ta, tb, tc) = (a.token(), b.token(), c.token());
        assert_eq!(ta, tb);
        assert_ne!(ta, tc);
        assert_ne!(a.token(), ta);
    }

    #[test]
    fn uuids_carry_their_version() {
        let uuid = SystemChance::default().uuid();
        assert_eq!((uuid.len(), &uuid[14..15]), (36, "4"));
    }

    /// The moment and the text of RFC 9562, appendix A.6.
    #[test]
    fn uuids_of_a_moment_sort_by_it() {
        let chance = SystemChance::default();
        let uuid = chance.uuid_at(Moment(0x017f_22e2_79b0 * 1_000));
        assert_eq!((uuid.len(), &uuid[..15]), (36, "017f22e2-79b0-7"));
        assert!(b"89ab".contains(&uuid.as_bytes()[19]), "{uuid}");
        assert!(uuid < chance.uuid_at(Moment(0x017f_22e2_79b1 * 1_000)));
        assert_ne!(uuid, chance.uuid_at(Moment(0x017f_22e2_79b0 * 1_000)));
    }
}
