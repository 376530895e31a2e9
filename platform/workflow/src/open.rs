//! Filing: one transaction that opens the case, numbers it and promises everything that follows from it.
//!
//! Read by the portal. When this returns, the case is on disk and the applicant has a receipt that holds. The same
//! filing sent again, by a double click or by a line that broke, gives the same case and the same receipt.

use std::collections::BTreeMap;

use kernel::{Actor, Chance, Fault, Id, Locale, Moment};
use serde_json::json;
use store::{Job, StoreError, Tx};

use crate::answers::{FieldError, check_all};
use crate::case::{
    Case, CaseFact, FactState, Need, NeedState, Opening, Refusal, State, learn, needs_of, refuse,
};
use crate::clock::Reception;
use crate::procedure::{Answers, Procedure, Silence};
use crate::sql::{self, DraftFact, Order, Stored};
use crate::trail::Act;
use crate::{Workflow, access, gather, issue, receive};

/// The series of case numbers.
const SERIES: &str = "EXP";
/// Characters of a receipt's code: 12 of 32 make 60 bits, beyond guessing behind any limit of requests.
const CODE_CHARS: usize = 12;
/// Longest key of a filing; the house's own keys have 52 characters.
pub const KEY_CHARS_MAX: usize = 80;
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// What a person files.
#[derive(Clone, Debug)]
pub struct Filing {
    /// The procedure.
    pub procedure: String,
    /// The draft's key: filing twice under one key is one case.
    pub key: String,
    /// The answers of all steps.
    pub answers: Answers,
    /// The reader's language.
    pub locale: Locale,
}

/// What the applicant holds at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The case.
    pub case: Id,
    /// Its number.
    pub number: String,
    /// The code by which anybody verifies the receipt, grouped by hyphens.
    pub code: String,
    /// When the machine took it.
    pub presented_at: Moment,
    /// When the desk received it, if it has.
    pub received_at: Option<Moment>,
    /// The first moment of the business day it counts for.
    pub counted_on: Moment,
    /// The last moment to decide.
    pub deadline: Option<Moment>,
    /// From when silence grants, if it does.
    pub silence_at: Option<Moment>,
    /// Facts that registries still have to state.
    pub facts_pending: usize,
    /// Whether this filing had arrived before.
    pub again: bool,
}

/// Why nothing was filed.
#[derive(Debug)]
pub enum NotFiled {
    /// Answers are wrong or missing, in the order of the form.
    Answers(Vec<FieldError>),
    /// Anything else.
    Fault(Fault),
}

impl From<Fault> for NotFiled {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<StoreError> for NotFiled {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

/// A new code for a receipt: `7K3M-9QXT-2WBV`.
fn new_code(chance: &dyn Chance) -> String {
    let mut bytes = [0_u8; CODE_CHARS];
    chance.fill(&mut bytes);
    let letter = |byte: &u8| char::from(ALPHABET[usize::from(byte % 32)]);
    let groups = bytes
        .chunks(4)
        .map(|group| group.iter().map(letter).collect::<String>());
    groups.collect::<Vec<_>>().join("-")
}

impl Workflow {
    /// Files an application. Commit is the promise: what gets a receipt is on disk.
    ///
    /// # Errors
    /// Wrong answers; not a person; no such procedure; the store failed.
    pub async fn file(&self, actor: &Actor, filing: Filing) -> Result<Receipt, NotFiled> {
        access::person(actor)?;
        let procedure = self.procedure(&filing.procedure)?;
        if filing.key.is_empty() || filing.key.len() > KEY_CHARS_MAX {
            return Err(Fault::invalid("fault-workflow-key").into());
        }
        if let Some(receipt) = self.filed_before(actor, &filing.key).await? {
            return Ok(receipt);
        }
        let checked = check_all(procedure, &self.inner.settings.schemes, &filing.answers);
        if !checked.errors.is_empty() {
            return Err(NotFiled::Answers(checked.errors));
        }
        let mut tx = self.inner.store.begin().await?;
        match self
            .open(&mut tx, actor, procedure, &filing, checked.answers)
            .await
        {
            Ok(receipt) => {
                tx.commit().await?;
                Ok(receipt)
            }
            // Somebody else filed under this key between our look and our write.
            Err(error) if error.is_duplicate() => {
                drop(tx);
                let receipt = self.filed_before(actor, &filing.key).await?;
                receipt.ok_or_else(|| Fault::internal(error).into())
            }
            Err(OpenError::Store(error)) => Err(error.into()),
            Err(OpenError::Fault(fault)) => Err(fault.into()),
        }
    }

