//! Who is there: the attack's processes, and those of the keeper.

use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs;
use std::io;

/// What the keeper's processes do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Own {
    /// Every thread is asleep, and so often they had gone to sleep in all: as long as that stays the same, they had
    /// nothing to do.
    Asleep(u64),
    /// They have something to do.
    Busy,
    /// One is stopped, or lies before its tracer, and the others are asleep; so often they had gone to sleep in all.
    Held {
        switches: u64,
        /// It is the keeper itself.
        keeper: bool,
    },
}

impl Own {
    fn and(self, other: Own) -> Own {
        match (self, other) {
            (Own::Asleep(a), Own::Asleep(b)) => Own::Asleep(a + b),
            (Own::Held { switches: a, keeper }, Own::Asleep(b))
            | (Own::Asleep(b), Own::Held { switches: a, keeper }) => Own::Held { switches: a + b, keeper },
            (Own::Held { switches: a, keeper }, Own::Held { switches: b, keeper: other }) => {
                Own::Held { switches: a + b, keeper: keeper || other }
            }
            _ => Own::Busy,
        }
    }
}

/// How many processes of this pid namespace are neither init nor `keeper` nor descend from it, and what those do that do.
///
/// A process whose parent is not seen counts as the attack's: what merely looks so for a moment is asked again.
///
/// # Errors
/// `/proc` can't be listed.
pub(super) fn look(keeper: u32) -> io::Result<(usize, Own)> {
    let mut parents = HashMap::new();
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // one that is gone meanwhile is not there
        if pid != 1
            && let Some(parent) = parent(pid)
        {
            parents.insert(pid, parent);
        }
    }
    let (own, attack): (Vec<u32>, Vec<u32>) =
        parents.keys().partition(|pid| descends(**pid, keeper, &parents));
    let all = own.into_iter().fold(Own::Asleep(0), |all, pid| match state(pid) {
        Own::Held { switches, .. } => all.and(Own::Held { switches, keeper: pid == keeper }),
        other => all.and(other),
    });
    Ok((attack.len(), all))
}

fn descends(pid: u32, from: u32, parents: &HashMap<u32, u32>) -> bool {
    let mut at = Some(&pid);
    // a number may be given out again meanwhile, but no chain is longer than there are processes
    for _ in 0..=parents.len() {
        match at {
            Some(pid) if *pid == from => return true,
            Some(pid) => at = parents.get(pid),
            None => return false,
        }
    }
    false
}

/// The parent of a process, by the fourth field of proc_pid_stat(5).
fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

/// What the threads of a process do. One that is gone meanwhile is asked for again.
fn state(pid: u32) -> Own {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Own::Busy };
    tasks.flatten().fold(Own::Asleep(0), |all, task| {
        all.and(fs::read_to_string(task.path().join("status")).map_or(Own::Busy, |text| told(&text)))
    })
}

/// What a thread does, by proc_pid_status(5).
fn told(status: &str) -> Own {
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let state = field("State:").and_then(|state| state.chars().next());
    let switches = field("voluntary_ctxt_switches:").and_then(|count| count.parse().ok());
    match (state, switches) {
        (Some('S'), Some(switches)) => Own::Asleep(switches),
        // a sensor that traces is told of each stop, so that the kernel calls it one for a tracer
        (Some('T' | 't'), Some(switches)) => Own::Held { switches, keeper: false },
        // it has ended, and nobody has asked how
        (Some('Z' | 'X'), _) => Own::Asleep(0),
        _ => Own::Busy,
    }
}

#[cfg(test)]
mod tests {
    use super::{Own, descends, look, state};
    use std::collections::HashMap;
    use std::process::{Command, Stdio};

    #[test]
    fn a_process_that_was_stopped_neither_sleeps_nor_works() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let pid = child.id();
        let signal = |number| {
            // SAFETY: no memory is passed; the child is ours, and was not waited for.
            assert_eq!(unsafe { libc::kill(pid.cast_signed(), number) }, 0);
        };
        let becomes = |wanted: fn(Own) -> bool| {
            while !wanted(state(pid)) {
                std::thread::yield_now();
            }
        };
        becomes(|state| matches!(state, Own::Asleep(_)));
        signal(libc::SIGSTOP);
        becomes(|state| matches!(state, Own::Held { .. }));
        assert!(matches!(look(pid).unwrap().1, Own::Held { keeper: true, .. }));
        signal(libc::SIGCONT);
        becomes(|state| matches!(state, Own::Asleep(_)));
        drop(child.stdin.take());
        // ended, and not waited for
        becomes(|state| state == Own::Asleep(0));
        assert!(child.wait().unwrap().success());
    }

    #[test]
    fn whoever_has_no_chain_to_the_keeper_is_the_attack_s() {
        let parents =
            HashMap::from([(7, 1), (8, 7), (9, 8), (20, 1), (21, 20), (30, 29), (40, 41), (41, 40)]);
        for (pid, kept) in [(7, true), (9, true), (20, false), (21, false), (30, false), (40, false)] {
            assert_eq!(descends(pid, 7, &parents), kept, "{pid}");
        }
    }
}
