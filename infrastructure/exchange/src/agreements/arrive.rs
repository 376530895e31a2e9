//! What other bodies send about agreements: proposals, acceptances, refusals, ends.
//!
//! Run by the built-in service `agreements`, after the message's signature was verified and the message journalled. It
//! needs no agreement. It refuses texts that are not in their one form, bodies that are no party, acceptances of what
//! was never proposed, and versions that do not follow what is held. Saying the same again changes nothing.

use kernel::{Fault, MemberId, Moment, Party, SubsystemId};
use serde::{Deserialize, Serialize};
use store::Tx;

use super::decide::text_row;
use super::state::{State, Who};
use super::text::{Notice, Terms, digest};
use super::{Act, BadText, Done, Evidence, InForce};
use crate::Exchange;
use crate::domain::multipart::Envelope;
use crate::sql::agreement::{self as sql, TextRow};

/// Most proposals of one body that wait for this one: officials read them one by one.
pub const OPEN_MAX: i64 = 100;

/// A verified message about an agreement.
pub(crate) struct Arrival<'a> {
    pub act: Act,
    /// Whose signature was verified.
    pub signer: &'a MemberId,
    pub client: &'a Party,
    pub provider: &'a SubsystemId,
    pub message: &'a str,
    pub envelope: &'a Envelope,
    pub at: Moment,
}

/// What the sender is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Told {
    #[serde(skip)]
    pub status: u16,
    /// `ok`, or why not.
    pub code: String,
    /// Where the text stands here, if it is known here.
    pub state: Option<String>,
}

impl Told {
    pub(crate) fn no(status: u16, code: &str) -> Self {
        Self {
            status,
            code: code.to_owned(),
            state: None,
        }
    }

    fn ok(state: &str) -> Self {
        Self {
            status: 200,
            code: "ok".to_owned(),
            state: Some(state.to_owned()),
        }
    }

    fn conflict(code: &str, state: &str) -> Self {
        Self {
            status: 409,
            code: code.to_owned(),
            state: Some(state.to_owned()),
        }
    }
}

fn bad(error: &BadText) -> Told {
    match error {
        BadText::TooLong => Told::no(413, "too-long"),
        BadText::Form => Told::no(400, "form"),
        BadText::Term(term) => Told::no(400, &format!("term: {term}")),
    }
}

impl Exchange {
    /// Decides on a verified message and tells what became of it.
    pub(crate) async fn agreement_arrived(&self, arrival: &Arrival<'_>) -> Result<Told, Fault> {
        let body = crate::body::small(arrival.envelope.body.as_ref());
        match arrival.act {
            Act::Propose => match Terms::read(body) {
                Ok(terms) => self.proposal_arrived(arrival, terms).await,
                Err(error) => Ok(bad(&error)),
            },
            Act::Accept => match Terms::read(body) {
                Ok(terms) => self.acceptance_arrived(arrival, &terms).await,
                Err(error) => Ok(bad(&error)),
            },
            Act::Refuse | Act::End => match Notice::read(body) {
                Ok(notice) => self.notice_arrived(arrival, &notice).await,
                Err(error) => Ok(bad(&error)),
            },
        }
    }

    /// Whether the message goes from one party's subsystem to the other's, and the other is this body.
    fn is_between(&self, arrival: &Arrival<'_>, terms: &Terms) -> bool {
        let we = &self.inner.settings.member;
        terms.is_party(arrival.signer)
            && terms.other(arrival.signer) == we
            && Some(terms.subsystem_of(arrival.signer)) == arrival.client.subsystem()
            && terms.subsystem_of(we) == arrival.provider
    }

    async fn proposal_arrived(&self, arrival: &Arrival<'_>, terms: Terms) -> Result<Told, Fault> {
        if !self.is_between(arrival, &terms) || terms.proposer != *arrival.signer {
            return Ok(Told::no(403, "party"));
        }
        if terms.agreement.until <= arrival.at {
            return Ok(Told::no(400, "term: time"));
        }
        let text = terms.text();
        let name = digest(text.as_bytes());
        let mut tx = self.inner.store.begin().await?;
        let held = sql::texts_of(&mut tx, &terms.agreement.number).await?;
        if let Some(same) = held.iter().find(|row| row.digest == name) {
            return Ok(Told::ok(&same.state));
        }
        if let Some(told) = refused_version(&terms, held.first()) {
            return Ok(told);
        }
        if sql::open_with(&mut tx, &arrival.signer.to_string()).await? >= OPEN_MAX {
            return Ok(Told::no(429, "too-many"));
        }
        let other = arrival.signer.to_string();
        let row = text_row(&terms, text.clone(), State::Offered, other, arrival.at);
        if !sql::insert_text(&mut tx, &row).await? {
            // Another copy of the message, or another text, was entered beside us; what stands there now decides.
            drop(tx);
            let mut tx = self.inner.store.read().await?;
            let held = sql::texts_of(&mut tx, &terms.agreement.number).await?;
            let same = held.iter().find(|row| row.digest == name);
            let other = || Told::conflict("number", State::Offered.word());
            return Ok(same.map_or_else(other, |same| Told::ok(&same.state)));
        }
        self.received(&mut tx, arrival, &row, text).await?;
        tx.commit().await?;
        Ok(Told::ok(State::Offered.word()))
    }

