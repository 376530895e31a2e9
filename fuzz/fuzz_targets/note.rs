//! Signed notes, checkpoints, proof files: any bytes, never a panic, never without limit.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = trust::log::note::Note::parse(bytes);
    let _ = trust::log::ProofFile::parse(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = trust::log::checkpoint::Checkpoint::parse(text);
        let _ = trust::log::VerifierKey::parse(text);
    }
});
