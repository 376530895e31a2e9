//! Connecting the registries that the body's settings describe: a service appears because it is written there.
//!
//! Read by the house at the start, by `tambo check`, and by the pages and the metadata service for descriptions. It
//! promises that a described service that left the settings is no longer offered, and that one that an operator
//! switched off stays so.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, PoisonError};

use kernel::{Fault, Locale, ServiceId};

use crate::source::{BadDescription, Day, Described, Registries, Registry};
use crate::{Exchange, FactSource, sql};

impl Exchange {
    /// Opens the described registries (code of the service, description; paths start from `folder`) and offers them.
    ///
    /// # Errors
    /// The first description that can't work, with what to do; or the store failed.
    pub async fn connect(
        &self,
        described: &BTreeMap<String, Described>,
        own_subsystem: &str,
        folder: &Path,
    ) -> Result<(), ConnectError> {
        let registries = self.opened(described, own_subsystem, folder)?;
        let services: Vec<ServiceId> = registries.keys().cloned().collect();
        let mark = serde_json::to_string(&FactSource::Described).map_err(Fault::internal)?;
        let mut tx = self.inner.begin_change().await.map_err(Fault::from)?;
        sql::sources::set_described(&mut tx, &mark, &services)
            .await
            .map_err(Fault::from)?;
        // Whoever states facts about people also tells them who asked.
        let accesses = serde_json::to_string(&FactSource::Accesses).map_err(Fault::internal)?;
        for service in &services {
            let service = service.subsystem.service("accesses");
            sql::sources::set_once(&mut tx, &service, &accesses)
                .await
                .map_err(Fault::from)?;
        }
        tx.commit().await.map_err(Fault::from)?;
        self.hold(registries);
        Ok(())
    }

    /// Opens the described registries and enters nothing: what is offered is what the store says.
    ///
    /// # Errors
    /// The first description that can't work, with what to do.
    pub fn connect_as_is(
        &self,
        described: &BTreeMap<String, Described>,
        own_subsystem: &str,
        folder: &Path,
    ) -> Result<(), ConnectError> {
        self.hold(self.opened(described, own_subsystem, folder)?);
        Ok(())
    }

    fn opened(
        &self,
        described: &BTreeMap<String, Described>,
        own_subsystem: &str,
        folder: &Path,
    ) -> Result<Registries, ConnectError> {
        let member = &self.inner.settings.member;
        let mut registries = Registries::new();
        for (code, description) in described {
            let subsystem = description.subsystem.as_deref().unwrap_or(own_subsystem);
            let service = member.subsystem(subsystem).service(code);
            let registry = Registry::open(code, description.clone(), folder)?;
            registries.insert(service, Arc::new(registry));
        }
        Ok(registries)
    }

    fn hold(&self, registries: Registries) {
        let held = self.inner.registries.write();
        *held.unwrap_or_else(PoisonError::into_inner) = registries;
    }

    /// The described registries, by service.
    pub fn registries(&self) -> Registries {
        let held = self.inner.registries.read();
        held.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The described registry behind a service.
    pub fn registry(&self, service: &ServiceId) -> Option<Arc<Registry>> {
        let held = self.inner.registries.read();
        held.unwrap_or_else(PoisonError::into_inner)
            .get(service)
            .cloned()
    }

    /// The OpenAPI document of a service of this body that states facts; nothing for other services.
    ///
    /// # Errors
    /// The store failed.
    pub async fn openapi(
        &self,
        service: &ServiceId,
        locale: Locale,
    ) -> Result<Option<serde_json::Value>, Fault> {
        let mut tx = self.inner.store.read().await?;
        let row = sql::services::service(&mut tx, service).await?;
        Ok(row.and_then(|row| self.generated(service, &row.source, locale)))
    }

    /// The description that the settings of a service make, whose source is this JSON.
    pub(crate) fn generated(
        &self,
        service: &ServiceId,
        source: &str,
        locale: Locale,
    ) -> Option<serde_json::Value> {
        let source: FactSource = serde_json::from_str(source).ok()?;
        let registry = self.registry(service);
        let described = registry.as_ref().map(|registry| registry.described());
        source.openapi(service, described, locale)
    }

    /// The local day now.
    pub(crate) fn day(&self) -> Day {
        let utc_offset_minutes = self.inner.settings.utc_offset_minutes;
        let now = self.inner.clock.now().plus_seconds(utc_offset_minutes * 60);
        let mut today = now.iso();
        today.truncate("2026-11-23".len());
        Day {
            today,
            utc_offset_minutes,
        }
    }
}

/// Why registries could not be connected.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// A description can't work.
    #[error(transparent)]
    Description(#[from] BadDescription),
    /// The store failed.
    #[error(transparent)]
    Own(#[from] Fault),
}
