//! What is given inside in place of the host's own: a layer above the host's files, below what the run writes.
//! It holds private folders, replaced secrets, baits and the artifact; `fsdiff` takes it for the state before.

use crate::error::SandboxError;
use crate::namespaces::protocol::Part;
use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::path::{Component, Path, PathBuf};

/// How many bytes may be placed beside what every run is given, so that all of it is kept in memory.
const LITTLE: u64 = 64 << 20;

/// Builds the layers: in memory, in a file system that is mounted nowhere and is gone when its last user is; or below
/// `run_dir/given` where there is much to place, or the caller may make none.
#[derive(Debug)]
pub(crate) struct Given {
    /// The file system in memory.
    memory: Option<OwnedFd>,
    folder: PathBuf,
    roots: Vec<(PathBuf, PathBuf, Option<PathBuf>)>,
    /// First host id of the range; none where nothing can be given to another owner.
    base: Option<u32>,
    unprivileged: bool,
}

/// A tmpfs that is mounted nowhere, and takes the marks of overlays.
fn in_memory() -> io::Result<OwnedFd> {
    use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_string};
    let made = rustix::mount::fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(made.as_fd(), "mode", "0700")?;
    fsconfig_create(made.as_fd())?;
    let mount = rustix::mount::fsmount(made.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())?;
    rustix::fs::setxattr(reached(&mount), "trusted.overlay.opaque", b"n", rustix::fs::XattrFlags::empty())?;
    Ok(mount)
}

/// The path by which this process reaches what is mounted nowhere.
fn reached(mount: &OwnedFd) -> PathBuf {
    format!("/proc/self/fd/{}", mount.as_raw_fd()).into()
}

impl Given {
    /// Makes the folders `given/N`, `upper/N` and `work/N` of every part.
    pub(crate) fn create(
        run_dir: &Path,
        parts: &[Part],
        base: Option<u32>,
        unprivileged: bool,
        placed: u64,
    ) -> Result<Given, SandboxError> {
        // An ordinary user can't make one, and an old kernel can't leave one unmounted: the disk does as well, more slowly.
        let memory = if unprivileged || placed > LITTLE { None } else { in_memory().ok() };
        let folder = match &memory {
            Some(memory) => reached(memory),
            None => run_dir.join("given"),
        };
        let mut roots = Vec::new();
        for (number, part) in parts.iter().enumerate() {
            let own = |folder: &Path| folder.join(number.to_string());
            for folder in [own(&folder), own(&run_dir.join("upper")), own(&run_dir.join("work"))] {
                fs::create_dir_all(&folder).map_err(SandboxError::file("make folder", &folder))?;
            }
            roots.push((part.mount_point.clone(), own(&folder), part.host.clone()));
        }
        let given = Given { memory, folder, roots, base, unprivileged };
        // Mounts need a place to go; the part above holds it where it shows nothing of the host's.
        for (number, part) in parts.iter().enumerate() {
            let above = parts[..number].iter().enumerate().filter_map(|(number, above)| {
                Some((number, above, part.mount_point.strip_prefix(&above.mount_point).ok()?))
            });
            let nearest = above.max_by_key(|(_, above, _)| above.mount_point.components().count());
            if let Some((number, above, inside)) = nearest
                && above.host.is_none()
            {
                let place = given.root(number).join(inside);
                fs::create_dir_all(&place).map_err(SandboxError::file("make folder", &place))?;
            }
        }
        for (number, part) in parts.iter().enumerate() {
            for folder in [given.root(number), run_dir.join("upper").join(number.to_string())] {
                given
                    .like_host(&folder, part.host.as_deref())
                    .map_err(SandboxError::file("prepare", &folder))?;
            }
        }
        Ok(given)
    }

    /// The folder in which all layers are, seen from this process.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The layer of a part, seen from this process.
    pub(crate) fn root(&self, number: usize) -> PathBuf {
        self.folder.join(number.to_string())
    }

