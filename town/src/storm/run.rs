//! One storm from the first question to the comparison of both logs.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use exchange::testing::{self, Country, Node};
use exchange::wire::{Fate, Leg, Network, Passage, Seat};
use exchange::{Ask, AskError, Exchange};
use kernel::SetClock;
use kernel::fact::value::Value;
use store::Store;
use store::testing::Folder;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::weather::{Blow, Tally};
use super::{Report, Storm, later};

/// How long the directory of a storm holds, in seconds.
const DAY: i64 = 86_400;
/// Seconds after which a question without end counts as broken off; twice the longest exchange, and some.
const AFTERWARDS: i64 = 60;
/// Begins the case number that names an exchange on the wire.
pub(super) const CASE: &str = "STORM-";
/// Between the fates of one attempt and the next; no multiple of a period of partitions.
const ATTEMPT_STEP: u64 = 1_000_003;

/// Lets a storm pass over a municipality and a registry.
///
/// # Panics
/// If the country can't be set up.
pub async fn run(storm: Storm) -> Report {
    let sky = Arc::new(Sky::new(storm));
    let (power, cuts) = mpsc::unbounded_channel();
    let network = Network::new(rule(sky.clone(), power));
    let scene = Arc::new(Scene::set(&network, &storm).await);
    let janitor = tokio::spawn(restart_after_cuts(scene.clone(), network, cuts));
    let mut report = Report {
        seed: storm.seed,
        asked: storm.exchanges,
        ..Report::default()
    };
    let ends = ask_all(&scene, &storm).await;
    let later = later::run(&scene, &storm, || sky.clear()).await;
    janitor.abort();
    report.faults = sky.tally.faults();
    later.judge(&scene, &sky.arrivals(), &mut report).await;
    for (number, end) in ends {
        match end {
            Ok(name) if name == name_of(number) => report.answered += 1,
            Ok(_) => report.false_answers += 1,
            Err(outcome) => *report.failed.entry(outcome).or_default() += 1,
        }
    }
    scene.compare(&storm, &mut report).await;
    report
}

/// What decides on passages.
struct Sky {
    storm: Storm,
    tally: Tally,
    over: std::sync::atomic::AtomicBool,
    /// The exchange of each request and which attempt it is, so that its response meets its own fate.
    exchanges: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    of_request: HashMap<u64, (u64, u64)>,
    attempts: HashMap<u64, u64>,
    /// Deliveries whose requests went through whole, in the order in which they did for the first time.
    arrivals: Vec<u64>,
}

impl Sky {
    fn new(storm: Storm) -> Self {
        Self {
            storm,
            tally: Tally::default(),
            over: false.into(),
            exchanges: Mutex::default(),
        }
    }

    fn clear(&self) {
        self.over.store(true, Ordering::Release);
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.exchanges
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The exchange that a passage belongs to, and the attempt; none for connections, and for what is said after the storm.
    fn exchange(&self, passage: &Passage) -> Option<(u64, u64)> {
        let mut seen = self.seen();
        match passage.leg {
            Leg::Connect => None,
            Leg::Request => {
                if let Some(known) = seen.of_request.get(&passage.number) {
                    return Some(*known);
                }
                let number = self.number_in(&passage.bytes)?;
                let attempts = seen.attempts.entry(number).or_default();
                let found = (number, *attempts);
                *attempts += 1;
                seen.of_request.insert(passage.number, found);
                Some(found)
            }
            Leg::Response => seen.of_request.get(&passage.number).copied(),
        }
    }

    /// The number of a question by its case; batches of events all count as the one after the last.
    fn number_in(&self, bytes: &[u8]) -> Option<u64> {
        if let Some(rest) = after(bytes, CASE.as_bytes()) {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit());
            return String::from_utf8(digits.copied().collect())
                .ok()?
                .parse()
                .ok();
        }
        after(bytes, later::BATCHES.as_bytes())
            .map(|_| self.storm.exchanges + later::DELIVERIES_MAX)
    }

    fn arrived(&self, number: u64) {
        let mut seen = self.seen();
        if number >= self.storm.exchanges && !seen.arrivals.contains(&number) {
            seen.arrivals.push(number);
        }
    }

    fn arrivals(&self) -> Vec<u64> {
        self.seen().arrivals.clone()
    }
}

fn after<'b>(bytes: &'b [u8], wanted: &[u8]) -> Option<&'b [u8]> {
    let at = bytes
        .windows(wanted.len())
        .position(|part| part == wanted)?;
    Some(&bytes[at + wanted.len()..])
}

