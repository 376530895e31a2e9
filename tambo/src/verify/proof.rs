//! The proof of a log entry: format, the log's signature, cosignatures, the place in the tree, the entry itself.

use data_encoding::HEXLOWER;
use trust::log::proof::{ProofFile, ProofFileFault};

use super::{Report, Trusted};

/// The steps in the order in which they are taken.
const STEPS: [&str; 7] = [
    "the file has the form of a log proof",
    "a trusted log signed the checkpoint",
    "the trusted witnesses' cosignatures hold",
    "the entry is in the log at its place",
    "the entry is whole",
    "the entry speaks of the stated digest",
    "the entry says what is stated",
];

pub(super) fn verify(bytes: &[u8], trusted: &Trusted, report: &mut Report) {
    let outcome = ProofFile::parse(bytes).and_then(|proof| proof.verify(&trusted.logs));
    let failed_at = outcome.as_ref().err().map_or(STEPS.len(), step_of);
    STEPS
        .iter()
        .take(failed_at)
        .for_each(|step| report.held(step));
    match outcome {
        Ok(confirmed) => {
            let (kind, at, origin) = (confirmed.kind(), confirmed.at(), confirmed.origin());
            let (index, size) = (confirmed.index(), confirmed.size());
            report.held(format!(
                "`{kind}` of {at} is entry {index} of {size} in the log {origin}"
            ));
            for (name, value) in confirmed.note() {
                report.held(format!("{name}: {value}"));
            }
            report.held(format!(
                "sha256 of what it proves: {}",
                HEXLOWER.encode(confirmed.digest())
            ));
            for (witness, at) in confirmed.cosigned() {
                report.held(format!("cosigned by {witness} at {at}"));
            }
        }
        Err(fault @ (ProofFileFault::UnknownLog(_) | ProofFileFault::Cosignatures { .. })) => {
            report.open(fault);
        }
        Err(fault) => report.failed(format!("not so: {}: {fault}", STEPS[failed_at])),
    }
}

/// The step at which a fault is found.
fn step_of(fault: &ProofFileFault) -> usize {
    match fault {
        ProofFileFault::Format { .. } => 0,
        ProofFileFault::Note(_) | ProofFileFault::UnknownLog(_) => 1,
        ProofFileFault::Cosignatures { .. } => 2,
        ProofFileFault::Inclusion(_) => 3,
        ProofFileFault::Entry(_) => 4,
        ProofFileFault::Digest => 5,
        ProofFileFault::Told => 6,
    }
}
