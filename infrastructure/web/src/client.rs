//! A small HTTP/1.1 client for plain and TLS connections. Read by whoever asks another machine.
//!
//! Promises: every answer is bounded in size and time, connections are reused a little, redirects are not followed.
//! Refuses: proxies, cookies, HTTP/2.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Idle connections kept for each host: a busy service's own system gets a thousand questions at once, and a new
/// connection for most of them costs both sides more than the idle ones do.
const IDLE_PER_HOST_MAX: usize = 1_024;
/// Hosts of which idle connections are kept.
const IDLE_HOSTS_MAX: usize = 64;

/// Limits of the client.
#[derive(Clone, Copy, Debug)]
pub struct HttpLimits {
    /// Time to connect, TLS included.
    pub connect: Duration,
    /// Time for the whole exchange.
    pub total: Duration,
    /// Bytes of an answer's body.
    pub answer_bytes: usize,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            total: Duration::from_secs(60),
            answer_bytes: 32 * 1024 * 1024,
        }
    }
}

/// The client. Cheap to clone; clones share the idle connections.
#[derive(Clone)]
pub struct Http {
    tls: Option<Arc<rustls::ClientConfig>>,
    limits: HttpLimits,
    idle: Arc<Mutex<Idle>>,
}

/// A body that goes out, whatever it is made of.
pub type OutBody = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

type Sender = SendRequest<OutBody>;
type Idle = HashMap<String, Vec<Sender>>;

/// An answer with its whole body.
#[derive(Clone, Debug)]
pub struct HttpAnswer {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

/// An answer whose body is still to be read.
pub struct Streamed {
    /// Status, headers and extensions.
    pub head: http::response::Parts,
    /// The body.
    pub body: Incoming,
    line: (Http, Place, Sender),
}

impl Streamed {
    /// Keeps the connection for the next request; to be called once the body was read to its end.
    pub fn done(self) {
        let (http, place, sender) = self.line;
        http.keep(&place, sender);
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address can't be used.
    #[error("not an address this client can ask: {0}")]
    Address(String),
    /// No connection.
    #[error("can't connect to {host}: {cause}")]
    Connect {
        /// Host and port.
        host: String,
        /// Why.
        cause: String,
    },
    /// The exchange broke.
    #[error("the exchange with {host} broke: {cause}")]
    Broken {
        /// Host and port.
        host: String,
        /// Why.
        cause: String,
    },
    /// A time limit passed.
    #[error("{host} took too long")]
    Slow {
        /// Host and port.
        host: String,
    },
    /// The answer is larger than the limit.
    #[error("the answer of {host} is larger than {bytes} bytes")]
    TooLarge {
        /// Host and port.
        host: String,
        /// The limit.
        bytes: usize,
    },
}

/// Why the certificates of authorities that are to be trusted can't be used.
#[derive(Debug, thiserror::Error)]
#[error("the certificates of trusted authorities can't be used: {0}")]
pub struct BadRoots(String);

struct Place {
    host: String,
    port: u16,
    tls: bool,
}

impl Place {
    fn of(uri: &Uri) -> Result<Self, HttpError> {
        let bad = || HttpError::Address(uri.to_string());
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(bad()),
        };
        let host = uri
            .host()
            .ok_or_else(bad)?
            .trim_matches(['[', ']'])
            .to_owned();
        let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
        Ok(Self { host, port, tls })
    }

    fn name(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    fn key(&self) -> String {
        format!("{}{}", if self.tls { "s " } else { "" }, self.name())
    }
}

impl Http {
    /// A client that speaks plain HTTP only.
    pub fn plain() -> Self {
        Self {
            tls: None,
            limits: HttpLimits::default(),
            idle: Arc::default(),
        }
    }

