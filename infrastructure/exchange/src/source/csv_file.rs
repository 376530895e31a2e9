//! A CSV file with a line of heads (RFC 4180, UTF-8): one line for each subject, read anew when the file changes.
//!
//! Read by `registry`. It promises one whole, checked state of the file: every line has every column, every number is
//! there once, every value has its type. A file with one bad line states nothing, because whose line it was can't be
//! known; the report names the line, never the value.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::described::{BadDescription, Described, Field, File};
use super::registry::{Entry, SourceError, place_of};
use super::typed;

/// Largest file: it is held in memory, and a register that outgrows it belongs in a database.
pub const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bad lines told at a time.
const REPORT_MAX: usize = 20;
/// Most columns of a line.
const COLUMNS_MAX: usize = 512;
/// What editors of spreadsheets put before UTF-8 text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A file, ready to be asked.
#[derive(Debug)]
pub(crate) struct CsvFile {
    path: PathBuf,
    key: String,
    separator: Option<u8>,
    until: Option<String>,
    fields: Vec<(String, Field)>,
    held: Mutex<Option<(Stamp, Arc<State>)>>,
    /// One reading at a time; whoever waits finds it done.
    reading: tokio::sync::Mutex<()>,
}

/// By what a changed file is known: device, file, time of change, size.
type Stamp = (u64, u64, i64, i64, u64);

/// A state of the file, or why there is none.
type State = Result<Table, Vec<String>>;

/// The lines of one state of the file.
#[derive(Debug)]
pub struct Table {
    heads: Vec<String>,
    bytes: Vec<u8>,
    separator: u8,
    /// Where the line of a subject begins and ends.
    lines: HashMap<Box<str>, (u32, u32)>,
}

impl Table {
    /// Reads and checks the bytes of a file; `columns` must be among its heads, `fields` have their types.
    ///
    /// # Errors
    /// What is wrong, a line for each, with its line number; at most twenty.
    pub fn read(
        bytes: Vec<u8>,
        separator: Option<u8>,
        key: &str,
        until: Option<&str>,
        fields: &[(String, Field)],
    ) -> Result<Self, Vec<String>> {
        let separator = separator.unwrap_or_else(|| separator_of(&bytes));
        let start = if bytes.starts_with(BYTE_ORDER_MARK) {
            3
        } else {
            0
        };
        let mut reader = reader(&bytes[start..], separator, true);
        let heads = reader
            .headers()
            .map_err(|error| vec![line_problem(&error)])?;
        let heads: Vec<String> = heads.iter().map(|head| head.trim().to_owned()).collect();
        let mut check = Check::new(&heads, key, until, fields)?;
        let mut lines = HashMap::new();
        let mut record = csv::StringRecord::new();
        loop {
            match reader.read_record(&mut record) {
                Ok(false) => break,
                Ok(true) => {
                    let ends = (start as u64) + reader.position().byte();
                    if let Some(subject) = check.line(&record) {
                        let begins = record.position().map_or(0, |at| at.byte()) + start as u64;
                        let place = (narrow(begins), narrow(ends));
                        if lines.insert(subject.into(), place).is_some() {
                            check.problem(&record, "the number in the key column was there before");
                        }
                    }
                }
                Err(error) => check.problems.push(line_problem(&error)),
            }
            if check.problems.len() >= REPORT_MAX {
                break;
            }
        }
        drop(reader);
        match check.problems {
            problems if problems.is_empty() => Ok(Self {
                heads,
                bytes,
                separator,
                lines,
            }),
            problems => Err(problems),
        }
    }

    /// How many subjects it has.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The columns of a subject's line.
    pub fn find(&self, subject: &str, columns: &[&str]) -> Option<Vec<Option<String>>> {
        let (begins, ends) = *self.lines.get(subject)?;
        let line = self.bytes.get(begins as usize..ends as usize)?;
        let mut record = csv::StringRecord::new();
        reader(line, self.separator, false)
            .read_record(&mut record)
            .ok()?;
        let value = |column: &&str| {
            let at = self.heads.iter().position(|head| head == column)?;
            Some(record.get(at)?.to_owned())
        };
        Some(columns.iter().map(value).collect())
    }
}

/// The file is below 4 GiB by its limit.
fn narrow(at: u64) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn reader(bytes: &[u8], separator: u8, heads: bool) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .delimiter(separator)
        .has_headers(heads)
        .from_reader(bytes)
}

/// The mark that the line of heads has more of.
fn separator_of(bytes: &[u8]) -> u8 {
    let line = bytes
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let count = |mark| line.iter().filter(|byte| **byte == mark).count();
    if count(b';') > count(b',') {
        b';'
    } else {
        b','
    }
}

/// What is looked at in each line.
struct Check<'a> {
    key: usize,
    until: Option<usize>,
    fields: Vec<(usize, &'a Field)>,
    heads: &'a [String],
    problems: Vec<String>,
}

impl<'a> Check<'a> {
    fn new(
        heads: &'a [String],
        key: &str,
        until: Option<&str>,
        fields: &'a [(String, Field)],
    ) -> Result<Self, Vec<String>> {
        if heads.len() > COLUMNS_MAX {
            return Err(vec![format!("line 1: more than {COLUMNS_MAX} columns")]);
        }
        let place = |column: &str| match heads.iter().filter(|head| *head == column).count() {
            1 => Ok(heads
                .iter()
                .position(|head| head == column)
                .unwrap_or_default()),
            0 => Err(vec![format!(
                "line 1: there is no column {column:?}; there are: {}",
                heads.join(", ")
            )]),
            _ => Err(vec![format!(
                "line 1: the column {column:?} is there twice"
            )]),
        };
        let fields = fields
            .iter()
            .map(|(name, field)| Ok((place(place_of(name, field))?, field)))
            .collect::<Result<_, Vec<String>>>()?;
        Ok(Self {
            key: place(key)?,
            until: until.map(place).transpose()?,
            fields,
            heads,
            problems: Vec::new(),
        })
    }

