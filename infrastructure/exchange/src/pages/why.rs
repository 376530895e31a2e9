//! The page 'why did this fail': the way of a message as a line of marks, the cause in words, and what to do.
//!
//! It shows codes, times and figures of both nodes; never about whom was asked.

use axum::response::Response;
use http::StatusCode;
use kernel::Party;
use kernel::party::encode_part;
use maud::{Markup, html};
use web::parts::{self, Stop, Tone};
use web::{Sheet, Value, Visit, page};

use crate::directory::View;
use crate::why::{Mark, Note, Other, Stage, Step, Trail};

/// The form alone.
pub fn blank(visit: &Visit) -> Response {
    page(visit, &visit.t("exchange-why-title"), form(visit, ""))
}

fn form(visit: &Visit, number: &str) -> Markup {
    html! {
        p { (visit.t("exchange-why-lead")) }
        form method="get" action="/exchange/why" {
            (parts::field("number", &visit.t("exchange-why-sought")).value(number).wide().required())
            (parts::button(&visit.t("exchange-why-find")))
        }
    }
}

/// What the page and the command say of a step's mark.
pub const fn mark_key(mark: Mark) -> &'static str {
    match mark {
        Mark::Good => "exchange-why-mark-good",
        Mark::Bad => "exchange-why-mark-bad",
        Mark::Unknown => "exchange-why-mark-unknown",
        Mark::NotReached => "exchange-why-mark-not-reached",
    }
}

const fn tone(mark: Mark) -> Tone {
    match mark {
        Mark::Good => Tone::Good,
        Mark::Bad => Tone::Bad,
        Mark::Unknown => Tone::Warn,
        Mark::NotReached => Tone::Todo,
    }
}

/// One message, or that it is not known.
pub fn one(
    visit: &Visit,
    directory: Option<&View>,
    sought: &str,
    trail: Option<&Trail>,
) -> Response {
    let title = visit.t("exchange-why-title");
    let Some(trail) = trail else {
        let body = html! {
            (parts::notice(Tone::Warn, &visit.t("exchange-why-none"), html! {}))
            (form(visit, sought))
        };
        return Sheet::new(visit, &title)
            .status(StatusCode::NOT_FOUND)
            .show(body);
    };
    let (asker, registry) = names(directory, trail);
    let place = format!("/exchange/messages/{}", encode_part(&trail.number));
    let known = trail
        .ours
        .seen
        .as_ref()
        .is_some_and(|seen| seen.at.is_some());
    let body = html! {
        p.code { @if known { a href=(place) { (trail.number) } } @else { (trail.number) } }
        (verdict(visit, trail))
        (line(visit, trail, "exchange-why-at-asker", &asker, |stage| stage <= Stage::Line))
        (line(visit, trail, "exchange-why-at-registry", &registry, Stage::is_providers))
        (line(visit, trail, "exchange-why-back", &asker, |stage| stage > Stage::Sealed))
        p { (heard(visit, &trail.other)) }
        h2 { (visit.t("exchange-why-figures")) }
        (figures(visit, trail))
    };
    Sheet::new(visit, &title)
        .back("/exchange/messages")
        .show(body)
}

/// Names of the two bodies, from the directory.
fn names(directory: Option<&View>, trail: &Trail) -> (String, String) {
    let provider = trail
        .service
        .rsplit_once('/')
        .map_or("", |(subsystem, _)| subsystem);
    let name = |text: &str| {
        let id: Option<Party> = text.parse().ok();
        let known = id.and_then(|id| directory?.name_of(id.member()).map(str::to_owned));
        known.unwrap_or_else(|| text.to_owned())
    };
    (name(&trail.client), name(provider))
}

fn verdict(visit: &Visit, trail: &Trail) -> Markup {
    let Some(diagnosis) = trail.diagnosis else {
        let over = trail.steps.iter().all(|step| step.mark != Mark::Unknown);
        return match over {
            true => parts::notice(Tone::Good, &visit.t("exchange-why-good"), html! {}),
            false => parts::notice(Tone::Todo, &visit.t("exchange-why-pending"), html! {}),
        };
    };
    let step = visit.t(&format!("exchange-why-step-{}", diagnosis.stage.word()));
    let title = visit.tt("exchange-why-failed", &[("step", step.into())]);
    parts::notice(
        Tone::Bad,
        &title,
        html! {
            p { b { (visit.t("exchange-why-do")) ": " } (visit.t(&format!("exchange-why-do-{}", diagnosis.advice))) }
            @if let Some(cause) = &trail.cause {
                p.small { (visit.t("exchange-why-cause")) ": " span.code { (cause) } }
            }
        },
    )
}

fn line(
    visit: &Visit,
    trail: &Trail,
    key: &str,
    who: &str,
    is_of: impl Fn(Stage) -> bool,
) -> Markup {
    let heading = visit.tt(key, &[("who", who.to_owned().into())]);
    let stops: Vec<Stop> = trail
        .steps
        .iter()
        .filter(|step| is_of(step.stage))
        .map(|step| Stop {
            tone: tone(step.mark),
            spoken: visit.t(mark_key(step.mark)),
            title: visit.t(&format!("exchange-why-step-{}", step.stage.word())),
            place: match has_more(step) {
                true => format!("#step-{}", step.stage.word()),
                false => String::new(),
            },
        })
        .collect();
    html! { h2 { (heading) } (parts::path(&heading, &stops)) }
}

fn has_more(step: &Step) -> bool {
    step.at.is_some() || !step.notes.is_empty()
}

fn heard(visit: &Visit, other: &Other) -> String {
    match other {
        Other::Told(_) => visit.t("exchange-why-other-told"),
        Other::NotAsked => visit.t("exchange-why-other-not-asked"),
        Other::NoService => visit.t("exchange-why-other-no-service"),
        Other::Unreachable(cause) => visit.tt(
            "exchange-why-other-unreachable",
            &[("cause", cause.clone().into())],
        ),
    }
}

/// Key and arguments of a figure.
pub fn note_text(note: &Note) -> (String, Vec<(&'static str, Value)>) {
    let args = note
        .args
        .iter()
        .map(|(name, value)| (*name, value.clone().into()));
    (format!("exchange-why-note-{}", note.key), args.collect())
}

fn figures(visit: &Visit, trail: &Trail) -> Markup {
    html! {
        dl.facts {
            @for step in trail.steps.iter().filter(|step| has_more(step)) {
                div id={ "step-" (step.stage.word()) } {
                    dt { (visit.t(&format!("exchange-why-step-{}", step.stage.word()))) }
                    dd {
                        @if let Some(at) = step.at { p { (visit.time(at)) } }
                        @for note in &step.notes {
                            @let (key, args) = note_text(note);
                            p {
                                @if note.warns { (parts::tag(Tone::Warn, "!")) " " }
                                (visit.tt(&key, &args))
                            }
                        }
                    }
                }
            }
        }
    }
}
