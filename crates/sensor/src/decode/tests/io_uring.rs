//! Operations through a ring.

use super::*;
use crate::raw::RawUring;

fn operation(opcode: u8, result: Option<i32>) -> RawUring {
    RawUring {
        opcode,
        fd: -100,
        result,
        path: None,
        path2: None,
        base: None,
        base2: None,
        object: None,
        address: None,
        domain: None,
        walled: false,
    }
}

#[track_caller]
fn check(uring: RawUring, outcome: Value, content: Value) {
    let all = events(&mut running(), raw(1000, ARTIFACT, ARTIFACT, Body::Uring(Box::new(uring))));
    let expected = json!({
        "seq": 0, "time": "2023-11-14T22:13:20.000001000Z", "boot_ns": 1000, "phase": "execute", "sensor": "ebpf",
        "process": {"id": "13880-10-1", "pid": 10, "tid": 10, "exe": "/tmp/sample", "euid": 0, "actor": "artifact"},
        "kind": "kernel.io_uring", "outcome": outcome, "io_uring": content,
    });
    assert_eq!(all, [expected]);
}

#[test]
fn an_open_through_a_ring_tells_given_and_true_path() {
    let open = RawUring {
        path: Some(Copied::whole("hosts")),
        base: Some(directory("/etc")),
        object: Some(object("/etc/hosts")),
        ..operation(18, Some(5))
    };
    let file = with(true_path("/etc/hosts"), json!({"given": "hosts", "base": "/etc"}));
    check(open, success(), json!({"operation": "IORING_OP_OPENAT", "file": file, "result": 5}));
    let denied = RawUring { path: Some(Copied::whole("/etc/shadow")), ..operation(28, Some(-13)) };
    check(
        denied,
        failure("EACCES"),
        json!({"operation": "IORING_OP_OPENAT2", "file": said_path("/etc/shadow"), "result": -13}),
    );
}

#[test]
fn two_paths_through_a_ring_are_both_told() {
    let rename = RawUring {
        fd: 7,
        path: Some(Copied::whole("a")),
        base: Some(directory("/srv")),
        path2: Some(Copied::whole("b")),
        base2: Some(directory("/tmp")),
        ..operation(35, Some(0))
    };
    check(
        rename,
        success(),
        json!({"operation": "IORING_OP_RENAMEAT", "file": joined_path("/srv/a", "a", "/srv"),
               "to": joined_path("/tmp/b", "b", "/tmp"), "result": 0}),
    );
    let symlink = RawUring {
        path: Some(Copied::whole("../x")),
        path2: Some(Copied::whole("l")),
        base: Some(directory("/srv")),
        ..operation(38, Some(0))
    };
    check(
        symlink,
        success(),
        json!({"operation": "IORING_OP_SYMLINKAT", "file": joined_path("/srv/l", "l", "/srv"),
               "to": said_path("../x"), "result": 0}),
    );
}

#[test]
fn a_write_a_connect_and_an_unfinished_operation_are_told() {
    let write = RawUring { fd: 3, object: Some(object("/tmp/f")), ..operation(23, Some(12)) };
    check(
        write,
        success(),
        json!({"operation": "IORING_OP_WRITE", "fd": 3, "file": true_path("/tmp/f"), "result": 12}),
    );
    let address = vec![2, 0, 0, 53, 198, 18, 0, 1];
    let connect = RawUring { fd: 3, address: Some(address), ..operation(16, Some(-115)) };
    check(
        connect,
        json!({"result": "unfinished", "errno": "EINPROGRESS"}),
        json!({"operation": "IORING_OP_CONNECT", "fd": 3, "result": -115,
               "address": {"family": "inet", "address": "198.18.0.1", "port": 53}}),
    );
    check(operation(255, None), json!({"result": "unfinished"}), json!({"operation": "255"}));
}

#[test]
fn a_socket_of_a_ring_is_told_with_its_family_and_with_who_killed_for_it() {
    let socket = |result| RawUring { domain: Some(40), ..operation(45, result) };
    let content = json!({"operation": "IORING_OP_SOCKET", "domain": "AF_VSOCK"});
    check(
        socket(Some(-97)),
        failure("EAFNOSUPPORT"),
        json!({"operation": "IORING_OP_SOCKET", "domain": "AF_VSOCK", "result": -97}),
    );
    // the kernel may have made it all the same: the program never saw it
    let killed = json!({"result": "unfinished", "enforcer": "detektr"});
    check(RawUring { walled: true, ..socket(None) }, killed.clone(), content);
    check(
        RawUring { walled: true, ..socket(Some(5)) },
        killed,
        json!({"operation": "IORING_OP_SOCKET", "domain": "AF_VSOCK", "result": 5}),
    );
}