    /// The subject of a line, if its number is there.
    fn line<'r>(&mut self, record: &'r csv::StringRecord) -> Option<&'r str> {
        for at in 0..self.fields.len() {
            let (column, field) = self.fields[at];
            if let Err(error) = typed::read(field, record.get(column)) {
                let what = format!("{} {error}", self.heads[column]);
                self.problem(record, &what);
            }
        }
        if let Some(column) = self.until
            && let Err(error) = typed::until(record.get(column), 0)
        {
            let what = format!("{} {error}", self.heads[column]);
            self.problem(record, &what);
        }
        let subject = record.get(self.key).map(str::trim).unwrap_or_default();
        if subject.is_empty() {
            self.problem(record, "the key column is empty");
            return None;
        }
        Some(subject)
    }

    fn problem(&mut self, record: &csv::StringRecord, what: &str) {
        let line = record.position().map_or(0, csv::Position::line);
        self.problems.push(format!("line {line}: {what}"));
    }
}

/// A line that can't be read, in words without its content.
fn line_problem(error: &csv::Error) -> String {
    let line = error.position().map_or(1, csv::Position::line);
    let what = match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "not UTF-8; save the file as 'CSV UTF-8'".to_owned(),
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => {
            format!("{len} columns where the line of heads has {expected_len}")
        }
        _ => "can't be read".to_owned(),
    };
    format!("line {line}: {what}")
}

impl CsvFile {
    pub(crate) fn open(
        settings: &File,
        described: &Described,
        folder: &Path,
    ) -> Result<Self, BadDescription> {
        let separator = match settings.separator {
            None => None,
            Some(mark @ (',' | ';')) => Some(mark as u8),
            Some(_) => return Err(BadDescription("csv: separator is , or ;".to_owned())),
        };
        let fields = described.fields.iter();
        Ok(Self {
            path: folder.join(&settings.file),
            key: settings.key.clone(),
            separator,
            until: settings.valid_until.clone(),
            fields: fields
                .map(|(name, field)| (name.clone(), field.clone()))
                .collect(),
            held: Mutex::new(None),
            reading: tokio::sync::Mutex::new(()),
        })
    }

    pub(crate) async fn find(
        self: &Arc<Self>,
        subject: &str,
        columns: &[&str],
    ) -> Result<Entry, SourceError> {
        let state = self.state().await.map_err(SourceError::Away)?;
        match &*state {
            Ok(table) => Ok(table.find(subject, columns)),
            Err(problems) => {
                let first = problems.first().map_or("", String::as_str);
                Err(SourceError::Away(format!(
                    "{}: {first}",
                    self.path.display()
                )))
            }
        }
    }

    pub(crate) async fn check(self: &Arc<Self>) -> Result<String, Vec<String>> {
        let state = self.state().await.map_err(|problem| vec![problem])?;
        match &*state {
            Ok(table) => Ok(format!(
                "{} with {} lines",
                self.path.display(),
                table.len()
            )),
            Err(problems) => {
                let within = |problem: &String| format!("{} {problem}", self.path.display());
                Err(problems.iter().map(within).collect())
            }
        }
    }

    /// The state of the file as it is now.
    async fn state(self: &Arc<Self>) -> Result<Arc<State>, String> {
        if let Some(state) = self.held_for(self.stamp()?) {
            return Ok(state);
        }
        let _turn = self.reading.lock().await;
        // Taken before the reading: a change meanwhile shows at the next question.
        let stamp = self.stamp()?;
        if let Some(state) = self.held_for(stamp) {
            return Ok(state);
        }
        let file = self.clone();
        let reading = tokio::task::spawn_blocking(move || file.read());
        let state = Arc::new(reading.await.map_err(|error| error.to_string())?);
        if let Err(problems) = &*state {
            let file = self.path.display();
            tracing::warn!(%file, first = problems.first(), "a register can't be read");
        }
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some((stamp, state.clone()));
        Ok(state)
    }

    fn held_for(&self, stamp: Stamp) -> Option<Arc<State>> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, state) = held.as_ref()?;
        (*known == stamp).then(|| state.clone())
    }

    fn stamp(&self) -> Result<Stamp, String> {
        let told = |error| format!("{}: {error}", self.path.display());
        let found = std::fs::metadata(&self.path).map_err(told)?;
        let (seconds, nanos) = (found.mtime(), found.mtime_nsec());
        Ok((found.dev(), found.ino(), seconds, nanos, found.len()))
    }

    fn read(&self) -> State {
        use std::io::Read;
        let told = |error: std::io::Error| vec![error.to_string()];
        let file = std::fs::File::open(&self.path).map_err(told)?;
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX + 1)
            .read_to_end(&mut bytes)
            .map_err(told)?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(vec![
                "larger than 64 MiB: put it into a database".to_owned(),
            ]);
        }
        Table::read(
            bytes,
            self.separator,
            &self.key,
            self.until.as_deref(),
            &self.fields,
        )
    }
}

#[cfg(test)]
mod tests;
