//! Errors as information systems are told them: code, message and reference, in JSON or XML (PR-REST section 4.6).
//!
//! Read by `systems`. The reference in `detail` stands in the node's own log next to the cause.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use crate::Exchange;
use crate::ask::AskError;
use crate::domain::codes::{Code, Form, Leaf, Origin, Report, respell, status_of};
use crate::domain::message;

/// Why a system's request was not answered by the provider's own system.
#[derive(Debug)]
pub(crate) struct Refusal {
    code: String,
    message: String,
}

impl Refusal {
    /// Code and cause.
    pub(crate) fn told(&self) -> (&str, &str) {
        (&self.code, &self.message)
    }

    /// Found by this node; X-Road tells nearly every mistake of a system so.
    pub(crate) fn own(leaf: Leaf, message: impl std::fmt::Display) -> Self {
        Self {
            code: Code::asking(leaf).to_string(),
            message: message.to_string(),
        }
    }

    /// A message that can't be taken at all.
    pub(crate) fn of_sender(leaf: Leaf, message: impl std::fmt::Display) -> Self {
        let code = Code {
            origin: Origin::Client,
            service_failed: false,
            leaf,
        };
        Self {
            code: code.to_string(),
            message: message.to_string(),
        }
    }
}

impl Refusal {
    /// What was wrong.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }
}

impl From<AskError> for Refusal {
    fn from(error: AskError) -> Self {
        let message = match &error {
            AskError::Own(fault) => {
                tracing::error!(%fault, "a system's request failed here");
                "this node failed".to_owned()
            }
            AskError::Refused { message, .. } => message.clone(),
            other => other.to_string(),
        };
        Self {
            code: error.code(),
            message,
        }
    }
}

impl Exchange {
    /// The response that tells a refusal, in the form that `accept` asks for.
    pub(crate) fn told(
        &self,
        refusal: Refusal,
        reference: String,
        accept: &str,
    ) -> Response<Bytes> {
        let report = Report {
            code: respell(&refusal.code, self.inner.settings.spelling),
            message: refusal.message,
            detail: reference,
        };
        tracing::warn!(code = %report.code, reference = %report.detail, cause = %report.message, "a system was refused");
        let form = Form::wanted(accept);
        let body = match form {
            Form::Json => report.json(),
            Form::Xml | Form::TextXml => report.xml(),
        };
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = StatusCode::from_u16(status_of(&report.code))
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let kind = HeaderValue::from_static(form.content_type());
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        if let Ok(value) = HeaderValue::from_str(&report.code) {
            response.headers_mut().insert(message::ERROR, value);
        }
        response
    }
}
