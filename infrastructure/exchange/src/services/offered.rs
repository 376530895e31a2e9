//! Services, rights and groups as the body's settings list them.
//!
//! Read by `tambo` at the start. What is listed is entered; what an operator changed on the page since (switched off,
//! given more rights) stays, and what leaves the settings is taken away on the page, so that a typing error in a file
//! can't cut a service off.

use std::collections::BTreeMap;
use std::path::Path;

use kernel::{Fault, Party, ServiceId};
use serde::{Deserialize, Serialize};

use super::{Listed, Operation};
use crate::Exchange;
use crate::domain::description::DESCRIPTION_BYTES_MAX;
use crate::domain::rights::{AccessRight, Endpoint, Subject};
use crate::source::FactSource;
use crate::sql::{services, sources};

/// Who enters what stands in the settings, in the log.
const BY: &str = "settings";

/// Section `[exchange.services.CODE]`: a REST service of the body's own system.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offered {
    /// The subsystem that offers it; the body's own if nothing is said.
    #[serde(default)]
    pub subsystem: Option<String>,
    /// Base address of the system; the path below the service is added to it.
    pub url: String,
    /// Whether requests need an agreement besides the access right.
    #[serde(default = "yes")]
    pub agreement: bool,
    /// OpenAPI 3 description: a JSON file; its operations become the endpoints.
    #[serde(default)]
    pub description: Option<String>,
    /// Endpoints of a service without description.
    #[serde(default)]
    pub endpoints: Vec<Endpoint>,
    /// How long the system may take, in seconds.
    #[serde(default)]
    pub timeout_seconds: Option<i64>,
    /// What callers are told: the service is switched off while there is a notice.
    #[serde(default)]
    pub notice: Option<String>,
    /// Who may call.
    #[serde(default)]
    pub rights: Vec<Granted>,
}

/// A right within `[exchange.services.CODE]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Granted {
    /// Subsystem, `global:INSTANCE/GROUP` or `local:GROUP`.
    pub subject: Subject,
    /// Verb in upper case, or `*`.
    #[serde(default = "any_method")]
    pub method: String,
    /// Glob over the path below the service.
    #[serde(default = "any_path")]
    pub path: String,
}

/// Section `[exchange.groups.CODE]`: a group of this body.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalGroup {
    /// Name to show.
    #[serde(default)]
    pub title: String,
    /// The subsystems and members in it.
    #[serde(default)]
    pub members: Vec<Party>,
}

fn yes() -> bool {
    true
}

fn any_method() -> String {
    Endpoint::whole().method
}

fn any_path() -> String {
    Endpoint::whole().path
}

impl Exchange {
    /// Enters what the settings list; paths of descriptions start from `folder`.
    ///
    /// # Errors
    /// A description can't be read, an entry is not acceptable, or the store failed; the detail says which.
    pub async fn offer_listed(
        &self,
        offered: &BTreeMap<String, Offered>,
        groups: &BTreeMap<String, LocalGroup>,
        own_subsystem: &str,
        folder: &Path,
    ) -> Result<(), Fault> {
        for (code, group) in groups {
            self.enter_listed_group(code, group).await?;
        }
        let listed = self.services_listed(offered, own_subsystem);
        for (service, offered) in &listed {
            self.enter_listed(service, offered, folder).await?;
        }
        self.note_listed(offered, groups, own_subsystem);
        Ok(())
    }

    /// Takes note of what the settings list, and enters nothing.
    pub fn note_listed(
        &self,
        offered: &BTreeMap<String, Offered>,
        groups: &BTreeMap<String, LocalGroup>,
        own_subsystem: &str,
    ) {
        self.set_listed(Listed {
            services: self.services_listed(offered, own_subsystem),
            groups: groups.clone(),
        });
    }

    fn services_listed(
        &self,
        offered: &BTreeMap<String, Offered>,
        own_subsystem: &str,
    ) -> BTreeMap<ServiceId, Offered> {
        let member = &self.inner.settings.member;
        let named = offered.iter().map(|(code, offered)| {
            let subsystem = offered.subsystem.as_deref().unwrap_or(own_subsystem);
            (member.subsystem(subsystem).service(code), offered.clone())
        });
        named.collect()
    }

    async fn enter_listed_group(&self, code: &str, group: &LocalGroup) -> Result<(), Fault> {
        let mut tx = self.inner.store.read().await?;
        let known = services::groups(&mut tx).await?;
        let members = services::group_members(&mut tx, code).await?;
        drop(tx);
        let same = |(held, title): &(String, String)| held == code && *title == group.title;
        if !known.iter().any(same) {
            self.set_group(code, &group.title, BY).await?;
        }
        for client in &group.members {
            if !members.contains(&client.to_string()) {
                self.set_member(code, client, true, BY).await?;
            }
        }
        Ok(())
    }

    async fn enter_listed(
        &self,
        service: &ServiceId,
        offered: &Offered,
        folder: &Path,
    ) -> Result<(), Fault> {
        super::check_code(service)?;
        let source = FactSource::Url {
            url: offered.url.clone(),
            agreement: offered.agreement,
        };
        let source = serde_json::to_string(&source).map_err(Fault::internal)?;
        let mut tx = self.inner.begin_change().await?;
        sources::set_once(&mut tx, service, &source).await?;
        let row = services::service(&mut tx, service).await?;
        tx.commit().await?;
        match &offered.description {
            Some(file) => {
                let text = read_description(&folder.join(file))?;
                self.describe(service, Some(&text)).await?;
            }
            None => self.list_endpoints(service, &offered.endpoints).await?,
        }
        let operation = Operation {
            enabled: offered.notice.is_none() && row.as_ref().is_none_or(|row| row.enabled),
            notice: offered
                .notice
                .clone()
                .or(row.as_ref().and_then(|row| row.notice.clone())),
            timeout_seconds: offered.timeout_seconds,
        };
        let is_so = |row: &services::ServiceRow| Operation::of(row) == operation;
        if !row.as_ref().is_some_and(is_so) {
            self.operate(service, operation, BY).await?;
        }
        for granted in &offered.rights {
            let right = AccessRight {
                subject: granted.subject.clone(),
                service: service.clone(),
                method: granted.method.clone(),
                path: granted.path.clone(),
            };
            self.permit_by(&right, BY).await?;
        }
        Ok(())
    }
}

fn read_description(path: &Path) -> Result<String, Fault> {
    let bad = |cause: &dyn std::fmt::Display| {
        super::refused(&format!("description {}: {cause}", path.display()))
    };
    let size = std::fs::metadata(path).map_err(|error| bad(&error))?.len();
    if size > DESCRIPTION_BYTES_MAX as u64 {
        return Err(bad(&"it is too large"));
    }
    std::fs::read_to_string(path).map_err(|error| bad(&error))
}
