//! X-Road's hash chains: one signature or time stamp over many parts of many messages.
//!
//! Source: X-Road, Profile for High Performance Digital Signatures; XML namespace `http://cyber.ee/hashchain`. A step's value
//! is the digest of the DER encoding of its inputs; a chain walks from `STEP0` down to the data of one input.
//! It promises chains that X-Road's verifier accepts, and verification that every given part was used and fits.
//! It refuses transforms, digests other than SHA-2, steps outside the same document, cycles and unused steps.

mod batch;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use roxmltree::Node;

pub use self::batch::{Batch, is_of_one, own_form};
use crate::asn1;
use crate::sigalg::{Data, Hash};
use crate::xades::algorithm::{digest_from_uri, digest_uri};
use crate::xml;

/// Namespace of hash chains.
pub const NAMESPACE: &str = "http://cyber.ee/hashchain";
const DS: &str = "http://www.w3.org/2000/09/xmldsig#";

/// Most inputs of one batch: a minute of a busy server; the tree is then 17 levels deep.
pub const INPUTS_MAX: usize = 100_000;
/// Most parts of one message: message, attachments.
pub const PARTS_MAX: usize = 1_000;
/// Most steps of one chain that is verified; `INPUTS_MAX` needs 18.
pub const STEPS_MAX: usize = 64;

/// Why a chain does not prove its data. The names are X-Road's error codes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashChainError {
    /// `malformed_hash_chain`: not the XML it should be, or over a limit.
    #[error("malformed hash chain: {0}")]
    Malformed(&'static str),
    /// `invalid_hash_chain_ref`: a reference leads nowhere, to another document, in a circle, or to other data.
    #[error("invalid hash chain reference: {0}")]
    InvalidRef(String),
    /// `invalid_hash_chain`: the result does not follow from the chain.
    #[error("invalid hash chain: {0}")]
    Invalid(String),
    /// `hashchain_unused_inputs`: a part of the message is not covered.
    #[error("some inputs are not in the hash chain: {0}")]
    UnusedInputs(String),
}

impl HashChainError {
    /// X-Road's code for this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed_hash_chain",
            Self::InvalidRef(_) => "invalid_hash_chain_ref",
            Self::Invalid(_) => "invalid_hash_chain",
            Self::UnusedInputs(_) => "hashchain_unused_inputs",
        }
    }

    /// X-Road's code for this error in the chain of a signature.
    pub const fn code_in_signature(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed_signature.malformed_hash_chain",
            Self::InvalidRef(_) => "malformed_signature.invalid_hash_chain_ref",
            Self::Invalid(_) => "malformed_signature.invalid_hash_chain",
            Self::UnusedInputs(_) => "malformed_signature.hashchain_unused_inputs",
        }
    }
}

/// One part of a message, by name and digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Name as it is referenced, for example `/message.xml`.
    pub uri: String,
    /// Digest of the bytes, with the method of the batch.
    pub digest: Vec<u8>,
}

/// Chains over a batch: one result to sign or stamp, one chain per input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// The hash chain result document; it is the same for every input.
    pub result: String,
    /// The hash chain documents, in the order of the inputs.
    pub chains: Vec<String>,
}

/// Value of a step: digest over the DER of its inputs, each with the method that made it.
fn step_value<'a>(method: Hash, inputs: impl Iterator<Item = (Hash, &'a [u8])> + Clone) -> Vec<u8> {
    let inside = |(made_by, digest): (Hash, &[u8])| {
        asn1::tlv_len(digest.len()) + asn1::tlv_len(digest_uri(made_by).len()) + asn1::tlv_len(0)
    };
    let length = inputs
        .clone()
        .map(|input| asn1::tlv_len(inside(input)))
        .sum();
    let mut der = Vec::with_capacity(asn1::tlv_len(length));
    asn1::push_head(&mut der, asn1::SEQUENCE, length);
    for (made_by, digest) in inputs {
        asn1::push_head(&mut der, asn1::SEQUENCE, inside((made_by, digest)));
        asn1::push_tlv(&mut der, asn1::OCTETS, digest);
        asn1::push_tlv(&mut der, asn1::UTF8, digest_uri(made_by).as_bytes());
        asn1::push_tlv(&mut der, asn1::SEQUENCE, &[]);
    }
    method.digest(&der)
}

