//! The frame of every page: skip link, header, language switch, menu, main, footer. Read by `page` and `Sheet`.
//!
//! Promises: landmarks and one `h1`, own CSS inline under its hash, works without script, good at 360 px.
//! Refuses: words; they come from `texts`.

use std::sync::LazyLock;

use aws_lc_rs::digest;
use axum::response::{Html, IntoResponse, Response};
use http::StatusCode;
use kernel::Locale;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::assets::{ICON, SCRIPT};
use crate::failure::sign_in_place;
use crate::visit::Visit;

static STYLE: LazyLock<String> = LazyLock::new(|| squeeze(include_str!("../assets/style.css")));

static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = digest::digest(&digest::SHA256, STYLE.as_bytes());
    let hash = data_encoding::BASE64.encode(hash.as_ref());
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; script-src 'self'; img-src 'self' data:; \
         connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
});

/// The policy of all pages: nothing but our own style by its hash, our own script, pictures and forms.
pub(crate) fn content_security_policy() -> &'static str {
    &POLICY
}

/// A page being made: `Sheet::new(&visit, "Title").back("/cases").show(body)`.
pub struct Sheet<'v> {
    visit: &'v Visit,
    title: String,
    status: StatusCode,
    heading: bool,
    narrow: bool,
    back: Option<String>,
    refresh: Option<u32>,
    scripts: Vec<String>,
}

/// A page with its title as heading. `body` goes under it.
pub fn page(visit: &Visit, title: &str, body: Markup) -> Response {
    Sheet::new(visit, title).show(body)
}

impl<'v> Sheet<'v> {
    /// A page titled `title`, which is also its `h1`.
    pub fn new(visit: &'v Visit, title: &str) -> Self {
        Self {
            visit,
            title: title.to_owned(),
            status: StatusCode::OK,
            heading: true,
            narrow: false,
            back: None,
            refresh: None,
            scripts: Vec::new(),
        }
    }

    /// Sets the status, for example 422 for a form with errors.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The body brings its own `h1`.
    #[must_use]
    pub fn without_heading(mut self) -> Self {
        self.heading = false;
        self
    }

    /// Keeps the lines short: for forms and texts.
    #[must_use]
    pub fn narrow(mut self) -> Self {
        self.narrow = true;
        self
    }

    /// Adds a link back above the heading.
    #[must_use]
    pub fn back(mut self, place: impl Into<String>) -> Self {
        self.back = Some(place.into());
        self
    }

    /// The browser asks again after `seconds`; for pages that wait for another body.
    #[must_use]
    pub fn refresh(mut self, seconds: u32) -> Self {
        self.refresh = Some(seconds);
        self
    }

    /// Adds a script by its address on this site; it may only improve what works without it.
    #[must_use]
    pub fn script(mut self, path: &str) -> Self {
        self.scripts.push(path.to_owned());
        self
    }

    /// The response.
    pub fn show(self, body: Markup) -> Response {
        (self.status, Html(self.document(body).into_string())).into_response()
    }

    fn document(&self, body: Markup) -> Markup {
        let visit = self.visit;
        html! {
            (DOCTYPE)
            html lang=(visit.locale.tag()) {
                head {
                    meta charset="utf-8";
                    title { (self.title) " – " (visit.body().name) }
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="theme-color" content="#0b4a57";
                    @if let Some(seconds) = self.refresh { meta http-equiv="refresh" content=(seconds); }
                    link rel="icon" type="image/svg+xml" href=(ICON.path);
                    style { (PreEscaped(STYLE.as_str())) }
                    script src=(SCRIPT.path) defer {}
                    @for path in &self.scripts { script src=(path) defer {} }
                }
                body {
                    a.skip href="#main" { (visit.t("web-skip")) }
                    (header(visit))
                    main #main .w .narrow[self.narrow] tabindex="-1" {
                        @if let Some(place) = &self.back {
                            a.back href=(place) { "← " (visit.t("web-back")) }
                        }
                        @if self.heading { h1 { (self.title) } }
                        (body)
                    }
                    (footer(visit))
                }
            }
        }
    }
}

