//! Cgroups: one of version 2 in which the run is watched (with limits where controllers are there), and those of
//! version 1 that keep limits elsewhere.

use super::{Bound, Limits};
use crate::rootfs::host::unescape;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The cgroups of one run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cgroups {
    /// Version 2, for watching.
    pub unified: Option<PathBuf>,
    /// Version 1, for limits.
    pub legacy: Vec<PathBuf>,
    /// `unified` keeps limits itself.
    v2_controllers: Vec<String>,
    /// Version 1 controllers in use.
    v1_controllers: Vec<String>,
}

/// A mounted hierarchy.
#[derive(Clone, Debug)]
pub(crate) struct Hierarchy {
    /// Version 2.
    pub unified: bool,
    /// Version 1 controllers.
    pub controllers: Vec<String>,
    /// The mount point.
    pub mount: PathBuf,
    /// Our own cgroup, seen at the mount point.
    pub own: PathBuf,
}

/// All mounted hierarchies.
pub(crate) fn hierarchies() -> Vec<Hierarchy> {
    let info = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mut found: Vec<Hierarchy> = Vec::new();
    for line in info.lines() {
        let Some((left, right)) = line.split_once(" - ") else { continue };
        let left: Vec<&str> = left.split(' ').collect();
        let right: Vec<&str> = right.split(' ').collect();
        let (Some(root), Some(mount), Some(kind)) = (left.get(3), left.get(4), right.first()) else {
            continue;
        };
        let unified = *kind == "cgroup2";
        if !unified && *kind != "cgroup" {
            continue;
        }
        let options: Vec<String> =
            right.get(2).map(|o| o.split(',').map(String::from).collect()).unwrap_or_default();
        let path = own.lines().find_map(|l| {
            let mut parts = l.splitn(3, ':');
            let (_, names, path) = (parts.next()?, parts.next()?, parts.next()?);
            let fits = if unified {
                names.is_empty()
            } else {
                names.split(',').any(|n| !n.is_empty() && options.iter().any(|o| o == n))
            };
            fits.then(|| path.to_owned())
        });
        let mount = unescape(mount);
        let inside = path.unwrap_or_default();
        let inside = inside.strip_prefix(*root).unwrap_or("").trim_start_matches('/').to_owned();
        found.push(Hierarchy { unified, controllers: options, own: mount.join(inside), mount });
    }
    found
}

impl Cgroups {
    /// Makes the run's cgroups and sets their limits. What can't be had is left out.
    pub(crate) fn create(run: &str, limits: &Limits) -> Cgroups {
        let name = format!("detektr-{run}");
        let mut made = Cgroups::default();
        let all = hierarchies();
        if let Some(h) = all.iter().find(|h| h.unified) {
            made.create_unified(h, &name, limits);
        }
        for controller in ["memory", "pids", "cpu"] {
            if made.v2_controllers.iter().any(|c| c == controller) {
                continue;
            }
            let Some(h) = all.iter().find(|h| !h.unified && h.controllers.iter().any(|c| c == controller))
            else {
                continue;
            };
            for parent in [&h.own, &h.mount] {
                let path = parent.join(&name);
                let fresh = fs::create_dir(&path);
                if fresh.is_err() && !made.legacy.contains(&path) {
                    continue;
                }
                if set_v1(&path, controller, limits).is_ok() {
                    made.v1_controllers.push(controller.into());
                    if !made.legacy.contains(&path) {
                        made.legacy.push(path);
                    }
                    break;
                }
                if fresh.is_ok() {
                    let _ = fs::remove_dir(&path);
                }
            }
        }
        made
    }

    fn create_unified(&mut self, h: &Hierarchy, name: &str, limits: &Limits) {
        let mut best: Option<(PathBuf, Vec<String>)> = None;
        for parent in [&h.own, &h.mount] {
            let path = parent.join(name);
            // Turning controllers on for children may be refused where processes live; then they are not there.
            let _ = fs::write(parent.join("cgroup.subtree_control"), "+memory +pids +cpu");
            if best.as_ref().is_some_and(|(p, _)| *p == path) || fs::create_dir(&path).is_err() {
                continue;
            }
            let controllers = set_v2(&path, limits);
            let better = best.as_ref().is_none_or(|(_, c)| controllers.len() > c.len());
            let worse = if better { best.replace((path, controllers)).map(|(p, _)| p) } else { Some(path) };
            if let Some(worse) = worse {
                let _ = fs::remove_dir(worse);
            }
        }
        if let Some((path, controllers)) = best {
            self.unified = Some(path);
            self.v2_controllers = controllers;
        }
    }

    /// Whether the run is paused, as a sensor does that has to catch up: then everything looks asleep.
    pub(crate) fn paused(&self) -> bool {
        let state = self.unified.as_ref().map(|path| fs::read_to_string(path.join("cgroup.freeze")));
        state.is_some_and(|state| state.is_ok_and(|state| state.trim() == "1"))
    }

