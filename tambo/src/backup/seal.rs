//! A sealed stream: what `backup` writes and `restore` and `verify` read.
//!
//! Form: `tambo backup 1\n`, 16 bytes of salt, then chunks of a 4-byte big-endian length and AES-256-GCM ciphertext.
//! Chunk n is sealed under nonce n, with the salt and a mark for the last chunk as associated data, so that a byte
//! changed, a chunk moved or an end cut off is found and its place is told. The key is argon2id of the passphrase.

use std::io::{self, Read, Write};

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use kernel::Chance;
use zeroize::Zeroizing;

/// First bytes of a backup.
pub const MAGIC: &[u8; 15] = b"tambo backup 1\n";
/// Plain bytes in a chunk: small enough for an old machine, large enough to be fast.
const CHUNK_BYTES: usize = 256 * 1024;
/// Longest sealed chunk that is read: a chunk and its tag.
const SEALED_BYTES_MAX: usize = CHUNK_BYTES + 16;
const SALT_BYTES: usize = 16;
/// argon2id: 19 MiB, 2 passes, 1 lane (OWASP's minimum), about 30 ms.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);

fn key(passphrase: &str, salt: &[u8]) -> io::Result<LessSafeKey> {
    let params = Params::new(COST.0, COST.1, COST.2, Some(32)).map_err(io::Error::other)?;
    let mut bytes = Zeroizing::new([0_u8; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, bytes.as_mut())
        .map_err(io::Error::other)?;
    let unbound = UnboundKey::new(&AES_256_GCM, bytes.as_ref()).map_err(io::Error::other)?;
    Ok(LessSafeKey::new(unbound))
}

fn nonce(count: u64) -> Nonce {
    let mut bytes = [0_u8; NONCE_LEN];
    bytes[4..].copy_from_slice(&count.to_be_bytes());
    Nonce::assume_unique_for_key(bytes)
}

fn associated(salt: &[u8], last: bool) -> Aad<Vec<u8>> {
    Aad::from([MAGIC.as_slice(), salt, &[u8::from(last)]].concat())
}

/// Seals what is written to it. Call [`Sealer::finish`]: without it the stream has no end and is refused.
pub struct Sealer<W: Write> {
    out: W,
    key: LessSafeKey,
    salt: Vec<u8>,
    pending: Vec<u8>,
    count: u64,
}

impl<W: Write> Sealer<W> {
    /// Begins a stream into `out`.
    ///
    /// # Errors
    /// `out` fails.
    pub fn new(mut out: W, passphrase: &str, chance: &dyn Chance) -> io::Result<Self> {
        let mut salt = vec![0_u8; SALT_BYTES];
        chance.fill(&mut salt);
        out.write_all(MAGIC)?;
        out.write_all(&salt)?;
        Ok(Self {
            out,
            key: key(passphrase, &salt)?,
            salt,
            pending: Vec::new(),
            count: 0,
        })
    }

    /// Seals the last chunk and gives `out` back.
    ///
    /// # Errors
    /// `out` fails.
    pub fn finish(mut self) -> io::Result<W> {
        let rest = std::mem::take(&mut self.pending);
        self.chunk(rest, true)?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn chunk(&mut self, mut plain: Vec<u8>, last: bool) -> io::Result<()> {
        self.key
            .seal_in_place_append_tag(nonce(self.count), associated(&self.salt, last), &mut plain)
            .map_err(io::Error::other)?;
        self.count += 1;
        let length = u32::try_from(plain.len()).map_err(io::Error::other)?;
        self.out.write_all(&length.to_be_bytes())?;
        self.out.write_all(&plain)
    }
}

impl<W: Write> Write for Sealer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pending.extend_from_slice(bytes);
        while self.pending.len() > CHUNK_BYTES {
            let rest = self.pending.split_off(CHUNK_BYTES);
            let full = std::mem::replace(&mut self.pending, rest);
            self.chunk(full, false)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens a sealed stream and gives its plain bytes; an error says at which byte of the file the damage begins.
pub struct Opener<R: Read> {
    input: R,
    key: LessSafeKey,
    salt: Vec<u8>,
    plain: Vec<u8>,
    taken: usize,
    count: u64,
    place: u64,
    ended: bool,
}

impl<R: Read> Opener<R> {
    /// Begins to read a stream.
    ///
    /// # Errors
    /// It doesn't begin like a backup, or `input` fails.
    pub fn new(mut input: R, passphrase: &str) -> io::Result<Self> {
        let mut head = [0_u8; MAGIC.len() + SALT_BYTES];
        input
            .read_exact(&mut head)
            .map_err(|_| damaged(0, "too short for a backup"))?;
        let (magic, salt) = head.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err(damaged(0, "not a backup of this program"));
        }
        Ok(Self {
            input,
            key: key(passphrase, salt)?,
            salt: salt.to_vec(),
            plain: Vec::new(),
            taken: 0,
            count: 0,
            place: head.len() as u64,
            ended: false,
        })
    }

    fn next_chunk(&mut self) -> io::Result<()> {
        let mut length = [0_u8; 4];
        self.input
            .read_exact(&mut length)
            .map_err(|_| damaged(self.place, "the end is missing"))?;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if !(16..=SEALED_BYTES_MAX).contains(&length) {
            return Err(damaged(self.place, "a chunk has an impossible length"));
        }
        let mut sealed = vec![0_u8; length];
        self.input
            .read_exact(&mut sealed)
            .map_err(|_| damaged(self.place, "the end is missing"))?;
        let (plain, last) = self.open(sealed)?;
        self.place += 4 + length as u64;
        self.count += 1;
        self.ended = last;
        if last && self.input.read(&mut [0_u8; 1])? != 0 {
            return Err(damaged(self.place, "something follows the end"));
        }
        (self.plain, self.taken) = (plain, 0);
        Ok(())
    }

    fn open(&self, sealed: Vec<u8>) -> io::Result<(Vec<u8>, bool)> {
        for last in [false, true] {
            let mut bytes = sealed.clone();
            let opened =
                self.key
                    .open_in_place(nonce(self.count), associated(&self.salt, last), &mut bytes);
            if let Ok(plain) = opened {
                return Ok((plain.to_vec(), last));
            }
        }
        let problem = match self.count {
            0 => "wrong passphrase, or the archive was changed",
            _ => "the archive was changed here",
        };
        Err(damaged(self.place, problem))
    }
}

fn damaged(place: u64, problem: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("byte {place}: {problem}"),
    )
}

impl<R: Read> Read for Opener<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.plain.len() {
            if self.ended {
                return Ok(0);
            }
            self.next_chunk()?;
        }
        let count = out.len().min(self.plain.len() - self.taken);
        out[..count].copy_from_slice(&self.plain[self.taken..self.taken + count]);
        self.taken += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use kernel::SeededChance;

    use super::*;

    fn sealed(plain: &[u8]) -> Vec<u8> {
        let mut sealer = Sealer::new(Vec::new(), "secret", &SeededChance::new(1)).expect("memory");
        sealer.write_all(plain).expect("memory");
        sealer.finish().expect("memory")
    }

    fn opened(bytes: &[u8], passphrase: &str) -> io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        Opener::new(bytes, passphrase)?.read_to_end(&mut plain)?;
        Ok(plain)
    }

    #[test]
    fn what_was_sealed_opens_again() {
        for size in [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES] {
            let plain: Vec<u8> = (0..size).map(|n| n.to_le_bytes()[0]).collect();
            assert_eq!(
                opened(&sealed(&plain), "secret").expect("opens"),
                plain,
                "{size}"
            );
        }
        assert!(opened(&sealed(b"x"), "other").is_err());
    }

    #[test]
    fn any_changed_byte_and_any_cut_is_found_with_its_place() {
        let whole = sealed(&vec![7_u8; CHUNK_BYTES + 100]);
        let places = [
            0,
            20,
            31,
            40,
            1_000,
            CHUNK_BYTES,
            CHUNK_BYTES + 60,
            whole.len() - 1,
        ];
        for place in places {
            let mut changed = whole.clone();
            changed[place] ^= 1;
            let error = opened(&changed, "secret").expect_err("changed").to_string();
            assert!(error.starts_with("byte "), "{error}");
        }
        for length in [0, 14, 30, 33, 500, CHUNK_BYTES + 51, whole.len() - 1] {
            assert!(
                opened(&whole[..length], "secret").is_err(),
                "cut at {length}"
            );
        }
        assert!(
            opened(&[whole.as_slice(), b"x"].concat(), "secret").is_err(),
            "longer"
        );
    }
}
