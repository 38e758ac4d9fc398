//! Opens and what they amount to.

use super::*;

const AT_FDCWD: u64 = 0xffff_ff9c;

fn openat(given: &str, flags: i32, mode: u64, ret: i64, result: Option<RawObject>) -> Made {
    let result = result.map_or(Taken::Nothing, Taken::Object);
    call("openat", &[AT_FDCWD, 0x7000, flags as u64, mode], ret, vec![cwd("/root"), string(given), result])
}

#[test]
fn an_open_tells_the_true_path_beside_the_given_one() {
    openat("../lib/x", libc::O_RDONLY | libc::O_CLOEXEC, 0, 3, Some(object("/usr/lib/x"))).tells(
        "file.open",
        success(),
        with(
            true_path("/usr/lib/x"),
            json!({"given": "../lib/x", "base": "/root", "flags": ["O_CLOEXEC"], "access": "read", "fd": 3}),
        ),
    );
}

#[test]
fn a_true_path_that_was_given_stands_alone() {
    openat("/etc/hosts", 0, 0, 4, Some(object("/etc/hosts"))).tells(
        "file.open",
        success(),
        with(true_path("/etc/hosts"), json!({"flags": [], "access": "read", "fd": 4})),
    );
}

#[test]
fn a_denied_open_is_seen_with_its_errno_and_an_unresolved_path() {
    openat("/etc/./shadow", libc::O_RDWR, 0, -13, None).tells(
        "file.open",
        failure("EACCES"),
        with(
            said_path("/etc/shadow"),
            json!({"given": "/etc/./shadow", "flags": [], "access": "read_write"}),
        ),
    );
}

#[test]
fn an_open_with_o_creat_is_a_create_that_is_certain_only_with_o_excl() {
    let flags = libc::O_WRONLY | libc::O_CREAT;
    openat("new", flags, 0o644, 3, Some(object("/root/new"))).tells(
        "file.create",
        success(),
        with(
            true_path("/root/new"),
            json!({"given": "new", "base": "/root", "flags": ["O_CREAT"], "access": "write", "mode": 420, "fd": 3,
                   "certain": false}),
        ),
    );
    openat("/new", flags | libc::O_EXCL, 0o600, -17, None).tells(
        "file.create",
        failure("EEXIST"),
        with(
            said_path("/new"),
            json!({"flags": ["O_CREAT", "O_EXCL"], "access": "write", "mode": 384, "certain": true}),
        ),
    );
}

#[test]
fn an_open_with_o_creat_of_a_device_created_nothing() {
    let null = RawObject { mode: 0o20666, fs: "devtmpfs".to_owned(), ..object("/dev/null") };
    openat("/dev/null", libc::O_WRONLY | libc::O_CREAT, 0o666, 3, Some(null)).tells(
        "file.open",
        success(),
        with(
            true_path("/dev/null"),
            json!({"fs": "devtmpfs", "flags": ["O_CREAT"], "access": "write", "fd": 3}),
        ),
    );
}

#[test]
fn a_file_without_a_name_is_surely_created() {
    let nameless = RawObject { unlinked: true, ..object("/tmp/#77") };
    openat("/tmp", libc::O_RDWR | libc::O_TMPFILE, 0o600, 5, Some(nameless)).tells(
        "file.create",
        success(),
        with(
            true_path("/tmp/#77"),
            json!({"given": "/tmp", "unlinked": true, "flags": ["O_TMPFILE"], "access": "read_write", "mode": 384,
                   "fd": 5, "certain": true}),
        ),
    );
}

#[test]
fn creat_is_a_create_for_writing() {
    call("creat", &[0x7000, 0o640], 3, vec![cwd("/root"), string("f"), found("/root/f")]).tells(
        "file.create",
        success(),
        with(
            true_path("/root/f"),
            json!({"given": "f", "base": "/root", "flags": ["O_CREAT", "O_TRUNC"], "access": "write", "mode": 416,
                   "fd": 3, "certain": false}),
        ),
    );
}

