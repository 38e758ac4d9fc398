//! What a client sends to the mail server.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = detektr_netsim::hostile::mail(bytes);
});
