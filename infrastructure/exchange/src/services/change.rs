//! Acts of the officials who manage what the body offers: offer, change, describe, switch, withdraw, grant, revoke.
//!
//! Read by `pages::services` for whoever has the right `exchange.manage`. Each act is an entry of the log in the
//! transaction of the act. It refuses another body's services, what the settings list, addresses that are none, and
//! subjects that nobody knows.

use std::time::Duration;

use http::StatusCode;
use kernel::{Fault, FaultKind, Party, ServiceId};
use web::client::{Http, HttpLimits};

use super::{Operation, held::Origin};
use crate::Exchange;
use crate::domain::description::{self, DESCRIPTION_BYTES_MAX};
use crate::domain::rights::{AccessRight, LOCAL, Subject};
use crate::forward::TIMEOUT_SECONDS_MAX;
use crate::source::FactSource;
use crate::sql::{offers, services};

/// Longest code of a service that an official gives, in bytes; what exists elsewhere may be longer.
pub const CODE_BYTES_MAX: usize = 64;
/// Longest address of a body's own system, in bytes: longer ones don't pass common servers.
pub const URL_BYTES_MAX: usize = 2_000;
/// How long a description may take to come; the official waits at the page.
const DESCRIPTION_WAIT: Duration = Duration::from_secs(15);

/// A service as an official describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Which service of this body.
    pub service: ServiceId,
    /// Base address of the body's own system.
    pub url: String,
    /// How long the system may take, in seconds; None for the node's own limit.
    pub timeout_seconds: Option<i64>,
    /// Whether requests need an agreement besides the access right.
    pub agreement: bool,
    /// Where its OpenAPI description (JSON) is had.
    pub description_url: Option<String>,
}

impl Exchange {
    /// Offers a new service; it is on, and nobody may ask it yet.
    ///
    /// # Errors
    /// Something doesn't fit, there is such a service, its description can't be had, or the store or the log failed.
    pub async fn offer_new(&self, draft: &Draft, by: &str) -> Result<(), Fault> {
        self.check_own(&draft.service)?;
        let code = &draft.service.code;
        super::check_code(&draft.service).map_err(|_| wrong("code"))?;
        if !is_code(code) {
            return Err(wrong("code"));
        }
        let own = self.own_subsystems().await?;
        if !own.contains(&draft.service.subsystem.code) {
            return Err(wrong("subsystem"));
        }
        let mut tx = self.inner.store.read().await?;
        if services::service(&mut tx, &draft.service).await?.is_some() {
            return Err(Fault::new(
                FaultKind::Conflict,
                "fault-exchange-offer-exists",
            ));
        }
        drop(tx);
        self.put(draft, "offered", by).await
    }

    /// Changes a service that an official offered.
    ///
    /// # Errors
    /// As [`Exchange::offer_new`]; or it stands in the settings.
    pub async fn change_offer(&self, draft: &Draft, by: &str) -> Result<(), Fault> {
        self.must_be_ours(&draft.service).await?;
        self.put(draft, "changed", by).await
    }

