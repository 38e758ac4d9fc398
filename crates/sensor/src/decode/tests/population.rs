//! Births, ends, and numbers that are used again.

use super::*;

fn end(status: i32, process_ended: bool) -> Body {
    Body::Exit(RawExit { status, process_ended, cpu_ns: None })
}

fn any_call() -> Body {
    Body::Call(Box::new(call("setsid", &[], 1, vec![]).raw))
}

#[test]
fn a_birth_names_child_and_maker() {
    let birth = Birth { flags: 0x4100, ..birth_of(5001, 5001) };
    let all = events(&mut running(), raw(1000, ARTIFACT, ARTIFACT, Body::Birth(birth)));
    assert_eq!(
        all,
        [json!({
            "seq": 0, "time": "2023-11-14T22:13:20.000001000Z", "boot_ns": 1000, "phase": "execute", "sensor": "ebpf",
            "process": {"id": "13880-10-1", "pid": 10, "tid": 10, "exe": "/tmp/sample", "euid": 0, "actor": "artifact"},
            "kind": "process.fork", "outcome": {"result": "success"},
            "fork": {"child": "13890-11-0", "pid": 11, "tid": 11, "flags": ["CLONE_VM", "CLONE_VFORK"], "thread": false},
        })]
    );
}

#[test]
fn a_thread_is_of_its_makers_process() {
    let mut decoder = running();
    let birth =
        Birth { tgid: ARTIFACT, env_tgid: 10, flags: 0x10100, io_worker: true, ..birth_of(ARTIFACT, 5001) };
    let all = events(&mut decoder, raw(1000, ARTIFACT, ARTIFACT, Body::Birth(birth)));
    assert_eq!(
        all[0]["fork"],
        json!({"child": "13880-10-1", "pid": 10, "tid": 11, "flags": ["CLONE_VM", "CLONE_THREAD"], "thread": true,
               "io_worker": true})
    );
    let by_thread = Raw { euid: None, ..raw(1001, ARTIFACT, 5001, any_call()) };
    let all = events(&mut decoder, by_thread);
    assert_eq!((&all[0]["process"]["pid"], &all[0]["process"]["tid"]), (&json!(10), &json!(11)));
    assert_eq!(all[0]["process"]["euid"], 0, "a thread begins as the user of its maker");
}

#[test]
fn a_clone_into_namespaces_is_told_with_the_birth() {
    let birth = Birth { flags: 0x1000_0000, ..birth_of(5001, 5001) };
    let all = events(&mut running(), raw(1000, ARTIFACT, ARTIFACT, Body::Birth(birth)));
    assert_eq!(all.len(), 2);
    assert_eq!(all[1]["namespace"], json!({"call": "clone", "flags": ["CLONE_NEWUSER"]}));
}

#[test]
fn an_end_tells_code_or_signal() {
    let ended = |status, process| events(&mut running(), raw(1000, ARTIFACT, ARTIFACT, end(status, process)));
    assert_eq!(ended(3 << 8, true)[0]["exit"], json!({"code": 3}));
    assert_eq!(ended(9, true)[0]["exit"], json!({"signal": "SIGKILL"}));
    assert_eq!(ended(11 | 0x80, true)[0]["exit"], json!({"signal": "SIGSEGV", "core": true}));
    assert_eq!(ended(0, false)[0]["exit"], json!({"code": 0, "thread": true}));
    assert_eq!(
        ended(0, true),
        [json!({
            "seq": 0, "time": "2023-11-14T22:13:20.000001000Z", "boot_ns": 1000, "phase": "execute", "sensor": "ebpf",
            "process": {"id": "13880-10-1", "pid": 10, "tid": 10, "exe": "/tmp/sample", "euid": 0, "actor": "artifact"},
            "kind": "process.exit", "outcome": {"result": "success"}, "exit": {"code": 0},
        })]
    );
}

#[test]
fn a_number_used_again_is_another_process() {
    let mut decoder = running();
    let mut ids = Vec::new();
    for generation in 0..3 {
        let birth = Birth { start_ns: 100 + generation, ..birth_of(5001, 5001) };
        events(&mut decoder, raw(10, ARTIFACT, ARTIFACT, Body::Birth(birth)));
        let all = events(&mut decoder, raw(11, 5001, 5001, any_call()));
        ids.push(all[0]["process"]["id"].clone());
        events(&mut decoder, raw(12, 5001, 5001, end(0, true)));
        // What it left open is closed after its end.
        let io = crate::raw::RawIo { object: object("/f"), written: 1, writes: 1, read: 0, mapped: false };
        let late = events(&mut decoder, raw(13, 5001, 5001, Body::Io(Box::new(io))));
        assert_eq!(late[0]["process"]["id"], ids[ids.len() - 1]);
    }
    assert_eq!(ids, ["64-11-0", "65-11-0", "66-11-0"]);
    assert_eq!(decoder.births().processes, [10, 11, 11, 11]);
    assert_eq!(decoder.exits().processes, [11, 11, 11]);
    assert_eq!(decoder.living(), 1);
    assert!(decoder.holes().is_empty());
}

#[test]
fn a_birth_told_twice_is_one_birth() {
    let mut decoder = running();
    let birth = || raw(10, ARTIFACT, ARTIFACT, Body::Birth(birth_of(5001, 5001)));
    assert_eq!(events(&mut decoder, birth()).len(), 1);
    assert_eq!(events(&mut decoder, birth()).len(), 0);
    assert_eq!(decoder.births().processes, [10, 11]);
}

