//! Statements about the services of this body, their endpoints, groups and access rights. It decides nothing.
//!
//! In `exchange_right.client` stands a subject's text: a subsystem, a member, `global:INSTANCE/GROUP` or `local:GROUP`.

use kernel::{Moment, Party, ServiceId};
use store::{Row, StoreError, Tx, params};

use crate::domain::rights::{AccessRight, Endpoint, Subject};

/// Most services of a body that are listed; a ministry has some hundred.
pub const SERVICES_MAX: usize = 1_000;
/// Most endpoints of a service; the largest published descriptions have about a thousand.
pub const ENDPOINTS_MAX: usize = 2_000;
/// Most rights on one service; beyond this, groups are the tool.
pub const RIGHTS_MAX: usize = 2_000;
/// Most local groups, and most groups that one client is in.
pub const GROUPS_MAX: usize = 500;
/// Most members of a local group that are listed; a country has some thousand bodies.
pub const MEMBERS_MAX: usize = 5_000;

/// A service as the tables hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceRow {
    /// Which.
    pub service: ServiceId,
    /// What answers it, as JSON.
    pub source: String,
    /// Whether it is switched on.
    pub enabled: bool,
    /// What callers are told while it is off.
    pub notice: Option<String>,
    /// How long its own system may take, in seconds; None for the node's own limit.
    pub timeout_seconds: Option<i64>,
}

const SERVICE_SET: &str = "INSERT INTO exchange_service (service, source, enabled) VALUES ($1, $2, $3) \
     ON CONFLICT (service) DO UPDATE SET source = $2, enabled = $3";
const SERVICE_GET: &str = "SELECT service, source, enabled, notice, timeout_seconds FROM exchange_service \
     WHERE service = $1";
const SERVICES: &str = "SELECT service, source, enabled, notice, timeout_seconds FROM exchange_service \
     ORDER BY service LIMIT $1";
const SERVICE_OPERATE: &str = "UPDATE exchange_service SET enabled = $2, notice = $3, timeout_seconds = $4 WHERE service = $1";
const DESCRIPTION_GET: &str = "SELECT description FROM exchange_service WHERE service = $1";
const DESCRIBED: &str =
    "SELECT service FROM exchange_service WHERE description IS NOT NULL ORDER BY service LIMIT $1";
const DESCRIPTION_SET: &str = "UPDATE exchange_service SET description = $2 WHERE service = $1";
const ENDPOINTS_CLEAR: &str = "DELETE FROM exchange_endpoint WHERE service = $1";
const ENDPOINT_SET: &str = "INSERT INTO exchange_endpoint (service, method, path) VALUES ($1, $2, $3) \
     ON CONFLICT (service, method, path) DO NOTHING";
const ENDPOINTS: &str =
    "SELECT method, path FROM exchange_endpoint WHERE service = $1 ORDER BY path, method LIMIT $2";

fn service_row(row: &Row) -> Result<ServiceRow, StoreError> {
    Ok(ServiceRow {
        service: service_id(row, 0)?,
        source: row.text(1)?,
        enabled: row.flag(2)?,
        notice: row.opt_text(3)?,
        timeout_seconds: row.opt_int(4)?,
    })
}

fn service_id(row: &Row, index: usize) -> Result<ServiceId, StoreError> {
    let expected = "a service";
    row.text(index)?
        .parse()
        .map_err(|_| StoreError::Column { index, expected })
}

/// Enters or replaces a service: what answers it (JSON), and whether it is switched on.
pub async fn set_service(
    tx: &mut Tx,
    service: &ServiceId,
    source: &str,
    enabled: bool,
) -> Result<(), StoreError> {
    tx.execute(SERVICE_SET, &params![service.to_string(), source, enabled])
        .await
        .map(drop)
}

/// A service.
pub async fn service(tx: &mut Tx, service: &ServiceId) -> Result<Option<ServiceRow>, StoreError> {
    let row = tx.maybe(SERVICE_GET, &params![service.to_string()]).await?;
    row.as_ref().map(service_row).transpose()
}

