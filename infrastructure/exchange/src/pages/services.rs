//! Pages of what the body offers and to whom: drawn as who may come to what, with the forms that change it.
//!
//! What stands in the settings is shown as such and has no form. No page tells anything of another body but its name.

use std::collections::BTreeMap;

use axum::response::Response;
use kernel::Fault;
use maud::{Markup, html};
use web::form::csrf_field;
use web::parts::{self, Choice, Fan, Picked, Row, Tone};
use web::{Fields, Sheet, Visit, page};

use crate::domain::rights::{AccessRight, Endpoint, Subject};
use crate::http::services::place;
use crate::services::change::{CODE_BYTES_MAX, URL_BYTES_MAX};
use crate::services::held::{Candidate, HeldGroup, HeldService, Origin};
use crate::source::FactSource;
use crate::{View, services};

/// Most subjects of a service that the drawing of all services names; the service's own page names every one.
const NAMED_MAX: usize = 5;

/// Names of those who may ask.
pub struct Names<'a> {
    view: Option<&'a View>,
    groups: BTreeMap<&'a str, &'a str>,
}

impl<'a> Names<'a> {
    /// Names from the directory, and this body's own groups.
    pub fn new(view: Option<&'a View>, groups: &'a [HeldGroup]) -> Self {
        let groups = groups.iter();
        Self {
            view,
            groups: groups.map(|one| (&*one.code, &*one.title)).collect(),
        }
    }

    fn of(&self, subject: &Subject) -> String {
        let found = match subject {
            Subject::Client(client) => self.view.and_then(|view| view.name_of(client.member())),
            Subject::Local(code) => self.groups.get(code.as_str()).copied(),
            Subject::Global { code, .. } => self.view.and_then(|view| {
                let groups = &view.params().groups;
                let group = groups.iter().find(|group| group.code == *code)?;
                Some(group.description.as_str())
            }),
        };
        let found = found.filter(|name| !name.is_empty());
        found.map_or_else(|| subject.to_string(), str::to_owned)
    }
}

const fn kind(subject: &Subject) -> &'static str {
    match subject {
        Subject::Client(_) => "exchange-may-client",
        Subject::Global { .. } => "exchange-may-global",
        Subject::Local(_) => "exchange-may-local",
    }
}

fn states(visit: &Visit, held: &HeldService) -> Markup {
    html! {
        @match held.operation.enabled {
            true => (parts::tag(Tone::Good, &visit.t("exchange-offer-on"))),
            false => (parts::tag(Tone::Bad, &visit.t("exchange-offer-off"))),
        }
        @match held.origin {
            Origin::Settings => { " " (parts::tag(Tone::Info, &visit.t("exchange-from-settings"))) }
            Origin::Node => { " " (parts::tag(Tone::Info, &visit.t("exchange-from-node"))) }
            Origin::Page => {}
        }
    }
}

/// All services: who may come to each.
pub fn list(visit: &Visit, names: &Names<'_>, held: &[HeldService]) -> Response {
    let fans: Vec<Fan> = held.iter().map(|one| fan(visit, names, one)).collect();
    let title = visit.t("exchange-services-title");
    let body = html! {
        p.lead { (visit.t("exchange-services-lead")) }
        p {
            (parts::link_button("/exchange/service-offer", &visit.t("exchange-offer-new"))) " "
            (parts::link_quiet("/exchange/groups", &visit.t("exchange-groups-title")))
        }
        @if held.is_empty() { p { (visit.t("exchange-services-none")) } }
        @else { (parts::fans(&title, &fans)) }
    };
    page(visit, &title, body)
}

fn fan(visit: &Visit, names: &Names<'_>, held: &HeldService) -> Fan {
    let mut subjects: Vec<&Subject> = held
        .rights
        .iter()
        .map(|(right, _)| &right.subject)
        .collect();
    subjects.dedup();
    let mut from: Vec<Markup> = subjects
        .iter()
        .take(NAMED_MAX)
        .map(|subject| html! { b { (names.of(subject)) } span.soft.small { (visit.t(kind(subject))) } })
        .collect();
    let more = subjects.len().saturating_sub(NAMED_MAX);
    if more > 0 {
        let count = [("count", more.to_string().into())];
        from.push(html! { (visit.tt("exchange-may-more", &count)) });
    }
    Fan {
        from,
        nobody: visit.t(nobody(held)),
        to: html! {
            a href=(place(&held.service)) { b { (held.service.code) } }
            span.code.small { (held.service.subsystem.code) }
            span { (states(visit, held)) }
        },
    }
}

