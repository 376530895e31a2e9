//! `tambo demo --journey`: the main path without a browser. Prints each step with its evidence and its time, leaves
//! the evidence in a folder, and has every file of it verified as a stranger would.

mod evidence;

use std::path::Path;
use std::time::{Duration, Instant};

use exchange::Question;
use identity::Method;
use kernel::{Actor, Clock, Id, Locale};
use town::{Population, stories};
use workflow::procedure::Answers;
use workflow::{CaseView, Decision, Filing, PrefilledState, Receipt, Verdict, Workflow};

use super::Country;
use super::plan::{BODIES, OFFICE};
use crate::commands::{Outcome, Problem};
use crate::house::House;
use evidence::Evidence;

/// The procedure that the journey walks.
const PROCEDURE: &str = "licencia-de-funcionamiento";
/// Patience with work that jobs do; on a slow machine a job waits for its turn of a second.
const PATIENCE: Duration = Duration::from_secs(60);
/// Patience with the reception; after it the office is taken for closed.
const RECEPTION: Duration = Duration::from_secs(3);
/// Farthest that silence may lie ahead, in days.
const SILENCE_DAYS_MAX: i64 = 60;

/// What the journey passes from step to step.
struct Walk<'a> {
    country: &'a Country,
    office: &'a House,
    workflow: &'a Workflow,
    began: Instant,
    last: Instant,
}

/// Walks the main path.
///
/// # Errors
/// The step that failed, and why.
pub async fn walk(country: &Country, folder: &Path) -> Outcome {
    let office = country.body(OFFICE)?;
    let workflow = office
        .workflow
        .as_ref()
        .ok_or_else(|| Problem("the office has no workflow".to_owned()))?;
    let mut evidence = Evidence::begin(folder)?;
    let began = Instant::now();
    let mut walk = Walk {
        country,
        office,
        workflow,
        began,
        last: began,
    };
    evidence.trust(country)?;

    println!("A citizen opens a business without bringing a paper");
    let (rosa, receipt) = walk.file(stories::ROSA).await?;
    evidence.receipt("receipt", &receipt)?;
    let case = walk.gathered(&rosa, receipt.case).await?;
    walk.decide(receipt.case).await?;
    let resolution = walk
        .document(&rosa, receipt.case, "resolution-granted")
        .await?;
    evidence.document(office, resolution, "resolution").await?;
    walk.verified(resolution).await?;
    walk.looked_at(&rosa, &case, &mut evidence).await?;

    println!("\nNobody decides in time and silence grants");
    let (julian, receipt) = walk.file(stories::JULIAN).await?;
    let case = walk.gathered(&julian, receipt.case).await?;
    walk.silence(&julian, &case).await?;
    let paper = walk.document(&julian, receipt.case, "silence").await?;
    evidence.document(office, paper, "silence").await?;

    println!("\nAnybody verifies what was left");
    evidence.check(country)?;
    walk.step("all evidence is valid", folder.display());
    println!(
        "\nThe journey took {} ms.",
        walk.began.elapsed().as_millis()
    );
    Ok(())
}

impl<'a> Walk<'a> {
    fn step(&mut self, what: &str, detail: impl std::fmt::Display) {
        println!(
            "  {:>6} ms  {what}: {detail}",
            self.last.elapsed().as_millis()
        );
        self.last = Instant::now();
    }

    async fn actor(&self, dni: &str) -> Result<Actor, Problem> {
        let listed = self.office.identity.people().await?;
        let found = listed
            .into_iter()
            .find(|listed| listed.subject.starts_with(dni));
        let account = found
            .ok_or_else(|| Problem(format!("nobody has the number {dni}")))?
            .account;
        Ok(self
            .office
            .identity
            .actor_without_session(&account, Method::Practice)
            .await?)
    }

