//! What is on offer: procedures told to people before they begin.

use std::collections::BTreeMap;

use kernel::{Fault, Locale};
use web::Visit;
use workflow::procedure::{FieldKind, Procedure, Risk, Silence};

use crate::Portal;
use crate::views::{ProcedureCard, ProcedureView, SilenceView};

impl Portal {
    /// Every procedure of this body.
    pub fn catalogue(&self, locale: Locale) -> Vec<ProcedureCard> {
        self.workflow
            .procedures()
            .iter()
            .map(|procedure| self.card(procedure, locale))
            .collect()
    }

    /// One procedure with everything that one wants to know before beginning.
    ///
    /// # Errors
    /// There is no such procedure.
    pub async fn describe(&self, visit: &Visit, id: &str) -> Result<ProcedureView, Fault> {
        let (procedure, locale) = (self.workflow.procedure(id)?, visit.locale);
        let asked = |wanted: fn(FieldKind) -> bool| {
            let fields = procedure
                .fields()
                .filter(move |field| field.is_asked() && wanted(field.kind));
            fields
                .map(|field| field.label.get(locale).to_owned())
                .collect::<Vec<_>>()
        };
        Ok(ProcedureView {
            card: self.card(procedure, locale),
            result: procedure.result.get(locale).to_owned(),
            known: self.known(procedure, locale),
            asked: asked(|kind| !is_proof(kind)),
            needs: asked(is_proof),
            steps: procedure
                .steps
                .iter()
                .map(|step| step.title.get(locale).to_owned())
                .collect(),
            rights: procedure
                .rights
                .iter()
                .map(|right| right.get(locale).to_owned())
                .collect(),
            law: procedure
                .sources
                .iter()
                .map(|source| {
                    let norm = format!("{}, art. {}", source.law, source.articles);
                    (norm, source.says.get(locale).to_owned())
                })
                .collect(),
            silence: silence_view(procedure.silence),
            decided_by: visit.body().name.clone(),
            draft: self.draft_place(visit, procedure).await?,
        })
    }

    fn card(&self, procedure: &Procedure, locale: Locale) -> ProcedureCard {
        let days = procedure.limits.iter().map(|limit| limit.days);
        let fees = || Risk::ALL.iter().map(|risk| procedure.fee_cents(*risk));
        let (least, most) = (fees().min().unwrap_or(0), fees().max().unwrap_or(0));
        ProcedureCard {
            code: procedure.id.clone(),
            title: procedure.title.get(locale).to_owned(),
            purpose: procedure.summary.get(locale).to_owned(),
            days: (days.clone().min().unwrap_or(0), days.max().unwrap_or(0)),
            cost: (most > 0).then(|| (self.money(least), self.money(most))),
        }
    }

    fn money(&self, cents: u32) -> String {
        format!(
            "{} {}.{:02}",
            self.settings.currency,
            cents / 100,
            cents % 100
        )
    }

    /// The facts by registry, each once, in the procedure's order.
    fn known(&self, procedure: &Procedure, locale: Locale) -> Vec<(String, Vec<String>)> {
        let mut order = Vec::new();
        let mut by_registry: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for field in procedure.fields() {
            let Some(origin) = &field.fact else { continue };
            let name = self.registry_name(&origin.service, locale);
            if !order.contains(&name) {
                order.push(name.clone());
            }
            by_registry
                .entry(name)
                .or_default()
                .push(field.label.get(locale).to_owned());
        }
        let items = |name: String| {
            let facts = by_registry.remove(&name).unwrap_or_default();
            (name, facts)
        };
        order.into_iter().map(items).collect()
    }

    /// The name of the registry behind a service code; the code itself if nobody named it.
    pub(crate) fn registry_name(&self, service: &str, locale: Locale) -> String {
        let registry = self.workflow.settings().registries.get(service);
        registry
            .map_or(service, |registry| registry.name.get(locale))
            .to_owned()
    }
}

/// Sworn or attached, as opposed to told.
const fn is_proof(kind: FieldKind) -> bool {
    matches!(kind, FieldKind::Declaration | FieldKind::File)
}

/// Silence, as pages tell it.
pub(crate) const fn silence_view(silence: Silence) -> SilenceView {
    match silence {
        Silence::Positive => SilenceView::Positive,
        Silence::Negative => SilenceView::Negative,
    }
}