/// All services of this body, in order.
pub async fn services(tx: &mut Tx) -> Result<Vec<ServiceRow>, StoreError> {
    let rows = tx.all(SERVICES, &params![SERVICES_MAX]).await?;
    rows.iter().map(service_row).collect()
}

/// Switches a service on or off, with the notice for callers and the time its own system has.
pub async fn operate_service(tx: &mut Tx, row: &ServiceRow) -> Result<bool, StoreError> {
    let values = params![
        row.service.to_string(),
        row.enabled,
        row.notice.clone(),
        row.timeout_seconds
    ];
    Ok(tx.execute(SERVICE_OPERATE, &values).await? == 1)
}

/// The OpenAPI description of a service, if it has one.
pub async fn description(tx: &mut Tx, service: &ServiceId) -> Result<Option<String>, StoreError> {
    let row = tx
        .maybe(DESCRIPTION_GET, &params![service.to_string()])
        .await?;
    Ok(row.map(|row| row.opt_text(0)).transpose()?.flatten())
}

/// The services that have a description.
pub async fn described(tx: &mut Tx) -> Result<Vec<ServiceId>, StoreError> {
    let rows = tx.all(DESCRIBED, &params![SERVICES_MAX]).await?;
    rows.iter().map(|row| service_id(row, 0)).collect()
}

/// Replaces description and endpoints; `false` if there is no such service.
pub async fn set_description(
    tx: &mut Tx,
    service: &ServiceId,
    description: Option<&str>,
    endpoints: &[Endpoint],
) -> Result<bool, StoreError> {
    let text = service.to_string();
    let values = params![&text, description.map(str::to_owned)];
    if tx.execute(DESCRIPTION_SET, &values).await? == 0 {
        return Ok(false);
    }
    tx.execute(ENDPOINTS_CLEAR, &params![&text]).await?;
    for endpoint in endpoints.iter().take(ENDPOINTS_MAX) {
        let values = params![&text, &endpoint.method, &endpoint.path];
        tx.execute(ENDPOINT_SET, &values).await?;
    }
    Ok(true)
}

/// The endpoints that a service lists.
pub async fn endpoints(tx: &mut Tx, service: &ServiceId) -> Result<Vec<Endpoint>, StoreError> {
    let rows = tx
        .all(ENDPOINTS, &params![service.to_string(), ENDPOINTS_MAX])
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Endpoint {
                method: row.text(0)?,
                path: row.text(1)?,
            })
        })
        .collect()
}

const RIGHT_SET: &str = "INSERT INTO exchange_right (client, service, method, path) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (client, service, method, path) DO NOTHING";
const RIGHT_DROP: &str =
    "DELETE FROM exchange_right WHERE client = $1 AND service = $2 AND method = $3 AND path = $4";
const RIGHTS_FOR: &str = "SELECT client, method, path FROM exchange_right WHERE service = $2 AND \
     (client = $1 OR client LIKE 'global:%' OR client LIKE 'local:%') LIMIT $3";

/// Gives an access right; `false` if it was there already.
pub async fn set_right(tx: &mut Tx, right: &AccessRight) -> Result<bool, StoreError> {
    Ok(tx.execute(RIGHT_SET, &right_values(right)).await? == 1)
}

/// Takes an access right away; `false` if there was none.
pub async fn drop_right(tx: &mut Tx, right: &AccessRight) -> Result<bool, StoreError> {
    Ok(tx.execute(RIGHT_DROP, &right_values(right)).await? == 1)
}

fn right_values(right: &AccessRight) -> Vec<store::Value> {
    params![
        right.subject.to_string(),
        right.service.to_string(),
        &right.method,
        &right.path
    ]
    .to_vec()
}

