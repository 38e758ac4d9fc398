//! Init's work: putting the planned root together, with its private `/dev`, `/proc` and `/sys`, and moving in.

use super::{logs, overlay};
use crate::namespaces::protocol::Setup;
use crate::sys;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Mounted {
    /// For each part: its ids are mapped.
    pub idmapped: Vec<bool>,
    /// What could not be had.
    pub notes: Vec<String>,
    /// The sockets that programs log to.
    pub logs: Vec<OwnedFd>,
}

type Step = (String, io::Error);

fn at(step: impl Into<String>) -> impl FnOnce(io::Error) -> Step {
    let step = step.into();
    move |e| (step, e)
}

/// Mounts everything and pivots into it; `memory` is the file system of what is given, where that is not in the run's folder.
pub(crate) fn mount_all(
    setup: &Setup,
    memory: Option<BorrowedFd<'_>>,
    userns: Option<BorrowedFd<'_>>,
) -> Result<Mounted, Step> {
    let mut mounted = Mounted::default();
    sys::mount("none", "/", None, libc::MS_REC | libc::MS_PRIVATE, None)
        .map_err(at("making mounts private"))?;
    let stage = setup.run_dir.join("stage");
    sys::mount("detektr", &stage, Some("tmpfs"), libc::MS_NOSUID | libc::MS_NODEV, Some("mode=755"))
        .map_err(at(format!("mounting a tmpfs on {}", stage.display())))?;
    std::env::set_current_dir(&stage).map_err(at("entering the stage"))?;
    for folder in ["empty", "run", "root", "given"] {
        fs::create_dir(folder).map_err(at("filling the stage"))?;
    }
    sys::bind(&setup.run_dir, "run").map_err(at("binding the run's folder"))?;
    let given = match memory {
        Some(memory) => {
            sys::move_mount(memory, Path::new("given")).map_err(at("mounting what is given"))?;
            "given"
        }
        None => "run/given",
    };
    for number in 0..setup.parts.len() {
        mounted.idmapped.push(mount_part(setup, number, given, userns, &mut mounted.notes)?);
    }
    device_files(setup).map_err(|(what, e)| (format!("making /dev: {what}"), e))?;
    kernel_files(&mut mounted.notes)?;
    std::env::set_current_dir("root").map_err(at("entering the root"))?;
    sys::pivot_here().map_err(at("pivot_root"))?;
    match logs::bind_all(setup.base.unwrap_or(0)) {
        Ok(bound) => mounted.logs = bound,
        Err(e) => mounted.notes.push(format!("what programs log is not told: {e}")),
    }
    Ok(mounted)
}

fn mount_part(
    setup: &Setup,
    number: usize,
    given: &str,
    userns: Option<BorrowedFd<'_>>,
    notes: &mut Vec<String>,
) -> Result<bool, Step> {
    let part = &setup.parts[number];
    let place = part.mount_point.display();
    let mut lower = format!("{given}/{number}");
    let mut idmapped = false;
    if let Some(host) = &part.host {
        let (source, view) = (format!("l{number}"), format!("a{number}"));
        for folder in [&source, &view] {
            fs::create_dir(folder).map_err(at("filling the stage"))?;
        }
        idmapped = overlay::clone_host(host, Path::new(&source), userns)
            .map_err(at(format!("cloning the mount of {}", host.display())))?;
        // On an overlay, as a container's own root is, two more can't be stacked. Its ids can't be mapped either, so that
        // root inside reads no more than every user may, as with the filter.
        if overlay::is_one(Path::new(&source)) {
            notes.push(format!(
                "{place}: the host's files are seen without a filtering layer: it is an overlay itself"
            ));
            lower = format!("{lower}:{source}");
        } else {
            // An ordinary user without subordinate ids has no other id to ask with.
            let filter = part.filter && setup.base.is_some();
            overlay::mount_reading(&source, &view, filter, setup.unprivileged)
                .map_err(at(format!("mounting the reading overlay of {place}")))?;
            lower = format!("{lower}:{view}");
        }
    } else {
        lower.push_str(":empty");
    }
    overlay::mount_writing(
        &lower,
        &format!("run/upper/{number}"),
        &format!("run/work/{number}"),
        &target(&part.mount_point).to_string_lossy(),
        setup.unprivileged,
    )
    .map_err(at(format!("mounting the overlay of {place}")))?;
    Ok(idmapped)
}

