//! What a denial by Landlock looks like: `EACCES` on a file, a port or an exec, `EXDEV` where a file would go from
//! folder to folder, `EPERM` on a mount, a signal or an abstract socket. Each of these may have other causes: it is
//! credited only where the control's own ruleset, asked again about the recorded act, denies it, and where the
//! ordinary permissions of the root file system would have let it pass.

use super::Surroundings;
use detektr_event::{Access, Address, Detail, Event, FilePath};
use detektr_sandbox::controls::landlock::{Ruleset, bit};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

const READ: u32 = 0o4;
const WRITE: u32 = 0o2;
const EXECUTE: u32 = 0o1;

/// Ports below it can't be bound without a capability.
const UNPRIVILEGED: u16 = 1024;

/// Whether `event`, which failed with `errno`, shows `ruleset`.
pub(super) fn shows(ruleset: &Ruleset, event: &Event, errno: &str, around: &Surroundings) -> bool {
    let euid = event.process.as_ref().map_or(0, |process| process.euid);
    match (&event.detail, errno) {
        (Detail::FileMount { .. } | Detail::FileUmount { .. } | Detail::FilePivotRoot { .. }, "EPERM") => {
            ruleset.restricts_files()
        }
        (Detail::FileRename { file }, "EXDEV") => refers(ruleset, &file.path, &file.to, around),
        (Detail::FileLink { file }, "EXDEV") => {
            file.source.as_ref().is_some_and(|source| refers(ruleset, source, &file.path, around))
        }
        (Detail::NetworkBind { network }, "EACCES") => port(&network.address).is_some_and(|port| {
            (port == 0 || port >= UNPRIVILEGED || euid == 0) && ruleset.denies_bind(port)
        }),
        (Detail::NetworkConnect { network }, "EACCES") => {
            port(&network.address).is_some_and(|port| ruleset.denies_connect(port))
        }
        (Detail::NetworkConnect { network }, "EPERM") => {
            let foreign = matches!(network.address, Address::Unix { abstract_name: true, .. });
            foreign && ruleset.scopes_sockets()
        }
        (Detail::NetworkSend { network }, "EPERM") => {
            let foreign = matches!(network.address, Address::Unix { abstract_name: true, .. });
            foreign && ruleset.scopes_sockets()
        }
        (Detail::ProcessSignal { .. }, "EPERM") => ruleset.scopes_signals(),
        (detail, "EACCES") => asks(detail, around)
            .iter()
            .any(|ask| ruleset.denies_path(&ask.path, ask.rights) && ask.is_permitted(euid, around)),
        _ => false,
    }
}

/// What an act asks for.
struct Ask {
    /// Of this file or folder, free of links.
    path: PathBuf,
    /// In Landlock's bits.
    rights: u64,
    /// In the bits of a file's mode.
    mode: u32,
    /// It is about what is in the folder `path`.
    entry: bool,
}

impl Ask {
    /// Whether the modes of the root file system would have let `euid` do it. What is not there before the run
    /// belongs to whoever made it.
    fn is_permitted(&self, euid: u32, around: &Surroundings) -> bool {
        if euid == 0 && around.all_ids {
            return true;
        }
        if euid != 0 && self.path.starts_with("/root") {
            return false;
        }
        // an environment with one id gives all its folders to that id
        if self.entry && !around.all_ids {
            return true;
        }
        around.before(&self.path).is_none_or(|before| before.mode() & self.mode == self.mode)
    }
}

