//! The things tried, each in a child process or a folder of its own.

use crate::acct;
use crate::controls::egress;
use crate::limits::cgroup::hierarchies;
use crate::namespaces::clone::{Child, clone3};
use crate::namespaces::maps::{self, IdRange};
use crate::namespaces::subordinate::Subordinate;
use crate::network;
use crate::rootfs::overlay;
use crate::sys;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// What is tried, and what it is worth.
pub(super) struct What {
    pub name: &'static str,
    pub lost: &'static str,
    /// Empty where it depends on who refuses.
    pub remedy: &'static str,
}

type Tried = (What, Result<String, String>);

/// Everything, in order.
pub(super) fn all() -> Vec<Tried> {
    let root = sys::euid() == 0;
    let what = |name, lost, remedy| What { name, lost, remedy };
    let need_root = || Err("needs root".to_owned());
    vec![
        (what("user namespaces", "environments", ""), namespaces()),
        (
            what(
                "overlay in a user namespace",
                "environments made by ordinary users",
                "Linux 5.11 or newer with overlayfs; modprobe overlay",
            ),
            in_namespace(libc::CLONE_NEWUSER | libc::CLONE_NEWNS, None, || try_overlay(None)),
        ),
        (
            what(
                "idmapped overlay layers",
                "the owners of the host's files: setuid programs, and chown of existing files, inside",
                "run as root, on a file system that maps ids (ext4, xfs, btrfs); a root file system that is itself an overlay (a container's) can't",
            ),
            if root { idmapped() } else { need_root() },
        ),
        (
            what(
                "cgroup v2",
                "the ebpf sensor, which filters by cgroup",
                "mount -t cgroup2 none /sys/fs/cgroup/unified, or boot with systemd.unified_cgroup_hierarchy=1",
            ),
            unified(),
        ),
        (
            what(
                "CLONE_INTO_CGROUP",
                "processes that are watched from their first moment",
                "Linux 5.7 or newer, and a cgroup of version 2 that you may write",
            ),
            into_cgroup(),
        ),
        (
            what(
                "memory controller",
                "an exact bound on memory: it is watched instead",
                "run as root, or have the controller delegated: systemctl edit user@.service with Delegate=memory pids cpu",
            ),
            controller("memory"),
        ),
        (
            what(
                "pids controller",
                "an exact bound on processes: a resource limit stands in",
                "run as root, or have the controller delegated",
            ),
            controller("pids"),
        ),
        (
            what(
                "cpu controller",
                "the bound on processors",
                "run as root, or have the controller delegated",
            ),
            controller("cpu"),
        ),
        (
            what(
                "process accounting",
                "one independent witness of processes: only the number of pids remains",
                "run as root, on a kernel with CONFIG_BSD_PROCESS_ACCT",
            ),
            if root { accounting() } else { need_root() },
        ),
        (
            what(
                "time namespaces",
                "a boot time of the environment's own",
                "Linux 5.6 or newer with CONFIG_TIME_NS",
            ),
            in_namespace(libc::CLONE_NEWUSER, None, || sys::unshare(0x80)),
        ),
        (
            what(
                "network device",
                "the simulated internet (`--net sim`): only `--net none` works",
                "a kernel with CONFIG_TUN and /dev/net/tun open to you (modprobe tun; chmod 666 /dev/net/tun), or with CONFIG_VETH and CONFIG_PACKET",
            ),
            network_device(),
        ),
        (
            what(
                "newuidmap",
                "nothing as root; for an ordinary user all ids inside but one: su, setuid programs, chown",
                "apt install uidmap, and a line for you in /etc/subuid and /etc/subgid",
            ),
            newuidmap(root),
        ),
        (
            what(
                "nft",
                "the control `egress`: rules for what leaves over the network",
                "apt install nftables; a kernel with CONFIG_NF_TABLES and CONFIG_NF_TABLES_INET",
            ),
            nft(),
        ),
    ]
}

