//! Fills the demo's bodies: what the registries know, who may ask whom, who works where. Running it again changes nothing.

use exchange::{AccessRight, Agreement, Derived, FactSource};
use identity::Post;
use kernel::{MemberId, ServiceId, SubsystemId};
use town::{Population, Registries};
use trust::ca::Profile;
use trust::name::Name;

use super::plan::{BODIES, OFFICE};
use crate::authority::Authority;
use crate::commands::Outcome;
use crate::credentials;
use crate::house::House;
use crate::settings::Part;

/// What the licence rests on when it asks for facts.
const LEGAL_GROUND: &str = "TUO Ley 27444, art. 48; DL 1246; DL 1310, art. 8";
/// The purpose of asking on a person's own behalf who looked at their data.
pub const OWN_ACCESS: &str = "acceso-propio";
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
        &["exchange.read", "jobs.read"],
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
    house.exchange.agree(&agreements(house)).await?;
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

/// The agreements that this body takes part in: the office's with each registry.
fn agreements(house: &House) -> Vec<Agreement> {
    let member = house.ground.settings.member();
    let now = house.ground.clock.now();
    let client = office_subsystem();
    let mut all = Vec::new();
    for (at, body) in BODIES.iter().enumerate() {
        let Some(code) = body.service else { continue };
        let mut agree = |kind: &str, service: &str, purpose: &str, fields: Vec<String>| {
            all.push(Agreement {
                number: format!("{kind}-{:03}-2026", at),
                client: client.clone(),
                service: service_of(body, service),
                purpose: purpose.to_owned(),
                fields,
                valid_from: kernel::Moment::from_seconds(1_735_689_600),
                until: now.plus_seconds(AGREEMENT_DAYS * 86_400),
                legal_ground: LEGAL_GROUND.to_owned(),
                daily_limit: Some(10_000),
            });
        };
        agree("ACUERDO", code, "licencia-de-funcionamiento", fields(code));
        agree(
            "ACCESO",
            "accesses",
            OWN_ACCESS,
            vec!["questions".to_owned()],
        );
    }
    all.retain(|agreement| {
        agreement.client.member == member || *agreement.service.member() == member
    });
    all
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
            .ensure(&authority.trust, &label, &Profile::Official, &subject)
            .await?;
    }
    Ok(())
}
