//! The wire against a JDK: TLS 1.2 with X-Road's exact suites, both directions, both kinds of keys; X-Road's frame made and
//! read by Java alone (`tests/jdk/XRoadPeer.java`); whole exchanges through it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use store::testing::{Folder, sqlite};
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;
use trust::ca::DAY;
use trust::keys::Algorithm;

use super::attacks::{move_to, sealed};
use super::country::*;
use crate::AskError;
use crate::domain::multipart::Envelope;

const RSA: &str = "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384";
const RSA_DHE: &str = "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256";
const ECDSA: &str = "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384";

/// Two bodies with TLS 1.2 allowed, their keys for Java to use, and Java.
struct Scene {
    country: Country,
    muni: Node,
    reniec: Node,
    java: PathBuf,
    folder: tempfile::TempDir,
    _stores: Folder,
}

/// `None` without a JDK, which is told.
async fn scene(algorithm: Algorithm) -> Option<Scene> {
    let folder = tempfile::tempdir().unwrap();
    let java = compile(folder.path()).await?;
    let time = clock();
    let stores = Folder::new();
    let (one, two) = (
        sqlite(&stores, time.clone()).await,
        sqlite(&stores, time.clone()).await,
    );
    let ocsp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = ocsp.local_addr().unwrap().port();
    let country = Country::new(time.clone()).await;
    country.set_algorithm(algorithm);
    let old = |settings: &mut crate::Settings| {
        settings.legacy_tls = true;
        settings.ocsp_port = port;
        // A JDK starts in a second or more.
        settings.timeout_seconds = 20;
        settings.stall_seconds = 15;
    };
    let muni = country
        .body_with("MUNI", &["licencias"], one, 30 * DAY, old)
        .await;
    let reniec = country
        .body_with("RENIEC", &["registro"], two, 30 * DAY, old)
        .await;
    country.publish(DAY, &[&muni, &reniec]).await;
    furnish(&*time, &muni, &reniec).await;
    reniec.exchange.serve_ocsp(ocsp);
    for node in [&muni, &reniec] {
        let place = folder.path().join(&node.member.code);
        std::fs::create_dir(&place).unwrap();
        let auth = &node.keys.auth;
        std::fs::write(
            place.join("key.pem"),
            auth.signer().tls_pem().unwrap().as_bytes(),
        )
        .unwrap();
        let chain: String = auth.chain().iter().map(trust::Certificate::pem).collect();
        std::fs::write(place.join("chain.pem"), chain).unwrap();
    }
    Some(Scene {
        country,
        muni,
        reniec,
        java,
        folder,
        _stores: stores,
    })
}

async fn compile(folder: &Path) -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/jdk/XRoadPeer.java");
    let classes = folder.join("classes");
    let mut javac = Command::new("javac");
    javac.arg("-d").arg(&classes).arg(&source);
    let Ok(done) = spawn_blocking(move || javac.output()).await.unwrap() else {
        println!("not run: handshakes with a JDK: no javac");
        return None;
    };
    let told = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{told}");
    Some(classes)
}

/// Java as a server.
struct Running {
    java: Child,
    address: String,
    said: BufReader<ChildStdout>,
}

impl Running {
    /// Ends it; what it said since it listened.
    async fn end(mut self) -> Vec<String> {
        self.java.kill().unwrap();
        let reading = spawn_blocking(move || {
            let lines = self.said.lines().map(Result::unwrap).collect();
            self.java.wait().unwrap();
            lines
        });
        reading.await.unwrap()
    }
}

impl Scene {
    fn place(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("java");
        command
            .arg("-cp")
            .arg(&self.java)
            .arg("XRoadPeer")
            .args(arguments);
        command
    }

    /// Runs Java to its end: whether it ended well, and everything it said.
    async fn run(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = self.command(arguments);
        let done = spawn_blocking(move || command.output())
            .await
            .unwrap()
            .unwrap();
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        (
            done.status.success(),
            said + &String::from_utf8_lossy(&done.stderr),
        )
    }

