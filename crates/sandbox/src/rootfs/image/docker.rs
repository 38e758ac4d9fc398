//! What `docker save` wrote before it wrote OCI layouts as well: `manifest.json` and a folder per layer.

use super::archive::ImageFile;
use super::described::{ConfigFile, Described, DescribedLayer, hex_of, parse};
use super::error::ImageError;
use super::stream::digest;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Image {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Vec<String>,
}

/// Reads the one image of the file.
pub(super) fn read(file: &ImageFile) -> Result<Described, ImageError> {
    const MANIFEST: &str = "manifest.json";
    let mut images: Vec<Image> = parse(file, MANIFEST, &file.description(MANIFEST)?)?;
    let place = file.place().clone();
    let image = match (images.pop(), images.is_empty()) {
        (None, _) => {
            return Err(ImageError::NotAnImage { place, why: "its manifest lists no image".to_owned() });
        }
        (Some(image), true) => image,
        (Some(last), false) => {
            let names = images.iter().chain([&last]).map(Image::label).collect();
            return Err(ImageError::Several { place, names });
        }
    };
    let content = file.description(&image.config)?;
    let found = digest(&content);
    // The configuration is named by its own digest.
    let stem = image.config.rsplit('/').next().unwrap_or_default();
    let expected = format!("sha256:{}", stem.strip_suffix(".json").unwrap_or(stem));
    if hex_of(&expected).is_some() && expected != found {
        return Err(ImageError::Digest { place: place.entry(&image.config), expected, found });
    }
    let config: ConfigFile = parse(file, &image.config, &content)?;
    if !config.is_wanted() {
        return Err(ImageError::Platform { place, found: vec![config.platform()] });
    }
    let diff_ids = &config.rootfs.diff_ids;
    if diff_ids.len() != image.layers.len() {
        let why = format!("{} layers, but the configuration lists {}", image.layers.len(), diff_ids.len());
        return Err(ImageError::Description { place: place.entry(MANIFEST), why });
    }
    let layers = image.layers.iter().zip(diff_ids);
    let layers = layers
        .map(|(member, diff_id)| DescribedLayer {
            member: member.clone(),
            digest: None,
            diff_id: diff_id.clone(),
        })
        .collect();
    Ok(Described {
        digest: found,
        format: "docker-save",
        names: image.repo_tags.unwrap_or_default(),
        config: config.image_config(),
        layers,
    })
}

impl Image {
    fn label(&self) -> String {
        self.repo_tags.as_ref().and_then(|tags| tags.first()).unwrap_or(&self.config).clone()
    }
}
