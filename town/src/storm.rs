//! Storms: thousands of exchanges over a network that loses, cuts, doubles, changes, delays and parts, from a seed.
//!
//! Read by `tambo bench storm` and by tests. A storm shows that the exchange keeps its promises on the worst line: no
//! answer is given out that the registry did not give, no message number is answered twice, what one side logged the
//! other knows of in the end, and what was accepted for later arrives once and in order. A storm is replayed by its seed; see [`weather`].

mod later;
mod run;
pub mod weather;

use std::collections::BTreeMap;
use std::fmt;

use weather::Weather;

pub use run::run;

/// A storm to come.
#[derive(Clone, Copy, Debug)]
pub struct Storm {
    /// Decides every fault.
    pub seed: u64,
    /// How many questions are asked.
    pub exchanges: u64,
    /// How many are under way at a time.
    pub at_once: usize,
    /// How often what goes wrong.
    pub weather: Weather,
}

/// What a storm showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// Questions asked.
    pub asked: u64,
    /// Questions answered.
    pub answered: u64,
    /// Questions that failed, by the name of the failure.
    pub failed: BTreeMap<&'static str, u64>,
    /// Faults that were ordered, by kind.
    pub faults: Vec<(&'static str, u64)>,
    /// Answers given out that the registry did not give. Must be none.
    pub false_answers: u64,
    /// Questions that the registry answered more than once. Must be none.
    pub answered_twice: u64,
    /// Questions that the asking side did not log. Must be none.
    pub unlogged: u64,
    /// Questions on whose end the two logs differed when the storm was over.
    pub one_sided: u64,
    /// Those that still differ after both sides have reconciled. Must be none.
    pub unreconciled: u64,
    /// What was accepted for later.
    pub deliveries: Later,
    /// Events that were published.
    pub events: Later,
    /// Which those are, and what each side says of them.
    pub open: Vec<String>,
}

/// What became of what was accepted for later. All but the first must be none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Later {
    /// Accepted.
    pub accepted: u64,
    /// Never arrived, or otherwise than it was given.
    pub lost: u64,
    /// Had its effect more than once.
    pub twice: u64,
    /// Arrived before one that was to come earlier.
    pub out_of_order: u64,
}

impl Later {
    fn is_good(&self) -> bool {
        [self.lost, self.twice, self.out_of_order] == [0; 3]
    }
}

impl fmt::Display for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} accepted, lost {}, twice {}, out of order {}",
            self.accepted, self.lost, self.twice, self.out_of_order
        )
    }
}

impl Report {
    /// Whether every promise was kept.
    pub fn is_good(&self) -> bool {
        if !self.deliveries.is_good() || !self.events.is_good() {
            return false;
        }
        [
            self.false_answers,
            self.answered_twice,
            self.unlogged,
            self.unreconciled,
        ] == [0; 4]
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |pairs: &mut dyn Iterator<Item = (&'static str, u64)>| {
            let texts: Vec<String> = pairs
                .map(|(name, count)| format!("{count} {name}"))
                .collect();
            texts.join(", ")
        };
        writeln!(
            f,
            "seed {}: {} questions, {} answered",
            self.seed, self.asked, self.answered
        )?;
        writeln!(f, "  faults: {}", list(&mut self.faults.iter().copied()))?;
        let failed = self.failed.iter().map(|(name, count)| (*name, *count));
        writeln!(f, "  failed: {}", list(&mut { failed }))?;
        writeln!(
            f,
            "  false answers {}, answered twice {}, not logged {}; logged differently on the two sides {}, of which not \
             reconciled {}",
            self.false_answers,
            self.answered_twice,
            self.unlogged,
            self.one_sided,
            self.unreconciled
        )?;
        writeln!(
            f,
            "  deliveries: {}; events: {}",
            self.deliveries, self.events
        )?;
        self.open
            .iter()
            .try_for_each(|one| writeln!(f, "  open: {one}"))
    }
}
