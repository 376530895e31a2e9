//! Groups, trust services and settings of the register.

use axum::response::Response;
use data_encoding::HEXLOWER;
use maud::{Markup, html};
use trust::Hash;
use web::parts::{self, Choice, Picked, Row};
use web::{Sheet, Visit};

use crate::rules::{KINDS, Rules};
use crate::services::{CA, PROFILES, TSA};
use crate::sql::group::{GroupRow, ServiceRow};

fn form(visit: &Visit, place: &str, act: &str, inside: Markup) -> Markup {
    html! {
        form method="post" action=(place) {
            (web::csrf_field(visit))
            input type="hidden" name="act" value=(act);
            (inside)
        }
    }
}

fn sheet(visit: &Visit, title: &str, body: Markup) -> Response {
    Sheet::new(visit, &visit.t(title))
        .back("/registry")
        .show(body)
}

/// The groups.
pub fn groups(visit: &Visit, groups: &[GroupRow]) -> Response {
    let place = "/registry/groups";
    let body = html! {
        p.lead { (visit.t("registry-groups-lead")) }
        @if groups.is_empty() { p.soft { (visit.t("registry-none")) } }
        ul.list {
            @for group in groups {
                li.card {
                    div.head { h3 { (group.name) } span.code { (group.code) } }
                    (group_members(visit, group))
                    details {
                        summary { (visit.t("registry-group-add")) }
                        (form(visit, place, "join", html! {
                            input type="hidden" name="code" value=(group.code);
                            (parts::field("subsystem", &visit.t("registry-subsystem-id")).hint(visit.t("registry-subsystem-hint")).required())
                            (parts::button(&visit.t("registry-group-add")))
                        }))
                    }
                    details {
                        summary { (visit.t("registry-group-remove")) }
                        (form(visit, place, "remove", html! {
                            input type="hidden" name="code" value=(group.code);
                            (parts::button_bad(&visit.t("registry-group-remove")))
                        }))
                    }
                }
            }
        }
        h2 { (visit.t("registry-group-new")) }
        (form(visit, place, "put", html! {
            (parts::field("code", &visit.t("registry-code")).wide().required())
            (parts::field("name", &visit.t("registry-group-name")).required())
            (parts::button(&visit.t("registry-group-new")))
        }))
    };
    sheet(visit, "registry-groups", body)
}

fn group_members(visit: &Visit, group: &GroupRow) -> Markup {
    html! {
        @if group.members.is_empty() { p.soft { (visit.t("registry-none")) } }
        @for member in &group.members {
            details {
                summary.code { (member) }
                (form(visit, "/registry/groups", "leave", html! {
                    input type="hidden" name="code" value=(group.code);
                    input type="hidden" name="subsystem" value=(member);
                    (parts::button_bad(&visit.t("registry-group-take")))
                }))
            }
        }
    }
}

/// The trust services.
pub fn services(visit: &Visit, services: &[ServiceRow]) -> Response {
    let place = "/registry/services";
    let body = html! {
        p.lead { (visit.t("registry-services-lead")) }
        @if services.is_empty() { p.soft { (visit.t("registry-none")) } }
        @for service in services {
            h3 { (service.name) }
            (parts::summary_list(visit, &service_facts(visit, service)))
            details {
                summary { (visit.t("registry-service-retire")) }
                (form(visit, place, "retire", html! {
                    input type="hidden" name="id" value=(service.id);
                    (parts::button_bad(&visit.t("registry-service-retire")))
                }))
            }
        }
        h2 { (visit.t("registry-service-new")) }
        (form(visit, place, "approve", new_service(visit)))
    };
    sheet(visit, "registry-services", body)
}

fn service_facts(visit: &Visit, service: &ServiceRow) -> Vec<Row> {
    let hash = HEXLOWER.encode(&Hash::Sha256.digest(&service.der));
    let hash = html! { span.code { (hash) } };
    let kind = visit.t(&format!("registry-service-{}", service.kind));
    vec![
        Row::text(visit.t("registry-service-kind"), &kind),
        Row::text(visit.t("registry-address"), &service.url),
        Row::markup(visit.t("registry-service-certificate"), hash),
        Row::markup(visit.t("registry-since"), visit.time(service.since)),
    ]
}

fn new_service(visit: &Visit) -> Markup {
    let kinds =
        [CA, TSA].map(|kind| Choice::new(kind, visit.t(&format!("registry-service-{kind}"))));
    let profiles = PROFILES.map(|profile| Choice::new(profile, profile));
    html! {
        (parts::radios("kind", &visit.t("registry-service-kind"), &kinds, &Picked::one(TSA)))
        (parts::field("name", &visit.t("registry-name")).required())
        (parts::field("url", &visit.t("registry-address")).hint(visit.t("registry-service-url-hint")).required())
        (parts::textarea("certificate", &visit.t("registry-service-certificate")).hint(visit.t("registry-service-pem-hint")).required())
        (parts::radios("profile", &visit.t("registry-service-profile"), &profiles, &Picked::one(PROFILES[0])))
        (parts::button(&visit.t("registry-service-new")))
    }
}

/// The settings.
pub fn settings(visit: &Visit, rules: &Rules) -> Response {
    let kinds = KINDS.map(|(kind, _)| Choice::new(kind, visit.t(&format!("registry-kind-{kind}"))));
    let picked = Picked::several(rules.granted.iter().copied());
    let picked = picked.hint(visit.t("registry-granted-hint"));
    let body = form(
        visit,
        "/registry/settings",
        "set",
        html! {
            (parts::checkboxes("granted", &visit.t("registry-granted"), &kinds, &picked))
            (parts::field("classes", &visit.t("registry-classes")).hint(visit.t("registry-classes-hint")).value(rules.classes.join(" ")).required())
            (parts::button(&visit.t("registry-save")))
        },
    );
    sheet(visit, "registry-settings", body)
}
