//! The stories of this crate on both engines: take in, number, issue, register, verify.

use bytes::Bytes;
use kernel::{Actor, Clock, Fault, FaultKind, Id, Locale, Moment};
use store::Store;
use trust::keys::Algorithm;

use super::{Town, at, sample};
use crate::pades::Stamper;
use crate::paper::Paper;
use crate::{Documents, Incoming, Indication, Issue, Issued, Prepared, Signatory};

fn issue(signatory: Signatory, number: &str) -> Issue {
    let mut paper = sample::resolution(1);
    // As `workflow` gives it: without words, signature place and way to verify.
    paper.words = crate::Words::default();
    paper.check = None;
    paper
        .blocks
        .retain(|block| !matches!(block, crate::paper::Block::Signature(_)));
    Issue {
        paper,
        kind: "resolution".into(),
        number: Some(number.into()),
        signatory,
        case: Some(case()),
        owner_subject: Some("45678901".into()),
        at: at(),
        code: None,
    }
}

fn case() -> Id {
    "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().expect("an identifier")
}

/// A body with one issued document.
async fn body(town: &Town, store: &Store) -> (tempfile::TempDir, Documents, Prepared, Issued) {
    let folder = tempfile::tempdir().expect("a folder");
    let (documents, official, _) = town.documents(store.clone(), folder.path()).await;
    let mut tx = store.begin().await.expect("begins");
    let number = documents
        .reserve_number(&mut tx, "resolution", at())
        .await
        .expect("numbered");
    tx.commit().await.expect("commits");
    let prepared = documents
        .prepare(issue(official, &number))
        .await
        .expect("prepared");
    let mut tx = store.begin().await.expect("begins");
    let issued = documents
        .register(&mut tx, prepared.clone())
        .await
        .expect("registered");
    tx.commit().await.expect("commits");
    (folder, documents, prepared, issued)
}

