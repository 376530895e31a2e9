//! Answers of REST services that are registries: any bytes, never a panic, never without limit.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    exchange::fuzz::registry_answer(bytes);
});
