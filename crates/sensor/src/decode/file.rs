//! File calls.

use super::call::Call;
use super::flags;
use crate::raw::RawIo;
use detektr_event::{
    Access, Attributes, Copied, Create, Detail, FilePath, Kind, Link, Memfd, Mount, Open, PathOnly,
    PivotRoot, Rename, SysctlWrite, Truncate, Umount, Unreadable, Write, Xattr,
};

const O_CREAT: u64 = 0o100;
const O_EXCL: u64 = 0o200;
const O_TRUNC: u64 = 0o1000;
const O_PATH: u64 = 0o10000000;
const O_TMPFILE_BIT: u64 = 0o20000000;
const S_IFMT: u32 = 0o170000;
const S_IFREG: u32 = 0o100000;

/// The events of a file call.
pub(super) fn decode(call: &Call<'_>, kind: Kind, out: &mut Vec<Detail>) {
    match kind {
        Kind::FileOpen => open(call, out),
        Kind::FileRename | Kind::FileLink | Kind::FileSymlink | Kind::FilePivotRoot => two_paths(call, out),
        Kind::FileUtime => out.push(super::times::decode(call)),
        Kind::FileMount | Kind::FileUmount => mounts(call, out),
        Kind::FileMemfdCreate => out.push(Detail::FileMemfdCreate {
            file: Memfd {
                name: call.string(0, 0),
                flags: flags::names(u64::from(call.uint(1)), flags::MEMFD),
                fd: call.fd(),
            },
        }),
        _ => one_path(call, out),
    }
}

/// What was written to one open file, where anything was.
pub(super) fn io(path: FilePath, io: &RawIo) -> Option<Detail> {
    (io.written > 0 || io.writes > 0 || io.mapped).then_some(Detail::FileWrite {
        file: Write { path, bytes: io.written, calls: io.writes, read_bytes: io.read, mapped: io.mapped },
    })
}

fn open(call: &Call<'_>, out: &mut Vec<Detail>) {
    let how = |from: usize| -> u64 {
        call.bytes(3)
            .and_then(|bytes| bytes.get(from..from + 8))
            .map_or(0, |word| u64::from_le_bytes(word.try_into().unwrap_or_default()))
    };
    let (given, base, pointer_flags, mode, resolve) = match call.name {
        "creat" => (call.string(1, 0), call.cwd(0), 1 | O_CREAT | O_TRUNC, call.uint(1), 0),
        "open" => (call.string(1, 0), call.cwd(0), u64::from(call.uint(1)), call.uint(2), 0),
        "openat2" => (call.string(1, 1), call.dir(0, 0), how(0), how(8) as u32, how(16)),
        "open_by_handle_at" => (Unreadable::NotCopied.into(), call.dir(0, 0), u64::from(call.uint(2)), 0, 0),
        _ => (call.string(1, 1), call.dir(0, 0), u64::from(call.uint(2)), call.uint(3), 0),
    };
    let result = call.object(if call.name == "open_by_handle_at" { 1 } else { 2 });
    let path = match result {
        Some(object) if call.name == "open_by_handle_at" => call.paths.object(object),
        Some(object) => call.paths.yielded(object, base, &given),
        None => call.paths.joined(base, &given, detektr_event::Provenance::UserMemory),
    };
    let access = match pointer_flags {
        bits if bits & O_PATH != 0 => Access::Path,
        bits if bits & 3 == 0 => Access::Read,
        bits if bits & 3 == 1 => Access::Write,
        _ => Access::ReadWrite,
    };
    let mut names = flags::names(pointer_flags & !3, flags::OPEN);
    names.extend(flags::names(resolve, flags::RESOLVE));
    let nameless = pointer_flags & O_TMPFILE_BIT != 0;
    // What exists and is not a regular file was not made by this call.
    let existed = result.is_some_and(|object| object.mode != 0 && object.mode & S_IFMT != S_IFREG);
    let creates = (pointer_flags & O_CREAT != 0 || nameless) && access != Access::Path && !existed;
    let fd = call.fd();
    let written = matches!(access, Access::Write | Access::ReadWrite) || pointer_flags & O_TRUNC != 0;
    let door = written.then(|| doors(&path, result.map(|object| object.fs.as_str()))).flatten();
    if creates {
        let certain = pointer_flags & O_EXCL != 0 || nameless;
        let mode = mode & 0o7777;
        out.push(Detail::FileCreate { file: Create { path, flags: names, access, mode, fd, certain } });
    } else {
        out.push(Detail::FileOpen { file: Open { path, flags: names, access, fd } });
    }
    out.extend(door);
}

