//! Fills the demo's bodies: what the registries know, who may ask whom, who works where. Running it again changes nothing.

use exchange::agreements::State;
use exchange::{AccessRight, Agreement, Derived, FactSource};
use identity::Post;
use kernel::{Fault, MemberId, ServiceId, SubsystemId};
use town::{Population, Registries};
use trust::ca::Profile;
use trust::name::Name;

use super::plan::{BODIES, OFFICE};
use crate::authority::Authority;
use crate::commands::{Outcome, Problem};
use crate::credentials;
use crate::house::House;
use crate::settings::Part;

/// What the licence rests on when it asks for facts.
const LEGAL_GROUND: &str = "TUO Ley 27444, art. 48; DL 1246; DL 1310, art. 8";
/// The purpose of asking on a person's own behalf who looked at their data.
pub const OWN_ACCESS: &str = "acceso-propio";
/// What citizens read about the licence's agreements.
const LICENCE_WORDS: &str =
    "Para resolver la licencia de funcionamiento sin pedir copias a la persona";
/// What they read about the questions on their own behalf.
const ACCESS_WORDS: &str = "Para mostrar a cada persona quién preguntó por sus datos";
/// Who decided on the demo's agreements, as the log names it.
const SEEDED_BY: &str = "demo";
/// Number of the agreement whose signatures the journey hands out.
pub const FIRST_AGREEMENT: &str = "ACUERDO-001-2026";
/// How long the demo's agreements last, in days.
const AGREEMENT_DAYS: i64 = 3_650;

/// Posts of the municipality: code, name, rights.
const POSTS: [(&str, &str, &[&str]); 4] = [
    (
        "recepcion",
        "Mesa de partes",
        &["case.read", "identity.issue-code"],
    ),
    (
        "licencias",
        "Unidad de licencias",
        &["case.read", "case.evaluate", "case.decide", "exchange.read"],
    ),
    (
        "gerencia",
        "Gerencia de desarrollo económico",
        &["case.read", "case.evaluate", "case.decide", "exchange.read"],
    ),
    (
        "sistemas",
        "Administración del nodo",
        &[
            "exchange.read",
            "exchange.agree",
            "exchange.manage",
            "jobs.read",
        ],
    ),
];

/// Fills one body.
///
/// # Errors
/// Its store fails.
pub async fn fill(house: &House, authority: &Authority) -> Outcome {
    let population = Population::demo();
    let settings = &house.ground.settings;
    if settings.is(Part::Registry) {
        registry(house, &population).await?;
    }
    if settings.is(Part::Office) {
        office(house, &population, authority).await?;
    }
    Ok(())
}

fn service_of(body: &super::plan::BodyPlan, service: &str) -> ServiceId {
    MemberId::new("PE", "GOB", body.ruc)
        .subsystem(body.subsystem)
        .service(service)
}

fn office_subsystem() -> SubsystemId {
    let office = BODIES
        .iter()
        .find(|body| body.code == OFFICE)
        .expect("the plan has an office");
    MemberId::new("PE", "GOB", office.ruc).subsystem(office.subsystem)
}

/// Lets the office propose its agreements and each registry accept them, over the wire and under both signatures, as
/// officials would. What is in force already stays.
///
/// # Errors
/// A body can't be reached or does not sign.
pub async fn agree(houses: &[&House]) -> Outcome {
    let of = |code: &str| {
        houses
            .iter()
            .find(|house| house.ground.settings.body.code == code)
    };
    let office = of(OFFICE).ok_or_else(|| Problem("the demo has no office".to_owned()))?;
    for (at, body) in BODIES.iter().enumerate() {
        let (Some(code), Some(registry)) = (body.service, of(body.code)) else {
            continue;
        };
        let kinds = [
            (
                "ACUERDO",
                code,
                "licencia-de-funcionamiento",
                fields(code),
                LICENCE_WORDS,
            ),
            (
                "ACCESO",
                "accesses",
                OWN_ACCESS,
                vec!["questions".to_owned()],
                ACCESS_WORDS,
            ),
        ];
        for (kind, service, purpose, fields, words) in kinds {
            let from = office.ground.clock.now().plus_seconds(-60);
            let agreement = Agreement {
                number: format!("{kind}-{at:03}-2026"),
                client: office_subsystem(),
                service: service_of(body, service),
                purpose: purpose.to_owned(),
                fields,
                valid_from: from,
                until: from.plus_seconds(AGREEMENT_DAYS * 86_400),
                legal_ground: LEGAL_GROUND.to_owned(),
                daily_limit: Some(10_000),
            };
            conclude(office, registry, agreement, words).await?;
        }
    }
    Ok(())
}

