//! Pages of agreements: a small picture of who asks what of whom, its life, and the forms that decide.
//!
//! They show the words of the signed text and nothing else; what a field means is not known here.

use axum::response::Response;
use kernel::party::encode_part;
use kernel::{Fault, MemberId, Moment};
use maud::{Markup, html};
use web::form::csrf_field;
use web::parts::{self, Event, Place, Row, Tone};
use web::{Fields, Sheet, Visit, page};

use crate::agreements::{Act, Held, State, Step};
use crate::{Exchange, View};

/// Length of an agreement that the form suggests, in days.
const SUGGESTED_DAYS: i64 = 365;

/// Names of members, from the directory.
pub struct Names<'a>(pub Option<&'a View>);

impl Names<'_> {
    fn of(&self, member: &MemberId) -> String {
        let found = self.0.and_then(|view| view.name_of(member));
        found.map_or_else(|| member.to_string(), str::to_owned)
    }
}

const fn tone(state: State) -> Tone {
    match state {
        State::InForce => Tone::Good,
        State::Offered | State::Accepting => Tone::Warn,
        State::Proposed => Tone::Todo,
        State::Refused | State::Ended => Tone::Bad,
        State::Replaced => Tone::Info,
    }
}

/// Where a text stands, in words; an agreement whose time has passed is told as such.
fn stand(visit: &Visit, held: &Held, now: Moment) -> (Tone, String) {
    if held.has_expired(now) {
        return (Tone::Bad, visit.t("exchange-agreement-state-expired"));
    }
    let key = format!("exchange-agreement-state-{}", held.state.word());
    (tone(held.state), visit.t(&key))
}

/// The picture: who asks what of whom; under it, for what, until when, on which ground.
fn picture(visit: &Visit, names: &Names<'_>, held: &Held) -> Markup {
    let agreement = &held.terms.agreement;
    let (who, whom) = (
        names.of(&agreement.client.member),
        names.of(agreement.service.member()),
    );
    let caption = visit.tt(
        "exchange-agreement-sentence",
        &[
            ("who", who.clone().into()),
            ("whom", whom.clone().into()),
            ("what", held.terms.purpose_text.clone().into()),
        ],
    );
    let place = |key: &str, title: String, more: Markup| Place {
        label: visit.t(key),
        title,
        more,
    };
    let places = [
        place(
            "exchange-agreement-who",
            who,
            html! { span.code.small { (agreement.client) } },
        ),
        place(
            "exchange-agreement-what",
            visit.tt(
                "exchange-agreement-fields",
                &[("count", agreement.fields.len().to_string().into())],
            ),
            html! { span.small { (agreement.fields.join(", ")) } },
        ),
        place(
            "exchange-agreement-whom",
            whom,
            html! { span.code.small { (agreement.service) } },
        ),
    ];
    html! { (parts::flow(&caption, &places)) (parts::summary_list(visit, &terms(visit, held))) }
}

fn terms(visit: &Visit, held: &Held) -> Vec<Row> {
    let agreement = &held.terms.agreement;
    let limit = agreement.daily_limit.map_or_else(
        || visit.t("exchange-no-limit"),
        |limit| visit.number(i64::from(limit)),
    );
    vec![
        Row::text(visit.t("exchange-agreement-for"), &held.terms.purpose_text),
        Row::text(
            visit.t("exchange-agreement-form-purpose"),
            &agreement.purpose,
        ),
        Row::markup(
            visit.t("exchange-agreement-time"),
            html! { (visit.date(agreement.valid_from)) " – " (visit.date(agreement.until)) },
        ),
        Row::text(visit.t("exchange-legal-ground"), &agreement.legal_ground),
        Row::text(visit.t("exchange-daily-limit"), &limit),
    ]
}

/// All agreements: what waits for us first, then the rest by number.
pub fn list(
    visit: &Visit,
    names: &Names<'_>,
    rows: &[Held],
    offered: &[Held],
    now: Moment,
    page_rows: usize,
) -> Response {
    let next = rows.last().filter(|_| rows.len() == page_rows);
    let next = next.map(|last| {
        format!(
            "/exchange/agreements?after={}",
            encode_part(&last.terms.agreement.number)
        )
    });
    let title = visit.t("exchange-agreements-title");
    let body = html! {
        p { (visit.t("exchange-agreements-lead")) }
        p { (parts::link_button("/exchange/agreement-proposal", &visit.t("exchange-agreement-propose"))) }
        @if !offered.is_empty() {
            h2 { (visit.t("exchange-agreements-offered")) }
            (cards(visit, names, offered, now))
        }
        @if rows.is_empty() { p { (visit.t("exchange-agreements-none")) } }
        @else {
            h2 { (visit.t("exchange-agreements-all")) }
            (cards(visit, names, rows, now))
        }
        (parts::pages(visit, None, next.as_deref()))
    };
    page(visit, &title, body)
}

