//! The metadata services of a provider: `listMethods`, `allowedMethods`, `getOpenAPI` (PR-MREST).
//!
//! Read by `answer`, which signs and journals their answers like any other. They answer GET alone, need no access right,
//! and tell an asker nothing of hosts and addresses behind the services.

use std::collections::HashSet;

use kernel::{Fault, Locale, Moment, ServiceId};
use store::Tx;

use crate::Exchange;
use crate::allowed::open_endpoints;
use crate::answer::{Claimed, Refusal, json};
use crate::body::Body;
use crate::domain::codes::Leaf;
use crate::domain::description::{self, ServiceList, ServiceNote};
use crate::domain::message::ResponsePart;
use crate::domain::rights::{AccessRight, Endpoint};
use crate::source::FactSource;
use crate::sql::services::{self, ServiceRow};

/// The language of descriptions that the settings make: programs and their makers read them.
const LOCALE: Locale = Locale::Es;

/// What is wanted to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Metadata {
    /// All REST services of the subsystem.
    Methods,
    /// Those that are open to the asker.
    Allowed,
    /// The description of the service with this code.
    OpenApi(String),
}

impl Metadata {
    /// Reads a request to one of the reserved codes.
    pub(crate) fn wanted(code: &str, method: &str, query: Option<&str>) -> Result<Self, Leaf> {
        if code == "getWsdl" {
            return Err(Leaf::ServiceType);
        }
        if method != "GET" {
            return Err(Leaf::UnknownService);
        }
        match code {
            "listMethods" => Ok(Self::Methods),
            "allowedMethods" => Ok(Self::Allowed),
            _ => service_code(query.unwrap_or(""))
                .map(Self::OpenApi)
                .ok_or(Leaf::InvalidRequest),
        }
    }
}

/// The last `serviceCode` of a query, which is compared without case.
fn service_code(query: &str) -> Option<String> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .filter(|(name, _)| name.eq_ignore_ascii_case("serviceCode"))
        .filter_map(|(_, value)| kernel::party::decode_part(&value.replace('+', "%20")))
        .next_back()
}

impl Exchange {
    /// Answers a metadata service.
    pub(crate) async fn tell_metadata(
        &self,
        claimed: &Claimed,
        wanted: &Metadata,
        now: Moment,
    ) -> Result<(ResponsePart, Option<Body>), Refusal> {
        let mut tx = self.inner.store.read().await?;
        match wanted {
            Metadata::Methods => Ok(json(&self.list(&mut tx, claimed, None).await?)?),
            Metadata::Allowed => Ok(json(&self.list(&mut tx, claimed, Some(now)).await?)?),
            Metadata::OpenApi(code) => {
                let service = claimed.service.subsystem.service(code);
                openapi(self, &mut tx, &service).await
            }
        }
    }

    /// The services of the subsystem asked; with `allowed_at` only what is open to the asker then.
    async fn list(
        &self,
        tx: &mut Tx,
        claimed: &Claimed,
        allowed_at: Option<Moment>,
    ) -> Result<ServiceList, Fault> {
        let described: HashSet<ServiceId> = services::described(tx).await?.into_iter().collect();
        let agreed: HashSet<String> = match allowed_at {
            Some(now) => services::agreed(tx, &claimed.client, now)
                .await?
                .into_iter()
                .collect(),
            None => HashSet::new(),
        };
        let mut list = Vec::new();
        for row in services::services(tx).await? {
            if row.service.subsystem != claimed.service.subsystem {
                continue;
            }
            let all = endpoints(tx, &row).await?;
            let told = match allowed_at {
                None => Some(all),
                Some(now) => {
                    let by_agreement = agreed.contains(&row.service.to_string());
                    self.open_to(claimed, &row, all, by_agreement, now).await?
                }
            };
            if let Some(told) = told {
                let has_description = described.contains(&row.service)
                    || self.generated(&row.service, &row.source, LOCALE).is_some();
                list.push(ServiceNote::new(&row.service, has_description, told));
            }
        }
        Ok(ServiceList { service: list })
    }

    /// Of a service's endpoints those that are open to the asker; `None` if none of the service is.
    async fn open_to(
        &self,
        claimed: &Claimed,
        row: &ServiceRow,
        all: Vec<Endpoint>,
        by_agreement: bool,
        now: Moment,
    ) -> Result<Option<Vec<Endpoint>>, Fault> {
        let view = self.inner.held.current(now);
        let client = &claimed.client;
        let rights = self.inner.lookups.rights(client, &row.service).await?;
        let open = open_endpoints(&rights, view.as_deref(), client);
        let mut open: Vec<Endpoint> = open.map(AccessRight::endpoint).collect();
        if by_agreement {
            open.push(facts());
        }
        let told = all
            .into_iter()
            .filter(|endpoint| open.iter().any(|right| right.opens(endpoint)));
        Ok((!open.is_empty()).then(|| told.collect()))
    }
}

/// Where facts are asked.
fn facts() -> Endpoint {
    Endpoint {
        method: "POST".to_owned(),
        path: "/facts".to_owned(),
    }
}

async fn endpoints(tx: &mut Tx, row: &ServiceRow) -> Result<Vec<Endpoint>, Fault> {
    let listed = services::endpoints(tx, &row.service).await?;
    let source: FactSource = serde_json::from_str(&row.source).map_err(Fault::internal)?;
    Ok(match source {
        FactSource::Url { .. } => listed,
        _ if listed.is_empty() => vec![facts()],
        _ => listed,
    })
}

/// The description that was put in, or the one that the settings make.
async fn openapi(
    exchange: &Exchange,
    tx: &mut Tx,
    service: &ServiceId,
) -> Result<(ResponsePart, Option<Body>), Refusal> {
    let none = |what| Refusal::new(Leaf::InternalError, what);
    let row = services::service(tx, service)
        .await?
        .ok_or_else(|| none("there is no such service"))?;
    let mut document = match services::description(tx, service).await? {
        Some(text) => {
            description::read(&text).map_err(|error| Refusal::new(Leaf::InternalError, error))?
        }
        None => exchange
            .generated(service, &row.source, LOCALE)
            .ok_or_else(|| none("the service has no OpenAPI description"))?,
    };
    description::without_hosts(&mut document);
    Ok(json(&document)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_codes_answer_get_alone() {
        let wanted = Metadata::wanted;
        assert_eq!(wanted("listMethods", "GET", None), Ok(Metadata::Methods));
        assert_eq!(
            wanted("allowedMethods", "GET", Some("x")),
            Ok(Metadata::Allowed)
        );
        assert_eq!(
            wanted("listMethods", "POST", None),
            Err(Leaf::UnknownService)
        );
        assert_eq!(wanted("getWsdl", "GET", None), Err(Leaf::ServiceType));
        for (query, code) in [
            (None, None),
            (Some(""), None),
            (Some("serviceCode="), None),
            (Some("other=1"), None),
            (Some("serviceCode=pets"), Some("pets")),
            (Some("a=1&servicecode=my+pets%2F1"), Some("my pets/1")),
            (Some("serviceCode=a&serviceCode=b"), Some("b")),
        ] {
            let expected = code.map(|code| Metadata::OpenApi(code.to_owned()));
            assert_eq!(
                wanted("getOpenAPI", "GET", query),
                expected.ok_or(Leaf::InvalidRequest),
                "{query:?}"
            );
        }
    }
}
