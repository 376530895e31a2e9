//! Noting an act: an event for people, an entry in the transparency log, and news for whoever subscribed.

use std::collections::BTreeMap;

use aws_lc_rs::digest;
use kernel::{Actor, Fault};
use serde_json::json;
use store::Tx;
use trust::log::Entry;

use crate::case::Case;
use crate::sql::{self, Event};
use crate::{Workflow, access};

/// An act as it is noted.
#[derive(Clone, Debug)]
pub(crate) struct Act<'a> {
    kind: &'static str,
    actor: Option<&'a Actor>,
    words: Option<&'a str>,
    note: BTreeMap<String, String>,
}

impl<'a> Act<'a> {
    /// Something that the house does by itself.
    pub(crate) fn of_house(kind: &'static str) -> Self {
        Self {
            kind,
            actor: None,
            words: None,
            note: BTreeMap::new(),
        }
    }

    /// Something that somebody does.
    pub(crate) fn of(kind: &'static str, actor: &'a Actor) -> Self {
        Self {
            actor: Some(actor),
            ..Self::of_house(kind)
        }
    }

    /// What was written; shown to both sides, never in the log.
    pub(crate) fn words(mut self, words: &'a str) -> Self {
        self.words = Some(words).filter(|words| !words.is_empty());
        self
    }

    /// A code or number: no personal data.
    pub(crate) fn note(mut self, name: &str, value: impl Into<String>) -> Self {
        self.note.insert(name.to_owned(), value.into());
        self
    }
}

impl Workflow {
    /// Notes an act on a case in the transaction of the act.
    pub(crate) async fn note(&self, tx: &mut Tx, case: &Case, act: Act<'_>) -> Result<(), Fault> {
        let now = self.now();
        let event = Event {
            id: self.new_id(),
            at: now,
            kind: act.kind.to_owned(),
            actor: act
                .actor
                .map_or_else(|| self.inner.settings.body.clone(), |who| who.name.clone()),
            post: act.actor.and_then(access::post).map(str::to_owned),
            words: act.words.map(str::to_owned),
            note: act.note,
        };
        sql::event(tx, case.id, &event).await?;
        let account = act.actor.map_or("system", |who| who.account.as_str());
        self.enter(tx, case, &event, account).await?;
        let news = json!({ "case": case.id, "number": case.number, "account": case.account });
        tx.publish(act.kind, &news).await?;
        Ok(())
    }

    async fn enter(
        &self,
        tx: &mut Tx,
        case: &Case,
        event: &Event,
        account: &str,
    ) -> Result<(), Fault> {
        let Some(log) = &self.inner.log else {
            return Ok(());
        };
        let proof = json!({
            "account": account, "at": event.at.iso(), "case": case.number, "kind": event.kind,
            "note": event.note, "state": case.state.code(), "words": event.words,
        });
        let digest = digest::digest(&digest::SHA256, proof.to_string().as_bytes());
        let digest = digest.as_ref().try_into().map_err(Fault::internal)?;
        let entry = Entry::new(event.kind.clone(), event.at, digest)
            .about(log.pseudonym(&case.subject))
            .note("case", case.number.clone());
        let entry = event
            .note
            .iter()
            .fold(entry, |entry, (name, value)| entry.note(name, value));
        let entry = event
            .post
            .iter()
            .fold(entry, |entry, post| entry.note("post", post));
        log.enter(tx, entry).await?;
        Ok(())
    }
}
