//! Pages of this body's registries: what each states, its OpenAPI for developers, and trying it in a test instance.
//!
//! What a registry states is public; its entries are not. Trying is for officials and for whoever sits at the machine,
//! in a test instance only; elsewhere the addresses are not there.

use std::net::IpAddr;

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use kernel::party::encode_part;
use kernel::{Fault, ServiceId};
use maud::{Markup, html};
use web::parts::{self, Choice, Picked, Row, Tone};
use web::{Fields, Form, Page, Routes, Visit, csrf_field, page};

use crate::http::READ;
use crate::source::{FIELD_BYTES_MAX, FIELDS_MAX, Registry, SUBJECT_BYTES_MAX};
use crate::try_it::{PURPOSE, TestInstance};
use crate::{Answer, Exchange};

/// The addresses.
pub fn routes(exchange: Exchange) -> Routes {
    Routes::new()
        .get("/registries", list)
        .get("/registries/{subsystem}/{code}", one)
        .get("/registries/{subsystem}/{code}/openapi.json", openapi)
        .post("/registries/{subsystem}/{code}/try", try_it)
        .get("/registries/{subsystem}/{code}/tried/{number}", tried)
        .with_state(exchange)
}

/// Who may try: an official, or whoever is at this machine; in a test instance.
fn proof(visit: &Visit) -> Result<TestInstance, Fault> {
    let proof = TestInstance::of(visit.body().simulated);
    let proof = proof.ok_or_else(|| Fault::missing("fault-missing"))?;
    let here = visit
        .client
        .parse::<IpAddr>()
        .is_ok_and(|ip| ip.is_loopback());
    if !here {
        visit.official(READ)?;
    }
    Ok(proof)
}

fn place(service: &ServiceId) -> String {
    let (subsystem, code) = (&service.subsystem.code, &service.code);
    format!(
        "/registries/{}/{}",
        encode_part(subsystem),
        encode_part(code)
    )
}

async fn known(exchange: &Exchange, subsystem: &str, code: &str) -> Result<ServiceId, Fault> {
    let member = &exchange.settings().member;
    let service = member.subsystem(subsystem).service(code);
    match exchange.fact_services().await?.contains(&service) {
        true => Ok(service),
        false => Err(Fault::missing("fault-missing")),
    }
}

async fn list(visit: Visit, State(exchange): State<Exchange>) -> Page {
    let services = exchange.fact_services().await?;
    let body = html! {
        p { (visit.t("exchange-registries-lead")) }
        @if services.is_empty() { p { (visit.t("exchange-registries-none")) } }
        @for service in &services {
            @let registry = exchange.registry(service);
            (parts::card(&place(service), title(&visit, service, registry.as_deref()), html! {
                @if let Some(registry) = &registry { p { (registry.described().description.of(visit.locale)) } }
                p { code { (service) } }
            }))
        }
    };
    Ok(page(&visit, &visit.t("exchange-registries-title"), body))
}

fn title<'a>(visit: &Visit, service: &'a ServiceId, registry: Option<&'a Registry>) -> &'a str {
    let title = registry.map(|registry| registry.described().title.of(visit.locale));
    title
        .filter(|title| !title.is_empty())
        .unwrap_or(&service.code)
}

async fn one(
    visit: Visit,
    State(exchange): State<Exchange>,
    Path((subsystem, code)): Path<(String, String)>,
) -> Page {
    let service = known(&exchange, &subsystem, &code).await?;
    Ok(sheet(&visit, &exchange, &service, &Tried::default()))
}

async fn openapi(
    visit: Visit,
    State(exchange): State<Exchange>,
    Path((subsystem, code)): Path<(String, String)>,
) -> Page {
    let service = known(&exchange, &subsystem, &code).await?;
    let made = exchange.openapi(&service, visit.locale).await?;
    let made = made.ok_or_else(|| Fault::missing("fault-missing"))?;
    let headers = [(header::CONTENT_TYPE, "application/json")];
    Ok((headers, format!("{made:#}")).into_response())
}

