//! The text that two bodies sign: the terms of an agreement, and the notices that refuse or end one.
//!
//! Read by the stories beside it. A text is JSON in RFC 8785's form: names in the order of the alphabet, no spaces,
//! whole numbers, moments as RFC 3339 in UTC to the second. There is one spelling for one meaning: whatever reads as
//! terms but was written otherwise is refused, so the digest of the bytes names the agreement.

use data_encoding::HEXLOWER;
use kernel::{MemberId, Moment, ServiceId, SubsystemId};
use serde::{Deserialize, Serialize};
use trust::sigalg::Hash;

use crate::domain::agreement::{Agreement, FIELDS_MAX, PURPOSE_BYTES_MAX};
use crate::source::FIELD_BYTES_MAX;

/// Longest text in bytes: 256 fields of 100 bytes and a page of words fit.
pub const TEXT_BYTES_MAX: usize = 48 * 1024;
/// Longest number of an agreement; the longest that bodies give their conventions today have about 60 characters.
pub const NUMBER_CHARS_MAX: usize = 100;
/// Longest explanation, legal ground or reason, in characters: a paragraph that a person reads.
pub const WORDS_CHARS_MAX: usize = 1_000;
/// Longest time that an agreement may hold, in days: ten years, so that somebody looks at it again.
pub const DAYS_MAX: i64 = 3_660;

/// Names the form of a text; another form gets another name.
const FORM: &str = "tambo-agreement-1";
const REFUSAL: &str = "tambo-agreement-refusal-1";
const END: &str = "tambo-agreement-end-1";

/// What two bodies agree, or are asked to agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// What may be asked, of whom, until when; its number is the same on both sides.
    pub agreement: Agreement,
    /// 1 for the first text under a number; a renewal has the next.
    pub version: u32,
    /// Digest of the text that this one takes the place of; none for version 1.
    pub replaces: Option<String>,
    /// The purpose in words that citizens read too.
    pub purpose_text: String,
    /// The member that proposes.
    pub proposer: MemberId,
    /// When it was proposed.
    pub proposed_at: Moment,
}

/// Why a text is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadText {
    /// Longer than [`TEXT_BYTES_MAX`].
    #[error("the text is longer than {TEXT_BYTES_MAX} bytes")]
    TooLong,
    /// Not the JSON of such a text, or not in its one spelling.
    #[error("the text is not in the form of an agreement")]
    Form,
    /// A part of it is empty, too long or impossible.
    #[error("the agreement's {0} can't be so")]
    Term(&'static str),
}

/// The text's members in the order of the alphabet; serde writes and reads them in this order.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    client: SubsystemId,
    daily_limit: Option<u32>,
    fields: Vec<String>,
    form: String,
    legal_ground: String,
    number: String,
    proposed_at: String,
    proposer: MemberId,
    purpose: String,
    purpose_text: String,
    replaces: Option<String>,
    service: ServiceId,
    until: String,
    valid_from: String,
    version: u32,
}

/// SHA-256 of a text in lower-case hex: what names it.
pub fn digest(text: &[u8]) -> String {
    HEXLOWER.encode(&Hash::Sha256.digest(text))
}

impl Terms {
    /// The text that is signed.
    pub fn text(&self) -> String {
        let Agreement {
            number,
            client,
            service,
            purpose,
            fields,
            valid_from,
            until,
            legal_ground,
            daily_limit,
        } = self.agreement.clone();
        let wire = Wire {
            client,
            daily_limit,
            fields,
            form: FORM.to_owned(),
            legal_ground,
            number,
            proposed_at: self.proposed_at.iso_seconds(),
            proposer: self.proposer.clone(),
            purpose,
            purpose_text: self.purpose_text.clone(),
            replaces: self.replaces.clone(),
            service,
            until: until.iso_seconds(),
            valid_from: valid_from.iso_seconds(),
            version: self.version,
        };
        serde_json::to_string(&wire).expect("texts and whole numbers always become JSON")
    }

