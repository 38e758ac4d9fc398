//! What an unpacked image was.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What was unpacked, and what of it was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImageInfo {
    /// `sha256:…` of the image manifest (OCI layout) or of the image's configuration (docker-save, its image id).
    pub digest: String,
    /// `oci` or `docker-save`.
    pub format: String,
    /// Names under which the archive knows the image.
    pub names: Vec<String>,
    /// What the image says about running it.
    pub config: ImageConfig,
    /// Its layers, lowest first.
    pub layers: Vec<LayerInfo>,
    /// Permission bits that the image wants for its root folder. The folder on disk stays closed to other users
    /// (0700), since it holds setuid files of strangers; whoever mounts it gives the upper folder these bits.
    pub root_mode: u32,
    /// Files belong to the users that the image names (only the superuser can do that).
    pub owners_kept: bool,
    /// Entries that were not unpacked, or not as they were, in order; at most [`ImageInfo::NOTES`] of them.
    pub notes: Vec<Note>,
    /// How many of those there were.
    pub noted: u64,
}

impl ImageInfo {
    /// So many notes are kept; all are counted.
    pub const NOTES: usize = 1000;
}

/// What an image says about running it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImageConfig {
    /// Environment strings `NAME=VALUE`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// First words of the command.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entrypoint: Vec<String>,
    /// Its other words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cmd: Vec<String>,
    /// Working directory, empty where it says none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub workdir: String,
    /// User, by name or number, with or without a group (`1000:1000`), empty where it says none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user: String,
}

/// One layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LayerInfo {
    /// `sha256:…` of the layer as stored.
    pub digest: String,
    /// `sha256:…` of the layer uncompressed.
    pub diff_id: String,
    /// `none`, `gzip` or `zstd`.
    pub compression: String,
    /// Entries in it.
    pub entries: u64,
    /// Bytes of it, uncompressed.
    pub bytes: u64,
}

/// An entry that was not unpacked as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Note {
    /// Number of the layer, from 1.
    pub layer: usize,
    /// Name of the entry.
    pub entry: String,
    /// What was done.
    pub what: Noted,
}

/// What was done with such an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Noted {
    /// A device node: not made.
    DeviceSkipped,
    /// A type of entry that Detektr doesn't know: not made.
    UnknownSkipped,
    /// An extended attribute that was not set.
    AttributeSkipped,
    /// The name stood before in the same layer: the last one counts.
    DuplicateReplaced,
    /// The name began with `/`: taken as below the image's root.
    AbsoluteContained,
    /// The owner can't be set here.
    OwnerLost,
}
