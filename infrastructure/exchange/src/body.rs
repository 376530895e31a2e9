//! Bodies of messages: small ones lie in memory, large ones in a file without a name that ends with its last reader.
//!
//! Read by everything that moves a body: `systems`, `wire`, `seal`, `journal`, `forward`. A [`Spool`] takes what
//! arrives, digests it on the way, and holds it to a limit; the [`Body`] that comes out can be read any number of times,
//! piece by piece. It promises that a small body never touches the disk and that a large one never lies in memory whole.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::digest;
use bytes::Bytes;
use futures_util::stream::{self, Stream};
use trust::sigalg::Hash;

/// Largest body in memory. Nearly all answers of registries are below; 1,000 exchanges at once then hold 64 MB at most,
/// and the journal keeps bodies up to this size within their record.
pub const MEMORY_BYTES_MAX: usize = crate::record::BODY_INLINE_MAX;
/// Bytes that are read, written or sent at a time; what a message costs in memory whatever its size.
pub const PIECE: usize = 128 * 1024;
/// Length of a SHA-512 digest.
const SHA512_BYTES: usize = 64;

/// A body, complete and unchangeable. Clones share the bytes.
#[derive(Clone)]
pub struct Body(Arc<Inner>);

struct Inner {
    held: Held,
    length: u64,
    sha512: [u8; SHA512_BYTES],
}

enum Held {
    Memory(Bytes),
    File(File),
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Body({} bytes)", self.0.length)
    }
}

impl PartialEq for Body {
    fn eq(&self, other: &Self) -> bool {
        self.0.length == other.0.length && self.0.sha512 == other.0.sha512
    }
}

impl Eq for Body {}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::from(Bytes::from(bytes))
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        let sha512 = sha512(digest::digest(&digest::SHA512, &bytes));
        let length = bytes.len() as u64;
        let held = Held::Memory(bytes);
        Self(Arc::new(Inner {
            held,
            length,
            sha512,
        }))
    }
}

fn sha512(digest: digest::Digest) -> [u8; SHA512_BYTES] {
    digest.as_ref().try_into().expect("SHA-512 gives 64 bytes")
}

impl Body {
    /// How many bytes.
    pub fn len(&self) -> u64 {
        self.0.length
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.length == 0
    }

    /// SHA-512 of the bytes, computed when they came.
    pub fn sha512(&self) -> &[u8] {
        &self.0.sha512
    }

    /// The bytes, if they lie in memory. What reads questions and facts takes no others.
    pub fn in_memory(&self) -> Option<&[u8]> {
        match &self.0.held {
            Held::Memory(bytes) => Some(bytes),
            Held::File(_) => None,
        }
    }

    /// The digest of the bytes; large bodies are read again for any other than SHA-512. Nothing if they can't be read.
    pub fn digest(&self, hash: Hash) -> Option<Vec<u8>> {
        match (hash, &self.0.held) {
            (Hash::Sha512, _) => Some(self.0.sha512.to_vec()),
            (_, Held::Memory(bytes)) => Some(hash.digest(bytes)),
            (_, Held::File(_)) => {
                let algorithm = match hash {
                    Hash::Sha256 => &digest::SHA256,
                    Hash::Sha384 => &digest::SHA384,
                    Hash::Sha512 => &digest::SHA512,
                };
                let mut context = digest::Context::new(algorithm);
                for piece in self.blocking_pieces() {
                    context.update(&piece.ok()?);
                }
                Some(context.finish().as_ref().to_vec())
            }
        }
    }

    /// All bytes at once; for what is known to be small, and for containers.
    ///
    /// # Errors
    /// The file can't be read.
    pub async fn to_vec(&self) -> io::Result<Vec<u8>> {
        let mut whole = Vec::with_capacity(usize::try_from(self.0.length).unwrap_or(0));
        for at in self.places() {
            whole.extend_from_slice(&self.piece(at).await?);
        }
        Ok(whole)
    }

