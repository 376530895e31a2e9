//! Which step of a message's way failed, and what to do: a table of causes, and nothing else.
//!
//! Read by `refusals`, which keeps the step with each refused attempt, and by `why`. The first rule that fits counts. A
//! code that no rule names is told as 'the other node refused'; nothing is guessed.

use crate::domain::codes::{Code, Leaf};

/// The steps of a message's way, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The asker's system sent a request that could be read, and may speak for the subsystem.
    Request,
    /// The asker's node has room on its disk and the right time.
    Fit,
    /// It has a current directory of the instance.
    Directory,
    /// Its messages get time stamps.
    Stamps,
    /// It holds an agreement that covers the question.
    Agreement,
    /// Its own certificates are good.
    Certificate,
    /// The question was signed and kept.
    Kept,
    /// The other node was reached and showed a good certificate.
    Line,
    /// The other node could read the message.
    Form,
    /// The other node is ready: directory, time stamps, disk, clock.
    State,
    /// It knows the asking body and its server.
    Peer,
    /// The service is there and switched on.
    Service,
    /// The asker has a right to it.
    Right,
    /// It holds the agreement too.
    Terms,
    /// The question's signature holds.
    Signature,
    /// The message number is new; the question was kept.
    Fresh,
    /// The registry's own system answered.
    System,
    /// The answer was signed and kept.
    Sealed,
    /// The answer's signature holds, and it answers this question.
    Proof,
    /// The answer was kept and given out.
    Learned,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Self; 20] = [
        Self::Request,
        Self::Fit,
        Self::Directory,
        Self::Stamps,
        Self::Agreement,
        Self::Certificate,
        Self::Kept,
        Self::Line,
        Self::Form,
        Self::State,
        Self::Peer,
        Self::Service,
        Self::Right,
        Self::Terms,
        Self::Signature,
        Self::Fresh,
        Self::System,
        Self::Sealed,
        Self::Proof,
        Self::Learned,
    ];

    /// Its word in tables and text keys.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Fit => "fit",
            Self::Directory => "directory",
            Self::Stamps => "stamps",
            Self::Agreement => "agreement",
            Self::Certificate => "certificate",
            Self::Kept => "kept",
            Self::Line => "line",
            Self::Form => "form",
            Self::State => "state",
            Self::Peer => "peer",
            Self::Service => "service",
            Self::Right => "right",
            Self::Terms => "terms",
            Self::Signature => "signature",
            Self::Fresh => "fresh",
            Self::System => "system",
            Self::Sealed => "sealed",
            Self::Proof => "proof",
            Self::Learned => "learned",
        }
    }

    /// The step of this word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.word() == word)
    }

    /// Whether it happens at the registry's node.
    pub fn is_providers(self) -> bool {
        (Self::Form..=Self::Sealed).contains(&self)
    }
}

/// Where the failure was noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noticed {
    /// By the asker's node, before the question was signed.
    Before,
    /// By the asker's node, after the question left or should have left.
    After,
    /// By the registry's node.
    There,
}

/// What failed, and the key of what to do (`exchange-why-do-...`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// The step.
    pub stage: Stage,
    /// The advice.
    pub advice: &'static str,
}

/// A rule: the leaf, words that the cause holds (empty for any), the step, the advice.
type Rule = (Leaf, &'static str, Stage, &'static str);

