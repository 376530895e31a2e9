//! What servers say on port 5577: which certificates are asked about, and the OCSP responses in a multipart frame.
//!
//! Read by `ocsp_exchange` on both sides. The question stands in the query (`cert`, SHA-1 in hex, once for each
//! certificate; `cert_hash`, SHA-256, beside it), the answer is `multipart/related` with one response for each `cert` in
//! its order (PR-MESSTRANSP section 2.2, annex 4.1). It judges no response.

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};

use super::multipart::{OCSP_BYTES_MAX, OCSP_PARTS_MAX};

/// Longest query read: five certificates with both digests take 700 characters.
pub const QUERY_CHARS_MAX: usize = 2_048;
/// Largest answer read.
pub const ANSWER_BYTES_MAX: usize = OCSP_PARTS_MAX * (OCSP_BYTES_MAX + 512);

/// A certificate's SHA-1, which names it here.
pub type Name = [u8; 20];

/// Why a question or an answer is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadExchange {
    /// No certificate is named.
    #[error("the query names no certificate: cert=SHA1 is missing")]
    NoName,
    /// A name is not a SHA-1 in hex.
    #[error("a certificate's name is not a SHA-1 in hex")]
    Name,
    /// Too many names or too long a text.
    #[error("over a limit")]
    TooLarge,
    /// The answer's frame is broken.
    #[error("the answer is not a multipart/related of OCSP responses: {0}")]
    Frame(&'static str),
}

/// The certificates that a query asks about by SHA-1 (`cert`), in its order.
///
/// # Errors
/// [`BadExchange`].
pub fn names(query: &str) -> Result<Vec<Name>, BadExchange> {
    named(query, "cert=")
}

/// The certificates that a query asks about by SHA-256 (`cert_hash`), in its order.
///
/// # Errors
/// [`BadExchange`].
pub fn long_names(query: &str) -> Result<Vec<[u8; 32]>, BadExchange> {
    named(query, "cert_hash=")
}

fn named<const LENGTH: usize>(query: &str, field: &str) -> Result<Vec<[u8; LENGTH]>, BadExchange> {
    if query.len() > QUERY_CHARS_MAX {
        return Err(BadExchange::TooLarge);
    }
    let mut names = Vec::new();
    for pair in query.split('&') {
        let Some(text) = pair.strip_prefix(field) else {
            continue;
        };
        let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes());
        let name = bytes.ok().and_then(|bytes| bytes.try_into().ok());
        names.push(name.ok_or(BadExchange::Name)?);
        if names.len() > OCSP_PARTS_MAX {
            return Err(BadExchange::TooLarge);
        }
    }
    if names.is_empty() {
        Err(BadExchange::NoName)
    } else {
        Ok(names)
    }
}

/// The query that asks about certificates, each by SHA-1 and SHA-256 as X-Road's clients write it.
pub fn query(certificates: &[(Name, [u8; 32])]) -> String {
    let first = certificates
        .iter()
        .map(|(short, _)| ("cert", HEXLOWER.encode(short)));
    let then = certificates
        .iter()
        .map(|(_, long)| ("cert_hash", HEXLOWER.encode(long)));
    let pairs: Vec<String> = first
        .chain(then)
        .map(|(name, hex)| format!("{name}={hex}"))
        .collect();
    pairs.join("&")
}

/// The content type of an answer framed by `boundary`.
pub fn content_type(boundary: &str) -> String {
    format!(
        "multipart/related; type=\"application/ocsp-response\"; charset=UTF-8; boundary={boundary}"
    )
}

