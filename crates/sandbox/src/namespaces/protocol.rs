//! What the supervisor and init say to each other: JSON over a sequenced-packet socket, with descriptors.
//! A frame's body travels in a memfd, so that a command line of any length fits.

use super::others::Own;
use crate::controls::Steps;
use crate::controls::monitor::When;
use crate::network::{Addresses, DeviceKind};
use crate::plan::Job;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read, Seek, SeekFrom, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

/// One mounted tree of the environment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Part {
    /// Where it is inside.
    pub mount_point: PathBuf,
    /// The host's folder beneath, if any.
    pub host: Option<PathBuf>,
    /// Read the host's files with no rights but those of every user.
    pub filter: bool,
}

/// How the root file system is put together. The run's folder holds `upper/N` and `work/N` for part N, and `given/N` where
/// that is not in memory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Setup {
    pub run_dir: PathBuf,
    pub parts: Vec<Part>,
    /// First host id of the environment's range; absent where only the caller's own id is mapped.
    pub base: Option<u32>,
    /// `userxattr`: the overlay is mounted in a user namespace.
    pub unprivileged: bool,
    /// What is given is in memory: its mount comes along, before the user namespace.
    pub in_memory: bool,
    /// Turn process accounting on.
    pub acct: bool,
    /// Size of `/dev/shm` in bytes.
    pub shm: u64,
}

/// What one launch needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Launch {
    pub argv: Vec<Vec<u8>>,
    pub env: Vec<Vec<u8>>,
    pub cwd: Vec<u8>,
    pub hostname: String,
    pub uid: u32,
    pub gid: u32,
    /// Lines for `uid_map` and `gid_map` of the environment's user namespace.
    pub uid_map: String,
    pub gid_map: String,
    /// Groups can be set (the map isn't a single id's).
    pub groups: bool,
    pub limits: Vec<(u32, u64)>,
    /// How many cgroups of version 1 the launcher enters.
    pub tasks: usize,
    pub filters: Vec<Vec<(u16, u8, u8, u32)>>,
    /// Controls to put on.
    pub controls: Steps,
    /// Seconds to add to the boot time's clock; none where there are no time namespaces.
    pub boottime: Option<u64>,
    /// Addresses of the network device to make, if any.
    pub network: Option<Addresses>,
    /// Programs to start in turn; where there are any, the launcher executes nothing itself.
    pub jobs: Vec<Job>,
    /// Command lines to run first, each to its end.
    pub setup: Vec<Vec<Vec<u8>>>,
    /// Programs that watch; where there are any, a keeper runs them.
    pub monitors: Vec<Watch>,
}

impl Launch {
    /// How many descriptors are for a keeper: its socket, and the output of each program.
    pub(crate) fn kept(&self) -> usize {
        if self.monitors.is_empty() { 0 } else { 1 + self.monitors.len() }
    }
}

/// A program that watches.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Watch {
    pub when: When,
    /// Command lines to run first.
    pub setup: Vec<Vec<Vec<u8>>>,
    pub argv: Vec<Vec<u8>>,
}

/// From a keeper to the supervisor, one packet each.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Report {
    /// What has to run first did not end with code 0: its wait status.
    NotSetUp { number: usize, status: i32 },
    /// It can't be executed.
    NotStarted { number: usize, errno: i32 },
    /// All that runs at the same time was started.
    Watching { keeper: u32 },
    /// One has ended, before it was told to or not.
    Ended { number: usize, status: i32, early: bool },
    /// All have ended.
    Done,
    /// The keeper itself failed, with this error (0 where it has no number), and has ended.
    Broken { errno: i32 },
}

/// From the supervisor to init.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum ToInit {
    /// Mount everything. Descriptor: the user namespace for the id map, where there is one.
    Setup(Setup),
    /// Clone a launcher. Descriptors: stdin, stdout, stderr, `Launch::tasks` files of cgroups, and the cgroup of
    /// version 2 where there is one; before that, where there are
    /// monitors, the keeper's socket and their outputs.
    Launch(Box<Launch>),
    /// Execute the program.
    Release,
    /// Write a file. Descriptor: its content.
    Place { path: PathBuf, mode: u32, uid: u32, gid: u32 },
    /// How much do the processes use?
    Usage,
    /// How many packets were dropped before anybody read them?
    Loss,
    /// Who is there beside this keeper and what it runs?
    Others { keeper: u32 },
    /// Kill every other process.
    KillAll,
}

