//! What the tests of this crate share: an authority in memory, and `openssl` as a second opinion.

use std::process::Command;
use std::sync::OnceLock;

use kernel::{Moment, SeededChance, SetClock, SystemClock};

use crate::ca::{Ca, DAY};
use crate::keys::{Algorithm, Signer};
use crate::name::Name;

/// The moment of all tests: the machine's, once, in whole seconds, because `openssl ocsp` can't be told another.
pub(crate) fn at() -> Moment {
    static AT: OnceLock<Moment> = OnceLock::new();
    *AT.get_or_init(|| Moment::from_seconds(kernel::Clock::now(&SystemClock).seconds()))
}

/// A new root of ten years.
pub(crate) fn root() -> Ca {
    let signer = Signer::ephemeral("root", Algorithm::P256).unwrap();
    let name = Name::of_body("PE", "Autoridad de prueba", "Raíz").unwrap();
    let clock = SetClock::at(at());
    Ca::new_root(&name, signer, 3650 * DAY, &clock, &SeededChance::new(1))
        .unwrap()
        .with_ocsp_url("http://ca.example/ocsp")
}

/// The same root for all who only need some certificate.
pub(crate) fn root_once() -> &'static Ca {
    static ROOT: OnceLock<Ca> = OnceLock::new();
    ROOT.get_or_init(root)
}

/// A Python that may have the tests' packages: that of `TAMBO_TOOLS`, of the project's `.tools/venv`, or any.
pub(crate) fn python() -> std::path::PathBuf {
    let project = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.tools/venv");
    let tools = std::env::var("TAMBO_TOOLS").unwrap_or_else(|_| project.into());
    let own = std::path::Path::new(&tools).join("bin/python");
    if own.is_file() { own } else { "python3".into() }
}

/// The `openssl` command with a folder of its own.
pub(crate) struct Openssl {
    folder: tempfile::TempDir,
}

impl Openssl {
    /// Finds the command; says so and gives nothing where it is missing.
    pub(crate) fn find() -> Option<Self> {
        if Command::new("openssl").arg("version").output().is_err() {
            println!("not run: openssl missing");
            return None;
        }
        Some(Self {
            folder: tempfile::tempdir().unwrap(),
        })
    }

    /// Runs another tool in the same folder: what it printed, or nothing (and it says so) where it is missing.
    pub(crate) fn tool(&self, name: &str, args: &[&str]) -> Option<String> {
        let Ok(done) = Command::new(name)
            .args(args)
            .current_dir(self.folder.path())
            .output()
        else {
            println!("not run: {name} missing");
            return None;
        };
        let text = [done.stdout, done.stderr].concat();
        Some(String::from_utf8_lossy(&text).into_owned())
    }

    pub(crate) fn file(&self, name: &str, content: &[u8]) {
        std::fs::write(self.folder.path().join(name), content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join(name)).unwrap()
    }

    /// Whether it succeeded, and everything it said.
    pub(crate) fn run(&self, args: &[&str]) -> (bool, String) {
        let done = Command::new("openssl")
            .args(args)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let text = [done.stdout, done.stderr].concat();
        (
            done.status.success(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    }

    /// What it printed, demanding success.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let (success, text) = self.run(args);
        assert!(success, "openssl {args:?}: {text}");
        text
    }
}
