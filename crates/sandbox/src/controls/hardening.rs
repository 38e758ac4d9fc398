//! From controls to what the launcher does, decided and refused before anything runs.

use super::landlock::{self, Landlock, Ruleset};
use super::seccomp::{self, Conditions, Filter, Instruction};
use super::{
    Applied, Control, Measure, Refusal, User, bounds, capabilities, egress, monitor, mounts, paths, rlimits,
    sysctl,
};
use crate::limits::Limits;
use crate::plan::{Rootfs, RunAs};
use crate::profile::ProfileLimits;
use crate::rootfs;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

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
    /// Landlock's rulesets by control, their paths free of links.
    pub rulesets: Vec<(String, Ruleset)>,
    /// Rules for paths by control, free of links.
    pub paths: Vec<(String, paths::Rules)>,
    /// What may leave over the network, in the order in which it is loaded.
    pub egress: Vec<egress::Ruleset>,
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
    /// Landlock's rulesets, in order.
    pub rulesets: Vec<Ruleset>,
    /// Kernel parameters, by their files.
    pub parameters: std::collections::BTreeMap<PathBuf, String>,
    /// Resource limits: number, soft and hard value.
    pub rlimits: Vec<(u32, u64, u64)>,
    /// The mask of permissions that new files don't get.
    pub umask: Option<u32>,
    /// Rules for what leaves are loaded from outside before the program runs.
    pub egress: bool,
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
    /// Each path gets what its rule says.
    Rules(paths::Rules),
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
pub(super) struct Place<'a> {
    pub(super) rootfs: &'a Rootfs,
    pub(super) limits: &'a Limits,
    /// The environment is made with real root.
    pub(super) privileged: bool,
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
        let mut words: Vec<String> = control.told.iter().map(super::Told::line).collect();
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
    refusals.extend(order_filters(&mut made));
    if refusals.is_empty() { Ok(made) } else { Err(refusals) }
}

/// Why something can't be enforced: a code, what, and what to do.
pub(super) type Problem = (&'static str, String, String);

fn add(
    made: &mut Hardening,
    control: &str,
    measure: &Measure,
    place: Place<'_>,
    bounding: u64,
) -> Result<Vec<String>, Vec<Problem>> {
    let steps = &mut made.steps;
    match measure {
        Measure::ReadOnly(paths) => mounts::attributes(steps, paths, place, mounts::READ_ONLY, "read-only"),
        Measure::Noexec(paths) => mounts::attributes(steps, paths, place, mounts::NOEXEC, "noexec"),
        Measure::Nosuid(paths) => mounts::attributes(steps, paths, place, mounts::NOSUID, "nosuid"),
        Measure::Masked(paths) => mounts::masked(steps, paths, place),
        Measure::Paths(rules) => {
            let (rules, words) = paths::decide(steps, rules, place)?;
            made.paths.push((control.into(), rules.resolved(|path| rootfs::resolved(place.rootfs, path))));
            Ok(words)
        }
        Measure::Sysctl(values) => sysctl::decide(steps, values),
        Measure::Rlimits(limits) => rlimits::decide(steps, limits),
        Measure::Umask(mask) => {
            steps.umask = Some(steps.umask.unwrap_or(0) | mask);
            Ok(vec![format!("umask: {mask:04o}")])
        }
        Measure::Landlock(landlock) => {
            let ruleset = ruleset(landlock, place)?;
            let words = ruleset.words();
            steps.rulesets.push(ruleset.clone());
            let ruleset = ruleset.resolved(|path| rootfs::resolved(place.rootfs, path));
            made.rulesets.push((control.into(), ruleset));
            Ok(words)
        }
        Measure::Egress(egress) => {
            let (ruleset, words) = egress::decide(control, egress, &made.egress)?;
            steps.egress = true;
            made.egress.push(ruleset);
            Ok(words)
        }
        Measure::Monitor(monitor) => monitor::decide(monitor),
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
        Measure::Limits(limits) => bounds::tightened(limits, place).inspect(|_| made.limits.push(*limits)),
        Measure::Seccomp(json) => match seccomp::compile(json, &Conditions::here(bounding)) {
            Ok(filter) => {
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

/// The ruleset for this kernel; each of its paths is there.
fn ruleset(landlock: &Landlock, place: Place<'_>) -> Result<Ruleset, Vec<Problem>> {
    let paths: Vec<PathBuf> = landlock.paths.values().flatten().cloned().collect();
    let missing = mounts::existing(&paths, place).err().unwrap_or_default();
    match Ruleset::decide(landlock, landlock::abi()) {
        Ok(ruleset) if missing.is_empty() => Ok(ruleset),
        decided => Err(missing.into_iter().chain(decided.err().unwrap_or_default()).collect()),
    }
}

/// A profile that denies the call by which profiles are installed comes last, as its runtime would have it; there can
/// be one only.
fn order_filters(made: &mut Hardening) -> Option<Refusal> {
    let denies = |filter: &Filter| {
        let nr = u32::try_from(libc::SYS_seccomp).unwrap_or(0);
        let install = seccomp::Call::recorded(nr, "x86_64", [1, 0, 0, 0, 0, 0]);
        !filter.run(&install).lets_pass()
    };
    made.filters.sort_by_key(|(_, filter)| denies(filter));
    made.steps.filters =
        made.filters.iter().map(|(_, filter)| (filter.program().to_vec(), filter.flags())).collect();
    let (second, _) = made.filters.iter().rev().nth(1).filter(|(_, filter)| denies(filter))?;
    Some(Refusal {
        control: second.clone(),
        code: "seccomp_order".into(),
        reason: "two seccomp profiles deny installing another, so only one can be put on".into(),
        remedy: "allow `seccomp` in one of them, or put them on in validations of their own".into(),
    })
}
