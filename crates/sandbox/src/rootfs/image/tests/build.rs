//! Builds images in memory, honest and hostile ones.

use super::super::stream::digest;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use tar::{EntryType, Header};
use tempfile::TempDir;

/// A layer under construction: raw headers, so that nothing checks the names.
#[derive(Clone, Debug, Default)]
pub(super) struct LayerTar(Vec<u8>);

impl LayerTar {
    pub(super) fn entry(
        mut self,
        name: &str,
        kind: EntryType,
        mode: u32,
        link: &str,
        content: &[u8],
    ) -> Self {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(1234);
        header.set_gid(4321);
        header.set_mtime(1_000_000_000);
        header.set_size(content.len() as u64);
        let gnu = header.as_gnu_mut().expect("a GNU header");
        gnu.name[..name.len()].copy_from_slice(name.as_bytes());
        gnu.linkname[..link.len()].copy_from_slice(link.as_bytes());
        if matches!(kind, EntryType::Char | EntryType::Block) {
            header.set_device_major(1).expect("a major number");
            header.set_device_minor(3).expect("a minor number");
        }
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub(super) fn file(self, name: &str, content: &str) -> Self {
        self.entry(name, EntryType::Regular, 0o644, "", content.as_bytes())
    }

    pub(super) fn folder(self, name: &str, mode: u32) -> Self {
        self.entry(name, EntryType::Directory, mode, "", b"")
    }

    pub(super) fn symlink(self, name: &str, target: &str) -> Self {
        self.entry(name, EntryType::Symlink, 0o777, target, b"")
    }

    pub(super) fn hard_link(self, name: &str, target: &str) -> Self {
        self.entry(name, EntryType::Link, 0o644, target, b"")
    }

    /// An extended header for the next entry.
    pub(super) fn records(self, records: &[(&str, &[u8])]) -> Self {
        let mut content = Vec::new();
        for (key, value) in records {
            let rest = key.len() + value.len() + 3;
            let mut length = rest + 1;
            while length != rest + length.to_string().len() {
                length = rest + length.to_string().len();
            }
            write!(content, "{length} {key}=").expect("memory takes it");
            content.extend_from_slice(value);
            content.push(b'\n');
        }
        self.entry("pax", EntryType::XHeader, 0o644, "", &content)
    }

    pub(super) fn bytes(mut self) -> Vec<u8> {
        self.0.extend_from_slice(&[0; 1024]);
        self.0
    }
}

pub(super) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

pub(super) fn zstd(content: &[u8]) -> Vec<u8> {
    ::zstd::encode_all(content, 1).expect("memory takes it")
}

/// An image file under construction: members by name, to be changed by a test before it is written.
pub(super) struct Image {
    pub(super) members: BTreeMap<String, Vec<u8>>,
    pub(super) links: BTreeMap<String, String>,
}

impl Image {
    /// An OCI layout; each layer as (stored bytes, plain bytes).
    pub(super) fn oci(layers: &[(Vec<u8>, Vec<u8>)]) -> Self {
        let mut image = Image { members: BTreeMap::new(), links: BTreeMap::new() };
        let manifest = image.manifest(layers, "amd64");
        image.index(&[manifest]);
        image
    }

    /// Adds an image with its blobs; gives back its descriptor.
    pub(super) fn manifest(&mut self, layers: &[(Vec<u8>, Vec<u8>)], architecture: &str) -> Value {
        let config = self.blob(
            "application/vnd.oci.image.config.v1+json",
            config(layers.iter().map(|(_, plain)| plain.as_slice()), architecture).as_bytes(),
        );
        let layers: Vec<Value> = layers
            .iter()
            .map(|(stored, _)| self.blob("application/vnd.oci.image.layer.v1.tar", stored))
            .collect();
        let manifest = json!({"schemaVersion": 2, "config": config, "layers": layers}).to_string();
        self.blob("application/vnd.oci.image.manifest.v1+json", manifest.as_bytes())
    }

    pub(super) fn index(&mut self, manifests: &[Value]) {
        let index = json!({"schemaVersion": 2, "manifests": manifests}).to_string();
        self.members.insert("oci-layout".into(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec());
        self.members.insert("index.json".into(), index.into_bytes());
    }

    pub(super) fn blob(&mut self, media_type: &str, content: &[u8]) -> Value {
        let digest = digest(content);
        self.members.insert(format!("blobs/sha256/{}", &digest[7..]), content.to_vec());
        json!({"mediaType": media_type, "digest": digest, "size": content.len()})
    }

    /// What `docker save` wrote for long.
    pub(super) fn docker(layers: &[Vec<u8>]) -> Self {
        let mut image = Image { members: BTreeMap::new(), links: BTreeMap::new() };
        let config = config(layers.iter().map(Vec::as_slice), "amd64");
        let name = format!("{}.json", &digest(config.as_bytes())[7..]);
        let paths: Vec<String> = (0..layers.len()).map(|number| format!("layer{number}/layer.tar")).collect();
        let manifest = json!([{"Config": name, "RepoTags": ["demo:latest"], "Layers": paths}]).to_string();
        image.members.insert(name, config.into_bytes());
        image.members.insert("manifest.json".into(), manifest.into_bytes());
        for (path, layer) in paths.into_iter().zip(layers) {
            image.members.insert(path, layer.clone());
        }
        image
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut outer = LayerTar::default();
        for (name, content) in &self.members {
            outer = outer.entry(name, EntryType::Regular, 0o644, "", content);
        }
        for (name, target) in &self.links {
            outer = outer.symlink(name, target);
        }
        outer.bytes()
    }
}

fn config<'a>(plain: impl Iterator<Item = &'a [u8]>, architecture: &str) -> String {
    let ids: Vec<String> = plain.map(digest).collect();
    json!({
        "architecture": architecture, "os": "linux",
        "config": {"Env": ["PATH=/bin"], "Cmd": ["/bin/sh"], "Entrypoint": null, "WorkingDir": "/srv", "User": "7:8"},
        "rootfs": {"type": "layers", "diff_ids": ids},
    })
    .to_string()
}

/// A private folder with an image file and a place to unpack.
pub(super) struct Bench {
    pub(super) folder: TempDir,
}

impl Bench {
    pub(super) fn new() -> Self {
        Bench { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    pub(super) fn file(&self, content: &[u8]) -> PathBuf {
        let path = self.folder.path().join("image.tar");
        std::fs::write(&path, content).expect("the image is written");
        path
    }

    pub(super) fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    pub(super) fn read(&self, name: impl AsRef<Path>) -> String {
        std::fs::read_to_string(self.root().join(name)).expect("the file is there")
    }

    pub(super) fn has(&self, name: impl AsRef<Path>) -> bool {
        self.root().join(name).symlink_metadata().is_ok()
    }
}

/// The error as people see it, with the temporary folder taken out.
pub(super) fn shown(bench: &Bench, error: &dyn miette::Diagnostic) -> String {
    let handler = miette::NarratableReportHandler::new();
    let mut text = String::new();
    handler.render_report(&mut text, error).expect("memory takes it");
    text.replace(&bench.folder.path().display().to_string(), "FOLDER")
}