    /// Reads a text.
    ///
    /// # Errors
    /// [`BadText`]; a text in any other spelling than [`Terms::text`] writes is not taken.
    pub fn read(text: &[u8]) -> Result<Self, BadText> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(BadText::TooLong);
        }
        let wire: Wire = serde_json::from_slice(text).map_err(|_| BadText::Form)?;
        let moment = |text: &str| Moment::parse_iso(text).ok_or(BadText::Form);
        let form = wire.form == FORM;
        let terms = Self {
            proposed_at: moment(&wire.proposed_at)?,
            agreement: Agreement {
                valid_from: moment(&wire.valid_from)?,
                until: moment(&wire.until)?,
                number: wire.number,
                client: wire.client,
                service: wire.service,
                purpose: wire.purpose,
                fields: wire.fields,
                legal_ground: wire.legal_ground,
                daily_limit: wire.daily_limit,
            },
            version: wire.version,
            replaces: wire.replaces,
            purpose_text: wire.purpose_text,
            proposer: wire.proposer,
        };
        if !form || terms.text().as_bytes() != text {
            return Err(BadText::Form);
        }
        terms.check()?;
        Ok(terms)
    }

    /// Whether every term is possible.
    ///
    /// # Errors
    /// [`BadText::Term`] with the first that is not.
    pub fn check(&self) -> Result<(), BadText> {
        let held = &self.agreement;
        let days = held.until.seconds_since(held.valid_from) / 86_400;
        let tests = [
            ("number", is_number(&held.number)),
            ("version", self.version >= 1),
            (
                "earlier text",
                self.replaces.is_some() == (self.version > 1),
            ),
            (
                "earlier text",
                self.replaces.as_deref().is_none_or(is_digest),
            ),
            ("purpose", is_code(&held.purpose)),
            ("purpose in words", is_words(&self.purpose_text)),
            ("legal ground", is_words(&held.legal_ground)),
            ("fields", are_fields(&held.fields)),
            ("time", held.valid_from < held.until && days <= DAYS_MAX),
            ("daily limit", held.daily_limit != Some(0)),
            ("parties", held.client.member != *held.service.member()),
            ("proposer", self.is_party(&self.proposer)),
        ];
        match tests.iter().find(|(_, holds)| !holds) {
            Some((term, _)) => Err(BadText::Term(term)),
            None => Ok(()),
        }
    }

    /// Whether `member` is one of the two bodies.
    pub fn is_party(&self, member: &MemberId) -> bool {
        self.agreement.client.member == *member || self.agreement.service.member() == member
    }

    /// The body that must accept.
    pub fn acceptor(&self) -> &MemberId {
        self.other(&self.proposer)
    }

    /// The body that is not `member`.
    pub fn other(&self, member: &MemberId) -> &MemberId {
        if self.agreement.client.member == *member {
            self.agreement.service.member()
        } else {
            &self.agreement.client.member
        }
    }

    /// The subsystem by which `member`, one of the two, takes part.
    pub fn subsystem_of(&self, member: &MemberId) -> &SubsystemId {
        if self.agreement.client.member == *member {
            &self.agreement.client
        } else {
            &self.agreement.service.subsystem
        }
    }

    /// Whether this may follow `earlier` under the same number: same two subsystems, the next version, its digest named.
    pub fn follows(&self, earlier: &Self) -> bool {
        self.agreement.number == earlier.agreement.number
            && self.agreement.client == earlier.agreement.client
            && self.agreement.service == earlier.agreement.service
            && self.version == earlier.version + 1
            && self.replaces.as_deref() == Some(&digest(earlier.text().as_bytes()))
    }
}

fn is_number(text: &str) -> bool {
    let sign = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (1..=NUMBER_CHARS_MAX).contains(&text.len())
        && text.chars().all(sign)
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
}

/// A purpose travels in a header and names a procedure: visible ASCII and letters, no control characters.
fn is_code(text: &str) -> bool {
    (1..=PURPOSE_BYTES_MAX).contains(&text.len())
        && text.trim() == text
        && !text.chars().any(char::is_control)
}

