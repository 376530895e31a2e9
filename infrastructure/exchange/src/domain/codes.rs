//! Error codes of the exchange, in both spellings, and the bodies that carry them (PR-REST section 3.3 of the facts:
//! JSON or XML to information systems, SOAP 1.1 faults between nodes).
//!
//! X-Road changed the spelling in 7.8.0: `Server.ServerProxy.AccessDenied` became
//! `server.serverproxy.access_denied`. Both are read; which one is written is a setting.

use std::fmt;

use serde::Deserialize;

/// How codes are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Spelling {
    /// Up to X-Road 7.7: `Server.ServerProxy.AccessDenied`.
    Dotted,
    /// From X-Road 7.8: `server.serverproxy.access_denied`.
    #[default]
    Snake,
}

/// Which side found the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The sender's message is bad.
    Client,
    /// The asking node.
    ClientProxy,
    /// The answering node.
    ServerProxy,
}

macro_rules! leaves {
    ($($(#[$doc:meta])* $name:ident = $dotted:literal, $snake:literal;)*) => {
        /// What went wrong: the last word of a code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Leaf { $($(#[$doc])* $name,)* }

        impl Leaf {
            /// Every leaf that this node writes or knows.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            fn text(self, spelling: Spelling) -> &'static str {
                match (self, spelling) {
                    $((Self::$name, Spelling::Dotted) => $dotted, (Self::$name, Spelling::Snake) => $snake,)*
                }
            }
        }
    };
}

leaves! {
    /// No right or no agreement.
    AccessDenied = "AccessDenied", "access_denied";
    /// The request can't be read.
    BadRequest = "BadRequest", "bad_request";
    /// Our own signature could not be made.
    CannotCreateSignature = "CannotCreateSignature", "cannot_create_signature";
    /// A certificate is not valid.
    CertValidation = "CertValidation", "cert_validation";
    /// The asking node is of a version that is not taken.
    ClientProxyVersionNotSupported = "ClientProxyVersionNotSupported", "client_proxy_version_not_supported";
    /// The store failed.
    DatabaseError = "DatabaseError", "database_error";
    /// A header field is there twice.
    DuplicateHeaderField = "DuplicateHeaderField", "duplicate_header_field";
    /// The directory of the instance has expired.
    GlobalConfOutdated = "OutdatedGlobalConf", "global_conf_outdated";
    /// A part of the message is not covered by the hash chain.
    HashchainUnusedInputs = "HashChainUnusedInputs", "hashchain_unused_inputs";
    /// The back end answered in a way that is not HTTP.
    HttpError = "HttpError", "http_error";
    /// Headers of the message contradict each other.
    InconsistentHeaders = "InconsistentHeaders", "inconsistent_headers";
    /// The response does not answer the request.
    InconsistentResponse = "InconsistentResponse", "inconsistent_response";
    /// A certificate that does not fit the member.
    IncorrectCertificate = "IncorrectCertificate", "incorrect_certificate";
    /// OCSP responses that do not prove what they should.
    IncorrectValidationInfo = "IncorrectValidationInfo", "incorrect_validation_info";
    /// Our own fault.
    InternalError = "InternalError", "internal_error";
    /// The body is not what the service takes.
    InvalidBody = "InvalidBody", "invalid_body";
    /// The path of certificates can't be built.
    InvalidCertPath = "InvalidCertPath", "invalid_cert_path";
    /// The client identifier can't be read.
    InvalidClientIdentifier = "InvalidClientIdentifier", "invalid_client_identifier";
    /// The content type is not a message's.
    InvalidContentType = "InvalidContentType", "invalid_content_type";
    /// The hash chain does not lead to the signed result.
    InvalidHashChain = "InvalidHashChain", "invalid_hash_chain";
    /// A reference of the hash chain leads nowhere.
    InvalidHashChainRef = "InvalidHashChainRef", "invalid_hash_chain_ref";
    /// The verb is not one of the protocol.
    InvalidHttpMethod = "InvalidHttpMethod", "invalid_http_method";
    /// The message can't be read.
    InvalidMessage = "InvalidMessage", "invalid_message";
    /// The version of the protocol is not the first.
    InvalidProtocolVersion = "InvalidProtocolVersion", "invalid_protocol_version";
    /// The path or another part of the request is not acceptable.
    InvalidRequest = "InvalidRequest", "invalid_request";
    /// The server that is wanted does not host the service.
    InvalidSecurityServer = "InvalidSecurityServer", "invalid_security_server";
    /// The signature does not verify.
    InvalidSignatureValue = "InvalidSignatureValue", "invalid_signature_value";
    /// Reading or writing failed on the way.
    IoError = "IOError", "io_error";
    /// The message log can't keep the message.
    LoggingFailed = "LoggingFailed", "logging_failed";
    /// The node takes no messages now.
    MaintenanceMode = "MaintenanceMode", "maintenance_mode";
    /// The signature's XML can't be read.
    MalformedSignature = "MalformedSignature", "malformed_signature";
    /// A body is missing.
    MissingBody = "MissingBody", "missing_body";
    /// A header is missing.
    MissingHeader = "MissingHeader", "missing_header";
    /// A header field is missing.
    MissingHeaderField = "MissingHeaderField", "missing_header_field";
    /// The REST part is missing.
    MissingRest = "MissingRest", "missing_rest";
    /// The signature part is missing.
    MissingSignature = "MissingSignature", "missing_signature";
    /// The other node can't be reached.
    NetworkError = "NetworkError", "network_error";
    /// The service is switched off.
    ServiceDisabled = "ServiceDisabled", "service_disabled";
    /// The service has no address behind it.
    ServiceMissingUrl = "ServiceMissingUrl", "service_missing_url";
    /// The service is not a REST service.
    ServiceType = "InvalidServiceType", "service_type";
    /// The TLS peer is not a server of the member.
    SslAuthenticationFailed = "SslAuthenticationFailed", "ssl_authentication_failed";
    /// Time stamps have been missing for too long.
    TimestampingFailed = "TimestampingFailed", "timestamping_failed";
    /// No such host.
    UnknownHost = "UnknownHost", "unknown_host";
    /// No such member in the directory.
    UnknownMember = "UnknownMember", "unknown_member";
    /// No such service.
    UnknownService = "UnknownService", "unknown_service";
}

/// One error code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// Which side found it.
    pub origin: Origin,
    /// Whether talking with the peer or the back end failed, rather than the message itself.
    pub service_failed: bool,
    /// What went wrong.
    pub leaf: Leaf,
}