#[test]
fn openat2_takes_its_flags_from_memory() {
    let mut how = Vec::new();
    how.extend(0o10000000_u64.to_le_bytes());
    how.extend(0_u64.to_le_bytes());
    how.extend(0x08_u64.to_le_bytes());
    call(
        "openat2",
        &[7, 0x7000, 0x8000, 24],
        3,
        vec![cwd("/srv"), string("a/../b"), found("/srv/b"), Taken::Bytes(how)],
    )
    .tells(
        "file.open",
        success(),
        with(
            true_path("/srv/b"),
            json!({"given": "a/../b", "base": "/srv", "flags": ["O_PATH", "RESOLVE_BENEATH"], "access": "path",
                   "fd": 3}),
        ),
    );
}

#[test]
fn an_open_by_handle_has_only_the_true_path() {
    call("open_by_handle_at", &[3, 0x7000, 0], 6, vec![cwd("/"), found("/etc/passwd")]).tells(
        "file.open",
        success(),
        with(true_path("/etc/passwd"), json!({"flags": [], "access": "read", "fd": 6})),
    );
    call("open_by_handle_at", &[3, 0x7000, 0], -1, vec![cwd("/"), Taken::Nothing]).tells(
        "file.open",
        failure("EPERM"),
        json!({"path": {"unreadable": "not_copied"}, "resolved": false, "provenance": "user_memory", "flags": [],
               "access": "read"}),
    );
}

#[test]
fn opening_a_kernel_setting_for_writing_is_also_a_sysctl_write() {
    let setting = RawObject { fs: "proc".to_owned(), ..object("/proc/sys/kernel/core_pattern") };
    let file = with(true_path("/proc/sys/kernel/core_pattern"), json!({"fs": "proc"}));
    openat("/proc/sys/kernel/core_pattern", libc::O_WRONLY, 0, 3, Some(setting)).tells_all(
        success(),
        &[
            ("file.open", with(file.clone(), json!({"flags": [], "access": "write", "fd": 3}))),
            ("kernel.sysctl_write", json!({"file": file})),
        ],
    );
    let file = said_path("/proc/sys/vm/drop_caches");
    openat("/proc/sys/vm/drop_caches", libc::O_WRONLY, 0, -13, None).tells_all(
        failure("EACCES"),
        &[
            ("file.open", with(file.clone(), json!({"flags": [], "access": "write"}))),
            ("kernel.sysctl_write", json!({"file": file})),
        ],
    );
}

#[test]
fn opening_another_processs_memory_for_writing_is_also_a_memory_write() {
    let memory = RawObject { fs: "proc".to_owned(), ..object("/proc/31/mem") };
    let file =
        with(true_path("/proc/31/mem"), json!({"fs": "proc", "flags": [], "access": "read_write", "fd": 3}));
    openat("/proc/31/mem", libc::O_RDWR, 0, 3, Some(memory.clone())).tells_all(
        success(),
        &[("file.open", file), ("process.memory_write", json!({"via": "/proc/PID/mem", "target": 31}))],
    );
    let file = with(true_path("/proc/31/mem"), json!({"fs": "proc", "flags": [], "access": "read", "fd": 3}));
    openat("/proc/31/mem", libc::O_RDONLY, 0, 3, Some(memory)).tells("file.open", success(), file);
}

#[test]
fn a_path_of_a_namespace_that_the_artifact_made_says_so() {
    let hidden = RawObject { mount_namespace: 99, ..object("/usr/bin/sudo") };
    openat("/usr/bin/sudo", 0, 0, 3, Some(hidden)).tells(
        "file.open",
        success(),
        with(
            true_path("/usr/bin/sudo"),
            json!({"path_root": {"mount_namespace": 99}, "flags": [], "access": "read", "fd": 3}),
        ),
    );
}

#[test]
fn an_absolute_path_in_a_changed_root_is_joined_to_that_root() {
    let base = RawObject { root: Some(Copied::whole("/tmp/jail")), ..directory("/tmp/jail") };
    call(
        "openat",
        &[AT_FDCWD, 0x7000, 0],
        -2,
        vec![Taken::Object(base), string("/../etc/passwd"), Taken::Nothing],
    )
    .tells(
        "file.open",
        failure("ENOENT"),
        with(
            joined_path("/tmp/jail/etc/passwd", "/../etc/passwd", "/tmp/jail"),
            json!({"path_root": {"mount_namespace": HOME, "root": "/tmp/jail"}, "flags": [], "access": "read"}),
        ),
    );
}

