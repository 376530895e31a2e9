//! What a file is, by its content. The name and the declared type are claims; the first bytes decide.

use kernel::Fault;

/// The kinds of file that the house takes in: those a reader can open anywhere and a registry can keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// PDF.
    Pdf,
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// Plain text in UTF-8.
    Text,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Pdf, Self::Jpeg, Self::Png, Self::Text];

    /// The media type.
    pub const fn mime(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Text => "text/plain",
        }
    }

    /// The usual ending of a file's name.
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Text => "txt",
        }
    }

    /// The kind of a media type, parameters ignored.
    pub fn of_mime(declared: &str) -> Option<Self> {
        let plain = declared.split(';').next().unwrap_or("").trim();
        Self::ALL
            .into_iter()
            .find(|kind| kind.mime().eq_ignore_ascii_case(plain))
    }
}

/// Looks at a file while it passes.
#[derive(Debug, Default)]
pub struct Sniffer {
    head: Vec<u8>,
    /// Bytes of a UTF-8 character that a piece cut in two.
    tail: Vec<u8>,
    not_text: bool,
}

impl Sniffer {
    /// Takes the next piece.
    pub fn feed(&mut self, piece: &[u8]) {
        const HEAD_BYTES: usize = 8;
        let wanted = HEAD_BYTES.saturating_sub(self.head.len()).min(piece.len());
        self.head.extend_from_slice(&piece[..wanted]);
        if self.not_text {
            return;
        }
        self.tail.extend_from_slice(piece);
        let joined = std::mem::take(&mut self.tail);
        let valid = match std::str::from_utf8(&joined) {
            Ok(text) => text,
            Err(error) if error.error_len().is_none() => {
                self.tail = joined[error.valid_up_to()..].to_vec();
                std::str::from_utf8(&joined[..error.valid_up_to()]).unwrap_or("")
            }
            Err(_) => {
                self.not_text = true;
                return;
            }
        };
        self.not_text = valid
            .chars()
            .any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}'));
    }

    /// The file's kind, if it is what was declared.
    ///
    /// # Errors
    /// `fault-documents-type`: of another kind than declared, or of none that is taken in.
    pub fn finish(self, declared: &str) -> Result<Kind, Fault> {
        let found = self.kind();
        match found {
            Some(kind) if Kind::of_mime(declared) == Some(kind) => Ok(kind),
            _ => Err(Fault::invalid("fault-documents-type")
                .detail(format!("declared {declared:?}, is {found:?}"))),
        }
    }

    /// The kind by content alone.
    pub fn kind(&self) -> Option<Kind> {
        match self.head.as_slice() {
            [b'%', b'P', b'D', b'F', b'-', ..] => Some(Kind::Pdf),
            [0xff, 0xd8, 0xff, ..] => Some(Kind::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Kind::Png),
            _ if !self.not_text && self.tail.is_empty() => Some(Kind::Text),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(pieces: &[&[u8]]) -> Option<Kind> {
        let mut sniffer = Sniffer::default();
        pieces.iter().for_each(|piece| sniffer.feed(piece));
        sniffer.kind()
    }

    #[test]
    fn content_decides_in_whatever_pieces_it_comes() {
        assert_eq!(kind(&[b"%P", b"DF-1", b".7\xff\xff"]), Some(Kind::Pdf));
        assert_eq!(kind(&[b"\xff\xd8\xff\xe0"]), Some(Kind::Jpeg));
        assert_eq!(kind(&[b"\x89PNG\r\n\x1a\n"]), Some(Kind::Png));
        assert_eq!(kind(&["se\u{f1}".as_bytes(), b"or\n"]), Some(Kind::Text));
        assert_eq!(
            kind(&[b"se\xc3", b"\xb1or"]),
            Some(Kind::Text),
            "a letter in two pieces"
        );
        assert_eq!(kind(&[b"se\xc3"]), None, "half a letter at the end");
        assert_eq!(kind(&[b"MZ\x90\x00"]), None);
        assert_eq!(kind(&[b"a\x00b"]), None);
    }

    #[test]
    fn declared_types_may_carry_parameters() {
        assert_eq!(Kind::of_mime("text/plain; charset=utf-8"), Some(Kind::Text));
        assert_eq!(Kind::of_mime("text/html"), None);
    }
}
