//! The launcher's side of rules for paths: mounts of their own, flags by what the longest rule says, covers.

use super::apply::{is_mount, mask};
use super::paths::{Cover, Rules};
use crate::sys;
use rustix::fs::{Mode, OFlags};
use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// A folder that every environment has, for a moment's use.
const SCRATCH: &str = "/dev/shm";

type Step = (String, io::Error);

/// Puts `rules` on the mounts of this process's own mount namespace.
pub(super) fn put_on(rules: &Rules) -> Result<(), Step> {
    let at = |path: &Path| {
        let path = path.display().to_string();
        move |e| (format!("putting a control on {path}"), e)
    };
    // the host has what the environment may lack, as in `/sys`
    let missing = |path: &Path| path.symlink_metadata().is_err();
    let rules = &Rules {
        by_path: rules
            .by_path
            .iter()
            .filter(|(path, flags)| !(flags.optional && missing(path)))
            .map(|(path, flags)| (path.clone(), *flags))
            .collect(),
    };
    // from the root down, so that what lies within something is bound within it
    for (path, flags) in &rules.by_path {
        if flags.cover.is_none() && !is_mount(path).map_err(at(path))? {
            sys::bind_all(path).map_err(at(path))?;
        }
    }
    for mount in mount_points().map_err(at(Path::new("/")))? {
        let (read_only, noexec) = rules.at_mount(&mount);
        let mut attributes = 0;
        if read_only {
            attributes |= libc::MOUNT_ATTR_RDONLY;
        }
        if noexec {
            attributes |= libc::MOUNT_ATTR_NOEXEC;
        }
        if attributes != 0 {
            sys::mount_attributes_here(&mount, attributes).map_err(at(&mount))?;
        }
    }
    for (path, flags) in &rules.by_path {
        if let Some(cover) = flags.cover {
            put_over(path, cover).map_err(at(path))?;
        }
    }
    Ok(())
}

/// Every mount point of this namespace, each once.
fn mount_points() -> io::Result<Vec<PathBuf>> {
    let table = std::fs::read("/proc/self/mountinfo")?;
    let points =
        table.split(|byte| *byte == b'\n').filter_map(|line| line.split(|byte| *byte == b' ').nth(4));
    let mut points: Vec<PathBuf> =
        points.map(|escaped| PathBuf::from(OsString::from_vec(unescaped(escaped)))).collect();
    points.sort();
    points.dedup();
    // what is covered by another mount can't be reached, and need not be
    points.retain(|point| is_mount(point).unwrap_or(false));
    Ok(points)
}

/// Text of `/proc/self/mountinfo`, where some bytes are written as a backslash and three octal digits.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut made = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after.get(..3).filter(|_| byte == b'\\');
        let code = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        match code {
            Some(code) => {
                made.push(code);
                rest = &after[3..];
            }
            None => {
                made.push(byte);
                rest = after;
            }
        }
    }
    made
}

fn put_over(path: &Path, cover: Cover) -> io::Result<()> {
    let flags = libc::MS_NOSUID | libc::MS_NODEV;
    let closed = flags | libc::MS_RDONLY | libc::MS_NOEXEC;
    match cover {
        Cover::Masked => mask(path),
        Cover::Inaccessible if std::fs::metadata(path)?.is_dir() => {
            sys::mount("inaccessible", path, Some("tmpfs"), closed, Some("mode=000,size=0,nr_inodes=2"))
        }
        Cover::Inaccessible => {
            // an empty file of a file system that nobody sees
            sys::mount("inaccessible", SCRATCH, Some("tmpfs"), flags, Some("mode=700,nr_inodes=4"))?;
            let file = Path::new(SCRATCH).join("nothing");
            let made =
                rustix::fs::open(&file, OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC, Mode::empty())
                    .map_err(io::Error::from)
                    .and_then(|_| sys::open_tree(&file));
            sys::umount(Path::new(SCRATCH))?;
            sys::move_mount(made?.as_fd(), path)?;
            sys::mount_attributes_here(path, libc::MOUNT_ATTR_RDONLY)
        }
        Cover::Empty(read_only) => {
            let flags = if read_only { flags | libc::MS_RDONLY } else { flags };
            sys::mount("empty", path, Some("tmpfs"), flags, Some("mode=755"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::unescaped;

    #[test]
    fn escaped_bytes_of_a_mount_point_are_read() {
        assert_eq!(unescaped(br"/a\040b\134c"), br"/a b\c");
        assert_eq!(unescaped(br"/a\x"), br"/a\x");
    }
}
