//! Who takes part in the exchange, in X-Road's identifiers: members, subsystems, services, servers.
//!
//! Source: X-Road PR-REST section 4 and PR-GCONF. The text form joins parts with `/`; each part is percent-encoded
//! on its own. Inbound text is read leniently (old ecosystems hold odd codes); registration is strict elsewhere.

use std::fmt::{self, Write};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest part of an identifier, in bytes after decoding; X-Road's database columns hold 255.
pub const PART_BYTES_MAX: usize = 255;

/// A member of an exchange: instance, class and code, for example `PE/GOB/20131380951`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId {
    /// The ecosystem, for example `PE`.
    pub instance: String,
    /// The member class, for example `GOB`.
    pub class: String,
    /// The member's code within its class.
    pub code: String,
}

/// A subsystem of a member: the party that asks and answers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubsystemId {
    /// The owner.
    pub member: MemberId,
    /// The subsystem's code.
    pub code: String,
}

/// Who asks: a subsystem or, as X-Road allows for clients alone, a member itself (three parts instead of four).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Party {
    /// The member itself.
    Member(MemberId),
    /// A subsystem.
    Subsystem(SubsystemId),
}

/// A service of a subsystem.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceId {
    /// The provider.
    pub subsystem: SubsystemId,
    /// The service's code.
    pub code: String,
}

/// A security server: its owner and the owner's code for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId {
    /// The owner.
    pub owner: MemberId,
    /// The server's code.
    pub code: String,
}

/// The text is not an identifier of the expected kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected {expected} parts joined by '/', each 1 to {PART_BYTES_MAX} bytes of percent-encoded UTF-8"
)]
pub struct BadIdentifier {
    /// How many parts this kind of identifier has.
    pub expected: usize,
}

impl MemberId {
    /// A member from its parts.
    pub fn new(instance: &str, class: &str, code: &str) -> Self {
        Self {
            instance: instance.into(),
            class: class.into(),
            code: code.into(),
        }
    }

    /// Whether `text`, an identifier in the form that this crate writes, is this member or something of it.
    pub fn owns(&self, text: &str) -> bool {
        let rest = text.strip_prefix(&self.to_string());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// A subsystem of this member.
    pub fn subsystem(&self, code: &str) -> SubsystemId {
        SubsystemId {
            member: self.clone(),
            code: code.into(),
        }
    }

    /// A security server of this member.
    pub fn server(&self, code: &str) -> ServerId {
        ServerId {
            owner: self.clone(),
            code: code.into(),
        }
    }
}

impl SubsystemId {
    /// A service of this subsystem.
    pub fn service(&self, code: &str) -> ServiceId {
        ServiceId {
            subsystem: self.clone(),
            code: code.into(),
        }
    }
}

impl Party {
    /// The member, or the owner of the subsystem.
    pub fn member(&self) -> &MemberId {
        match self {
            Self::Member(id) => id,
            Self::Subsystem(id) => &id.member,
        }
    }

    /// The subsystem, if it is one.
    pub fn subsystem(&self) -> Option<&SubsystemId> {
        match self {
            Self::Member(_) => None,
            Self::Subsystem(id) => Some(id),
        }
    }
}

impl From<MemberId> for Party {
    fn from(id: MemberId) -> Self {
        Self::Member(id)
    }
}

impl From<SubsystemId> for Party {
    fn from(id: SubsystemId) -> Self {
        Self::Subsystem(id)
    }
}

impl ServiceId {
    /// The member that answers for this service.
    pub fn member(&self) -> &MemberId {
        &self.subsystem.member
    }
}

const fn is_unreserved(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~')
}

/// Percent-encodes one part: everything but RFC 3986 unreserved characters.
pub fn encode_part(part: &str) -> String {
    Encoded(part).to_string()
}

/// A part as it is written, without a text of its own.
struct Encoded<'p>(&'p str);

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.bytes().all(is_unreserved) {
            return f.write_str(self.0);
        }
        for byte in self.0.bytes() {
            match is_unreserved(byte) {
                true => f.write_char(char::from(byte))?,
                false => write!(f, "%{byte:02X}")?,
            }
        }
        Ok(())
    }
}

/// Decodes one percent-encoded part; `None` if an escape is broken, the text is not UTF-8, empty or too long.
pub fn decode_part(part: &str) -> Option<String> {
    let fits = |text: &str| !text.is_empty() && text.len() <= PART_BYTES_MAX;
    let raw = part.as_bytes();
    if !raw.contains(&b'%') {
        return fits(part).then(|| part.to_owned());
    }
    let mut bytes = Vec::with_capacity(raw.len());
    let mut at = 0;
    while at < raw.len() {
        if raw[at] == b'%' {
            let pair = raw.get(at + 1..at + 3)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?);
            at += 3;
        } else {
            bytes.push(raw[at]);
            at += 1;
        }
    }
    String::from_utf8(bytes).ok().filter(|text| fits(text))
}

fn parts<const N: usize>(text: &str) -> Result<[String; N], BadIdentifier> {
    let bad = BadIdentifier { expected: N };
    let mut pieces = text.split('/');
    let decoded: [Option<String>; N] = std::array::from_fn(|_| pieces.next().and_then(decode_part));
    if pieces.next().is_some() || decoded.iter().any(Option::is_none) {
        return Err(bad);
    }
    Ok(decoded.map(Option::unwrap_or_default))
}

