//! Containers: one half of an exchange as an ASiC-E file that proves itself to anybody, years later.
//!
//! Read by the pages, by `tambo demo --journey` and by auditors. It holds the message, its signature with OCSP
//! response, the hash chains and the time stamp, in X-Road's layout.

use kernel::Fault;
use trust::asic::{BatchStamp, Container};

use crate::Exchange;
use crate::sql::{self, Half, MessageRow};

impl Exchange {
    /// The container of a message number's request or response; `None` if this node has none. A message that waits
    /// for its time stamp is stamped first; if no authority answers, the container comes without one.
    ///
    /// # Errors
    /// The store failed, or the message is too large for a container.
    pub async fn container(&self, number: &str, half: Half) -> Result<Option<Vec<u8>>, Fault> {
        let Some(mut message) = self.message(number, half).await? else {
            return Ok(None);
        };
        if message.stamp.is_none() {
            if let Err(fault) = self.stamp().await {
                tracing::warn!(%fault, "a container goes out without time stamp");
            }
            message = self.message(number, half).await?.unwrap_or(message);
        }
        let batch_stamp = self.batch_stamp(&message).await?;
        let MessageRow { parts, at, .. } = message;
        let container = Container {
            message: parts.rest,
            attachments: parts.body.into_iter().collect(),
            signature: parts.signature,
            hash_chain: parts.chain_result.zip(parts.chain),
            batch_stamp,
        };
        container.to_bytes(at).map(Some).map_err(Fault::internal)
    }

    async fn message(&self, number: &str, half: Half) -> Result<Option<MessageRow>, Fault> {
        let mut tx = self.inner.store.read().await?;
        for question in sql::questions_by_number(&mut tx, number).await? {
            if let Some(message) = sql::message(&mut tx, question.id, half).await? {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    async fn batch_stamp(&self, message: &MessageRow) -> Result<Option<BatchStamp>, Fault> {
        let (Some(id), Some(chain)) = (&message.stamp, &message.stamp_chain) else {
            return Ok(None);
        };
        let mut tx = self.inner.store.read().await?;
        let (result, token) = sql::stamp(&mut tx, id).await?;
        Ok(result.map(|result| BatchStamp {
            result,
            chain: chain.clone(),
            token,
        }))
    }
}
