//! What an office stands on: procedures from files, the country's calendar, questions by the exchange, papers by documents.
//!
//! Read by `house`. It joins neighbours that must not know one another; it decides nothing itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use documents::{Documents, Field, Issue, Paper, Signatory, Signing};
use exchange::{Ask, AskError, Exchange};
use kernel::{Fault, Id, Locale, ServiceId, SubsystemId};
use store::Store;
use trust::log::Log;
use workflow::asker::{Answered, AskFailure, AskResult, Question};
use workflow::clock::{Calendar, CutOff, Hours, Reception};
use workflow::papers::Papers;
use workflow::procedure::{BlockKind, Filled, Procedure, Text};
use workflow::{Asker, Registry, Workflow};

use crate::commands::Problem;
use crate::country;
use crate::credentials::{self, Credentials};
use crate::demo::OWN_ACCESS;
use crate::house::Ground;
use crate::settings::Settings;

/// The workflow of an office.
///
/// # Errors
/// A procedure can't be read, or the settings don't fit it.
pub fn build(
    ground: &Ground,
    exchange: &Exchange,
    documents: &Documents,
    log: &Log,
) -> Result<Workflow, Problem> {
    let settings = workflow_settings(&ground.settings)?;
    let asker = asker(&ground.settings, exchange);
    let papers = papers(ground, documents);
    Ok(Workflow::new(
        ground.store.clone(),
        settings,
        asker,
        papers,
        Some(log.clone()),
    )?)
}

fn workflow_settings(settings: &Settings) -> Result<workflow::Settings, Problem> {
    let holidays = Calendar::read_holidays(country::HOLIDAYS)?;
    let calendar = Calendar::new(
        &settings.body.time_zone,
        &settings.body.place,
        &holidays,
        Hours::usual(),
    )?;
    let cut_off = match settings.office.cut_off.as_str() {
        "midnight" => CutOff::SameDay,
        "office-hours" => CutOff::OfficeHours,
        other => {
            return Err(Problem(format!(
                "[office] cut_off: {other:?}; use midnight or office-hours"
            )));
        }
    };
    let procedures = settings
        .office
        .procedures
        .iter()
        .map(|name| procedure(settings, name))
        .collect::<Result<_, _>>()?;
    let registries = settings
        .office
        .facts
        .iter()
        .map(|(code, service)| (code.clone(), registry(settings, service)));
    Ok(workflow::Settings {
        body: settings.body.name.clone(),
        place: settings.body.place.clone(),
        calendar,
        reception: Reception::always(cut_off, &settings.office.cut_off_source),
        procedures,
        schemes: country::schemes(),
        registries: registries.collect(),
        official_languages: vec![Locale::Es, Locale::Qu],
        prefill_millis: workflow::settings::PREFILL_BUDGET_MILLIS,
    })
}

/// A procedure that comes with the program, or a file beside the settings.
fn procedure(settings: &Settings, name: &str) -> Result<Procedure, Problem> {
    let text = match country::procedure(name) {
        Some(text) => text.to_owned(),
        None => {
            let path = settings.path(std::path::Path::new(name));
            std::fs::read_to_string(&path)
                .map_err(|error| Problem(format!("procedure {}: {error}", path.display())))?
        }
    };
    Procedure::parse(&text).map_err(|error| Problem(format!("procedure {name}: {error}")))
}

fn registry(settings: &Settings, service: &ServiceId) -> Registry {
    let code = service.member().code.clone();
    let name = settings
        .office
        .names
        .get(&service.code)
        .cloned()
        .unwrap_or(code);
    Registry {
        name: Text {
            es: name.clone(),
            en: name.clone(),
            qu: name,
        },
        mend_at: None,
    }
}

/// Asks by the exchange, in this body's name.
fn asker(settings: &Settings, exchange: &Exchange) -> Asker {
    let services: Arc<BTreeMap<String, ServiceId>> = Arc::new(settings.office.facts.clone());
    let (client, exchange) = (settings.subsystem(), exchange.clone());
    Asker::new(move |question| {
        let (services, client, exchange) = (services.clone(), client.clone(), exchange.clone());
        async move { ask(&exchange, client, &services, question).await }
    })
}

async fn ask(
    exchange: &Exchange,
    client: SubsystemId,
    services: &BTreeMap<String, ServiceId>,
    question: Question,
) -> AskResult {
    let Some(service) = services.get(&question.service).cloned() else {
        return Err(AskFailure::NotAllowed(format!(
            "no service {:?} in [office.facts]",
            question.service
        )));
    };
    let Question {
        about,
        fields,
        purpose,
        case,
        ..
    } = question;
    let answer = exchange
        .ask(Ask {
            client,
            service,
            about,
            fields,
            purpose,
            case,
        })
        .await
        .map_err(failure)?;
    let answer = answer.into_inner();
    Ok(Answered {
        facts: answer.facts,
        found: answer.found,
        evidence: answer.evidence,
    })
}