/// Registries are asked under agreements; other services by rights.
const fn nobody(held: &HeldService) -> &'static str {
    match held.source {
        FactSource::Url { .. } => "exchange-may-nobody",
        _ => "exchange-may-agreement",
    }
}

/// One service.
pub fn one(visit: &Visit, names: &Names<'_>, held: &HeldService) -> Response {
    let here = place(&held.service);
    let grant = format!("{here}/grant");
    let body = html! {
        p { (states(visit, held)) " " span.code { (held.service) } }
        @if !held.operation.enabled {
            (parts::notice(Tone::Warn, &visit.t("exchange-offer-off"), html! { p { (held.operation.notice.as_deref().unwrap_or("")) } }))
        }
        h2 { (visit.t("exchange-may-title")) }
        @if needs_agreement(held) { p { (visit.t("exchange-may-with-agreement")) " " a href="/exchange/agreements" { (visit.t("exchange-agreements-title")) } } }
        (ways(visit, names, held))
        p { (parts::link_button(&grant, &visit.t("exchange-may-grant"))) }
        h2 { (visit.t("exchange-offer-facts")) }
        (parts::summary_list(visit, &facts(visit, held)))
        @if held.origin == Origin::Settings { p.soft { (visit.t("exchange-from-settings-note")) } }
        (acts(visit, held))
    };
    Sheet::new(visit, &held.service.code)
        .back("/exchange/services")
        .show(body)
}

const fn needs_agreement(held: &HeldService) -> bool {
    !matches!(
        held.source,
        FactSource::Url {
            agreement: false,
            ..
        }
    )
}

/// For each endpoint that is open to anybody: who may come to it.
fn ways(visit: &Visit, names: &Names<'_>, held: &HeldService) -> Markup {
    let mut by_endpoint: BTreeMap<Endpoint, Vec<Markup>> = BTreeMap::new();
    for (right, listed) in &held.rights {
        let one = who(visit, names, right, *listed);
        by_endpoint.entry(right.endpoint()).or_default().push(one);
    }
    let mut fans: Vec<Fan> = by_endpoint
        .into_iter()
        .map(|(endpoint, from)| Fan {
            from,
            nobody: String::new(),
            to: endpoint_words(visit, &endpoint),
        })
        .collect();
    if fans.is_empty() {
        fans.push(Fan {
            from: Vec::new(),
            nobody: visit.t(nobody(held)),
            to: endpoint_words(visit, &Endpoint::whole()),
        });
    }
    parts::fans(&visit.t("exchange-may-title"), &fans)
}

fn endpoint_words(visit: &Visit, endpoint: &Endpoint) -> Markup {
    html! {
        @if *endpoint == Endpoint::whole() { b { (visit.t("exchange-may-whole")) } }
        @else { b.code { (endpoint.method) " " (endpoint.path) } }
    }
}

fn who(visit: &Visit, names: &Names<'_>, right: &AccessRight, listed: bool) -> Markup {
    let hidden = |name: &str, value: &str| html! { input type="hidden" name=(name) value=(value); };
    html! {
        b { (names.of(&right.subject)) }
        span.soft.small { (visit.t(kind(&right.subject))) " " span.code { (right.subject) } }
        @if listed { (parts::tag(Tone::Info, &visit.t("exchange-from-settings"))) }
        @else {
            (parts::details(&visit.t("exchange-may-revoke"), form(visit, &place(&right.service), "revoke", html! {
                (hidden("subject", &right.subject.to_string()))
                (hidden("method", &right.method))
                (hidden("path", &right.path))
                (parts::button_bad(&visit.t("exchange-may-revoke")))
            })))
        }
    }
}

