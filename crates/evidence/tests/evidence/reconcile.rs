//! Witnesses held against events: what agrees, what doesn't, and what must not raise a false alarm.

use crate::common::{event, key, manifest, start};
use detektr_event::{
    Access, Address, Attributes, Bind, Copied, Create, Detail, Event, FilePath, IoUring, Link, Mount, Open,
    Outcome, PathOnly, Provenance, Rename, Utime, Write,
};
use detektr_evidence::reconcile::{Files, ProcessAccount, Scope, files, processes};
use detektr_evidence::{
    BundleWriter, Change, ChangeKind, Diff, FileBounds, FileState, FileStore, FileType, FsdiffWitness,
    LinkUsed, Side, Unexplained, verify,
};

fn scope() -> Scope {
    Scope { layers: vec!["/".into()], excluded: vec!["/run".into()] }
}

/// A path that the kernel told.
fn at(path: &str) -> FilePath {
    FilePath { fs: Some("overlay".into()), ..FilePath::resolved(Copied::whole(path)) }
}

/// A path that a call gave.
fn given(base: &str, given: &str) -> FilePath {
    let path = if given.starts_with('/') { given.to_owned() } else { format!("{base}/{given}") };
    FilePath {
        given: Some(Copied::whole(given)),
        base: Some(Copied::whole(base)).filter(|_| !given.starts_with('/')),
        resolved: false,
        provenance: Provenance::UserMemory,
        ..FilePath::resolved(Copied::whole(path))
    }
}

fn create(path: FilePath) -> Event {
    let flags = vec!["O_CREAT".to_owned()];
    event(Detail::FileCreate {
        file: Create { path, flags, access: Access::Write, mode: 0o644, fd: Some(3), certain: true },
    })
}
fn write(path: FilePath, bytes: u64, mapped: bool) -> Event {
    event(Detail::FileWrite { file: Write { path, bytes, calls: 1, read_bytes: 0, mapped } })
}
fn unlink(path: FilePath) -> Event {
    event(Detail::FileUnlink { file: PathOnly { path } })
}
fn rename(path: FilePath, to: FilePath) -> Event {
    event(Detail::FileRename { file: Box::new(Rename { path, to, flags: Vec::new() }) })
}
fn mkdir(path: FilePath) -> Event {
    event(Detail::FileMkdir { file: attributes(path) })
}
fn chmod(path: FilePath) -> Event {
    event(Detail::FileChmod { file: attributes(path) })
}
fn attributes(path: FilePath) -> Attributes {
    Attributes { path, mode: Some(0o755), uid: None, gid: None, device: None }
}
fn symlink(path: FilePath, target: &str) -> Event {
    let target = Some(Copied::whole(target));
    event(Detail::FileSymlink { file: Box::new(Link { path, source: None, target }) })
}
fn hard_link(path: FilePath, source: FilePath) -> Event {
    event(Detail::FileLink { file: Box::new(Link { path, source: Some(source), target: None }) })
}

fn state() -> FileState {
    FileState { stored: false, ..crate::common::state("", 0) }
}
fn change(path: &str, kind: ChangeKind) -> Change {
    let before = (kind != ChangeKind::Created).then(state);
    let after = (kind != ChangeKind::Removed).then(state);
    Change { path: path.into(), change: kind, before, after, unreadable: None }
}

/// Numbers the events, a second apart, and judges.
fn judge(changes: &[Change], copied_up: &[&str], events: &[Event]) -> Vec<(Side, String)> {
    let events: Vec<Event> = (1..)
        .zip(events)
        .map(|(seq, event)| Event { seq, boot_ns: seq * 1_000_000_000, ..event.clone() })
        .collect();
    let links = [LinkUsed { path: "/bin".into(), target: "usr/bin".into() }];
    let copied_up: Vec<_> = copied_up.iter().map(|path| (*path).into()).collect();
    let told = files(scope(), &links, changes, &copied_up, &events).unexplained;
    told.into_iter().map(|u: Unexplained| (u.side, u.path.to_string())).collect()
}

const NOTHING: [(Side, String); 0] = [];
use ChangeKind::{Created, Metadata, Modified, Removed};

