//! What an office stands on: procedures from files, the country's calendar, questions by the exchange, papers by documents.
//!
//! Read by `house`. It joins neighbours that must not know one another; it decides nothing itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use documents::{Documents, Field, Issue, Paper, Signatory, Signing};
use exchange::{Ask, AskError, Behalf, Exchange};
use kernel::{Chance, Fault, Id, Locale, ServiceId};
use store::Store;
use trust::ca::Profile;
use trust::log::Log;
use trust::name::Name;
use workflow::asker::{Answered, AskFailure, AskResult, Question};
use workflow::clock::{Calendar, CutOff, Hours, Reception};
use workflow::papers::Papers;
use workflow::procedure::{BlockKind, Filled, Procedure, Text};
use workflow::{Asker, Registry, Workflow};

use crate::authority::Authority;
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
    (log, authority): (&Log, Option<&Authority>),
) -> Result<Workflow, Problem> {
    let settings = workflow_settings(&ground.settings)?;
    let asker = asker(ground, exchange);
    let papers = papers(ground, documents, authority);
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
        &settings.body.region,
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
fn asker(ground: &Ground, exchange: &Exchange) -> Asker {
    let services: Arc<BTreeMap<String, ServiceId>> = Arc::new(ground.settings.office.facts.clone());
    let (client, exchange) = (ground.settings.subsystem(), exchange.clone());
    let chance = ground.chance.clone();
    Asker::new(move |question| {
        let (services, client, exchange) = (services.clone(), client.clone(), exchange.clone());
        let trace = traceparent(chance.as_ref());
        async move {
            let Some(service) = services.get(&question.service).cloned() else {
                let missing = format!("no service {:?} in [office.facts]", question.service);
                return Err(AskFailure::NotAllowed(missing));
            };
            let Question {
                about,
                fields,
                purpose,
                case,
                ..
            } = question;
            let ask = Ask {
                client,
                service,
                about,
                fields,
                purpose,
                case,
            };
            ask_traced(&exchange, ask, trace).await
        }
    })
}

/// A new trace (W3C Trace Context, level 1): the answering body logs it too.
fn traceparent(chance: &dyn Chance) -> String {
    let mut bytes = [0_u8; 24];
    chance.fill(&mut bytes);
    let hex = data_encoding::HEXLOWER.encode(&bytes);
    format!("00-{}-{}-01", &hex[..32], &hex[32..])
}

async fn ask_traced(exchange: &Exchange, ask: Ask, trace: String) -> AskResult {
    let service = ask.service.to_string();
    let behalf = Behalf {
        user: None,
        trace: Some(trace.clone()),
    };
    match exchange.ask_for(ask, behalf).await {
        Ok(answer) => {
            let answer = answer.into_inner();
            tracing::info!(
                service,
                trace = &trace[3..35],
                message = answer.evidence,
                "a registry answered"
            );
            Ok(Answered {
                facts: answer.facts,
                found: answer.found,
                evidence: answer.evidence,
            })
        }
        Err(error) => {
            tracing::warn!(service, trace = &trace[3..35], outcome = error.outcome(), %error, "a registry did not answer");
            Err(failure(error))
        }
    }
}

fn failure(error: AskError) -> AskFailure {
    let text = error.to_string();
    match error {
        AskError::BadSignature { .. } => AskFailure::BadSignature(text),
        AskError::NoAgreement { .. } => AskFailure::NotAllowed(text),
        AskError::Refused { ref code, .. } if code.to_lowercase().contains("access") => {
            AskFailure::NotAllowed(text)
        }
        // Another refusal is the registry's passing trouble (its clock, its log, its time stamps): ask again soon.
        AskError::Refused { .. } => AskFailure::Away(text),
        AskError::Unreachable { .. }
        | AskError::Broken { .. }
        | AskError::Timeout
        | AskError::Own(_) => AskFailure::Away(text),
    }
}

/// Makes papers: what it needs besides the paper.
struct Maker {
    credentials: Credentials,
    store: Store,
    documents: Documents,
    body: String,
    instance: String,
    /// The body's own authority, if it is one: officials get their certificate when they first sign.
    authority: Option<Authority>,
}

fn papers(ground: &Ground, documents: &Documents, authority: Option<&Authority>) -> Papers {
    let maker = Arc::new(Maker {
        credentials: ground.credentials.clone(),
        store: ground.store.clone(),
        documents: documents.clone(),
        body: ground.settings.body.name.clone(),
        instance: ground.settings.exchange.instance.clone(),
        authority: authority.cloned(),
    });
    Papers::Made(Arc::new(move |paper| {
        let maker = maker.clone();
        Box::pin(async move { maker.make(paper).await })
    }))
}

impl Maker {
    /// Renders, signs, stamps and registers a paper, unless that was done before.
    async fn make(&self, paper: workflow::papers::Paper) -> Result<Id, Fault> {
        let earlier = self.documents.of_case(paper.case).await?;
        if let Some(known) = earlier.iter().find(|known| known.kind == paper.template) {
            return Ok(known.id);
        }
        let signatory = self
            .signatory(&paper)
            .await
            .map_err(|problem| Fault::internal(problem.0))?;
        let (case, at, owner) = (paper.case, paper.made_at, paper.owner.clone());
        let number = paper
            .number
            .clone()
            .unwrap_or_else(|| paper.case_number.clone());
        let (kind, code) = (paper.template.clone(), paper.code.clone());
        let issue = Issue {
            paper: sheet(&self.body, paper, &number, &signatory),
            kind,
            number: Some(number),
            signatory,
            case: Some(case),
            owner_subject: Some(owner),
            at,
            code,
        };
        let prepared = self.documents.prepare(issue).await?;
        let mut tx = self.store.begin().await?;
        let issued = self.documents.register(&mut tx, prepared).await?;
        tx.commit().await?;
        Ok(issued.id)
    }

    /// The official's own key, or the body's seal.
    async fn signatory(&self, paper: &workflow::papers::Paper) -> Result<Signatory, Problem> {
        let (label, name, post, field) = match &paper.signer {
            Some(signer) => {
                let label = credentials::official(&signer.account);
                (
                    label,
                    signer.name.clone(),
                    signer.post.clone(),
                    Field::Official,
                )
            }
            None => (
                credentials::SEAL.to_owned(),
                self.body.clone(),
                String::new(),
                Field::Seal,
            ),
        };
        if let (Some(authority), Field::Official) = (&self.authority, field) {
            let account = paper
                .signer
                .as_ref()
                .map_or("", |signer| signer.account.as_str());
            let subject = Name::official(&self.instance, &self.body, &post, account, &name)?;
            self.credentials
                .ensure(
                    &authority.trust,
                    &label,
                    (&Profile::Official, &subject),
                    self.store.clock().now(),
                )
                .await?;
        }
        let mut chain = self.credentials.expect(&label)?;
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
