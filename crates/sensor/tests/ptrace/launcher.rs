//! A launcher in miniature: a paused child that the sensor adopts, and that then installs the sensor's filter and
//! executes a program; and what the sensor said of it.

use detektr_event::Copied;
use detektr_sensor::calls;
use detektr_sensor::ptrace::PtraceSensor;
use detektr_sensor::raw::{Birth, Body, Raw, RawCall, RawExec, RawExit, Taken};
use detektr_sensor::{Closing, Sensor, Target};
use std::ffi::CString;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::sync_channel;

/// What one traced run gave.
pub struct Run {
    pub raws: Vec<Raw>,
    pub closing: Closing,
    pub pid: u32,
    pub status: i32,
    pub stdout: String,
}

/// Compiles `source` (with the flags given); `None` where there is no compiler for it.
pub fn compile(directory: &Path, source: &str, flags: &[&str]) -> Option<PathBuf> {
    let file = directory.join("program.c");
    let program = directory.join("program");
    std::fs::write(&file, source).expect("source written");
    let output = Command::new("gcc")
        .args(["-O1", "-pthread", "-D_GNU_SOURCE", "-o"])
        .arg(&program)
        .arg(&file)
        .args(flags)
        .output();
    match output {
        Ok(output) if output.status.success() => Some(program),
        Ok(output) => {
            eprintln!("skipped: gcc {flags:?}: {}", String::from_utf8_lossy(&output.stderr));
            None
        }
        Err(error) => {
            eprintln!("skipped: no gcc: {error}");
            None
        }
    }
}

/// Compiles `source` and runs it traced, with its own directory as first argument.
pub fn run_source(source: &str, flags: &[&str]) -> Option<Run> {
    let directory = tempfile::tempdir().expect("a directory");
    let program = compile(directory.path(), source, flags)?;
    let place = directory.path().to_str().expect("a plain path").to_string();
    Some(run(&[program.to_str().expect("a plain path"), &place], &[], false))
}

/// Runs `argv` traced.
pub fn run(argv: &[&str], env: &[&str], observe_stat: bool) -> Run {
    let text = |words: &[&str]| -> Vec<CString> {
        words.iter().map(|word| CString::new(*word).expect("no NUL")).collect()
    };
    let (argv, env) = (text(argv), text(env));
    let pointers = |words: &[CString]| -> Vec<*const libc::c_char> {
        words.iter().map(|word| word.as_ptr()).chain([std::ptr::null()]).collect()
    };
    let (argv_pointers, env_pointers) = (pointers(&argv), pointers(&env));
    let mut sensor = PtraceSensor::new().expect("tracing works here");
    let filter: Vec<libc::sock_filter> = sensor
        .launch_filter(observe_stat)
        .expect("the sensor has a filter")
        .into_iter()
        .map(|(code, jt, jf, k)| libc::sock_filter { code, jt, jf, k })
        .collect();
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut() };
    let (gate, mut open_gate) = std::io::pipe().expect("a pipe");
    let (mut output, stdout) = std::io::pipe().expect("a pipe");
    // SAFETY: the child calls only what is safe after a fork of a process with threads; all memory was made before.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork works");
    if pid == 0 {
        // SAFETY: plain system calls with pointers to memory that this process holds.
        unsafe {
            let mut byte = 0u8;
            libc::dup2(stdout.as_raw_fd(), 1);
            libc::close(open_gate.as_raw_fd());
            libc::read(gate.as_raw_fd(), (&raw mut byte).cast(), 1);
            if libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
                || libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) != 0
            {
                libc::_exit(126);
            }
            libc::execve(argv_pointers[0], argv_pointers.as_ptr(), env_pointers.as_ptr());
            libc::_exit(127);
        }
    }
    drop((gate, stdout));
    let (sink, records) = sync_channel(64);
    let target = Target {
        cgroup: None,
        pid_namespace: OwnedFd::from(std::fs::File::open("/proc/self/ns/pid").expect("a namespace")),
        observe_stat,
        ring_bytes: 1 << 20,
    };
    let mut watching = sensor.watch(target, sink).expect("the sensor watches");
    watching.adopt(pid as u32).expect("the launcher is adopted");
    watching.health().expect("the sensor is well");
    let reader = std::thread::spawn(move || records.into_iter().flatten().collect::<Vec<Raw>>());
    open_gate.write_all(b"!").expect("the launcher is released");
    let mut text = String::new();
    output.read_to_string(&mut text).expect("the program's output");
    let closing = watching.finish();
    let raws = reader.join().expect("the reader ends when the sink is dropped");
    // The tracer is a thread of the launcher's own parent here, so that its wait has reaped the launcher.
    let status = raws
        .iter()
        .find_map(|raw| match raw.body {
            Body::Exit(exit) if raw.tgid == pid as u32 && exit.process_ended => Some(exit.status),
            _ => None,
        })
        .expect("the launcher's end was told");
    let run = Run { raws, closing, pid: pid as u32, status, stdout: text };
    run.check();
    run
}