fn cards(visit: &Visit, names: &Names<'_>, rows: &[Held], now: Moment) -> Markup {
    html! {
        ul.grid {
            @for held in rows {
                @let agreement = &held.terms.agreement;
                @let (tone, words) = stand(visit, held, now);
                li.card {
                    h3 { a href=(place(&agreement.number)) { (agreement.number) } }
                    p { (names.of(&agreement.client.member)) " → " (names.of(agreement.service.member())) }
                    p { (held.terms.purpose_text) }
                    p { (parts::tag(tone, &words)) }
                    @if held.should_be_renewed(now) {
                        p { (parts::tag(Tone::Warn, &visit.t("exchange-agreement-renew-soon"))) }
                    }
                }
            }
        }
    }
}

fn place(number: &str) -> String {
    format!("/exchange/agreements/{}", encode_part(number))
}

/// What the page of one agreement shows.
pub struct One<'a> {
    /// Names of members.
    pub names: Names<'a>,
    /// This body.
    pub we: &'a MemberId,
    /// The versions, the latest first.
    pub versions: &'a [Held],
    /// What was done.
    pub history: &'a [Step],
    /// Questions counted today.
    pub counted: i64,
    /// Now.
    pub now: Moment,
    /// Whether the reader may decide.
    pub may_decide: bool,
}

/// One agreement.
pub fn one(visit: &Visit, shown: &One<'_>) -> Response {
    let title = visit.t("exchange-agreement-title");
    let Some(latest) = shown.versions.first() else {
        return page(visit, &title, html! {});
    };
    let number = &latest.terms.agreement.number;
    let (tone, words) = stand(visit, latest, shown.now);
    let advice = match latest.has_expired(shown.now) {
        true => "exchange-agreement-advice-expired".to_owned(),
        false => format!("exchange-agreement-advice-{}", latest.state.word()),
    };
    let body = html! {
        p.code { (number) }
        (parts::notice(tone, &words, html! { p { (visit.t(&advice)) } }))
        (picture(visit, &shown.names, latest))
        @if latest.state == State::InForce { p { (today(visit, shown)) } }
        (decisions(visit, shown, latest))
        h2 { (visit.t("exchange-steps")) }
        (parts::timeline(&steps(visit, shown)))
        p.soft { (visit.t("exchange-agreement-proof")) }
        @for held in shown.versions {
            (parts::details(&visit.tt("exchange-agreement-version", &[("version", held.terms.version.to_string().into())]), html! {
                pre.code { (held.text) }
                p.code.small { "SHA-256 " (held.digest) }
            }))
        }
    };
    Sheet::new(visit, &title)
        .back("/exchange/agreements")
        .show(body)
}

fn today(visit: &Visit, shown: &One<'_>) -> String {
    let counted = [("counted", visit.number(shown.counted).into())];
    visit.tt("exchange-agreement-today", &counted)
}

/// What the reader can do now; only what the life of the text has.
fn decisions(visit: &Visit, shown: &One<'_>, latest: &Held) -> Markup {
    let may = |act: Act| {
        shown.may_decide
            && shown
                .versions
                .iter()
                .any(|held| held.state.after(act, crate::agreements::Who::We).is_some())
    };
    let at = place(&latest.terms.agreement.number);
    let renew = format!(
        "/exchange/agreement-proposal?renew={}",
        encode_part(&latest.terms.agreement.number)
    );
    html! {
        @if shown.may_decide {
            div.acts {
                @if may(Act::Accept) {
                    form method="post" action={ (at) "/accept" } {
                        (csrf_field(visit))
                        p { (visit.t("exchange-agreement-accept-note")) }
                        (parts::button(&visit.t("exchange-agreement-accept")))
                    }
                }
                @if may(Act::Refuse) { (with_reason(visit, &at, "refuse")) }
                @if may(Act::End) { (with_reason(visit, &at, "end")) }
                @if !latest.state.is_open() {
                    p { (parts::link_quiet(&renew, &visit.t("exchange-agreement-renew"))) }
                }
            }
        }
    }
}

fn with_reason(visit: &Visit, at: &str, act: &str) -> Markup {
    let words = visit.t(&format!("exchange-agreement-{act}"));
    parts::details(
        &words,
        html! {
            form method="post" action={ (at) "/" (act) } {
                (csrf_field(visit))
                (parts::textarea("reason", &visit.t("exchange-agreement-reason")).chars_max(1_000).required())
                (parts::button_bad(&words))
            }
        },
    )
}

