//! `tambo verify`: tells of a file what it proves, step by step, and where it is damaged.
//!
//! Read by the command and by the demo, which checks what it leaves behind. It recognises a file by its content: log
//! proof, checkpoint, message container, signed PDF, time stamp, backup. Promises that nothing inside a file vouches
//! for itself: trust comes from [`Trusted`] alone. Refuses the network; what can't be decided offline is told as such.

mod archive;
mod checkpoint;
mod container;
mod pdf;
mod proof;
mod report;
mod stamp;
#[cfg(test)]
mod tests;
mod trusted;

use std::fs;
use std::io::Read;
use std::path::Path;

pub use archive::verify_archives;
pub use report::{FileKind, Report, Verdict};
pub use trusted::Trusted;

use crate::backup;

/// Largest file that is read into memory, in bytes: a container's limit. Backups are read as a stream.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes by which a file is recognised.
const HEAD_BYTES: usize = 1024;

/// Verifies one file against what the reader trusts.
pub fn verify_file(path: &Path, trusted: &Trusted) -> Report {
    let name = path.display().to_string();
    let head = match head(path) {
        Ok(head) => head,
        Err(error) => return Report::unreadable(&name, &error.to_string()),
    };
    let Some(kind) = recognise(&head).or_else(|| by_name(path)) else {
        return Report::unknown(&name);
    };
    let mut report = Report::new(&name, kind);
    if kind == FileKind::Backup {
        verify_backup(path, trusted, &mut report);
        return report;
    }
    match whole(path) {
        Ok(bytes) => verify_bytes(&bytes, path, trusted, &mut report),
        Err(problem) => report.failed(problem),
    }
    report
}

fn verify_bytes(bytes: &[u8], path: &Path, trusted: &Trusted, report: &mut Report) {
    match report.kind {
        FileKind::LogProof => proof::verify(bytes, trusted, report),
        FileKind::Checkpoint => checkpoint::verify(bytes, trusted, report),
        FileKind::Container => container::verify(bytes, trusted, report),
        FileKind::Pdf => pdf::verify(bytes, trusted, report),
        FileKind::TimeStamp => stamp::verify(bytes, path, trusted, report),
        FileKind::Backup | FileKind::Archive | FileKind::Unknown => {}
    }
}

/// What the first bytes of a file say that it is.
fn recognise(head: &[u8]) -> Option<FileKind> {
    let has = |mark: &[u8]| head.windows(mark.len()).any(|window| window == mark);
    if head.starts_with(b"c2sp.org/tlog-proof@") {
        Some(FileKind::LogProof)
    } else if head.starts_with(backup::seal::MAGIC) {
        Some(FileKind::Backup)
    } else if head.starts_with(b"PK\x03\x04") {
        Some(FileKind::Container)
    } else if has(b"%PDF-") {
        Some(FileKind::Pdf)
    } else if head.starts_with(&[0x30]) {
        Some(FileKind::TimeStamp)
    } else if has("\n\n\u{2014} ".as_bytes()) {
        Some(FileKind::Checkpoint)
    } else {
        None
    }
}

/// What its name says that a file is: so that one whose first bytes are damaged is told as damaged, not as unknown.
fn by_name(path: &Path) -> Option<FileKind> {
    match path.extension()?.to_str()? {
        "tlog-proof" => Some(FileKind::LogProof),
        "checkpoint" | "note" => Some(FileKind::Checkpoint),
        "asice" => Some(FileKind::Container),
        "pdf" => Some(FileKind::Pdf),
        "tsr" | "tst" => Some(FileKind::TimeStamp),
        "tambo" | "backup" => Some(FileKind::Backup),
        _ => None,
    }
}

fn head(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    fs::File::open(path)?
        .take(HEAD_BYTES as u64)
        .read_to_end(&mut head)?;
    Ok(head)
}

fn whole(path: &Path) -> Result<Vec<u8>, String> {
    let size = fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > FILE_BYTES_MAX {
        return Err(format!(
            "the file has {size} bytes, more than {FILE_BYTES_MAX}"
        ));
    }
    fs::read(path).map_err(|error| error.to_string())
}

fn verify_backup(path: &Path, trusted: &Trusted, report: &mut Report) {
    let Some(passphrase) = &trusted.passphrase else {
        report.open("the archive is sealed; its passphrase is needed to look inside");
        return;
    };
    match backup::check(path, passphrase) {
        Ok(contents) => {
            let (files, bytes) = (contents.files, contents.bytes);
            report.held(format!(
                "every chunk is whole and in its place: {files} files, {bytes} bytes"
            ));
        }
        Err(error) => report.failed(error),
    }
}
