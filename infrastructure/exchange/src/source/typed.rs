//! What a register holds as text, read as the type that the settings state.
//!
//! Read by every described source, at load and at each question. It promises that a value of another type is refused
//! and never passed on as it is; it refuses to say the value, which is personal.

use kernel::Moment;
use serde_json::Value as Json;

use super::described::{Field, FieldKind};

/// Longest value, in bytes: a fact is a line, not a document.
pub const VALUE_BYTES_MAX: usize = 4_096;

/// The value is not of the field's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not {0}")]
pub struct NotOfType(pub &'static str);

/// Reads `text` as the field's type; empty text is nothing on record.
///
/// # Errors
/// It is of another type, or too long.
pub fn read(field: &Field, text: Option<&str>) -> Result<Json, NotOfType> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok(Json::Null);
    };
    if text.len() > VALUE_BYTES_MAX {
        return Err(NotOfType("at most 4096 bytes long"));
    }
    match field.kind {
        FieldKind::Text => Ok(Json::from(text)),
        FieldKind::Date => {
            date(text, field.day_first)
                .map(Json::from)
                .ok_or(NotOfType(match field.day_first {
                    true => "a date DD/MM/YYYY",
                    false => "a date YYYY-MM-DD",
                }))
        }
        FieldKind::Int => text
            .parse::<i64>()
            .map(Json::from)
            .map_err(|_| NotOfType("a whole number")),
        FieldKind::Bool => truth(text).map(Json::from).ok_or(NotOfType("yes or no")),
    }
}

/// The moment until which an entry holds: a date counts to the end of its local day.
///
/// # Errors
/// Neither a date nor a moment.
pub fn until(text: Option<&str>, utc_offset_minutes: i64) -> Result<Option<Moment>, NotOfType> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let moment = match text.len() {
        10 => date(text, false)
            .and_then(|date| Moment::parse_iso(&format!("{date}T23:59:59Z")))
            .map(|end| end.plus_seconds(-60 * utc_offset_minutes)),
        _ => Moment::parse_iso(text),
    };
    moment
        .map(Some)
        .ok_or(NotOfType("a date YYYY-MM-DD or a moment of RFC 3339"))
}

/// The day as `YYYY-MM-DD`; the time after it is left out.
fn date(text: &str, day_first: bool) -> Option<String> {
    let day = text.get(..10)?;
    let ends = matches!(text.as_bytes().get(10), None | Some(b'T' | b' '));
    let mark = if day_first { ['/', '-', '.'] } else { ['-'; 3] };
    let parts: Vec<&str> = day.split(mark).collect();
    let [first, month, last] = parts[..] else {
        return None;
    };
    let (year, day) = if day_first {
        (last, first)
    } else {
        (first, last)
    };
    let digits =
        |part: &str, count| part.len() == count && part.bytes().all(|b| b.is_ascii_digit());
    if !ends || !digits(year, 4) || !digits(month, 2) || !digits(day, 2) {
        return None;
    }
    let (y, m, d): (u32, u32, u32) = (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    (1..=days_in(y, m))
        .contains(&d)
        .then(|| format!("{year}-{month}-{day}"))
}

fn days_in(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    }
}

fn truth(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "true" | "t" | "1" | "yes" | "y" | "si" | "sí" | "s" => Some(true),
        "false" | "f" | "0" | "no" | "n" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(kind: FieldKind, day_first: bool) -> Field {
        let text = serde_json::json!({"type": kind, "day_first": day_first});
        serde_json::from_value(text).unwrap()
    }

    #[test]
    fn values_are_read_by_their_type_or_refused() {
        use FieldKind::{Bool, Date, Int, Text};
        for (kind, day_first, text, expected) in [
            (Text, false, " Rosa ", Some(Json::from("Rosa"))),
            (Text, false, "", Some(Json::Null)),
            (Date, false, "2026-02-28", Some(Json::from("2026-02-28"))),
            (
                Date,
                false,
                "2026-02-28 10:00:00",
                Some(Json::from("2026-02-28")),
            ),
            (Date, false, "2026-02-29", None),
            (Date, false, "2024-02-29", Some(Json::from("2024-02-29"))),
            (Date, false, "1900-02-29", None),
            (Date, false, "28/02/2026", None),
            (Date, true, "28/02/2026", Some(Json::from("2026-02-28"))),
            (Date, true, "02/28/2026", None),
            (Date, false, "2026-02-2é", None),
            (Int, false, "-3", Some(Json::from(-3))),
            (Int, false, "3.5", None),
            (Bool, false, "SÍ", Some(Json::from(true))),
            (Bool, false, "0", Some(Json::from(false))),
            (Bool, false, "quizás", None),
        ] {
            let read = read(&field(kind, day_first), Some(text));
            assert_eq!(read.ok(), expected, "{kind:?} {text:?}");
        }
        assert!(read(&field(Text, false), Some(&"x".repeat(5_000))).is_err());
    }

    #[test]
    fn an_entry_holds_to_the_end_of_its_local_day() {
        let end = until(Some("2026-12-31"), -300).unwrap().unwrap();
        assert_eq!(end.iso_seconds(), "2027-01-01T04:59:59Z");
        let moment = until(Some("2026-12-31T12:00:00-05:00"), 0)
            .unwrap()
            .unwrap();
        assert_eq!(moment.iso_seconds(), "2026-12-31T17:00:00Z");
        assert_eq!(until(None, 0), Ok(None));
        assert!(until(Some("pronto"), 0).is_err());
    }
}