#[test]
fn a_path_that_could_not_be_read_says_why() {
    let taken = vec![cwd("/root"), Taken::Unreadable(Unreadable::NotResident), Taken::Nothing];
    call("openat", &[AT_FDCWD, 0x7000, 0], -14, taken).tells(
        "file.open",
        failure("EFAULT"),
        json!({"path": {"unreadable": "not_resident"}, "resolved": false, "provenance": "user_memory", "flags": [],
               "access": "read"}),
    );
}

#[test]
fn a_path_that_is_too_long_keeps_its_beginning_and_its_length() {
    let taken = vec![
        cwd("/root"),
        Taken::String { entry: Copied::Truncated { text: "aaa".into(), truncated: 5000 }, at_return: None },
        Taken::Nothing,
    ];
    call("openat", &[AT_FDCWD, 0x7000, 0], -36, taken).tells(
        "file.open",
        failure("ENAMETOOLONG"),
        json!({"path": {"text": "/root/aaa", "truncated": 5006}, "given": {"text": "aaa", "truncated": 5000},
               "base": "/root", "resolved": false, "provenance": "user_memory", "flags": [], "access": "read"}),
    );
}

#[test]
fn a_string_that_changed_during_the_call_is_an_event_of_its_own() {
    let taken = vec![
        cwd("/root"),
        Taken::String { entry: Copied::whole("/tmp/ok"), at_return: Some(Copied::whole("/etc/shadow")) },
        found("/etc/shadow"),
    ];
    call("openat", &[AT_FDCWD, 0x7000, 0], 3, taken).tells_all(
        success(),
        &[
            (
                "file.open",
                with(
                    true_path("/etc/shadow"),
                    json!({"given": "/tmp/ok", "flags": [], "access": "read", "fd": 3}),
                ),
            ),
            (
                "process.argument_race",
                json!({"call": "openat", "at_entry": "/tmp/ok", "at_return": "/etc/shadow"}),
            ),
        ],
    );
}

#[test]
fn a_skipped_call_is_never_a_success() {
    let taken = || vec![Taken::Nothing, Taken::Nothing, Taken::Nothing];
    let path = json!({"path": {"unreadable": "not_copied"}, "resolved": false, "provenance": "user_memory",
                      "flags": [], "access": "read"});
    made(Abi::X86_64, "openat", &[3, 0x7000], Returned::Skipped(-1), taken()).tells(
        "file.open",
        json!({"result": "failure", "errno": "EPERM", "skipped": true}),
        path.clone(),
    );
    for value in [0, 257] {
        made(Abi::X86_64, "openat", &[3, 0x7000], Returned::Skipped(value), taken()).tells(
            "file.open",
            json!({"result": "failure", "skipped": true}),
            path.clone(),
        );
    }
}

#[test]
fn a_call_that_never_returned_is_unfinished_and_so_is_one_that_begins_again() {
    let content = with(said_path("/fifo"), json!({"flags": [], "access": "read"}));
    let taken = || vec![cwd("/root"), string("/fifo"), Taken::Nothing];
    made(Abi::X86_64, "openat", &[AT_FDCWD, 0x7000], Returned::Never, taken()).tells(
        "file.open",
        json!({"result": "unfinished"}),
        content.clone(),
    );
    made(Abi::X86_64, "openat", &[AT_FDCWD, 0x7000], Returned::Value(-512), taken()).tells(
        "file.open",
        json!({"result": "unfinished", "errno": "ERESTARTSYS"}),
        content,
    );
}

#[test]
fn what_an_open_file_wrote_is_told_when_it_closes() {
    let io = crate::raw::RawIo { object: object("/tmp/out"), written: 12, writes: 2, read: 3, mapped: false };
    let tell =
        |io: crate::raw::RawIo| events(&mut running(), raw(1000, ARTIFACT, ARTIFACT, Body::Io(Box::new(io))));
    let mut expected = call("openat", &[], 0, vec![]).event(
        "file.write",
        success(),
        "file",
        with(true_path("/tmp/out"), json!({"bytes": 12, "calls": 2, "read_bytes": 3})),
    );
    expected.as_object_mut().expect("an object").remove("syscall");
    assert_eq!(tell(io.clone()), [expected]);
    assert!(tell(crate::raw::RawIo { written: 0, writes: 0, ..io.clone() }).is_empty(), "only reads");
    let mapped = tell(crate::raw::RawIo { written: 0, writes: 0, mapped: true, ..io });
    assert_eq!(mapped[0]["file"]["mapped"], true);
}
