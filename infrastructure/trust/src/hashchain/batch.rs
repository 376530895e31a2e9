//! Chains in our own form: verified by writing them anew, and each step of a batch calculated once.
//!
//! Read by the short way of verifying messages. It promises never to accept what [`verify`](super::verify) refuses:
//! nothing is believed of a chain before its whole text was written anew and compared. It refuses, by saying nothing,
//! every other form.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use memchr::memmem;

use super::{PARTS_MAX, Part, STEPS_MAX, chain_xml, result_xml, step_value};
use crate::sigalg::Hash;

/// Most values remembered of one batch: a turn has at most some hundreds of messages.
const WALKED_MAX: usize = 1_024;

/// A step from the top: whether our side is the left one, and the other side's digest.
type Step = (bool, Vec<u8>);

/// How many steps lie above a message of exactly these parts (with digests of `method`), if `result` and `chain` are,
/// byte for byte, what [`Tree`](super::Tree) writes for it; 0 for a message that is alone in its batch. `Some` proves
/// what [`verify`](super::verify) proves; `None` says nothing.
pub fn own_form(
    method: Hash,
    chain_uri: &str,
    parts: &[Part],
    (result, chain): (&[u8], &[u8]),
) -> Option<usize> {
    let (claim, _) = proved(method, chain_uri, parts, (result, chain))?;
    Some(claim.steps.len())
}

/// A claim that was climbed without any memory, and leads to the result.
fn proved<'p>(
    method: Hash,
    chain_uri: &str,
    parts: &'p [Part],
    (result, chain): (&[u8], &[u8]),
) -> Option<(Claim<'p>, Climbed)> {
    let claim = Claim::read(method, parts, chain)?;
    let climbed = claim.climb(&Walked::default());
    let follows = result_xml(method, chain_uri, &climbed.top).as_bytes() == result;
    follows.then_some((claim, climbed))
}

/// A batch that was verified, so that the next of its messages costs less.
#[derive(Debug)]
pub struct Batch {
    method: Hash,
    result: Vec<u8>,
    walked: Mutex<Walked>,
}

impl Batch {
    /// The batch of a message as [`own_form`] takes it, if there is a step at least.
    pub fn of(
        method: Hash,
        chain_uri: &str,
        parts: &[Part],
        (result, chain): (&[u8], &[u8]),
    ) -> Option<Self> {
        let (claim, climbed) = proved(method, chain_uri, parts, (result, chain))?;
        if claim.steps.is_empty() {
            return None;
        }
        let mut walked = Walked {
            known: HashMap::new(),
            top: climbed.top,
        };
        walked.remember(claim.steps, climbed.way);
        Some(Self {
            method,
            result: result.to_vec(),
            walked: Mutex::new(walked),
        })
    }

    /// The hash chain result document.
    pub fn result(&self) -> &[u8] {
        &self.result
    }

    /// Whether this batch's result follows from the chain of a message of exactly these parts; `false` says nothing.
    pub fn covers(&self, parts: &[Part], chain: &[u8]) -> bool {
        let claim = Claim::read(self.method, parts, chain);
        let Some(claim) = claim.filter(|claim| !claim.steps.is_empty()) else {
            return false;
        };
        let mut walked = self.walked.lock().unwrap_or_else(PoisonError::into_inner);
        let climbed = claim.climb(&walked);
        let is_same = climbed.top == walked.top;
        if is_same {
            walked.remember(claim.steps, climbed.way);
        }
        is_same
    }
}

/// What a chain in our own form says of a message of these parts.
struct Claim<'p> {
    method: Hash,
    steps: Vec<Step>,
    parts: &'p [Part],
}

/// Where a claim leads, and the values on the way that had to be calculated, each with the number of its step.
struct Climbed {
    top: Vec<u8>,
    way: Vec<(usize, Vec<u8>)>,
}

