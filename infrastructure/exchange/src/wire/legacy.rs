//! TLS 1.2 with X-Road's suites, for peers that can't speak TLS 1.3.
//!
//! X-Road servers shake hands with `ECDHE_RSA_AES_256_CBC_SHA384`, `DHE_RSA_AES_256_CBC_SHA256` and
//! `ECDHE_ECDSA_AES_256_CBC_SHA384` alone, which rustls refuses by design; s2n-tls speaks them over the same aws-lc.
//! The library demands a path to an approved authority in the handshake, the [`Judge`] decides right after it, before a
//! byte of a message is read or written. Certificates are mutual, names are not looked at, sessions are not resumed
//! (no tickets, no cache), and both sides refuse renegotiation.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kernel::Clock;
use s2n_tls::callbacks::{VerifyHostNameCallback, WallClock};
use s2n_tls::cert_chain::{Builder as ChainBuilder, CertificateChain};
use s2n_tls::config::Config;
use s2n_tls::connection::ModifiedBuilder;
use s2n_tls::enums::ClientAuthType;
use s2n_tls::error::Error;
use s2n_tls::security::Policy;
use s2n_tls_tokio::{TlsAcceptor, TlsConnector, TlsStream};
use tokio::net::TcpStream;
use trust::{Certificate, Signer, TrustError};

use super::judge::Judge;
use crate::directory::{Held, View};
use crate::domain::hello::FELL_BACK;

/// The library's list of suites: TLS 1.2, forward secrecy, X-Road's three among twelve, no SHA-1 (numbered policies never
/// change). GCM goes first with a peer that has it.
const POLICY: &str = "20240416";

/// Parameters for the DHE suite: the group ffdhe2048 of RFC 7919, which needs no trust in whoever made it.
const FFDHE2048: &str = "-----BEGIN DH PARAMETERS-----
MIIBCAKCAQEA//////////+t+FRYortKmq/cViAnPTzx2LnFg84tNpWp4TZBFGQz
+8yTnc4kmz75fS/jY2MMddj2gbICrsRhetPfHtXV/WVhJDP1H18GbtCFY2VVPe0a
87VXE15/V8k1mE8McODmi3fipona8+/och3xWKE2rec1MKzKT0g6eXq8CrGCsyT7
YdEIqUuyyOP7uWrat2DX9GgdT0Kj3jlN9K5W7edjcrsZCwenyO4KbXCeAvzhzffi
7MA0BM0oNC9hkXL+nOmFg/+OTxIy7vKBg8P+OxtMb61zO7X8vC7CIAXFjvGDfRaD
ssbzSibBsu/6iGtCOGEoXJf//////////wIBAg==
-----END DH PARAMETERS-----
";

/// Longest pause of the library before it ends a line after a bad record, in seconds. It hides how long the check of a
/// bad record took; the library's own thirty would let a peer hold a place for as long with a few bytes.
const BLINDING_SECONDS: u32 = 2;

/// A line of this kind.
pub(crate) type Stream = TlsStream<TcpStream>;

/// A configuration, and the view that it was made from.
type Made = (Arc<View>, Config);

/// The legacy stack of one node; cloning shares it.
#[derive(Clone)]
pub struct Legacy {
    own: CertificateChain<'static>,
    held: Held,
    clock: Arc<dyn Clock>,
    judge: Judge,
    made: Arc<Mutex<Option<Made>>>,
}