    /// Starts Java as a server.
    async fn start(&self, arguments: &[&str]) -> Running {
        let mut java = self
            .command(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(java.stdout.take().unwrap());
        let reading = spawn_blocking(move || {
            let mut first = String::new();
            said.read_line(&mut first).unwrap();
            (first, said)
        });
        let (first, said) = reading.await.unwrap();
        let port = first
            .trim()
            .strip_prefix("listening ")
            .expect("Java listens");
        let address = format!("127.0.0.1:{port}");
        Running {
            java,
            address,
            said,
        }
    }

    fn answering(&self) -> (String, String) {
        let address = self.reniec.address;
        (address.ip().to_string(), address.port().to_string())
    }
}

#[tokio::test]
async fn a_jdk_shakes_hands_with_x_road_s_suites_and_strangers_do_not() {
    for (algorithm, suites) in [
        (Algorithm::Rsa2048, &[RSA, RSA_DHE][..]),
        (Algorithm::P256, &[ECDSA]),
    ] {
        let Some(scene) = scene(algorithm).await else {
            return;
        };
        let (host, port) = scene.answering();
        let known = scene.place("MUNI");
        let peer = scene.reniec.keys.auth.chain()[0].sha256_hex();
        // All three offered, as X-Road does; then each alone.
        let (done, said) = scene.run(&["handshake", &host, &port, &known]).await;
        assert!(
            done && said.contains(&format!("client TLSv1.2 {} peer {peer}", suites[0])),
            "{said}"
        );
        assert!(
            said.contains("invalid_content_type"),
            "a GET is refused by a fault: {said}"
        );
        for suite in suites {
            let (done, said) = scene.run(&["handshake", &host, &port, &known, suite]).await;
            assert!(
                done && said.contains(&format!("client TLSv1.2 {suite} ")),
                "{said}"
            );
        }
        // A suite that X-Road does not use either, and one without forward secrecy.
        let weak = "TLS_RSA_WITH_AES_256_CBC_SHA256";
        let (done, said) = scene.run(&["handshake", &host, &port, &known, weak]).await;
        assert!(!done, "{said}");
        // The certificate of a body that is not in the directory.
        scene.country.change(|directory| {
            directory
                .servers
                .retain(|server| server.id.owner != scene.muni.member);
        });
        scene.country.publish(DAY, &[&scene.reniec]).await;
        let (done, said) = scene.run(&["handshake", &host, &port, &known]).await;
        assert!(!done && !said.contains("answer"), "{said}");
    }
}

/// The parts of a sealed request as files, for Java to frame.
fn lay_out(request: &crate::ask::Sealed, folder: &Path) {
    let parts = &request.envelope;
    let body = parts
        .body
        .as_ref()
        .map(|body| body.in_memory().unwrap().to_vec());
    let rest = parts.rest.to_vec();
    let files = [
        ("ocsp", parts.ocsp.first()),
        ("rest", Some(&rest)),
        ("body", body.as_ref()),
        ("chain-result", parts.chain_result.as_ref()),
        ("chain", parts.chain.as_ref()),
        ("signature", Some(&parts.signature)),
    ];
    for (name, bytes) in files {
        if let Some(bytes) = bytes {
            std::fs::write(folder.join(name), bytes).unwrap();
        }
    }
    std::fs::write(folder.join("request-id"), &request.request_id).unwrap();
}

/// An answer from the files into which Java took it apart.
fn taken_apart(folder: &Path) -> Envelope {
    let part = |name: &str| std::fs::read(folder.join(name));
    Envelope {
        ocsp: Vec::new(),
        rest: part("rest").unwrap().into(),
        body: part("body").ok().map(Into::into),
        chain_result: part("chain-result").ok(),
        chain: part("chain").ok(),
        signature: part("signature").unwrap(),
    }
}

#[tokio::test]
async fn a_message_that_java_frames_is_answered_and_its_answer_holds() {
    let Some(scene) = scene(Algorithm::Rsa2048).await else {
        return;
    };
    let (host, port) = scene.answering();
    let request = sealed(&scene.muni).await;
    let (parts, out) = (scene.place("parts"), scene.place("out"));
    for folder in [&parts, &out] {
        std::fs::create_dir(folder).unwrap();
    }
    lay_out(&request, Path::new(&parts));
    let (done, said) = scene
        .run(&["send", &host, &port, &scene.place("MUNI"), &parts, &out])
        .await;
    assert!(
        done && said.contains("part signature/bdoc-1.0/ts"),
        "{said}"
    );
    // What Java took apart is the registry's signed answer to this question.
    let envelope = taken_apart(Path::new(&out));
    let inner = &scene.muni.exchange.inner;
    let view = inner.held.any().unwrap();
    let now = kernel::Clock::now(&*inner.clock);
    let verified = crate::seal::verify(envelope, &scene.reniec.member, &inner.scope(&view, now));
    let verified = verified.unwrap();
    let response = crate::domain::message::ResponsePart::parse(&verified.get().rest).unwrap();
    let request_body = request.envelope.body.as_ref();
    crate::domain::message::answers(
        &response,
        &request.request,
        &request.envelope.rest,
        request_body,
    )
    .unwrap();
    // The same message once more gets the answer that was kept, and nobody is asked again.
    let (done, said) = scene
        .run(&["send", &host, &port, &scene.place("MUNI"), &parts, &out])
        .await;
    assert!(
        done && said.contains("answer HTTP/1.1 200 OK | multipart/mixed"),
        "{said}"
    );
    let number = &request.opened.question.number;
    let answered = scene.reniec.exchange.question(number).await.unwrap();
    assert_eq!(answered.unwrap().outcome, "answered");
    let again = std::fs::read(Path::new(&out).join("rest")).unwrap();
    assert_eq!(again, verified.get().rest[..]);
}

#[tokio::test]
async fn whole_exchanges_pass_through_a_jdk_that_reads_and_writes_every_byte_anew() {
    for (algorithm, suite) in [(Algorithm::Rsa2048, RSA), (Algorithm::P256, ECDSA)] {
        let Some(scene) = scene(algorithm).await else {
            return;
        };
        let (host, port) = scene.answering();
        let (server, client) = (scene.place("RENIEC"), scene.place("MUNI"));
        let arguments = ["relay", "0", &server, &host, &port, &client, "2"];
        let java = scene.start(&arguments).await;
        move_to(&scene.country, &scene.muni, &scene.reniec, &java.address).await;
        for _ in 0..2 {
            let answer = scene.muni.exchange.ask(question()).await.unwrap();
            assert_eq!(answer.get().facts.len(), 2);
        }
        let said = java.end().await;
        let refused = said
            .iter()
            .filter(|line| line.starts_with("refused"))
            .count();
        assert_eq!(refused, 1, "TLS 1.3 is offered once: {said:#?}");
        let (muni, reniec) = (
            &scene.muni.keys.auth.chain()[0],
            &scene.reniec.keys.auth.chain()[0],
        );
        for side in [
            format!("server TLSv1.2 {suite} peer {}", muni.sha256_hex()),
            format!("client TLSv1.2 {suite} peer {}", reniec.sha256_hex()),
        ] {
            assert_eq!(
                said.iter().filter(|line| **line == side).count(),
                2,
                "{side}: {said:#?}"
            );
        }
        let asked = scene
            .reniec
            .exchange
            .questions_about("40000001")
            .await
            .unwrap();
        assert_eq!(asked.len(), 2);
    }
}

#[tokio::test]
async fn faults_of_an_x_road_server_are_understood_wherever_they_stand() {
    for how in ["whole", "part", "late"] {
        let Some(scene) = scene(Algorithm::Rsa2048).await else {
            return;
        };
        let java = scene
            .start(&["fault", "0", &scene.place("RENIEC"), how])
            .await;
        move_to(&scene.country, &scene.muni, &scene.reniec, &java.address).await;
        let error = scene.muni.exchange.ask(question()).await.unwrap_err();
        let told = matches!(&error, AskError::Refused { code, message }
            if code == "Server.ServerProxy.AccessDenied" && message == "Request is not allowed here");
        assert!(told, "{how}: {error}");
        java.end().await;
    }
}
