//! What a body offers and to whom: services, their descriptions and operation, access rights, local groups.
//!
//! Read by set-up, by the page for whoever has the right `exchange.manage`, and by settings. Every change leaves an
//! entry in the log. It refuses the codes of the metadata services, and endpoints and descriptions that can't be read.

pub mod change;
pub mod held;
mod offered;

use kernel::{Fault, Party, ServiceId};
use trust::log::Entry;
use trust::sigalg::Hash;

use crate::Exchange;
use crate::builtin::Builtin;
use crate::domain::description;
use crate::domain::rights::{self, AccessRight, Endpoint};
use crate::forward::TIMEOUT_SECONDS_MAX;
use crate::source::FactSource;
use crate::sql::services;

/// Longest notice of a service that is switched off, and longest title of a group, in bytes.
pub const NOTICE_BYTES_MAX: usize = 500;

pub use self::held::Listed;
pub use self::offered::{Granted, LocalGroup, Offered};

/// How a service is operated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Whether it answers.
    pub enabled: bool,
    /// What callers are told while it does not.
    pub notice: Option<String>,
    /// How long its own system may take, in seconds; None for the node's own limit.
    pub timeout_seconds: Option<i64>,
}

impl Exchange {
    /// Offers a service of this body.
    ///
    /// # Errors
    /// The code is one of the metadata services', or the store failed.
    pub async fn offer(
        &self,
        service: &ServiceId,
        source: &FactSource,
        enabled: bool,
    ) -> Result<(), Fault> {
        check_code(service)?;
        let text = serde_json::to_string(source).map_err(Fault::internal)?;
        let mut tx = self.inner.begin_change().await?;
        services::set_service(&mut tx, service, &text, enabled).await?;
        Ok(tx.commit().await?)
    }

    /// Gives a service its OpenAPI description (JSON, version 3) and takes its endpoints from it; None takes it away.
    ///
    /// # Errors
    /// The description can't be read, there is no such service, or the store failed.
    pub async fn describe(&self, service: &ServiceId, text: Option<&str>) -> Result<(), Fault> {
        let endpoints = match text {
            Some(text) => {
                let document = description::read(text).map_err(|error| refused(&error))?;
                description::endpoints(&document)
            }
            None => Vec::new(),
        };
        let mut tx = self.inner.begin_change().await?;
        if !services::set_description(&mut tx, service, text, &endpoints).await? {
            return Err(Fault::missing("fault-missing"));
        }
        Ok(tx.commit().await?)
    }

    /// Lists the endpoints of a service that has no description.
    ///
    /// # Errors
    /// One of them can't be read, there is no such service, or the store failed.
    pub async fn list_endpoints(
        &self,
        service: &ServiceId,
        endpoints: &[Endpoint],
    ) -> Result<(), Fault> {
        for endpoint in endpoints {
            endpoint
                .clone()
                .checked()
                .map_err(|error| refused(&error))?;
        }
        let mut tx = self.inner.begin_change().await?;
        if !services::set_description(&mut tx, service, None, endpoints).await? {
            return Err(Fault::missing("fault-missing"));
        }
        Ok(tx.commit().await?)
    }