#[test]
fn a_change_behind_the_back_is_unexplained_and_a_change_with_its_event_is_not() {
    for (kind, acts) in [
        (Created, create(at("/a"))),
        (Modified, write(at("/a"), 5, false)),
        (Modified, write(at("/a"), 0, true)),
        (Metadata, chmod(given("/", "a"))),
        (Removed, unlink(given("/", "a"))),
    ] {
        assert_eq!(judge(&[change("/a", kind)], &[], &[]), [(Side::Witness, "/a".to_owned())], "{kind:?}");
        assert_eq!(judge(&[change("/a", kind)], &[], &[acts]), NOTHING, "{kind:?}");
    }
}

#[test]
fn an_event_of_another_sort_does_not_explain() {
    let told = judge(&[change("/a", Modified)], &[], &[chmod(at("/a"))]);
    assert_eq!(told, [(Side::Witness, "/a".to_owned())]);
    let failed = Event { outcome: Outcome::failure("EACCES"), ..write(at("/a"), 1, false) };
    assert_eq!(judge(&[change("/a", Modified)], &[], &[failed]), [(Side::Witness, "/a".to_owned())]);
    let unfinished = Event { outcome: Outcome::UNFINISHED, ..write(at("/a"), 1, false) };
    assert_eq!(judge(&[change("/a", Modified)], &[], &[unfinished]), NOTHING);
}

#[test]
fn an_event_without_its_change_is_unexplained() {
    for acts in [create(at("/a")), mkdir(given("/", "a")), write(at("/a"), 1, false), chmod(at("/a"))] {
        assert_eq!(judge(&[], &[], std::slice::from_ref(&acts)), [(Side::Events, "/a".to_owned())]);
        // copied up and the same is a trace enough
        assert_eq!(judge(&[], &["/a"], &[acts]), NOTHING);
    }
    assert_eq!(judge(&[], &[], &[unlink(at("/a"))]), [(Side::Events, "/a".to_owned())]);
    let told = judge(&[change("/a", Created)], &[], &[create(at("/a")), unlink(at("/a"))]);
    assert_eq!(told, [(Side::Events, "/a".to_owned())]);
}

#[test]
fn what_was_created_and_deleted_leaves_no_trace() {
    let events = [
        mkdir(at("/d")),
        create(at("/d/t")),
        write(at("/d/t"), 9, false),
        unlink(at("/d/t")),
        event(Detail::FileRmdir { file: PathOnly { path: at("/d") } }),
    ];
    assert_eq!(judge(&[], &[], &events), NOTHING);
    // the write is told when the file closes, after it went
    let late = FilePath { unlinked: true, ..at("/d/t") };
    let events = [create(at("/d/t")), unlink(at("/d/t")), write(late, 9, false)];
    assert_eq!(judge(&[], &[], &events), NOTHING);
}

#[test]
fn a_rename_takes_what_was_done_along() {
    let events =
        [mkdir(at("/d")), create(at("/d/x")), rename(at("/d"), at("/e")), write(at("/e/x"), 3, false)];
    assert_eq!(judge(&[change("/e", Created), change("/e/x", Created)], &[], &events), NOTHING);
    let told = judge(&[change("/e", Created)], &[], &events);
    assert_eq!(told, [(Side::Events, "/e/x".to_owned())]);
    // as editors do it: beside, then over
    let events = [create(at("/etc/p.new")), rename(given("/etc", "p.new"), given("/etc", "p"))];
    assert_eq!(judge(&[change("/etc/p", Modified)], &[], &events), NOTHING);
    // a folder from beneath, moved whole
    let changes =
        [change("/f", Removed), change("/f/in", Removed), change("/g", Created), change("/g/in", Created)];
    assert_eq!(judge(&changes, &[], &[rename(at("/f"), at("/g"))]), NOTHING);
}

#[test]
fn links_on_the_way_are_followed() {
    // `/bin` is a link to `usr/bin` beneath
    let events = [unlink(given("/", "/bin/ls"))];
    assert_eq!(judge(&[change("/usr/bin/ls", Removed)], &[], &events), NOTHING);
    // one that the run made, and `..` behind it
    let events =
        [symlink(at("/s"), "/usr/lib"), mkdir(given("/s", "../made")), mkdir(given("/", "s/../two"))];
    let changes = [change("/s", Created), change("/usr/two", Created), change("/made", Created)];
    assert_eq!(judge(&changes, &[], &events), NOTHING);
    // a link at the end: chmod follows it, unlink doesn't
    let events = [symlink(at("/s"), "f"), chmod(given("/", "s")), unlink(given("/", "s"))];
    assert_eq!(judge(&[change("/f", Metadata)], &[], &events), NOTHING);
}

