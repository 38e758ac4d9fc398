//! Images for tests.

use serde_json::json;
use sha2::{Digest, Sha256};
use std::path::Path;

/// Writes the folder `root` to `path` as `docker save` would, as an image of one layer.
pub fn docker_save(root: &Path, path: &Path) {
    let mut layer = tar::Builder::new(Vec::new());
    layer.append_dir_all(".", root).unwrap();
    let layer = layer.into_inner().unwrap();
    let hash = |bytes: &[u8]| Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect::<String>();
    let config = serde_json::to_vec(&json!({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{}", hash(&layer))]},
    }))
    .unwrap();
    let name = format!("{}.json", hash(&config));
    let manifest = json!([{"Config": name, "RepoTags": ["test:1"], "Layers": ["one/layer.tar"]}]).to_string();
    let mut archive = tar::Builder::new(std::fs::File::create(path).unwrap());
    for (name, content) in
        [(name.as_str(), &config[..]), ("one/layer.tar", &layer), ("manifest.json", manifest.as_bytes())]
    {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        archive.append_data(&mut header, name, content).unwrap();
    }
    archive.finish().unwrap();
}