impl FromStr for MemberId {
    type Err = BadIdentifier;

    fn from_str(text: &str) -> Result<Self, BadIdentifier> {
        let [instance, class, code] = parts::<3>(text)?;
        Ok(Self {
            instance,
            class,
            code,
        })
    }
}

impl FromStr for SubsystemId {
    type Err = BadIdentifier;

    fn from_str(text: &str) -> Result<Self, BadIdentifier> {
        let [instance, class, code, subsystem] = parts::<4>(text)?;
        Ok(SubsystemId {
            member: MemberId {
                instance,
                class,
                code,
            },
            code: subsystem,
        })
    }
}

impl FromStr for Party {
    type Err = BadIdentifier;

    fn from_str(text: &str) -> Result<Self, BadIdentifier> {
        match text.bytes().filter(|byte| *byte == b'/').count() {
            2 => text.parse().map(Self::Member),
            _ => text.parse().map(Self::Subsystem),
        }
    }
}

impl FromStr for ServiceId {
    type Err = BadIdentifier;

    fn from_str(text: &str) -> Result<Self, BadIdentifier> {
        let [instance, class, code, subsystem, service] = parts::<5>(text)?;
        let member = MemberId {
            instance,
            class,
            code,
        };
        Ok(Self {
            subsystem: SubsystemId {
                member,
                code: subsystem,
            },
            code: service,
        })
    }
}

impl FromStr for ServerId {
    type Err = BadIdentifier;

    fn from_str(text: &str) -> Result<Self, BadIdentifier> {
        let [instance, class, code, server] = parts::<4>(text)?;
        Ok(Self {
            owner: MemberId {
                instance,
                class,
                code,
            },
            code: server,
        })
    }
}

/// Parts joined by `/`.
fn join<'p>(f: &mut fmt::Formatter<'_>, parts: impl IntoIterator<Item = &'p str>) -> fmt::Result {
    for (at, part) in parts.into_iter().enumerate() {
        if at > 0 {
            f.write_char('/')?;
        }
        fmt::Display::fmt(&Encoded(part), f)?;
    }
    Ok(())
}

impl MemberId {
    fn parts(&self) -> [&str; 3] {
        [&self.instance, &self.class, &self.code]
    }
}

impl SubsystemId {
    fn parts(&self) -> impl Iterator<Item = &str> {
        self.member.parts().into_iter().chain([self.code.as_str()])
    }
}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        join(f, self.parts())
    }
}

impl fmt::Display for SubsystemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        join(f, self.parts())
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Member(id) => id.fmt(f),
            Self::Subsystem(id) => id.fmt(f),
        }
    }
}

impl fmt::Display for ServiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        join(f, self.subsystem.parts().chain([self.code.as_str()]))
    }
}

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        join(
            f,
            self.owner.parts().into_iter().chain([self.code.as_str()]),
        )
    }
}

macro_rules! as_text {
    ($($kind:ty),*) => {$(
        impl Serialize for $kind {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}
as_text!(MemberId, SubsystemId, Party, ServiceId, ServerId);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn odd_codes_of_old_ecosystems_survive() {
        let id: SubsystemId = "DEV/COM/1234/s%2Fub%20%C3%B6"
            .parse()
            .expect("lenient inbound");
        assert_eq!(id.code, "s/ub ö");
        assert_eq!(id.to_string(), "DEV/COM/1234/s%2Fub%20%C3%B6");
        assert!("DEV/COM".parse::<MemberId>().is_err());
        assert!("DEV//1".parse::<MemberId>().is_err());
        assert!("DEV/%ff/1".parse::<MemberId>().is_err());
    }

    #[test]
    fn a_party_has_three_parts_or_four() {
        let member = MemberId::new("PE", "GOB", "a/b");
        for (text, party) in [
            ("PE/GOB/a%2Fb", Some(Party::Member(member.clone()))),
            ("PE/GOB/a%2Fb/s", Some(member.subsystem("s").into())),
            ("PE/GOB", None),
            ("PE/GOB/1/", None),
            ("PE//1", None),
            ("PE/GOB/1/s/x", None),
        ] {
            assert_eq!(text.parse::<Party>().ok(), party, "{text}");
        }
        for (text, owned) in [
            ("PE/GOB/a%2Fb", true),
            ("PE/GOB/a%2Fb/s/x", true),
            ("PE/GOB/a%2Fbc", false),
            ("PE/GOB", false),
        ] {
            assert_eq!(member.owns(text), owned, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_party_reads_back(parts in proptest::collection::vec("\\PC{1,20}", 4)) {
            let member = MemberId::new(&parts[0], &parts[1], &parts[2]);
            for id in [Party::from(member.subsystem(&parts[3])), Party::from(member)] {
                prop_assert_eq!(id.to_string().parse::<Party>(), Ok(id));
            }
        }

        #[test]
        fn every_service_reads_back(parts in proptest::collection::vec("\\PC{1,20}", 5)) {
            let id = MemberId::new(&parts[0], &parts[1], &parts[2]).subsystem(&parts[3]).service(&parts[4]);
            prop_assert_eq!(id.to_string().parse::<ServiceId>(), Ok(id));
        }
    }
}
