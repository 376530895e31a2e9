//! The portal's stories through its addresses, with the real workflow and documents, and registries that obey the test.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use documents::{Documents, Stamper};
use http::StatusCode;
use kernel::fact::value::Value;
use kernel::{
    Actor, Assurance, Clock, Fact, Fault, Locale, MemberId, Moment, Role, Scheme, SetClock,
};
use serde::Deserialize;
use store::Store;
use trust::Anchors;
use trust::keys::{KeyStore, Passphrase};
use web::testing::{Got, Tester};
use workflow::asker::{Answered, AskFailure, AskResult, Asker, Question};
use workflow::clock::{Calendar, CutOff, Hours, Reception};
use workflow::procedure::{Procedure, Text};
use workflow::{Papers, Registry, Workflow};

use crate::{Portal, Settings};

const ROSA: &str = "99000011";
const RUC: &str = "20999000011";
const PLACE: &str = "/procedures/licencia-de-funcionamiento";
/// Monday 10:24 in Lima: the desk is open.
const START: &str = "2026-11-23T15:24:00Z";

/// How a registry behaves.
#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Answers,
    Away,
    BadSignature,
}

/// A municipality for one test.
struct Town {
    clock: Arc<SetClock>,
    moods: Arc<Mutex<BTreeMap<&'static str, Mood>>>,
    browser: Tester,
    runner: store::jobs::Runner,
    _folder: tempfile::TempDir,
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

fn rules() -> workflow::Settings {
    let holidays = include_str!("../../../country/pe/holidays.toml");
    let holidays = Calendar::read_holidays(holidays).expect("holidays");
    let procedure = include_str!("../../../country/pe/procedures/licencia-de-funcionamiento.toml");
    let schemes = include_str!("../../../country/pe/identifiers.toml");
    let registry = |(code, name): (&str, &str)| {
        (
            code.to_owned(),
            Registry {
                name: text(name),
                mend_at: None,
            },
        )
    };
    let registries = [
        ("persona", "RENIEC"),
        ("contribuyente", "SUNAT"),
        ("vigencia-de-poder", "SUNARP"),
    ];
    workflow::Settings {
        body: "Municipalidad Distrital de Ollantaytambo".into(),
        place: "Ollantaytambo".into(),
        calendar: Calendar::new("America/Lima", "08", &holidays, Hours::usual()).expect("open"),
        reception: Reception::always(CutOff::SameDay, "directive"),
        procedures: vec![Procedure::parse(procedure).expect("the country's procedure")],
        schemes: toml::from_str::<Schemes>(schemes).expect("numbers").scheme,
        registries: registries.map(registry).into(),
        official_languages: vec![Locale::Es],
        prefill_millis: 300,
    }
}

fn answer(question: &Question, now: Moment) -> Answered {
    let value = |field: &str| match (question.service.as_str(), field) {
        (_, "full_name" | "representative_name") => "Rosa Quispe Mamani",
        (_, "representative") => ROSA,
        (_, "birth_date") => "1988-04-12",
        (_, "business_name") => "SUMAQ MIKHUNA E.I.R.L.",
        (_, "condition") => "HABIDO",
        ("persona", "state") => "VIVO",
        ("contribuyente", "state") => "ACTIVO",
        (_, "state") => "VIGENTE",
        _ => "como consta",
    };
    let evidence = format!("m-{}", question.service);
    let fact = |field: &String| Fact {
        name: field.clone(),
        value: Value::Text(value(field).to_owned()),
        stated_by: MemberId::new("PE", "GOB", "20295613620"),
        stated_at: now,
        valid_until: None,
        evidence: evidence.clone(),
    };
    Answered {
        facts: question.fields.iter().map(fact).collect(),
        found: true,
        evidence,
    }
}

fn asker(moods: &Arc<Mutex<BTreeMap<&'static str, Mood>>>, clock: &Arc<SetClock>) -> Asker {
    let (moods, clock) = (moods.clone(), clock.clone());
    Asker::new(move |question: Question| {
        let mood = *moods
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(question.service.as_str())
            .unwrap_or(&Mood::Answers);
        let now = clock.now();
        async move {
            let result: AskResult = match mood {
                Mood::Answers => Ok(answer(&question, now)),
                Mood::Away => Err(AskFailure::Away("no line".into())),
                Mood::BadSignature => Err(AskFailure::BadSignature("digest".into())),
            };
            result
        }
    })
}

/// The actor behind a session cookie: `99...` a person, `marco` and `gladys` officials.
fn who(session: &str) -> Option<Actor> {
    let official = |rights: &[&str]| Role::Official {
        post: "licencias".into(),
        rights: rights.iter().map(ToString::to_string).collect(),
    };
    let (subject, role) = match session {
        "" => return None,
        "marco" => (
            "99000112",
            official(&["case.read", "case.evaluate", "case.receive"]),
        ),
        "gladys" => (
            "99000123",
            official(&["case.read", "case.decide", "exchange.read"]),
        ),
        person => (person, Role::Person),
    };
    let name = if subject == ROSA {
        "Rosa Quispe Mamani"
    } else {
        "Otra Persona"
    };
    Some(Actor {
        account: format!("account-{subject}"),
        subject: subject.into(),
        name: name.into(),
        role,
        assurance: Assurance::High,
    })
}

async fn build(store: Store, clock: Arc<SetClock>) -> Town {
    let folder = tempfile::tempdir().expect("a folder");
    let moods = Arc::default();
    let asker = asker(&moods, &clock);
    let workflow =
        Workflow::new(store.clone(), rules(), asker, Papers::shelf(), None).expect("fits");
    let anchors = Anchors::new(Vec::new());
    let no_stamps: documents::pades::AskFn =
        Arc::new(|_| Box::pin(async { Err(Fault::internal("no stamps in these tests")) }));
    let stamper = Stamper::new(no_stamps, anchors.clone(), store.chance().clone());
    let keys = KeyStore::open(&folder.path().join("keys"), &Passphrase::new("test")).expect("keys");
    let files = folder.path().join("files");
    let settings = documents::Settings::default();
    let documents = Documents::new(
        store.clone(),
        &files,
        keys,
        stamper,
        anchors,
        None,
        settings,
    );
    let documents = documents.expect("documents");
    let settings = Settings {
        address: "https://ollantaytambo.example".into(),
        currency: "S/".into(),
        ..Settings::default()
    };
    let portal = Portal::new(
        store.clone(),
        workflow.clone(),
        documents.clone(),
        None,
        settings,
    );
    let rooms = [workflow.room(), documents.room(), portal.room()];
    let tables: Vec<_> = rooms
        .iter()
        .map(|room| (room.name, room.migrations))
        .collect();
    store.migrate(&tables).await.expect("tables");
    let actor_of: web::outer::ActorOf =
        Arc::new(|session| Box::pin(async move { Ok(who(&session)) }));
    let browser = Tester::with(&rooms, clock.clone(), actor_of);
    let runner = store::jobs::Runner::new(store, workflow.jobs(), Vec::new());
    Town {
        clock,
        moods,
        browser,
        runner,
        _folder: folder,
    }
}

async fn town<F, R>(story: F)
where
    F: Fn(Town) -> R,
    R: Future<Output = ()>,
{
    let start = Moment::parse_iso(START).expect("a moment");
    let clock = Arc::new(SetClock::at(start));
    store::testing::both_at(clock.clone(), |store| {
        clock.advance(start.seconds_since(clock.now()));
        let (clock, story) = (clock.clone(), &story);
        async move { story(build(store, clock).await).await }
    })
    .await;
}

impl Town {
    fn mood(&self, service: &'static str, mood: Mood) {
        self.moods
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(service, mood);
    }

