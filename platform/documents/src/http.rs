//! The addresses of this crate: public verification, and reading for those who may.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use bytes::Bytes;
use kernel::{Fault, Id};
use web::{Audience, Page, Room, Routes, Upload, Visit};

use crate::domain::Document;
use crate::mime::Kind;
use crate::{Documents, TEXTS, domain, pages, sql};

/// What this crate brings to a house.
pub fn room(documents: Documents) -> Room {
    let routes = Routes::new()
        .get("/verify", form)
        .post("/verify", check)
        .get("/verify/{code}", by_code)
        .get("/verify/{code}/document", by_code_file)
        .only(Audience::Person)
        .get("/documents/{id}", read)
        .with_state(documents);
    Room::new("documents")
        .migrations(sql::MIGRATIONS)
        .routes(routes)
        .texts(TEXTS)
        .menu("/verify", "documents-menu-verify", Audience::Everybody)
}

async fn form(visit: Visit) -> Page {
    Ok(pages::form(&visit, "", None))
}

async fn check(visit: Visit, State(documents): State<Documents>, upload: Upload) -> Page {
    let typed = upload.fields.text("code").to_owned();
    if let Some(file) = upload.file("file") {
        return Ok(match documents.verify_bytes(file.bytes.clone()).await {
            Ok(checked) => pages::result(&visit, &checked, false),
            Err(fault) => pages::form(&visit, "", Some((pages::Wrong::File, &fault))),
        });
    }
    match domain::read_code(&typed) {
        Some(code) => {
            Ok(Redirect::to(&format!("/verify/{}", domain::grouped(&code))).into_response())
        }
        None if typed.is_empty() && upload.fields.get("upload").is_some() => {
            let fault = Fault::invalid("fault-documents-pdf");
            Ok(pages::form(&visit, "", Some((pages::Wrong::File, &fault))))
        }
        None => {
            let fault = Fault::invalid("fault-documents-code");
            Ok(pages::form(
                &visit,
                &typed,
                Some((pages::Wrong::Code, &fault)),
            ))
        }
    }
}

async fn by_code(
    visit: Visit,
    State(documents): State<Documents>,
    Path(code): Path<String>,
) -> Page {
    match documents.verify_code(&code).await {
        Ok(checked) => Ok(pages::result(&visit, &checked, true)),
        Err(fault) if fault.key.starts_with("fault-documents-") => Ok(pages::form(
            &visit,
            &code,
            Some((pages::Wrong::Code, &fault)),
        )),
        Err(fault) => Err(fault.into()),
    }
}

async fn by_code_file(State(documents): State<Documents>, Path(code): Path<String>) -> Page {
    let document = documents.by_code(&code).await?;
    let bytes = documents.bytes(document.id).await?;
    Ok(file(&document, bytes))
}

async fn read(visit: Visit, State(documents): State<Documents>, Path(id): Path<String>) -> Page {
    let missing = || Fault::missing("fault-missing");
    let id: Id = id.parse().map_err(|_| missing())?;
    let document = documents.get(id).await?;
    // Whoever may not read it learns nothing of its being there.
    if !document.is_readable_by(visit.person()?) {
        return Err(missing().into());
    }
    let bytes = documents.bytes(id).await?;
    Ok(file(&document, bytes))
}

/// The file itself. Only PDF opens in the browser: other kinds come from outside and are saved.
fn file(document: &Document, bytes: Bytes) -> Response {
    let way = if document.mime == Kind::Pdf {
        "inline"
    } else {
        "attachment"
    };
    let disposition = format!(
        "{way}; filename=\"{}\"; filename*=UTF-8''{}",
        ascii(&document.name),
        encoded(&document.name)
    );
    let mime = match document.mime {
        Kind::Text => "text/plain; charset=utf-8",
        other => other.mime(),
    };
    let headers = [
        ("content-type", mime.to_owned()),
        ("content-disposition", disposition),
        ("x-content-type-options", "nosniff".to_owned()),
        ("cache-control", "private, no-store".to_owned()),
    ];
    (headers, bytes).into_response()
}

/// A name for readers of the old header form (RFC 6266 appendix D).
fn ascii(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ');
    name.chars()
        .map(|c| if plain(c) { c } else { '_' })
        .collect()
}

/// A name in the extended form (RFC 8187).
fn encoded(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    name.bytes()
        .map(|byte| {
            if plain(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}
