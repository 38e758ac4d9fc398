//! Making an environment: folders, layers, cgroups, reaper, init.

use super::{Environment, Pending};
use crate::baits::{self, BaitKind};
use crate::controls;
use crate::description::{Description, MountDescription};
use crate::error::SandboxError;
use crate::limits::Bound;
use crate::limits::cgroup::{Cgroups, hierarchies};
use crate::namespaces::clone::{self, Child};
use crate::namespaces::maps::{self, IdRange};
use crate::namespaces::protocol::{Channel, Setup};
use crate::namespaces::subordinate::{self, Subordinate};
use crate::plan::{Plan, Rootfs, RunAs};
use crate::reaper::Leftover;
use crate::rootfs::given::Given;
use crate::rootfs::{dir, host, standard};
use crate::work;
use crate::{secrets, sys};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Seek, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

impl Environment {
    /// Makes folders, cgroups, the reaper and init. The root is mounted at the first launch, so that files can
    /// still be placed.
    pub fn create(plan: &Plan) -> Result<Environment, SandboxError> {
        let privileged = real_root();
        let hardening =
            controls::check(&plan.controls, &plan.rootfs, &plan.limits).map_err(SandboxError::Refused)?;
        let plan = &Plan {
            user: hardening.run_as(plan.user),
            limits: hardening.bounds(plan.limits),
            ..plan.clone()
        };
        let run_dir = name_run_dir(plan)?;
        // Before anything else is there: whatever is made from here on is removed, should we be killed.
        let reaper = start_reaper(&Leftover { run_dir: run_dir.clone(), cgroups: Vec::new() })?;
        let mut guard = Guard { reaper: Some(reaper), leftover: None };
        let lock = make_run_dir(&run_dir)?;
        guard.leftover = Some(Leftover { run_dir: run_dir.clone(), cgroups: Vec::new() });
        let mut locks = vec![lock];
        // First id of the environment's range: as numbered here, and as numbered by the host.
        let mut range = None;
        if privileged {
            let (first, held) =
                maps::take_range(&plan.run).map_err(SandboxError::step("taking an id range"))?;
            range = Some((first, first));
            locks.push(held);
        } else if foreign(&plan.rootfs) {
            range = subordinate::range();
        }
        let base = range.map(|(here, _)| here);
        let (parts, gaps) = match &plan.rootfs {
            Rootfs::Host => host::parts(privileged, &hidden(plan))?,
            Rootfs::Dir(root) => (dir::parts(root)?, Vec::new()),
        };
        let given = Given::create(&run_dir, &parts, base, !privileged, plan.placed)?;
        let setup = Setup {
            in_memory: given.memory().is_some(),
            run_dir: run_dir.clone(),
            parts,
            base,
            unprivileged: !privileged,
            acct: privileged,
            shm: plan.limits.memory / 2,
        };
        furnish(plan, &given, privileged)?;
        let cgroups = Cgroups::create(&plan.run, &plan.limits);
        let leftover = Leftover { run_dir: run_dir.clone(), cgroups: cgroups.paths() };
        guard.leftover = Some(leftover.clone());
        leftover.note().map_err(SandboxError::file("write the note of", &run_dir))?;
        let (channel, theirs) = Channel::pair().map_err(SandboxError::step("making the channel to init"))?;
        let init = start_init(&theirs, privileged, base)?;
        drop(theirs);
        let reaper = guard.disarm();
        let userns = base.filter(|_| privileged).and_then(|base| maps::map_namespace(base).ok());
        let cgroup_fd = cgroups.unified.as_ref().and_then(|p| File::open(p).ok()).map(OwnedFd::from);
        let mut description = Description {
            backend: "namespaces".into(),
            host_privilege: if privileged { "root" } else { "user" }.into(),
            id_mapping: match base {
                Some(_) if privileged => "range",
                Some(_) => "subordinate",
                None => "single",
            }
            .into(),
            id_base: range.map(|(_, outside)| outside),
            rootfs: if plan.rootfs == Rootfs::Host { "host" } else { "dir" }.into(),
            limits: bounds(&cgroups),
            namespaces: NAMESPACES.iter().map(|n| (*n).to_owned()).collect(),
            cgroup: cgroup_fd.is_some(),
            seccomp: crate::wall::words(crate::wall::Shut::default()),
            controls: hardening.applied.clone(),
            gaps,
            ..Description::default()
        };
        description.gaps.extend(known_gaps(privileged, base, plan));
        Ok(Environment {
            init_pid: init.pid as u32,
            plan: plan.clone(),
            hardening,
            run_dir,
            channel,
            init,
            reaper,
            leftover,
            cgroups,
            cgroup_fd,
            base,
            given,
            setup,
            keeper: None,
            userns,
            mounted: false,
            logs: Vec::new(),
            records: None,
            egress: None,
            lost: false,
            description,
            pending: Pending::default(),
            _locks: locks,
        })
    }
}