    /// The bytes as they are sent, one piece after the other.
    pub fn pieces(&self) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
        let body = self.clone();
        stream::unfold((body, 0_u64), |(body, at)| async move {
            if at >= body.0.length {
                return None;
            }
            let piece = body.piece(at).await;
            let next = match &piece {
                Ok(bytes) => at + bytes.len() as u64,
                Err(_) => u64::MAX,
            };
            Some((piece, (body, next)))
        })
    }

    /// The piece that begins at `at`; the whole body if it lies in memory.
    ///
    /// # Errors
    /// The file can't be read.
    pub async fn piece(&self, at: u64) -> io::Result<Bytes> {
        if let Held::Memory(bytes) = &self.0.held {
            return Ok(bytes.slice(usize::try_from(at).unwrap_or(bytes.len()).min(bytes.len())..));
        }
        let body = self.clone();
        blocking(move || body.read_piece(at)).await
    }

    /// The pieces, read on this thread.
    fn blocking_pieces(&self) -> impl Iterator<Item = io::Result<Bytes>> {
        self.places().map(|at| self.read_piece(at))
    }

    fn places(&self) -> impl Iterator<Item = u64> + use<> {
        let step = match self.0.held {
            Held::Memory(_) => usize::MAX,
            Held::File(_) => PIECE,
        };
        (0..self.0.length).step_by(step)
    }

    fn read_piece(&self, at: u64) -> io::Result<Bytes> {
        let file = match &self.0.held {
            Held::Memory(bytes) => return Ok(bytes.clone()),
            Held::File(file) => file,
        };
        let left = self.0.length.saturating_sub(at);
        let mut piece = vec![0; usize::try_from(left).unwrap_or(PIECE).min(PIECE)];
        file.read_exact_at(&mut piece, at)?;
        Ok(piece.into())
    }
}

/// Bytes in memory that are digested once, when somebody first asks; they never change.
#[derive(Clone, Default)]
pub struct Digested {
    bytes: Vec<u8>,
    sha512: OnceLock<[u8; SHA512_BYTES]>,
}

impl Digested {
    /// SHA-512 of the bytes.
    pub fn sha512(&self) -> &[u8; SHA512_BYTES] {
        self.sha512
            .get_or_init(|| sha512(digest::digest(&digest::SHA512, &self.bytes)))
    }

    /// The digest of the bytes.
    pub fn digest(&self, hash: Hash) -> Vec<u8> {
        match hash {
            Hash::Sha512 => self.sha512().to_vec(),
            _ => hash.digest(&self.bytes),
        }
    }

    /// The bytes alone.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl From<Vec<u8>> for Digested {
    fn from(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            sha512: OnceLock::new(),
        }
    }
}

impl std::ops::Deref for Digested {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl std::fmt::Debug for Digested {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Digested({} bytes)", self.bytes.len())
    }
}

impl PartialEq for Digested {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Digested {}

/// The bytes of a body that is expected to be small; nothing if there is none or it is not.
pub fn small(body: Option<&Body>) -> &[u8] {
    body.and_then(Body::in_memory).unwrap_or_default()
}

/// Why a body could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// Over the limit of a body.
    #[error("the body is over this node's limit")]
    TooLarge,
    /// The folder for large bodies can't be written: full, most likely.
    #[error("this node has no room for the body: {0}")]
    NoRoom(io::Error),
}

/// Where large bodies of this node lie while they are under way, and how large they may be.
#[derive(Clone, Debug)]
pub struct SpoolRoom {
    folder: Arc<Path>,
    max: u64,
}

impl SpoolRoom {
    /// Bodies up to `max` bytes, the large ones in `folder`.
    pub fn new(folder: &Path, max: usize) -> Self {
        Self {
            folder: folder.into(),
            max: max as u64,
        }
    }

    /// The largest body.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// Takes up one body.
    pub fn spool(&self) -> Spool {
        Spool {
            room: self.clone(),
            memory: Vec::new(),
            file: None,
            written: 0,
            context: digest::Context::new(&digest::SHA512),
        }
    }
}

/// A body that is arriving.
pub struct Spool {
    room: SpoolRoom,
    /// What is not in the file yet.
    memory: Vec<u8>,
    file: Option<Arc<File>>,
    /// How much the file holds.
    written: u64,
    context: digest::Context,
}

impl Spool {
    /// How many bytes came so far.
    pub fn len(&self) -> u64 {
        self.written + self.memory.len() as u64
    }

    /// Whether none came so far.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`SpoolError`]; the spool is of no use afterwards.
    pub async fn push(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
        if self.len() + bytes.len() as u64 > self.room.max {
            return Err(SpoolError::TooLarge);
        }
        self.context.update(bytes);
        self.memory.extend_from_slice(bytes);
        let keep = match self.file {
            None => MEMORY_BYTES_MAX,
            Some(_) => PIECE,
        };
        if self.memory.len() > keep {
            self.write_out().await.map_err(SpoolError::NoRoom)?;
        }
        Ok(())
    }

