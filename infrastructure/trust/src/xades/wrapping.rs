//! Signature wrapping, systematically: a forged signature document with the true pieces put back at every place.
//!
//! Whoever wraps a signature hopes that the verifier checks one element and believes another. Here every piece that could
//! be checked is put at every place where an element can stand, beside forged ones of the same name, with its Id, with
//! the forged ones' Id taken away, and with another; none may make other words believed than those that were signed.

use super::message::MESSAGE;
use super::tests::{ALONE, proves, signature, signed_facts};
use super::verify::{VerifiedSignature, XadesError, verify};
use crate::sigalg::Hash;

/// What somebody wants to have been signed.
const EVIL: &[u8] = b"GET\r\n/r1/PE/GOB/1/SUB/everything\r\n";
/// The elements of a signature that a verifier looks for.
const PIECES: [&str; 10] = [
    "ds:Signature",
    "ds:SignedInfo",
    "ds:Reference",
    "ds:SignatureValue",
    "ds:KeyInfo",
    "ds:Object",
    "xades:QualifyingProperties",
    "xades:SignedProperties",
    "xades:SignedSignatureProperties",
    "xades:SigningCertificate",
];

/// The element of this name with its content, the first if there are several.
fn piece<'a>(xml: &'a str, name: &str) -> &'a str {
    let start = [format!("<{name} "), format!("<{name}>")]
        .iter()
        .filter_map(|open| xml.find(open.as_str()))
        .min()
        .unwrap_or_else(|| panic!("no {name}"));
    let close = format!("</{name}>");
    &xml[start..xml[start..].find(&close).unwrap() + start + close.len()]
}

/// Every place between two tags, within the root and outside of it.
fn places(xml: &str) -> impl Iterator<Item = usize> + '_ {
    let starts = xml.match_indices('<').map(|(at, _)| at);
    starts.chain([xml.len()]).skip(1)
}

fn with(xml: &str, at: usize, more: &str) -> String {
    [&xml[..at], more, &xml[at..]].concat()
}

fn proves_evil(xml: &str) -> Result<VerifiedSignature, XadesError> {
    verify(xml.as_bytes(), &|uri| (uri == MESSAGE).then_some(EVIL))
}

/// The true document with another message's digest in the place of the signed one.
fn of_another_message(good: &str) -> String {
    let base64 = |bytes: &[u8]| data_encoding::BASE64.encode(&Hash::Sha512.digest(bytes));
    let forged = good.replace(&base64(ALONE[0].1), &base64(EVIL));
    assert_ne!(forged, good);
    forged
}

#[test]
fn a_true_piece_at_any_place_makes_no_other_message_believed() {
    let good = signature();
    let forged = of_another_message(&good);
    assert!(proves(&good).is_ok() && proves_evil(&forged).is_err());
    let mut tried = 0;
    for name in PIECES {
        let whole = piece(&good, name);
        let id = whole
            .find(" Id=\"")
            .filter(|&at| at < whole.find('>').unwrap());
        let nameless = id.map(|at| {
            let end = at + 5 + whole[at + 5..].find('"').unwrap() + 1;
            [&whole[..at], &whole[end..]].concat()
        });
        for at in places(&forged) {
            for more in [Some(whole), nameless.as_deref()].into_iter().flatten() {
                let bad = with(&forged, at, more);
                assert!(proves_evil(&bad).is_err(), "{name} at {at}:\n{bad}");
                // The forged piece gives its Id up to the true one.
                let given_up =
                    forged.replacen(piece(&forged, name), &renamed(piece(&forged, name)), 1);
                let at = at.min(given_up.len());
                if given_up.is_char_boundary(at) {
                    let bad = with(&given_up, at, more);
                    assert!(
                        proves_evil(&bad).is_err(),
                        "{name} at {at}, Id given up:\n{bad}"
                    );
                }
                tried += 2;
            }
        }
    }
    assert!(tried > 1_500, "{tried} documents");
}

/// The same element under another Id.
fn renamed(element: &str) -> String {
    let end = element.find('>').unwrap();
    let (open, rest) = element.split_at(end);
    match open.find(" Id=\"") {
        Some(at) => format!("{} Id=\"other\"{rest}", &open[..at]),
        None => element.to_owned(),
    }
}