/// Files whose opening for writing means more than the file: kernel settings and other processes' memory.
fn doors(path: &FilePath, fs: Option<&str>) -> Option<Detail> {
    let text = path.path.text()?.as_bytes();
    let proc = fs.map_or_else(|| text.starts_with(b"/proc/"), |fs| fs == "proc");
    if !proc {
        return None;
    }
    let setting =
        text.starts_with(b"/proc/sys/") || (fs.is_some() && text.windows(5).any(|window| window == b"/sys/"));
    if setting {
        return Some(Detail::KernelSysctlWrite { sysctl_write: SysctlWrite { file: path.clone() } });
    }
    let mut parts = text.rsplit(|byte| *byte == b'/');
    if parts.next() != Some(b"mem") {
        return None;
    }
    let number = |part: &[u8]| std::str::from_utf8(part).ok()?.parse::<i64>().ok();
    let owner = parts.next()?;
    let target = number(owner);
    (target.is_some() || owner == b"self" || owner == b"thread-self").then(|| Detail::ProcessMemoryWrite {
        memory_write: detektr_event::MemoryWrite { via: "/proc/PID/mem".to_owned(), target, bytes: None },
    })
}

fn two_paths(call: &Call<'_>, out: &mut Vec<Detail>) {
    let paths = || match call.name {
        "rename" | "link" | "pivot_root" => (call.path(0, 0), call.path(2, 1)),
        "linkat" => (call.path_at(0, 0, u64::from(call.uint(4))), call.path_at(2, 2, 0)),
        _ => (call.path_at(0, 0, 0), call.path_at(2, 2, 0)),
    };
    out.push(match call.name {
        "symlink" | "symlinkat" => {
            let path = if call.name == "symlink" { call.path(1, 1) } else { call.path_at(1, 1, 0) };
            let target = Some(call.string(0, 0));
            Detail::FileSymlink { file: Box::new(Link { path, source: None, target }) }
        }
        "link" | "linkat" => {
            let (source, path) = paths();
            Detail::FileLink { file: Box::new(Link { path, source: Some(source), target: None }) }
        }
        "pivot_root" => {
            let (path, put_old) = paths();
            Detail::FilePivotRoot { file: Box::new(PivotRoot { path, put_old }) }
        }
        _ => {
            let (path, to) = paths();
            let bits = if call.name == "renameat2" { u64::from(call.uint(4)) } else { 0 };
            let flags = flags::names(bits, flags::RENAME);
            Detail::FileRename { file: Box::new(Rename { path, to, flags }) }
        }
    });
}

fn one_path(call: &Call<'_>, out: &mut Vec<Detail>) {
    let plain = |path| Attributes { path, mode: None, uid: None, gid: None, device: None };
    let with_mode = |path, mode: u32| Attributes { mode: Some(mode), ..plain(path) };
    out.push(match call.name {
        "unlink" => Detail::FileUnlink { file: PathOnly { path: call.path(0, 0) } },
        "unlinkat" if call.uint(2) & 0x200 != 0 => {
            Detail::FileRmdir { file: PathOnly { path: call.path_at(0, 0, 0) } }
        }
        "unlinkat" => Detail::FileUnlink { file: PathOnly { path: call.path_at(0, 0, 0) } },
        "rmdir" => Detail::FileRmdir { file: PathOnly { path: call.path(0, 0) } },
        "mkdir" => Detail::FileMkdir { file: with_mode(call.path(0, 0), call.uint(1) & 0o7777) },
        "mkdirat" => Detail::FileMkdir { file: with_mode(call.path_at(0, 0, 0), call.uint(2) & 0o7777) },
        "mknod" => Detail::FileMknod { file: node(call.path(0, 0), call.uint(1), call.uint(2)) },
        "mknodat" => Detail::FileMknod { file: node(call.path_at(0, 0, 0), call.uint(2), call.uint(3)) },
        "chmod" => Detail::FileChmod { file: with_mode(call.path(0, 0), call.uint(1) & 0o7777) },
        "fchmod" => Detail::FileChmod { file: with_mode(call.file(0, 0), call.uint(1) & 0o7777) },
        "fchmodat" => Detail::FileChmod { file: with_mode(call.path_at(0, 0, 0), call.uint(2) & 0o7777) },
        "fchmodat2" => {
            let path = call.path_at(0, 0, u64::from(call.uint(3)));
            Detail::FileChmod { file: with_mode(path, call.uint(2) & 0o7777) }
        }
        "chown" | "lchown" | "chown32" | "lchown32" => owner(call, call.path(0, 0), 1),
        "fchown" | "fchown32" => owner(call, call.file(0, 0), 1),
        "fchownat" => owner(call, call.path_at(0, 0, u64::from(call.uint(4))), 2),
        "truncate" => truncate(call, call.path(0, 0), call.long(1)),
        "truncate64" => truncate(call, call.path(0, 0), call.wide(1, 1)),
        "ftruncate" => truncate(call, call.file(0, 0), call.long(1)),
        "ftruncate64" => truncate(call, call.file(0, 0), call.wide(1, 1)),
        "fallocate" => {
            let end = call.wide(2, 2).saturating_add(call.wide(3, 4));
            truncate(call, call.file(0, 0), end)
        }
        "setxattr" | "lsetxattr" => xattr(call, call.path(0, 0), call.string(2, 1), Some(call.arg(3))),
        "fsetxattr" => xattr(call, call.file(0, 0), call.string(1, 1), Some(call.arg(3))),
        "removexattr" | "lremovexattr" => xattr(call, call.path(0, 0), call.string(2, 1), None),
        "fremovexattr" => xattr(call, call.file(0, 0), call.string(1, 1), None),
        "stat" | "lstat" | "stat64" | "lstat64" => {
            Detail::FileStat { file: PathOnly { path: call.path(0, 0) } }
        }
        "newfstatat" | "fstatat64" => {
            Detail::FileStat { file: PathOnly { path: call.path_at(0, 0, u64::from(call.uint(3))) } }
        }
        "statx" => Detail::FileStat { file: PathOnly { path: call.path_at(0, 0, u64::from(call.uint(2))) } },
        "readlink" => Detail::FileReadlink { file: PathOnly { path: call.path(0, 0) } },
        // An empty string reads the link that the descriptor itself stands for.
        "readlinkat" => Detail::FileReadlink { file: PathOnly { path: call.path_at(0, 0, 0x1000) } },
        "access" => Detail::FileAccess { file: PathOnly { path: call.path(0, 0) } },
        "faccessat" => Detail::FileAccess { file: PathOnly { path: call.path_at(0, 0, 0) } },
        "faccessat2" => {
            Detail::FileAccess { file: PathOnly { path: call.path_at(0, 0, u64::from(call.uint(3))) } }
        }
        _ => return,
    });
}

