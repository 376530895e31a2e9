//! PDF dates (ISO 32000-1, 7.9.4): `D:YYYYMMDDHHmmSSOHH'mm`, of which we write UTC and read every form.

use kernel::Moment;

/// The date as our signatures write it, in UTC.
pub fn write(moment: Moment) -> String {
    let iso = moment.iso_seconds();
    let digits: String = iso.chars().filter(char::is_ascii_digit).collect();
    format!("D:{digits}Z")
}

/// Reads a date; what is left out counts as its smallest value, a missing zone as UTC.
pub fn read(text: &[u8]) -> Option<Moment> {
    let text = std::str::from_utf8(text).ok()?;
    let rest = text.strip_prefix("D:").unwrap_or(text);
    let digits = rest.bytes().take(14).take_while(u8::is_ascii_digit).count();
    let (date, zone) = rest.split_at(digits);
    if date.len() < 4 || date.len() % 2 == 1 {
        return None;
    }
    let full = format!("{date}{}", &"00000101000000"[date.len()..]);
    let part = |from: usize, to: usize| &full[from..to];
    let zone: String = zone.chars().filter(|c| *c != '\'').collect();
    let offset = match zone.as_bytes() {
        [] | [b'Z', ..] => "Z".to_owned(),
        [sign @ (b'+' | b'-'), rest @ ..] if rest.len() >= 2 && zone.is_ascii() => {
            let minutes = zone
                .get(3..5)
                .filter(|text| text.len() == 2)
                .unwrap_or("00");
            format!("{}{}:{minutes}", char::from(*sign), &zone[1..3])
        }
        _ => return None,
    };
    Moment::parse_iso(&format!(
        "{}-{}-{}T{}:{}:{}{offset}",
        part(0, 4),
        part(4, 6),
        part(6, 8),
        part(8, 10),
        part(10, 12),
        part(12, 14)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dates_of_many_writers_are_read() {
        let expected = Moment::parse_iso("2026-11-23T15:04:05Z");
        for text in [
            "D:20261123150405Z",
            "D:20261123100405-05'00'",
            "D:20261123100405-05'00",
            "20261123150405",
        ] {
            assert_eq!(read(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(read(b"D:2026"), Moment::parse_iso("2026-01-01T00:00:00Z"));
        assert_eq!(read(b"D:20261399"), None);
        assert_eq!(read(b"yesterday"), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(seconds in 0_i64..4_000_000_000) {
            let moment = Moment::from_seconds(seconds);
            prop_assert_eq!(read(write(moment).as_bytes()), Some(moment));
        }

        #[test]
        fn garbage_never_panics(text in "(D:)?[0-9+Z'\\-é]{0,24}") {
            let _ = read(text.as_bytes());
        }
    }
}