    async fn put(&self, draft: &Draft, what: &str, by: &str) -> Result<(), Fault> {
        check_url(&draft.url).map_err(|()| wrong("url"))?;
        let in_time = |seconds| (1..=TIMEOUT_SECONDS_MAX).contains(&seconds);
        if !draft.timeout_seconds.is_none_or(in_time) {
            return Err(wrong("timeout_seconds"));
        }
        let description = match draft.description_url.as_deref() {
            Some(url) => Some(self.fetch_description(url).await?),
            None => None,
        };
        let service = &draft.service;
        let source = FactSource::Url {
            url: draft.url.clone(),
            agreement: draft.agreement,
        };
        let source = serde_json::to_string(&source).map_err(Fault::internal)?;
        let mut tx = self.inner.begin_change().await?;
        let before = services::service(&mut tx, service).await?;
        let enabled = before.as_ref().is_none_or(|row| row.enabled);
        services::set_service(&mut tx, service, &source, enabled).await?;
        let row = services::service(&mut tx, service).await?;
        let mut row = row.ok_or_else(|| Fault::internal("a service was set and is not there"))?;
        row.timeout_seconds = draft.timeout_seconds;
        services::operate_service(&mut tx, &row).await?;
        let url = draft.description_url.as_deref();
        let had = offers::description_url(&mut tx, service).await?;
        if url.is_some() || had.is_some() {
            let (text, endpoints) = description.unwrap_or_default();
            let text = url.is_some().then_some(text.as_str());
            services::set_description(&mut tx, service, text, &endpoints).await?;
        }
        offers::set_description_url(&mut tx, service, url).await?;
        let what = format!("{what} {}", draft.url);
        self.enter_change(&mut tx, "exchange.service", &service.to_string(), &what, by)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Reads the description of a service anew from where it was said to be.
    ///
    /// # Errors
    /// It has no such place, it can't be had or read, or the store or the log failed.
    pub async fn describe_again(&self, service: &ServiceId, by: &str) -> Result<(), Fault> {
        self.must_be_ours(service).await?;
        let mut tx = self.inner.store.read().await?;
        let url = offers::description_url(&mut tx, service).await?;
        drop(tx);
        let url = url.ok_or_else(|| wrong("description_url"))?;
        let (text, endpoints) = self.fetch_description(&url).await?;
        let mut tx = self.inner.begin_change().await?;
        services::set_description(&mut tx, service, Some(&text), &endpoints).await?;
        let what = format!("described from {url}");
        self.enter_change(&mut tx, "exchange.service", &service.to_string(), &what, by)
            .await?;
        Ok(tx.commit().await?)
    }

    async fn fetch_description(&self, url: &str) -> Result<(String, Vec<crate::Endpoint>), Fault> {
        check_url(url).map_err(|()| wrong("description_url"))?;
        let away = |cause: &dyn std::fmt::Display| {
            Fault::invalid("fault-exchange-offer-description").detail(cause)
        };
        let limits = HttpLimits {
            total: DESCRIPTION_WAIT,
            answer_bytes: DESCRIPTION_BYTES_MAX,
            ..HttpLimits::default()
        };
        let http: Http = self.inner.http.clone().limits(limits);
        let answer = http.get(url).await.map_err(|error| away(&error))?;
        if answer.status != StatusCode::OK {
            return Err(away(&answer.status));
        }
        let text = String::from_utf8(answer.body.to_vec()).map_err(|error| away(&error))?;
        let document = description::read(&text).map_err(|error| away(&error))?;
        let endpoints = description::endpoints(&document);
        Ok((text, endpoints))
    }

    /// Takes a service that an official offered away, with its rights.
    ///
    /// # Errors
    /// It stands in the settings, there is none, or the store or the log failed.
    pub async fn withdraw(&self, service: &ServiceId, by: &str) -> Result<(), Fault> {
        self.must_be_ours(service).await?;
        let mut tx = self.inner.begin_change().await?;
        if !offers::remove_service(&mut tx, service).await? {
            return Err(Fault::missing("fault-missing"));
        }
        let about = service.to_string();
        self.enter_change(&mut tx, "exchange.service", &about, "withdrawn", by)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Switches a service on or off. One that the settings list can be switched off too: in need an official must not wait
    /// for whoever writes the file.
    ///
    /// # Errors
    /// The notice doesn't fit, or as [`Exchange::operate`].
    pub async fn switch(
        &self,
        service: &ServiceId,
        enabled: bool,
        notice: &str,
        by: &str,
    ) -> Result<(), Fault> {
        self.check_own(service)?;
        let mut tx = self.inner.store.read().await?;
        let row = services::service(&mut tx, service).await?;
        let row = row.ok_or_else(|| Fault::missing("fault-missing"))?;
        drop(tx);
        let operation = Operation {
            enabled,
            notice: (!enabled).then(|| notice.to_owned()),
            timeout_seconds: row.timeout_seconds,
        };
        self.operate(service, operation, by).await
    }

    /// Gives a right on a service of this body to somebody whom the directory or this body knows.
    ///
    /// # Errors
    /// Nobody knows the subject, there is no such service, the endpoint can't be read, or the store or the log failed.
    pub async fn grant(&self, right: &AccessRight, by: &str) -> Result<(), Fault> {
        self.check_own(&right.service)?;
        let (subsystem, code) = (&right.service.subsystem.code, &right.service.code);
        self.held_service(subsystem, code).await?;
        if !self.is_known(&right.subject).await? {
            return Err(wrong("subject"));
        }
        right.endpoint().checked().map_err(|_| wrong("path"))?;
        self.permit_by(right, by).await
    }

    /// Takes a right on a service of this body away.
    ///
    /// # Errors
    /// The settings list it, there is none, or the store or the log failed.
    pub async fn revoke(&self, right: &AccessRight, by: &str) -> Result<(), Fault> {
        self.check_own(&right.service)?;
        let (subsystem, code) = (&right.service.subsystem.code, &right.service.code);
        let held = self.held_service(subsystem, code).await?;
        match held.rights.iter().find(|(known, _)| known == right) {
            None => Err(Fault::missing("fault-missing")),
            Some((_, true)) => Err(from_settings()),
            Some((_, false)) => self.forbid(right, by).await,
        }
    }

    /// Takes a local group away, with the rights that it had.
    ///
    /// # Errors
    /// The settings list it, there is none, or the store or the log failed.
    pub async fn drop_group(&self, code: &str, by: &str) -> Result<(), Fault> {
        if self.listed().groups.contains_key(code) {
            return Err(from_settings());
        }
        let subject = Subject::Local(code.to_owned()).to_string();
        debug_assert!(subject.starts_with(LOCAL));
        let mut tx = self.inner.begin_change().await?;
        if !offers::remove_group(&mut tx, code, &subject).await? {
            return Err(Fault::missing("fault-missing"));
        }
        self.enter_change(&mut tx, "exchange.group", code, "removed", by)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Puts a registered subsystem or member into a local group, or takes out one that the settings don't list.
    ///
    /// # Errors
    /// Nobody knows the group or the subsystem, the settings list the member, or the store or the log failed.
    pub async fn change_group(
        &self,
        code: &str,
        client: &Party,
        is_in: bool,
        by: &str,
    ) -> Result<(), Fault> {
        if !self.is_known(&Subject::Local(code.to_owned())).await? {
            return Err(Fault::missing("fault-missing"));
        }
        let listed = self.listed();
        let group = listed.groups.get(code);
        if !is_in && group.is_some_and(|group| group.members.contains(client)) {
            return Err(from_settings());
        }
        if is_in && !super::held::knows(self.directory().as_deref(), client) {
            return Err(wrong("subject"));
        }
        self.set_member(code, client, is_in, by).await
    }

    /// No form, whatever stands in it, reaches another body's service.
    fn check_own(&self, service: &ServiceId) -> Result<(), Fault> {
        match service.member() == &self.inner.settings.member {
            true => Ok(()),
            false => Err(Fault::denied("fault-denied").detail("a service of another body")),
        }
    }

    async fn must_be_ours(&self, service: &ServiceId) -> Result<(), Fault> {
        self.check_own(service)?;
        let held = self
            .held_service(&service.subsystem.code, &service.code)
            .await?;
        match held.origin {
            Origin::Page => Ok(()),
            Origin::Settings | Origin::Node => Err(from_settings()),
        }
    }
}

fn from_settings() -> Fault {
    Fault::new(FaultKind::Conflict, "fault-exchange-from-settings")
}

fn wrong(field: &'static str) -> Fault {
    Fault::invalid("fault-exchange-offer").arg("field", field)
}

/// Letters, digits, `-`, `.` and `_`: what every program writes into an address the same way.
fn is_code(code: &str) -> bool {
    let fits = |c: u8| c.is_ascii_alphanumeric() || b"-._".contains(&c);
    (1..=CODE_BYTES_MAX).contains(&code.len())
        && code.bytes().all(fits)
        && code.bytes().any(|c| c.is_ascii_alphanumeric())
}

/// An absolute HTTP address without credentials, query or fragment of its own.
fn check_url(url: &str) -> Result<(), ()> {
    let plain = url.len() <= URL_BYTES_MAX && !url.contains(['#', '@', ' ', '\\']);
    let uri: http::Uri = url.parse().map_err(|_| ())?;
    let web = matches!(uri.scheme_str(), Some("http" | "https"));
    let host = uri.host().is_some_and(|host| !host.is_empty());
    (plain && web && host).then_some(()).ok_or(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_plain() {
        for good in [
            "http://10.0.0.5:8080/api",
            "https://sistema.muni.gob.pe",
            "http://[::1]:80/v1/openapi.json?x=1",
        ] {
            assert!(check_url(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "sistema/api",
            "file:///etc/passwd",
            "ftp://a/b",
            "http://",
            "http:///a",
            "http://user:pass@host/",
            "http://host/#top",
            "http://host/a b",
            "http://host\\@other/",
        ] {
            assert!(check_url(bad).is_err(), "{bad}");
        }
        assert!(check_url(&format!("http://h/{}", "a".repeat(URL_BYTES_MAX))).is_err());
    }

    #[test]
    fn codes_are_plain() {
        for good in ["personas", "v1.2", "A-b_9"] {
            assert!(is_code(good), "{good}");
        }
        for bad in ["", "..", "a/b", "a b", "ñ", "a%2fb", "-"] {
            assert!(!is_code(bad), "{bad}");
        }
    }
}
