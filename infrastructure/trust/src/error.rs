//! What can go wrong with keys, certificates and signatures: one small error for the whole crate.
//!
//! Whoever calls this crate maps it to a `kernel::Fault`. The texts name the thing and the rule, never a secret.

/// Why something could not be read, made or trusted.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The bytes are not the structure they should be.
    #[error("malformed {what}")]
    Malformed {
        /// The structure or field.
        what: &'static str,
    },
    /// Larger or longer than a stated limit.
    #[error("{what} is larger than {limit}")]
    TooLarge {
        /// The structure.
        what: &'static str,
        /// The limit, in bytes or items.
        limit: usize,
    },
    /// Well formed, but with an algorithm or a feature that this house does not take.
    #[error("unsupported {what}")]
    Unsupported {
        /// The feature.
        what: &'static str,
    },
    /// A signature, digest or identifier does not fit the bytes.
    #[error("{what} does not verify")]
    BadSignature {
        /// What was being verified.
        what: &'static str,
    },
    /// Verified, but not acceptable: expired, revoked, the wrong usage, no path to an anchor.
    #[error("refused: {why}")]
    Refused {
        /// The rule that failed.
        why: &'static str,
    },
    /// The passphrase does not open this key store.
    #[error("the passphrase does not open this key store")]
    WrongPassphrase,
    /// A key file or the key store's header was changed or damaged.
    #[error("the key file {file} is damaged or was changed")]
    TamperedKey {
        /// The file's name, without its folder.
        file: String,
    },
    /// No key with this label, or one exists where none may.
    #[error("key {label}: {why}")]
    Key {
        /// The label.
        label: String,
        /// What is wrong.
        why: &'static str,
    },
    /// The disk said no.
    #[error("key store: {0}")]
    Io(#[from] std::io::Error),
    /// The crypto provider said no where it never should.
    #[error("the crypto provider failed to {what}")]
    Provider {
        /// The operation.
        what: &'static str,
    },
}

impl TrustError {
    /// A refusal by rule.
    pub(crate) const fn refused(why: &'static str) -> Self {
        Self::Refused { why }
    }

    /// A malformed structure.
    pub(crate) const fn malformed(what: &'static str) -> Self {
        Self::Malformed { what }
    }
}