    async fn filed_before(&self, actor: &Actor, key: &str) -> Result<Option<Receipt>, Fault> {
        let mut tx = self.inner.store.read().await?;
        let Some(stored) = sql::by_key(&mut tx, &actor.subject, key).await? else {
            return Ok(None);
        };
        let pending = sql::pending_count(&mut tx, stored.case.id).await?;
        Ok(Some(self.receipt_of(&stored.case, pending, true)))
    }

    pub(crate) fn receipt_of(&self, case: &Case, facts_pending: usize, again: bool) -> Receipt {
        let calendar = &self.inner.settings.calendar;
        let dates = case.dates(calendar);
        Receipt {
            case: case.id,
            number: case.number.clone(),
            code: case.code.clone(),
            presented_at: case.presented_at,
            received_at: case.received_at,
            counted_on: calendar.start_of(case.timeline.counted_on),
            deadline: dates.deadline,
            silence_at: dates
                .silence_at
                .filter(|_| case.silence == Silence::Positive),
            facts_pending,
            again,
        }
    }

    /// Everything of a filing, in the caller's transaction.
    pub(crate) async fn open(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        procedure: &Procedure,
        filing: &Filing,
        answers: Answers,
    ) -> Result<Receipt, OpenError> {
        let stored = self.new_case(tx, actor, procedure, filing, answers).await?;
        let case = &stored.case;
        let dates = case.dates(&self.inner.settings.calendar);
        sql::insert(tx, &stored, dates, &filing.key).await?;
        self.open_facts(tx, procedure, &stored).await?;
        sql::draft_remove(tx, &actor.subject, &procedure.id).await?;
        let act = Act::of("case.filed", actor).note("procedure", &procedure.id);
        self.note(tx, case, act.note("risk", case.risk.code()))
            .await?;
        self.order(tx, case, Order::by_house("receipt", case.presented_at))
            .await?;
        if case.state == State::Filed {
            let at = Reception::received_at(&self.inner.settings.calendar, case.presented_at);
            let key = case.id.to_string();
            tx.enqueue(
                Job::new(receive::JOB, json!({ "case": key }))
                    .key(key)
                    .at(at),
            )
            .await?;
        } else {
            self.grant_at_once(tx, procedure, case).await?;
        }
        let pending = sql::pending_count(tx, case.id).await?;
        Ok(self.receipt_of(case, pending, false))
    }

    async fn new_case(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        procedure: &Procedure,
        filing: &Filing,
        answers: Answers,
    ) -> Result<Stored, OpenError> {
        let settings = &self.inner.settings;
        let presented_at = self.now();
        let year = settings.calendar.day_of(presented_at).year();
        let number = sql::next_number(tx, SERIES, i64::from(year)).await?;
        let opening = Opening {
            id: self.new_id(),
            number: format!("{SERIES}-{number:06}-{year}"),
            code: new_code(self.inner.store.chance().as_ref()),
            subject: actor.subject.clone(),
            account: actor.account.clone(),
            presented_at,
        };
        let case = Case::open(
            opening,
            procedure,
            &answers,
            &settings.calendar,
            &settings.reception,
        );
        Ok(Stored {
            case,
            applicant: actor.name.clone(),
            answers,
            locale: filing.locale,
        })
    }

