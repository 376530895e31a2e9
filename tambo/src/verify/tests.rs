//! Files of every kind: whole ones are valid, damaged ones are told, each with its place.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kernel::{Clock, Moment, SeededChance, SetClock};
use store::testing::{Folder, sqlite};
use trust::ca::{Ca, DAY, Profile, Proven};
use trust::keys::{Algorithm, Cost, KeyStore, Passphrase, Signer};
use trust::log::{Entry, Log, LogSettings, MIGRATIONS, Witness, WitnessPeer};
use trust::name::Name;
use trust::tsp::{POLICY_DEFAULT, Request, Tsa};

use super::*;

const NOW: Moment = Moment::from_seconds(1_795_440_240);

/// Writes `bytes` to `name` and verifies it.
fn judge(folder: &Path, name: &str, bytes: &[u8], trusted: &Trusted) -> Report {
    let path = folder.join(name);
    fs::write(&path, bytes).expect("a file");
    let report = verify_file(&path, trusted);
    println!("{report}");
    report
}

/// Every `step`-th byte changed must not be judged valid.
fn every_change(folder: &Path, name: &str, bytes: &[u8], trusted: &Trusted, step: usize) {
    for at in (0..bytes.len()).step_by(step) {
        let mut bent = bytes.to_vec();
        bent[at] ^= 4;
        fs::write(folder.join(name), &bent).expect("a file");
        let report = verify_file(&folder.join(name), trusted);
        assert!(report.verdict() != Verdict::Valid, "byte {at}: {report}");
    }
}

/// A log with a witness in one store, and what a reader must trust of them.
async fn log(folder: &Folder) -> (Log, Trusted) {
    let store = sqlite(folder, Arc::new(SetClock::at(NOW))).await;
    store.migrate(&[("log", MIGRATIONS)]).await.expect("tables");
    let keys = KeyStore::open_with(
        &folder.path().join("keys"),
        &Passphrase::new("x"),
        Cost::light(),
    );
    let keys = keys.expect("keys");
    let witness =
        Witness::open(store.clone(), &keys, "authority.example/witness").expect("a witness");
    let peer = WitnessPeer::Local(witness.clone());
    let settings = LogSettings::new(&keys, "body.example/log", Some(peer)).expect("keys");
    let log = Log::open(store, settings).await.expect("a log");
    witness.admit(log.verifier()).await.expect("admitted");
    let mut trusted = Trusted::nobody(NOW);
    let lines = format!(
        "# keys of the town\n{}\n{}\n",
        log.verifier(),
        witness.verifier()
    );
    trusted.add_keys(&lines).expect("keys");
    (log, trusted)
}

async fn proof_and_checkpoint(log: &Log) -> (String, String) {
    let mut tx = log.store().begin().await.expect("a transaction");
    let mut ids = Vec::new();
    for n in 0_u8..5 {
        let entry = Entry::new("case.decided", NOW, [n; 32]).note("case", format!("EXP-{n}"));
        ids.push(log.enter(&mut tx, entry).await.expect("entered"));
    }
    tx.commit().await.expect("committed");
    log.sequence().await.expect("placed");
    let proof = log.proof(ids[2]).await.expect("the store").expect("placed");
    (
        proof.to_string(),
        log.checkpoint().await.expect("a checkpoint"),
    )
}

#[tokio::test]
async fn log_proofs_and_checkpoints() {
    let folder = Folder::new();
    let (log, trusted) = log(&folder).await;
    let (proof, checkpoint) = proof_and_checkpoint(&log).await;
    let report = judge(folder.path(), "any-name", proof.as_bytes(), &trusted);
    assert_eq!(
        (report.kind, report.verdict()),
        (FileKind::LogProof, Verdict::Valid)
    );
    assert!(report.to_string().contains("`case.decided`") && report.to_string().contains("EXP-"));
    every_change(folder.path(), "a.tlog-proof", proof.as_bytes(), &trusted, 1);
    let bent = proof.replacen("index ", "index 9", 1);
    let report = judge(folder.path(), "a", bent.as_bytes(), &trusted);
    assert!(
        report
            .to_string()
            .contains("not so: the entry is in the log at its place")
    );
    let stranger = judge(folder.path(), "a", proof.as_bytes(), &Trusted::nobody(NOW));
    assert_eq!(stranger.verdict(), Verdict::Undecided);

    let report = judge(folder.path(), "c", checkpoint.as_bytes(), &trusted);
    assert_eq!(
        (report.kind, report.verdict()),
        (FileKind::Checkpoint, Verdict::Valid)
    );
    every_change(
        folder.path(),
        "c.checkpoint",
        checkpoint.as_bytes(),
        &trusted,
        1,
    );
}

fn fixture(name: &str) -> Option<Vec<u8>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/fixtures/xroad")
        .join(name);
    let bytes = fs::read(path).ok();
    if bytes.is_none() {
        println!("not run: {name} is absent");
    }
    bytes
}

