//! Every statement of the exchange, and the rows as values. It decides nothing.
//!
//! Read by the stories of this crate. Tables begin with `exchange_`; no other crate names them.

pub mod agreement;
pub mod archive;
pub mod configuration;
mod journal;
pub mod offers;
pub mod operation;
pub mod outgoing;
pub mod past;
pub mod refusal;
pub mod report;
pub mod services;
pub mod settlement;
pub mod sources;
pub mod topic;

use kernel::{Moment, ServiceId, SubsystemId};
use store::{Migration, Row, StoreError, Tx, params};

use crate::domain::agreement::Agreement;

pub use self::journal::*;

/// The tables.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        name: "exchange",
        sql: include_str!("../migrations/1_exchange.sql"),
    },
    Migration {
        version: 2,
        name: "journal",
        sql: include_str!("../migrations/2_journal.sql"),
    },
    Migration {
        version: 3,
        name: "services",
        sql: include_str!("../migrations/3_services.sql"),
    },
    Migration {
        version: 5,
        name: "configuration",
        sql: include_str!("../migrations/5_configuration.sql"),
    },
    Migration {
        version: 7,
        name: "agreements",
        sql: include_str!("../migrations/7_agreements.sql"),
    },
    Migration {
        version: 9,
        name: "settlement",
        sql: include_str!("../migrations/9_settlement.sql"),
    },
    Migration {
        version: 8,
        name: "deliver",
        sql: include_str!("../migrations/8_deliver.sql"),
    },
    Migration {
        version: 11,
        name: "offers",
        sql: include_str!("../migrations/11_offers.sql"),
    },
    Migration {
        version: 12,
        name: "growth",
        sql: include_str!("../migrations/12_growth.sql"),
    },
    // SQLite makes a table for every list that a partial index compares with, at each row that is written.
    Migration {
        version: 13,
        name: "cheaper",
        sql: include_str!("../migrations/13_cheaper.sql"),
    },
];

const OCSP_GET: &str = "SELECT response, fetched_at FROM exchange_ocsp WHERE certificate = $1";
const OCSP_SET: &str = "INSERT INTO exchange_ocsp (certificate, response, fetched_at) VALUES ($1, $2, $3) \
     ON CONFLICT (certificate) DO UPDATE SET response = $2, fetched_at = $3";

/// The OCSP response kept for a certificate (SHA-256 in hex), and from when it is.
pub async fn ocsp(tx: &mut Tx, certificate: &str) -> Result<Option<(Vec<u8>, Moment)>, StoreError> {
    let row = tx.maybe(OCSP_GET, &params![certificate]).await?;
    row.map(|row| Ok((row.bytes(0)?, row.moment(1)?)))
        .transpose()
}

/// Keeps an OCSP response.
pub async fn set_ocsp(
    tx: &mut Tx,
    certificate: &str,
    response: &[u8],
    at: Moment,
) -> Result<(), StoreError> {
    tx.execute(OCSP_SET, &params![certificate, response, at])
        .await
        .map(drop)
}

const AGREEMENT_SET: &str = "INSERT INTO exchange_agreement (number, client, service, purpose, fields, valid_from, \
     valid_until, legal_ground, daily_limit) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
     ON CONFLICT (number) DO UPDATE SET client = $2, service = $3, purpose = $4, fields = $5, valid_from = $6, \
     valid_until = $7, legal_ground = $8, daily_limit = $9";
const AGREEMENTS_FOR: &str = "SELECT number, client, service, purpose, fields, valid_from, valid_until, legal_ground, \
     daily_limit FROM exchange_agreement WHERE client = $1 AND service = $2 AND purpose = $3 \
     ORDER BY valid_until DESC LIMIT 20";
const AGREEMENTS_UNSIGNED: &str = "SELECT number, client, service, purpose, fields, valid_from, valid_until, \
     legal_ground, daily_limit FROM exchange_agreement WHERE NOT EXISTS (SELECT 1 FROM exchange_agreement_text \
     WHERE exchange_agreement_text.number = exchange_agreement.number AND state = 'in-force') \
     ORDER BY number LIMIT $1";
