//! What a client sends to a TLS server first.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = detektr_netsim::hostile::secure(bytes);
});
