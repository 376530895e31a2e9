//! Signed PDFs: any bytes, never a panic, never without limit.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let verifier = documents::Verifier::new(trust::Anchors::default());
    let _ = verifier.verify(bytes, kernel::Moment::from_seconds(1_800_000_000));
});