#[tokio::test]
async fn a_document_is_issued_registered_and_verified_by_code_and_file() {
    let town = Town::new(5, Algorithm::P256);
    let town = &town;
    store::testing::both_at(town.clock.clone(), |store: Store| async move {
        let (_folder, documents, _, issued) = body(town, &store).await;
        let typed = issued.code.to_lowercase().replace('-', " ");
        let checked = documents.verify_code(&typed).await.expect("found");
        assert!(checked.verdict.is_valid(), "{:?}", checked.verdict);
        let document = checked.document.expect("ours");
        assert_eq!(
            (document.id, document.number.as_deref()),
            (issued.id, Some("000001-2026"))
        );
        assert_eq!(
            document.name,
            "Resolución de licencia de funcionamiento 000001-2026.pdf"
        );

        let bytes = documents.bytes(issued.id).await.expect("its content");
        let by_file = documents
            .verify_bytes(bytes.clone())
            .await
            .expect("verified");
        assert_eq!(
            by_file.document.map(|document| document.id),
            Some(issued.id)
        );
        let mut changed = bytes.to_vec();
        changed[5_000] ^= 1;
        let changed = documents
            .verify_bytes(changed.into())
            .await
            .expect("verified");
        assert!(!changed.verdict.is_valid() && changed.document.is_none());
        assert_eq!(documents.of_case(case()).await.expect("listed").len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_number_is_given_once_and_a_changed_file_is_never_shown_as_ours() {
    let town = Town::new(5, Algorithm::P256);
    let town = &town;
    store::testing::both_at(town.clock.clone(), |store: Store| async move {
        let (_folder, documents, prepared, issued) = body(town, &store).await;
        let mut tx = store.begin().await.expect("begins");
        let twice = documents
            .register(&mut tx, prepared)
            .await
            .expect_err("the number is taken");
        assert_eq!(
            (twice.kind, twice.key.as_ref()),
            (FaultKind::Conflict, "fault-documents-taken")
        );
        drop(tx);
        assert_eq!(documents.damaged().await.expect("checked"), []);
        std::fs::write(documents.inner.blobs.path(&issued.sha256), b"x").expect("tampered");
        assert_eq!(documents.damaged().await.expect("checked"), [issued.id]);
        assert!(documents.verify_code(&issued.code).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn numbers_have_no_gaps_and_begin_anew_with_the_year_of_the_body() {
    let town = Town::new(6, Algorithm::P256);
    let town = &town;
    store::testing::both_at(town.clock.clone(), |store: Store| async move {
        let folder = tempfile::tempdir().expect("a folder");
        let (documents, ..) = town.documents(store.clone(), folder.path()).await;
        // 04:30 UTC on New Year's Day is still the old year in Lima.
        let moments = [
            "2026-12-31T15:00:00Z",
            "2027-01-01T04:30:00Z",
            "2027-01-01T05:00:00Z",
        ];
        let mut numbers = Vec::new();
        for moment in moments {
            let moment = Moment::parse_iso(moment).expect("a date");
            let mut tx = store.begin().await.expect("begins");
            let lost = documents
                .reserve_number(&mut tx, "receipt", moment)
                .await
                .expect("numbered");
            drop(tx);
            let mut tx = store.begin().await.expect("begins");
            let number = documents
                .reserve_number(&mut tx, "receipt", moment)
                .await
                .expect("numbered");
            tx.commit().await.expect("commits");
            assert_eq!(lost, number, "what was not committed is given again");
            numbers.push(number);
        }
        assert_eq!(numbers, ["000001-2026", "000002-2026", "000001-2027"]);
    })
    .await;
}

#[tokio::test]
async fn what_is_received_belongs_to_its_owner_once_the_act_commits() {
    let town = Town::new(7, Algorithm::P256);
    let town = &town;
    store::testing::both_at(town.clock.clone(), |store: Store| async move {
        let folder = tempfile::tempdir().expect("a folder");
        let (documents, ..) = town.documents(store.clone(), folder.path()).await;
        let actor = Actor::system("test");
        let content = Bytes::from_static(b"\x89PNG\r\n\x1a\nplan");
        let blob = documents
            .save(content.clone(), "image/png", "plano.png")
            .await
            .expect("saved");
        let incoming = Incoming {
            blob,
            name: String::new(),
            kind: "plan".into(),
            owner_subject: Some("45678901".into()),
            case: Some(case()),
            by: &actor,
            at: town.clock.now(),
        };
        let mut tx = store.begin().await.expect("begins");
        let lost = documents
            .receive(&mut tx, incoming.clone())
            .await
            .expect("received");
        drop(tx);
        assert_eq!(
            documents.get(lost).await.expect_err("never happened").kind,
            FaultKind::Missing
        );
        let mut tx = store.begin().await.expect("begins");
        let id = documents
            .receive(&mut tx, incoming)
            .await
            .expect("received");
        tx.commit().await.expect("commits");
        let document = documents.get(id).await.expect("there");
        assert_eq!((document.name.as_str(), document.code), ("plano.png", None));
        assert_eq!(documents.bytes(id).await.expect("read"), content);
    })
    .await;
}

#[tokio::test]
async fn a_silent_stamping_service_issues_nothing_and_says_so() {
    let mut town = Town::new(8, Algorithm::P256);
    let silent = std::sync::Arc::new(
        |_| -> futures_util::future::BoxFuture<'static, Result<Vec<u8>, Fault>> {
            Box::pin(async { Err(Fault::new(FaultKind::Upstream, "fault-documents-stamp")) })
        },
    );
    town.stamper = Stamper::new(silent, town.anchors.clone(), town.chance.clone());
    let folder = store::testing::Folder::new();
    let store = store::testing::sqlite(&folder, town.clock.clone()).await;
    let (documents, official, _) = town.documents(store, folder.path()).await;
    let fault = documents
        .prepare(issue(official, "000001-2026"))
        .await
        .expect_err("no stamp, no document");
    assert_eq!(
        (fault.kind, fault.key.as_ref()),
        (FaultKind::Upstream, "fault-documents-stamp")
    );
}

#[tokio::test]
async fn a_certificate_that_is_out_of_date_signs_nothing() {
    let town = Town::new(9, Algorithm::P256);
    let folder = store::testing::Folder::new();
    let store = store::testing::sqlite(&folder, town.clock.clone()).await;
    let (documents, official, _) = town.documents(store, folder.path()).await;
    town.clock.advance(400 * 86_400);
    let fault = documents
        .prepare(issue(official, "000001-2027"))
        .await
        .expect_err("refused by our own verifier");
    assert_eq!(
        fault.kind,
        FaultKind::Upstream,
        "the unit's certificate has ended with the official's: {fault}"
    );
}

#[tokio::test]
async fn a_sealed_paper_speaks_its_own_language() {
    let town = Town::new(10, Algorithm::P256);
    let folder = store::testing::Folder::new();
    let store = store::testing::sqlite(&folder, town.clock.clone()).await;
    let (documents, _, seal) = town.documents(store, folder.path()).await;
    for locale in Locale::ALL {
        let paper = Paper::new("Constancia", locale, "Municipalidad", at()).paragraph("…");
        let issue = Issue {
            paper,
            kind: "receipt".into(),
            number: None,
            ..issue(seal.clone(), "")
        };
        let prepared = documents.prepare(issue).await.expect("sealed");
        let bytes = documents
            .inner
            .blobs
            .read(&prepared.sha256())
            .await
            .expect("saved");
        let verdict = documents.verifier().verify(&bytes, at());
        assert_eq!(
            (verdict.indication, verdict.signatures[0].field.as_str()),
            (Indication::Valid, "SignatureSeal")
        );
    }
}

#[test]
fn one_source_gives_text_and_page_alike() {
    let paper = sample::resolution(2);
    let (text, page) = (paper.to_text(), paper.to_html().into_string());
    for part in [
        "Saturnina Ñahui Quispe — DNI 45678901",
        "Wilber Huamán Ccori",
        "7K3M-9QXT-2WBV",
        "Se resuelve",
    ] {
        assert!(text.contains(part) && page.contains(part), "{part}");
    }
    assert!(
        page.contains("<caption>")
            && page.contains("scope=\"col\"")
            && page.contains("lang=\"es\"")
    );
}
