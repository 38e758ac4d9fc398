//! The host's own root, by an allow-list: which mounts and folders are seen at all, and what stands in for the
//! rest. That a seen file is one that every user may read is the reading overlay's work, not a list's.

use super::given::Given;
use crate::error::SandboxError;
use crate::namespaces::protocol::Part;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders of the host's root that are seen.
pub(crate) const SEEN: [&str; 11] =
    ["bin", "sbin", "lib", "lib32", "lib64", "libx32", "libo32", "usr", "etc", "opt", "var"];

/// File systems whose mounts are seen: local ones, that answer at once.
const LOCAL: [&str; 12] = [
    "ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "overlay", "squashfs", "erofs", "tmpfs",
    "bcachefs",
];

/// Folders of every environment: name, mode.
const FRAME: [(&str, u32); 11] = [
    ("/proc", 0o555),
    ("/sys", 0o555),
    ("/dev", 0o755),
    ("/root", 0o700),
    ("/home", 0o755),
    ("/tmp", 0o1777),
    ("/run", 0o755),
    ("/mnt", 0o755),
    ("/media", 0o755),
    ("/srv", 0o755),
    ("/boot", 0o755),
];

/// Folders below `/var` that are the host's own business; their folders are kept, their files are not.
const BARE: [&str; 5] = ["/var/log", "/var/spool", "/var/mail", "/var/backups", "/var/crash"];

/// Whether a folder of the host's is kept empty inside.
pub(crate) fn kept_empty(path: &Path) -> bool {
    BARE.iter().chain(&EMPTIED).chain(&["/var/tmp"]).any(|e| path.starts_with(e))
}

/// Folders that are emptied where they are: data of services, and of machines inside the machine.
const EMPTIED: [&str; 24] = [
    "/var/lib/docker",
    "/var/lib/containerd",
    "/var/lib/containers",
    "/var/lib/kubelet",
    "/var/lib/rancher",
    "/var/lib/etcd",
    "/var/lib/cni",
    "/var/lib/lxc",
    "/var/lib/lxd",
    "/var/lib/incus",
    "/var/lib/libvirt",
    "/var/lib/machines",
    "/var/lib/portables",
    "/var/lib/private",
    "/var/lib/cloud",
    "/var/lib/waagent",
    "/var/lib/amazon",
    "/var/lib/google",
    "/var/lib/mysql",
    "/var/lib/postgresql",
    "/var/lib/redis",
    "/var/lib/mongodb",
    "/var/lib/jenkins",
    "/var/www",
];

/// The parts for the host's own root; what is below `hide` is none of them.
pub(crate) fn parts(privileged: bool, hide: &[PathBuf]) -> Result<(Vec<Part>, Vec<String>), SandboxError> {
    let info = fs::read_to_string("/proc/self/mountinfo")
        .map_err(SandboxError::file("read", "/proc/self/mountinfo"))?;
    let hide: Vec<PathBuf> = hide.iter().map(|p| fs::canonicalize(p).unwrap_or_else(|_| p.clone())).collect();
    let mut gaps = Vec::new();
    let mut mounts = Mounts::default();
    for (path, kind) in info.lines().filter_map(mount_of) {
        if mounts.all.contains(&path) {
            continue;
        }
        mounts.all.push(path.clone());
        // A mounted file hides one of the host's that is as good.
        if !seen(&path) || hide.iter().any(|h| path.starts_with(h)) || !path.is_dir() {
            continue;
        }
        if LOCAL.contains(&kind.as_str()) {
            mounts.seen.push(path);
        } else {
            gaps.push(format!("the host's mount {} ({kind}) is not seen inside", path.display()));
        }
    }
    if privileged {
        mounts.seen.sort();
        let all = std::iter::once(PathBuf::from("/")).chain(mounts.seen);
        return Ok((all.map(|m| part(m.clone(), Some(m))).collect(), gaps));
    }
    let mut parts = vec![part("/".into(), None)];
    for name in SEEN {
        let path = Path::new("/").join(name);
        if fs::symlink_metadata(&path).is_ok_and(|m| m.is_dir()) {
            mounts.take_apart(path, &mut parts, &mut gaps);
        }
    }
    Ok((parts, gaps))
}

fn part(mount_point: PathBuf, host: Option<PathBuf>) -> Part {
    Part { mount_point, host, filter: true }
}

/// More parts than these are not made of folders that have mounts below them.
const MOST_PARTS: usize = 256;

/// The host's mounts.
#[derive(Default)]
struct Mounts {
    /// All of them.
    all: Vec<PathBuf>,
    /// Those that are seen inside.
    seen: Vec<PathBuf>,
}

