//! Evidence for the body's own systems: containers of its messages, and the parameters to verify them with.
//!
//! Source: X-Road's service for signed documents (`GET /asic`) and for verifiers (`GET /verificationconf`). Errors are
//! plain text with status 400, 401, 404 or 500, as X-Road tells them. It promises a system only messages of the subsystem or
//! member that it may speak for, and enters each handing out in the log; it refuses messages without time stamp unless told to
//! stamp them first.

use bytes::Bytes;
use data_encoding::BASE32_NOPAD;
use http::{HeaderValue, Method, Response, StatusCode, header};
use kernel::party::encode_part;
use kernel::{Fault, MemberId, Party, ServiceId};
use trust::asic::MIME_TYPE;
use trust::globalconf::verification;
use trust::zip::Writer;

use super::Shown;
use crate::Exchange;
use crate::sql::{self, Half, Place, QuestionRow, Side};

/// Where containers are had.
const ASIC: &str = "/asic";
/// Where the parameters for verifiers are had.
const VERIFICATION: &str = "/verificationconf";
/// The folder in the archive for verifiers.
const FOLDER: &str = "verificationconf/";
/// Most letters of a message number in a file name.
const NAME_LETTERS_MAX: usize = 180;
/// Longest query; real ones have under 300 bytes.
const QUERY_BYTES_MAX: usize = 8 * 1024;

/// Why nothing is handed out: status and plain text.
struct No(StatusCode, String);

impl No {
    fn bad(text: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, text.into())
    }
}

impl From<Fault> for No {
    fn from(fault: Fault) -> Self {
        tracing::error!(%fault, "evidence could not be handed out");
        Self(
            StatusCode::INTERNAL_SERVER_ERROR,
            "this node failed".to_owned(),
        )
    }
}

/// One message to hand out.
struct Found {
    question: QuestionRow,
    half: Half,
    place: Place,
}

impl Exchange {
    /// The answer to `/asic` or `/verificationconf`; `None` for every other address.
    pub(super) async fn evidence(
        &self,
        method: &Method,
        uri: &http::Uri,
        shown: &Shown,
    ) -> Option<Response<Bytes>> {
        let given = match uri.path() {
            ASIC | VERIFICATION if !matches!(*method, Method::GET | Method::HEAD) => {
                Err(No::bad("this is read with GET"))
            }
            ASIC => self.containers(uri.query().unwrap_or(""), shown).await,
            VERIFICATION => self.verification_conf().await,
            _ => return None,
        };
        Some(given.unwrap_or_else(|No(status, text)| {
            let mut response = Response::new(Bytes::from(text));
            *response.status_mut() = status;
            let plain = HeaderValue::from_static("text/plain;charset=utf-8");
            response.headers_mut().insert(header::CONTENT_TYPE, plain);
            response
        }))
    }

    /// The instance's shared parameters, as X-Road's verifier takes them.
    async fn verification_conf(&self) -> Result<Response<Bytes>, No> {
        let internal = |error: &dyn std::fmt::Display| No::from(Fault::internal(error));
        let none = || {
            let text = "there is no configuration".to_owned();
            No(StatusCode::INTERNAL_SERVER_ERROR, text)
        };
        let view = self.inner.held.any().ok_or_else(none)?;
        let shared = self.kept_shared().await.map_err(|error| internal(&error))?;
        let shared = shared.ok_or_else(none)?;
        let files = verification::files(view.instance(), view.version(), &shared);
        let mut archive = Writer::new(self.inner.clock.now());
        for (path, bytes) in files.map_err(|error| internal(&error))? {
            let added = archive.deflated(&format!("{FOLDER}{path}"), &bytes);
            added.map_err(|error| internal(&error))?;
        }
        let bytes = archive.finish("").map_err(|error| internal(&error))?;
        Ok(file("application/zip", "verificationconf.zip", bytes))
    }

    async fn containers(&self, query: &str, shown: &Shown) -> Result<Response<Bytes>, No> {
        let wish = Wish::read(query)?;
        let client = &wish.client;
        self.check_system(client, shown)
            .map_err(|refusal| unknown(refusal.message()))?;
        let number = wish.number?;
        if wish.halves.is_empty() {
            return Err(No::bad("requestOnly and responseOnly exclude each other"));
        }
        let found = self.found(&number, client, &wish.halves).await?;
        if found.is_empty() {
            return Err(No(
                StatusCode::NOT_FOUND,
                "no signed documents found".to_owned(),
            ));
        }
        let one_half = wish.halves.len() == 1;
        if wish.unique && !one_half {
            return Err(No::bad("unique needs requestOnly or responseOnly"));
        }
        let files = self.packed(&found, wish.force).await?;
        for (one, (_, bytes)) in found.iter().zip(&files) {
            self.enter_reading(&client.to_string(), &number, one.half, bytes)
                .await?;
        }
        if wish.unique {
            let only = <[_; 1]>::try_from(files);
            let [(name, bytes)] = only.map_err(|_| No::bad("there are several"))?;
            return Ok(file(MIME_TYPE, &name, bytes));
        }
        let half = wish.halves.first().filter(|_| one_half);
        let ending = half.map_or(String::new(), |half| format!("-{}", half.text()));
        let name = format!("{}{ending}.zip", short(&number));
        Ok(file("application/zip", &name, self.archive(&files)?))
    }