#[test]
fn message_containers_of_x_road() {
    let folder = tempfile::tempdir().expect("a folder");
    let (Some(params), Some(good), Some(bad)) = (
        fixture("globalconf/DEV/shared-params.xml"),
        fixture("asic/valid-batch-ts.asice"),
        fixture("asic/wrong-message.asice"),
    ) else {
        return;
    };
    fs::write(folder.path().join("shared-params.xml"), params).expect("a file");
    let trusted = Trusted::from_folder(folder.path(), NOW).expect("trust");
    let report = judge(folder.path(), "a", &good, &trusted);
    assert_eq!(
        (report.kind, report.verdict()),
        (FileKind::Container, Verdict::Valid)
    );
    assert_eq!(
        judge(folder.path(), "a", &bad, &trusted).verdict(),
        Verdict::Invalid
    );
    assert_eq!(
        judge(folder.path(), "a", &good, &Trusted::nobody(NOW)).verdict(),
        Verdict::Undecided
    );
    // Packed by this program, the same message has no byte that could change unseen.
    let container = trust::asic::Container::read(&good).expect("a container");
    let own = container.to_bytes(NOW).expect("packed");
    let report = judge(folder.path(), "a", &own, &trusted);
    assert!(
        report.verdict() == Verdict::Valid
            && report.to_string().contains("every byte of the archive")
    );
    every_change(folder.path(), "a.asice", &own, &trusted, 11);
}

/// A message of one instance that a server of another kept and had stamped there.
#[test]
fn instances_trusted_together_take_each_others_stamps() {
    let place = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../infrastructure/trust/tests/xroad/two-instances"
    );
    let file = Path::new(place).join("stamped-elsewhere.asice");
    let both = Trusted::from_folder(Path::new(place), NOW).expect("trust");
    let report = verify_file(&file, &both);
    assert!(report.verdict() == Verdict::Valid, "{report}");
    let own = Trusted::from_folder(&Path::new(place).join("EE"), NOW).expect("trust");
    assert!(verify_file(&file, &own).verdict() != Verdict::Valid);
}

#[test]
fn time_stamps_beside_their_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = SetClock::at(NOW);
    let chance = SeededChance::new(1);
    let name = |common| Name::of_body("PE", "Autoridad", common).expect("a name");
    let signer = Signer::ephemeral("root", Algorithm::P256).expect("a key");
    let root = Ca::new_root(&name("Raíz"), signer, 3650 * DAY, &clock, &chance).expect("a root");
    let signer = Signer::ephemeral("tsa", Algorithm::P256).expect("a key");
    let leaf = root
        .issue(
            &Profile::TimeStamp,
            &name("Hora"),
            &Proven::held(&signer),
            DAY,
            &clock,
            &chance,
        )
        .expect("a certificate");
    let tsa = Tsa::new(
        signer,
        vec![leaf, root.certificate().clone()],
        POLICY_DEFAULT,
    )
    .expect("a unit");
    let data = b"resolution";
    let request = Request::over(data, trust::Hash::Sha512, &chance);
    let response = tsa
        .answer(&request.to_der(), &clock as &dyn Clock, &chance)
        .expect("an answer");
    fs::write(folder.path().join("root.pem"), root.certificate().pem()).expect("a file");
    let trusted = Trusted::from_folder(folder.path(), NOW).expect("trust");
    let alone = judge(folder.path(), "decision.pdf.tsr", &response, &trusted);
    assert_eq!(
        (alone.kind, alone.verdict()),
        (FileKind::TimeStamp, Verdict::Undecided)
    );
    fs::write(folder.path().join("decision.pdf"), data).expect("a file");
    let report = judge(folder.path(), "decision.pdf.tsr", &response, &trusted);
    assert_eq!(report.verdict(), Verdict::Valid);
    every_change(folder.path(), "decision.pdf.tsr", &response, &trusted, 7);
    fs::write(folder.path().join("decision.pdf"), b"resolutiom").expect("a file");
    let report = judge(folder.path(), "decision.pdf.tsr", &response, &trusted);
    assert_eq!(report.verdict(), Verdict::Invalid);
}

#[test]
fn backups_and_strange_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = folder.path().join("node");
    fs::create_dir(&node).expect("a folder");
    fs::write(node.join("settings.toml"), "x").expect("a file");
    fs::write(folder.path().join("rows"), "{}").expect("a file");
    let archive = folder.path().join("node.tambo");
    let parts = [PathBuf::from("settings.toml")];
    let rows = folder.path().join("rows");
    backup::create(
        &archive,
        "secret",
        &SeededChance::new(1),
        (&node, &parts),
        &rows,
    )
    .expect("written");
    let bytes = fs::read(&archive).expect("a file");
    let nobody = Trusted::nobody(NOW);
    assert_eq!(verify_file(&archive, &nobody).verdict(), Verdict::Undecided);
    let trusted = Trusted {
        passphrase: Some("secret".to_owned()),
        ..nobody.clone()
    };
    let report = judge(folder.path(), "a", &bytes, &trusted);
    assert_eq!(
        (report.kind, report.verdict()),
        (FileKind::Backup, Verdict::Valid)
    );
    every_change(folder.path(), "a.tambo", &bytes, &trusted, 499);

    let report = judge(folder.path(), "strange", b"hello", &nobody);
    assert_eq!(
        (report.kind, report.verdict()),
        (FileKind::Unknown, Verdict::Invalid)
    );
    assert_eq!(
        verify_file(&folder.path().join("absent"), &nobody).verdict(),
        Verdict::Invalid
    );
    let report = judge(folder.path(), "a.pdf", b"%PDF-1.7\nnothing", &nobody);
    assert_eq!(
        (report.kind, report.verdict()),
        (FileKind::Pdf, Verdict::Invalid)
    );
}