impl Mounts {
    /// The parts for one folder of the host's, for an ordinary user: the kernel gives away no folder without the
    /// mounts below it, so such a folder is made anew, of parts that have none.
    fn take_apart(&self, folder: PathBuf, parts: &mut Vec<Part>, gaps: &mut Vec<String>) {
        let mounted = self.all.contains(&folder);
        if kept_empty(&folder) || (mounted && !self.seen.contains(&folder)) {
            return;
        }
        if parts.len() >= MOST_PARTS {
            gaps.push(format!(
                "{} is empty inside: too many folders have mounts below them",
                folder.display()
            ));
            return;
        }
        if !self.all.iter().any(|m| *m != folder && m.starts_with(&folder)) {
            return parts.push(part(folder.clone(), Some(folder)));
        }
        parts.push(part(folder.clone(), None));
        let mut below: Vec<PathBuf> = fs::read_dir(&folder)
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| entry.path())
            .collect();
        below.sort();
        for folder in below {
            self.take_apart(folder, parts, gaps);
        }
    }
}

/// Mount point and file-system type of a line of mountinfo.
fn mount_of(line: &str) -> Option<(PathBuf, String)> {
    let (left, right) = line.split_once(" - ")?;
    let path = unescape(left.split(' ').nth(4)?);
    Some((path, right.split(' ').next()?.to_owned()))
}

/// Undoes the octal escapes of mountinfo.
pub(crate) fn unescape(text: &str) -> PathBuf {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let octal = bytes.get(i + 1..i + 4).and_then(|d| std::str::from_utf8(d).ok());
        match octal.and_then(|d| u8::from_str_radix(d, 8).ok()) {
            Some(byte) if bytes[i] == b'\\' => {
                out.push(byte);
                i += 4;
            }
            _ => {
                out.push(bytes[i]);
                i += 1;
            }
        }
    }
    use std::os::unix::ffi::OsStringExt;
    PathBuf::from(std::ffi::OsString::from_vec(out))
}

fn seen(path: &Path) -> bool {
    let top = path.components().nth(1).map(|c| c.as_os_str().to_string_lossy().into_owned());
    top.is_some_and(|top| SEEN.contains(&top.as_str())) && !kept_empty(path)
}

/// Fills the given layer: private folders, emptied ones, and what of the host's root is not seen.
pub(crate) fn furnish(given: &Given, privileged: bool, hide: &[PathBuf]) -> Result<(), SandboxError> {
    for (folder, mode) in FRAME {
        given.empty_dir(folder, mode, 0, 0)?;
    }
    given.empty_dir("/var/tmp", 0o1777, 0, 0)?;
    for folder in ["/run/lock", "/run/user", "/run/systemd"] {
        given.empty_dir(folder, if folder == "/run/lock" { 0o1777 } else { 0o755 }, 0, 0)?;
    }
    for entry in fs::read_dir("/").map_err(SandboxError::file("list", "/"))?.flatten() {
        let name = entry.file_name();
        let path = Path::new("/").join(&name);
        let known = FRAME.iter().any(|(f, _)| Path::new(f) == path);
        let listed = SEEN.iter().any(|s| name == **s);
        if privileged && !listed && !known {
            given.hide(&path)?;
        }
        if !privileged && listed && entry.file_type().is_ok_and(|t| t.is_symlink()) {
            let to = fs::read_link(&path).map_err(SandboxError::file("read link", &path))?;
            given.link(&path, &to)?;
        }
    }
    // the ids of an overlay, as a container's own root is, can't be mapped for anybody
    if !privileged || super::overlay::is_one(Path::new("/")) {
        for folder in given.made_anew() {
            super::mirror::files_of(given, &folder);
        }
        super::mirror::mirror(given);
        if given.has_owners() {
            super::mirror::setuid_programs(given);
        }
    }
    for folder in BARE {
        if fs::symlink_metadata(folder).is_ok_and(|m| m.is_dir()) {
            given.empty_dir(folder, mode_of(folder), 0, gid_of(folder))?;
            bare_folders(given, Path::new(folder), 3);
        }
    }
    // by its older name programs find the mail
    let spool = Path::new("/var/spool/mail");
    if let Ok(to) = fs::read_link(spool) {
        given.link(spool, &to)?;
    }
    for folder in EMPTIED {
        if fs::symlink_metadata(folder).is_ok_and(|m| m.is_dir()) {
            given.empty_dir(folder, 0o755, 0, 0)?;
        }
    }
    for path in hide {
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        if seen(&path) {
            given.hide(&path)?;
        }
    }
    Ok(())
}

fn mode_of(path: &str) -> u32 {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).map_or(0o755, |m| m.mode() & 0o7777)
}

fn gid_of(path: &str) -> u32 {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).map_or(0, |m| m.gid())
}

fn bare_folders(given: &Given, folder: &Path, depth: u32) {
    let Ok(list) = fs::read_dir(folder) else { return };
    for entry in list.flatten().filter(|e| e.file_type().is_ok_and(|t| t.is_dir())) {
        // A folder that can't be mirrored is simply not there.
        if given.bare_dir(&entry.path()).is_ok() && depth > 1 {
            bare_folders(given, &entry.path(), depth - 1);
        }
    }
}