    /// The same browser with this session; empty text is none.
    fn session(&self, session: &str) -> &Tester {
        self.browser.cookie("prueba-session", session);
        &self.browser
    }

    fn rosa(&self) -> &Tester {
        self.session(ROSA)
    }

    async fn answer(&self, step: &str, fields: &[(&str, &str)]) -> Got {
        self.rosa()
            .post(&format!("{PLACE}/form/{step}"), fields)
            .await
    }

    /// Fills the whole form; gives the check-answers page.
    async fn fill(&self) -> Got {
        let pages: [(&str, &[(&str, &str)]); 7] = [
            ("applicant", &[]),
            ("holder", &[("holder", "firm"), ("ruc", RUC)]),
            ("firm", &[]),
            (
                "business",
                &[
                    ("trade-name", "Sumaq Mikhuna"),
                    ("activity", "restaurante"),
                    ("area", "85"),
                    ("floors", "1"),
                    ("capacity", "40"),
                ],
            ),
            (
                "place",
                &[
                    ("place-address", "Calle del Medio 105"),
                    ("place-tenure", "rented"),
                    ("monument", "no"),
                ],
            ),
            ("safety", &[("safety-declaration", "yes")]),
            ("declarations", &[("truth-declaration", "yes")]),
        ];
        for (step, fields) in pages {
            let got = self.answer(step, fields).await;
            assert_eq!(got.status, StatusCode::SEE_OTHER, "{step}: {}", got.text);
        }
        let check = self.rosa().get(&format!("{PLACE}/check")).await;
        assert_eq!(check.status, StatusCode::OK, "{}", check.location());
        check
    }

