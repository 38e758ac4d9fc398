//! 32-bit calls: other numbers, narrower arguments, older layouts.

use super::*;

fn words32(words: &[u32]) -> Taken {
    Taken::Bytes(words.iter().flat_map(|word| word.to_le_bytes()).collect())
}

#[test]
fn a_32_bit_open_is_decoded_as_such() {
    call32("openat", &[0xffff_ff9c, 0x7000, 0o2000000], -2, vec![cwd("/root"), string("x"), Taken::Nothing])
        .tells(
            "file.open",
            failure("ENOENT"),
            with(joined_path("/root/x", "x", "/root"), json!({"flags": ["O_CLOEXEC"], "access": "read"})),
        );
    // The error may come zero-extended.
    call32("open", &[0x7000, 0], 0xffff_fff3, vec![cwd("/root"), string("/x"), Taken::Nothing]).tells(
        "file.open",
        failure("EACCES"),
        with(said_path("/x"), json!({"flags": [], "access": "read"})),
    );
}

#[test]
fn the_working_directory_may_be_given_in_32_bits() {
    // Learnt from AT_FDCWD: in which root an absolute path begins.
    let mut decoder = running();
    let jail = RawObject { root: Some(Copied::whole("/jail")), mount_namespace: 5, ..directory("/jail/d") };
    let first = call32("unlinkat", &[0xffff_ff9c, 1, 0], 0, vec![Taken::Object(jail), string("x")]);
    events(&mut decoder, raw(10, ARTIFACT, ARTIFACT, Body::Call(Box::new(first.raw))));
    let second = call32("unlinkat", &[0xffff_ffff, 1, 0], 0, vec![Taken::Nothing, string("/y")]);
    let all = events(&mut decoder, raw(11, ARTIFACT, ARTIFACT, Body::Call(Box::new(second.raw))));
    assert_eq!(all[0]["file"]["path"], "/jail/y");
    assert_eq!(all[0]["file"]["path_root"], json!({"mount_namespace": 5, "root": "/jail"}));
}

#[test]
fn lengths_come_in_two_registers() {
    call32("truncate64", &[1, 5, 1], 0, vec![cwd("/"), string("/f")]).tells(
        "file.truncate",
        success(),
        with(said_path("/f"), json!({"call": "truncate64", "length": 0x1_0000_0005_u64})),
    );
    call32("ftruncate64", &[3, 0xffff_ffff, 0xffff_ffff], -22, vec![found("/f")]).tells(
        "file.truncate",
        failure("EINVAL"),
        with(true_path("/f"), json!({"call": "ftruncate64", "length": -1})),
    );
    call32("truncate", &[1, 0xffff_fffe], -22, vec![cwd("/"), string("/f")]).tells(
        "file.truncate",
        failure("EINVAL"),
        with(said_path("/f"), json!({"call": "truncate", "length": -2})),
    );
    call32("fallocate", &[3, 0, 1, 0, 2, 1], 0, vec![found("/f")]).tells(
        "file.truncate",
        success(),
        with(true_path("/f"), json!({"call": "fallocate", "length": 0x1_0000_0003_u64})),
    );
}

#[test]
fn old_times_are_32_bit_words() {
    call32("utime", &[1, 2], 0, vec![cwd("/"), string("/f"), words32(&[10, 20])]).tells(
        "file.utime",
        success(),
        with(said_path("/f"), json!({"times": [10_000_000_000_i64, 20_000_000_000_i64]})),
    );
    call32("utimes", &[1, 2], 0, vec![cwd("/"), string("/f"), words32(&[1, 2, 3, 4])]).tells(
        "file.utime",
        success(),
        with(said_path("/f"), json!({"times": [1_000_002_000, 3_000_004_000_i64]})),
    );
    call32("utimensat", &[4, 1, 2], 0, vec![cwd("/srv"), string("f"), words32(&[1, 2, 0xffff_ffff, 0])])
        .tells(
            "file.utime",
            success(),
            with(joined_path("/srv/f", "f", "/srv"), json!({"times": [1_000_000_002, -1_000_000_000]})),
        );
    let taken = vec![cwd("/srv"), string("f"), words32(&[1, 0, 2, 77, 3, 0, 4, 0])];
    call32("utimensat_time64", &[4, 1, 2, 0], 0, taken).tells(
        "file.utime",
        success(),
        with(joined_path("/srv/f", "f", "/srv"), json!({"times": [1_000_000_002, 3_000_000_004_i64]})),
    );
}

#[test]
fn old_ids_have_16_bits() {
    call32("chown", &[1, 0x1_0005, 0xffff], 0, vec![cwd("/"), string("/f")]).tells(
        "file.chown",
        success(),
        with(said_path("/f"), json!({"uid": 5})),
    );
    call32("chown32", &[1, 0x1_0005, 0xffff], 0, vec![cwd("/"), string("/f")]).tells(
        "file.chown",
        success(),
        with(said_path("/f"), json!({"uid": 0x1_0005, "gid": 0xffff})),
    );
    let same = || vec![Taken::Credentials(root_credentials(), root_credentials())];
    let asked = |made: Made| made.all_events()[0]["credentials"]["asked"].clone();
    assert_eq!(asked(call32("setreuid", &[0xffff, 0x2_0000], 0, same())), json!([u32::MAX, 0]));
    assert_eq!(asked(call32("setreuid32", &[0xffff, 0x2_0000], 0, same())), json!([0xffff, 0x2_0000]));
}

