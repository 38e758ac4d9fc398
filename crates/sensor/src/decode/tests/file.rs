//! Calls on names, attributes and mounts.

use super::*;

const AT_FDCWD: u64 = 0xffff_ff9c;

fn two(first: &str, second: &str) -> Vec<Taken> {
    vec![cwd("/root"), string(first), cwd("/srv"), string(second)]
}

#[test]
fn renames_tell_both_names() {
    call("rename", &[1, 2], 0, two("a", "/b")).tells(
        "file.rename",
        success(),
        with(joined_path("/root/a", "a", "/root"), json!({"to": said_path("/b")})),
    );
    call("renameat2", &[AT_FDCWD, 1, 4, 2, 2], -18, two("a", "b")).tells(
        "file.rename",
        failure("EXDEV"),
        with(
            joined_path("/root/a", "a", "/root"),
            json!({"to": joined_path("/srv/b", "b", "/srv"), "flags": ["RENAME_EXCHANGE"]}),
        ),
    );
    call("renameat", &[AT_FDCWD, 1, 4, 2, 2], 0, two("a", "b")).tells(
        "file.rename",
        success(),
        with(joined_path("/root/a", "a", "/root"), json!({"to": joined_path("/srv/b", "b", "/srv")})),
    );
}

#[test]
fn links_tell_source_and_new_name() {
    call("link", &[1, 2], 0, two("/a", "/b")).tells(
        "file.link",
        success(),
        with(said_path("/b"), json!({"source": said_path("/a")})),
    );
    // linkat of a descriptor gives a name to what had none.
    let taken = vec![found("/tmp/#77"), string(""), cwd("/srv"), string("b")];
    call("linkat", &[5, 1, 4, 2, 0x1000], 0, taken).tells(
        "file.link",
        success(),
        with(joined_path("/srv/b", "b", "/srv"), json!({"source": true_path("/tmp/#77")})),
    );
}

#[test]
fn symbolic_links_keep_their_content_as_given() {
    call("symlink", &[1, 2], 0, vec![string("../etc"), cwd("/root"), string("l")]).tells(
        "file.symlink",
        success(),
        with(joined_path("/root/l", "l", "/root"), json!({"target": "../etc"})),
    );
    call("symlinkat", &[1, 4, 2], -17, vec![string("x"), cwd("/srv"), string("l")]).tells(
        "file.symlink",
        failure("EEXIST"),
        with(joined_path("/srv/l", "l", "/srv"), json!({"target": "x"})),
    );
}

#[test]
fn names_are_removed_as_files_or_as_directories() {
    call("unlink", &[1], 0, vec![cwd("/root"), string("/x")]).tells(
        "file.unlink",
        success(),
        said_path("/x"),
    );
    call("unlinkat", &[4, 1, 0], -2, vec![cwd("/srv"), string("x")]).tells(
        "file.unlink",
        failure("ENOENT"),
        joined_path("/srv/x", "x", "/srv"),
    );
    call("unlinkat", &[4, 1, 0x200], 0, vec![cwd("/srv"), string("d")]).tells(
        "file.rmdir",
        success(),
        joined_path("/srv/d", "d", "/srv"),
    );
    call("rmdir", &[1], -39, vec![cwd("/root"), string("/d")]).tells(
        "file.rmdir",
        failure("ENOTEMPTY"),
        said_path("/d"),
    );
}

#[test]
fn directories_and_nodes_are_made_with_their_mode() {
    call("mkdir", &[1, 0o755], 0, vec![cwd("/"), string("/d")]).tells(
        "file.mkdir",
        success(),
        with(said_path("/d"), json!({"mode": 493})),
    );
    call("mkdirat", &[4, 1, 0o700], -13, vec![cwd("/srv"), string("d")]).tells(
        "file.mkdir",
        failure("EACCES"),
        with(joined_path("/srv/d", "d", "/srv"), json!({"mode": 448})),
    );
    call("mknod", &[1, 0o20600, 0x0107], -1, vec![cwd("/"), string("/full")]).tells(
        "file.mknod",
        failure("EPERM"),
        with(said_path("/full"), json!({"mode": 0o20600, "device": [1, 7]})),
    );
    call("mknodat", &[4, 1, 0o10644, 0], 0, vec![cwd("/srv"), string("p")]).tells(
        "file.mknod",
        success(),
        with(joined_path("/srv/p", "p", "/srv"), json!({"mode": 0o10644})),
    );
}

