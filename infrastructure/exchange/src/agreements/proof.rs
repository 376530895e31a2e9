//! Proof that both bodies signed the same text: two messages of the exchange, each a container that anybody can verify.
//!
//! Read by the stories beside it. `InForce` is made by [`InForce::verify`] alone, so nothing can put an agreement in
//! force whose text lacks a signature. The proposer's message is `POST .../agreements/propose` with the text as its
//! body, the acceptor's is `POST .../agreements/accept` with the same bytes; `tambo verify` checks either offline.

use kernel::{MemberId, Moment};
use trust::asic::Container;

use super::text::{BadText, Terms, digest};
use crate::domain::agreement::Agreement;
use crate::domain::message::RequestPart;
use crate::domain::multipart::Envelope;
use crate::seal::{self, BadSeal};
use crate::status::Scope;

/// Code of the built-in service that speaks of agreements.
pub const SERVICE: &str = "agreements";

/// What a body does with an agreement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// It proposes the text.
    Propose,
    /// It accepts the text that the other proposed.
    Accept,
    /// It refuses the text that the other proposed.
    Refuse,
    /// It ends what was agreed, or takes its own proposal back.
    End,
}

impl Act {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Propose, Self::Accept, Self::Refuse, Self::End];

    /// Its word in tables and addresses.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Propose => "propose",
            Self::Accept => "accept",
            Self::Refuse => "refuse",
            Self::End => "end",
        }
    }

    /// The act of this word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|act| act.word() == word)
    }
}

/// One body's signed message about an agreement, as a container without time stamp, and when this node had it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The container's bytes.
    pub container: Vec<u8>,
    /// When this node journalled the message; certificate and OCSP response are judged at that moment.
    pub at: Moment,
}

/// Why a text is not in force.
#[derive(Debug, thiserror::Error)]
pub enum NotInForce {
    /// The text itself.
    #[error(transparent)]
    Text(#[from] BadText),
    /// A message is not about this text, not from this body or not to the other.
    #[error("the {0} is not a message of this body about this text")]
    Message(&'static str),
    /// A message's signature.
    #[error("the signature of the {act}: {error}")]
    Seal {
        /// Which message.
        act: &'static str,
        /// What does not fit.
        error: BadSeal,
    },
}

impl NotInForce {
    /// Whether bytes were changed, rather than that a certificate can't be traced to the present directory any more.
    pub const fn is_change(&self) -> bool {
        !matches!(
            self,
            Self::Seal {
                error: BadSeal::Certificate(_),
                ..
            }
        )
    }
}

impl Evidence {
    /// Keeps a message.
    pub(crate) fn of(envelope: &Envelope, at: Moment) -> Result<Self, trust::TrustError> {
        let container = Container {
            message: envelope.rest.to_vec(),
            attachments: envelope
                .body
                .iter()
                .map(|body| crate::body::small(Some(body)).to_vec())
                .collect(),
            signature: envelope.signature.clone(),
            hash_chain: envelope.chain_result.clone().zip(envelope.chain.clone()),
            batch_stamp: None,
        };
        let container = container.to_bytes(at)?;
        Ok(Self { container, at })
    }

    /// Whether another container holds the same message under the same signature.
    pub(crate) fn is_of_same_message(&self, container: &[u8]) -> bool {
        let read = |bytes: &[u8]| {
            Container::read(bytes)
                .ok()
                .map(|one| (one.message, one.signature))
        };
        read(&self.container).is_some_and(|ours| read(container) == Some(ours))
    }

    fn envelope(&self) -> Option<Envelope> {
        let read = Container::read(&self.container).ok()?;
        let mut attachments = read.attachments.into_iter();
        let body = attachments.next();
        if attachments.next().is_some() {
            return None;
        }
        let (chain_result, chain) = read.hash_chain.unzip();
        Some(Envelope {
            ocsp: Vec::new(),
            rest: read.message.into(),
            body: body.map(Into::into),
            chain_result,
            chain,
            signature: read.signature,
        })
    }

    /// Demands that `by` signed this message, that it does `act`, goes to the other body and carries `body`.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub(crate) fn check(
        &self,
        act: Act,
        terms: &Terms,
        by: &MemberId,
        body: &[u8],
        scope: &Scope<'_>,
    ) -> Result<(), NotInForce> {
        let wrong = NotInForce::Message(act.word());
        let Some(envelope) = self.envelope() else {
            return Err(wrong);
        };
        let scope = Scope {
            now: self.at,
            ..*scope
        };
        let seal = |error| NotInForce::Seal {
            act: act.word(),
            error,
        };
        let verified = seal::verify(envelope, by, &scope)
            .map_err(seal)?
            .into_inner();
        let Ok(request) = RequestPart::parse(&verified.rest) else {
            return Err(wrong);
        };
        let target = format!(
            "/r1/{}/{SERVICE}/{}",
            terms.subsystem_of(terms.other(by)),
            act.word()
        );
        let fits = request.method == "POST"
            && request.target == target
            && request
                .client()
                .is_ok_and(|client| client.subsystem() == Some(terms.subsystem_of(by)))
            && crate::body::small(verified.body.as_ref()) == body;
        if fits { Ok(()) } else { Err(wrong) }
    }
}

/// An agreement whose text both bodies signed. Only [`InForce::verify`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InForce {
    terms: Terms,
    digest: String,
}

impl InForce {
    /// Verifies both signatures over `text`.
    ///
    /// # Errors
    /// [`NotInForce`].
    pub(crate) fn verify(
        text: &[u8],
        proposal: &Evidence,
        acceptance: &Evidence,
        scope: &Scope<'_>,
    ) -> Result<Self, NotInForce> {
        let terms = Terms::read(text)?;
        proposal.check(Act::Propose, &terms, &terms.proposer, text, scope)?;
        acceptance.check(Act::Accept, &terms, terms.acceptor(), text, scope)?;
        Ok(Self {
            digest: digest(text),
            terms,
        })
    }

    /// What may be asked.
    pub fn agreement(&self) -> &Agreement {
        &self.terms.agreement
    }

    /// The whole text's terms.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Digest of the text.
    pub fn digest(&self) -> &str {
        &self.digest
    }
}