#[test]
fn socketcall_is_what_its_first_argument_says() {
    let address = || Taken::Bytes(vec![2, 0, 0, 53, 198, 18, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    let told = json!({"family": "inet", "address": "198.18.0.1", "port": 53});
    call32("socketcall", &[1, 0x7000], 3, vec![words32(&[40, 1, 0]), Taken::Nothing]).tells(
        "network.socket",
        success(),
        json!({"domain": "AF_VSOCK", "socket_type": "SOCK_STREAM", "protocol": 0, "fd": 3}),
    );
    call32("socketcall", &[1, 0x7000], -1, vec![words32(&[2, 3, 1]), Taken::Nothing]).tells(
        "network.raw_socket",
        failure("EPERM"),
        json!({"domain": "AF_INET", "socket_type": "SOCK_RAW", "protocol": 1}),
    );
    call32("socketcall", &[2, 0x7000], 0, vec![words32(&[3, 0x8000, 16]), address()]).tells(
        "network.bind",
        success(),
        json!({"fd": 3, "address": told}),
    );
    call32("socketcall", &[3, 0x7000], -115, vec![words32(&[3, 0x8000, 16]), address()]).tells(
        "network.connect",
        json!({"result": "unfinished", "errno": "EINPROGRESS"}),
        json!({"fd": 3, "address": told}),
    );
    call32("socketcall", &[4, 0x7000], 0, vec![words32(&[3, 5]), Taken::Nothing]).tells(
        "network.listen",
        success(),
        json!({"fd": 3, "backlog": 5}),
    );
    call32("socketcall", &[5, 0x7000], 6, vec![words32(&[3, 0, 0]), Taken::Nothing]).tells(
        "network.accept",
        success(),
        json!({"fd": 3, "accepted": 6}),
    );
    call32("socketcall", &[11, 0x7000], 9, vec![words32(&[3, 1, 9, 0, 0x8000, 16]), address()]).tells(
        "network.send",
        success(),
        json!({"fd": 3, "address": told, "sent": 9, "call": "sendto"}),
    );
    call32("socketcall", &[16, 0x7000], -1, vec![words32(&[3, 1, 0]), address()]).tells(
        "network.send",
        failure("EPERM"),
        json!({"fd": 3, "address": told, "call": "sendmsg"}),
    );
    call32("socketcall", &[11, 0x7000], 9, vec![words32(&[3, 1, 9, 0, 0, 0]), Taken::Nothing]).says_nothing();
    call32("socketcall", &[14, 0x7000], 0, vec![words32(&[3, 1, 2, 3, 4]), Taken::Nothing]).says_nothing();
    call32("socketcall", &[99, 0x7000], -22, vec![Taken::Nothing, Taken::Nothing]).says_nothing();
}

#[test]
fn a_socketcall_whose_arguments_were_not_read_is_told_with_what_is_known() {
    call32("socketcall", &[3, 0x7000], -14, vec![Taken::Unreadable(Unreadable::BadAddress), Taken::Nothing])
        .tells(
            "network.connect",
            failure("EFAULT"),
            json!({"fd": -1, "address": {"family": "unread", "reason": "not_copied"}}),
        );
}

#[test]
fn the_new_mmap_has_registers_and_the_old_one_memory() {
    call32("mmap2", &[0, 4096, 7, 0x22, 0xffff_ffff, 0], 0xf7fc_1000, vec![Taken::Nothing]).tells(
        "process.memory_exec",
        success(),
        json!({"call": "mmap2", "address": 0xf7fc_1000_u64, "length": 4096,
               "protection": ["PROT_READ", "PROT_WRITE", "PROT_EXEC"]}),
    );
    call32("mmap", &[0x7000], 0xf7fc_1000, vec![Taken::Nothing]).tells(
        "process.memory_exec",
        success(),
        json!({"call": "mmap", "address": 0xf7fc_1000_u64, "length": 0, "protection": ["?"]}),
    );
}

#[test]
fn signals_to_groups_keep_their_sign() {
    call32("kill", &[0xffff_fff0, 9], 0, vec![]).tells(
        "process.signal",
        success(),
        json!({"signal": "SIGKILL", "call": "kill", "target": -16}),
    );
    call32("umount", &[1, 0xdead], 0, vec![cwd("/"), string("/mnt")]).tells(
        "file.umount",
        success(),
        with(said_path("/mnt"), json!({"flags": []})),
    );
}

#[test]
fn x32_calls_are_told_as_such() {
    let made = made(
        Abi::X32,
        "openat",
        &[0xffff_ff9c, 0x7000, 0],
        Returned::Value(-2),
        vec![cwd("/root"), string("/x"), Taken::Nothing],
    );
    let all = made.all_events();
    assert_eq!(all[0]["syscall"]["arch"], "x32");
    assert_eq!(all[0]["file"]["path"], "/x");
}

#[test]
fn what_the_wall_answered_is_told_with_the_kernels_family() {
    let by_the_wall = |ret: i64, outcome: Value| {
        // another thread had changed the words meanwhile
        let mut made = call32("socketcall", &[1, 0x7000], ret, vec![words32(&[2, 1, 0]), Taken::Nothing]);
        made.raw.walled = true;
        let content = json!({"domain": "AF_VSOCK", "socket_type": "SOCK_STREAM", "protocol": 0});
        made.tells("network.socket", outcome, content);
    };
    // killed before it saw the descriptor
    by_the_wall(3, json!({"result": "unfinished", "enforcer": "detektr"}));
    by_the_wall(-97, json!({"result": "failure", "errno": "EAFNOSUPPORT", "enforcer": "detektr"}));
}