/// What was typed, and what came of it.
#[derive(Default)]
struct Tried {
    subject: String,
    fields: Vec<String>,
    error: Option<String>,
    answer: Option<Answer>,
}

async fn try_it(
    visit: Visit,
    State(exchange): State<Exchange>,
    Path((subsystem, code)): Path<(String, String)>,
    Form(form): Form<Fields>,
) -> Page {
    let proof = proof(&visit)?;
    let service = known(&exchange, &subsystem, &code).await?;
    let split = form.all("fields").flat_map(|value| value.split([',', ' ']));
    let picked = form
        .all("field")
        .chain(split)
        .filter(|name| !name.is_empty());
    let mut tried = Tried {
        subject: form.text("subject").to_owned(),
        fields: picked.map(str::to_owned).collect(),
        ..Tried::default()
    };
    let fits = (1..=SUBJECT_BYTES_MAX).contains(&tried.subject.len())
        && (1..=FIELDS_MAX).contains(&tried.fields.len())
        && tried
            .fields
            .iter()
            .all(|field| field.len() <= FIELD_BYTES_MAX);
    if fits {
        match exchange
            .try_it(proof, &service, &tried.subject, &tried.fields)
            .await
        {
            Ok(answer) => tried.answer = Some(answer.into_inner()),
            Err(error) => tried.error = Some(error.to_string()),
        }
    } else {
        tried.error = Some(visit.t("exchange-try-incomplete"));
    }
    Ok(sheet(&visit, &exchange, &service, &tried))
}

async fn tried(
    visit: Visit,
    State(exchange): State<Exchange>,
    Path((subsystem, code, number)): Path<(String, String, String)>,
) -> Page {
    let proof = proof(&visit)?;
    let service = known(&exchange, &subsystem, &code).await?;
    let bytes = exchange.tried(proof, &service, &number).await?;
    let bytes = bytes.ok_or_else(|| Fault::missing("fault-missing"))?;
    let headers = [
        (header::CONTENT_TYPE, trust::asic::MIME_TYPE),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"response.asice\"",
        ),
    ];
    Ok((headers, bytes).into_response())
}

fn sheet(visit: &Visit, exchange: &Exchange, service: &ServiceId, tried: &Tried) -> Response {
    let registry = exchange.registry(service);
    let body = html! {
        @if let Some(registry) = &registry {
            p { (registry.described().description.of(visit.locale)) }
            (stated(visit, registry))
        } @else { p { (visit.t("exchange-registry-table")) } }
        p { code { "POST /r1/" (service) "/facts" } }
        p { (parts::link_quiet(&format!("{}/openapi.json", place(service)), &visit.t("exchange-registry-openapi"))) }
        @if proof(visit).is_ok() { (trial(visit, exchange, service, tried)) }
    };
    page(visit, title(visit, service, registry.as_deref()), body)
}

/// The fields, each with what it means.
fn stated(visit: &Visit, registry: &Registry) -> Markup {
    let described = registry.described();
    let rows: Vec<Row> = described
        .names()
        .map(|name| match described.fields.get(name) {
            Some(field) => {
                let text = field.description.of(visit.locale);
                let sensitive = field
                    .sensitive
                    .then(|| parts::tag(Tone::Warn, &visit.t("exchange-field-sensitive")));
                Row::markup(
                    name,
                    html! { (text) " " @if let Some(tag) = sensitive { (tag) } },
                )
            }
            None => Row::text(name, &visit.t("exchange-field-computed")),
        })
        .collect();
    html! {
        h2 { (visit.t("exchange-registry-fields")) }
        (parts::summary_list(visit, &rows))
    }
}