#[test]
fn a_socket_bound_by_a_relative_name_may_go_again() {
    let bind = |name: &str| {
        let address = Address::Unix { path: Copied::whole(name), abstract_name: false };
        event(Detail::NetworkBind { network: Bind { fd: 3, address, local: None } })
    };
    let gone = unlink(given("/tmp", "socket"));
    assert_eq!(judge(&[], &[], &[bind("socket"), gone.clone()]), []);
    assert_eq!(judge(&[], &[], &[bind("other"), gone]), [(Side::Events, "/tmp/socket".into())]);
}

#[test]
fn hard_links_share_what_is_done_to_the_file() {
    let events = [hard_link(at("/b"), at("/a")), write(at("/b"), 1, false), unlink(at("/c"))];
    let changes = [change("/a", Modified), change("/b", Created), change("/c", Removed)];
    assert_eq!(judge(&changes, &[], &events), NOTHING);
    // the call does nothing where both names are one file's
    let events = [hard_link(at("/b"), at("/a")), rename(at("/b"), at("/a"))];
    assert_eq!(judge(&[change("/b", Created)], &["/a"], &events), NOTHING);
}

#[test]
fn what_the_difference_does_not_cover_is_not_demanded() {
    let tmpfs = FilePath { fs: Some("tmpfs".into()), ..at("/mnt/x") };
    let proc = FilePath { fs: None, ..at("/proc/self/comm") };
    let elsewhere = FilePath {
        path_root: Some(detektr_event::PathRoot { mount_namespace: 7, root: None }),
        ..given("/", "x")
    };
    let events = [create(tmpfs), write(proc, 3, false), mkdir(given("/run", "lock")), mkdir(elsewhere)];
    assert_eq!(judge(&[], &[], &events), NOTHING);
    let mount = |path, source: &str, flags: &[&str]| {
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let source = Some(Copied::whole(source));
        event(Detail::FileMount {
            file: Mount { path, call: "mount".into(), source, filesystem: None, flags },
        })
    };
    let events = [mount(at("/m"), "none", &[]), mkdir(given("/m", "x"))];
    assert_eq!(judge(&[], &[], &events), NOTHING);
    let events = [mount(at("/m"), "/srv", &["MS_BIND"]), create(at("/m/x"))];
    assert_eq!(judge(&[change("/srv/x", Created)], &[], &events), NOTHING);
}

#[test]
fn races_and_doubts_are_given_the_benefit() {
    // two threads at once: the order told need not be the order it happened in
    let near = |seq: u64, tid: u32, event: Event| {
        let process = event.process.clone().map(|process| detektr_event::ProcessRef { tid, ..process });
        Event { seq, boot_ns: seq * 1000, process, ..event }
    };
    let events = [near(1, 1, unlink(at("/a"))), near(2, 2, create(at("/a")))];
    assert_eq!(files(scope(), &[], &[], &[], &events).unexplained, []);
    // an open for writing may have changed nothing; a utime may have been told to omit both
    let open = Open { path: at("/a"), flags: Vec::new(), access: Access::ReadWrite, fd: Some(3) };
    let utime = Utime { path: at("/a"), times: [None, None] };
    let events = [event(Detail::FileOpen { file: open }), event(Detail::FileUtime { file: utime })];
    assert_eq!(judge(&[], &[], &events), NOTHING);
    assert_eq!(judge(&[change("/a", Modified)], &[], &events), NOTHING);
}

