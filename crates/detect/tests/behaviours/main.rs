//! What behaviours say of events, with values alone. That each of them happens for real is tested with the command line.

use detektr_detect::{BehaviourReport, Behaviours, Finding, Reached, attack};
use detektr_event::{Event, Timestamp};
use detektr_evidence::Change;
use serde_json::{Value, json};
use std::convert::Infallible;

/// An event of kind `kind` with `content` beside what every event has, of process 7.
fn event(seq: u64, kind: &str, outcome: Value, content: Value) -> Event {
    let mut event = json!({
        "seq": seq, "time": "2026-03-01T12:00:00.000000000Z", "boot_ns": seq, "phase": "execute", "kind": kind, "sensor": "ebpf",
        "process": {"id": "64-7-1", "pid": 7, "tid": 7, "exe": "/usr/bin/cat", "euid": 0, "actor": "artifact"},
        "outcome": outcome,
    });
    if let (Value::Object(event), Value::Object(content)) = (&mut event, content) {
        event.extend(content);
    }
    serde_json::from_value(event).unwrap_or_else(|e| panic!("{kind}: {e}"))
}

fn success() -> Value {
    json!({"result": "success"})
}

fn failure(errno: &str) -> Value {
    json!({"result": "failure", "errno": errno})
}

fn file(path: &str) -> Value {
    json!({"path": path, "resolved": true, "provenance": "kernel_object"})
}

fn open(seq: u64, path: &str, outcome: Value) -> Event {
    let mut file = file(path);
    file["flags"] = json!([]);
    file["access"] = "read".into();
    event(seq, "file.open", outcome, json!({"file": file}))
}

fn exec(seq: u64, path: &str) -> Event {
    let set = json!({"inheritable": 0, "permitted": 0, "effective": 0, "bounding": 0, "ambient": 0});
    let ids = json!({"uid": 0, "euid": 0, "suid": 0, "fsuid": 0, "gid": 0, "egid": 0, "sgid": 0, "fsgid": 0, "capabilities": set});
    let exec = json!({
        "file": file(path), "argv": [path], "env": [], "cwd": file("/"), "ppid": 0, "credentials": ids,
        "stdio": [null, null, null], "sha256": {"absent": "not hashed"},
    });
    event(seq, "process.exec", success(), json!({"exec": exec}))
}

/// Detektr's launcher is born, which becomes process 7.
fn birth() -> Event {
    let fork = json!({"child": "64-7-0", "pid": 7, "tid": 7, "flags": [], "thread": false});
    let mut event = serde_json::to_value(event(0, "process.fork", success(), json!({"fork": fork}))).unwrap();
    event.as_object_mut().unwrap().remove("process");
    serde_json::from_value(event).unwrap()
}

fn connect(seq: u64, port: u16) -> Event {
    let address = json!({"family": "inet", "address": "192.0.2.1", "port": port});
    event(seq, "network.connect", failure("ECONNREFUSED"), json!({"network": {"fd": 3, "address": address}}))
}

/// What the artifact does after it was started.
fn derived(events: impl IntoIterator<Item = Event>) -> BehaviourReport {
    let all = [birth(), exec(1, "/usr/bin/cat")].into_iter().chain(events).map(Ok::<_, Infallible>);
    match Behaviours::shipped().derive(None, all) {
        Ok(report) => report,
    }
}

fn of<'a>(report: &'a BehaviourReport, id: &str) -> Option<&'a Finding> {
    report.findings.iter().find(|finding| finding.id == id)
}

#[test]
fn every_shipped_behaviour_names_techniques_that_serve_its_tactic() {
    let mut used: Vec<String> = Vec::new();
    for one in Behaviours::shipped().definitions() {
        let tactic = one.tactic.as_ref().unwrap_or_else(|| panic!("{}: no tactic", one.id));
        let tag = attack::TACTICS.iter().find(|known| known.id == tactic.id).unwrap().tag;
        assert!(!one.techniques.is_empty(), "{}", one.id);
        for (at, technique) in one.techniques.iter().enumerate() {
            let known =
                attack::technique(&technique.id).unwrap_or_else(|| panic!("{}: {technique:?}", one.id));
            assert!(at > 0 || known.tactics.contains(&tag), "{}: {} is none of {tag}", one.id, known.id);
            assert_eq!(technique.name.as_deref(), Some(known.name));
            used.push(known.id.into());
        }
        assert!(one.sentence.ends_with('.') && one.sentence.len() < 200, "{}: {}", one.id, one.sentence);
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(one.id.chars().all(plain), "{}", one.id);
    }
    let unused = attack::TECHNIQUES.iter().filter(|known| !used.iter().any(|id| id == known.id));
    assert_eq!(unused.collect::<Vec<_>>(), Vec::<&attack::Technique>::new());
}