fn form(visit: &Visit, place: &str, act: &str, inside: Markup) -> Markup {
    html! {
        form method="post" action=(place) {
            (csrf_field(visit))
            input type="hidden" name="act" value=(act);
            (inside)
        }
    }
}

fn facts(visit: &Visit, held: &HeldService) -> Vec<Row> {
    let source = match &held.source {
        FactSource::Url { url, .. } => url.clone(),
        FactSource::Accesses => visit.t("exchange-offer-accesses"),
        FactSource::Table { .. } | FactSource::Described => visit.t("exchange-offer-registry"),
    };
    let limit = held.operation.timeout_seconds.map_or_else(
        || visit.t("exchange-offer-timeout-usual"),
        |seconds| visit.tt("exchange-seconds", &[("count", seconds.to_string().into())]),
    );
    let mut rows = vec![
        Row::text(visit.t("exchange-offer-url"), &source),
        Row::text(visit.t("exchange-offer-timeout_seconds"), &limit),
    ];
    if let Some(url) = &held.description_url {
        rows.push(Row::text(visit.t("exchange-offer-description_url"), url));
    }
    if !held.endpoints.is_empty() {
        let listed = html! {
            @for endpoint in held.endpoints.iter().take(services::held::FOUND_MAX) { span.code { (endpoint.method) " " (endpoint.path) } br; }
            @if held.endpoints.len() > services::held::FOUND_MAX { "… " (held.endpoints.len()) }
        };
        rows.push(Row::markup(visit.t("exchange-offer-endpoints"), listed));
    }
    rows
}

fn acts(visit: &Visit, held: &HeldService) -> Markup {
    let here = place(&held.service);
    let ours = held.origin == Origin::Page;
    html! {
        h2 { (visit.t("exchange-offer-acts")) }
        @if ours { p { (parts::link_quiet(&format!("{here}/change"), &visit.t("exchange-offer-change"))) } }
        div.acts {
            @if held.operation.enabled {
                (parts::details(&visit.t("exchange-offer-switch-off"), form(visit, &here, "off", html! {
                    (parts::field("notice", &visit.t("exchange-offer-notice")).hint(visit.t("exchange-offer-notice-hint")).chars_max(services::NOTICE_BYTES_MAX / 2))
                    (parts::button_bad(&visit.t("exchange-offer-switch-off")))
                })))
            } @else {
                (form(visit, &here, "on", parts::button(&visit.t("exchange-offer-switch-on"))))
            }
            @if ours && held.description_url.is_some() {
                (form(visit, &here, "describe", parts::button_quiet(&visit.t("exchange-offer-describe"))))
            }
            @if ours {
                (parts::details(&visit.t("exchange-offer-withdraw"), form(visit, &here, "withdraw", html! {
                    p { (visit.t("exchange-offer-withdraw-note")) }
                    (parts::button_bad(&visit.t("exchange-offer-withdraw")))
                })))
            }
        }
    }
}

fn wrong(visit: &Visit, fault: Option<&Fault>) -> Markup {
    html! {
        @if let Some(fault) = fault {
            (parts::notice(Tone::Bad, &visit.t("exchange-offer-wrong"), html! { p { (told(visit, fault)) } }))
        }
    }
}

/// The fault with the name of the field as the form shows it.
fn told(visit: &Visit, fault: &Fault) -> String {
    let field = fault.args.iter().find(|(name, _)| name == "field");
    match field {
        Some((_, field)) if fault.key == "fault-exchange-offer" => {
            let name = visit.t(&format!("exchange-offer-{field}"));
            visit.tt("fault-exchange-offer", &[("field", name.into())])
        }
        _ => web::failure::told(visit, fault),
    }
}

