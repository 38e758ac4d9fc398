//! Files that are put in place whole or not at all.

use crate::failure::{Failure, shown};
use rustix::fs::{Access, access};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Checks, before anything runs, that each of `files` can be put in its folder, and that no two are the same.
pub fn writable<'p>(files: impl IntoIterator<Item = &'p Path>) -> Result<(), Failure> {
    let mut seen = BTreeSet::new();
    for file in files {
        let refused = |why: io::Error| {
            Failure::usage("detektr::out", format!("can't write {}", shown(file)))
                .because(why)
                .help("name a file in a folder that is there and that you may write to")
        };
        let Target::File { path, .. } = target(file).map_err(refused)? else {
            access(file, Access::WRITE_OK).map_err(|e| refused(e.into()))?;
            continue;
        };
        // permissions don't tell of read-only mounts and quotas: try it
        drop(Partial::beside(&path).map_err(refused)?);
        if !seen.insert(path) {
            return Err(Failure::usage(
                "detektr::out",
                format!("{} is named for two things that are written", shown(file)),
            )
            .help("name a file for each"));
        }
    }
    Ok(())
}

/// Puts `content` in the place of `file`, so that nobody ever reads half of it. A file that was there keeps its
/// permissions and, as far as may be, its owner, and a link stays one; what is no file (a pipe, a terminal) is written to.
pub fn replace(file: &Path, content: &[u8]) -> io::Result<()> {
    let (path, old) = match target(file)? {
        Target::File { path, old } => (path, old),
        Target::Stream => return fs::OpenOptions::new().write(true).open(file)?.write_all(content),
    };
    let mut partial = Partial::beside(&path)?;
    if let Some(old) = old {
        // only root may give it away
        let _ = std::os::unix::fs::fchown(&partial.file, Some(old.uid()), Some(old.gid()));
        partial.file.set_permissions(old.permissions())?;
    }
    partial.file.write_all(content)?;
    partial.file.sync_all()?;
    fs::rename(&partial.path, &path)?;
    partial.placed = true;
    Ok(())
}

/// Holds the folder of `file` against others that do the same, as long as what is returned lives.
pub fn hold(file: &Path) -> io::Result<File> {
    let path = match target(file)? {
        Target::File { path, .. } => path,
        Target::Stream => file.to_owned(),
    };
    let folder = File::open(path.parent().unwrap_or(Path::new("/")))?;
    folder.lock()?;
    Ok(folder)
}

/// What is written to.
enum Target {
    /// A file, by its whole path and without links, and what is there already.
    File { path: PathBuf, old: Option<fs::Metadata> },
    /// What is there is no file.
    Stream,
}

fn target(file: &Path) -> io::Result<Target> {
    match fs::metadata(file) {
        Ok(old) if old.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(old) if old.is_file() => Ok(Target::File { path: fs::canonicalize(file)?, old: Some(old) }),
        Ok(_) => Ok(Target::Stream),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let name = file.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
            let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
            let path = fs::canonicalize(folder.unwrap_or(Path::new(".")))?.join(name);
            Ok(Target::File { path, old: None })
        }
        Err(e) => Err(e),
    }
}

/// A file that is being written. Gone when dropped, unless it was put in place.
struct Partial {
    path: PathBuf,
    file: File,
    /// It was put in place: what bears its name from now on is somebody else's.
    placed: bool,
}

impl Partial {
    /// A new one in the folder of `file`.
    fn beside(file: &Path) -> io::Result<Partial> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = file.with_file_name(format!(".detektr-{}-{number}.partial", std::process::id()));
            match File::create_new(&path) {
                Ok(file) => return Ok(Partial { path, file, placed: false }),
                // a killed one left it, or one in another container
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(e),
            }
        }
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.placed {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{replace, writable};
    use std::fs;
    use std::io::Read as _;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;

    #[test]
    fn a_file_keeps_its_permissions_and_a_link_stays_one() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        replace(&file, b"one").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        symlink("file", &link).unwrap();
        replace(&link, b"two").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"two");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left over");
    }

    #[test]
    fn what_can_not_be_replaced_stays_as_it_is_and_nothing_is_left_over() {
        let folder = tempfile::tempdir().unwrap();
        let full = folder.path().join("full");
        fs::create_dir(&full).unwrap();
        fs::write(full.join("inside"), b"x").unwrap();
        assert!(replace(&full, b"one").is_err());
        assert!(replace(&folder.path().join("none/file"), b"one").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_killed_one_left_stops_nobody() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..64 {
            let left = format!(".detektr-{}-{number}.partial", std::process::id());
            fs::write(folder.path().join(left), "half").unwrap();
        }
        let file = folder.path().join("f".repeat(255));
        replace(&file, b"one").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"one");
    }

    #[test]
    fn what_can_not_be_written_is_told_beforehand_and_nothing_is_left_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("there"), "x").unwrap();
        symlink("there", path("link")).unwrap();
        let all = |files: &[&Path]| writable(files.iter().copied());
        assert!(all(&[&path("new"), &path("there"), Path::new("/dev/null"), Path::new("/dev/null")]).is_ok());
        // sysfs takes no file from anybody
        for wrong in [path("none/file"), folder.path().to_owned(), "/sys/kernel/file".into(), "/".into()] {
            assert_eq!(all(&[&wrong]).unwrap_err().exit(), crate::exit::USAGE, "{wrong:?}");
        }
        for (one, other) in [("new", "./new"), ("there", "link")] {
            assert!(all(&[&path(one), &path(other)]).is_err(), "{other}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        assert_eq!(fs::read(path("there")).unwrap(), b"x");
    }

    #[test]
    fn a_pipe_is_written_to_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (mut read, write) = std::io::pipe().unwrap();
        let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&write));
        let link = folder.path().join("out");
        symlink(&path, &link).unwrap();
        replace(&link, b"one").unwrap();
        drop(write);
        let mut text = String::new();
        read.read_to_string(&mut text).unwrap();
        assert_eq!(text, "one");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }
}
