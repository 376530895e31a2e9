//! Places: how many exchanges are in work at once, so that a crowd costs its patience and not the node's memory.
//!
//! Read by the systems' listener. Whoever finds no place waits in order of arrival, before a body is read and before
//! anything large is made. A place is given back when its work ends, when its caller goes away, and after [`HELD`] at the
//! latest: the work goes on, but a slow caller or a slow provider keeps nobody else waiting for longer than that.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;
use web::metrics::Metrics;

/// Longest time that one piece of work keeps a place. With all processors busy a place is had for a tenth of a second, on
/// the smallest boards for a quarter; what takes longer waits for somebody else and costs no processor.
const HELD: Duration = Duration::from_millis(500);
/// Longest wait for a place. Even if all 64 places of one processor are held to the last, a thousand callers wait for less.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// No place came free in time.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Crowded;

/// The places of one node.
pub(crate) struct Places {
    free: Semaphore,
    taken: Gauge,
    waiting: Gauge,
    turned_away: Counter,
}

/// A place that is taken; dropped, it is free.
pub(crate) struct Place<'a> {
    _permit: SemaphorePermit<'a>,
    _taken: Counted<'a>,
}

/// One more in a gauge for as long as it lives.
struct Counted<'a>(&'a Gauge);

impl<'a> Counted<'a> {
    fn new(gauge: &'a Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Places {
    /// So many places, one at least.
    pub(crate) fn new(most: usize, metrics: &Metrics) -> Self {
        let places = Self {
            free: Semaphore::new(most.max(1)),
            taken: Gauge::default(),
            waiting: Gauge::default(),
            turned_away: Counter::default(),
        };
        metrics.register(
            "exchange_places_taken",
            "Requests of systems in work, but those that have taken longer than half a second",
            places.taken.clone(),
        );
        metrics.register(
            "exchange_places_waiting",
            "Requests of systems that wait for a place",
            places.waiting.clone(),
        );
        metrics.register(
            "exchange_places_turned_away",
            "Requests of systems for which no place came free in time",
            places.turned_away.clone(),
        );
        places
    }

    /// A place, if one is free and nobody waits.
    pub(crate) fn try_enter(&self) -> Option<Place<'_>> {
        Some(self.place(self.free.try_acquire().ok()?))
    }

    /// A place, in order of arrival.
    ///
    /// # Errors
    /// [`Crowded`] after [`WAIT_MAX`].
    pub(crate) async fn enter(&self) -> Result<Place<'_>, Crowded> {
        let _waiting = Counted::new(&self.waiting);
        match timeout(WAIT_MAX, self.free.acquire()).await {
            Ok(Ok(permit)) => Ok(self.place(permit)),
            _ => {
                self.turned_away.inc();
                Err(Crowded)
            }
        }
    }

    fn place<'a>(&'a self, permit: SemaphorePermit<'a>) -> Place<'a> {
        Place {
            _permit: permit,
            _taken: Counted::new(&self.taken),
        }
    }

    /// How many wait, for tests.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> i64 {
        self.waiting.get()
    }
}

impl Place<'_> {
    /// Does the work; the place is free again when it ends, and after [`HELD`] at the latest.
    pub(crate) async fn during<W: Future + Unpin>(self, mut work: W) -> W::Output {
        match timeout(HELD, &mut work).await {
            Ok(done) => done,
            Err(_) => {
                drop(self);
                work.await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::time::Instant;

    use super::*;

    fn one() -> Arc<Places> {
        Arc::new(Places::new(1, &Metrics::new()))
    }

    #[tokio::test]
    async fn slow_work_gives_its_place_back_and_ends_all_the_same() {
        let (places, began) = (one(), Instant::now());
        let slow = {
            let places = places.clone();
            tokio::spawn(async move {
                let place = places.enter().await.unwrap();
                let work = tokio::time::sleep(HELD * 4);
                place.during(Box::pin(work)).await;
                Instant::now()
            })
        };
        tokio::task::yield_now().await;
        assert!(places.try_enter().is_none(), "it is taken");
        let place = places.enter().await.unwrap();
        let waited = began.elapsed();
        assert!(waited >= HELD && waited < HELD * 3, "{waited:?}");
        drop(place);
        let ended = slow.await.unwrap() - began;
        assert!(ended >= HELD * 4, "the slow work was done to its end");
        assert_eq!((places.taken.get(), places.waiting()), (0, 0));
    }

    #[tokio::test]
    async fn who_goes_away_leaves_no_place_taken_and_nobody_waiting() {
        let places = one();
        let entered = |places: Arc<Places>| async move {
            let place = places.enter().await.unwrap();
            place.during(Box::pin(std::future::pending::<()>())).await;
        };
        let (working, waiting) = (
            tokio::spawn(entered(places.clone())),
            tokio::spawn(entered(places.clone())),
        );
        while places.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
        assert_eq!((places.taken.get(), places.waiting()), (1, 0));
        working.abort();
        assert!(working.await.unwrap_err().is_cancelled());
        assert_eq!((places.taken.get(), places.waiting()), (0, 0));
        assert!(places.try_enter().is_some());
    }

    #[tokio::test]
    async fn who_comes_first_is_served_first() {
        let places = one();
        let held = places.try_enter().unwrap();
        let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
        for number in 0..20 {
            let (places, told) = (places.clone(), told.clone());
            let before = places.waiting();
            tokio::spawn({
                let places = places.clone();
                async move {
                    let _place = places.enter().await.unwrap();
                    told.send(number).unwrap();
                }
            });
            while places.waiting() == before {
                tokio::task::yield_now().await;
            }
        }
        drop(held);
        for number in 0..20 {
            assert_eq!(heard.recv().await, Some(number));
        }
    }
}