    /// Every cgroup's folder.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.unified.iter().chain(&self.legacy).cloned().collect()
    }

    /// The v2 cgroup turned out not to let our processes in.
    pub(crate) fn drop_unified(&mut self) {
        if let Some(path) = self.unified.take() {
            let _ = fs::remove_dir(path);
        }
        self.v2_controllers.clear();
    }

    /// The `tasks` files of the version 1 cgroups. A process with one thread that writes `0` there enters at once;
    /// whoever moves another process waits until every processor has passed a quiescent state.
    pub(crate) fn tasks(&self) -> io::Result<Vec<File>> {
        self.legacy.iter().map(|path| File::options().write(true).open(path.join("tasks"))).collect()
    }

    /// Whether a cgroup keeps this limit.
    pub(crate) fn keeps(&self, controller: &str) -> bool {
        self.v2_controllers.iter().chain(&self.v1_controllers).any(|c| c == controller)
    }

    /// The kernel killed for want of memory.
    pub(crate) fn out_of_memory(&self) -> bool {
        let v2 = self.unified.iter().map(|p| p.join("memory.events"));
        let v1 = self.legacy.iter().map(|p| p.join("memory.oom_control"));
        v2.chain(v1)
            .filter_map(|p| fs::read_to_string(p).ok())
            .any(|text| text.lines().any(|l| l.strip_prefix("oom_kill ").is_some_and(|n| n.trim() != "0")))
    }

    /// How often the bound on processes was hit.
    pub(crate) fn refused_processes(&self) -> u64 {
        self.paths()
            .iter()
            .filter_map(|p| fs::read_to_string(p.join("pids.events")).ok())
            .filter_map(|t| t.lines().find_map(|l| l.strip_prefix("max ")?.trim().parse::<u64>().ok()))
            .sum()
    }

    /// How each bound is kept.
    pub(crate) fn bound(&self, limit: &str, controller: &str, otherwise: (&str, &str)) -> Bound {
        let (mechanism, note) = if self.v2_controllers.iter().any(|c| c == controller) {
            ("cgroup v2", None)
        } else if self.v1_controllers.iter().any(|c| c == controller) {
            ("cgroup v1", None)
        } else {
            (otherwise.0, Some(otherwise.1.to_owned()))
        };
        Bound { limit: limit.into(), mechanism: mechanism.into(), note }
    }
}

fn set_v2(path: &Path, limits: &Limits) -> Vec<String> {
    let mut kept = Vec::new();
    let put = |file: &str, value: String| fs::write(path.join(file), value).is_ok();
    if put("memory.max", limits.memory.to_string()) {
        put("memory.swap.max", "0".into());
        put("memory.oom.group", "1".into());
        kept.push("memory".into());
    }
    if put("pids.max", limits.processes.to_string()) {
        kept.push("pids".into());
    }
    if put("cpu.max", format!("{} 100000", quota(limits))) {
        kept.push("cpu".into());
    }
    kept
}

fn set_v1(path: &Path, controller: &str, limits: &Limits) -> io::Result<()> {
    let put = |file: &str, value: String| fs::write(path.join(file), value);
    match controller {
        "memory" => {
            put("memory.limit_in_bytes", limits.memory.to_string())?;
            // Swap is accounted only where the kernel was told to.
            let _ = put("memory.memsw.limit_in_bytes", limits.memory.to_string());
            Ok(())
        }
        "pids" => put("pids.max", limits.processes.to_string()),
        _ => {
            put("cpu.cfs_period_us", "100000".into())?;
            put("cpu.cfs_quota_us", quota(limits).to_string())
        }
    }
}

fn quota(limits: &Limits) -> u64 {
    ((limits.cpus * 100_000.0) as u64).max(1_000)
}

/// The cgroups of a run that was killed before it noted them.
pub(crate) fn left_by(run: &str) -> Vec<PathBuf> {
    let name = format!("detektr-{run}");
    let places = hierarchies().into_iter().flat_map(|h| [h.own.join(&name), h.mount.join(&name)]);
    places.filter(|p| p.is_dir()).collect()
}

/// Ends whatever lives in these cgroups and removes them; tries until `patience` is over.
pub(crate) fn remove(paths: &[PathBuf], patience: Duration) -> io::Result<()> {
    let end = Instant::now() + patience;
    for path in paths {
        loop {
            let _ = fs::write(path.join("cgroup.kill"), "1");
            match fs::remove_dir(path) {
                Ok(()) => break,
                Err(e) if e.kind() == io::ErrorKind::NotFound => break,
                Err(e) if Instant::now() > end => return Err(e),
                Err(_) => std::thread::sleep(Duration::from_millis(2)),
            }
        }
    }
    Ok(())
}
