//! Issuing: a paper is rendered, signed and stamped outside of any transaction, then registered inside one.
//!
//! The order of the whole act, which the caller (`workflow`, `portal`) holds: reserve the number in one transaction;
//! `prepare`, which asks the time-stamping service and may fail and be tried again; `register` in the transaction of
//! the act. `prepare` never lets out a document that this body's own verifier doesn't call valid.

use bytes::Bytes;
use kernel::{Fault, FaultKind, Id, Locale, Moment};
use store::Tx;
use trust::Certificate;

use crate::domain::{self, Document, Origin};
use crate::pades::{self, Claim, Identity};
use crate::paper::{Check, Field, Paper, Signing, Words};
use crate::pdf::{self, RenderError};
use crate::receive::with_ending;
use crate::{Blob, Documents, Inner, apart, sql};

/// Who signs.
#[derive(Clone, Debug)]
pub struct Signatory {
    /// The key's label in the body's key store, as the log names it; the key itself is found by the certificate.
    pub label: String,
    /// The certificate, then those above it, without the root.
    pub chain: Vec<Certificate>,
    /// The name of the official, or of the body for a seal.
    pub name: String,
    /// The post, or what the seal attests.
    pub post: String,
    /// Whether an official signs or the body's system seals.
    pub field: Field,
}

/// A document to be issued.
#[derive(Clone, Debug)]
pub struct Issue {
    /// What it says.
    pub paper: Paper,
    /// What it is: `resolution`, `receipt`, `constancia`.
    pub kind: String,
    /// Its number, reserved before; unique among documents of its kind.
    pub number: Option<String>,
    /// Who signs it.
    pub signatory: Signatory,
    /// The case it belongs to.
    pub case: Option<Id>,
    /// The national number of the person it is for, who may read it.
    pub owner_subject: Option<String>,
    /// When it is issued.
    pub at: Moment,
    /// A code reserved before; `None` makes one.
    pub code: Option<String>,
}

/// A document that is rendered, signed, stamped, verified and on disk, but not registered. Only `prepare` makes it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Prepared {
    blob: Blob,
    code: String,
    title: String,
    body: String,
    kind: String,
    number: Option<String>,
    case: Option<Id>,
    owner_subject: Option<String>,
    signer: String,
    post: String,
    label: String,
    at: Moment,
}

/// A document that is issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// Its identifier.
    pub id: Id,
    /// Its verification code, grouped.
    pub code: String,
    /// Its number.
    pub number: Option<String>,
    /// SHA-256 of the file.
    pub sha256: [u8; 32],
}

impl Prepared {
    /// The verification code, grouped.
    pub fn code(&self) -> String {
        domain::grouped(&self.code)
    }

    /// SHA-256 of the signed file.
    pub fn sha256(&self) -> [u8; 32] {
        self.blob.sha256
    }
}

impl Documents {
    /// Renders, signs, stamps, verifies and saves a document. Asks the time-stamping service, so never within a
    /// transaction.
    ///
    /// # Errors
    /// `fault-documents-stamp` (upstream, try again later), `fault-documents-paper` (the paper is beyond the limits),
    /// internal if the key is missing or the verifier refuses the result.
    pub async fn prepare(&self, issue: Issue) -> Result<Prepared, Fault> {
        let code = issue.code.clone().unwrap_or_else(|| self.reserve_code());
        let plain = domain::read_code(&code)
            .ok_or_else(|| Fault::internal("not a code that was reserved"))?;
        let paper = self.complete(&issue, &code);
        let (title, body) = (paper.title.clone(), paper.body.clone());
        let leaf = issue.signatory.chain.first().cloned();
        let leaf = leaf.ok_or_else(|| Fault::internal("who signs has no certificate"))?;
        let keys = self.inner.keys.clone();
        // The key of the certificate, not the newest of its label: keys are rotated before certificates come.
        let work = move || (pdf::render(&paper), keys.signer_for(leaf.spki()));
        let (rendered, signer) = apart(work).await?;
        let unsigned = rendered.map_err(unrendered)?;
        let signer = signer.map_err(Fault::internal)?;
        let identity = Identity {
            signer,
            chain: issue.signatory.chain.clone(),
        };
        let claim = Claim {
            name: issue.signatory.name.clone(),
            reason: issue.signatory.post.clone(),
            place: self.inner.settings.place.clone(),
            at: issue.at,
        };
        let field = issue.signatory.field.name();
        let signed = pades::sign(&unsigned, field, &claim, &identity, &self.inner.stamper).await?;
        let signed = self.own_judgement(signed).await?;
        let blob = self.inner.blobs.save(signed, "application/pdf", "").await?;
        Ok(Prepared {
            blob,
            code: plain,
            title,
            body,
            kind: issue.kind,
            number: issue.number,
            case: issue.case,
            owner_subject: issue.owner_subject,
            signer: issue.signatory.name,
            post: issue.signatory.post,
            label: issue.signatory.label,
            at: issue.at,
        })
    }

