//! How certificates name members: the class that an ecosystem's operator chose for a certification service.
//!
//! Source: X-Road's certificate profiles, package `ee.ria.xroad.common.certificateprofile.impl`. Read by whoever judges
//! a signature. It promises a member only from the attributes that the chosen profile reads, each present once; it
//! refuses names of another instance, and classes that it does not know.

use der::asn1::ObjectIdentifier;
use kernel::MemberId;

use crate::name::{self, Name};

const ENDING: &str = "CertificateProfileInfoProvider";
const PACKAGE: &str = "ee.ria.xroad.common.certificateprofile.impl.";
/// Digits of an Estonian register code.
const REGISTER_CODE_DIGITS: usize = 8;

/// A profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Finland's: country FI, CN is the code, serialNumber is `INSTANCE/SERVER/CLASS`; two older forms without it.
    Finnish,
    /// serialNumber is the code, businessCategory is the class.
    Basic,
    /// The same, for certificates that are had by ACME.
    BasicAcme,
    /// C is the instance, O is the class, CN is the code.
    Ejbca,
    /// The Faroe Islands': country FO, O is the instance, OU the class, CN the code; a serialNumber must be there.
    Faroese,
    /// Iceland's: as the Faroe Islands' with country IS; without serialNumber and OU as [`Profile::Ejbca`].
    Icelandic,
    /// SK's for organisations in Estonia: organizationIdentifier, or an eight-digit serialNumber, tells class and code.
    SkKlass3,
    /// SK's for persons: serialNumber is the code, the class is PERSON.
    SkEsteId,
    /// Any other, by its class name; it names no member here.
    Other(String),
}

const KNOWN: [(Profile, &str); 8] = [
    (Profile::Finnish, "FiVRKCertificateProfileInfoProvider"),
    (Profile::Basic, "BasicCertificateProfileInfoProvider"),
    (
        Profile::BasicAcme,
        "BasicACMECertificateProfileInfoProvider",
    ),
    (Profile::Ejbca, "EjbcaCertificateProfileInfoProvider"),
    (Profile::Faroese, "FoCertificateProfileInfoProvider"),
    (Profile::Icelandic, "IsCertificateProfileInfoProvider"),
    (Profile::SkKlass3, "SkKlass3CertificateProfileInfoProvider"),
    (Profile::SkEsteId, "SkEsteIdCertificateProfileInfoProvider"),
];

impl Profile {
    /// The profile with this class name, for example
    /// `ee.ria.xroad.common.certificateprofile.impl.BasicCertificateProfileInfoProvider`.
    pub fn of_class(class: &str) -> Self {
        let known = class
            .strip_prefix(PACKAGE)
            .and_then(|short| KNOWN.iter().find(|(_, name)| *name == short));
        match known {
            Some((profile, _)) => profile.clone(),
            None => Self::Other(class.to_owned()),
        }
    }

    /// The profile with this short name, as people choose it: `fi`, `basic`, `basicacme`, `ejbca`, `fo`, `is`,
    /// `skklass3`, `skesteid`; any other text is taken for a class name.
    pub fn of_short(word: &str) -> Self {
        let known = KNOWN.iter().find(|(_, name)| {
            let short = name.strip_suffix(ENDING).unwrap_or(name);
            let short = if short == "FiVRK" { "fi" } else { short };
            short.eq_ignore_ascii_case(word)
        });
        match known {
            Some((profile, _)) => profile.clone(),
            None => Self::of_class(word),
        }
    }

    /// The class name.
    pub fn class(&self) -> String {
        match self {
            Self::Other(class) => class.clone(),
            known => {
                let name = KNOWN.iter().find(|(profile, _)| profile == known);
                format!("{PACKAGE}{}", name.map_or("", |(_, name)| name))
            }
        }
    }

