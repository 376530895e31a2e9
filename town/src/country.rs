//! The country's data files, read once and checked: national numbers and national holidays.
//!
//! Read by the simulated country and by whoever builds a body from settings. It promises values that were parsed from
//! `country/pe`; it refuses a file with unknown fields. It knows no procedure.

use kernel::Scheme;
use serde::Deserialize;

const IDENTIFIERS: &str = include_str!("../../country/pe/identifiers.toml");
const HOLIDAYS: &str = include_str!("../../country/pe/holidays.toml");

/// The national numbers by which people and firms are known.
#[derive(Clone, Debug)]
pub struct Identifiers {
    /// The identity document of a person.
    pub dni: Scheme,
    /// The taxpayer's number.
    pub ruc: Scheme,
}

/// A national holiday: no administrative time runs on it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Holiday {
    /// ISO 8601 date.
    pub date: String,
    /// Its name in Spanish.
    pub name: String,
    /// The norm that makes it a holiday.
    pub law: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentifierFile {
    scheme: Vec<Scheme>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HolidayFile {
    holiday: Vec<Holiday>,
}

/// Peru's check rules of DNI and RUC.
pub fn identifiers() -> Identifiers {
    let file: IdentifierFile =
        toml::from_str(IDENTIFIERS).expect("the file is compiled in and a test reads it");
    let find = |name: &str| {
        let found = file.scheme.iter().find(|scheme| scheme.name == name);
        found
            .cloned()
            .expect("the file is compiled in and a test reads it")
    };
    Identifiers {
        dni: find("DNI"),
        ruc: find("RUC"),
    }
}

/// Peru's national holidays in order of date.
pub fn holidays() -> Vec<Holiday> {
    let file: HolidayFile =
        toml::from_str(HOLIDAYS).expect("the file is compiled in and a test reads it");
    file.holiday
}

#[cfg(test)]
mod tests {
    use kernel::scheme::BadNumber;

    use super::*;

    #[test]
    fn published_numbers_pass_and_mistyped_ones_fail() {
        let Identifiers { dni, ruc } = identifiers();
        // The example that tutorials of the rule use, in both series, and with nothing but its digits.
        for number in ["17801146-0", "17801146 D", "17801146"] {
            assert!(dni.parse(number).is_ok(), "{number}");
        }
        assert_eq!(dni.parse("17801146-1"), Err(BadNumber::Check));
        assert_eq!(dni.parse("1780114"), Err(BadNumber::Shape));
        // Published by the bodies themselves: SUNAT, RENIEC, Presidencia del Consejo de Ministros.
        for number in ["20131312955", "20295613620", "20168999926"] {
            assert!(ruc.parse(number).is_ok(), "{number}");
        }
        assert_eq!(ruc.parse("20131312995"), Err(BadNumber::Check));
        assert_eq!(ruc.parse("30131312955"), Err(BadNumber::Prefix));
    }

    proptest::proptest! {
        /// RENIEC's digit and SUNAT's digit of RUC 10 are the same for every number: two sources of one rule.
        #[test]
        fn the_dni_digit_is_that_of_its_ruc(number in "[0-9]{8}") {
            let Identifiers { dni, ruc } = identifiers();
            let person = dni.complete(&number);
            proptest::prop_assert_eq!(ruc.complete(&format!("10{number}")), format!("10{person}"));
        }
    }

    #[test]
    fn sixteen_holidays_each_year_in_order_each_with_its_law() {
        let all = holidays();
        for year in ["2025", "2026", "2027", "2028"] {
            assert_eq!(
                all.iter().filter(|day| day.date.starts_with(year)).count(),
                16,
                "{year}"
            );
        }
        assert!(all.windows(2).all(|pair| pair[0].date < pair[1].date));
        assert!(
            all.iter()
                .all(|day| day.law.starts_with("Ley") || day.law.starts_with("Decreto"))
        );
        assert!(
            all.iter()
                .any(|day| day.date == "2026-04-02" && day.name == "Jueves Santo")
        );
    }
}