#[test]
fn a_forged_piece_at_any_place_changes_nothing_that_is_believed() {
    let good = signature();
    let facts = signed_facts(&proves(&good).unwrap());
    let forged = good.replace("2026-", "2020-").replace("2025-", "2020-");
    assert_ne!(forged, good);
    let (mut refused, mut same) = (0, 0);
    for name in PIECES {
        let whole = piece(&forged, name);
        for more in [whole.to_owned(), renamed(whole)] {
            for at in places(&good) {
                let bad = with(&good, at, &more);
                match proves(&bad) {
                    Err(_) => refused += 1,
                    Ok(proof) => {
                        assert_eq!(signed_facts(&proof), facts, "{name} at {at}:\n{bad}");
                        same += 1;
                    }
                }
            }
        }
    }
    assert!(
        refused > 1_000,
        "{refused} refused, {same} believed the same"
    );
}

#[test]
fn signatures_within_or_around_others_are_refused() {
    let good = signature();
    let forged = of_another_message(&good);
    let (true_one, false_one) = (piece(&good, "ds:Signature"), piece(&forged, "ds:Signature"));
    let root = good.find("<ds:Signature ").unwrap();
    let (open, close) = (&good[..root], &good[root + true_one.len()..]);
    let other = renamed(false_one).replace("#signature\"", "#other\"");
    let object = |inner: &str| format!("<ds:Object>{inner}</ds:Object></ds:Signature>");
    for (what, bad) in [
        (
            "the false one first",
            format!("{open}{false_one}{true_one}{close}"),
        ),
        (
            "the true one first",
            format!("{open}{true_one}{false_one}{close}"),
        ),
        (
            "the false one first, another Id",
            format!("{open}{other}{true_one}{close}"),
        ),
        (
            "the true one first, another Id",
            format!("{open}{true_one}{other}{close}"),
        ),
        (
            "the true one within the false one",
            format!(
                "{open}{}{close}",
                false_one.replace("</ds:Signature>", &object(true_one))
            ),
        ),
        (
            "the same, another Id",
            format!(
                "{open}{}{close}",
                other.replace("</ds:Signature>", &object(true_one))
            ),
        ),
        (
            "the false one within the true one",
            format!(
                "{open}{}{close}",
                true_one.replace("</ds:Signature>", &object(&other))
            ),
        ),
        (
            "a root within a root",
            format!("{open}{good}{close}").replacen(open, "", 1),
        ),
        (
            "a root around a root",
            good.replace(true_one, &format!("{}{false_one}", &good)),
        ),
        (
            "a signature in an element around it",
            good.replace(true_one, &format!("<x>{true_one}</x>{false_one}")),
        ),
    ] {
        assert!(proves_evil(&bad).is_err(), "{what}");
    }
}

#[test]
fn names_that_mean_another_file_or_the_same_one_twice_are_refused() {
    let good = signature();
    let forged = of_another_message(&good);
    let reference = piece(&good, "ds:Reference");
    for uri in [
        "#signature-value",
        "",
        "message.xml",
        "//message.xml",
        "/./message.xml",
        "/message%2exml",
        "/MESSAGE.XML",
        "file:///message.xml",
    ] {
        let bad = forged.replace("URI=\"/message.xml\"", &format!("URI=\"{uri}\""));
        assert!(proves_evil(&bad).is_err(), "{uri}");
    }
    let evil_reference = piece(&forged, "ds:Reference");
    for pair in [[reference, evil_reference], [evil_reference, reference]] {
        let bad = good.replacen(reference, &pair.concat(), 1);
        assert!(
            proves_evil(&bad).is_err() && proves(&bad).is_err(),
            "two references"
        );
    }
}

#[test]
fn comments_instructions_and_sections_within_texts_change_nothing_that_is_read() {
    let good = signature();
    let facts = signed_facts(&proves(&good).unwrap());
    let mut read = 0;
    for name in [
        "xades:SigningTime",
        "ds:DigestValue",
        "ds:X509SerialNumber",
        "ds:SignatureValue",
        "ds:X509Certificate",
        "xades:Identifier",
    ] {
        let whole = piece(&good, name);
        let middle = whole.find('>').unwrap() + 3;
        for hidden in [
            "<!-- -->",
            "<?x y?>",
            "<![CDATA[]]>",
            "<![CDATA[9]]>",
            "<x></x>",
            " ",
            "&#x31;",
        ] {
            let bad = good.replacen(whole, &with(whole, middle, hidden), 1);
            if let Ok(proof) = proves(&bad) {
                assert_eq!(signed_facts(&proof), facts, "{name} with {hidden}");
                read += 1;
            }
        }
    }
    assert!(read <= 20, "{read} of 42 were read");
}