/// Frames responses; `boundary` must not occur in any (thirty random letters).
pub fn write(responses: &[Vec<u8>], boundary: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for response in responses {
        if !out.is_empty() {
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
        out.extend_from_slice(b"Content-Type: application/ocsp-response\r\n\r\n");
        out.extend_from_slice(response);
    }
    out.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    out
}

/// Reads an answer's responses. Text before the first boundary and after the last is passed over.
///
/// # Errors
/// [`BadExchange`].
pub fn read(kind: &str, bytes: &[u8]) -> Result<Vec<Vec<u8>>, BadExchange> {
    if bytes.len() > ANSWER_BYTES_MAX {
        return Err(BadExchange::TooLarge);
    }
    let boundary = boundary(kind).ok_or(BadExchange::Frame("content type"))?;
    let delimiter = format!("\r\n--{boundary}");
    let mut rest = match bytes.strip_prefix(&delimiter.as_bytes()[2..]) {
        Some(rest) => rest,
        None => {
            split(bytes, delimiter.as_bytes())
                .ok_or(BadExchange::Frame("no boundary"))?
                .1
        }
    };
    let mut responses = Vec::new();
    while !rest.starts_with(b"--") {
        let (_, part) = split(rest, b"\r\n").ok_or(BadExchange::Frame("boundary"))?;
        let (part, after) =
            split(part, delimiter.as_bytes()).ok_or(BadExchange::Frame("no end"))?;
        let (head, body) = split(part, b"\r\n\r\n").ok_or(BadExchange::Frame("part"))?;
        let head = head.to_ascii_lowercase();
        if split(&head, b"application/ocsp-response").is_some() {
            if responses.len() == OCSP_PARTS_MAX || body.len() > OCSP_BYTES_MAX {
                return Err(BadExchange::TooLarge);
            }
            responses.push(body.to_vec());
        }
        rest = after;
    }
    Ok(responses)
}

fn boundary(kind: &str) -> Option<String> {
    let rest = kind.get(.."multipart/related".len())?;
    let rest = rest
        .eq_ignore_ascii_case("multipart/related")
        .then(|| &kind[rest.len()..])?;
    super::multipart::boundary(&format!("multipart/mixed{rest}"))
}

fn split<'a>(bytes: &'a [u8], by: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes.windows(by.len()).position(|window| window == by)?;
    Some((&bytes[..at], &bytes[at + by.len()..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn questions_are_read_in_order_and_strictly() {
        let (one, two) = ([0xab; 20], [0x01; 20]);
        let asked = query(&[(one, [2; 32]), (two, [3; 32])]);
        let expected = format!(
            "cert={}&cert={}&cert_hash={}&cert_hash={}",
            "ab".repeat(20),
            "01".repeat(20),
            "02".repeat(32),
            "03".repeat(32)
        );
        assert_eq!(asked, expected);
        assert_eq!(names(&asked), Ok(vec![one, two]));
        assert_eq!(
            names(&asked.to_uppercase().replace("CERT", "cert")),
            Ok(vec![one, two])
        );
        assert_eq!(names("cert_hash=00"), Err(BadExchange::NoName));
        assert_eq!(names(""), Err(BadExchange::NoName));
        assert_eq!(names("cert=abcd"), Err(BadExchange::Name));
        assert_eq!(names("cert=../../etc/passwd"), Err(BadExchange::Name));
        let many = vec![(one, [2; 32]); OCSP_PARTS_MAX + 1];
        assert_eq!(names(&query(&many)), Err(BadExchange::TooLarge));
        assert_eq!(
            names(&"x".repeat(QUERY_CHARS_MAX + 1)),
            Err(BadExchange::TooLarge)
        );
    }

    #[test]
    fn answers_stand_on_the_wire_as_written_down() {
        let responses = vec![b"R1\r\n".to_vec(), b"--R2".to_vec()];
        let expected = "--edge\r\nContent-Type: application/ocsp-response\r\n\r\nR1\r\n\
            \r\n--edge\r\nContent-Type: application/ocsp-response\r\n\r\n--R2\r\n--edge--\r\n";
        let written = write(&responses, "edge");
        assert_eq!(String::from_utf8(written.clone()).unwrap(), expected);
        assert_eq!(read(&content_type("edge"), &written), Ok(responses.clone()));
        let with_more = format!("preamble\r\n{expected}epilogue");
        assert_eq!(
            read(&content_type("edge"), with_more.as_bytes()),
            Ok(responses)
        );
        let other = expected.replacen("application/ocsp-response", "text/plain", 1);
        assert_eq!(
            read(&content_type("edge"), other.as_bytes()),
            Ok(vec![b"--R2".to_vec()])
        );
        for end in 0..expected.len() - 4 {
            assert!(
                read(&content_type("edge"), &expected.as_bytes()[..end]).is_err(),
                "{end}"
            );
        }
        assert!(read("text/plain", &written).is_err());
        assert!(read("multipart/mixed; boundary=edge", &written).is_err());
    }

    #[test]
    fn limits_hold() {
        let long = write(&[vec![0; OCSP_BYTES_MAX + 1]], "edge");
        assert_eq!(
            read(&content_type("edge"), &long),
            Err(BadExchange::TooLarge)
        );
        let many = write(&vec![vec![1]; OCSP_PARTS_MAX + 1], "edge");
        assert_eq!(
            read(&content_type("edge"), &many),
            Err(BadExchange::TooLarge)
        );
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), kind in ".{0,60}") {
            let _ = read(&kind, &bytes);
            let _ = read(&content_type("-"), &bytes);
            let _ = names(&String::from_utf8_lossy(&bytes));
        }
    }
}
