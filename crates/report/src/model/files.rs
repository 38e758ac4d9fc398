//! What changed in the file system.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What changed in the file system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// Whether the file system was compared before and after.
    pub compared: bool,
    /// Paths that are not there before.
    pub created: u64,
    /// Paths whose content is another.
    pub modified: u64,
    /// Paths that are gone.
    pub removed: u64,
    /// Paths of which only mode, owner, time or attributes are others.
    pub metadata: u64,
    /// The changes; past the bound they are only counted.
    pub changes: Vec<FileChange>,
}

/// One changed path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileChange {
    /// The path inside the environment.
    pub path: String,
    /// `created`, `modified`, `removed` or `metadata`.
    pub change: String,
    /// What it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<FileState>,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<FileState>,
    /// Numbers of events that changed it, at most [`Sentence::LINKS`].
    pub events: Vec<u64>,
    /// The difference of its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<TextDiff>,
    /// Why there is no difference of its text, or what of it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What a path was or is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileState {
    /// `file`, `directory`, `symlink`, …
    #[serde(rename = "type")]
    pub file_type: String,
    /// Permission bits in octal, with setuid, setgid and sticky.
    pub mode: String,
    /// Owner and group, `UID:GID`.
    pub owner: String,
    /// Length in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Hash of the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// What a symbolic link holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Names of extended attributes of note.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub xattrs: Vec<String>,
}

/// The difference of two texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TextDiff {
    /// Lines, each with one letter before it: `+` added, `-` removed, a space for context, `@` a place.
    pub lines: Vec<String>,
    /// Lines that are not shown, for they are too many.
    #[serde(default, skip_serializing_if = "super::is_zero")]
    pub cut: u64,
}
