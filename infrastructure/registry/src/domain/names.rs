//! Which codes, names and addresses the register takes: strict here, although readers elsewhere are lenient.

/// Longest code of a class, member, server or subsystem, in bytes. X-Road's database columns hold 255.
pub const CODE_BYTES_MAX: usize = 64;
/// Longest name of a member, in characters: one line of a certificate holds 512 bytes.
pub const NAME_CHARS_MAX: usize = 200;
/// Longest `host:port`, in bytes: a host name has at most 253 (RFC 1035).
pub const ADDRESS_BYTES_MAX: usize = 262;
/// Longest text that a person writes about a decision or a maintenance, in characters: a log note's value has 400.
pub const WHY_CHARS_MAX: usize = 400;

/// Whether `code` has only characters that X-Road's documents allow from 7.3 on: letters, digits and `'()+,-.=?`.
/// Stricter than them in one thing: letters are ASCII, since codes stand in certificates and addresses.
pub fn code(code: &str) -> bool {
    let fits = |c: u8| c.is_ascii_alphanumeric() || b"'()+,-.=?".contains(&c);
    !code.is_empty() && code.len() <= CODE_BYTES_MAX && code.bytes().all(fits)
}

/// Whether `name` can be shown and stand in a certificate.
pub fn name(name: &str) -> bool {
    let plain = |c: char| !c.is_control() && !['\u{200b}', '\u{feff}', '\u{202e}'].contains(&c);
    name.trim() == name
        && !name.is_empty()
        && name.chars().count() <= NAME_CHARS_MAX
        && name.chars().all(plain)
}

/// Whether a reason or a notice is short enough and plain.
pub fn why(text: &str) -> bool {
    text.chars().count() <= WHY_CHARS_MAX && !text.chars().any(|c| c.is_control() && c != '\n')
}

/// Whether `address` is `host:port`: a name, an IPv4 address, or an IPv6 address in brackets.
pub fn address(address: &str) -> bool {
    let Some((host, port)) = address.rsplit_once(':') else {
        return false;
    };
    if address.len() > ADDRESS_BYTES_MAX || !port.parse::<u16>().is_ok_and(|port| port > 0) {
        return false;
    }
    if let Some(inside) = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        return inside.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let label = |label: &str| {
        let fits = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(fits)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    port.bytes().all(|c| c.is_ascii_digit()) && !host.is_empty() && host.split('.').all(label)
}

/// The host of a checked address, without brackets.
pub fn host(address: &str) -> &str {
    address
        .rsplit_once(':')
        .map_or(address, |(host, _)| host)
        .trim_matches(['[', ']'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for good in [
            "ss1.example.pe:5500",
            "127.0.0.1:1",
            "[::1]:5500",
            "ss_1:5500",
        ] {
            assert!(address(good), "{good}");
        }
        for bad in [
            "",
            ":5500",
            "host",
            "host:",
            "host:0",
            "host:65536",
            "host:+5",
            "a b:1",
            "http://a:1",
            "a/b:1",
            "::1:5500",
            "[x]:1",
            "-a:1",
            "a..b:1",
            "user@host:1",
        ] {
            assert!(!address(bad), "{bad}");
        }
    }

    #[test]
    fn codes_and_names() {
        assert!(code("20999999001") && code("SS1") && code("A-B.C"));
        for bad in ["", "a b", "a/b", "a:b", "ñ", "a;b", "a%b", "a\\b"] {
            assert!(!code(bad), "{bad}");
        }
        assert!(
            name("Municipalidad de Ñahuimpuquio")
                && !name(" x")
                && !name("a\u{202e}b")
                && !name("")
        );
    }
}
