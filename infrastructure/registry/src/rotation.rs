//! Story: the keys that sign the instance's configuration change, and nobody who follows is left behind.
//!
//! Three acts with time between them: a new key is announced under the old one, then used, then the old one is forgotten.
//! Whoever followed in between knows the new key from an edition that the old one signed. The register keeps names of keys
//! and moments; the keys themselves are the assembly's.

use kernel::{Actor, Fault, FaultKind, Moment};
use serde::{Deserialize, Serialize};
use store::Tx;

use crate::{Register, digest_of, sql};

/// The two configurations: for the instance's own members, and for federated instances.
pub const CONFIGURATIONS: [&str; 2] = ["internal", "external"];

/// The keys of one configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningKeys {
    /// Label of the key that signs.
    pub signing: String,
    /// Labels of the keys that are announced, the older first: one, or two during a change.
    pub announced: Vec<String>,
    /// How many keys there have been, which names the next one.
    pub count: u32,
    /// When the last act was.
    pub since: Moment,
}

/// One act of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// A new key is announced; the old one signs.
    Announce,
    /// The new key signs; both are announced.
    Use,
    /// The old key is announced no more.
    Forget,
}

impl Turn {
    const fn word(self) -> &'static str {
        match self {
            Self::Announce => "key-announced",
            Self::Use => "key-used",
            Self::Forget => "key-forgotten",
        }
    }
}

impl SigningKeys {
    /// The keys before any change.
    pub fn first(configuration: &str) -> Self {
        let label = label(configuration, 1);
        Self {
            signing: label.clone(),
            announced: vec![label],
            count: 1,
            since: Moment(0),
        }
    }

    /// Label of the key that would be announced next.
    pub fn next(&self, configuration: &str) -> String {
        label(configuration, self.count + 1)
    }

    /// The keys after a turn; `wait` is how many seconds an edition holds: before that somebody may not have seen it.
    ///
    /// # Errors
    /// It is not this turn's turn, or too early.
    fn after(
        &self,
        configuration: &str,
        turn: Turn,
        (now, wait): (Moment, i64),
    ) -> Result<Self, Fault> {
        let out_of_order = || Fault::new(FaultKind::Conflict, "fault-registry-key-order");
        let mut next = Self {
            since: now,
            ..self.clone()
        };
        let newest = self.announced.last().cloned().unwrap_or_default();
        let is_two = self.announced.len() == 2;
        match turn {
            Turn::Announce if !is_two => {
                next.announced.push(self.next(configuration));
                next.count += 1;
                return Ok(next);
            }
            Turn::Use if is_two && self.signing != newest => next.signing = newest,
            Turn::Forget if is_two && self.signing == newest => next.announced = vec![newest],
            _ => return Err(out_of_order()),
        }
        let left = wait - now.seconds_since(self.since);
        if left > 0 {
            let minutes = (left / 60 + 1).to_string();
            let early = Fault::new(FaultKind::Conflict, "fault-registry-key-early");
            return Err(early.arg("minutes", minutes));
        }
        Ok(next)
    }
}

/// The first key has no number in its label.
fn label(configuration: &str, number: u32) -> String {
    match number {
        1 => format!("configuration-{configuration}"),
        _ => format!("configuration-{configuration}-{number}"),
    }
}

impl Register {
    /// The keys of a configuration now.
    ///
    /// # Errors
    /// The store failed.
    pub async fn signing_keys(&self, configuration: &str) -> Result<SigningKeys, Fault> {
        let mut tx = self.read().await?;
        keys(&mut tx, configuration).await
    }

    /// Does one turn of a change; `wait` is for how many seconds an edition holds.
    ///
    /// # Errors
    /// It is another turn's turn, too early, there is no such configuration, or the store failed.
    pub async fn turn_keys(
        &self,
        by: &Actor,
        configuration: &str,
        turn: Turn,
        wait: i64,
    ) -> Result<SigningKeys, Fault> {
        if !CONFIGURATIONS.contains(&configuration) {
            return Err(Fault::invalid("fault-registry-field").arg("field", "configuration"));
        }
        let mut tx = self.begin().await?;
        let held = keys(&mut tx, configuration).await?;
        let next = held.after(configuration, turn, (self.now(), wait))?;
        let text = serde_json::to_string(&next).map_err(Fault::internal)?;
        sql::setting::put(&mut tx, &name(configuration), &text).await?;
        sql::setting::changed(&mut tx).await?;
        let announced = next.announced.join(" ");
        let notes = [
            ("configuration", configuration),
            ("signing", &next.signing),
            ("announced", &announced),
        ];
        let digest = digest_of(&[turn.word(), configuration, &next.signing, &announced]);
        self.enter(&mut tx, (turn.word(), by), digest, &notes)
            .await?;
        tx.commit().await?;
        Ok(next)
    }
}

fn name(configuration: &str) -> String {
    format!("keys.{configuration}")
}

async fn keys(tx: &mut Tx, configuration: &str) -> Result<SigningKeys, Fault> {
    match sql::setting::get(tx, &name(configuration)).await? {
        Some(text) => serde_json::from_str(&text).map_err(Fault::internal),
        None => Ok(SigningKeys::first(configuration)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_come_in_order_and_not_before_everybody_has_seen_the_last() {
        let day = 86_400;
        let at = |seconds| (Moment::from_seconds(1_000_000 + seconds), day);
        let first = SigningKeys::first("internal");
        for turn in [Turn::Use, Turn::Forget] {
            assert!(first.after("internal", turn, at(0)).is_err(), "{turn:?}");
        }
        let announced = first.after("internal", Turn::Announce, at(0)).unwrap();
        assert_eq!(
            announced.announced,
            ["configuration-internal", "configuration-internal-2"]
        );
        assert_eq!(announced.signing, "configuration-internal");
        for (turn, seconds) in [
            (Turn::Announce, 0),
            (Turn::Forget, 2 * day),
            (Turn::Use, day - 1),
        ] {
            assert!(
                announced.after("internal", turn, at(seconds)).is_err(),
                "{turn:?}"
            );
        }
        let used = announced.after("internal", Turn::Use, at(day)).unwrap();
        assert_eq!(
            (used.signing.as_str(), used.announced.len()),
            ("configuration-internal-2", 2)
        );
        for (turn, seconds) in [
            (Turn::Announce, 9 * day),
            (Turn::Use, 9 * day),
            (Turn::Forget, day + 1),
        ] {
            assert!(
                used.after("internal", turn, at(seconds)).is_err(),
                "{turn:?}"
            );
        }
        let forgotten = used.after("internal", Turn::Forget, at(2 * day)).unwrap();
        assert_eq!(forgotten.announced, ["configuration-internal-2"]);
        let again = forgotten
            .after("internal", Turn::Announce, at(2 * day))
            .unwrap();
        assert_eq!(again.announced[1], "configuration-internal-3");
    }
}
