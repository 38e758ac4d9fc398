//! What can be wrong with an image, where, and what to do about it.

use miette::Diagnostic;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Where in an image something was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The image file.
    pub file: PathBuf,
    /// The layer, as `layer 2 of 3 (sha256:…)`, where it was in one.
    pub layer: Option<String>,
    /// The archive entry, where it was one (bytes that are not printable are escaped).
    pub entry: Option<String>,
}

impl Place {
    pub(super) fn file(file: &Path) -> Self {
        Place { file: file.to_owned(), layer: None, entry: None }
    }

    pub(super) fn layer(&self, layer: impl Into<String>) -> Self {
        Place { layer: Some(layer.into()), ..self.clone() }
    }

    pub(super) fn entry(&self, name: impl AsRef<[u8]>) -> Self {
        Place { entry: Some(name.as_ref().escape_ascii().to_string()), ..self.clone() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(layer) = &self.layer {
            write!(f, ", {layer}")?;
        }
        if let Some(entry) = &self.entry {
            write!(f, ", entry `{entry}`")?;
        }
        Ok(())
    }
}

/// Why an image was not unpacked.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum ImageError {
    /// The file can't be opened or read.
    #[error("can't read the image: {place}")]
    #[diagnostic(
        code(detektr::image::unreadable),
        help("check that the file exists and that you may read it")
    )]
    Unreadable {
        /// Where.
        place: Place,
        /// What the system said.
        source: io::Error,
    },
    /// It is some other file.
    #[error("not a container image: {place}: {why}")]
    #[diagnostic(
        code(detektr::image::not_an_image),
        help(
            "make one with `docker save -o image.tar NAME`, or \
             `skopeo copy docker-daemon:NAME oci-archive:image.tar`; a plain root file system goes in as a folder"
        )
    )]
    NotAnImage {
        /// Where.
        place: Place,
        /// What is missing.
        why: String,
    },
    /// It ends too early.
    #[error("the archive ends too early: {place}")]
    #[diagnostic(
        code(detektr::image::truncated),
        help("the copy is incomplete: export or fetch the image again")
    )]
    Truncated {
        /// Where.
        place: Place,
    },
    /// A part that the image names is not in it.
    #[error("the image lacks a part: {place}")]
    #[diagnostic(
        code(detektr::image::missing),
        help("export the image whole, for linux/amd64, with all its layers")
    )]
    Missing {
        /// Where; the entry is what lacks.
        place: Place,
    },
    /// Content is not what its digest says.
    #[error("wrong digest: {place}: expected {expected}, found {found}")]
    #[diagnostic(
        code(detektr::image::digest),
        help("the image was damaged or changed after it was made: export or fetch it again")
    )]
    Digest {
        /// Where.
        place: Place,
        /// The digest that the image states.
        expected: String,
        /// The digest of what is there.
        found: String,
    },
    /// No image for this kind of machine.
    #[error("no image for linux/amd64: {place}: it holds {}", .found.join(", "))]
    #[diagnostic(
        code(detektr::image::platform),
        help("fetch it with `--platform linux/amd64` (docker) or `--override-arch amd64` (skopeo)")
    )]
    Platform {
        /// Where.
        place: Place,
        /// The platforms that are there.
        found: Vec<String>,
    },
    /// More than one image.
    #[error("the archive holds {} images: {place}: {}", .names.len(), .names.join(", "))]
    #[diagnostic(code(detektr::image::several), help("save one image per file"))]
    Several {
        /// Where.
        place: Place,
        /// Their names or digests.
        names: Vec<String>,
    },
    /// A description in the image can't be used.
    #[error("unusable image description: {place}: {why}")]
    #[diagnostic(
        code(detektr::image::description),
        help(
            "the tool that made the image made it wrong, or in a newer format: make it again with another one"
        )
    )]
    Description {
        /// Where.
        place: Place,
        /// What is wrong with it.
        why: String,
    },
    /// An entry that an honest image doesn't have.
    #[error("refused to unpack: {place}: {why}")]
    #[diagnostic(
        code(detektr::image::refused),
        help("nothing was written outside of the image's root; don't trust this file, build the image anew")
    )]
    Refused {
        /// Where.
        place: Place,
        /// What is wrong with it.
        why: String,
    },
    /// Larger than the bound.
    #[error("the image is too big: {place}: more than {limit} {unit}")]
    #[diagnostic(
        code(detektr::image::too_big),
        help("unpack it yourself and give the folder as root file system, if you trust it")
    )]
    TooBig {
        /// Where.
        place: Place,
        /// The bound.
        limit: u64,
        /// `bytes` or `entries`.
        unit: &'static str,
    },
    /// A layer can't be read as an archive.
    #[error("damaged layer: {place}")]
    #[diagnostic(code(detektr::image::layer), help("export or fetch the image again"))]
    Layer {
        /// Where.
        place: Place,
        /// What was wrong.
        source: io::Error,
    },
    /// The unpacked file can't be written.
    #[error("can't write what the image holds: {place}")]
    #[diagnostic(
        code(detektr::image::write),
        help("check free space, quota and permissions of Detektr's data folder")
    )]
    Write {
        /// Where.
        place: Place,
        /// What the system said.
        source: io::Error,
    },
    /// The folder to unpack into can't be used.
    #[error("can't unpack into {}: {why}", .folder.display())]
    #[diagnostic(code(detektr::image::target), help("give a folder that is empty, or a new one"))]
    Target {
        /// The folder.
        folder: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}
