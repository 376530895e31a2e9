//! Which shared lines there are to which node, and one dial at a time for each.
//!
//! Read by `caller`. Many calls that find no line would each make one; they wait for the first instead, and share its
//! line or its failure. A node that does not know how to share is not asked again for an hour.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::Instant;

use super::caller::{Caller, Line, WireError};

/// How long a node that shares no lines is taken at its word.
const PLAIN: Duration = Duration::from_secs(3_600);
/// Most addresses remembered; an instance has a few thousand servers.
const REMEMBERED_MAX: usize = 10_000;

/// All meetings of a caller, by address.
#[derive(Default)]
pub(super) struct Meetings(Mutex<HashMap<String, Arc<Meeting>>>);

/// What is known of one address.
#[derive(Default)]
pub(super) struct Meeting {
    lines: Mutex<Vec<Line>>,
    /// Since when it is known to share no lines.
    plain: Mutex<Option<Instant>>,
    /// Held while somebody dials; when and how the last dial failed.
    dialling: tokio::sync::Mutex<Option<(Instant, String)>>,
}

impl Meetings {
    /// The meeting at an address, unless it is known to share no lines.
    pub(super) fn at(&self, address: &str) -> Option<Arc<Meeting>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let meeting = match all.get(address) {
            Some(meeting) => meeting.clone(),
            None => {
                if all.len() >= REMEMBERED_MAX {
                    all.clear();
                }
                let meeting = Arc::new(Meeting::default());
                all.insert(address.to_owned(), meeting.clone());
                meeting
            }
        };
        drop(all);
        (!meeting.is_plain()).then_some(meeting)
    }
}

impl Meeting {
    fn is_plain(&self) -> bool {
        let plain = self.plain.lock().unwrap_or_else(PoisonError::into_inner);
        plain.is_some_and(|since| since.elapsed() < PLAIN)
    }

    fn be_plain(&self) {
        *self.plain.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// A line with room for a call whose peer still counts.
    fn open(&self, caller: &Caller) -> Option<Line> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.retain(|line| !line.is_over() && caller.is_still_good(line));
        lines.iter().find_map(Line::again)
    }

    fn add(&self, line: &Line) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.extend(line.again());
    }
}

impl Caller {
    /// A line to `address` that carries many calls, or a plain one if the node there knows no other; over `tcp` if it is
    /// connected already and no line is open.
    pub(super) async fn shared_line(
        &self,
        meeting: &Meeting,
        address: &str,
        tcp: Option<TcpStream>,
    ) -> Result<Line, WireError> {
        if let Some(line) = meeting.open(self) {
            return Ok(line);
        }
        let came = Instant::now();
        let mut last = meeting.dialling.lock().await;
        if let Some(line) = meeting.open(self) {
            return Ok(line);
        }
        if meeting.is_plain() {
            drop(last);
            return self.connect(address, tcp, false).await;
        }
        if let Some((failed, cause)) = last.as_ref()
            && *failed >= came
        {
            return Err(WireError::Unreachable(cause.clone()));
        }
        match self.connect(address, tcp, true).await {
            Ok(line) => {
                match line.is_shared() {
                    true => meeting.add(&line),
                    false => meeting.be_plain(),
                }
                Ok(line)
            }
            Err(error) => {
                *last = Some((Instant::now(), error.to_string()));
                Err(error)
            }
        }
    }
}
