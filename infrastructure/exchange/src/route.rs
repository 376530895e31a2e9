//! Which of a provider's servers is called: the one that answers first, remembered for a while.
//!
//! X-Road's way (PR-MESSTRANSP section 2; its fastest-connection cache): all servers on which the provider is registered
//! are connected to at once, the first connection wins and is remembered for an hour; servers in maintenance are left
//! out; a server that fails is forgotten at once and the others are tried, as long as nothing was said. A named server
//! (`X-Road-Security-Server`) is the only one asked. Read by `ask`, which gets a reply or one reason.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kernel::{Moment, ServerId, SubsystemId};

use crate::Exchange;
use crate::ask::{AskError, refused};
use crate::directory::{Server, View};
use crate::domain::codes::{Code, Leaf};
use crate::wire::{Call, Line, Reply, WireError};

/// Most providers whose fastest server is remembered; an instance has a few thousand.
const REMEMBERED_MAX: usize = 10_000;

/// The fastest server of each provider.
#[derive(Debug)]
pub(crate) struct Fastest {
    hold: Duration,
    won: Mutex<HashMap<SubsystemId, (String, Moment)>>,
}

impl Fastest {
    /// Remembers for `hold`; not at all if it is zero.
    pub(crate) fn new(hold: Duration) -> Self {
        Self {
            hold,
            won: Mutex::default(),
        }
    }

    pub(crate) fn of(&self, provider: &SubsystemId, now: Moment) -> Option<String> {
        let won = self.won.lock().unwrap_or_else(PoisonError::into_inner);
        let (address, since) = won.get(provider)?;
        let hold = i64::try_from(self.hold.as_secs()).unwrap_or(i64::MAX);
        (0..hold)
            .contains(&now.seconds_since(*since))
            .then(|| address.clone())
    }

    fn remember(&self, provider: &SubsystemId, address: &str, now: Moment) {
        let mut won = self.won.lock().unwrap_or_else(PoisonError::into_inner);
        if won.len() >= REMEMBERED_MAX && !won.contains_key(provider) {
            won.clear();
        }
        won.insert(provider.clone(), (address.to_owned(), now));
    }

    fn forget(&self, provider: &SubsystemId, address: &str) {
        let mut won = self.won.lock().unwrap_or_else(PoisonError::into_inner);
        if won.get(provider).is_some_and(|(known, _)| known == address) {
            won.remove(provider);
        }
    }
}

/// Why no server replied.
#[derive(Debug)]
pub(crate) enum NoReply {
    /// The directory leaves nobody to ask.
    Nobody {
        /// The code in X-Road's terms.
        code: Code,
        /// For whoever asked.
        message: String,
    },
    /// The last line failed.
    Wire(WireError),
}

impl NoReply {
    fn nobody(leaf: Leaf, message: impl Into<String>) -> Self {
        Self::Nobody {
            code: Code::asking(leaf),
            message: message.into(),
        }
    }
}

/// The servers that may be asked: registered for the provider, named if one was named, not in maintenance.
fn candidates<'a>(
    view: &'a View,
    provider: &SubsystemId,
    wanted: Option<&ServerId>,
) -> Result<Vec<&'a str>, NoReply> {
    let registered: Vec<&Server> = view.servers_of(provider).collect();
    if registered.is_empty() {
        let message = "no server is registered for the service";
        return Err(NoReply::nobody(Leaf::UnknownMember, message));
    }
    let named: Vec<&Server> = registered
        .into_iter()
        .filter(|server| wanted.is_none_or(|wanted| server.id == *wanted))
        .collect();
    let mut open: Vec<&str> = named
        .iter()
        .filter(|server| server.maintenance.is_none())
        .map(|server| server.address.as_str())
        .collect();
    open.dedup();
    match (open.is_empty(), named.first()) {
        (false, _) => Ok(open),
        (true, None) => {
            let message = "the named server is not one of the provider's";
            Err(NoReply::nobody(Leaf::InvalidSecurityServer, message))
        }
        (true, Some(server)) => {
            let told = server.maintenance.as_ref();
            let told = told
                .and_then(|pause| pause.message.as_deref())
                .filter(|text| !text.is_empty());
            let told = told.map_or(String::new(), |text| format!(": {text}"));
            let message = format!("server {} is in maintenance mode{told}", server.id);
            Err(NoReply::nobody(Leaf::MaintenanceMode, message))
        }
    }
}

