//! Judging the signatures of a PDF that comes from anywhere.
//!
//! Every byte of the file is foreign. Reading is strict (no repair of damaged files: what viewers repair differently
//! is where attacks live), bounded in size and count, and ends with a verdict in every case, never with a panic.
//! Revocation is not part of this judgement: a PAdES-B-T file carries no answer about it.

use kernel::Moment;
use lopdf::{Document, LoadOptions};
use trust::cert::{Certificate, usage};
use trust::cms::{Signed, SignedData};
use trust::name::COMMON_NAME;
use trust::{Anchors, Hash, TrustError, tsp};

use super::revisions;
use super::signatures::{self, Found};
use super::verdict::{Indication, Reason, SignatureReport, State, Step, Verdict};

/// Largest PDF judged, in bytes: three times what is taken in, for files of other bodies.
pub const PDF_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Most bytes that one compressed part of a file may grow to while it is read.
const UNPACKED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Judges files against the authorities that a body trusts.
#[derive(Clone, Debug)]
pub struct Verifier {
    anchors: Anchors,
}

/// What a signature proves, once the cryptography holds.
struct Proven {
    signed: Signed,
    stamped_at: Option<Moment>,
}

/// Why a signature is not valid, with a word for experts.
struct Failed(Reason, String);

impl From<TrustError> for Failed {
    fn from(cause: TrustError) -> Self {
        let reason = match &cause {
            TrustError::Malformed { .. } | TrustError::TooLarge { .. } => Reason::FormatFailure,
            TrustError::Unsupported { .. } => Reason::CryptoConstraintsFailure,
            TrustError::BadSignature {
                what: "content digest",
            } => Reason::HashFailure,
            TrustError::BadSignature { .. } => Reason::SigCryptoFailure,
            _ => Reason::FormatFailure,
        };
        Self(reason, cause.to_string())
    }
}

impl Verifier {
    /// A verifier that trusts `anchors` and nothing else.
    pub fn new(anchors: Anchors) -> Self {
        Self { anchors }
    }

    /// The authorities it trusts.
    pub fn anchors(&self) -> &Anchors {
        &self.anchors
    }

    /// Judges all signatures of `pdf` as of `now`.
    pub fn verify(&self, pdf: &[u8], now: Moment) -> Verdict {
        if pdf.len() > PDF_BYTES_MAX {
            return Verdict::plain(Reason::FormatFailure, "larger than what is judged");
        }
        let document = match load(pdf) {
            Ok(document) => document,
            Err(cause) => return Verdict::plain(Reason::FormatFailure, cause),
        };
        let found = match signatures::find(&document, pdf) {
            Ok(found) => found,
            Err(wrong) => return Verdict::plain(Reason::FormatFailure, wrong),
        };
        Verdict::of(
            found
                .iter()
                .map(|signature| self.judge(signature, &document, pdf, now))
                .collect(),
        )
    }

    fn judge(
        &self,
        found: &Found,
        document: &Document,
        pdf: &[u8],
        now: Moment,
    ) -> SignatureReport {
        let is_stamp = found.sub_filter == b"ETSI.RFC3161";
        let covers_file = found.end == pdf.len();
        let mut report = SignatureReport {
            field: found.field.clone(),
            is_stamp,
            signer: String::new(),
            certificate: String::new(),
            claimed_at: found.claimed_at,
            stamped_at: None,
            covers_file,
            indication: Indication::Valid,
            reason: None,
            detail: String::new(),
            steps: vec![Step {
                key: "documents-step-form",
                state: State::Passed,
            }],
        };
        report.step(
            "documents-step-whole",
            if covers_file {
                State::Passed
            } else {
                State::Skipped
            },
        );
        if !covers_file {
            let later = later_additions(found, document, pdf);
            report.outcome("documents-step-later", later);
        }
        if is_stamp {
            self.judge_stamp(&mut report, found, pdf);
        } else {
            self.judge_signature(&mut report, found, pdf, now);
        }
        report
    }

    fn judge_stamp(&self, report: &mut SignatureReport, found: &Found, pdf: &[u8]) {
        let covered = found.covered(pdf);
        let stamped = tsp::verify_token(
            &found.contents,
            |hash| hash.digest(&covered),
            &self.anchors,
            &[],
        )
        .map_err(stamp_failed);
        match stamped {
            Ok(stamped) => {
                report.stamped_at = Some(stamped.at());
                report.name(stamped.unit().leaf());
                report.step("documents-step-content", State::Passed);
                report.step("documents-step-stamp", State::Passed);
            }
            Err(failed) => report.fail("documents-step-stamp", failed),
        }
    }

    fn judge_signature(
        &self,
        report: &mut SignatureReport,
        found: &Found,
        pdf: &[u8],
        now: Moment,
    ) {
        let proven = match self.prove(report, found, pdf) {
            Ok(proven) => proven,
            Err((step, failed)) => return report.fail(step, failed),
        };
        report.stamped_at = proven.stamped_at;
        let at = proven.stamped_at.unwrap_or(now);
        report.outcome("documents-step-chain", self.chain(&proven, at));
        let stamp = if proven.stamped_at.is_some() {
            State::Passed
        } else {
            State::Skipped
        };
        report.step("documents-step-stamp", stamp);
    }