impl Code {
    /// Found by the asking node.
    pub const fn asking(leaf: Leaf) -> Self {
        Self {
            origin: Origin::ClientProxy,
            service_failed: false,
            leaf,
        }
    }

    /// Found by the answering node.
    pub const fn answering(leaf: Leaf) -> Self {
        Self {
            origin: Origin::ServerProxy,
            service_failed: false,
            leaf,
        }
    }

    /// The same code, said of talking with the peer or the back end.
    #[must_use]
    pub const fn of_service(self) -> Self {
        Self {
            service_failed: true,
            ..self
        }
    }

    /// The text on the wire.
    pub fn text(self, spelling: Spelling) -> String {
        let (origin, failed) = match (spelling, self.origin) {
            (Spelling::Dotted, Origin::Client) => ("Client", ".ServiceFailed"),
            (Spelling::Dotted, Origin::ClientProxy) => ("Server.ClientProxy", ".ServiceFailed"),
            (Spelling::Dotted, Origin::ServerProxy) => ("Server.ServerProxy", ".ServiceFailed"),
            (Spelling::Snake, Origin::Client) => ("client", ".service_failed"),
            (Spelling::Snake, Origin::ClientProxy) => ("server.clientproxy", ".service_failed"),
            (Spelling::Snake, Origin::ServerProxy) => ("server.serverproxy", ".service_failed"),
        };
        let failed = if self.service_failed { failed } else { "" };
        format!("{origin}{failed}.{}", self.leaf.text(spelling))
    }

    /// Reads either spelling; `None` for codes that this node does not know.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |text: &str| text.to_ascii_lowercase().replace('_', "");
        let text = plain(text);
        let (origin, rest) = [
            ("server.clientproxy.", Origin::ClientProxy),
            ("server.serverproxy.", Origin::ServerProxy),
            ("client.", Origin::Client),
        ]
        .into_iter()
        .find_map(|(prefix, origin)| Some((origin, text.strip_prefix(prefix)?)))?;
        let (service_failed, rest) = match rest.strip_prefix("servicefailed.") {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let last = rest.rsplit('.').next().unwrap_or(rest);
        let leaf = *Leaf::ALL.iter().find(|leaf| {
            plain(leaf.text(Spelling::Dotted)) == last || plain(leaf.text(Spelling::Snake)) == last
        })?;
        Some(Self {
            origin,
            service_failed,
            leaf,
        })
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Spelling::Snake))
    }
}

/// The HTTP status that PR-REST gives to a code, in either spelling: 500 for what nodes and systems did, else 400.
pub fn status_of(code: &str) -> u16 {
    match code.get(..7) {
        Some(start) if start.eq_ignore_ascii_case("server.") => 500,
        _ => 400,
    }
}

