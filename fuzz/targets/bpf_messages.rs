#![no_main]
#[path = "../../backends/bpf/tests/props/mod.rs"]
mod props;
libfuzzer_sys::fuzz_target!(|data: &[u8]| props::run("bpf_messages", data));
