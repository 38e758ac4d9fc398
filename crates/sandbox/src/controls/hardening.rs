//! From controls to what the launcher does, decided and refused before anything runs.

use super::seccomp::{self, Conditions, Filter, Instruction};
use super::{Applied, Control, Measure, Refusal, User, capabilities};
use crate::limits::Limits;
use crate::plan::{Rootfs, RunAs};
use crate::profile::ProfileLimits;
use crate::rootfs::standard;
use serde::{Deserialize, Serialize};
use std::path::{Component, Path, PathBuf};

/// What all controls of a run come to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hardening {
    /// What the launcher does.
    pub(crate) steps: Steps,
    /// Whom the program runs as, where a control says so.
    pub user: Option<User>,
    /// Bounds that controls tighten.
    pub limits: Vec<ProfileLimits>,
    /// The compiled profiles, by control.
    pub filters: Vec<(String, Filter)>,
    /// In words, by control.
    pub applied: Applied,
}

/// What the launcher does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Steps {
    /// In order.
    pub mounts: Vec<Mount>,
    /// The bounding set and the ambient set that are left, one bit each.
    pub capabilities: Option<(u64, u64)>,
    /// Set `PR_SET_NO_NEW_PRIVS`.
    pub no_new_privs: bool,
    /// Seccomp programs with their flags, in order.
    pub filters: Vec<(Vec<Instruction>, u64)>,
}

/// A change of one mount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Mount {
    /// Everything from this path down gets these attributes (`MOUNT_ATTR_…`).
    Attributes(PathBuf, u64),
    /// An empty read-only file or folder lies over it.
    Mask(PathBuf),
}

impl Hardening {
    /// Whom a program runs as that would run as `user` without controls.
    pub fn run_as(&self, user: RunAs) -> RunAs {
        match self.user {
            None => user,
            Some(User::Root) => RunAs::Root,
            Some(User::User | User::Ids { .. }) => RunAs::User,
        }
    }

    /// The bounds that are left of `limits`.
    pub fn bounds(&self, limits: Limits) -> Limits {
        self.limits.iter().fold(limits, |bounds, tighter| tighter.over(bounds))
    }
}

/// Where a run's controls are to be put on.
#[derive(Clone, Copy, Debug)]
struct Place<'a> {
    rootfs: &'a Rootfs,
    limits: &'a Limits,
    /// The environment is made with real root.
    privileged: bool,
}

/// Decides how `controls` are put on an environment of `rootfs` and `limits` on this host.
///
/// # Errors
/// Everything that can't be enforced there.
pub fn check(controls: &[Control], rootfs: &Rootfs, limits: &Limits) -> Result<Hardening, Vec<Refusal>> {
    let place = Place { rootfs, limits, privileged: crate::environment::real_root() };
    let mut made = Hardening::default();
    let mut refusals = Vec::new();
    // conditions of seccomp profiles ask for the bounding set that is left in the end
    let mut bounding = capabilities::ALL;
    for measure in controls.iter().flat_map(|control| &control.measures) {
        if let Measure::Capabilities(wanted) = measure {
            bounding &= capabilities::sets(wanted).map_or(capabilities::ALL, |(bounding, _)| bounding);
        }
    }
    for control in controls {
        let mut words = Vec::new();
        for measure in &control.measures {
            match add(&mut made, &control.name, measure, place, bounding) {
                Ok(more) => words.extend(more),
                Err(found) => refusals.extend(found.into_iter().map(|(code, reason, remedy)| Refusal {
                    control: control.name.clone(),
                    code: code.into(),
                    reason,
                    remedy,
                })),
            }
        }
        made.applied.insert(control.name.clone(), words);
    }
    if refusals.is_empty() { Ok(made) } else { Err(refusals) }
}

