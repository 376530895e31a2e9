//! This crate's own words: texts of pages, and dates and codes as papers say them.

use std::sync::LazyLock;

use jiff::civil::Date;
use kernel::{Locale, Moment};
use web::Texts;

use crate::clock::Calendar;
use crate::procedure::Risk;
use crate::settings::SetupError;

/// The texts.
pub const TEXTS: &[(Locale, &str)] = &[
    (Locale::Es, include_str!("../texts/es.ftl")),
    (Locale::Qu, include_str!("../texts/qu.ftl")),
    (Locale::En, include_str!("../texts/en.ftl")),
];

/// Read once for all bodies of a process, for they are the same and large.
static PAPERS: LazyLock<Result<Texts, String>> = LazyLock::new(|| {
    let rooms = [("web", web::TEXTS), ("workflow", TEXTS)];
    Texts::new(rooms).map_err(|error| error.to_string())
});

/// Words for papers, which are made without a reader's visit.
pub(crate) struct Words(Texts);

impl Words {
    pub(crate) fn load() -> Result<Self, SetupError> {
        let texts = PAPERS.clone().map_err(SetupError::Texts)?;
        Ok(Self(texts))
    }

    /// A day: `23 de noviembre de 2026`.
    pub(crate) fn date(&self, locale: Locale, day: Date) -> String {
        let month = self
            .0
            .say(locale, &format!("web-month-{}", day.month()), &[]);
        let args = [
            ("day", i64::from(day.day()).into()),
            ("month", month.into()),
            ("year", day.year().to_string().into()),
        ];
        self.0.say(locale, "web-date", &args)
    }

    /// A moment to the minute, at the body's place.
    pub(crate) fn moment(&self, locale: Locale, calendar: &Calendar, moment: Moment) -> String {
        let date = self.date(locale, calendar.day_of(moment));
        let time = calendar.time_of(moment);
        let time = format!("{:02}:{:02}", time.hour(), time.minute());
        self.0.say(
            locale,
            "web-date-time",
            &[("date", date.into()), ("time", time.into())],
        )
    }

    /// The name of a risk class.
    pub(crate) fn risk(&self, locale: Locale, risk: Risk) -> String {
        self.0
            .say(locale, &format!("workflow-risk-{}", risk.code()), &[])
    }

    /// Yes or no.
    pub(crate) fn yes_no(&self, locale: Locale, yes: bool) -> String {
        self.0.say(
            locale,
            if yes { "workflow-yes" } else { "workflow-no" },
            &[],
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{IllegalAct, Refusal, State};

    #[test]
    fn all_languages_hold_the_same_keys_and_every_code_has_its_words() {
        web::texts::check("workflow", TEXTS).expect("the same keys");
        let words = Words::load().expect("texts");
        let keys = State::ALL.map(|state| format!("workflow-state-{}", state.code()));
        let risks = Risk::ALL.map(|risk| format!("workflow-risk-{}", risk.code()));
        let refusals = Refusal::ALL.map(|why| format!("workflow-refusal-{}", why.code()));
        let acts = [
            IllegalAct::Ended,
            IllegalAct::State(State::Filed),
            IllegalAct::ObservedBefore,
            IllegalAct::CureTime,
            IllegalAct::NoSilence,
            IllegalAct::TooLate,
            IllegalAct::FactsPending(1),
            IllegalAct::ExtendedBefore,
        ]
        .map(|act| act.key().to_owned());
        for key in keys.iter().chain(&risks).chain(&refusals).chain(&acts) {
            assert!(words.0.has(key), "{key}");
        }
    }

    #[test]
    fn every_error_and_fault_in_the_code_has_its_words() {
        let words = Words::load().expect("texts");
        let sources = [
            include_str!("answers.rs"),
            include_str!("access.rs"),
            include_str!("lib.rs"),
            include_str!("open.rs"),
            include_str!("observe.rs"),
            include_str!("cure.rs"),
            include_str!("decide.rs"),
            include_str!("drafts.rs"),
            include_str!("gather.rs"),
            include_str!("receive.rs"),
        ];
        let quoted = sources
            .iter()
            .flat_map(|source| source.split('"').skip(1).step_by(2));
        let ours =
            |key: &&str| key.starts_with("workflow-error-") || key.starts_with("fault-workflow-");
        let missing: Vec<&str> = quoted
            .filter(ours)
            .filter(|key| !words.0.has(key))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