fn rule(sky: Arc<Sky>, power: mpsc::UnboundedSender<()>) -> exchange::wire::Rule {
    Arc::new(move |passage| {
        let (sky, power) = (sky.clone(), power.clone());
        Box::pin(async move {
            let over = sky.over.load(Ordering::Acquire);
            let Some((exchange, attempt)) = sky.exchange(&passage) else {
                return Fate::Deliver;
            };
            let is_request = passage.leg == Leg::Request;
            if over {
                if is_request {
                    sky.arrived(exchange);
                }
                return Fate::Deliver;
            }
            // Another attempt meets another fate.
            let number = exchange + attempt * ATTEMPT_STEP;
            let Storm { seed, weather, .. } = sky.storm;
            let blow = weather.blow(seed, number, passage.leg, passage.is_copy);
            // Under TLS a changed byte breaks the line; the questions before have shown what happens without.
            let blow = match blow {
                Blow::Changed(_) if is_request && exchange >= sky.storm.exchanges => Blow::Cut,
                blow => blow,
            };
            sky.tally.count(blow);
            tokio::time::sleep(weather.delay(seed, number, passage.leg, passage.is_copy)).await;
            if is_request && matches!(blow, Blow::None | Blow::Doubled | Blow::Power) {
                sky.arrived(exchange);
            }
            match blow {
                Blow::None => Fate::Deliver,
                Blow::Lost => Fate::Lose,
                Blow::Cut | Blow::Parted => Fate::Cut,
                Blow::Doubled => Fate::Twice,
                Blow::Changed(place) => changed(&passage, place),
                Blow::Power => {
                    // The registry dies while this request is on its desk.
                    let _ = power.send(());
                    Fate::Deliver
                }
            }
        })
    })
}

fn changed(passage: &Passage, place: u64) -> Fate {
    let mut bytes = passage.bytes.to_vec();
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX).max(1);
    if let Some(byte) = bytes.get_mut(usize::try_from(place % length).unwrap_or(0)) {
        *byte ^= 1;
    }
    Fate::Change(bytes.into())
}

/// A body's node, its seat on the network, and the store that outlives both.
pub(super) struct House {
    held: RwLock<(Arc<Node>, Seat)>,
    store: Store,
}

impl House {
    fn new((node, seat): (Node, Seat), store: Store) -> Self {
        let held = RwLock::new((Arc::new(node), seat));
        Self { held, store }
    }

    pub(super) fn node(&self) -> Arc<Node> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.0.clone()
    }

    /// Ends the node's work in its middle and starts it anew on what its store holds.
    pub(super) async fn restart(&self, country: &Country, network: &Network) {
        let node = {
            let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
            held.1.cut();
            held.0.clone()
        };
        let (node, seat) = country.reopen_on(network, &node, self.store.clone()).await;
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        *held = (Arc::new(node), seat);
    }
}

/// A municipality that asks and a registry that answers.
pub(super) struct Scene {
    pub(super) country: Country,
    pub(super) clock: Arc<SetClock>,
    pub(super) network: Network,
    pub(super) asking: House,
    pub(super) registry: House,
    _folder: Folder,
}

impl Scene {
    async fn set(network: &Network, storm: &Storm) -> Self {
        let (clock, folder) = (testing::clock(), Folder::new());
        let country = Country::new(clock.clone()).await;
        let one = store::testing::sqlite(&folder, clock.clone()).await;
        let other = store::testing::sqlite(&folder, clock.clone()).await;
        let asking = country
            .body_on(network, "MUNI", &["licencias"], one.clone())
            .await;
        let registry = country
            .body_on_with(
                network,
                "RENIEC",
                &["registro"],
                other.clone(),
                later::settle,
            )
            .await;
        country.publish(DAY, &[&asking.0, &registry.0]).await;
        testing::furnish(&*clock, &asking.0, &registry.0).await;
        let all = storm.exchanges + later::count(storm);
        let records: Vec<_> = (0..all)
            .map(|number| {
                let facts = serde_json::json!({ "person.name": name_of(number) });
                (subject_of(number), facts, None)
            })
            .collect();
        let entered = registry.0.exchange.record("people", &records).await;
        entered.expect("the store of the registry takes its records");
        Self {
            country,
            clock,
            network: network.clone(),
            asking: House::new(asking, one),
            registry: House::new(registry, other),
            _folder: folder,
        }
    }

    /// Compares both logs, lets both sides reconcile, and compares again.
    async fn compare(&self, storm: &Storm, report: &mut Report) {
        self.clock.advance(AFTERWARDS);
        let before = self.differing(storm, Ok(report)).await;
        report.one_sided = before;
        let (asking, registry) = (self.asking.node(), self.registry.node());
        let (asking, registry) = (&asking.exchange, &registry.exchange);
        for exchange in [registry, asking] {
            while exchange.reconcile().await.expect("a store that works") > 0 {}
        }
        while asking.settle().await.expect("a store that works") > 0 {}
        report.unreconciled = self.differing(storm, Err(&mut report.open)).await;
    }

