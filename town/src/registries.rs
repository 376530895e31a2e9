//! What the three registries of the simulated country have on record, as JSON objects by subject number.
//!
//! Read by the bodies that answer for them. It promises one flat object per subject with the field names below, places
//! in the register's own code list, and nothing about whom it doesn't know.
//!
//! | service | subject | fields |
//! |---|---|---|
//! | `persona` | DNI | dni, full_name, given_names, surnames, birth_date, address, ubigeo (RENIEC), district, state |
//! | `contribuyente` | RUC | ruc, business_name, state, condition, fiscal_address, ubigeo (SUNAT), district, activity_code, activity, legal_representative |
//! | `vigencia-de-poder` | RUC | ruc, representative, representative_name, position, powers, valid_until, state, registry_entry |

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::districts::Districts;
use crate::people::{Firm, Person, Population, Vital};

/// Service code of the identity registry.
pub const PERSONA: &str = "persona";
/// Service code of the tax registry.
pub const CONTRIBUYENTE: &str = "contribuyente";
/// Service code of the registry of powers.
pub const VIGENCIA_DE_PODER: &str = "vigencia-de-poder";

/// The records of one service, by subject number.
pub type Records = BTreeMap<String, Map<String, Value>>;

/// The records of the three services.
#[derive(Debug, Default)]
pub struct Registries {
    /// People by DNI.
    pub persona: Records,
    /// Taxpayers by RUC.
    pub contribuyente: Records,
    /// Powers by RUC.
    pub vigencia_de_poder: Records,
}

impl Registries {
    /// What the registries know of this population on the day `today` (ISO 8601): powers that ended by then say so.
    pub fn of(population: &Population, today: &str) -> Self {
        let districts = Districts::load();
        let mut registries = Self::default();
        for person in &population.people {
            registries
                .persona
                .insert(person.dni.clone(), persona(person, &districts));
        }
        let names: BTreeMap<&str, String> = population
            .people
            .iter()
            .map(|person| (person.dni.as_str(), person.full_name()))
            .collect();
        for firm in &population.firms {
            registries
                .contribuyente
                .insert(firm.ruc.clone(), contribuyente(firm, &districts));
            let name = names
                .get(firm.representative.as_str())
                .cloned()
                .unwrap_or_default();
            if let Some(record) = power(firm, &name, today) {
                registries
                    .vigencia_de_poder
                    .insert(firm.ruc.clone(), record);
            }
        }
        registries
    }

    /// The records behind a service code.
    pub fn service(&self, code: &str) -> Option<&Records> {
        match code {
            PERSONA => Some(&self.persona),
            CONTRIBUYENTE => Some(&self.contribuyente),
            VIGENCIA_DE_PODER => Some(&self.vigencia_de_poder),
            _ => None,
        }
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn persona(person: &Person, districts: &Districts) -> Map<String, Value> {
    let place = districts.by_inei(&person.district);
    object(json!({
        "dni": person.dni,
        "full_name": person.full_name(),
        "given_names": person.given_names,
        "surnames": person.surnames,
        "birth_date": person.birth_date,
        "address": person.address,
        "ubigeo": place.and_then(|place| place.reniec),
        "district": place.map(crate::districts::District::full_name),
        "state": match person.vital { Vital::Alive => "VIVO", Vital::Dead => "FALLECIDO" },
    }))
}

fn contribuyente(firm: &Firm, districts: &Districts) -> Map<String, Value> {
    let place = districts.by_inei(&firm.district);
    object(json!({
        "ruc": firm.ruc,
        "business_name": firm.business_name,
        "state": firm.state,
        "condition": firm.condition,
        "fiscal_address": firm.fiscal_address,
        "ubigeo": place.and_then(|place| place.sunat),
        "district": place.map(crate::districts::District::full_name),
        "activity_code": firm.activity.0,
        "activity": firm.activity.1,
        "legal_representative": firm.representative,
    }))
}

fn power(firm: &Firm, representative_name: &str, today: &str) -> Option<Map<String, Value>> {
    let power = firm.power.as_ref()?;
    let over = power
        .valid_until
        .as_deref()
        .is_some_and(|until| until < today);
    Some(object(json!({
        "ruc": firm.ruc,
        "representative": firm.representative,
        "representative_name": representative_name,
        "position": power.position,
        "powers": power.powers,
        "valid_until": power.valid_until,
        "state": if over { "VENCIDO" } else { "VIGENTE" },
        "registry_entry": power.registry_entry,
    })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stories;

    fn registries(today: &str) -> Registries {
        Registries::of(&Population::demo(), today)
    }

    #[test]
    fn a_person_and_a_firm_as_their_registers_write_them() {
        let all = registries("2026-11-23");
        let rosa = &all.persona[stories::ROSA];
        assert_eq!(rosa["full_name"], "Rosa Quispe Mamani");
        // The same district is 07... at RENIEC and 08... at SUNAT.
        assert_eq!(rosa["ubigeo"], "071306");
        let (ruc, firm) = all
            .contribuyente
            .iter()
            .find(|(_, firm)| firm["legal_representative"] == stories::ROSA)
            .expect("Rosa's firm");
        assert_eq!(
            (&firm["ubigeo"], &firm["state"]),
            (&json!("081306"), &json!("ACTIVO"))
        );
        assert_eq!(
            all.vigencia_de_poder[ruc]["representative_name"],
            "Rosa Quispe Mamani"
        );
        assert_eq!(all.persona[stories::TOMAS]["state"], "FALLECIDO");
    }

    #[test]
    fn a_power_ends_on_its_day() {
        let state = |today: &str| {
            let all = registries(today);
            all.vigencia_de_poder
                .values()
                .find(|power| power["representative"] == stories::WILFREDO)
                .map(|power| power["state"].clone())
        };
        assert_eq!(state("2025-06-30"), Some(json!("VIGENTE")));
        assert_eq!(state("2025-07-01"), Some(json!("VENCIDO")));
    }

    #[test]
    fn services_are_known_by_code_and_persons_with_own_ruc_have_no_power_on_record() {
        let all = registries("2026-11-23");
        assert!(all.service("persona").is_some() && all.service("otra").is_none());
        assert!(
            all.vigencia_de_poder
                .keys()
                .all(|ruc| ruc.starts_with("20"))
        );
    }
}
