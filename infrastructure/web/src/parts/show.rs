//! Parts that show: buttons, notices, facts with their source, tags, timelines, tables, pagination.

use kernel::Moment;
use maud::{Markup, html};

use crate::Visit;

/// What a notice, tag or event is about. Words say it too, never colour alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Plain.
    #[default]
    Info,
    /// Done, granted, verified.
    Good,
    /// Needs care soon.
    Warn,
    /// Failed, denied, refused.
    Bad,
    /// Still to come.
    Todo,
}

impl Tone {
    /// The CSS class.
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Todo => "todo",
        }
    }
}

/// The main button of a form.
pub fn button(text: &str) -> Markup {
    html! { button.btn type="submit" { (text) } }
}

/// A second button.
pub fn button_quiet(text: &str) -> Markup {
    html! { button.btn.quiet type="submit" { (text) } }
}

/// A button for what can't be undone.
pub fn button_bad(text: &str) -> Markup {
    html! { button.btn.bad type="submit" { (text) } }
}

/// A submit button that sends `name=value`, for forms with several ways on.
pub fn button_named(tone: Tone, name: &str, value: &str, text: &str) -> Markup {
    let class = match tone {
        Tone::Good => "btn",
        Tone::Bad => "btn bad",
        _ => "btn quiet",
    };
    html! { button class=(class) type="submit" name=(name) value=(value) { (text) } }
}

/// A link that looks like the main button: the one thing to do on a page.
pub fn link_button(place: &str, text: &str) -> Markup {
    html! { a.btn href=(place) { (text) } }
}

/// A link that looks like a second button.
pub fn link_quiet(place: &str, text: &str) -> Markup {
    html! { a.btn.quiet href=(place) { (text) } }
}

/// A button that prints the page; it shows itself only where a script runs.
pub fn print_button(text: &str) -> Markup {
    html! { button.btn.quiet type="button" data-print hidden { (text) } }
}

/// A button that copies `what`; it shows itself only where a script runs, and then says `done`.
pub fn copy_button(text: &str, what: &str, done: &str) -> Markup {
    html! { button.btn.quiet type="button" data-copy=(what) data-done=(done) hidden { (text) } }
}

/// A box that tells something important. An empty title leaves it out.
pub fn notice(tone: Tone, title: &str, body: Markup) -> Markup {
    html! {
        div class={ "n " (tone.class()) } role=[(tone == Tone::Bad).then_some("alert")] {
            @if !title.is_empty() { h2 { (title) } }
            (body)
        }
    }
}

/// A word about a state.
pub fn tag(tone: Tone, text: &str) -> Markup {
    html! { span class={ "tag " (tone.class()) } { (text) } }
}

/// A card that is a link as a whole; put several into `ul.grid`.
pub fn card(place: &str, title: &str, body: Markup) -> Markup {
    html! { li.card { h3 { a href=(place) { (title) } } (body) } }
}

/// Something to open.
pub fn details(summary: &str, body: Markup) -> Markup {
    html! { details { summary { (summary) } (body) } }
}

/// Who states a fact.
#[derive(Clone, Debug)]
pub struct Source {
    /// The registry's name for people.
    pub who: String,
    /// When it was stated.
    pub when: Moment,
    /// The exchange's message number.
    pub evidence: String,
    /// Where the evidence can be seen; empty for nowhere.
    pub place: String,
}

/// One line of a summary list.
#[derive(Clone, Debug)]
pub struct Row {
    label: String,
    value: Markup,
    source: Option<Source>,
    action: Option<(String, String)>,
}

impl Row {
    /// A line with a text.
    pub fn text(label: impl Into<String>, value: &str) -> Self {
        Self::markup(label, html! { (value) })
    }

    /// A line with markup.
    pub fn markup(label: impl Into<String>, value: Markup) -> Self {
        Self {
            label: label.into(),
            value,
            source: None,
            action: None,
        }
    }

    /// Adds who states it.
    #[must_use]
    pub fn source(mut self, source: Source) -> Self {
        self.source = Some(source);
        self
    }

    /// Adds a link such as 'change'; the screen reader hears the label with it.
    #[must_use]
    pub fn action(mut self, place: impl Into<String>, text: impl Into<String>) -> Self {
        self.action = Some((place.into(), text.into()));
        self
    }
}

/// Names and values, each with who states it, when and under which evidence number.
pub fn summary_list(visit: &Visit, rows: &[Row]) -> Markup {
    html! {
        dl.facts {
            @for row in rows {
                div {
                    dt { (row.label) }
                    dd {
                        (row.value)
                        @if let Some(source) = &row.source { (source_line(visit, source)) }
                    }
                    @if let Some((place, text)) = &row.action {
                        dd { a.act href=(place) { (text) span.vh { " " (row.label) } } }
                    }
                }
            }
        }
    }
}

fn source_line(visit: &Visit, source: &Source) -> Markup {
    let when = visit.date_time(source.when);
    let words = visit.tt(
        "web-source",
        &[("who", source.who.clone().into()), ("when", when.into())],
    );
    html! {
        span.src {
            svg width="14" height="14" viewBox="0 0 14 14" aria-hidden="true" focusable="false" {
                path fill="none" stroke="currentColor" stroke-width="2.2" d="M2 7.5 5.5 11 12 3" {}
            }
            (words) ". " (visit.t("web-evidence")) " "
            @if source.place.is_empty() { span.code { (source.evidence) } }
            @else { a.code href=(source.place) { (source.evidence) } }
        }
    }
}

/// One event of a timeline.
#[derive(Clone, Debug)]
pub struct Event {
    /// State of it.
    pub tone: Tone,
    /// What happened, or will.
    pub title: String,
    /// When; already in the reader's words.
    pub when: String,
    /// More; may be empty.
    pub body: Markup,
}

impl Event {
    /// An event that happened.
    pub fn new(visit: &Visit, tone: Tone, title: impl Into<String>, when: Moment) -> Self {
        Self {
            tone,
            title: title.into(),
            when: visit.date_time(when),
            body: html! {},
        }
    }

    /// Adds more to read.
    #[must_use]
    pub fn body(mut self, body: Markup) -> Self {
        self.body = body;
        self
    }
}

/// What happened and what comes, in order.
pub fn timeline(events: &[Event]) -> Markup {
    html! {
        ol.tl {
            @for event in events {
                li class=(event.tone.class()) {
                    b { (event.title) }
                    @if !event.when.is_empty() { span.soft.small { (event.when) } }
                    (event.body)
                }
            }
        }
    }
}

/// A table that becomes cards on a phone. The first cell of a row is its heading.
pub fn table(caption: &str, heads: &[String], rows: &[Vec<Markup>]) -> Markup {
    html! {
        div.tbl {
            table {
                caption { (caption) }
                thead { tr { @for head in heads { th scope="col" { (head) } } } }
                tbody {
                    @for row in rows {
                        tr {
                            @for (place, cell) in row.iter().enumerate() {
                                @if place == 0 { th scope="row" { (cell) } }
                                @else { td data-label=[heads.get(place)] { (cell) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Links to the page before and after (keyset paging knows no numbers).
pub fn pages(visit: &Visit, newer: Option<&str>, older: Option<&str>) -> Markup {
    html! {
        @if newer.is_some() || older.is_some() {
            nav.pages aria-label=(visit.t("web-pages")) {
                @if let Some(place) = newer {
                    a.btn.quiet rel="prev" href=(place) { "← " (visit.t("web-newer")) }
                }
                @if let Some(place) = older {
                    a.btn.quiet rel="next" href=(place) { (visit.t("web-older")) " →" }
                }
            }
        }
    }
}
