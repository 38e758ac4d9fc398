//! What `/proc` tells of a traced thread: numbers, credentials, and the kernel objects behind its links. The
//! thread stands still meanwhile; other threads of its process may not.

use crate::raw::{RawCredentials, RawObject};
use detektr_event::{CapabilitySets, Copied, Text};
use std::collections::HashMap;
use std::ffi::CStr;
use std::io::{self, Write};
use std::mem::MaybeUninit;
use std::os::unix::fs::MetadataExt;

/// `/proc/TID/status`, as far as it is needed.
#[derive(Clone, Debug, Default)]
pub(super) struct Status {
    /// Thread group.
    pub(super) tgid: u32,
    /// Parent's thread group.
    pub(super) ppid: u32,
    /// Thread number per pid namespace, outermost first.
    pub(super) tids: Vec<u32>,
    /// Thread group per pid namespace, outermost first.
    pub(super) tgids: Vec<u32>,
    /// Ids and capabilities.
    pub(super) credentials: RawCredentials,
    /// Seccomp filters in place (`None` before kernel 5.9).
    pub(super) filters: Option<u32>,
}

/// Reads `/proc/TID/status`.
pub(super) fn status(tid: i32) -> io::Result<Status> {
    Ok(parse_status(&std::fs::read(format!("/proc/{tid}/status"))?))
}

fn parse_status(text: &[u8]) -> Status {
    let mut status = Status::default();
    for line in text.split(|&byte| byte == b'\n') {
        let Some(colon) = line.iter().position(|&byte| byte == b':') else { continue };
        let Ok(value) = std::str::from_utf8(&line[colon + 1..]) else { continue };
        let numbers = || value.split_ascii_whitespace().filter_map(|word| word.parse().ok());
        let first = || numbers().next().unwrap_or(0);
        let four = || {
            let mut all = numbers();
            [0; 4].map(|_: i32| all.next().unwrap_or(0))
        };
        let mask = || u64::from_str_radix(value.trim(), 16).unwrap_or(0);
        let sets: &mut CapabilitySets = &mut status.credentials.capabilities;
        match &line[..colon] {
            b"Tgid" => status.tgid = first(),
            b"PPid" => status.ppid = first(),
            b"NSpid" => status.tids = numbers().collect(),
            b"NStgid" => status.tgids = numbers().collect(),
            b"Uid" => status.credentials.uids = four(),
            b"Gid" => status.credentials.gids = four(),
            b"CapInh" => sets.inheritable = mask(),
            b"CapPrm" => sets.permitted = mask(),
            b"CapEff" => sets.effective = mask(),
            b"CapBnd" => sets.bounding = mask(),
            b"CapAmb" => sets.ambient = mask(),
            b"Seccomp_filters" => status.filters = Some(first()),
            _ => {}
        }
    }
    status
}

/// Inode number of the mount namespace of `tid` (0 where it can't be told).
pub(super) fn mount_namespace(tid: i32) -> u64 {
    std::fs::metadata(format!("/proc/{tid}/ns/mnt")).map_or(0, |data| data.ino())
}

/// The root directory of `tid`, where it is not the root of its mount namespace.
pub(super) fn root(tid: i32) -> Option<Copied> {
    let mut name = [0u8; 40];
    let path = read_link(link_name(&mut name, tid, "root", None)?)?;
    (path != b"/").then(|| Copied::whole(path))
}

/// Device number in the kernel's own form.
pub(super) fn kernel_dev(dev: u64) -> u64 {
    u64::from(libc::major(dev)) << 20 | u64::from(libc::minor(dev))
}

/// Where a link of `/proc/TID` leads, and the identity of what is there.
pub(super) struct Link {
    /// The text of the link.
    pub(super) path: Vec<u8>,
    /// `st_dev` as user space has it.
    pub(super) dev: u64,
    /// Inode number.
    pub(super) ino: u64,
    /// Type and permissions.
    pub(super) mode: u32,
    /// Names that the file has.
    pub(super) links: u64,
}

impl Link {
    /// Looks at `/proc/TID/WORD` or, with a number, `/proc/TID/WORD/NUMBER`.
    pub(super) fn look(tid: i32, word: &str, number: Option<i32>) -> Option<Link> {
        let mut buffer = [0u8; 40];
        let name = link_name(&mut buffer, tid, word, number)?;
        let path = read_link(name)?;
        let mut data = MaybeUninit::<libc::stat>::uninit();
        // SAFETY: `name` is NUL-terminated, `data` has room for what stat fills.
        if unsafe { libc::stat(name.as_ptr(), data.as_mut_ptr()) } < 0 {
            return None;
        }
        // SAFETY: stat succeeded, so it has filled `data`.
        let data = unsafe { data.assume_init() };
        Some(Link { path, dev: data.st_dev, ino: data.st_ino, mode: data.st_mode, links: data.st_nlink })
    }