    /// Ends the body.
    ///
    /// # Errors
    /// [`SpoolError::NoRoom`].
    pub async fn finish(mut self) -> Result<Body, SpoolError> {
        if self.file.is_some() && !self.memory.is_empty() {
            self.write_out().await.map_err(SpoolError::NoRoom)?;
        }
        let length = self.len();
        let held = match self.file.take() {
            None => Held::Memory(Bytes::from(std::mem::take(&mut self.memory))),
            Some(file) => Held::File(Arc::into_inner(file).ok_or_else(|| {
                SpoolError::NoRoom(io::Error::other("the file is still being written"))
            })?),
        };
        let sha512 = sha512(self.context.finish());
        Ok(Body(Arc::new(Inner {
            held,
            length,
            sha512,
        })))
    }

    async fn write_out(&mut self) -> io::Result<()> {
        let bytes = std::mem::take(&mut self.memory);
        let (file, folder, at) = (self.file.take(), self.room.folder.clone(), self.written);
        let length = bytes.len() as u64;
        let file = blocking(move || {
            let file = match file {
                Some(file) => file,
                None => Arc::new(nameless(&folder)?),
            };
            file.write_all_at(&bytes, at)?;
            Ok(file)
        })
        .await?;
        self.written += length;
        self.file = Some(file);
        Ok(())
    }
}

/// A file without a name in `folder`: it is gone when it is closed, also if the process dies.
fn nameless(folder: &Path) -> io::Result<File> {
    std::fs::create_dir_all(folder)?;
    tempfile::tempfile_in(folder)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt;
    use proptest::prelude::*;

    use super::*;

    async fn spooled(room: &SpoolRoom, pieces: &[Vec<u8>]) -> Result<Body, SpoolError> {
        let mut spool = room.spool();
        for piece in pieces {
            spool.push(piece).await?;
        }
        spool.finish().await
    }

    fn files(folder: &Path) -> usize {
        std::fs::read_dir(folder).map_or(0, Iterator::count)
    }

    #[tokio::test]
    async fn small_bodies_touch_no_disk_and_large_ones_leave_none() {
        let folder = tempfile::tempdir().unwrap();
        let room = SpoolRoom::new(&folder.path().join("absent"), 1 << 30);
        let small = spooled(&room, &[vec![7; MEMORY_BYTES_MAX]]).await.unwrap();
        assert!(small.in_memory().is_some() && !folder.path().join("absent").exists());
        let large = spooled(&room, &[vec![7; MEMORY_BYTES_MAX], vec![8]])
            .await
            .unwrap();
        assert!(large.in_memory().is_none());
        assert_eq!(
            (files(&folder.path().join("absent")), large.len()),
            (0, 65_537)
        );
    }

    #[tokio::test]
    async fn over_the_limit_and_without_room_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let room = SpoolRoom::new(folder.path(), 100_000);
        let told = spooled(&room, &[vec![0; 60_000], vec![0; 40_001]]).await;
        assert!(matches!(told, Err(SpoolError::TooLarge)));
        let nowhere = SpoolRoom::new(Path::new("/proc/nowhere"), 100_000);
        let told = spooled(&nowhere, &[vec![0; 70_000]]).await;
        assert!(matches!(told, Err(SpoolError::NoRoom(_))));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn what_went_in_comes_out(sizes in proptest::collection::vec(0_usize..150_000, 0..5)) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                let folder = tempfile::tempdir().unwrap();
                let room = SpoolRoom::new(folder.path(), 1 << 30);
                let byte = |at: usize| (at * 31 % 251) as u8;
                let pieces: Vec<Vec<u8>> =
                    sizes.iter().map(|&size| (0..size).map(byte).collect()).collect();
                let whole = pieces.concat();
                let body = spooled(&room, &pieces).await.unwrap();
                for hash in Hash::ALL {
                    assert_eq!(body.digest(hash), Some(hash.digest(&whole)));
                }
                let sent: Vec<Bytes> = body.pieces().try_collect().await.unwrap();
                assert_eq!(sent.concat(), whole);
                assert_eq!(body.to_vec().await.unwrap(), whole);
                assert_eq!(body, Body::from(whole));
            });
        }
    }
}