const NAMESPACES: [&str; 8] = ["user", "pid", "mount", "network", "ipc", "uts", "cgroup", "time"];

/// Removes what was made, where making goes wrong half-way.
struct Guard {
    reaper: Option<(Child, OwnedFd)>,
    leftover: Option<Leftover>,
}

impl Guard {
    /// All went well: the reaper stays.
    fn disarm(&mut self) -> Option<(Child, OwnedFd)> {
        self.leftover = None;
        self.reaper.take()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(leftover) = self.leftover.take() {
            let _ = leftover.remove();
        }
        if let Some((reaper, _)) = self.reaper.take() {
            let _ = sys::pidfd_signal(reaper.pidfd.as_fd(), libc::SIGKILL);
            maps::reap(&reaper);
        }
    }
}

/// Root with root's powers over the whole host. Root of a container that maps ids, or lacks the capabilities,
/// can't map ranges of its own, and is treated as an ordinary user.
pub(crate) fn real_root() -> bool {
    const NEEDED: u64 = 1 << 0 /* chown */ | 1 << 1 /* dac_override */ | 1 << 6 /* setgid */ | 1 << 7 /* setuid */
        | 1 << 21 /* sys_admin */ | 1 << 27 /* mknod */;
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let held = status.lines().find_map(|l| u64::from_str_radix(l.strip_prefix("CapEff:")?.trim(), 16).ok());
    sys::euid() == 0
        && map.split_whitespace().eq(["0", "0", "4294967295"])
        && held.is_some_and(|held| held & NEEDED == NEEDED)
}

/// What of the host's must not be seen.
fn hidden(plan: &Plan) -> Vec<PathBuf> {
    plan.hide.iter().chain(std::iter::once(&plan.work)).cloned().collect()
}

/// Whether the files of the root file system are not the caller's own. Those that are would be nobody's for an
/// environment that has other ids.
fn foreign(rootfs: &Rootfs) -> bool {
    match rootfs {
        Rootfs::Host => true,
        Rootfs::Dir(root) => fs::metadata(root).is_ok_and(|m| m.uid() != sys::euid()),
    }
}

fn name_run_dir(plan: &Plan) -> Result<PathBuf, SandboxError> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if plan.run.is_empty() || plan.run.starts_with('.') || !plan.run.chars().all(good) {
        return Err(SandboxError::Plan(format!("{:?} can't be a run's id", plan.run)));
    }
    fs::create_dir_all(&plan.work).map_err(SandboxError::file("make folder", &plan.work))?;
    let work = fs::canonicalize(&plan.work).map_err(SandboxError::file("open", &plan.work))?;
    let run_dir = work.join(&plan.run);
    if run_dir.exists() {
        return Err(SandboxError::Plan(format!(
            "the run {} exists already, in {}",
            plan.run,
            run_dir.display()
        )));
    }
    Ok(run_dir)
}

fn make_run_dir(run_dir: &Path) -> Result<OwnedFd, SandboxError> {
    let file = work::make(run_dir).map_err(SandboxError::file("make folder", run_dir))?;
    let stage = run_dir.join("stage");
    fs::create_dir(&stage).map_err(SandboxError::file("make folder", &stage))?;
    Ok(file.into())
}

