//! What a verification found, in the order of looking, and its one-line verdict.

use std::fmt;

/// What kind of file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// The proof of an entry in a transparency log (C2SP tlog-proof).
    LogProof,
    /// A checkpoint of a transparency log (C2SP tlog-checkpoint).
    Checkpoint,
    /// A message container (ASiC-E).
    Container,
    /// A PDF.
    Pdf,
    /// An RFC 3161 time stamp: a response or a token.
    TimeStamp,
    /// A sealed backup of a node.
    Backup,
    /// An archive of the message log.
    Archive,
    /// Nothing that this program knows.
    Unknown,
}

/// How a step or a whole verification ended. The order is from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Everything held.
    Valid,
    /// Nothing is wrong, but something could not be decided with what is trusted here.
    Undecided,
    /// Something is wrong.
    Invalid,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// How it ended.
    pub verdict: Verdict,
    /// What was looked at and found; for a failure, where.
    pub what: String,
}

/// The outcome for one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The file.
    pub name: String,
    /// What it is.
    pub kind: FileKind,
    /// What was looked at, in order.
    pub steps: Vec<Step>,
}

impl FileKind {
    /// The kind in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::LogProof => "proof of a log entry",
            Self::Checkpoint => "log checkpoint",
            Self::Container => "message container",
            Self::Pdf => "PDF",
            Self::TimeStamp => "time stamp",
            Self::Backup => "backup of a node",
            Self::Archive => "archive of the message log",
            Self::Unknown => "unknown file",
        }
    }
}

impl Report {
    /// A report without steps.
    pub(super) fn new(name: &str, kind: FileKind) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            steps: Vec::new(),
        }
    }

    /// A file that can't be read.
    pub(super) fn unreadable(name: &str, why: &str) -> Self {
        let mut report = Self::new(name, FileKind::Unknown);
        report.failed(format!("the file can't be read: {why}"));
        report
    }

    /// A file of no known kind.
    pub(super) fn unknown(name: &str) -> Self {
        let mut report = Self::new(name, FileKind::Unknown);
        report.failed("byte 0: the file begins like none that this program knows");
        report
    }

    /// The worst of the steps; a file of which nothing was said is not valid.
    pub fn verdict(&self) -> Verdict {
        self.steps
            .iter()
            .map(|step| step.verdict)
            .max()
            .unwrap_or(Verdict::Invalid)
    }

    pub(super) fn held(&mut self, what: impl fmt::Display) {
        self.step(Verdict::Valid, what);
    }

    pub(super) fn open(&mut self, what: impl fmt::Display) {
        self.step(Verdict::Undecided, what);
    }

    pub(super) fn failed(&mut self, what: impl fmt::Display) {
        self.step(Verdict::Invalid, what);
    }

    fn step(&mut self, verdict: Verdict, what: impl fmt::Display) {
        self.steps.push(Step {
            verdict,
            what: what.to_string(),
        });
    }
}

impl Verdict {
    const fn mark(self) -> &'static str {
        match self {
            Self::Valid => "ok   ",
            Self::Undecided => "open ",
            Self::Invalid => "WRONG",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Valid => "VALID",
            Self::Undecided => "UNDECIDED",
            Self::Invalid => "INVALID",
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} ({})", self.name, self.kind.words())?;
        for step in &self.steps {
            writeln!(f, "  {} {}", step.verdict.mark(), step.what)?;
        }
        writeln!(f, "  {}", self.verdict())
    }
}
