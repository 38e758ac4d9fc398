//! What the sensor costs a process of the host that it doesn't watch: `getppid` without the sensor, with it
//! loaded, and with it watching somebody else; in nanoseconds of CPU time a call, the least of many rounds.

use detektr_sensor::ebpf::EbpfSensor;
use detektr_sensor::{Sensor, Target};
use std::path::PathBuf;
use std::sync::mpsc::sync_channel;

const CALLS: u32 = 10_000;

fn cpu_ns() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a live timespec.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

fn round() -> f64 {
    let began = cpu_ns();
    for _ in 0..CALLS {
        // SAFETY: getppid touches no memory.
        unsafe { libc::syscall(libc::SYS_getppid) };
    }
    (cpu_ns() - began) as f64 / f64::from(CALLS)
}

fn least() -> f64 {
    (0..300).map(|_| round()).fold(f64::INFINITY, f64::min)
}

fn main() {
    let without = least();
    let mut sensor = EbpfSensor::load().expect("the sensor loads");
    let load_us = sensor.describe().load_us;
    let loaded = least();
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").expect("mountinfo is readable");
    let root = mounts.lines().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        right.starts_with("cgroup2 ").then(|| left.split(' ').nth(4).map(PathBuf::from))?
    });
    let cgroup = root.expect("cgroup v2 is mounted").join(format!("detektr-overhead-{}", std::process::id()));
    std::fs::create_dir(&cgroup).expect("a cgroup can be made");
    let (sink, _records) = sync_channel(16);
    let target = Target {
        cgroup: Some(cgroup.clone()),
        pid_namespace: std::fs::File::open("/proc/self/ns/pid").expect("own pid namespace").into(),
        observe_stat: false,
        ring_bytes: 1 << 20,
    };
    let watching = sensor.watch(target, sink).expect("the sensor watches");
    let watched = least();
    watching.finish();
    std::fs::remove_dir(&cgroup).expect("the cgroup is empty");
    println!(
        "load_us={load_us} getppid: without {without:.0} ns, loaded {loaded:.0} ns, watching another {watched:.0} ns"
    );
}
