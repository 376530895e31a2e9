//! A security key in software for the tests: P-256, discoverable, 'none' attestation (WebAuthn level 3, sections 6.1, 6.5).

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use data_encoding::BASE64URL_NOPAD as B64;
use serde_json::{Value, json};

/// User present and user verified.
const PRESENT_AND_VERIFIED: u8 = 0x05;
/// Attested credential data follows.
const ATTESTED: u8 = 0x40;

pub struct Authenticator {
    key: EcdsaKeyPair,
    id: [u8; 32],
    handle: String,
    origin: &'static str,
    pub counter: u32,
}

impl Authenticator {
    pub fn new(origin: &'static str, id: u8) -> Self {
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let key = EcdsaKeyPair::generate(algorithm).unwrap();
        Self {
            key,
            id: [id; 32],
            handle: String::new(),
            origin,
            counter: 0,
        }
    }

    /// Answers `navigator.credentials.create`.
    pub fn create(&mut self, options: &Value) -> String {
        let options = &options["publicKey"];
        self.handle = options["user"]["id"].as_str().unwrap().to_owned();
        let rp_id = options["rp"]["id"].as_str().unwrap();
        let mut data = self.data(rp_id, PRESENT_AND_VERIFIED | ATTESTED);
        data.extend([0_u8; 16]);
        data.extend(32_u16.to_be_bytes());
        data.extend(self.id);
        data.extend(self.cose_key());
        // {"fmt": "none", "attStmt": {}, "authData": bytes} in CBOR (RFC 8949).
        let mut attestation = vec![0xa3, 0x63];
        attestation.extend(b"fmt\x64none\x67attStmt\xa0\x68authData\x58");
        attestation.push(u8::try_from(data.len()).unwrap());
        attestation.extend(&data);
        let client = self.client_data("webauthn.create", options);
        let response = json!({
            "attestationObject": B64.encode(&attestation), "clientDataJSON": B64.encode(client.as_bytes()),
        });
        self.credential(response)
    }

    /// Answers `navigator.credentials.get`.
    pub fn get(&mut self, options: &Value) -> String {
        let options = &options["publicKey"];
        self.counter += 1;
        let data = self.data(options["rpId"].as_str().unwrap(), PRESENT_AND_VERIFIED);
        let client = self.client_data("webauthn.get", options);
        let signed = [data.as_slice(), digest(&SHA256, client.as_bytes()).as_ref()].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).unwrap();
        let response = json!({
            "authenticatorData": B64.encode(&data), "clientDataJSON": B64.encode(client.as_bytes()),
            "signature": B64.encode(signature.as_ref()), "userHandle": self.handle,
        });
        self.credential(response)
    }

    fn credential(&self, response: Value) -> String {
        let id = B64.encode(&self.id);
        json!({ "id": id, "rawId": id, "type": "public-key", "response": response, "extensions": {} }).to_string()
    }

    fn client_data(&self, kind: &str, options: &Value) -> String {
        json!({ "type": kind, "challenge": options["challenge"], "origin": self.origin })
            .to_string()
    }

    fn data(&self, rp_id: &str, flags: u8) -> Vec<u8> {
        let hash = digest(&SHA256, rp_id.as_bytes());
        [hash.as_ref(), &[flags], &self.counter.to_be_bytes()].concat()
    }

    /// {1: 2, 3: -7, -1: 1, -2: x, -3: y} in CBOR (RFC 9053, section 7.1.1).
    fn cose_key(&self) -> Vec<u8> {
        let point = &self.key.public_key().as_ref()[1..];
        [
            &[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 0x20],
            &point[..32],
            &[0x22, 0x58, 0x20],
            &point[32..],
        ]
        .concat()
    }
}
