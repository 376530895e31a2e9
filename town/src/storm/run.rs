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
use super::{Report, Storm};

/// How long the directory of a storm holds, in seconds.
const DAY: i64 = 86_400;
/// Seconds after which a question without end counts as broken off; twice the longest exchange, and some.
const AFTERWARDS: i64 = 60;
/// Begins the case number that names an exchange on the wire.
const CASE: &str = "STORM-";

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
    sky.clear();
    janitor.abort();
    report.faults = sky.tally.faults();
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
    /// The exchange of each request, so that its response meets its own fate.
    exchanges: Mutex<HashMap<u64, u64>>,
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

    /// The exchange that a passage belongs to; none for connections, and for what is said after the storm.
    fn exchange(&self, passage: &Passage) -> Option<u64> {
        let mut known = self
            .exchanges
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match passage.leg {
            Leg::Connect => None,
            Leg::Request => {
                let number = case_in(&passage.bytes)?;
                known.insert(passage.number, number);
                Some(number)
            }
            Leg::Response => known.get(&passage.number).copied(),
        }
    }
}

fn case_in(bytes: &[u8]) -> Option<u64> {
    let at = bytes
        .windows(CASE.len())
        .position(|six| six == CASE.as_bytes())?;
    let digits = bytes[at + CASE.len()..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit());
    String::from_utf8(digits.copied().collect())
        .ok()?
        .parse()
        .ok()
}

fn rule(sky: Arc<Sky>, power: mpsc::UnboundedSender<()>) -> exchange::wire::Rule {
    Arc::new(move |passage| {
        let (sky, power) = (sky.clone(), power.clone());
        Box::pin(async move {
            let over = sky.over.load(Ordering::Acquire);
            let Some(number) = sky.exchange(&passage).filter(|_| !over) else {
                return Fate::Deliver;
            };
            let Storm { seed, weather, .. } = sky.storm;
            let blow = weather.blow(seed, number, passage.leg, passage.is_copy);
            sky.tally.count(blow);
            tokio::time::sleep(weather.delay(seed, number, passage.leg, passage.is_copy)).await;
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

/// A municipality that asks and a registry that answers.
struct Scene {
    country: Country,
    clock: Arc<SetClock>,
    asking: Node,
    registry: RwLock<(Arc<Node>, Seat)>,
    registry_store: Store,
    _folder: Folder,
}

impl Scene {
    async fn set(network: &Network, storm: &Storm) -> Self {
        let (clock, folder) = (testing::clock(), Folder::new());
        let country = Country::new(clock.clone()).await;
        let one = store::testing::sqlite(&folder, clock.clone()).await;
        let other = store::testing::sqlite(&folder, clock.clone()).await;
        let (asking, _) = country.body_on(network, "MUNI", &["licencias"], one).await;
        let (registry, seat) = country
            .body_on(network, "RENIEC", &["registro"], other.clone())
            .await;
        country.publish(DAY, &[&asking, &registry]).await;
        testing::furnish(&*clock, &asking, &registry).await;
        let records: Vec<_> = (0..storm.exchanges)
            .map(|number| {
                let facts = serde_json::json!({ "person.name": name_of(number) });
                (subject_of(number), facts, None)
            })
            .collect();
        let entered = registry.exchange.record("people", &records).await;
        entered.expect("the store of the registry takes its records");
        Self {
            country,
            clock,
            asking,
            registry: RwLock::new((Arc::new(registry), seat)),
            registry_store: other,
            _folder: folder,
        }
    }

    fn registry(&self) -> Exchange {
        let held = self.registry.read().unwrap_or_else(PoisonError::into_inner);
        held.0.exchange.clone()
    }

    /// Ends the registry's work in its middle and starts it anew on what its store holds.
    async fn restart(&self, network: &Network) {
        let node = {
            let held = self.registry.read().unwrap_or_else(PoisonError::into_inner);
            held.1.cut();
            held.0.clone()
        };
        let anew = self
            .country
            .reopen_on(network, &node, self.registry_store.clone());
        let (node, seat) = anew.await;
        let mut held = self
            .registry
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *held = (Arc::new(node), seat);
    }

    /// Compares both logs, lets both sides reconcile, and compares again.
    async fn compare(&self, storm: &Storm, report: &mut Report) {
        self.clock.advance(AFTERWARDS);
        let before = self.differing(storm, Ok(report)).await;
        report.one_sided = before;
        let (asking, registry) = (&self.asking.exchange, self.registry());
        for exchange in [&registry, asking] {
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
        let mut differing = 0;
        for number in 0..storm.exchanges {
            let subject = subject_of(number);
            let ours = self.asking.exchange.questions_about(&subject).await;
            let theirs = self.registry().questions_about(&subject).await;
            let ours = ours.expect("a store that works");
            let theirs = theirs.expect("a store that works");
            if let Ok(report) = &mut report {
                report.unlogged += u64::from(ours.len() != 1);
                report.answered_twice += u64::from(theirs.len() > 1);
            }
            let end = |list: &[exchange::Question]| list.first().map(|one| one.outcome.clone());
            let told = match ours.first() {
                Some(one) => self.asking.exchange.settlement(&one.number).await,
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
        scene.restart(&network).await;
    }
}

fn subject_of(number: u64) -> String {
    format!("4{number:07}")
}

fn name_of(number: u64) -> String {
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
                ends.push((number, ask(&scene.asking.exchange, number).await));
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
