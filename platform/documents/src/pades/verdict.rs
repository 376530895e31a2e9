//! The judgement on a file, in the words of ETSI EN 319 102-1 (section 5.1.3), with keys of texts for readers.
//!
//! Only the verifier of this crate makes these values (`#[non_exhaustive]`); whoever holds a verdict may rely on it.

use kernel::Moment;

/// The three answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Indication {
    /// TOTAL-PASSED: what was signed is unchanged, and who signed is known.
    Valid,
    /// INDETERMINATE: neither proven right nor proven wrong.
    Indeterminate,
    /// TOTAL-FAILED: proven wrong.
    Invalid,
}

/// Why the answer is not `Valid`: the standard's sub-indications, as far as they occur here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The file or a signature in it is not built as it must be.
    FormatFailure,
    /// The content is not what was signed.
    HashFailure,
    /// The signature does not fit its certificate.
    SigCryptoFailure,
    /// The content was changed by a later addition to the file.
    ChangedAfterwards,
    /// The file bears no signature.
    SignedDataNotFound,
    /// No trusted authority stands behind the signer's certificate.
    NoCertificateChainFound,
    /// The certificate is not for signatures of this kind.
    ChainConstraintsFailure,
    /// The certificate was not valid, and no trusted time stamp proves an earlier time.
    OutOfBoundsNoPoe,
    /// A time stamp is there but can't be trusted.
    TimestampFailure,
    /// The time stamp lies before the certificate's validity or far from the claimed time.
    TimestampOrderFailure,
    /// A method of signature that this house does not take.
    CryptoConstraintsFailure,
}

/// How a step of the verification ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It held.
    Passed,
    /// It did not hold.
    Failed,
    /// It was not possible, or there was nothing to check.
    Skipped,
}

/// One step of the verification.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// Key of the text that names the step.
    pub key: &'static str,
    /// How it ended.
    pub state: State,
}

/// The judgement on one signature.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignatureReport {
    /// The name of its field.
    pub field: String,
    /// Whether this is a document time stamp rather than a signature.
    pub is_stamp: bool,
    /// Who signed, from the certificate's subject; empty if unknown.
    pub signer: String,
    /// Which certificate: issuer and serial number, for experts.
    pub certificate: String,
    /// The time that the signer states.
    pub claimed_at: Option<Moment>,
    /// The time that a trusted time stamp proves.
    pub stamped_at: Option<Moment>,
    /// Whether nothing was added to the file after it.
    pub covers_file: bool,
    /// The answer.
    pub indication: Indication,
    /// Why, if not valid.
    pub reason: Option<Reason>,
    /// For the log and for experts.
    pub detail: String,
    /// What was checked, in order.
    pub steps: Vec<Step>,
}

/// The judgement on a file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// The answer: the worst of the signatures' answers.
    pub indication: Indication,
    /// Why, if not valid.
    pub reason: Option<Reason>,
    /// For the log and for experts.
    pub detail: String,
    /// Each signature in the order in which they were made.
    pub signatures: Vec<SignatureReport>,
}

impl Indication {
    /// The standard's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Valid => "TOTAL-PASSED",
            Self::Indeterminate => "INDETERMINATE",
            Self::Invalid => "TOTAL-FAILED",
        }
    }

    /// Key of the text for readers.
    pub const fn text_key(self) -> &'static str {
        match self {
            Self::Valid => "documents-verdict-valid",
            Self::Indeterminate => "documents-verdict-indeterminate",
            Self::Invalid => "documents-verdict-invalid",
        }
    }
}

impl Reason {
    /// The standard's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::FormatFailure => "FORMAT_FAILURE",
            Self::HashFailure => "HASH_FAILURE",
            Self::SigCryptoFailure => "SIG_CRYPTO_FAILURE",
            Self::ChangedAfterwards => "SIG_CONSTRAINTS_FAILURE",
            Self::SignedDataNotFound => "SIGNED_DATA_NOT_FOUND",
            Self::NoCertificateChainFound => "NO_CERTIFICATE_CHAIN_FOUND",
            Self::ChainConstraintsFailure => "CHAIN_CONSTRAINTS_FAILURE",
            Self::OutOfBoundsNoPoe => "OUT_OF_BOUNDS_NO_POE",
            Self::TimestampFailure => "NO_POE",
            Self::TimestampOrderFailure => "TIMESTAMP_ORDER_FAILURE",
            Self::CryptoConstraintsFailure => "CRYPTO_CONSTRAINTS_FAILURE",
        }
    }

    /// Key of the text for readers.
    pub const fn text_key(self) -> &'static str {
        match self {
            Self::FormatFailure => "documents-reason-format",
            Self::HashFailure => "documents-reason-hash",
            Self::SigCryptoFailure => "documents-reason-crypto",
            Self::ChangedAfterwards => "documents-reason-changed",
            Self::SignedDataNotFound => "documents-reason-unsigned",
            Self::NoCertificateChainFound => "documents-reason-chain",
            Self::ChainConstraintsFailure => "documents-reason-usage",
            Self::OutOfBoundsNoPoe => "documents-reason-dates",
            Self::TimestampFailure => "documents-reason-stamp",
            Self::TimestampOrderFailure => "documents-reason-order",
            Self::CryptoConstraintsFailure => "documents-reason-method",
        }
    }

    /// The answer that this reason leads to.
    pub const fn indication(self) -> Indication {
        match self {
            Self::FormatFailure
            | Self::HashFailure
            | Self::SigCryptoFailure
            | Self::ChangedAfterwards => Indication::Invalid,
            _ => Indication::Indeterminate,
        }
    }

    /// All reasons, for tests of the texts.
    pub const ALL: [Self; 11] = [
        Self::FormatFailure,
        Self::HashFailure,
        Self::SigCryptoFailure,
        Self::ChangedAfterwards,
        Self::SignedDataNotFound,
        Self::NoCertificateChainFound,
        Self::ChainConstraintsFailure,
        Self::OutOfBoundsNoPoe,
        Self::TimestampFailure,
        Self::TimestampOrderFailure,
        Self::CryptoConstraintsFailure,
    ];
}

impl Verdict {
    /// A file on which nothing more can be said.
    pub(super) fn plain(reason: Reason, detail: impl std::fmt::Display) -> Self {
        let detail = detail.to_string();
        Self {
            indication: reason.indication(),
            reason: Some(reason),
            detail,
            signatures: Vec::new(),
        }
    }

    /// The worst of the signatures' answers.
    pub(super) fn of(signatures: Vec<SignatureReport>) -> Self {
        let worst = signatures.iter().max_by_key(|report| report.indication);
        match worst {
            None => Self::plain(Reason::SignedDataNotFound, "no signature"),
            Some(worst) => Self {
                indication: worst.indication,
                reason: worst.reason,
                detail: worst.detail.clone(),
                signatures,
            },
        }
    }

    /// Whether the answer is `Valid`.
    pub fn is_valid(&self) -> bool {
        self.indication == Indication::Valid
    }
}
