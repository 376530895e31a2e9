//! The exchange's words and pure decisions: no I/O, no async, no clock.
//!
//! Everything that reads foreign bytes lives here, so that it can be fuzzed and property-tested alone. It promises
//! never to panic on any input and refuses whatever it can't read back to the same bytes.

pub mod agreement;
pub mod codes;
pub mod description;
pub mod hello;
pub mod message;
pub mod multipart;
pub mod ocsp_parts;
pub mod path;
pub mod rights;
pub mod shared_line;

/// Feeds any bytes to every reader of foreign bytes in this crate; for fuzzers and property tests. Must never panic.
pub fn fuzz(bytes: &[u8]) {
    for direction in [
        multipart::Direction::Request,
        multipart::Direction::Response,
    ] {
        let mut reader = multipart::Reader::new("b", direction, 1 << 16);
        if reader.push(bytes).is_ok() {
            let _ = reader.finish();
        }
        let mut shared = shared_line::Reader::new(direction, 1 << 16);
        shared.buffer().extend_from_slice(bytes);
        while let Ok(Some(_)) = shared.frame() {}
    }
    if let Ok(request) = message::RequestPart::parse(bytes) {
        let _ = (request.address().is_ok(), request.client().is_ok());
    }
    let _ = hello::offer(bytes);
    let _ = ocsp_parts::read(&ocsp_parts::content_type("b"), bytes);
    let _ = message::ResponsePart::parse(bytes);
    let _ = codes::Report::from_soap(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = (codes::Code::parse(text), multipart::boundary(text));
        let _ = ocsp_parts::names(text);
        let _ = text.parse::<rights::Subject>();
        if let Ok(mut document) = description::read(text) {
            let _ = description::endpoints(&document);
            description::without_hosts(&mut document);
        }
        if let Ok(path) = path::NormalPath::parse(text) {
            let _ = path.is_covered_by(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_reader_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            super::fuzz(&bytes);
        }

        #[test]
        fn no_reader_panics_on_text(text in "(--b|GET|\r\n|/r1|%2e|[a-z<>:/.;%]){0,30}") {
            super::fuzz(text.as_bytes());
        }
    }
}
