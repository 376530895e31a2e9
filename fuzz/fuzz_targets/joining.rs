//! Applications, links and sealed answers of joining: any bytes, never a panic, never without limit.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    registry::domain::fuzz(bytes);
});
