//! Shared parameters: any bytes, never a panic, never without limit.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = trust::globalconf::SharedParams::parse(bytes);
});
