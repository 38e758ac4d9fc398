//! Process calls.

use super::*;

fn creds(uids: [u32; 4]) -> RawCredentials {
    RawCredentials { uids: uids.map(|id| ROOT + id), ..root_credentials() }
}

fn told(uids: [u32; 4]) -> Value {
    json!({
        "uid": uids[0], "euid": uids[1], "suid": uids[2], "fsuid": uids[3],
        "gid": 0, "egid": 0, "sgid": 0, "fsgid": 0,
        "capabilities": {"inheritable": 0, "permitted": 255, "effective": 255, "bounding": 0, "ambient": 0},
    })
}

#[test]
fn credentials_tell_old_and_new_ids_of_the_environment() {
    let made = call("setuid", &[1000], 0, vec![Taken::Credentials(creds([0; 4]), creds([1000; 4]))]);
    let mut decoder = running();
    let body = || Body::Call(Box::new(made.raw.clone()));
    let all = events(&mut decoder, raw(1000, ARTIFACT, ARTIFACT, body()));
    let content = json!({"call": "setuid", "old": told([0; 4]), "new": told([1000; 4]), "asked": [1000]});
    assert_eq!(all, [made.event("process.credentials", success(), "credentials", content)]);
    // What comes later is done by the new user.
    let later = Raw { euid: None, ..raw(1001, ARTIFACT, ARTIFACT, body()) };
    assert_eq!(events(&mut decoder, later)[0]["process"]["euid"], 1000);

    call(
        "setresuid",
        &[0xffff_ffff, 0, 0xffff_ffff],
        -1,
        vec![Taken::Credentials(creds([1000; 4]), creds([1000; 4]))],
    )
    .tells(
        "process.credentials",
        failure("EPERM"),
        json!({"call": "setresuid", "old": told([1000; 4]), "new": told([1000; 4]),
               "asked": [u32::MAX, 0, u32::MAX]}),
    );
}

#[test]
fn a_setfsuid_that_changed_nothing_failed_whatever_it_returned() {
    let same = || vec![Taken::Credentials(creds([1000; 4]), creds([1000; 4]))];
    let content = |asked: u32| json!({"call": "setfsuid", "old": told([1000; 4]), "new": told([1000; 4]), "asked": [asked]});
    call("setfsuid", &[0], 1000, same()).tells(
        "process.credentials",
        json!({"result": "failure"}),
        content(0),
    );
    call("setfsuid", &[0xffff_ffff], 1000, same()).tells("process.credentials", success(), content(u32::MAX));
    call("setfsuid", &[1000], 1000, same()).tells("process.credentials", success(), content(1000));
}

#[test]
fn a_skipped_credentials_call_keeps_what_was_known() {
    made(Abi::X86_64, "capset", &[1, 2], Returned::Skipped(-1), vec![Taken::Nothing]).tells(
        "process.credentials",
        json!({"result": "failure", "errno": "EPERM", "skipped": true}),
        json!({"call": "capset", "old": told([0; 4]), "new": told([0; 4])}),
    );
}

#[test]
fn namespaces_are_made_and_entered_by_name() {
    call("unshare", &[0x1002_0000], 0, vec![]).tells(
        "process.namespace",
        success(),
        json!({"call": "unshare", "flags": ["CLONE_NEWNS", "CLONE_NEWUSER"]}),
    );
    let namespace = RawObject { fs: "nsfs".to_owned(), ..object("net:[4026531840]") };
    call("setns", &[3, 0], -1, vec![Taken::Object(namespace)]).tells(
        "process.namespace",
        failure("EPERM"),
        json!({"call": "setns", "flags": ["CLONE_NEWNET"]}),
    );
}

#[test]
fn tracing_is_told_by_request_and_a_poke_is_a_memory_write() {
    call("ptrace", &[16, 31, 0, 0], -1, vec![]).tells(
        "process.ptrace",
        failure("EPERM"),
        json!({"request": "PTRACE_ATTACH", "target": 31}),
    );
    call("ptrace", &[5, 31, 0x1000, 0x90], 0, vec![]).tells_all(
        success(),
        &[
            ("process.ptrace", json!({"request": "PTRACE_POKEDATA", "target": 31})),
            ("process.memory_write", json!({"via": "ptrace", "target": 31, "bytes": 8})),
        ],
    );
}