/// A code in the spelling wanted, word by word, so that codes which this node does not know keep all they say.
pub fn respell(code: &str, spelling: Spelling) -> String {
    let words: Vec<String> = code
        .split('.')
        .map(|word| respell_word(word, spelling))
        .collect();
    words.join(".")
}

/// Words of codes that follow no rule: dotted, then snake.
const IRREGULAR: [(&str, &str); 2] = [
    ("ClientProxy", "clientproxy"),
    ("ServerProxy", "serverproxy"),
];

fn respell_word(word: &str, spelling: Spelling) -> String {
    let leaves = Leaf::ALL
        .iter()
        .map(|leaf| (leaf.text(Spelling::Dotted), leaf.text(Spelling::Snake)));
    let known = leaves
        .chain(IRREGULAR)
        .find(|(dotted, snake)| word == *dotted || word == *snake);
    match (known, spelling) {
        (Some((dotted, _)), Spelling::Dotted) => dotted.to_owned(),
        (Some((_, snake)), Spelling::Snake) => snake.to_owned(),
        (None, Spelling::Dotted) => word.split('_').map(capitalised).collect(),
        (None, Spelling::Snake) => snake(word),
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

fn snake(word: &str) -> String {
    let mut text = String::with_capacity(word.len() + 4);
    let mut after_small = false;
    for c in word.chars() {
        if c.is_ascii_uppercase() && after_small {
            text.push('_');
        }
        after_small = c.is_ascii_lowercase() || c.is_ascii_digit();
        text.push(c.to_ascii_lowercase());
    }
    text
}

/// An error as an information system or a peer is told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The code as it stands on the wire.
    pub code: String,
    /// One sentence; no personal data.
    pub message: String,
    /// Number under which the node's log tells more.
    pub detail: String,
}

/// The longest fault document that is read from a peer.
pub const FAULT_BYTES_MAX: usize = 16 * 1024;

impl Report {
    /// The JSON body for an information system.
    pub fn json(&self) -> String {
        serde_json::json!({ "type": self.code, "message": self.message, "detail": self.detail })
            .to_string()
    }

    /// The XML body for an information system that asked for XML.
    pub fn xml(&self) -> String {
        let [code, message, detail] =
            [&self.code, &self.message, &self.detail].map(|text| escape(text));
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><error><type>{code}</type><message>{message}</message>\
             <detail>{detail}</detail></error>"
        )
    }

    /// The SOAP 1.1 fault that goes from node to node.
    pub fn soap(&self) -> String {
        let [code, message, detail] =
            [&self.code, &self.message, &self.detail].map(|text| escape(text));
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><SOAP-ENV:Envelope \
             xmlns:SOAP-ENV=\"http://schemas.xmlsoap.org/soap/envelope/\"><SOAP-ENV:Body><SOAP-ENV:Fault>\
             <faultcode>{code}</faultcode><faultstring>{message}</faultstring><faultactor></faultactor>\
             <detail><xroad:faultDetail xmlns:xroad=\"http://x-road.eu/xsd/xroad.xsd\">{detail}</xroad:faultDetail>\
             </detail></SOAP-ENV:Fault></SOAP-ENV:Body></SOAP-ENV:Envelope>"
        )
    }

    /// Reads a peer's fault; `None` if the bytes are not one. Texts are cut to 500 characters.
    pub fn from_soap(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes.get(..FAULT_BYTES_MAX.min(bytes.len()))?).ok()?;
        let document = roxmltree::Document::parse(text).ok()?;
        let fault = document
            .descendants()
            .find(|node| node.tag_name().name() == "Fault")?;
        let child = |name: &str| {
            let node = fault
                .descendants()
                .find(|node| node.tag_name().name() == name);
            node.and_then(|node| node.text())
                .unwrap_or("")
                .trim()
                .chars()
                .take(500)
                .collect::<String>()
        };
        let code = child("faultcode");
        let detail = child("faultDetail");
        (!code.is_empty()).then(|| Self {
            code,
            message: child("faultstring"),
            detail,
        })
    }
}

/// Text with markup made harmless.
pub(crate) fn escape(text: &str) -> String {
    text.chars()
        .fold(String::with_capacity(text.len()), |mut escaped, c| {
            match c {
                '&' => escaped.push_str("&amp;"),
                '<' => escaped.push_str("&lt;"),
                '>' => escaped.push_str("&gt;"),
                '\t' | '\n' => escaped.push(' '),
                c if c.is_control() => escaped.push('\u{fffd}'),
                c => escaped.push(c),
            }
            escaped
        })
}

/// In which form an error is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `application/json`; the form of whoever asks for nothing else.
    Json,
    /// XML as `application/xml`.
    Xml,
    /// XML as `text/xml`.
    TextXml,
}

