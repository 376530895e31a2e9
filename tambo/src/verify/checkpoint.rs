//! A checkpoint: which log, how many entries, and who signed and cosigned it.

use data_encoding::BASE64;
use trust::log::checkpoint::{Checkpoint, cosigned_at};
use trust::log::note::Note;

use super::{Report, Trusted};

pub(super) fn verify(bytes: &[u8], trusted: &Trusted, report: &mut Report) {
    let read =
        Note::parse(bytes).and_then(|note| Ok((Checkpoint::parse(note.unverified_text())?, note)));
    let (told, note) = match read {
        Ok(read) => read,
        Err(fault) => return report.failed(fault),
    };
    report.held("the file has the form of a checkpoint");
    let keys = trusted.logs.keys_of(&told.origin);
    let signed = keys
        .iter()
        .find(|key| note.signatures().iter().any(|line| key.claims(line)));
    let Some(key) = signed else {
        return report.open(format!(
            "no trusted key of the log {} signed it",
            told.origin
        ));
    };
    match Checkpoint::open(&note, &told.origin, key) {
        Ok(Checkpoint { origin, size, root }) => {
            report.held(format!(
                "the log {origin} signed it: {size} entries, root {}",
                BASE64.encode(&root)
            ));
        }
        Err(fault) => return report.failed(fault),
    }
    for witness in &trusted.logs.witnesses {
        match cosigned_at(&note, witness) {
            Ok(Some(at)) => report.held(format!("cosigned by {} at {at}", witness.name())),
            Ok(None) => report.open(format!("{} has not cosigned it", witness.name())),
            Err(fault) => report.failed(fault),
        }
    }
}