/// The namespaces of an environment, with mounts in them as its init makes them: root's stays in the user namespace of
/// its caller, an ordinary user's can't.
pub(super) fn namespaces() -> Result<String, String> {
    let mounts = libc::CLONE_NEWNS | libc::CLONE_NEWPID;
    let inits = if sys::euid() == 0 { mounts } else { mounts | libc::CLONE_NEWUSER };
    let private = || sys::mount("none", "/", None, libc::MS_REC | libc::MS_PRIVATE, None);
    let proc = || private().and_then(|()| sys::mount("proc", "/proc", Some("proc"), 0, None));
    let named = |name: &'static str| move |why: String| format!("{name}: {why}");
    in_namespace(libc::CLONE_NEWUSER | mounts, None, || Ok(())).map_err(named("making namespaces"))?;
    in_namespace(inits, None, private).map_err(named("mounting in a mount namespace"))?;
    in_namespace(inits, None, proc).map_err(named("mounting /proc of a pid namespace"))
}

/// Whether the layers that an environment writes to can lie below `home`: the kernel takes none on an overlay.
pub(super) fn writable_layers(home: &Path) -> Result<(), String> {
    let there = home.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/"));
    if !overlay::is_one(there) {
        return Ok(());
    }
    let home = home.display();
    Err(format!(
        "the data folder {home} lies on an overlay file system, as a container's own is, which takes no layers of another"
    ))
}

/// Whether a kernel parameter can be opened for writing in namespaces of its own.
pub(super) fn can_write(parameter: &Path) -> Result<(), String> {
    let flags = libc::CLONE_NEWUSER | libc::CLONE_NEWNET | libc::CLONE_NEWIPC;
    in_namespace(flags, None, || File::options().write(true).open(parameter).map(drop)).map(drop)
}

/// Does something in a child in new namespaces, as root there.
fn in_namespace(
    flags: libc::c_int,
    cgroup: Option<BorrowedFd<'_>>,
    act: impl Fn() -> io::Result<()>,
) -> Result<String, String> {
    let (wait, go) = pipe()?;
    // SAFETY: the child does what a forked child of a program with threads may get away with for a probe: file
    // system calls and small allocations through the system allocator, which is safe across fork in glibc; then
    // it ends without unwinding.
    let child = match unsafe { clone3(flags as u64, cgroup) }.map_err(|e| e.to_string())? {
        Some(child) => child,
        None => {
            drop(go);
            let mut byte = [0u8; 1];
            let told = rustix::io::read(&wait, &mut byte).is_ok();
            let code = match act() {
                Ok(()) if told => 0,
                Ok(()) => 1,
                Err(e) => e.raw_os_error().unwrap_or(255) & 0xff,
            };
            // SAFETY: ends this child at once.
            unsafe { libc::_exit(code) }
        }
    };
    if flags & libc::CLONE_NEWUSER != 0 {
        let line = |id| IdRange { inside: 0, outside: id, count: 1 }.line();
        let maps = maps::write(child.pid as u32, &line(sys::euid()), &line(sys::egid()), true);
        if let Err(e) = maps {
            let _ = sys::pidfd_signal(child.pidfd.as_fd(), libc::SIGKILL);
            maps::reap(&child);
            return Err(format!("writing the id maps: {e}"));
        }
    }
    drop(wait);
    let _ = rustix::io::write(&go, b"g");
    match exit_code(&child)? {
        0 => Ok("works".into()),
        errno => Err(io::Error::from_raw_os_error(errno).to_string()),
    }
}

/// Whether rules can be loaded into a network namespace.
fn nft() -> Result<String, String> {
    let program = egress::program().ok_or("`nft` is not installed")?;
    let namespace = egress::Namespace::throw_away().map_err(|e| e.to_string())?;
    namespace.load("table inet probe { }").map_err(|e| e.to_string())??;
    Ok(program.display().to_string())
}

fn pipe() -> Result<(OwnedFd, OwnedFd), String> {
    rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(|e| e.to_string())
}

fn exit_code(child: &Child) -> Result<i32, String> {
    let options = rustix::process::WaitIdOptions::EXITED;
    let status = rustix::process::waitid(rustix::process::WaitId::PidFd(child.pidfd.as_fd()), options)
        .map_err(|e| e.to_string())?;
    status.and_then(|s| s.exit_status()).ok_or_else(|| "the child was killed".into())
}