#[test]
fn a_process_whose_birth_came_late_is_one_process_and_a_hole() {
    let mut decoder = running();
    let all = events(&mut decoder, raw(10, 5001, 5001, any_call()));
    assert_eq!(all[0]["process"]["id"], "0-5001-0");
    assert_eq!(all[0]["process"]["exe"], json!({"unreadable": "not_copied"}));
    events(&mut decoder, raw(11, ARTIFACT, ARTIFACT, Body::Birth(birth_of(5001, 5001))));
    let all = events(&mut decoder, raw(12, 5001, 5001, any_call()));
    assert_eq!(all[0]["process"]["id"], "13890-11-0");
    assert_eq!(reasons(&decoder), ["unknown_process"]);
    assert_eq!(decoder.births().processes, [10, 11]);
}

fn reasons(decoder: &Decoder) -> Vec<&'static str> {
    decoder.holes().iter().map(|hole| hole.reason).collect()
}

#[test]
fn what_is_missing_is_told_as_holes() {
    let mut decoder = running();
    events(&mut decoder, raw(10, ARTIFACT, 5009, any_call()));
    assert_eq!(reasons(&decoder), ["unknown_thread"]);

    let mut decoder = running();
    events(&mut decoder, raw(10, 7000, 7000, Body::Birth(birth_of(7001, 7001))));
    assert_eq!(reasons(&decoder), ["untraced_process"]);

    let mut decoder = running();
    for start_ns in [1, 2] {
        let birth = Birth { start_ns, ..birth_of(5001, 5001) };
        events(&mut decoder, raw(10, ARTIFACT, ARTIFACT, Body::Birth(birth)));
    }
    assert_eq!(reasons(&decoder), ["missed_exit"]);

    let mut decoder = running();
    events(&mut decoder, raw(10, ARTIFACT, ARTIFACT, Body::CgroupMove { inside: false }));
    events(&mut decoder, raw(10, ARTIFACT, ARTIFACT, Body::CgroupMove { inside: true }));
    assert_eq!(reasons(&decoder), ["cgroup_left"]);

    let mut decoder = running();
    let mut unknown = call("setsid", &[], 0, vec![]).raw;
    unknown.nr = 1000;
    events(&mut decoder, raw(10, ARTIFACT, ARTIFACT, Body::Call(Box::new(unknown))));
    assert_eq!(reasons(&decoder), ["unknown_call"]);
    assert!(running().holes().is_empty());
}

#[test]
fn threads_and_processes_are_counted_apart() {
    let mut decoder = running();
    for tid in [5001, 5002] {
        let birth = Birth { tgid: ARTIFACT, env_tgid: 10, ..birth_of(ARTIFACT, tid) };
        events(&mut decoder, raw(10, ARTIFACT, ARTIFACT, Body::Birth(birth)));
    }
    // The leader ends first, and the last thread ends the process.
    for (tid, last) in [(ARTIFACT, false), (5002, false), (5001, true)] {
        events(&mut decoder, raw(11, ARTIFACT, tid, end(0, last)));
    }
    assert_eq!(decoder.births(), &Population { processes: vec![10], threads: vec![11, 12] });
    assert_eq!(decoder.exits(), &Population { processes: vec![10], threads: vec![12, 11] });
    assert_eq!(decoder.living(), 0);
}

#[test]
fn a_childs_return_from_its_parents_call_is_no_act_of_its_own() {
    let mut decoder = running();
    events(&mut decoder, raw(10, ARTIFACT, ARTIFACT, Body::Birth(birth_of(5001, 5001))));
    let returns = || Body::Call(Box::new(made(Abi::X86_64, "fork", &[], Returned::Skipped(0), vec![]).raw));
    assert!(events(&mut decoder, raw(11, 5001, 5001, returns())).is_empty());
    let denied = events(&mut decoder, raw(12, 5001, 5001, returns()));
    assert_eq!(denied[0]["outcome"], json!({"result": "failure", "skipped": true}));
}

#[test]
fn a_hundred_thousand_short_lives_don_t_pile_up() {
    let mut decoder = running();
    let mut out = Vec::new();
    for n in 0..100_000 {
        let tgid = 10_000 + n;
        decoder.decode(raw(10, ARTIFACT, ARTIFACT, Body::Birth(birth_of(tgid, tgid))), &mut out);
        decoder.decode(raw(11, tgid, tgid, end(0, true)), &mut out);
        out.clear();
    }
    assert_eq!(decoder.living(), 1);
    assert!(decoder.tracker.remembered() < 40_000);
    assert_eq!(decoder.exits().processes.len(), 100_000);
    assert!(decoder.holes().is_empty());
}

#[test]
fn ids_that_the_environment_has_not_are_no_ids() {
    let mut decoder = running();
    let foreign = Raw { euid: Some(0), ..raw(10, ARTIFACT, ARTIFACT, any_call()) };
    assert_eq!(events(&mut decoder, foreign)[0]["process"]["euid"], u32::MAX);
}

#[test]
fn births_that_a_signal_broke_off_are_counted_and_others_that_failed_are_not() {
    let mut decoder = running();
    let mut act = |made: Made| {
        events(&mut decoder, raw(1000, ARTIFACT, ARTIFACT, Body::Call(Box::new(made.raw))));
        decoder.broken_births()
    };
    assert_eq!(act(made(Abi::X86_64, "fork", &[], Returned::Never, vec![])), 1, "killed in the call");
    assert_eq!(act(call("clone", &[0x11], -4, vec![])), 2, "EINTR");
    assert_eq!(act(call("fork", &[], -11, vec![])), 2, "EAGAIN");
    assert_eq!(act(made(Abi::X86_64, "fork", &[], Returned::Skipped(-4), vec![])), 3, "at most");
    assert_eq!(act(made(Abi::X86_64, "listen", &[3, 1], Returned::Never, vec![])), 3, "no birth at all");
}
