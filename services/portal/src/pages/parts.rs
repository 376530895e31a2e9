//! What several pages of the portal share: facts with their proof, stages, files, happenings, cases in lists.

use maud::{Markup, html};
use web::Visit;
use web::parts::{Event, Row, Tone, summary_list, tag, timeline};

use crate::domain::{FactState, FactView};
use crate::views::{CaseCard, EventView, FileView, SilenceView, Stage};

/// The right that opens the exchange's own pages of messages.
const READS_MESSAGES: &str = exchange::http::READ;

/// Facts by the message that stated them: who states them, when, under which evidence number, then what.
pub fn facts(visit: &Visit, facts: &[FactView]) -> Markup {
    html! {
        @for group in facts.chunk_by(same_message) {
            div.stated {
                @if let Some(first) = group.first() { (source(visit, first)) }
                (summary_list(visit, &group.iter().map(|fact| fact_row(visit, fact)).collect::<Vec<_>>()))
            }
        }
    }
}

fn same_message(one: &FactView, other: &FactView) -> bool {
    let message = |fact: &FactView| match &fact.state {
        FactState::Signed { evidence, .. } => Some(evidence.clone()),
        FactState::Waiting | FactState::Nothing | FactState::Refused { .. } => None,
    };
    one.authority == other.authority && message(one) == message(other)
}

/// Who states the facts below, and by which proof.
fn source(visit: &Visit, fact: &FactView) -> Markup {
    html! {
        p.source {
            @match &fact.state {
                FactState::Signed { at, evidence } => {
                    svg width="18" height="18" viewBox="0 0 14 14" aria-hidden="true" focusable="false" {
                        path fill="none" stroke="currentColor" stroke-width="2.2" d="M2 7.5 5.5 11 12 3" {}
                    }
                    strong { (fact.authority) } " "
                    span.src {
                        (visit.t("portal-fact-signed")) " · " (visit.time(*at)) " · "
                        (visit.t("portal-fact-evidence")) " " (evidence_number(visit, evidence))
                    }
                }
                FactState::Waiting | FactState::Nothing | FactState::Refused { .. } => strong { (fact.authority) },
            }
        }
    }
}

/// A message number; for officials who may read messages, the way to the signed message itself.
pub fn evidence_number(visit: &Visit, number: &str) -> Markup {
    let reads = visit
        .actor
        .as_ref()
        .is_some_and(|actor| actor.may(READS_MESSAGES));
    html! {
        @if reads { a.code href=(format!("/exchange/messages/{number}")) { (number) } }
        @else { span.code { (number) } }
    }
}

fn fact_row(visit: &Visit, fact: &FactView) -> Row {
    let authority = || [("authority", fact.authority.clone().into())];
    match &fact.state {
        FactState::Signed { .. } => Row::text(&fact.label, &fact.value),
        FactState::Waiting => Row::markup(
            &fact.label,
            html! { em { (visit.tt("portal-fact-waiting", &authority())) } },
        ),
        FactState::Nothing => Row::markup(
            &fact.label,
            html! { em { (visit.tt("portal-fact-nothing", &authority())) } },
        ),
        FactState::Refused { reason } => Row::markup(
            &fact.label,
            html! { (tag(Tone::Bad, &visit.t("portal-fact-refused"))) " " (reason) },
        ),
    }
}

/// The path for a fact that is wrong: it is mended where it is kept.
pub fn not_right(visit: &Visit, facts: &[FactView]) -> Markup {
    let mut places: Vec<&str> = facts.iter().map(|fact| fact.authority.as_str()).collect();
    places.sort_unstable();
    places.dedup();
    html! {
        details {
            summary { (visit.t("portal-not-right")) }
            p { (visit.t("portal-not-right-how")) }
            ul { @for authority in places { li { (authority) } } }
        }
    }
}

/// Where a case stands, as a tag.
pub fn stage(visit: &Visit, stage: Stage) -> Markup {
    let tone = match stage {
        Stage::Granted | Stage::Silence => Tone::Good,
        Stage::Denied => Tone::Bad,
        Stage::Observed => Tone::Warn,
        Stage::Draft | Stage::Closed | Stage::Filed | Stage::Received | Stage::Review => Tone::Info,
    };
    tag(tone, &visit.t(stage.key()))
}

/// A list of files to open or keep.
pub fn files(visit: &Visit, files: &[FileView]) -> Markup {
    html! {
        ul.list { @for file in files {
            li {
                a href=(file.address) { (file.name) }
                span.src {
                    (file.kind) " · " (visit.time(file.at))
                    @if let Some((code, verify)) = &file.code {
                        " · " (visit.t("portal-code")) " " a.code href=(verify) { (code) }
                    }
                }
            }
        } }
    }
}

/// What happened, oldest first, as a line in time.
pub fn events(visit: &Visit, events: &[EventView]) -> Markup {
    let events: Vec<Event> = events
        .iter()
        .map(|event| {
            let shown = Event::new(visit, event.tone, &event.what, event.at);
            shown.body(html! {
                @if !event.who.is_empty() { span.soft.small { " · " (event.who) } }
                @if !event.detail.is_empty() { p { (event.detail) } }
            })
        })
        .collect();
    timeline(&events)
}

/// What silence means, in one sentence.
pub fn silence(visit: &Visit, silence: SilenceView) -> String {
    visit.t(match silence {
        SilenceView::Positive => "portal-silence-positive",
        SilenceView::Negative => "portal-silence-negative",
    })
}

/// One case in a list.
pub fn case_line(visit: &Visit, card: &CaseCard, show_applicant: bool) -> Markup {
    html! {
        li.card {
            div.head {
                h3 { a href=(card.address) {
                    @if show_applicant { (card.applicant) } @else { (card.procedure) }
                } }
                @if !card.number.is_empty() { span.code { (card.number) } }
            }
            p {
                (stage(visit, card.stage)) " "
                @if card.waiting > 0 {
                    (tag(Tone::Warn, &visit.tt("portal-desk-missing", &[("count", count(card.waiting))]))) " "
                }
                @if show_applicant { span.soft { (card.procedure) } " " }
                @if !card.about.is_empty() { span.soft { @if show_applicant { "· " } (card.about) } }
            }
            @if let Some(clock) = &card.clock { (super::cord::meter(visit, clock)) }
            @else { p.soft.small { (visit.t("portal-changed")) " " (visit.time(card.changed)) } }
        }
    }
}

/// A count as an argument of a text.
pub fn count(number: usize) -> web::Value {
    i64::try_from(number).unwrap_or(i64::MAX).into()
}
