//! What an event means for the file system.

use detektr_event::{Access, Address, Copied, Detail, Event, FilePath, OutcomeResult};

/// What was done to a name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act<'a> {
    /// It came to be, or may have.
    Make,
    /// A symbolic link came to be.
    Symlink(Option<&'a Copied>),
    /// Another name of the file `.0` came to be.
    Link(&'a FilePath),
    /// Its content changed, or may have.
    Content,
    /// Its mode, owner, times or attributes were set.
    Metadata,
    /// It went.
    Gone,
    /// It went to another name.
    Rename {
        /// The new name.
        to: &'a FilePath,
        /// The two changed places.
        exchange: bool,
    },
    /// Something was mounted on it.
    Mount {
        /// The tree that is seen there now as well, of a bind mount.
        bound: Option<&'a Copied>,
    },
    /// A socket was bound to this path, as given.
    Socket(&'a Copied),
}

/// One act on one name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step<'a> {
    pub(super) act: Act<'a>,
    /// The name; `Act::Socket` has its own.
    pub(super) path: Option<&'a FilePath>,
    /// A symbolic link at the end of the path is followed.
    pub(super) follow: bool,
    /// The act must have left a trace in the difference.
    pub(super) certain: bool,
}

/// What `event` did to files, where it did anything.
pub(super) fn step(event: &Event) -> Option<Step<'_>> {
    if event.outcome.result == OutcomeResult::Failure {
        return None;
    }
    let success = event.outcome.is_success();
    let step = |act, path, follow, certain| {
        Some(Step { act, path: Some(path), follow, certain: certain && success })
    };
    match &event.detail {
        Detail::FileCreate { file } => {
            let writes = matches!(file.access, Access::Write | Access::ReadWrite);
            step(Act::Make, &file.path, true, file.certain || writes)
        }
        Detail::FileOpen { file } => {
            let truncates = file.flags.iter().any(|flag| flag == "O_TRUNC");
            let writes = matches!(file.access, Access::Write | Access::ReadWrite);
            // opening for writing makes a change possible, and writes alone make it certain
            if writes || truncates { step(Act::Content, &file.path, true, false) } else { None }
        }
        Detail::FileWrite { file } if file.bytes > 0 || file.mapped => {
            step(Act::Content, &file.path, true, file.bytes > 0)
        }
        Detail::FileTruncate { file } => step(Act::Content, &file.path, true, true),
        Detail::FileRename { file } => {
            let exchange = file.flags.iter().any(|flag| flag == "RENAME_EXCHANGE");
            step(Act::Rename { to: &file.to, exchange }, &file.path, false, true)
        }
        Detail::FileUnlink { file } | Detail::FileRmdir { file } => step(Act::Gone, &file.path, false, true),
        Detail::FileMkdir { file } | Detail::FileMknod { file } => step(Act::Make, &file.path, false, true),
        Detail::FileSymlink { file } => step(Act::Symlink(file.target.as_ref()), &file.path, false, true),
        Detail::FileLink { file } => match &file.source {
            Some(source) => step(Act::Link(source), &file.path, false, true),
            None => step(Act::Make, &file.path, false, true),
        },
        Detail::FileChmod { file } => step(Act::Metadata, &file.path, follows(event), true),
        Detail::FileChown { file } => {
            let changes = file.uid.is_some() || file.gid.is_some();
            step(Act::Metadata, &file.path, follows(event), changes)
        }
        // with both times omitted nothing happens, and that can't be told from *now*
        Detail::FileUtime { file } => {
            let told = file.times.iter().any(Option::is_some);
            step(Act::Metadata, &file.path, follows(event), told)
        }
        Detail::FileXattr { file } => {
            let follow = !matches!(file.call.as_str(), "lsetxattr" | "lremovexattr");
            step(Act::Metadata, &file.path, follow, true)
        }
        Detail::FileMount { file } => {
            let bind = file.flags.iter().any(|flag| flag == "MS_BIND" || flag == "MS_MOVE")
                || matches!(file.call.as_str(), "move_mount" | "open_tree");
            let bound = file.source.as_ref().filter(|_| bind);
            step(Act::Mount { bound }, &file.path, true, true)
        }
        Detail::FilePivotRoot { file } => step(Act::Mount { bound: None }, &file.path, true, true),
        Detail::NetworkBind { network } => match &network.address {
            Address::Unix { path, abstract_name: false } => {
                Some(Step { act: Act::Socket(path), path: None, follow: false, certain: false })
            }
            _ => None,
        },
        Detail::KernelIoUring { io_uring } => {
            let file = io_uring.file.as_ref()?;
            match io_uring.operation.as_str() {
                // flags are not told: the file may have been made, emptied or only read
                "IORING_OP_OPENAT" | "IORING_OP_OPENAT2" => step(Act::Make, file, true, false),
                "IORING_OP_WRITE"
                | "IORING_OP_WRITEV"
                | "IORING_OP_WRITE_FIXED"
                | "IORING_OP_WRITEV_FIXED"
                | "IORING_OP_SPLICE"
                | "IORING_OP_FALLOCATE"
                | "IORING_OP_FTRUNCATE" => {
                    let wrote = io_uring.result.is_some_and(|n| n > 0);
                    step(Act::Content, file, true, wrote)
                }
                "IORING_OP_UNLINKAT" => step(Act::Gone, file, false, true),
                "IORING_OP_RENAMEAT" => {
                    let to = io_uring.to.as_ref()?;
                    // an exchange can't be told: neither is taken for certain
                    step(Act::Rename { to, exchange: false }, file, false, false)
                }
                "IORING_OP_MKDIRAT" => step(Act::Make, file, false, true),
                "IORING_OP_SYMLINKAT" => {
                    let target = io_uring.to.as_ref().map(|to| &to.path);
                    step(Act::Symlink(target), file, false, true)
                }
                "IORING_OP_LINKAT" => step(Act::Link(file), io_uring.to.as_ref()?, false, true),
                "IORING_OP_SETXATTR" | "IORING_OP_FSETXATTR" => step(Act::Metadata, file, true, true),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Whether the raw call follows a symbolic link at the end of its path.
fn follows(event: &Event) -> bool {
    const AT_SYMLINK_NOFOLLOW: u64 = 0x100;
    let Some(call) = &event.syscall else { return true };
    let position = match (call.arch.as_str(), call.nr) {
        // lchown, lchown32
        ("x86_64" | "x32", 94) | ("i386", 16 | 198) => return false,
        // fchownat
        ("x86_64" | "x32", 260) | ("i386", 298) => 4,
        // utimensat, utimensat_time64, fchmodat2
        ("x86_64" | "x32", 280 | 452) | ("i386", 320 | 412 | 452) => 3,
        _ => return true,
    };
    call.args[position] & AT_SYMLINK_NOFOLLOW == 0
}
