//! The verdict on a container: every check that X-Road's own verifier makes, in one order, with reasons.
//!
//! Validity is judged at the moment of the time stamp: certificates expire, signatures that were stamped in time stay
//! good. Trust comes from the shared parameters alone; nothing inside a container vouches for itself.

use kernel::Moment;

use super::report::{Check, Proof, Refusal, Report, Step};
use super::sender::{Sender, sender_of};
use super::{BatchStamp, Container, Opened, message};
use crate::cert::Certificate;
use crate::error::TrustError;
use crate::globalconf::{Authority, SharedParams};
use crate::hashchain;
use crate::name::{self, Name};
use crate::ocsp;
use crate::path::Valid;
use crate::tsp::{self, Stamped};
use crate::xades::message::MessageError;
use crate::xades::{VerifiedSignature, XadesError};

/// How far clocks of stamper and reader may be apart, in seconds.
pub const SKEW_SECONDS: i64 = 300;

/// Verifies a container with the parameters of its ecosystem. `now` bounds what can be true already.
pub fn verify_container(bytes: &[u8], params: &SharedParams, now: Moment) -> Report {
    let mut session = Session {
        params,
        now,
        steps: Vec::new(),
    };
    let verdict = session.run(bytes);
    Report {
        steps: session.steps,
        verdict,
    }
}

struct Session<'a> {
    params: &'a SharedParams,
    now: Moment,
    steps: Vec<Step>,
}

fn refuse(check: Check, code: &'static str, reason: impl ToString) -> Refusal {
    Refusal {
        check,
        code,
        reason: reason.to_string(),
    }
}

