//! `bpf`: compiles the programs of the ebpf sensor, or checks that the committed objects are what they compile to.

use std::path::Path;
use std::process::Command;

const OBJECTS: [&str; 2] = ["detektr.bpf.o", "refuse.bpf.o"];

/// Compiles `crates/sensor/bpf` below `root`. With `check`, into a temporary folder whose objects must equal the
/// committed ones byte for byte (Debian 12's clang 14 makes them).
pub fn run(root: &Path, check: bool) -> Result<(), String> {
    let folder = root.join("crates/sensor/bpf");
    let fresh = if check {
        let fresh = std::env::temp_dir().join(format!("detektr-bpf-{}", std::process::id()));
        std::fs::create_dir(&fresh).map_err(|e| format!("{}: {e}", fresh.display()))?;
        fresh
    } else {
        folder.clone()
    };
    let compiled = compile(&folder, &fresh);
    if !check {
        return compiled;
    }
    let same = compiled.and_then(|()| OBJECTS.iter().try_for_each(|name| compare(&folder, &fresh, name)));
    let _ = std::fs::remove_dir_all(&fresh);
    same
}

fn compile(folder: &Path, to: &Path) -> Result<(), String> {
    let status = Command::new("sh")
        .arg(folder.join("build.sh"))
        .arg(to)
        .status()
        .map_err(|e| format!("can't start sh: {e}"))?;
    match status.success() {
        true => Ok(()),
        false => {
            Err("the BPF programs don't compile (needed: clang, llvm-strip, libbpf's headers)".to_owned())
        }
    }
}

fn compare(folder: &Path, fresh: &Path, name: &str) -> Result<(), String> {
    let committed = folder.join(name);
    let read = |path: &Path| std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()));
    match read(&fresh.join(name))? == read(&committed)? {
        true => Ok(()),
        false => Err(format!(
            "{} is not what its sources compile to here; run `cargo xtask bpf` with clang 14 and commit it",
            committed.display()
        )),
    }
}
