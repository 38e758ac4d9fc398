//! What is done to files and mounts.

use crate::path::FilePath;
use crate::text::Copied;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an open file may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// `O_RDONLY`.
    Read,
    /// `O_WRONLY`.
    Write,
    /// `O_RDWR`.
    ReadWrite,
    /// `O_PATH`: neither.
    Path,
}

/// `file.open`: a file was opened, or the attempt failed. A file that the open created is `file.create`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Open {
    /// The file.
    #[serde(flatten)]
    pub path: FilePath,
    /// Flags by name (`O_CREAT`, …), access mode left out.
    pub flags: Vec<String>,
    /// What it was opened for.
    pub access: Access,
    /// The descriptor, of a success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fd: Option<i32>,
}

/// `file.create`: a file was created by an open with `O_CREAT` (or `creat`), or the attempt failed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// The file.
    #[serde(flatten)]
    pub path: FilePath,
    /// Flags by name, access mode left out.
    pub flags: Vec<String>,
    /// What it was opened for.
    pub access: Access,
    /// Permission bits asked for, before the umask.
    pub mode: u32,
    /// The descriptor, of a success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fd: Option<i32>,
    /// Where the sensor can't tell whether the file existed before (the open neither was exclusive nor was its
    /// birth seen): false. Such an open with O_CREAT is recorded as `create` all the same.
    pub certain: bool,
}

/// `file.write`: what one process wrote to one open file, told when it closed (never per call).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Write {
    /// The file.
    #[serde(flatten)]
    pub path: FilePath,
    /// Bytes written by calls (0 and `mapped` where only a mapping wrote).
    pub bytes: u64,
    /// Calls that wrote.
    pub calls: u64,
    /// Bytes read by calls from the same open file.
    pub read_bytes: u64,
    /// A shared writable mapping was made: writes through it are not counted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mapped: bool,
}

/// A call on one path: `file.unlink`, `file.rmdir`, `file.stat`, `file.readlink`, `file.access`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PathOnly {
    /// The file.
    #[serde(flatten)]
    pub path: FilePath,
}

/// A call that makes something or sets its attributes: `file.mkdir`, `file.mknod`, `file.chmod`, `file.chown`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Attributes {
    /// The file.
    #[serde(flatten)]
    pub path: FilePath,
    /// Mode bits asked for, file type included for `mknod`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<u32>,
    /// User id asked for, of a chown (absent: left as it is).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Group id asked for, of a chown (absent: left as it is).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
    /// Device `[major, minor]`, of a mknod of a device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<[u32; 2]>,
}

/// `file.rename`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rename {
    /// The old name.
    #[serde(flatten)]
    pub path: FilePath,
    /// The new name.
    pub to: FilePath,
    /// Flags by name (`RENAME_EXCHANGE`, …).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
}

/// `file.link`, `file.symlink`: `path` is the new name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// The new name.
    #[serde(flatten)]
    pub path: FilePath,
    /// What a hard link gives a second name to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<FilePath>,
    /// What a symbolic link points to, as given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Copied>,
}

/// `file.truncate`: the length was set (`truncate`, `ftruncate`, `fallocate`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Truncate {
    /// The file.
    #[serde(flatten)]
    pub path: FilePath,
    /// The call.
    pub call: String,
    /// New length in bytes (for `fallocate`: end of the range).
    pub length: i64,
}

/// `file.utime`: times were set.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Utime {
    /// The file.
    #[serde(flatten)]
    pub path: FilePath,
    /// Times of access and change asked for, nanoseconds since 1970; absent for *now*, *omit*, or unread.
    pub times: [Option<i64>; 2],
}

/// `file.xattr`: an extended attribute was set or removed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Xattr {
    /// The file.
    #[serde(flatten)]
    pub path: FilePath,
    /// The call (`setxattr`, `removexattr`, …).
    pub call: String,
    /// Name of the attribute (`security.capability`).
    pub name: Copied,
    /// Length of the value in bytes, of a set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

/// `file.mount`: `mount`, `move_mount`, `fsmount` and their like. `path` is the mount point.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mount {
    /// The mount point.
    #[serde(flatten)]
    pub path: FilePath,
    /// The call.
    pub call: String,
    /// Source as given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Copied>,
    /// File-system type as given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filesystem: Option<Copied>,
    /// Flags by name (`MS_BIND`, …).
    pub flags: Vec<String>,
}

/// `file.umount`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Umount {
    /// The mount point.
    #[serde(flatten)]
    pub path: FilePath,
    /// Flags by name (`MNT_DETACH`, …).
    pub flags: Vec<String>,
}

/// `file.pivot_root`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PivotRoot {
    /// The new root.
    #[serde(flatten)]
    pub path: FilePath,
    /// Where the old root goes.
    pub put_old: FilePath,
}

/// `file.memfd_create`: a file that lives in memory only.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Memfd {
    /// The name given to it.
    pub name: Copied,
    /// Flags by name (`MFD_CLOEXEC`, …).
    pub flags: Vec<String>,
    /// The descriptor, of a success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fd: Option<i32>,
}
