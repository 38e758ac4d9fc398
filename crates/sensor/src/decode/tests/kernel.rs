//! Doors into the kernel.

use super::*;

#[test]
fn modules_are_loaded_and_removed_by_name() {
    call("init_module", &[1, 100, 2], -1, vec![string("debug=1")]).tells(
        "kernel.module_load",
        failure("EPERM"),
        json!({"call": "init_module", "parameters": "debug=1"}),
    );
    call("finit_module", &[3, 2, 0], 0, vec![found("/tmp/evil.ko"), string("")]).tells(
        "kernel.module_load",
        success(),
        json!({"call": "finit_module", "file": true_path("/tmp/evil.ko"), "parameters": ""}),
    );
    call("delete_module", &[1, 0], -2, vec![string("lockdown")]).tells(
        "kernel.module_load",
        failure("ENOENT"),
        json!({"call": "delete_module", "parameters": "lockdown"}),
    );
}

#[test]
fn bpf_keys_rings_and_kexec_are_told_by_command() {
    let cases: &[(&str, &[u64], &str, Value)] = &[
        ("bpf", &[5, 0, 0], "kernel.bpf", json!({"command": "BPF_PROG_LOAD"})),
        ("keyctl", &[11, 0, 0], "kernel.keyctl", json!({"operation": "KEYCTL_READ"})),
        ("add_key", &[0, 0], "kernel.keyctl", json!({"operation": "add_key"})),
        ("request_key", &[0, 0], "kernel.keyctl", json!({"operation": "request_key"})),
        ("io_uring_register", &[4, 1], "kernel.io_uring", json!({"operation": "register", "fd": 4})),
        ("kexec_load", &[], "kernel.kexec", json!({"call": "kexec_load"})),
        ("kexec_file_load", &[], "kernel.kexec", json!({"call": "kexec_file_load"})),
        ("reboot", &[], "kernel.kexec", json!({"call": "reboot"})),
    ];
    for (name, args, kind, content) in cases {
        call(name, args, 0, vec![]).tells(kind, success(), content.clone());
        call(name, args, -1, vec![]).tells(kind, failure("EPERM"), content.clone());
    }
    call("io_uring_setup", &[8, 0x7000], 4, vec![]).tells(
        "kernel.io_uring",
        success(),
        json!({"operation": "setup", "fd": 4}),
    );
    call("io_uring_setup", &[8, 0x7000], -38, vec![]).tells(
        "kernel.io_uring",
        failure("ENOSYS"),
        json!({"operation": "setup"}),
    );
}
