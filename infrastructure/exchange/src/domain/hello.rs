//! The first bytes of a TLS connection: which protocol versions the caller offers.
//!
//! Read by `listener`, which looks at the bytes without taking them and hands the socket to the stack that speaks the
//! caller's version. It reads the ClientHello of RFC 8446 section 4.1.2 (and its elder of RFC 5246) for the
//! `supported_versions` extension and for the signs of a fallback, decides nothing else, and believes nothing: the
//! handshake checks everything again.

/// Most bytes looked at; a ClientHello of a node is below 600 bytes, and one TLS record holds at most 16 KiB.
pub const HELLO_BYTES_MAX: usize = 5 + 16 * 1024;

/// What a node of our kind offers as application protocol (RFC 7301) in TLS 1.2 alone, to say that it speaks TLS 1.3 and
/// was refused in it. A server that speaks TLS 1.3 itself then knows that somebody on the way lied, as with the suite
/// `TLS_FALLBACK_SCSV` (RFC 7507), which the library for TLS 1.2 does not send; others pass over it.
pub const FELL_BACK: &[u8] = b"tambo/fell-back";
/// `TLS_FALLBACK_SCSV`, by which other software says the same.
const FALLBACK_SUITE: [u8; 2] = [0x56, 0x00];
/// What is said to a caller that fell back without need: the fatal alert `inappropriate_fallback` (RFC 7507 section 2).
pub const INAPPROPRIATE: [u8; 7] = [21, 3, 3, 0, 2, 2, 86];

/// Number of the extension `supported_versions`.
const SUPPORTED_VERSIONS: usize = 43;
/// Number of the extension `application_layer_protocol_negotiation`.
const PROTOCOLS: usize = 16;

/// What a caller offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// More bytes are needed.
    Unfinished,
    /// TLS 1.3, perhaps among others.
    Tls13,
    /// TLS 1.2 or older only.
    Older,
    /// TLS 1.2 or older only, by a caller that says that it speaks TLS 1.3 and was refused.
    FellBack,
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
    read(&mut record).unwrap_or(Offer::Unknown)
}

/// What a ClientHello that fills one record offers; `None` if it is not one.
fn read(record: &mut &[u8]) -> Option<Offer> {
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
    let suites = take(&mut hello, suites)?;
    let mut fell_back = suites.chunks_exact(2).any(|suite| suite == FALLBACK_SUITE);
    let compressions = usize::from(take(&mut hello, 1)?[0]);
    take(&mut hello, compressions)?;
    let mut extensions = match hello.is_empty() {
        true => hello,
        false => {
            let length = long(&mut hello)?;
            take(&mut hello, length)?
        }
    };
    while !extensions.is_empty() {
        let (kind, length) = (long(&mut extensions)?, long(&mut extensions)?);
        let body = take(&mut extensions, length)?;
        match kind {
            SUPPORTED_VERSIONS if body.get(1..)?.chunks_exact(2).any(|pair| pair == [3, 4]) => {
                return Some(Offer::Tls13);
            }
            PROTOCOLS => fell_back |= names(body.get(2..)?)?.contains(&FELL_BACK),
            _ => {}
        }
    }
    Some(match fell_back {
        true => Offer::FellBack,
        false => Offer::Older,
    })
}

/// The names in the list of `application_layer_protocol_negotiation`.
fn names(mut list: &[u8]) -> Option<Vec<&[u8]>> {
    let mut names = Vec::new();
    while !list.is_empty() {
        let length = usize::from(take(&mut list, 1)?[0]);
        names.push(take(&mut list, length)?);
    }
    Some(names)
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

    #[test]
    fn a_fallback_is_seen_in_both_forms_and_never_in_a_hello_of_tls_1_3() {
        let named = |names: &[&[u8]]| {
            let list: Vec<u8> = names
                .iter()
                .flat_map(|name| [&[name.len() as u8][..], name].concat())
                .collect();
            let length = list.len() as u8;
            [&[0, 16, 0, length + 2, 0, length][..], &list].concat()
        };
        let fell = named(&[b"http/1.1", FELL_BACK]);
        let modern = [0, 43, 0, 5, 4, 3, 4, 3, 3];
        assert_eq!(offer(&hello(&fell)), Offer::FellBack);
        assert_eq!(offer(&hello(&named(&[b"http/1.1"]))), Offer::Older);
        let both = [&fell[..], &modern[..]].concat();
        assert_eq!(offer(&hello(&both)), Offer::Tls13);
        let mut scsv = hello(&[]);
        let suite = scsv.windows(2).position(|two| two == [0xc0, 0x28]).unwrap();
        scsv[suite..suite + 2].copy_from_slice(&FALLBACK_SUITE);
        assert_eq!(offer(&scsv), Offer::FellBack);
        let cut = [0, 16, 0, 4, 0, 2, 9, 9];
        assert_eq!(offer(&hello(&cut)), Offer::Unknown, "a name that is cut");
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
