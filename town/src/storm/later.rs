//! The second half of a storm: deliveries and events that are accepted while lines break and both nodes lose power.
//!
//! Run by `run` when all questions are asked. Deliveries go in several orders, events in one topic; some are given twice
//! under the same number, as a system does that did not hear the first acceptance. The weather ends, time goes on, and
//! then everything that was accepted must be there: once, whole, and in order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use exchange::deliver::{LaterRequest, NewEvent, State, Topic};
use exchange::{Ask, Behalf, Exchange, Settings, testing};
use kernel::{Chance, SeededChance, SubsystemId};

use super::run::{CASE, Scene, name_of, subject_of};
use super::{Later, Report, Storm};

/// Most deliveries and most events of a storm.
pub(super) const DELIVERIES_MAX: u64 = 1_000;
/// What a batch of events is called on the wire.
pub(super) const BATCHES: &str = "/events/batches/";
/// One delivery and one event for so many questions.
const SHARE: u64 = 4;
/// Orders that deliveries go in; the deliveries beyond go in any.
const LANES: u64 = 5;
/// The topic's name.
const TOPIC: &str = "defunciones";
/// Longest time of a turn while the storm lasts, in milliseconds: then it is dropped where it is.
const TURN_MILLIS: u32 = 200;
/// Longest step of the clock while the storm lasts, in seconds.
const STEP_SECONDS: u32 = 8;
/// One node in so many steps loses power.
const POWER: u32 = 12;
/// Step of the clock after the storm, in seconds: longer than the longest pause between two attempts.
const AFTERWARDS: i64 = 900;
/// Most steps after the storm.
const ROUNDS: usize = 60;
/// Most events of one reading.
const READ: usize = 500;
/// How long the directory holds, in seconds.
const DAY: i64 = 86_400;

/// How many deliveries, and how many events, a storm has.
pub(super) fn count(storm: &Storm) -> u64 {
    (storm.exchanges / SHARE).clamp(1, DELIVERIES_MAX)
}

fn publisher() -> SubsystemId {
    testing::persons().subsystem
}

fn topic() -> Topic {
    Topic::new(publisher(), TOPIC).expect("a good name")
}

/// Gives the registry its topic.
pub(super) fn settle(settings: &mut Settings) {
    let limits = serde_json::json!({ "subsystem": "registro", "subscribers": [testing::asking()] });
    let limits = serde_json::from_value(limits).expect("limits of a topic");
    settings.topics.insert(TOPIC.to_owned(), limits);
}

/// What was accepted.
pub(super) struct Accepted {
    /// Message number of each delivery, by its place in the storm.
    deliveries: BTreeMap<u64, String>,
    events: u64,
    first: u64,
}

/// Accepts everything in the storm, then lets it pass and time go on; `over` ends the weather.
pub(super) async fn run(scene: &Scene, storm: &Storm, over: impl FnOnce()) -> Accepted {
    let chance = SeededChance::new(storm.seed ^ 0x1A7E_0000);
    let mut accepted = Accepted {
        deliveries: BTreeMap::new(),
        events: count(storm),
        first: storm.exchanges,
    };
    let (asking, topic) = (testing::asking(), topic());
    let node = scene.asking.node();
    let subscribed = node.exchange.subscribe(&asking, &topic, None);
    subscribed.await.expect("nothing befalls a subscription");
    for n in 0..count(storm) {
        let number = accept(&scene.asking.node().exchange, storm.exchanges + n).await;
        accepted.deliveries.insert(storm.exchanges + n, number);
        publish(&scene.registry.node().exchange, n).await;
        if chance.below(10) == 0 {
            publish(&scene.registry.node().exchange, n).await;
        }
        for house in [&scene.asking, &scene.registry] {
            // A turn is dropped wherever it is when its time is over.
            let patience = Duration::from_millis(u64::from(chance.below(TURN_MILLIS)));
            let _ = tokio::time::timeout(patience, house.node().exchange.deliver()).await;
            if chance.below(POWER) == 0 {
                house.restart(&scene.country, &scene.network).await;
            }
        }
        scene.clock.advance(i64::from(chance.below(STEP_SECONDS)));
    }
    over();
    scene.asking.restart(&scene.country, &scene.network).await;
    scene.registry.restart(&scene.country, &scene.network).await;
    for _ in 0..ROUNDS {
        let nodes = [scene.asking.node(), scene.registry.node()];
        scene.country.publish(DAY, &[&nodes[0], &nodes[1]]).await;
        let mut attempts = 0;
        for node in nodes {
            attempts += node.exchange.deliver().await.expect("a store that works");
        }
        if attempts == 0 && accepted.is_over(scene).await {
            break;
        }
        scene.clock.advance(AFTERWARDS);
    }
    accepted
}