#[test]
fn a_finding_tells_who_did_what_with_which_events() {
    let report = derived([open(2, "/etc/shadow", success()), open(3, "/etc/hostname", success())]);
    let found = of(&report, "password-hashes-read").unwrap();
    assert_eq!(found.events, [2]);
    assert_eq!(found.sentence, "cat reads /etc/shadow, where the password hashes are.");
    assert_eq!(found.processes[0].pid, 7);
    assert_eq!(found.techniques[0].name.as_deref(), Some("/etc/passwd and /etc/shadow"));
    assert_eq!(found.tactic.as_ref().unwrap().name.as_deref(), Some("Credential Access"));
    assert_eq!(
        (found.outcome, found.count, report.findings.len(), report.events),
        (Reached::Succeeded, 1, 1, 4)
    );
}

#[test]
fn the_farthest_outcome_counts_and_its_events_prove_it() {
    let tries = [
        open(2, "/etc/shadow", failure("ENOENT")),
        open(3, "/etc/shadow", failure("EACCES")),
        open(4, "/etc/gshadow", failure("EPERM")),
    ];
    let report = derived(tries.clone());
    let found = of(&report, "password-hashes-read").unwrap();
    assert_eq!((found.outcome, found.events.as_slice()), (Reached::Blocked, &[3, 4][..]));
    assert!(found.sentence.contains("/etc/shadow and /etc/gshadow"), "{}", found.sentence);
    assert!(found.sentence.ends_with("It was refused (EACCES)."), "{}", found.sentence);
    let report = derived(tries.into_iter().chain([open(5, "/etc/shadow", success())]));
    let found = of(&report, "password-hashes-read").unwrap();
    assert_eq!((found.outcome, found.events.as_slice()), (Reached::Succeeded, &[5][..]));
    // a control put a mask in place of the file
    let masked = json!({"result": "success", "enforcer": "masks"});
    let report = derived([open(2, "/etc/shadow", masked)]);
    assert_eq!(of(&report, "password-hashes-read").unwrap().outcome, Reached::Blocked);
}

#[test]
fn a_path_of_a_root_that_the_artifact_made_is_none_of_the_environment() {
    let mut elsewhere = serde_json::to_value(open(2, "/etc/shadow", success())).unwrap();
    elsewhere["file"]["path_root"] = json!({"mount_namespace": 4026531841u64});
    let elsewhere: Event = serde_json::from_value(elsewhere).unwrap();
    assert_eq!(derived([elsewhere]).findings, []);
}

#[test]
fn the_launcher_and_the_start_of_the_artifact_are_no_behaviour() {
    let mut launcher = serde_json::to_value(open(2, "/etc/shadow", success())).unwrap();
    launcher["process"]["actor"] = "environment".into();
    let launcher: Event = serde_json::from_value(launcher).unwrap();
    assert_eq!(derived([launcher]).findings, []);
    let start = [birth(), exec(1, "/dev/shm/artifact")].map(Ok::<_, Infallible>);
    let Ok(report) = Behaviours::shipped().derive(None, start.into_iter());
    assert_eq!(report.findings, []);
    assert!(of(&derived([exec(2, "/dev/shm/other")]), "program-in-shared-memory").is_some());
}

#[test]
fn a_correlation_tells_all_its_events_and_its_step_is_no_behaviour() {
    let report = derived((0..12).map(|n| connect(2 + u64::from(n), 20_000 + n)));
    let found = of(&report, "port-scan").unwrap();
    assert!(found.events.len() >= 10 && found.events.contains(&2), "{found:?}");
    assert!(found.sentence.contains("192.0.2.1"), "{}", found.sentence);
    assert_eq!(found.outcome, Reached::Attempted);
    assert!(report.findings.iter().all(|one| !one.id.ends_with(".step")), "{:?}", report.findings);
    assert!(of(&derived((0..9).map(|n| connect(2 + u64::from(n), 20_000 + n))), "port-scan").is_none());
}

