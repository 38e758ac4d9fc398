//! Who refused: each denied act is credited to the control whose effect it shows, or to one of Detektr's own walls,
//! while it is recorded. Nobody is credited where the effect could be another's; whether a control was really the
//! cause is for the arms without it to show.

mod egress;
mod landlock;
mod paths;
mod surroundings;

pub use surroundings::Surroundings;

use crate::doors::Doors;
use detektr_event::{Actor, Detail, Event, FilePath, OutcomeResult, WALL};
use detektr_sandbox::controls::egress::Loaded;
use detektr_sandbox::controls::landlock::Ruleset;
use detektr_sandbox::controls::paths::Rules;
use detektr_sandbox::controls::seccomp::{Action, Call, Filter};
use detektr_sandbox::controls::{Control, Hardening, Measure, User, capabilities};
use detektr_sensor::decode::errno_name;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Credits denied acts.
pub struct Attribution {
    controls: Vec<Control>,
    /// The wall's own program and those of controls, in the order in which they are installed.
    filters: Vec<(String, Filter)>,
    rulesets: Vec<(String, Ruleset)>,
    paths: Vec<(String, Rules)>,
    egress: egress::Refusals,
    around: Surroundings,
    /// The sensor refuses rings, before any filter is asked.
    tracer_refuses_rings: bool,
    /// The artifact installed a filter or traced somebody: a skipped call may be its own doing.
    own_filters: bool,
    /// The artifact changed mounts: a path may lead elsewhere.
    own_mounts: bool,
    /// Programs of the environment's run beside the artifact.
    watched: bool,
}

impl Attribution {
    /// For a run under `controls`; `doors` is what became of the ways to AF_VSOCK.
    pub fn new(
        controls: &[Control],
        hardening: &Hardening,
        around: Surroundings,
        doors: &Doors,
        egress: Option<Loaded>,
    ) -> Self {
        let mut filters = vec![(WALL.to_owned(), detektr_sandbox::wall(doors.shut))];
        filters.extend(hardening.filters.iter().cloned());
        Attribution {
            controls: controls.to_vec(),
            filters,
            rulesets: hardening.rulesets.clone(),
            paths: hardening.paths.clone(),
            egress: egress::Refusals::new(egress),
            around,
            tracer_refuses_rings: doors.no_rings && !doors.shut.rings,
            own_filters: false,
            own_mounts: false,
            watched: controls.iter().any(|control| control.monitor().is_some()),
        }
    }

    /// Names the enforcer of `event` where one shows, and learns from it.
    pub fn event(&mut self, event: &mut Event) {
        // of what the launcher does, only that it can't execute the artifact is a control's doing
        let launches = matches!(event.detail, Detail::ProcessExec { .. });
        if event.process.as_ref().is_none_or(|p| p.actor == Actor::Environment && !launches) {
            // a packet of what watches that was refused explains nothing of the attack's
            if self.watched {
                self.egress.of(event);
            }
            return;
        }
        if event.outcome.result != OutcomeResult::Success && event.outcome.enforcer.is_none() {
            event.outcome.enforcer = self.enforcer(event).or_else(|| self.egress.of(event));
            if event.outcome.enforcer.is_none() && wall(event) {
                event.outcome.enforcer = Some(WALL.to_owned());
            }
        }
        if event.outcome.is_success() && event.outcome.enforcer.is_none() && !self.own_mounts {
            event.outcome.enforcer = self.masks(event);
        }
        if event.outcome.is_success() {
            match &event.detail {
                Detail::ProcessSeccomp { .. } | Detail::ProcessPtrace { .. } => self.own_filters = true,
                Detail::FileMount { .. } | Detail::FileUmount { .. } | Detail::FilePivotRoot { .. } => {
                    self.own_mounts = true;
                }
                _ => {}
            }
        }
    }

    /// The control whose mask was opened in place of the file.
    fn masks(&self, event: &Event) -> Option<String> {
        let Detail::FileOpen { file } = &event.detail else { return None };
        let path = Path::new(std::ffi::OsStr::from_bytes(file.path.in_environment()?));
        let masks = |measure: &Measure| matches!(measure, Measure::Masked(roots) if roots.iter().any(|root| root == path));
        let covered = |name: &str| {
            let own = self.paths.iter().find(|(control, _)| control == name);
            own.is_some_and(|(_, rules)| rules.covers(&self.around.resolve(path)))
        };
        let found =
            self.controls.iter().find(|control| control.measures.iter().any(masks) || covered(&control.name));
        found.map(|control| control.name.clone())
    }

