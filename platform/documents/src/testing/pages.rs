//! The pages of verification as a reader gets them, in three languages, without script.

use kernel::{Actor, Assurance, Locale, Role};
use trust::keys::Algorithm;
use web::testing::Tester;

use super::{Town, at, sample};
use crate::pades::Reason;
use crate::{Documents, Issue, Issued, TEXTS};

/// First flight of a slow line; a page counts compressed, so its bare size may be a few times that.
const PAGE_BYTES_MAX: usize = 45_000;

async fn house() -> (Town, store::testing::Folder, Documents, Issued) {
    let town = Town::new(11, Algorithm::P256);
    let folder = store::testing::Folder::new();
    let store = store::testing::sqlite(&folder, town.clock.clone()).await;
    let (documents, official, _) = town.documents(store.clone(), folder.path()).await;
    let issue = Issue {
        paper: sample::resolution(1),
        kind: "resolution".into(),
        number: Some("000001-2026".into()),
        signatory: official,
        case: None,
        owner_subject: Some("45678901".into()),
        at: at(),
        code: None,
    };
    let prepared = documents.prepare(issue).await.expect("prepared");
    let mut tx = store.begin().await.expect("begins");
    let issued = documents
        .register(&mut tx, prepared)
        .await
        .expect("registered");
    tx.commit().await.expect("commits");
    (town, folder, documents, issued)
}

#[tokio::test]
async fn anybody_verifies_by_code_and_by_file() {
    let (_town, _folder, documents, issued) = house().await;
    let tester = Tester::new(&[documents.room()]);
    let form = tester.get("/verify").await;
    assert!(
        form.status.is_success() && form.text.len() < PAGE_BYTES_MAX,
        "{}",
        form.text.len()
    );
    let sent = tester
        .upload("/verify", &[("code", &issued.code.to_lowercase())], &[])
        .await;
    assert_eq!(sent.location(), format!("/verify/{}", issued.code));
    let page = tester.get(sent.location()).await;
    for part in [
        "La firma es válida",
        "000001-2026",
        "Wilber Huamán Ccori",
        "TOTAL-PASSED",
        "Descargar el documento",
    ] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    assert!(
        !page.text.contains("45678901"),
        "the page tells nothing of the person it is for"
    );
    let file = tester
        .get(&format!("/verify/{}/document", issued.code))
        .await;
    assert!(file.bytes.starts_with(b"%PDF-1.7"));
    assert_eq!(file.headers["content-type"], "application/pdf");

    let uploaded = tester
        .upload(
            "/verify",
            &[],
            &[("file", "r.pdf", "application/pdf", &file.bytes)],
        )
        .await;
    assert!(
        uploaded.text.contains("La firma es válida")
            && !uploaded.text.contains("Descargar el documento")
    );
    let mut changed = file.bytes.to_vec();
    changed[9_000] ^= 1;
    let changed = tester
        .upload(
            "/verify",
            &[],
            &[("file", "r.pdf", "application/pdf", &changed)],
        )
        .await;
    assert!(
        changed.text.contains("TOTAL-FAILED") && changed.text.contains("La firma no es válida"),
        "{}",
        changed.text
    );
}

#[tokio::test]
async fn wrong_codes_and_files_are_told_where_they_were_typed() {
    let (_town, _folder, documents, _) = house().await;
    let tester = Tester::new(&[documents.room()]);
    let cases = [("ABC", 400), ("", 400)];
    for (code, status) in cases {
        let page = tester.upload("/verify", &[("code", code)], &[]).await;
        assert_eq!(page.status.as_u16(), status);
        assert!(page.text.contains("aria-invalid"), "{}", page.text);
    }
    assert_eq!(
        tester.get("/verify/0000-0000-0000").await.status.as_u16(),
        404
    );
    assert_eq!(
        tester
            .get("/verify/0000-0000-0000/document")
            .await
            .status
            .as_u16(),
        404
    );
    let none = tester.upload("/verify", &[("upload", "1")], &[]).await;
    assert_eq!(none.status.as_u16(), 400);
    let noise = tester
        .upload(
            "/verify",
            &[],
            &[("file", "x", "application/pdf", b"not a pdf")],
        )
        .await;
    assert!(noise.text.contains("FORMAT_FAILURE"), "{}", noise.text);
}

#[tokio::test]
async fn only_the_owner_and_case_readers_read_a_document() {
    let (_town, _folder, documents, issued) = house().await;
    let rooms = [documents.room()];
    let address = format!("/documents/{}", issued.id);
    let actor = |subject: &str, role: Role| Actor {
        account: subject.into(),
        subject: subject.into(),
        name: "x".into(),
        role,
        assurance: Assurance::High,
    };
    let official = |right: &str| Role::Official {
        post: "p".into(),
        rights: vec![right.into()],
    };
    let cases = [
        (actor("45678901", Role::Person), 200),
        (actor("45678902", Role::Person), 404),
        (actor("1", official("case.read")), 200),
        (actor("1", official("case.decide")), 404),
    ];
    for (actor, status) in cases {
        let got = Tester::signed_in(&rooms, actor.clone()).get(&address).await;
        assert_eq!(got.status.as_u16(), status, "{actor:?}");
    }
    assert!(
        Tester::new(&rooms)
            .get(&address)
            .await
            .location()
            .starts_with("/sign-in")
    );
}

#[tokio::test]
async fn texts_are_whole_in_three_languages() {
    web::texts::check("documents", TEXTS).expect("the same keys");
    let (_town, _folder, documents, issued) = house().await;
    let tester = Tester::new(&[documents.room()]);
    for locale in Locale::ALL {
        let words = documents.words(locale);
        assert!(!words.verify_how.is_empty());
        for reason in Reason::ALL {
            assert!(
                !documents
                    .inner
                    .texts
                    .say(locale, reason.text_key(), &[])
                    .is_empty()
            );
        }
        tester.cookie("prueba-lang", locale.tag());
        let page = tester.get(&format!("/verify/{}", issued.code)).await;
        let title = documents
            .inner
            .texts
            .say(locale, "documents-verify-title", &[]);
        assert!(
            page.status.is_success() && page.text.contains(&title),
            "{locale}"
        );
    }
}