impl Run {
    /// What must be true of every run.
    fn check(&self) {
        assert!(self.closing.sentinel, "{:?}", self.closing.holes);
        assert_eq!(self.closing.holes, []);
        let received: u64 = self.closing.ledger.values().map(|counts| counts.received).sum();
        assert_eq!(received, self.raws.len() as u64);
        for (kind, counts) in &self.closing.ledger {
            assert_eq!(counts.attempted, counts.emitted + counts.dropped, "{kind}");
            assert_eq!(counts.emitted, counts.received, "{kind}");
        }
        assert_eq!(self.births().len(), self.exits().len(), "every birth has an end");
        assert!(self.raws.iter().map(|raw| raw.boot_ns).is_sorted(), "records come in order");
        assert!(!self.raws.is_empty());
    }

    /// Calls by name, of the program (not of the launcher).
    pub fn calls(&self, name: &str) -> Vec<(&Raw, &RawCall)> {
        let begin = self.raws.iter().position(|raw| matches!(raw.body, Body::Exec(_))).unwrap_or(0);
        self.raws[begin..]
            .iter()
            .filter_map(|raw| match &raw.body {
                Body::Call(call) if calls::spec(call.abi, call.nr).is_some_and(|spec| spec.name == name) => {
                    Some((raw, &**call))
                }
                _ => None,
            })
            .collect()
    }

    /// The only call of that name whose first string ends in `path`.
    pub fn call_on(&self, name: &str, path: &str) -> &RawCall {
        let found: Vec<_> =
            self.calls(name).into_iter().filter(|(_, call)| string(&call.taken).ends_with(path)).collect();
        assert_eq!(found.len(), 1, "{name} on {path}: {found:?}");
        found[0].1
    }

    pub fn execs(&self) -> Vec<(&Raw, &RawExec)> {
        self.raws
            .iter()
            .filter_map(|raw| match &raw.body {
                Body::Exec(exec) => Some((raw, &**exec)),
                _ => None,
            })
            .collect()
    }

    pub fn births(&self) -> Vec<(&Raw, &Birth)> {
        self.raws
            .iter()
            .filter_map(|raw| match &raw.body {
                Body::Birth(birth) => Some((raw, birth)),
                _ => None,
            })
            .collect()
    }

    pub fn exits(&self) -> Vec<(&Raw, &RawExit)> {
        self.raws
            .iter()
            .filter_map(|raw| match &raw.body {
                Body::Exit(exit) => Some((raw, exit)),
                _ => None,
            })
            .collect()
    }
}

/// The first string that was taken.
pub fn string(taken: &[Taken]) -> String {
    taken
        .iter()
        .find_map(|taken| match taken {
            Taken::String { entry, .. } => Some(whole(entry)),
            _ => None,
        })
        .unwrap_or_default()
}

/// The text of a whole copy.
pub fn whole(copied: &Copied) -> String {
    copied.as_whole().map_or_else(|| panic!("not whole: {copied:?}"), |text| text.lossy().into_owned())
}