    /// Takes over what was stated before filing if it is fresh, and promises to ask for the rest.
    async fn open_facts(
        &self,
        tx: &mut Tx,
        procedure: &Procedure,
        stored: &Stored,
    ) -> Result<(), OpenError> {
        let case = &stored.case;
        let remembered = self.fresh_facts(tx, procedure, &case.subject).await?;
        for need in needs_of(procedure, &stored.answers, &case.subject) {
            let known = remembered.get(&(need.service.clone(), need.about.clone()));
            let learned = match known {
                Some(DraftFact::Known(facts)) => learn(procedure, &stored.answers, &need, facts),
                Some(DraftFact::Refused(Refusal::Unknown, evidence)) => {
                    let (why, evidence) = (Refusal::Unknown, evidence.as_deref());
                    refuse(
                        procedure,
                        &stored.answers,
                        &need,
                        why,
                        case.presented_at,
                        evidence,
                    )
                }
                // A bad signature is asked again: the case keeps what comes then, with its own evidence.
                Some(DraftFact::Refused(..)) | None => BTreeMap::new(),
            };
            if learned.is_empty() {
                self.promise(tx, procedure, stored, &need).await?;
            } else {
                sql::need_insert(tx, case.id, &need, NeedState::Known).await?;
                put_all(tx, case.id, &need, learned).await?;
            }
        }
        Ok(())
    }

    async fn promise(
        &self,
        tx: &mut Tx,
        procedure: &Procedure,
        stored: &Stored,
        need: &Need,
    ) -> Result<(), OpenError> {
        let case = &stored.case;
        sql::need_insert(tx, case.id, need, NeedState::Pending).await?;
        let open = crate::case::open_fields(procedure, &stored.answers, need);
        put_all(tx, case.id, need, open).await?;
        tx.enqueue(gather::job(case.id, need)).await?;
        Ok(())
    }

    /// Facts of a draft that are young enough to rely on, by service and subject.
    pub(crate) async fn fresh_facts(
        &self,
        tx: &mut Tx,
        procedure: &Procedure,
        subject: &str,
    ) -> Result<BTreeMap<(String, String), DraftFact>, StoreError> {
        let now = self.now();
        let young = |service: &str, at: Moment| {
            let origins = procedure.fields().filter_map(|field| field.fact.as_ref());
            let hours = origins
                .filter(|o| o.service == service)
                .map(|o| o.fresh_hours)
                .min();
            now.seconds_since(at) < i64::from(hours.unwrap_or(0)) * 3_600
        };
        let all = sql::draft_facts(tx, subject, &procedure.id).await?;
        let fresh = all
            .into_iter()
            .filter(|(service, _, _, at)| young(service, *at));
        Ok(fresh
            .map(|(service, about, outcome, _)| ((service, about), outcome))
            .collect())
    }

    /// Orders a paper and promises to make it.
    pub(crate) async fn order(
        &self,
        tx: &mut Tx,
        case: &Case,
        order: Order,
    ) -> Result<(), StoreError> {
        if sql::order_put(tx, case.id, &order).await? {
            tx.enqueue(issue::job(case.id, &order.template)).await?;
        }
        Ok(())
    }

    /// A procedure that filing alone grants.
    async fn grant_at_once(
        &self,
        tx: &mut Tx,
        procedure: &Procedure,
        case: &Case,
    ) -> Result<(), OpenError> {
        let number = self.reserve(tx, procedure, "resolution-granted").await?;
        let order = Order {
            number,
            ..Order::by_house("resolution-granted", case.presented_at)
        };
        self.order(tx, case, order).await?;
        self.note(tx, case, Act::of_house("case.granted")).await?;
        Ok(())
    }

    /// The number of the paper that `template` makes, if it is numbered.
    pub(crate) async fn reserve(
        &self,
        tx: &mut Tx,
        procedure: &Procedure,
        template: &str,
    ) -> Result<Option<String>, Fault> {
        let series = procedure
            .template(template)
            .and_then(|template| template.series.as_deref());
        let Some(series) = series else {
            return Ok(None);
        };
        let year = self.inner.settings.calendar.day_of(self.now()).year();
        self.inner.papers.reserve(tx, series, year).await.map(Some)
    }
}

/// Writes what is known of each field.
pub(crate) async fn put_all(
    tx: &mut Tx,
    case: Id,
    need: &Need,
    learned: BTreeMap<String, FactState>,
) -> Result<(), StoreError> {
    for (field, state) in learned {
        let (service, about) = (need.service.clone(), need.about.clone());
        sql::put_fact(
            tx,
            case,
            &CaseFact {
                field,
                service,
                about,
                state,
            },
        )
        .await?;
    }
    Ok(())
}

/// Inside the transaction a duplicate key must stay recognisable.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl OpenError {
    fn is_duplicate(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_duplicate())
    }
}
