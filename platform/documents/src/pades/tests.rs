//! Signing and judging together: what is signed here is valid, and nothing else is.

use kernel::Clock;
use lopdf::{Document, Object};
use proptest::prelude::*;
use trust::ca::DAY;
use trust::keys::Algorithm;

use super::*;
use crate::paper::Field;
use crate::testing::{Town, at};

fn town() -> Town {
    Town::new(1, Algorithm::P256)
}

#[tokio::test]
async fn what_is_signed_is_valid_for_years_and_names_its_signer() {
    for kind in [Algorithm::P256, Algorithm::Rsa2048] {
        let town = Town::new(1, kind);
        let pdf = town.signed().await;
        if let Ok(folder) = std::env::var("TAMBO_KEEP") {
            std::fs::write(format!("{folder}/signed-{kind:?}.pdf"), &pdf).expect("kept");
            std::fs::write(
                format!("{folder}/root-{kind:?}.pem"),
                town.root.certificate().pem(),
            )
            .expect("kept");
        }
        for years in [0, 8] {
            let verdict = town
                .verifier()
                .verify(&pdf, at().plus_seconds(years * 365 * DAY));
            assert!(verdict.is_valid(), "{kind:?} {verdict:?}");
            let report = &verdict.signatures[0];
            assert_eq!(
                (report.claimed_at, report.stamped_at),
                (Some(at()), Some(at()))
            );
            assert!(
                report.covers_file && report.signer.contains("Wilber"),
                "{report:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_second_signature_leaves_the_first_valid() {
    let town = town();
    let first = town.signed().await;
    let both = sign(
        &first,
        Field::Seal.name(),
        &town.claim(),
        &town.official,
        &town.stamper,
    )
    .await;
    let both = both.expect("the seal's field is free");
    assert!(both.starts_with(&first), "a signature only adds");
    let verdict = town.verifier().verify(&both, town.clock.now());
    assert!(verdict.is_valid(), "{verdict:?}");
    assert_eq!(
        verdict
            .signatures
            .iter()
            .map(|report| report.covers_file)
            .collect::<Vec<_>>(),
        [false, true]
    );
    let again = sign(
        &both,
        Field::Seal.name(),
        &town.claim(),
        &town.official,
        &town.stamper,
    )
    .await;
    assert!(again.is_err(), "the field is taken");
}

#[tokio::test]
async fn a_strangers_signature_is_not_confirmed() {
    let (town, stranger) = (town(), Town::new(2, Algorithm::P256));
    let verdict = town.verifier().verify(&stranger.signed().await, at());
    assert_eq!(verdict.indication, Indication::Indeterminate, "{verdict:?}");
}

#[tokio::test]
async fn no_changed_byte_leaves_it_valid() {
    let town = town();
    let pdf = town.signed().await;
    assert!(
        town.verifier().verify(&pdf, at()).is_valid(),
        "what is changed below was valid"
    );
    // The last one: the fields have their own `/Contents`, which readers hear.
    let hole = pdf
        .windows(10)
        .rposition(|window| window == b"/Contents<")
        .expect("a signature")
        + 9;
    assert!(pdf[hole + 1..].starts_with(b"3082"), "a DER sequence");
    let end = hole
        + pdf[hole..]
            .iter()
            .position(|byte| *byte == b'>')
            .expect("its end")
        + 1;
    // The envelope is where unsigned bytes live: every byte of it; elsewhere a stride that meets all kinds of object.
    let everywhere = (0..pdf.len()).step_by(97).map(|place| (place, 0x01));
    // 0x20 turns the case of a hexadecimal letter, which leaves the value as it is: the file differs all the same.
    let cases = (hole..end).step_by(11).map(|place| (place, 0x20));
    let flips = (hole..end)
        .step_by(2)
        .map(|place| (place, 0x01))
        .chain(cases)
        .chain(everywhere);
    let verifier = town.verifier();
    let mut changed = pdf.clone();
    let mut wrong = Vec::new();
    for (place, flip) in flips {
        changed[place] ^= flip;
        if verifier.verify(&changed, at()).is_valid() {
            wrong.push((place, flip, place.wrapping_sub(hole)));
        }
        changed[place] ^= flip;
    }
    assert!(
        wrong.is_empty(),
        "still valid after changes at {} places: {:?}",
        wrong.len(),
        &wrong[..wrong.len().min(40)]
    );
}

#[tokio::test]
async fn known_tricks_are_refused() {
    let town = town();
    let pdf = town.signed().await;
    let verify = |bytes: &[u8]| town.verifier().verify(bytes, at());
    let appended = [&pdf[..], b"% more\n%%EOF\n"].concat();
    assert_eq!(
        verify(&appended).indication,
        Indication::Invalid,
        "content after the end"
    );
    let cut = &pdf[..pdf.len() - 8];
    assert_ne!(verify(cut).indication, Indication::Valid, "an end cut off");

    // Hide and replace: a later revision gives the page other content.
    let document = Document::load_mem(&pdf).expect("reads");
    let page = *document.get_pages().values().next().expect("a page");
    let content = document.get_page_contents(page)[0];
    let replaced = later_revision(&pdf, content, "<</Length 0>>stream\n\nendstream");
    let verdict = verify(&replaced);
    assert_eq!(
        verdict.reason,
        Some(Reason::ChangedAfterwards),
        "{verdict:?}"
    );

    // An addition that nothing refers to yet.
    let extra = later_revision(&pdf, (document.max_id + 1, 0), "<</Type/Annot>>");
    assert_eq!(verify(&extra).reason, Some(Reason::ChangedAfterwards));

    // The catalogue shows another page tree.
    let root = document
        .trailer
        .get(b"Root")
        .and_then(Object::as_reference)
        .expect("a root");
    let catalogue = later_revision(&pdf, root, "<</Type/Catalog/Pages 1 0 R>>");
    assert_ne!(verify(&catalogue).indication, Indication::Valid);
}

/// `pdf` with one object written anew in a later revision.
fn later_revision(pdf: &[u8], id: (u32, u16), body: &str) -> Vec<u8> {
    let document = Document::load_mem(pdf).expect("reads");
    let root = document
        .trailer
        .get(b"Root")
        .and_then(Object::as_reference)
        .expect("a root");
    let text = String::from_utf8_lossy(pdf);
    let previous = text
        .rsplit("startxref\n")
        .next()
        .and_then(|rest| rest.lines().next())
        .expect("an offset")
        .to_owned();
    let mut bytes = pdf.to_vec();
    let at = bytes.len();
    bytes.extend_from_slice(format!("{} {} obj\n{body}\nendobj\n", id.0, id.1).as_bytes());
    let xref = bytes.len();
    let size = document.max_id.max(id.0) + 1;
    bytes.extend_from_slice(
        format!(
            "xref\n{} 1\n{at:010} {:05} n \ntrailer\n<</Size {size}/Root {} {} R/Prev {previous}>>\nstartxref\n{xref}\n%%EOF\n",
            id.0, id.1, root.0, root.1
        )
        .as_bytes(),
    );
    bytes
}

#[tokio::test]
async fn an_unsigned_file_is_called_unsigned() {
    let pdf = crate::pdf::render(&crate::testing::sample::resolution(1)).expect("renders");
    let verdict = town().verifier().verify(&pdf, at());
    assert_eq!(
        (verdict.indication, verdict.reason),
        (Indication::Indeterminate, Some(Reason::SignedDataNotFound))
    );
}

#[tokio::test]
async fn the_hole_grows_with_the_token() {
    let town = town();
    let pdf = crate::pdf::render(&crate::testing::sample::resolution(1)).expect("renders");
    let hole = Hole::cut(&pdf, Field::Official.name(), &town.claim(), 100).expect("cut");
    assert!(matches!(
        hole.fill(&[0x30; 101]),
        Err(SlotError::TooSmall {
            needed: 101,
            room: 100
        })
    ));
    let missing = Hole::cut(&pdf, "Nobody", &town.claim(), 100);
    assert!(matches!(missing, Err(SlotError::NoField(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn foreign_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), at in 0_usize..100_000) {
        static MADE: std::sync::OnceLock<(Verifier, Vec<u8>)> = std::sync::OnceLock::new();
        let (verifier, pdf) = MADE.get_or_init(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            (town().verifier(), runtime.block_on(town().signed()))
        });
        let _ = verifier.verify(&bytes, crate::testing::at());
        let mut pdf = pdf.clone();
        let at = at % pdf.len();
        let end = (at + bytes.len()).min(pdf.len());
        pdf.splice(at..end, bytes);
        let _ = verifier.verify(&pdf, crate::testing::at());
    }
}
