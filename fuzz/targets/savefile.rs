#![no_main]
#[path = "../../backends/link/tests/props/mod.rs"]
mod props;
libfuzzer_sys::fuzz_target!(|data: &[u8]| props::body(data));
