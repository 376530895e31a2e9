//! The whole table of acts by states, and the facts of a case.

use jiff::civil::date;
use kernel::fact::value::Value;
use kernel::{Chance, Fact, MemberId, SeededChance, SetClock};

use super::*;
use crate::clock::{CutOff, Hours};
use crate::procedure::Procedure;

const HOLIDAYS: &str = include_str!("../../../../country/pe/holidays.toml");
const LICENCE: &str =
    include_str!("../../../../country/pe/procedures/licencia-de-funcionamiento.toml");

fn lima() -> Calendar {
    let holidays = Calendar::read_holidays(HOLIDAYS).expect("holidays");
    Calendar::new("America/Lima", "08", &holidays, Hours::usual()).expect("a calendar")
}

fn licence() -> Procedure {
    Procedure::parse(LICENCE).expect("the country's procedure")
}

fn at(text: &str) -> Moment {
    Moment::parse_iso(text).expect("a moment")
}

fn answers(pairs: &[(&str, &str)]) -> Answers {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn case_in(state: State) -> Case {
    let clock = SetClock::at(at("2026-11-23T09:00:00-05:00"));
    let chance = SeededChance::new(1);
    let opening = Opening {
        id: Id::new(&clock, &chance),
        number: "2026-000001".into(),
        code: chance.token(),
        subject: "99000011".into(),
        account: "a1".into(),
        presented_at: at("2026-11-23T09:00:00-05:00"),
    };
    let asked = answers(&[("trade-name", "Sumaq Mikhuna"), ("activity", "restaurante")]);
    let reception = Reception::always(CutOff::SameDay, "x");
    let mut case = Case::open(opening, &licence(), &asked, &lima(), &reception);
    case.state = state;
    if state == State::Observed {
        case.timeline.pause(date(2026, 11, 23));
        case.cure_until = Some(at("2026-11-25T23:59:59-05:00"));
    }
    case
}

fn acts() -> [Act; 10] {
    [
        Act::Receive,
        Act::Evaluate,
        Act::Observe,
        Act::Cure,
        Act::Lapse,
        Act::Grant(Granting::ready(0)),
        Act::Deny,
        Act::Silence,
        Act::Extend { days: 2 },
        Act::Withdraw,
    ]
}

/// Where each act of `acts()` leads from each state on the next day; `-` is refused.
const TABLE: [(State, [&str; 10]); 4] = [
    (
        State::Filed,
        [
            "received",
            "-",
            "-",
            "-",
            "-",
            "-",
            "-",
            "-",
            "-",
            "withdrawn",
        ],
    ),
    (
        State::Received,
        [
            "-",
            "in-evaluation",
            "observed",
            "-",
            "-",
            "granted",
            "denied",
            "-",
            "received",
            "withdrawn",
        ],
    ),
    (
        State::InEvaluation,
        [
            "-",
            "-",
            "observed",
            "-",
            "-",
            "granted",
            "denied",
            "-",
            "in-evaluation",
            "withdrawn",
        ],
    ),
    (
        State::Observed,
        [
            "-",
            "-",
            "-",
            "in-evaluation",
            "-",
            "-",
            "-",
            "-",
            "-",
            "withdrawn",
        ],
    ),
];

#[test]
fn every_act_in_every_state() {
    let calendar = lima();
    let rules = Rules {
        calendar: &calendar,
        cure_days: 2,
    };
    let now = at("2026-11-24T10:00:00-05:00");
    for (state, row) in TABLE {
        for (act, expected) in acts().iter().zip(row) {
            let after = case_in(state)
                .act(act, rules, now)
                .map_or("-", |case| case.state.code());
            assert_eq!(after, expected, "{act:?} while {state:?}");
        }
    }
    for state in State::ALL.into_iter().filter(|state| state.is_final()) {
        for act in acts() {
            assert_eq!(
                case_in(state).act(&act, rules, now).map(drop),
                Err(IllegalAct::Ended)
            );
        }
    }
}

#[test]
fn a_restaurant_has_two_business_days_and_silence_five_more() {
    let calendar = lima();
    let case = case_in(State::Filed);
    let dates = case.dates(&calendar);
    assert_eq!(dates.deadline, Some(at("2026-11-25T23:59:59-05:00")));
    assert_eq!(dates.silence_at, Some(at("2026-12-03T00:00:00-05:00")));
}

#[test]
fn silence_ends_what_an_official_may_do() {
    let calendar = lima();
    let rules = Rules {
        calendar: &calendar,
        cure_days: 2,
    };
    let case = case_in(State::InEvaluation);
    let grant = Act::Grant(Granting::ready(0));
    let (last, over) = (
        at("2026-12-02T23:59:59-05:00"),
        at("2026-12-03T00:00:00-05:00"),
    );
    assert_eq!(
        case.act(&Act::Silence, rules, last).map(drop),
        Err(IllegalAct::NoSilence)
    );
    assert!(case.act(&grant, rules, last).is_ok());
    assert_eq!(
        case.act(&grant, rules, over).map(drop),
        Err(IllegalAct::TooLate)
    );
    assert_eq!(
        case.act(&Act::Deny, rules, over).map(drop),
        Err(IllegalAct::TooLate)
    );
    let granted = case
        .act(&Act::Silence, rules, over)
        .expect("silence speaks");
    assert_eq!(
        (granted.state, granted.ended_at),
        (State::GrantedBySilence, Some(over))
    );
    assert_eq!(granted.dates(&calendar).deadline, None);
    let negative = Case {
        silence: Silence::Negative,
        ..case
    };
    assert_eq!(
        negative.act(&Act::Silence, rules, over).map(drop),
        Err(IllegalAct::NoSilence)
    );
}

#[test]
fn observed_once_cured_in_time_and_the_clock_waits() {
    let calendar = lima();
    let rules = Rules {
        calendar: &calendar,
        cure_days: 2,
    };
    let case = case_in(State::InEvaluation);
    let observed = case
        .act(&Act::Observe, rules, at("2026-11-24T12:00:00-05:00"))
        .expect("allowed");
    assert_eq!(observed.cure_until, Some(at("2026-11-26T23:59:59-05:00")));
    assert_eq!(observed.dates(&calendar).deadline, None);
    let late = at("2026-12-20T00:00:00-05:00");
    assert_eq!(
        observed.act(&Act::Silence, rules, late).map(drop),
        Err(IllegalAct::State(State::Observed))
    );
    assert_eq!(
        observed.act(&Act::Cure, rules, late).map(drop),
        Err(IllegalAct::CureTime)
    );
    let early = at("2026-11-26T20:00:00-05:00");
    assert_eq!(
        observed.act(&Act::Lapse, rules, early).map(drop),
        Err(IllegalAct::CureTime)
    );
    let lapsed = observed
        .act(&Act::Lapse, rules, late)
        .expect("the days are over");
    assert_eq!(lapsed.state, State::NotPresented);
    let cured = observed.act(&Act::Cure, rules, early).expect("in time");
    // 25 and 26 November did not count: of two days one is used, so the last is 27 November.
    assert_eq!(cured.last_day(&calendar), Some(date(2026, 11, 27)));
    assert_eq!(cured.presented_at, case.presented_at, "it keeps its date");
    assert_eq!(
        cured
            .act(&Act::Observe, rules, at("2026-11-27T09:00:00-05:00"))
            .map(drop),
        Err(IllegalAct::ObservedBefore)
    );
}

#[test]
fn nothing_is_granted_on_facts_that_have_not_come() {
    let calendar = lima();
    let rules = Rules {
        calendar: &calendar,
        cure_days: 2,
    };
    let case = case_in(State::InEvaluation);
    let now = at("2026-11-24T12:00:00-05:00");
    let refused = case
        .act(&Act::Grant(Granting::ready(3)), rules, now)
        .map(drop);
    assert_eq!(refused, Err(IllegalAct::FactsPending(3)));
    let extended = case
        .act(&Act::Extend { days: 2 }, rules, now)
        .expect("once");
    assert_eq!(extended.last_day(&calendar), Some(date(2026, 11, 27)));
    let again = extended.act(&Act::Extend { days: 2 }, rules, now).map(drop);
    assert_eq!(again, Err(IllegalAct::ExtendedBefore));
}

fn fact(name: &str, value: &str) -> Fact {
    Fact {
        name: name.into(),
        value: Value::Text(value.into()),
        stated_by: MemberId::new("PE", "GOB", "20295613620"),
        stated_at: at("2026-11-23T09:00:01-05:00"),
        valid_until: None,
        evidence: "m-1".into(),
    }
}

#[test]
fn each_registry_is_asked_once_about_each_subject() {
    let procedure = licence();
    let own = answers(&[("holder", "self"), ("ruc", "10990000113")]);
    let needs = needs_of(&procedure, &own, "99000011");
    let asked: Vec<_> = needs
        .iter()
        .map(|need| (need.service.as_str(), need.about.as_str()))
        .collect();
    assert_eq!(
        asked,
        [("contribuyente", "10990000113"), ("persona", "99000011")]
    );
    let firm = answers(&[("holder", "firm"), ("ruc", "20990000119")]);
    let services: Vec<_> = needs_of(&procedure, &firm, "99000011")
        .into_iter()
        .map(|need| need.service)
        .collect();
    assert_eq!(services, ["contribuyente", "persona", "vigencia-de-poder"]);
    let early = needs_of(&procedure, &Answers::new(), "99000011");
    assert_eq!(
        early.len(),
        1,
        "before the RUC is known only the person can be asked about"
    );
    assert_eq!(
        early[0].fields,
        ["address", "birth_date", "district", "full_name", "state"]
    );
}

#[test]
fn learning_and_contradictions() {
    let procedure = licence();
    let asked = answers(&[("holder", "firm"), ("ruc", "20990000119")]);
    let needs = needs_of(&procedure, &asked, "99000011");
    let power = needs
        .iter()
        .find(|need| need.service == "vigencia-de-poder")
        .expect("asked");
    let learned = learn(
        &procedure,
        &asked,
        power,
        &[fact("representative", "99000055"), fact("state", "VENCIDO")],
    );
    let value = |key: &str| learned[key].verified().map(|fact| fact.value.clone());
    assert_eq!(value("power-state"), Some(Value::Text("VENCIDO".into())));
    assert_eq!(
        value("power-position"),
        Some(Value::None),
        "not on record is known too"
    );
    let facts: Vec<CaseFact> = learned
        .into_iter()
        .map(|(field, state)| CaseFact {
            field,
            service: power.service.clone(),
            about: power.about.clone(),
            state,
        })
        .collect();
    let found: Vec<&str> = problems(&procedure, &facts, "99000011")
        .iter()
        .map(|check| check.id.as_str())
        .collect();
    assert_eq!(found, ["represents", "power-valid"]);
    let right: Vec<&str> = problems(&procedure, &facts, "99000055")
        .iter()
        .map(|check| check.id.as_str())
        .collect();
    assert_eq!(right, ["power-valid"]);
}