    fn archive(&self, files: &[(String, Vec<u8>)]) -> Result<Vec<u8>, Fault> {
        let mut archive = Writer::new(self.inner.clock.now());
        for (name, bytes) in files {
            archive.stored(name, bytes).map_err(Fault::internal)?;
        }
        archive.finish("").map_err(Fault::internal)
    }

    /// The messages with this number on which `client` was this body's party.
    async fn found(
        &self,
        number: &str,
        client: &Party,
        halves: &[Half],
    ) -> Result<Vec<Found>, Fault> {
        let mut tx = self.inner.store.read().await?;
        let questions = sql::questions_by_number(&mut tx, number).await?;
        drop(tx);
        let mut found = Vec::new();
        for question in questions.into_iter().filter(|row| is_of(row, client)) {
            for half in halves {
                let place = match half {
                    Half::Request => Some(question.request),
                    Half::Response => question.response,
                };
                found.extend(place.map(|place| Found {
                    question: question.clone(),
                    half: *half,
                    place,
                }));
            }
        }
        Ok(found)
    }

    /// The containers with their file names; all have a time stamp.
    async fn packed(&self, found: &[Found], force: bool) -> Result<Vec<(String, Vec<u8>)>, No> {
        let failed = |text: &str| No(StatusCode::INTERNAL_SERVER_ERROR, text.to_owned());
        let mut files = Vec::with_capacity(found.len());
        for one in found {
            let mut packed = self.pack(&one.question, one.half, one.place).await?;
            if !packed.is_stamped && force {
                let stamped = self.stamp().await;
                stamped.map_err(|_| failed("could not create the missing time stamp"))?;
                packed = self.pack(&one.question, one.half, one.place).await?;
            }
            if !packed.is_stamped {
                return Err(failed(
                    "the message's signature has not been time-stamped yet",
                ));
            }
            let mut sequence = one.place.turn.to_be_bytes().to_vec();
            sequence.extend(one.place.at.to_be_bytes());
            sequence.retain(|byte| *byte != 0);
            let name = format!(
                "{}-{}-{}.asice",
                short(&one.question.number),
                one.half.text(),
                BASE32_NOPAD.encode(&sequence).to_lowercase()
            );
            files.push((name, packed.bytes));
        }
        Ok(files)
    }
}

fn unknown(text: &str) -> No {
    No(StatusCode::UNAUTHORIZED, text.to_owned())
}

/// Whether the party of this body in a question was `client`.
fn is_of(row: &QuestionRow, client: &Party) -> bool {
    match row.side {
        Side::Client => row.client == client.to_string(),
        Side::Provider => {
            let service = row.service.parse::<ServiceId>();
            service.is_ok_and(|service| client.subsystem() == Some(&service.subsystem))
        }
    }
}

/// A message number as part of a file name.
fn short(number: &str) -> String {
    encode_part(number).chars().take(NAME_LETTERS_MAX).collect()
}

fn file(kind: &'static str, name: &str, bytes: Vec<u8>) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

/// What is asked for.
struct Wish {
    number: Result<String, No>,
    client: Party,
    halves: Vec<Half>,
    unique: bool,
    force: bool,
}

impl Wish {
    fn read(query: &str) -> Result<Self, No> {
        if query.len() > QUERY_BYTES_MAX {
            return Err(No::bad("the query is too long"));
        }
        let pairs = pairs(query)?;
        let value = |name: &str| {
            pairs
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, v)| v)
        };
        let need = |name: &str| {
            let found = value(name).cloned();
            found.ok_or_else(|| No::bad(format!("the parameter {name} must be given")))
        };
        let has = |name: &str| value(name).is_some();
        let member = MemberId {
            instance: need("xRoadInstance")?,
            class: need("memberClass")?,
            code: need("memberCode")?,
        };
        Ok(Self {
            number: need("queryId"),
            client: match value("subsystemCode") {
                Some(code) => member.subsystem(code).into(),
                None => member.into(),
            },
            halves: match (has("requestOnly"), has("responseOnly")) {
                (false, false) => vec![Half::Request, Half::Response],
                (true, false) => vec![Half::Request],
                (false, true) => vec![Half::Response],
                (true, true) => Vec::new(),
            },
            unique: has("unique"),
            force: has("force"),
        })
    }
}

/// Names and values of a query as forms send it.
fn pairs(query: &str) -> Result<Vec<(String, String)>, No> {
    let decoded = |text: &str| match text {
        "" => Some(String::new()),
        text => kernel::party::decode_part(&text.replace('+', " ")),
    };
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((decoded(name)?, decoded(value)?))
    };
    let all = query.split('&').filter(|pair| !pair.is_empty()).map(pair);
    all.collect::<Option<_>>()
        .ok_or_else(|| No::bad("the query can't be read"))
}
