//! What a body offers and who may ask it, as its page shows it; and whom a right could be given to.
//!
//! It tells for each service and right whether it stands in the settings: what stands there is changed there, so that a
//! file and a page can't contradict each other.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use kernel::{Fault, Party, ServiceId};

use super::{LocalGroup, Offered, Operation};
use crate::Exchange;
use crate::domain::rights::{AccessRight, Endpoint, Subject};
use crate::source::FactSource;
use crate::sql::services::ServiceRow;
use crate::sql::{offers, services};

/// Most parties that a search for somebody shows; whoever wants another types more of the name.
pub const FOUND_MAX: usize = 20;

/// What the settings list.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    pub(super) services: BTreeMap<ServiceId, Offered>,
    pub(super) groups: BTreeMap<String, LocalGroup>,
}

/// Who can change a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// An official, on the page.
    Page,
    /// Whoever writes the settings.
    Settings,
    /// Nobody: the node brings it along.
    Node,
}

/// A service with everything that the page tells of it.
#[derive(Clone, Debug)]
pub struct HeldService {
    /// Which.
    pub service: ServiceId,
    /// What answers it.
    pub source: FactSource,
    /// How it is operated.
    pub operation: Operation,
    /// Who can change it.
    pub origin: Origin,
    /// The rights on it, each with whether the settings list it.
    pub rights: Vec<(AccessRight, bool)>,
    /// The endpoints that it lists.
    pub endpoints: Vec<Endpoint>,
    /// From where its description is read.
    pub description_url: Option<String>,
    /// Whether it has a description.
    pub described: bool,
}

impl HeldService {
    /// The address of its own system; empty if the node itself answers.
    pub fn url(&self) -> &str {
        match &self.source {
            FactSource::Url { url, .. } => url,
            _ => "",
        }
    }
}

/// A local group as the page shows it.
#[derive(Clone, Debug)]
pub struct HeldGroup {
    /// Its code.
    pub code: String,
    /// Its name.
    pub title: String,
    /// The subsystems in it.
    pub members: Vec<String>,
    /// The members that the settings list; those stay.
    pub listed: Vec<String>,
    /// Whether the settings list the group.
    pub from_settings: bool,
}

/// Somebody whom a right could be given to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Who.
    pub subject: Subject,
    /// The name for people.
    pub name: String,
}

