//! Socket calls.

use super::*;

fn inet() -> Taken {
    Taken::Bytes(vec![2, 0, 0, 53, 198, 18, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])
}

fn told_inet() -> Value {
    json!({"family": "inet", "address": "198.18.0.1", "port": 53})
}

#[test]
fn sockets_are_told_by_family_and_type() {
    call("socket", &[2, 0x80001, 6], 3, vec![]).tells(
        "network.socket",
        success(),
        json!({"domain": "AF_INET", "socket_type": "SOCK_STREAM", "protocol": 6, "fd": 3}),
    );
    call("socket", &[40, 1, 0], -97, vec![]).tells(
        "network.socket",
        failure("EAFNOSUPPORT"),
        json!({"domain": "AF_VSOCK", "socket_type": "SOCK_STREAM", "protocol": 0}),
    );
    call("socketpair", &[1, 2, 0, 0x7000], 0, vec![Taken::Bytes(vec![0; 8])]).tells(
        "network.socket",
        success(),
        json!({"domain": "AF_UNIX", "socket_type": "SOCK_DGRAM", "protocol": 0, "pair": true}),
    );
    call("socket", &[16, 3, 0], 3, vec![]).tells(
        "network.socket",
        success(),
        json!({"domain": "AF_NETLINK", "socket_type": "SOCK_RAW", "protocol": 0, "fd": 3}),
    );
}

#[test]
fn a_raw_or_packet_socket_is_a_kind_of_its_own() {
    call("socket", &[2, 3, 1], -1, vec![]).tells(
        "network.raw_socket",
        failure("EPERM"),
        json!({"domain": "AF_INET", "socket_type": "SOCK_RAW", "protocol": 1}),
    );
    call("socket", &[17, 2, 0x0300], 3, vec![]).tells(
        "network.raw_socket",
        success(),
        json!({"domain": "AF_PACKET", "socket_type": "SOCK_DGRAM", "protocol": 768, "fd": 3}),
    );
}

#[test]
fn addresses_are_bound_and_listened_on() {
    call("bind", &[3, 0x7000, 16], -98, vec![inet()]).tells(
        "network.bind",
        failure("EADDRINUSE"),
        json!({"fd": 3, "address": told_inet()}),
    );
    call("bind", &[3, 0x7000, 16], 0, vec![Taken::Bytes(b"\x01\0\0hidden".to_vec())]).tells(
        "network.bind",
        success(),
        json!({"fd": 3, "address": {"family": "unix", "path": "hidden", "abstract": true}}),
    );
    call("listen", &[3, 128], 0, vec![]).tells("network.listen", success(), json!({"fd": 3, "backlog": 128}));
    call("listen", &[3, 0xffff_ffff], -95, vec![]).tells(
        "network.listen",
        failure("EOPNOTSUPP"),
        json!({"fd": 3, "backlog": -1}),
    );
}

#[test]
fn a_connect_in_progress_is_unfinished() {
    let content = json!({"fd": 3, "address": told_inet()});
    call("connect", &[3, 0x7000, 16], 0, vec![inet()]).tells("network.connect", success(), content.clone());
    call("connect", &[3, 0x7000, 16], -111, vec![inet()]).tells(
        "network.connect",
        failure("ECONNREFUSED"),
        content.clone(),
    );
    call("connect", &[3, 0x7000, 16], -115, vec![inet()]).tells(
        "network.connect",
        json!({"result": "unfinished", "errno": "EINPROGRESS"}),
        content.clone(),
    );
    made(Abi::X86_64, "connect", &[3, 0x7000, 16], Returned::Never, vec![inet()]).tells(
        "network.connect",
        json!({"result": "unfinished"}),
        content,
    );
}

#[test]
fn an_address_that_was_not_read_says_why() {
    let cases = [
        (0x7000, Taken::Unreadable(Unreadable::BadAddress), "bad_address"),
        (0x7000, Taken::Nothing, "not_copied"),
        (0, Taken::Nothing, "bad_address"),
    ];
    for (pointer, taken, reason) in cases {
        call("connect", &[3, pointer, 16], -14, vec![taken]).tells(
            "network.connect",
            failure("EFAULT"),
            json!({"fd": 3, "address": {"family": "unread", "reason": reason}}),
        );
    }
}

#[test]
fn accepts_tell_the_peer_where_the_call_asked_for_it() {
    call("accept4", &[3, 0x7000, 0x8000, 0], 5, vec![inet()]).tells(
        "network.accept",
        success(),
        json!({"fd": 3, "accepted": 5, "address": told_inet()}),
    );
    call("accept", &[3, 0, 0], -11, vec![Taken::Nothing]).tells(
        "network.accept",
        failure("EAGAIN"),
        json!({"fd": 3}),
    );
}

#[test]
fn a_message_is_told_only_where_the_call_names_its_peer() {
    call("sendto", &[3, 1, 40, 0, 0x7000, 16], 40, vec![inet()]).tells(
        "network.send",
        success(),
        json!({"fd": 3, "address": told_inet(), "sent": 40, "call": "sendto"}),
    );
    call("sendmsg", &[3, 1, 0], -1, vec![inet()]).tells(
        "network.send",
        failure("EPERM"),
        json!({"fd": 3, "address": told_inet(), "call": "sendmsg"}),
    );
    call("sendmmsg", &[3, 1, 2, 0], 2, vec![inet()]).tells(
        "network.send",
        success(),
        json!({"fd": 3, "address": told_inet(), "sent": 2, "call": "sendmmsg"}),
    );
    call("sendto", &[3, 1, 40, 0, 0, 0], 40, vec![Taken::Nothing]).says_nothing();
    call("sendmsg", &[3, 1, 0], 5, vec![Taken::Nothing]).says_nothing();
}

#[test]
fn a_skipped_message_is_told_without_its_peer() {
    made(Abi::X86_64, "sendmsg", &[3, 1, 0], Returned::Skipped(-1), vec![Taken::Nothing]).tells(
        "network.send",
        json!({"result": "failure", "errno": "EPERM", "skipped": true}),
        json!({"fd": 3, "address": {"family": "unread", "reason": "not_copied"}, "call": "sendmsg"}),
    );
}
