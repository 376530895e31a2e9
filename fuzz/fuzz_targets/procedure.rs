//! Procedure files: any bytes, never a panic, never without limit.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = workflow::procedure::Procedure::parse(text);
    }
});
