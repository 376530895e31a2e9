//! Handing a verified request to the body's own system, as PR-REST describes: the service's address, the path below it,
//! the query, and all headers of the signed request.
//!
//! Read by `answer`. It promises that the path forwarded is the path that was checked, that the system sees one client
//! and one message number, and that redirects are passed on, never followed.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use tokio::time::timeout;
use web::client::HttpError;

use crate::Exchange;
use crate::answer::{Claimed, Refusal};
use crate::body::{Body, SpoolError, SpoolRoom};
use crate::domain::codes::Leaf;
use crate::domain::message::{self, Header, ResponsePart, header_text};
use crate::wire::{Counted, Gone, Pace, time_for};

/// Longest time that an operator can give a service's own system, in seconds; beyond it lines and clients give up.
pub const TIMEOUT_SECONDS_MAX: i64 = 3_600;

/// Forwards a request to the system at `url`, which has `patience` until its answer begins, besides what the size of
/// the body allows.
///
/// # Errors
/// The refusal that the asking node is told.
pub(crate) async fn forward(
    exchange: &Exchange,
    url: &str,
    claimed: &Claimed,
    body: Option<&Body>,
    patience: Duration,
) -> Result<(ResponsePart, Option<Body>), Refusal> {
    if url.is_empty() {
        let why = "the service has no address behind it";
        return Err(Refusal::new(Leaf::ServiceMissingUrl, why));
    }
    let path = claimed
        .path
        .as_ref()
        .map_err(|error| Refusal::new(Leaf::AccessDenied, error))?;
    let address = address(url, &path.encoded(), claimed.query.as_deref());
    let method = Method::from_bytes(claimed.request.method.as_bytes()).unwrap_or(Method::GET);
    let counted = || Counted::new(body).map_err(Into::into).boxed_unsync();
    let headers = forwarded(&claimed.request.headers);
    let asking = exchange
        .inner
        .http
        .stream(method, &address, headers, &counted);
    let size = body.map_or(0, Body::len);
    let mut answer = match timeout(patience + time_for(size), asking).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Err(away(&error)),
        Err(_) => return Err(slow()),
    };
    let reason = answer.head.extensions.get::<ReasonPhrase>();
    let reason = match reason {
        Some(reason) => header_text(reason.as_bytes()),
        None => answer
            .head
            .status
            .canonical_reason()
            .unwrap_or("")
            .to_owned(),
    };
    let part = ResponsePart {
        status: answer.head.status.as_u16(),
        reason,
        headers: kept(&answer.head.headers),
    };
    let pace = Pace::new(exchange.inner.settings.stall().max(patience), patience);
    let body = taken(&exchange.inner.spool, &mut answer.body, pace).await?;
    answer.done();
    Ok((part, (!body.is_empty()).then_some(body)))
}

/// Takes the body of the system's answer.
async fn taken(room: &SpoolRoom, body: &mut Incoming, mut pace: Pace) -> Result<Body, Refusal> {
    let mut spool = room.spool();
    loop {
        match pace.piece(body).await {
            Ok(Some(piece)) => spool.push(&piece).await.map_err(no_room)?,
            Ok(None) => return spool.finish().await.map_err(no_room),
            Err(Gone::Slow) => return Err(slow()),
            Err(Gone::Broken) => {
                let why = "the service's own system broke off its answer";
                return Err(Refusal::new(Leaf::IoError, why));
            }
        }
    }
}

fn slow() -> Refusal {
    Refusal::new(Leaf::IoError, "the service's own system took too long")
}

fn no_room(error: SpoolError) -> Refusal {
    tracing::error!(%error, "the answer of a service's own system could not be taken");
    match error {
        SpoolError::TooLarge => Refusal::new(Leaf::IoError, "the answer is over this node's limit"),
        SpoolError::NoRoom(_) => {
            Refusal::new(Leaf::IoError, "this node has no room for the answer")
        }
    }
}

