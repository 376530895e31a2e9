//! What a verification found, step by step, for people and for programs.

use std::fmt;

use kernel::Moment;

use super::sender::Sender;
use crate::cert::Certificate;
use crate::hashchain::Covered;

/// What a step looked at, in the order in which it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// The archive, its files and manifests.
    Container,
    /// Signature value, references and hash chain.
    Signature,
    /// The time stamp.
    Time,
    /// The signer's certificate and its path to an approved authority.
    Certificate,
    /// That the certificate was not revoked.
    Revocation,
    /// That the certificate belongs to the member that the message names.
    Sender,
}

/// One thing that was found in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What was looked at.
    pub check: Check,
    /// What was found, in plain English for logs and the command line.
    pub finding: String,
    /// Who vouches for it: the subject of a certificate, or the name of a service.
    pub by: Option<String>,
    /// The moment that the finding is about.
    pub at: Option<Moment>,
}

/// Why a container proves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The check that failed; the steps before it were in order.
    pub check: Check,
    /// X-Road's error code.
    pub code: &'static str,
    /// The reason, for logs and the command line.
    pub reason: String,
}

/// What a container proves. Only [`super::verify_container`] makes it.
#[derive(Clone, Debug)]
pub struct Proof {
    pub(super) sender: Sender,
    pub(super) signer: Certificate,
    pub(super) signed_at: Moment,
    pub(super) stamped_at: Moment,
    pub(super) covered: Vec<Covered>,
}

impl Proof {
    /// The member that signed, the message's number, and whether it is an answer.
    pub fn sender(&self) -> &Sender {
        &self.sender
    }

    /// The certificate that signed.
    pub fn signer(&self) -> &Certificate {
        &self.signer
    }

    /// When the signer says to have signed.
    pub fn signed_at(&self) -> Moment {
        self.signed_at
    }

    /// When the signature existed at the latest, by the time-stamping service.
    pub fn stamped_at(&self) -> Moment {
        self.stamped_at
    }

    /// The parts that are proved. Attachments that are not in the container are proved by digest alone.
    pub fn covered(&self) -> &[Covered] {
        &self.covered
    }
}

/// The result of a verification.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was in order, in the order of checking.
    pub steps: Vec<Step>,
    /// What is proved, or why nothing is.
    pub verdict: Result<Proof, Refusal>,
}

impl Report {
    /// Whether the container proves its message.
    pub fn is_valid(&self) -> bool {
        self.verdict.is_ok()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            write!(f, "ok      {:?}: {}", step.check, step.finding)?;
            if let Some(by) = &step.by {
                write!(f, ", by {by}")?;
            }
            if let Some(at) = step.at {
                write!(f, ", at {at}")?;
            }
            writeln!(f)?;
        }
        match &self.verdict {
            Ok(proof) => {
                let kind = if proof.sender.response {
                    "response"
                } else {
                    "request"
                };
                writeln!(
                    f,
                    "VALID   {kind} of {}, stamped {}",
                    proof.sender.member, proof.stamped_at
                )
            }
            Err(refusal) => {
                writeln!(
                    f,
                    "REFUSED {:?}: {} ({})",
                    refusal.check, refusal.reason, refusal.code
                )
            }
        }
    }
}
