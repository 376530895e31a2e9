//! What an operator should know: certificates that end soon, a directory that runs out, time stamps that are missing.
//!
//! Read by `tambo check` and the health address. Each problem is one line in English without personal data. Load
//! balancers get the shorter list of [`Exchange::unfit`]: what keeps this node from answering now.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::{Response, StatusCode};
use kernel::Fault;
use web::metrics::NOTICE;

use crate::Exchange;
use crate::sql;

/// How long before its end a certificate is reported, in seconds: thirty days, the time that renewals take in offices.
pub const CERTIFICATE_NOTICE_SECONDS: i64 = 30 * 86_400;
/// How long before its end the directory is reported, in seconds.
pub const DIRECTORY_NOTICE_SECONDS: i64 = 3_600;

impl Exchange {
    /// The problems of this node now; empty if all is well.
    ///
    /// # Errors
    /// The store failed.
    pub async fn problems(&self) -> Result<Vec<String>, Fault> {
        let inner = &self.inner;
        let now = inner.clock.now();
        let mut problems = Vec::new();
        let chains = [
            ("signing", &inner.keys.sign_chain[..]),
            ("authentication", inner.keys.auth.chain()),
        ];
        for (name, certificate) in chains
            .iter()
            .filter_map(|(name, chain)| Some((name, chain.first()?)))
        {
            if certificate.not_after().seconds_since(now) < CERTIFICATE_NOTICE_SECONDS {
                problems.push(format!(
                    "{NOTICE}exchange: the {name} certificate ends at {}",
                    certificate.not_after()
                ));
            }
        }
        match inner.held.any() {
            None => problems.push("exchange: there is no directory".to_owned()),
            Some(view) => {
                let end = view.expires_at();
                if end.seconds_since(now) < DIRECTORY_NOTICE_SECONDS {
                    problems.push(format!("{NOTICE}exchange: the directory ends at {end}"));
                }
            }
        }
        let published = inner.held.any().and_then(|view| view.published_at());
        problems.extend(inner.guard.problems(now, published));
        let mut tx = inner.store.read().await?;
        let (oldest, count) = sql::stamp_backlog(&mut tx).await?;
        let grace = inner.settings.stamp_grace_seconds;
        if oldest.is_some_and(|oldest| grace > 0 && now.seconds_since(oldest) > grace / 4) {
            problems.push(format!("exchange: {count} messages wait for a time stamp"));
        }
        drop(tx);
        problems.extend(self.waiting_problems().await?);
        Ok(problems)
    }

    /// Why this node can't exchange messages now; nothing if it can.
    pub async fn unfit(&self) -> Option<String> {
        let inner = &self.inner;
        let now = inner.clock.now();
        if inner.held.current(now).is_none() {
            return Some("the directory of the instance is missing or has expired".to_owned());
        }
        if let Err(unfit) = self.inner.can_keep(now) {
            return Some(unfit.to_string());
        }
        if inner.stamps_are_late(now) {
            return Some("messages have been without time stamps for too long".to_owned());
        }
        if let Err(cause) = inner.statuses.own(&inner.keys).await {
            return Some(format!(
                "the status of this node's certificates is not known: {cause}"
            ));
        }
        let mut tx = match inner.store.read().await {
            Ok(tx) => tx,
            Err(error) => return Some(format!("the store can't be read: {error}")),
        };
        let reading = sql::pending(&mut tx).await;
        reading
            .err()
            .map(|error| format!("the store can't be read: {error}"))
    }

    /// Takes this node out of its load balancer, or puts it back; lasts until the program ends.
    pub fn set_maintenance(&self, maintenance: bool) {
        self.inner.maintenance.store(maintenance, Ordering::Relaxed);
    }

    /// Whether [`Exchange::set_maintenance`] took this node out.
    pub fn in_maintenance(&self) -> bool {
        self.inner.maintenance.load(Ordering::Relaxed)
    }

    /// What a load balancer is told: 200 and nothing, 500 with the reason, or 503 in maintenance.
    pub(crate) async fn tell_health(&self) -> Response<Bytes> {
        let (status, text) = match self.in_maintenance() {
            true => (
                StatusCode::SERVICE_UNAVAILABLE,
                "this node is in maintenance\n".to_owned(),
            ),
            false => match self.unfit().await {
                None => (StatusCode::OK, String::new()),
                Some(why) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{why}\n")),
            },
        };
        let mut response = Response::new(Bytes::from(text));
        *response.status_mut() = status;
        response
    }
}
