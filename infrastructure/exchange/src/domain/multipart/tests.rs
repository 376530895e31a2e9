//! The frame byte by byte: golden messages, order, limits, and whatever else arrives.

use proptest::prelude::*;

use super::*;

const EDGE: &str = "xtopAbCdEfGhIjKlMnOpQrStUvWxYzAbCd";

fn envelope() -> Envelope {
    Envelope {
        ocsp: vec![b"o1".to_vec(), b"o2".to_vec()],
        rest: b"GET\r\n/r1/a\r\n".to_vec().into(),
        body: Some(b"\r\n--not the boundary\r\n".to_vec().into()),
        chain_result: Some(b"<r/>".to_vec()),
        chain: Some(b"<c/>".to_vec()),
        signature: b"<s/>".to_vec(),
    }
}

fn read(bytes: &[u8], direction: Direction, step: usize) -> Result<Envelope, BadEnvelope> {
    let mut reader = Reader::new(EDGE, direction, 1_000);
    for piece in bytes.chunks(step.max(1)) {
        reader.push(piece)?;
    }
    reader.finish()
}

fn framed(parts: &[(Kind, &[u8])]) -> Result<Envelope, BadEnvelope> {
    read(&frame(parts, EDGE), Direction::Request, 4_096)
}

/// Written by hand from PR-MESSTRANSP annexes 4.6 and 4.7 and X-Road's encoder.
const REQUEST: &str = "--xtopA\r\n\
    content-type: application/ocsp-response\r\n\r\nO1\r\n--xtopA\r\n\
    content-type: application/ocsp-response\r\n\r\nO2\r\n--xtopA\r\n\
    content-type: application/x-road-rest-request\r\n\r\n\
    POST\r\n/r1/PE/GOB/1/a/b\r\nx-road-id:1\r\n\r\n--xtopA\r\n\
    content-type: application/x-road-rest-body\r\n\r\n{\"a\":1}\r\n--xtopA\r\n\
    content-type: application/hash-chain-result\r\n\r\n<R/>\r\n--xtopA\r\n\
    content-type: application/hash-chain\r\n\r\n<C/>\r\n--xtopA\r\n\
    content-type: signature/bdoc-1.0/ts\r\n\r\n<S/>\r\n--xtopA--\r\n";
const RESPONSE: &str = "--xtopB\r\n\
    content-type: application/x-road-rest-response\r\n\r\n\
    200\r\nOK\r\nx-road-id:1\r\n\r\n--xtopB\r\n\
    content-type: signature/bdoc-1.0/ts\r\n\r\n<S/>\r\n--xtopB--\r\n";

fn asked() -> Envelope {
    Envelope {
        ocsp: vec![b"O1".to_vec(), b"O2".to_vec()],
        rest: b"POST\r\n/r1/PE/GOB/1/a/b\r\nx-road-id:1\r\n"
            .to_vec()
            .into(),
        body: Some(b"{\"a\":1}".to_vec().into()),
        chain_result: Some(b"<R/>".to_vec()),
        chain: Some(b"<C/>".to_vec()),
        signature: b"<S/>".to_vec(),
    }
}

fn answered() -> Envelope {
    Envelope {
        rest: b"200\r\nOK\r\nx-road-id:1\r\n".to_vec().into(),
        signature: b"<S/>".to_vec(),
        ..Envelope::default()
    }
}

fn parsed(text: &str, boundary: &str, direction: Direction) -> Result<Envelope, BadEnvelope> {
    let mut reader = Reader::new(boundary, direction, 1_000);
    reader.push(text.as_bytes())?;
    reader.finish()
}

#[test]
fn messages_stand_on_the_wire_as_written_down() {
    let text = |envelope, direction, boundary| {
        String::from_utf8(write(&envelope, direction, boundary).to_vec()).unwrap()
    };
    assert_eq!(text(asked(), Direction::Request, "xtopA"), REQUEST);
    assert_eq!(text(answered(), Direction::Response, "xtopB"), RESPONSE);
    assert_eq!(parsed(REQUEST, "xtopA", Direction::Request), Ok(asked()));
    assert_eq!(
        parsed(RESPONSE, "xtopB", Direction::Response),
        Ok(answered())
    );
}

#[test]
fn other_spellings_of_the_same_frame_are_read() {
    let preamble = format!("\r\n{REQUEST}");
    assert_eq!(parsed(&preamble, "xtopA", Direction::Request), Ok(asked()));
    let capitals = REQUEST.replace("content-type: ", "Content-Type:");
    assert_eq!(parsed(&capitals, "xtopA", Direction::Request), Ok(asked()));
    let cut = REQUEST.trim_end();
    assert_eq!(parsed(cut, "xtopA", Direction::Request), Ok(asked()));
}

#[test]
fn an_empty_body_is_a_body_but_no_other_part_may_be_empty() {
    let body = "content-type: application/x-road-rest-body\r\n\r\n";
    let empty = REQUEST.replace(&format!("{body}{{\"a\":1}}"), body);
    let expected = Envelope {
        body: Some(Vec::new().into()),
        ..asked()
    };
    assert_eq!(parsed(&empty, "xtopA", Direction::Request), Ok(expected));
    for part in ["O2", "<R/>", "<C/>", "<S/>"] {
        let empty = REQUEST.replace(part, "");
        assert!(
            parsed(&empty, "xtopA", Direction::Request).is_err(),
            "{part}"
        );
    }
}

