//! Loads the ebpf sensor, makes every program of it fire, and prints one line that says so. It runs as the only
//! program of a booted kernel (pid 1 of an initramfs) as well as on a host.

mod ring;
mod vsock;

use detektr_sensor::ebpf::EbpfSensor;
use detektr_sensor::raw::{Body, Raw, Returned, Taken};
use detektr_sensor::{Sensor, Target, calls};
use std::collections::BTreeMap;
use std::ffi::CString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::mpsc::sync_channel;

fn main() -> ExitCode {
    let act = std::env::args().nth(1);
    if act.as_deref() == Some("act") {
        return perform();
    }
    if act.as_deref() == Some("vsock") {
        return vsock::perform(&std::env::args().skip(2).collect::<Vec<_>>());
    }
    let first = std::process::id() == 1;
    if first {
        mount("proc", "/proc");
        mount("sysfs", "/sys");
        mount("cgroup2", "/sys/fs/cgroup");
        mount("devtmpfs", "/dev");
        mount("tmpfs", "/tmp");
        vsock::load_modules();
    }
    let walls = || vsock::prove(&cgroup_root()?, first).map_err(|why| format!("AF_VSOCK: {why}"));
    let result = watch().and_then(|text| Ok(format!("{text} vsock={}", walls()?)));
    match &result {
        Ok(text) => println!("ebpf-selftest: ok {text}"),
        Err(why) => println!("ebpf-selftest: failed {why}"),
    }
    if first {
        // SAFETY: nothing is left to lose: the machine is this program's own.
        unsafe {
            libc::sync();
            libc::reboot(libc::RB_POWER_OFF);
        }
    }
    if result.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn mount(kind: &str, at: &str) {
    let _ = std::fs::create_dir_all(at);
    let (kind, at) = (CString::new(kind).expect("no NUL"), CString::new(at).expect("no NUL"));
    // SAFETY: strings that live through the call.
    unsafe { libc::mount(kind.as_ptr(), at.as_ptr(), kind.as_ptr(), 0, std::ptr::null()) };
}

fn cgroup_root() -> Result<PathBuf, String> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").map_err(|e| e.to_string())?;
    mounts
        .lines()
        .find_map(|line| {
            let (left, right) = line.split_once(" - ")?;
            right.starts_with("cgroup2 ").then(|| left.split(' ').nth(4).map(PathBuf::from))?
        })
        .ok_or_else(|| "no cgroup v2".to_owned())
}

fn watch() -> Result<String, String> {
    let mut sensor = EbpfSensor::load().map_err(|e| e.to_string())?;
    let load_us = sensor.describe().load_us;
    let cgroup = cgroup_root()?.join(format!("detektr-selftest-{}", std::process::id()));
    std::fs::create_dir(&cgroup).map_err(|e| format!("{}: {e}", cgroup.display()))?;
    let (sink, records) = sync_channel(1 << 16);
    let namespace = std::fs::File::open("/proc/self/ns/pid").map_err(|e| e.to_string())?;
    let target = Target {
        cgroup: Some(cgroup.clone()),
        pid_namespace: namespace.into(),
        observe_stat: false,
        ring_bytes: 1 << 20,
    };
    let watching = sensor.watch(target, sink).map_err(|e| e.to_string())?;
    let me = std::env::current_exe().map_err(|e| e.to_string())?;
    let mut child = Command::new(me)
        .args(["act", &cgroup.display().to_string()])
        .spawn()
        .map_err(|e| format!("spawn: {e}"))?;
    let status = child.wait().map_err(|e| e.to_string())?;
    let closing = watching.finish();
    let raws: Vec<Raw> = records.iter().flatten().collect();
    let _ = std::fs::remove_dir(&cgroup);
    if !closing.sentinel || !closing.holes.is_empty() {
        return Err(format!("incomplete: {:?}", closing.holes));
    }
    check(&raws).map_err(|why| format!("{why} (the actor ended with {status}; {} records)", raws.len()))?;
    let mut hooks = sensor.describe().hooks;
    hooks.sort();
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    Ok(format!(
        "kernel={} load_us={load_us} records={} hooks={}",
        release.trim(),
        raws.len(),
        hooks.join(",")
    ))
}

