//! One test makes one record and asserts the whole event, for every kind, success and failure.

mod file;
mod fuzz;
mod ia32;
mod io_uring;
mod kernel;
mod lives;
mod network;
mod open;
mod population;
mod process;
mod programs;

use super::*;
use crate::raw::{Abi, RawExec, Returned};
use detektr_event::{CapabilitySets, Provenance};
use serde_json::{Value, json};

/// The environment's mount namespace.
const HOME: u64 = 4_026_532_000;
/// Host's number of root of the environment.
const ROOT: u32 = 100_000;
/// The artifact's process, sensor's numbering.
const ARTIFACT: u32 = 5000;

fn config() -> DecoderConfig {
    let map = vec![IdRange { inside: 0, outside: ROOT, count: 65_536 }];
    DecoderConfig {
        sensor: SensorName::Ebpf,
        environment: Numbers {
            mount_namespace: HOME,
            uid_map: map.clone(),
            gid_map: map,
            root_path: Vec::new(),
        },
        boot_to_wall_ns: 1_700_000_000_000_000_000,
    }
}

/// An object with a path on the environment's own overlay.
fn object(path: &str) -> RawObject {
    RawObject {
        path: Copied::whole(path),
        dev: 49,
        ino: 77,
        mode: 0o100644,
        fs: "overlay".to_owned(),
        mount_namespace: HOME,
        root: None,
        unlinked: false,
        memfd: false,
        from_procfs: false,
    }
}

fn directory(path: &str) -> RawObject {
    RawObject { mode: 0o40755, ..object(path) }
}

fn root_credentials() -> RawCredentials {
    RawCredentials {
        uids: [ROOT; 4],
        gids: [ROOT; 4],
        capabilities: CapabilitySets { permitted: 0xff, effective: 0xff, ..CapabilitySets::default() },
    }
}

fn exec_of(path: &str) -> RawExec {
    RawExec {
        old_tid: ARTIFACT,
        filename: Copied::whole(path),
        interpreter: None,
        exe: object(path),
        argv: vec![Copied::whole(path), Copied::whole("-x")],
        env: vec![Copied::whole("A=b")],
        incomplete: None,
        cwd: directory("/root"),
        ppid: 4000,
        env_ppid: 1,
        old_credentials: Some(root_credentials()),
        credentials: root_credentials(),
        stdio: [None, None, None],
        sha256: None,
    }
}

fn birth_of(tgid: u32, tid: u32) -> Birth {
    Birth {
        tgid,
        tid,
        env_tgid: tgid - 4990,
        env_tid: tid - 4990,
        start_ns: u64::from(tgid) * 16,
        flags: 0,
        io_worker: false,
    }
}

fn raw(boot_ns: u64, tgid: u32, tid: u32, body: Body) -> Raw {
    Raw { boot_ns, tgid, tid, euid: Some(ROOT), body }
}

/// A decoder whose launcher has executed `/tmp/sample` as process 5000 (10 inside).
fn running() -> Decoder {
    let mut decoder = Decoder::new(config());
    decoder.launcher(ARTIFACT);
    let mut out = Vec::new();
    decoder.decode(raw(1, 4000, 4000, Body::Birth(birth_of(ARTIFACT, ARTIFACT))), &mut out);
    decoder.decode(raw(2, ARTIFACT, ARTIFACT, Body::Exec(Box::new(exec_of("/tmp/sample")))), &mut out);
    assert_eq!(out.len(), 2);
    decoder
}

fn events(decoder: &mut Decoder, raw: Raw) -> Vec<Value> {
    let mut out = Vec::new();
    decoder.decode(raw, &mut out);
    out.iter().map(|event| serde_json::to_value(event).expect("events serialise")).collect()
}

fn number(abi: Abi, name: &str) -> u32 {
    (0..1024)
        .find(|nr| specs::find(abi, *nr).is_some_and(|spec| spec.name == name))
        .unwrap_or_else(|| panic!("{name} is no call of {abi:?}"))
}

/// A call of the artifact.
struct Made {
    raw: RawCall,
}