fn node(path: FilePath, mode: u32, device: u32) -> Attributes {
    let is_device = matches!(mode & S_IFMT, 0o020000 | 0o060000);
    let device = is_device.then_some([(device >> 8) & 0xfff, (device & 0xff) | ((device >> 12) & 0xf_ff00)]);
    // No file type at all makes a regular file.
    let mode = if mode & S_IFMT == 0 { mode | S_IFREG } else { mode };
    Attributes { path, mode: Some(mode & 0o177777), uid: None, gid: None, device }
}

fn owner(call: &Call<'_>, path: FilePath, first: usize) -> Detail {
    let short = call.ia32() && matches!(call.name, "chown" | "lchown" | "fchown");
    let id = |position: usize| super::credentials::asked_id(call.uint(position), short);
    let [uid, gid] = [id(first), id(first + 1)].map(|id| (id != u32::MAX).then_some(id));
    Detail::FileChown { file: Attributes { path, mode: None, uid, gid, device: None } }
}

fn truncate(call: &Call<'_>, path: FilePath, length: i64) -> Detail {
    Detail::FileTruncate { file: Truncate { path, call: call.name.to_owned(), length } }
}

fn xattr(call: &Call<'_>, path: FilePath, name: Copied, size: Option<u64>) -> Detail {
    Detail::FileXattr { file: Xattr { path, call: call.name.to_owned(), name, size } }
}

fn mounts(call: &Call<'_>, out: &mut Vec<Detail>) {
    let (path, source, filesystem, flags) = match call.name {
        "umount" | "umount2" => {
            // The old 32-bit `umount` has no flags.
            let bits = if call.name == "umount" { 0 } else { u64::from(call.uint(1)) };
            let flags = flags::names(bits, flags::UMOUNT);
            out.push(Detail::FileUmount { file: Umount { path: call.path(0, 0), flags } });
            return;
        }
        "mount" => {
            let mut bits = call.arg(3);
            // The magic number of old programs.
            if bits & 0xffff_0000 == 0xc0ed_0000 {
                bits &= 0xffff;
            }
            (
                call.path(0, 1),
                call.optional_string(2, 0),
                call.optional_string(3, 2),
                flags::names(bits, flags::MOUNT),
            )
        }
        "move_mount" => {
            let bits = u64::from(call.uint(4));
            let to = call.path_at(0, 2, if bits & 0x40 != 0 { 0x1000 } else { 0 });
            let from = call.path_at(2, 0, if bits & 0x4 != 0 { 0x1000 } else { 0 });
            (to, Some(from.path), None, flags::names(bits, flags::MOVE_MOUNT))
        }
        "open_tree" => {
            let bits = u64::from(call.uint(2));
            (call.path_at(0, 0, bits), None, None, flags::names(bits, flags::OPEN_TREE))
        }
        "mount_setattr" => {
            let bits = u64::from(call.uint(2));
            (call.path_at(0, 0, bits), None, None, flags::names(bits, flags::OPEN_TREE))
        }
        "fsopen" => {
            let none = call.paths.raw(&Copied::whole(""));
            (none, None, Some(call.string(0, 0)), flags::names(u64::from(call.uint(1)), flags::FSOPEN))
        }
        _ => {
            let mut names = flags::names(u64::from(call.uint(1)), flags::FSMOUNT);
            names.extend(flags::names(u64::from(call.uint(2)), flags::MOUNT_ATTR));
            (call.paths.raw(&Copied::whole("")), None, None, names)
        }
    };
    out.push(Detail::FileMount {
        file: Mount { path, call: call.name.to_owned(), source, filesystem, flags },
    });
}
