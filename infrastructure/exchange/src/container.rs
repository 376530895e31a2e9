//! Containers: one half of an exchange as an ASiC-E file that proves itself to anybody, years later.
//!
//! Read by the pages, by `tambo demo --journey` and by auditors. It holds the message, its signature with OCSP
//! response, the hash chains and the time stamp, in X-Road's layout.

use std::collections::HashMap;

use kernel::{Fault, Moment};
use trust::asic::Container;

use crate::Exchange;
use crate::domain::multipart::Envelope;
use crate::record::{self, Unread};
use crate::sql::{self, Half, Place, QuestionRow};

/// A container, and whether it holds a time stamp.
pub(crate) struct Packed {
    pub bytes: Vec<u8>,
    pub is_stamped: bool,
}
/// The text that says that a message is in the archive alone.
pub(crate) const ARCHIVED: &str = "fault-exchange-archived";

impl Exchange {
    /// A message of the journal as far as it was kept; `None` if there is none, or it is in the archive alone.
    pub(crate) async fn kept_message(
        &self,
        question: &QuestionRow,
        half: Half,
    ) -> Result<Option<Envelope>, Fault> {
        let place = match half {
            Half::Request => Some(question.request),
            Half::Response => question.response,
        };
        let Some(place) = place else {
            return Ok(None);
        };
        match self.message(question, half, place).await {
            Ok((envelope, _)) => Ok(Some(envelope)),
            Err(fault) if fault.key == ARCHIVED => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// The container of a message number's request or response; `None` if this node has none. A message that waits
    /// for its time stamp is stamped first; if no authority answers, the container comes without one.
    ///
    /// # Errors
    /// The store failed, or the message is too large for a container.
    pub async fn container(&self, number: &str, half: Half) -> Result<Option<Vec<u8>>, Fault> {
        let Some((question, place)) = self.find(number, half).await? else {
            return Ok(None);
        };
        let mut packed = self.pack(&question, half, place).await?;
        if !packed.is_stamped {
            if let Err(fault) = self.stamp().await {
                tracing::warn!(%fault, "a container goes out without time stamp");
            }
            packed = self.pack(&question, half, place).await?;
        }
        Ok(Some(packed.bytes))
    }

    /// The container of a message as it is now, with a time stamp if it has one.
    pub(crate) async fn pack(
        &self,
        question: &QuestionRow,
        half: Half,
        place: Place,
    ) -> Result<Packed, Fault> {
        let (parts, at) = self.message(question, half, place).await?;
        let batch_stamp = self.batch_stamp(place.turn, &parts.signature).await?;
        let is_stamped = batch_stamp.is_some();
        let mut attachments = Vec::new();
        if let Some(body) = &parts.body {
            attachments.push(body.to_vec().await.map_err(Fault::internal)?);
        }
        let container = Container {
            message: parts.rest.into_bytes(),
            attachments,
            signature: parts.signature,
            hash_chain: parts.chain_result.zip(parts.chain),
            batch_stamp,
        };
        let bytes = container.to_bytes(at).map_err(Fault::internal)?;
        Ok(Packed { bytes, is_stamped })
    }

    async fn find(&self, number: &str, half: Half) -> Result<Option<(QuestionRow, Place)>, Fault> {
        let mut tx = self.inner.store.read().await?;
        let questions = sql::questions_by_number(&mut tx, number).await?;
        let found = questions.into_iter().find_map(|question| {
            let place = match half {
                Half::Request => Some(question.request),
                Half::Response => question.response,
            };
            Some((question, place?))
        });
        Ok(found)
    }

    /// A message as it was on the wire, without OCSP parts, and when it was journalled; without its body if that was
    /// larger than what the journal keeps: the signature still proves its digest, and a container says so.
    pub(crate) async fn message(
        &self,
        question: &QuestionRow,
        half: Half,
        place: Place,
    ) -> Result<(Envelope, Moment), Fault> {
        let mut tx = self.inner.store.read().await?;
        let (records, at) = sql::turn_records(&mut tx, place.turn).await?;
        if records.is_empty() {
            return Err(Fault::missing(ARCHIVED));
        }
        let start = usize::try_from(place.at).unwrap_or(usize::MAX);
        let mut parts = HashMap::new();
        let mut read = loop {
            match record::read(&records, start, &parts) {
                Ok(read) => break read,
                Err(Unread::Bad(bad)) => return Err(Fault::internal(bad)),
                Err(Unread::Lacks(digest)) => {
                    if !sql::fetch_part(&mut tx, digest, &mut parts).await? {
                        return Err(Fault::internal("a part of a message is missing"));
                    }
                }
            }
        };
        if read.is_body_apart {
            let body = sql::body(&mut tx, question.id, half).await?;
            read.envelope.body = Some(body.into());
        }
        Ok((read.envelope, at))
    }
}