/// The tree over a batch, from which the result and each input's chain are written when they are wanted.
#[derive(Clone, Debug)]
pub struct Tree<'u> {
    method: Hash,
    chain_uri: &'u str,
    inputs: Vec<Vec<Part>>,
    values: Vec<Vec<u8>>,
}

impl<'u> Tree<'u> {
    /// Hashes a batch. `chain_uri` is where each chain will be found, for example `/sig-hashchain.xml`.
    ///
    /// Inputs are the leaves of a binary tree laid out as an array (children of `i` at `2i+1` and `2i+2`, leaves last);
    /// an input of several parts is a step of its own below its leaf. Errors: no input, an input without parts, limits.
    pub fn over(
        method: Hash,
        chain_uri: &'u str,
        inputs: Vec<Vec<Part>>,
    ) -> Result<Self, HashChainError> {
        if inputs.is_empty() || inputs.len() > INPUTS_MAX {
            return Err(HashChainError::Malformed("number of inputs"));
        }
        if inputs
            .iter()
            .any(|parts| parts.is_empty() || parts.len() > PARTS_MAX)
        {
            return Err(HashChainError::Malformed("number of parts"));
        }
        let values = tree_of(method, &inputs);
        Ok(Self {
            method,
            chain_uri,
            inputs,
            values,
        })
    }

    /// The hash chain result document; it is the same for every input.
    pub fn result(&self) -> String {
        match self.inputs.as_slice() {
            [parts] => {
                let digests = parts.iter().map(|part| part.digest.as_slice());
                let top = step_value(self.method, digests.map(|digest| (self.method, digest)));
                result_xml(self.method, self.chain_uri, &top)
            }
            _ => result_xml(self.method, self.chain_uri, &self.values[0]),
        }
    }

    /// The hash chain document of an input, counted from zero; `None` beyond the last.
    pub fn chain(&self, input: usize) -> Option<String> {
        let is_one = input < self.inputs.len();
        is_one.then(|| chain_of(self.method, &self.values, &self.inputs, input))
    }
}

/// Builds the result and all chains of a batch; see [`Tree::over`].
pub fn build(method: Hash, chain_uri: &str, inputs: &[Vec<Part>]) -> Result<Built, HashChainError> {
    let tree = Tree::over(method, chain_uri, inputs.to_vec())?;
    Ok(Built {
        result: tree.result(),
        chains: (0..inputs.len()).filter_map(|at| tree.chain(at)).collect(),
    })
}

/// All values of the tree; a leaf of one part is that part's digest, a leaf of several is their step's value.
fn tree_of(method: Hash, inputs: &[Vec<Part>]) -> Vec<Vec<u8>> {
    let inner = inputs.len() - 1;
    let mut tree = vec![Vec::new(); inner];
    tree.extend(inputs.iter().map(|parts| match parts.as_slice() {
        [part] => part.digest.clone(),
        many => step_value(
            method,
            many.iter().map(|part| (method, part.digest.as_slice())),
        ),
    }));
    for at in (0..inner).rev() {
        let pair = [
            (method, tree[2 * at + 1].as_slice()),
            (method, tree[2 * at + 2].as_slice()),
        ];
        tree[at] = step_value(method, pair.into_iter());
    }
    tree
}

fn result_xml(method: Hash, chain_uri: &str, top: &[u8]) -> String {
    let mut out = String::with_capacity(512);
    out.push_str(PROLOGUE);
    out.push_str("<HashChainResult xmlns=\"http://cyber.ee/hashchain\" xmlns:ds=\"");
    out.push_str(DS);
    out.push_str("\" URI=\"");
    xml::push_attribute(&mut out, chain_uri);
    out.push_str("#STEP0\"><ds:DigestMethod Algorithm=\"");
    out.push_str(digest_uri(method));
    out.push_str("\"></ds:DigestMethod>");
    push_digest(&mut out, top);
    out.push_str("</HashChainResult>");
    out
}

const PROLOGUE: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";

fn push_digest(out: &mut String, digest: &[u8]) {
    out.push_str("<ds:DigestValue>");
    data_encoding::BASE64.encode_append(digest, out);
    out.push_str("</ds:DigestValue>");
}

fn push_part(out: &mut String, part: &Part) {
    out.push_str("<DataRef URI=\"");
    xml::push_attribute(out, &part.uri);
    out.push_str("\">");
    push_digest(out, &part.digest);
    out.push_str("</DataRef>");
}