/// The service's address with the path below it, joined without a double slash, and the query.
fn address(url: &str, below: &str, query: Option<&str>) -> String {
    let base = match below.is_empty() {
        true => url,
        false => url.strip_suffix('/').unwrap_or(url),
    };
    let mark = query.map_or(String::new(), |query| format!("?{query}"));
    format!("{base}{below}{mark}")
}

/// The headers that the body's own system sees: those that were signed, but one client and one message number, so that
/// no system can read another client out of a repeated header than the one that was checked.
fn forwarded(headers: &[Header]) -> HeaderMap {
    let mut map = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let pair = (
            HeaderName::try_from(name.as_str()),
            HeaderValue::from_bytes(value.as_bytes()),
        );
        let (Ok(name), Ok(value)) = pair else {
            continue;
        };
        if message::is_single(name.as_str()) {
            map.insert(name, value);
        } else {
            map.append(name, value);
        }
    }
    map
}

/// The headers of the system's answer that go back: without those of one connection and without those the node writes.
fn kept(headers: &HeaderMap) -> Vec<Header> {
    headers
        .iter()
        .filter(|(name, _)| {
            !message::is_dropped(name.as_str()) && !message::is_echoed(name.as_str())
        })
        .map(|(name, value)| (name.as_str().to_owned(), header_text(value.as_bytes())))
        .collect()
}

/// What the asking node is told if the body's own system does not answer; the address stays in this node's log.
fn away(error: &HttpError) -> Refusal {
    tracing::warn!(%error, "the service's own system did not answer");
    let (leaf, why) = match error {
        HttpError::Address(_) => (
            Leaf::ServiceMissingUrl,
            "the service's address can't be used",
        ),
        HttpError::Connect { cause, .. } if cause.contains("lookup address") => (
            Leaf::UnknownHost,
            "the service's own system has no known address",
        ),
        HttpError::Connect { .. } => (
            Leaf::NetworkError,
            "the service's own system can't be reached",
        ),
        HttpError::Broken { .. } => (Leaf::IoError, "the service's own system broke off"),
        HttpError::Slow { .. } => (Leaf::IoError, "the service's own system took too long"),
        HttpError::TooLarge { .. } => (Leaf::IoError, "the answer is over this node's limit"),
    };
    Refusal::new(leaf, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_joined_without_a_double_slash() {
        for (url, below, query, whole) in [
            ("http://a/b", "", None, "http://a/b"),
            ("http://a/b/", "", None, "http://a/b/"),
            ("http://a/b", "/c", Some("d=%20"), "http://a/b/c?d=%20"),
            ("http://a/b/", "/c/", None, "http://a/b/c/"),
            ("http://a/", "/", Some(""), "http://a/?"),
        ] {
            assert_eq!(address(url, below, query), whole);
        }
    }

    #[test]
    fn a_system_sees_the_client_that_was_checked() {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let map = forwarded(&[
            header("X-Road-Client", "PE/GOB/1/other"),
            header("x-mine", "1"),
            header("x-road-client", "PE/GOB/1/checked"),
            header("X-Mine", "2"),
        ]);
        let all = |name: &str| map.get_all(name).iter().cloned().collect::<Vec<_>>();
        assert_eq!(all("x-road-client"), ["PE/GOB/1/checked"]);
        assert_eq!(all("x-mine"), ["1", "2"]);
    }

    #[test]
    fn what_the_node_writes_is_not_taken_from_the_system() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-road-id", "forged"),
            ("x-road-request-hash", "forged"),
            ("x-road-error", "own.words"),
            ("server", "secret"),
            ("x-powered-by", "ni\u{f1}o"),
        ] {
            headers.append(
                HeaderName::from_static(name),
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            );
        }
        headers.append("x-old", HeaderValue::from_bytes(b"ni\xf1o").unwrap());
        let kept: Vec<_> = kept(&headers).into_iter().map(|(name, _)| name).collect();
        assert_eq!(kept, ["x-road-error", "x-powered-by", "x-old"]);
    }
}
