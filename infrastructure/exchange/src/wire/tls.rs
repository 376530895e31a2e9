//! TLS between nodes: both sides show an authentication certificate, and the directory decides whether it counts.
//!
//! There is no check of host names: X-Road's trust is in the certificate's digest, registered for a server. Sessions
//! are never resumed, because a resumed session would skip that check.

use std::sync::Arc;

use kernel::Clock;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientConfig, Resumption};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, ServerConfig};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError,
    PeerIncompatible, SignatureScheme,
};
use trust::{Certificate, Signer, TrustError};

use super::judge::{Judge, Met};
use super::legacy::Legacy;
use crate::directory::Held;
use crate::domain::shared_line::PROTOCOL;

/// This node's authentication key with its certificates, the leaf first and without the root.
#[derive(Clone)]
pub struct TlsIdentity {
    key: Arc<CertifiedKey>,
    signer: Signer,
    chain: Vec<Certificate>,
}

impl TlsIdentity {
    /// Joins key and chain.
    ///
    /// # Errors
    /// The key can't be used for TLS, or the certificate is another key's.
    pub fn new(signer: &Signer, chain: Vec<Certificate>) -> Result<Self, TrustError> {
        let leaf = chain.first().ok_or(TrustError::Refused {
            why: "no authentication certificate",
        })?;
        if leaf.spki() != signer.spki_der() {
            return Err(TrustError::Refused {
                why: "the certificate belongs to another key",
            });
        }
        let ders = chain
            .iter()
            .map(|cert| CertificateDer::from(cert.der().to_vec()))
            .collect();
        let key = Arc::new(CertifiedKey::new(ders, signer.tls_key()?));
        Ok(Self {
            key,
            signer: signer.clone(),
            chain,
        })
    }

    /// The key, for a test's foreign server that stands in this node's place.
    #[cfg(test)]
    pub(crate) fn signer(&self) -> &Signer {
        &self.signer
    }

    /// The certificates, the leaf first.
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }
}

/// Ready-made configurations for both directions.
#[derive(Clone)]
pub struct TlsSetup {
    /// For calls to other nodes.
    pub client: Arc<ClientConfig>,
    /// For calls that may share a line with others.
    pub sharing_client: Arc<ClientConfig>,
    /// For other nodes' calls.
    pub server: Arc<ServerConfig>,
    /// For those of nodes that may share a line.
    pub sharing_server: Arc<ServerConfig>,
    /// For peers that can't speak TLS 1.3, if the settings allow them.
    pub legacy: Option<Legacy>,
    /// Certificates of the nodes at the other ends.
    pub met: Met,
    /// Whether this node plays one of another make, which does not know the sign of a fallback.
    #[cfg(test)]
    pub is_old: Arc<std::sync::atomic::AtomicBool>,
}

impl TlsSetup {
    /// Builds both configurations; what they trust follows `held` and `clock` from handshake to handshake. With
    /// `legacy`, TLS 1.2 is spoken with peers that need it.
    ///
    /// # Errors
    /// The key can't be used for TLS 1.2, or the crypto provider refuses TLS 1.3, which it never does.
    pub fn new(
        identity: &TlsIdentity,
        held: &Held,
        clock: &Arc<dyn Clock>,
        legacy: bool,
    ) -> Result<Self, TrustError> {
        let unusable = |_| TrustError::Unsupported {
            what: "key or certificate for TLS 1.3",
        };
        let judge = Judge::new(held.clone(), clock.clone());
        let legacy = legacy
            .then(|| {
                Legacy::new(
                    &identity.signer,
                    &identity.chain,
                    held.clone(),
                    clock.clone(),
                )
            })
            .transpose()?;
        let provider: Arc<CryptoProvider> = Arc::new(aws_lc_rs::default_provider());
        let algorithms = provider.signature_verification_algorithms;
        let verifier = Arc::new(PeerVerifier { judge, algorithms });
        let resolver = Arc::new(SingleCertAndKey::from(identity.key.clone()));
        let versions = &[&rustls::version::TLS13];
        let mut client = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(versions)
            .map_err(unusable)?
            .dangerous()
            .with_custom_certificate_verifier(verifier.clone())
            .with_client_cert_resolver(resolver.clone());
        client.enable_sni = false;
        client.resumption = Resumption::disabled();
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .map_err(unusable)?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(resolver);
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = 0;
        let (mut sharing_client, mut sharing_server) = (client.clone(), server.clone());
        sharing_client.alpn_protocols = protocols();
        sharing_server.alpn_protocols = protocols();
        Ok(Self {
            client: Arc::new(client),
            sharing_client: Arc::new(sharing_client),
            server: Arc::new(server),
            sharing_server: Arc::new(sharing_server),
            legacy,
            met: Met::default(),
            #[cfg(test)]
            is_old: Arc::default(),
        })
    }

    /// Whether a caller that fell back from TLS 1.3 is answered as an X-Road server would; in tests alone.
    pub(super) fn plays_old(&self) -> bool {
        #[cfg(test)]
        let is_old = self.is_old.load(std::sync::atomic::Ordering::SeqCst);
        #[cfg(not(test))]
        let is_old = false;
        is_old
    }
}

/// What is spoken on a line: many calls at once with a node of our kind, HTTP with any other.
fn protocols() -> Vec<Vec<u8>> {
    [PROTOCOL, b"http/1.1"].map(<[u8]>::to_vec).to_vec()
}

/// The configuration for the body's own systems: any certificate may be shown, or none; `systems` compares it with the
/// list of the subsystem.
///
/// # Errors
/// The crypto provider refuses TLS 1.3, which it never does.
pub fn systems_config(identity: &TlsIdentity) -> Result<ServerConfig, Error> {
    let provider: Arc<CryptoProvider> = Arc::new(aws_lc_rs::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(Arc::new(AnySystem(algorithms)))
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(identity.key.clone())));
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// Takes any certificate, whose key the handshake proves; none is fine too.
#[derive(Debug)]
struct AnySystem(WebPkiSupportedAlgorithms);

impl ClientCertVerifier for AnySystem {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(ONLY_TLS13)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

/// Decides whether a certificate belongs to a server of the instance.
struct PeerVerifier {
    judge: Judge,
    algorithms: WebPkiSupportedAlgorithms,
}

impl std::fmt::Debug for PeerVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PeerVerifier")
    }
}

fn refused(cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(cause))))
}

impl PeerVerifier {
    fn check(&self, leaf: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> Result<(), Error> {
        let others = others.iter().map(AsRef::as_ref);
        self.judge
            .check_der(leaf, others)
            .map(drop)
            .map_err(refused)
    }

    fn check_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }
}

const ONLY_TLS13: Error = Error::PeerIncompatible(PeerIncompatible::Tls13RequiredForQuic);

impl ServerCertVerifier for PeerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(end_entity, intermediates)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(ONLY_TLS13)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for PeerVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check(end_entity, intermediates)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(ONLY_TLS13)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