#[test]
fn of_many_sightings_a_thousand_events_are_kept_and_all_are_counted() {
    let report = derived((0..2000).map(|n| open(2 + n, "/etc/shadow", success())));
    let found = of(&report, "password-hashes-read").unwrap();
    assert_eq!((found.events.len(), found.count, found.processes.len()), (1000, 2000, 1));
}

#[test]
fn text_that_is_not_utf_8_or_could_not_be_read_is_told_as_far_as_it_goes() {
    let mut odd = serde_json::to_value(open(2, "/etc/cron.d/x", success())).unwrap();
    odd["file"]["access"] = "write".into();
    odd["file"]["path"] = json!({"hex": "2f6574632f63726f6e2e642ffffe"});
    let mut gone = odd.clone();
    gone["file"]["path"] = json!({"unreadable": "gone"});
    let [odd, gone]: [Event; 2] = [odd, gone].map(|event| serde_json::from_value(event).unwrap());
    let report = derived([gone, odd]);
    let found = of(&report, "cron-job").unwrap();
    assert!(found.sentence.contains("/etc/cron.d/\u{fffd}\u{fffd}"), "{}", found.sentence);
}

#[test]
fn the_same_events_give_the_same_bytes() {
    let events = || {
        let opens = ["/etc/shadow", "/root/.ssh/id_rsa", "/proc/1/cgroup", "/.dockerenv", "/proc/scsi/scsi"];
        let opens = opens.iter().enumerate().map(|(n, path)| open(2 + n as u64, path, success()));
        opens.chain((0..30).map(|n| connect(20 + u64::from(n), 20_000 + n))).collect::<Vec<_>>()
    };
    let told = || serde_json::to_string(&derived(events())).unwrap();
    let first = told();
    assert!(derived(events()).findings.len() >= 4);
    for _ in 0..5 {
        assert_eq!(told(), first);
    }
}

#[test]
fn a_finding_keeps_its_form() {
    let report = derived([open(2, "/etc/shadow", failure("EACCES"))]);
    let told = serde_json::to_value(&report).unwrap();
    assert_eq!(serde_json::from_value::<BehaviourReport>(told.clone()).unwrap(), report);
    assert_eq!(
        told["findings"][0],
        json!({
            "id": "password-hashes-read", "title": "Read the password hashes",
            "sentence": "cat reads /etc/shadow, where the password hashes are. It was refused (EACCES).",
            "level": "high", "confidence": "high", "outcome": "blocked",
            "tactic": {"id": "TA0006", "name": "Credential Access"},
            "techniques": [{"id": "T1003.008", "name": "/etc/passwd and /etc/shadow"}],
            "processes": [{"id": "64-7-1", "pid": 7, "exe": "/usr/bin/cat"}], "events": [2], "count": 1,
        })
    );
}

#[test]
fn rules_may_ask_for_numbers_and_whose_a_path_below_proc_is() {
    let rule = "title: Third\nid: third\nlogsource:\n  product: detektr\n  category: file.open\ndetection:\n  sel:\n    \
                file.fd: 9\n  condition: sel\n";
    let all = Behaviours::load([("third.yml", rule.as_bytes())]).unwrap();
    let with = |seq, fd: i32| {
        let mut event = serde_json::to_value(open(seq, "/x", success())).unwrap();
        event["file"]["fd"] = fd.into();
        serde_json::from_value::<Event>(event).unwrap()
    };
    let events = [with(1, 3), with(2, 3), with(3, 9), with(4, 3), with(5, 9)].map(Ok::<_, Infallible>);
    let Ok(report) = all.derive(None, events.into_iter());
    assert_eq!(of(&report, "third").unwrap().events, [3, 5]);
    // and below /proc whose a path is depends on who asks
    let mut own = serde_json::to_value(open(2, "/proc/7/environ", success())).unwrap();
    let other = open(3, "/proc/8/environ", success());
    assert_eq!(derived([serde_json::from_value(own.clone()).unwrap()]).findings, []);
    own["process"]["pid"] = 9.into();
    own["process"]["id"] = "64-9-1".into();
    let own: Event = serde_json::from_value(own).unwrap();
    let report = derived([open(1, "/proc/7/environ", success()), own, other]);
    assert_eq!(of(&report, "process-secrets-read").unwrap().events, [2, 3]);
}

