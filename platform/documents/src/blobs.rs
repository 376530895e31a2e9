//! Files by their content: a file's name is its SHA-256, so a file is kept once and a changed one is noticed.
//!
//! Promises: a `Blob` is only given out when file and folder are on disk (fsync); what is read has been hashed again.
//! Refuses: files over the limit, empty files, files whose content is not of the declared type.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use kernel::{Chance, Fault, FaultKind};
use tokio::fs;
use tokio::io::AsyncWriteExt;

use crate::mime::{self, Kind};

/// A file that is safely on disk. Only `Blobs` makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Blob {
    /// SHA-256 of the content.
    pub sha256: [u8; 32],
    /// Length in bytes.
    pub size: u64,
    /// What the content is.
    pub kind: Kind,
    /// The name that the sender gave it; cleaned, for showing only.
    pub name: String,
}

impl Blob {
    /// The SHA-256 in lower-case hexadecimal.
    pub fn hex(&self) -> String {
        data_encoding::HEXLOWER.encode(&self.sha256)
    }
}

/// The file store of one body.
#[derive(Clone)]
pub struct Blobs {
    folder: PathBuf,
    chance: Arc<dyn Chance>,
    limit: u64,
}

impl Blobs {
    /// A store in `folder` (made if need be) for files of at most `limit` bytes. One process at a time opens a folder.
    pub fn open(folder: &Path, chance: Arc<dyn Chance>, limit: u64) -> io::Result<Self> {
        let incoming = folder.join("incoming");
        std::fs::create_dir_all(&incoming)?;
        // What a crash left half written was promised to nobody.
        for left in std::fs::read_dir(&incoming)? {
            std::fs::remove_file(left?.path())?;
        }
        Ok(Self {
            folder: folder.to_owned(),
            chance,
            limit,
        })
    }

    /// Saves `bytes`; as `save_stream`.
    pub async fn save(&self, bytes: Bytes, declared: &str, name: &str) -> Result<Blob, Fault> {
        self.save_stream(
            futures_util::stream::iter([Ok::<_, io::Error>(bytes)]),
            declared,
            name,
        )
        .await
    }

    /// Saves a stream as it comes, never holding more than one piece of it.
    ///
    /// # Errors
    /// `fault-documents-too-large`, `-empty`, `-type` for the sender; `fault-internal` if the disk fails.
    pub async fn save_stream<S, E>(
        &self,
        stream: S,
        declared: &str,
        name: &str,
    ) -> Result<Blob, Fault>
    where
        S: Stream<Item = Result<Bytes, E>> + Send,
        E: std::fmt::Display,
    {
        let part = self.folder.join("incoming").join(self.chance.token());
        let saved = self.write(&part, stream, declared, name).await;
        if saved.is_err() {
            // If even this fails, the next start clears the folder.
            let _ = fs::remove_file(&part).await;
        }
        saved
    }

    async fn write<S, E>(
        &self,
        part: &Path,
        stream: S,
        declared: &str,
        name: &str,
    ) -> Result<Blob, Fault>
    where
        S: Stream<Item = Result<Bytes, E>> + Send,
        E: std::fmt::Display,
    {
        let mut file = fs::File::create_new(part).await.map_err(Fault::internal)?;
        let mut context = digest::Context::new(&digest::SHA256);
        let mut sniffer = mime::Sniffer::default();
        let mut size = 0_u64;
        let mut stream = std::pin::pin!(stream);
        while let Some(piece) = stream.next().await {
            let piece =
                piece.map_err(|cause| Fault::invalid("fault-documents-cut").detail(cause))?;
            size += piece.len() as u64;
            if size > self.limit {
                let limit = (self.limit / (1024 * 1024)).to_string();
                return Err(Fault::new(FaultKind::TooLarge, "fault-documents-too-large")
                    .arg("limit", limit));
            }
            sniffer.feed(&piece);
            context.update(&piece);
            file.write_all(&piece).await.map_err(Fault::internal)?;
        }
        if size == 0 {
            return Err(Fault::invalid("fault-documents-empty"));
        }
        let kind = sniffer.finish(declared)?;
        // The last write is still under way here, and `sync_all` alone would keep its failure to itself: on a full disk
        // an empty file would count as saved.
        file.flush().await.map_err(Fault::internal)?;
        file.sync_all().await.map_err(Fault::internal)?;
        drop(file);
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(context.finish().as_ref());
        self.place(part, &sha256).await.map_err(Fault::internal)?;
        Ok(Blob {
            sha256,
            size,
            kind,
            name: clean_name(name),
        })
    }

