//! Running the host's `nft` in a network namespace. It gets a ruleset on its standard input, power over that namespace
//! alone, and neither a file nor an environment variable of ours.

use crate::sys;
use rustix::thread::{CapabilitySet, CapabilitySets};
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// `NS_GET_USERNS` of ioctl_nsfs(2).
const GET_USERNS: libc::c_ulong = 0xb701;

/// A network namespace, with the user namespace that it belongs to.
#[derive(Debug)]
pub(crate) struct Namespace {
    fd: OwnedFd,
    /// Who lives in it, where nobody else does.
    _holder: Option<Holder>,
}

/// A process that waits for its input, and so keeps a namespace; ended with this.
#[derive(Debug)]
struct Holder(Child);

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl From<OwnedFd> for Namespace {
    fn from(fd: OwnedFd) -> Namespace {
        Namespace { fd, _holder: None }
    }
}

/// The host's `nft`.
pub(crate) fn program() -> Option<PathBuf> {
    let fits = |path: &PathBuf| {
        std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    ["/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft", "/usr/local/sbin/nft"]
        .map(PathBuf::from)
        .into_iter()
        .find(fits)
}

impl Namespace {
    /// A new one, in a user namespace of its own.
    pub(crate) fn throw_away() -> io::Result<Namespace> {
        let mut command = nft(&["-f", "-"])?;
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // SAFETY: between fork and exec only system calls are made; nothing is allocated.
        unsafe {
            command.pre_exec(|| {
                sys::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET)?;
                only_network()
            });
        }
        // it reads to the end of its input, which never comes
        let holder = Holder(command.spawn()?);
        let fd = File::open(format!("/proc/{}/ns/net", holder.0.id()))?.into();
        Ok(Namespace { fd, _holder: Some(holder) })
    }

    pub(crate) fn try_clone(&self) -> io::Result<Namespace> {
        Ok(Namespace::from(self.fd.try_clone()?))
    }

    /// Loads a ruleset, all or nothing; what `nft` says where it refuses.
    pub(crate) fn load(&self, text: &str) -> io::Result<Result<(), String>> {
        let (well, _, said) = self.run(&["-f", "-"], text)?;
        Ok(if well { Ok(()) } else { Err(said.trim().to_owned()) })
    }

    /// All rules with their counters, as JSON.
    pub(crate) fn listing(&self) -> io::Result<serde_json::Value> {
        let (well, text, said) = self.run(&["-j", "list", "ruleset"], "")?;
        if !well {
            return Err(io::Error::other(format!("nft: {}", said.trim())));
        }
        Ok(serde_json::from_str(&text)?)
    }

    fn run(&self, args: &[&str], input: &str) -> io::Result<(bool, String, String)> {
        let user = owner(self.fd.as_fd())?;
        let net = self.fd.try_clone()?;
        let mut command = nft(args)?;
        // SAFETY: between fork and exec only system calls are made; nothing is allocated.
        unsafe {
            command.pre_exec(move || {
                sys::setns(user.as_fd(), libc::CLONE_NEWUSER)?;
                sys::setns(net.as_fd(), libc::CLONE_NEWNET)?;
                only_network()
            });
        }
        // files, not pipes: their end does not depend on who else holds them
        let [mut given, mut told, mut said] = [memory()?, memory()?, memory()?];
        given.write_all(input.as_bytes())?;
        given.rewind()?;
        command.stdin(given).stdout(told.try_clone()?).stderr(said.try_clone()?);
        let well = command.status()?.success();
        Ok((well, whole(&mut told)?, whole(&mut said)?))
    }
}

fn memory() -> io::Result<File> {
    Ok(rustix::fs::memfd_create("detektr-nft", rustix::fs::MemfdFlags::CLOEXEC)?.into())
}

fn whole(file: &mut File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn nft(args: &[&str]) -> io::Result<Command> {
    let program = program().ok_or_else(|| io::Error::other("nft is not installed"))?;
    let mut command = Command::new(program);
    command.args(args).env_clear().current_dir("/");
    Ok(command)
}

/// Leaves this process no power but that over its network namespace, and takes that over the exec.
fn only_network() -> io::Result<()> {
    let net = CapabilitySet::NET_ADMIN;
    rustix::thread::set_capabilities(
        None,
        CapabilitySets { effective: net, permitted: net, inheritable: net },
    )?;
    // SAFETY: plain numbers only.
    let raised = unsafe {
        libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_RAISE, 12 /* CAP_NET_ADMIN */, 0, 0)
    };
    sys::check(raised.into()).map(drop)
}

/// The user namespace that a network namespace belongs to.
fn owner(namespace: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    // SAFETY: no memory is passed.
    let fd = sys::check(unsafe { libc::ioctl(namespace.as_raw_fd(), GET_USERNS) }.into())?;
    let fd = i32::try_from(fd).map_err(io::Error::other)?;
    // SAFETY: the kernel has just given us this descriptor.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    rustix::io::fcntl_setfd(&fd, rustix::io::FdFlags::CLOEXEC)?;
    Ok(fd)
}