fn furnish(plan: &Plan, given: &Given, privileged: bool) -> Result<(), SandboxError> {
    let root = match &plan.rootfs {
        Rootfs::Host => {
            host::furnish(given, privileged, &hidden(plan))?;
            Path::new("/")
        }
        Rootfs::Dir(root) => {
            dir::furnish(given, root)?;
            root
        }
    };
    let identity = &plan.identity;
    standard::furnish(given, root)?;
    secrets::replace(given, root, plan.rootfs == Rootfs::Host, identity, given.has_owners())?;
    let home = identity.home();
    given.empty_dir(&home, 0o755, identity.uid, identity.uid)?;
    for bait in &plan.baits {
        let BaitKind::File { path, mode } = &bait.kind else { continue };
        let path = Path::new(path);
        let id = if path.starts_with(&home) { identity.uid } else { 0 };
        private_folder(given, path, Path::new(if id == 0 { "/root" } else { &home }), id)?;
        given.file(path, &mut bait.value.as_bytes(), *mode, id, id)?;
        if let Some(folder) = path.parent().filter(|f| id != 0 && f.starts_with(&home)) {
            given.give_away(folder, Path::new(&home), id, id).map_err(SandboxError::file("own", folder))?;
        }
    }
    Ok(())
}

/// `.ssh` and its like are for their owner alone.
fn private_folder(given: &Given, file: &Path, home: &Path, id: u32) -> Result<(), SandboxError> {
    let Some(folder) = file.strip_prefix(home).ok().and_then(Path::parent) else { return Ok(()) };
    match folder.components().next() {
        Some(first) => given.empty_dir(&home.join(first).to_string_lossy(), 0o700, id, id),
        None => Ok(()),
    }
}

/// The artifact's environment variables: made, never inherited.
pub(super) fn variables(plan: &Plan) -> Vec<Vec<u8>> {
    let home = baits::home(&plan.identity, plan.user);
    let name = match plan.user {
        RunAs::Root => "root",
        RunAs::User => &plan.identity.user,
    };
    let path = match plan.user {
        RunAs::Root => "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        RunAs::User => "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin",
    };
    let mut all = BTreeMap::new();
    let basics = [
        ("HOME", home.as_str()),
        ("USER", name),
        ("LOGNAME", name),
        ("PATH", path),
        ("SHELL", "/bin/sh"),
        ("LANG", "C.UTF-8"),
    ];
    for (key, value) in basics {
        all.insert(key.to_owned(), value.to_owned());
    }
    for bait in &plan.baits {
        if let BaitKind::Env { name } = &bait.kind {
            all.insert(name.clone(), bait.value.clone());
        }
    }
    all.extend(plan.setenv.iter().cloned());
    all.into_iter().map(|(k, v)| format!("{k}={v}").into_bytes()).collect()
}

/// How each limit is kept.
pub(super) fn bounds(cgroups: &Cgroups) -> Vec<Bound> {
    let plain = |limit: &str, mechanism: &str, note: Option<&str>| Bound {
        limit: limit.into(),
        mechanism: mechanism.into(),
        note: note.map(String::from),
    };
    vec![
        cgroups.bound(
            "memory",
            "memory",
            ("watch", "resident memory is counted several times a second, and all is killed past the limit"),
        ),
        cgroups.bound("processes", "pids", ("rlimit", "counted for each user id of the environment")),
        cgroups.bound("cpus", "cpu", ("none", "no cpu controller can be used here")),
        plain("file_size", "rlimit", None),
        plain(
            "disk",
            "watch",
            Some(
                "what is written is counted several times a second, and all is killed past the limit; files deleted while open are not seen",
            ),
        ),
        plain("wall", "watch", None),
    ]
}

fn known_gaps(privileged: bool, base: Option<u32>, plan: &Plan) -> Vec<String> {
    let mut gaps = Vec::new();
    if hierarchies().iter().any(|h| !h.unified) {
        gaps.push("cgroup hierarchies of version 1 can be mounted and read inside, with the names of the host's groups".into());
    }
    if !privileged {
        gaps.push("files of the host outside /etc can be replaced but not changed in place, and deep folders of /usr not written".into());
    }
    if !privileged && base.is_some() {
        gaps.push("the host's files belong to nobody inside, but for folders and small files that are given, which are root's; of the host's setuid programs the usual few have effect, and no file capabilities".into());
    } else if !privileged {
        gaps.push("only one user id exists inside: setuid programs, chown and setgroups fail".into());
        if let Err(why) = Subordinate::find() {
            gaps.push(format!("no subordinate ids are used: {why}"));
        }
        gaps.push("files below /usr, /etc, /opt and /var that the caller may read, by owner or group, can be read inside".into());
        if plan.user == RunAs::User {
            gaps.push("the user owns every private file, root's too".into());
        }
    }
    gaps
}

