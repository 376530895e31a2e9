//! A signed configuration directory, an anchor, shared and private parameters: any bytes, never a panic, never without limit.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    trust::globalconf::fuzz(bytes);
});
