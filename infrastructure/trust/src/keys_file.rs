//! Key files: one JSON file per key, sealed with AES-256-GCM, and a header file that fixes how the wrapping key is
//! derived.
//!
//! Read by `keys.rs` alone. Each key file has its own random key, which is wrapped under a key derived from the
//! passphrase with Argon2id (RFC 9106). The label, generation, kind and public key are bound as associated data, so a
//! file that was renamed or edited is refused. Files are written beside their place, synced, renamed, and the folder
//! synced: after a power cut a key is there whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use data_encoding::BASE64;
use kernel::{Chance, SystemChance};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::error::TrustError;
use crate::keys::{Algorithm, KeyEntry, Passphrase};

/// Longest label: it becomes a file name, and the shortest common limit of those is far above.
pub const LABEL_BYTES_MAX: usize = 64;
/// Largest key file read; an RSA-2048 key takes about 3 kB.
const FILE_BYTES_MAX: u64 = 16 * 1024;
/// Most keys in one store; a body has under a hundred, an authority's officials some thousand.
const KEYS_MAX: usize = 10_000;
/// Most memory that a header may ask for, so that a changed header can't exhaust the machine: 1 GiB.
const MEMORY_KIB_MAX: u32 = 1024 * 1024;
/// Most passes that a header may ask for.
const PASSES_MAX: u32 = 32;
/// Room for this many blocks of a KiB is asked for at least, of which only the needed ones are touched. glibc gives what
/// is larger than 32 MiB pages of its own and takes them back at once; anything smaller stays with the process, and one
/// that opens the keys of many bodies would keep 19 MiB for each.
const OWN_PAGES_BLOCKS: usize = 33 * 1024;
const FORMAT: &str = "tambo-keys-1";
const HEADER: &str = "store.json";

/// What deriving the wrapping key costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    memory_kib: u32,
    passes: u32,
}

impl Default for Cost {
    /// 19 MiB and two passes, the second choice of RFC 9106's successors in practice (OWASP): about 30 ms.
    fn default() -> Self {
        Self {
            memory_kib: 19 * 1024,
            passes: 2,
        }
    }
}

impl Cost {
    /// The least that Argon2 takes: only for tests and a simulated country, whose keys protect nothing.
    pub const fn light() -> Self {
        Self {
            memory_kib: 8,
            passes: 1,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: String,
    salt: String,
    memory_kib: u32,
    passes: u32,
    check: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    format: String,
    label: String,
    generation: u32,
    algorithm: Algorithm,
    spki: String,
    wrapped: String,
    sealed: String,
}

/// A folder of sealed keys, opened.
pub(crate) struct FileKeys {
    folder: PathBuf,
    wrapping: LessSafeKey,
}

impl std::fmt::Debug for FileKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FileKeys(..)")
    }
}

fn tampered(file: &str) -> TrustError {
    TrustError::TamperedKey {
        file: file.to_owned(),
    }
}

fn aead(key: &[u8]) -> Result<LessSafeKey, TrustError> {
    UnboundKey::new(&AES_256_GCM, key)
        .map(LessSafeKey::new)
        .map_err(|_| TrustError::Provider { what: "take a key" })
}

/// Seals `plain`: nonce, ciphertext, tag, in base64.
fn seal(key: &LessSafeKey, bound: &[u8], plain: &[u8]) -> Result<String, TrustError> {
    let mut nonce = [0; NONCE_LEN];
    SystemChance::default().fill(&mut nonce);
    let mut sealed = Zeroizing::new(plain.to_vec());
    let nonce_value = Nonce::assume_unique_for_key(nonce);
    key.seal_in_place_append_tag(nonce_value, Aad::from(bound), &mut *sealed)
        .map_err(|_| TrustError::Provider { what: "seal" })?;
    Ok(BASE64.encode(&[&nonce[..], &sealed].concat()))
}

/// Opens what `seal` gave; `None` for anything else.
fn unseal(key: &LessSafeKey, bound: &[u8], sealed: &str) -> Option<Zeroizing<Vec<u8>>> {
    let bytes = BASE64.decode(sealed.as_bytes()).ok()?;
    let (nonce, body) = bytes.split_first_chunk::<NONCE_LEN>()?;
    let mut body = Zeroizing::new(body.to_vec());
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let length = key
        .open_in_place(nonce, Aad::from(bound), &mut body)
        .ok()?
        .len();
    body.truncate(length);
    Some(body)
}

