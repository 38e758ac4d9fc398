//! A running environment, seen from the supervisor.

mod keeper;
mod make;
mod wait;

pub use keeper::Unwatched;
pub(crate) use make::real_root;
pub use wait::{EndState, Ended, ExitStatus};

use crate::acct::{self, AcctRecord};
use crate::controls::egress::Loaded;
use crate::controls::{Hardening, Steps, User};
use crate::description::Description;
use crate::error::SandboxError;
use crate::limits::cgroup::Cgroups;
use crate::namespaces::clone::{self, Child};
use crate::namespaces::maps::{self, IdRange};
use crate::namespaces::protocol::{Channel, FromInit, Launch, Setup, ToInit, Watch};
use crate::network::Device;
use crate::plan::{Job, Plan, Program, RunAs};
use crate::reaper::Leftover;
use crate::rootfs::given::Given;
use crate::{limits, sys, wall};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How long init may take for one answer: far longer than it ever needs, since a machine may be short of time.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running environment. Dropped, it is destroyed.
#[derive(Debug)]
pub struct Environment {
    plan: Plan,
    hardening: Hardening,
    run_dir: PathBuf,
    channel: Channel,
    init: Child,
    init_pid: u32,
    reaper: Option<(Child, OwnedFd)>,
    leftover: Leftover,
    cgroups: Cgroups,
    cgroup_fd: Option<OwnedFd>,
    base: Option<u32>,
    given: Given,
    setup: Setup,
    userns: Option<OwnedFd>,
    mounted: bool,
    /// The sockets that programs log to, until they are taken.
    logs: Vec<OwnedFd>,
    /// The kernel's accounting records, where it keeps them.
    records: Option<File>,
    /// Rules for what leaves, of the program that was launched last.
    egress: Option<Loaded>,
    /// Init was killed.
    lost: bool,
    description: Description,
    pending: Pending,
    /// Runs what watches the launched program.
    keeper: Option<keeper::Keeper>,
    /// Held for as long as the run lives: its lock file, and the lock of its id range.
    _locks: Vec<OwnedFd>,
}

/// What init told, not yet asked for.
#[derive(Debug, Default)]
struct Pending {
    exit: Option<ExitStatus>,
    exec_error: Option<i32>,
    /// What was to run first: where it failed, if it did, and when that was known.
    prepared: Option<(Option<usize>, SystemTime)>,
    ended: Option<Option<u32>>,
    packets_lost: Option<Option<u64>>,
    /// Resident memory in bytes.
    memory: Option<u64>,
    /// Processes of the attack, and what those of the keeper do.
    others: Option<keeper::Others>,
    /// The run was paused when that was asked.
    paused: bool,
}

/// A launched program, waiting for its release.
#[derive(Debug)]
pub struct Launched {
    /// Process number, host's (the supervisor's pid namespace).
    pub pid: u32,
    /// Inode of its mount namespace.
    pub mount_namespace: u64,
    /// Ids inside and outside.
    pub uid_map: Vec<IdRange>,
    /// Group ids inside and outside.
    pub gid_map: Vec<IdRange>,
    /// The outer end of its network device, where the plan asks for one.
    pub device: Option<Device>,
}

/// One overlay, for the file-system difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Where it is inside.
    pub mount_point: PathBuf,
    /// What was written.
    pub upper: PathBuf,
    /// What was there, topmost first.
    pub lowers: Vec<PathBuf>,
}

fn words(line: &[OsString]) -> Vec<Vec<u8>> {
    line.iter().map(|word| word.as_bytes().to_vec()).collect()
}

fn lines(lines: &[Vec<OsString>]) -> Vec<Vec<Vec<u8>>> {
    lines.iter().map(|line| words(line)).collect()
}

impl Environment {
    /// What it turned out to be. Complete after the first launch.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// The cgroup (version 2) that its processes enter.
    pub fn cgroup(&self) -> Option<&Path> {
        self.cgroups.unified.as_deref()
    }

    /// The sockets that programs inside log to, in the order of [`crate::LOG_SOCKETS`]; none before the first
    /// launch, and none where they could not be had.
    pub fn take_logs(&mut self) -> Vec<OwnedFd> {
        std::mem::take(&mut self.logs)
    }

    /// Init's process number, host's.
    pub fn init_pid(&self) -> u32 {
        self.init_pid
    }

    /// Where what is given inside lies, beneath the overlays: in this process, and while this lives.
    pub fn given(&self) -> &Path {
        self.given.folder()
    }