impl<'p> Claim<'p> {
    /// Reads a chain and makes sure that it is, byte for byte, what [`Tree`](super::Tree) writes for it.
    fn read(method: Hash, parts: &'p [Part], chain: &[u8]) -> Option<Self> {
        let steps = siblings(chain)?;
        if steps.len() > STEPS_MAX || parts.is_empty() || parts.len() > PARTS_MAX {
            return None;
        }
        let sides: Vec<(bool, &[u8])> = steps
            .iter()
            .map(|(is_left, sibling)| (*is_left, sibling.as_slice()))
            .collect();
        let is_chain = chain_xml(method, &sides, parts).as_bytes() == chain;
        is_chain.then_some(Self {
            method,
            steps,
            parts,
        })
    }

    fn value<'d>(&self, digests: impl Iterator<Item = &'d [u8]> + Clone) -> Vec<u8> {
        step_value(self.method, digests.map(|digest| (self.method, digest)))
    }

    fn climb(&self, walked: &Walked) -> Climbed {
        let mut value = match self.parts {
            [part] if !self.steps.is_empty() => part.digest.clone(),
            parts => self.value(parts.iter().map(|part| part.digest.as_slice())),
        };
        let mut way = Vec::with_capacity(self.steps.len());
        for (number, (is_left, sibling)) in self.steps.iter().enumerate().rev() {
            if walked.leads_up(&value, &self.steps[..=number]) {
                let top = walked.top.clone();
                return Climbed { top, way };
            }
            let pair = match is_left {
                true => [value.as_slice(), sibling.as_slice()],
                false => [sibling.as_slice(), value.as_slice()],
            };
            let next = self.value(pair.into_iter());
            way.push((number, std::mem::replace(&mut value, next)));
        }
        Climbed { top: value, way }
    }
}

/// Values of one tree from which a way led to its top before. It is a memory of calculations and nothing else: a value
/// counts as known only together with all that lies beside its way.
#[derive(Debug, Default)]
struct Walked {
    known: HashMap<Vec<u8>, Place>,
    top: Vec<u8>,
}

/// Where a value stands: its own step, and the steps above it, which are those of a message that was walked.
#[derive(Debug)]
struct Place {
    own: Step,
    above: Arc<Vec<Step>>,
    number: usize,
}

impl Walked {
    /// Whether the last of these steps, and those above it, lead from the value to the top.
    fn leads_up(&self, value: &[u8], steps: &[Step]) -> bool {
        let (Some(place), Some((own, above))) = (self.known.get(value), steps.split_last()) else {
            return false;
        };
        place.own == *own && place.above[..place.number] == *above
    }

    /// Both sides of each step of a way that led to the top.
    fn remember(&mut self, steps: Vec<Step>, way: Vec<(usize, Vec<u8>)>) {
        if self.known.len() + 2 * way.len() > WALKED_MAX {
            return;
        }
        let above = Arc::new(steps);
        for (number, value) in way {
            let own = above[number].clone();
            let (is_left, sibling) = (own.0, own.1.clone());
            let place = |own: Step| Place {
                own,
                above: above.clone(),
                number,
            };
            let other = place((!is_left, value.clone()));
            self.known.insert(value, place(own));
            self.known.insert(sibling, other);
        }
    }
}

/// Whether a chain in our own form has no step above the message: it was alone in its batch. Of other forms it says
/// nothing.
pub fn is_of_one(chain: &[u8]) -> bool {
    FINDER.find(chain).is_none()
}

/// How the other side of a step begins in our own form.
const SIBLING: &[u8] = b"<HashValue><ds:DigestValue>";
static FINDER: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(SIBLING));

/// What a chain in our own form says of each step from the top: whether our side is the left one, and the other's digest.
/// Nothing is believed of it before the whole text was written anew and compared.
fn siblings(chain: &[u8]) -> Option<Vec<Step>> {
    let sibling = |at: usize| {
        let (before, digest) = (&chain[..at], &chain[at + SIBLING.len()..]);
        let digest = &digest[..memchr::memchr(b'<', digest)?];
        let digest = data_encoding::BASE64.decode(digest).ok()?;
        Some((before.ends_with(b"Ref>"), digest))
    };
    FINDER.find_iter(chain).map(sibling).collect()
}