#[test]
fn a_fault_may_come_alone_after_the_response_or_instead_of_the_signature() {
    let fault = "--b\r\ncontent-type: text/xml; charset=UTF-8\r\n\r\n<F/>\r\n--b--\r\n";
    let rest = "--b\r\ncontent-type: application/x-road-rest-response\r\n\r\n200\r\nOK\r\n\r\n";
    let body = "--b\r\ncontent-type: application/x-road-rest-body\r\n\r\nhalf\r\n";
    for before in [String::new(), rest.to_owned(), format!("{rest}{body}")] {
        let text = format!("{before}{fault}");
        let read = parsed(&text, "b", Direction::Response);
        assert_eq!(read, Err(BadEnvelope::Fault(b"<F/>".to_vec())), "{text}");
        assert!(
            parsed(&text, "b", Direction::Request).is_err(),
            "no request is a fault"
        );
    }
}

#[test]
fn it_reads_back_in_pieces_of_any_size() {
    let bytes = write(&envelope(), Direction::Request, EDGE).to_vec();
    for step in [1, 2, 3, 7, 64, 10_000] {
        assert_eq!(
            read(&bytes, Direction::Request, step),
            Ok(envelope()),
            "step {step}"
        );
    }
    assert!(read(&bytes, Direction::Response, 100).is_err());
}

#[test]
fn wrong_order_and_duplicates_are_refused() {
    use Kind::{Body, Chain, ChainResult, Fault, Ocsp, Request, Response, Signature};
    let good: [&[Kind]; 4] = [
        &[Request, Signature],
        &[Ocsp, Ocsp, Request, Body, Signature],
        &[Request, ChainResult, Chain, Signature],
        &[Ocsp, Request, Body, ChainResult, Chain, Signature],
    ];
    let bad: [&[Kind]; 16] = [
        &[],
        &[Signature],
        &[Request],
        &[Request, Request, Signature],
        &[Request, Body, Body, Signature],
        &[Request, Signature, Signature],
        &[Request, Signature, Body],
        &[Body, Request, Signature],
        &[Request, Ocsp, Signature],
        &[Request, Chain, ChainResult, Signature],
        &[Request, ChainResult, Signature],
        &[Request, Chain, Signature],
        &[Response, Signature],
        &[Request, Response, Signature],
        &[Request, Body, Fault],
        &[Request, ChainResult, Chain, Body, Signature],
    ];
    let frame_of = |kinds: &[Kind]| {
        framed(
            &kinds
                .iter()
                .map(|&kind| (kind, &b"x"[..]))
                .collect::<Vec<_>>(),
        )
    };
    good.iter()
        .for_each(|kinds| assert!(frame_of(kinds).is_ok(), "{kinds:?}"));
    bad.iter()
        .for_each(|kinds| assert!(frame_of(kinds).is_err(), "{kinds:?}"));
}

#[test]
fn limits_hold() {
    let body = vec![b'x'; 1_001];
    let large = framed(&[
        (Kind::Request, b"x"),
        (Kind::Body, &body),
        (Kind::Signature, b"s"),
    ]);
    assert_eq!(large, Err(BadEnvelope::BodyTooLarge));
    let six = vec![(Kind::Ocsp, &b"o"[..]); OCSP_PARTS_MAX + 1];
    assert_eq!(
        framed(&six),
        Err(BadEnvelope::TooLarge("count of OCSP responses"))
    );
    let head = format!("--{EDGE}\r\nX: {}", "y".repeat(PART_HEADER_BYTES_MAX));
    assert!(matches!(
        read(head.as_bytes(), Direction::Request, 99),
        Err(BadEnvelope::TooLarge(_))
    ));
}

#[test]
fn a_cut_or_prolonged_message_is_refused() {
    let bytes = write(&envelope(), Direction::Request, EDGE).to_vec();
    for end in 0..bytes.len() - 2 {
        assert!(
            read(&bytes[..end], Direction::Request, 50).is_err(),
            "cut at {end}"
        );
    }
    let longer = [bytes.as_slice(), b"x"].concat();
    assert!(read(&longer, Direction::Request, 50).is_err());
}

#[test]
fn boundaries_are_read_strictly() {
    assert_eq!(
        boundary("multipart/mixed; charset=UTF-8; boundary=xtopA").as_deref(),
        Some("xtopA")
    );
    assert_eq!(
        boundary("Multipart/Mixed;boundary=\"a-b\"").as_deref(),
        Some("a-b")
    );
    for bad in [
        "multipart/related; boundary=a",
        "multipart/mixed",
        "multipart/mixed; boundary=",
        "multipart/mixed; boundary=a\u{7f}",
    ] {
        assert_eq!(boundary(bad), None, "{bad}");
    }
    assert_eq!(
        boundary(&format!("multipart/mixed; boundary={}", "a".repeat(71))),
        None
    );
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), step in 1_usize..50) {
        let _ = read(&bytes, Direction::Request, step);
    }

    #[test]
    fn one_changed_byte_never_panics(at in 0_usize..400, byte in any::<u8>(), step in 1_usize..50) {
        let mut bytes = write(&envelope(), Direction::Request, EDGE).to_vec();
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = read(&bytes, Direction::Request, step);
    }

    #[test]
    fn any_body_reads_back(body in proptest::collection::vec(any::<u8>(), 1..900), step in 1_usize..50) {
        let sent = Envelope { body: Some(body.into()), ..envelope() };
        prop_assert_eq!(read(&write(&sent, Direction::Request, EDGE).to_vec(), Direction::Request, step), Ok(sent));
    }
}
