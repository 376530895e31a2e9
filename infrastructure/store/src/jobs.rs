//! Jobs and events: work that is promised inside a transaction and done after it, at least once.
//!
//! A job is a row, written in the transaction of the act that wants it. It is retried with back-off, and when its
//! attempts are used up it lies in the dead-letter list, where an operator sees it and can run it again. An event is
//! one job for each subscriber of its topic.

use std::collections::{BTreeMap, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kernel::{Id, Moment};
use serde_json::Value as Json;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::{Store, StoreError, Tx, params, sql};

/// Jobs at a time in one body: they mostly wait for the network, and hundreds of bodies may share a process.
const RUNNING_MAX: usize = 8;
/// A claimed job that nobody finished is claimed again after this time.
const LEASE_SECONDS: i64 = 600;
/// How often the table is read when nothing rings.
const POLL: Duration = Duration::from_millis(1_000);
/// Attempts before a job is dead, unless its handler says otherwise.
pub const ATTEMPTS_MAX: u32 = 12;
/// Longest pause between attempts.
const BACK_OFF_SECONDS_MAX: i64 = 3_600;
/// Longest error text kept with a job.
const ERROR_CHARS_MAX: usize = 500;
/// Dead letters shown at a time.
const DEAD_LETTERS_MAX: usize = 200;

/// A boxed future, as job functions return it.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send + 'static>>;
/// What runs a job.
pub type JobFn = Arc<dyn Fn(JobRun) -> BoxFuture<Result<(), JobError>> + Send + Sync>;

/// A job to be done.
#[derive(Clone, Debug)]
pub struct Job {
    kind: String,
    payload: Json,
    dedupe: Option<String>,
    run_at: Option<Moment>,
}

/// One attempt at a job.
#[derive(Clone, Debug)]
pub struct JobRun {
    /// The job.
    pub id: Id,
    /// What it was given.
    pub payload: Json,
    /// 1 for the first attempt.
    pub attempt: u32,
}

/// Why an attempt did not succeed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{cause}")]
pub struct JobError {
    cause: String,
    give_up: bool,
    after_seconds: Option<i64>,
}

/// Runs the jobs of one kind.
#[derive(Clone)]
pub struct JobHandler {
    /// The kind of job.
    pub kind: &'static str,
    /// The function.
    pub run: JobFn,
    /// Attempts before the job is dead.
    pub attempts_max: u32,
}

/// Is told of every event of a topic.
#[derive(Clone)]
pub struct Subscriber {
    /// The topic, for example `case.granted`.
    pub topic: &'static str,
    /// The subscriber's name, unique within the topic.
    pub name: &'static str,
    /// The function.
    pub run: JobFn,
}

/// A job whose attempts are used up.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// The job.
    pub id: Id,
    /// Its kind.
    pub kind: String,
    /// Attempts made.
    pub attempts: i64,
    /// What the last attempt said.
    pub error: String,
    /// When it was promised.
    pub created_at: Moment,
}

/// How many jobs are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobCounts {
    /// Waiting.
    pub ready: i64,
    /// Being done.
    pub running: i64,
    /// In the dead-letter list.
    pub dead: i64,
}

impl Job {
    /// A job of `kind` to be done as soon as possible.
    pub fn new(kind: impl Into<String>, payload: Json) -> Self {
        Self {
            kind: kind.into(),
            payload,
            dedupe: None,
            run_at: None,
        }
    }

    /// While a job of the same kind and key is there, this one is not added.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.dedupe = Some(key.into());
        self
    }

    /// Not before `moment`.
    #[must_use]
    pub fn at(mut self, moment: Moment) -> Self {
        self.run_at = Some(moment);
        self
    }
}

impl JobError {
    /// Try again later, with growing pauses.
    pub fn retry(cause: impl std::fmt::Display) -> Self {
        Self {
            cause: cause.to_string(),
            give_up: false,
            after_seconds: None,
        }
    }

    /// Try again after `seconds`.
    pub fn retry_after(seconds: i64, cause: impl std::fmt::Display) -> Self {
        Self {
            cause: cause.to_string(),
            give_up: false,
            after_seconds: Some(seconds),
        }
    }

    /// Trying again makes no sense: straight to the dead-letter list.
    pub fn give_up(cause: impl std::fmt::Display) -> Self {
        Self {
            cause: cause.to_string(),
            give_up: true,
            after_seconds: None,
        }
    }
}

impl From<StoreError> for JobError {
    fn from(error: StoreError) -> Self {
        Self::retry(error)
    }
}

impl From<kernel::Fault> for JobError {
    fn from(fault: kernel::Fault) -> Self {
        Self::retry(fault)
    }
}

impl JobHandler {
    /// Runs jobs of `kind` with `run`.
    pub fn new<F, R>(kind: &'static str, run: F) -> Self
    where
        F: Fn(JobRun) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), JobError>> + Send + 'static,
    {
        Self {
            kind,
            run: Arc::new(move |job| Box::pin(run(job))),
            attempts_max: ATTEMPTS_MAX,
        }
    }
}

