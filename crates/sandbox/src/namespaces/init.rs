//! Init: pid 1 of an environment. It mounts everything, stays in the parent user namespace where the artifact
//! can't touch it, launches programs, reaps what ends, and dies with the supervisor.

use super::clone::{Child, clone3};
use super::launcher::{self, word};
use super::protocol::{Channel, FromInit, Launch, Setup, ToInit};
use super::{maps, others};
use crate::acct::{self, Accounting};
use crate::network::{Device, Maker, Watched};
use crate::rootfs::mounts;
use crate::sys;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// Runs init on the descriptors that the supervisor passed by number.
pub(crate) fn run(channel: OwnedFd, supervisor: OwnedFd) -> ! {
    let init = Init {
        channel: Channel::from_fd(channel),
        supervisor,
        socket: None,
        stage: Stage::Idle,
        first: None,
        holds: false,
        outstanding: false,
        maker: Maker::default(),
        watched: None,
        accounting: None,
    };
    let code = match init.live() {
        Ok(()) => 0,
        Err(_) => 1,
    };
    // The end of pid 1 is the end of all.
    std::process::exit(code)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Idle,
    Waiting,
    Released,
}

struct Init {
    channel: Channel,
    supervisor: OwnedFd,
    /// The connection to the launcher; closed by the kernel when its exec succeeds.
    socket: Option<OwnedFd>,
    stage: Stage,
    /// The program whose exit is told.
    first: Option<i32>,
    /// Rules for what leaves are loaded into the launcher's network namespace, from outside.
    holds: bool,
    /// A program was launched, and the end not told yet.
    outstanding: bool,
    /// Makes network devices.
    maker: Maker,
    /// The launched program's.
    watched: Option<Watched>,
    /// Held, so that the kernel's accounting goes on.
    accounting: Option<OwnedFd>,
}

impl Init {
    fn live(mut self) -> io::Result<()> {
        sys::prctl(libc::PR_SET_DUMPABLE, 0)?;
        let children = child_signals()?;
        loop {
            let mut fds = vec![self.channel.as_fd(), self.supervisor.as_fd(), children.as_fd()];
            if let Some(socket) = &self.socket {
                fds.push(socket.as_fd());
            }
            let ready = sys::poll_in(&fds, -1)?;
            if ready[1] {
                return Ok(());
            }
            if ready.get(3) == Some(&true) {
                self.hear_launcher()?;
            }
            if ready[2] {
                drain(children.as_fd());
                self.reap()?;
            }
            if ready[0] {
                match self.channel.receive::<ToInit>()? {
                    None => return Ok(()),
                    Some((frame, fds)) => self.obey(frame, fds)?,
                }
            }
        }
    }

    fn say(&self, frame: &FromInit) -> io::Result<()> {
        self.channel.send(frame, &[])
    }

    fn fail(&self, step: &str, e: impl std::fmt::Display) -> io::Result<()> {
        self.say(&FromInit::Failed { step: step.into(), why: e.to_string() })
    }

    fn obey(&mut self, frame: ToInit, fds: Vec<OwnedFd>) -> io::Result<()> {
        match frame {
            ToInit::Setup(setup) => self.set_up(&setup, fds),
            ToInit::Launch(launch) => self.launch(&launch, &fds),
            ToInit::Release => self.release(),
            ToInit::Place { path, mode, uid, gid } => match fds.into_iter().next() {
                None => self.fail("writing a file", "no content was given"),
                Some(fd) => match mounts::place(&path, File::from(fd), mode, uid, gid) {
                    Ok(()) => self.say(&FromInit::Placed),
                    Err(e) => self.fail(&format!("writing {}", path.display()), e),
                },
            },
            ToInit::Usage => match crate::limits::watch::memory_here() {
                Ok(memory) => self.say(&FromInit::Usage { memory }),
                Err(e) => self.fail("counting memory", e),
            },
            ToInit::Loss => {
                let packets = self.watched.as_ref().and_then(|watched| watched.lost().ok());
                self.say(&FromInit::Loss { packets })
            }
            ToInit::Others { keeper } => match others::look(keeper) {
                Ok((attack, own)) => self.say(&FromInit::Others { attack, own }),
                Err(e) => self.fail("looking at the processes", e),
            },
            ToInit::KillAll => {
                // Nobody left to kill is as good.
                let _ = sys::kill_others();
                Ok(())
            }
        }
    }