fn derive(passphrase: &Passphrase, salt: &[u8], cost: Cost) -> Result<LessSafeKey, TrustError> {
    let failed = |_| TrustError::Provider {
        what: "derive the wrapping key",
    };
    let params = argon2::Params::new(cost.memory_kib, cost.passes, 1, Some(32)).map_err(failed)?;
    let argon = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let blocks = argon.params().block_count();
    let mut memory = Vec::with_capacity(blocks.max(OWN_PAGES_BLOCKS));
    memory.resize(blocks, argon2::Block::default());
    let mut key = Zeroizing::new([0_u8; 32]);
    argon
        .hash_password_into_with_memory(passphrase.bytes(), salt, &mut key[..], &mut memory[..])
        .map_err(failed)?;
    aead(&key[..])
}

impl Header {
    fn bound(salt: &str, cost: Cost) -> Vec<u8> {
        format!("{FORMAT}|{salt}|{}|{}", cost.memory_kib, cost.passes).into_bytes()
    }

    fn make(passphrase: &Passphrase, cost: Cost) -> Result<(Self, LessSafeKey), TrustError> {
        let mut salt = [0; 16];
        SystemChance::default().fill(&mut salt);
        let key = derive(passphrase, &salt, cost)?;
        let salt = BASE64.encode(&salt);
        let check = seal(&key, &Self::bound(&salt, cost), FORMAT.as_bytes())?;
        let format = FORMAT.to_owned();
        let Cost { memory_kib, passes } = cost;
        Ok((
            Self {
                format,
                salt,
                memory_kib,
                passes,
                check,
            },
            key,
        ))
    }

    fn unlock(&self, passphrase: &Passphrase) -> Result<LessSafeKey, TrustError> {
        let salt = BASE64
            .decode(self.salt.as_bytes())
            .map_err(|_| tampered(HEADER))?;
        let in_bounds = self.memory_kib <= MEMORY_KIB_MAX && self.passes <= PASSES_MAX;
        if self.format != FORMAT || !in_bounds || salt.len() < 8 {
            return Err(tampered(HEADER));
        }
        let cost = Cost {
            memory_kib: self.memory_kib,
            passes: self.passes,
        };
        let key = derive(passphrase, &salt, cost)?;
        unseal(&key, &Self::bound(&self.salt, cost), &self.check)
            .ok_or(TrustError::WrongPassphrase)?;
        Ok(key)
    }
}

impl KeyFile {
    /// Everything but the sealed parts, with lengths, so that no two files bind alike.
    fn bound(entry: &KeyEntry) -> Vec<u8> {
        let KeyEntry {
            label,
            generation,
            algorithm,
            spki,
        } = entry;
        let head = format!(
            "{FORMAT}|{}|{label}|{generation}|{algorithm:?}|",
            label.len()
        );
        [head.as_bytes(), spki].concat()
    }
}

impl FileKeys {
    pub(crate) fn open(folder: &Path, pass: &Passphrase, cost: Cost) -> Result<Self, TrustError> {
        fs::create_dir_all(folder)?;
        let place = folder.join(HEADER);
        if !place.exists() {
            let (header, wrapping) = Header::make(pass, cost)?;
            if write_synced(folder, HEADER, &json(&header)?)? {
                return Ok(Self::new(folder, wrapping));
            }
        }
        let header: Header =
            serde_json::from_str(&read_small(&place)?).map_err(|_| tampered(HEADER))?;
        Ok(Self::new(folder, header.unlock(pass)?))
    }

    fn new(folder: &Path, wrapping: LessSafeKey) -> Self {
        Self {
            folder: folder.to_owned(),
            wrapping,
        }
    }

    /// All keys, sorted by label and generation. Reads no secret.
    pub(crate) fn list(&self) -> Result<Vec<KeyEntry>, TrustError> {
        let mut found = Vec::new();
        for item in fs::read_dir(&self.folder)? {
            let name = item?.file_name().to_string_lossy().into_owned();
            let Some((label, generation)) = split_name(&name) else {
                continue;
            };
            if found.len() == KEYS_MAX {
                return Err(TrustError::TooLarge {
                    what: "key store",
                    limit: KEYS_MAX,
                });
            }
            found.push(self.parse(label, generation)?.0);
        }
        found.sort_by(|a, b| (&a.label, a.generation).cmp(&(&b.label, b.generation)));
        Ok(found)
    }

    /// The newest key of `label`. Looks at names alone, then reads one file.
    pub(crate) fn newest(&self, label: &str) -> Result<Option<KeyEntry>, TrustError> {
        check_label(label)?;
        let mut newest = None;
        for item in fs::read_dir(&self.folder)? {
            let name = item?.file_name().to_string_lossy().into_owned();
            match split_name(&name) {
                Some((found, generation)) if found == label => {
                    newest = newest.max(Some(generation));
                }
                _ => {}
            }
        }
        newest
            .map(|generation| Ok(self.parse(label, generation)?.0))
            .transpose()
    }