impl Exchange {
    pub(super) fn listed(&self) -> Listed {
        let held = self.inner.listed.read();
        held.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_listed(&self, listed: Listed) {
        let held = self.inner.listed.write();
        *held.unwrap_or_else(PoisonError::into_inner) = listed;
    }

    /// All services of this body in order, without what only the page of one service tells (endpoints, description).
    ///
    /// # Errors
    /// The store failed.
    pub async fn held_services(&self) -> Result<Vec<HeldService>, Fault> {
        let mut tx = self.inner.store.read().await?;
        let rows = services::services(&mut tx).await?;
        let all = offers::rights(&mut tx).await?;
        drop(tx);
        let listed = self.listed();
        let held = |row: &ServiceRow| {
            let rights = all.iter().filter(|right| right.service == row.service);
            held(row, rights.cloned(), &listed)
        };
        rows.iter().map(held).collect()
    }

    /// One service of this body.
    ///
    /// # Errors
    /// There is none, or the store failed.
    pub async fn held_service(&self, subsystem: &str, code: &str) -> Result<HeldService, Fault> {
        let service = self.own_service(subsystem, code);
        let mut tx = self.inner.store.read().await?;
        let row = services::service(&mut tx, &service).await?;
        let row = row.ok_or_else(|| Fault::missing("fault-missing"))?;
        let rights = offers::rights_on(&mut tx, &service).await?;
        let mut held = held(&row, rights.into_iter(), &self.listed())?;
        held.endpoints = services::endpoints(&mut tx, &service).await?;
        held.description_url = offers::description_url(&mut tx, &service).await?;
        held.described = services::description(&mut tx, &service).await?.is_some();
        Ok(held)
    }

    /// The service of this body with these codes; a page can name no other body's.
    pub(crate) fn own_service(&self, subsystem: &str, code: &str) -> ServiceId {
        let member = &self.inner.settings.member;
        member.subsystem(subsystem).service(code)
    }

    /// The subsystems that this body may offer services in: those registered, and those that offer some already.
    ///
    /// # Errors
    /// The store failed.
    pub async fn own_subsystems(&self) -> Result<Vec<String>, Fault> {
        let member = &self.inner.settings.member;
        let view = self.directory();
        let registered = view.as_ref().and_then(|view| view.member(member));
        let registered = registered.map_or(&[][..], |member| &member.subsystems);
        let mut codes: Vec<String> = registered.iter().map(|one| one.code.clone()).collect();
        let mut tx = self.inner.store.read().await?;
        for row in services::services(&mut tx).await? {
            codes.push(row.service.subsystem.code);
        }
        codes.sort();
        codes.dedup();
        Ok(codes)
    }

    /// The local groups with their members.
    ///
    /// # Errors
    /// The store failed.
    pub async fn held_groups(&self) -> Result<Vec<HeldGroup>, Fault> {
        let listed = self.listed();
        let mut tx = self.inner.store.read().await?;
        let mut held = Vec::new();
        for (code, title) in services::groups(&mut tx).await? {
            let members = services::group_members(&mut tx, &code).await?;
            let from = listed.groups.get(&code);
            let names = from.map(|group| group.members.iter().map(ToString::to_string).collect());
            held.push(HeldGroup {
                from_settings: from.is_some(),
                listed: names.unwrap_or_default(),
                code,
                title,
                members,
            });
        }
        Ok(held)
    }

    /// The groups and subsystems whose name or code has `words` in it; groups first, at most [`FOUND_MAX`].
    ///
    /// # Errors
    /// The store failed.
    pub async fn candidates(&self, words: &str) -> Result<Vec<Candidate>, Fault> {
        let words = words.trim().to_lowercase();
        let fits = |name: &str, id: &str| {
            name.to_lowercase().contains(&words) || id.to_lowercase().contains(&words)
        };
        let mut found = Vec::new();
        let mut add = |subject: Subject, name: String| {
            if found.len() < FOUND_MAX && fits(&name, &subject.to_string()) {
                found.push(Candidate { subject, name });
            }
        };
        for group in self.held_groups().await? {
            add(Subject::Local(group.code), group.title);
        }
        let Some(view) = self.directory() else {
            return Ok(found);
        };
        for group in &view.params().groups {
            let (instance, code) = (view.instance().to_owned(), group.code.clone());
            add(
                Subject::Global { instance, code },
                group.description.clone(),
            );
        }
        for member in &view.params().members {
            for subsystem in &member.subsystems {
                let id = member.id.subsystem(&subsystem.code);
                let name = subsystem.name.as_ref().unwrap_or(&member.name).clone();
                add(Subject::from(id), name);
            }
            // Nearly always a subsystem is meant; a member itself is offered to whoever looks for its very identifier.
            if member.id.to_string().to_lowercase() == words {
                add(
                    Subject::Client(member.id.clone().into()),
                    member.name.clone(),
                );
            }
        }
        Ok(found)
    }

    /// Whether a right can be given to `subject`: the directory, or this body for its own groups, knows it.
    pub(super) async fn is_known(&self, subject: &Subject) -> Result<bool, Fault> {
        let view = self.directory();
        match subject {
            Subject::Client(client) => Ok(knows(view.as_deref(), client)),
            Subject::Global { instance, code } => Ok(view.is_some_and(|view| {
                view.instance() == instance
                    && view.params().groups.iter().any(|group| group.code == *code)
            })),
            Subject::Local(code) => {
                let mut tx = self.inner.store.read().await?;
                let groups = services::groups(&mut tx).await?;
                Ok(groups.iter().any(|(known, _)| known == code))
            }
        }
    }
}

pub(super) fn knows(view: Option<&crate::View>, client: &Party) -> bool {
    view.is_some_and(|view| view.knows_client(client))
}

fn held(
    row: &ServiceRow,
    rights: impl Iterator<Item = AccessRight>,
    listed: &Listed,
) -> Result<HeldService, Fault> {
    let source: FactSource = serde_json::from_str(&row.source).map_err(Fault::internal)?;
    let from = listed.services.get(&row.service);
    let origin = match (&source, from) {
        (_, Some(_)) | (FactSource::Described, None) => Origin::Settings,
        (FactSource::Url { .. }, None) => Origin::Page,
        (FactSource::Table { .. } | FactSource::Accesses, None) => Origin::Node,
    };
    let is_listed = |right: &AccessRight| {
        let mut granted = from.iter().flat_map(|offered| &offered.rights);
        granted.any(|granted| {
            granted.subject == right.subject
                && granted.method == right.method
                && granted.path == right.path
        })
    };
    Ok(HeldService {
        service: row.service.clone(),
        source,
        operation: Operation::of(row),
        origin,
        rights: rights
            .map(|right| {
                let listed = is_listed(&right);
                (right, listed)
            })
            .collect(),
        endpoints: Vec::new(),
        description_url: None,
        described: false,
    })
}