    fn enforcer(&self, event: &Event) -> Option<String> {
        if self.tracer_refuses_rings
            && matches!(&event.detail, Detail::KernelIoUring { io_uring } if io_uring.operation == "setup")
            && event.outcome.skipped
            && event.outcome.errno.as_deref() == Some("ENOSYS")
        {
            return Some(WALL.to_owned());
        }
        if let Some(name) = self.filtered(event) {
            return Some(name.to_owned());
        }
        let errno = event.outcome.errno.as_deref()?;
        if event.outcome.skipped {
            return (errno == "EAFNOSUPPORT").then(|| WALL.to_owned());
        }
        let paths = event.detail.paths();
        let ruled = |name: &str| {
            let own = self.rulesets.iter().filter(|(control, _)| control == name && !self.own_mounts);
            own.into_iter().any(|(_, ruleset)| landlock::shows(ruleset, event, errno, &self.around))
        };
        let kept = |name: &str| {
            let own = self.paths.iter().filter(|(control, _)| control == name && !self.own_mounts);
            own.into_iter().any(|(_, rules)| paths::shows(rules, event, errno, &self.around))
        };
        let found = self.controls.iter().find(|control| {
            control.measures.iter().any(|measure| self.shows(measure, event, errno, &paths))
                || ruled(&control.name)
                || kept(&control.name)
        });
        found.map(|control| control.name.clone())
    }

    /// The control, or the wall, whose own program, run again on the recorded call, answers what was seen.
    fn filtered(&self, event: &Event) -> Option<&str> {
        let call = event.syscall.as_ref().filter(|_| !self.own_filters)?;
        let call = Call::recorded(call.nr, &call.arch, call.args);
        let answers = self.filters.iter().rev().map(|(name, filter)| (name, filter.run(&call)));
        // of several programs the kernel takes the strictest answer, among equals that of the one installed last
        let (name, action) = answers.min_by_key(|(_, action)| strictness(*action))?;
        let fits = match action {
            Action::Allow | Action::Log => false,
            Action::Errno(number) => {
                event.outcome.errno.as_deref() == Some(errno_name(u32::from(number)).as_str())
                    || (number == 0 && event.outcome.skipped)
            }
            Action::Trace(_) => event.outcome.errno.as_deref() == Some("ENOSYS"),
            Action::Trap | Action::KillThread | Action::KillProcess => true,
        };
        fits.then_some(name.as_str())
    }

    /// Whether `event` shows the effect of `measure`.
    fn shows(&self, measure: &Measure, event: &Event, errno: &str, paths: &[&FilePath]) -> bool {
        let beneath = |roots: &[std::path::PathBuf]| {
            !self.own_mounts
                && paths.iter().filter_map(|path| path.in_environment()).any(|path| {
                    let path = Path::new(std::ffi::OsStr::from_bytes(path));
                    roots.iter().any(|root| path.starts_with(root))
                })
        };
        match measure {
            Measure::Seccomp(_)
            | Measure::Landlock(_)
            | Measure::Egress(_)
            | Measure::Paths(_)
            | Measure::Umask(_)
            | Measure::NoNewPrivs
            | Measure::Monitor(_)
            | Measure::Nosuid(_) => false,
            Measure::Sysctl(values) => {
                let set = |begin: &str| values.keys().any(|name| name.starts_with(begin));
                match (errno, &event.detail) {
                    ("ENOSPC", Detail::ProcessNamespace { .. } | Detail::ProcessFork { .. }) => {
                        set("user.max_")
                    }
                    ("EACCES", Detail::NetworkBind { .. }) => set("net.ipv4.ip_unprivileged_port_start"),
                    ("EACCES", Detail::NetworkSocket { .. }) => set("net.ipv4.ping_group_range"),
                    _ => false,
                }
            }
            Measure::Rlimits(limits) => {
                let resources: &[&str] = match errno {
                    "EAGAIN" if matches!(event.detail, Detail::ProcessFork { .. }) => &["nproc"],
                    "EAGAIN" => &["nproc", "memlock", "sigpending"],
                    "EMFILE" => &["nofile"],
                    "EFBIG" => &["fsize"],
                    "ENOMEM" => &["as", "data", "stack", "memlock"],
                    _ => &[],
                };
                limits.iter().any(|limit| resources.contains(&limit.resource.as_str()))
            }
            Measure::ReadOnly(roots) => errno == "EROFS" && beneath(roots),
            Measure::Masked(roots) => {
                matches!(errno, "EROFS" | "ENOENT" | "EACCES" | "ENOTDIR") && beneath(roots)
            }
            Measure::Noexec(roots) => match &event.detail {
                Detail::ProcessExec { .. } => errno == "EACCES" && beneath(roots),
                Detail::ProcessMemoryExec { .. } => matches!(errno, "EPERM" | "EACCES") && beneath(roots),
                _ => false,
            },
            Measure::Capabilities(wanted) => {
                let left = capabilities::sets(wanted).map_or(capabilities::ALL, |(bounding, _)| bounding);
                matches!(errno, "EPERM" | "EACCES")
                    && needs(&event.detail).iter().any(|capability| {
                        capabilities::number(capability).is_some_and(|number| left >> number & 1 == 0)
                    })
            }
            Measure::User(user) => {
                let euid = event.process.as_ref().map(|process| process.euid);
                let theirs = match user {
                    User::Root => euid == Some(0),
                    User::User => euid.is_some_and(|id| id != 0),
                    User::Ids { uid, .. } => euid == Some(*uid),
                };
                matches!(errno, "EPERM" | "EACCES") && theirs
            }
            Measure::Limits(limits) => match errno {
                "EAGAIN" => limits.processes.is_some() && matches!(event.detail, Detail::ProcessFork { .. }),
                "ENOMEM" => limits.memory.is_some(),
                "ENOSPC" | "EDQUOT" => limits.disk.is_some(),
                "EFBIG" => limits.file_size.is_some(),
                _ => false,
            },
        }
    }
}