#[test]
fn modes_are_set_by_name_or_descriptor() {
    call("chmod", &[1, 0o4755], 0, vec![cwd("/"), string("/sh")]).tells(
        "file.chmod",
        success(),
        with(said_path("/sh"), json!({"mode": 0o4755})),
    );
    call("fchmod", &[3, 0o600], -1, vec![found("/etc/shadow")]).tells(
        "file.chmod",
        failure("EPERM"),
        with(true_path("/etc/shadow"), json!({"mode": 0o600})),
    );
    call("fchmodat", &[4, 1, 0o644], 0, vec![cwd("/srv"), string("f")]).tells(
        "file.chmod",
        success(),
        with(joined_path("/srv/f", "f", "/srv"), json!({"mode": 0o644})),
    );
    call("fchmodat2", &[4, 1, 0o644, 0x1000], 0, vec![found("/srv/f"), string("")]).tells(
        "file.chmod",
        success(),
        with(true_path("/srv/f"), json!({"mode": 0o644})),
    );
    call("fchmod", &[9, 0o600], -9, vec![Taken::Nothing]).tells(
        "file.chmod",
        failure("EBADF"),
        with(said_path("fd:[9]"), json!({"mode": 0o600})),
    );
}

#[test]
fn owners_are_told_as_asked_and_minus_one_is_no_owner() {
    call("chown", &[1, 0, 0xffff_ffff], 0, vec![cwd("/"), string("/f")]).tells(
        "file.chown",
        success(),
        with(said_path("/f"), json!({"uid": 0})),
    );
    call("fchown", &[3, 1000, 1000], -1, vec![found("/f")]).tells(
        "file.chown",
        failure("EPERM"),
        with(true_path("/f"), json!({"uid": 1000, "gid": 1000})),
    );
    call("fchownat", &[4, 1, 5, 6, 0], 0, vec![cwd("/srv"), string("f")]).tells(
        "file.chown",
        success(),
        with(joined_path("/srv/f", "f", "/srv"), json!({"uid": 5, "gid": 6})),
    );
}

#[test]
fn lengths_are_set() {
    call("truncate", &[1, 100], 0, vec![cwd("/"), string("/f")]).tells(
        "file.truncate",
        success(),
        with(said_path("/f"), json!({"call": "truncate", "length": 100})),
    );
    call("ftruncate", &[3, u64::MAX], -22, vec![found("/f")]).tells(
        "file.truncate",
        failure("EINVAL"),
        with(true_path("/f"), json!({"call": "ftruncate", "length": -1})),
    );
    call("fallocate", &[3, 0, 4096, 100], 0, vec![found("/f")]).tells(
        "file.truncate",
        success(),
        with(true_path("/f"), json!({"call": "fallocate", "length": 4196})),
    );
}

fn words64(words: &[i64]) -> Taken {
    Taken::Bytes(words.iter().flat_map(|word| word.to_le_bytes()).collect())
}

#[test]
fn times_are_told_in_nanoseconds_whatever_the_call() {
    call("utime", &[1, 2], 0, vec![cwd("/"), string("/f"), words64(&[10, 20])]).tells(
        "file.utime",
        success(),
        with(said_path("/f"), json!({"times": [10_000_000_000_i64, 20_000_000_000_i64]})),
    );
    call("utimes", &[1, 2], 0, vec![cwd("/"), string("/f"), words64(&[10, 5, 20, 6])]).tells(
        "file.utime",
        success(),
        with(said_path("/f"), json!({"times": [10_000_005_000_i64, 20_000_006_000_i64]})),
    );
    let now = (1 << 30) - 1;
    call("utimensat", &[4, 1, 2, 0], -1, vec![cwd("/srv"), string("f"), words64(&[0, now, 1, 2])]).tells(
        "file.utime",
        failure("EPERM"),
        with(joined_path("/srv/f", "f", "/srv"), json!({"times": [null, 1_000_000_002]})),
    );
    // A null path means the descriptor itself, null times mean now.
    call("utimensat", &[4, 0, 0, 0], 0, vec![found("/srv/f"), Taken::Nothing, Taken::Nothing]).tells(
        "file.utime",
        success(),
        with(true_path("/srv/f"), json!({"times": [null, null]})),
    );
    call("futimesat", &[4, 1, 2], 0, vec![cwd("/srv"), string("f"), words64(&[1, 0, 2, 0])]).tells(
        "file.utime",
        success(),
        with(joined_path("/srv/f", "f", "/srv"), json!({"times": [1_000_000_000, 2_000_000_000]})),
    );
}

#[test]
fn extended_attributes_are_set_and_removed_by_name() {
    let taken = vec![cwd("/"), string("/f"), string("security.capability")];
    call("setxattr", &[1, 2, 3, 20, 0], -1, taken.clone()).tells(
        "file.xattr",
        failure("EPERM"),
        with(said_path("/f"), json!({"call": "setxattr", "name": "security.capability", "size": 20})),
    );
    call("lremovexattr", &[1, 2], 0, taken).tells(
        "file.xattr",
        success(),
        with(said_path("/f"), json!({"call": "lremovexattr", "name": "security.capability"})),
    );
    call("fsetxattr", &[3, 2, 3, 4, 0], 0, vec![found("/f"), string("user.a")]).tells(
        "file.xattr",
        success(),
        with(true_path("/f"), json!({"call": "fsetxattr", "name": "user.a", "size": 4})),
    );
    call("fremovexattr", &[3, 2], -61, vec![found("/f"), string("user.a")]).tells(
        "file.xattr",
        failure("ENODATA"),
        with(true_path("/f"), json!({"call": "fremovexattr", "name": "user.a"})),
    );
}