    pub(crate) fn write(&self, entry: &KeyEntry, pkcs8: &[u8]) -> Result<(), TrustError> {
        check_label(&entry.label)?;
        let name = file_name(&entry.label, entry.generation);
        let bound = KeyFile::bound(entry);
        let mut file_key = Zeroizing::new([0_u8; 32]);
        SystemChance::default().fill(&mut file_key[..]);
        let file = KeyFile {
            format: FORMAT.to_owned(),
            label: entry.label.clone(),
            generation: entry.generation,
            algorithm: entry.algorithm,
            spki: BASE64.encode(&entry.spki),
            wrapped: seal(&self.wrapping, &bound, &file_key[..])?,
            sealed: seal(&aead(&file_key[..])?, &bound, pkcs8)?,
        };
        if !write_synced(&self.folder, &name, &json(&file)?)? {
            let label = entry.label.clone();
            return Err(TrustError::Key {
                label,
                why: "exists already",
            });
        }
        Ok(())
    }

    pub(crate) fn read(&self, entry: &KeyEntry) -> Result<Zeroizing<Vec<u8>>, TrustError> {
        let (found, file) = self.parse(&entry.label, entry.generation)?;
        let bound = KeyFile::bound(&found);
        let bad = || tampered(&file_name(&entry.label, entry.generation));
        let file_key = unseal(&self.wrapping, &bound, &file.wrapped).ok_or_else(bad)?;
        unseal(&aead(&file_key)?, &bound, &file.sealed).ok_or_else(bad)
    }

    /// Reads a key file without opening what is sealed; its name and its content must agree.
    fn parse(&self, label: &str, generation: u32) -> Result<(KeyEntry, KeyFile), TrustError> {
        let name = file_name(label, generation);
        let bad = || tampered(&name);
        let text = read_small(&self.folder.join(&name))?;
        let file: KeyFile = serde_json::from_str(&text).map_err(|_| bad())?;
        if file.format != FORMAT || file.label != label || file.generation != generation {
            return Err(bad());
        }
        let spki = BASE64.decode(file.spki.as_bytes()).map_err(|_| bad())?;
        let label = label.to_owned();
        Ok((
            KeyEntry {
                label,
                generation,
                algorithm: file.algorithm,
                spki,
            },
            file,
        ))
    }
}

fn file_name(label: &str, generation: u32) -> String {
    format!("{label}@{generation}.key")
}

fn split_name(name: &str) -> Option<(&str, u32)> {
    let (label, generation) = name.strip_suffix(".key")?.split_once('@')?;
    Some((label, generation.parse().ok()?))
}

fn check_label(label: &str) -> Result<(), TrustError> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
    let starts_well = label
        .bytes()
        .next()
        .is_some_and(|b| b.is_ascii_alphanumeric());
    if starts_well && label.len() <= LABEL_BYTES_MAX && label.bytes().all(plain) {
        return Ok(());
    }
    let why = "is no label: 1 to 64 of a-z, 0-9, '-', '_' and '.', the first a letter or digit";
    Err(TrustError::Key {
        label: label.chars().take(LABEL_BYTES_MAX).collect(),
        why,
    })
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, TrustError> {
    let mut bytes =
        serde_json::to_vec(value).map_err(|_| TrustError::malformed("key file to write"))?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn read_small(place: &Path) -> Result<String, TrustError> {
    let name = place
        .file_name()
        .map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    if fs::metadata(place)?.len() > FILE_BYTES_MAX {
        return Err(tampered(&name));
    }
    String::from_utf8(fs::read(place)?).map_err(|_| tampered(&name))
}

/// Writes a file that only its owner may read, so that it is whole on disk when this returns. Tells `false`, and
/// leaves everything as it was, if one of that name is there already, also if another process made it just now.
fn write_synced(folder: &Path, name: &str, content: &[u8]) -> Result<bool, TrustError> {
    let place = folder.join(name);
    let beside = folder.join(format!(
        "{name}.{}.new",
        &SystemChance::default().token()[..8]
    ));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    file.write_all(content)?;
    file.sync_all()?;
    let made = match fs::hard_link(&beside, &place) {
        Ok(()) => fs::remove_file(&beside).map(|()| true),
        Err(cause) if cause.kind() == ErrorKind::AlreadyExists => {
            fs::remove_file(&beside).map(|()| false)
        }
        // A disk without hard links, such as a memory stick: one process at a time has to do.
        Err(_) => fs::rename(&beside, &place).map(|()| true),
    }?;
    File::open(folder)?.sync_all()?;
    Ok(made)
}
