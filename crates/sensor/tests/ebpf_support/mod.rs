//! A cgroup of its own, a sensor that watches it, and programs run inside.

use detektr_sensor::ebpf::EbpfSensor;
use detektr_sensor::raw::Raw;
use detektr_sensor::{Closing, Sensor, Target, Watching};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};

/// Tells why a test can't run here, or gives the place where cgroups v2 can be made.
pub fn cgroup_root() -> Option<PathBuf> {
    // SAFETY: geteuid reads nothing of ours.
    if unsafe { libc::geteuid() } != 0 {
        eprintln!("skipped: needs root");
        return None;
    }
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").expect("mountinfo is readable");
    let found = mounts.lines().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        right.starts_with("cgroup2 ").then(|| left.split(' ').nth(4).map(PathBuf::from))?
    });
    if found.is_none() {
        eprintln!("skipped: no cgroup v2 is mounted");
    }
    found
}

/// A cgroup that goes away with the value.
pub struct Cgroup(PathBuf);

impl Cgroup {
    pub fn new(root: &Path) -> Cgroup {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("detektr-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = root.join(name);
        std::fs::create_dir(&path).expect("a cgroup can be made");
        Cgroup(path)
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // the last process may still be leaving
        for _ in 0..200 {
            if std::fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::yield_now();
        }
    }
}

/// One watched environment.
pub struct Watched {
    pub cgroup: Cgroup,
    watching: Option<Box<dyn Watching>>,
    records: Receiver<Vec<Raw>>,
}

impl Watched {
    pub fn begin(sensor: &mut EbpfSensor, root: &Path, ring_bytes: u32) -> Watched {
        Watched::begin_in(sensor, root, ring_bytes, "/proc/self/ns/pid")
    }

    /// The same with another pid namespace as the environment's.
    pub fn begin_in(sensor: &mut EbpfSensor, root: &Path, ring_bytes: u32, pid_namespace: &str) -> Watched {
        Watched::begin_with(sensor, root, ring_bytes, pid_namespace, 1 << 20)
    }

    /// The same where only so many batches may wait to be taken.
    pub fn begin_with(
        sensor: &mut EbpfSensor,
        root: &Path,
        ring_bytes: u32,
        pid_namespace: &str,
        batches: usize,
    ) -> Watched {
        let cgroup = Cgroup::new(root);
        let (sink, records) = sync_channel(batches);
        let target = Target {
            cgroup: Some(cgroup.0.clone()),
            pid_namespace: std::fs::File::open(pid_namespace).expect("a pid namespace").into(),
            observe_stat: false,
            ring_bytes,
        };
        let watching = sensor.watch(target, sink).expect("the sensor watches");
        Watched { cgroup, watching: Some(watching), records }
    }

    /// Puts the child into the cgroup between fork and exec.
    pub fn inside<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let procs =
            std::ffi::CString::new(format!("{}/cgroup.procs", self.cgroup.0.display())).expect("no NUL");
        // SAFETY: only async-signal-safe calls on memory made before the fork.
        unsafe {
            command.pre_exec(move || {
                let fd = libc::open(procs.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
                if fd < 0 || libc::write(fd, c"0".as_ptr().cast(), 1) != 1 {
                    return Err(std::io::Error::last_os_error());
                }
                libc::close(fd);
                Ok(())
            })
        }
    }

    /// Runs `command` inside and waits for it.
    pub fn run(&self, command: &mut Command) -> Output {
        self.inside(command).stdin(Stdio::null()).output().expect("the program starts")
    }

    /// Ends the watch; what was seen, and what the sensor says of it.
    pub fn finish(mut self) -> (Vec<Raw>, Closing) {
        let closing = self.watching.take().expect("watching").finish();
        (self.records.iter().flatten().collect(), closing)
    }

    /// The same after `wait`, while another thread takes the records out.
    pub fn finish_after(
        mut self,
        take: impl FnOnce(Receiver<Vec<Raw>>) + Send,
        wait: impl FnOnce(),
    ) -> Closing {
        let watching = self.watching.take().expect("watching");
        let records = self.records;
        std::thread::scope(|scope| {
            scope.spawn(move || take(records));
            wait();
            watching.finish()
        })
    }

    /// A file of its cgroup.
    pub fn file(&self, name: &str) -> PathBuf {
        self.cgroup.0.join(name)
    }

    pub fn watching(&mut self) -> &mut dyn Watching {
        self.watching.as_deref_mut().expect("watching")
    }
}

/// Fails unless the ledger balances and nothing was lost.
pub fn assert_complete(closing: &Closing) {
    assert!(closing.sentinel, "{closing:?}");
    assert!(closing.holes.is_empty(), "{:?}", closing.holes);
    assert!(!closing.ledger.is_empty());
    for (kind, counts) in &closing.ledger {
        assert_eq!(counts.attempted, counts.emitted + counts.dropped, "{kind}");
        assert_eq!(counts.emitted, counts.received, "{kind}");
    }
}

/// The compiled `acts.c`.
pub struct Acts {
    folder: tempfile::TempDir,
}

impl Acts {
    /// Compiles it with `flags`; `None`, with a word why, where this host can't.
    pub fn build(flags: &[&str]) -> Option<Acts> {
        let folder = tempfile::tempdir().expect("a folder");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ebpf_support/acts.c");
        let output = Command::new("gcc")
            .args(flags)
            .args(["-O1", "-w", "-pthread", "-o"])
            .arg(folder.path().join("acts"))
            .arg(source)
            .output();
        match output {
            Ok(output) if output.status.success() => Some(Acts { folder }),
            Ok(_) => {
                eprintln!("skipped: gcc {flags:?} can't link programs here (gcc-multilib?)");
                None
            }
            Err(error) => {
                eprintln!("skipped: gcc: {error}");
                None
            }
        }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("acts")
    }
}
