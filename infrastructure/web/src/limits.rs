//! The limits of the outer layer: sizes, time, concurrency and a bucket of requests per client.
//!
//! Promises: bounded memory, whatever comes. Refuses: knowing who the client is beyond an address.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kernel::Moment;

/// Most clients whose buckets are remembered; about 1 MB. Beyond it the fullest buckets are forgotten first.
const CLIENTS_MAX: usize = 10_000;

/// The limits of one house's pages.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a body that is not a multipart form. Our longest form has some tens of kB.
    pub body_bytes: usize,
    /// Bytes of a multipart form with its files; sized for scanned papers over a slow line.
    pub upload_bytes: usize,
    /// How long a handler may take, reading of the body included; a 20 MB upload over 1 Mbit/s takes three minutes.
    pub time: Duration,
    /// Requests in work at one time; more are told to come back.
    pub concurrency: usize,
    /// Requests a client may send at once after a pause. A cabina with one address seats thirty people.
    pub burst: u32,
    /// Requests per second a client may send in the long run.
    pub per_second: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 512 * 1024,
            upload_bytes: 20 * 1024 * 1024,
            time: Duration::from_secs(240),
            concurrency: 512,
            burst: 300,
            per_second: 30,
        }
    }
}

/// Token buckets by client address.
pub struct Buckets {
    burst: u32,
    per_second: u32,
    clients: Mutex<HashMap<String, Bucket>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    /// Millionths of a request.
    tokens: u64,
    filled_at: Moment,
}

impl Buckets {
    /// Buckets that hold `burst` requests and fill with `per_second`.
    pub fn new(burst: u32, per_second: u32) -> Self {
        Self {
            burst,
            per_second,
            clients: Mutex::new(HashMap::new()),
        }
    }

    /// Takes one request from the client's bucket; false if it is empty.
    pub fn take(&self, client: &str, now: Moment) -> bool {
        let full = u64::from(self.burst) * 1_000_000;
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if clients.len() >= CLIENTS_MAX && !clients.contains_key(client) {
            forget(&mut clients, now, self.per_second, full);
        }
        let bucket = clients.entry(client.to_owned()).or_insert(Bucket {
            tokens: full,
            filled_at: now,
        });
        *bucket = bucket.filled(now, self.per_second, full);
        match bucket.tokens.checked_sub(1_000_000) {
            Some(left) => {
                bucket.tokens = left;
                true
            }
            None => false,
        }
    }
}

impl Bucket {
    fn filled(self, now: Moment, per_second: u32, full: u64) -> Self {
        // A microsecond at n per second gives n millionths of a request.
        let micros = u64::try_from(now.0.saturating_sub(self.filled_at.0)).unwrap_or(0);
        let gained = micros.saturating_mul(u64::from(per_second));
        Self {
            tokens: self.tokens.saturating_add(gained).min(full),
            filled_at: now,
        }
    }
}

/// Forgets all full buckets (they would be made anew the same), and everything if none is full.
fn forget(clients: &mut HashMap<String, Bucket>, now: Moment, per_second: u32, full: u64) {
    clients.retain(|_, bucket| bucket.filled(now, per_second, full).tokens < full);
    if clients.len() >= CLIENTS_MAX {
        clients.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_fills_with_time_and_is_each_clients_own() {
        let buckets = Buckets::new(3, 2);
        let start = Moment::from_seconds(1_000);
        let taken = |n: usize, at: Moment| (0..n).filter(|_| buckets.take("a", at)).count();
        assert_eq!(taken(5, start), 3);
        assert_eq!(taken(5, start.plus_seconds(1)), 2);
        assert_eq!(taken(9, start.plus_seconds(60)), 3);
        assert!(buckets.take("b", start));
    }

    #[test]
    fn memory_is_bounded() {
        let buckets = Buckets::new(1, 1);
        for client in 0..(CLIENTS_MAX + 100) {
            buckets.take(&client.to_string(), Moment::from_seconds(1));
        }
        assert!(buckets.clients.lock().unwrap().len() <= CLIENTS_MAX);
    }
}
