//! The addresses `/deliveries` and `/topics` for the body's own systems, beside `/r1/...` on the same listener.
//!
//! Called by `systems`, which has found out who speaks. It decides nothing: it reads the request, calls the
//! story, and writes the answer as JSON. Errors have X-Road's form (`type`, `message`, `detail`) with `X-Road-Error`.

use bytes::Bytes;
use data_encoding::BASE64;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use kernel::{Party, SubsystemId, party};
use serde_json::{Value, json};

use super::topic::EVENT_BYTES_MAX;
use super::{DeliverError, Delivery, LaterRequest, NewEvent, Reading, State, Topic, within};
use crate::Exchange;
use crate::ask::Outgoing;
use crate::body::Body;
use crate::domain::codes::{Report, respell};
use crate::domain::message;

/// Names the order in which deliveries to one service go.
const ORDER: &str = "tambo-order";
/// Seconds after which a system that was told to wait should come again.
const RETRY_AFTER: &str = "30";

/// What a system's own request to these addresses is made of.
pub(crate) struct SystemRequest<'a> {
    pub client: &'a Party,
    pub method: &'a Method,
    pub path: &'a str,
    pub query: Option<&'a str>,
    pub headers: &'a HeaderMap,
    pub body: Body,
}

type Answer = Response<Bytes>;

/// Whether a path is one of these addresses.
pub(crate) fn is_here(path: &str) -> bool {
    ["/deliveries", "/topics"].iter().any(|start| {
        path.strip_prefix(start)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// Whether a request asks for an answer later (RFC 7240 section 4.1).
pub(crate) fn wants_later(headers: &HeaderMap) -> bool {
    headers
        .get_all("prefer")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split([',', ';']))
        .any(|word| word.trim().eq_ignore_ascii_case("respond-async"))
}

impl Exchange {
    /// Accepts a request for later: 202 with the place where its fate is told.
    pub(crate) async fn accept_later(&self, mut outgoing: Outgoing, headers: &HeaderMap) -> Answer {
        let own = |name: &str| {
            [ORDER, "prefer"]
                .iter()
                .any(|own| name.eq_ignore_ascii_case(own))
        };
        outgoing.headers.retain(|(name, _)| !own(name));
        let order = text(headers, ORDER).map(str::to_owned);
        match self.send_later(LaterRequest { outgoing, order }).await {
            Ok(number) => {
                let place = format!("/deliveries/{}", party::encode_part(&number));
                let body = json!({ "number": number, "state": State::Waiting.text() });
                let applied = ("preference-applied", "respond-async");
                told(202, &body, &[("location", &place), applied])
            }
            Err(error) => self.refuse_system(&error),
        }
    }

    /// Answers a system at one of these addresses.
    pub(crate) async fn tell(&self, request: &SystemRequest<'_>) -> Answer {
        let parts: Vec<&str> = request.path.trim_matches('/').split('/').collect();
        let result = match parts.as_slice() {
            ["deliveries", number] => match party::decode_part(number) {
                Some(number) => self.tell_delivery(request, &number).await,
                None => Err(DeliverError::NoDelivery),
            },
            ["topics"] => self.tell_topics(request).await,
            ["topics", name] => self.tell_publish(request, name).await,
            ["topics", instance, class, member, subsystem, name] => {
                let text = format!("{instance}/{class}/{member}/{subsystem}/{name}");
                match text.parse() {
                    Ok(topic) => self.tell_topic(request, &topic).await,
                    Err(_) => Err(DeliverError::NoTopic),
                }
            }
            _ => Err(DeliverError::Malformed("there is nothing at this address")),
        };
        result.unwrap_or_else(|error| self.refuse_system(&error))
    }

    async fn tell_delivery(
        &self,
        request: &SystemRequest<'_>,
        number: &str,
    ) -> Result<Answer, DeliverError> {
        match *request.method {
            Method::GET => {}
            Method::DELETE => self.take_back(request.client, number).await?,
            Method::POST => self.deliver_again(request.client, number).await?,
            _ => return Ok(wrong_method("GET, DELETE, POST")),
        }
        let delivery = self.delivery(request.client, number).await?;
        Ok(match (&delivery.answer, request.query) {
            (Some((status, headers, body)), Some("answer")) => raw(*status, headers, body.clone()),
            _ => told(200, &shown(&delivery), &[]),
        })
    }

    async fn tell_topics(&self, request: &SystemRequest<'_>) -> Result<Answer, DeliverError> {
        if *request.method != Method::GET {
            return Ok(wrong_method("GET"));
        }
        let (own, received) = self.topics_of(subsystem(request)?).await?;
        let own = own
            .iter()
            .map(|(topic, head)| json!({ "topic": topic, "last": head }));
        let received = received.iter().map(|row| {
            json!({
                "topic": row.topic, "last": row.acked, "since": row.since.iso(),
                "gap": (row.gap.1 > 0).then_some([row.gap.0, row.gap.1]),
            })
        });
        let body = json!({
            "published": own.collect::<Vec<_>>(), "subscribed": received.collect::<Vec<_>>(),
        });
        Ok(told(200, &body, &[]))
    }

    async fn tell_publish(
        &self,
        request: &SystemRequest<'_>,
        name: &str,
    ) -> Result<Answer, DeliverError> {
        if *request.method != Method::POST {
            return Ok(wrong_method("POST"));
        }
        let value = |name: &str| text(request.headers, name).map(str::to_owned);
        let event = NewEvent {
            kind: value("content-type").unwrap_or_else(|| "application/octet-stream".to_owned()),
            body: within(&request.body, EVENT_BYTES_MAX).await?.ok_or(
                DeliverError::EventTooLarge {
                    limit: EVENT_BYTES_MAX,
                },
            )?,
            number: value(message::ID),
        };
        let (topic, n) = self.publish(subsystem(request)?, name, event).await?;
        let place = format!("/topics/{topic}?after={}&limit=1", n - 1);
        let body = json!({ "topic": topic.to_string(), "n": n });
        Ok(told(201, &body, &[("location", &place)]))
    }

    async fn tell_topic(
        &self,
        request: &SystemRequest<'_>,
        topic: &Topic,
    ) -> Result<Answer, DeliverError> {
        let value = |name: &str| value_of(request.query, name);
        let client = subsystem(request)?;
        match *request.method {
            Method::GET => {
                let after = value("after").unwrap_or(0).max(0);
                let limit = usize::try_from(value("limit").unwrap_or(100)).unwrap_or(1);
                let reading = self.events(client, topic, after, limit).await?;
                Ok(told(200, &read(topic, &reading), &[]))
            }
            Method::PUT => {
                let after = self.subscribe(client, topic, value("after")).await?;
                let body = json!({ "topic": topic.to_string(), "after": after });
                Ok(told(200, &body, &[]))
            }
            Method::DELETE => {
                self.unsubscribe(client, topic).await?;
                Ok(told(200, &json!({ "topic": topic.to_string() }), &[]))
            }
            _ => Ok(wrong_method("GET, PUT, DELETE")),
        }
    }

    /// An error in X-Road's form.
    fn refuse_system(&self, error: &DeliverError) -> Answer {
        let (status, code) = error.told();
        let code = respell(&code, self.inner.settings.spelling);
        let report = Report {
            code,
            message: error.to_string(),
            detail: self.inner.chance.uuid(),
        };
        tracing::warn!(code = %report.code, reference = %report.detail, %error, "a system was refused");
        let pairs = [
            ("x-road-error", report.code.as_str()),
            ("retry-after", RETRY_AFTER),
        ];
        let comes_again = matches!(status, 429 | 503 | 507);
        let pairs = if comes_again { &pairs[..] } else { &pairs[..1] };
        answer(status, "application/json", report.json().into(), pairs)
    }
}

/// The subsystem that speaks; topics are published and read by subsystems alone.
fn subsystem<'a>(request: &SystemRequest<'a>) -> Result<&'a SubsystemId, DeliverError> {
    request
        .client
        .subsystem()
        .ok_or(DeliverError::NotASubsystem)
}

