//! Both sensors say the same of the same program: the same multiset of (which process, kind, object, outcome), but
//! for what is declared here.

use crate::object::{object, outcome};
use crate::support::{Counted, Place, Run, able, assert_same, count};
use serde_json::{Value, json};
use std::collections::HashMap;

/// In which order the process was born, kind, object, outcome.
type Act = (usize, String, String, String);

/// What only one of them says, and why. The tracer refuses rings (`ENOSYS`), so the operations of a ring, and the
/// workers that the kernel makes for them, are the eBPF sensor's alone.
const DECLARED: [(&str, &str); 1] = [("uring", "kernel.io_uring")];

fn acts(program: &str, run: &Run) -> Counted<Act> {
    let mut born: HashMap<String, usize> = HashMap::new();
    let declared =
        |event: &Value| DECLARED.iter().any(|(name, kind)| program == *name && event["kind"] == *kind);
    // a worker's birth and its end
    let worker: Vec<Value> =
        run.acts().filter(|e| e["fork"]["io_worker"] == true).map(|e| e["fork"]["tid"].clone()).collect();
    let theirs =
        |event: &Value| worker.contains(&event["fork"]["tid"]) || worker.contains(&event["process"]["tid"]);
    let acts = run.acts().filter(|event| !declared(event) && !theirs(event)).map(|event| {
        let id = event["process"]["id"].as_str().unwrap_or_else(|| panic!("whose? {event}"));
        let next = born.len();
        let ordinal = *born.entry(id.rsplit_once('-').unwrap().0.to_owned()).or_insert(next);
        let kind = event["kind"].as_str().unwrap().to_owned();
        (ordinal, kind, object(event), outcome(event))
    });
    count(acts.collect::<Vec<_>>())
}

/// Fields that are true of one run or one sensor only: identities, moments, addresses in memory; what overlayfs
/// tells as device and inode differs between the kernel's own object and a look by stat; where the truth comes from.
const OWN: [&str; 14] = [
    "seq",
    "time",
    "boot_ns",
    "sensor",
    "id",
    "parent",
    "child",
    "dev",
    "ino",
    "provenance",
    "address",
    "syscall",
    "stdio",
    "path_root",
];

/// `value` without what is its own run's or sensor's.
fn bared(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(name, value)| {
                // the address of a socket is an object, that of memory is a number
                !OWN.contains(&name.as_str()) || (*name == "address" && !value.is_u64())
            });
            // a port that the kernel chose is another one each time
            let plain = |name: &str, value: &Value| match (name, value["port"].as_u64()) {
                ("local", Some(port)) => json!({
                    "protocol": value["protocol"], "address": value["address"], "has port": port != 0,
                }),
                // a time, which is another one each time; but both tell it
                ("cpu_ns", _) => {
                    json!({ "within reason": value.as_u64().is_some_and(|ns| ns < 60_000_000_000) })
                }
                _ => bared(value),
            };
            Value::Object(kept.map(|(name, value)| (name.clone(), plain(name, value))).collect())
        }
        Value::Array(values) => values.iter().map(bared).collect(),
        other => other.clone(),
    }
}

/// Holds that what both tell, but for the events that are `left_out`, is the same in every field that is not one
/// sensor's own.
fn agree_in_every_field(program: &str, user: &str, left_out: impl Fn(&Value) -> bool) {
    if !able("ebpf") {
        return;
    }
    let place = Place::new();
    let Some(file) = place.program(program) else { return };
    let fields = |sensor: &str| {
        let run = place.act(sensor, user, &file);
        for end in run.of("process.exit") {
            // a worker that the kernel made is a thread too
            let process = end["exit"]["thread"] != true;
            assert_eq!(end["exit"]["cpu_ns"].is_u64(), process, "{program}, {sensor}: {end}");
        }
        let acts = run.acts().filter(|event| !left_out(event));
        count(acts.map(|event| bared(event).to_string()).collect::<Vec<_>>())
    };
    assert_same(program, ("ebpf", fields("ebpf")), ("ptrace", fields("ptrace")));
}

#[test]
fn the_sensors_agree_in_every_field_on_every_kind_of_action() {
    // the hash of a memfd is the tracer's alone: the kernel hands no such file to the one who hashes beside eBPF
    agree_in_every_field("actions", "root", |event| event["exec"]["memfd"] == true);
}

#[test]
fn the_sensors_agree_in_every_field_on_the_32_bit_interface() {
    agree_in_every_field("ia32", "root", |_| false);
}

#[test]
fn the_sensors_agree_in_every_field_on_namespaces_within() {
    agree_in_every_field("nested", "root", |_| false);
}

fn agree(program: &str, detonate: impl Fn(&Place, &str) -> Option<Run>) {
    if !able("ebpf") {
        return;
    }
    let place = Place::new();
    let Some(ebpf) = detonate(&place, "ebpf") else { return };
    let ptrace = detonate(&place, "ptrace").unwrap();
    let (ebpf, ptrace) = (acts(program, &ebpf), acts(program, &ptrace));
    assert!(!ptrace.is_empty(), "{program}");
    assert_same(program, ("ebpf", ebpf), ("ptrace", ptrace));
}

fn agree_on(program: &str) {
    agree(program, |place, sensor| Some(place.act(sensor, "root", &place.program(program)?)));
}

#[test]
fn the_sensors_agree_on_every_kind_of_action() {
    agree_on("actions");
}

#[test]
fn the_sensors_agree_on_threads() {
    agree_on("threads");
}

#[test]
fn the_sensors_agree_on_the_32_bit_interface() {
    agree_on("ia32");
}

#[test]
fn the_sensors_agree_on_namespaces_within() {
    agree_on("nested");
}

#[test]
fn the_sensors_agree_on_a_ring_but_for_its_operations() {
    agree("uring", |place, sensor| Some(place.act_with_rings(sensor, "root", &place.program("uring")?)));
}

#[test]
fn the_sensors_agree_on_short_lives_and_a_daemon() {
    agree("forks", |place, sensor| {
        let program = place.program("forks")?;
        let program = program.to_str().unwrap();
        Some(place.detonate(&["--sensor", sensor, "--user", "root", program, "--", "64", "/tmp"]))
    });
}

#[test]
fn the_sensors_agree_on_a_shell_at_work() {
    let script = "cd /tmp; mkdir -p a/b; echo text > a/b/c; cp a/b/c d; mv d e; ln -s e f; chmod 600 f; \
                  cat /etc/shadow; rm -r a; ls /nowhere; (cat e; exit 3); true";
    agree("shell", |place, sensor| {
        Some(place.detonate(&["--sensor", sensor, "--user", "root", "--", "sh", "-c", script]))
    });
}