    /// Switches a service on or off, with notice and time limit.
    ///
    /// # Errors
    /// Notice or time are over their limits, there is no such service, or the store or the log failed.
    pub async fn operate(
        &self,
        service: &ServiceId,
        operation: Operation,
        by: &str,
    ) -> Result<(), Fault> {
        let notice = operation.notice.filter(|notice| !notice.is_empty());
        let fits = notice.as_ref().is_none_or(|text| is_plain(text));
        let in_time = |seconds| (1..=TIMEOUT_SECONDS_MAX).contains(&seconds);
        if !fits || !operation.timeout_seconds.is_none_or(in_time) {
            return Err(refused(
                &"the notice is too long, or the time out of bounds",
            ));
        }
        let mut tx = self.inner.begin_change().await?;
        let Some(mut row) = services::service(&mut tx, service).await? else {
            return Err(Fault::missing("fault-missing"));
        };
        row.enabled = operation.enabled;
        row.notice = notice;
        row.timeout_seconds = operation.timeout_seconds;
        services::operate_service(&mut tx, &row).await?;
        let what = if row.enabled { "on" } else { "off" };
        self.enter_change(&mut tx, "exchange.service", &service.to_string(), what, by)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Gives an access right.
    ///
    /// # Errors
    /// The endpoint can't be read, or the store failed.
    pub async fn permit(&self, right: &AccessRight) -> Result<(), Fault> {
        self.permit_by(right, "set-up").await
    }

    /// Gives an access right in the name of an account.
    ///
    /// # Errors
    /// As [`Exchange::permit`].
    pub async fn permit_by(&self, right: &AccessRight, by: &str) -> Result<(), Fault> {
        right
            .endpoint()
            .checked()
            .map_err(|error| refused(&error))?;
        let mut tx = self.inner.begin_change().await?;
        if services::set_right(&mut tx, right).await? {
            self.enter_right(&mut tx, right, "given", by).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Takes an access right away in the name of an account.
    ///
    /// # Errors
    /// The store or the log failed.
    pub async fn forbid(&self, right: &AccessRight, by: &str) -> Result<(), Fault> {
        let mut tx = self.inner.begin_change().await?;
        if services::drop_right(&mut tx, right).await? {
            self.enter_right(&mut tx, right, "taken", by).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Enters or renames a local group.
    ///
    /// # Errors
    /// Code or title are empty or too long, or the store or the log failed.
    pub async fn set_group(&self, code: &str, title: &str, by: &str) -> Result<(), Fault> {
        let is_code = kernel::party::decode_part(&kernel::party::encode_part(code)).is_some();
        if !is_code || code.chars().any(char::is_control) || !is_plain(title) {
            return Err(refused(&"the group's code or title is empty or too long"));
        }
        let mut tx = self.inner.begin_change().await?;
        services::set_group(&mut tx, code, title).await?;
        self.enter_change(&mut tx, "exchange.group", code, "set", by)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Puts a subsystem or a member into a local group, or takes it out.
    ///
    /// # Errors
    /// The store or the log failed.
    pub async fn set_member(
        &self,
        code: &str,
        client: &Party,
        is_in: bool,
        by: &str,
    ) -> Result<(), Fault> {
        let mut tx = self.inner.begin_change().await?;
        let what = match is_in {
            true => {
                services::enter_group(&mut tx, code, client).await?;
                format!("entered {client}")
            }
            false => {
                services::leave_group(&mut tx, code, client).await?;
                format!("left {client}")
            }
        };
        self.enter_change(&mut tx, "exchange.group", code, &what, by)
            .await?;
        Ok(tx.commit().await?)
    }

    async fn enter_right(
        &self,
        tx: &mut store::Tx,
        right: &AccessRight,
        what: &str,
        by: &str,
    ) -> Result<(), Fault> {
        let AccessRight {
            subject,
            service,
            method,
            path,
        } = right;
        let what = format!("{what} {subject} {method} {path}");
        self.enter_change(tx, "exchange.right", &service.to_string(), &what, by)
            .await
    }

    /// An entry in the log about a change that somebody may have to answer for.
    async fn enter_change(
        &self,
        tx: &mut store::Tx,
        kind: &str,
        about: &str,
        what: &str,
        by: &str,
    ) -> Result<(), Fault> {
        let short = |text: &str| text.chars().take(300).collect::<String>();
        let digest = Hash::Sha256
            .digest(format!("{about}\n{what}").as_bytes())
            .try_into()
            .expect("SHA-256 gives 32 bytes");
        let entry = Entry::new(kind, self.inner.clock.now(), digest)
            .note("about", short(about))
            .note("change", short(what))
            .note("account", short(by));
        self.inner.log.enter(tx, entry).await.map(drop)?;
        Ok(())
    }
}

impl Operation {
    fn of(row: &services::ServiceRow) -> Self {
        Self {
            enabled: row.enabled,
            notice: row.notice.clone(),
            timeout_seconds: row.timeout_seconds,
        }
    }
}

/// Some codes belong to the node itself.
fn check_code(service: &ServiceId) -> Result<(), Fault> {
    if rights::is_reserved(&service.code) || Builtin::of(&service.code).is_some() {
        return Err(refused(&"the code belongs to a service of the node itself"));
    }
    Ok(())
}

fn is_plain(text: &str) -> bool {
    text.len() <= NOTICE_BYTES_MAX && !text.chars().any(char::is_control)
}

fn refused(cause: &dyn std::fmt::Display) -> Fault {
    Fault::new(kernel::FaultKind::Invalid, "fault-exchange-entry").detail(cause)
}
