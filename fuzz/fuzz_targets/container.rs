//! Message containers and ZIP: any bytes, never a panic, never without limit.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    trust::asic::fuzz(bytes);
});