    /// Files; gives the case's identifier.
    async fn file(&self) -> String {
        let check = self.fill().await;
        let token = between(&check.text, "name=\"token\" value=\"", "\"").to_owned();
        let got = self
            .rosa()
            .post(&format!("{PLACE}/file"), &[("token", &token)])
            .await;
        assert_eq!(got.status, StatusCode::SEE_OTHER, "{}", got.text);
        let again = self
            .rosa()
            .post(&format!("{PLACE}/file"), &[("token", &token)])
            .await;
        assert_eq!(again.location(), got.location(), "sent twice is one case");
        got.location()
            .split('/')
            .nth(2)
            .expect("an identifier")
            .to_owned()
    }

    async fn work(&self) {
        self.runner.drain().await.expect("jobs run");
    }
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
    let rest = text.split_once(before).map_or("", |(_, rest)| rest);
    rest.split_once(after).map_or("", |(inner, _)| inner)
}

#[tokio::test]
async fn only_what_no_registry_knows_is_asked_and_the_receipt_comes_at_once() {
    town(|town| async move {
        let shown = town.browser.get(PLACE).await.text;
        assert!(
            shown.contains("RENIEC") && shown.contains("S/ 45.00"),
            "{shown}"
        );
        let begun = town.rosa().get(&format!("{PLACE}/start")).await;
        assert_eq!(begun.location(), format!("{PLACE}/form/applicant"));
        let first = town.rosa().get(begun.location()).await.text;
        assert!(first.contains("Rosa Quispe Mamani") && first.contains("m-persona"));
        assert!(
            !first.contains("name=\"applicant-name\""),
            "a stated fact is no field"
        );
        let id = town.file().await;
        let receipt = town.rosa().get(&format!("/cases/{id}/receipt")).await;
        assert_eq!(receipt.status, StatusCode::OK);
        assert!(
            receipt.text.contains("EXP-000001-2026") && receipt.text.contains("<svg class=\"qr\"")
        );
        let cases = town.rosa().get("/cases").await.text;
        assert!(cases.contains("EXP-000001-2026") && cases.contains("Sumaq Mikhuna"));
    })
    .await;
}

#[tokio::test]
async fn a_wrong_number_stays_as_typed_and_is_told_in_its_place() {
    town(|town| async move {
        let wrong = [("holder", "firm"), ("ruc", "20999000012")];
        let got = town.answer("holder", &wrong).await;
        assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(got.text.contains("value=\"20999000012\"") && got.text.contains("href=\"#f-ruc\""));
        let later = [("holder", "firm"), ("ruc", "20999000012"), ("later", "yes")];
        assert_eq!(
            town.answer("holder", &later).await.location(),
            "/cases?saved=yes"
        );
        let cases = town.rosa().get("/cases?saved=yes").await.text;
        assert!(cases.contains("role=\"status\"") && cases.contains(&format!("{PLACE}/form")));
    })
    .await;
}

#[tokio::test]
async fn a_session_that_ends_in_the_middle_loses_nothing() {
    town(|town| async move {
        let place = format!("{PLACE}/form/holder");
        let page = town.rosa().get(&place).await.text;
        let whose = between(&page, "name=\"whose\" value=\"", "\"").to_owned();
        let typed = [("whose", whose.as_str()), ("holder", "firm"), ("ruc", RUC)];
        let got = town.session("").post(&place, &typed).await;
        assert!(
            got.location().starts_with("/sign-in?next="),
            "{}",
            got.location()
        );
        let other = town.session("99000022").get(&place).await.text;
        assert!(
            !other.contains(RUC),
            "another person on this machine sees nothing of it"
        );
        let back = town.rosa().get(&place).await.text;
        assert!(back.contains(RUC) && back.contains("guardamos lo que escribió"));
    })
    .await;
}

#[tokio::test]
async fn reasons_and_answers_outlive_the_session_too() {
    town(|town| async move {
        let id = town.file().await;
        town.work().await;
        let place = format!("/desk/{id}");
        let page = town.session("marco").get(&place).await.text;
        let whose = between(&page, "name=\"whose\" value=\"", "\"").to_owned();
        let typed = [
            ("whose", whose.as_str()),
            ("observe-text", "Adjunte el croquis."),
        ];
        let got = town
            .session("")
            .post(&format!("{place}/observe"), &typed)
            .await;
        assert!(
            got.location().starts_with("/sign-in?next="),
            "{}",
            got.location()
        );
        let other = town.session("gladys").get(&place).await.text;
        assert!(!other.contains("Adjunte el croquis."));
        let back = town.session("marco").get(&place).await.text;
        assert!(back.contains("Adjunte el croquis.") && back.contains("guardamos lo que escribió"));
        town.session("marco")
            .post(&format!("{place}/observe"), &typed)
            .await;
        let case = format!("/cases/{id}");
        let page = town.rosa().get(&case).await.text;
        let whose = between(&page, "name=\"whose\" value=\"", "\"").to_owned();
        let typed = [("whose", whose.as_str()), ("text", "Va el croquis.")];
        let got = town
            .session("")
            .upload(&format!("{case}/answer"), &typed, &[])
            .await;
        assert!(
            got.location().starts_with("/sign-in?next="),
            "{}",
            got.location()
        );
        assert!(town.rosa().get(&case).await.text.contains("Va el croquis."));
        let nobody = town
            .session("99000022")
            .post(&format!("{place}/grant"), &[])
            .await;
        assert_eq!(nobody.status, StatusCode::FORBIDDEN);
    })
    .await;
}

#[tokio::test]
async fn a_registry_that_is_away_stops_nobody_and_answers_later() {
    town(|town| async move {
        town.mood("contribuyente", Mood::Away);
        let id = town.file().await;
        let receipt = town.rosa().get(&format!("/cases/{id}/receipt")).await.text;
        assert!(
            receipt.contains("Falta la respuesta de un registro"),
            "{receipt}"
        );
        town.mood("contribuyente", Mood::Answers);
        town.clock.advance(3_600);
        town.work().await;
        let case = town.rosa().get(&format!("/cases/{id}")).await.text;
        assert!(case.contains("SUMAQ MIKHUNA E.I.R.L."));
    })
    .await;
}

#[tokio::test]
async fn a_bad_signature_is_shown_to_the_official_who_cannot_grant_on_it() {
    town(|town| async move {
        town.mood("vigencia-de-poder", Mood::BadSignature);
        let id = town.file().await;
        town.work().await;
        let place = format!("/desk/{id}");
        let desk = town.session("gladys").get(&place).await;
        assert_eq!(desk.status, StatusCode::OK);
        assert!(
            desk.text.contains("href=\"/exchange/messages/m-persona\""),
            "the way to the proof"
        );
        assert!(desk.text.contains("Respuesta rechazada") && desk.text.contains("role=\"alert\""));
        let got = town
            .session("gladys")
            .post(&format!("{place}/grant"), &[("grant-text", "")])
            .await;
        assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", got.text);
        let got = town
            .session("gladys")
            .post(&format!("{place}/deny"), &[("deny-text", "")])
            .await;
        assert_eq!(
            got.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "a denial needs its reasons"
        );
    })
    .await;
}

#[tokio::test]
async fn an_observation_is_answered_with_a_file_and_the_case_is_granted() {
    town(|town| async move {
        let id = town.file().await;
        town.work().await;
        let place = format!("/desk/{id}");
        let desk = town.session("marco").get("/desk").await.text;
        assert!(desk.contains(&place), "{desk}");
        town.session("marco")
            .post(&format!("{place}/evaluate"), &[])
            .await;
        let observe = [("observe-text", "Adjunte el croquis.")];
        let got = town
            .session("marco")
            .post(&format!("{place}/observe"), &observe)
            .await;
        assert_eq!(got.status, StatusCode::SEE_OTHER, "{}", got.text);
        let page = town.rosa().get(&format!("/cases/{id}")).await.text;
        assert!(page.contains("Adjunte el croquis.") && page.contains("name=\"file\""));
        let answer = format!("/cases/{id}/answer");
        let empty = town.rosa().upload(&answer, &[("text", "")], &[]).await;
        assert!(
            empty.text.contains("Escriba su respuesta"),
            "{}",
            empty.text
        );
        let fake = (
            "file",
            "plano.pdf",
            "application/pdf",
            b"MZ not a pdf \x00\x01".as_slice(),
        );
        let got = town
            .rosa()
            .upload(&answer, &[("text", "Va")], &[fake])
            .await;
        assert!(got.text.contains("class=\"err\""), "{}", got.text);
        let plan = (
            "file",
            "plano.pdf",
            "application/pdf",
            b"%PDF-1.4\n%%EOF\n".as_slice(),
        );
        let got = town
            .rosa()
            .upload(&answer, &[("text", "Va el plano")], &[plan])
            .await;
        assert_eq!(got.status, StatusCode::SEE_OTHER, "{}", got.text);
        let grant = [("grant-text", "Cumple.")];
        let got = town
            .session("gladys")
            .post(&format!("{place}/grant"), &grant)
            .await;
        assert_eq!(got.status, StatusCode::SEE_OTHER, "{}", got.text);
        let case = town.rosa().get(&format!("/cases/{id}")).await.text;
        assert!(case.contains("plano.pdf") && case.contains("Su pedido fue aprobado"));
    })
    .await;
}

#[tokio::test]
async fn nobody_sees_what_is_not_theirs() {
    town(|town| async move {
        let id = town.file().await;
        let case = format!("/cases/{id}");
        assert_eq!(
            town.session("99000022").get(&case).await.status,
            StatusCode::NOT_FOUND
        );
        assert_eq!(
            town.session("99000022").get("/desk").await.status,
            StatusCode::FORBIDDEN
        );
        assert_eq!(
            town.rosa().get(&format!("/desk/{id}")).await.status,
            StatusCode::FORBIDDEN
        );
        assert!(
            town.session("")
                .get(&case)
                .await
                .location()
                .starts_with("/sign-in")
        );
        let receipt = town.rosa().get(&format!("/cases/{id}/receipt")).await.text;
        let code = between(&receipt, "/receipts/", "\"").to_owned();
        let public = town.session("").get(&format!("/receipts/{code}")).await;
        assert_eq!(public.status, StatusCode::OK);
        assert!(public.text.contains("EXP-000001-2026") && !public.text.contains("Rosa"));
    })
    .await;
}