impl Session<'_> {
    fn note(
        &mut self,
        check: Check,
        finding: impl Into<String>,
        by: Option<String>,
        at: Option<Moment>,
    ) {
        self.steps.push(Step {
            check,
            finding: finding.into(),
            by,
            at,
        });
    }

    fn run(&mut self, bytes: &[u8]) -> Result<Proof, Refusal> {
        let opened = Container::open(bytes)
            .map_err(|error| refuse(Check::Container, error.code(), &error))?;
        self.note(Check::Container, files(&opened), None, None);
        let container = opened.container;
        let verified = container
            .verify_signature()
            .map_err(|error| unsigned(&container, error))?;
        let signature = verified.signature();
        self.note(
            Check::Signature,
            covered(&verified),
            Some(readable(signature.signer().subject())),
            Some(signature.signing_time()),
        );
        let stamped = self.time(&container, opened.token.as_deref(), signature)?;
        let valid = self.certificate(signature, &stamped)?;
        self.revocation(signature, &valid)?;
        let sender = self.sender(&container, &valid)?;
        Ok(Proof {
            sender,
            signer: signature.signer().clone(),
            signed_at: signature.signing_time(),
            stamped_at: stamped.at(),
            covered: verified.covered().to_vec(),
        })
    }

    fn time(
        &mut self,
        container: &Container,
        token: Option<&[u8]>,
        signature: &VerifiedSignature,
    ) -> Result<Stamped, Refusal> {
        let units: Vec<_> = self
            .params
            .stampers
            .iter()
            .map(|stamper| stamper.certificate.clone())
            .collect();
        let stamped = match &container.batch_stamp {
            Some(stamp) => batch(stamp, &container.signature, &units)?,
            None => alone(signature, token, &units)?,
        };
        if stamped.at() > self.now.plus_seconds(SKEW_SECONDS) {
            let reason = "the time stamp is from the future";
            return Err(refuse(Check::Time, "timestamp_validation", reason));
        }
        let unit = stamped.unit().leaf();
        let service = self
            .params
            .stampers
            .iter()
            .find(|stamper| stamper.certificate == *unit);
        let by = service.map_or_else(|| readable(unit.subject()), |stamper| stamper.name.clone());
        let kind = if container.batch_stamp.is_some() {
            "batch time stamp"
        } else {
            "time stamp of the signature"
        };
        self.note(Check::Time, kind, Some(by), Some(stamped.at()));
        Ok(stamped)
    }

    fn certificate(
        &mut self,
        signature: &VerifiedSignature,
        stamped: &Stamped,
    ) -> Result<Valid, Refusal> {
        let known = self
            .params
            .authorities
            .iter()
            .flat_map(|authority| &authority.intermediates);
        let mut others: Vec<_> = known.map(|issuer| issuer.certificate.clone()).collect();
        others.extend_from_slice(signature.other_certificates());
        let valid = self
            .params
            .signing_anchors()
            .validate(signature.signer(), &others, stamped.at())
            .map_err(|error| refuse(Check::Certificate, NO_PATH, &error))?
            .for_signing()
            .map_err(|error| refuse(Check::Certificate, MALFORMED, &error))?;
        let authority = self.authority(&valid)?;
        let finding = format!(
            "certificate {} was valid",
            signature.signer().serial_decimal()
        );
        let name = authority.name.clone();
        self.note(Check::Certificate, finding, Some(name), Some(stamped.at()));
        Ok(valid)
    }

    fn authority(&self, valid: &Valid) -> Result<&Authority, Refusal> {
        let anchor = valid
            .path()
            .last()
            .and_then(|anchor| self.params.authority_of(anchor));
        anchor.ok_or_else(|| refuse(Check::Certificate, NO_PATH, "the authority is not approved"))
    }

    /// Every certificate below the anchor needs a good response that was fresh when the signature was stamped. The
    /// first response about a certificate decides: a better one behind it hides nothing.
    fn revocation(&mut self, signature: &VerifiedSignature, valid: &Valid) -> Result<(), Refusal> {
        let refuse = |code, reason: &dyn std::fmt::Display| refuse(Check::Revocation, code, reason);
        let responders = self.authority(valid)?.responder_certificates();
        let check = ocsp::Check {
            freshness_seconds: Some(self.params.ocsp_freshness_seconds),
            responders: &responders,
            grace_seconds: 0,
            ..ocsp::Check::at(valid.at())
        };
        if signature.ocsp_responses().is_empty() {
            let reason = "no OCSP response is in the signature";
            return Err(refuse(MALFORMED, &reason));
        }
        for pair in valid.path().windows(2) {
            let mut responses = signature.ocsp_responses().iter();
            let response = responses
                .find(|response| ocsp::is_about(response, &pair[0], &pair[1]))
                .ok_or_else(|| refuse(REVOKED, &"no OCSP response is about the certificate"))?;
            let good = ocsp::verify(response, &pair[0], &pair[1], &check)
                .map_err(|error| refuse(UNPROVEN, &error))?
                .good()
                .map_err(|error| refuse(REVOKED, &error))?;
            let finding = format!("certificate {} was not revoked", pair[0].serial_decimal());
            self.note(
                Check::Revocation,
                finding,
                Some(readable(pair[1].subject())),
                Some(good.this_update()),
            );
        }
        Ok(())
    }

    fn sender(&mut self, container: &Container, valid: &Valid) -> Result<Sender, Refusal> {
        let sender = sender_of(&container.message).ok_or_else(|| {
            refuse(
                Check::Sender,
                "invalid_message",
                "the message names no sender",
            )
        })?;
        let authority = self.authority(valid)?;
        let named = authority
            .profile
            .member(valid.leaf().subject(), &self.params.instance);
        if named.as_ref() != Some(&sender.member) {
            let named = named.map_or_else(|| "no member".to_owned(), |member| member.to_string());
            let reason = format!(
                "the certificate names {named}, the message {}",
                sender.member
            );
            return Err(refuse(Check::Sender, "incorrect_certificate", reason));
        }
        let registered = self.params.member(&sender.member).is_some();
        let finding = match registered {
            true => format!("the certificate is that of {}", sender.member),
            false => format!(
                "the certificate is that of {}, which is no member today",
                sender.member
            ),
        };
        self.note(Check::Sender, finding, None, None);
        Ok(sender)
    }
}

/// The stamp over the hash chain result, and the chain down to this signature document.
fn batch(stamp: &BatchStamp, signature: &[u8], units: &[Certificate]) -> Result<Stamped, Refusal> {
    let name = format!("/{}", super::SIGNATURES);
    hashchain::verify(
        &stamp.result,
        &stamp.chain,
        "/ts-hashchain.xml",
        &[(&name, signature)],
    )
    .map_err(|error| refuse(Check::Time, MALFORMED, &error))?;
    tsp::verify_token_of(&stamp.token, |hash| hash.digest(&stamp.result), units)
        .map_err(|error| refuse(Check::Time, stamp_code(&error), &error))
}

/// X-Road has a name of its own for a stamp over other bytes.
fn stamp_code(error: &TrustError) -> &'static str {
    match error {
        TrustError::BadSignature { what } if *what == tsp::IMPRINT => MALFORMED,
        _ => "timestamp_validation",
    }
}