async fn conclude(office: &House, registry: &House, agreement: Agreement, words: &str) -> Outcome {
    let number = agreement.number.clone();
    let at = |house: &House| {
        let exchange = house.exchange.clone();
        let number = number.clone();
        async move {
            let versions = exchange.agreement_versions(&number).await?;
            Ok::<_, Fault>(versions.first().map(|held| held.state))
        }
    };
    if at(office).await?.is_none() {
        office
            .exchange
            .propose_agreement(agreement, words, SEEDED_BY)
            .await?;
    }
    office.exchange.deliver_agreements().await?;
    if at(registry).await? == Some(State::Offered) {
        registry
            .exchange
            .accept_agreement(&number, SEEDED_BY)
            .await?;
    }
    registry.exchange.deliver_agreements().await?;
    Ok(())
}

/// The fields that the licence needs, no more: data minimisation is part of the agreement.
fn fields(service: &str) -> Vec<String> {
    let names: &[&str] = match service {
        town::registries::PERSONA => &[
            "full_name",
            "birth_date",
            "address",
            "district",
            "state",
            "over18",
        ],
        town::registries::CONTRIBUYENTE => &[
            "business_name",
            "state",
            "condition",
            "fiscal_address",
            "activity",
        ],
        _ => &[
            "representative",
            "representative_name",
            "position",
            "state",
            "registry_entry",
        ],
    };
    names.iter().map(|name| (*name).to_owned()).collect()
}

async fn registry(house: &House, population: &Population) -> Outcome {
    let plan = BODIES
        .iter()
        .find(|body| body.code == house.ground.settings.body.code);
    let Some((plan, code)) = plan.and_then(|plan| Some((plan, plan.service?))) else {
        return Ok(());
    };
    let today = house.ground.clock.now().iso();
    let registries = Registries::of(population, &today[..10]);
    let records: Vec<_> = registries
        .service(code)
        .into_iter()
        .flatten()
        .map(|(subject, record)| {
            (
                subject.clone(),
                serde_json::Value::Object(record.clone()),
                None,
            )
        })
        .collect();
    let derived = match code {
        town::registries::PERSONA => {
            vec![Derived::YearsSince {
                name: "over18".to_owned(),
                field: "birth_date".to_owned(),
                years: 18,
            }]
        }
        _ => Vec::new(),
    };
    house.exchange.record(code, &records).await?;
    let source = FactSource::Table {
        register: code.to_owned(),
        derived,
    };
    house
        .exchange
        .offer(&service_of(plan, code), &source, true)
        .await?;
    house
        .exchange
        .offer(&service_of(plan, "accesses"), &FactSource::Accesses, true)
        .await?;
    for service in [code, "accesses"] {
        let right = AccessRight {
            subject: office_subsystem().into(),
            service: service_of(plan, service),
            method: "POST".to_owned(),
            path: "/facts".to_owned(),
        };
        house.exchange.permit(&right).await?;
    }
    Ok(())
}

async fn office(house: &House, population: &Population, authority: &Authority) -> Outcome {
    for (code, name, rights) in POSTS {
        let rights = rights.iter().map(|right| (*right).to_owned()).collect();
        house
            .identity
            .put_post(&Post {
                code: code.to_owned(),
                name: name.to_owned(),
                rights,
            })
            .await?;
    }
    let settings = &house.ground.settings;
    for person in population
        .people
        .iter()
        .filter(|person| person.story.is_some())
    {
        let name = person.full_name();
        let Some(post) = person.post else {
            house.identity.add_person(&person.dni, &name).await?;
            continue;
        };
        let account = house
            .identity
            .add_official(&person.dni, &name, post)
            .await?;
        let label = credentials::official(&account);
        let subject = Name::official("PE", &settings.body.name, post, &person.dni, &name)?;
        house
            .ground
            .credentials
            .ensure(
                &authority.trust,
                &label,
                (&Profile::Official, &subject),
                house.ground.clock.now(),
            )
            .await?;
    }
    Ok(())
}
