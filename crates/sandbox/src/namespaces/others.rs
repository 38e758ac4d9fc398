//! Who is there: the attack's processes, and those of the keeper.

use std::collections::HashMap;
use std::fs;
use std::io;

/// How many processes of this pid namespace are neither init nor `keeper` nor descend from it; and, where every thread
/// of the keeper's is asleep, how often they had gone to sleep in all: as long as that stays the same, they had
/// nothing to do.
///
/// A process whose parent is not seen counts as the attack's: what merely looks so for a moment is asked again.
///
/// # Errors
/// `/proc` can't be listed.
pub(super) fn look(keeper: u32) -> io::Result<(usize, Option<u64>)> {
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
    let asleep = own.into_iter().try_fold(0, |sum, pid| Some(sum + asleep(pid)?));
    Ok((attack.len(), asleep))
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

/// How often the threads of a process went to sleep, where all are asleep or have ended (and nobody took their end).
fn asleep(pid: u32) -> Option<u64> {
    let mut sum = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten() {
        let status = fs::read_to_string(task.path().join("status")).ok()?;
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        if !field("State:")?.starts_with(['S', 'Z', 'X']) {
            return None;
        }
        sum += field("voluntary_ctxt_switches:")?.parse::<u64>().ok()?;
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::descends;
    use std::collections::HashMap;

    #[test]
    fn whoever_has_no_chain_to_the_keeper_is_the_attack_s() {
        let parents =
            HashMap::from([(7, 1), (8, 7), (9, 8), (20, 1), (21, 20), (30, 29), (40, 41), (41, 40)]);
        for (pid, kept) in [(7, true), (9, true), (20, false), (21, false), (30, false), (40, false)] {
            assert_eq!(descends(pid, 7, &parents), kept, "{pid}");
        }
    }
}
