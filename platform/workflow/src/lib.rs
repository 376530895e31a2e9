//! Procedures as data, cases and their clock: from a filing to the decision, or to what silence decides.
//!
//! `portal` reads this crate's face, [`Workflow`]; `tambo` builds it. It promises: what got a receipt is on disk, one
//! filing is one case however often it is sent, every act is an event and a log entry, and no deadline depends on
//! anybody remembering it. It refuses to know pages, addresses and any single country or procedure.

pub mod access;
pub mod answers;
pub mod asker;
pub mod case;
pub mod clock;
mod cure;
mod decide;
mod desk;
mod drafts;
mod gather;
mod issue;
mod observe;
mod open;
pub mod papers;
mod prefill;
mod preview;
pub mod procedure;
mod receive;
mod room;
pub mod settings;
mod silence;
pub mod sql;
#[cfg(test)]
mod stories;
mod trail;
mod view;
mod words;

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use kernel::{Fault, Id, Moment};
use store::{Store, Tx};
use trust::log::Log;

pub use answers::FieldError;
pub use asker::Asker;
pub use cure::Cure;
pub use decide::{Decision, Verdict};
pub use desk::{Desk, DeskFilter, DeskRow};
pub use drafts::SavedDraft;
pub use open::{Filing, NotFiled, Receipt};
pub use papers::Papers;
pub use prefill::{Prefill, Prefilled, PrefilledState};
pub use settings::{Registry, Settings, SetupError};
pub use sql::MIGRATIONS;
pub use view::{CaseView, ClockFace, FactView, MY_CASES};
pub use words::TEXTS;

use crate::case::Rules;
use crate::procedure::Procedure;
use crate::sql::Stored;

/// The workflow of one body. Cheap to clone.
#[derive(Clone)]
pub struct Workflow {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    settings: Settings,
    asker: Asker,
    papers: Papers,
    log: Option<Log>,
    words: words::Words,
    /// Questions of drafts that are on their way, so that turning pages does not ask twice.
    asking: Mutex<HashSet<String>>,
}

impl Workflow {
    /// The workflow over a store whose tables are made. Without `log`, acts are not entered into one: tests only.
    ///
    /// # Errors
    /// A procedure can't run with these settings.
    pub fn new(
        store: Store,
        settings: Settings,
        asker: Asker,
        papers: Papers,
        log: Option<Log>,
    ) -> Result<Self, SetupError> {
        settings.check()?;
        let words = words::Words::load()?;
        let asking = Mutex::default();
        Ok(Self {
            inner: Arc::new(Inner {
                store,
                settings,
                asker,
                papers,
                log,
                words,
                asking,
            }),
        })
    }

    /// The procedures that this body offers.
    pub fn procedures(&self) -> &[Procedure] {
        &self.inner.settings.procedures
    }

    /// The procedure with this identifier.
    ///
    /// # Errors
    /// There is none.
    pub fn procedure(&self, id: &str) -> Result<&Procedure, Fault> {
        let found = self
            .procedures()
            .iter()
            .find(|procedure| procedure.id == id);
        found.ok_or_else(|| Fault::missing("fault-workflow-no-procedure").detail(id))
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    fn now(&self) -> Moment {
        self.inner.store.clock().now()
    }

    fn new_id(&self) -> Id {
        Id::new(
            self.inner.store.clock().as_ref(),
            self.inner.store.chance().as_ref(),
        )
    }

    fn rules(&self, procedure: &Procedure) -> Rules<'_> {
        Rules {
            calendar: &self.inner.settings.calendar,
            cure_days: procedure.cure_days,
        }
    }

    /// The case in this transaction.
    async fn stored(&self, tx: &mut Tx, id: Id) -> Result<Stored, Fault> {
        let found = sql::get(tx, id).await?;
        found.ok_or_else(|| Fault::missing("fault-missing").detail("no such case"))
    }

    /// Writes a changed case.
    async fn write(&self, tx: &mut Tx, stored: &Stored) -> Result<(), Fault> {
        let dates = stored.case.dates(&self.inner.settings.calendar);
        match sql::update(tx, stored, dates).await? {
            true => Ok(()),
            false => Err(
                Fault::new(kernel::FaultKind::Conflict, "fault-workflow-changed")
                    .detail("the case was changed meanwhile"),
            ),
        }
    }
}
