//! Agreements: who may ask what of whom, for which purpose, which fields, until when, on which legal ground.
//!
//! Both sides hold the same agreement under the same number and each checks on its own; the provider refuses whatever
//! no agreement covers. Whoever asks under an agreement is a subsystem: a member itself (three parts) has access rights
//! alone. `Authorised` is the proof of that check: only [`Agreement::authorise`] makes one.

use kernel::{Moment, ServiceId, SubsystemId};
use serde::{Deserialize, Serialize};

/// Most fields that one agreement may list; a register has a few dozen.
pub const FIELDS_MAX: usize = 256;
/// Longest purpose, in bytes; it is a short phrase that travels in a header.
pub const PURPOSE_BYTES_MAX: usize = 200;

/// What two bodies agreed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    /// Its number, the same on both sides.
    pub number: String,
    /// Who may ask.
    pub client: SubsystemId,
    /// What they may ask.
    pub service: ServiceId,
    /// For which purpose; a code such as `licencia-funcionamiento`.
    pub purpose: String,
    /// The fields that may be given; for services that are not about facts this is empty.
    #[serde(default)]
    pub fields: Vec<String>,
    /// First moment at which it holds.
    pub valid_from: Moment,
    /// First moment at which it no longer holds.
    pub until: Moment,
    /// The law or article it rests on.
    pub legal_ground: String,
    /// Most questions in one day (UTC); `None` for no limit.
    #[serde(default)]
    pub daily_limit: Option<u32>,
}

/// Why an agreement does not cover a question.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotCovered {
    /// None for this client, service and purpose.
    #[error("no agreement for this client, service and purpose")]
    None,
    /// A member itself asks.
    #[error(
        "agreements are made between subsystems; a member asks under one through its subsystem"
    )]
    Member,
    /// Not yet, or no longer valid.
    #[error("the agreement is not valid at this moment")]
    Time,
    /// A field that the agreement does not list.
    #[error("the agreement does not list the field {0}")]
    Field(String),
    /// The day's questions are used up.
    #[error("the agreement's daily limit is used up")]
    Limit,
}

/// What a question is, as far as an agreement is concerned.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Who asks.
    pub client: &'a SubsystemId,
    /// Of what service.
    pub service: &'a ServiceId,
    /// For which purpose.
    pub purpose: &'a str,
    /// Which fields.
    pub fields: &'a [String],
    /// When.
    pub at: Moment,
}

/// Proof that an agreement covers a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorised {
    agreement: String,
    fields: Vec<String>,
    daily_limit: Option<u32>,
}

impl Authorised {
    /// Most questions in one day under the agreement.
    pub fn daily_limit(&self) -> Option<u32> {
        self.daily_limit
    }

    /// The number of the agreement that covers the question.
    pub fn agreement(&self) -> &str {
        &self.agreement
    }

    /// The fields that were asked and may be given.
    pub fn fields(&self) -> &[String] {
        &self.fields
    }
}

impl Agreement {
    /// Decides whether this agreement covers `question`, after `asked_today` earlier questions of the same day.
    ///
    /// # Errors
    /// The first reason found, in the order of [`NotCovered`].
    pub fn authorise(
        &self,
        question: &Question<'_>,
        asked_today: u64,
    ) -> Result<Authorised, NotCovered> {
        let same = self.client == *question.client
            && self.service == *question.service
            && self.purpose == question.purpose;
        if !same {
            return Err(NotCovered::None);
        }
        if question.at < self.valid_from || question.at >= self.until {
            return Err(NotCovered::Time);
        }
        if let Some(field) = question
            .fields
            .iter()
            .find(|field| !self.fields.contains(field))
        {
            return Err(NotCovered::Field(field.clone()));
        }
        if self
            .daily_limit
            .is_some_and(|limit| asked_today >= u64::from(limit))
        {
            return Err(NotCovered::Limit);
        }
        Ok(Authorised {
            agreement: self.number.clone(),
            fields: question.fields.to_vec(),
            daily_limit: self.daily_limit,
        })
    }
}

/// The day, counted from 1970-01-01 UTC, that a daily limit is counted on.
pub const fn day(at: Moment) -> i64 {
    at.seconds().div_euclid(86_400)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agreement() -> Agreement {
        Agreement {
            number: "A-1".into(),
            client: "PE/GOB/1/licences".parse().unwrap(),
            service: "PE/GOB/2/registry/person".parse().unwrap(),
            purpose: "licence".into(),
            fields: vec!["name".into(), "over18".into()],
            valid_from: Moment::from_seconds(1_000),
            until: Moment::from_seconds(2_000),
            legal_ground: "Ley 1".into(),
            daily_limit: Some(2),
        }
    }

    #[test]
    fn only_what_was_agreed_is_covered() {
        let held = agreement();
        let other: SubsystemId = "PE/GOB/1/taxes".parse().unwrap();
        let (name, secret) = (
            vec!["name".to_owned()],
            vec!["name".to_owned(), "birth".to_owned()],
        );
        let question = Question {
            client: &held.client,
            service: &held.service,
            purpose: "licence",
            fields: &name,
            at: Moment::from_seconds(1_500),
        };
        let at = |seconds| Question {
            at: Moment::from_seconds(seconds),
            ..question
        };
        assert_eq!(held.authorise(&question, 1).unwrap().fields(), ["name"]);
        assert_eq!(held.authorise(&question, 2), Err(NotCovered::Limit));
        assert_eq!(held.authorise(&at(999), 0), Err(NotCovered::Time));
        assert_eq!(held.authorise(&at(2_000), 0), Err(NotCovered::Time));
        assert!(held.authorise(&at(1_000), 0).is_ok());
        let wrong = [
            (
                Question {
                    client: &other,
                    ..question
                },
                NotCovered::None,
            ),
            (
                Question {
                    purpose: "curiosity",
                    ..question
                },
                NotCovered::None,
            ),
            (
                Question {
                    fields: &secret,
                    ..question
                },
                NotCovered::Field("birth".into()),
            ),
        ];
        for (question, why) in wrong {
            assert_eq!(held.authorise(&question, 0), Err(why));
        }
    }

    #[test]
    fn days_begin_at_midnight_utc() {
        assert_eq!(
            (
                day(Moment::from_seconds(86_399)),
                day(Moment::from_seconds(86_400))
            ),
            (0, 1)
        );
    }
}
