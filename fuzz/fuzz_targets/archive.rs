//! Linking information of archives: any bytes, never a panic, never without limit.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    exchange::fuzz::archive(bytes);
});
