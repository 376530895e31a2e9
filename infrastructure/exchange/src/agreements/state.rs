//! The life of one text of an agreement, as pure decisions: who may do what next, and what it is then.
//!
//! Read by the stories beside it. It refuses every step that the life does not have.

use super::proof::Act;

/// Where a text stands at this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// We proposed it; the other body has not decided.
    Proposed,
    /// The other body proposed it; we have not decided.
    Offered,
    /// We accepted it; the other body has not confirmed that it has our signature.
    Accepting,
    /// Both signed. It holds between its dates.
    InForce,
    /// One of the two refused it.
    Refused,
    /// One of the two ended it, or took its proposal back.
    Ended,
    /// A later version took its place.
    Replaced,
}

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// This body.
    We,
    /// The other body.
    They,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Proposed,
        Self::Offered,
        Self::Accepting,
        Self::InForce,
        Self::Refused,
        Self::Ended,
        Self::Replaced,
    ];

    /// Its word in tables, texts and on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Offered => "offered",
            Self::Accepting => "accepting",
            Self::InForce => "in-force",
            Self::Refused => "refused",
            Self::Ended => "ended",
            Self::Replaced => "replaced",
        }
    }

    /// The state of this word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Whether somebody still has to decide.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Proposed | Self::Offered | Self::Accepting)
    }

    /// What the text is after `who` did `act`; nothing if that can't be.
    pub const fn after(self, act: Act, who: Who) -> Option<Self> {
        match (self, act, who) {
            (Self::Offered, Act::Accept, Who::We) => Some(Self::Accepting),
            (Self::Proposed, Act::Accept, Who::They) => Some(Self::InForce),
            (Self::Offered, Act::Refuse, Who::We) | (Self::Proposed, Act::Refuse, Who::They) => {
                Some(Self::Refused)
            }
            (Self::Proposed, Act::End, Who::We)
            | (Self::Offered, Act::End, Who::They)
            | (Self::Accepting | Self::InForce, Act::End, _) => Some(Self::Ended),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_accepts_their_own_proposal_or_what_is_over() {
        assert_eq!(State::Proposed.after(Act::Accept, Who::We), None);
        assert_eq!(State::Offered.after(Act::Accept, Who::They), None);
        for over in [State::Refused, State::Ended, State::Replaced] {
            for act in Act::ALL {
                for who in [Who::We, Who::They] {
                    assert_eq!(over.after(act, who), None, "{over:?} {act:?} {who:?}");
                }
            }
        }
        assert_eq!(State::InForce.after(Act::Refuse, Who::They), None);
        assert_eq!(
            State::InForce.after(Act::End, Who::They),
            Some(State::Ended)
        );
    }

    #[test]
    fn words_read_back() {
        for state in State::ALL {
            assert_eq!(State::of(state.word()), Some(state));
        }
        for act in Act::ALL {
            assert_eq!(Act::of(act.word()), Some(act));
        }
    }
}