impl Form {
    /// The first form of an `Accept` header that errors can be told in: XML if it is named, else JSON.
    pub fn wanted(accept: &str) -> Self {
        let essence = |kind: &str| {
            kind.split(';')
                .next()
                .unwrap_or("")
                .trim()
                .to_ascii_lowercase()
        };
        let named = accept
            .split(',')
            .find_map(|kind| match essence(kind).as_str() {
                "application/xml" => Some(Self::Xml),
                "text/xml" | "text/*" => Some(Self::TextXml),
                _ => None,
            });
        named.unwrap_or(Self::Json)
    }

    /// The content type.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json;charset=utf-8",
            Self::Xml => "application/xml;charset=utf-8",
            Self::TextXml => "text/xml;charset=utf-8",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_spellings_are_written_and_read() {
        let code = Code::answering(Leaf::AccessDenied);
        assert_eq!(
            code.text(Spelling::Dotted),
            "Server.ServerProxy.AccessDenied"
        );
        assert_eq!(
            code.text(Spelling::Snake),
            "server.serverproxy.access_denied"
        );
        let failed = Code::asking(Leaf::IoError).of_service();
        assert_eq!(
            failed.text(Spelling::Dotted),
            "Server.ClientProxy.ServiceFailed.IOError"
        );
        for &leaf in Leaf::ALL {
            for spelling in [Spelling::Dotted, Spelling::Snake] {
                for code in [Code::asking(leaf), Code::answering(leaf).of_service()] {
                    assert_eq!(Code::parse(&code.text(spelling)), Some(code));
                }
            }
        }
        let nested = Code::parse(
            "Server.ServerProxy.ServiceFailed.SignatureVerification.InvalidSignatureValue",
        );
        assert_eq!(
            nested.map(|code| code.leaf),
            Some(Leaf::InvalidSignatureValue)
        );
        assert_eq!(Code::parse("Server.Something.Else"), None);
    }

    #[test]
    fn codes_of_others_are_respelled_whole() {
        for (dotted, snake) in [
            (
                "Server.ServerProxy.AccessDenied",
                "server.serverproxy.access_denied",
            ),
            (
                "Server.ClientProxy.ServiceFailed.SignatureVerification.InvalidSignatureValue",
                "server.clientproxy.service_failed.signature_verification.invalid_signature_value",
            ),
            (
                "Server.ClientProxy.OutdatedGlobalConf",
                "server.clientproxy.global_conf_outdated",
            ),
            ("Server.ServerProxy.IOError", "server.serverproxy.io_error"),
            ("Client.SomethingNew", "client.something_new"),
        ] {
            assert_eq!(respell(dotted, Spelling::Snake), snake);
            assert_eq!(respell(snake, Spelling::Dotted), dotted);
            assert_eq!(respell(snake, Spelling::Snake), snake);
            assert_eq!(respell(dotted, Spelling::Dotted), dotted);
            let status = if dotted.starts_with("Server") {
                500
            } else {
                400
            };
            assert_eq!((status_of(dotted), status_of(snake)), (status, status));
        }
        assert_eq!(status_of("x"), 400);
    }

    #[test]
    fn faults_read_back_and_markup_is_harmless() {
        let report = Report {
            code: "Server.ServerProxy.AccessDenied".into(),
            message: "<b>&\"no\" \u{1}".into(),
            detail: "7".into(),
        };
        let read = Report::from_soap(report.soap().as_bytes()).unwrap();
        assert_eq!(
            (read.code.as_str(), read.message.as_str()),
            (report.code.as_str(), "<b>&\"no\" \u{fffd}")
        );
        assert!(report.xml().contains("<message>&lt;b&gt;&amp;"));
        assert!(report.json().contains("\\\"no\\\""));
        assert_eq!(
            Report::from_soap(b"<!DOCTYPE a [<!ENTITY b 'c'>]><Fault/>"),
            None
        );
    }

    #[test]
    fn accept_chooses_the_form() {
        for (accept, form) in [
            ("", Form::Json),
            ("*/*", Form::Json),
            ("application/json", Form::Json),
            ("text/html, text/*;q=0.5", Form::TextXml),
            ("Application/XML", Form::Xml),
            (
                "application/json;q=0.1, application/xml;q=0.2, text/xml",
                Form::Xml,
            ),
            ("application/xmlish", Form::Json),
        ] {
            assert_eq!(Form::wanted(accept), form, "{accept}");
        }
    }

    proptest! {
        #[test]
        fn foreign_faults_never_panic(text in "\\PC{0,200}") {
            let _ = Report::from_soap(text.as_bytes());
            let _ = Code::parse(&text);
        }
    }
}