    /// A client that speaks plain HTTP, and TLS with servers whose certificates the authorities in `ca` vouch for (PEM), or
    /// without one the authorities of the public web.
    ///
    /// # Errors
    /// [`BadRoots`]: the PEM holds no certificate, or one that can't be used.
    pub fn trusting(ca: Option<&str>) -> Result<Self, BadRoots> {
        let bad = |cause: &dyn std::fmt::Display| BadRoots(cause.to_string());
        let mut roots = rustls::RootCertStore::empty();
        match ca {
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Some(pem) => {
                for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                    let certificate = certificate.map_err(|error| bad(&error))?;
                    roots.add(certificate).map_err(|error| bad(&error))?;
                }
            }
        }
        if roots.is_empty() {
            return Err(bad(&"no certificate in it"));
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| bad(&error))?;
        let config = config.with_root_certificates(roots).with_no_client_auth();
        Ok(Self::tls(Arc::new(config)))
    }

    /// A client that speaks TLS too, with this configuration (roots, own certificate).
    pub fn tls(config: Arc<rustls::ClientConfig>) -> Self {
        Self {
            tls: Some(config),
            ..Self::plain()
        }
    }

    /// Sets the limits.
    #[must_use]
    pub fn limits(mut self, limits: HttpLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Asks with GET.
    ///
    /// # Errors
    /// See `HttpError`; a status of 400 and above is an answer, not an error.
    pub async fn get(&self, url: &str) -> Result<HttpAnswer, HttpError> {
        self.ask(Method::GET, url, HeaderMap::new(), Bytes::new())
            .await
    }

    /// Sends `body` with POST.
    ///
    /// # Errors
    /// See `get`.
    pub async fn post(
        &self,
        url: &str,
        content_type: &str,
        body: impl Into<Bytes>,
    ) -> Result<HttpAnswer, HttpError> {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_str(content_type)
            .map_err(|_| HttpError::Address(content_type.to_owned()))?;
        headers.insert(header::CONTENT_TYPE, value);
        self.ask(Method::POST, url, headers, body.into()).await
    }

    /// Asks with any method and headers.
    ///
    /// # Errors
    /// See `get`.
    pub async fn ask(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<HttpAnswer, HttpError> {
        let uri: Uri = url
            .parse()
            .map_err(|_| HttpError::Address(url.to_owned()))?;
        let place = Place::of(&uri)?;
        let whole = || whole(body.clone());
        let work = async {
            let (sender, response) = self
                .exchange(&place, &method, &uri, &headers, &whole)
                .await?;
            self.finish(&place, sender, response).await
        };
        timeout(self.limits.total, work)
            .await
            .map_err(|_| HttpError::Slow { host: place.name() })?
    }

    /// Asks with a body that is made for each attempt, and leaves the answer's body to be read; how long both may take
    /// is the caller's concern.
    ///
    /// # Errors
    /// See `get`.
    pub async fn stream(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
        body: &(dyn Fn() -> OutBody + Send + Sync),
    ) -> Result<Streamed, HttpError> {
        let uri: Uri = url
            .parse()
            .map_err(|_| HttpError::Address(url.to_owned()))?;
        let place = Place::of(&uri)?;
        let (sender, response) = self.exchange(&place, &method, &uri, &headers, body).await?;
        let (head, body) = response.into_parts();
        let line = (self.clone(), place, sender);
        Ok(Streamed { head, body, line })
    }

    async fn exchange(
        &self,
        place: &Place,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: &(dyn Fn() -> OutBody + Send + Sync),
    ) -> Result<(Sender, http::Response<Incoming>), HttpError> {
        let request = || request(place, method, uri, headers, body());
        // A kept connection may have been closed meanwhile. Only a request that the peer never took is sent anew.
        while let Some(mut sender) = self.kept(place) {
            match sender.try_send_request(request()?).await {
                Ok(response) => return Ok((sender, response)),
                Err(mut error) => {
                    if error.take_message().is_none() {
                        return Err(broken(place, error.into_error()));
                    }
                }
            }
        }
        let mut sender = Box::pin(self.connect(place)).await?;
        let sent = sender.send_request(request()?).await;
        Ok((sender, sent.map_err(|error| broken(place, error))?))
    }

    async fn finish(
        &self,
        place: &Place,
        sender: Sender,
        response: http::Response<Incoming>,
    ) -> Result<HttpAnswer, HttpError> {
        let (head, body) = response.into_parts();
        let bytes = self.limits.answer_bytes;
        let body = Limited::new(body, bytes).collect().await.map_err(|error| {
            match error.downcast_ref::<http_body_util::LengthLimitError>() {
                Some(_) => HttpError::TooLarge {
                    host: place.name(),
                    bytes,
                },
                None => broken(place, error),
            }
        })?;
        self.keep(place, sender);
        Ok(HttpAnswer {
            status: head.status,
            headers: head.headers,
            body: body.to_bytes(),
        })
    }

    async fn connect(&self, place: &Place) -> Result<Sender, HttpError> {
        timeout(self.limits.connect, self.connect_now(place))
            .await
            .map_err(|_| HttpError::Slow { host: place.name() })?
    }

    async fn connect_now(&self, place: &Place) -> Result<Sender, HttpError> {
        let cant = |cause: String| HttpError::Connect {
            host: place.name(),
            cause,
        };
        let tcp = TcpStream::connect((place.host.as_str(), place.port))
            .await
            .map_err(|error| cant(error.to_string()))?;
        tcp.set_nodelay(true)
            .map_err(|error| cant(error.to_string()))?;
        if !place.tls {
            return start(TokioIo::new(tcp))
                .await
                .map_err(|error| cant(error.to_string()));
        }
        let config = self
            .tls
            .clone()
            .ok_or_else(|| cant("no TLS configured".to_owned()))?;
        let name =
            ServerName::try_from(place.host.clone()).map_err(|error| cant(error.to_string()))?;
        let stream = tokio_rustls::TlsConnector::from(config)
            .connect(name, tcp)
            .await
            .map_err(|error| cant(error.to_string()))?;
        start(TokioIo::new(stream))
            .await
            .map_err(|error| cant(error.to_string()))
    }

    fn kept(&self, place: &Place) -> Option<Sender> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let senders = idle.get_mut(&place.key())?;
        senders.retain(|sender| !sender.is_closed());
        senders.pop()
    }

    fn keep(&self, place: &Place, sender: Sender) {
        if sender.is_closed() {
            return;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() >= IDLE_HOSTS_MAX && !idle.contains_key(&place.key()) {
            return;
        }
        let senders = idle.entry(place.key()).or_default();
        if senders.len() < IDLE_PER_HOST_MAX {
            senders.push(sender);
        }
    }
}

/// A body that lies in memory.
pub fn whole(bytes: Bytes) -> OutBody {
    Full::new(bytes)
        .map_err(|never| match never {})
        .boxed_unsync()
}

async fn start<S>(stream: TokioIo<S>) -> Result<Sender, hyper::Error>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = handshake(stream).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a client connection ended");
        }
    });
    Ok(sender)
}

fn request(
    place: &Place,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: OutBody,
) -> Result<Request<OutBody>, HttpError> {
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let usual = place.port == if place.tls { 443 } else { 80 };
    let bracketed = if place.host.contains(':') {
        format!("[{}]", place.host)
    } else {
        place.host.clone()
    };
    let host = if usual {
        bracketed
    } else {
        format!("{bracketed}:{}", place.port)
    };
    let mut request = Request::builder()
        .method(method)
        .uri(target)
        .header(header::HOST, host)
        .body(body)
        .map_err(|error| HttpError::Address(error.to_string()))?;
    request.headers_mut().reserve(headers.len());
    for (name, value) in headers {
        request.headers_mut().append(name, value.clone());
    }
    Ok(request)
}

fn broken(place: &Place, cause: impl std::fmt::Display) -> HttpError {
    HttpError::Broken {
        host: place.name(),
        cause: cause.to_string(),
    }
}
