//! What a handler knows of the request: who, in which language, under which reference number.
//!
//! Put into the request by the outer layer, taken out as an axum extractor. Promises: rights are checked the same way
//! everywhere. Refuses: headers, cookies and addresses; a handler doesn't need them.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::HeaderValue;
use http::request::Parts;
use kernel::{Actor, Fault, FaultKind, Locale, Moment};

use crate::room::Audience;
use crate::site::{BodyFace, Site};
use crate::texts::{Texts, Value};
use crate::{Failure, cookie};

/// What every handler knows of the request. Cheap to clone.
#[derive(Clone)]
pub struct Visit {
    /// The reader's language.
    pub locale: Locale,
    /// Who is signed in.
    pub actor: Option<Actor>,
    /// The trace identifier: 32 hex digits, in every log line of this request and sent on to other nodes.
    pub trace: String,
    /// The token of forms on this page; see `csrf_field`.
    pub csrf: String,
    /// The path without the query string.
    pub path: String,
    /// The path with the query string: where to come back to after signing in.
    pub place: String,
    /// When the request came.
    pub now: Moment,
    /// The browser's random number (from the visit cookie). Good as a key for drafts; never shown, never logged.
    pub visitor: String,
    /// The client's network address; for limits only, never logged.
    pub client: String,
    /// The session cookie's value, for `identity` alone.
    pub session: Option<String>,
    pub(crate) json: bool,
    pub(crate) site: Arc<Site>,
}

impl Visit {
    /// The text `key`.
    pub fn t(&self, key: &str) -> String {
        self.site.texts.say(self.locale, key, &[])
    }

    /// The text `key` with arguments: `visit.tt("portal-due", &[("days", 3.into())])`.
    pub fn tt(&self, key: &str, args: &[(&str, Value)]) -> String {
        self.site.texts.say(self.locale, key, args)
    }

    /// All texts of the house, for those who write in another language than the reader's.
    pub fn texts(&self) -> &Texts {
        &self.site.texts
    }

    /// The body whose house this is.
    pub fn body(&self) -> &BodyFace {
        &self.site.face
    }

    /// The number that a reader tells on the phone: twelve digits of the trace, as `4bf9-2f35-77b3`.
    pub fn reference(&self) -> String {
        let part = |from: usize| self.trace.get(from..from + 4).unwrap_or("");
        format!("{}-{}-{}", part(0), part(4), part(8))
    }

    /// Whoever is signed in.
    ///
    /// # Errors
    /// Unauthenticated; the outer layer then leads to the sign-in page, which leads back here.
    pub fn person(&self) -> Result<&Actor, Fault> {
        self.actor
            .as_ref()
            .ok_or_else(|| Fault::new(FaultKind::Unauthenticated, "fault-sign-in"))
    }

    /// The official who is signed in and holds `right`.
    ///
    /// # Errors
    /// Unauthenticated, or denied.
    pub fn official(&self, right: &str) -> Result<&Actor, Fault> {
        let actor = self.person()?;
        match actor.may(right) {
            true => Ok(actor),
            false => Err(Fault::denied("fault-denied").detail(format!("lacks the right {right}"))),
        }
    }

    /// Whether this visitor is of the audience.
    ///
    /// # Errors
    /// As `person` and `official`.
    pub fn admitted(&self, audience: Audience) -> Result<(), Fault> {
        match audience {
            Audience::Everybody => Ok(()),
            Audience::Person => self.person().map(drop),
            Audience::Right(right) => self.official(right).map(drop),
        }
    }

    /// The `Set-Cookie` value that gives the browser a session; it ends with the browser or when the server says so.
    pub fn session_cookie(&self, token: &str) -> HeaderValue {
        self.site
            .cookies
            .set(&self.site.cookies.session, token, None)
    }

    /// The `Set-Cookie` value that takes the session away.
    pub fn session_removed(&self) -> HeaderValue {
        self.site
            .cookies
            .set(&self.site.cookies.session, "", Some(0))
    }

    /// Whether `token` was made for a form of this visitor.
    pub fn csrf_holds(&self, token: &str) -> bool {
        self.site.tokens.hold(&self.visitor, token)
    }

    /// Whether the client asked for JSON instead of a page.
    pub fn wants_json(&self) -> bool {
        self.json
    }

    /// Whether pages come over TLS.
    pub fn tls(&self) -> bool {
        self.site.tls
    }

    pub(crate) fn language_cookie(&self, locale: Locale) -> HeaderValue {
        let names = &self.site.cookies;
        names.set(
            &names.language,
            locale.tag(),
            Some(cookie::LANGUAGE_SECONDS),
        )
    }

    /// A date in the body's time zone: `23 de noviembre de 2026`.
    pub fn date(&self, moment: Moment) -> String {
        self.civil_date(&self.local(moment), "web-date")
    }

    /// A date with its weekday: `lunes 23 de noviembre de 2026`; for deadlines, which people plan by weekday.
    pub fn weekday_date(&self, moment: Moment) -> String {
        self.civil_date(&self.local(moment), "web-weekday-date")
    }

    /// Date and time to the minute in the body's time zone.
    pub fn date_time(&self, moment: Moment) -> String {
        let local = self.local(moment);
        let date = self.civil_date(&local, "web-date");
        let time = local.strftime("%H:%M").to_string();
        self.tt(
            "web-date-time",
            &[("date", date.into()), ("time", time.into())],
        )
    }

    /// A `<time>` element with date and time, readable for people and machines.
    pub fn time(&self, moment: Moment) -> maud::Markup {
        maud::html! { time datetime=(moment.iso_seconds()) { (self.date_time(moment)) } }
    }

    /// A whole number grouped by thousands as the reader's language does.
    pub fn number(&self, number: i64) -> String {
        let digits = number.unsigned_abs().to_string();
        let separator = if self.locale == Locale::En {
            ','
        } else {
            '\u{202f}'
        };
        let mut grouped = String::from(if number < 0 { "\u{2212}" } else { "" });
        for (place, digit) in digits.chars().enumerate() {
            // Four digits stay together in Spanish (Ortografía de la lengua española, 2010).
            let few = self.locale != Locale::En && digits.len() <= 4;
            if place > 0 && !few && (digits.len() - place).is_multiple_of(3) {
                grouped.push(separator);
            }
            grouped.push(digit);
        }
        grouped
    }

    fn local(&self, moment: Moment) -> jiff::civil::DateTime {
        self.site.zone.to_datetime(moment.timestamp())
    }

    fn civil_date(&self, local: &jiff::civil::DateTime, key: &str) -> String {
        let month = self.t(&format!("web-month-{}", local.month()));
        let weekday = self.t(&format!(
            "web-weekday-{}",
            local.weekday().to_monday_one_offset()
        ));
        self.tt(
            key,
            &[
                ("day", i64::from(local.day()).into()),
                ("month", month.into()),
                ("year", local.year().to_string().into()),
                ("weekday", weekday.into()),
            ],
        )
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visit {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            Failure::from(Fault::internal(
                "a handler runs without the outer layer, which makes visits",
            ))
        })
    }
}