/// The same event at another time, in milliseconds.
fn at(ms: i64, event: Event) -> Event {
    Event { time: Timestamp(event.time.0 + ms * 1_000_000), ..event }
}

#[test]
fn calls_at_regular_intervals_are_a_beacon_and_calls_at_any_time_are_not() {
    let calls = |times: &[i64], address: &str| {
        let of = |(n, ms): (usize, &i64)| {
            let address = json!({"family": "inet", "address": address, "port": 443});
            let network = json!({"network": {"fd": 3, "address": address}});
            at(*ms, event(2 + n as u64, "network.connect", success(), network))
        };
        derived(times.iter().enumerate().map(of).collect::<Vec<_>>())
    };
    // some calls are two connections, one is late
    let regular = [0, 3, 1000, 1004, 2050, 2950, 4750, 5700];
    let report = calls(&regular, "192.0.2.1");
    let found = of(&report, "beaconing").unwrap();
    assert_eq!((found.events.as_slice(), found.count), (&[2, 4, 6, 7, 8, 9][..], 1), "{found:#?}");
    assert!(found.sentence.contains("192.0.2.1:443"));
    for other in [
        &regular[..7],
        // tried again and again, less and less often
        &[0, 500, 1500, 3500, 7500, 15_500, 31_500],
        // a conversation
        &[0, 100, 200, 300, 400, 500, 600, 700],
        &[0, 400, 2000, 2400, 4500, 4900, 7000],
    ] {
        assert_eq!(of(&calls(other, "192.0.2.1"), "beaconing"), None, "{other:?}");
    }
    assert_eq!(of(&calls(&regular, "127.0.0.1"), "beaconing"), None);
}

#[test]
fn load_is_like_mining_where_the_process_or_a_relative_talked_to_a_remote_host() {
    const SECOND: u64 = 1_000_000_000;
    let of = |id: &str, mut event: Value| {
        event["process"]["id"] = id.into();
        serde_json::from_value::<Event>(event).unwrap()
    };
    let fork = |seq, id: &str, child: &str| {
        let fork = json!({"child": child, "pid": 8, "tid": 8, "flags": [], "thread": false});
        of(id, serde_json::to_value(event(seq, "process.fork", success(), json!({"fork": fork}))).unwrap())
    };
    let talk = |seq, id: &str, address: &str, port: u16, outcome| {
        let address = json!({"family": "inet", "address": address, "port": port});
        let network = json!({"network": {"fd": 3, "address": address}});
        of(id, serde_json::to_value(event(seq, "network.connect", outcome, network)).unwrap())
    };
    let end = |seq, id: &str, cpu: Option<u64>, life_s: u64| {
        let exit = json!({"code": 0, "cpu_ns": cpu});
        let mut event =
            serde_json::to_value(event(seq, "process.exit", success(), json!({"exit": exit}))).unwrap();
        event["boot_ns"] = (0x64 + life_s * SECOND).into();
        of(id, event)
    };
    let (me, child, grandchild) = ("64-7-1", "64-8-0", "64-9-0");
    let talk_by = |protocol: u16| {
        let mut event = serde_json::to_value(talk(2, me, "192.0.2.1", 443, success())).unwrap();
        event["network"]["local"] = json!({"protocol": protocol, "address": "192.0.2.9", "port": 40_000});
        serde_json::from_value::<Event>(event).unwrap()
    };
    let talked = |seq, id: &str| talk(seq, id, "192.0.2.1", 443, success());
    let five = Some(5 * SECOND);
    let load = |seq| end(seq, me, five, 9);
    let mining = |events: Vec<Event>| {
        let report = derived(events);
        let busy = of_report(&report, "processor-kept-busy");
        let found = of_report(&report, "mining-load");
        assert!(busy.is_none() || found.is_none(), "{report:#?}");
        (found, busy)
    };
    for (why, events, proof) in [
        ("itself", vec![talked(2, me), talked(3, me), load(4)], vec![2, 4]),
        ("itself, by TCP", vec![talk_by(6), load(3)], vec![2, 3]),
        ("a child", vec![fork(2, me, child), talked(3, child), load(4)], vec![3, 4]),
        (
            "a grandchild",
            vec![fork(2, me, child), fork(3, child, grandchild), talked(4, grandchild), load(5)],
            vec![4, 5],
        ),
        (
            "a child that is gone",
            vec![fork(2, me, child), talked(3, child), end(4, child, None, 1), load(5)],
            vec![3, 5],
        ),
        ("the parent", vec![fork(2, me, child), talked(3, me), end(4, child, five, 9)], vec![3, 4]),
        (
            "a parent that ended",
            vec![talked(2, me), fork(3, me, child), end(4, me, None, 1), end(5, child, five, 9)],
            vec![2, 5],
        ),
    ] {
        assert_eq!(mining(events), (Some(proof), None), "{why}");
    }
    let sibling =
        vec![fork(2, me, child), fork(3, me, grandchild), talked(4, child), end(5, grandchild, five, 9)];
    for (why, events, at) in [
        ("nobody", vec![load(2)], 2),
        ("itself, to itself", vec![talk(2, me, "127.0.0.1", 443, success()), load(3)], 3),
        ("nobody answered", vec![talk(2, me, "192.0.2.1", 443, failure("ECONNREFUSED")), load(3)], 3),
        ("a name was asked for", vec![talk(2, me, "192.0.2.1", 53, success()), load(3)], 3),
        ("a name's addresses were put in order", vec![talk_by(17), load(3)], 3),
        ("a sibling", sibling, 5),
    ] {
        assert_eq!(mining(events), (None, Some(vec![at])), "{why}");
    }
    for (why, last) in [
        ("too little", end(3, me, Some(5 * SECOND - 1), 5)),
        ("a small part of its life", end(3, me, five, 11)),
        ("not known", end(3, me, None, 5)),
    ] {
        assert_eq!(mining(vec![talked(2, me), last]), (None, None), "{why}");
    }
}

