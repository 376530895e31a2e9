//! The folder of evidence: files as strangers would get them, and beside them what a stranger trusts.

use std::fs;
use std::path::{Path, PathBuf};

use exchange::{Half, Question};
use kernel::{Clock, Id};
use trust::globalconf::write::{Published, SHARED_FILE};
use trust::globalconf::{SharedParams, Version, verification};
use workflow::Receipt;

use crate::commands::{Outcome, Problem};
use crate::demo::Country;
use crate::house::House;
use crate::verify::{Trusted, Verdict, verify_file};

/// Folder of what the reader trusts.
const TRUST: &str = "trust";
/// Turns of the log that a proof may need, each a third of a second.
const PROOF_TURNS: usize = 60;

/// A folder of evidence.
pub struct Evidence {
    folder: PathBuf,
    files: Vec<PathBuf>,
}

impl Evidence {
    /// An empty folder; earlier evidence in it is removed.
    ///
    /// # Errors
    /// It can't be written.
    pub fn begin(folder: &Path) -> Result<Self, Problem> {
        if folder.join(TRUST).exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder.join(TRUST))?;
        Ok(Self {
            folder: folder.to_path_buf(),
            files: Vec::new(),
        })
    }

    fn keep(&mut self, name: &str, bytes: &[u8]) -> Outcome {
        let path = self.folder.join(name);
        fs::write(&path, bytes)?;
        self.files.push(path);
        Ok(())
    }

    /// What a stranger trusts: the root, the directory, the keys of logs and witness.
    ///
    /// # Errors
    /// The folder can't be written.
    pub fn trust(&self, country: &Country) -> Outcome {
        let folder = self.folder.join(TRUST);
        let mut keys = String::new();
        for body in &country.bodies {
            let ground = &body.house.ground;
            keys.push_str(&format!(
                "# {}\n{}\n",
                ground.settings.body.name,
                ground.log_verifier()?
            ));
            if let Some(authority) = &body.house.authority {
                fs::write(folder.join("root.pem"), authority.trust.certificate().pem())?;
                fs::write(
                    folder.join("tsa.crt"),
                    authority.trust.unit_certificate().pem(),
                )?;
                self.configuration(&folder, &authority.published())?;
                keys.push_str(&format!("# witness\n{}\n", authority.witness.verifier()));
            }
        }
        Ok(fs::write(folder.join("log-keys.txt"), keys)?)
    }

    /// The instance's shared parameters, in the form that verifiers of containers take.
    fn configuration(&self, folder: &Path, published: &Published) -> Outcome {
        let shared = published
            .files
            .iter()
            .find(|file| file.path.ends_with(SHARED_FILE));
        let shared = shared.ok_or_else(|| Problem("no shared parameters".to_owned()))?;
        let instance = SharedParams::read(&shared.bytes, Version::V6)?.instance;
        for (path, bytes) in verification::files(&instance, Version::V6, &shared.bytes)? {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap_or(folder))?;
            fs::write(path, bytes)?;
        }
        Ok(())
    }

    /// The receipt as text.
    ///
    /// # Errors
    /// The folder can't be written.
    pub fn receipt(&mut self, name: &str, receipt: &Receipt) -> Outcome {
        let text = format!(
            "number    {}\npresented {}\ncode      {}\ndeadline  {}\n",
            receipt.number,
            receipt.presented_at,
            receipt.code,
            receipt.deadline.map(|at| at.iso()).unwrap_or_default()
        );
        Ok(fs::write(self.folder.join(format!("{name}.txt")), text)?)
    }

    /// A signed document.
    ///
    /// # Errors
    /// It can't be read or written.
    pub async fn document(&mut self, office: &House, id: Id, name: &str) -> Outcome {
        let bytes = office.documents.bytes(id).await?;
        self.keep(&format!("{name}.pdf"), &bytes)
    }

    /// Both halves of a question as the asking body holds them, and the entry's proof.
    ///
    /// # Errors
    /// One of them is missing.
    pub async fn question(&mut self, asker: &House, question: &Question) -> Outcome {
        let short: String = question
            .number
            .chars()
            .rev()
            .take(12)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .collect();
        for (half, word) in [(Half::Request, "question"), (Half::Response, "answer")] {
            let container = asker.exchange.container(&question.number, half).await?;
            let container =
                container.ok_or_else(|| Problem(format!("no {word} of {}", question.number)))?;
            self.keep(&format!("{short}-{word}.asice"), &container)?;
        }
        self.proof(asker, question, &format!("{short}-asker")).await
    }

    /// The proof that the answering body entered the question too.
    ///
    /// # Errors
    /// It is missing.
    pub async fn question_at_provider(&mut self, provider: &House, question: &Question) -> Outcome {
        let short: String = question
            .number
            .chars()
            .rev()
            .take(12)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .collect();
        let theirs = provider.exchange.question(&question.number).await?;
        let theirs = theirs
            .ok_or_else(|| Problem(format!("the provider has no question {}", question.number)))?;
        self.proof(provider, &theirs, &format!("{short}-provider"))
            .await
    }

    /// The two signed messages that put an agreement in force: the same text, signed by one body and by the other.
    ///
    /// # Errors
    /// One of them is missing.
    pub async fn agreement(&mut self, body: &House, number: &str) -> Outcome {
        for step in body.exchange.agreement_history(number).await? {
            let container = body.exchange.agreement_container(number, step.id).await?;
            let container = container
                .ok_or_else(|| Problem(format!("{number}: no signed {}", step.act.word())))?;
            let name = format!("agreement-{number}-{}.asice", step.act.word());
            self.keep(&name, &container)?;
        }
        Ok(())
    }

    async fn proof(&mut self, body: &House, question: &Question, name: &str) -> Outcome {
        let entry = question
            .log_entry
            .as_deref()
            .and_then(|entry| entry.parse().ok());
        let entry: Id =
            entry.ok_or_else(|| Problem(format!("{}: not in the log", question.number)))?;
        let now = body.ground.clock.now();
        let trusted = Trusted::from_folder(&self.folder.join(TRUST), now)?;
        for _ in 0..PROOF_TURNS {
            // A proof counts once the witness has cosigned the checkpoint that covers it.
            if let Some(proof) = body.log.proof(entry).await?
                && proof.verify(&trusted.logs).is_ok()
            {
                return self.keep(&format!("{name}.tlog-proof"), proof.to_string().as_bytes());
            }
            tokio::time::sleep(std::time::Duration::from_millis(250)).await;
        }
        Err(Problem(format!(
            "{}: no cosigned proof in time",
            question.number
        )))
    }

    /// Verifies every file as a stranger would.
    ///
    /// # Errors
    /// A file is not proven valid; its report is printed.
    pub fn check(&self, country: &Country) -> Outcome {
        let trusted = Trusted::from_folder(&self.folder.join(TRUST), country.leap.clock.now())?;
        for file in &self.files {
            let report = verify_file(file, &trusted);
            if report.verdict() != Verdict::Valid {
                return Err(Problem(format!("{report}")));
            }
            println!(
                "             {} is valid",
                file.file_name().unwrap_or_default().to_string_lossy()
            );
        }
        Ok(())
    }
}
