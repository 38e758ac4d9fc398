//! Files that are put in place whole or not at all.

use crate::failure::{Failure, shown};
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

/// Checks, before anything runs, that `file` can be put in its folder.
pub fn writable(file: &Path) -> Result<(), Failure> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if folder.is_dir() && !file.is_dir() {
        return Ok(());
    }
    Err(Failure::usage("detektr::out", format!("can't write {}", shown(file)))
        .help("name a file in a folder that is there"))
}

/// Puts `content` in the place of `file`, so that nobody ever reads half of it. A file that was there keeps its
/// permissions, and a link stays one; what is no file (a pipe, a terminal) is written to.
pub fn replace(file: &Path, content: &[u8]) -> io::Result<()> {
    let old = match fs::metadata(file) {
        Ok(metadata) if !metadata.is_file() && !metadata.is_dir() => {
            return fs::OpenOptions::new().write(true).open(file)?.write_all(content);
        }
        Ok(metadata) => Some(metadata),
        Err(e) if e.kind() == io::ErrorKind::NotFound => None,
        Err(e) => return Err(e),
    };
    let file = if old.is_some() { fs::canonicalize(file)? } else { file.to_owned() };
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.partial", std::process::id()));
    let partial = file.with_file_name(name);
    let written = (|| {
        let mut to = fs::File::create_new(&partial)?;
        if let Some(old) = &old {
            to.set_permissions(old.permissions())?;
        }
        to.write_all(content)?;
        to.sync_all()?;
        fs::rename(&partial, &file)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&partial);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::replace;
    use std::fs;
    use std::io::Read as _;
    use std::os::unix::fs::{PermissionsExt, symlink};

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
