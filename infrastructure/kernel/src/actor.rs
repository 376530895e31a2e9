//! Who acts: a person, an official of a body, or a body's own system.
//!
//! `kernel` declares the value, `identity` alone fills it. Whoever decides a right reads it from here.

use serde::{Deserialize, Serialize};

/// How sure the house is of who acts (CIR (EU) 2015/1502 levels).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Assurance {
    /// Something known only: a one-time code.
    Low,
    /// A passkey without user verification, or two factors.
    Substantial,
    /// A passkey that verified its user.
    High,
}

/// What the actor is, with what that kind needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "role")]
pub enum Role {
    /// A person acting for themselves.
    Person,
    /// An official acting in a post of this body.
    Official {
        /// The post's code, for example `licencias` or `gerencia`.
        post: String,
        /// What the post may do; anything not listed is denied. Codes such as `case.decide`.
        rights: Vec<String>,
    },
    /// A body's system, acting on no person's behalf.
    System,
}

/// Who acts, as established by the session or the message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The account's identifier inside this body (never shown, safe in logs).
    pub account: String,
    /// The person's national number, or the system's name.
    pub subject: String,
    /// The name to show.
    pub name: String,
    /// What they are here.
    pub role: Role,
    /// How sure we are.
    pub assurance: Assurance,
}

impl Actor {
    /// The house itself: jobs and clocks act as this.
    pub fn system(name: &str) -> Self {
        Self {
            account: format!("system:{name}"),
            subject: name.to_owned(),
            name: name.to_owned(),
            role: Role::System,
            assurance: Assurance::High,
        }
    }

    /// Whether this actor holds `right` through a post. Persons and systems hold none.
    pub fn may(&self, right: &str) -> bool {
        match &self.role {
            Role::Official { rights, .. } => rights.iter().any(|held| held == right),
            Role::Person | Role::System => false,
        }
    }

    /// Whether this is an official of the body.
    pub fn is_official(&self) -> bool {
        matches!(self.role, Role::Official { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_are_denied_unless_listed() {
        let official = Actor {
            role: Role::Official {
                post: "licencias".into(),
                rights: vec!["case.read".into()],
            },
            ..Actor::system("x")
        };
        assert!(official.may("case.read") && !official.may("case.decide"));
        assert!(!Actor::system("jobs").may("case.read"));
    }
}
