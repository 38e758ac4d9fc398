//! Execs, successful and not.

use super::*;
use crate::raw::RawFailedExec;

fn told_credentials(id: u32) -> Value {
    json!({
        "uid": id, "euid": id, "suid": id, "fsuid": id, "gid": 0, "egid": 0, "sgid": 0, "fsgid": 0,
        "capabilities": {"inheritable": 0, "permitted": 255, "effective": 255, "bounding": 0, "ambient": 0},
    })
}

fn run(decoder: &mut Decoder, exec: RawExec) -> Vec<Value> {
    events(decoder, raw(1000, ARTIFACT, ARTIFACT, Body::Exec(Box::new(exec))))
}

fn common(id: &str, exe: &str, outcome: Value, exec: Value) -> Value {
    json!({
        "seq": 0, "time": "2023-11-14T22:13:20.000001000Z", "boot_ns": 1000, "phase": "execute", "sensor": "ebpf",
        "process": {"id": id, "pid": 10, "tid": 10, "exe": exe, "euid": 0, "actor": "artifact"},
        "kind": "process.exec", "outcome": outcome, "exec": exec,
    })
}

#[test]
fn an_exec_is_whole_and_already_the_new_programs() {
    let pipe = RawObject { mount_namespace: 0, fs: "pipefs".to_owned(), ..object("pipe:[81]") };
    let exec = RawExec {
        filename: Copied::whole("./tool"),
        stdio: [Some(object("/dev/null")), Some(pipe), None],
        sha256: Some(detektr_event::Sha256::Hash("ab".repeat(32))),
        ..exec_of("/root/tool")
    };
    let expected = json!({
        "file": with(true_path("/root/tool"), json!({"given": "./tool"})),
        "argv": ["/root/tool", "-x"], "env": ["A=b"], "cwd": true_path("/root"), "ppid": 1,
        "credentials": told_credentials(0), "stdio": ["/dev/null", "pipe:[81]", null], "sha256": "ab".repeat(32),
    });
    assert_eq!(run(&mut running(), exec), [common("13880-10-2", "/root/tool", success(), expected)]);
}

#[test]
fn a_script_is_the_file_and_its_interpreter_the_program() {
    let exec = RawExec {
        filename: Copied::whole("run.sh"),
        interpreter: Some(Copied::whole("/bin/sh")),
        ..exec_of("/usr/bin/dash")
    };
    let all = run(&mut running(), exec);
    assert_eq!(all[0]["process"]["exe"], "/usr/bin/dash");
    assert_eq!(all[0]["exec"]["interpreter"], json!({"path": "/usr/bin/dash"}));
    let file = json!({"path": "/root/run.sh", "given": "run.sh", "base": "/root", "resolved": false,
                      "provenance": "kernel_copy"});
    assert_eq!(all[0]["exec"]["file"], file);
}

#[test]
fn a_program_in_memory_or_deleted_is_flagged() {
    let memory = RawObject { memfd: true, unlinked: true, ..object("memfd:x") };
    let exec = RawExec { exe: memory, filename: Copied::whole("/dev/fd/3"), ..exec_of("memfd:x") };
    let all = run(&mut running(), exec);
    assert_eq!((&all[0]["exec"]["memfd"], &all[0]["exec"]["deleted"]), (&json!(true), &json!(true)));
    assert_eq!(all[0]["exec"]["file"]["given"], "/dev/fd/3");
    let deleted = RawExec { exe: RawObject { unlinked: true, ..object("/tmp/x") }, ..exec_of("/tmp/x") };
    let all = run(&mut running(), deleted);
    assert_eq!((all[0]["exec"].get("memfd"), &all[0]["exec"]["deleted"]), (None, &json!(true)));
    assert_eq!(all[0]["exec"]["file"]["unlinked"], true);
}

#[test]
fn an_exec_that_changed_credentials_says_so_in_an_event_of_its_own() {
    let before = RawCredentials { uids: [ROOT + 1000; 4], ..root_credentials() };
    let exec = RawExec { old_credentials: Some(before), ..exec_of("/usr/bin/sudo") };
    let all = run(&mut running(), exec);
    assert_eq!(all.len(), 2);
    assert_eq!(all[1]["kind"], "process.credentials");
    assert_eq!(
        all[1]["credentials"],
        json!({"call": "execve", "old": told_credentials(1000), "new": told_credentials(0)})
    );
    assert_eq!(all[1]["process"]["id"], "13880-10-2");
}

#[test]
fn an_exec_by_a_thread_ends_the_thread_and_keeps_the_process() {
    let mut decoder = running();
    events(&mut decoder, raw(3, ARTIFACT, ARTIFACT, Body::Birth(birth_of_thread(5001))));
    // The kernel ends the old leader first, then the thread takes its number.
    let leader = RawExit { status: 0, process_ended: false, cpu_ns: None };
    events(&mut decoder, raw(4, ARTIFACT, ARTIFACT, Body::Exit(leader)));
    let all = run(&mut decoder, RawExec { old_tid: 5001, ..exec_of("/bin/ls") });
    assert_eq!(all[0]["exec"]["by_thread"], true);
    assert_eq!(all[0]["process"]["id"], "13880-10-2");
    assert_eq!(all[0]["process"]["tid"], 10);
    let end = RawExit { status: 0, process_ended: true, cpu_ns: None };
    events(&mut decoder, raw(5, ARTIFACT, ARTIFACT, Body::Exit(end)));
    assert_eq!(decoder.births(), decoder.exits());
    assert_eq!(decoder.births(), &Population { processes: vec![10], threads: vec![11] });
    assert!(decoder.holes().is_empty());
}

