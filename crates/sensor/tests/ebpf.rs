//! The ebpf sensor on this host: real programs in a cgroup of their own, and what must be told of them.

mod ebpf_support;

use detektr_sensor::calls;
use detektr_sensor::ebpf::EbpfSensor;
use detektr_sensor::raw::{Abi, Body, Raw, RawCall, RawExec, RawFailedExec, Returned, Taken};
use ebpf_support::{Watched, assert_complete, cgroup_root};
use std::process::Command;

fn call_name(call: &RawCall) -> &'static str {
    calls::spec(call.abi, call.nr).map_or("?", |spec| spec.name)
}

fn calls<'a>(raws: &'a [Raw], name: &str) -> Vec<&'a RawCall> {
    raws.iter()
        .filter_map(|raw| match &raw.body {
            Body::Call(call) if call_name(call) == name => Some(&**call),
            _ => None,
        })
        .collect()
}

fn execs(raws: &[Raw]) -> Vec<&RawExec> {
    raws.iter()
        .filter_map(|raw| match &raw.body {
            Body::Exec(exec) => Some(&**exec),
            _ => None,
        })
        .collect()
}

fn string(taken: &Taken) -> String {
    match taken {
        Taken::String { entry, .. } => entry.lossy().into_owned(),
        other => format!("{other:?}"),
    }
}

#[test]
fn a_program_is_seen_from_its_exec_to_its_exit() {
    let Some(root) = cgroup_root() else { return };
    let mut sensor = EbpfSensor::load().expect("the sensor loads");
    eprintln!("loaded in {} us", detektr_sensor::Sensor::describe(&sensor).load_us);
    let watched = Watched::begin(&mut sensor, &root, 1 << 22);
    let output = watched.run(Command::new("/bin/cat").args(["/etc/hostname", "/nonexistent"]).env_clear().env("A", "b"));
    assert_eq!(output.status.code(), Some(1));
    let (raws, closing) = watched.finish();
    assert_complete(&closing);
    let execs = execs(&raws);
    assert_eq!(execs.len(), 1);
    let exec = execs[0];
    let argv: Vec<_> = exec.argv.iter().map(|a| a.lossy().into_owned()).collect();
    assert_eq!(argv, ["/bin/cat", "/etc/hostname", "/nonexistent"]);
    assert_eq!(exec.env.iter().map(|a| a.lossy().into_owned()).collect::<Vec<_>>(), ["A=b"]);
    assert_eq!(exec.incomplete, None);
    assert_eq!(exec.exe.path.lossy(), "/usr/bin/cat");
    assert_eq!(exec.filename.lossy(), "/bin/cat");
    assert_eq!(exec.ppid, std::process::id());
    assert_eq!(exec.stdio[0].as_ref().expect("stdin").path.lossy(), "/dev/null");
    assert!(exec.stdio[1].as_ref().expect("stdout").path.lossy().starts_with("pipe:["));
    assert_eq!(exec.credentials.uids, [0; 4]);
    assert_eq!(exec.old_credentials, Some(exec.credentials));
    let opens = calls(&raws, "openat");
    let open = |path: &str| opens.iter().find(|c| string(&c.taken[1]) == path).expect("the open was seen");
    let good = open("/etc/hostname");
    assert!(matches!(good.ret, Returned::Value(fd) if fd >= 0));
    assert!(matches!(&good.taken[2], Taken::Object(object) if object.path.lossy() == "/etc/hostname"));
    let bad = open("/nonexistent");
    assert_eq!(bad.ret, Returned::Value(-i64::from(libc::ENOENT)));
    assert_eq!(bad.taken[2], Taken::Nothing);
    let exit = raws.iter().rev().find_map(|raw| match raw.body {
        Body::Exit(exit) => Some(exit),
        _ => None,
    });
    let exit = exit.expect("the exit was seen");
    assert_eq!((exit.status, exit.process_ended), (1 << 8, true));
}
