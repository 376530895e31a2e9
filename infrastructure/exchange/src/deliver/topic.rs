//! Topics as values: names, the chain of links over events, batches on the wire, and what a subscriber takes of one.
//!
//! Read by `topics`, `push` and `receive`. It promises that a gap in a topic is found by number and a change by link, and
//! that an event that was received before is dropped. It decides; it reads no store and no clock.

use std::fmt;
use std::str::FromStr;

use data_encoding::{BASE64, HEXLOWER};
use kernel::{Moment, SubsystemId};
use serde::{Deserialize, Serialize};
use trust::sigalg::Hash;

use crate::sql::topic::EventRow;

/// Longest name of a topic, in bytes; it is part of addresses.
pub const NAME_BYTES_MAX: usize = 64;
/// Longest media type of an event, in bytes.
pub const KIND_BYTES_MAX: usize = 100;
/// Most events of one batch; their insertion stays well below a second on a small machine.
pub const BATCH_EVENTS_MAX: usize = 200;
/// Most bytes of the events of one batch, unless a single event is larger: a satellite line carries it in seconds.
pub const BATCH_BYTES_MAX: usize = 512 * 1024;
/// Largest event that any topic may allow, in bytes; larger content is fetched by question.
pub const EVENT_BYTES_MAX: usize = 1024 * 1024;

/// A topic: who publishes it, and its name there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Topic {
    /// The publishing subsystem.
    pub publisher: SubsystemId,
    /// The name.
    pub name: String,
}

/// The text is not a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a topic is INSTANCE/CLASS/MEMBER/SUBSYSTEM/NAME, the name of letters, digits, '.', '_' and '-'"
)]
pub struct BadTopic;

impl Topic {
    /// The topic `name` of `publisher`.
    ///
    /// # Errors
    /// The name is empty, too long, or holds other characters than letters, digits, `.`, `_` and `-`.
    pub fn new(publisher: SubsystemId, name: &str) -> Result<Self, BadTopic> {
        let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let whole = (1..=NAME_BYTES_MAX).contains(&name.len()) && name.chars().all(fits);
        let name = whole.then(|| name.to_owned()).ok_or(BadTopic)?;
        Ok(Self { publisher, name })
    }
}

impl FromStr for Topic {
    type Err = BadTopic;

    fn from_str(text: &str) -> Result<Self, BadTopic> {
        let (publisher, name) = text.rsplit_once('/').ok_or(BadTopic)?;
        Self::new(publisher.parse().map_err(|_| BadTopic)?, name)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.publisher, self.name)
    }
}

/// The link of an event: SHA-256 over the link before it, its number, time and media type, and its content.
pub fn link(before: &str, n: i64, at: Moment, kind: &str, body: &[u8]) -> String {
    let head = format!("{before}\n{n}\n{}\n{kind}\n", at.0);
    HEXLOWER.encode(&Hash::Sha256.digest(&[head.as_bytes(), body].concat()))
}

/// Events on their way to a subscriber.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// The oldest number that the publisher still keeps.
    pub oldest: i64,
    /// Link of the event before the first.
    pub before: String,
    /// The events, in order, without gaps.
    pub events: Vec<Sent>,
}

/// One event of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sent {
    /// Number.
    pub n: i64,
    /// When it was published, in microseconds of Unix time.
    pub at: Moment,
    /// Media type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Content in base64.
    pub data: String,
}

impl Batch {
    /// A batch from `events`, at most what the limits allow and at least one.
    pub fn of(oldest: i64, before: &str, events: &[EventRow]) -> Self {
        let mut bytes = 0;
        let fit = events.iter().enumerate().take_while(|(at, event)| {
            bytes += event.body.len();
            *at == 0 || (bytes <= BATCH_BYTES_MAX && *at < BATCH_EVENTS_MAX)
        });
        let events = fit.map(|(_, event)| Sent {
            n: event.n,
            at: event.at,
            kind: event.kind.clone(),
            data: BASE64.encode(&event.body),
        });
        Self {
            oldest,
            before: before.to_owned(),
            events: events.collect(),
        }
    }

    /// Reads a batch from a peer.
    ///
    /// # Errors
    /// Not a batch, over a limit, or its events are not consecutive.
    pub fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        let batch: Self = serde_json::from_slice(bytes).map_err(|_| "not a batch of events")?;
        let kinds = |event: &Sent| event.kind.len() <= KIND_BYTES_MAX;
        if batch.events.is_empty() || batch.events.len() > BATCH_EVENTS_MAX {
            return Err("no events, or too many");
        }
        if batch.before.len() > 64 || !batch.events.iter().all(kinds) {
            return Err("a link or a media type is too long");
        }
        let first = batch.events[0].n;
        if !(1..=NUMBER_MAX).contains(&first) {
            return Err("a number that no topic reaches");
        }
        // Bounded above, so that no number after it overflows.
        if !(first..).zip(&batch.events).all(|(n, event)| event.n == n) {
            return Err("the events are not consecutive");
        }
        Ok(batch)
    }
}