    async fn place(&self, part: &Path, sha256: &[u8; 32]) -> io::Result<()> {
        let path = self.path(sha256);
        let folder = path.parent().unwrap_or(&self.folder);
        if fs::create_dir(folder).await.is_ok() {
            sync_folder(&self.folder).await?;
        }
        fs::rename(part, &path).await?;
        sync_folder(folder).await
    }

    /// Reads a file back and checks it against its hash.
    ///
    /// # Errors
    /// `fault-internal` if it is missing or was changed on disk: `tambo check` tells the operator where.
    pub async fn read(&self, sha256: &[u8; 32]) -> Result<Bytes, Fault> {
        let bytes = fs::read(self.path(sha256)).await.map_err(|cause| {
            Fault::internal(format!(
                "file {}: {cause}",
                data_encoding::HEXLOWER.encode(sha256)
            ))
        })?;
        if digest::digest(&digest::SHA256, &bytes).as_ref() != sha256 {
            let hex = data_encoding::HEXLOWER.encode(sha256);
            return Err(Fault::internal(format!("file {hex} was changed on disk")));
        }
        Ok(bytes.into())
    }

    /// Where the file with this hash lies, relative names of backups included.
    pub fn path(&self, sha256: &[u8; 32]) -> PathBuf {
        let hex = data_encoding::HEXLOWER.encode(sha256);
        self.folder.join(&hex[..2]).join(hex)
    }
}

async fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder).await?.sync_all().await
}

/// The last part of a path, without control characters, at most 120 characters: a name to show, never to open.
fn clean_name(name: &str) -> String {
    const CHARS_MAX: usize = 120;
    let last = name.rsplit(['/', '\\']).next().unwrap_or("");
    let clean: String = last
        .chars()
        .filter(|c| !c.is_control())
        .take(CHARS_MAX)
        .collect();
    clean.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::SeededChance;

    fn store(limit: u64) -> (tempfile::TempDir, Blobs) {
        let folder = tempfile::tempdir().expect("a folder");
        let blobs =
            Blobs::open(folder.path(), Arc::new(SeededChance::new(1)), limit).expect("opens");
        (folder, blobs)
    }

    #[tokio::test]
    async fn what_is_saved_is_read_back_and_a_change_on_disk_is_found() {
        let (_folder, blobs) = store(1_000);
        let blob = blobs
            .save(Bytes::from("hola"), "text/plain", "../a/nota.txt")
            .await
            .expect("saved");
        assert_eq!(
            (blob.size, blob.name.as_str(), blob.kind),
            (4, "nota.txt", Kind::Text)
        );
        assert_eq!(blobs.read(&blob.sha256).await.expect("read"), "hola");
        let again = blobs
            .save(Bytes::from("hola"), "text/plain", "nota.txt")
            .await
            .expect("saved twice");
        assert_eq!(again, blob);
        std::fs::write(blobs.path(&blob.sha256), "holA").expect("tampered");
        assert_eq!(
            blobs.read(&blob.sha256).await.expect_err("found").kind,
            FaultKind::Internal
        );
    }

    #[tokio::test]
    async fn bad_files_are_refused_and_leave_nothing() {
        let (folder, blobs) = store(8);
        let cases = [
            ("123456789", "text/plain", "fault-documents-too-large"),
            ("", "text/plain", "fault-documents-empty"),
            ("hola", "application/pdf", "fault-documents-type"),
            ("%PDF-1.7", "text/plain", "fault-documents-type"),
            ("hola", "text/html", "fault-documents-type"),
        ];
        for (content, declared, key) in cases {
            let fault = blobs
                .save(Bytes::from(content), declared, "x")
                .await
                .expect_err(key);
            assert_eq!(fault.key, key, "{content} as {declared}");
        }
        let left = std::fs::read_dir(folder.path().join("incoming"))
            .expect("folder")
            .count();
        assert_eq!(left, 0);
    }
}
