//! Questions to the name server, in datagrams and over connections.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = detektr_netsim::hostile::names(bytes);
});
