//! What a client sends to the web server.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = detektr_netsim::hostile::web(bytes);
});