fn check(raws: &[Raw]) -> Result<(), String> {
    let mut seen: BTreeMap<&str, String> = BTreeMap::new();
    for raw in raws {
        match &raw.body {
            Body::Birth(birth) if birth.tgid == birth.tid => drop(seen.insert("birth", String::new())),
            Body::Birth(_) => drop(seen.insert("thread", String::new())),
            Body::Exec(exec) => {
                let argv: Vec<_> = exec.argv.iter().map(|a| a.lossy().into_owned()).collect();
                seen.insert(
                    "exec",
                    format!("{} {} {:?}", exec.exe.path.lossy(), argv.join(" "), exec.incomplete),
                );
            }
            Body::FailedExec(failed) => {
                let argv: Vec<_> = failed.argv.iter().map(|a| a.lossy().into_owned()).collect();
                seen.insert("failed exec", argv.join(" "));
            }
            Body::Exit(exit) if exit.status & 0x7f == libc::SIGSEGV => {
                drop(seen.insert("killed", String::new()))
            }
            Body::Exit(exit) => {
                if exit.cpu_ns.is_some_and(|ns| ns >= SPIN_NS) {
                    seen.insert("CPU time", String::new());
                }
                drop(seen.insert("exit", String::new()))
            }
            Body::KernelSignal { signal, .. } if *signal == libc::SIGSEGV => {
                drop(seen.insert("signal", String::new()))
            }
            Body::CgroupMove { inside: true } => drop(seen.insert("move", String::new())),
            Body::Uring(uring) if uring.opcode == 18 => {
                let path = uring.object.as_ref().map(|o| o.path.lossy().into_owned());
                let given = uring.path.as_ref().map(|p| p.lossy().into_owned());
                seen.insert("io_uring", format!("{given:?} {path:?} {:?}", uring.result.map(i32::signum)));
            }
            Body::Io(io) => drop(seen.insert("write", format!("{} {}", io.object.path.lossy(), io.written))),
            Body::Call(call) => {
                let name = calls::spec(call.abi, call.nr).map_or("?", |spec| spec.name);
                if name == "openat" && call.ret == Returned::Value(-i64::from(libc::ENOENT)) {
                    if let Taken::String { entry, .. } = &call.taken[1]
                        && entry.lossy() == "/no/such/file"
                    {
                        seen.insert("failed open", String::new());
                    }
                } else if name == "setresuid"
                    && let Taken::Credentials(before, after) = &call.taken[0]
                {
                    seen.insert(
                        "credentials",
                        format!("{} {:x}", after.uids[1], before.capabilities.effective & 1),
                    );
                }
            }
            _ => {}
        }
    }
    let expect = [
        ("birth", ""),
        ("thread", ""),
        ("failed exec", "nothing one two"),
        ("exit", ""),
        ("CPU time", ""),
        ("killed", ""),
        ("signal", ""),
        ("move", ""),
        ("io_uring", "Some(\"/tmp/selftest-uring\") Some(\"/tmp/selftest-uring\") Some(1)"),
        ("write", "/tmp/selftest-written 11"),
        ("failed open", ""),
        ("credentials", "77 1"),
    ];
    for (what, value) in expect {
        match seen.get(what) {
            None => return Err(format!("no {what} in {seen:?}")),
            Some(found) if found != value => return Err(format!("{what} is {found:?}, not {value:?}")),
            Some(_) => {}
        }
    }
    if !seen.get("exec").is_some_and(|e| e.ends_with("act done None")) {
        return Err(format!("exec is {:?}", seen.get("exec")));
    }
    Ok(())
}

/// CPU time that the watched side takes in a thread of its own.
const SPIN_NS: u64 = 50_000_000;

/// Takes CPU time until the process's own clock says that it is enough.
fn spin() {
    loop {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `time` outlives the call, which can't fail for this clock.
        unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
        if time.tv_sec > 0 || time.tv_nsec as u64 >= SPIN_NS {
            return;
        }
    }
}

/// What the watched side does.
fn perform() -> ExitCode {
    let Some(cgroup) = std::env::args().nth(2) else { return ExitCode::FAILURE };
    if cgroup == "done" {
        return ExitCode::SUCCESS;
    }
    if std::fs::write(Path::new(&cgroup).join("cgroup.procs"), "0").is_err() {
        return ExitCode::FAILURE;
    }
    let _ = std::fs::File::open("/no/such/file");
    let _ = std::fs::write("/tmp/selftest-written", "eleven byte");
    let _ = std::thread::spawn(spin).join();
    let _ = uring_open("/tmp/selftest-uring");
    let _ = std::fs::remove_file("/tmp/selftest-uring");
    let _ = std::fs::remove_file("/tmp/selftest-written");
    // on the heap: a fork copies that into the child's page table, file-backed constants it leaves out
    let words = ["nothing", "one", "two"].map(|word| CString::new(word).expect("no NUL"));
    // SAFETY: children that only make calls allowed after fork, and pointers that live through them.
    unsafe {
        let child = libc::fork();
        if child == 0 {
            libc::signal(libc::SIGSEGV, libc::SIG_DFL);
            std::ptr::null_mut::<u8>().write_volatile(1);
            libc::_exit(9);
        }
        libc::waitpid(child, std::ptr::null_mut(), 0);
        let child = libc::fork();
        if child == 0 {
            let argv = [words[0].as_ptr(), words[1].as_ptr(), words[2].as_ptr(), std::ptr::null()];
            libc::execve(c"/no/such/program".as_ptr(), argv.as_ptr(), [std::ptr::null()].as_ptr());
            libc::syscall(libc::SYS_setresuid, 77, 77, 77);
            libc::_exit(0);
        }
        libc::waitpid(child, std::ptr::null_mut(), 0);
    }
    use std::os::unix::process::CommandExt;
    let error = Command::new("/proc/self/exe").args(["act", "done"]).exec();
    eprintln!("exec: {error}");
    ExitCode::FAILURE
}

/// Creates `path` through io_uring and gives the descriptor.
fn uring_open(path: &str) -> Option<i32> {
    let path = CString::new(path).ok()?;
    ring::submit(ring::Entry {
        opcode: 18, // IORING_OP_OPENAT
        fd: libc::AT_FDCWD,
        address: path.as_ptr() as u64,
        len: 0o600,
        flags: (libc::O_CREAT | libc::O_RDWR) as u32,
        ..ring::Entry::default()
    })
}