/// What init told of its mounts.
pub(super) fn describe_mounts(
    description: &mut Description,
    setup: &Setup,
    idmapped: &[bool],
    notes: Vec<String>,
    acct: Result<(), String>,
) {
    for (part, mapped) in setup.parts.iter().zip(idmapped) {
        let ids = match (&part.host, mapped) {
            (None, _) => "given",
            (_, true) => "idmapped",
            (_, false) => "plain",
        };
        if ids == "plain" && setup.base.is_some() && !setup.unprivileged {
            description.gaps.push(format!(
                "the file system of {} can't map ids: its files belong to nobody inside, and its setuid files have no effect",
                part.mount_point.display()
            ));
        }
        let mount_point = part.mount_point.display().to_string();
        description.mounts.push(MountDescription { mount_point, ids: ids.into() });
    }
    description.accounting = acct.is_ok();
    if let Err(why) = acct {
        description.gaps.push(format!("no process accounting: {why}"));
    }
    description.gaps.extend(notes);
}

fn supervisor() -> Result<OwnedFd, SandboxError> {
    let pid = rustix::process::getpid().as_raw_nonzero().get();
    sys::pidfd_open(pid).map_err(SandboxError::step("opening a pidfd of this process"))
}

fn start_reaper(leftover: &Leftover) -> Result<(Child, OwnedFd), SandboxError> {
    let step = || SandboxError::step("starting the reaper");
    let text = serde_json::to_vec(leftover).map_err(|e| step()(e.into()))?;
    let note = rustix::fs::memfd_create("detektr-note", rustix::fs::MemfdFlags::CLOEXEC);
    let mut note = File::from(note.map_err(|e| step()(e.into()))?);
    note.write_all(&text).and_then(|()| note.rewind()).map_err(step())?;
    let (done, word) =
        rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(|e| step()(e.into()))?;
    let (child, go) =
        clone::start_self(0, crate::REAPER, &[done.as_fd(), supervisor()?.as_fd(), note.as_fd()], true)
            .map_err(step())?;
    rustix::io::write(&go, b"g").map_err(|e| step()(e.into()))?;
    Ok((child, word))
}

fn start_init(channel: &Channel, privileged: bool, base: Option<u32>) -> Result<Child, SandboxError> {
    let mut flags =
        libc::CLONE_NEWPID | libc::CLONE_NEWNS | libc::CLONE_NEWNET | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;
    // Where there is a range, this process is root of a user namespace that has it.
    let lone = base.is_none();
    if lone {
        flags |= libc::CLONE_NEWUSER;
    }
    let started =
        clone::start_self(flags as u64, crate::INIT, &[channel.as_fd(), supervisor()?.as_fd()], false);
    let (child, go) = started.map_err(|e| SandboxError::Unavailable {
        what: if privileged { "new namespaces" } else { "user namespaces to ordinary users" }.into(),
        why: e.to_string(),
        remedy: "run as root, or allow them: sysctl -w user.max_user_namespaces=10000 kernel.unprivileged_userns_clone=1 \
                 (and kernel.apparmor_restrict_unprivileged_userns=0 where AppArmor restricts them)"
            .into(),
    })?;
    let ready = || {
        if lone {
            let line = |id| IdRange { inside: 0, outside: id, count: 1 }.line();
            maps::write(child.pid as u32, &line(sys::euid()), &line(sys::egid()), true)?;
        }
        rustix::io::write(&go, b"g").map(drop)?;
        Ok(())
    };
    match ready() {
        Ok(()) => Ok(child),
        Err(e) => {
            let _ = sys::pidfd_signal(child.pidfd.as_fd(), libc::SIGKILL);
            maps::reap(&child);
            Err(SandboxError::step("writing init's id maps")(e))
        }
    }
}