/// What `detail` asks of files.
fn asks(detail: &Detail, around: &Surroundings) -> Vec<Ask> {
    let on = |path: &FilePath, rights: u64, mode: u32| {
        around.place(path).map(|path| Ask { path, rights, mode, entry: false })
    };
    let within = |path: &FilePath, rights: u64| {
        let folder = around.place(path)?.parent()?.to_owned();
        Some(Ask { path: folder, rights, mode: WRITE | EXECUTE, entry: true })
    };
    let truncates = |flags: &[String]| flags.iter().any(|flag| flag == "O_TRUNC");
    let opened = |path: &FilePath, access: Access, flags: &[String]| {
        let mut asked = Vec::new();
        if matches!(access, Access::Read | Access::ReadWrite) {
            let folder = flags.iter().any(|flag| flag == "O_DIRECTORY") || around.is_folder(path);
            asked.extend(on(path, bit(if folder { "read_dir" } else { "read_file" }), READ));
        }
        if matches!(access, Access::Write | Access::ReadWrite) {
            asked.extend(on(path, bit("write_file"), WRITE));
        }
        if truncates(flags) {
            asked.extend(on(path, bit("truncate"), WRITE));
        }
        asked
    };
    match detail {
        Detail::FileOpen { file } => opened(&file.path, file.access, &file.flags),
        Detail::FileCreate { file } => {
            let mut asked = opened(&file.path, file.access, &file.flags);
            let new = around.place(&file.path).is_none_or(|path| around.before(&path).is_none());
            asked.extend(new.then(|| within(&file.path, bit("make_reg"))).flatten());
            asked
        }
        Detail::FileTruncate { file } => on(&file.path, bit("truncate"), WRITE).into_iter().collect(),
        Detail::FileMkdir { file } => within(&file.path, bit("make_dir")).into_iter().collect(),
        Detail::FileMknod { file } => {
            let right = match file.mode.unwrap_or(0) & libc::S_IFMT {
                libc::S_IFCHR => "make_char",
                libc::S_IFBLK => "make_block",
                libc::S_IFIFO => "make_fifo",
                libc::S_IFSOCK => "make_sock",
                _ => "make_reg",
            };
            within(&file.path, bit(right)).into_iter().collect()
        }
        Detail::FileSymlink { file } => within(&file.path, bit("make_sym")).into_iter().collect(),
        Detail::FileLink { file } => within(&file.path, bit("make_reg")).into_iter().collect(),
        Detail::FileUnlink { file } => within(&file.path, bit("remove_file")).into_iter().collect(),
        Detail::FileRmdir { file } => within(&file.path, bit("remove_dir")).into_iter().collect(),
        Detail::FileRename { file } => {
            let (remove, make) = kind(around, &file.path);
            within(&file.path, remove).into_iter().chain(within(&file.to, make)).collect()
        }
        Detail::ProcessExec { exec } => on(&exec.file, bit("execute"), EXECUTE).into_iter().collect(),
        Detail::NetworkBind { network } => match &network.address {
            Address::Unix { path, abstract_name: false } => path
                .as_whole()
                .map(|text| Path::new(OsStr::from_bytes(text.as_bytes())))
                .filter(|path| path.is_absolute())
                .and_then(|path| around.resolve(path).parent().map(Path::to_owned))
                .map(|path| Ask { path, rights: bit("make_sock"), mode: WRITE | EXECUTE, entry: true })
                .into_iter()
                .collect(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// Whether going from below one folder to below another is denied.
fn refers(ruleset: &Ruleset, from: &FilePath, to: &FilePath, around: &Surroundings) -> bool {
    let folder = |path: &FilePath| around.place(path)?.parent().map(Path::to_owned);
    match (folder(from), folder(to)) {
        // the overlay itself answers so for folders
        (Some(from_folder), Some(to_folder)) => {
            from_folder != to_folder
                && !around.is_folder(from)
                && ruleset.denies_refer(&from_folder, &to_folder)
        }
        _ => false,
    }
}

/// The port of an internet address that is not a broadcast's.
fn port(address: &Address) -> Option<u16> {
    match address {
        Address::Inet { address, port } if !address.is_broadcast() => Some(*port),
        Address::Inet6 { port, .. } => Some(*port),
        _ => None,
    }
}

/// The rights to remove and to make what is at `path`: a file, where it is not known.
fn kind(around: &Surroundings, path: &FilePath) -> (u64, u64) {
    let before = around.place(path).and_then(|path| around.before(&path));
    let kind = before.map(|before| before.file_type());
    let file = bit("remove_file");
    match kind {
        Some(kind) if kind.is_dir() => (bit("remove_dir"), bit("make_dir")),
        Some(kind) if kind.is_symlink() => (file, bit("make_sym")),
        Some(kind) if kind.is_fifo() => (file, bit("make_fifo")),
        Some(kind) if kind.is_socket() => (file, bit("make_sock")),
        _ => (file, bit("make_reg")),
    }
}