impl Exchange {
    /// Sends a call to one of the provider's servers. A server to which nothing was said may be followed by another.
    ///
    /// # Errors
    /// [`NoReply`].
    pub(crate) async fn reach(
        &self,
        provider: &SubsystemId,
        wanted: Option<&ServerId>,
        view: &View,
        call: &Call,
    ) -> Result<Reply, NoReply> {
        let fastest = &self.inner.fastest;
        let now = self.inner.clock.now();
        let mut open = candidates(view, provider, wanted)?;
        let has_choice = open.len() > 1;
        loop {
            let known = fastest.of(provider, now);
            let known = open
                .iter()
                .copied()
                .find(|&one| known.as_deref() == Some(one));
            let chosen = match (known, open.as_slice()) {
                (Some(address), _) | (None, &[address]) => self.kept(address).await,
                (None, several) => self.inner.wire.first_line(several).await,
            };
            let (address, result) = match chosen {
                Ok(line) => {
                    let address = line.address().to_owned();
                    (Some(address), self.say(line, provider, view, call).await)
                }
                Err((address, error)) => (address, Err(error)),
            };
            match (result, address) {
                (Ok(reply), Some(address)) => {
                    if has_choice && known.is_none() && wanted.is_none() {
                        fastest.remember(provider, &address, now);
                    }
                    return Ok(reply);
                }
                (Err(error), Some(address)) => {
                    fastest.forget(provider, &address);
                    open.retain(|one| *one != address);
                    if open.is_empty() || !matches!(error, WireError::Unreachable(_)) {
                        return Err(NoReply::Wire(error));
                    }
                }
                (Ok(reply), None) => return Ok(reply),
                (Err(error), None) => return Err(NoReply::Wire(error)),
            }
        }
    }

    async fn kept(&self, address: &str) -> Result<Line, (Option<String>, WireError)> {
        let line = self.inner.wire.line(address, false).await;
        line.map_err(|error| (Some(address.to_owned()), error))
    }

    /// Says a call over a line, or over a fresh one to the same server if the kept one had been closed. Nothing is said
    /// before the other end's certificate is known to be the provider's and good.
    async fn say(
        &self,
        mut line: Line,
        provider: &SubsystemId,
        view: &View,
        call: &Call,
    ) -> Result<Reply, WireError> {
        let inner = &self.inner;
        let address = line.address().to_owned();
        for is_last in [false, true] {
            if !view.serves(line.peer(), provider) {
                let cause = "the node there is not a server of the provider".to_owned();
                return Err(WireError::Unreachable(cause));
            }
            let host = line.ocsp_host();
            let status = inner.statuses.of_peer(line.peer(), host, view).await;
            status.map_err(WireError::Unreachable)?;
            match inner.wire.call(line, call).await {
                Err(WireError::Unsent) if !is_last => {
                    line = inner.wire.line(&address, true).await?;
                }
                Err(WireError::Unsent) => break,
                result => return result,
            }
        }
        let cause = "the node closes its lines".to_owned();
        Err(WireError::Unreachable(cause))
    }
}

impl From<WireError> for AskError {
    fn from(error: WireError) -> Self {
        match error {
            WireError::Timeout => Self::Timeout,
            WireError::Unreachable(cause) => Self::Unreachable { cause },
            WireError::Broken(cause) => Self::Broken { cause },
            WireError::Unsent => Self::Unreachable {
                cause: "nothing was sent".to_owned(),
            },
            WireError::Malformed(cause) => Self::BadSignature { cause },
            WireError::TooLarge => refused(
                Code::asking(Leaf::InvalidBody).of_service(),
                "the answer is over this node's limit",
            ),
            WireError::NoRoom(cause) => {
                tracing::error!(%cause, "there is no room for a body");
                let why = "this node has no room for the answer now";
                refused(Code::asking(Leaf::IoError), why)
            }
        }
    }
}