fn is_words(text: &str) -> bool {
    let count = text.chars().count();
    (1..=WORDS_CHARS_MAX).contains(&count)
        && text.trim() == text
        && !text.chars().any(|c| c.is_control() && c != '\n')
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn are_fields(fields: &[String]) -> bool {
    let mut seen = std::collections::BTreeSet::new();
    fields.len() <= FIELDS_MAX
        && fields.iter().all(|field| {
            (1..=FIELD_BYTES_MAX).contains(&field.len())
                && !field.chars().any(|c| c.is_control() || c == ',')
                && seen.insert(field)
        })
}

/// Says no to a proposal, or ends what was agreed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Whether it ends an agreement; or else it refuses a proposal.
    pub ends: bool,
    /// Number of the agreement.
    pub number: String,
    /// Which version.
    pub version: u32,
    /// Digest of its text, so that a notice is about nothing else.
    pub digest: String,
    /// Why, in words.
    pub reason: String,
    /// When it was decided.
    pub at: Moment,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NoticeWire {
    at: String,
    digest: String,
    form: String,
    number: String,
    reason: String,
    version: u32,
}

impl Notice {
    /// The text that is signed.
    pub fn text(&self) -> String {
        let wire = NoticeWire {
            at: self.at.iso_seconds(),
            digest: self.digest.clone(),
            form: if self.ends { END } else { REFUSAL }.to_owned(),
            number: self.number.clone(),
            reason: self.reason.clone(),
            version: self.version,
        };
        serde_json::to_string(&wire).expect("texts and whole numbers always become JSON")
    }

    /// Reads a text.
    ///
    /// # Errors
    /// [`BadText`], as for terms.
    pub fn read(text: &[u8]) -> Result<Self, BadText> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(BadText::TooLong);
        }
        let wire: NoticeWire = serde_json::from_slice(text).map_err(|_| BadText::Form)?;
        let notice = Self {
            ends: wire.form == END,
            number: wire.number,
            version: wire.version,
            digest: wire.digest,
            reason: wire.reason,
            at: Moment::parse_iso(&wire.at).ok_or(BadText::Form)?,
        };
        if notice.text().as_bytes() != text {
            return Err(BadText::Form);
        }
        let tests = [
            ("number", is_number(&notice.number)),
            ("digest", is_digest(&notice.digest)),
            ("reason", is_words(&notice.reason)),
        ];
        match tests.iter().find(|(_, holds)| !holds) {
            Some((term, _)) => Err(BadText::Term(term)),
            None => Ok(notice),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub fn terms() -> Terms {
        Terms {
            agreement: Agreement {
                number: "CONV-2026-7".into(),
                client: "PE/GOB/MUNI/licencias".parse().unwrap(),
                service: "PE/GOB/RENIEC/registro/personas".parse().unwrap(),
                purpose: "licencia".into(),
                fields: vec!["name".into(), "over18".into()],
                valid_from: Moment::from_seconds(1_767_225_600),
                until: Moment::from_seconds(1_798_761_600),
                legal_ground: "DL 1246, art. 3".into(),
                daily_limit: Some(500),
            },
            version: 1,
            replaces: None,
            purpose_text: "Para dar licencias sin pedir copias".into(),
            proposer: "PE/GOB/MUNI".parse().unwrap(),
            proposed_at: Moment::from_seconds(1_767_000_000),
        }
    }

    /// Written out by hand: another program that follows RFC 8785 gets these bytes.
    const WRITTEN: &str = concat!(
        r#"{"client":"PE/GOB/MUNI/licencias","daily_limit":500,"fields":["name","over18"],"#,
        r#""form":"tambo-agreement-1","legal_ground":"DL 1246, art. 3","number":"CONV-2026-7","#,
        r#""proposed_at":"2025-12-29T09:20:00Z","proposer":"PE/GOB/MUNI","purpose":"licencia","#,
        r#""purpose_text":"Para dar licencias sin pedir copias","replaces":null,"#,
        r#""service":"PE/GOB/RENIEC/registro/personas","until":"2027-01-01T00:00:00Z","#,
        r#""valid_from":"2026-01-01T00:00:00Z","version":1}"#
    );

    #[test]
    fn one_meaning_has_one_spelling() {
        assert_eq!(terms().text(), WRITTEN);
        assert_eq!(Terms::read(WRITTEN.as_bytes()).unwrap(), terms());
        let others = [
            WRITTEN.replace(":500", ": 500"),
            WRITTEN.replace(":500", ":500.0"),
            WRITTEN.replace("00:00Z", "00:00+00:00"),
            WRITTEN.replace("name", "n\\u0061me"),
            WRITTEN.replace("\"version\":1", "\"version\":1,\"version\":1"),
            WRITTEN.replace("\"version\":1", "\"version\":1,\"zeal\":1"),
            WRITTEN.replace("agreement-1", "agreement-2"),
            format!("{WRITTEN}\n"),
            format!("\u{feff}{WRITTEN}"),
        ];
        for other in others {
            assert_eq!(Terms::read(other.as_bytes()), Err(BadText::Form), "{other}");
        }
        let huge = WRITTEN.replace("DL 1246", &"x".repeat(TEXT_BYTES_MAX));
        assert_eq!(Terms::read(huge.as_bytes()), Err(BadText::TooLong));
    }

    #[test]
    fn impossible_terms_are_refused() {
        type Change = fn(&mut Terms);
        let changes: [(&str, Change); 13] = [
            ("number", |t| t.agreement.number = "../x".into()),
            ("version", |t| t.version = 0),
            ("earlier text", |t| t.version = 2),
            ("earlier text", |t| t.replaces = Some("0".repeat(64))),
            ("purpose", |t| t.agreement.purpose = " x".into()),
            ("purpose in words", |t| t.purpose_text.clear()),
            ("legal ground", |t| {
                t.agreement.legal_ground = "x".repeat(1_001)
            }),
            ("fields", |t| {
                t.agreement.fields = vec!["a".into(), "a".into()]
            }),
            ("fields", |t| t.agreement.fields = vec!["a,b".into()]),
            ("time", |t| t.agreement.until = t.agreement.valid_from),
            ("daily limit", |t| t.agreement.daily_limit = Some(0)),
            ("parties", |t| {
                t.agreement.client.member = t.agreement.service.member().clone()
            }),
            ("proposer", |t| t.proposer = "PE/GOB/OTHER".parse().unwrap()),
        ];
        for (term, change) in changes {
            let mut changed = terms();
            change(&mut changed);
            assert_eq!(
                Terms::read(changed.text().as_bytes()),
                Err(BadText::Term(term))
            );
        }
    }

    #[test]
    fn a_renewal_names_what_it_replaces() {
        let first = terms();
        let mut next = terms();
        next.version = 2;
        next.replaces = Some(digest(first.text().as_bytes()));
        next.agreement.until = next.agreement.until.plus_seconds(86_400);
        assert!(next.follows(&first) && !first.follows(&next));
        let mut other = next.clone();
        other.agreement.service = "PE/GOB/RENIEC/registro/other".parse().unwrap();
        assert!(!other.follows(&first));
        next.replaces = Some("0".repeat(64));
        assert!(!next.follows(&first));
    }

    #[test]
    fn notices_read_back() {
        let notice = Notice {
            ends: true,
            number: "CONV-2026-7".into(),
            version: 1,
            digest: "a".repeat(64),
            reason: "Ya no hace falta".into(),
            at: Moment::from_seconds(1_767_000_000),
        };
        assert_eq!(Notice::read(notice.text().as_bytes()).unwrap(), notice);
        let refusal = Notice {
            ends: false,
            ..notice
        };
        assert!(!Notice::read(refusal.text().as_bytes()).unwrap().ends);
        let other = refusal.text().replace("refusal", "terms");
        assert_eq!(Notice::read(other.as_bytes()), Err(BadText::Form));
    }
}