/// Accepts a delivery of an order; gives its message number.
async fn accept(exchange: &Exchange, number: u64) -> String {
    let ask = Ask {
        about: subject_of(number),
        fields: vec!["person.name".to_owned()],
        case: Some(format!("{CASE}{number}")),
        ..testing::question()
    };
    let lane = number % (LANES + 1);
    let order = (lane < LANES).then(|| format!("lane {lane}"));
    let request = LaterRequest::question(ask, Behalf::default(), order);
    let accepted = exchange.send_later(request).await;
    accepted.expect("a store that works takes what is within its limits")
}

async fn publish(exchange: &Exchange, n: u64) {
    let event = NewEvent {
        kind: "text/plain".to_owned(),
        body: text_of(n).into_bytes(),
        number: Some(format!("E-{n}")),
    };
    let published = exchange.publish(&publisher(), TOPIC, event).await;
    published.expect("a store that works takes what is within its limits");
}

fn text_of(n: u64) -> String {
    format!("event {n}")
}

impl Accepted {
    async fn is_over(&self, scene: &Scene) -> bool {
        let asking = &scene.asking.node().exchange;
        for number in self.deliveries.values() {
            let told = asking.delivery(&testing::asking().into(), number).await;
            if !told.is_ok_and(|told| told.state.is_final()) {
                return false;
            }
        }
        texts(asking, 0).await.1 == i64::try_from(self.events).unwrap_or(0)
    }

    /// Looks at what became of it all; `arrivals` are the deliveries in the order in which they reached the registry.
    pub(super) async fn judge(&self, scene: &Scene, arrivals: &[u64], report: &mut Report) {
        let open = &mut report.open;
        report.deliveries = self.judge_deliveries(scene, arrivals, open).await;
        report.events = self.judge_events(scene).await;
    }

    async fn judge_deliveries(
        &self,
        scene: &Scene,
        arrivals: &[u64],
        open: &mut Vec<String>,
    ) -> Later {
        let (asking, registry) = (scene.asking.node(), scene.registry.node());
        let mut later = Later::default();
        for (place, number) in &self.deliveries {
            later.accepted += 1;
            let told = asking
                .exchange
                .delivery(&testing::asking().into(), number)
                .await;
            let told = told.expect("a store that works");
            let is_right = told.answer.is_some_and(|(status, _, body)| {
                let body = String::from_utf8_lossy(&body).into_owned();
                status == 200 && body.contains(&format!("\"{}\"", name_of(*place)))
            });
            let there = registry.exchange.questions_about(&subject_of(*place)).await;
            let there = there.expect("a store that works");
            let was_done = there.iter().any(|one| one.outcome == "answered");
            if told.state != State::Answered || !is_right || !was_done {
                later.lost += 1;
                open.push(format!(
                    "delivery {place}: {:?}, {:?}, {:?}, there {there:?}",
                    told.state, told.code, told.cause
                ));
            }
            later.twice += u64::from(there.len() > 1);
        }
        let mut last = BTreeMap::new();
        for place in arrivals
            .iter()
            .filter(|place| self.deliveries.contains_key(place))
        {
            let lane = place % (LANES + 1);
            let before = last.insert(lane, *place).unwrap_or(self.first);
            later.out_of_order += u64::from(lane < LANES && before > *place);
        }
        later
    }

    async fn judge_events(&self, scene: &Scene) -> Later {
        let (texts, _) = texts(&scene.asking.node().exchange, 0).await;
        let mut later = Later {
            accepted: self.events,
            ..Later::default()
        };
        let there: BTreeSet<&String> = texts.iter().collect();
        let lost = (0..self.events).filter(|n| !there.contains(&text_of(*n)));
        later.lost = lost.count() as u64;
        later.twice = (texts.len() - there.len()) as u64;
        let expected = (0..self.events).map(text_of);
        let wrong = texts
            .iter()
            .zip(expected)
            .filter(|(text, wanted)| *text != wanted);
        later.out_of_order = wrong.count() as u64;
        later
    }
}

/// All events that the subscriber's own systems can read after a number, and the newest number.
async fn texts(exchange: &Exchange, mut after: i64) -> (Vec<String>, i64) {
    let mut all = Vec::new();
    loop {
        let reading = exchange
            .events(&testing::asking(), &topic(), after, READ)
            .await;
        let reading = reading.expect("a subscriber may read");
        let Some(last) = reading.events.last() else {
            return (all, reading.head);
        };
        after = last.n;
        let texts = reading.events.iter();
        all.extend(texts.map(|event| String::from_utf8_lossy(&event.body).into_owned()));
    }
}