    /// The member of `instance` that a signing certificate of this profile names.
    pub fn member(&self, subject: &Name, instance: &str) -> Option<MemberId> {
        let named = match self {
            Self::Finnish => finnish(subject),
            Self::Basic | Self::BasicAcme => Some(MemberId::new(
                instance,
                once(subject, name::BUSINESS_CATEGORY)?,
                once(subject, name::SERIAL_NUMBER)?,
            )),
            Self::Ejbca => ejbca(subject),
            Self::Faroese => nordic(subject, "FO"),
            Self::Icelandic => {
                let bare = subject.count(name::SERIAL_NUMBER) + subject.count(name::UNIT) == 0;
                match bare {
                    true => ejbca(subject),
                    false => nordic(subject, "IS"),
                }
            }
            Self::SkKlass3 => estonian(subject, instance),
            Self::SkEsteId => Some(MemberId::new(
                instance,
                "PERSON",
                once(subject, name::SERIAL_NUMBER)?,
            )),
            Self::Other(_) => None,
        };
        named.filter(|id| {
            let parts = [&id.instance, &id.class, &id.code];
            id.instance == instance && parts.iter().all(|part| !part.is_empty())
        })
    }
}

/// An attribute that is there exactly once: with two, different programs read different members.
fn once(subject: &Name, kind: ObjectIdentifier) -> Option<&str> {
    (subject.count(kind) == 1)
        .then(|| subject.get(kind))
        .flatten()
}

fn finnish(subject: &Name) -> Option<MemberId> {
    let code = once(subject, name::COMMON_NAME)?;
    if subject.count(name::SERIAL_NUMBER) == 0 && subject.count(name::UNIT) == 0 {
        return ejbca(subject);
    }
    let organisation = once(subject, name::ORGANISATION)?;
    if once(subject, name::COUNTRY)? != "FI" {
        return None;
    }
    if subject.count(name::SERIAL_NUMBER) == 0 {
        return Some(MemberId::new(
            organisation,
            once(subject, name::UNIT)?,
            code,
        ));
    }
    let parts: Vec<&str> = once(subject, name::SERIAL_NUMBER)?.split('/').collect();
    match parts[..] {
        [instance, _server, class] => Some(MemberId::new(instance, class, code)),
        _ => None,
    }
}

fn ejbca(subject: &Name) -> Option<MemberId> {
    Some(MemberId::new(
        once(subject, name::COUNTRY)?,
        once(subject, name::ORGANISATION)?,
        once(subject, name::COMMON_NAME)?,
    ))
}

fn nordic(subject: &Name, country: &str) -> Option<MemberId> {
    once(subject, name::SERIAL_NUMBER)?;
    (once(subject, name::COUNTRY)? == country).then_some(())?;
    Some(MemberId::new(
        once(subject, name::ORGANISATION)?,
        once(subject, name::UNIT)?,
        once(subject, name::COMMON_NAME)?,
    ))
}