    /// Registers a prepared document in the caller's transaction, with an entry in the log.
    ///
    /// # Errors
    /// Conflict `fault-documents-taken` if the number is taken by another document of the kind.
    pub async fn register(&self, tx: &mut Tx, prepared: Prepared) -> Result<Issued, Fault> {
        let store = &self.inner.store;
        let name = match &prepared.number {
            Some(number) => format!("{} {number}", prepared.title),
            None => prepared.title.clone(),
        };
        let document = Document {
            id: Id::new(&**store.clock(), &**store.chance()),
            origin: Origin::Issued,
            kind: prepared.kind,
            number: prepared.number,
            title: prepared.title,
            name: with_ending(&name, "pdf"),
            mime: prepared.blob.kind,
            size: prepared.blob.size,
            sha256: prepared.blob.sha256,
            owner_subject: prepared.owner_subject,
            case: prepared.case,
            made_by: prepared.label,
            made_at: prepared.at,
            code: Some(prepared.code),
            signer: Some(prepared.signer),
            post: Some(prepared.post),
            body: Some(prepared.body),
        };
        sql::insert(tx, &document).await?;
        self.enter(tx, "document.issued", &document).await?;
        let code = document
            .code
            .as_deref()
            .map(domain::grouped)
            .unwrap_or_default();
        Ok(Issued {
            id: document.id,
            code,
            number: document.number,
            sha256: document.sha256,
        })
    }

    /// The paper with the words of its language, the way to verify it and the place of its signature.
    fn complete(&self, issue: &Issue, code: &str) -> Paper {
        let mut paper = issue.paper.clone();
        if paper.words == Words::default() {
            paper.words = self.words(paper.language);
        }
        let url = format!(
            "{}/{code}",
            self.inner.settings.verify_url.trim_end_matches('/')
        );
        paper.check = Some(Check {
            url,
            code: code.to_owned(),
        });
        if !paper
            .signings()
            .any(|signing| signing.field == issue.signatory.field)
        {
            let date = self.written_date(paper.language, issue.at);
            paper = paper.signature(Signing {
                field: issue.signatory.field,
                name: issue.signatory.name.clone(),
                post: issue.signatory.post.clone(),
                date,
            });
        }
        paper
    }

    /// Date and time in the body's zone, in words of `locale`, with the body's place before it.
    pub fn written_date(&self, locale: Locale, at: Moment) -> String {
        let Inner {
            settings, texts, ..
        } = &*self.inner;
        let zone = jiff::tz::TimeZone::get(&settings.time_zone).unwrap_or(jiff::tz::TimeZone::UTC);
        let local = zone.to_datetime(at.timestamp());
        let month = texts.say(locale, &format!("web-month-{}", local.month()), &[]);
        let args = [
            ("day", i64::from(local.day()).into()),
            ("month", month.into()),
            ("year", local.year().to_string().into()),
        ];
        let date = texts.say(locale, "web-date", &args);
        let time = local.strftime("%H:%M").to_string();
        let both = texts.say(
            locale,
            "web-date-time",
            &[("date", date.into()), ("time", time.into())],
        );
        if settings.place.is_empty() {
            both
        } else {
            format!("{}, {both}", settings.place)
        }
    }

    async fn own_judgement(&self, signed: Vec<u8>) -> Result<Bytes, Fault> {
        let verifier = self.inner.verifier.clone();
        let now = self.inner.store.clock().now();
        let (signed, verdict) = apart(move || {
            let verdict = verifier.verify(&signed, now);
            (signed, verdict)
        })
        .await?;
        if !verdict.is_valid() {
            let word = verdict.reason.map_or("", |reason| reason.word());
            return Err(Fault::internal(format!(
                "what was signed is not valid: {word} {}",
                verdict.detail
            )));
        }
        Ok(signed.into())
    }
}

fn unrendered(cause: RenderError) -> Fault {
    match cause {
        RenderError::TooLarge(_) => {
            Fault::new(FaultKind::TooLarge, "fault-documents-paper").detail(cause)
        }
        other => Fault::internal(other),
    }
}