    /// Puts a file inside. Before the first launch it counts as having been there all along; later it is
    /// written into what the run changed.
    pub fn place(&mut self, inside: &Path, content: &mut dyn Read, mode: u32) -> Result<(), SandboxError> {
        let (uid, gid) = self.owner_below(inside);
        if !self.mounted {
            self.given.file(inside, content, mode, uid, gid)?;
            let home = self.plan.identity.home();
            return match inside.parent().filter(|_| uid != 0) {
                Some(folder) => self
                    .given
                    .give_away(folder, Path::new(&home), uid, gid)
                    .map_err(SandboxError::file("own", folder)),
                None => Ok(()),
            };
        }
        let wrong = || SandboxError::file("place", inside);
        let mut memory = File::from(
            rustix::fs::memfd_create("detektr-place", rustix::fs::MemfdFlags::CLOEXEC)
                .map_err(|e| wrong()(e.into()))?,
        );
        io::copy(content, &mut memory).map_err(wrong())?;
        io::Seek::rewind(&mut memory).map_err(wrong())?;
        let base = self.base.unwrap_or(0);
        let (uid, gid) = if self.base.is_some() { (base + uid, base + gid) } else { (0, 0) };
        self.ask(&ToInit::Place { path: inside.into(), mode, uid, gid }, &[memory.as_fd()])?;
        match self.hear(PATIENCE)? {
            (FromInit::Placed, _) => Ok(()),
            (other, _) => Err(unexpected(other)),
        }
    }

    /// Whose a file at this place is: root's, or the user's in the user's home.
    fn owner_below(&self, inside: &Path) -> (u32, u32) {
        let id = self.plan.identity.uid;
        if inside.starts_with(self.plan.identity.home()) { (id, id) } else { (0, 0) }
    }

    /// Clones a launcher for a program. It stands in its cgroups and namespaces and waits for [`Self::release`].
    pub fn launch(&mut self, program: Program) -> Result<Launched, SandboxError> {
        self.launch_with(program, Vec::new())
    }

    /// Clones a starter for `jobs`, in fresh namespaces over the same files. It waits for [`Self::release`], then
    /// begins each job in turn, as a child of its own, and ends. They have no network but loopback. `program` gives what all of them share: standard
    /// input and output, and the filter.
    ///
    /// # Errors
    /// As [`Self::launch`].
    pub fn start(&mut self, program: Program, jobs: Vec<Job>) -> Result<Launched, SandboxError> {
        self.launch_with(program, jobs)
    }

