//! The first bytes of a TLS connection: which protocol versions the caller offers.
//!
//! Read by `listener`, which looks at the bytes without taking them and hands the socket to the stack that speaks the
//! caller's version. It reads the ClientHello of RFC 8446 section 4.1.2 (and its elder of RFC 5246) as far as the
//! `supported_versions` extension, decides nothing else, and believes nothing: the handshake checks everything again.

/// Most bytes looked at; a ClientHello of a node is below 600 bytes, and one TLS record holds at most 16 KiB.
pub const HELLO_BYTES_MAX: usize = 5 + 16 * 1024;

/// What a caller offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// More bytes are needed.
    Unfinished,
    /// TLS 1.3, perhaps among others.
    Tls13,
    /// TLS 1.2 or older only.
    Older,
    /// Not a ClientHello; the modern stack refuses it in proper form.
    Unknown,
}

/// Reads what has come so far.
pub fn offer(bytes: &[u8]) -> Offer {
    let mut rest = bytes;
    let Some(header) = take(&mut rest, 5) else {
        let is_record = bytes.first().is_none_or(|&first| first == 22);
        return if is_record {
            Offer::Unfinished
        } else {
            Offer::Unknown
        };
    };
    let length = usize::from(u16::from_be_bytes([header[3], header[4]]));
    if header[0] != 22 || header[1] != 3 || length > HELLO_BYTES_MAX - 5 {
        return Offer::Unknown;
    }
    let Some(mut record) = take(&mut rest, length) else {
        return Offer::Unfinished;
    };
    match versions(&mut record) {
        Some(true) => Offer::Tls13,
        Some(false) => Offer::Older,
        None => Offer::Unknown,
    }
}

/// Whether a ClientHello that fills one record offers TLS 1.3; `None` if it is not one.
fn versions(record: &mut &[u8]) -> Option<bool> {
    let head = take(record, 4)?;
    let length = usize::from(head[1]) << 16 | usize::from(head[2]) << 8 | usize::from(head[3]);
    if head[0] != 1 || length > record.len() {
        return None;
    }
    let mut hello = take(record, length)?;
    take(&mut hello, 2 + 32)?;
    let session = usize::from(take(&mut hello, 1)?[0]);
    take(&mut hello, session)?;
    let suites = long(&mut hello)?;
    take(&mut hello, suites)?;
    let compressions = usize::from(take(&mut hello, 1)?[0]);
    take(&mut hello, compressions)?;
    if hello.is_empty() {
        return Some(false);
    }
    let length = long(&mut hello)?;
    let mut extensions = take(&mut hello, length)?;
    while !extensions.is_empty() {
        let (kind, length) = (long(&mut extensions)?, long(&mut extensions)?);
        let body = take(&mut extensions, length)?;
        if kind == 43 {
            return Some(body.get(1..)?.chunks_exact(2).any(|pair| pair == [3, 4]));
        }
    }
    Some(false)
}

fn take<'a>(from: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = from.split_at_checked(count)?;
    *from = rest;
    Some(taken)
}

fn long(from: &mut &[u8]) -> Option<usize> {
    let two = take(from, 2)?;
    Some(usize::from(u16::from_be_bytes([two[0], two[1]])))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A ClientHello with these extensions, as RFC 5246 section 7.4.1.2 writes it.
    fn hello(extensions: &[u8]) -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend([0, 0, 2, 0xc0, 0x28, 1, 0]);
        body.extend((extensions.len() as u16).to_be_bytes());
        body.extend(extensions);
        let mut bytes = vec![22, 3, 1];
        bytes.extend((body.len() as u16 + 4).to_be_bytes());
        bytes.extend([1, 0]);
        bytes.extend((body.len() as u16).to_be_bytes());
        bytes.extend(body);
        bytes
    }

    #[test]
    fn the_extension_decides() {
        let both = [0, 43, 0, 5, 4, 3, 4, 3, 3];
        let old = [0, 43, 0, 3, 2, 3, 3];
        let other = [0, 10, 0, 4, 0, 2, 0, 23];
        assert_eq!(offer(&hello(&both)), Offer::Tls13);
        assert_eq!(
            offer(&hello(&[&other[..], &both[..]].concat())),
            Offer::Tls13
        );
        assert_eq!(offer(&hello(&old)), Offer::Older);
        assert_eq!(offer(&hello(&other)), Offer::Older);
        assert_eq!(offer(&hello(&[])), Offer::Older);
        assert_eq!(offer(b"GET / HTTP/1.1\r\n"), Offer::Unknown);
        assert_eq!(offer(&[22, 3, 1, 0xff, 0xff]), Offer::Unknown);
        let whole = hello(&both);
        for end in 0..whole.len() {
            assert_eq!(offer(&whole[..end]), Offer::Unfinished, "cut at {end}");
        }
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = offer(&bytes);
        }

        #[test]
        fn one_changed_byte_never_panics(at in 0_usize..80, byte in any::<u8>()) {
            let mut bytes = hello(&[0, 43, 0, 5, 4, 3, 4, 3, 3]);
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = offer(&bytes);
        }
    }
}
