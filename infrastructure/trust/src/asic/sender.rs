//! Who a message says it comes from: the member that must have signed it.
//!
//! Source: X-Road PR-REST and PR-MESS. A request is signed by the client's member, a response by the provider's.

use kernel::{MemberId, Party, ServiceId};
use roxmltree::Node;

use crate::xml;

const MESSAGE: &str = "http://x-road.eu/xsd/xroad.xsd";
const IDENTIFIERS: &str = "http://x-road.eu/xsd/identifiers";
const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";

/// What a message says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// The member that must have signed.
    pub member: MemberId,
    /// The message's number, if it has one.
    pub message: Option<String>,
    /// Whether it is an answer.
    pub response: bool,
}

/// Reads the sender of a REST or SOAP message; `None` if it is neither.
pub fn sender_of(message: &[u8]) -> Option<Sender> {
    let start = message.strip_prefix(b"\xef\xbb\xbf").unwrap_or(message);
    if start.trim_ascii_start().first() == Some(&b'<') {
        soap(message)
    } else {
        rest(message)
    }
}

/// A REST part: verb or status, path or reason, then `name:value` lines.
fn rest(message: &[u8]) -> Option<Sender> {
    let text = std::str::from_utf8(message).ok()?;
    let mut lines = text.lines();
    let first = lines.next()?;
    lines.next()?;
    let response = first.len() == 3 && first.bytes().all(|byte| byte.is_ascii_digit());
    let known = [
        "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
    ]
    .contains(&first);
    if !response && !known {
        return None;
    }
    let headers: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(':')).collect();
    // X-Road's rule for a header that is there twice.
    let header = |name: &str| {
        let mut found = headers.iter().rev();
        let (_, value) = found.find(|(other, _)| other.eq_ignore_ascii_case(name))?;
        Some(value.trim())
    };
    let member = if response {
        service(header("x-road-service")?)?
    } else {
        client(header("x-road-client")?)?
    };
    Some(Sender {
        member,
        message: header("x-road-id").map(str::to_owned),
        response,
    })
}

fn client(text: &str) -> Option<MemberId> {
    Some(text.parse::<Party>().ok()?.member().clone())
}

fn service(text: &str) -> Option<MemberId> {
    let service: ServiceId = text.parse().ok()?;
    Some(service.subsystem.member)
}

fn soap(message: &[u8]) -> Option<Sender> {
    let text = xml::text(message, xml::SIGNATURE).ok()?;
    let tree = xml::tree(&text, xml::SIGNATURE).ok()?;
    let envelope = tree.root_element();
    let header = xml::only_child(envelope, SOAP, "Header")?;
    let body = xml::only_child(envelope, SOAP, "Body")?;
    let service = xml::only_child(header, MESSAGE, "service")?;
    let code = identifier(service, "serviceCode")?;
    let wrapper = body.children().find(Node::is_element)?.tag_name().name();
    if wrapper == "Fault" {
        // Servers tell faults unsigned.
        return None;
    }
    let response = wrapper.strip_suffix("Response") == Some(code.as_str());
    let party = if response {
        service
    } else {
        xml::only_child(header, MESSAGE, "client")?
    };
    let member = MemberId::new(
        &identifier(party, "xRoadInstance")?,
        &identifier(party, "memberClass")?,
        &identifier(party, "memberCode")?,
    );
    let message = xml::only_child(header, MESSAGE, "id").and_then(xml::content);
    Some(Sender {
        member,
        message: message.map(|text| text.trim().to_owned()),
        response,
    })
}

fn identifier(party: Node<'_, '_>, name: &str) -> Option<String> {
    let text = xml::content(xml::only_child(party, IDENTIFIERS, name)?)?;
    Some(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_name_their_client_and_responses_their_provider() {
        let request =
            b"GET\r\n/r1/PE/GOB/1/SUB/svc\r\nX-Road-Client:PE/GOB/2/APP\r\nx-road-id:PE-7\r\n";
        let sender = sender_of(request).unwrap();
        assert_eq!(
            (sender.member.to_string().as_str(), sender.response),
            ("PE/GOB/2", false)
        );
        assert_eq!(sender.message.as_deref(), Some("PE-7"));
        let response =
            b"200\r\nOK\r\nx-road-client:PE/GOB/2/APP\r\nx-road-service:PE/GOB/1/SUB/svc\r\n";
        let sender = sender_of(response).unwrap();
        assert_eq!(
            (sender.member.to_string().as_str(), sender.response),
            ("PE/GOB/1", true)
        );
        for other in [&b""[..], b"hello", b"GET\r\n/\r\n", b"<a/>", b"\xff"] {
            assert_eq!(sender_of(other), None);
        }
    }

    #[test]
    fn soap_messages_do_too() {
        let part = |name: &str, code: &str| {
            format!(
                "<x:{name}><i:xRoadInstance>PE</i:xRoadInstance><i:memberClass>GOB</i:memberClass><i:memberCode>{code}</i:memberCode><i:serviceCode>ask</i:serviceCode></x:{name}>"
            )
        };
        for (wrapper, member) in [("ask", "PE/GOB/2"), ("askResponse", "PE/GOB/1")] {
            let message = format!(
                "<s:Envelope xmlns:s=\"{SOAP}\" xmlns:x=\"{MESSAGE}\" xmlns:i=\"{IDENTIFIERS}\"><s:Header>{}{}<x:id>7</x:id></s:Header><s:Body><{wrapper}/></s:Body></s:Envelope>",
                part("client", "2"),
                part("service", "1"),
            );
            let sender = sender_of(message.as_bytes()).unwrap();
            assert_eq!(
                (
                    sender.member.to_string().as_str(),
                    sender.message.as_deref()
                ),
                (member, Some("7"))
            );
        }
    }
}