    /// Prefill, answers, filing.
    async fn file(&mut self, dni: &str) -> Result<(Actor, Receipt), Problem> {
        let actor = self.actor(dni).await?;
        let answers = answers(dni)?;
        let prefill = self.workflow.prefill(&actor, PROCEDURE, &answers).await?;
        let known = prefill
            .fields
            .iter()
            .filter(|field| matches!(field.state, PrefilledState::Known(_)))
            .count();
        self.step(
            "the form comes filled",
            format!(
                "{known} of {} facts from three registries",
                prefill.fields.len()
            ),
        );
        for step in &self.workflow.procedure(PROCEDURE)?.steps {
            self.workflow
                .save_step(&actor, PROCEDURE, &step.id, &answers)
                .await?;
        }
        let draft = self.workflow.draft(&actor, PROCEDURE).await?;
        let filing = Filing {
            procedure: PROCEDURE.to_owned(),
            key: draft.key.clone(),
            answers: draft.answers.clone(),
            locale: Locale::Es,
        };
        let receipt = self
            .workflow
            .file(&actor, filing.clone())
            .await
            .map_err(|error| Problem(format!("{error:?}")))?;
        self.step(
            "filed",
            format!("{} with code {}", receipt.number, receipt.code),
        );
        let again = self
            .workflow
            .file(&actor, filing)
            .await
            .map_err(|error| Problem(format!("{error:?}")))?;
        if again.case != receipt.case {
            return Err(Problem("filing twice made two cases".to_owned()));
        }
        self.step("sent twice", "one case, the same receipt");
        Ok((actor, receipt))
    }

