//! Tighter bounds than the environment's own.

use super::hardening::{Place, Problem};
use crate::profile::ProfileLimits;

/// The bounds in words, where each can be kept and none is looser.
pub(super) fn tightened(limits: &ProfileLimits, place: Place<'_>) -> Result<Vec<String>, Vec<Problem>> {
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