fn chain_of(method: Hash, tree: &[Vec<u8>], inputs: &[Vec<Part>], input: usize) -> String {
    let leaf = inputs.len() - 1 + input;
    let mut path = vec![leaf];
    while let Some(&at) = path.last().filter(|at| **at > 0) {
        path.push((at - 1) / 2);
    }
    path.reverse();
    let steps: Vec<(bool, &[u8])> = path
        .windows(2)
        .map(|pair| {
            let left = 2 * pair[0] + 1;
            let is_left = left == pair[1];
            let other = if is_left { left + 1 } else { left };
            (is_left, tree[other].as_slice())
        })
        .collect();
    chain_xml(method, &steps, &inputs[input])
}

/// A chain document: for each step from the top, whether our side is the left one and the other side's digest; then the
/// parts, in a step of their own if there are several or no other step.
fn chain_xml(method: Hash, steps: &[(bool, &[u8])], parts: &[Part]) -> String {
    let mut out = String::with_capacity(512 + 256 * (steps.len() + parts.len()));
    out.push_str(PROLOGUE);
    for piece in [
        "<HashChain xmlns=\"",
        NAMESPACE,
        "\" xmlns:ds=\"",
        DS,
        "\"><DefaultDigestMethod Algorithm=\"",
        digest_uri(method),
        "\"></DefaultDigestMethod>",
    ] {
        out.push_str(piece);
    }
    for (step, (is_left, sibling)) in steps.iter().enumerate() {
        push_numbered(&mut out, "<HashStep id=\"STEP", step);
        if !is_left {
            push_sibling(&mut out, sibling);
        }
        match parts {
            [part] if step + 1 == steps.len() => push_part(&mut out, part),
            _ => {
                push_numbered(&mut out, "<StepRef URI=\"#STEP", step + 1);
                out.push_str("</StepRef>");
            }
        }
        if *is_left {
            push_sibling(&mut out, sibling);
        }
        out.push_str("</HashStep>");
    }
    if parts.len() > 1 || steps.is_empty() {
        push_numbered(&mut out, "<HashStep id=\"STEP", steps.len());
        for part in parts {
            push_part(&mut out, part);
        }
        out.push_str("</HashStep>");
    }
    out.push_str("</HashChain>");
    out
}

/// The beginning of a tag that ends with a step's number.
fn push_numbered(out: &mut String, before: &str, step: usize) {
    const FEW: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
    out.push_str(before);
    match FEW.get(step) {
        Some(digit) => out.push_str(digit),
        None => {
            let _ = write!(out, "{step}");
        }
    }
    out.push_str("\">");
}

fn push_sibling(out: &mut String, digest: &[u8]) {
    out.push_str("<HashValue>");
    push_digest(out, digest);
    out.push_str("</HashValue>");
}

/// A part that the chain covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Covered {
    /// Its name.
    pub uri: String,
    /// Digest method and digest as the chain states them.
    pub method: Hash,
    /// The digest.
    pub digest: Vec<u8>,
    /// Whether the bytes were at hand and fit; otherwise only their digest is proved.
    pub present: bool,
}

/// Verifies that `result` follows from `chain`, and that every name in `parts` is covered and fits.
///
/// `chain_uri` is the name under which the chain was found; the result must point to it. Parts that the chain names
/// but that are not at hand are listed in the answer with `present: false`: X-Road does not store SOAP attachments.
pub fn verify(
    result: &[u8],
    chain: &[u8],
    chain_uri: &str,
    parts: &[(&str, &[u8])],
) -> Result<Vec<Covered>, HashChainError> {
    let parts: Vec<_> = parts
        .iter()
        .map(|(name, bytes)| (*name, Data::Bytes(bytes)))
        .collect();
    verify_data(result, chain, chain_uri, &parts)
}