fn birth_of_thread(tid: u32) -> Birth {
    Birth { tgid: ARTIFACT, env_tgid: 10, flags: 0x10f00, ..birth_of(ARTIFACT, tid) }
}

fn failed(name: &str, args: &[u64], ret: Returned, taken: Vec<Taken>) -> RawFailedExec {
    RawFailedExec {
        call: made(Abi::X86_64, name, args, ret, taken).raw,
        argv: vec![Copied::whole("x"), Unreadable::NotResident.into()],
        env: Vec::new(),
        incomplete: Some("1 of 2 strings was not resident".to_owned()),
        cwd: directory("/root"),
        credentials: root_credentials(),
        stdio: [None, None, None],
        ppid: 4000,
        env_ppid: 1,
    }
}

#[test]
fn a_denied_exec_is_seen_with_its_errno() {
    let exec = failed("execve", &[1, 2, 3], Returned::Value(-13), vec![cwd("/root"), string("x")]);
    let call = exec.call.clone();
    let all = events(&mut running(), raw(1000, ARTIFACT, ARTIFACT, Body::FailedExec(Box::new(exec))));
    let expected = json!({
        "file": joined_path("/root/x", "x", "/root"), "argv": ["x", {"unreadable": "not_resident"}], "env": [],
        "incomplete": "1 of 2 strings was not resident", "cwd": true_path("/root"), "ppid": 1,
        "credentials": told_credentials(0), "stdio": [null, null, null], "sha256": {"absent": "it was not executed"},
    });
    let event = common("13880-10-1", "/tmp/sample", failure("EACCES"), expected);
    assert_eq!(all, [with(event, json!({"syscall": {"nr": call.nr, "arch": "x86_64", "args": call.args}}))]);
}

#[test]
fn a_failed_execveat_of_a_descriptor_tells_the_descriptors_file() {
    let taken = || vec![found("/tmp/x"), string("")];
    let exec = failed("execveat", &[3, 1, 2, 3, 0x1000], Returned::Never, taken());
    let all = events(&mut running(), raw(1000, ARTIFACT, ARTIFACT, Body::FailedExec(Box::new(exec))));
    assert_eq!(all[0]["exec"]["file"], true_path("/tmp/x"));
    assert_eq!(all[0]["outcome"], json!({"result": "unfinished"}));
    let exec = failed("execveat", &[3, 1, 2, 3, 0x1000], Returned::Skipped(-1), taken());
    let all = events(&mut running(), raw(1000, ARTIFACT, ARTIFACT, Body::FailedExec(Box::new(exec))));
    assert_eq!(all[0]["outcome"], json!({"result": "failure", "errno": "EPERM", "skipped": true}));
}

#[test]
fn the_launcher_acts_for_the_environment_until_it_executes_the_artifact() {
    for announced_first in [true, false] {
        let mut decoder = Decoder::new(config());
        if announced_first {
            decoder.launcher(ARTIFACT);
        }
        let birth = events(&mut decoder, raw(1, 4000, 4000, Body::Birth(birth_of(ARTIFACT, ARTIFACT))));
        assert_eq!(birth[0].get("process"), None, "Detektr's init is no process of the environment");
        if !announced_first {
            decoder.launcher(ARTIFACT);
        }
        let exec = failed("execve", &[1, 2, 3], Returned::Value(-2), vec![cwd("/"), string("/nope")]);
        let denied = events(&mut decoder, raw(2, ARTIFACT, ARTIFACT, Body::FailedExec(Box::new(exec))));
        assert_eq!(
            (&denied[0]["process"]["actor"], &denied[0]["phase"]),
            (&json!("environment"), &json!("setup"))
        );
        let done = run(&mut decoder, exec_of("/tmp/sample"));
        assert_eq!(
            (&done[0]["process"]["actor"], &done[0]["phase"]),
            (&json!("artifact"), &json!("execute"))
        );
        let child = Body::Birth(birth_of(5001, 5001));
        assert_eq!(events(&mut decoder, raw(4, ARTIFACT, ARTIFACT, child))[0]["fork"]["pid"], 11);
        let end = Body::Exit(RawExit { status: 0, process_ended: true, cpu_ns: None });
        assert_eq!(events(&mut decoder, raw(5, 5001, 5001, end))[0]["process"]["actor"], "artifact");
        assert!(decoder.holes().is_empty());
    }
}

#[test]
fn a_triggers_launcher_keeps_the_triggers_phase() {
    let mut decoder = running();
    decoder.enter(Phase::Login);
    decoder.launcher(6000);
    events(&mut decoder, raw(3, 4000, 4000, Body::Birth(birth_of(6000, 6000))));
    let exec = Body::Exec(Box::new(RawExec { old_tid: 6000, ..exec_of("/bin/login") }));
    let all = events(&mut decoder, raw(4, 6000, 6000, exec));
    assert_eq!((&all[0]["process"]["actor"], &all[0]["phase"]), (&json!("artifact"), &json!("login")));
}

#[test]
fn paths_lose_the_prefix_under_which_the_sensor_sees_the_environment() {
    let mut config = config();
    config.environment.root_path = b"/run/env".to_vec();
    let mut decoder = Decoder::new(config);
    let cases = [("/run/env/bin/ls", "/bin/ls"), ("/run/env", "/"), ("/run/environment", "/run/environment")];
    for (seen, told) in cases {
        let all = run(&mut decoder, exec_of(seen));
        assert_eq!(all[0]["process"]["exe"], told);
        assert_eq!(all[0]["exec"]["file"]["provenance"], json!(Provenance::KernelObject));
    }
}
