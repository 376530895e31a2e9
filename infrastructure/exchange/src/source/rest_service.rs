//! An existing REST service of the body's own that answers with JSON: asked for one subject, read by JSON pointers.
//!
//! Read by `registry`. The subject may stand in the address there, because the service is the body's own and its address
//! inside the house; it is never in our log. It promises that only what the pointers name is read, and refuses
//! redirects, answers that are not JSON, and subjects that would change the address's path.

use std::path::Path;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use kernel::party::encode_part;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value as Json;
use web::client::{Http, HttpAnswer, HttpError, HttpLimits};

use super::described::{BadDescription, Described, Rest, allowed_time};
use super::registry::{Entry, SourceError, place_of};

/// What stands for the subject in an address or a body.
const SUBJECT: &str = "{subject}";
/// Largest answer of a service: an entry is a page, not a list.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// A service, ready to be asked.
pub(crate) struct RestSource {
    settings: Rest,
    method: Method,
    headers: HeaderMap,
    http: Http,
}

impl std::fmt::Debug for RestSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The headers may hold a secret.
        f.debug_struct("RestSource")
            .field("address", &self.settings.address)
            .finish_non_exhaustive()
    }
}

impl RestSource {
    pub(crate) fn open(
        settings: &Rest,
        described: &Described,
        folder: &Path,
    ) -> Result<Self, BadDescription> {
        let bad = |what: &str| Err(BadDescription(format!("rest: {what}")));
        let method = match settings.method.as_str() {
            "GET" => Method::GET,
            "POST" => Method::POST,
            _ => return bad("method is GET or POST"),
        };
        let in_body = settings.body.as_ref().is_some_and(holds_subject);
        if method == Method::GET && settings.body.is_some() {
            return bad("a GET has no body; use POST or put {subject} into the address");
        }
        if !in_body && !settings.address.contains(SUBJECT) {
            return bad("put {subject} where the number goes, in address or body");
        }
        let is_http = settings.address.starts_with("http://");
        if !is_http && !settings.address.starts_with("https://") {
            return bad("the address begins with http:// or https://");
        }
        let pointers = described
            .fields
            .iter()
            .map(|(name, field)| place_of(name, field));
        let more = [&settings.found, &settings.valid_until];
        let mut all = pointers.chain(more.into_iter().filter_map(|one| one.as_deref()));
        if let Some(wrong) = all.find(|pointer| !pointer.starts_with('/')) {
            return bad(&format!(
                "{wrong:?} is no JSON pointer; it begins with /, as in from = \"/data/name\""
            ));
        }
        let http = match (is_http, &settings.ca) {
            (true, _) => Http::plain(),
            (false, Some(ca)) => Http::tls(tls(&folder.join(ca))?),
            (false, None) => {
                return bad("an https address needs ca, the certificate of its authority");
            }
        };
        let total = allowed_time(settings.timeout_seconds);
        Ok(Self {
            method,
            headers: headers(settings, folder)?,
            http: http.limits(HttpLimits {
                connect: total,
                total,
                answer_bytes: ANSWER_BYTES_MAX,
            }),
            settings: settings.clone(),
        })
    }

    pub(crate) async fn find(
        &self,
        subject: &str,
        pointers: &[&str],
    ) -> Result<Entry, SourceError> {
        // `.` and `..` are plain characters that a server may take for a way through its folders.
        if subject.bytes().all(|byte| byte == b'.') {
            return Ok(None);
        }
        let address = self
            .settings
            .address
            .replace(SUBJECT, &encode_part(subject));
        let body = self
            .settings
            .body
            .as_ref()
            .map(|body| filled(body, subject).to_string());
        let asking = self.http.ask(
            self.method.clone(),
            &address,
            self.headers.clone(),
            body.unwrap_or_default().into(),
        );
        read(
            &self.settings,
            asking.await.map_err(|error| away(&error))?,
            pointers,
        )
    }

    pub(crate) async fn check(&self) -> Result<String, Vec<String>> {
        let Some(probe) = &self.settings.probe else {
            return Ok(
                "a REST service; give probe, a number of nobody, and it is asked here".to_owned(),
            );
        };
        let pointers: Vec<&str> = self.settings.found.iter().map(String::as_str).collect();
        match self.find(probe, &pointers).await {
            Ok(_) => Ok("a REST service that answers".to_owned()),
            Err(error) => Err(vec![error.to_string()]),
        }
    }
}

