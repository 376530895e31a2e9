//! Files that applicants attach: checked by their content, saved before anything refers to them.
//!
//! Read by `filling` and `answering`. It promises that a file is on disk and registered when its identifier is given
//! out, and that nobody sees the name of another person's file.

use bytes::Bytes;
use documents::{Blob, Document, Incoming};
use kernel::{Actor, Fault, FaultKind, Id};
use web::{Upload, UploadedFile, Visit};
use workflow::procedure::{Field, FieldKind};

use crate::Portal;
use crate::domain::Question;
use crate::views::FileView;

/// Bytes of a megabyte as texts count them.
const MEGABYTE: u64 = 1024 * 1024;
/// Bytes of a kilobyte as texts count them.
const KILOBYTE: u64 = 1024;

impl Portal {
    /// Saves the file that came for `field`, if one came, and gives its document's identifier.
    ///
    /// # Errors
    /// The file is too large, empty, or of a kind that the field doesn't take; the store failed.
    pub(crate) async fn attach(
        &self,
        actor: &Actor,
        field: &Field,
        sent: &Upload,
    ) -> Result<Option<String>, Fault> {
        let Some(file) = sent.file(&field.key) else {
            return Ok(None);
        };
        if field
            .bytes_max
            .is_some_and(|max| file.bytes.len() as u64 > max)
        {
            let limit = field.bytes_max.unwrap_or(0) / MEGABYTE;
            return Err(too_large(limit));
        }
        let blob = self.save(file).await?;
        if !field.accept.is_empty() && !field.accept.iter().any(|kind| kind == blob.kind.mime()) {
            return Err(Fault::invalid("fault-documents-type"));
        }
        self.receive(actor, blob, &field.key, None)
            .await
            .map(|id| Some(id.to_string()))
    }

    /// Saves a file by its content.
    pub(crate) async fn save(&self, file: &UploadedFile) -> Result<Blob, Fault> {
        let bytes = Bytes::clone(&file.bytes);
        self.documents
            .save(bytes, &file.content_type, &file.name)
            .await
    }

    /// Registers a saved file for this person.
    pub(crate) async fn receive(
        &self,
        actor: &Actor,
        blob: Blob,
        kind: &str,
        case: Option<Id>,
    ) -> Result<Id, Fault> {
        let mut tx = self.store.begin().await?;
        let incoming = Incoming {
            blob,
            name: String::new(),
            kind: kind.to_owned(),
            owner_subject: Some(actor.subject.clone()),
            case,
            by: actor,
            at: self.store.clock().now(),
        };
        let id = self.documents.receive(&mut tx, incoming).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Puts the file's name in place of its identifier, for whoever may read it.
    pub(crate) async fn name_file(&self, actor: &Actor, field: &Field, question: &mut Question) {
        if field.kind != FieldKind::File {
            return;
        }
        let id = question
            .answer
            .first()
            .and_then(|answer| answer.parse::<Id>().ok());
        question.answer = match id {
            Some(id) => self
                .readable(actor, id)
                .await
                .map(|document| document.title)
                .into_iter()
                .collect(),
            None => Vec::new(),
        };
    }

    /// A document that this person may read.
    pub(crate) async fn readable(&self, actor: &Actor, id: Id) -> Option<Document> {
        let document = self.documents.get(id).await.ok()?;
        document.is_readable_by(actor).then_some(document)
    }
}

fn too_large(limit: u64) -> Fault {
    Fault::new(FaultKind::TooLarge, "fault-documents-too-large").arg("limit", limit.to_string())
}

/// A document in a list of files.
pub(crate) fn file_view(visit: &Visit, document: &Document) -> FileView {
    let kilobytes = i64::try_from(document.size.div_ceil(KILOBYTE)).unwrap_or(i64::MAX);
    let code = document.code.as_deref().map(documents::domain::grouped);
    FileView {
        name: document.title.clone(),
        address: format!("/documents/{}", document.id),
        at: document.made_at,
        kind: format!(
            "{}, {} kB",
            document.mime.ending().to_uppercase(),
            visit.number(kilobytes)
        ),
        code: code.map(|code| (code.clone(), format!("/verify/{code}"))),
    }
}