#[test]
fn io_uring_operations_count() {
    let uring = |operation: &str, file, to, result| {
        let operation = operation.to_owned();
        let io_uring = IoUring { operation, fd: None, file: Some(file), to, result, ..uring_rest() };
        event(Detail::KernelIoUring { io_uring: Box::new(io_uring) })
    };
    let events = [
        uring("IORING_OP_OPENAT", at("/a"), None, Some(5)),
        uring("IORING_OP_WRITE", at("/a"), None, Some(10)),
        uring("IORING_OP_MKDIRAT", given("/", "d"), None, Some(0)),
        uring("IORING_OP_RENAMEAT", given("/", "d"), Some(given("/", "e")), Some(0)),
        uring("IORING_OP_UNLINKAT", given("/", "gone"), None, Some(0)),
    ];
    let changes = [change("/a", Created), change("/e", Created), change("/gone", Removed)];
    assert_eq!(judge(&changes, &[], &events), NOTHING);
    assert_eq!(judge(&changes[..2], &[], &events), [(Side::Events, "/gone".to_owned())]);
}

fn uring_rest() -> IoUring {
    serde_json::from_value(serde_json::json!({"operation": ""})).unwrap()
}

#[test]
fn what_could_not_be_compared_is_told() {
    let change =
        Change { before: None, after: None, unreadable: Some("EIO".into()), ..change("/d", Modified) };
    let told = judge(&[change], &[], &[create(at("/d/x"))]);
    assert_eq!(told, [(Side::Witness, "/d".to_owned())]);
}

#[test]
fn a_sealed_reconciliation_is_computed_again_by_verification() {
    for honest in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = BundleWriter::create(dir.path(), &start("run")).unwrap();
        let beneath = |path: &[u8]| (path == b"/bin").then(|| b"usr/bin".to_vec());
        let mut files = Files::new(scope(), beneath);
        let mut acts = create(given("/", "/bin/new"));
        writer.event_ref(&mut acts).unwrap();
        files.event(&acts);
        let new = |path| {
            let mut change = change(path, Created);
            change.after.as_mut().unwrap().file_type = FileType::Fifo;
            change
        };
        let diff = Diff { changes: vec![new("/usr/bin/new"), new("/odd")], ..Diff::default() };
        writer.changes(&diff.changes).unwrap();
        let verdict = files.judge(&diff.changes, &diff.copied_up);
        assert_eq!(verdict.links, [LinkUsed { path: "/bin".into(), target: "usr/bin".into() }]);
        let store = FileStore::new(dir.path().join("files"), FileBounds::default());
        let mut witness = FsdiffWitness::new(scope(), &diff, verdict, &store);
        assert_eq!((witness.unexplained_changes, witness.unexplained_events), (1, 0));
        if !honest {
            witness.unexplained_changes = 0;
            witness.unexplained.clear();
        }
        let mut manifest = manifest("run");
        manifest.witnesses.fsdiff = Some(witness);
        let bundle = writer.seal(manifest, &key(1)).unwrap();
        assert_eq!(bundle.manifest().complete, !honest);
        let codes: Vec<String> =
            verify(bundle.path(), None).problems.into_iter().map(|problem| problem.code).collect();
        let expected: &[&str] = if honest { &[] } else { &["reconciliation"] };
        assert_eq!(codes, expected);
    }
}

#[test]
fn processes_agree_or_are_named() {
    let good = ProcessAccount {
        births: vec![2, 3, 4, 3],
        threads: 2,
        exits: vec![2, 3, 3, 4],
        acct: Some(vec![1, 4, 3, 3, 2]),
        last_pid: Some(7),
        unwatched: vec![1],
        refused: 0,
        pid_max: None,
    };
    assert_eq!(processes(&good).unexplained, [""; 0]);
    let bad = [
        ProcessAccount { births: vec![2, 3, 4], ..good.clone() },
        ProcessAccount { exits: vec![2, 3, 4], ..good.clone() },
        ProcessAccount { acct: Some(vec![1, 2, 3, 3]), ..good.clone() },
        ProcessAccount { acct: Some(vec![1, 2, 3, 3, 4, 9]), ..good.clone() },
        ProcessAccount { last_pid: Some(8), ..good.clone() },
        ProcessAccount { last_pid: Some(6), ..good.clone() },
    ];
    for account in bad {
        assert!(!processes(&account).unexplained.is_empty(), "{account:?}");
    }
    let refused = ProcessAccount { last_pid: Some(9), refused: 2, ..good.clone() };
    assert_eq!(processes(&refused).unexplained, [""; 0]);
    let wrapped = ProcessAccount { last_pid: Some(3), pid_max: Some(7), ..good };
    assert_eq!(processes(&wrapped).unexplained, [""; 0]);
}
