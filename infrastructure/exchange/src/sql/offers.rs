//! Statements about what the body's officials offer on the page, and about all rights at once. It decides nothing.

use kernel::ServiceId;
use store::{Row, StoreError, Tx, params};

use crate::domain::rights::AccessRight;

/// Most rights of a body that its page of services draws; on the page of one service stand all of its own.
pub const RIGHTS_DRAWN_MAX: usize = 5_000;

const DESCRIPTION_URL_GET: &str = "SELECT description_url FROM exchange_service WHERE service = $1";
const DESCRIPTION_URL_SET: &str =
    "UPDATE exchange_service SET description_url = $2 WHERE service = $1";
const RIGHTS_ON: &str = "SELECT client, method, path, service FROM exchange_right WHERE service = $1 \
     ORDER BY path, method, client LIMIT $2";
const RIGHTS_ALL: &str = "SELECT client, method, path, service FROM exchange_right \
     ORDER BY service, client, path, method LIMIT $1";
const SERVICE_REMOVE: &str = "DELETE FROM exchange_service WHERE service = $1";
const ENDPOINTS_REMOVE: &str = "DELETE FROM exchange_endpoint WHERE service = $1";
const RIGHTS_REMOVE: &str = "DELETE FROM exchange_right WHERE service = $1";
const GROUP_REMOVE: &str = "DELETE FROM exchange_group WHERE code = $1";
const GROUP_EMPTY: &str = "DELETE FROM exchange_group_member WHERE code = $1";
const SUBJECT_RIGHTS_REMOVE: &str = "DELETE FROM exchange_right WHERE client = $1";

/// Where the description of a service is read from, if it was said.
pub async fn description_url(
    tx: &mut Tx,
    service: &ServiceId,
) -> Result<Option<String>, StoreError> {
    let row = tx
        .maybe(DESCRIPTION_URL_GET, &params![service.to_string()])
        .await?;
    Ok(row.map(|row| row.opt_text(0)).transpose()?.flatten())
}

/// Says where the description of a service is read from.
pub async fn set_description_url(
    tx: &mut Tx,
    service: &ServiceId,
    url: Option<&str>,
) -> Result<(), StoreError> {
    let values = params![service.to_string(), url.map(str::to_owned)];
    tx.execute(DESCRIPTION_URL_SET, &values).await.map(drop)
}

/// The rights on one service, by endpoint.
pub async fn rights_on(tx: &mut Tx, service: &ServiceId) -> Result<Vec<AccessRight>, StoreError> {
    let values = params![service.to_string(), super::services::RIGHTS_MAX];
    let rows = tx.all(RIGHTS_ON, &values).await?;
    rows.iter().map(right).collect()
}

/// The rights on all services, by service.
pub async fn rights(tx: &mut Tx) -> Result<Vec<AccessRight>, StoreError> {
    let rows = tx.all(RIGHTS_ALL, &params![RIGHTS_DRAWN_MAX]).await?;
    rows.iter().map(right).collect()
}

fn right(row: &Row) -> Result<AccessRight, StoreError> {
    let bad = |index, expected| StoreError::Column { index, expected };
    Ok(AccessRight {
        subject: row.text(0)?.parse().map_err(|_| bad(0, "a subject"))?,
        service: row.text(3)?.parse().map_err(|_| bad(3, "a service"))?,
        method: row.text(1)?,
        path: row.text(2)?,
    })
}

/// Takes a service away with its endpoints and rights; `false` if there was none.
pub async fn remove_service(tx: &mut Tx, service: &ServiceId) -> Result<bool, StoreError> {
    let text = service.to_string();
    tx.execute(ENDPOINTS_REMOVE, &params![&text]).await?;
    tx.execute(RIGHTS_REMOVE, &params![&text]).await?;
    Ok(tx.execute(SERVICE_REMOVE, &params![&text]).await? == 1)
}

/// Takes a local group away with its members, and the rights of its `subject`; `false` if there was none.
pub async fn remove_group(tx: &mut Tx, code: &str, subject: &str) -> Result<bool, StoreError> {
    tx.execute(GROUP_EMPTY, &params![code]).await?;
    tx.execute(SUBJECT_RIGHTS_REMOVE, &params![subject]).await?;
    Ok(tx.execute(GROUP_REMOVE, &params![code]).await? == 1)
}
