//! Images that would write outside of their tree, or bring devices: refused with the member named, or made
//! harmless, and never half-unpacked.

use crate::bad_input::assert_refused;
use crate::support::{Place, everyone};
use std::path::{Path, PathBuf};

/// One member of a tar: name, type, link target, content.
type Member<'a> = (&'a str, u8, &'a str, &'a [u8]);

/// A ustar archive.
fn tar(members: &[Member<'_>]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, kind, link, content) in members {
        let mut head = [0u8; 512];
        let mut put = |at: usize, text: &[u8]| head[at..at + text.len()].copy_from_slice(text);
        put(0, name.as_bytes());
        put(100, b"0000755\x000000000\x000000000\0");
        put(124, format!("{:011o}\0", content.len()).as_bytes());
        put(136, b"00000000000\0        ");
        put(156, &[*kind]);
        put(157, link.as_bytes());
        put(257, b"ustar\x0000");
        put(329, b"0000001\x000000003\0");
        let sum: u32 = head.iter().map(|b| u32::from(*b)).sum();
        head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        archive.extend(head);
        archive.extend(*content);
        archive.resize(archive.len().div_ceil(512) * 512, 0);
    }
    archive.extend([0; 1024]);
    archive
}

/// A `docker save` of one layer.
fn image(place: &Place, name: &str, layer: &[Member<'_>]) -> PathBuf {
    let manifest = br#"[{"Config":"config.json","RepoTags":null,"Layers":["layer.tar"]}]"#;
    let layer = tar(layer);
    let id = sha256(&place.file("layer", &layer));
    let rootfs = format!(r#"{{"type":"layers","diff_ids":["sha256:{id}"]}}"#);
    let config = format!(r#"{{"architecture":"amd64","os":"linux","rootfs":{rootfs}}}"#);
    let members: [Member<'_>; 3] = [
        ("config.json", b'0', "", config.as_bytes()),
        ("layer.tar", b'0', "", &layer),
        ("manifest.json", b'0', "", manifest),
    ];
    place.file(name, &tar(&members))
}

fn sha256(path: &Path) -> String {
    let output = std::process::Command::new("sha256sum").arg(path).output().unwrap();
    String::from_utf8_lossy(&output.stdout).split(' ').next().unwrap().to_owned()
}

fn detonate_in(place: &Place, image: &Path) -> crate::support::Told {
    place.detonate(&["--rootfs", image.to_str().unwrap(), "--", "/bin/tool"])
}

#[test]
fn a_file_that_is_no_image_is_refused_by_name() {
    for place in everyone().into_iter().map(Place::new) {
        for (name, content) in
            [("noise.tar", &b"no tar at all"[..]), ("empty.tar", b""), ("bare.tar", &tar(&[]))]
        {
            let image = place.file(name, content);
            assert_refused(&place, detonate_in(&place, &image), &[name]);
        }
    }
}

#[test]
fn a_member_that_climbs_out_is_refused_and_writes_nothing() {
    for place in everyone().into_iter().map(Place::new) {
        let target = place.path("climbed");
        for name in ["../climbed", "../../../climbed", "a/../../climbed"] {
            let image = image(&place, "climb.tar", &[(name, b'0', "", b"x")]);
            assert_refused(&place, detonate_in(&place, &image), &["climb.tar", "climbed"]);
            assert!(!target.exists() && !place.home().join("climbed").exists());
        }
    }
}

#[test]
fn a_member_written_through_an_absolute_link_lands_inside_or_is_refused() {
    for place in everyone().into_iter().map(Place::new) {
        let outside = place.path("outside");
        std::fs::create_dir(&outside).unwrap();
        crate::support::open_up(&outside, 0o777);
        let link = outside.to_str().unwrap();
        let layer: [Member<'_>; 2] = [("link", b'2', link, b""), ("link/through", b'0', "", b"x")];
        let image = image(&place, "link.tar", &layer);
        let told = detonate_in(&place, &image);
        assert_eq!(told.code, 2, "{told:?}");
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0, "written through the link");
        place.is_clean("a link that leads out");
    }
}

#[test]
fn a_device_node_is_refused_or_not_made() {
    for place in everyone().into_iter().map(Place::new) {
        let image = image(&place, "device.tar", &[("dev/", b'5', "", b""), ("dev/mem", b'3', "", b"")]);
        let told = detonate_in(&place, &image);
        assert!([2, 3].contains(&told.code), "{told:?}");
        let mut todo = vec![place.home()];
        while let Some(folder) = todo.pop() {
            for entry in std::fs::read_dir(folder).unwrap().flatten() {
                use std::os::unix::fs::FileTypeExt as _;
                let kind = entry.file_type().unwrap();
                assert!(!kind.is_char_device() && !kind.is_block_device(), "{:?}", entry.path());
                if kind.is_dir() {
                    todo.push(entry.path());
                }
            }
        }
        place.is_clean("an image with a device");
    }
}
