//! The people and firms of the simulated country: a dozen with a story, and as many more as wanted from a seed.
//!
//! Read by the demo, the load tests and `registries.rs`. It promises valid check digits, real districts, and the same
//! people for the same seed. Nobody here exists: numbers come from ranges that RENIEC (99...) and SUNAT (2098..., 20999...) have
//! not issued, and names are drawn from common ones.

use std::collections::BTreeSet;

use kernel::{Chance, Locale, SeededChance};

use crate::country::{self, Identifiers};
use crate::districts::Districts;
use crate::stories;

/// Most people that one population may hold: the synthetic number range ends there.
pub const PEOPLE_MAX: usize = 500_000;

/// First DNI of generated people; the ones with a story lie below.
const FIRST_GENERATED: u32 = 99_100_000;

/// First RUC of generated legal entities, without its check digit.
const FIRST_FIRM: u32 = 2_098_000_000;

/// What the identity registry says about whether somebody lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vital {
    /// Alive.
    Alive,
    /// Dead: no procedure can be begun in this name.
    Dead,
}

/// A person as the identity registry knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Eight digits.
    pub dni: String,
    /// Check character printed beside the number.
    pub check: char,
    /// Given names.
    pub given_names: String,
    /// Father's and mother's surname.
    pub surnames: String,
    /// ISO 8601.
    pub birth_date: String,
    /// Street and number.
    pub address: String,
    /// INEI's code of the district; each registry shows its own.
    pub district: String,
    /// Alive or not.
    pub vital: Vital,
    /// The language they would choose.
    pub language: Locale,
    /// What the demo tells about them; `None` for generated people.
    pub story: Option<&'static str>,
    /// Their post at the municipality, if they are an official: `recepcion`, `licencias`, `gerencia`, `sistemas`.
    pub post: Option<&'static str>,
}

/// A taxpayer: a person with business of their own (RUC 10) or a legal entity (RUC 20).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firm {
    /// Eleven digits with the check digit.
    pub ruc: String,
    /// Name.
    pub business_name: String,
    /// `ACTIVO`, or why not.
    pub state: &'static str,
    /// `HABIDO` when the tax office finds them at the fiscal address.
    pub condition: &'static str,
    /// Street and number.
    pub fiscal_address: String,
    /// INEI's code of the district.
    pub district: String,
    /// Section of the classification of activities: CIIU code (revision 4) and its name.
    pub activity: (&'static str, &'static str),
    /// DNI of who represents it: the owner themselves for RUC 10.
    pub representative: String,
    /// The representative's power in the registry of legal entities; persons with RUC 10 need none.
    pub power: Option<Power>,
}

/// A power of representation as the registry of legal entities has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Power {
    /// The office that the representative holds.
    pub position: &'static str,
    /// What it allows.
    pub powers: Vec<&'static str>,
    /// ISO 8601 date; `None` is until revoked.
    pub valid_until: Option<String>,
    /// Entry (asiento) and file (partida).
    pub registry_entry: String,
}

/// Everybody.
#[derive(Debug)]
pub struct Population {
    /// People, those with a story first.
    pub people: Vec<Person>,
    /// Firms, those with a story first.
    pub firms: Vec<Firm>,
}

/// Activities of small towns, CIIU revision 4.
pub const ACTIVITIES: [(&str, &str); 8] = [
    (
        "5610",
        "Actividades de restaurantes y de servicio móvil de comidas",
    ),
    (
        "4711",
        "Venta al por menor en comercios no especializados con predominio de alimentos",
    ),
    ("5510", "Actividades de alojamiento para estancias cortas"),
    ("3100", "Fabricación de muebles"),
    (
        "4772",
        "Venta al por menor de productos farmacéuticos y artículos de tocador",
    ),
    ("9602", "Peluquería y otros tratamientos de belleza"),
    (
        "1392",
        "Fabricación de artículos confeccionados de materiales textiles",
    ),
    ("7912", "Actividades de operadores turísticos"),
];

const GIVEN: [&str; 24] = [
    "María",
    "Juana",
    "Luz Marina",
    "Nélida",
    "Yeni",
    "Flor de María",
    "Victoria",
    "Sabina",
    "Carmen",
    "Lourdes",
    "Qori",
    "Illari",
    "José",
    "Juan Carlos",
    "Luis Alberto",
    "Edwin",
    "Wilber",
    "Percy",
    "Hilario",
    "Nicanor",
    "Rolando",
    "Yuri",
    "Inti",
    "Fredy",
];
const SURNAMES: [&str; 28] = [
    "Quispe",
    "Mamani",
    "Huamán",
    "Condori",
    "Flores",
    "Rojas",
    "Choque",
    "Puma",
    "Ccori",
    "Yupanqui",
    "Huillca",
    "Sánchez",
    "Gutiérrez",
    "Vargas",
    "Ttito",
    "Cusi",
    "Apaza",
    "Chávez",
    "Castro",
    "Espinoza",
    "Salas",
    "Huanca",
    "Cárdenas",
    "Paredes",
    "Ñahui",
    "Qqueccaño",
    "Champi",
    "Loayza",
];
const STREETS: [&str; 10] = [
    "Calle Principal",
    "Av. Ferrocarril",
    "Calle Convención",
    "Jr. Las Flores",
    "Av. Estudiante",
    "Calle Lari",
    "Jr. Grau",
    "Av. El Sol",
    "Pasaje San Martín",
    "Comunidad campesina Rumira, lote",
];

impl Person {
    /// Given names and surnames.
    pub fn full_name(&self) -> String {
        format!("{} {}", self.given_names, self.surnames)
    }
}