/// Where a path of the environment is, seen from the stage.
fn target(inside: &Path) -> PathBuf {
    Path::new("root").join(inside.strip_prefix("/").unwrap_or(inside))
}

const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

fn device_files(setup: &Setup) -> Result<(), Step> {
    let owner = setup.base.unwrap_or(0);
    let dev = target(Path::new("/dev"));
    let quiet = libc::MS_NOSUID | libc::MS_NOEXEC;
    let data = format!("mode=755,size=1m,uid={owner},gid={owner}");
    sys::mount("dev", &dev, Some("tmpfs"), quiet, Some(&data)).map_err(at("tmpfs"))?;
    for name in DEVICES {
        File::create(dev.join(name)).map_err(at(name))?;
        sys::bind(format!("/dev/{name}"), dev.join(name)).map_err(at(name))?;
    }
    for (folder, kind, data) in [
        ("pts", "devpts", pts_options(setup)),
        ("shm", "tmpfs", format!("mode=1777,size={},uid={owner},gid={owner}", setup.shm)),
    ] {
        let place = dev.join(folder);
        fs::create_dir(&place).map_err(at(folder))?;
        let flags = libc::MS_NOSUID | libc::MS_NOEXEC | if kind == "tmpfs" { libc::MS_NODEV } else { 0 };
        sys::mount(kind, &place, Some(kind), flags, Some(&data)).map_err(at(folder))?;
    }
    for (name, to) in [
        ("ptmx", "pts/ptmx"),
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        symlink(to, dev.join(name)).map_err(at(name))?;
    }
    Ok(())
}

fn pts_options(setup: &Setup) -> String {
    let group = setup.base.map(|base| format!(",gid={}", base + 5)).unwrap_or_default();
    format!("newinstance,ptmxmode=0666,mode=620{group}")
}

/// What of `/proc` and `/sys` would tell of the host or act on it.
const MASKED_FILES: [&str; 7] = [
    "/proc/kcore",
    "/proc/keys",
    "/proc/key-users",
    "/proc/timer_list",
    "/proc/sysrq-trigger",
    "/proc/sched_debug",
    "/proc/kmsg",
];
const MASKED_FOLDERS: [&str; 6] = [
    "/proc/acpi",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/kernel/debug",
    "/sys/devices/virtual/dmi",
    "/sys/hypervisor",
];

fn kernel_files(notes: &mut Vec<String>) -> Result<(), Step> {
    let flags = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
    sys::mount("proc", target(Path::new("/proc")), Some("proc"), flags, None)
        .map_err(at("mounting /proc"))?;
    let sys_here = target(Path::new("/sys"));
    if let Err(e) = sys::mount("sysfs", &sys_here, Some("sysfs"), flags | libc::MS_RDONLY, None) {
        notes.push(format!("/sys is empty: {e}"));
    }
    for file in MASKED_FILES {
        let place = target(Path::new(file));
        if place.exists() {
            sys::bind(target(Path::new("/dev/null")), &place).map_err(at(format!("masking {file}")))?;
        }
    }
    for folder in MASKED_FOLDERS {
        let place = target(Path::new(folder));
        if place.is_dir() {
            let flags = flags | libc::MS_RDONLY;
            sys::mount("masked", &place, Some("tmpfs"), flags, Some("mode=755,size=0,nr_inodes=2"))
                .map_err(at(format!("masking {folder}")))?;
        }
    }
    Ok(())
}

/// Writes a file inside, never outside: init's own root is the environment's.
pub(crate) fn place(path: &Path, mut content: File, mode: u32, uid: u32, gid: u32) -> io::Result<()> {
    use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
    let root = rustix::fs::open("/", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let inside = path.strip_prefix("/").map_err(|_| io::Error::other("not an absolute path"))?;
    let mut folder = PathBuf::new();
    for part in inside.parent().into_iter().flat_map(Path::components) {
        folder.push(part);
        match rustix::fs::mkdirat(root.as_fd(), &folder, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(e) => return Err(e.into()),
        }
    }
    let fd = openat2(
        root.as_fd(),
        inside,
        OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC,
        Mode::from_raw_mode(0o600),
        ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS,
    )?;
    let mut file = File::from(fd);
    io::copy(&mut content, &mut file)?;
    std::os::unix::fs::fchown(&file, Some(uid), Some(gid))?;
    file.set_permissions(Permissions::from_mode(mode))
}