fn shown(delivery: &Delivery) -> Value {
    let answer = delivery.answer.as_ref().map(|(status, headers, body)| {
        let headers = headers.iter().map(|(name, value)| json!([name, value]));
        json!({
            "status": status, "headers": headers.collect::<Vec<_>>(), "body": content(body),
        })
    });
    json!({
        "number": delivery.number,
        "state": delivery.state.text(),
        "mayHaveArrived": delivery.doubt,
        "attempts": delivery.attempts,
        "acceptedAt": delivery.accepted_at.iso(),
        "expiresAt": delivery.expires_at.iso(),
        "nextAttemptAt": (!delivery.state.is_final()).then(|| delivery.next_at.iso()),
        "endedAt": delivery.ended_at.map(kernel::Moment::iso),
        "code": delivery.code,
        "cause": delivery.cause,
        "answer": answer,
    })
}

fn read(topic: &Topic, reading: &Reading) -> Value {
    let events = reading.events.iter().map(|event| {
        json!({
            "n": event.n, "at": event.at.iso(), "type": event.kind, "data": content(&event.body),
            "link": event.link, "setAside": event.poison,
        })
    });
    json!({
        "topic": topic.to_string(), "last": reading.head,
        "gap": reading.gap.map(|(from, to)| [from, to]), "events": events.collect::<Vec<_>>(),
    })
}

/// Content in JSON: as text where it is text, or else in base64.
fn content(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => json!({ "text": text }),
        Err(_) => json!({ "base64": BASE64.encode(bytes) }),
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn value_of(query: Option<&str>, name: &str) -> Option<i64> {
    query?.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        (key == name).then(|| value.parse().ok())?
    })
}

fn wrong_method(allowed: &str) -> Answer {
    told(405, &json!({ "allowed": allowed }), &[("allow", allowed)])
}

fn told(status: u16, body: &Value, pairs: &[(&str, &str)]) -> Answer {
    answer(status, "application/json", body.to_string().into(), pairs)
}

/// The provider's answer as it was.
fn raw(status: u16, headers: &[message::Header], body: Vec<u8>) -> Answer {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    for (name, value) in headers {
        let pair = (
            HeaderName::try_from(name.as_str()),
            HeaderValue::from_bytes(value.as_bytes()),
        );
        if let (false, (Ok(name), Ok(value))) = (message::is_dropped(name), pair) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

fn answer(status: u16, kind: &'static str, body: Bytes, pairs: &[(&str, &str)]) -> Answer {
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    for (name, value) in pairs {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(*name), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_preferences_are_told_apart() {
        for (path, here) in [
            ("/deliveries/1", true),
            ("/topics", true),
            ("/topics/x", true),
            ("/topicsx", false),
            ("/r1/PE", false),
        ] {
            assert_eq!(is_here(path), here, "{path}");
        }
        let later = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("prefer", HeaderValue::from_static(value));
            wants_later(&headers)
        };
        assert!(later("respond-async") && later("wait=10, Respond-Async; x=1"));
        assert!(!later("respond-asynchronously") && !wants_later(&HeaderMap::new()));
        assert_eq!(value_of(Some("after=12&limit=x"), "after"), Some(12));
        assert_eq!(value_of(Some("after=12&limit=x"), "limit"), None);
    }
}
