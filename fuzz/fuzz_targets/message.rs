//! Messages between servers: multipart, request and response parts, paths: any bytes, never a panic, never without limit.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    exchange::domain::fuzz(bytes);
});
