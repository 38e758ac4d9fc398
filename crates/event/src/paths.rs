//! Which files an event is about.

use crate::detail::Detail;
use crate::path::FilePath;

impl Detail {
    /// The paths that the act is about, the one that it acts on first; none where it is about no file.
    pub fn paths(&self) -> Vec<&FilePath> {
        match self {
            Detail::ProcessExec { exec } => {
                vec![&exec.file]
            }
            Detail::ProcessMemoryExec { memory_exec } => memory_exec.file.iter().collect(),
            Detail::ProcessChdir { chdir } | Detail::ProcessChroot { chroot: chdir } => {
                vec![&chdir.directory]
            }
            Detail::FileOpen { file } => vec![&file.path],
            Detail::FileCreate { file } => vec![&file.path],
            Detail::FileWrite { file } => vec![&file.path],
            Detail::FileRename { file } => vec![&file.path, &file.to],
            Detail::FileUnlink { file }
            | Detail::FileRmdir { file }
            | Detail::FileStat { file }
            | Detail::FileReadlink { file }
            | Detail::FileAccess { file } => vec![&file.path],
            Detail::FileMkdir { file }
            | Detail::FileMknod { file }
            | Detail::FileChmod { file }
            | Detail::FileChown { file } => vec![&file.path],
            Detail::FileLink { file } | Detail::FileSymlink { file } => vec![&file.path],
            Detail::FileTruncate { file } => vec![&file.path],
            Detail::FileUtime { file } => vec![&file.path],
            Detail::FileXattr { file } => vec![&file.path],
            Detail::FileMount { file } => vec![&file.path],
            Detail::FileUmount { file } => vec![&file.path],
            Detail::FilePivotRoot { file } => vec![&file.path, &file.put_old],
            _ => Vec::new(),
        }
    }
}