/// From init to the supervisor.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum FromInit {
    /// Everything is mounted. Descriptors: the file of accounting records where `acct` is well, and the sockets
    /// that programs log to, or none.
    SetUp { idmapped: Vec<bool>, notes: Vec<String>, acct: Result<(), String> },
    /// A step failed.
    Failed { step: String, why: String },
    /// The launcher waits for its release. Descriptors: its pidfd, and the outer end of its network device, where
    /// there is one, and its network namespace where rules are to be loaded into it.
    Launched { in_cgroup: bool, mount_namespace: u64, notes: Vec<String>, device: Option<DeviceKind> },
    /// All that was to run first has run (then the launcher waits for its release again where rules for what leaves are
    /// to be loaded), or failed at this position; one past the last where the controls failed
    /// that are put on after it.
    Prepared { failed: Option<usize> },
    /// The program could not be executed.
    ExecFailed { errno: i32 },
    /// The first program ended, with this wait status.
    Exited { status: i32 },
    /// No process but init is left.
    Ended { last_pid: Option<u32> },
    /// The file was written.
    Placed,
    /// Packets that were dropped; unknown where the device is gone.
    Loss { packets: Option<u64> },
    /// Processes of the attack, and what the keeper's do.
    Others { attack: usize, own: Own },
    /// Resident memory in bytes.
    Usage { memory: u64 },
}

/// The most descriptors of one frame.
const FDS: usize = 64;

/// One end of the connection.
#[derive(Debug)]
pub(crate) struct Channel {
    socket: OwnedFd,
}

impl Channel {
    /// Two connected ends.
    pub(crate) fn pair() -> io::Result<(Channel, Channel)> {
        let (a, b) = rustix::net::socketpair(
            rustix::net::AddressFamily::UNIX,
            rustix::net::SocketType::SEQPACKET,
            rustix::net::SocketFlags::CLOEXEC,
            None,
        )?;
        Ok((Channel { socket: a }, Channel { socket: b }))
    }

    /// An end from its descriptor.
    pub(crate) fn from_fd(socket: OwnedFd) -> Channel {
        Channel { socket }
    }

    /// Sends one frame.
    pub(crate) fn send(&self, frame: &impl Serialize, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        let body = serde_json::to_vec(frame)?;
        let mut memory =
            File::from(rustix::fs::memfd_create("detektr-frame", rustix::fs::MemfdFlags::CLOEXEC)?);
        memory.write_all(&body)?;
        let mut all = vec![memory.as_fd()];
        all.extend_from_slice(fds);
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS))];
        let mut control = rustix::net::SendAncillaryBuffer::new(&mut space);
        if !control.push(rustix::net::SendAncillaryMessage::ScmRights(&all)) {
            return Err(io::Error::other("too many descriptors for one frame"));
        }
        rustix::net::sendmsg(
            &self.socket,
            &[IoSlice::new(b"f")],
            &mut control,
            rustix::net::SendFlags::NOSIGNAL,
        )?;
        Ok(())
    }

    /// Receives one frame; `None` where the other end is closed.
    pub(crate) fn receive<T: DeserializeOwned>(&self) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS))];
        let mut control = rustix::net::RecvAncillaryBuffer::new(&mut space);
        let mut byte = [0u8; 1];
        let got = loop {
            match rustix::net::recvmsg(
                &self.socket,
                &mut [IoSliceMut::new(&mut byte)],
                &mut control,
                rustix::net::RecvFlags::CMSG_CLOEXEC,
            ) {
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::CONNRESET) => return Ok(None),
                other => break other?,
            }
        };
        if got.bytes == 0 {
            return Ok(None);
        }
        let mut fds: Vec<OwnedFd> = Vec::new();
        for message in control.drain() {
            if let rustix::net::RecvAncillaryMessage::ScmRights(list) = message {
                fds.extend(list);
            }
        }
        if fds.is_empty() {
            return Err(io::Error::other("a frame without its body"));
        }
        let mut memory = File::from(fds.remove(0));
        let mut body = Vec::new();
        memory.seek(SeekFrom::Start(0))?;
        memory.read_to_end(&mut body)?;
        Ok(Some((serde_json::from_slice(&body)?, fds)))
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