    /// Content, signature and time stamp; on failure the step that failed.
    fn prove(
        &self,
        report: &mut SignatureReport,
        found: &Found,
        pdf: &[u8],
    ) -> Result<Proven, (&'static str, Failed)> {
        const FORM: &str = "documents-step-content";
        const SIGNATURE: &str = "documents-step-signature";
        if !matches!(
            &found.sub_filter[..],
            b"ETSI.CAdES.detached" | b"adbe.pkcs7.detached"
        ) {
            let detail = String::from_utf8_lossy(&found.sub_filter).into_owned();
            return Err((FORM, Failed(Reason::CryptoConstraintsFailure, detail)));
        }
        let data = SignedData::from_der(&found.contents).map_err(|cause| (FORM, cause.into()))?;
        if data.content().is_some() {
            return Err((
                FORM,
                Failed(
                    Reason::FormatFailure,
                    "a signature with content of its own".into(),
                ),
            ));
        }
        let covered = found.covered(pdf);
        let signers = data
            .verify(|hash| hash.digest(&covered), &[])
            .map_err(|cause| {
                let failed = Failed::from(cause);
                (
                    if failed.0 == Reason::HashFailure {
                        FORM
                    } else {
                        SIGNATURE
                    },
                    failed,
                )
            })?;
        let [signed] = <[Signed; 1]>::try_from(signers).map_err(|_| {
            (
                SIGNATURE,
                Failed(
                    Reason::FormatFailure,
                    "several signers in one signature".into(),
                ),
            )
        })?;
        report.step(FORM, State::Passed);
        report.step(SIGNATURE, State::Passed);
        report.name(signed.certificate());
        let stamped_at = self
            .stamp(&signed)
            .map_err(|failed| ("documents-step-stamp", failed))?;
        Ok(Proven { signed, stamped_at })
    }

    /// The moment that the signature's time stamp proves. A stamp that is there must be good.
    fn stamp(&self, signed: &Signed) -> Result<Option<Moment>, Failed> {
        let mut earliest = None;
        for token in signed.timestamps() {
            let value = signed.signature_value();
            let stamped = tsp::verify_token(token, |hash| hash.digest(value), &self.anchors, &[])
                .map_err(stamp_failed)?;
            let bag = SignedData::from_der(token).map_err(stamp_failed)?;
            self.explained(bag.certificates(), stamped.at())?;
            earliest = Some(earliest.map_or(stamped.at(), |other: Moment| other.min(stamped.at())));
        }
        Ok(earliest)
    }

    fn chain(&self, proven: &Proven, at: Moment) -> Result<(), Failed> {
        let signed = &proven.signed;
        let leaf = signed.certificate();
        let outside = at < leaf.not_before() || at.seconds() > leaf.not_after().seconds();
        if outside {
            let early = at < leaf.not_before() && proven.stamped_at.is_some();
            let reason = if early {
                Reason::TimestampOrderFailure
            } else {
                Reason::OutOfBoundsNoPoe
            };
            return Err(Failed(reason, format!("not valid at {}", at.iso())));
        }
        signed
            .validate(&self.anchors, at)
            .map_err(|cause| Failed(Reason::NoCertificateChainFound, cause.to_string()))?;
        if leaf.is_ca() || !leaf.has_usage(usage::NON_REPUDIATION) {
            return Err(Failed(
                Reason::ChainConstraintsFailure,
                "not for signatures".to_owned(),
            ));
        }
        self.explained(signed.others(), at)
    }

    /// Certificates that travel with a signature are not signed themselves: each must have a path of its own.
    fn explained(&self, bag: &[Certificate], at: Moment) -> Result<(), Failed> {
        for certificate in bag {
            self.anchors
                .validate(certificate, bag, at)
                .map_err(|cause| {
                    Failed(
                        Reason::NoCertificateChainFound,
                        format!("a certificate that travels along: {cause}"),
                    )
                })?;
        }
        Ok(())
    }
}

fn stamp_failed(cause: TrustError) -> Failed {
    Failed(Reason::TimestampFailure, cause.to_string())
}

fn load(pdf: &[u8]) -> Result<Document, String> {
    let options = LoadOptions {
        strict: true,
        max_decompressed_size: Some(UNPACKED_BYTES_MAX),
        ..LoadOptions::default()
    };
    let document =
        Document::load_mem_with_options(pdf, options).map_err(|cause| cause.to_string())?;
    if document.is_encrypted() || document.was_encrypted() {
        return Err("the file is encrypted".to_owned());
    }
    Ok(document)
}

/// Judges what was added to the file after the signature.
fn later_additions(found: &Found, document: &Document, pdf: &[u8]) -> Result<(), Failed> {
    let before = load(&pdf[..found.end]).map_err(|cause| Failed(Reason::FormatFailure, cause))?;
    let signed_there = before.get_dictionary(found.id).is_ok();
    if !signed_there {
        return Err(Failed(
            Reason::FormatFailure,
            "a signature is not in the revision it covers".into(),
        ));
    }
    revisions::check(&before, document)
        .map_err(|wrong| Failed(Reason::ChangedAfterwards, wrong.to_owned()))
}

impl SignatureReport {
    fn step(&mut self, key: &'static str, state: State) {
        self.steps.push(Step { key, state });
    }

    fn outcome(&mut self, key: &'static str, outcome: Result<(), Failed>) {
        match outcome {
            Ok(()) => self.step(key, State::Passed),
            Err(failed) => self.fail(key, failed),
        }
    }

    /// A step failed; the worst answer stays.
    fn fail(&mut self, key: &'static str, Failed(reason, detail): Failed) {
        self.step(key, State::Failed);
        if reason.indication() > self.indication {
            self.indication = reason.indication();
            self.reason = Some(reason);
            self.detail = detail;
        }
    }

    fn name(&mut self, certificate: &Certificate) {
        let subject = certificate.subject();
        let common = subject.get(COMMON_NAME).map(str::to_owned);
        self.signer = common.unwrap_or_else(|| subject.rfc2253());
        self.certificate = format!(
            "{} · {}",
            certificate.issuer().rfc2253(),
            certificate.serial_hex()
        );
    }
}

/// The digest algorithm of what this crate signs.
pub(super) const HASH: Hash = Hash::Sha256;
