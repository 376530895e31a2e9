//! The public list of members, and one member with what officials may change of it.

use axum::response::Response;
use kernel::party::encode_part;
use kernel::{MemberId, SubsystemId};
use maud::{Markup, html};
use web::parts::{self, Row, Tone};
use web::{Sheet, Visit, page};

use super::draw;
use crate::domain::names;
use crate::http::MANAGE;
use crate::look::Drawing;
use crate::members::Member;
use crate::sql::member::MemberRow;
use crate::sql::server::{CertificateRow, ServerRow};

/// Where a member's page is.
pub fn place(id: &MemberId) -> String {
    let (class, code) = (encode_part(&id.class), encode_part(&id.code));
    format!("/registry/members/{class}/{code}")
}

/// The list.
pub fn list(visit: &Visit, rows: &[MemberRow], drawing: &Drawing, next: Option<&str>) -> Response {
    let next = next.map(|id| format!("/registry/members?after={}", encode_part(id)));
    let body = html! {
        p.lead { (visit.t("registry-members-lead")) }
        (draw::quipu(visit, drawing))
        ul.grid {
            @for row in rows {
                (parts::card(&place(&row.id), &row.name, html! {
                    p.code { (row.id) }
                    @if !row.active { p { (parts::tag(Tone::Bad, &visit.t("registry-revoked"))) } }
                    @else { p.soft.small { (visit.t("registry-since")) " " (visit.date(row.since)) } }
                }))
            }
        }
        (parts::pages(visit, None, next.as_deref()))
        p.small.soft { (visit.t("registry-open-data")) }
    };
    page(visit, &visit.t("registry-members"), body)
}

/// One member; `own` is the authority itself, which can't be revoked.
pub fn show(visit: &Visit, member: &Member, own: bool) -> Response {
    let official = visit.official(MANAGE).is_ok() && member.row.active;
    let body = html! {
        @if let Some(why) = &member.row.why {
            (parts::notice(Tone::Bad, &visit.t("registry-revoked"), html! {
                @if let Some(at) = member.row.ended_at { p { (visit.time(at)) } }
                p { (why) }
            }))
        }
        (parts::summary_list(visit, &facts(visit, member)))
        @for (server, clients, certificates) in &member.servers {
            (server_card(visit, server, clients, certificates))
            @if official { (server_acts(visit, member, server, clients, own)) }
        }
        @if official && !own { (revoke(visit, member)) }
    };
    Sheet::new(visit, &member.row.name)
        .back("/registry/members")
        .show(body)
}

fn facts(visit: &Visit, member: &Member) -> Vec<Row> {
    vec![
        Row::text(visit.t("registry-member"), &member.row.id.to_string()),
        Row::text(
            visit.t("registry-subsystems"),
            &member.subsystems.join(", "),
        ),
        Row::markup(visit.t("registry-since"), visit.time(member.row.since)),
    ]
}

fn server_card(
    visit: &Visit,
    server: &ServerRow,
    clients: &[SubsystemId],
    certificates: &[CertificateRow],
) -> Markup {
    let codes: Vec<&str> = clients.iter().map(|id| id.code.as_str()).collect();
    let mut rows = vec![
        Row::text(visit.t("registry-address"), &server.address),
        Row::text(visit.t("registry-subsystems"), &codes.join(", ")),
    ];
    for certificate in certificates {
        let name = visit.t(&format!("registry-purpose-{}", certificate.purpose));
        let end = html! {
            (visit.t("registry-until")) " " (visit.date(certificate.not_after))
            @if certificate.not_after < visit.now { " " (parts::tag(Tone::Bad, &visit.t("registry-over"))) }
        };
        rows.push(Row::markup(name, end));
    }
    html! {
        h2 { (visit.t("registry-server")) " " span.code { (server.id.code) } }
        @if server.maintenance {
            (parts::notice(Tone::Warn, &visit.t("registry-maintenance"), html! { p { (server.notice) } }))
        }
        (parts::summary_list(visit, &rows))
    }
}

/// A form with one button that does `act` to a server.
fn act(visit: &Visit, member: &Member, act: &str, server: &str, inside: Markup) -> Markup {
    html! {
        form method="post" action=(place(&member.row.id)) {
            (web::csrf_field(visit))
            input type="hidden" name="act" value=(act);
            input type="hidden" name="server" value=(server);
            (inside)
        }
    }
}

fn why(visit: &Visit) -> Markup {
    parts::textarea("why", &visit.t("registry-why"))
        .chars_max(names::WHY_CHARS_MAX)
        .required()
        .show()
}

fn server_acts(
    visit: &Visit,
    member: &Member,
    server: &ServerRow,
    clients: &[SubsystemId],
    own: bool,
) -> Markup {
    let code = &server.id.code;
    html! {
        div.acts {
            details {
                summary { (visit.t("registry-subsystem-add")) }
                (act(visit, member, "add-subsystem", code, html! {
                    (parts::field("subsystem", &visit.t("registry-code")).wide().required())
                    (parts::button(&visit.t("registry-subsystem-add")))
                }))
            }
            @for client in clients {
                details {
                    summary { (visit.t("registry-subsystem-remove")) " " span.code { (client.code) } }
                    (act(visit, member, "remove-subsystem", code, html! {
                        input type="hidden" name="subsystem" value=(client.code);
                        (parts::button_bad(&visit.t("registry-subsystem-remove")))
                    }))
                }
            }
            details {
                @if server.maintenance {
                    summary { (visit.t("registry-maintenance-off")) }
                    (act(visit, member, "maintenance-off", code, parts::button(&visit.t("registry-maintenance-off"))))
                } @else {
                    summary { (visit.t("registry-maintenance-on")) }
                    (act(visit, member, "maintenance-on", code, html! {
                        (parts::textarea("why", &visit.t("registry-notice")).chars_max(names::WHY_CHARS_MAX))
                        (parts::button(&visit.t("registry-maintenance-on")))
                    }))
                }
            }
            @if !own {
                details {
                    summary { (visit.t("registry-server-delete")) }
                    (act(visit, member, "delete-server", code, html! {
                        p { (visit.t("registry-server-delete-lead")) }
                        (why(visit))
                        (parts::button_bad(&visit.t("registry-server-delete")))
                    }))
                }
            }
        }
    }
}

fn revoke(visit: &Visit, member: &Member) -> Markup {
    html! {
        h2 { (visit.t("registry-end")) }
        div.acts {
            details {
                summary { (visit.t("registry-link-for-member")) }
                form method="post" action="/registry/links" {
                    (web::csrf_field(visit))
                    input type="hidden" name="member" value=(member.row.id);
                    p { (visit.t("registry-link-for-member-lead")) }
                    (parts::button(&visit.t("registry-link-make")))
                }
            }
            details {
                summary { (visit.t("registry-revoke")) }
                (act(visit, member, "revoke", "", html! {
                    p { (visit.t("registry-revoke-lead")) }
                    (why(visit))
                    (parts::button_bad(&visit.t("registry-revoke")))
                }))
            }
        }
    }
}
