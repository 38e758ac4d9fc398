//! The ebpf sensor on this host: real programs in a cgroup of their own, and what must be told of them.

mod ebpf_support;

use detektr_event::{Copied, Kind};
use detektr_sensor::calls;
use detektr_sensor::ebpf::EbpfSensor;
use detektr_sensor::raw::{Abi, Body, Raw, RawCall, RawExec, RawIo, RawObject, Returned, Taken};
use ebpf_support::{Acts, Watched, assert_complete, cgroup_root};
use std::process::{Command, Stdio};

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
    let output = watched
        .run(Command::new("/bin/cat").args(["/etc/hostname", "/nonexistent"]).env_clear().env("A", "b"));
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

fn one<'a>(raws: &'a [Raw], name: &str) -> &'a RawCall {
    let found = calls(raws, name);
    assert_eq!(found.len(), 1, "{name}: {found:?}");
    found[0]
}

fn sums(raws: &[Raw]) -> Vec<&RawIo> {
    raws.iter()
        .filter_map(|raw| match &raw.body {
            Body::Io(io) => Some(&**io),
            _ => None,
        })
        .collect()
}

fn object(taken: &Taken) -> &RawObject {
    match taken {
        Taken::Object(object) => object,
        other => panic!("{other:?} is no object"),
    }
}

fn lossy(text: &[Copied]) -> Vec<String> {
    text.iter().map(|t| t.lossy().into_owned()).collect()
}

/// Runs one act inside and gives what was seen of it.
fn seen(arguments: &[&str]) -> Option<Vec<Raw>> {
    let root = cgroup_root()?;
    let acts = Acts::build(&[])?;
    let mut sensor = EbpfSensor::load().expect("the sensor loads");
    let watched = Watched::begin(&mut sensor, &root, 1 << 22);
    let output = watched.run(Command::new(acts.path()).args(arguments));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let (raws, closing) = watched.finish();
    assert_complete(&closing);
    Some(raws)
}

#[test]
fn calls_on_files_are_told_with_their_strings_bases_and_objects() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().canonicalize().expect("its path").display().to_string();
    let Some(raws) = seen(&["files", &path]) else { return };
    assert_eq!(string(&one(&raws, "chdir").taken[1]), path);
    let rename = one(&raws, "rename");
    assert_eq!(rename.ret, Returned::Value(0));
    assert_eq!((string(&rename.taken[1]), string(&rename.taken[3])), ("a".into(), "b".into()));
    assert_eq!(object(&rename.taken[0]).path.lossy(), path);
    assert_eq!(rename.abi, Abi::X86_64);
    let unlinks = calls(&raws, "unlink");
    let results: Vec<_> = unlinks.iter().map(|c| (string(&c.taken[1]), c.ret)).collect();
    let missing = Returned::Value(-i64::from(libc::ENOENT));
    assert_eq!(
        results,
        [
            ("missing".to_owned(), missing),
            ("s".to_owned(), Returned::Value(0)),
            ("b".to_owned(), Returned::Value(0))
        ]
    );
    let symlink = one(&raws, "symlink");
    assert_eq!((string(&symlink.taken[0]), string(&symlink.taken[2])), ("b".into(), "s".into()));
    assert_eq!(one(&raws, "chmod").args[1], 0o600);
    assert_eq!(one(&raws, "truncate").args[1], 3);
    assert_eq!(string(&one(&raws, "mkdir").taken[1]), "d");
    assert_eq!(string(&one(&raws, "link").taken[3]), "d/l");
}

#[test]
fn bytes_are_summed_up_for_each_open_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().canonicalize().expect("its path").display().to_string();
    let Some(raws) = seen(&["files", &path]) else { return };
    let sums = sums(&raws);
    assert_eq!(sums.len(), 3, "{sums:?}");
    let first = sums[0];
    assert_eq!(first.object.path.lossy(), format!("{path}/a"));
    assert_eq!((first.written, first.writes, first.read, first.mapped), (11, 2, 4, false));
    assert_eq!(first.object.mode & 0o777, 0o640);
    let mapped = sums.iter().find(|s| s.mapped).expect("the mapping was seen");
    assert_eq!((mapped.object.path.lossy().into_owned(), mapped.written), (format!("{path}/b"), 0));
    let copy = sums.last().expect("three");
    assert_eq!((copy.written, copy.mapped), (1, false));
}

