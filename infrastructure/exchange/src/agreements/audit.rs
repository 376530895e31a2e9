//! Whether what is in force is still what both bodies signed: every text, both signatures and the row that the hot path
//! reads are compared again.
//!
//! Run at start and once a day by a timer, and by `tambo agreement check`. A changed byte takes the agreement out of
//! force at once and is named in the health; a certificate that can't be traced any more is only named.

use kernel::Fault;

use super::state::State;
use super::{InForce, NotInForce};
use crate::Exchange;
use crate::sql::agreement::{self as sql, TextRow};

/// Agreements compared in one transaction.
const PAGE: usize = 200;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// How many agreements hold.
    pub good: usize,
    /// Numbers that were taken out of force, with what was changed.
    pub changed: Vec<(String, String)>,
    /// Numbers whose certificates can't be traced to the present directory.
    pub untraced: Vec<(String, String)>,
}

impl Exchange {
    /// Compares every agreement in force with what both bodies signed.
    ///
    /// # Errors
    /// The store failed, or there is no directory.
    pub async fn audit_agreements(&self) -> Result<Audit, Fault> {
        let mut audit = Audit::default();
        let mut after = String::new();
        loop {
            let mut tx = self.inner.store.read().await?;
            let page = sql::texts_in(&mut tx, State::InForce.word(), &after, PAGE).await?;
            drop(tx);
            let Some(last) = page.last() else {
                break;
            };
            after.clone_from(&last.number);
            for row in &page {
                self.audit_one(row, &mut audit).await?;
            }
        }
        self.audit_unsigned(&mut audit).await?;
        Ok(audit)
    }

    /// Takes out of force what stands there without any signed text; a body's agreements with itself need none.
    async fn audit_unsigned(&self, audit: &mut Audit) -> Result<(), Fault> {
        let mut tx = self.inner.begin_change().await?;
        for held in crate::sql::unsigned_agreements(&mut tx, PAGE).await? {
            if held.client.member == *held.service.member() {
                continue;
            }
            tracing::error!(number = %held.number, "an agreement in force was signed by nobody");
            sql::remove_effective(&mut tx, &held.number).await?;
            audit
                .changed
                .push((held.number, "nobody signed it".to_owned()));
        }
        Ok(tx.commit().await?)
    }

    async fn audit_one(&self, row: &TextRow, audit: &mut Audit) -> Result<(), Fault> {
        let found = self.found_of(row).await?;
        let Some((cause, changed)) = found else {
            audit.good += 1;
            return Ok(());
        };
        tracing::error!(number = %row.number, %cause, changed, "an agreement does not hold");
        let named = (row.number.clone(), cause.clone());
        if !changed {
            audit.untraced.push(named);
            return Ok(());
        }
        audit.changed.push(named);
        let now = self.inner.clock.now();
        let mut tx = self.inner.store.begin().await?;
        sql::set_state(&mut tx, row, State::Ended.word(), now).await?;
        sql::remove_effective(&mut tx, &row.number).await?;
        self.inner.lookups.change_with(&mut tx);
        let notes = [("cause", cause.as_str())];
        self.note_agreement(&mut tx, "exchange.agreement-changed", row, now, &notes)
            .await?;
        Ok(tx.commit().await?)
    }

    /// What is wrong with an agreement in force, and whether bytes were changed.
    async fn found_of(&self, row: &TextRow) -> Result<Option<(String, bool)>, Fault> {
        let mut tx = self.inner.store.read().await?;
        let (proposal, acceptance) = self.evidence_of(&mut tx, row).await?;
        let effective = crate::sql::agreement_by_number(&mut tx, &row.number).await?;
        drop(tx);
        let (Some(proposal), Some(acceptance)) = (proposal, acceptance) else {
            return Ok(Some(("a signature is missing".to_owned(), true)));
        };
        let unavailable = || Fault::new(kernel::FaultKind::Unavailable, "fault-exchange-directory");
        let view = self.inner.held.any().ok_or_else(unavailable)?;
        let scope = self.inner.scope(&view, self.inner.clock.now());
        let judged = InForce::verify(row.text.as_bytes(), &proposal, &acceptance, &scope);
        Ok(match judged {
            Err(error) => Some((error.to_string(), NotInForce::is_change(&error))),
            Ok(signed) if signed.digest() != row.digest => {
                Some(("the text is not the one that was named".to_owned(), true))
            }
            Ok(signed) => match effective {
                Some(held) if held == *signed.agreement() => None,
                _ => Some(("what is in force is not what was signed".to_owned(), true)),
            },
        })
    }
}
