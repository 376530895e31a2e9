//! What the authority sees: who refuses, how late and how often, per day, asker and service. No person is in it.
//!
//! Each node counts a day from its journal and sends the figures, signed, to the body that the global configuration
//! names as the management services' provider (built-in service `reports`); both sides of a question report, so that
//! they can be compared. A timer repeats until a report is answered; the first report of a member for a day stays.

mod figures;

use kernel::{Fault, Id, Moment, SubsystemId};
use serde::{Deserialize, Serialize};
use store::Tx;
use trust::globalconf::Party;
use trust::log::Entry;

pub use self::figures::{AgreementFigures, Early, Figures, Line, Waiting};
use crate::Exchange;
use crate::agreements::State;
use crate::agreements::text::digest;
use crate::ask::{Behalf, Outgoing};
use crate::builtin::{Asked, json};
use crate::domain::message::ResponsePart;
use crate::sql::report::{self as sql, Reported};
use crate::sql::{agreement, refusal};

/// Code of the built-in service.
pub const SERVICE: &str = "reports";
/// Longest report in bytes: about eight thousand lines.
pub const TEXT_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Days that are caught up after an outage.
const DAYS_BACK: i64 = 7;
/// Questions read at once.
const PAGE: usize = 5_000;
/// Most reports read for one page or one file.
pub const REPORTS_MAX: usize = 5_000;
/// Seconds of a day.
const DAY: i64 = 86_400;

const FORM: &str = "tambo-report-1";

/// The figures of one member for one day (UTC).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The member's agreements.
    pub agreements: AgreementFigures,
    /// The day: `YYYY-MM-DD`.
    pub day: String,
    /// Attempts that were refused before the journal.
    pub early: Vec<Early>,
    /// Names the form.
    pub form: String,
    /// One line for each side, asker and service.
    pub lines: Vec<Line>,
    /// The member.
    pub member: String,
}

impl Report {
    fn is_empty(&self) -> bool {
        self.lines.is_empty()
            && self.early.is_empty()
            && self.agreements == AgreementFigures::default()
    }

    /// Reads a report; nothing if it is too long, not in this form, or of a day that is none.
    pub fn read(text: &[u8]) -> Option<Self> {
        let report: Self =
            serde_json::from_slice(text.get(..text.len().min(TEXT_BYTES_MAX))?).ok()?;
        let is_day = Moment::parse_iso(&format!("{}T00:00:00Z", report.day)).is_some();
        (report.form == FORM && is_day && report.day.len() == 10).then_some(report)
    }
}

fn day_of(at: Moment) -> String {
    at.iso()[..10].to_owned()
}