type Problem = (&'static str, String, String);

const READ_ONLY: u64 = libc::MOUNT_ATTR_RDONLY;
const NOEXEC: u64 = libc::MOUNT_ATTR_NOEXEC;
const NOSUID: u64 = libc::MOUNT_ATTR_NOSUID;

fn add(
    made: &mut Hardening,
    control: &str,
    measure: &Measure,
    place: Place<'_>,
    bounding: u64,
) -> Result<Vec<String>, Vec<Problem>> {
    let steps = &mut made.steps;
    match measure {
        Measure::ReadOnly(paths) => attributes(steps, paths, place, READ_ONLY, "read-only"),
        Measure::Noexec(paths) => attributes(steps, paths, place, NOEXEC, "noexec"),
        Measure::Nosuid(paths) => attributes(steps, paths, place, NOSUID, "nosuid"),
        Measure::Masked(paths) => {
            let paths = existing(paths, place)?;
            steps.mounts.extend(paths.iter().cloned().map(Mount::Mask));
            Ok(paths.iter().map(|path| format!("masked: {}", path.display())).collect())
        }
        Measure::NoNewPrivs => {
            steps.no_new_privs = true;
            Ok(vec!["no_new_privs".into()])
        }
        Measure::Capabilities(wanted) => {
            let (left, ambient) = capabilities::sets(wanted).map_err(|what| {
                vec![("capability", what, "write the names of capabilities(7)".to_owned())]
            })?;
            let (before, raised) = steps.capabilities.unwrap_or((capabilities::ALL, 0));
            steps.capabilities = Some((before & left, (raised | ambient) & before & left));
            Ok(vec![format!("capabilities: bounding {left:#x}, ambient {ambient:#x}")])
        }
        Measure::User(user) => {
            if let User::Ids { uid, gid } = user
                && (*uid >= crate::RANGE || *gid >= crate::RANGE)
            {
                let what = format!("the ids {uid}:{gid} are not in the environment's range");
                return Err(vec![("user_range", what, format!("use ids below {}", crate::RANGE))]);
            }
            made.user = Some(user.clone());
            Ok(vec![match user {
                User::Root => "user: root".into(),
                User::User => "user: the ordinary user".into(),
                User::Ids { uid, gid } => format!("user: {uid}:{gid}"),
            }])
        }
        Measure::Limits(limits) => tightened(limits, place).inspect(|_| made.limits.push(*limits)),
        Measure::Seccomp(json) => match seccomp::compile(json, &Conditions::here(bounding)) {
            Ok(filter) => {
                steps.filters.push((filter.program().to_vec(), filter.flags()));
                let words = format!("seccomp: {} instructions", filter.program().len());
                made.filters.push((control.into(), filter));
                Ok(vec![words])
            }
            Err(problems) => Err(problems
                .into_iter()
                .map(|problem| {
                    ("seccomp_profile", format!("seccomp profile, {problem}"), problem.remedy.clone())
                })
                .collect()),
        },
    }
}

fn attributes(
    steps: &mut Steps,
    paths: &[PathBuf],
    place: Place<'_>,
    attribute: u64,
    word: &str,
) -> Result<Vec<String>, Vec<Problem>> {
    let paths = existing(paths, place)?;
    steps.mounts.extend(paths.iter().cloned().map(|path| Mount::Attributes(path, attribute)));
    Ok(paths.iter().map(|path| format!("{word}: {}", path.display())).collect())
}

/// The paths, each of which is there.
fn existing(paths: &[PathBuf], place: Place<'_>) -> Result<Vec<PathBuf>, Vec<Problem>> {
    let problems: Vec<Problem> = paths
        .iter()
        .filter_map(|path| {
            let plain = path.is_absolute()
                && path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
            let (what, remedy) = if !plain {
                ("is no absolute path", "write it from the root, without `..`")
            } else if there(path, place.rootfs) {
                return None;
            } else {
                (
                    "is not in the root file system",
                    "name a path that exists, or the folder that it would be in",
                )
            };
            Some(("no_such_path", format!("{} {what}", path.display()), remedy.to_owned()))
        })
        .collect();
    if problems.is_empty() { Ok(paths.to_vec()) } else { Err(problems) }
}

fn there(path: &Path, rootfs: &Rootfs) -> bool {
    let made_anyway = ["/dev/shm", "/proc", "/sys", "/tmp", "/dev", "/run", "/root", "/home"];
    let exists = match rootfs {
        Rootfs::Host => path.exists(),
        Rootfs::Dir(root) => crate::rootfs::has(root, path),
    };
    exists
        || made_anyway.iter().any(|made| path == Path::new(made))
        || standard::FOLDERS.iter().any(|folder| Path::new(folder).starts_with(path))
}

fn tightened(limits: &ProfileLimits, place: Place<'_>) -> Result<Vec<String>, Vec<Problem>> {
    let base = place.limits;
    let now = limits.over(*base);
    let mut words = Vec::new();
    let mut problems: Vec<Problem> = Vec::new();
    let mut bound = |name: &str, set: bool, looser: bool, text: String| {
        if looser {
            let what = format!("`{name}` is looser than the environment's own bound");
            problems.push(("looser_limit", what, "set the environment's bound higher, for all arms".into()));
        } else if set {
            words.push(format!("{name}: {text}"));
        }
    };
    bound("wall", limits.wall.is_some(), now.wall > base.wall, format!("{:?}", now.wall));
    bound("cpus", limits.cpus.is_some(), now.cpus > base.cpus, now.cpus.to_string());
    bound("memory", limits.memory.is_some(), now.memory > base.memory, now.memory.to_string());
    bound("processes", limits.processes.is_some(), now.processes > base.processes, now.processes.to_string());
    bound("file_size", limits.file_size.is_some(), now.file_size > base.file_size, now.file_size.to_string());
    bound("disk", limits.disk.is_some(), now.disk > base.disk, now.disk.to_string());
    bound("output", limits.output.is_some(), now.output > base.output, now.output.to_string());
    if limits.cpus.is_some() && !place.privileged {
        let what = "an ordinary user can't bound processors without a delegated cgroup".to_owned();
        problems.push(("no_cpu_bound", what, "run as root, or leave `cpus` out".into()));
    }
    if problems.is_empty() { Ok(words) } else { Err(problems) }
}