impl Population {
    /// The people with a story, the same in every demo.
    pub fn demo() -> Self {
        stories::tell(&country::identifiers())
    }

    /// The people with a story and `count` more, repeatable from `seed`; at most [`PEOPLE_MAX`].
    pub fn grow(seed: u64, count: usize) -> Self {
        let mut population = Self::demo();
        let chance = SeededChance::new(seed);
        let (identifiers, districts) = (country::identifiers(), Districts::load());
        for number in 0..count.min(PEOPLE_MAX) {
            let offset = u32::try_from(number).expect("bounded by PEOPLE_MAX");
            let person = stranger(&chance, &identifiers, &districts, FIRST_GENERATED + offset);
            // One person in four has a business; of these, one in three is a legal entity.
            if chance.below(4) == 0 {
                population
                    .firms
                    .push(firm(&chance, &identifiers, &person, offset));
            }
            population.people.push(person);
        }
        population
    }

    /// The person with this DNI (eight digits).
    pub fn person(&self, dni: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.dni == dni)
    }

    /// The firms that this person represents.
    pub fn firms_of<'a>(&'a self, dni: &'a str) -> impl Iterator<Item = &'a Firm> {
        self.firms
            .iter()
            .filter(move |firm| firm.representative == dni)
    }

    /// Whether no number appears twice. A broken population would make registries disagree with themselves.
    pub fn is_consistent(&self) -> bool {
        let people: BTreeSet<_> = self.people.iter().map(|person| &person.dni).collect();
        let firms: BTreeSet<_> = self.firms.iter().map(|firm| &firm.ruc).collect();
        people.len() == self.people.len()
            && firms.len() == self.firms.len()
            && self
                .firms
                .iter()
                .all(|firm| people.contains(&firm.representative))
    }
}

fn pick<'a, T>(chance: &dyn Chance, from: &'a [T]) -> &'a T {
    let limit = u32::try_from(from.len()).expect("the pools are short");
    &from[usize::try_from(chance.below(limit)).expect("below the length")]
}

fn stranger(
    chance: &dyn Chance,
    identifiers: &Identifiers,
    districts: &Districts,
    number: u32,
) -> Person {
    let dni = number.to_string();
    let check = identifiers
        .dni
        .check_characters(&dni)
        .chars()
        .next()
        .unwrap_or('0');
    let (year, month, day) = (
        1940 + chance.below(67),
        1 + chance.below(12),
        1 + chance.below(28),
    );
    let dead = chance.below(60) == 0;
    Person {
        dni,
        check,
        given_names: (*pick(chance, &GIVEN)).to_owned(),
        surnames: format!("{} {}", pick(chance, &SURNAMES), pick(chance, &SURNAMES)),
        birth_date: format!("{year}-{month:02}-{day:02}"),
        address: format!("{} {}", pick(chance, &STREETS), 100 + chance.below(900)),
        district: pick(chance, districts.all()).inei.to_owned(),
        vital: if dead { Vital::Dead } else { Vital::Alive },
        language: if chance.below(7) == 0 {
            Locale::Qu
        } else {
            Locale::Es
        },
        story: None,
        post: None,
    }
}

fn firm(chance: &dyn Chance, identifiers: &Identifiers, person: &Person, offset: u32) -> Firm {
    let legal = chance.below(3) == 0;
    let body = if legal {
        (FIRST_FIRM + offset).to_string()
    } else {
        format!("10{}", person.dni)
    };
    let activity = *pick(chance, &ACTIVITIES);
    let surname = person
        .surnames
        .split(' ')
        .next()
        .unwrap_or("Andes")
        .to_uppercase();
    Firm {
        ruc: identifiers.ruc.complete(&body),
        business_name: if legal {
            format!("INVERSIONES {surname} {offset} E.I.R.L.")
        } else {
            format!("{} {}", person.surnames, person.given_names).to_uppercase()
        },
        state: if chance.below(12) == 0 {
            "BAJA DE OFICIO"
        } else {
            "ACTIVO"
        },
        condition: if chance.below(15) == 0 {
            "NO HABIDO"
        } else {
            "HABIDO"
        },
        fiscal_address: person.address.clone(),
        district: person.district.clone(),
        activity,
        representative: person.dni.clone(),
        power: legal.then(|| Power {
            position: "TITULAR GERENTE",
            powers: stories::manager_powers(),
            valid_until: None,
            registry_entry: format!("A00001, partida {}", 11_000_000 + offset),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_people_and_every_number_checks() {
        let (a, b) = (Population::grow(7, 400), Population::grow(7, 400));
        assert_eq!((&a.people, &a.firms), (&b.people, &b.firms));
        assert_ne!(a.people, Population::grow(8, 400).people);
        assert!(a.is_consistent());
        assert_eq!(a.people.len(), Population::demo().people.len() + 400);
        let (identifiers, districts) = (country::identifiers(), Districts::load());
        for person in &a.people {
            assert!(
                identifiers
                    .dni
                    .parse(&format!("{}{}", person.dni, person.check))
                    .is_ok()
            );
            assert!(person.dni.starts_with("99") && districts.by_inei(&person.district).is_some());
        }
        for firm in &a.firms {
            assert!(identifiers.ruc.parse(&firm.ruc).is_ok(), "{}", firm.ruc);
            assert_eq!(firm.power.is_some(), firm.ruc.starts_with("20"));
        }
        assert!(a.firms.iter().filter(|firm| firm.power.is_some()).count() > 10);
    }
}
