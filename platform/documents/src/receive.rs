//! Receiving: a saved file becomes a document of the body, in the transaction of the caller's act.

use kernel::{Actor, Fault, Id, Moment};
use store::Tx;

use crate::domain::{Document, Origin};
use crate::{Blob, Documents, sql};

/// A file that somebody files.
#[derive(Clone, Debug)]
pub struct Incoming<'a> {
    /// The saved file.
    pub blob: Blob,
    /// The name to show; empty takes the file's own.
    pub name: String,
    /// What it is in the procedure, for example `plan` or `photo`.
    pub kind: String,
    /// The national number of the person it belongs to, who may read it.
    pub owner_subject: Option<String>,
    /// The case it belongs to.
    pub case: Option<Id>,
    /// Who files it.
    pub by: &'a Actor,
    /// When.
    pub at: Moment,
}

impl Documents {
    /// Registers a saved file as a document and enters it in the log. Nothing is promised to anybody before the
    /// caller's transaction commits.
    ///
    /// # Errors
    /// The store failed.
    pub async fn receive(&self, tx: &mut Tx, incoming: Incoming<'_>) -> Result<Id, Fault> {
        let chance = self.inner.store.chance();
        let name = match incoming.name.trim() {
            "" => incoming.blob.name.clone(),
            given => given.to_owned(),
        };
        let document = Document {
            id: Id::new(&**self.inner.store.clock(), &**chance),
            origin: Origin::Received,
            kind: incoming.kind,
            number: None,
            title: name.clone(),
            name: with_ending(&name, incoming.blob.kind.ending()),
            mime: incoming.blob.kind,
            size: incoming.blob.size,
            sha256: incoming.blob.sha256,
            owner_subject: incoming.owner_subject,
            case: incoming.case,
            made_by: incoming.by.account.clone(),
            made_at: incoming.at,
            code: None,
            signer: None,
            post: None,
            body: None,
        };
        sql::insert(tx, &document).await?;
        self.enter(tx, "document.received", &document).await?;
        Ok(document.id)
    }
}

/// A name that ends as its content does, so that it opens where it is downloaded.
pub(crate) fn with_ending(name: &str, ending: &str) -> String {
    let has = name.rsplit_once('.').is_some_and(|(stem, last)| {
        let jpeg = ending == "jpg" && last.eq_ignore_ascii_case("jpeg");
        !stem.is_empty() && (last.eq_ignore_ascii_case(ending) || jpeg)
    });
    if has {
        name.to_owned()
    } else {
        format!("{name}.{ending}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_end_as_their_content_does() {
        assert_eq!(with_ending("plano.PDF", "pdf"), "plano.PDF");
        assert_eq!(with_ending("foto.jpeg", "jpg"), "foto.jpeg");
        assert_eq!(with_ending("foto.exe", "jpg"), "foto.exe.jpg");
        assert_eq!(with_ending(".pdf", "pdf"), ".pdf.pdf");
    }
}