/// Highest number of a first event: what every reader of JSON keeps exactly, and no topic reaches in a million years.
const NUMBER_MAX: i64 = 1 << 53;

/// How far a subscriber is: the newest event on its disk, and its link (empty if it is not known).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Number.
    pub n: i64,
    /// Link.
    pub link: String,
}

/// What a subscriber does with a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// These are new, in order; `gap` names events that the publisher no longer keeps.
    New {
        /// The new events with their links; none if all were received before.
        events: Vec<EventRow>,
        /// First and last number that can't be received any more.
        gap: Option<(i64, i64)>,
    },
    /// Something between is missing: the publisher must begin with this number.
    Expected(i64),
    /// The publisher's history is another than the one that was received.
    Changed(&'static str),
}

/// Decides what a subscriber at `place` takes of a batch.
pub fn take(place: &Place, batch: &Batch) -> Taken {
    let first = batch.events.first().map_or(place.n + 1, |event| event.n);
    let gap = match first > place.n + 1 {
        true if batch.oldest == first => Some((place.n + 1, first - 1)),
        true => return Taken::Expected(place.n + 1),
        false => None,
    };
    if first == place.n + 1 && !place.link.is_empty() && place.link != batch.before {
        return Taken::Changed("the link before the first event is another");
    }
    let mut before = batch.before.clone();
    let mut events = Vec::new();
    for sent in &batch.events {
        let Ok(body) = BASE64.decode(sent.data.as_bytes()) else {
            return Taken::Changed("an event's content is not base64");
        };
        before = link(&before, sent.n, sent.at, &sent.kind, &body);
        if sent.n == place.n && !place.link.is_empty() && place.link != before {
            return Taken::Changed("an event that was received before is another now");
        }
        if sent.n > place.n {
            events.push(EventRow {
                n: sent.n,
                at: sent.at,
                kind: sent.kind.clone(),
                body,
                link: before.clone(),
                poison: None,
            });
        }
    }
    Taken::New { events, gap }
}

#[cfg(test)]
mod tests {
    use kernel::{Chance, SeededChance};

    use super::*;

    fn events(count: i64) -> Vec<EventRow> {
        let mut before = String::new();
        (1..=count)
            .map(|n| {
                let body = format!("event {n}").into_bytes();
                let at = Moment::from_seconds(n);
                before = link(&before, n, at, "text/plain", &body);
                EventRow {
                    n,
                    at,
                    kind: "text/plain".into(),
                    body,
                    link: before.clone(),
                    poison: None,
                }
            })
            .collect()
    }

