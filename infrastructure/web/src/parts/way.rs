//! Drawings of a way: who asks what of whom, and how far a message came. A line on a wide page, a column on a phone.
//!
//! The words say everything that the drawing shows; marks have words of their own for who can't see them.

use maud::{Markup, html};

use super::show::Tone;

/// One place on the way from somebody to somebody.
#[derive(Clone, Debug)]
pub struct Place {
    /// What it is, for example 'Asks'.
    pub label: String,
    /// Its name.
    pub title: String,
    /// More; may be empty.
    pub more: Markup,
}

/// Who, what, whom: boxes joined by arrows. `caption` says it in one sentence.
pub fn flow(caption: &str, places: &[Place]) -> Markup {
    html! {
        figure.card {
            figcaption { p.lead { (caption) } }
            ol.flow {
                @for place in places {
                    li {
                        span.soft.small { (place.label) }
                        b { (place.title) }
                        (place.more)
                    }
                }
            }
        }
    }
}

/// Several who may come to one thing.
#[derive(Clone, Debug)]
pub struct Fan {
    /// Who; if there is nobody, `nobody` stands there.
    pub from: Vec<Markup>,
    /// What is read where nobody is.
    pub nobody: String,
    /// To what.
    pub to: Markup,
}

/// Who may come to what: for each thing a bracket of those who may, and an arrow.
pub fn fans(label: &str, fans: &[Fan]) -> Markup {
    html! {
        ul.fan aria-label=(label) {
            @for fan in fans {
                li {
                    @if fan.from.is_empty() { p.soft { (fan.nobody) } }
                    @else { ul { @for one in &fan.from { li { (one) } } } }
                    i aria-hidden="true" { "→" }
                    div.to { (fan.to) }
                }
            }
        }
    }
}

/// One step of a way, with what came of it.
#[derive(Clone, Debug)]
pub struct Stop {
    /// Good: a tick; bad: a cross; warn: a question mark; else: not reached.
    pub tone: Tone,
    /// What came of it, in a word, for who can't see the mark.
    pub spoken: String,
    /// The step.
    pub title: String,
    /// Where more about it is read on the page, such as `#step-4`; may be empty.
    pub place: String,
}

/// Steps on a line, each with its mark.
pub fn path(label: &str, stops: &[Stop]) -> Markup {
    html! {
        ol.path aria-label=(label) {
            @for stop in stops {
                li class=(stop.tone.class()) {
                    (mark(stop.tone))
                    span.vh { (stop.spoken) ": " }
                    @if stop.place.is_empty() { (stop.title) } @else { a href=(stop.place) { (stop.title) } }
                }
            }
        }
    }
}

fn mark(tone: Tone) -> Markup {
    let drawn = match tone {
        Tone::Good => "M6 12.5 10.5 17 18 7.5",
        Tone::Bad => "M7 7 17 17M17 7 7 17",
        Tone::Warn => "M12 6v7M12 16.2v1.6",
        Tone::Info | Tone::Todo => "",
    };
    html! {
        svg viewBox="0 0 24 24" aria-hidden="true" focusable="false" {
            circle cx="12" cy="12" r="11" {}
            @if !drawn.is_empty() { path d=(drawn) {} }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_said_in_words_too() {
        let stops = [Stop {
            tone: Tone::Bad,
            spoken: "Failed".into(),
            title: "Agreement".into(),
            place: "#step-agreement".into(),
        }];
        let text = path("Our node", &stops).into_string();
        assert!(
            text.contains("<span class=\"vh\">Failed: </span>"),
            "{text}"
        );
        assert!(text.contains("M7 7 17 17") && text.contains("aria-hidden=\"true\""));
    }
}
