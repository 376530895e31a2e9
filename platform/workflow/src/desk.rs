//! The desk: an official's open cases, the most urgent first.

use kernel::{Actor, Fault, Id, Moment};

use crate::case::State;
use crate::procedure::Risk;
use crate::sql::{self, Counts, Place, Stored};
use crate::{Workflow, access};

/// Cases on one page of a desk: what fits the byte budget of a page.
pub const DESK_ROWS: usize = 25;

/// Which cases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeskFilter {
    /// Only this desk's; an official without wider rights sees their own desk in any case.
    pub post: Option<String>,
    /// Only in this state.
    pub state: Option<State>,
    /// After this place of an earlier page.
    pub after: Option<String>,
}

/// A page of a desk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desk {
    /// The cases, the most urgent first.
    pub rows: Vec<DeskRow>,
    /// Where the next page begins, if there is one; an opaque text for the address.
    pub next: Option<String>,
    /// How many open cases there are, whatever the filter's state.
    pub counts: Counts,
}

/// One case on a desk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeskRow {
    /// The case.
    pub id: Id,
    /// Its number.
    pub number: String,
    /// What it is called, for example the trade name.
    pub title: String,
    /// The applicant's name.
    pub applicant: String,
    /// The procedure.
    pub procedure: String,
    /// The desk.
    pub post: String,
    /// The risk class.
    pub risk: Risk,
    /// Where it stands.
    pub state: State,
    /// When it was presented.
    pub presented_at: Moment,
    /// The moment by which somebody must act: the body, or while observed the applicant.
    pub due: Option<Moment>,
    /// Business days left to decide, negative when late; `None` while it stands still.
    pub days_left: Option<i64>,
    /// Questions without an answer that can be relied on.
    pub facts_pending: usize,
}

fn place_of(text: &str) -> Option<Place> {
    let (due, id) = text.split_once('-')?;
    Some(Place {
        due: Moment(due.parse().ok()?),
        id: id.parse::<Id>().ok()?.to_string(),
    })
}

impl Workflow {
    /// A page of the desk.
    ///
    /// # Errors
    /// No right to see a desk; the store failed.
    pub async fn desk(&self, actor: &Actor, filter: &DeskFilter) -> Result<Desk, Fault> {
        let rights: Vec<&str> = self.procedures().iter().map(|p| p.right.as_str()).collect();
        let own = access::desk(actor, &rights)?;
        let post = own.or_else(|| filter.post.clone()).unwrap_or_default();
        let state = filter.state.map_or("", State::code);
        let start = Place {
            due: Moment(i64::MIN),
            id: String::new(),
        };
        let after = filter.after.as_deref().and_then(place_of).unwrap_or(start);
        let mut tx = self.inner.store.read().await?;
        let mut found = sql::desk(&mut tx, &post, state, &after, DESK_ROWS + 1).await?;
        let counts = sql::counts(&mut tx, &post, self.now()).await?;
        let more = found.len() > DESK_ROWS;
        found.truncate(DESK_ROWS);
        let last = found.last().filter(|_| more);
        let next = last.map(|(_, place)| format!("{}-{}", place.due.0, place.id));
        let mut rows = Vec::with_capacity(found.len());
        for (stored, place) in found {
            let pending = sql::pending_count(&mut tx, stored.case.id).await?;
            rows.push(self.desk_row(stored, place.due, pending));
        }
        Ok(Desk { rows, next, counts })
    }

    pub(crate) fn desk_row(&self, stored: Stored, due: Moment, facts_pending: usize) -> DeskRow {
        let calendar = &self.inner.settings.calendar;
        let today = calendar.day_of(self.now());
        let Stored {
            case, applicant, ..
        } = stored;
        let running = Some(&case.timeline).filter(|_| !case.state.is_final());
        DeskRow {
            id: case.id,
            applicant,
            post: case.post.clone(),
            risk: case.risk,
            state: case.state,
            presented_at: case.presented_at,
            due: (due != Moment(i64::MAX)).then_some(due),
            days_left: running.and_then(|timeline| timeline.days_left(calendar, today)),
            facts_pending,
            number: case.number,
            title: case.title,
            procedure: case.procedure,
        }
    }
}
