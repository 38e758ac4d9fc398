//! What is looked through for baits.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    detektr_netsim::hostile::baits(bytes);
});
