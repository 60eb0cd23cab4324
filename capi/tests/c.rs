//! The header is that of the source, and a program in C does with it what it should.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// To write the header anew: `UPDATE=1 cargo test -p tcpexposure-capi`.
#[test]
fn the_header_is_that_of_the_source() {
    let config = cbindgen::Config::from_file(here().join("cbindgen.toml")).unwrap();
    let source = here().join("src/lib.rs");
    let bindings = cbindgen::Builder::new().with_config(config).with_src(source).generate();
    let mut made = Vec::new();
    bindings.unwrap().write(&mut made);
    let path = here().join("include/tcpexposure.h");
    if env::var_os("UPDATE").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let kept = fs::read(&path).unwrap_or_default();
    assert!(kept == made, "{} is not what src/lib.rs says; UPDATE=1 writes it", path.display());
}

/// Compiles the program against the library that was built for this test, and runs it.
fn run(line: Option<&str>) -> Output {
    let program = build();
    let output = Command::new(&program).args(line).output().unwrap();
    fs::remove_file(program).unwrap();
    output
}

fn build() -> PathBuf {
    let deps = env::current_exe().unwrap().parent().unwrap().to_owned();
    let library = fs::read_dir(deps)
        .unwrap()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("libtcpexposure_capi") && name.ends_with(".a")
        })
        .max_by_key(|path| fs::metadata(path).and_then(|data| data.modified()).ok())
        .expect("the static library is built with the tests");
    let unique = format!("dissect-{}-{:?}", std::process::id(), std::thread::current().id());
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(unique);
    let status = Command::new("cc")
        .args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-I"])
        .arg(here().join("include"))
        .arg(here().join("tests/dissect.c"))
        .arg(library)
        .args(["-lpthread", "-ldl", "-lm", "-o"])
        .arg(&program)
        .status()
        .expect("a C compiler, which Rust needs as well");
    assert!(status.success());
    program
}

#[test]
fn c_crafts_and_dissects() {
    let output = run(None);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "IPv4, 48 bytes, port 4000 to 80, seq 7, checksum right\n\
         option 2: 05 b4\n\
         option 253: aa bb\n\
         IP 192.0.2.1.4000 > 198.51.100.2.80: Flags [S], seq 7, win 64240, \
         options [mss 1460,unknown-253 0xaabb], length 0\n"
    );
}

#[test]
fn c_is_told_what_is_malformed_and_what_cannot_be_crafted() {
    let ends = "IP6 2001:db8::1.4000 > 2001:db8::2.80: Flags [S], ";
    let output = run(Some(&format!("{ends}options [nop,opt 254 len 9 0x01]")));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("option 1:\noption 254: 09 01 (malformed)\n"), "{text}");
    let output = run(Some("IP 192.0.2.1 > 198.51.100.2: Flags [S]"));
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("no addresses and ports stand before the flags"), "{text}");
}