/// An overlay like an environment's own, over `/usr`, in a tmpfs on the first folder that takes one. Nothing of
/// it is seen outside of the mount namespace.
fn try_overlay(userns: Option<BorrowedFd<'_>>) -> io::Result<()> {
    sys::mount("none", "/", None, libc::MS_REC | libc::MS_PRIVATE, None)?;
    sys::mount("probe", "/tmp", Some("tmpfs"), libc::MS_NOSUID, Some("mode=755"))?;
    std::env::set_current_dir("/tmp")?;
    for name in ["l", "a", "b", "empty", "given", "upper", "work"] {
        fs::create_dir(name)?;
    }
    let mapped = overlay::clone_host(Path::new("/usr"), Path::new("l"), userns)?;
    if userns.is_some() && !mapped {
        return Err(io::Error::from_raw_os_error(libc::EOPNOTSUPP));
    }
    let unprivileged = userns.is_none();
    overlay::mount_reading("l", "a", !unprivileged, unprivileged)?;
    overlay::mount_writing("given:a", "upper", "work", "b", unprivileged)
}

fn idmapped() -> Result<String, String> {
    let userns = maps::map_namespace(0x1000_0000).map_err(|e| e.to_string())?;
    in_namespace(libc::CLONE_NEWNS, None, || try_overlay(Some(userns.as_fd())))
}

fn unified() -> Result<String, String> {
    hierarchies()
        .into_iter()
        .find(|h| h.unified)
        .map(|h| format!("at {}", h.mount.display()))
        .ok_or_else(|| "no cgroup2 file system is mounted".into())
}

/// A cgroup of our own for the time of a check.
struct Trial(PathBuf);

impl Trial {
    fn create(parents: &[PathBuf]) -> Result<Trial, String> {
        let mut why = String::from("no hierarchy");
        for parent in parents {
            let path = parent.join(format!("detektr-probe-{}", std::process::id()));
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Trial(path)),
                Err(e) => why = format!("{}: {e}", parent.display()),
            }
        }
        Err(why)
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

fn into_cgroup() -> Result<String, String> {
    let h = hierarchies().into_iter().find(|h| h.unified).ok_or("no cgroup2 file system is mounted")?;
    let trial = Trial::create(&[h.own, h.mount])?;
    let fd = File::open(&trial.0).map_err(|e| e.to_string())?;
    in_namespace(0, Some(fd.as_fd()), || Ok(()))
}

fn controller(name: &str) -> Result<String, String> {
    let all = hierarchies();
    let file = match name {
        "memory" => ("memory.max", "memory.limit_in_bytes"),
        "pids" => ("pids.max", "pids.max"),
        _ => ("cpu.max", "cpu.cfs_quota_us"),
    };
    let mut why = "no hierarchy has it".to_owned();
    for h in all.into_iter().filter(|h| h.unified || h.controllers.iter().any(|c| c == name)) {
        let (kind, file) = if h.unified { ("cgroup v2", file.0) } else { ("cgroup v1", file.1) };
        match Trial::create(&[h.own, h.mount]) {
            Ok(trial) if trial.0.join(file).exists() => return Ok(kind.into()),
            Ok(_) => {}
            Err(e) => why = e,
        }
    }
    Err(why)
}

/// Turned on for a pid namespace that ends with its only process.
fn accounting() -> Result<String, String> {
    in_namespace(libc::CLONE_NEWPID, None, || acct::turn_on().map(drop))
}

/// Made the way an environment's is: the maker in its own namespaces, the device in others below them.
fn network_device() -> Result<String, String> {
    let kind = |tun: bool| {
        in_namespace(libc::CLONE_NEWUSER | libc::CLONE_NEWNET, None, move || {
            let kind = network::attempt()?;
            if matches!(kind, network::DeviceKind::Tun) == tun {
                Ok(())
            } else {
                Err(io::ErrorKind::Other.into())
            }
        })
    };
    match kind(true) {
        Ok(_) => Ok("a TUN device".into()),
        Err(_) => kind(false).map(|_| "a veth pair (/dev/net/tun can't be opened)".into()),
    }
}

fn newuidmap(root: bool) -> Result<String, String> {
    if root {
        return Ok("not needed as root".into());
    }
    let found = Subordinate::find()?;
    let (wait, go) = pipe()?;
    // SAFETY: the child makes two system calls and ends.
    let child = match unsafe { clone3(libc::CLONE_NEWUSER as u64, None) }.map_err(|e| e.to_string())? {
        Some(child) => child,
        None => {
            drop(go);
            let mut byte = [0u8; 1];
            let _ = rustix::io::read(&wait, &mut byte);
            // SAFETY: ends this child at once.
            unsafe { libc::_exit(0) }
        }
    };
    let mapped = found.map(child.pid as u32);
    drop(go);
    maps::reap(&child);
    mapped.map(|()| "works".into())
}