#[test]
fn addresses_are_told_as_they_were_passed() {
    let Some(raws) = seen(&["network"]) else { return };
    let connect = one(&raws, "connect");
    assert_eq!(connect.ret, Returned::Value(-i64::from(libc::ECONNREFUSED)));
    let address = [2, 0, 0, 9, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(connect.taken[0], Taken::Bytes(address.to_vec()));
    assert_eq!(one(&raws, "bind").taken[0], Taken::Bytes(vec![2, 0, 0]));
    assert_eq!(one(&raws, "sendto").taken[0], Taken::Bytes(address.to_vec()));
    assert_eq!(calls(&raws, "socket").len(), 2);
}

#[test]
fn credentials_are_told_before_and_after_and_with_a_failed_exec() {
    let Some(raws) = seen(&["credentials"]) else { return };
    let Taken::Credentials(before, after) = one(&raws, "setresuid").taken[0] else {
        panic!("no credentials")
    };
    assert_eq!((before.uids, after.uids), ([0; 4], [1, 2, 3, 2]));
    assert_eq!(after.gids, [5, 6, 7, 6]);
    assert_ne!(before.capabilities.effective, 0);
    let failed = raws.iter().find_map(|raw| match &raw.body {
        Body::FailedExec(failed) => Some(failed),
        _ => None,
    });
    let failed = failed.expect("the failed exec was seen");
    assert_eq!(failed.call.ret, Returned::Value(-i64::from(libc::ENOENT)));
    assert_eq!(string(&failed.call.taken[1]), "/no/such/program");
    assert_eq!(lossy(&failed.argv), ["gone", "x"]);
    assert_eq!(failed.credentials.uids, [1, 2, 3, 2]);
    assert_eq!(failed.ppid, std::process::id());
    assert_eq!(failed.incomplete, None);
}

#[test]
fn a_megabyte_of_arguments_arrives_whole() {
    let Some(root) = cgroup_root() else { return };
    let mut sensor = EbpfSensor::load().expect("the sensor loads");
    let watched = Watched::begin(&mut sensor, &root, 1 << 23);
    let arguments: Vec<String> = (0..17).map(|i| char::from(b'a' + i).to_string().repeat(65_000)).collect();
    let output = watched.run(Command::new("/bin/true").args(&arguments).env("EMPTY", ""));
    assert!(output.status.success());
    let (raws, closing) = watched.finish();
    assert_complete(&closing);
    let exec = execs(&raws)[0];
    assert_eq!(exec.incomplete, None);
    assert_eq!(exec.argv.len(), 18);
    for (arrived, sent) in exec.argv[1..].iter().zip(&arguments) {
        assert_eq!(arrived, &Copied::whole(sent.as_str()));
    }
    assert!(exec.env.contains(&Copied::whole("EMPTY=")));
}

#[test]
fn twenty_thousand_short_lives_are_all_told() {
    let Some(root) = cgroup_root() else { return };
    let Some(acts) = Acts::build(&[]) else { return };
    let mut sensor = EbpfSensor::load().expect("the sensor loads");
    let watched = Watched::begin(&mut sensor, &root, 1 << 25);
    let output = watched.run(Command::new(acts.path()).args(["processes", "20000"]));
    assert!(output.status.success());
    let (raws, closing) = watched.finish();
    assert_complete(&closing);
    let births = raws.iter().filter(|r| matches!(&r.body, Body::Birth(b) if b.tgid == b.tid)).count();
    let ends = raws.iter().filter(|r| matches!(&r.body, Body::Exit(e) if e.process_ended)).count();
    assert_eq!((births, ends), (20_000, 20_001));
    // the environment's pid namespace is the sensor's own here
    assert!(
        raws.iter().all(|r| !matches!(&r.body, Body::Birth(b) if (b.env_tgid, b.env_tid) != (b.tgid, b.tid)))
    );
    let forks = calls(&raws, "clone").len() + calls(&raws, "fork").len() + calls(&raws, "vfork").len();
    assert_eq!(forks, 20_000, "a child's own return from the fork is no call of its own");
    assert_eq!(closing.ledger[&Kind::ProcessExit].received, 20_001);
}

#[test]
fn an_environment_waits_for_a_reader_that_is_behind_and_nothing_is_lost() {
    let Some(root) = cgroup_root() else { return };
    let Some(acts) = Acts::build(&[]) else { return };
    let mut sensor = EbpfSensor::load().expect("the sensor loads");
    let watched = Watched::begin_with(&mut sensor, &root, 1 << 23, "/proc/self/ns/pid", 1);
    let mut command = Command::new(acts.path());
    let mut child =
        watched.inside(command.args(["processes", "60000"])).stdin(Stdio::null()).spawn().expect("it starts");
    // nobody takes a record: the ring fills, far from what all of them need
    let events = watched.file("cgroup.events");
    while !std::fs::read_to_string(&events).expect("its state").contains("frozen 1") {
        assert!(child.try_wait().expect("its state").is_none(), "it ended though nobody read what it did");
        std::thread::yield_now();
    }
    let mut births = 0;
    let closing = watched.finish_after(
        |records| {
            for raw in records.iter().flatten() {
                births += u64::from(matches!(&raw.body, Body::Birth(b) if b.tgid == b.tid));
            }
        },
        || assert!(child.wait().expect("its end").success()),
    );
    assert_complete(&closing);
    assert_eq!(births, 60_000);
    assert!(closing.pauses.times > 0 && closing.pauses.us > 0, "{:?}", closing.pauses);
}

#[test]
fn a_ring_that_is_too_small_loses_records_and_says_so() {
    let Some(root) = cgroup_root() else { return };
    let Some(acts) = Acts::build(&[]) else { return };
    let mut sensor = EbpfSensor::load().expect("the sensor loads");
    let watched = Watched::begin(&mut sensor, &root, 4096);
    let output = watched.run(Command::new(acts.path()).args(["processes", "3000"]));
    assert!(output.status.success());
    let (_, closing) = watched.finish();
    assert!(closing.sentinel, "{closing:?}");
    let dropped: u64 = closing.ledger.values().map(|c| c.dropped).sum();
    assert!(dropped > 0);
    assert_eq!(closing.holes.iter().map(|h| h.reason).collect::<Vec<_>>(), ["ring_full"]);
    for (kind, counts) in &closing.ledger {
        assert_eq!(counts.attempted, counts.emitted + counts.dropped, "{kind}");
        assert_eq!(counts.emitted, counts.received, "{kind}");
    }
}

#[test]
fn a_process_killed_in_a_call_leaves_it_unfinished() {
    let Some(root) = cgroup_root() else { return };
    let Some(acts) = Acts::build(&[]) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let fifo = folder.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().expect("mkfifo").success());
    let mut sensor = EbpfSensor::load().expect("the sensor loads");
    let watched = Watched::begin(&mut sensor, &root, 1 << 22);
    let mut child = watched
        .inside(Command::new(acts.path()).arg("block").arg(&fifo))
        .stdin(Stdio::null())
        .spawn()
        .expect("it starts");
    let wchan = format!("/proc/{}/syscall", child.id());
    // open is 2, openat 257; it sits there until somebody writes
    while !std::fs::read_to_string(&wchan).is_ok_and(|now| now.starts_with("257 ") || now.starts_with("2 ")) {
        std::thread::yield_now();
    }
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    let (raws, closing) = watched.finish();
    assert_complete(&closing);
    let blocked: Vec<_> = calls(&raws, "openat").into_iter().filter(|c| c.ret == Returned::Never).collect();
    assert_eq!(blocked.len(), 1);
    assert_eq!(string(&blocked[0].taken[1]), fifo.display().to_string());
    let exit = raws.iter().find_map(|raw| match raw.body {
        Body::Exit(exit) => Some(exit),
        _ => None,
    });
    assert_eq!(exit.map(|e| e.status), Some(libc::SIGKILL));
}