    #[test]
    fn numbers_at_the_end_of_counting_are_refused() {
        let batch = |n: i64| {
            let event = |n| format!(r#"{{"n":{n},"at":0,"type":"","data":""}}"#);
            let (one, two) = (event(n), event(n.wrapping_add(1)));
            format!(r#"{{"oldest":1,"before":"","events":[{one},{two}]}}"#)
        };
        for n in [i64::MAX, i64::MAX - 1, NUMBER_MAX + 1, 0, i64::MIN] {
            assert!(Batch::parse(batch(n).as_bytes()).is_err(), "{n}");
        }
        assert!(Batch::parse(batch(NUMBER_MAX).as_bytes()).is_ok());
    }

    fn batch(all: &[EventRow], first: usize, last: usize) -> Batch {
        let before = first.checked_sub(2).map_or("", |at| all[at].link.as_str());
        Batch::of(1, before, &all[first - 1..last])
    }

    fn place(all: &[EventRow], n: usize) -> Place {
        let link = n.checked_sub(1).map(|at| all[at].link.clone());
        Place {
            n: i64::try_from(n).unwrap(),
            link: link.unwrap_or_default(),
        }
    }

    #[test]
    fn names_are_checked() {
        let topic: Topic = "PE/GOB/1/civil/deaths".parse().unwrap();
        assert_eq!(topic.to_string(), "PE/GOB/1/civil/deaths");
        let long = format!("PE/GOB/1/civil/{}", "x".repeat(65));
        for bad in [
            "deaths",
            "PE/GOB/1/deaths",
            "PE/GOB/1/civil/",
            "PE/GOB/1/civil/a b",
            &long,
        ] {
            assert_eq!(bad.parse::<Topic>(), Err(BadTopic), "{bad}");
        }
    }

    #[test]
    fn what_is_new_is_taken_once_and_gaps_and_changes_are_found() {
        let all = events(9);
        let numbers = |taken: Taken| match taken {
            Taken::New { events, gap } => (events.iter().map(|event| event.n).collect(), gap),
            other => panic!("{other:?}"),
        };
        let taken: (Vec<i64>, _) = numbers(take(&place(&all, 0), &batch(&all, 1, 4)));
        assert_eq!(taken, (vec![1, 2, 3, 4], None));
        assert_eq!(
            numbers(take(&place(&all, 3), &batch(&all, 2, 5))),
            (vec![4, 5], None)
        );
        assert_eq!(
            numbers(take(&place(&all, 5), &batch(&all, 2, 5))),
            (vec![], None)
        );
        assert_eq!(
            take(&place(&all, 3), &batch(&all, 5, 6)),
            Taken::Expected(4)
        );
        let mut kept = batch(&all, 5, 6);
        kept.oldest = 5;
        assert_eq!(
            numbers(take(&place(&all, 3), &kept)),
            (vec![5, 6], Some((4, 4)))
        );
        let mut changed = batch(&all, 2, 5);
        changed.events[0].data = BASE64.encode(b"another");
        assert!(matches!(take(&place(&all, 3), &changed), Taken::Changed(_)));
        let mut changed = batch(&all, 4, 5);
        changed.before = "00".into();
        assert!(matches!(take(&place(&all, 3), &changed), Taken::Changed(_)));
        let taken = take(&place(&all, 4), &batch(&all, 5, 9));
        let Taken::New { events, .. } = taken else {
            panic!("{taken:?}")
        };
        assert_eq!(events, all[4..]);
    }

    #[test]
    fn batches_keep_their_limits_and_foreign_ones_are_checked() {
        let big = |n: i64, size: usize| EventRow {
            n,
            at: Moment(0),
            kind: String::new(),
            body: vec![0; size],
            link: String::new(),
            poison: None,
        };
        let one = [big(1, BATCH_BYTES_MAX * 2), big(2, 1)];
        assert_eq!(Batch::of(1, "", &one).events.len(), 1);
        let many: Vec<_> = (1..=500).map(|n| big(n, 10)).collect();
        assert_eq!(Batch::of(1, "", &many).events.len(), BATCH_EVENTS_MAX);
        let half: Vec<_> = (1..=9).map(|n| big(n, BATCH_BYTES_MAX / 2)).collect();
        assert_eq!(Batch::of(1, "", &half).events.len(), 2);
        let good = batch(&events(3), 1, 3);
        let text = serde_json::to_vec(&good).unwrap();
        assert_eq!(Batch::parse(&text), Ok(good.clone()));
        let spoil = |change: &dyn Fn(&mut Batch)| {
            let mut bad = good.clone();
            change(&mut bad);
            Batch::parse(&serde_json::to_vec(&bad).unwrap())
        };
        assert!(spoil(&|batch| batch.events.clear()).is_err());
        assert!(spoil(&|batch| batch.events[1].n = 7).is_err());
        assert!(spoil(&|batch| batch.events[0].n = 0).is_err());
        assert!(spoil(&|batch| batch.before = "x".repeat(65)).is_err());
        assert!(Batch::parse(b"{}").is_err());
    }

    /// Batches that are lost, repeated and reordered as a seed says: the subscriber ends with every event once, in order.
    #[test]
    fn a_bad_line_loses_and_doubles_nothing() {
        let all = events(60);
        for seed in 0..200 {
            let chance = SeededChance::new(seed);
            let mut place = Place::default();
            let mut stored: Vec<i64> = Vec::new();
            let mut acked = 0_usize;
            let mut late: Vec<Batch> = Vec::new();
            let mut rounds = 0;
            while acked < all.len() {
                rounds += 1;
                assert!(rounds < 5_000, "seed {seed} makes no way");
                let count = 1 + chance.below(7) as usize;
                let mut sent = batch(&all, acked + 1, (acked + count).min(all.len()));
                match chance.below(5) {
                    0 => continue,
                    1 => late.push(sent.clone()),
                    2 if !late.is_empty() => {
                        sent =
                            late.remove(chance.below(u32::try_from(late.len()).unwrap()) as usize);
                    }
                    _ => {}
                }
                if let Taken::New { events, gap } = take(&place, &sent) {
                    assert_eq!(gap, None);
                    if let Some(last) = events.last() {
                        place = Place {
                            n: last.n,
                            link: last.link.clone(),
                        };
                    }
                    stored.extend(events.iter().map(|event| event.n));
                    // The acknowledgement may be lost too.
                    if chance.below(3) > 0 {
                        acked = usize::try_from(place.n).unwrap();
                    }
                } else {
                    panic!("seed {seed}: a late batch is never ahead");
                }
            }
            assert_eq!(stored, (1..=60).collect::<Vec<i64>>(), "seed {seed}");
        }
    }
}
