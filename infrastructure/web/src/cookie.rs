//! Cookies: names, reading and writing. Read by the outer layer and by `identity`.
//!
//! Promises: every cookie is HttpOnly, SameSite=Lax, for the whole site, and with TLS also Secure and `__Host-`, so that no
//! other host can plant it. Names carry the body's code, because cookies don't keep ports apart.

use http::{HeaderMap, HeaderValue, header};

/// Seconds a language choice is kept: a year.
pub const LANGUAGE_SECONDS: u32 = 365 * 24 * 3600;
/// Longest cookie value that is read; ours are 52 characters, anything longer is not ours.
pub const VALUE_CHARS_MAX: usize = 128;

/// The names of the cookies of one body.
#[derive(Clone, Debug)]
pub struct CookieNames {
    /// Holds the session token; set and removed by `identity` alone.
    pub session: String,
    /// Holds a random number that ties forms to a browser.
    pub visit: String,
    /// Holds the language choice.
    pub language: String,
    secure: bool,
}

impl CookieNames {
    /// The names for the body `code`.
    pub fn of(code: &str, tls: bool) -> Self {
        let prefix = if tls { "__Host-" } else { "" };
        let name = |what: &str| format!("{prefix}{code}-{what}");
        Self {
            session: name("session"),
            visit: name("visit"),
            language: name("lang"),
            secure: tls,
        }
    }

    /// A `Set-Cookie` value. `seconds`: how long the browser keeps it, `None` until it is closed, `Some(0)` removes it.
    pub fn set(&self, name: &str, value: &str, seconds: Option<u32>) -> HeaderValue {
        let age = seconds
            .map(|s| format!("; Max-Age={s}"))
            .unwrap_or_default();
        let secure = if self.secure { "; Secure" } else { "" };
        HeaderValue::from_str(&format!(
            "{name}={value}; Path=/; HttpOnly; SameSite=Lax{age}{secure}"
        ))
        .unwrap_or(HeaderValue::from_static(""))
    }
}

/// The value of the cookie `name`, if there is one that could be ours.
pub fn read<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
        .filter(|value| plausible(value))
}

fn plausible(value: &str) -> bool {
    !value.is_empty()
        && value.len() <= VALUE_CHARS_MAX
        && value
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_only_plausible_values_of_the_exact_name() {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::COOKIE,
            HeaderValue::from_static("xa=1; a=two; b=<script>; c="),
        );
        assert_eq!(read(&headers, "a"), Some("two"));
        assert_eq!(read(&headers, "b"), None);
        assert_eq!(read(&headers, "c"), None);
    }

    #[test]
    fn tls_makes_cookies_secure_and_bound_to_the_host() {
        let names = CookieNames::of("muni", true);
        let set = names.set(&names.session, "t", None);
        assert_eq!(
            set.to_str().ok(),
            Some("__Host-muni-session=t; Path=/; HttpOnly; SameSite=Lax; Secure")
        );
    }
}