#[test]
fn a_call_that_seccomp_denies_is_told_as_skipped() {
    let Some(raws) = seen(&["denied", "/tmp/never-unlinked"]) else { return };
    let unlink = one(&raws, "unlink");
    assert_eq!(unlink.ret, Returned::Skipped(-i64::from(libc::EACCES)));
    assert_eq!(string(&unlink.taken[1]), "/tmp/never-unlinked");
    let skipped = raws
        .iter()
        .filter(|r| matches!(&r.body, Body::Call(c) if matches!(c.ret, Returned::Skipped(_))))
        .count();
    assert_eq!(skipped, 1);
}

#[test]
fn a_thread_that_executes_takes_the_place_of_its_leader() {
    let Some(raws) = seen(&["thread-exec"]) else { return };
    let execs = execs(&raws);
    assert_eq!(execs.len(), 2);
    let exec = execs[1];
    assert_eq!(lossy(&exec.argv)[1], "done");
    let raw = raws
        .iter()
        .find(|r| matches!(&r.body, Body::Exec(e) if e.old_tid == exec.old_tid))
        .expect("the exec");
    assert_ne!(exec.old_tid, raw.tid);
    assert_eq!(raw.tid, raw.tgid);
    assert!(exec.old_credentials.is_some());
    let ended = raws.iter().filter(|r| matches!(&r.body, Body::Exit(e) if e.process_ended)).count();
    let exits = raws.iter().filter(|r| matches!(&r.body, Body::Exit(_))).count();
    assert_eq!((ended, exits), (1, 2));
}

#[test]
fn calls_of_32_bit_programs_are_told_by_their_own_table() {
    let Some(root) = cgroup_root() else { return };
    let Some(acts) = Acts::build(&["-m32"]) else { return };
    let mut sensor = EbpfSensor::load().expect("the sensor loads");
    let watched = Watched::begin(&mut sensor, &root, 1 << 22);
    let output = watched.run(Command::new(acts.path()).args(["open", "/etc/hostname"]));
    assert!(output.status.success(), "{output:?}");
    let (raws, closing) = watched.finish();
    assert_complete(&closing);
    let opens = calls(&raws, "openat");
    let open = opens.iter().find(|c| string(&c.taken[1]) == "/etc/hostname").expect("the open was seen");
    assert_eq!((open.abi, open.nr), (Abi::I386, 295));
    assert_eq!(open.args[0], u64::from(libc::AT_FDCWD as u32));
    assert_eq!(object(&open.taken[2]).path.lossy(), "/etc/hostname");
}

