//! What a document is to the body that keeps it, and the rules that need no database: codes, numbers, who may read.

use kernel::{Actor, Chance, Id, Moment, Role};

use crate::mime::Kind;

/// The right that lets an official read the documents of cases.
pub const RIGHT_READ: &str = "case.read";

/// Characters of a verification code: 12 of 32 make 60 bits, beyond guessing behind any limit of requests.
pub const CODE_CHARS: usize = 12;
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// How a document came to be here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Somebody filed it.
    Received,
    /// This body issued and signed it.
    Issued,
}

impl Origin {
    /// The word in the database.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Issued => "issued",
        }
    }

    /// Reads the word in the database.
    pub fn of_code(code: &str) -> Option<Self> {
        [Self::Received, Self::Issued]
            .into_iter()
            .find(|origin| origin.code() == code)
    }
}

/// A document as registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its identifier in this body.
    pub id: Id,
    /// Filed or issued.
    pub origin: Origin,
    /// What it is: a code of the procedure such as `resolution`, `receipt`, `plan`.
    pub kind: String,
    /// Its number within its series, if it has one; unique among documents of its kind.
    pub number: Option<String>,
    /// Its title, or the name of the uploaded file.
    pub title: String,
    /// The name to download it under.
    pub name: String,
    /// What the content is.
    pub mime: Kind,
    /// Length in bytes.
    pub size: u64,
    /// SHA-256 of the content.
    pub sha256: [u8; 32],
    /// The person it belongs to, who may read it.
    pub owner_subject: Option<String>,
    /// The case it belongs to.
    pub case: Option<Id>,
    /// The account that filed or issued it.
    pub made_by: String,
    /// When it was filed or issued.
    pub made_at: Moment,
    /// The verification code without hyphens, of an issued document.
    pub code: Option<String>,
    /// Who signed, of an issued document.
    pub signer: Option<String>,
    /// In which post.
    pub post: Option<String>,
    /// The body that issued it, as it was called then.
    pub body: Option<String>,
}

impl Document {
    /// The SHA-256 in lower-case hexadecimal.
    pub fn hex(&self) -> String {
        data_encoding::HEXLOWER.encode(&self.sha256)
    }

    /// Whether `actor` may read it: its owner, or an official who may read cases, or the house itself.
    pub fn is_readable_by(&self, actor: &Actor) -> bool {
        match &actor.role {
            Role::Person => self.owner_subject.as_deref() == Some(actor.subject.as_str()),
            Role::Official { .. } => actor.may(RIGHT_READ),
            Role::System => true,
        }
    }
}

/// A new verification code, grouped for reading: `7K3M-9QXT-2WBV`.
pub fn new_code(chance: &dyn Chance) -> String {
    let mut bytes = [0_u8; CODE_CHARS];
    chance.fill(&mut bytes);
    // 256 is a multiple of 32, so no character is likelier than another.
    let code: String = bytes
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]))
        .collect();
    grouped(&code)
}

/// Reads a code as people type it: any case, with or without hyphens and blanks, `O` for zero, `I` and `L` for one.
pub fn read_code(text: &str) -> Option<String> {
    const TYPED_CHARS_MAX: usize = 64;
    let code: String = text
        .chars()
        .take(TYPED_CHARS_MAX)
        .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '–' | '.'))
        .map(|c| match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .collect();
    let known = code.bytes().all(|byte| ALPHABET.contains(&byte));
    (known && code.len() == CODE_CHARS).then_some(code)
}

/// A code in groups of four.
pub fn grouped(code: &str) -> String {
    let letters: Vec<char> = code.chars().collect();
    letters
        .chunks(4)
        .map(|group| group.iter().collect::<String>())
        .collect::<Vec<_>>()
        .join("-")
}

/// A number of a series as people write it: `000123-2026`.
pub fn written_number(number: i64, year: i16) -> String {
    format!("{number:06}-{year}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::SeededChance;

    #[test]
    fn codes_read_back_however_they_are_typed() {
        let code = new_code(&SeededChance::new(3));
        assert_eq!((code.len(), code.matches('-').count()), (14, 2));
        let plain = read_code(&code).expect("our own");
        assert_eq!(grouped(&plain), code);
        assert_eq!(
            read_code(&format!(" {} ", code.to_lowercase().replace('-', " "))),
            Some(plain)
        );
        assert_eq!(read_code("oil0-1111-2222"), Some("011011112222".to_owned()));
        for bad in ["", "ABCD", "7K3M-9QXT-2WBU", "7K3M-9QXT-2WBV9", "ñ"] {
            assert_eq!(read_code(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_owner_and_case_readers_may_read() {
        let document = Document {
            id: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().expect("an identifier"),
            origin: Origin::Issued,
            kind: "resolution".into(),
            number: None,
            title: String::new(),
            name: String::new(),
            mime: Kind::Pdf,
            size: 1,
            sha256: [0; 32],
            owner_subject: Some("45678901".into()),
            case: None,
            made_by: String::new(),
            made_at: Moment(0),
            code: None,
            signer: None,
            post: None,
            body: None,
        };
        let person = |subject: &str| Actor {
            subject: subject.into(),
            role: Role::Person,
            ..Actor::system("x")
        };
        let official = |rights: &[&str]| Actor {
            subject: "45678901".into(),
            role: Role::Official {
                post: "p".into(),
                rights: rights.iter().map(|right| (*right).to_owned()).collect(),
            },
            ..Actor::system("x")
        };
        assert!(document.is_readable_by(&person("45678901")));
        assert!(!document.is_readable_by(&person("45678902")));
        assert!(document.is_readable_by(&official(&[RIGHT_READ])));
        assert!(
            !document.is_readable_by(&official(&["case.decide"])),
            "a post gives no right of its holder's own"
        );
    }
}