/// Reads an answer.
fn read(settings: &Rest, answer: HttpAnswer, pointers: &[&str]) -> Result<Entry, SourceError> {
    match answer.status {
        StatusCode::NOT_FOUND | StatusCode::NO_CONTENT => return Ok(None),
        StatusCode::OK => {}
        status => {
            let status = status.as_u16();
            return Err(SourceError::Away(format!(
                "the service answers with {status}"
            )));
        }
    }
    entry(settings.found.as_ref(), &answer.body, pointers)
}

/// The values at `pointers` of an answer's body; nothing if there is none at `found`.
///
/// # Errors
/// Not JSON, or not one value at a pointer.
pub(crate) fn entry(
    found: Option<&String>,
    body: &[u8],
    pointers: &[&str],
) -> Result<Entry, SourceError> {
    let json: Json = serde_json::from_slice(body)
        .map_err(|_| SourceError::Entry("the service did not answer with JSON".to_owned()))?;
    let there = |pointer: &String| json.pointer(pointer).is_some_and(|found| !found.is_null());
    if !found.is_none_or(there) {
        return Ok(None);
    }
    pointers
        .iter()
        .map(|pointer| text(json.pointer(pointer), pointer))
        .collect::<Result<_, _>>()
        .map(Some)
}

fn text(value: Option<&Json>, pointer: &str) -> Result<Option<String>, SourceError> {
    match value {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text.clone())),
        Some(Json::Bool(truth)) => Ok(Some(truth.to_string())),
        Some(Json::Number(number)) => Ok(Some(number.to_string())),
        Some(Json::Array(_) | Json::Object(_)) => {
            Err(SourceError::Entry(format!("{pointer} is not one value")))
        }
    }
}

/// The kind of failure: an address in an error's text would hold the subject.
fn away(error: &HttpError) -> SourceError {
    SourceError::Away(match error {
        HttpError::Address(_) => "its address can't be used".to_owned(),
        HttpError::Connect { host, .. } => format!("{host} takes no connection"),
        HttpError::Broken { host, .. } => format!("the connection to {host} broke"),
        HttpError::Slow { host } => format!("{host} took too long"),
        HttpError::TooLarge { host, bytes } => format!("{host} sent more than {bytes} bytes"),
    })
}

fn holds_subject(json: &Json) -> bool {
    match json {
        Json::String(text) => text.contains(SUBJECT),
        Json::Array(list) => list.iter().any(holds_subject),
        Json::Object(map) => map.values().any(holds_subject),
        _ => false,
    }
}

/// The body with the subject in its place; JSON keeps it one text, whatever characters it has.
fn filled(json: &Json, subject: &str) -> Json {
    match json {
        Json::String(text) => Json::String(text.replace(SUBJECT, subject)),
        Json::Array(list) => list.iter().map(|one| filled(one, subject)).collect(),
        Json::Object(map) => {
            let filled = map
                .iter()
                .map(|(key, value)| (key.clone(), filled(value, subject)));
            Json::Object(filled.collect())
        }
        other => other.clone(),
    }
}

fn headers(settings: &Rest, folder: &Path) -> Result<HeaderMap, BadDescription> {
    let mut all = HeaderMap::new();
    let mut put = |name: &str, value: &str, secret: bool| {
        let bad = || BadDescription(format!("rest: the header {name:?} can't be sent"));
        let header = HeaderName::try_from(name).map_err(|_| bad())?;
        let mut value = HeaderValue::from_str(value).map_err(|_| bad())?;
        value.set_sensitive(secret);
        all.insert(header, value);
        Ok(())
    };
    put("accept", "application/json", false)?;
    if settings.body.is_some() {
        put("content-type", "application/json", false)?;
    }
    for (name, value) in &settings.headers {
        put(name, value, false)?;
    }
    for (name, file) in &settings.secret_headers {
        put(name, &super::secret(&folder.join(file))?, true)?;
    }
    Ok(all)
}

