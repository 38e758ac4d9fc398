//! Flag bits by name, in the order of their bits. Bits without a name are told together as one hexadecimal number.

/// A table of single bits.
pub(super) type Bits = &'static [(u64, &'static str)];

/// Names of the bits of `value`.
pub(super) fn names(value: u64, table: Bits) -> Vec<String> {
    let mut rest = value;
    let mut found = Vec::new();
    for (bits, name) in table {
        if rest & bits == *bits && *bits != 0 {
            found.push((*name).to_owned());
            rest &= !bits;
        }
    }
    if rest != 0 {
        found.push(format!("{rest:#x}"));
    }
    found
}

/// `open(2)` flags without the access mode. `O_SYNC` and `O_TMPFILE` stand before the flags that they contain.
pub(super) const OPEN: Bits = &[
    (0o20200000, "O_TMPFILE"),
    (0o4010000, "O_SYNC"),
    (0o100, "O_CREAT"),
    (0o200, "O_EXCL"),
    (0o400, "O_NOCTTY"),
    (0o1000, "O_TRUNC"),
    (0o2000, "O_APPEND"),
    (0o4000, "O_NONBLOCK"),
    (0o10000, "O_DSYNC"),
    (0o20000, "O_ASYNC"),
    (0o40000, "O_DIRECT"),
    (0o100000, "O_LARGEFILE"),
    (0o200000, "O_DIRECTORY"),
    (0o400000, "O_NOFOLLOW"),
    (0o1000000, "O_NOATIME"),
    (0o2000000, "O_CLOEXEC"),
    (0o10000000, "O_PATH"),
];

/// `openat2(2)` resolve flags.
pub(super) const RESOLVE: Bits = &[
    (0x01, "RESOLVE_NO_XDEV"),
    (0x02, "RESOLVE_NO_MAGICLINKS"),
    (0x04, "RESOLVE_NO_SYMLINKS"),
    (0x08, "RESOLVE_BENEATH"),
    (0x10, "RESOLVE_IN_ROOT"),
    (0x20, "RESOLVE_CACHED"),
];

/// `clone(2)` flags; those of new namespaces first of a group of their own.
pub(super) const CLONE: Bits = &[
    (0x0000_0080, "CLONE_NEWTIME"),
    (0x0000_0100, "CLONE_VM"),
    (0x0000_0200, "CLONE_FS"),
    (0x0000_0400, "CLONE_FILES"),
    (0x0000_0800, "CLONE_SIGHAND"),
    (0x0000_1000, "CLONE_PIDFD"),
    (0x0000_2000, "CLONE_PTRACE"),
    (0x0000_4000, "CLONE_VFORK"),
    (0x0000_8000, "CLONE_PARENT"),
    (0x0001_0000, "CLONE_THREAD"),
    (0x0002_0000, "CLONE_NEWNS"),
    (0x0004_0000, "CLONE_SYSVSEM"),
    (0x0008_0000, "CLONE_SETTLS"),
    (0x0010_0000, "CLONE_PARENT_SETTID"),
    (0x0020_0000, "CLONE_CHILD_CLEARTID"),
    (0x0040_0000, "CLONE_DETACHED"),
    (0x0080_0000, "CLONE_UNTRACED"),
    (0x0100_0000, "CLONE_CHILD_SETTID"),
    (0x0200_0000, "CLONE_NEWCGROUP"),
    (0x0400_0000, "CLONE_NEWUTS"),
    (0x0800_0000, "CLONE_NEWIPC"),
    (0x1000_0000, "CLONE_NEWUSER"),
    (0x2000_0000, "CLONE_NEWPID"),
    (0x4000_0000, "CLONE_NEWNET"),
    (0x8000_0000, "CLONE_IO"),
    (0x1_0000_0000, "CLONE_CLEAR_SIGHAND"),
    (0x2_0000_0000, "CLONE_INTO_CGROUP"),
];

/// Those bits of `clone(2)` that make or enter namespaces.
pub(super) const CLONE_NEW: u64 = 0x7e02_0080;

/// Memory protection.
pub(super) const PROT: Bits = &[
    (0x1, "PROT_READ"),
    (0x2, "PROT_WRITE"),
    (0x4, "PROT_EXEC"),
    (0x8, "PROT_SEM"),
    (0x0100_0000, "PROT_GROWSDOWN"),
    (0x0200_0000, "PROT_GROWSUP"),
];

/// `renameat2(2)` flags.
pub(super) const RENAME: Bits = &[(1, "RENAME_NOREPLACE"), (2, "RENAME_EXCHANGE"), (4, "RENAME_WHITEOUT")];

/// `mount(2)` flags. A recursive bind is two bits.
pub(super) const MOUNT: Bits = &[
    (1 << 0, "MS_RDONLY"),
    (1 << 1, "MS_NOSUID"),
    (1 << 2, "MS_NODEV"),
    (1 << 3, "MS_NOEXEC"),
    (1 << 4, "MS_SYNCHRONOUS"),
    (1 << 5, "MS_REMOUNT"),
    (1 << 6, "MS_MANDLOCK"),
    (1 << 7, "MS_DIRSYNC"),
    (1 << 8, "MS_NOSYMFOLLOW"),
    (1 << 10, "MS_NOATIME"),
    (1 << 11, "MS_NODIRATIME"),
    (1 << 12, "MS_BIND"),
    (1 << 13, "MS_MOVE"),
    (1 << 14, "MS_REC"),
    (1 << 15, "MS_SILENT"),
    (1 << 16, "MS_POSIXACL"),
    (1 << 17, "MS_UNBINDABLE"),
    (1 << 18, "MS_PRIVATE"),
    (1 << 19, "MS_SLAVE"),
    (1 << 20, "MS_SHARED"),
    (1 << 21, "MS_RELATIME"),
    (1 << 23, "MS_I_VERSION"),
    (1 << 24, "MS_STRICTATIME"),
    (1 << 25, "MS_LAZYTIME"),
];