fn estonian(subject: &Name, instance: &str) -> Option<MemberId> {
    if subject.count(name::ORGANISATION_IDENTIFIER) > 0 {
        let whole = once(subject, name::ORGANISATION_IDENTIFIER)?;
        let registers = [("NTREE-", "COM"), ("GO:EE-", "GOV"), ("NP:EE-", "NGO")];
        let known = registers
            .iter()
            .find_map(|(prefix, class)| Some((*class, whole.strip_prefix(prefix)?)));
        // Of any other register the whole identifier is the code, so that it stays unique.
        let (class, code) = known.unwrap_or(("NEE", whole));
        return Some(MemberId::new(instance, class, code));
    }
    let code = once(subject, name::SERIAL_NUMBER)?;
    let digits = code.len() == REGISTER_CODE_DIGITS && code.bytes().all(|b| b.is_ascii_digit());
    let class = match code.bytes().next().filter(|_| digits)? {
        b'1'..=b'6' => "COM",
        b'7' => "GOV",
        b'8' | b'9' => "NGO",
        _ => return None,
    };
    Some(MemberId::new(instance, class, code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::{
        BUSINESS_CATEGORY as BC, COMMON_NAME as CN, COUNTRY as C, ORGANISATION as O,
        ORGANISATION_IDENTIFIER as OI, SERIAL_NUMBER as SN, UNIT as OU,
    };

    fn of(class: &str) -> Profile {
        Profile::of_class(&format!("{PACKAGE}{class}CertificateProfileInfoProvider"))
    }

    #[test]
    fn subjects_name_members_by_profile() {
        type Subject<'a> = &'a [(ObjectIdentifier, &'a str)];
        let rows: [(&str, Subject<'_>, Option<&str>); 26] = [
            (
                "FiVRK",
                &[(C, "FI"), (O, "Oy"), (SN, "DEV/s2/COM"), (CN, "4321")],
                Some("DEV/COM/4321"),
            ),
            (
                "FiVRK",
                &[(C, "PE"), (O, "Oy"), (SN, "DEV/s2/COM"), (CN, "4321")],
                None,
            ),
            (
                "FiVRK",
                &[(C, "FI"), (SN, "DEV/s2/COM"), (CN, "4321")],
                None,
            ),
            (
                "FiVRK",
                &[(C, "FI"), (O, "Oy"), (SN, "DEV/COM"), (CN, "4321")],
                None,
            ),
            (
                "FiVRK",
                &[(C, "FI"), (O, "Oy"), (SN, "OTHER/s2/COM"), (CN, "4321")],
                None,
            ),
            (
                "FiVRK",
                &[(C, "FI"), (O, "DEV"), (OU, "COM"), (CN, "4321")],
                Some("DEV/COM/4321"),
            ),
            (
                "FiVRK",
                &[(C, "DEV"), (O, "COM"), (CN, "4321")],
                Some("DEV/COM/4321"),
            ),
            (
                "FiVRK",
                &[
                    (C, "FI"),
                    (O, "Oy"),
                    (SN, "DEV/s2/COM"),
                    (CN, "4321"),
                    (CN, "1"),
                ],
                None,
            ),
            ("Basic", &[(BC, "GOB"), (SN, "2013")], Some("DEV/GOB/2013")),
            (
                "BasicACME",
                &[(BC, "GOB"), (SN, "2013")],
                Some("DEV/GOB/2013"),
            ),
            ("Basic", &[(SN, "2013")], None),
            ("Basic", &[(BC, "GOB"), (SN, "2013"), (SN, "2014")], None),
            (
                "Ejbca",
                &[(C, "DEV"), (O, "GOV"), (CN, "1")],
                Some("DEV/GOV/1"),
            ),
            ("Ejbca", &[(C, "XX"), (O, "GOV"), (CN, "1")], None),
            (
                "Fo",
                &[(C, "FO"), (O, "DEV"), (OU, "GOV"), (CN, "1"), (SN, "x")],
                Some("DEV/GOV/1"),
            ),
            ("Fo", &[(C, "FO"), (O, "DEV"), (OU, "GOV"), (CN, "1")], None),
            (
                "Fo",
                &[(C, "IS"), (O, "DEV"), (OU, "GOV"), (CN, "1"), (SN, "x")],
                None,
            ),
            (
                "Is",
                &[(C, "IS"), (O, "DEV"), (OU, "GOV"), (CN, "1"), (SN, "x")],
                Some("DEV/GOV/1"),
            ),
            (
                "Is",
                &[(C, "DEV"), (O, "GOV"), (CN, "1")],
                Some("DEV/GOV/1"),
            ),
            ("SkKlass3", &[(SN, "70000001")], Some("DEV/GOV/70000001")),
            ("SkKlass3", &[(SN, "00000001")], None),
            ("SkKlass3", &[(SN, "7000000")], None),
            ("SkKlass3", &[(OI, "NTREE-10")], Some("DEV/COM/10")),
            ("SkKlass3", &[(OI, "VATFI-10")], Some("DEV/NEE/VATFI-10")),
            (
                "SkEsteId",
                &[(SN, "38001085718")],
                Some("DEV/PERSON/38001085718"),
            ),
            ("Unknown", &[(BC, "GOB"), (SN, "2013")], None),
        ];
        for (class, subject, member) in rows {
            let name = Name::new(subject).unwrap();
            let found = of(class).member(&name, "DEV").map(|id| id.to_string());
            assert_eq!(found.as_deref(), member, "{class} {name}");
        }
    }

    #[test]
    fn class_names_come_back() {
        for (profile, _) in KNOWN {
            assert_eq!(Profile::of_class(&profile.class()), profile);
        }
        assert_eq!(
            Profile::of_class("org.example.Own").class(),
            "org.example.Own"
        );
        assert_eq!(Profile::of_short("fi"), Profile::Finnish);
        assert_eq!(Profile::of_short("skesteid"), Profile::SkEsteId);
        assert!(matches!(
            Profile::of_class("BasicCertificateProfileInfoProvider"),
            Profile::Other(_)
        ));
    }
}