/// The rights on a service that `client` may have: its own, and those of any group.
pub async fn rights_for(
    tx: &mut Tx,
    client: &Party,
    service: &ServiceId,
) -> Result<Vec<AccessRight>, StoreError> {
    let values = params![client.to_string(), service.to_string(), RIGHTS_MAX];
    rights(&tx.all(RIGHTS_FOR, &values).await?, service)
}

fn rights(rows: &[Row], service: &ServiceId) -> Result<Vec<AccessRight>, StoreError> {
    let bad = || StoreError::Column {
        index: 0,
        expected: "a subject",
    };
    let subject = |row: &Row| row.text(0)?.parse::<Subject>().map_err(|_| bad());
    rows.iter()
        .map(|row| {
            Ok(AccessRight {
                subject: subject(row)?,
                service: service.clone(),
                method: row.text(1)?,
                path: row.text(2)?,
            })
        })
        .collect()
}

const GROUP_SET: &str = "INSERT INTO exchange_group (code, title) VALUES ($1, $2) \
     ON CONFLICT (code) DO UPDATE SET title = $2";
const GROUPS: &str = "SELECT code, title FROM exchange_group ORDER BY code LIMIT $1";
const GROUP_ENTER: &str = "INSERT INTO exchange_group_member (code, client) VALUES ($1, $2) \
     ON CONFLICT (code, client) DO NOTHING";
const GROUP_LEAVE: &str = "DELETE FROM exchange_group_member WHERE code = $1 AND client = $2";
const GROUP_MEMBERS: &str =
    "SELECT client FROM exchange_group_member WHERE code = $1 ORDER BY client LIMIT $2";
const GROUPS_OF: &str = "SELECT code FROM exchange_group_member WHERE client = $1 LIMIT $2";

/// Enters or renames a local group.
pub async fn set_group(tx: &mut Tx, code: &str, title: &str) -> Result<(), StoreError> {
    tx.execute(GROUP_SET, &params![code, title]).await.map(drop)
}

/// The local groups: code and title.
pub async fn groups(tx: &mut Tx) -> Result<Vec<(String, String)>, StoreError> {
    let rows = tx.all(GROUPS, &params![GROUPS_MAX]).await?;
    rows.iter()
        .map(|row| Ok((row.text(0)?, row.text(1)?)))
        .collect()
}

/// Puts a client into a local group.
pub async fn enter_group(tx: &mut Tx, code: &str, client: &Party) -> Result<(), StoreError> {
    let values = params![code, client.to_string()];
    tx.execute(GROUP_ENTER, &values).await.map(drop)
}

/// Takes a client out of a local group.
pub async fn leave_group(tx: &mut Tx, code: &str, client: &Party) -> Result<(), StoreError> {
    let values = params![code, client.to_string()];
    tx.execute(GROUP_LEAVE, &values).await.map(drop)
}

/// The members of a local group, as text.
pub async fn group_members(tx: &mut Tx, code: &str) -> Result<Vec<String>, StoreError> {
    let rows = tx.all(GROUP_MEMBERS, &params![code, MEMBERS_MAX]).await?;
    rows.iter().map(|row| row.text(0)).collect()
}

/// The local groups that a client is in.
pub async fn groups_of(tx: &mut Tx, client: &Party) -> Result<Vec<String>, StoreError> {
    let values = params![client.to_string(), GROUPS_MAX];
    let rows = tx.all(GROUPS_OF, &values).await?;
    rows.iter().map(|row| row.text(0)).collect()
}

const AGREED: &str = "SELECT service FROM exchange_agreement WHERE client = $1 AND valid_from <= $2 \
     AND valid_until > $2 LIMIT $3";

/// The services that some agreement opens to a client at `now`.
pub async fn agreed(tx: &mut Tx, client: &Party, now: Moment) -> Result<Vec<String>, StoreError> {
    let values = params![client.to_string(), now, SERVICES_MAX];
    let rows = tx.all(AGREED, &values).await?;
    rows.iter().map(|row| row.text(0)).collect()
}
