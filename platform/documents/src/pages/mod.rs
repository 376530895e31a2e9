//! The pages of verification: a form with two ways in, and a result that a person without training understands.

use axum::http::StatusCode;
use axum::response::Response;
use kernel::Fault;
use maud::{Markup, html};
use web::parts::{self, Row, Tone};
use web::{Sheet, Visit, csrf_field};

use crate::domain::{self, Document};
use crate::pades::{Indication, PDF_BYTES_MAX, SignatureReport, State, Verdict};
use crate::verify::Checked;

/// Which of the form's two fields is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// The code.
    Code,
    /// The file.
    File,
}

/// The form, with what is wrong.
pub fn form(visit: &Visit, typed: &str, wrong: Option<(Wrong, &Fault)>) -> Response {
    let told = |field: Wrong| match wrong {
        Some((at, fault)) if at == field => Some(web::failure::told(visit, fault)),
        _ => None,
    };
    let (code_wrong, file_wrong) = (told(Wrong::Code), told(Wrong::File));
    let listed: Vec<(String, String)> =
        [("code", code_wrong.clone()), ("file", file_wrong.clone())]
            .into_iter()
            .filter_map(|(field, text)| text.map(|text| (field.to_owned(), text)))
            .collect();
    let limit = (PDF_BYTES_MAX / (1024 * 1024)).min(20).to_string();
    let body = html! {
        (parts::error_summary(visit, &listed))
        p.lead { (visit.t("documents-verify-intro")) }
        h2 { (visit.t("documents-verify-by-code")) }
        form method="post" action="/verify" enctype="multipart/form-data" {
            (csrf_field(visit))
            (parts::field("code", &visit.t("documents-verify-code"))
                .hint(visit.t("documents-verify-code-hint"))
                .value(typed)
                .chars_max(64)
                .error(code_wrong))
            (parts::button(&visit.t("documents-verify-button")))
        }
        h2 { (visit.t("documents-verify-by-file")) }
        form method="post" action="/verify" enctype="multipart/form-data" {
            (csrf_field(visit))
            input type="hidden" name="upload" value="1";
            (parts::file("file", &visit.t("documents-verify-file"))
                .hint(visit.tt("documents-verify-file-hint", &[("limit", limit.into())]))
                .accept(".pdf,application/pdf")
                .error(file_wrong))
            (parts::button(&visit.t("documents-verify-button")))
        }
    };
    let status = wrong.map_or(StatusCode::OK, |(_, fault)| {
        web::failure::status(fault.kind)
    });
    Sheet::new(visit, &visit.t("documents-verify-title"))
        .narrow()
        .status(status)
        .show(body)
}

/// What was found. Whoever has the code may download the document.
pub fn result(visit: &Visit, checked: &Checked, has_code: bool) -> Response {
    let verdict = &checked.verdict;
    let tone = tone(verdict.indication);
    let body = html! {
        (parts::notice(tone, &visit.t(verdict.indication.text_key()), summary(visit, verdict)))
        (known(visit, checked))
        @if let Some(document) = &checked.document {
            h2 { (visit.t("documents-verify-about")) }
            (parts::summary_list(visit, &about(visit, document)))
            @if let (true, Some(code)) = (has_code, &document.code) {
                p { (visit.t("documents-verify-compare")) }
                p { (parts::link_button(&format!("/verify/{}/document", domain::grouped(code)),
                    &visit.t("documents-verify-download"))) }
            }
        }
        h2 { (visit.t("documents-verify-steps")) }
        @for report in &verdict.signatures { (signature(visit, report)) }
        (registered(visit, checked))
        (parts::details(&visit.t("documents-verify-expert"), expert(visit, checked)))
        p { a href="/verify" { (visit.t("documents-verify-other")) } }
    };
    Sheet::new(visit, &visit.t("documents-verify-title"))
        .narrow()
        .show(body)
}

fn tone(indication: Indication) -> Tone {
    match indication {
        Indication::Valid => Tone::Good,
        Indication::Indeterminate => Tone::Todo,
        Indication::Invalid => Tone::Bad,
    }
}

fn summary(visit: &Visit, verdict: &Verdict) -> Markup {
    html! {
        @if verdict.is_valid() { p { (visit.t("documents-verdict-valid-more")) } }
        @if let Some(reason) = verdict.reason { p { (visit.t(reason.text_key())) } }
        @if verdict.indication == Indication::Invalid { p { (visit.t("documents-verdict-invalid-more")) } }
    }
}

fn known(visit: &Visit, checked: &Checked) -> Markup {
    let key = if checked.document.is_some() {
        "documents-known-yes"
    } else {
        "documents-known-no"
    };
    html! { p { (visit.t(key)) } }
}

fn about(visit: &Visit, document: &Document) -> Vec<Row> {
    let mut rows = vec![Row::text(visit.t("documents-field-title"), &document.title)];
    let code = document.code.as_deref().map(domain::grouped);
    let texts = [
        ("documents-field-number", document.number.as_ref()),
        ("documents-field-body", document.body.as_ref()),
        ("documents-field-signer", document.signer.as_ref()),
        ("documents-field-post", document.post.as_ref()),
        ("documents-field-code", code.as_ref()),
    ];
    for (key, text) in texts {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            rows.push(Row::text(visit.t(key), text));
        }
    }
    rows.push(Row::markup(
        visit.t("documents-field-date"),
        visit.time(document.made_at),
    ));
    rows
}

fn signature(visit: &Visit, report: &SignatureReport) -> Markup {
    let mut rows = Vec::new();
    if !report.signer.is_empty() {
        rows.push(Row::text(visit.t("documents-field-signer"), &report.signer));
    }
    if let Some(at) = report.stamped_at {
        rows.push(Row::markup(
            visit.t("documents-field-stamped"),
            visit.time(at),
        ));
    }
    for step in &report.steps {
        rows.push(Row::markup(visit.t(step.key), state(visit, step.state)));
    }
    parts::summary_list(visit, &rows)
}

fn state(visit: &Visit, state: State) -> Markup {
    let (tone, key) = match state {
        State::Passed => (Tone::Good, "documents-state-passed"),
        State::Failed => (Tone::Bad, "documents-state-failed"),
        State::Skipped => (Tone::Todo, "documents-state-skipped"),
    };
    parts::tag(tone, &visit.t(key))
}

fn registered(visit: &Visit, checked: &Checked) -> Markup {
    let found = if checked.document.is_some() {
        State::Passed
    } else {
        State::Failed
    };
    let row = Row::markup(visit.t("documents-step-registered"), state(visit, found));
    parts::summary_list(visit, &[row])
}

fn expert(visit: &Visit, checked: &Checked) -> Markup {
    let verdict = &checked.verdict;
    let reason = verdict
        .reason
        .map_or(String::new(), |reason| format!(" / {}", reason.word()));
    let word = format!("{}{reason}", verdict.indication.word());
    let hash = data_encoding::HEXLOWER.encode(&checked.sha256);
    let mut rows = vec![
        Row::markup(
            visit.t("documents-field-word"),
            html! { span.code { (word) } },
        ),
        Row::markup(
            visit.t("documents-field-hash"),
            html! { span.code { (hash) } },
        ),
    ];
    for report in &verdict.signatures {
        if !report.certificate.is_empty() {
            let name = html! { span.code { (report.certificate) } };
            rows.push(Row::markup(visit.t("documents-field-certificate"), name));
        }
        if let Some(at) = report.claimed_at {
            rows.push(Row::markup(
                visit.t("documents-field-claimed"),
                visit.time(at),
            ));
        }
    }
    parts::summary_list(visit, &rows)
}