fn failure(error: AskError) -> AskFailure {
    let text = error.to_string();
    match error {
        AskError::BadSignature { .. } => AskFailure::BadSignature(text),
        AskError::NoAgreement { .. } => AskFailure::NotAllowed(text),
        AskError::Refused { ref code, .. } if code.to_lowercase().contains("access") => AskFailure::NotAllowed(text),
        // Another refusal is the registry's passing trouble (its clock, its log, its time stamps): ask again soon.
        AskError::Refused { .. } => AskFailure::Away(text),
        AskError::Unreachable { .. } | AskError::Timeout | AskError::Own(_) => {
            AskFailure::Away(text)
        }
    }
}

fn papers(ground: &Ground, documents: &Documents) -> Papers {
    let (credentials, documents) = (ground.credentials.clone(), documents.clone());
    let store = ground.store.clone();
    let body = ground.settings.body.name.clone();
    Papers::Made(Arc::new(move |paper| {
        let (credentials, documents) = (credentials.clone(), documents.clone());
        let (store, body) = (store.clone(), body.clone());
        Box::pin(async move { make(&credentials, (&store, &documents), &body, paper).await })
    }))
}

/// Renders, signs, stamps and registers a paper, unless that was done before.
async fn make(
    credentials: &Credentials,
    (store, documents): (&Store, &Documents),
    body: &str,
    paper: workflow::papers::Paper,
) -> Result<Id, Fault> {
    let earlier = documents.of_case(paper.case).await?;
    if let Some(known) = earlier.iter().find(|known| known.kind == paper.template) {
        return Ok(known.id);
    }
    let signatory =
        signatory(credentials, body, &paper).map_err(|problem| Fault::internal(problem.0))?;
    let (case, at, owner) = (paper.case, paper.made_at, paper.owner.clone());
    let number = paper
        .number
        .clone()
        .unwrap_or_else(|| paper.case_number.clone());
    let kind = paper.template.clone();
    let sheet = sheet(body, paper, &number, &signatory);
    let prepared = documents
        .prepare(Issue {
            paper: sheet,
            kind,
            number: Some(number),
            signatory,
            case: Some(case),
            owner_subject: Some(owner),
            at,
            code: None,
        })
        .await?;
    let mut tx = store.begin().await?;
    let issued = documents.register(&mut tx, prepared).await?;
    tx.commit().await?;
    Ok(issued.id)
}

/// The official's own key, or the body's seal.
fn signatory(
    credentials: &Credentials,
    body: &str,
    paper: &workflow::papers::Paper,
) -> Result<Signatory, Problem> {
    let (label, name, post, field) = match &paper.signer {
        Some(signer) => (
            credentials::official(&signer.account),
            signer.name.clone(),
            signer.post.clone(),
            Field::Official,
        ),
        None => (
            credentials::SEAL.to_owned(),
            body.to_owned(),
            String::new(),
            Field::Seal,
        ),
    };
    let mut chain = credentials.expect(&label)?;
    // The root is not part of a signature: whoever verifies has it from elsewhere.
    chain.truncate(chain.len().saturating_sub(1).max(1));
    Ok(Signatory {
        label,
        chain,
        name,
        post,
        field,
    })
}

fn sheet(body: &str, paper: workflow::papers::Paper, number: &str, signatory: &Signatory) -> Paper {
    let mut sheet = Paper::new(paper.title, paper.locale, body, paper.made_at).number(number);
    let mut blocks = paper.blocks.into_iter().peekable();
    while let Some(block) = blocks.next() {
        sheet = match block.kind {
            BlockKind::Heading => sheet.heading(block.text),
            BlockKind::Paragraph => sheet.paragraph(block.text),
            kind => {
                let mut run = vec![block];
                while let Some(next) = blocks.next_if(|next| next.kind == kind) {
                    run.push(next);
                }
                grouped(sheet, kind, run)
            }
        };
    }
    sheet.signature(Signing {
        field: signatory.field,
        name: signatory.name.clone(),
        post: signatory.post.clone(),
        date: paper.date,
    })
}

/// Items become one list, rows one block of names and values.
fn grouped(sheet: Paper, kind: BlockKind, run: Vec<Filled>) -> Paper {
    match kind {
        BlockKind::Item => sheet.list(false, run.into_iter().map(|item| item.text)),
        _ => sheet.pairs(
            run.into_iter()
                .map(|row| (row.text, row.value.unwrap_or_default())),
        ),
    }
}

/// The portal of an office, which also shows what the registries' own lists say.
pub fn portal(
    ground: &Ground,
    workflow: &Workflow,
    documents: &Documents,
    exchange: &Exchange,
) -> portal::Portal {
    let settings = &ground.settings;
    let watched = settings
        .office
        .facts
        .iter()
        .map(|(code, service)| portal::Watched {
            name: settings
                .office
                .names
                .get(code)
                .cloned()
                .unwrap_or_else(|| service.member().code.clone()),
            service: service.subsystem.service("accesses"),
            client: settings.subsystem(),
            purpose: OWN_ACCESS.to_owned(),
        });
    let own = portal::Settings {
        address: settings.pages.origin.clone(),
        currency: "S/".to_owned(),
        watched: watched.collect(),
    };
    portal::Portal::new(
        ground.store.clone(),
        workflow.clone(),
        documents.clone(),
        Some(exchange.clone()),
        own,
    )
}