    fn launch_with(&mut self, program: Program, jobs: Vec<Job>) -> Result<Launched, SandboxError> {
        self.mount()?;
        let (uid, gid) = match self.plan.user {
            RunAs::Root => (0, 0),
            RunAs::User => (self.plan.identity.uid, self.plan.identity.uid),
        };
        let (uid, gid) = match self.hardening.user {
            Some(User::Ids { uid, gid }) => (uid, gid),
            _ => (uid, gid),
        };
        let (uid_map, outside) = self.map(uid, sys::euid());
        let (gid_map, outside_gid) = self.map(gid, sys::egid());
        let home = crate::baits::home(&self.plan.identity, self.plan.user);
        let mut filters = vec![wall::wall(program.shut).program().to_vec()];
        self.description.seccomp = wall::words(program.shut);
        filters.extend(program.filter);
        let tasks =
            self.cgroups.tasks().map_err(SandboxError::step("opening the cgroups that keep limits"))?;
        // what is started again has but loopback, so that there is nothing to refuse
        let loads = self.hardening.steps.egress && jobs.is_empty();
        let after = !program.setup.is_empty();
        let launch = Launch {
            argv: words(&program.argv),
            env: make::variables(&self.plan),
            cwd: program.cwd.as_deref().unwrap_or(Path::new(&home)).as_os_str().as_bytes().to_vec(),
            hostname: self.plan.identity.hostname.clone(),
            uid,
            gid,
            uid_map: uid_map.line(),
            gid_map: gid_map.line(),
            groups: self.base.is_some(),
            limits: limits::rlimit::list(&self.plan.limits, !self.cgroups.keeps("pids")),
            tasks: tasks.len(),
            filters,
            controls: Steps { egress: loads, ..self.hardening.steps.clone() },
            boottime: Path::new("/proc/self/timens_offsets")
                .exists()
                .then_some(self.plan.identity.boot_offset),
            // what is started again has but loopback: the capture ends with the artifact
            network: self.plan.network.filter(|_| jobs.is_empty()),
            jobs,
            setup: lines(&program.setup),
            monitors: program
                .monitors
                .iter()
                .map(|one| Watch { when: one.when, setup: lines(&one.setup), argv: words(&one.argv) })
                .collect(),
        };
        let kept = keeper::Keeper::of(&program.monitors, self.plan.limits.wall)
            .map_err(SandboxError::step("connecting to what watches"))?;
        let theirs = kept.as_ref().map(|(_, theirs)| theirs);
        let mut fds: Vec<BorrowedFd<'_>> =
            vec![program.stdin.as_fd(), program.stdout.as_fd(), program.stderr.as_fd()];
        fds.extend(tasks.iter().map(AsFd::as_fd));
        fds.extend(theirs.map(AsFd::as_fd));
        fds.extend(program.monitors.iter().map(|one| one.output.as_fd()));
        fds.extend(self.cgroup_fd.iter().map(AsFd::as_fd));
        self.pending = Pending::default();
        self.ask(&ToInit::Launch(Box::new(launch)), &fds)?;
        drop(fds);
        self.keeper = kept.map(|(keeper, _)| keeper);
        let (pidfd, in_cgroup, mount_namespace, notes, device) = match self.hear(PATIENCE)? {
            (FromInit::Launched { in_cgroup, mount_namespace, notes, device }, fds) => {
                let mut fds = fds.into_iter();
                let pidfd = fds.next().ok_or_else(|| SandboxError::InitLost("it sent no pidfd".into()))?;
                let device = match device {
                    Some(kind) => fds.next().map(|fd| Device { fd, kind }),
                    None => None,
                };
                if loads {
                    let rulesets = self.hardening.egress.clone();
                    self.egress = fds.next().map(|namespace| Loaded::new(namespace, rulesets));
                }
                (pidfd, in_cgroup, mount_namespace, notes, device)
            }
            (other, _) => return Err(unexpected(other)),
        };
        if loads && !after {
            self.load_rules()?;
        }
        let pid = clone::pid_of(pidfd.as_fd()).map_err(SandboxError::step("finding the launcher"))?;
        if !in_cgroup && self.cgroup_fd.take().is_some() {
            self.cgroups.drop_unified();
            self.description.cgroup = false;
            self.description.limits = make::bounds(&self.cgroups);
            self.description.gaps.push("the kernel let no process of ours into a cgroup of version 2".into());
        }
        for note in notes {
            if !self.description.gaps.contains(&note) {
                self.description.gaps.push(note);
            }
        }
        self.description.network_device = device.as_ref().map(|device| device.kind);
        let outer = |map: IdRange, outside| vec![IdRange { outside, ..map }];
        Ok(Launched {
            pid,
            mount_namespace,
            uid_map: outer(uid_map, outside),
            gid_map: outer(gid_map, outside_gid),
            device,
        })
    }

    /// Loads the rules for what leaves.
    fn load_rules(&mut self) -> Result<(), SandboxError> {
        match &mut self.egress {
            Some(rules) => rules.load().map_err(SandboxError::step("loading the rules for what leaves")),
            None => Err(SandboxError::InitLost("it sent no network namespace".into())),
        }
    }

    /// The rules for what leaves that are in force, where controls have such.
    pub fn egress(&self) -> Option<&Loaded> {
        self.egress.as_ref()
    }

    /// The user ids that a job can have: all of the environment's, or the one that is mapped.
    pub fn only_user(&self) -> Option<u32> {
        self.base.is_none().then_some(match self.plan.user {
            RunAs::Root => 0,
            RunAs::User => self.plan.identity.uid,
        })
    }

    /// The map of one kind of id: as init writes it, and its first id outside in host's numbering.
    fn map(&self, inside: u32, caller: u32) -> (IdRange, u32) {
        match self.base {
            Some(base) => (IdRange { inside: 0, outside: base, count: maps::RANGE }, base),
            None => (IdRange { inside, outside: 0, count: 1 }, caller),
        }
    }