fn header(visit: &Visit) -> Markup {
    html! {
        header {
            div.top {
                div.w { (body_name(visit)) (languages(visit)) }
            }
            div.band role="presentation" {}
            (menu(visit))
            @if visit.body().simulated {
                div.sim { div.w { (visit.t("web-simulated")) } }
            }
        }
    }
}

fn body_name(visit: &Visit) -> Markup {
    let body = visit.body();
    html! {
        a.id href="/" {
            (sign())
            span {
                b { (body.name) }
                @if !body.place.is_empty() { span { (body.place) } }
            }
        }
    }
}

fn languages(visit: &Visit) -> Markup {
    html! {
        nav.lang aria-label=(visit.t("web-language")) {
            @for locale in Locale::ALL {
                a href=(language_place(visit, locale)) lang=(locale.tag()) hreflang=(locale.tag())
                    rel="nofollow" aria-current=[(locale == visit.locale).then_some("true")] {
                    (locale.endonym())
                }
            }
        }
    }
}

/// The house's sign: a stepped cross, drawn for this project.
fn sign() -> Markup {
    html! {
        svg width="40" height="40" viewBox="0 0 32 32" aria-hidden="true" focusable="false" {
            path fill="#f0b94a" d="M13 3h6v4h5v5h5v8h-5v5h-5v4h-6v-4H8v-5H3v-8h5V7h5z" {}
            path fill="#0b4a57" d="M13 13h6v6h-6z" {}
        }
    }
}

fn language_place(visit: &Visit, locale: Locale) -> String {
    let joint = if visit.place.contains('?') { '&' } else { '?' };
    format!("{}{joint}lang={}", visit.place, locale.tag())
}

fn menu(visit: &Visit) -> Markup {
    let items = visit
        .site
        .menu
        .iter()
        .filter(|item| visit.admitted(item.audience).is_ok());
    html! {
        div.nav {
            div.w {
                nav aria-label=(visit.t("web-menu")) {
                    ul {
                        @for item in items {
                            li {
                                a href=(item.path) aria-current=[here(visit, item.path)] {
                                    (visit.t(item.text))
                                }
                            }
                        }
                    }
                }
                div.me { (who(visit)) }
            }
        }
    }
}

/// `page` on the very page, `true` below it.
fn here(visit: &Visit, path: &str) -> Option<&'static str> {
    let below = path != "/"
        && visit
            .path
            .strip_prefix(path)
            .is_some_and(|rest| rest.starts_with('/'));
    match visit.path == path {
        true => Some("page"),
        false => below.then_some("true"),
    }
}

fn who(visit: &Visit) -> Markup {
    html! {
        @match &visit.actor {
            Some(actor) => {
                a href="/account" { span.vh { (visit.t("web-account")) ": " } (actor.name) }
                form method="post" action="/sign-out" {
                    (crate::csrf_field(visit))
                    button type="submit" { (visit.t("web-sign-out")) }
                }
            }
            None => @if visit.path != "/sign-in" {
                a href=(sign_in_place(&visit.place)) { (visit.t("web-sign-in")) }
            }
        }
    }
}

fn footer(visit: &Visit) -> Markup {
    let body = visit.body();
    html! {
        footer {
            div.w {
                p { (body.name) @if !body.contact.is_empty() { " · " (body.contact) } }
                p.small {
                    (visit.t("web-reference")) " " span.code.ref { (visit.reference()) }
                    " · " (visit.time(visit.now))
                }
            }
        }
    }
}

/// Takes the spaces out of the style that a browser doesn't need.
fn squeeze(css: &str) -> String {
    let mut squeezed = String::with_capacity(css.len());
    for line in css.lines().map(str::trim).filter(|line| !line.is_empty()) {
        squeezed.push_str(line);
    }
    for (long, short) in [
        (" {", "{"),
        ("{ ", "{"),
        ("; ", ";"),
        (": ", ":"),
        (", ", ","),
        (";}", "}"),
        (" }", "}"),
    ] {
        squeezed = squeezed.replace(long, short);
    }
    squeezed.replace(";}", "}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_style_keeps_its_strings_and_loses_its_spaces() {
        assert!(STYLE.contains("url(\"data:image/svg+xml,%3Csvg xmlns="));
        assert!(!STYLE.contains("; ") && !STYLE.contains('\n'));
        assert_eq!(STYLE.matches('{').count(), STYLE.matches('}').count());
    }
}