    /// Opens the directory that a link leads to, as a place to look from.
    pub(super) fn open_directory(path: &str) -> Option<std::fs::File> {
        use std::os::unix::fs::OpenOptionsExt;
        std::fs::OpenOptions::new().read(true).custom_flags(libc::O_PATH | libc::O_DIRECTORY).open(path).ok()
    }
}

fn link_name<'a>(buffer: &'a mut [u8; 40], tid: i32, word: &str, number: Option<i32>) -> Option<&'a CStr> {
    let mut rest = &mut buffer[..];
    match number {
        Some(number) => write!(rest, "/proc/{tid}/{word}/{number}\0").ok()?,
        None => write!(rest, "/proc/{tid}/{word}\0").ok()?,
    }
    CStr::from_bytes_until_nul(buffer).ok()
}

fn read_link(name: &CStr) -> Option<Vec<u8>> {
    let mut path = [0u8; 4096];
    // SAFETY: `name` is NUL-terminated and `path` has the length that is given.
    let length = unsafe { libc::readlink(name.as_ptr(), path.as_mut_ptr().cast(), path.len()) };
    (length >= 0).then(|| path[..length as usize].to_vec())
}

/// Makes objects of links; knows file systems by device.
pub(super) struct Objects {
    file_systems: HashMap<u64, String>,
    /// Device of the kernel's own tmpfs, on which memfds live.
    memfd_dev: Option<u64>,
}

impl Objects {
    pub(super) fn new() -> Self {
        // SAFETY: the name is NUL-terminated; a descriptor or -1 comes back.
        let fd = unsafe { libc::memfd_create(c"probe".as_ptr(), libc::MFD_CLOEXEC) };
        let memfd_dev = std::fs::metadata(format!("/proc/self/fd/{fd}")).map(|data| data.dev()).ok();
        if fd >= 0 {
            // SAFETY: `fd` was made above, and nothing else owns it.
            unsafe { libc::close(fd) };
        }
        Objects { file_systems: HashMap::new(), memfd_dev }
    }

    /// The object of a link that was looked at as `word` (and `number`) of `tid`.
    pub(super) fn object(
        &mut self,
        tid: i32,
        word: &str,
        number: Option<i32>,
        link: Link,
        mount_namespace: u64,
        root: Option<Copied>,
    ) -> RawObject {
        let Link { mut path, dev, ino, mode, links } = link;
        let mut object = RawObject {
            path: Copied::Whole(Text::default()),
            dev: kernel_dev(dev),
            ino,
            mode,
            fs: String::new(),
            mount_namespace,
            root,
            unlinked: false,
            memfd: false,
            from_procfs: true,
        };
        if !path.starts_with(b"/") {
            // `pipe:[…]`, `socket:[…]`, `anon_inode:…`, `mnt:[…]`
            let family = path.iter().position(|&byte| byte == b':').unwrap_or(0);
            object.fs = match &path[..family] {
                b"pipe" => "pipefs".into(),
                b"socket" => "sockfs".into(),
                b"anon_inode" => "anon_inodefs".into(),
                _ => "nsfs".into(),
            };
            object.mount_namespace = 0;
            object.root = None;
            object.path = Copied::whole(path);
            return object;
        }
        object.fs = self.file_system(tid, word, number, dev);
        const DELETED: &[u8] = b" (deleted)";
        if path.ends_with(DELETED) && (links == 0 || !names(tid, &path, dev, ino)) {
            path.truncate(path.len() - DELETED.len());
            object.unlinked = true;
            if self.memfd_dev == Some(dev)
                && let Some(name) = path.strip_prefix(b"/memfd:")
            {
                object.memfd = true;
                object.mount_namespace = 0;
                object.root = None;
                path = [b"memfd:", name].concat();
            }
        }
        object.path = Copied::whole(path);
        object
    }

    fn file_system(&mut self, tid: i32, word: &str, number: Option<i32>, dev: u64) -> String {
        if let Some(name) = self.file_systems.get(&dev) {
            return name.clone();
        }
        let mut buffer = [0u8; 40];
        let mut data = MaybeUninit::<libc::statfs>::zeroed();
        let Some(name) = link_name(&mut buffer, tid, word, number) else { return "unknown".into() };
        // SAFETY: `name` is NUL-terminated, `data` has room for what statfs fills.
        if unsafe { libc::statfs(name.as_ptr(), data.as_mut_ptr()) } < 0 {
            return "unknown".into();
        }
        // SAFETY: it was zeroed, which is valid, and statfs has filled it.
        let magic = unsafe { data.assume_init() }.f_type;
        let name = file_system_name(magic);
        self.file_systems.insert(dev, name.clone());
        name
    }
}

