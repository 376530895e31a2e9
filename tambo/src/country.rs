//! The country's files, compiled in: national numbers, holidays, procedures. Nothing else in the program is national.

use kernel::Scheme;

const PROCEDURES: &[(&str, &str)] = &[(
    "licencia-de-funcionamiento",
    include_str!("../../country/pe/procedures/licencia-de-funcionamiento.toml"),
)];

/// The file of holidays.
pub const HOLIDAYS: &str = include_str!("../../country/pe/holidays.toml");

/// How a person's national number is checked.
pub fn person_number() -> Scheme {
    town::country::identifiers().dni
}

/// How a body's own number is checked.
pub fn body_number() -> Scheme {
    town::country::identifiers().ruc
}

/// How far `zone` is ahead of UTC at `now`, in minutes; 0 for a zone that is not known.
pub fn utc_offset_minutes(zone: &str, now: kernel::Moment) -> i64 {
    jiff::tz::TimeZone::get(zone).map_or(0, |zone| {
        i64::from(zone.to_offset(now.timestamp()).seconds()) / 60
    })
}

/// All national numbers.
pub fn schemes() -> Vec<Scheme> {
    let known = town::country::identifiers();
    vec![known.dni, known.ruc]
}

/// The text of a procedure that comes with the program.
pub fn procedure(name: &str) -> Option<&'static str> {
    PROCEDURES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text)
}