    fn set_up(&mut self, setup: &Setup, fds: Vec<OwnedFd>) -> io::Result<()> {
        let acct = if setup.acct {
            acct::turn_on().map_err(|e| e.to_string())
        } else {
            Err("only real root may ask the kernel for process accounting".into())
        };
        let (acct, records) = match acct {
            Ok(Accounting { mount, records }) => {
                self.accounting = Some(mount);
                (Ok(()), Some(records))
            }
            Err(why) => (Err(why), None),
        };
        self.maker = Maker::new();
        let mut fds = fds.iter().map(AsFd::as_fd);
        let memory = if setup.in_memory { fds.next() } else { None };
        match mounts::mount_all(setup, memory, fds.next()) {
            Ok(mounted) => {
                let fds: Vec<BorrowedFd<'_>> =
                    records.iter().map(AsFd::as_fd).chain(mounted.logs.iter().map(AsFd::as_fd)).collect();
                let told = FromInit::SetUp { idmapped: mounted.idmapped, notes: mounted.notes, acct };
                self.channel.send(&told, &fds)
            }
            Err((step, e)) => self.fail(&step, e),
        }
    }

    fn launch(&mut self, launch: &Launch, fds: &[OwnedFd]) -> io::Result<()> {
        let (ours, theirs) = rustix::net::socketpair(
            rustix::net::AddressFamily::UNIX,
            rustix::net::SocketType::SEQPACKET,
            rustix::net::SocketFlags::CLOEXEC,
            None,
        )?;
        let (child, in_cgroup) = match self.clone_launcher(launch, fds, &theirs) {
            Ok(made) => made,
            Err(e) => return self.fail("cloning the launcher", e),
        };
        drop(theirs);
        self.first = Some(child.pid);
        self.outstanding = true;
        self.holds = launch.controls.egress;
        match self.introduce(launch, &child, in_cgroup, &ours) {
            Ok((ready, device)) => {
                self.socket = Some(ours);
                self.stage = Stage::Waiting;
                let mut fds = vec![child.pidfd.as_fd()];
                fds.extend(device.iter().map(|device| device.fd.as_fd()));
                let network = match self.holds {
                    true => Some(File::open(format!("/proc/{}/ns/net", child.pid))?),
                    false => None,
                };
                fds.extend(network.iter().map(AsFd::as_fd));
                self.channel.send(&ready, &fds)?;
                self.watched = device.map(|device| Watched::new(child.pid, device)).transpose()?;
                Ok(())
            }
            Err(e) => {
                let _ = sys::pidfd_signal(child.pidfd.as_fd(), libc::SIGKILL);
                self.first = None;
                self.fail("preparing the launcher", e)
            }
        }
    }

    /// Clones the launcher, into the cgroup where the kernel lets us.
    fn clone_launcher(
        &self,
        launch: &Launch,
        fds: &[OwnedFd],
        theirs: &OwnedFd,
    ) -> io::Result<(Child, bool)> {
        let own = 3 + launch.tasks + launch.kept();
        if fds.len() < own {
            return Err(io::Error::other("descriptors of the launcher are missing"));
        }
        for cgroup in [fds.get(own).map(AsFd::as_fd), None] {
            // SAFETY: init has one thread, so the child may do whatever a program may.
            match unsafe { clone3(0, cgroup) } {
                Ok(None) => launcher::run(launch, fds, theirs),
                Ok(Some(child)) => return Ok((child, cgroup.is_some())),
                Err(_) if cgroup.is_some() => {}
                Err(e) => return Err(e),
            }
        }
        Err(io::Error::other("no launcher"))
    }

    /// Leads the launcher to where it waits for its release.
    fn introduce(
        &self,
        launch: &Launch,
        child: &Child,
        in_cgroup: bool,
        socket: &OwnedFd,
    ) -> io::Result<(FromInit, Option<Device>)> {
        expect(socket, word::UNSHARED)?;
        let make = |addresses| {
            File::open(format!("/proc/{}/ns/net", child.pid))
                .and_then(|theirs| self.maker.make(&theirs, addresses))
                .map_err(|e| {
                    io::Error::other(format!(
                        "making the network device of the simulated internet: {e} (`--net none` does without one; \
                         `detektr doctor` tells how to get one)"
                    ))
                })
        };
        let device = launch.network.as_ref().map(make).transpose()?;
        maps::write(child.pid as u32, &launch.uid_map, &launch.gid_map, false)
            .map_err(|e| io::Error::other(format!("writing the id maps: {e}")))?;
        go(socket)?;
        let body = expect(socket, word::READY)?;
        let (number, notes) = body
            .split_first_chunk::<8>()
            .ok_or_else(|| io::Error::other("the launcher told no mount namespace"))?;
        let notes = String::from_utf8_lossy(notes);
        let launched = FromInit::Launched {
            in_cgroup,
            mount_namespace: u64::from_ne_bytes(*number),
            notes: notes.lines().map(String::from).collect(),
            device: device.as_ref().map(|device| device.kind),
        };
        Ok((launched, device))
    }

