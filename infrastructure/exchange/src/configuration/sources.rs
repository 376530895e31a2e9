//! The places where an instance's configuration is had: from the last good edition first, then from the anchor.
//!
//! Each place has its own keys. Addresses with http are tried with https before: the content is signed, so the server's
//! certificate is not judged (X-Road's central servers show one of their own); https keeps bystanders from reading along.

use std::sync::Arc;

use rustls::client::ClientConfig;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature,
    verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use trust::globalconf::{Anchor, VerificationKey, Version};
use web::client::Http;

use super::LIMITS;
use crate::directory::View;

/// Path of the internal configuration at a source that the shared parameters name.
const INTERNAL: &str = "internalconf";
/// Path of the external configuration.
const EXTERNAL: &str = "externalconf";

/// Where to ask, and whose signature counts there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) url: String,
    pub(super) keys: Vec<VerificationKey>,
}

/// All places, in the order of asking: `last`, which gave an edition before, then those that the edition held names,
/// then the anchor's. A place that is named twice has the keys of both.
pub(super) fn places(anchor: &Anchor, held: Option<&View>, last: Option<&str>) -> Vec<Place> {
    let first = anchor.sources.first().map_or("", |source| &source.url);
    let external = path_of(first) == EXTERNAL;
    let kind = if external { EXTERNAL } else { INTERNAL };
    let mut unique: Vec<Place> = Vec::new();
    let mut add = |url: String, keys: &[VerificationKey]| {
        let at = unique.iter().position(|known| known.url == url);
        let at = at.unwrap_or_else(|| {
            let keys = Vec::new();
            unique.push(Place { url, keys });
            unique.len() - 1
        });
        for key in keys {
            if !unique[at].keys.contains(key) {
                unique[at].keys.push(key.clone());
            }
        }
    };
    for source in held.iter().flat_map(|view| &view.params().sources) {
        let keys = if external {
            &source.external
        } else {
            &source.internal
        };
        add(format!("https://{}/{kind}", source.address), keys);
        add(format!("http://{}/{kind}", source.address), keys);
    }
    for source in &anchor.sources {
        if let Some(rest) = source.url.strip_prefix("http://") {
            add(format!("https://{rest}"), &source.keys);
        }
        add(source.url.clone(), &source.keys);
    }
    unique.sort_by_key(|place| Some(place.url.as_str()) != last);
    unique
}

/// The last segment of an address' path.
fn path_of(url: &str) -> &str {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default()
}

/// The address with a wish for this version, unless it has one of its own.
pub(super) fn with_version(url: &str, version: Version) -> Option<String> {
    let Some((_, query)) = url.split_once('?') else {
        return Some(format!("{url}?version={version}"));
    };
    let mut pairs = query.split('&');
    let own = pairs.any(|pair| pair.split('=').next() == Some("version"));
    (!own).then(|| format!("{url}&version={version}"))
}

/// The client for sources: http, and https with whatever certificate the server shows.
pub(crate) fn http() -> Http {
    let provider = Arc::new(aws_lc_rs::default_provider());
    match config(&provider) {
        Ok(config) => Http::tls(Arc::new(config)).limits(LIMITS),
        Err(error) => {
            tracing::warn!(%error, "configurations are fetched without TLS");
            Http::plain().limits(LIMITS)
        }
    }
}

fn config(provider: &Arc<CryptoProvider>) -> Result<ClientConfig, Error> {
    let algorithms = provider.signature_verification_algorithms;
    let builder = ClientConfig::builder_with_provider(provider.clone());
    Ok(builder
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyServer(algorithms)))
        .with_no_client_auth())
}

/// Takes any certificate whose key the server proves to hold.
#[derive(Debug)]
struct AnyServer(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signature, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_wished_for_unless_the_address_has_one() {
        let wished = |url| with_version(url, Version::V6);
        assert_eq!(
            wished("http://cs/internalconf").as_deref(),
            Some("http://cs/internalconf?version=6")
        );
        assert_eq!(
            wished("http://cs/c?a=b").as_deref(),
            Some("http://cs/c?a=b&version=6")
        );
        assert_eq!(wished("http://cs/c?version=3"), None);
        assert_eq!(path_of("http://cs/externalconf?x=/y"), EXTERNAL);
    }
}