#[test]
fn writes_into_another_process_tell_target_and_bytes() {
    call("process_vm_writev", &[31, 1, 1, 2, 1, 0], 64, vec![]).tells(
        "process.memory_write",
        success(),
        json!({"via": "process_vm_writev", "target": 31, "bytes": 64}),
    );
    call("process_vm_writev", &[31, 1, 1, 2, 1, 0], -3, vec![]).tells(
        "process.memory_write",
        failure("ESRCH"),
        json!({"via": "process_vm_writev", "target": 31}),
    );
}

#[test]
fn executable_memory_is_told_only_where_no_plain_file_is_behind_it() {
    let none = || vec![Taken::Nothing];
    call("mmap", &[0, 4096, 7, 0x22, 0xffff_ffff, 0], 0x7f00_0000_0000, none()).tells(
        "process.memory_exec",
        success(),
        json!({"call": "mmap", "address": 0x7f00_0000_0000_u64, "length": 4096,
               "protection": ["PROT_READ", "PROT_WRITE", "PROT_EXEC"]}),
    );
    let memory = RawObject { memfd: true, unlinked: true, fs: "tmpfs".to_owned(), ..object("memfd:x") };
    call("mmap", &[0x5000, 4096, 5, 0x1, 3, 0], -1, vec![Taken::Object(memory)]).tells(
        "process.memory_exec",
        failure("EPERM"),
        json!({"call": "mmap", "address": 0x5000, "length": 4096, "protection": ["PROT_READ", "PROT_EXEC"],
               "file": with(true_path("memfd:x"), json!({"fs": "tmpfs", "unlinked": true}))}),
    );
    call("mmap", &[0, 4096, 5, 0x2, 3, 0], 0x7f00_0000_0000, vec![found("/lib/libc.so.6")]).says_nothing();
    call("mmap", &[0, 4096, 3, 0x22, 0xffff_ffff, 0], 0x7f00_0000_0000, none()).says_nothing();
    call("mprotect", &[0x5000, 8192, 5], 0, vec![]).tells(
        "process.memory_exec",
        success(),
        json!({"call": "mprotect", "address": 0x5000, "length": 8192, "protection": ["PROT_READ", "PROT_EXEC"]}),
    );
    call("mprotect", &[0x5000, 8192, 1], 0, vec![]).says_nothing();
    call("pkey_mprotect", &[0x5000, 8192, 4, 1], -13, vec![]).tells(
        "process.memory_exec",
        failure("EACCES"),
        json!({"call": "pkey_mprotect", "address": 0x5000, "length": 8192, "protection": ["PROT_EXEC"]}),
    );
}

#[test]
fn signals_are_told_by_name_and_target_as_given() {
    let cases: &[(&str, &[u64], i64, &str)] = &[
        ("kill", &[0xffff_ffff, 9], -1, "SIGKILL"),
        ("tkill", &[31, 15], 31, "SIGTERM"),
        ("tgkill", &[31, 32, 6], 32, "SIGABRT"),
        ("rt_sigqueueinfo", &[31, 35, 0], 31, "SIGRTMIN+3"),
        ("rt_tgsigqueueinfo", &[31, 32, 10, 0], 32, "SIGUSR1"),
        ("kill", &[31, 0], 31, "0"),
    ];
    for (name, args, target, signal) in cases {
        let content = json!({"signal": signal, "call": name, "target": target});
        call(name, args, 0, vec![]).tells("process.signal", success(), content.clone());
        call(name, args, -3, vec![]).tells("process.signal", failure("ESRCH"), content);
    }
    call("pidfd_send_signal", &[5, 9, 0, 0], 0, vec![found("anon_inode:[pidfd]")]).tells(
        "process.signal",
        success(),
        json!({"signal": "SIGKILL", "call": "pidfd_send_signal", "target": 5}),
    );
}

#[test]
fn a_signal_of_the_kernel_was_sent_by_no_process() {
    let all = events(
        &mut running(),
        raw(1000, ARTIFACT, ARTIFACT, Body::KernelSignal { signal: 11, code: 1, walled: false }),
    );
    assert_eq!(
        all,
        [json!({
            "seq": 0, "time": "2023-11-14T22:13:20.000001000Z", "boot_ns": 1000, "phase": "execute", "sensor": "ebpf",
            "kind": "process.signal", "outcome": {"result": "success"},
            "signal": {"signal": "SIGSEGV", "call": "kernel", "target": 10},
        })]
    );
}