impl Exchange {
    /// The figures of the day that holds `at`.
    ///
    /// # Errors
    /// The store failed.
    pub async fn report_of(&self, at: Moment) -> Result<Report, Fault> {
        let from = Moment::from_seconds(at.seconds().div_euclid(DAY) * DAY);
        let until = from.plus_seconds(DAY);
        let mut tx = self.inner.store.read().await?;
        let mut figures = Figures::default();
        let (mut after, before) = (Id::first_at(from), Id::first_at(until));
        loop {
            let page = sql::ends(&mut tx, after, before, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.id;
            page.iter().for_each(|end| figures.count(end));
        }
        let early = refusal::counted(&mut tx, from, until).await?;
        let agreements = self.agreement_figures(&mut tx, from, until).await?;
        Ok(Report {
            agreements,
            day: day_of(from),
            early: early.into_iter().map(Early::of).collect(),
            form: FORM.to_owned(),
            lines: figures.lines(),
            member: self.inner.settings.member.to_string(),
        })
    }

    async fn agreement_figures(
        &self,
        tx: &mut Tx,
        from: Moment,
        until: Moment,
    ) -> Result<AgreementFigures, Fault> {
        let member = self.inner.settings.member.to_string();
        let acts = sql::acts(tx, from, until, &member).await?;
        let count = |word: &str| {
            acts.iter()
                .find(|(act, _)| act == word)
                .map_or(0, |(_, count)| *count)
        };
        let offered = agreement::texts_in(tx, State::Offered.word(), "", PAGE).await?;
        let waiting = offered.into_iter().map(|row| Waiting {
            days: until.seconds_since(row.changed_at).max(0) / DAY,
            number: row.number,
            other: row.other,
        });
        Ok(AgreementFigures {
            accepted: count("accept"),
            ended: count("end"),
            proposed: count("propose"),
            refused: count("refuse"),
            waiting: waiting.collect(),
        })
    }

    /// Who takes reports, as the global configuration says.
    fn reports_to(&self) -> Option<SubsystemId> {
        let view = self.inner.held.any()?;
        match &view.private()?.management.provider {
            Party::Subsystem(subsystem) => Some(subsystem.clone()),
            Party::Member(_) => None,
        }
    }

    /// Sends the reports of past days that were not taken yet; tells how many were. An authority keeps its own.
    ///
    /// # Errors
    /// The authority can't be reached, or the store failed; the next turn tries again.
    pub async fn send_reports(&self) -> Result<usize, Fault> {
        let Some(to) = self.reports_to() else {
            return Ok(0);
        };
        let now = self.inner.clock.now();
        let mut sent = 0;
        for back in (1..=DAYS_BACK).rev() {
            let at = now.plus_seconds(-back * DAY);
            let mut tx = self.inner.store.read().await?;
            let is_sent = sql::is_sent(&mut tx, &day_of(at)).await?;
            drop(tx);
            if is_sent {
                continue;
            }
            let report = self.report_of(at).await?;
            let message = match report.is_empty() {
                true => "nothing".to_owned(),
                false => self.send_report(&to, &report).await?,
            };
            let mut tx = self.inner.store.begin().await?;
            sql::set_sent(&mut tx, &report.day, &message, now).await?;
            tx.commit().await?;
            sent += 1;
        }
        Ok(sent)
    }

    async fn send_report(&self, to: &SubsystemId, report: &Report) -> Result<String, Fault> {
        let text = serde_json::to_string(report).map_err(Fault::internal)?;
        if to.member == self.inner.settings.member {
            self.keep_report(report, &text, "own").await?;
            return Ok("own".to_owned());
        }
        let view = self.inner.held.any();
        let own = view.and_then(|view| {
            let member = view.member(&self.inner.settings.member)?;
            let code = &member.subsystems.first()?.code;
            Some(self.inner.settings.member.subsystem(code))
        });
        let away = || Fault::new(kernel::FaultKind::Unavailable, "fault-exchange-unreachable");
        let from = own.ok_or_else(|| away().detail("this body has no subsystem"))?;
        let outgoing = Outgoing::built_in(
            from,
            to.service(SERVICE),
            "",
            text.into_bytes(),
            Behalf::default(),
        );
        let answered = self.send(outgoing).await?.into_inner();
        match answered.response.status {
            200 | 409 => Ok(answered.number),
            status => Err(away().detail(format!("the authority answered with status {status}"))),
        }
    }

    /// Answers the built-in service `reports`, at the authority's node alone.
    pub(crate) async fn answer_reports(
        &self,
        asked: &Asked<'_>,
    ) -> Result<(ResponsePart, Option<Vec<u8>>), Fault> {
        let told = |status: u16, code: &str| json(status, &serde_json::json!({ "code": code }));
        if self.reports_to().as_ref() != Some(&asked.service.subsystem) {
            return told(404, "not-here");
        }
        let body = crate::body::small(asked.verified.get().body.as_ref());
        if body.len() > TEXT_BYTES_MAX {
            return told(413, "too-long");
        }
        let Some(report) = Report::read(body) else {
            return told(400, "form");
        };
        if report.member != asked.verified.signer().to_string() {
            return told(403, "member");
        }
        let text = String::from_utf8_lossy(body);
        match self.keep_report(&report, &text, asked.number).await? {
            true => told(200, "ok"),
            false => told(409, "another-is-held"),
        }
    }

    /// Keeps a report; `false` if another one of that member for that day is held.
    async fn keep_report(&self, report: &Report, text: &str, message: &str) -> Result<bool, Fault> {
        let now = self.inner.clock.now();
        let name = digest(text.as_bytes());
        let mut tx = self.inner.store.begin().await?;
        let row = Reported {
            day: &report.day,
            member: &report.member,
            digest: &name,
            message,
            text,
            at: now,
        };
        if !sql::insert(&mut tx, &row).await? {
            let held = sql::digest_of(&mut tx, &report.day, &report.member).await?;
            return Ok(held.as_deref() == Some(&name));
        }
        let hash = trust::sigalg::Hash::Sha256.digest(text.as_bytes());
        let hash = hash.try_into().expect("SHA-256 gives 32 bytes");
        let entry = Entry::new("exchange.report", now, hash)
            .note("member", report.member.clone())
            .note("day", report.day.clone());
        self.inner.log.enter(&mut tx, entry).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The reports that this body holds as the authority, of the days from `from` to `until` (`YYYY-MM-DD`).
    ///
    /// # Errors
    /// The store failed.
    pub async fn reports(&self, from: &str, until: &str) -> Result<Vec<Report>, Fault> {
        let mut tx = self.inner.store.read().await?;
        let texts = sql::texts(&mut tx, from, until, REPORTS_MAX).await?;
        Ok(texts
            .iter()
            .filter_map(|text| Report::read(text.as_bytes()))
            .collect())
    }
}
