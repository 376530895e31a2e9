//! Asking a registry, as the stories see it: a question in the procedure's words, an answer or one of three failures.
//!
//! Two kinds exist: the exchange, and answers laid down beforehand for tests and for bodies without a line.

use std::sync::Arc;

use kernel::Fact;
use store::BoxFuture;

/// A question to a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The registry's service code, for example `persona`.
    pub service: String,
    /// The subject's national number.
    pub about: String,
    /// The fields wanted.
    pub fields: Vec<String>,
    /// What for: the procedure's identifier, which the agreement between the bodies names.
    pub purpose: String,
    /// The case's number; absent while somebody is still filling the form.
    pub case: Option<String>,
}

/// What came back under a verified signature.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    /// The facts.
    pub facts: Vec<Fact>,
    /// Whether the registry knows the subject at all.
    pub found: bool,
    /// The message number.
    pub evidence: String,
}

/// Why nothing that can be relied on came back. The text is for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskFailure {
    /// Not reached, or no answer in time; asking later may help.
    #[error("the registry is away: {0}")]
    Away(String),
    /// The signature or the hash does not fit.
    #[error("the answer can't be relied on: {0}")]
    BadSignature(String),
    /// The registry, or the agreement, says no.
    #[error("the question is not allowed: {0}")]
    NotAllowed(String),
}

/// What an asker gives.
pub type AskResult = Result<Answered, AskFailure>;

/// Asks registries. Cheap to clone.
#[derive(Clone)]
pub struct Asker(Arc<dyn Fn(Question) -> BoxFuture<AskResult> + Send + Sync>);

impl Asker {
    /// An asker that answers with `ask`.
    pub fn new<F, R>(ask: F) -> Self
    where
        F: Fn(Question) -> R + Send + Sync + 'static,
        R: Future<Output = AskResult> + Send + 'static,
    {
        Self(Arc::new(move |question| Box::pin(ask(question))))
    }

    /// Asks.
    ///
    /// # Errors
    /// See [`AskFailure`].
    pub async fn ask(&self, question: Question) -> AskResult {
        (self.0)(question).await
    }
}
