//! The last good edition of the instance's configuration.

use kernel::Moment;
use store::{StoreError, Tx, params};

use crate::directory::Edition;

const GET: &str = "SELECT directory, signer, shared, private FROM exchange_configuration \
     WHERE instance = $1 AND anchor = $2";
const SET: &str = "INSERT INTO exchange_configuration \
     (instance, anchor, expires_at, directory, signer, shared, private, fetched_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (instance) DO UPDATE SET \
     anchor = $2, expires_at = $3, directory = $4, signer = $5, shared = $6, private = $7, fetched_at = $8";
const RENEW: &str = "UPDATE exchange_configuration SET \
     expires_at = $3, directory = $4, signer = $5, fetched_at = $6 WHERE instance = $1 AND anchor = $2";

/// An edition as it lies in the store.
pub struct Kept {
    /// The signed directory.
    pub directory: Vec<u8>,
    /// The certificate of the key that signed it, which was trusted when it came.
    pub signer: Vec<u8>,
    /// The shared parameters.
    pub shared: Vec<u8>,
    /// The private parameters.
    pub private: Option<Vec<u8>>,
}

/// An edition to keep.
pub struct Row<'a> {
    /// The instance.
    pub instance: &'a str,
    /// What stands for the anchor under which it is trusted.
    pub anchor: &'a str,
    /// The edition.
    pub edition: &'a Edition,
    /// Now.
    pub at: Moment,
}

/// What is kept of an instance under this anchor.
pub async fn kept(tx: &mut Tx, instance: &str, anchor: &str) -> Result<Option<Kept>, StoreError> {
    let row = tx.maybe(GET, &params![instance, anchor]).await?;
    let read = |row: store::Row| {
        Ok(Kept {
            directory: row.bytes(0)?,
            signer: row.bytes(1)?,
            shared: row.bytes(2)?,
            private: row.opt_bytes(3)?,
        })
    };
    row.map(read).transpose()
}

/// Keeps an edition. One without files has those that lie there already, and only its signature is written.
pub async fn keep(tx: &mut Tx, row: &Row<'_>) -> Result<(), StoreError> {
    let edition = row.edition;
    let end = edition.distribution.expires_at();
    let signer = edition.distribution.signer().bytes().to_vec();
    let signed = edition.signed.clone();
    let values = match &edition.files {
        None => {
            let values = params![row.instance, row.anchor, end, signed, signer, row.at];
            return tx.execute(RENEW, &values).await.map(drop);
        }
        Some(files) => params![
            row.instance,
            row.anchor,
            end,
            signed,
            signer,
            files.shared.clone(),
            files.private.clone(),
            row.at
        ],
    };
    tx.execute(SET, &values).await.map(drop)
}
