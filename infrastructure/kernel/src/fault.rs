//! What went wrong, as the face of a crate tells it: a kind, a text key with arguments, and what only the log may know.
//!
//! Where a thing fails, a small typed error says so. At the face of a crate it becomes a `Fault`, and `web` maps the
//! kind to an HTTP status in one place. The reader sees the text in their language and a reference number; `detail`
//! goes to the log only.

use std::borrow::Cow;

/// What kind of failure, which decides the HTTP status and whether trying again makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The input is wrong and the sender can mend it (400).
    Invalid,
    /// Nobody is signed in, or the session is over (401).
    Unauthenticated,
    /// Signed in, but not allowed (403).
    Denied,
    /// No such thing, or not for this actor (404).
    Missing,
    /// The thing has changed meanwhile, or the step is not possible now (409).
    Conflict,
    /// Larger than a stated limit (413).
    TooLarge,
    /// Too many requests (429).
    TooMany,
    /// Another body or service did not answer well (502).
    Upstream,
    /// This node can't now; later it can (503).
    Unavailable,
    /// Our own fault (500).
    Internal,
}

/// A failure at the face of a crate.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{key}: {detail}")]
pub struct Fault {
    /// What kind.
    pub kind: FaultKind,
    /// Key of the text that tells the reader what happened and what to do; in `texts/*.ftl` as `fault-...`.
    pub key: Cow<'static, str>,
    /// Arguments of the text. They are shown, so they hold nothing internal.
    pub args: Vec<(Cow<'static, str>, String)>,
    /// For the log only: causes, codes, places. No personal data.
    pub detail: String,
}

impl Fault {
    /// A failure of `kind` told by the text `key`.
    pub fn new(kind: FaultKind, key: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            key: key.into(),
            args: Vec::new(),
            detail: String::new(),
        }
    }

    /// The reader's input is wrong.
    pub fn invalid(key: impl Into<Cow<'static, str>>) -> Self {
        Self::new(FaultKind::Invalid, key)
    }

    /// No such thing for this actor.
    pub fn missing(key: impl Into<Cow<'static, str>>) -> Self {
        Self::new(FaultKind::Missing, key)
    }

    /// Not allowed.
    pub fn denied(key: impl Into<Cow<'static, str>>) -> Self {
        Self::new(FaultKind::Denied, key)
    }

    /// Our own fault, caused by `cause`.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        Self::new(FaultKind::Internal, "fault-internal").detail(cause)
    }

    /// Adds an argument of the text.
    #[must_use]
    pub fn arg(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.args.push((Cow::Borrowed(name), value.into()));
        self
    }

    /// Adds what only the log may know.
    #[must_use]
    pub fn detail(mut self, detail: impl std::fmt::Display) -> Self {
        self.detail = detail.to_string();
        self
    }
}