    /// Waits until every registry has answered, and prints what each states.
    async fn gathered(&mut self, actor: &Actor, case: Id) -> Result<CaseView<'a>, Problem> {
        let workflow = self.workflow;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let view = workflow.case_for(actor, case, Locale::Es).await?;
            let verified = view
                .facts
                .iter()
                .filter(|fact| fact.verified().is_some())
                .count();
            if verified == view.facts.len() && verified > 0 {
                for fact in view.facts.iter().filter_map(|fact| fact.verified()) {
                    println!(
                        "             {} = {}  [{} {}]",
                        fact.name,
                        fact.value.show(),
                        fact.stated_by,
                        fact.evidence
                    );
                }
                self.step("facts with verified signatures", verified);
                return Ok(view);
            }
            if Instant::now() > deadline {
                return Err(Problem(format!(
                    "only {verified} of {} facts came",
                    view.facts.len()
                )));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn decide(&mut self, case: Id) -> Outcome {
        let official = self.actor(stories::MARCO).await?;
        let deadline = Instant::now() + RECEPTION;
        while self
            .workflow
            .case_for(&official, case, Locale::Es)
            .await?
            .case
            .received_at
            .is_none()
        {
            if Instant::now() > deadline {
                // Out of office hours the reception waits for the next opening: move the clock there.
                self.country.leap.by(3_600).await?;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.workflow.evaluate(&official, case).await?;
        let decision = Decision {
            verdict: Verdict::Grant,
            reasons: "Cumple con las condiciones del artículo 7 del TUO de la Ley 28976."
                .to_owned(),
            revision: None,
        };
        let number = self
            .workflow
            .decide(&official, case, decision)
            .await?
            .unwrap_or_default();
        self.step("the official grants", number);
        Ok(())
    }

    /// Waits until the paper of `template` is signed and registered.
    async fn document(&mut self, actor: &Actor, case: Id, template: &str) -> Result<Id, Problem> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let view = self.workflow.case_for(actor, case, Locale::Es).await?;
            let paper = view.papers.iter().find(|paper| paper.template == template);
            if let Some(document) = paper.and_then(|paper| paper.document.as_deref()) {
                let id = document
                    .parse()
                    .map_err(|_| Problem(format!("{document:?} is no identifier")))?;
                let document = self.office.documents.get(id).await?;
                self.step(
                    "signed and stamped",
                    format!("{} {}", document.title, document.code.unwrap_or_default()),
                );
                return Ok(id);
            }
            if Instant::now() > deadline {
                let dead = self.office.ground.store.dead_letters().await?;
                return Err(Problem(format!(
                    "no {template} was issued; given up: {dead:?}"
                )));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn verified(&mut self, document: Id) -> Outcome {
        let documents = &self.office.documents;
        let code = documents.get(document).await?.code.unwrap_or_default();
        documents.verify_code(&code).await?;
        self.step("verified by its code", code);
        let bytes = documents.bytes(document).await?;
        let checked = documents.verify_bytes(bytes).await?;
        if !checked.verdict.is_valid() {
            return Err(Problem(format!(
                "the uploaded document is not valid: {checked:?}"
            )));
        }
        self.step("verified by upload", "signature, chain and time stamp hold");
        Ok(())
    }

    /// Every question about the person, with its container and its proof in the log.
    async fn looked_at(
        &mut self,
        actor: &Actor,
        case: &CaseView<'_>,
        evidence: &mut Evidence,
    ) -> Outcome {
        let mut subjects = vec![actor.subject.clone()];
        subjects.extend(
            case.answers
                .iter()
                .filter(|(key, _)| key == "ruc")
                .map(|(_, value)| value.clone()),
        );
        let mut questions: Vec<Question> = Vec::new();
        for subject in &subjects {
            questions.extend(self.office.exchange.questions_about(subject).await?);
        }
        if questions.is_empty() {
            return Err(Problem(
                "nobody is said to have asked, but somebody did".to_owned(),
            ));
        }
        for question in &questions {
            println!(
                "             {} asked {} for {}",
                question.by,
                question.service,
                question.purpose.clone().unwrap_or_default()
            );
            evidence.question(self.office, question).await?;
            let provider = BODIES
                .iter()
                .find(|body| question.service.contains(body.ruc));
            if let Some(provider) = provider {
                evidence
                    .question_at_provider(self.country.body(provider.code)?, question)
                    .await?;
            }
        }
        evidence
            .agreement(self.office, super::seed::FIRST_AGREEMENT)
            .await?;
        self.step(
            "who looked at my data",
            format!(
                "{} questions, each with its proof in the log",
                questions.len()
            ),
        );
        Ok(())
    }

    async fn silence(&mut self, actor: &Actor, case: &CaseView<'_>) -> Outcome {
        let days = case.clock.silence_at.map_or(0, |at| {
            at.seconds_since(self.country.leap.clock.now()) / 86_400 + 1
        });
        if !(1..=SILENCE_DAYS_MAX).contains(&days) {
            return Err(Problem(format!("silence would come in {days} days")));
        }
        self.country.leap.by(days * 86_400).await?;
        let deadline = Instant::now() + PATIENCE;
        while !self
            .workflow
            .case_for(actor, case.case.id, Locale::Es)
            .await?
            .clock
            .over
        {
            if Instant::now() > deadline {
                return Err(Problem("silence did not speak".to_owned()));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.step(
            "silence grants",
            format!("after {days} days without a decision"),
        );
        Ok(())
    }
}

/// What no registry knows, as each person would type it.
fn answers(dni: &str) -> Result<Answers, Problem> {
    let population = Population::demo();
    let firm = population
        .firms_of(dni)
        .next()
        .ok_or_else(|| Problem(format!("{dni} has no firm")))?;
    let own = firm.ruc.starts_with("10");
    let typed = [
        ("phone", "984000111"),
        ("holder", if own { "self" } else { "firm" }),
        ("ruc", firm.ruc.as_str()),
        (
            "trade-name",
            if own {
                "Taller Rumira"
            } else {
                "Sumaq Mikhuna"
            },
        ),
        ("activity", if own { "taller" } else { "restaurante" }),
        ("area", "85"),
        ("floors", "1"),
        ("capacity", "40"),
        ("place-address", firm.fiscal_address.as_str()),
        ("place-tenure", "rented"),
        ("monument", "no"),
        ("safety-declaration", "yes"),
        ("truth-declaration", "yes"),
        ("sector-declaration", "yes"),
        ("monument-declaration", "yes"),
    ];
    Ok(typed
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect())
}
