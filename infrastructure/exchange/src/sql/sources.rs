//! Services whose registries the body's settings describe.

use kernel::ServiceId;
use store::{StoreError, Tx, params};

/// Keeps what an operator switched off switched off.
const DESCRIBED_SET: &str = "INSERT INTO exchange_service (service, source, enabled) VALUES ($1, $2, 1) \
     ON CONFLICT (service) DO UPDATE SET source = $2";
const DESCRIBED_ALL: &str =
    "SELECT service FROM exchange_service WHERE source = $1 ORDER BY service LIMIT 10000";
const DESCRIBED_REMOVE: &str = "DELETE FROM exchange_service WHERE service = $1 AND source = $2";

/// Offers the described services and no other described ones; `source` is the text that marks them.
pub async fn set_described(
    tx: &mut Tx,
    source: &str,
    services: &[ServiceId],
) -> Result<(), StoreError> {
    let wanted: Vec<String> = services.iter().map(ToString::to_string).collect();
    for row in tx.all(DESCRIBED_ALL, &params![source]).await? {
        let service = row.text(0)?;
        if !wanted.contains(&service) {
            tx.execute(DESCRIBED_REMOVE, &params![service, source])
                .await?;
        }
    }
    for service in wanted {
        tx.execute(DESCRIBED_SET, &params![service, source]).await?;
    }
    Ok(())
}

/// Offers a service that comes with others; one that is switched off stays so.
pub async fn set_once(tx: &mut Tx, service: &ServiceId, source: &str) -> Result<(), StoreError> {
    tx.execute(DESCRIBED_SET, &params![service.to_string(), source])
        .await
        .map(drop)
}

const SWITCHED_ON: &str =
    "SELECT service, source FROM exchange_service WHERE enabled = 1 ORDER BY service LIMIT 500";

/// The services that are switched on, with what answers them.
pub async fn switched_on(tx: &mut Tx) -> Result<Vec<(String, String)>, StoreError> {
    let rows = tx.all(SWITCHED_ON, &[]).await?;
    rows.iter()
        .map(|row| Ok((row.text(0)?, row.text(1)?)))
        .collect()
}