fn terms(visit: &Visit, fields: &Fields) -> Markup {
    let label = |name: &str| visit.t(&format!("exchange-offer-{name}"));
    let hint = |name: &str| visit.t(&format!("exchange-offer-{name}-hint"));
    html! {
        (parts::field("url", &label("url")).hint(hint("url")).value(fields.text("url")).chars_max(URL_BYTES_MAX).required())
        (parts::number("timeout_seconds", &label("timeout_seconds")).hint(hint("timeout_seconds")).value(fields.text("timeout_seconds")))
        (parts::field("description_url", &label("description_url")).hint(hint("description_url")).value(fields.text("description_url")).chars_max(URL_BYTES_MAX))
        (parts::checkbox("agreement", &label("agreement"), fields.0.is_empty() || fields.ticked("agreement"), None))
    }
}

/// The form of a new service.
pub fn offer(visit: &Visit, own: &[String], fields: &Fields, fault: Option<&Fault>) -> Response {
    let own: Vec<Choice> = own.iter().map(|code| Choice::new(code, code)).collect();
    let picked = match fields.text("subsystem") {
        "" => own.first().map_or("", |first| first.value.as_str()),
        text => text,
    };
    let title = visit.t("exchange-offer-new");
    let body = html! {
        (wrong(visit, fault))
        p { (visit.t("exchange-offer-lead")) }
        form method="post" {
            (csrf_field(visit))
            (parts::select("subsystem", &visit.t("exchange-offer-subsystem"), &own, &Picked::one(picked)))
            (parts::field("code", &visit.t("exchange-offer-code")).hint(visit.t("exchange-offer-code-hint")).value(fields.text("code")).chars_max(CODE_BYTES_MAX).required())
            (terms(visit, fields))
            (parts::button(&title))
        }
    };
    Sheet::new(visit, &title)
        .back("/exchange/services")
        .narrow()
        .show(body)
}

/// What the form of a change begins with.
pub fn fields_of(held: &HeldService) -> Fields {
    let mut fields = vec![
        ("url".to_owned(), held.url().to_owned()),
        (
            "description_url".to_owned(),
            held.description_url.clone().unwrap_or_default(),
        ),
        (
            "timeout_seconds".to_owned(),
            held.operation
                .timeout_seconds
                .map_or_else(String::new, |seconds| seconds.to_string()),
        ),
    ];
    if needs_agreement(held) {
        fields.push(("agreement".to_owned(), "yes".to_owned()));
    }
    Fields(fields)
}

/// The form that changes a service.
pub fn change(
    visit: &Visit,
    held: &HeldService,
    fields: &Fields,
    fault: Option<&Fault>,
) -> Response {
    let here = place(&held.service);
    let body = html! {
        (wrong(visit, fault))
        p.code { (held.service) }
        @if held.origin == Origin::Page {
            (form(visit, &here, "change", html! {
                (terms(visit, fields))
                (parts::button(&visit.t("exchange-offer-save")))
            }))
        } @else { p { (visit.t("exchange-from-settings-note")) } }
    };
    Sheet::new(visit, &visit.t("exchange-offer-change"))
        .back(here)
        .narrow()
        .show(body)
}

/// The form that gives a right: first find somebody, then say to what.
pub fn grant(
    visit: &Visit,
    held: &HeldService,
    (find, found): (&str, &[Candidate]),
    fault: Option<&Fault>,
) -> Response {
    let here = place(&held.service);
    let body = html! {
        (wrong(visit, fault))
        p.code { (held.service) }
        form method="get" {
            (parts::field("find", &visit.t("exchange-may-find")).hint(visit.t("exchange-may-find-hint")).value(find))
            (parts::button_quiet(&visit.t("exchange-may-search")))
        }
        @if found.is_empty() { p { (visit.t("exchange-may-found-none")) } }
        @else {
            form method="post" action=(format!("{here}/grant")) {
                (csrf_field(visit))
                (candidates(visit, found))
                (endpoint_choice(visit, held))
                (parts::button(&visit.t("exchange-may-grant")))
            }
        }
    };
    Sheet::new(visit, &visit.t("exchange-may-grant"))
        .back(here)
        .narrow()
        .show(body)
}

