//! What happens when the tracer goes before the environment does.

use detektr_sensor::ptrace::PtraceSensor;
use detektr_sensor::{Sensor, Target};
use std::os::fd::OwnedFd;
use std::sync::mpsc::sync_channel;

#[test]
fn what_is_traced_dies_with_its_tracer() {
    let mut sensor = PtraceSensor::new().expect("tracing works here");
    // SAFETY: the child calls nothing but pause and _exit, which are safe after a fork of a process with threads.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: both are async-signal-safe.
        unsafe {
            libc::pause();
            libc::_exit(0);
        }
    }
    assert!(child > 0, "fork works");
    let target = Target {
        cgroup: None,
        pid_namespace: OwnedFd::from(std::fs::File::open("/proc/self/ns/pid").expect("a namespace")),
        observe_stat: false,
        ring_bytes: 1 << 20,
    };
    let (sink, records) = sync_channel(64);
    let mut watching = sensor.watch(target, sink).expect("the sensor watches");
    watching.adopt(child as u32).expect("the child is adopted");
    drop(watching);
    let mut status = 0;
    // SAFETY: `child` is a child of this process; `status` outlives the call.
    let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!(waited, child);
    assert!(libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGKILL, "{status:#x}");
    assert_eq!(records.into_iter().flatten().count(), 1, "its birth, and then the sink was dropped");
}

#[test]
fn a_process_that_is_not_there_is_refused_with_the_reason() {
    let mut sensor = PtraceSensor::new().expect("tracing works here");
    let target = Target {
        cgroup: None,
        pid_namespace: OwnedFd::from(std::fs::File::open("/proc/self/ns/pid").expect("a namespace")),
        observe_stat: false,
        ring_bytes: 1 << 20,
    };
    let (sink, _records) = sync_channel(64);
    let mut watching = sensor.watch(target, sink).expect("the sensor watches");
    let error = watching.adopt(0x3fff_fffe).expect_err("there is none").to_string();
    assert!(error.starts_with("tracing the launcher, process 1073741822: "), "{error}");
    let closing = watching.finish();
    assert!(closing.sentinel && closing.holes.is_empty());
}
