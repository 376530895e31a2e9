//! What an operator should know: certificates that end soon, a directory that runs out, time stamps that are missing.
//!
//! Read by `tambo check` and the health address. Each problem is one line in English without personal data.

use kernel::Fault;

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
                    "exchange: the {name} certificate ends at {}",
                    certificate.not_after()
                ));
            }
        }
        match inner.held.any() {
            None => problems.push("exchange: there is no directory".to_owned()),
            Some(view) => {
                let end = view.directory().expires_at;
                if end.seconds_since(now) < DIRECTORY_NOTICE_SECONDS {
                    problems.push(format!("exchange: the directory ends at {end}"));
                }
            }
        }
        let published = inner.held.any().map(|view| view.directory().published_at);
        problems.extend(inner.guard.problems(now, published));
        let mut tx = inner.store.read().await?;
        let (oldest, count) = sql::stamp_backlog(&mut tx).await?;
        let grace = inner.settings.stamp_grace_seconds;
        if oldest.is_some_and(|oldest| grace > 0 && now.seconds_since(oldest) > grace / 4) {
            problems.push(format!("exchange: {count} messages wait for a time stamp"));
        }
        Ok(problems)
    }
}
