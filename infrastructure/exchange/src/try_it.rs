//! Trying a registry in a test instance: a whole signed exchange of this body with itself, so that what is shown is what
//! another body would get.
//!
//! Read by the pages of registries. It promises that trying is possible in a test instance only ([`TestInstance`] is the
//! proof) and that it leaves the same journal, log entries and containers as any question. It refuses services of others.

use kernel::{Fault, ServiceId};

use crate::source::FIELDS_MAX;
use crate::{Agreement, Answer, Ask, AskError, Behalf, Exchange, FactSource, Half, Verified, sql};

/// The purpose of every try.
pub const PURPOSE: &str = "prueba";
/// How long the agreement behind a try holds, in seconds: a working day of trying.
const AGREEMENT_SECONDS: i64 = 86_400;
/// Tries of one service in a day; more is a load test, for which there is `tambo bench`.
const TRIES_MAX: u32 = 2_000;

/// Proof that this body belongs to a simulated country.
#[derive(Clone, Copy, Debug)]
pub struct TestInstance(());

impl TestInstance {
    /// The proof, if the body's settings say `simulated = true`.
    pub fn of(simulated: bool) -> Option<Self> {
        simulated.then_some(Self(()))
    }
}

impl Exchange {
    /// The services of this body that state facts about somebody and are switched on.
    ///
    /// # Errors
    /// The store failed.
    pub async fn fact_services(&self) -> Result<Vec<ServiceId>, Fault> {
        let mut tx = self.inner.store.read().await?;
        let mut services = Vec::new();
        for (service, source) in sql::sources::switched_on(&mut tx).await? {
            match serde_json::from_str(&source) {
                Ok(FactSource::Described | FactSource::Table { .. }) => {}
                _ => continue,
            }
            services.extend(service.parse::<ServiceId>().ok());
        }
        Ok(services)
    }

    /// Asks this body's own `service` about `subject`, over the wire, under an agreement with itself that lists exactly
    /// `fields`.
    ///
    /// # Errors
    /// As [`Exchange::ask`].
    pub async fn try_it(
        &self,
        _proof: TestInstance,
        service: &ServiceId,
        subject: &str,
        fields: &[String],
    ) -> Result<Verified<Answer>, AskError> {
        let now = self.inner.clock.now();
        let fields: Vec<String> = fields.iter().take(FIELDS_MAX).cloned().collect();
        let agreement = Agreement {
            number: agreement_of(service),
            client: service.subsystem.clone(),
            service: service.clone(),
            purpose: PURPOSE.to_owned(),
            fields: fields.clone(),
            valid_from: now.plus_seconds(-1),
            until: now.plus_seconds(AGREEMENT_SECONDS),
            legal_ground: "test instance, simulated data".to_owned(),
            daily_limit: Some(TRIES_MAX),
        };
        self.agree(&[agreement]).await?;
        let ask = Ask {
            client: service.subsystem.clone(),
            service: service.clone(),
            about: subject.to_owned(),
            fields,
            purpose: PURPOSE.to_owned(),
            case: None,
        };
        self.ask_for(ask, Behalf::default()).await
    }

    /// The signed answer of a try as a container; nothing for the number of any other message.
    ///
    /// # Errors
    /// The store failed.
    pub async fn tried(
        &self,
        _proof: TestInstance,
        service: &ServiceId,
        number: &str,
    ) -> Result<Option<Vec<u8>>, Fault> {
        let question = self.question(number).await?;
        let is_try = question.is_some_and(|question| {
            question.purpose.as_deref() == Some(PURPOSE)
                && question.by == service.subsystem.to_string()
                && question.service == service.to_string()
        });
        match is_try {
            true => self.container(number, Half::Response).await,
            false => Ok(None),
        }
    }
}

fn agreement_of(service: &ServiceId) -> String {
    format!("PRUEBA-{}-{}", service.subsystem.code, service.code)
}
