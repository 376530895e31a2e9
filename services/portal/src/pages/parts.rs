//! What several pages of the portal share: facts with their proof, stages, files, happenings, cases in lists.

use maud::{Markup, html};
use web::Visit;
use web::parts::{Event, Row, Source, Tone, summary_list, tag, timeline};

use crate::domain::{FactState, FactView};
use crate::views::{CaseCard, EventView, FileView, SilenceView, Stage};

/// Characters of a message number that a reader compares by eye; the whole number is in the element's title.
const EVIDENCE_SHOWN: usize = 13;

/// Facts as a list, each with who states it, when, and its evidence number.
pub fn facts(visit: &Visit, facts: &[FactView]) -> Markup {
    let rows: Vec<Row> = facts.iter().map(|fact| fact_row(visit, fact)).collect();
    summary_list(visit, &rows)
}

fn fact_row(visit: &Visit, fact: &FactView) -> Row {
    let authority = || [("authority", fact.authority.clone().into())];
    match &fact.state {
        FactState::Signed { at, evidence } => {
            let (who, evidence) = (fact.authority.clone(), evidence.clone());
            let source = Source {
                who,
                when: *at,
                evidence,
                place: String::new(),
            };
            Row::text(&fact.label, &fact.value).source(source)
        }
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
            html! {
                (tag(Tone::Bad, &visit.t("portal-fact-refused"))) " " (reason)
                span.src { (fact.authority) }
            },
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

/// A message number, shortened for the eye; the whole is in its title.
pub fn evidence_number(number: &str) -> Markup {
    let short: String = number.chars().take(EVIDENCE_SHOWN).collect();
    html! { span.code title=(number) { (short) @if short.len() < number.len() { "…" } } }
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