/// The kernel's order: the lowest wins (`seccomp(2)`).
fn strictness(action: Action) -> u8 {
    match action {
        Action::KillProcess => 0,
        Action::KillThread => 1,
        Action::Trap => 2,
        Action::Errno(_) => 3,
        Action::Trace(_) => 4,
        Action::Log => 5,
        Action::Allow => 6,
    }
}

/// The capabilities that an act may be refused for want of, as in `capabilities(7)`.
fn needs(detail: &Detail) -> &'static [&'static str] {
    match detail {
        Detail::FileChown { .. } => &["CHOWN", "DAC_OVERRIDE", "FOWNER"],
        Detail::FileChmod { .. } | Detail::FileUtime { .. } => &["FOWNER", "DAC_OVERRIDE", "DAC_READ_SEARCH"],
        Detail::FileXattr { .. } => &["SYS_ADMIN", "SETFCAP", "FOWNER", "DAC_OVERRIDE"],
        Detail::FileMknod { .. } => &["MKNOD", "DAC_OVERRIDE"],
        Detail::FileMount { .. } | Detail::FileUmount { .. } | Detail::FilePivotRoot { .. } => &["SYS_ADMIN"],
        Detail::FileOpen { .. }
        | Detail::FileCreate { .. }
        | Detail::FileRename { .. }
        | Detail::FileUnlink { .. }
        | Detail::FileMkdir { .. }
        | Detail::FileRmdir { .. }
        | Detail::FileLink { .. }
        | Detail::FileSymlink { .. }
        | Detail::FileTruncate { .. }
        | Detail::FileReadlink { .. }
        | Detail::FileAccess { .. }
        | Detail::ProcessExec { .. }
        | Detail::ProcessChdir { .. } => &["DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER"],
        Detail::ProcessCredentials { .. } => &["SETUID", "SETGID", "SETPCAP"],
        Detail::ProcessNamespace { .. } => &["SYS_ADMIN", "SYS_CHROOT"],
        Detail::ProcessPtrace { .. } | Detail::ProcessMemoryWrite { .. } => &["SYS_PTRACE"],
        Detail::ProcessSignal { .. } => &["KILL"],
        Detail::ProcessChroot { .. } => &["SYS_CHROOT", "DAC_READ_SEARCH"],
        Detail::NetworkRawSocket { .. } => &["NET_RAW"],
        Detail::NetworkBind { .. } => &["NET_BIND_SERVICE"],
        Detail::NetworkSocket { .. } => &["NET_ADMIN", "NET_RAW"],
        Detail::KernelModuleLoad { .. } => &["SYS_MODULE"],
        Detail::KernelBpf { .. } => &["BPF", "SYS_ADMIN", "PERFMON", "NET_ADMIN"],
        Detail::KernelKexec { .. } => &["SYS_BOOT"],
        _ => &[],
    }
}

/// What an environment refuses by itself, root or not: its user namespace has no power over the host's kernel.
fn wall(event: &Event) -> bool {
    let Some(errno) = event.outcome.errno.as_deref().filter(|_| !event.outcome.skipped) else { return false };
    let root = event.process.as_ref().is_some_and(|process| process.euid == 0);
    let refused = matches!(errno, "EPERM" | "EACCES" | "EROFS");
    match &event.detail {
        Detail::KernelModuleLoad { .. } | Detail::KernelKexec { .. } | Detail::KernelSysctlWrite { .. } => {
            root && refused
        }
        Detail::KernelBpf { .. } => root && errno == "EPERM",
        Detail::FileMknod { file } => root && errno == "EPERM" && file.device.is_some(),
        Detail::NetworkSocket { network } => network.domain == "AF_VSOCK" && errno == "EAFNOSUPPORT",
        Detail::KernelIoUring { io_uring } => {
            io_uring.domain.as_deref() == Some("AF_VSOCK") && errno == "EAFNOSUPPORT"
        }
        Detail::NetworkConnect { .. } | Detail::NetworkSend { .. } => errno == "ENETUNREACH",
        detail => {
            root && refused
                && detail.paths().iter().filter_map(|path| path.in_environment()).any(|path| {
                    path.starts_with(b"/proc/") || path.starts_with(b"/sys/") || path.starts_with(b"/dev/")
                })
        }
    }
}