const BEFORE: &[Rule] = &[
    (Leaf::GlobalConfOutdated, "", Stage::Directory, "directory"),
    (Leaf::TimestampingFailed, "", Stage::Stamps, "stamps"),
    (Leaf::LoggingFailed, "disk", Stage::Fit, "disk"),
    (Leaf::LoggingFailed, "clock", Stage::Fit, "clock"),
    (Leaf::InternalError, "clock", Stage::Fit, "clock"),
    (Leaf::InternalError, "disk", Stage::Fit, "disk"),
    (Leaf::AccessDenied, "daily limit", Stage::Agreement, "limit"),
    (
        Leaf::AccessDenied,
        "at this moment",
        Stage::Agreement,
        "agreement-time",
    ),
    (Leaf::AccessDenied, "the field", Stage::Agreement, "field"),
    (Leaf::AccessDenied, "", Stage::Agreement, "no-agreement"),
    (
        Leaf::NetworkError,
        "directory",
        Stage::Directory,
        "directory",
    ),
    (
        Leaf::NetworkError,
        "revoked",
        Stage::Certificate,
        "own-revoked",
    ),
    (
        Leaf::NetworkError,
        "",
        Stage::Certificate,
        "own-certificate",
    ),
    (
        Leaf::UnknownMember,
        "no server",
        Stage::Line,
        "not-registered",
    ),
    (Leaf::InvalidSecurityServer, "", Stage::Line, "server"),
    (
        Leaf::SslAuthenticationFailed,
        "",
        Stage::Request,
        "system-certificate",
    ),
    (Leaf::InvalidClientIdentifier, "", Stage::Request, "client"),
    (Leaf::UnknownMember, "", Stage::Request, "client"),
    (
        Leaf::InvalidRequest,
        "used before",
        Stage::Request,
        "number",
    ),
    (Leaf::InternalError, "", Stage::Fit, "node"),
];

const AFTER: &[Rule] = &[
    (Leaf::GlobalConfOutdated, "", Stage::Directory, "directory"),
    (Leaf::UnknownMember, "", Stage::Line, "not-registered"),
    (Leaf::InvalidSecurityServer, "", Stage::Line, "server"),
    (Leaf::MaintenanceMode, "", Stage::Line, "maintenance"),
    (Leaf::NetworkError, "revoked", Stage::Line, "peer-revoked"),
    (
        Leaf::NetworkError,
        "not a server of the provider",
        Stage::Line,
        "peer-certificate",
    ),
    (
        Leaf::NetworkError,
        "certificate",
        Stage::Line,
        "peer-certificate",
    ),
    (Leaf::NetworkError, "OCSP", Stage::Line, "peer-status"),
    (Leaf::NetworkError, "", Stage::Line, "line"),
    (Leaf::IoError, "", Stage::System, "timeout"),
    (
        Leaf::InvalidSignatureValue,
        "",
        Stage::Proof,
        "answer-signature",
    ),
    (Leaf::InvalidBody, "", Stage::Proof, "answer-body"),
    (Leaf::InternalError, "", Stage::Kept, "node"),
];

const THERE: &[Rule] = &[
    (
        Leaf::GlobalConfOutdated,
        "",
        Stage::State,
        "their-directory",
    ),
    (Leaf::TimestampingFailed, "", Stage::State, "their-stamps"),
    (Leaf::LoggingFailed, "", Stage::State, "their-node"),
    (Leaf::MaintenanceMode, "", Stage::State, "maintenance"),
    (Leaf::UnknownMember, "", Stage::Peer, "not-registered-there"),
    (
        Leaf::SslAuthenticationFailed,
        "not a server of the client",
        Stage::Peer,
        "peer-server",
    ),
    (
        Leaf::SslAuthenticationFailed,
        "",
        Stage::Peer,
        "certificate-there",
    ),
    (Leaf::UnknownService, "", Stage::Service, "unknown-service"),
    (Leaf::ServiceDisabled, "", Stage::Service, "disabled"),
    (Leaf::ServiceType, "", Stage::Service, "service-type"),
    (
        Leaf::ServiceMissingUrl,
        "",
        Stage::Service,
        "unknown-service",
    ),
    (Leaf::AccessDenied, "access right", Stage::Right, "right"),
    (Leaf::AccessDenied, "daily limit", Stage::Terms, "limit"),
    (
        Leaf::AccessDenied,
        "at this moment",
        Stage::Terms,
        "agreement-time",
    ),
    (Leaf::AccessDenied, "the field", Stage::Terms, "field"),
    (Leaf::AccessDenied, "no purpose", Stage::Terms, "purpose"),
    (Leaf::AccessDenied, "", Stage::Terms, "no-agreement-there"),
    (
        Leaf::InvalidSignatureValue,
        "",
        Stage::Signature,
        "signature",
    ),
    (Leaf::MalformedSignature, "", Stage::Signature, "signature"),
    (Leaf::MissingSignature, "", Stage::Signature, "signature"),
    (
        Leaf::CertValidation,
        "",
        Stage::Signature,
        "sign-certificate",
    ),
    (
        Leaf::IncorrectCertificate,
        "",
        Stage::Signature,
        "sign-certificate",
    ),
    (
        Leaf::InvalidRequest,
        "received before",
        Stage::Fresh,
        "number",
    ),
    (Leaf::IoError, "own system", Stage::System, "system-away"),
    (
        Leaf::IoError,
        "this node's limit",
        Stage::System,
        "system-answer",
    ),
    (Leaf::IoError, "", Stage::Form, "slow"),
    (Leaf::NetworkError, "", Stage::System, "system-away"),
    (Leaf::UnknownHost, "", Stage::System, "system-away"),
    (Leaf::HttpError, "", Stage::System, "system-answer"),
    (
        Leaf::CannotCreateSignature,
        "",
        Stage::Sealed,
        "cannot-sign",
    ),
    (Leaf::InternalError, "", Stage::System, "their-node"),
];

