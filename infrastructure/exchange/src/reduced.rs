//! Messages of subsystems whose bodies are not logged: who asked whom and when stays, what was said does not.
//!
//! Applied by `journal` before a message is written (X-Road's body logging, facts section 8): of the message part the
//! `x-road-*` headers stay, of a request the path up to the service code; the body goes. Signature and hash chain stay
//! whole, so whoever still has the message can prove it by them, but a container made from what is kept can't be
//! verified. It says so itself, and names the body's digest.

use data_encoding::BASE64;

use crate::domain::message::{Header, RequestPart, ResponsePart};
use crate::domain::multipart::Envelope;
use crate::sql::Half;

/// The header that says that something was left out.
pub const MARK: &str = "tambo-body-logging";
/// The header with the body's SHA-512 in base64.
pub const DIGEST: &str = "tambo-body-hash";

/// What is kept of a message.
pub fn reduced(envelope: &Envelope, half: Half) -> Envelope {
    let body = envelope.body.as_ref();
    let digest = body.map(|body| BASE64.encode(body.sha512()));
    let rest = match half {
        Half::Request => RequestPart::parse(&envelope.rest).ok().map(|mut part| {
            let service = part.address().map(|(service, ..)| service);
            part.target =
                service.map_or_else(|_| "/r1".to_owned(), |service| format!("/r1/{service}"));
            part.headers = kept(part.headers, digest);
            part.bytes()
        }),
        Half::Response => ResponsePart::parse(&envelope.rest).ok().map(|mut part| {
            part.headers = kept(part.headers, digest);
            part.bytes()
        }),
    };
    Envelope {
        ocsp: Vec::new(),
        rest: rest.unwrap_or_default().into(),
        body: None,
        ..envelope.clone()
    }
}

fn kept(headers: Vec<Header>, digest: Option<String>) -> Vec<Header> {
    let is_kept = |name: &str| name.to_ascii_lowercase().starts_with("x-road-");
    let mut headers: Vec<Header> = headers
        .into_iter()
        .filter(|(name, _)| is_kept(name))
        .collect();
    headers.push((MARK.to_owned(), "off".to_owned()));
    headers.extend(digest.map(|digest| (DIGEST.to_owned(), digest)));
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_stay_and_what_was_said_goes() {
        let request =
            b"POST\r\n/r1/PE/GOB/1/reg/people/facts?dni=40000001\r\nX-Road-Client:PE/GOB/2/sub\r\n\
            Cookie:secret\r\nx-road-id:N-1\r\nTambo-Purpose:p\r\n";
        let envelope = Envelope {
            rest: request.to_vec().into(),
            body: Some(b"{\"subject\":\"40000001\"}".to_vec().into()),
            signature: b"signature".to_vec(),
            chain: Some(b"chain".to_vec()),
            ..Envelope::default()
        };
        let kept = reduced(&envelope, Half::Request);
        let text = String::from_utf8(kept.rest.into_bytes()).unwrap();
        assert!(
            text.starts_with("POST\r\n/r1/PE/GOB/1/reg/people\r\nX-Road-Client:PE/GOB/2/sub\r\n")
        );
        assert!(text.contains("x-road-id:N-1\r\ntambo-body-logging:off\r\ntambo-body-hash:"));
        assert!(!text.contains("secret") && !text.contains("40000001") && kept.body.is_none());
        assert_eq!(
            (kept.signature, kept.chain),
            (envelope.signature, envelope.chain)
        );
    }

    #[test]
    fn of_an_answer_the_status_stays() {
        let envelope = Envelope {
            rest: b"200\r\nOK\r\nContent-Type:text/plain\r\nx-road-id:N-1\r\n"
                .to_vec()
                .into(),
            ..Envelope::default()
        };
        let kept = reduced(&envelope, Half::Response);
        assert_eq!(
            kept.rest[..],
            b"200\r\nOK\r\nx-road-id:N-1\r\ntambo-body-logging:off\r\n"[..]
        );
    }
}
