//! The stories on both engines: a town whose registries answer, are away, or answer with a bad signature.

mod filing;
mod official;
mod time;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use kernel::fact::value::Value;
use kernel::{Actor, Assurance, Fact, Locale, MemberId, Moment, Role, Scheme, SetClock};
use serde::Deserialize;
use store::Store;
use store::jobs::Runner;
use trust::Signer;
use trust::keys::Algorithm;
use trust::log::note::SignatureKind;
use trust::log::{Log, LogSettings, NoteKey, PseudonymSecret};

use crate::asker::{Answered, AskFailure, AskResult, Asker, Question};
use crate::clock::{Calendar, CutOff, Hours, Reception};
use crate::procedure::{Answers, Procedure, Text};
use crate::{Filing, Papers, Receipt, Registry, Settings, Workflow, sql};

pub const ROSA: &str = "99000011";
pub const RUC: &str = "20131380951";
pub const PROCEDURE: &str = "licencia-de-funcionamiento";
/// Monday, in office hours.
pub const MONDAY: &str = "2026-11-23T09:00:00-05:00";

/// How a registry behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Answers,
    Away,
    BadSignature,
    Unknown,
    SaysNo,
    /// Answers only after ten seconds.
    Slow,
}

/// What the registries do, and what they were asked.
#[derive(Clone)]
pub struct Registries {
    moods: Arc<Mutex<BTreeMap<String, Mood>>>,
    asked: Arc<Mutex<Vec<Question>>>,
}

impl Registries {
    pub fn set(&self, service: &str, mood: Mood) {
        let mut moods = self.moods.lock().unwrap_or_else(PoisonError::into_inner);
        moods.insert(service.to_owned(), mood);
    }

