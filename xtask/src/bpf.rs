//! `bpf`: compiles the programs of the ebpf sensor, or checks that the committed object is what they compile to.

use std::path::Path;
use std::process::Command;

/// Compiles `crates/sensor/bpf` below `root`. With `check`, into a temporary file that must equal the committed
/// object byte for byte (Debian 12's clang 14 makes it).
pub fn run(root: &Path, check: bool) -> Result<(), String> {
    let folder = root.join("crates/sensor/bpf");
    let committed = folder.join("detektr.bpf.o");
    let fresh = if check {
        std::env::temp_dir().join(format!("detektr-{}.bpf.o", std::process::id()))
    } else {
        committed.clone()
    };
    let status = Command::new("sh")
        .arg(folder.join("build.sh"))
        .arg(&fresh)
        .status()
        .map_err(|e| format!("can't start sh: {e}"))?;
    if !status.success() {
        return Err("the BPF programs don't compile (needed: clang, llvm-strip, libbpf's headers)".to_owned());
    }
    if !check {
        return Ok(());
    }
    let read = |path: &Path| std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()));
    let same = read(&fresh).and_then(|made| Ok(made == read(&committed)?));
    let _ = std::fs::remove_file(&fresh);
    match same? {
        true => Ok(()),
        false => Err(format!(
            "{} is not what its sources compile to here; run `cargo xtask bpf` with clang 14 and commit it",
            committed.display()
        )),
    }
}
