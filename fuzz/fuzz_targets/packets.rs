//! Packets of every layer, as they come out of the device.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = detektr_netsim::hostile::packets(bytes);
});