    /// Questions whose end the asking side does not know although the registry's log holds one.
    async fn differing(
        &self,
        storm: &Storm,
        mut report: Result<&mut Report, &mut Vec<String>>,
    ) -> u64 {
        let (asking, registry) = (self.asking.node(), self.registry.node());
        let mut differing = 0;
        for number in 0..storm.exchanges {
            let subject = subject_of(number);
            let ours = asking.exchange.questions_about(&subject).await;
            let theirs = registry.exchange.questions_about(&subject).await;
            let ours = ours.expect("a store that works");
            let theirs = theirs.expect("a store that works");
            if let Ok(report) = &mut report {
                report.unlogged += u64::from(ours.len() != 1);
                report.answered_twice += u64::from(theirs.len() > 1);
            }
            let end = |list: &[exchange::Question]| list.first().map(|one| one.outcome.clone());
            let told = match ours.first() {
                Some(one) => asking.exchange.settlement(&one.number).await,
                None => Ok(None),
            };
            let told = told.expect("a store that works").map(|told| told.there);
            let (ours, theirs) = (end(&ours), end(&theirs));
            if !agree(ours.as_deref(), theirs.as_deref(), told.as_deref()) {
                if let Err(open) = &mut report {
                    open.push(format!(
                        "{number}: here {ours:?}, there {theirs:?}, told {told:?}"
                    ));
                }
                differing += 1;
            }
        }
        differing
    }
}

/// Whether the asking side knows how a question ended at the registry: by the answer itself, by the refusal, or by what
/// the registry told afterwards.
fn agree(ours: Option<&str>, theirs: Option<&str>, told: Option<&str>) -> bool {
    match (ours, theirs) {
        (None, _) | (Some("asked"), _) | (_, Some("asked")) => false,
        (Some("answered"), theirs) => theirs == Some("answered"),
        // A refusal before the journal leaves nothing there.
        (Some("refused"), theirs) => theirs != Some("answered") || told == theirs,
        (Some(_), theirs) => told == Some(theirs.unwrap_or("unknown")),
    }
}

async fn restart_after_cuts(
    scene: Arc<Scene>,
    network: Network,
    mut cuts: mpsc::UnboundedReceiver<()>,
) {
    while cuts.recv().await.is_some() {
        scene.registry.restart(&scene.country, &network).await;
    }
}

pub(super) fn subject_of(number: u64) -> String {
    format!("4{number:07}")
}

pub(super) fn name_of(number: u64) -> String {
    format!("Persona {number}")
}

type End = Result<String, &'static str>;

async fn ask_all(scene: &Arc<Scene>, storm: &Storm) -> Vec<(u64, End)> {
    let next = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..storm.at_once.max(1) {
        let (scene, next, all) = (scene.clone(), next.clone(), storm.exchanges);
        tasks.spawn(async move {
            let mut ends = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= all {
                    return ends;
                }
                ends.push((number, ask(&scene.asking.node().exchange, number).await));
            }
        });
    }
    let mut ends = Vec::new();
    while let Some(done) = tasks.join_next().await {
        ends.extend(done.expect("asking does not panic"));
    }
    ends
}

async fn ask(exchange: &Exchange, number: u64) -> End {
    let ask = Ask {
        about: subject_of(number),
        fields: vec!["person.name".to_owned()],
        case: Some(format!("{CASE}{number}")),
        ..testing::question()
    };
    let answer = exchange
        .ask(ask)
        .await
        .map_err(|error: AskError| error.outcome())?;
    match answer.get().facts.first().map(|fact| &fact.value) {
        Some(Value::Text(name)) => Ok(name.clone()),
        other => Ok(format!("{other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storm::weather::Weather;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn nothing_goes_wrong_in_calm_weather() {
        let storm = Storm {
            seed: 1,
            exchanges: 60,
            at_once: 8,
            weather: Weather::CALM,
        };
        let report = run(storm).await;
        assert!(
            report.is_good() && report.answered == 60 && report.one_sided == 0,
            "{report}"
        );
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn storms_break_no_promise() {
        for seed in [1, 2] {
            let storm = Storm {
                seed,
                exchanges: 400,
                at_once: 32,
                weather: Weather::ROUGH,
            };
            let report = run(storm).await;
            print!("{report}");
            assert!(report.is_good(), "{report}");
            assert!(
                report.answered > 200 && !report.failed.is_empty(),
                "{report}"
            );
        }
    }
}