fn steps(visit: &Visit, shown: &One<'_>) -> Vec<Event> {
    let mine = shown.we.to_string();
    shown
        .history
        .iter()
        .map(|step| {
            let who = step
                .member
                .parse()
                .map_or_else(|_| step.member.clone(), |id| shown.names.of(&id));
            let key = format!("exchange-agreement-did-{}", step.act.word());
            let title = visit.tt(
                &key,
                &[
                    ("who", who.into()),
                    ("version", step.version.to_string().into()),
                ],
            );
            let tone = match (step.act, step.sent.as_str()) {
                (_, "waiting") => Tone::Todo,
                (_, "refused") => Tone::Bad,
                (Act::Propose | Act::Accept, _) => Tone::Good,
                (Act::Refuse | Act::End, _) => Tone::Warn,
            };
            Event::new(visit, tone, title, step.at).body(more(
                visit,
                step,
                shown,
                step.member == mine,
            ))
        })
        .collect()
}

fn more(visit: &Visit, step: &Step, shown: &One<'_>, mine: bool) -> Markup {
    let number = shown
        .versions
        .first()
        .map_or("", |held| held.terms.agreement.number.as_str());
    let file = format!("{}/signed/{}.asice", place(number), step.id);
    html! {
        @if let Some(reason) = &step.reason { p { "«" (reason) "»" } }
        @if mine && step.sent != "sent" {
            p { (parts::tag(Tone::Warn, &visit.t(&format!("exchange-agreement-sent-{}", step.sent)))) }
        }
        @if step.signed { p { (parts::link_quiet(&file, &visit.t("exchange-agreement-download"))) } }
    }
}

/// The form with the terms of an earlier text, for its renewal.
pub fn filled(held: &Held, now: Moment) -> Fields {
    let agreement = &held.terms.agreement;
    let from = if agreement.until > now {
        agreement.until
    } else {
        now
    };
    let limit = agreement
        .daily_limit
        .map(|limit| limit.to_string())
        .unwrap_or_default();
    Fields(vec![
        ("number".to_owned(), agreement.number.clone()),
        ("client".to_owned(), agreement.client.to_string()),
        ("service".to_owned(), agreement.service.to_string()),
        ("purpose".to_owned(), agreement.purpose.clone()),
        ("purpose_text".to_owned(), held.terms.purpose_text.clone()),
        ("fields".to_owned(), agreement.fields.join("\n")),
        ("valid_from".to_owned(), day(now)),
        (
            "until".to_owned(),
            day(from.plus_seconds(SUGGESTED_DAYS * 86_400)),
        ),
        ("legal_ground".to_owned(), agreement.legal_ground.clone()),
        ("daily_limit".to_owned(), limit),
    ])
}

/// The form of a new proposal: this body asks.
pub fn empty(exchange: &Exchange, now: Moment) -> Fields {
    let we = &exchange.settings().member;
    let directory = exchange.directory();
    let ours = directory.as_ref().and_then(|directory| {
        let own = directory.member(we)?.subsystems.first()?;
        Some(we.subsystem(&own.code).to_string())
    });
    Fields(vec![
        ("client".to_owned(), ours.unwrap_or_default()),
        ("valid_from".to_owned(), day(now)),
        (
            "until".to_owned(),
            day(now.plus_seconds(SUGGESTED_DAYS * 86_400)),
        ),
    ])
}

fn day(at: Moment) -> String {
    at.iso()[..10].to_owned()
}

/// The form of a proposal.
pub fn proposal(visit: &Visit, fields: &Fields, fault: Option<&Fault>) -> Response {
    let title = visit.t("exchange-agreement-propose");
    let label = |name: &str| visit.t(&format!("exchange-agreement-form-{name}"));
    let hint = |name: &str| visit.t(&format!("exchange-agreement-hint-{name}"));
    let line = |name: &str| {
        parts::field(name, &label(name))
            .hint(hint(name))
            .value(fields.text(name))
            .required()
    };
    let area = |name: &str| {
        parts::textarea(name, &label(name))
            .hint(hint(name))
            .value(fields.text(name))
    };
    let date = |name: &str| {
        parts::date(name, &label(name))
            .value(fields.text(name))
            .required()
    };
    let body = html! {
        @if let Some(fault) = fault {
            (parts::notice(Tone::Bad, &visit.t("exchange-agreement-wrong"), html! { p { (web::failure::told(visit, fault)) } }))
        }
        p { (visit.t("exchange-agreement-form-lead")) }
        form method="post" {
            (csrf_field(visit))
            (line("client"))
            (line("service"))
            (area("fields"))
            (area("purpose_text").required().chars_max(1_000))
            (line("purpose"))
            (line("legal_ground"))
            (date("valid_from"))
            (date("until"))
            (parts::number("daily_limit", &label("daily_limit")).hint(hint("daily_limit")).value(fields.text("daily_limit")))
            (parts::field("number", &label("number")).hint(hint("number")).value(fields.text("number")))
            (parts::button(&visit.t("exchange-agreement-send")))
        }
    };
    Sheet::new(visit, &title)
        .back("/exchange/agreements")
        .narrow()
        .show(body)
}
