//! Which image is in the file, and what it is made of.

use super::archive::ImageFile;
use super::error::ImageError;
use super::info::ImageConfig;
use serde::de::DeserializeOwned;

/// An image as its file describes it, digests of the descriptions checked.
#[derive(Clone, Debug)]
pub(super) struct Described {
    pub(super) digest: String,
    pub(super) format: &'static str,
    pub(super) names: Vec<String>,
    pub(super) config: ImageConfig,
    pub(super) layers: Vec<DescribedLayer>,
}

/// A layer as described.
#[derive(Clone, Debug)]
pub(super) struct DescribedLayer {
    /// Member of the image file.
    pub(super) member: String,
    /// Digest as stored, where the image states one.
    pub(super) digest: Option<String>,
    /// Digest of the uncompressed archive.
    pub(super) diff_id: String,
}

impl Described {
    /// Reads the descriptions of either format; a file that has both is taken as an OCI layout, which states
    /// more digests.
    pub(super) fn read(file: &ImageFile) -> Result<Self, ImageError> {
        if file.has("index.json") {
            super::oci::read(file)
        } else if file.has("manifest.json") {
            super::docker::read(file)
        } else if !file.is_ended() {
            Err(ImageError::Truncated { place: file.place().clone() })
        } else {
            let why = "it has neither `index.json` (OCI layout) nor `manifest.json` (docker-save)".to_owned();
            Err(ImageError::NotAnImage { place: file.place().clone(), why })
        }
    }
}

/// The configuration of an image, as both formats have it.
#[derive(Debug, serde::Deserialize)]
pub(super) struct ConfigFile {
    #[serde(default)]
    pub(super) architecture: String,
    #[serde(default)]
    pub(super) os: String,
    #[serde(default)]
    config: Option<ConfigPart>,
    pub(super) rootfs: ConfigRootfs,
}

#[derive(Debug, serde::Deserialize)]
pub(super) struct ConfigRootfs {
    #[serde(default)]
    pub(super) diff_ids: Vec<String>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ConfigPart {
    env: Option<Vec<String>>,
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    working_dir: Option<String>,
    user: Option<String>,
}

impl ConfigFile {
    pub(super) fn platform(&self) -> String {
        format!("{}/{}", self.os, self.architecture)
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.platform() == WANTED
    }

    pub(super) fn image_config(self) -> ImageConfig {
        let part = self.config.unwrap_or_default();
        ImageConfig {
            env: part.env.unwrap_or_default(),
            entrypoint: part.entrypoint.unwrap_or_default(),
            cmd: part.cmd.unwrap_or_default(),
            workdir: part.working_dir.unwrap_or_default(),
            user: part.user.unwrap_or_default(),
        }
    }
}

/// The platform that artifacts run on.
pub(super) const WANTED: &str = "linux/amd64";

/// Parses a description.
pub(super) fn parse<T: DeserializeOwned>(
    file: &ImageFile,
    name: &str,
    content: &[u8],
) -> Result<T, ImageError> {
    serde_json::from_slice(content)
        .map_err(|error| ImageError::Description { place: file.place().entry(name), why: error.to_string() })
}

/// The 64 hexadecimal digits of a `sha256:` digest.
pub(super) fn hex_of(digest: &str) -> Option<&str> {
    digest
        .strip_prefix("sha256:")
        .filter(|hex| hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
}
