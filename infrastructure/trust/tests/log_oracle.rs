//! The log judged by another implementation: Go's `golang.org/x/mod` reads the notes, proofs and tiles that this one writes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use data_encoding::BASE64;
use kernel::{Moment, SystemClock};
use store::Store;
use store::testing::{Folder, sqlite};
use trust::keys::{Cost, KeyStore, Passphrase};
use trust::log::checkpoint::Checkpoint;
use trust::log::merkle::{Hash, leaf_hash};
use trust::log::note::Note;
use trust::log::tiles::{TILE_WIDTH, TileAddress, TileId};
use trust::log::{Entry, Log, LogSettings, MIGRATIONS};

/// Where Debian's `golang-golang-x-mod-dev` puts its sources.
const GO_SOURCES: &str = "/usr/share/gocode";

/// Builds the judge with the sources that Debian installs, nothing fetched; `None` if Go or they are absent.
fn judge(folder: &Path) -> Option<PathBuf> {
    if !Path::new(GO_SOURCES)
        .join("src/golang.org/x/mod/sumdb/tlog")
        .is_dir()
    {
        return None;
    }
    let program = folder.join("oracle");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/main.go");
    let built = Command::new("go")
        .args(["build", "-o"])
        .args([&program, &source])
        .env("GO111MODULE", "off")
        .env("GOPATH", GO_SOURCES)
        .env("GOCACHE", folder.join("cache"))
        .env("GOFLAGS", "")
        .status()
        .ok()?;
    assert!(built.success(), "the judge does not build");
    Some(program)
}

async fn log_in(store: &Store, folder: &Path) -> Log {
    store.migrate(&[("log", MIGRATIONS)]).await.expect("tables");
    let keys = KeyStore::open_with(folder, &Passphrase::new("test"), Cost::light());
    let settings = LogSettings::new(&keys.expect("a key store"), "log.example/oracle", None);
    Log::open(store.clone(), settings.expect("keys"))
        .await
        .expect("an empty log")
}

async fn grow(log: &Log, store: &Store, count: u32) -> Checkpoint {
    let mut tx = store.begin().await.expect("a transaction");
    for n in 0..count {
        let entry = Entry::new("test.entry", Moment::from_seconds(i64::from(n)), [7; 32]);
        log.enter(&mut tx, entry).await.expect("entered");
    }
    tx.commit().await.expect("committed");
    log.sequence().await.expect("placed");
    let note = Note::parse(log.checkpoint().await.expect("a checkpoint").as_bytes());
    Checkpoint::open(&note.expect("a note"), log.origin(), log.verifier()).expect("signed")
}

fn list(hashes: &[Hash]) -> String {
    let texts: Vec<String> = hashes.iter().map(|hash| BASE64.encode(hash)).collect();
    if texts.is_empty() {
        "-".to_owned()
    } else {
        texts.join(",")
    }
}

/// One line for every entry, in the tree of that moment.
async fn inclusion_lines(log: &Log, head: &Checkpoint) -> String {
    let mut lines = String::new();
    for entry in log.entries(0, 1_000).await.expect("entries") {
        let proof = log
            .proof(entry.id)
            .await
            .expect("the store")
            .expect("placed");
        let (leaf, root) = (
            BASE64.encode(&leaf_hash(&proof.leaf)),
            BASE64.encode(&head.root),
        );
        let path = list(&proof.path);
        lines += &format!(
            "record {} {} {root} {leaf} {path}\n",
            proof.index, head.size
        );
    }
    lines
}

async fn consistency_lines(log: &Log, heads: &[Checkpoint]) -> String {
    let mut lines = String::new();
    for new in heads {
        for old in heads
            .iter()
            .filter(|old| old.size > 0 && old.size <= new.size)
        {
            let proof = log
                .consistency(old.size, new.size)
                .await
                .expect("the store");
            let (from, to) = (BASE64.encode(&old.root), BASE64.encode(&new.root));
            let path = list(&proof.expect("both trees exist"));
            lines += &format!("tree {} {} {from} {to} {path}\n", old.size, new.size);
        }
    }
    lines
}

async fn write_tiles(log: &Log, size: u64, folder: &Path) {
    for level in 0..2 {
        for index in 0..(size >> (8 * level)).div_ceil(TILE_WIDTH) {
            let tile = TileId { level, index };
            let address = TileAddress::Hashes {
                tile,
                width: tile.width(size),
            };
            let bytes = log.tile(address).await.expect("the store").expect("a tile");
            let place = folder.join(address.path());
            fs::create_dir_all(place.parent().expect("a folder above")).expect("a folder");
            fs::write(place, bytes).expect("a file");
        }
    }
}

fn asks(program: &Path, folder: &Path) -> (bool, String) {
    let output = Command::new(program)
        .arg(folder)
        .output()
        .expect("the judge runs");
    (
        output.status.success(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}

#[tokio::test]
async fn another_implementation_reads_notes_proofs_and_tiles() {
    let folder = Folder::new();
    let Some(program) = judge(folder.path()) else {
        println!("not run: the log judged by Go needs golang-go and golang-golang-x-mod-dev");
        return;
    };
    let store = sqlite(&folder, Arc::new(SystemClock)).await;
    let log = log_in(&store, &folder.path().join("keys")).await;
    let (mut heads, mut proofs) = (Vec::new(), String::new());
    for count in [1, 1, 1, 4, 1, 7, 17, 100, 124, 1, 60, 200] {
        let head = grow(&log, &store, count).await;
        proofs += &inclusion_lines(&log, &head).await;
        heads.push(head);
    }
    proofs += &consistency_lines(&log, &heads).await;
    let size = heads.last().expect("grown").size;
    write_tiles(&log, size, folder.path()).await;
    fs::write(folder.path().join("vkey"), log.verifier().to_string()).expect("a file");
    let note = log.checkpoint().await.expect("a checkpoint");
    fs::write(folder.path().join("checkpoint"), &note).expect("a file");
    fs::write(folder.path().join("proofs"), &proofs).expect("a file");
    let (held, said) = asks(&program, folder.path());
    assert!(held, "{said}");
    println!("Go says: {said}");
    // The judge must be able to say no: a root, a signature and a tile that differ in one sign.
    let bent = proofs.replacen("record 0 1 ", "record 0 2 ", 1);
    fs::write(folder.path().join("proofs"), bent).expect("a file");
    assert!(!asks(&program, folder.path()).0, "a wrong proof");
    fs::write(folder.path().join("proofs"), &proofs).expect("a file");
    let forged = note.replacen(&format!("\n{size}\n"), &format!("\n{}\n", size - 1), 1);
    fs::write(folder.path().join("checkpoint"), forged).expect("a file");
    assert!(!asks(&program, folder.path()).0, "a forged checkpoint");
}