/// As [`verify`], over parts that need not be in memory.
pub fn verify_data(
    result: &[u8],
    chain: &[u8],
    chain_uri: &str,
    parts: &[(&str, Data<'_>)],
) -> Result<Vec<Covered>, HashChainError> {
    let result = read_result(result)?;
    let text = xml::text(chain, xml::HASH_CHAIN).map_err(|_| HashChainError::Malformed("chain"))?;
    let tree = xml::tree(&text, xml::HASH_CHAIN).map_err(|_| HashChainError::Malformed("chain"))?;
    let chain = Chain::read(tree.root_element())?;
    let first = result
        .uri
        .strip_prefix(chain_uri)
        .and_then(|rest| rest.strip_prefix('#'))
        .ok_or_else(|| HashChainError::InvalidRef(result.uri.clone()))?;
    let mut walk = Walk {
        chain: &chain,
        parts,
        visited: BTreeSet::new(),
        covered: Vec::new(),
    };
    let value = walk.step(first, result.method, STEPS_MAX)?;
    if value != result.digest {
        return Err(HashChainError::Invalid(
            "the result's digest does not match".into(),
        ));
    }
    let Walk {
        visited, covered, ..
    } = walk;
    if visited.len() != chain.steps.len() {
        return Err(HashChainError::Malformed("a step that nothing refers to"));
    }
    if let Some((name, _)) = parts
        .iter()
        .find(|(name, _)| !covered.iter().any(|part| part.uri == *name))
    {
        return Err(HashChainError::UnusedInputs((*name).to_owned()));
    }
    Ok(covered)
}

struct ReadResult {
    uri: String,
    method: Hash,
    digest: Vec<u8>,
}

fn read_result(bytes: &[u8]) -> Result<ReadResult, HashChainError> {
    const BAD: HashChainError = HashChainError::Malformed("result");
    let text = xml::text(bytes, xml::HASH_CHAIN).map_err(|_| BAD)?;
    let tree = xml::tree(&text, xml::HASH_CHAIN).map_err(|_| BAD)?;
    let root = tree.root_element();
    if !xml::is(root, NAMESPACE, "HashChainResult") {
        return Err(BAD);
    }
    Ok(ReadResult {
        uri: root.attribute("URI").ok_or(BAD)?.to_owned(),
        method: own_method(root)?.ok_or(BAD)?,
        digest: stated_digest(root)?,
    })
}

fn own_method(node: Node<'_, '_>) -> Result<Option<Hash>, HashChainError> {
    let Some(method) = node
        .children()
        .find(|child| xml::is(*child, DS, "DigestMethod"))
    else {
        return Ok(None);
    };
    let uri = method.attribute("Algorithm").unwrap_or_default();
    digest_from_uri(uri)
        .map(Some)
        .ok_or(HashChainError::Malformed("digest method"))
}

fn stated_digest(node: Node<'_, '_>) -> Result<Vec<u8>, HashChainError> {
    xml::only_child(node, DS, "DigestValue")
        .and_then(xml::binary)
        .ok_or(HashChainError::Malformed("digest value"))
}

#[derive(Debug)]
enum Input {
    Value(Hash, Vec<u8>),
    Step(Hash, String),
    Data(Hash, String, Vec<u8>),
}

#[derive(Debug)]
struct Chain {
    steps: BTreeMap<String, Vec<Input>>,
}

impl Chain {
    fn read(root: Node<'_, '_>) -> Result<Self, HashChainError> {
        if !xml::is(root, NAMESPACE, "HashChain") {
            return Err(HashChainError::Malformed("root element"));
        }
        let mut default = None;
        let mut steps = BTreeMap::new();
        for child in root.children().filter(Node::is_element) {
            if xml::is(child, NAMESPACE, "DefaultDigestMethod") && default.is_none() {
                default = digest_from_uri(child.attribute("Algorithm").unwrap_or_default());
            } else if xml::is(child, NAMESPACE, "HashStep") {
                let method = default.ok_or(HashChainError::Malformed("default digest method"))?;
                let id = child
                    .attribute("id")
                    .ok_or(HashChainError::Malformed("step without id"))?;
                let inputs = child
                    .children()
                    .filter(Node::is_element)
                    .map(|input| Input::read(input, method))
                    .collect::<Result<Vec<_>, _>>()?;
                if inputs.is_empty() || inputs.len() > PARTS_MAX || steps.len() >= STEPS_MAX {
                    return Err(HashChainError::Malformed("number of steps or inputs"));
                }
                if steps.insert(id.to_owned(), inputs).is_some() {
                    return Err(HashChainError::Malformed("two steps with one id"));
                }
            } else {
                return Err(HashChainError::Malformed("unknown element"));
            }
        }
        Ok(Self { steps })
    }
}

impl Input {
    fn read(node: Node<'_, '_>, default: Hash) -> Result<Self, HashChainError> {
        let expected = |name: &str| name == "DigestMethod" || name == "DigestValue";
        if node
            .children()
            .any(|child| child.is_element() && !expected(child.tag_name().name()))
        {
            return Err(HashChainError::Malformed("transforms are not accepted"));
        }
        let method = own_method(node)?.unwrap_or(default);
        let uri = || {
            node.attribute("URI")
                .ok_or(HashChainError::Malformed("reference without URI"))
        };
        if node.tag_name().namespace() != Some(NAMESPACE) {
            return Err(HashChainError::Malformed("unknown step input"));
        }
        match node.tag_name().name() {
            "HashValue" => Ok(Self::Value(method, stated_digest(node)?)),
            "StepRef" => Ok(Self::Step(method, uri()?.to_owned())),
            "DataRef" => Ok(Self::Data(method, uri()?.to_owned(), stated_digest(node)?)),
            _ => Err(HashChainError::Malformed("unknown step input")),
        }
    }
}

struct Walk<'a> {
    chain: &'a Chain,
    parts: &'a [(&'a str, Data<'a>)],
    visited: BTreeSet<&'a str>,
    covered: Vec<Covered>,
}

impl<'a> Walk<'a> {
    /// The value of step `id`; every step may be visited once, so circles end.
    fn step(&mut self, id: &str, method: Hash, depth: usize) -> Result<Vec<u8>, HashChainError> {
        let (id, inputs) = self
            .chain
            .steps
            .get_key_value(id)
            .filter(|_| depth > 0)
            .ok_or_else(|| HashChainError::InvalidRef(format!("#{id}")))?;
        if !self.visited.insert(id) {
            return Err(HashChainError::InvalidRef(format!("#{id} is used twice")));
        }
        let mut values = Vec::with_capacity(inputs.len());
        for input in inputs {
            values.push(match input {
                Input::Value(method, digest) => (*method, digest.clone()),
                Input::Step(method, uri) => {
                    let id = uri
                        .strip_prefix('#')
                        .ok_or_else(|| HashChainError::InvalidRef(uri.clone()))?;
                    (*method, self.step(id, *method, depth - 1)?)
                }
                Input::Data(method, uri, digest) => (*method, self.data(*method, uri, digest)?),
            });
        }
        if values
            .iter()
            .any(|(method, digest)| digest.len() != method.len())
        {
            return Err(HashChainError::Malformed("digest length"));
        }
        Ok(step_value(
            method,
            values
                .iter()
                .map(|(method, digest)| (*method, digest.as_slice())),
        ))
    }

    fn data(&mut self, method: Hash, uri: &str, digest: &[u8]) -> Result<Vec<u8>, HashChainError> {
        if self.covered.iter().any(|part| part.uri == uri) {
            return Err(HashChainError::InvalidRef(format!("{uri} is used twice")));
        }
        let data = self
            .parts
            .iter()
            .find(|(name, _)| *name == uri)
            .map(|(_, data)| *data);
        if data.is_some_and(|data| data.digest(method).as_deref() != Some(digest)) {
            return Err(HashChainError::InvalidRef(format!(
                "the digest of {uri} does not match"
            )));
        }
        let (uri, digest) = (uri.to_owned(), digest.to_vec());
        self.covered.push(Covered {
            uri,
            method,
            digest: digest.clone(),
            present: data.is_some(),
        });
        Ok(digest)
    }
}

/// Feeds any bytes to the readers of this module: a result, a zero byte, a chain; for fuzzers and the mutating tests. Must
/// never panic.
pub fn fuzz(bytes: &[u8]) {
    let mut two = bytes.splitn(2, |byte| *byte == 0);
    let (result, chain) = (two.next().unwrap_or(b""), two.next().unwrap_or(b""));
    let parts: [(&str, &[u8]); 2] = [("/message.xml", b"x"), ("/attachment1", b"")];
    for uri in ["/sig-hashchain.xml", "/ts-hashchain.xml", "/hashchain.xml"] {
        let _ = verify(result, chain, uri, &parts);
        let known = [Part {
            uri: "/message.xml".to_owned(),
            digest: vec![0; 64],
        }];
        let _ = own_form(Hash::Sha512, uri, &known, (result, chain));
    }
}

#[cfg(test)]
mod tests;
