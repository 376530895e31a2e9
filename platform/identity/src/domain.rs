//! What identity decides without asking anybody: limits, codes as people type them, places to go back to.

use kernel::{Assurance, Moment};

/// Seconds without a request after which a session ends. An hour: long enough to fetch a paper mid-form, short enough
/// for a machine in a public cabina (NIST SP 800-63B-4, 2.2.3 asks for at most an hour at AAL2).
pub const SESSION_IDLE_SECONDS: i64 = 3_600;
/// Seconds after which a session ends in any case: a working day (the same section allows 24 hours).
pub const SESSION_SECONDS_MAX: i64 = 12 * 3_600;
/// A session's last use is written at most once in this time, so that reading pages doesn't write to disk each time.
pub const TOUCH_SECONDS: i64 = 60;
/// How long a one-time code holds: a person walks home from the desk and sets up the telephone.
pub const CODE_SECONDS: i64 = 24 * 3_600;
/// Digits of a one-time code. With five tries a window a guess succeeds once in twenty million.
pub const CODE_DIGITS: usize = 8;
/// Wrong codes for one number in a window; then that number waits. Passkeys still work.
pub const FAILURES_PER_SUBJECT_MAX: i64 = 5;
/// Wrong codes from one address in a window: a cabina's thirty people mistype too.
pub const FAILURES_PER_CLIENT_MAX: i64 = 60;
/// The window of the two above.
pub const FAILURE_WINDOW_SECONDS: i64 = 15 * 60;
/// How long a passkey ceremony may take; the W3C recommends five minutes, and a reader of a small screen needs them.
pub const CEREMONY_SECONDS: i64 = 300;
/// Passkeys of one person: telephone, computer, spare keys.
pub const PASSKEYS_MAX: usize = 10;
/// Longest name that pages show well.
pub const NAME_CHARS_MAX: usize = 200;
/// Longest address to come back to.
pub const PLACE_CHARS_MAX: usize = 1_024;

/// How somebody signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// A one-time code.
    Code,
    /// A passkey that verified its user.
    Passkey,
    /// A passkey that only noticed somebody's presence.
    PasskeyTouch,
    /// Picked from the list of a practice country.
    Practice,
}

impl Method {
    /// The word in the table.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Passkey => "passkey",
            Self::PasskeyTouch => "passkey-touch",
            Self::Practice => "practice",
        }
    }

    /// Reads the word; anything unknown is the weakest.
    pub fn read(word: &str) -> Self {
        match word {
            "passkey" => Self::Passkey,
            "passkey-touch" => Self::PasskeyTouch,
            "practice" => Self::Practice,
            _ => Self::Code,
        }
    }

    /// How sure the house is. In a practice country nothing has legal effect, so picking counts as high there.
    pub const fn assurance(self) -> Assurance {
        match self {
            Self::Code => Assurance::Low,
            Self::PasskeyTouch => Assurance::Substantial,
            Self::Passkey | Self::Practice => Assurance::High,
        }
    }
}

/// A post of the body, and what whoever holds it may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// Short code, for example `licencias`.
    pub code: String,
    /// The post's name for people.
    pub name: String,
    /// Its rights; anything not listed is denied.
    pub rights: Vec<String>,
}

/// The code as digits, whatever spaces or hyphens were typed; `None` if it can't be one.
pub fn read_code(typed: &str) -> Option<String> {
    let digits: String = typed
        .chars()
        .filter(|c| !matches!(c, ' ' | '-' | '.'))
        .take(64)
        .collect();
    (digits.len() == CODE_DIGITS && digits.bytes().all(|b| b.is_ascii_digit())).then_some(digits)
}

/// The code as people read it: `4821 7395`.
pub fn show_code(digits: &str) -> String {
    match digits.split_at_checked(CODE_DIGITS / 2) {
        Some((first, second)) => format!("{first} {second}"),
        None => digits.to_owned(),
    }
}

/// A place on this site, or `/`: never another host, whatever a link said (CWE-601).
pub fn safe_place(place: &str) -> &str {
    let local = place.starts_with('/') && !place.starts_with("//") && !place.starts_with("/\\");
    let plain =
        place.len() <= PLACE_CHARS_MAX && place.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    let ours = !place.starts_with("/sign-in") && !place.starts_with("/sign-out");
    if local && plain && ours { place } else { "/" }
}

/// The latest start of anything that is `seconds` old at `now`.
pub const fn before(now: Moment, seconds: i64) -> Moment {
    now.plus_seconds(-seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_places_on_this_site_are_gone_back_to() {
        for safe in ["/", "/cases/1?a=b", "/my%20case"] {
            assert_eq!(safe_place(safe), safe);
        }
        let bad = [
            "",
            "https://evil.example/",
            "//evil.example",
            "/\\evil.example",
            "/a\r\nb",
            "javascript:1",
            "/sign-in?next=/",
            "/sign-out",
            "/\u{e9}",
            " /x",
        ];
        for place in bad {
            assert_eq!(safe_place(place), "/", "{place:?}");
        }
    }

    #[test]
    fn codes_are_read_as_people_type_them() {
        assert_eq!(read_code(" 4821-7395 "), Some("48217395".to_owned()));
        assert_eq!(show_code("48217395"), "4821 7395");
        for wrong in ["4821739", "482173955", "4821739a", ""] {
            assert_eq!(read_code(wrong), None);
        }
    }

    proptest! {
        #[test]
        fn no_text_leads_to_another_host(place in "\\PC{0,40}") {
            let safe = safe_place(&place);
            prop_assert!(safe.starts_with('/') && !safe[1..].starts_with(['/', '\\']));
        }
    }
}
