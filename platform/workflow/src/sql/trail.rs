//! The tables of what happened to a case, and of the papers ordered for it.

use std::collections::BTreeMap;

use kernel::{Id, Moment};
use serde::{Deserialize, Serialize};
use store::{StoreError, Tx, params};

use super::{json, read_json};

/// Most events of one case on a page.
const EVENTS_MAX: usize = 500;

/// Something that happened to a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its identifier.
    pub id: Id,
    /// When.
    pub at: Moment,
    /// What, for example `case.filed`; the text key is `workflow-event-` and the part after the dot.
    pub kind: String,
    /// Who: a name to show, or the house's own system.
    pub actor: String,
    /// The post they acted in.
    pub post: Option<String>,
    /// What an official wrote, to be shown as it is.
    pub words: Option<String>,
    /// Codes and numbers, for example the registry's service or the document's number.
    pub note: BTreeMap<String, String>,
}

/// A paper that is to be issued, with all that its text needs beyond the case itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The template.
    pub template: String,
    /// Its number, reserved when it was decided.
    pub number: Option<String>,
    /// What the official wrote.
    pub reasons: String,
    /// Who signs, if an official; the body seals otherwise.
    pub signer: Option<Signer>,
    /// When it was decided; the document's date.
    pub decided_at: Moment,
    /// The issued document, once it is.
    #[serde(skip)]
    pub document: Option<String>,
}

/// An official who signs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signer {
    /// The account, by which the key is found.
    pub account: String,
    /// The name to show.
    pub name: String,
    /// The post.
    pub post: String,
}

impl Order {
    /// A paper that the body seals.
    pub fn by_house(template: &str, decided_at: Moment) -> Self {
        let template = template.to_owned();
        Self {
            template,
            number: None,
            reasons: String::new(),
            signer: None,
            decided_at,
            document: None,
        }
    }
}

const EVENT: &str =
    "INSERT INTO workflow_event (id, case_id, at, kind, actor, post, words, note, place)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8,
    (SELECT COALESCE(MAX(place), 0) + 1 FROM workflow_event WHERE case_id = $2))";
const EVENTS: &str = "SELECT id, at, kind, actor, post, words, note FROM workflow_event
    WHERE case_id = $1 ORDER BY place, id LIMIT $2";
const ORDER_PUT: &str = "INSERT INTO workflow_paper (case_id, template, number, orders, at)
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT (case_id, template) DO NOTHING";
const ORDER: &str =
    "SELECT orders, document FROM workflow_paper WHERE case_id = $1 AND template = $2";
const ORDERS: &str =
    "SELECT orders, document FROM workflow_paper WHERE case_id = $1 ORDER BY at, template LIMIT 50";
const ORDER_DONE: &str = "UPDATE workflow_paper SET document = $3
    WHERE case_id = $1 AND template = $2 AND document IS NULL";

/// Writes an event.
pub async fn event(tx: &mut Tx, case: Id, event: &Event) -> Result<(), StoreError> {
    let note = json(&event.note);
    let (post, words) = (event.post.clone(), event.words.clone());
    let values = params![
        event.id,
        case,
        event.at,
        &event.kind,
        &event.actor,
        post,
        words,
        note
    ];
    tx.execute(EVENT, &values).await.map(drop)
}

/// What happened to a case, in order.
pub async fn events(tx: &mut Tx, case: Id) -> Result<Vec<Event>, StoreError> {
    let rows = tx.all(EVENTS, &params![case, EVENTS_MAX]).await?;
    rows.iter()
        .map(|row| {
            Ok(Event {
                id: row.id(0)?,
                at: row.moment(1)?,
                kind: row.text(2)?,
                actor: row.text(3)?,
                post: row.opt_text(4)?,
                words: row.opt_text(5)?,
                note: read_json(row, 6)?,
            })
        })
        .collect()
}

/// Orders a paper; false if it was ordered before.
pub async fn order_put(tx: &mut Tx, case: Id, order: &Order) -> Result<bool, StoreError> {
    let number = order.number.clone();
    let values = params![case, &order.template, number, json(order), order.decided_at];
    Ok(tx.execute(ORDER_PUT, &values).await? == 1)
}

fn read_order(row: &store::Row) -> Result<Order, StoreError> {
    let order: Order = read_json(row, 0)?;
    Ok(Order {
        document: row.opt_text(1)?,
        ..order
    })
}

/// A paper of a case.
pub async fn order(tx: &mut Tx, case: Id, template: &str) -> Result<Option<Order>, StoreError> {
    tx.maybe(ORDER, &params![case, template])
        .await?
        .as_ref()
        .map(read_order)
        .transpose()
}

/// All papers of a case, in the order in which they were decided.
pub async fn orders(tx: &mut Tx, case: Id) -> Result<Vec<Order>, StoreError> {
    tx.all(ORDERS, &params![case])
        .await?
        .iter()
        .map(read_order)
        .collect()
}

/// Notes the issued document; false if it was issued before.
pub async fn order_done(
    tx: &mut Tx,
    case: Id,
    template: &str,
    document: &str,
) -> Result<bool, StoreError> {
    Ok(tx
        .execute(ORDER_DONE, &params![case, template, document])
        .await?
        == 1)
}