    async fn acceptance_arrived(
        &self,
        arrival: &Arrival<'_>,
        terms: &Terms,
    ) -> Result<Told, Fault> {
        if !self.is_between(arrival, terms) || terms.acceptor() != arrival.signer {
            return Ok(Told::no(403, "party"));
        }
        let text = terms.text();
        let name = digest(text.as_bytes());
        let mut tx = self.inner.store.begin().await?;
        sql::hold_texts(&mut tx, &terms.agreement.number).await?;
        let held = sql::texts_of(&mut tx, &terms.agreement.number).await?;
        let Some(row) = held.iter().find(|row| row.digest == name) else {
            return Ok(Told::no(404, "never-proposed"));
        };
        let state = State::of(&row.state);
        if state == Some(State::InForce) {
            return Ok(Told::ok(&row.state));
        }
        if state
            .and_then(|state| state.after(Act::Accept, Who::They))
            .is_none()
        {
            return Ok(Told::conflict("state", &row.state));
        }
        let (Some(proposal), _) = self.evidence_of(&mut tx, row).await? else {
            // Our own proposal is on its way; they had it a moment before we noted that.
            return Ok(Told::no(503, "not-yet"));
        };
        let acceptance = Evidence::of(arrival.envelope, arrival.at).map_err(Fault::internal)?;
        let Some(view) = self.inner.held.any() else {
            return Ok(Told::no(503, "not-yet"));
        };
        let scope = self.inner.scope(&view, arrival.at);
        match InForce::verify(text.as_bytes(), &proposal, &acceptance, &scope) {
            Err(error) => {
                tracing::warn!(%error, number = %row.number, "an acceptance does not hold");
                Ok(Told::no(403, "signature"))
            }
            Ok(in_force) => {
                self.received(&mut tx, arrival, row, text).await?;
                self.put_in_force(&mut tx, row, &in_force, arrival.at)
                    .await?;
                tx.commit().await?;
                Ok(Told::ok(State::InForce.word()))
            }
        }
    }

    async fn notice_arrived(&self, arrival: &Arrival<'_>, notice: &Notice) -> Result<Told, Fault> {
        if notice.ends != (arrival.act == Act::End) {
            return Ok(Told::no(400, "form"));
        }
        let mut tx = self.inner.store.begin().await?;
        sql::hold_texts(&mut tx, &notice.number).await?;
        let held = sql::texts_of(&mut tx, &notice.number).await?;
        let same = |row: &&TextRow| row.version == notice.version && row.digest == notice.digest;
        let Some(row) = held.iter().find(same) else {
            return Ok(Told::no(404, "unknown"));
        };
        let terms = Terms::read(row.text.as_bytes()).map_err(Fault::internal)?;
        if !self.is_between(arrival, &terms) {
            return Ok(Told::no(403, "party"));
        }
        let state = State::of(&row.state);
        let Some(next) = state.and_then(|state| state.after(arrival.act, Who::They)) else {
            return Ok(match state {
                Some(State::Refused | State::Ended | State::Replaced) => Told::ok(&row.state),
                _ => Told::conflict("state", &row.state),
            });
        };
        sql::set_state(&mut tx, row, next.word(), arrival.at).await?;
        if state == Some(State::InForce) {
            sql::remove_effective(&mut tx, &row.number).await?;
            self.inner.lookups.change_with(&mut tx);
        }
        self.received(&mut tx, arrival, row, notice.text()).await?;
        tx.commit().await?;
        Ok(Told::ok(next.word()))
    }

    async fn received(
        &self,
        tx: &mut Tx,
        arrival: &Arrival<'_>,
        row: &TextRow,
        text: String,
    ) -> Result<(), Fault> {
        let evidence = Evidence::of(arrival.envelope, arrival.at).map_err(Fault::internal)?;
        let done = Done {
            row,
            act: arrival.act,
            member: arrival.signer.to_string(),
            account: None,
            text,
            at: arrival.at,
            sent: "received",
            carried: Some((arrival.message.to_owned(), evidence)),
        };
        self.enter_act(tx, done).await.map(drop)
    }
}

/// Why a proposal does not follow what is held under its number; nothing if it does.
fn refused_version(terms: &Terms, latest: Option<&TextRow>) -> Option<Told> {
    let Some(latest) = latest else {
        return (terms.version != 1).then(|| Told::no(409, "version"));
    };
    if State::of(&latest.state).is_none_or(State::is_open) {
        return Some(Told::conflict("number", &latest.state));
    }
    let follows = Terms::read(latest.text.as_bytes()).is_ok_and(|held| terms.follows(&held));
    (!follows).then(|| Told::no(409, "number"))
}