#[test]
fn mounts_old_and_new_are_told() {
    let taken = vec![cwd("/"), string("/mnt"), string("none"), string("tmpfs")];
    call("mount", &[1, 2, 3, 0xc0ed_0000 | 0x6, 0], -1, taken).tells(
        "file.mount",
        failure("EPERM"),
        with(
            said_path("/mnt"),
            json!({"call": "mount", "source": "none", "filesystem": "tmpfs", "flags": ["MS_NOSUID", "MS_NODEV"]}),
        ),
    );
    let taken = vec![cwd("/"), string("/mnt"), Taken::Nothing, Taken::Nothing];
    call("mount", &[0, 2, 0, 0x44000, 0], 0, taken).tells(
        "file.mount",
        success(),
        with(said_path("/mnt"), json!({"call": "mount", "flags": ["MS_REC", "MS_PRIVATE"]})),
    );
    let taken = vec![cwd("/"), string("/mnt"), Taken::Object(directory("/")), string("")];
    call("move_mount", &[5, 1, AT_FDCWD, 2, 4], 0, taken).tells(
        "file.mount",
        success(),
        with(
            said_path("/mnt"),
            json!({"call": "move_mount", "source": "/", "flags": ["MOVE_MOUNT_F_EMPTY_PATH"]}),
        ),
    );
    call("open_tree", &[AT_FDCWD, 1, 1], 4, vec![cwd("/"), string("/mnt")]).tells(
        "file.mount",
        success(),
        with(said_path("/mnt"), json!({"call": "open_tree", "flags": ["OPEN_TREE_CLONE"]})),
    );
    call("fsopen", &[1, 1], 4, vec![string("ext4")]).tells(
        "file.mount",
        success(),
        with(said_path(""), json!({"call": "fsopen", "filesystem": "ext4", "flags": ["FSOPEN_CLOEXEC"]})),
    );
    call("fsmount", &[4, 1, 6], -1, vec![]).tells(
        "file.mount",
        failure("EPERM"),
        with(
            said_path(""),
            json!({"call": "fsmount", "flags": ["FSMOUNT_CLOEXEC", "MOUNT_ATTR_NOSUID", "MOUNT_ATTR_NODEV"]}),
        ),
    );
    call("mount_setattr", &[AT_FDCWD, 1, 0x8000, 2, 32], 0, vec![cwd("/"), string("/mnt")]).tells(
        "file.mount",
        success(),
        with(said_path("/mnt"), json!({"call": "mount_setattr", "flags": ["AT_RECURSIVE"]})),
    );
    call("umount2", &[1, 2], 0, vec![cwd("/"), string("/mnt")]).tells(
        "file.umount",
        success(),
        with(said_path("/mnt"), json!({"flags": ["MNT_DETACH"]})),
    );
    call("pivot_root", &[1, 2], -1, two("new", "/old")).tells(
        "file.pivot_root",
        failure("EPERM"),
        with(joined_path("/root/new", "new", "/root"), json!({"put_old": said_path("/old")})),
    );
}

#[test]
fn a_file_in_memory_is_made_by_name() {
    call("memfd_create", &[1, 3], 3, vec![string("x")]).tells(
        "file.memfd_create",
        success(),
        json!({"name": "x", "flags": ["MFD_CLOEXEC", "MFD_ALLOW_SEALING"], "fd": 3}),
    );
    call("memfd_create", &[1, 0], -38, vec![string("x")]).tells(
        "file.memfd_create",
        failure("ENOSYS"),
        json!({"name": "x", "flags": []}),
    );
}

#[test]
fn looks_at_files_are_told_where_they_are_observed() {
    let cases: &[(&str, &[u64], &str)] = &[
        ("stat", &[1], "file.stat"),
        ("lstat", &[1], "file.stat"),
        ("newfstatat", &[AT_FDCWD, 1, 2, 0], "file.stat"),
        ("statx", &[AT_FDCWD, 1, 0, 0], "file.stat"),
        ("readlink", &[1], "file.readlink"),
        ("readlinkat", &[AT_FDCWD, 1], "file.readlink"),
        ("access", &[1], "file.access"),
        ("faccessat", &[AT_FDCWD, 1], "file.access"),
        ("faccessat2", &[AT_FDCWD, 1, 0, 0], "file.access"),
    ];
    for (name, args, kind) in cases {
        call(name, args, 0, vec![cwd("/"), string("/f")]).tells(kind, success(), said_path("/f"));
        call(name, args, -2, vec![cwd("/"), string("/f")]).tells(kind, failure("ENOENT"), said_path("/f"));
    }
    call("newfstatat", &[3, 1, 2, 0x1000], 0, vec![found("/f"), string("")]).tells(
        "file.stat",
        success(),
        true_path("/f"),
    );
}