impl Legacy {
    /// A stack that shows `chain` and trusts whom `held` names at `clock`'s time.
    ///
    /// # Errors
    /// The key or the certificates can't be used for TLS.
    pub fn new(
        signer: &Signer,
        chain: &[Certificate],
        held: Held,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, TrustError> {
        let unusable = |_| TrustError::Unsupported {
            what: "key or certificate for TLS 1.2",
        };
        let certificates: String = chain.iter().map(Certificate::pem).collect();
        let key = signer.tls_pem()?;
        let mut own = ChainBuilder::new().map_err(unusable)?;
        own.load_pem(certificates.as_bytes(), key.as_bytes())
            .map_err(unusable)?;
        Ok(Self {
            own: own.build().map_err(unusable)?,
            judge: Judge::new(held.clone(), clock.clone()),
            held,
            clock,
            made: Arc::default(),
        })
    }

    /// Answers a handshake; the certificate returned is the caller's, judged.
    ///
    /// # Errors
    /// The handshake failed, or the caller is not a node of the instance.
    pub(super) async fn accept(&self, tcp: TcpStream) -> Result<(Stream, Certificate), BadLine> {
        let stream = TlsAcceptor::new(self.config()?).accept(tcp).await?;
        self.judged(stream)
    }

    /// Begins a handshake; the certificate returned is the called node's, judged.
    ///
    /// # Errors
    /// See [`Legacy::accept`].
    pub(crate) async fn connect(&self, tcp: TcpStream) -> Result<(Stream, Certificate), BadLine> {
        // Without a name nothing is said in the `server_name` extension.
        // What is offered tells a node of our kind that it was passed over in TLS 1.3; nobody has to take it.
        let fallen = ModifiedBuilder::new(self.config()?, |line| {
            line.append_application_protocol_preference(FELL_BACK)
        });
        let stream = TlsConnector::new(fallen).connect("", tcp).await?;
        self.judged(stream)
    }

    fn judged(&self, stream: Stream) -> Result<(Stream, Certificate), BadLine> {
        let shown = stream.as_ref().peer_cert_chain()?;
        let mut ders = Vec::new();
        for certificate in shown.iter() {
            ders.push(certificate?.der()?.to_vec());
        }
        let (leaf, others) = ders.split_first().ok_or(BadLine::Nobody)?;
        let peer = self
            .judge
            .check_der(leaf, others.iter().map(Vec::as_slice))?;
        Ok((stream, peer))
    }

    /// The configuration for the directory of the moment; one serves both directions.
    fn config(&self) -> Result<Config, BadLine> {
        let view = self
            .held
            .current(self.clock.now())
            .ok_or(BadLine::NoDirectory)?;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, config)) = &*made
            && Arc::ptr_eq(known, &view)
        {
            return Ok(config.clone());
        }
        let config = self.make(&view)?;
        *made = Some((view, config.clone()));
        Ok(config)
    }

    fn make(&self, view: &View) -> Result<Config, Error> {
        let mut config = Config::builder();
        config
            .set_security_policy(&Policy::from_version(POLICY)?)?
            .with_system_certs(false)?
            .wipe_trust_store()?
            // X-Road's certificates for authentication may name the client's purpose alone, on either side.
            .disable_x509_intent_verification()?
            .set_verify_host_callback(AnyName)?
            .set_wall_clock(Wall(self.clock.clone()))?
            .set_max_blinding_delay(BLINDING_SECONDS)?
            .set_client_auth_type(ClientAuthType::Required)?
            .add_dhparams(FFDHE2048.as_bytes())?
            .load_chain(self.own.clone())?;
        let known = view.roots().chain(view.helpers());
        for certificate in known.filter(|certificate| certificate.is_ca()) {
            config.trust_pem(certificate.pem().as_bytes())?;
        }
        config.build()
    }
}

/// Why a handshake gave no line.
#[derive(Debug, thiserror::Error)]
pub enum BadLine {
    /// The library refused.
    #[error("TLS 1.2: {0}")]
    Handshake(#[from] Error),
    /// The judge refused.
    #[error(transparent)]
    Stranger(#[from] TrustError),
    /// No certificate was shown.
    #[error("no certificate was shown")]
    Nobody,
    /// Nobody can be judged without one.
    #[error("no current directory")]
    NoDirectory,
}

/// X-Road's trust is in the certificate's digest, not in names.
struct AnyName;

impl VerifyHostNameCallback for AnyName {
    fn verify_host_name(&self, _host_name: &str) -> bool {
        true
    }
}

struct Wall(Arc<dyn Clock>);

impl WallClock for Wall {
    fn get_time_since_epoch(&self) -> Duration {
        Duration::from_secs(u64::try_from(self.0.now().seconds()).unwrap_or(0))
    }
}