    /// Mounts the root, at the first launch.
    fn mount(&mut self) -> Result<(), SandboxError> {
        if self.mounted {
            return Ok(());
        }
        let userns = self.userns.take();
        let fds: Vec<BorrowedFd<'_>> =
            self.given.memory().into_iter().chain(userns.as_ref().map(AsFd::as_fd)).collect();
        self.ask(&ToInit::Setup(self.setup.clone()), &fds)?;
        match self.hear(PATIENCE)? {
            (FromInit::SetUp { idmapped, notes, acct }, fds) => {
                self.mounted = true;
                let mut fds = fds.into_iter();
                if acct.is_ok() {
                    self.records = fds.next().map(File::from);
                }
                self.logs = fds.collect();
                make::describe_mounts(&mut self.description, &self.setup, &idmapped, notes, acct);
                Ok(())
            }
            (other, _) => Err(unexpected(other)),
        }
    }

    /// Lets the launched program begin.
    pub fn release(&mut self) -> Result<(), SandboxError> {
        self.ask(&ToInit::Release, &[])
    }

    fn ask(&self, frame: &ToInit, fds: &[BorrowedFd<'_>]) -> Result<(), SandboxError> {
        self.channel.send(frame, fds).map_err(|e| SandboxError::InitLost(e.to_string()))
    }

    /// The next answer; what merely tells of a program is noted by the way.
    fn hear(&mut self, patience: Duration) -> Result<(FromInit, Vec<OwnedFd>), SandboxError> {
        loop {
            match self.receive(patience)? {
                None => return Err(SandboxError::InitLost("it does not answer".into())),
                Some((
                    frame @ (FromInit::ExecFailed { .. }
                    | FromInit::Prepared { .. }
                    | FromInit::Exited { .. }
                    | FromInit::Ended { .. }
                    | FromInit::Usage { .. }
                    | FromInit::Others { .. }
                    | FromInit::Loss { .. }),
                    _,
                )) => self.note(frame)?,
                Some(answer) => return Ok(answer),
            }
        }
    }

    fn receive(&self, patience: Duration) -> Result<Option<(FromInit, Vec<OwnedFd>)>, SandboxError> {
        let lost = |e: io::Error| SandboxError::InitLost(e.to_string());
        let ms = i32::try_from(patience.as_micros().div_ceil(1000)).unwrap_or(i32::MAX);
        if !sys::poll_in(&[self.channel.as_fd()], ms).map_err(lost)?[0] {
            return Ok(None);
        }
        match self.channel.receive().map_err(lost)? {
            None => Err(SandboxError::InitLost("it ended".into())),
            answer => Ok(answer),
        }
    }

    /// Kills init, and with it everything inside.
    fn kill_all(&mut self) {
        let _ = sys::pidfd_signal(self.init.pidfd.as_fd(), libc::SIGKILL);
        maps::reap(&self.init);
    }

    /// The kernel's own records of the processes that ended; none where the kernel was not asked.
    pub fn acct_records(&self) -> Option<Vec<AcctRecord>> {
        self.records.as_ref().and_then(|records| acct::read(records).ok())
    }

    /// The overlays: what was written, above what was there.
    pub fn layers(&self) -> Vec<Layer> {
        let layer = |(number, part): (usize, &crate::namespaces::protocol::Part)| Layer {
            mount_point: part.mount_point.clone(),
            upper: self.run_dir.join("upper").join(number.to_string()),
            lowers: std::iter::once(self.given.root(number)).chain(part.host.clone()).collect(),
        };
        self.setup.parts.iter().enumerate().map(layer).collect()
    }

    /// Ends all processes, keeping the files for whoever compares them; `destroy` removes those.
    pub fn stop(&mut self) {
        self.kill_all();
    }

    /// Ends and removes everything.
    pub fn destroy(mut self) -> Result<(), SandboxError> {
        self.tear_down()
    }

    fn tear_down(&mut self) -> Result<(), SandboxError> {
        let Some((reaper, word)) = self.reaper.take() else { return Ok(()) };
        self.kill_all();
        let removed = self.leftover.remove();
        if removed.is_ok() {
            let _ = rustix::io::write(&word, b"d");
        }
        drop(word);
        let _ = sys::pidfd_signal(reaper.pidfd.as_fd(), libc::SIGKILL);
        maps::reap(&reaper);
        removed.map_err(SandboxError::file("remove", &self.run_dir))
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        let _ = self.tear_down();
    }
}

fn unexpected(frame: FromInit) -> SandboxError {
    match frame {
        FromInit::Failed { step, why } => SandboxError::Setup { step, why },
        other => SandboxError::InitLost(format!("it said {other:?} out of turn")),
    }
}