impl Diagnosis {
    /// The diagnosis of an error code with its cause, as far as that is known.
    pub fn of(noticed: Noticed, code: &str, cause: &str) -> Self {
        let parsed = Code::parse(code);
        let there = noticed == Noticed::There
            || code.to_ascii_lowercase().starts_with("server.serverproxy.");
        if let Some(code) = parsed.filter(|code| there && code.service_failed) {
            let advice = match code.leaf {
                Leaf::NetworkError | Leaf::IoError | Leaf::UnknownHost => "system-away",
                _ => "system-answer",
            };
            let stage = Stage::System;
            return Self { stage, advice };
        }
        let rules = match (there, noticed) {
            (true, _) => THERE,
            (false, Noticed::Before) => BEFORE,
            (false, _) => AFTER,
        };
        let fits =
            |rule: &&Rule| parsed.is_some_and(|code| code.leaf == rule.0) && cause.contains(rule.1);
        match rules.iter().find(fits) {
            Some((_, _, stage, advice)) => Self {
                stage: *stage,
                advice,
            },
            None if there => Self {
                stage: Stage::Form,
                advice: "form",
            },
            None if noticed == Noticed::Before => Self {
                stage: Stage::Request,
                advice: "request",
            },
            None => Self {
                stage: Stage::Line,
                advice: "line",
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back_and_the_way_is_in_order() {
        for pair in Stage::ALL.windows(2) {
            assert!(pair[0] < pair[1]);
        }
        for stage in Stage::ALL {
            assert_eq!(Stage::of(stage.word()), Some(stage));
        }
    }

    #[test]
    fn codes_lead_to_steps_in_both_spellings() {
        let cases = [
            (
                Noticed::After,
                "server.serverproxy.access_denied",
                "no access right to this endpoint",
                Stage::Right,
            ),
            (
                Noticed::After,
                "Server.ServerProxy.AccessDenied",
                "",
                Stage::Terms,
            ),
            (
                Noticed::After,
                "server.serverproxy.service_failed.network_error",
                "",
                Stage::System,
            ),
            (
                Noticed::After,
                "server.clientproxy.network_error",
                "refused",
                Stage::Line,
            ),
            (
                Noticed::Before,
                "server.clientproxy.network_error",
                "OCSP: away",
                Stage::Certificate,
            ),
            (
                Noticed::After,
                "server.clientproxy.service_failed.io_error",
                "",
                Stage::System,
            ),
            (
                Noticed::There,
                "server.serverproxy.invalid_request",
                "this message number was received before",
                Stage::Fresh,
            ),
            (
                Noticed::After,
                "server.serverproxy.made_up",
                "",
                Stage::Form,
            ),
        ];
        for (noticed, code, cause, stage) in cases {
            assert_eq!(
                Diagnosis::of(noticed, code, cause).stage,
                stage,
                "{code} {cause}"
            );
        }
    }
}
