//! The OCI image layout: `index.json`, and blobs under their digests.

use super::archive::ImageFile;
use super::described::{ConfigFile, Described, DescribedLayer, WANTED, hex_of, parse};
use super::error::ImageError;
use super::stream::digest;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Deepest nesting of indexes.
const DEPTH: usize = 4;
/// Most layers.
const LAYERS: usize = 512;

#[derive(Debug, Deserialize)]
struct Index {
    #[serde(default)]
    manifests: Vec<Descriptor>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(default)]
    media_type: String,
    digest: String,
    size: u64,
    #[serde(default)]
    platform: Option<Platform>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Clone, Debug, Deserialize)]
struct Platform {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
}

#[derive(Debug, Deserialize)]
struct Manifest {
    config: Descriptor,
    #[serde(default)]
    layers: Vec<Descriptor>,
}

/// Chooses the one image for this kind of machine.
pub(super) fn read(file: &ImageFile) -> Result<Described, ImageError> {
    let index: Index = parse(file, "index.json", &file.description("index.json")?)?;
    let mut search = Search { file, found: BTreeMap::new(), others: BTreeSet::new() };
    search.index(index, None, 0)?;
    let Search { mut found, others, .. } = search;
    let place = file.place().clone();
    match (found.pop_first(), found.is_empty()) {
        (None, _) if others.is_empty() => {
            Err(ImageError::NotAnImage { place, why: "its index lists no image".to_owned() })
        }
        (None, _) => Err(ImageError::Platform { place, found: others.into_iter().collect() }),
        (Some((_, image)), true) => Ok(image),
        (Some((digest, image)), false) => {
            let label = |digest: &String, image: &Described| image.names.first().unwrap_or(digest).clone();
            let mut names = vec![label(&digest, &image)];
            names.extend(found.iter().map(|(digest, image)| label(digest, image)));
            Err(ImageError::Several { place, names })
        }
    }
}

struct Search<'a> {
    file: &'a ImageFile,
    found: BTreeMap<String, Described>,
    others: BTreeSet<String>,
}

impl Search<'_> {
    fn index(&mut self, index: Index, name: Option<&str>, depth: usize) -> Result<(), ImageError> {
        for descriptor in index.manifests {
            if let Some(Platform { os, architecture }) = &descriptor.platform {
                let platform = format!("{os}/{architecture}");
                if platform != WANTED {
                    // Attestations beside an image say `unknown/unknown`.
                    if os != "unknown" {
                        self.others.insert(platform);
                    }
                    continue;
                }
            }
            let own = descriptor.annotations.as_ref().and_then(|notes| {
                notes
                    .get("io.containerd.image.name")
                    .or_else(|| notes.get("org.opencontainers.image.ref.name"))
            });
            let name = own.map(String::as_str).or(name);
            let content = self.blob(&descriptor)?;
            let member = member_of(self.file, &descriptor.digest)?;
            let is_index = descriptor.media_type.ends_with("index.v1+json")
                || descriptor.media_type.contains("manifest.list");
            if !is_index {
                self.manifest(&descriptor.digest, &member, &content, name)?;
            } else if depth < DEPTH {
                self.index(parse(self.file, &member, &content)?, name, depth + 1)?;
            } else {
                let why = format!("indexes are nested more than {DEPTH} deep");
                return Err(ImageError::Description { place: self.file.place().entry(member), why });
            }
        }
        Ok(())
    }

    fn manifest(
        &mut self,
        digest: &str,
        member: &str,
        content: &[u8],
        name: Option<&str>,
    ) -> Result<(), ImageError> {
        let manifest: Manifest = parse(self.file, member, content)?;
        let bad = |why: String| ImageError::Description { place: self.file.place().entry(member), why };
        if !manifest.config.media_type.is_empty() && !manifest.config.media_type.contains("image") {
            // Something else that is kept like an image (a chart, a signature).
            self.others.insert(manifest.config.media_type);
            return Ok(());
        }
        let config: ConfigFile =
            parse(self.file, &member_of(self.file, &manifest.config.digest)?, &self.blob(&manifest.config)?)?;
        if !config.is_wanted() {
            self.others.insert(config.platform());
            return Ok(());
        }
        let diff_ids = &config.rootfs.diff_ids;
        if manifest.layers.len() != diff_ids.len() || diff_ids.len() > LAYERS {
            let (layers, ids) = (manifest.layers.len(), diff_ids.len());
            return Err(bad(format!(
                "{layers} layers, but the configuration lists {ids} (at most {LAYERS})"
            )));
        }
        let mut layers = Vec::new();
        for (layer, diff_id) in manifest.layers.iter().zip(diff_ids) {
            if layer.media_type.contains("encrypted") {
                return Err(bad(format!("layer {} is encrypted", layer.digest)));
            }
            let stored = self.sized(layer)?;
            layers.push(DescribedLayer {
                member: stored,
                digest: Some(layer.digest.clone()),
                diff_id: diff_id.clone(),
            });
        }
        let image = self.found.entry(digest.to_owned()).or_insert_with(|| Described {
            digest: digest.to_owned(),
            format: "oci",
            names: Vec::new(),
            config: config.image_config(),
            layers,
        });
        image.names.extend(name.map(str::to_owned));
        Ok(())
    }

    /// The member of a descriptor, after a check of its size.
    fn sized(&self, descriptor: &Descriptor) -> Result<String, ImageError> {
        let member = member_of(self.file, &descriptor.digest)?;
        let size = self.file.member(&member)?.limit();
        if size != descriptor.size {
            let why = format!("it has {size} bytes, where {} are stated", descriptor.size);
            return Err(ImageError::Description { place: self.file.place().entry(member), why });
        }
        Ok(member)
    }

    /// The content of a descriptor, after a check of its size and digest.
    fn blob(&self, descriptor: &Descriptor) -> Result<Vec<u8>, ImageError> {
        let member = self.sized(descriptor)?;
        let content = self.file.description(&member)?;
        let found = digest(&content);
        if found != descriptor.digest {
            let expected = descriptor.digest.clone();
            return Err(ImageError::Digest { place: self.file.place().entry(member), expected, found });
        }
        Ok(content)
    }
}

fn member_of(file: &ImageFile, digest: &str) -> Result<String, ImageError> {
    match hex_of(digest) {
        Some(hex) => Ok(format!("blobs/sha256/{hex}")),
        None => Err(ImageError::Description {
            place: file.place().clone(),
            why: format!("`{}` is no sha256 digest", digest.escape_debug()),
        }),
    }
}
