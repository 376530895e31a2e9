//! Time-stamp requests and tokens: any bytes, never a panic, never without limit.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    trust::tsp::fuzz(bytes);
});
