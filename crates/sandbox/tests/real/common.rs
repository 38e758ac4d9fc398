//! What the tests share: environments made in this process, with the helper program as their hidden parts.

use detektr_sandbox::{
    Bait, Ended, Environment, Identity, Limits, Plan, Program, Rootfs, RunAs, Shut, use_helper,
};
use std::fs::File;
use std::io::{Read, Seek};
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

pub(crate) const HELPER: &str = env!("CARGO_BIN_EXE_detektr-sandbox-helper");

/// True where the test can't run; says so.
pub(crate) fn skipped_without_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("skipped: needs root");
    }
    !root
}

pub(crate) fn run_id(name: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("test-{name}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

pub(crate) fn work() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("detektr-sandbox-").tempdir_in("/var/tmp").expect("a folder for runs")
}

pub(crate) fn plan(work: &Path, user: RunAs) -> Plan {
    use_helper(Path::new(HELPER));
    let identity = Identity::from_seed(11);
    Plan {
        run: run_id("run"),
        work: work.to_path_buf(),
        rootfs: Rootfs::Host,
        user,
        limits: Limits { memory: 256 << 20, disk: 64 << 20, processes: 200, ..Limits::default() },
        baits: Vec::<Bait>::new(),
        identity,
        setenv: Vec::new(),
        controls: Vec::new(),
        network: None,
        hide: Vec::new(),
        placed: 0,
    }
}

/// What one program did.
pub(crate) struct Did {
    pub(crate) ended: Ended,
    pub(crate) out: String,
}

/// Runs a program in an environment, its output (both) into a file.
pub(crate) fn launch_and_wait(environment: &mut Environment, argv: &[&str], seconds: u64) -> Did {
    let mut out = tempfile::tempfile().expect("a file for output");
    launch(environment, argv, &out);
    environment.release().expect("release");
    let ended =
        environment.wait(Instant::now() + Duration::from_secs(seconds), &mut || ControlFlow::Continue(()));
    let mut text = Vec::new();
    out.rewind().expect("rewind");
    out.read_to_end(&mut text).expect("read output");
    Did { ended, out: String::from_utf8_lossy(&text).into_owned() }
}

pub(crate) fn launch(environment: &mut Environment, argv: &[&str], out: &File) -> u32 {
    let copy = || OwnedFd::from(out.try_clone().expect("dup"));
    environment
        .launch(Program {
            argv: argv.iter().map(Into::into).collect(),
            cwd: None,
            stdin: File::open("/dev/null").expect("null").into(),
            stdout: copy(),
            stderr: copy(),
            filter: None,
            shut: Shut::default(),
            setup: Vec::new(),
            monitors: Vec::new(),
        })
        .expect("launch")
        .pid
}

/// A shell script as root of a fresh environment.
pub(crate) fn as_root(script: &str) -> Did {
    run(script, RunAs::Root, |_| {})
}

pub(crate) fn run(script: &str, user: RunAs, change: impl FnOnce(&mut Plan)) -> Did {
    let folder = work();
    let mut plan = plan(folder.path(), user);
    change(&mut plan);
    let mut environment = Environment::create(&plan).expect("create");
    let did = launch_and_wait(&mut environment, &["sh", "-c", script], 60);
    environment.destroy().expect("destroy");
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("list").collect();
    assert!(left.is_empty(), "left behind: {left:?}");
    did
}

/// Folders of cgroups with this in their name, anywhere.
pub(crate) fn cgroups_of(run: &str) -> Vec<PathBuf> {
    let info = std::fs::read_to_string("/proc/self/mountinfo").expect("mountinfo");
    let mut found = Vec::new();
    let mut todo: Vec<PathBuf> = info
        .lines()
        .filter(|l| l.contains(" - cgroup"))
        .filter_map(|l| l.split(' ').nth(4))
        .map(PathBuf::from)
        .collect();
    while let Some(folder) = todo.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|t| t.is_dir()) {
                if entry.file_name().to_string_lossy().contains(run) {
                    found.push(entry.path());
                }
                todo.push(entry.path());
            }
        }
    }
    found
}

/// Waits until a condition holds; false where it never does.
pub(crate) fn until(seconds: u64, mut holds: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        if holds() {
            return true;
        }
        std::thread::yield_now();
    }
    holds()
}

/// Processes whose command line holds this.
pub(crate) fn processes_with(mark: &str) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("proc").flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse::<u32>().ok()) else { continue };
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if String::from_utf8_lossy(&line).contains(mark) {
            found.push(pid);
        }
    }
    found
}