    /// The file system in memory that holds the layers; none where they are on the disk.
    pub(crate) fn memory(&self) -> Option<BorrowedFd<'_>> {
        self.memory.as_ref().map(AsFd::as_fd)
    }

    /// Whether what is given can be given to others than the caller.
    pub(crate) fn has_owners(&self) -> bool {
        self.base.is_some()
    }

    /// Folders below the root with nothing of the host's beneath.
    pub(crate) fn made_anew(&self) -> Vec<PathBuf> {
        let made = self.roots.iter().skip(1).filter(|(_, _, host)| host.is_none());
        made.map(|(mount_point, ..)| mount_point.clone()).collect()
    }

    /// Where a path of the environment stands in the layer, and on the host.
    fn locate(&self, inside: &Path) -> (PathBuf, PathBuf, Option<PathBuf>) {
        let (mount_point, root, host) = self
            .roots
            .iter()
            .filter(|(mount_point, ..)| inside.starts_with(mount_point))
            .max_by_key(|(mount_point, ..)| mount_point.components().count())
            .unwrap_or(&self.roots[0]);
        let rest = inside.strip_prefix(mount_point).unwrap_or(inside);
        (root.clone(), rest.to_path_buf(), host.clone())
    }

    /// The layer's own path for a path of the environment, its parents made.
    ///
    /// A path that leads upwards is refused: nothing of it is resolved, and it would leave the layer.
    fn make_way(&self, inside: &Path) -> io::Result<PathBuf> {
        if inside.components().any(|part| part == Component::ParentDir) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path has a `..`"));
        }
        let (root, rest, host) = self.locate(inside);
        let mut here = root;
        let mut there = host;
        let mut parts: Vec<_> = rest.components().collect();
        let last = parts.pop();
        for part in parts {
            here.push(part);
            if let Some(there) = &mut there {
                there.push(part);
            }
            match fs::create_dir(&here) {
                Ok(()) => self.like_host(&here, there.as_deref())?,
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(e),
            }
        }
        if let Some(last) = last {
            here.push(last);
        }
        Ok(here)
    }

    /// Mode and owner of the host's folder, or root's with 0755.
    fn like_host(&self, here: &Path, there: Option<&Path>) -> io::Result<()> {
        let (mode, uid, gid) = match there.map(fs::metadata) {
            Some(Ok(m)) => (m.mode() & 0o7777, m.uid(), m.gid()),
            _ => (0o755, 0, 0),
        };
        self.own(here, uid, gid)?;
        fs::set_permissions(here, Permissions::from_mode(mode))
    }

    fn own(&self, here: &Path, uid: u32, gid: u32) -> io::Result<()> {
        let Some(base) = self.base else { return Ok(()) };
        let inside = |id: u32| match id {
            // The host's own, where they have no number here.
            65_534 if self.unprivileged => base,
            id if id < crate::namespaces::maps::RANGE => base + id,
            _ => base + 65_534,
        };
        lchown(here, Some(inside(uid)), Some(inside(gid)))
    }

    /// A folder that shows nothing of the host's.
    pub(crate) fn empty_dir(&self, inside: &str, mode: u32, uid: u32, gid: u32) -> Result<(), SandboxError> {
        let wrong = || SandboxError::file("make folder", inside);
        let here = self.make_way(Path::new(inside)).map_err(wrong())?;
        match fs::create_dir(&here) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(wrong()(e)),
            _ => {}
        }
        let name = if self.unprivileged { "user.overlay.opaque" } else { "trusted.overlay.opaque" };
        rustix::fs::setxattr(&here, name, b"y", rustix::fs::XattrFlags::empty())
            .map_err(|e| SandboxError::file("mark folder", inside)(e.into()))?;
        self.own(&here, uid, gid).map_err(wrong())?;
        // Last: an ordinary user can't mark what the mode forbids to write.
        fs::set_permissions(&here, Permissions::from_mode(mode)).map_err(wrong())
    }

    /// A folder of the host's, with its attributes and none of its files.
    pub(crate) fn bare_dir(&self, inside: &Path) -> io::Result<()> {
        self.make_way(&inside.join("x")).map(drop)
    }

    /// A file.
    pub(crate) fn file(
        &self,
        inside: &Path,
        content: &mut dyn Read,
        mode: u32,
        uid: u32,
        gid: u32,
    ) -> Result<(), SandboxError> {
        let write = || {
            let here = self.make_way(inside)?;
            let mut file = match File::create_new(&here) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                    fs::remove_file(&here)?;
                    File::create_new(&here)?
                }
                other => other?,
            };
            io::copy(content, &mut file)?;
            if let Some(base) = self.base {
                chown(&here, Some(base + uid), Some(base + gid))?;
            }
            fs::set_permissions(&here, Permissions::from_mode(mode))
        };
        let mut write = write;
        write().map_err(SandboxError::file("write the environment's file", inside))
    }

    /// A symbolic link.
    pub(crate) fn link(&self, inside: &Path, to: &Path) -> Result<(), SandboxError> {
        let make = || {
            let here = self.make_way(inside)?;
            symlink(to, &here)?;
            self.own(&here, 0, 0)
        };
        make().map_err(SandboxError::file("make the environment's link", inside))
    }

    /// Hides one path of the host's.
    pub(crate) fn hide(&self, inside: &Path) -> Result<(), SandboxError> {
        let make = || {
            let here = self.make_way(inside)?;
            match rustix::fs::mknodat(
                rustix::fs::CWD,
                &here,
                rustix::fs::FileType::CharacterDevice,
                rustix::fs::Mode::empty(),
                0,
            ) {
                Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
                Err(e) => Err(io::Error::from(e)),
            }
        };
        make().map_err(SandboxError::file("hide", inside))
    }

    /// Gives a folder and all folders above it, below `stop`, to one user.
    pub(crate) fn give_away(&self, inside: &Path, stop: &Path, uid: u32, gid: u32) -> io::Result<()> {
        let mut path = Some(inside);
        while let Some(folder) = path.filter(|p| p.starts_with(stop)) {
            let (root, rest, _) = self.locate(folder);
            self.own(&root.join(rest), uid, gid)?;
            path = folder.parent();
        }
        Ok(())
    }
}
