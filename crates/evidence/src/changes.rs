//! `changes.ndjson`: the file-system difference, one changed path a line.

use detektr_event::Text;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};

/// What became of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It was not there before.
    Created,
    /// Its content, type, link target or device is another.
    Modified,
    /// It is not there any more.
    Removed,
    /// Only mode, owner, time or attributes are others.
    Metadata,
}

/// The type of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum FileType {
    File,
    Directory,
    Symlink,
    Fifo,
    Socket,
    CharDevice,
    BlockDevice,
}

/// What a path was or is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileState {
    /// Its type.
    #[serde(rename = "type")]
    pub file_type: FileType,
    /// Permission bits, with setuid, setgid and sticky.
    pub mode: u32,
    /// Owner, inside the environment.
    pub uid: u32,
    /// Group, inside the environment.
    pub gid: u32,
    /// Length in bytes, of a file or symbolic link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Time of the last change of content, nanoseconds since 1970; not told of folders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtime_ns: Option<i64>,
    /// Hash of the content, of a file that could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The content is in `files/`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stored: bool,
    /// What a symbolic link holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Text>,
    /// `[major, minor]`, of a device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<[u32; 2]>,
    /// Extended attributes of note, by name, values in hexadecimal (`security.capability`, `user.*`,
    /// `system.posix_acl_*`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub xattrs: BTreeMap<String, String>,
    /// Device and inode of a file with several names, the same for each of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hard_link: Option<[u64; 2]>,
}

/// One changed path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Absolute path inside the environment.
    pub path: Text,
    /// What became of it.
    pub change: ChangeKind,
    /// Before; absent where it was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<FileState>,
    /// After; absent where it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<FileState>,
    /// What of it could not be read, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
}

/// Writes changes, one JSON object a line.
pub fn write(changes: &[Change], mut to: impl Write) -> io::Result<()> {
    for change in changes {
        let mut line = serde_json::to_vec(change).map_err(io::Error::other)?;
        line.push(b'\n');
        to.write_all(&line)?;
    }
    to.flush()
}

/// Reads what [`write`] wrote; an error names the line.
pub fn read(mut from: impl BufRead) -> io::Result<Vec<Change>> {
    let mut changes = Vec::new();
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        if from.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let broken =
            |why: String| io::Error::new(io::ErrorKind::InvalidData, format!("line {number}: {why}"));
        if line.last() != Some(&b'\n') {
            return Err(broken("the line has no end".into()));
        }
        changes.push(serde_json::from_slice(&line).map_err(|e| broken(e.to_string()))?);
    }
    Ok(changes)
}
