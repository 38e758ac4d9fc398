//! Compiles the actor with the compiler of the build: no library, no loader, no start files, so that it runs in any root
//! file system.

use std::path::Path;
use std::process::Command;

fn main() {
    let from = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("cargo sets {name}"));
    println!("cargo::rerun-if-changed=program");
    let program = Path::new(&from("OUT_DIR")).join("detektr-actor");
    let mut compiler = Command::new(from("RUSTC"));
    compiler
        .args(["--edition=2024", "--crate-type=bin", "--crate-name=detektr_actor", "--target"])
        .arg(from("TARGET"));
    // at a fixed low address, which 32-bit calls can name
    for option in [
        "panic=abort",
        "opt-level=s",
        "strip=symbols",
        "relocation-model=static",
        "target-feature=+crt-static",
    ] {
        compiler.arg("-C").arg(option);
    }
    for option in ["-nostartfiles", "-nostdlib", "-static", "-no-pie", "-Wl,--build-id=none"] {
        compiler.arg("-C").arg(format!("link-arg={option}"));
    }
    let done = compiler.arg("-o").arg(&program).arg("program/main.rs").status();
    assert!(
        done.as_ref().is_ok_and(std::process::ExitStatus::success),
        "the actor does not compile: {done:?}"
    );
}
