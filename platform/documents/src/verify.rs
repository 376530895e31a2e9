//! Verifying for anybody: by the code on the paper, or by the file itself.

use aws_lc_rs::digest;
use bytes::Bytes;
use kernel::{Fault, FaultKind};

use crate::domain::{self, Document};
use crate::pades::{PDF_BYTES_MAX, Verdict};
use crate::{Documents, apart, sql};

/// What a verification found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Checked {
    /// The judgement on the signatures.
    pub verdict: Verdict,
    /// The registered document with this very content, if this body issued it.
    pub document: Option<Document>,
    /// SHA-256 of the file.
    pub sha256: [u8; 32],
}

impl Documents {
    /// Verifies the document with this code, read again from disk.
    ///
    /// # Errors
    /// `fault-documents-code` (not a code), `fault-documents-unknown` (nobody has it).
    pub async fn verify_code(&self, typed: &str) -> Result<Checked, Fault> {
        let document = self.by_code(typed).await?;
        let bytes = self.inner.blobs.read(&document.sha256).await?;
        let verdict = self.judge(bytes).await?;
        Ok(Checked {
            verdict,
            sha256: document.sha256,
            document: Some(document),
        })
    }

    /// The issued document with this code.
    ///
    /// # Errors
    /// As `verify_code`.
    pub async fn by_code(&self, typed: &str) -> Result<Document, Fault> {
        let code =
            domain::read_code(typed).ok_or_else(|| Fault::invalid("fault-documents-code"))?;
        let mut tx = self.inner.store.read().await?;
        let found = sql::by_code(&mut tx, &code).await?;
        found.ok_or_else(|| Fault::missing("fault-documents-unknown"))
    }

    /// Verifies a file from anywhere; it is not kept.
    ///
    /// # Errors
    /// `fault-documents-too-large`.
    pub async fn verify_bytes(&self, bytes: Bytes) -> Result<Checked, Fault> {
        if bytes.len() > PDF_BYTES_MAX {
            let limit = (PDF_BYTES_MAX / (1024 * 1024)).to_string();
            return Err(
                Fault::new(FaultKind::TooLarge, "fault-documents-too-large").arg("limit", limit)
            );
        }
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(digest::digest(&digest::SHA256, &bytes).as_ref());
        let verdict = self.judge(bytes).await?;
        let mut tx = self.inner.store.read().await?;
        let document = sql::by_hash(&mut tx, &sha256).await?;
        Ok(Checked {
            verdict,
            document,
            sha256,
        })
    }

    async fn judge(&self, bytes: Bytes) -> Result<Verdict, Fault> {
        let (verifier, now) = (self.inner.verifier.clone(), self.inner.store.clock().now());
        apart(move || verifier.verify(&bytes, now)).await
    }
}