fn call(name: &str, args: &[u64], ret: i64, taken: Vec<Taken>) -> Made {
    made(Abi::X86_64, name, args, Returned::Value(ret), taken)
}

fn call32(name: &str, args: &[u64], ret: i64, taken: Vec<Taken>) -> Made {
    made(Abi::I386, name, args, Returned::Value(ret), taken)
}

fn made(abi: Abi, name: &str, args: &[u64], ret: Returned, taken: Vec<Taken>) -> Made {
    let mut all = [0; 6];
    all[..args.len()].copy_from_slice(args);
    let takes = specs::find(abi, number(abi, name)).expect("it has a line").takes.len();
    assert!(taken.len() <= takes, "{name} has only {takes} things to take");
    Made { raw: RawCall { nr: number(abi, name), abi, args: all, ret, entry_ns: 900, taken, walled: false } }
}

fn string(text: &str) -> Taken {
    Taken::String { entry: Copied::whole(text), at_return: None }
}

fn cwd(path: &str) -> Taken {
    Taken::Object(directory(path))
}

fn found(path: &str) -> Taken {
    Taken::Object(object(path))
}

fn success() -> Value {
    json!({"result": "success"})
}

fn failure(errno: &str) -> Value {
    json!({"result": "failure", "errno": errno})
}

/// A true path of [`object`].
fn true_path(path: &str) -> Value {
    json!({"path": path, "resolved": true, "provenance": "kernel_object", "dev": 49, "ino": 77, "fs": "overlay"})
}

/// A path that was not resolved, given as it is.
fn said_path(path: &str) -> Value {
    json!({"path": path, "resolved": false, "provenance": "user_memory"})
}

/// `given` relative to `base`.
fn joined_path(path: &str, given: &str, base: &str) -> Value {
    with(said_path(path), json!({"given": given, "base": base}))
}

/// The members of both objects.
fn with(mut value: Value, more: Value) -> Value {
    let (Some(members), Value::Object(more)) = (value.as_object_mut(), more) else { panic!("no objects") };
    members.extend(more);
    value
}

impl Made {
    /// What every event of this call has in common.
    fn event(&self, kind: &str, outcome: Value, key: &str, content: Value) -> Value {
        json!({
            "seq": 0,
            "time": "2023-11-14T22:13:20.000001000Z",
            "boot_ns": 1000,
            "phase": "execute",
            "sensor": "ebpf",
            "process": {"id": "13880-10-1", "pid": 10, "tid": 10, "exe": "/tmp/sample", "euid": 0, "actor": "artifact"},
            "kind": kind,
            "outcome": outcome,
            key: content,
            "syscall": {"nr": self.raw.nr, "arch": abi::arch_name(self.raw.abi), "args": self.raw.args},
        })
    }

    fn all_events(&self) -> Vec<Value> {
        let body = Body::Call(Box::new(self.raw.clone()));
        events(&mut running(), raw(1000, ARTIFACT, ARTIFACT, body))
    }

    /// Asserts that it makes one event, and this one.
    #[track_caller]
    fn tells(self, kind: &str, outcome: Value, content: Value) {
        let all = self.all_events();
        let key = key_of(kind);
        assert_eq!(all, [self.event(kind, outcome, key, content)]);
    }

    /// Asserts that it makes these events, all with one outcome.
    #[track_caller]
    fn tells_all(self, outcome: Value, expected: &[(&str, Value)]) {
        let expected: Vec<Value> = expected
            .iter()
            .map(|(kind, content)| self.event(kind, outcome.clone(), key_of(kind), content.clone()))
            .collect();
        assert_eq!(self.all_events(), expected);
    }

    /// Asserts that it makes no event.
    #[track_caller]
    fn says_nothing(self) {
        assert_eq!(self.all_events(), Vec::<Value>::new());
    }
}

fn key_of(kind: &str) -> &str {
    match kind.split_once('.') {
        Some((family @ ("file" | "network"), _)) => family,
        Some((_, word)) => word,
        None => kind,
    }
}