/// Whether `path` really is a name of the file `dev`, `ino` for thread `tid`: a name may end in ` (deleted)`.
fn names(tid: i32, path: &[u8], dev: u64, ino: u64) -> bool {
    use std::os::unix::ffi::OsStrExt;
    let mut full = format!("/proc/{tid}/root").into_bytes();
    full.extend_from_slice(path);
    std::fs::symlink_metadata(std::ffi::OsStr::from_bytes(&full))
        .is_ok_and(|data| (data.dev(), data.ino()) == (dev, ino))
}

fn file_system_name(magic: i64) -> String {
    match magic {
        0x794c_7630 => "overlay",
        0xef53 => "ext4",
        0x0102_1994 => "tmpfs",
        0x9fa0 => "proc",
        0x6265_6572 => "sysfs",
        0x5846_5342 => "xfs",
        0x9123_683e => "btrfs",
        0x1cd1 => "devpts",
        0x6367_7270 => "cgroup2",
        0x27_e0eb => "cgroup",
        0x1980_0202 => "mqueue",
        0x6462_6720 => "debugfs",
        0x7472_6163 => "tracefs",
        0x9584_58f6 => "hugetlbfs",
        0x6e73_6673 => "nsfs",
        0x5346_4846 => "wslfs",
        0x6969 => "nfs",
        0x0102_1997 => "9p",
        0x6573_5546 => "fuse",
        0x7371_7368 => "squashfs",
        0x2fc1_2fc1 => "zfs",
        0xe0f5_e1e2 => "erofs",
        0x4d44 => "vfat",
        0x9660 => "iso9660",
        0x8584_58f6 => "ramfs",
        0x7363_6673 => "securityfs",
        0xcafe_4a11 => "bpf",
        0x5049_5045 => "pipefs",
        0x534f_434b => "sockfs",
        0x0904_1934 => "anon_inodefs",
        other => return format!("0x{other:x}"),
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_yields_numbers_ids_and_capabilities() {
        let status = parse_status(
            b"Name:\tx: y\nTgid:\t70\nPid:\t71\nPPid:\t7\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nNStgid:\t70\t1\n\
              NSpid:\t71\t2\nCapEff:\t00000000a80425fb\nSeccomp_filters:\t2\n",
        );
        assert_eq!((status.tgid, status.ppid), (70, 7));
        assert_eq!((status.tids, status.tgids), (vec![71, 2], vec![70, 1]));
        assert_eq!(status.credentials.uids, [1, 2, 3, 4]);
        assert_eq!(status.credentials.gids, [5, 6, 7, 8]);
        assert_eq!(status.credentials.capabilities.effective, 0xa804_25fb);
        assert_eq!(status.filters, Some(2));
    }

    #[test]
    fn objects_of_files_pipes_and_memfds_are_told_apart() {
        use std::os::fd::AsRawFd;
        let me = std::process::id() as i32;
        let mut objects = Objects::new();
        let mut look = |fd: i32| {
            let link = Link::look(me, "fd", Some(fd)).expect("an open descriptor");
            objects.object(me, "fd", Some(fd), link, 1, None)
        };
        let directory = tempfile::tempdir().expect("a directory");
        let odd = directory.path().join("odd (deleted)");
        let file = std::fs::File::create(&odd).expect("a file");
        let named = look(file.as_raw_fd());
        assert!(!named.unlinked);
        assert_eq!(named.path.text().map(Text::as_bytes), Some(odd.as_os_str().as_encoded_bytes()));
        std::fs::remove_file(&odd).expect("removed");
        let deleted = look(file.as_raw_fd());
        assert!(deleted.unlinked && !deleted.memfd);
        assert_eq!(deleted.path.text().map(Text::as_bytes), Some(odd.as_os_str().as_encoded_bytes()));
        let (reader, _writer) = std::io::pipe().expect("a pipe");
        let pipe = look(reader.as_raw_fd());
        assert_eq!(pipe.path, Copied::whole(format!("pipe:[{}]", pipe.ino)));
        assert_eq!((pipe.fs.as_str(), pipe.mount_namespace), ("pipefs", 0));
        // SAFETY: the name is NUL-terminated; the descriptor is closed by its owner below.
        let fd = unsafe { libc::memfd_create(c"inner".as_ptr(), 0) };
        // SAFETY: `fd` is a fresh descriptor that nothing else owns.
        let owner = unsafe { <std::os::fd::OwnedFd as std::os::fd::FromRawFd>::from_raw_fd(fd) };
        let memfd = look(owner.as_raw_fd());
        assert!(memfd.memfd && memfd.unlinked);
        assert_eq!(memfd.path, Copied::whole("memfd:inner"));
    }
}