/// The events that prove a behaviour.
fn of_report(report: &BehaviourReport, id: &str) -> Option<Vec<u64>> {
    of(report, id).map(|found| found.events.clone())
}

fn flow() -> Value {
    json!({"id": 1, "protocol": "tcp", "local": {"address": "192.168.71.20", "port": 4000},
           "remote": {"address": "198.18.0.1", "port": 80}, "attribution": "connect"})
}

#[test]
fn many_long_names_below_one_domain_are_a_tunnel() {
    let asked = |names: Vec<String>| {
        let of = |(n, name): (usize, String)| {
            let network = json!({"flow": flow(), "name": name, "query": "A", "code": "NOERROR"});
            event(2 + n as u64, "network.dns", success(), json!({"network": network}))
        };
        derived(names.into_iter().enumerate().map(of).collect::<Vec<_>>())
    };
    let data = |n: usize| format!("{n:032x}");
    let many = |domain: &str| (0..20).map(|n| format!("{}.{domain}", data(n))).collect::<Vec<_>>();
    for domain in ["evil.example", "evil.co.uk", "x.evil.example"] {
        let report = asked(many(domain));
        assert_eq!(of(&report, "dns-tunnel").map(|found| found.events.len()), Some(20), "{domain}");
    }
    for (why, names) in [
        ("each in a domain of its own", (0..20).map(|n| format!("{}.d{n}.example", data(n))).collect()),
        ("short", (0..20).map(|n| format!("www{n}.evil.example")).collect()),
        ("always the same", vec![format!("{}.evil.example", data(1)); 20]),
        ("addresses", (0..20).map(|n| format!("{}.8.b.d.0.1.0.0.2.ip6.arpa", data(n))).collect()),
        ("no more than one label", (0..20).map(data).collect()),
    ] {
        assert_eq!(of(&asked(names), "dns-tunnel"), None, "{why}");
    }
}

#[test]
fn what_is_started_was_downloaded_if_its_bytes_were_an_answer_also_one_told_later() {
    let program = "1f".repeat(32);
    let answer = |seq, sha256: &str| {
        let body = json!({"size": 9, "sha256": sha256, "stored": true});
        let network = json!({
            "flow": flow(), "secure": false, "version": "HTTP/1.1", "method": "GET", "host": "cdn.example", "target": "/x",
            "request_headers": [], "status": 200, "response_headers": [], "response_body": body,
        });
        event(seq, "network.http", success(), json!({"network": network}))
    };
    let started = |seq| {
        let mut event = serde_json::to_value(exec(seq, "/tmp/x")).unwrap();
        event["exec"]["sha256"] = program.clone().into();
        event["process"]["exe"] = "/tmp/x".into();
        serde_json::from_value::<Event>(event).unwrap()
    };
    for events in [[answer(2, &program), started(3)], [started(2), answer(3, &program)]] {
        let report = derived(events);
        let found = of(&report, "downloaded-executed").unwrap();
        assert_eq!((found.events.as_slice(), found.outcome), (&[2, 3][..], Reached::Succeeded));
        assert!(found.sentence.contains("/tmp/x, which came from cdn.example"), "{}", found.sentence);
    }
    assert_eq!(of(&derived([answer(2, &"2e".repeat(32)), started(3)]), "downloaded-executed"), None);
}