    fn release(&mut self) -> io::Result<()> {
        match (&self.socket, self.stage) {
            // once more where a launcher waits for those that watch
            (Some(socket), Stage::Waiting | Stage::Released) => {
                let sent = go(socket);
                self.stage = Stage::Released;
                // A launcher that was killed meanwhile is told of by its exit.
                let _ = sent;
                Ok(())
            }
            _ => self.fail("releasing the launcher", "there is none that waits"),
        }
    }

    fn hear_launcher(&mut self) -> io::Result<()> {
        let Some(socket) = &self.socket else { return Ok(()) };
        let mut packet = [0u8; 512];
        let length = match rustix::net::recv(socket, &mut packet, rustix::net::RecvFlags::DONTWAIT) {
            Ok((_, length)) => length,
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => return Ok(()),
            Err(_) => 0,
        };
        if length >= 1 && packet[0] == word::PREPARED {
            let failed = packet[1..length].first_chunk::<4>().map(|at| u32::from_ne_bytes(*at) as usize);
            if self.holds && failed.is_none() {
                self.stage = Stage::Waiting;
            }
            // it goes on, and may have more to say
            return self.say(&FromInit::Prepared { failed });
        }
        if length >= 5 && packet[0] == word::EXEC_FAILED {
            let errno = i32::from_ne_bytes([packet[1], packet[2], packet[3], packet[4]]);
            self.say(&FromInit::ExecFailed { errno })?;
        }
        self.socket = None;
        Ok(())
    }

    fn reap(&mut self) -> io::Result<()> {
        loop {
            let mut status = 0;
            // SAFETY: `status` is valid for the time of the call.
            let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG | libc::__WALL) };
            if pid == 0 {
                return Ok(());
            }
            if pid < 0 {
                if io::Error::last_os_error().raw_os_error() == Some(libc::ECHILD)
                    && std::mem::take(&mut self.outstanding)
                {
                    self.say(&FromInit::Ended { last_pid: last_pid() })?;
                }
                return Ok(());
            }
            if self.first == Some(pid) {
                self.first = None;
                // Its last words came before its end.
                for _ in 0..2 {
                    self.hear_launcher()?;
                }
                self.say(&FromInit::Exited { status })?;
            }
        }
    }
}

fn go(socket: &OwnedFd) -> io::Result<()> {
    rustix::net::send(socket, &[word::GO], rustix::net::SendFlags::NOSIGNAL)?;
    Ok(())
}

fn expect(socket: &OwnedFd, kind: u8) -> io::Result<Vec<u8>> {
    let mut packet = vec![0u8; 4096];
    let (_, length) = rustix::net::recv(socket, &mut packet[..], rustix::net::RecvFlags::empty())?;
    packet.truncate(length);
    match packet.first() {
        Some(first) if *first == kind => Ok(packet.split_off(1)),
        Some(&word::FAILED) => Err(io::Error::other(String::from_utf8_lossy(&packet[1..]).into_owned())),
        _ => Err(io::Error::other("it ended")),
    }
}

/// How many process numbers this pid namespace has given out.
fn last_pid() -> Option<u32> {
    std::fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().nth(4)?.parse().ok()
}

/// A descriptor that tells of children's ends.
fn child_signals() -> io::Result<OwnedFd> {
    // SAFETY: the set is emptied before its use, and valid for all calls; the new descriptor is ours.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGCHLD);
        sys::check(libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()).into())?;
        let fd = libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
        sys::check(fd.into())?;
        Ok(OwnedFd::from_raw_fd(fd))
    }
}

fn drain(signals: BorrowedFd<'_>) {
    let mut buffer = [0u8; 1024];
    // SAFETY: the buffer is valid for its length, the descriptor does not block.
    while unsafe { libc::read(signals.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) } > 0 {}
}
