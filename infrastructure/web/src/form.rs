//! What people send: forms and files, checked for origin and size before a handler sees them.
//!
//! Promises: a form without this visitor's token is refused, so no other site can act in somebody's name (OWASP CSRF);
//! sizes and counts are bounded. Refuses: judging what the fields mean.

use axum::extract::{FromRequest, Multipart, Request};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{Method, header};
use kernel::{Fault, FaultKind};
use maud::{Markup, html};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::{Failure, Visit};

/// Name of the form field that holds the token.
pub const CSRF_FIELD: &str = "csrf";
/// Most fields of one form; our longest form has about forty.
pub const FIELDS_MAX: usize = 500;
/// Most files of one form.
pub const FILES_MAX: usize = 20;

/// A urlencoded form of type `T`, with its token checked.
pub struct Form<T>(pub T);

/// All fields of a form in the order they were sent; for forms made from data, and for lists of ticked boxes.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(transparent)]
pub struct Fields(pub Vec<(String, String)>);

/// One file that came with a form.
#[derive(Clone, Debug)]
pub struct UploadedFile {
    /// Name of the form field.
    pub field: String,
    /// File name as the browser tells it: foreign text, for showing only.
    pub name: String,
    /// Media type as the browser tells it: a claim, not a fact.
    pub content_type: String,
    /// The content.
    pub bytes: Bytes,
}

/// A multipart form with files, with its token checked.
#[derive(Clone, Debug, Default)]
pub struct Upload {
    /// The fields that are not files.
    pub fields: Fields,
    /// The files; a file input left empty gives none.
    pub files: Vec<UploadedFile>,
}

impl Fields {
    /// The first value of `name`, trimmed.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.trim())
    }

    /// The first value of `name`, or empty text.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or("")
    }

    /// All values of `name`.
    pub fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.trim())
    }

    /// Whether a box `name` is ticked.
    pub fn ticked(&self, name: &str) -> bool {
        self.get(name).is_some()
    }
}

/// The hidden field that each form with `method="post"` carries.
pub fn csrf_field(visit: &Visit) -> Markup {
    html! { input type="hidden" name=(CSRF_FIELD) value=(visit.csrf); }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Form<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let visit = visit_of(&request)?;
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| {
                body_fault(&rejection.body_text(), rejection.into_response().status())
            })?;
        let fields: Fields = parse(&body).await?;
        check(&visit, &fields)?;
        parse(&body).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequest<S> for Upload {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let visit = visit_of(&request)?;
        let mut multipart = Multipart::from_request(request, state)
            .await
            .map_err(|rejection| Fault::invalid("fault-form").detail(rejection))?;
        let mut upload = Self::default();
        while let Some(part) = multipart.next_field().await.map_err(multipart_fault)? {
            upload.take(part).await?;
        }
        check(&visit, &upload.fields)?;
        Ok(upload)
    }
}

impl Upload {
    /// The first file of the input `field`.
    pub fn file(&self, field: &str) -> Option<&UploadedFile> {
        self.files.iter().find(|file| file.field == field)
    }

    async fn take(&mut self, part: axum::extract::multipart::Field<'_>) -> Result<(), Failure> {
        let field = part.name().unwrap_or("").to_owned();
        let file_name = part.file_name().map(str::to_owned);
        let content_type = part
            .content_type()
            .unwrap_or("application/octet-stream")
            .to_owned();
        let bytes = part.bytes().await.map_err(multipart_fault)?;
        match file_name {
            Some(name) if !(name.is_empty() && bytes.is_empty()) => {
                self.files.push(UploadedFile {
                    field,
                    name,
                    content_type,
                    bytes,
                });
            }
            Some(_) => {}
            None => {
                let value = String::from_utf8(bytes.to_vec())
                    .map_err(|_| Fault::invalid("fault-form").detail("a field is not UTF-8"))?;
                self.fields.0.push((field, value));
            }
        }
        if self.files.len() > FILES_MAX {
            return Err(Fault::new(FaultKind::TooLarge, "fault-too-many-files").into());
        }
        Ok(())
    }
}

/// Checks count and token of a form. The token comes first in a page's form, so also from a form cut short.
fn check(visit: &Visit, fields: &Fields) -> Result<(), Failure> {
    if fields.0.len() > FIELDS_MAX {
        return Err(Fault::new(FaultKind::TooLarge, "fault-too-large").into());
    }
    match visit.csrf_holds(fields.text(CSRF_FIELD)) {
        true => Ok(()),
        false => Err(Fault::denied("fault-csrf")
            .detail("form token missing or of another visitor")
            .into()),
    }
}

fn visit_of(request: &Request) -> Result<Visit, Failure> {
    let visit = request.extensions().get::<Visit>().cloned();
    visit.ok_or_else(|| Fault::internal("a form is read without the outer layer").into())
}

async fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T, Failure> {
    let request = Request::builder()
        .method(Method::POST)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(body.clone().into())
        .map_err(Fault::internal)?;
    let form = axum::Form::<T>::from_request(request, &())
        .await
        .map_err(|rejection| Fault::invalid("fault-form").detail(rejection.body_text()))?;
    Ok(form.0)
}

fn body_fault(detail: &str, status: http::StatusCode) -> Fault {
    match status {
        http::StatusCode::PAYLOAD_TOO_LARGE => Fault::new(FaultKind::TooLarge, "fault-too-large"),
        _ => Fault::invalid("fault-form"),
    }
    .detail(detail)
}

fn multipart_fault(error: axum::extract::multipart::MultipartError) -> Failure {
    body_fault(&error.body_text(), error.status()).into()
}