/// Whether files are told to be encrypted: so many of them and who did it. Each of `many` files held `before`, and one with
/// `ending` added to its name holds `after`.
fn encrypted(many: u64, ending: &str, before: &str, after: &str, written: bool) -> Option<(usize, usize)> {
    let mut seed = 1u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 40) as u8
    })
    .take(4096)
    .collect();
    let text = b"The quick brown fox jumps over the lazy dog. ".repeat(90);
    let content = |hash: &str| match hash {
        "noise" => Some(noise.clone()),
        "other noise" => Some(noise.iter().rev().copied().collect()),
        "text" => Some(text.clone()),
        "longer text" => Some(text.repeat(2)),
        _ => None,
    };
    let state = |hash: &str| json!({"type": "file", "mode": 420, "uid": 0, "gid": 0, "size": 4096, "sha256": hash, "stored": true});
    let changed = |path: &str, before: Option<&str>, after: Option<&str>| -> Change {
        let mut change = json!({"path": path, "change": "modified"});
        for (when, hash) in [("before", before), ("after", after)] {
            if let Some(hash) = hash {
                change[when] = state(hash);
            }
        }
        serde_json::from_value(change).unwrap()
    };
    let behaviours = Behaviours::shipped();
    let mut derivation = behaviours.watch(None);
    let mut changes = Vec::new();
    derivation.event(&birth());
    derivation.event(&exec(1, "/usr/bin/cat"));
    for n in 0..many {
        let (old, new) = (format!("/srv/{n}.txt"), format!("/srv/{n}.txt{ending}"));
        if written {
            let mut file = file(&new);
            file["bytes"] = 4096.into();
            file["calls"] = 1.into();
            file["read_bytes"] = 0.into();
            derivation.event(&event(2 + n, "file.write", success(), json!({"file": file})));
        }
        if old == new {
            changes.push(changed(&old, Some(before), Some(after)));
        } else {
            changes.extend([changed(&old, Some(before), None), changed(&new, None, Some(after))]);
        }
    }
    derivation.changes(&changes, &content);
    of(&derivation.finish(), "files-encrypted").map(|found| (found.events.len(), found.processes.len()))
}

#[test]
fn files_are_encrypted_where_what_they_hold_turned_from_order_to_noise() {
    for ending in ["", ".locked"] {
        assert_eq!(encrypted(10, ending, "text", "noise", true), Some((10, 1)), "{ending}");
    }
    for (why, many, ending, before, after, written) in [
        ("too few", 9, "", "text", "noise", true),
        ("more of the same", 10, "", "text", "longer text", true),
        ("noise before", 10, "", "other noise", "noise", true),
        ("decrypted", 10, "", "noise", "text", true),
        ("packed", 10, ".gz", "text", "noise", true),
        ("a content that was not kept", 10, "", "text", "lost", true),
        ("nobody was seen to write it", 10, "", "text", "noise", false),
    ] {
        assert_eq!(encrypted(many, ending, before, after, written), None, "{why}");
    }
}

#[test]
fn tags_of_older_versions_of_attack_become_todays() {
    let rule = "title: Old\nid: old\ntags:\n  - attack.defense_impairment\n  - attack.t1562.001\n  - attack.t1070.002\nlogsource:\n  \
                product: detektr\n  category: file.open\ndetection:\n  sel:\n    file.path: /x\n  condition: sel\n";
    let all = Behaviours::load([("old.yml", rule.as_bytes())]).unwrap();
    let old = all.definitions().find(|one| one.id == "old").unwrap();
    assert_eq!(old.tactic.as_ref().unwrap().id, "TA0112");
    let ids: Vec<&str> = old.techniques.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["T1685", "T1685.006"]);
}