/// `move_mount(2)` flags.
pub(super) const MOVE_MOUNT: Bits = &[
    (0x001, "MOVE_MOUNT_F_SYMLINKS"),
    (0x002, "MOVE_MOUNT_F_AUTOMOUNTS"),
    (0x004, "MOVE_MOUNT_F_EMPTY_PATH"),
    (0x010, "MOVE_MOUNT_T_SYMLINKS"),
    (0x020, "MOVE_MOUNT_T_AUTOMOUNTS"),
    (0x040, "MOVE_MOUNT_T_EMPTY_PATH"),
    (0x100, "MOVE_MOUNT_SET_GROUP"),
    (0x200, "MOVE_MOUNT_BENEATH"),
];

/// `open_tree(2)` and `mount_setattr(2)` flags.
pub(super) const OPEN_TREE: Bits = &[
    (0x0000_0001, "OPEN_TREE_CLONE"),
    (0x0000_0100, "AT_SYMLINK_NOFOLLOW"),
    (0x0000_0800, "AT_NO_AUTOMOUNT"),
    (0x0000_1000, "AT_EMPTY_PATH"),
    (0x0000_8000, "AT_RECURSIVE"),
    (0x0008_0000, "OPEN_TREE_CLOEXEC"),
];

/// `fsopen(2)` flags.
pub(super) const FSOPEN: Bits = &[(1, "FSOPEN_CLOEXEC")];

/// `fsmount(2)` flags.
pub(super) const FSMOUNT: Bits = &[(1, "FSMOUNT_CLOEXEC")];

/// Mount attributes of `fsmount(2)`.
pub(super) const MOUNT_ATTR: Bits = &[
    (0x01, "MOUNT_ATTR_RDONLY"),
    (0x02, "MOUNT_ATTR_NOSUID"),
    (0x04, "MOUNT_ATTR_NODEV"),
    (0x08, "MOUNT_ATTR_NOEXEC"),
    (0x10, "MOUNT_ATTR_NOATIME"),
    (0x20, "MOUNT_ATTR_STRICTATIME"),
    (0x80, "MOUNT_ATTR_NODIRATIME"),
    (0x0010_0000, "MOUNT_ATTR_IDMAP"),
    (0x0020_0000, "MOUNT_ATTR_NOSYMFOLLOW"),
];

/// `umount2(2)` flags.
pub(super) const UMOUNT: Bits =
    &[(1, "MNT_FORCE"), (2, "MNT_DETACH"), (4, "MNT_EXPIRE"), (8, "UMOUNT_NOFOLLOW")];

/// `memfd_create(2)` flags without the size of huge pages.
pub(super) const MEMFD: Bits = &[
    (0x01, "MFD_CLOEXEC"),
    (0x02, "MFD_ALLOW_SEALING"),
    (0x04, "MFD_HUGETLB"),
    (0x08, "MFD_NOEXEC_SEAL"),
    (0x10, "MFD_EXEC"),
];

/// `seccomp(2)` filter flags.
pub(super) const SECCOMP: Bits = &[
    (0x01, "SECCOMP_FILTER_FLAG_TSYNC"),
    (0x02, "SECCOMP_FILTER_FLAG_LOG"),
    (0x04, "SECCOMP_FILTER_FLAG_SPEC_ALLOW"),
    (0x08, "SECCOMP_FILTER_FLAG_NEW_LISTENER"),
    (0x10, "SECCOMP_FILTER_FLAG_TSYNC_ESRCH"),
    (0x20, "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combined_flags_come_before_their_parts_and_unknown_bits_stay() {
        assert_eq!(names(0o2000000 | 0o100 | 0o1000, OPEN), ["O_CREAT", "O_TRUNC", "O_CLOEXEC"]);
        assert_eq!(names(0o20200000, OPEN), ["O_TMPFILE"]);
        assert_eq!(names(0o200000, OPEN), ["O_DIRECTORY"]);
        assert_eq!(names(0o4010000, OPEN), ["O_SYNC"]);
        assert_eq!(names(1 << 40 | 0o100, OPEN), ["O_CREAT", "0x10000000000"]);
        assert_eq!(names(0, OPEN), Vec::<String>::new());
    }

    #[test]
    fn the_bits_are_those_of_libc() {
        let known = [
            (libc::O_TMPFILE, "O_TMPFILE"),
            (libc::O_SYNC, "O_SYNC"),
            (libc::O_DSYNC, "O_DSYNC"),
            (libc::O_NOATIME, "O_NOATIME"),
            (libc::O_PATH, "O_PATH"),
            (libc::O_DIRECT, "O_DIRECT"),
        ];
        for (bits, name) in known {
            assert_eq!(names(bits as u64, OPEN), [name]);
        }
        let namespaces = libc::CLONE_NEWNS
            | libc::CLONE_NEWCGROUP
            | libc::CLONE_NEWUTS
            | libc::CLONE_NEWIPC
            | libc::CLONE_NEWUSER
            | libc::CLONE_NEWPID
            | libc::CLONE_NEWNET
            | 0x80;
        assert_eq!(CLONE_NEW, namespaces as u64);
        assert_eq!(names(libc::MS_BIND | libc::MS_REC, MOUNT), ["MS_BIND", "MS_REC"]);
        assert_eq!(names(libc::MS_STRICTATIME | libc::MS_LAZYTIME, MOUNT), ["MS_STRICTATIME", "MS_LAZYTIME"]);
    }
}