#[test]
fn sessions_names_and_directories_are_told() {
    call("setsid", &[], 10, vec![]).tells("process.session", success(), json!({"call": "setsid"}));
    call("setpgid", &[0, 0], -1, vec![]).tells(
        "process.session",
        failure("EPERM"),
        json!({"call": "setpgid"}),
    );
    call("prctl", &[15, 1], 0, vec![string("[kworker/0:1-a-long-name]"), Taken::Nothing]).tells(
        "process.rename",
        success(),
        json!({"name": "[kworker/0:1-a-"}),
    );
    call("prctl", &[1, 9], 0, vec![]).says_nothing();
    call("chdir", &[1], 0, vec![cwd("/root"), string("/tmp")]).tells(
        "process.chdir",
        success(),
        json!({"directory": said_path("/tmp")}),
    );
    call("fchdir", &[3], -20, vec![found("/f")]).tells(
        "process.chdir",
        failure("ENOTDIR"),
        json!({"directory": true_path("/f")}),
    );
    call("chroot", &[1], -1, vec![cwd("/root"), string("jail")]).tells(
        "process.chroot",
        failure("EPERM"),
        json!({"directory": joined_path("/root/jail", "jail", "/root")}),
    );
}

#[test]
fn prctl_changes_capabilities_and_installs_filters() {
    let caps = || vec![Taken::Nothing, Taken::Credentials(creds([0; 4]), creds([0; 4]))];
    let content = json!({"call": "prctl", "old": told([0; 4]), "new": told([0; 4])});
    call("prctl", &[47, 2, 7], 0, caps()).tells("process.credentials", success(), content.clone());
    call("prctl", &[24, 7], -1, caps()).tells("process.credentials", failure("EPERM"), content);
    call("prctl", &[47, 1, 7], 1, caps()).says_nothing();
    call("prctl", &[22, 2, 0x7000], 0, vec![]).tells(
        "process.seccomp",
        success(),
        json!({"mode": "filter", "flags": []}),
    );
}

#[test]
fn filters_of_the_artifact_tell_their_mode_flags_and_length() {
    let mut program = vec![11, 0, 0, 0, 0, 0, 0, 0];
    program.extend([0; 8]);
    call("seccomp", &[1, 9, 0x7000], 0, vec![Taken::Bytes(program)]).tells(
        "process.seccomp",
        success(),
        json!({"mode": "filter", "instructions": 11,
               "flags": ["SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_NEW_LISTENER"]}),
    );
    call("seccomp", &[0, 0, 0], -22, vec![Taken::Nothing]).tells(
        "process.seccomp",
        failure("EINVAL"),
        json!({"mode": "strict", "flags": []}),
    );
    call("seccomp", &[2, 0, 0x7000], 0, vec![]).says_nothing();
}

#[test]
fn a_failed_fork_is_told_and_a_successful_one_is_left_to_the_birth() {
    let content =
        |flags: Value| json!({"child": "13880-10-1", "pid": 0, "tid": 0, "flags": flags, "thread": false});
    call("fork", &[], -11, vec![]).tells("process.fork", failure("EAGAIN"), content(json!([])));
    call("vfork", &[], -12, vec![]).tells(
        "process.fork",
        failure("ENOMEM"),
        content(json!(["CLONE_VM", "CLONE_VFORK"])),
    );
    let mut arguments = vec![0; 88];
    arguments[..8].copy_from_slice(&0x1000_0000_u64.to_le_bytes());
    call("clone3", &[1, 88], -1, vec![Taken::Bytes(arguments)]).tells_all(
        failure("EPERM"),
        &[
            ("process.fork", content(json!(["CLONE_NEWUSER"]))),
            ("process.namespace", json!({"call": "clone3", "flags": ["CLONE_NEWUSER"]})),
        ],
    );
    call("clone", &[0x11], 5001, vec![]).says_nothing();
}

#[test]
fn a_signal_of_the_wall_names_it() {
    let kill = |walled| {
        let body = Body::KernelSignal { signal: 9, code: 0x80, walled };
        events(&mut running(), raw(1000, ARTIFACT, ARTIFACT, body))[0]["outcome"].clone()
    };
    assert_eq!(kill(true), json!({"result": "success", "enforcer": "detektr"}));
    assert_eq!(kill(false), success());
}