    pub fn asked(&self) -> Vec<Question> {
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn mood(&self, service: &str) -> Mood {
        let moods = self.moods.lock().unwrap_or_else(PoisonError::into_inner);
        moods.get(service).copied().unwrap_or(Mood::Answers)
    }

    async fn answer(self, question: Question, now: Moment) -> AskResult {
        let number = {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            asked.push(question.clone());
            asked.len()
        };
        let evidence = format!("m-{number}");
        match self.mood(&question.service) {
            Mood::Away => return Err(AskFailure::Away("no line".into())),
            Mood::SaysNo => return Err(AskFailure::NotAllowed("no agreement".into())),
            Mood::BadSignature => return Err(AskFailure::BadSignature("digest".into())),
            Mood::Unknown => {
                return Ok(Answered {
                    facts: Vec::new(),
                    found: false,
                    evidence,
                });
            }
            Mood::Slow => tokio::time::sleep(std::time::Duration::from_secs(10)).await,
            Mood::Answers => {}
        }
        let value = |field: &str| match field {
            "full_name" | "representative_name" => "Rosa Quispe Mamani",
            "representative" => ROSA,
            "birth_date" => "1988-04-12",
            "business_name" => "Sumaq Mikhuna E.I.R.L.",
            "condition" => "HABIDO",
            "state" if question.service == "persona" => "VIVO",
            "state" if question.service == "contribuyente" => "ACTIVO",
            "state" => "VIGENTE",
            _ => "as on record",
        };
        let fact = |field: &String| Fact {
            name: field.clone(),
            value: Value::Text(value(field).to_owned()),
            stated_by: MemberId::new("PE", "GOB", "20295613620"),
            stated_at: now,
            valid_until: None,
            evidence: evidence.clone(),
        };
        let facts = question.fields.iter().map(fact).collect();
        Ok(Answered {
            facts,
            found: true,
            evidence,
        })
    }
}

/// A municipality with everything that a story needs.
pub struct Town {
    pub store: Store,
    pub clock: Arc<SetClock>,
    pub workflow: Workflow,
    pub registries: Registries,
    pub runner: Runner,
    pub log: Log,
}

#[derive(Deserialize)]
struct Schemes {
    scheme: Vec<Scheme>,
}

fn text(word: &str) -> Text {
    Text {
        es: word.into(),
        en: word.into(),
        qu: word.into(),
    }
}

pub fn at(text: &str) -> Moment {
    Moment::parse_iso(text).expect("a moment")
}

fn settings(cut_off: CutOff) -> Settings {
    let holidays = include_str!("../../../country/pe/holidays.toml");
    let holidays = Calendar::read_holidays(holidays).expect("holidays");
    let procedure = include_str!("../../../country/pe/procedures/licencia-de-funcionamiento.toml");
    let schemes = include_str!("../../../country/pe/identifiers.toml");
    let registry = |code: &str| {
        (
            code.to_owned(),
            Registry {
                name: text(code),
                mend_at: None,
            },
        )
    };
    Settings {
        body: "Municipalidad Distrital de Ollantaytambo".into(),
        place: "Ollantaytambo".into(),
        calendar: Calendar::new("America/Lima", "08", &holidays, Hours::usual()).expect("open"),
        reception: Reception::always(cut_off, "directive"),
        procedures: vec![Procedure::parse(procedure).expect("the country's procedure")],
        schemes: toml::from_str::<Schemes>(schemes).expect("numbers").scheme,
        registries: ["persona", "contribuyente", "vigencia-de-poder"]
            .map(registry)
            .into(),
        official_languages: vec![Locale::Es, Locale::Qu],
        prefill_millis: 300,
    }
}

/// Runs a story on both engines, beginning at `start`.
pub async fn town<F, R>(start: &str, story: F)
where
    F: Fn(Town) -> R,
    R: Future<Output = ()>,
{
    let clock = Arc::new(SetClock::at(at(start)));
    store::testing::both_at(clock.clone(), |store| {
        // The second engine begins at the same time as the first.
        let now = kernel::Clock::now(clock.as_ref());
        clock.advance(at(start).seconds_since(now));
        story_town(store, clock.clone(), &story)
    })
    .await;
}

/// The same town with procedures that `change` has changed, over the same store.
impl Town {
    pub fn with_procedure(&self, change: impl Fn(&mut Procedure)) -> Workflow {
        let mut settings = settings(CutOff::SameDay);
        settings.procedures.iter_mut().for_each(change);
        let (asked, time) = (self.registries.clone(), self.clock.clone());
        let asker = Asker::new(move |question| {
            asked
                .clone()
                .answer(question, kernel::Clock::now(time.as_ref()))
        });
        let papers = self.workflow.inner.papers.clone();
        Workflow::new(self.store.clone(), settings, asker, papers, None).expect("they fit")
    }
}

async fn story_town<F, R>(store: Store, clock: Arc<SetClock>, story: &F)
where
    F: Fn(Town) -> R,
    R: Future<Output = ()>,
{
    let tables = [
        ("log", trust::log::MIGRATIONS),
        ("workflow", sql::MIGRATIONS),
    ];
    store.migrate(&tables).await.expect("tables");
    let signer = Signer::ephemeral("log", Algorithm::Ed25519).expect("a key");
    let key = NoteKey::from_signer("town.example/log", SignatureKind::Note, signer).expect("a key");
    let secret = PseudonymSecret::new(&[7; 32]);
    let log = Log::open(
        store.clone(),
        LogSettings {
            key,
            secret,
            witness: None,
        },
    );
    let log = log.await.expect("a log");
    let registries = Registries {
        moods: Arc::default(),
        asked: Arc::default(),
    };
    let (asked, time) = (registries.clone(), clock.clone());
    let asker = Asker::new(move |question| {
        asked
            .clone()
            .answer(question, kernel::Clock::now(time.as_ref()))
    });
    let workflow = Workflow::new(
        store.clone(),
        settings(CutOff::SameDay),
        asker,
        Papers::shelf(),
        Some(log.clone()),
    )
    .expect("the settings fit");
    let runner = Runner::new(store.clone(), workflow.jobs(), Vec::new());
    story(Town {
        store,
        clock,
        workflow,
        registries,
        runner,
        log,
    })
    .await;
}

pub fn person(number: &str) -> Actor {
    Actor {
        account: format!("account-{number}"),
        subject: number.into(),
        name: "Rosa Quispe Mamani".into(),
        role: Role::Person,
        assurance: Assurance::High,
    }
}

pub fn official(number: &str, post: &str, rights: &[&str]) -> Actor {
    let rights = rights.iter().map(|right| (*right).to_owned()).collect();
    Actor {
        role: Role::Official {
            post: post.into(),
            rights,
        },
        ..person(number)
    }
}

/// The manager who decides.
pub fn gladys() -> Actor {
    let rights = ["case.read", "case.evaluate", "case.decide"];
    Actor {
        name: "Gladys".into(),
        ..official("99000123", "gerencia", &rights)
    }
}

/// The licensing official who evaluates.
pub fn marco() -> Actor {
    Actor {
        name: "Marco".into(),
        ..official("99000112", "licencias", &["case.read", "case.evaluate"])
    }
}

pub fn answers() -> Answers {
    [
        ("holder", "firm"),
        ("ruc", RUC),
        ("trade-name", "Sumaq Mikhuna"),
        ("activity", "restaurante"),
        ("area", "80"),
        ("floors", "1"),
        ("capacity", "30"),
        ("place-address", "Calle del Medio s/n"),
        ("place-tenure", "rented"),
        ("monument", "no"),
        ("safety-declaration", "yes"),
        ("truth-declaration", "yes"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}

pub fn filing(key: &str) -> Filing {
    let (procedure, key) = (PROCEDURE.to_owned(), key.to_owned());
    Filing {
        procedure,
        key,
        answers: answers(),
        locale: Locale::Es,
    }
}

impl Town {
    /// Files Rosa's application under `key`.
    pub async fn file(&self, key: &str) -> Receipt {
        self.workflow
            .file(&person(ROSA), filing(key))
            .await
            .expect("filed")
    }

    /// Does every job that is due.
    pub async fn work(&self) -> usize {
        self.runner.drain().await.expect("jobs")
    }

    /// Moves the clock to `moment`.
    pub fn go_to(&self, moment: &str) {
        let now = kernel::Clock::now(self.clock.as_ref());
        self.clock.advance(at(moment).seconds_since(now));
    }

    /// The kinds of all events of a case.
    pub async fn trail(&self, receipt: &Receipt) -> Vec<String> {
        let events = self
            .workflow
            .timeline(&person(ROSA), receipt.case)
            .await
            .expect("own case");
        events.into_iter().map(|event| event.kind).collect()
    }
}