impl Subscriber {
    /// Tells `run` of every event of `topic`.
    pub fn new<F, R>(topic: &'static str, name: &'static str, run: F) -> Self
    where
        F: Fn(JobRun) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), JobError>> + Send + 'static,
    {
        Self {
            topic,
            name,
            run: Arc::new(move |job| Box::pin(run(job))),
        }
    }
}

fn event_kind(topic: &str, name: &str) -> String {
    format!("{topic}>{name}")
}

impl Tx {
    /// Promises a job in this transaction.
    ///
    /// # Errors
    /// The engine refuses.
    pub async fn enqueue(&mut self, job: Job) -> Result<(), StoreError> {
        let store = self.store.clone();
        let now = store.clock().now();
        let id = Id::new(store.clock().as_ref(), store.chance().as_ref());
        let values = params![
            id,
            job.kind,
            job.dedupe,
            job.payload.to_string(),
            job.run_at.unwrap_or(now),
            now
        ];
        self.execute(sql::JOB_INSERT, &values).await?;
        self.rings = true;
        Ok(())
    }

    /// Tells every subscriber of `topic`, by a job for each, in this transaction.
    ///
    /// # Errors
    /// The engine refuses.
    pub async fn publish(&mut self, topic: &str, payload: &Json) -> Result<(), StoreError> {
        let kinds: Vec<String> = {
            let known = self
                .store
                .inner
                .subscribers
                .read()
                .unwrap_or_else(PoisonError::into_inner);
            known
                .iter()
                .filter(|(t, _)| *t == topic)
                .map(|(t, n)| event_kind(t, n))
                .collect()
        };
        for kind in kinds {
            self.enqueue(Job::new(kind, payload.clone())).await?;
        }
        Ok(())
    }
}

/// What the runner needs to know of one kind.
type Handlers = BTreeMap<String, (JobFn, u32)>;

/// Runs a store's jobs until told to stop.
pub struct Runner {
    store: Store,
    handlers: Arc<Handlers>,
    /// Jobs this process is doing now; a leap of the clock must not start them twice.
    running: Arc<Mutex<HashSet<Id>>>,
}

impl Runner {
    /// A runner for `store`; from now on, publishing reaches `subscribers`.
    pub fn new(store: Store, jobs: Vec<JobHandler>, subscribers: Vec<Subscriber>) -> Self {
        let mut handlers = Handlers::new();
        for job in jobs {
            handlers.insert(job.kind.to_owned(), (job.run, job.attempts_max));
        }
        let mut known = Vec::new();
        for subscriber in subscribers {
            known.push((subscriber.topic, subscriber.name));
            let kind = event_kind(subscriber.topic, subscriber.name);
            handlers.insert(kind, (subscriber.run, ATTEMPTS_MAX));
        }
        *store
            .inner
            .subscribers
            .write()
            .unwrap_or_else(PoisonError::into_inner) = known;
        Self {
            store,
            handlers: Arc::new(handlers),
            running: Arc::default(),
        }
    }

    /// The kinds of job this runner knows.
    pub fn kinds(&self) -> Vec<String> {
        self.handlers.keys().cloned().collect()
    }

    /// Puts back what a killed process had claimed. Call once at start, before [`Runner::run`], on a store that no
    /// other process serves.
    ///
    /// # Errors
    /// The engine refuses.
    pub async fn recover(&self) -> Result<u64, StoreError> {
        let mut tx = self.store.begin().await?;
        let count = tx.execute(sql::JOBS_RELEASE, &[]).await?;
        tx.commit().await?;
        Ok(count)
    }

    /// Runs jobs until `stop` turns true, then waits for those under way.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let gate = Arc::new(Semaphore::new(RUNNING_MAX));
        let mut tasks = JoinSet::new();
        while !*stop.borrow() {
            let claimed = match self.claim(gate.available_permits()).await {
                Ok(claimed) => claimed,
                Err(error) => {
                    tracing::warn!(%error, "jobs: the table could not be read");
                    Vec::new()
                }
            };
            let idle = claimed.is_empty();
            for (kind, job) in claimed {
                let permit = gate.clone().acquire_owned().await;
                let (store, handlers, running) = (
                    self.store.clone(),
                    self.handlers.clone(),
                    self.running.clone(),
                );
                tasks.spawn(async move {
                    let id = job.id;
                    attempt(&store, &handlers, &kind, job).await;
                    running
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .remove(&id);
                    store.inner.bell.notify_one();
                    drop(permit);
                });
            }
            while tasks.try_join_next().is_some() {}
            if idle {
                tokio::select! {
                    () = self.store.inner.bell.notified() => {}
                    () = tokio::time::sleep(POLL) => {}
                    _ = stop.changed() => {}
                }
            }
        }
        while tasks.join_next().await.is_some() {}
    }

    /// Does every job that is due, one after another, and tells how many. For tests and for commands that end.
    ///
    /// # Errors
    /// The engine refuses.
    pub async fn drain(&self) -> Result<usize, StoreError> {
        let mut count = 0;
        loop {
            let claimed = self.claim(1).await?;
            let Some((kind, job)) = claimed.into_iter().next() else {
                return Ok(count);
            };
            let id = job.id;
            attempt(&self.store, &self.handlers, &kind, job).await;
            self.running
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&id);
            count += 1;
        }
    }

    async fn claim(&self, limit: usize) -> Result<Vec<(String, JobRun)>, StoreError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let now = self.store.clock().now();
        // A read first: an idle body must not take the write lock every second.
        let due = self
            .store
            .read()
            .await?
            .all(sql::JOB_DUE, &params![now, limit + RUNNING_MAX])
            .await?;
        let mut free = Vec::new();
        for row in due {
            let id = row.id(0)?;
            if !self
                .running
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .contains(&id)
            {
                free.push(id);
            }
        }
        free.truncate(limit);
        if free.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.store.begin().await?;
        let mut claimed = Vec::with_capacity(free.len());
        for id in free {
            let values = params![now, now.plus_seconds(LEASE_SECONDS), id];
            if let Some(row) = tx.maybe(sql::JOB_CLAIM, &values).await? {
                let payload = serde_json::from_str(&row.text(2)?).unwrap_or(Json::Null);
                let attempt = u32::try_from(row.int(3)?).unwrap_or(u32::MAX);
                claimed.push((
                    row.text(1)?,
                    JobRun {
                        id,
                        payload,
                        attempt,
                    },
                ));
            }
        }
        tx.commit().await?;
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.extend(claimed.iter().map(|(_, job)| job.id));
        drop(running);
        Ok(claimed)
    }
}