#[test]
fn an_own_root_is_told_beside_the_path_from_the_namespaces_root() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().canonicalize().expect("its path").display().to_string();
    let Some(raws) = seen(&["chroot", &path]) else { return };
    let opens = calls(&raws, "openat");
    let open = opens.iter().find(|c| string(&c.taken[1]) == "/inner").expect("the open was seen");
    let inner = object(&open.taken[2]);
    assert_eq!(inner.path.lossy(), format!("{path}/inner"));
    assert_eq!(inner.root.as_ref().expect("a root of its own").lossy(), path);
}

#[test]
fn a_path_of_thousands_of_bytes_arrives_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().canonicalize().expect("its path").display().to_string();
    let Some(raws) = seen(&["deep", &path]) else { return };
    let opens = calls(&raws, "openat");
    let open = opens.iter().find(|c| string(&c.taken[1]) == "leaf").expect("the open was seen");
    let expected = format!("{path}{}/leaf", format!("/{}", "d".repeat(200)).repeat(18));
    assert_eq!(object(&open.taken[2]).path, Copied::whole(expected));
}

#[test]
fn two_environments_at_once_are_told_apart() {
    let Some(root) = cgroup_root() else { return };
    let mut sensor = EbpfSensor::load().expect("the sensor loads");
    let one = Watched::begin(&mut sensor, &root, 1 << 20);
    let two = Watched::begin(&mut sensor, &root, 1 << 20);
    assert!(one.run(Command::new("/bin/echo").arg("one")).status.success());
    assert!(two.run(Command::new("/bin/echo").arg("two")).status.success());
    for (watched, word) in [(one, "one"), (two, "two")] {
        let (raws, closing) = watched.finish();
        assert_complete(&closing);
        let execs = execs(&raws);
        assert_eq!(execs.len(), 1);
        assert_eq!(lossy(&execs[0].argv), ["/bin/echo", word]);
    }
}

#[test]
fn an_adopted_process_has_its_birth_told_where_no_hook_told_it() {
    let Some(root) = cgroup_root() else { return };
    let mut sensor = EbpfSensor::load().expect("the sensor loads");
    let mut watched = Watched::begin(&mut sensor, &root, 1 << 20);
    let mut child = Command::new("/bin/sleep").arg("60").spawn().expect("it starts");
    watched.watching().adopt(child.id()).expect("it is adopted");
    watched.watching().health().expect("the sensor is well");
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    let (raws, _) = watched.finish();
    let births: Vec<_> =
        raws.iter().filter(|r| matches!(&r.body, Body::Birth(b) if b.tgid == child.id())).collect();
    assert_eq!(births.len(), 1);
    assert_eq!(births[0].tgid, std::process::id());
}

#[test]
fn births_carry_the_numbers_of_the_environments_pid_namespace() {
    let Some(root) = cgroup_root() else { return };
    let mut sensor = EbpfSensor::load().expect("the sensor loads");
    let mut outer = Command::new("unshare")
        .args(["--pid", "--fork", "--kill-child", "sh", "-c", "echo; exec sleep 60"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut line = [0];
    std::io::Read::read_exact(outer.stdout.as_mut().expect("its stdout"), &mut line).expect("it came so far");
    let inner =
        std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", outer.id())).expect("its child");
    let inner = inner.trim();
    let watched = Watched::begin_in(&mut sensor, &root, 1 << 20, &format!("/proc/{inner}/ns/pid"));
    let output = watched.run(Command::new("nsenter").args(["--pid", "--target", inner, "/bin/true"]));
    outer.kill().expect("it can be killed");
    outer.wait().expect("it ends");
    assert!(output.status.success(), "{output:?}");
    let (raws, closing) = watched.finish();
    assert_complete(&closing);
    let births: Vec<_> = raws
        .iter()
        .filter_map(|r| match &r.body {
            Body::Birth(birth) => Some(birth),
            _ => None,
        })
        .collect();
    assert_eq!(births.len(), 1);
    assert_eq!((births[0].env_tgid, births[0].env_tid), (2, 2));
    assert_ne!(births[0].tgid, 2);
    let exec = execs(&raws).into_iter().find(|e| lossy(&e.argv) == ["/bin/true"]).expect("the exec");
    assert_eq!(exec.env_ppid, 0, "its parent stands outside");
}
