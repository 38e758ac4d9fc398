//! The ebpf sensor on the oldest kernel that it promises to work on: Debian 12's 6.1, booted under emulation
//! with nothing but the self-test in its initramfs.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Named, so that the flags are for the program alone and not for the macros that make it.
const TRIPLE: &str = "x86_64-unknown-linux-gnu";

fn skip(why: impl std::fmt::Display) {
    eprintln!("skipped: {why}");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace is there")
}

/// The image of the kernel, or why there is none.
fn kernel() -> Result<PathBuf, String> {
    let output = Command::new(root().join("scripts/kernel-6.1.sh")).output().map_err(|e| e.to_string())?;
    let path = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.status.success() && !path.is_empty() {
        return Ok(path.into());
    }
    let why = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
    Err(format!("Debian's kernel 6.1 can't be had: {why}"))
}

/// The self-test, linked statically, in a target folder of its own.
fn self_test() -> Result<PathBuf, String> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let target = target.join("static");
    let output = Command::new(env!("CARGO"))
        .args([
            "build",
            "-q",
            "--locked",
            "-p",
            "detektr-sensor",
            "--example",
            "ebpf_selftest",
            "--target",
            TRIPLE,
        ])
        .arg("--manifest-path")
        .arg(root().join("Cargo.toml"))
        .env("CARGO_TARGET_DIR", &target)
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .output()
        .map_err(|e| e.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(target.join(TRIPLE).join("debug/examples/ebpf_selftest"))
}

/// The modules of `kernel` for AF_VSOCK, by file name, from the folder that its image was fetched into.
fn modules(kernel: &Path) -> Vec<(String, Vec<u8>)> {
    let mut folders = vec![kernel.ancestors().nth(2).expect("it lies two folders deep").join("lib")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            if path.is_dir() {
                folders.push(path);
            } else if name.contains("vsock") && name.ends_with(".ko") {
                found.push((name, std::fs::read(path).expect("a module is readable")));
            }
        }
    }
    found
}

/// The program that races the wall against AF_VSOCK, linked statically.
fn racer(folder: &Path) -> (String, Vec<u8>) {
    let program = folder.join("racer");
    let built = Command::new("cc")
        .args(["-O1", "-static", "-pthread", "-o"])
        .arg(&program)
        .arg(root().join("crates/detektr/tests/programs/vsock.c"))
        .output()
        .expect("a C compiler, which the self-test's linker is");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    ("racer".into(), std::fs::read(program).expect("the program is readable"))
}

/// An initramfs (cpio, `newc`) that holds `init` and `files` and nothing else.
fn initramfs(init: &[u8], files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = Vec::new();
    let mut entry = |name: &str, mode: u32, content: &[u8]| {
        let fields = [1, mode, 0, 0, 1, 0, content.len() as u32, 0, 0, 0, 0, name.len() as u32 + 1, 0];
        archive.extend_from_slice(b"070701");
        for field in fields {
            write!(archive, "{field:08X}").expect("memory takes it");
        }
        archive.extend_from_slice(name.as_bytes());
        archive.push(0);
        archive.resize(archive.len().next_multiple_of(4), 0);
        archive.extend_from_slice(content);
        archive.resize(archive.len().next_multiple_of(4), 0);
    };
    for folder in ["proc", "sys", "dev", "tmp"] {
        entry(folder, 0o040_755, b"");
    }
    entry("init", 0o100_755, init);
    for (name, content) in files {
        entry(name, 0o100_755, content);
    }
    entry("TRAILER!!!", 0, b"");
    archive
}

#[test]
fn every_program_loads_attaches_and_fires_on_debians_kernel_6_1() {
    if Command::new("qemu-system-x86_64").arg("--version").stdout(Stdio::null()).status().is_err() {
        return skip("qemu-system-x86_64 is not installed");
    }
    let kernel = match kernel() {
        Ok(kernel) => kernel,
        Err(why) => return skip(why),
    };
    let program = self_test().expect("the self-test builds");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let image = folder.path().join("initramfs");
    let init = std::fs::read(program).expect("the self-test is readable");
    let mut files = modules(&kernel);
    files.push(racer(folder.path()));
    std::fs::write(&image, initramfs(&init, &files)).expect("the initramfs can be written");
    let console = folder.path().join("console");
    let mut machine = Command::new("qemu-system-x86_64")
        .args([
            "-accel",
            "tcg",
            "-cpu",
            "max",
            "-smp",
            "2",
            "-m",
            "1024",
            "-no-reboot",
            "-nographic",
            "-nodefaults",
        ])
        .args(["-append", "console=ttyS0 quiet panic=-1"])
        .arg("-kernel")
        .arg(&kernel)
        .arg("-initrd")
        .arg(&image)
        .arg("-serial")
        .arg(format!("file:{}", console.display()))
        .stdin(Stdio::null())
        .spawn()
        .expect("qemu starts");
    let until = Instant::now() + Duration::from_secs(240);
    while machine.try_wait().expect("qemu can be waited for").is_none() {
        if Instant::now() > until {
            machine.kill().expect("qemu can be stopped");
            machine.wait().expect("qemu can be waited for");
            break;
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
    let text = String::from_utf8_lossy(&std::fs::read(&console).expect("a console")).into_owned();
    text.lines()
        .filter(|line| line.contains("ebpf-selftest race"))
        .for_each(|line| eprintln!("{}", line.trim_end()));
    let line = text.lines().find(|line| line.contains("ebpf-selftest:")).unwrap_or(&text).trim_end();
    eprintln!("{line}");
    assert!(line.contains("ebpf-selftest: ok kernel=6.1."), "{line}");
    for hook in ["sys_enter", "sys_exit", "io_uring_submit_sqe", "io_uring_complete", "cgroup_attach_task"] {
        assert!(line.contains(&format!("tp_btf/{hook}")), "{hook} in {line}");
    }
    // refused where a program can, races too; killed where none could; and a listener heard only who was not watched
    assert!(
        line.contains("fmod_ret/security_socket_create")
            && line.ends_with("vsock=refused+killed+heard+raced"),
        "{line}"
    );
}

#[test]
fn every_program_loads_attaches_and_fires_on_this_kernel() {
    // SAFETY: geteuid reads nothing of ours.
    if unsafe { libc::geteuid() } != 0 {
        return skip("needs root");
    }
    if !std::fs::read_to_string("/proc/self/mountinfo").expect("mountinfo").contains(" - cgroup2 ") {
        return skip("no cgroup v2 is mounted");
    }
    let program = self_test().expect("the self-test builds");
    let output = Command::new(program).output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("ebpf-selftest: ok "), "{text}{}", String::from_utf8_lossy(&output.stderr));
}