async fn attempt(store: &Store, handlers: &Handlers, kind: &str, job: JobRun) {
    let (id, attempt) = (job.id, job.attempt);
    let outcome = match handlers.get(kind) {
        // A panic in a job is that job's failure, not the runner's.
        Some((run, _)) => match tokio::spawn(run(job)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(JobError::retry("the job panicked; see the log")),
        },
        None => Err(JobError::give_up("no handler of this kind in this program")),
    };
    let attempts_max = handlers.get(kind).map_or(0, |(_, max)| *max);
    if let Err(error) = settle(store, id, kind, attempt, attempts_max, outcome).await {
        tracing::warn!(%error, job = %id, kind, "jobs: the outcome could not be noted; it will run again");
    }
}

async fn settle(
    store: &Store,
    id: Id,
    kind: &str,
    attempt: u32,
    attempts_max: u32,
    outcome: Result<(), JobError>,
) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    match outcome {
        Ok(()) => tx.execute(sql::JOB_DONE, &params![id]).await?,
        Err(error) => {
            let cause: String = error.cause.chars().take(ERROR_CHARS_MAX).collect();
            if error.give_up || attempt >= attempts_max {
                tracing::error!(job = %id, kind, attempt, cause, "jobs: given up; see the dead letters");
                tx.execute(sql::JOB_DEAD, &params![id, cause]).await?
            } else {
                tracing::info!(job = %id, kind, attempt, cause, "jobs: will be tried again");
                let doubled = 1_i64 << attempt.min(12);
                let pause = error
                    .after_seconds
                    .unwrap_or(doubled)
                    .min(BACK_OFF_SECONDS_MAX);
                let at = store.clock().now().plus_seconds(pause);
                tx.execute(sql::JOB_RETRY, &params![id, at, cause]).await?
            }
        }
    };
    tx.commit().await
}

impl Store {
    /// The dead-letter list, newest first.
    ///
    /// # Errors
    /// The engine refuses.
    pub async fn dead_letters(&self) -> Result<Vec<DeadLetter>, StoreError> {
        let rows = self
            .read()
            .await?
            .all(sql::JOBS_DEAD, &params![DEAD_LETTERS_MAX])
            .await?;
        rows.iter()
            .map(|row| {
                Ok(DeadLetter {
                    id: row.id(0)?,
                    kind: row.text(1)?,
                    attempts: row.int(2)?,
                    error: row.opt_text(3)?.unwrap_or_default(),
                    created_at: row.moment(4)?,
                })
            })
            .collect()
    }

    /// Gives a dead job new attempts; false if there is no such dead job.
    ///
    /// # Errors
    /// The engine refuses.
    pub async fn replay(&self, id: Id) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let count = tx
            .execute(sql::JOB_REPLAY, &params![id, self.clock().now()])
            .await?;
        tx.rings = true;
        tx.commit().await?;
        Ok(count == 1)
    }

    /// How many jobs wait, run and are dead.
    ///
    /// # Errors
    /// The engine refuses.
    pub async fn job_counts(&self) -> Result<JobCounts, StoreError> {
        let mut counts = JobCounts::default();
        for row in self.read().await?.all(sql::JOB_COUNTS, &[]).await? {
            match row.text(0)?.as_str() {
                "ready" => counts.ready = row.int(1)?,
                "running" => counts.running = row.int(1)?,
                "dead" => counts.dead = row.int(1)?,
                _ => {}
            }
        }
        Ok(counts)
    }

    /// Makes the runner look at the table now; after the clock was moved.
    pub fn wake(&self) {
        self.inner.bell.notify_one();
    }
}