fn tls(ca: &Path) -> Result<Arc<rustls::ClientConfig>, BadDescription> {
    let bad =
        |what: &dyn std::fmt::Display| BadDescription(format!("rest: {}: {what}", ca.display()));
    let mut roots = rustls::RootCertStore::empty();
    let found = CertificateDer::pem_file_iter(ca).map_err(|error| bad(&error))?;
    for certificate in found {
        let certificate = certificate.map_err(|error| bad(&error))?;
        roots.add(certificate).map_err(|error| bad(&error))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| bad(&error))?;
    Ok(Arc::new(
        config.with_root_certificates(roots).with_no_client_auth(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(change: impl FnOnce(&mut Json)) -> Described {
        let mut text = serde_json::json!({
            "title": "Padrón", "fields": {"name": {"from": "/data/name"}},
            "rest": {"address": "http://127.0.0.1:1/people/{subject}"},
        });
        change(&mut text);
        serde_json::from_value(text).unwrap()
    }

    fn open(change: impl FnOnce(&mut Json)) -> Result<RestSource, BadDescription> {
        let described = settings(change);
        RestSource::open(described.rest.as_ref().unwrap(), &described, Path::new("."))
    }

    #[test]
    fn what_can_not_be_asked_is_refused_with_what_to_do() {
        type Change = fn(&mut Json);
        let changes: [(Change, &str); 6] = [
            (
                |t| t["rest"]["address"] = "http://x/people".into(),
                "put {subject}",
            ),
            (
                |t| t["rest"]["address"] = "ftp://x/{subject}".into(),
                "http://",
            ),
            (
                |t| t["rest"]["address"] = "https://x/{subject}".into(),
                "needs ca",
            ),
            (|t| t["rest"]["method"] = "PUT".into(), "GET or POST"),
            (|t| t["rest"]["body"] = serde_json::json!({}), "no body"),
            (
                |t| t["fields"]["name"]["from"] = "data.name".into(),
                "JSON pointer",
            ),
        ];
        for (change, expected) in changes {
            let told = open(change).unwrap_err().to_string();
            assert!(told.contains(expected), "{told}");
        }
    }

    #[test]
    fn answers_are_read_by_their_pointers_only() {
        let rest = settings(|t| t["rest"]["found"] = "/data".into())
            .rest
            .unwrap();
        let answer = |status: u16, body: &str| HttpAnswer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: body.to_owned().into(),
        };
        let whole = r#"{"data":{"name":"Rosa","n":3,"ok":true,"x":null,"more":{}}}"#;
        let some = |text: &str| Some(text.to_owned());
        let read = |answer| {
            read(
                &rest,
                answer,
                &["/data/name", "/data/n", "/data/ok", "/data/x"],
            )
        };
        let found = read(answer(200, whole)).unwrap().unwrap();
        assert_eq!(found, [some("Rosa"), some("3"), some("true"), None]);
        assert_eq!(read(answer(404, "Rosa")), Ok(None));
        assert_eq!(read(answer(200, r#"{"data":null}"#)), Ok(None));
        for wrong in [
            answer(500, "Rosa"),
            answer(302, "Rosa"),
            answer(200, "Rosa"),
            answer(401, ""),
        ] {
            let told = read(wrong).unwrap_err().to_string();
            assert!(!told.contains("Rosa"), "{told}");
        }
        assert!(super::read(&rest, answer(200, whole), &["/data/more"]).is_err());
    }

    #[tokio::test]
    async fn no_subject_changes_the_path_or_shows_in_an_error() {
        let source = open(|_| {}).unwrap();
        assert_eq!(source.find("..", &[]).await, Ok(None));
        let told = source
            .find("4000/../x y", &[])
            .await
            .unwrap_err()
            .to_string();
        assert!(
            told.contains("127.0.0.1:1") && !told.contains("4000"),
            "{told}"
        );
        let body = serde_json::json!({"q": [{"dni": "{subject}"}], "n": 1});
        let filled = filled(&body, "1\"},{\"a").to_string();
        assert_eq!(filled, r#"{"n":1,"q":[{"dni":"1\"},{\"a"}]}"#);
    }
}