/// The first good stamp of this signature alone: beside it over its value, or inside it over its value or over the
/// element that holds it.
fn alone(
    signature: &VerifiedSignature,
    token: Option<&[u8]>,
    units: &[Certificate],
) -> Result<Stamped, Refusal> {
    let mut cause = TrustError::refused("there is no time stamp");
    let mut tried = false;
    let beside = token.map(|token| (token, signature.signature_value()));
    let inside = signature.time_stamps().iter().flat_map(|stamp| {
        let token = stamp.token.as_slice();
        stamp
            .candidates
            .iter()
            .map(move |bytes| (token, bytes.as_slice()))
    });
    for (token, bytes) in beside.into_iter().chain(inside) {
        let digest = |hash: crate::sigalg::Hash| hash.digest(bytes);
        match tsp::verify_token_of(token, digest, units) {
            Ok(stamped) => return Ok(stamped),
            // Over which bytes a stamp should be is tried; what else is wrong with it is told first.
            Err(error) => {
                let told = stamp_code(&cause) != MALFORMED && tried;
                cause = if told { cause } else { error };
                tried = true;
            }
        }
    }
    let missing = token.is_none() && signature.time_stamps().is_empty();
    let code = if missing {
        "asic_timestamp_not_found"
    } else {
        stamp_code(&cause)
    };
    Err(refuse(Check::Time, code, &cause))
}

/// A name as a person knows it: organisation and common name; all of it if it has neither.
fn readable(subject: &Name) -> String {
    match (
        subject.get(name::ORGANISATION),
        subject.get(name::COMMON_NAME),
    ) {
        (Some(organisation), Some(common)) => format!("{organisation} ({common})"),
        (None, Some(common)) => common.to_owned(),
        _ => subject.to_string(),
    }
}

/// X-Road's code for whatever makes a signature say nothing about the message.
const MALFORMED: &str = "malformed_signature";
/// X-Road's code for a signer whose certificate leads to no approved authority, or was not valid at the stamp.
const NO_PATH: &str = "cannot_create_cert_path.internal_error";
/// X-Road's code for a certificate that nobody says to be good.
const REVOKED: &str = "invalid_cert_path.cert_validation";
/// X-Road's code for a response that is too old, badly signed or of the wrong responder.
const UNPROVEN: &str = "invalid_cert_path.incorrect_validation_info";

/// X-Road looks at the hash chain before the signature's value, so a fault there is told first.
fn unsigned(container: &Container, error: MessageError) -> Refusal {
    let is_value = matches!(error, MessageError::Signature(XadesError::InvalidValue(_)));
    let parts: [(&str, &[u8]); 1] = [(message::MESSAGE, &container.message)];
    let chain = container.hash_chain.as_ref().filter(|_| is_value);
    let broken = chain.and_then(|(result, chain)| {
        hashchain::verify(result, chain, message::HASH_CHAIN, &parts).err()
    });
    let error = broken.map_or(error, MessageError::HashChain);
    refuse(Check::Signature, signature_code(&error), &error)
}

/// X-Road puts the reason in a hash chain behind a point.
fn signature_code(error: &MessageError) -> &'static str {
    match error {
        MessageError::Signature(XadesError::InvalidReference(uri))
            if ![message::MESSAGE, message::HASH_CHAIN_RESULT].contains(&uri.as_str()) =>
        {
            MALFORMED
        }
        MessageError::HashChain(error) => error.code_in_signature(),
        other => other.code(),
    }
}

fn files(opened: &Opened) -> String {
    let container = &opened.container;
    let attachments = container.attachments.len();
    let chain = if container.hash_chain.is_some() {
        ", a hash chain"
    } else {
        ""
    };
    let uncovered = match opened.uncovered.as_slice() {
        [] => String::new(),
        names => format!("; nothing covers {}", names.join(", ")),
    };
    format!("a message, {attachments} attachments{chain}, a signature{uncovered}")
}

fn covered(verified: &message::VerifiedMessage) -> String {
    let names: Vec<String> = verified
        .covered()
        .iter()
        .map(|part| match part.present {
            true => part.uri.clone(),
            false => format!(
                "{} (by digest {})",
                part.uri,
                data_encoding::BASE64.encode(&part.digest)
            ),
        })
        .collect();
    format!("the signature covers {}", names.join(", "))
}