fn trial(visit: &Visit, exchange: &Exchange, service: &ServiceId, tried: &Tried) -> Markup {
    let registry = exchange.registry(service);
    let subject = parts::field("subject", &visit.t("exchange-try-subject"))
        .value(&tried.subject)
        .chars_max(SUBJECT_BYTES_MAX)
        .medium()
        .required();
    html! {
        h2 #try { (visit.t("exchange-try-title")) }
        p { (visit.t("exchange-try-lead")) }
        @if let Some(error) = &tried.error { (parts::notice(Tone::Bad, &visit.t("exchange-try-failed"), html! { p { (error) } })) }
        @if let Some(answer) = &tried.answer { (shown(visit, service, answer)) (curl(visit, exchange, service, tried)) }
        form method="post" action=(format!("{}/try#try", place(service))) {
            (csrf_field(visit))
            (subject.show())
            @match &registry {
                Some(registry) => (choices(visit, registry, tried)),
                None => (parts::field("fields", &visit.t("exchange-try-fields")).value(tried.fields.join(", ")).hint(visit.t("exchange-try-fields-hint")).show()),
            }
            (parts::button(&visit.t("exchange-try-do")))
        }
    }
}

fn choices(visit: &Visit, registry: &Registry, tried: &Tried) -> Markup {
    let described = registry.described();
    let all: Vec<Choice> = described
        .names()
        .map(|name| Choice::new(name, name))
        .collect();
    let is_open = |name: &&str| {
        described
            .fields
            .get(*name)
            .is_none_or(|field| !field.sensitive)
    };
    // At first all that is not sensitive is ticked: whoever tries wants to see something.
    let picked = match tried.fields.is_empty() {
        true => Picked::several(described.names().filter(is_open)),
        false => Picked::several(&tried.fields),
    };
    parts::checkboxes("field", &visit.t("exchange-try-fields"), &all, &picked)
}

fn shown(visit: &Visit, service: &ServiceId, answer: &Answer) -> Markup {
    let rows: Vec<Row> = answer
        .facts
        .iter()
        .map(|fact| {
            let text = match &fact.value {
                kernel::fact::value::Value::None => visit.t("exchange-try-nothing"),
                kernel::fact::value::Value::Bool(true) => visit.t("exchange-try-yes"),
                kernel::fact::value::Value::Bool(false) => visit.t("exchange-try-no"),
                value => value.show(),
            };
            Row::text(&fact.name, &text)
        })
        .collect();
    let container = format!("{}/tried/{}", place(service), encode_part(&answer.evidence));
    let (tone, word) = match answer.found {
        true => (Tone::Good, "exchange-try-found"),
        false => (Tone::Warn, "exchange-try-not-found"),
    };
    html! {
        (parts::notice(tone, &visit.t(word), html! {
            (parts::summary_list(visit, &rows))
            p { (visit.t("exchange-number")) ": " code { (answer.evidence) } }
            p { (parts::link_quiet(&container, &visit.t("exchange-try-container"))) }
        }))
    }
}

/// The same question as a developer of another body's system asks it.
fn curl(visit: &Visit, exchange: &Exchange, service: &ServiceId, tried: &Tried) -> Markup {
    let listen = exchange.settings().systems_listen;
    let address = listen.map_or_else(|| "127.0.0.1:8081".to_owned(), |at| at.to_string());
    let question = serde_json::json!({"subject": tried.subject, "fields": tried.fields});
    let quoted = question.to_string().replace('\'', "'\\''");
    let line = format!(
        "curl -X POST http://{address}/r1/{service}/facts \\\n  -H 'X-Road-Client: {}' \\\n  -H 'Tambo-Purpose: {PURPOSE}' \\\n  \
         -H 'Content-Type: application/json' \\\n  -d '{quoted}'",
        service.subsystem
    );
    parts::details(
        &visit.t("exchange-try-curl"),
        html! {
            p { (visit.t("exchange-try-curl-hint")) }
            pre { code { (line) } }
        },
    )
}