fn candidates(visit: &Visit, found: &[Candidate]) -> Markup {
    let choices: Vec<Choice> = found
        .iter()
        .map(|one| {
            let hint = format!("{} {}", visit.t(kind(&one.subject)), one.subject);
            Choice::new(one.subject.to_string(), &one.name).hint(hint)
        })
        .collect();
    let hint = match found.len() == services::held::FOUND_MAX {
        true => visit.t("exchange-may-found-more"),
        false => String::new(),
    };
    let picked = Picked::one("").hint(hint);
    parts::radios(
        "subject",
        &visit.t("exchange-offer-subject"),
        &choices,
        &picked,
    )
}

fn endpoint_choice(visit: &Visit, held: &HeldService) -> Markup {
    let mut choices = vec![Choice::new("* **", visit.t("exchange-may-whole"))];
    for endpoint in &held.endpoints {
        let text = format!("{} {}", endpoint.method, endpoint.path);
        if endpoint.path != "**" {
            choices.push(Choice::new(&text, &text));
        }
    }
    choices.push(Choice::new("", visit.t("exchange-may-other")));
    html! {
        (parts::select("endpoint", &visit.t("exchange-may-what"), &choices, &Picked::one("* **")))
        (parts::details(&visit.t("exchange-may-other"), html! {
            (parts::field("method", &visit.t("exchange-offer-method")).hint(visit.t("exchange-may-method-hint")).short().value("GET"))
            (parts::field("path", &visit.t("exchange-offer-path")).hint(visit.t("exchange-may-path-hint")))
        }))
    }
}

/// The local groups.
pub fn groups(visit: &Visit, names: &Names<'_>, groups: &[HeldGroup]) -> Response {
    let title = visit.t("exchange-groups-title");
    let body = html! {
        p.lead { (visit.t("exchange-groups-lead")) }
        @if groups.is_empty() { p { (visit.t("exchange-groups-none")) } }
        ul.list { @for group in groups { li.card { (group_card(visit, names, group)) } } }
        h2 { (visit.t("exchange-group-new")) }
        (form(visit, GROUPS, "set", html! {
            (parts::field("code", &visit.t("exchange-group-code")).wide().chars_max(CODE_BYTES_MAX).required())
            (parts::field("title", &visit.t("exchange-group-name")).chars_max(services::NOTICE_BYTES_MAX / 2).required())
            (parts::button(&visit.t("exchange-group-new")))
        }))
    };
    Sheet::new(visit, &title)
        .back("/exchange/services")
        .show(body)
}

/// Where the page of groups is.
const GROUPS: &str = "/exchange/groups";

fn group_card(visit: &Visit, names: &Names<'_>, group: &HeldGroup) -> Markup {
    let code = html! { input type="hidden" name="code" value=(group.code); };
    html! {
        div.head {
            h3 { @if group.title.is_empty() { (group.code) } @else { (group.title) } }
            span.code { (group.code) }
        }
        @if group.from_settings { p { (parts::tag(Tone::Info, &visit.t("exchange-from-settings"))) } }
        @if group.members.is_empty() { p.soft { (visit.t("exchange-group-empty")) } }
        @for member in &group.members {
            @let name = member.parse().map_or_else(|_| member.clone(), |subject| names.of(&subject));
            @if group.listed.contains(member) { p { b { (name) } " " span.code.small { (member) } " " (parts::tag(Tone::Info, &visit.t("exchange-from-settings"))) } }
            @else {
                (parts::details(&format!("{name} · {member}"), form(visit, GROUPS, "leave", html! {
                    (code)
                    input type="hidden" name="client" value=(member);
                    (parts::button_bad(&visit.t("exchange-group-take")))
                })))
            }
        }
        (parts::details(&visit.t("exchange-group-add"), form(visit, GROUPS, "enter", html! {
            (code)
            (parts::field("client", &visit.t("exchange-offer-subject")).hint(visit.t("exchange-group-add-hint")).required())
            (parts::button(&visit.t("exchange-group-add")))
        })))
        @if !group.from_settings {
            (parts::details(&visit.t("exchange-group-remove"), form(visit, GROUPS, "remove", html! {
                (code)
                p { (visit.t("exchange-group-remove-note")) }
                (parts::button_bad(&visit.t("exchange-group-remove")))
            })))
        }
    }
}