const AGREEMENT_GET: &str = "SELECT number, client, service, purpose, fields, valid_from, valid_until, legal_ground, \
     daily_limit FROM exchange_agreement WHERE number = $1";
const DAY_GET: &str = "SELECT asked FROM exchange_agreement_day WHERE agreement = $1 AND day = $2";

/// Enters or replaces an agreement.
pub async fn set_agreement(tx: &mut Tx, agreement: &Agreement) -> Result<(), StoreError> {
    let fields = serde_json::to_string(&agreement.fields).unwrap_or_else(|_| "[]".to_owned());
    let values = params![
        &agreement.number,
        agreement.client.to_string(),
        agreement.service.to_string(),
        &agreement.purpose,
        fields,
        agreement.valid_from,
        agreement.until,
        &agreement.legal_ground,
        agreement.daily_limit,
    ];
    tx.execute(AGREEMENT_SET, &values).await.map(drop)
}

fn agreement(row: &Row) -> Result<Agreement, StoreError> {
    let column = |index, expected| StoreError::Column { index, expected };
    Ok(Agreement {
        number: row.text(0)?,
        client: row.text(1)?.parse().map_err(|_| column(1, "a subsystem"))?,
        service: row.text(2)?.parse().map_err(|_| column(2, "a service"))?,
        purpose: row.text(3)?,
        fields: serde_json::from_str(&row.text(4)?).map_err(|_| column(4, "a list of fields"))?,
        valid_from: row.moment(5)?,
        until: row.moment(6)?,
        legal_ground: row.text(7)?,
        daily_limit: row.opt_int(8)?.and_then(|limit| u32::try_from(limit).ok()),
    })
}

/// The agreements of two parties for a purpose, the longest-lived first.
pub async fn agreements_for(
    tx: &mut Tx,
    client: &SubsystemId,
    service: &ServiceId,
    purpose: &str,
) -> Result<Vec<Agreement>, StoreError> {
    let values = params![client.to_string(), service.to_string(), purpose];
    tx.all(AGREEMENTS_FOR, &values)
        .await?
        .iter()
        .map(agreement)
        .collect()
}

/// Agreements in force for which no text that both bodies signed is there.
pub async fn unsigned_agreements(tx: &mut Tx, limit: usize) -> Result<Vec<Agreement>, StoreError> {
    let rows = tx.all(AGREEMENTS_UNSIGNED, &params![limit]).await?;
    rows.iter().map(agreement).collect()
}

/// The agreement in force under a number.
pub async fn agreement_by_number(
    tx: &mut Tx,
    number: &str,
) -> Result<Option<Agreement>, StoreError> {
    let row = tx.maybe(AGREEMENT_GET, &params![number]).await?;
    row.as_ref().map(agreement).transpose()
}

/// How many questions of a day were counted.
pub async fn counted(tx: &mut Tx, agreement: &str, day: i64) -> Result<i64, StoreError> {
    Ok(tx
        .maybe(DAY_GET, &params![agreement, day])
        .await?
        .map(|row| row.int(0))
        .transpose()?
        .unwrap_or(0))
}

const RECORD_SET: &str = "INSERT INTO exchange_record (register, subject, facts, valid_until, changed_at) \
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (register, subject) DO UPDATE SET facts = $3, valid_until = $4, \
     changed_at = $5";
const RECORD_GET: &str =
    "SELECT facts, valid_until FROM exchange_record WHERE register = $1 AND subject = $2";

/// Enters or replaces a record of a register.
pub async fn set_record(
    tx: &mut Tx,
    register: &str,
    subject: &str,
    facts: &str,
    valid_until: Option<Moment>,
    at: Moment,
) -> Result<(), StoreError> {
    let values = params![register, subject, facts, valid_until, at];
    tx.execute(RECORD_SET, &values).await.map(drop)
}

/// A record: facts as a JSON object, and until when they hold.
pub async fn record(
    tx: &mut Tx,
    register: &str,
    subject: &str,
) -> Result<Option<(String, Option<Moment>)>, StoreError> {
    let row = tx.maybe(RECORD_GET, &params![register, subject]).await?;
    row.map(|row| Ok((row.text(0)?, row.opt_moment(1)?)))
        .transpose()
}
