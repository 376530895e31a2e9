//! What other programs say of our signed PDF: pyHanko, pdfsig, qpdf, outloud, pdfua.
//!
//! Only the instance's root is trusted and nothing is fetched. The Python tools are looked for in the folder that
//! `TAMBO_TOOLS` names, or in `.tools/venv` of the project; what is absent is told as `not run`.

use std::path::{Path, PathBuf};
use std::process::Command;

use kernel::{Clock, SystemClock};
use trust::keys::Algorithm;

use super::Town;
use crate::pades::{Reason, Verifier, sign};
use crate::paper::Field;

fn tool(name: &str) -> Option<PathBuf> {
    let venv = std::env::var_os("TAMBO_TOOLS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/venv"),
        PathBuf::from,
    );
    let own = venv.join("bin").join(name);
    let found = if own.is_file() {
        Some(own)
    } else {
        on_path(name)
    };
    if found.is_none() {
        println!("not run: {name} is absent");
    }
    found
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// Runs a tool in `folder`; gives whether it succeeded and all it printed.
fn run(folder: &Path, tool: &Path, arguments: &[&str]) -> (bool, String) {
    let output = Command::new(tool)
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the tool starts");
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

async fn signed_files(folder: &Path, kind: Algorithm) {
    // Other programs judge by the machine's clock, so this town is founded a little before now.
    let town = Town::founded(7, kind, SystemClock.now().plus_seconds(-600));
    let once = town.signed().await;
    let twice = sign(
        &once,
        Field::Seal.name(),
        &town.claim(),
        &town.official,
        &town.stamper,
    )
    .await;
    let long = crate::pdf::render(&super::sample::resolution(40)).expect("renders");
    let long = sign(
        &long,
        Field::Official.name(),
        &town.claim(),
        &town.official,
        &town.stamper,
    )
    .await;
    std::fs::write(folder.join("long.pdf"), long.expect("signed")).expect("written");
    std::fs::write(folder.join("once.pdf"), once).expect("written");
    std::fs::write(folder.join("twice.pdf"), twice.expect("sealed")).expect("written");
    std::fs::write(folder.join("root.pem"), town.root.certificate().pem()).expect("written");
}

#[tokio::test]
async fn other_programs_call_the_signed_document_valid_and_accessible() {
    for kind in [Algorithm::P256, Algorithm::Rsa2048] {
        let folder = tempfile::tempdir().expect("a folder");
        signed_files(folder.path(), kind).await;
        for (file, signatures) in [("once.pdf", 1), ("twice.pdf", 2), ("long.pdf", 1)] {
            judge(folder.path(), file, signatures);
        }
    }
}

fn judge(folder: &Path, file: &str, signatures: usize) {
    if let Some(pyhanko) = tool("pyhanko") {
        let arguments = [
            "sign",
            "validate",
            "--no-revocation-check",
            "--trust",
            "root.pem",
            "--trust-replace",
            "--executive-summary",
            file,
        ];
        let (good, text) = run(folder, &pyhanko, &arguments);
        assert!(
            good && text.matches(":VALID").count() == signatures,
            "pyhanko on {file}: {text}"
        );
        println!("pyhanko: {file} VALID x {signatures}");
    }
    if let Some(pdfsig) = tool("pdfsig") {
        let (_, text) = run(folder, &pdfsig, &[file]);
        assert_eq!(
            text.matches("Signature is Valid").count(),
            signatures,
            "pdfsig on {file}: {text}"
        );
        println!("pdfsig: {file} valid x {signatures}");
    }
    if let Some(qpdf) = tool("qpdf") {
        let (good, text) = run(folder, &qpdf, &["--check", file]);
        assert!(good && !text.contains("WARNING"), "qpdf on {file}: {text}");
        println!("qpdf: {file} clean");
    }
    if let Some(outloud) = tool("outloud") {
        let (good, text) = run(folder, &outloud, &["--fail-on", "warning", file]);
        assert!(
            good && text.contains("0 error(s), 0 warning(s)"),
            "outloud on {file}: {text}"
        );
        println!("outloud: {file} 0 errors 0 warnings");
    }
    if let Some(pdfua) = tool("pdfua") {
        let (good, text) = run(folder, &pdfua, &["check", file]);
        assert!(
            good && text.contains("errors=0 warnings=0"),
            "pdfua on {file}: {text}"
        );
        println!("pdfua: {file} pass");
    }
}

/// Makes `key.pem` and `foreign.pem`: a key and a certificate of somebody outside the house.
fn stranger(folder: &Path, openssl: &Path) -> bool {
    let request = "req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out foreign.pem -days 9 -subj /C=PE/CN=Firmante \
        -addext keyUsage=critical,nonRepudiation -addext basicConstraints=critical,CA:FALSE";
    let arguments: Vec<&str> = request.split_whitespace().collect();
    run(folder, openssl, &arguments).0
}

#[tokio::test]
async fn what_another_program_signs_is_judged_too() {
    let (Some(python), Some(openssl)) = (tool("python"), on_path("openssl")) else {
        println!("not run: python or openssl is absent");
        return;
    };
    if !run(Path::new("."), &python, &["-c", "import pyhanko"]).0 {
        println!("not run: pyhanko is absent");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    signed_files(folder.path(), Algorithm::P256).await;
    if !stranger(folder.path(), &openssl) {
        println!("not run: openssl makes no certificate");
        return;
    }
    let plain = crate::pdf::render(&super::sample::resolution(1)).expect("renders");
    std::fs::write(folder.path().join("plain.pdf"), plain).expect("written");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign.py");
    let script = script.to_string_lossy().into_owned();
    let read = |name: &str| std::fs::read(folder.path().join(name)).expect("read");
    let certificates = |name: &str| {
        let pem = String::from_utf8(read(name)).expect("PEM");
        trust::Certificate::all_from_pem(&pem).expect("certificates")
    };
    let roots = [certificates("root.pem"), certificates("foreign.pem")].concat();
    let verifier = Verifier::new(trust::Anchors::new(roots));
    // Into our second field after our own signature; as the first signature of a file; with a field of its own.
    let cases = [
        ("once.pdf", "SignatureSeal", "pades", None),
        ("plain.pdf", "SignatureOfficial", "adobe", None),
        (
            "once.pdf",
            "Added",
            "pades",
            Some(Reason::ChangedAfterwards),
        ),
    ];
    for (source, field, kind, reason) in cases {
        let arguments = [
            &script,
            "key.pem",
            "foreign.pem",
            source,
            "out.pdf",
            field,
            kind,
        ];
        let (done, text) = run(folder.path(), &python, &arguments);
        assert!(done, "{text}");
        let verdict = verifier.verify(&read("out.pdf"), SystemClock.now());
        assert_eq!(
            (verdict.reason, verdict.is_valid()),
            (reason, reason.is_none()),
            "{source} {field}: {verdict:?}"
        );
    }
}
