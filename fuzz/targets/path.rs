#![no_main]
#[path = "../../core/tests/props/mod.rs"]
mod props;
libfuzzer_sys::fuzz_target!(|data: &[u8]| props::run("path", data));
