//! A folder of archives of the message log: every container, the chain over them, and the chain over the files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use exchange::archive::LIMITS;
use exchange::archive::links::{self, Links};
use trust::zip;

use super::report::{FileKind, Report, Verdict};
use super::{Trusted, container};
use crate::commands::Problem;

/// How the names of archives end; what was encrypted must be decrypted first.
const ENDING: &str = ".zip";

/// One archive that could be read.
struct Read {
    links: Links,
    containers: Vec<(String, Vec<u8>)>,
}

/// Verifies every archive of `folder`, in the order in which they rest on each other.
///
/// # Errors
/// The folder can't be read, or holds no archive.
pub fn verify_archives(folder: &Path, trusted: &Trusted) -> Result<Vec<Report>, Problem> {
    let mut reports = Vec::new();
    let mut found = BTreeMap::new();
    for path in archives(folder)? {
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        match read(&path) {
            Ok(archive) => _ = found.insert(name, archive),
            Err(problem) => {
                let mut report = Report::new(&name, FileKind::Archive);
                report.failed(problem);
                reports.push(report);
            }
        }
    }
    if found.is_empty() && reports.is_empty() {
        return Err(Problem(format!("{}: no archives", folder.display())));
    }
    reports.extend(found.keys().map(|name| verify_one(name, &found, trusted)));
    Ok(reports)
}

fn archives(folder: &Path) -> Result<Vec<PathBuf>, Problem> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        if name.is_some_and(|name| name.ends_with(ENDING)) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<Read, String> {
    let size = std::fs::metadata(path)
        .map_err(|error| error.to_string())?
        .len();
    if size > LIMITS.archive_bytes as u64 {
        return Err(format!(
            "the file has {size} bytes: too large for an archive"
        ));
    }
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let archive = zip::read(&bytes, LIMITS).map_err(|error| error.to_string())?;
    let linking = archive.get(links::FILE).ok_or("linkinginfo is missing")?;
    let links = Links::parse(linking).map_err(|error| error.to_string())?;
    let entries = archive.entries.into_iter();
    let containers = entries
        .filter(|entry| entry.name != links::FILE)
        .map(|entry| (entry.name, entry.bytes));
    Ok(Read {
        links,
        containers: containers.collect(),
    })
}

/// The name of the archive that ends with what the next one names: its file may have got another name since, as when it
/// was encrypted and decrypted. An error names the file that has the right name and another end.
fn earlier<'n>(
    before: &links::End,
    all: &'n BTreeMap<String, Read>,
) -> Result<Option<&'n str>, &'n str> {
    let ends = |read: &Read| {
        read.links
            .end("")
            .digest
            .eq_ignore_ascii_case(&before.digest)
    };
    if let Some((name, read)) = all.get_key_value(&before.file) {
        return if ends(read) {
            Ok(Some(name))
        } else {
            Err(name)
        };
    }
    let renamed = all.iter().find(|(_, read)| ends(read));
    Ok(renamed.map(|(name, _)| name.as_str()))
}

fn verify_one(name: &str, all: &BTreeMap<String, Read>, trusted: &Trusted) -> Report {
    let mut report = Report::new(name, FileKind::Archive);
    let Some(archive) = all.get(name) else {
        return report;
    };
    match &archive.links.before {
        None => report.held("it is the first archive of its node"),
        Some(before) => match earlier(before, all) {
            Ok(Some(earlier)) => report.held(format!("it follows {earlier}")),
            Ok(None) => report.open(format!(
                "the archive before it, {}, is not here",
                before.file
            )),
            Err(changed) => report.failed(format!("it does not follow {changed} as that is now")),
        },
    }
    let containers: Vec<(&str, &[u8])> = archive
        .containers
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
        .collect();
    match archive.links.check(&containers) {
        Ok(()) => report.held(format!(
            "every link over {} containers holds",
            containers.len()
        )),
        Err(error) => report.failed(error),
    }
    for (name, bytes) in containers {
        let mut inner = Report::new(name, FileKind::Container);
        container::verify(bytes, trusted, &mut inner);
        let first = |wanted: Verdict| {
            let step = inner.steps.iter().find(|step| step.verdict == wanted);
            step.map_or(String::new(), |step| step.what.clone())
        };
        match inner.verdict() {
            Verdict::Valid => report.held(format!("{name}: valid")),
            Verdict::Undecided => report.open(format!("{name}: {}", first(Verdict::Undecided))),
            Verdict::Invalid => report.failed(format!("{name}: {}", first(Verdict::Invalid))),
        }
    }
    report
}
