//! Births and exits, told by the sensor, against the kernel's process accounting and its last process number.

use crate::witness::ProcessesWitness;
use std::collections::BTreeMap;

/// How many process numbers a sentence names.
const NAMED: usize = 8;

/// What is known of the processes of one run. Process numbers are those of the environment's pid namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessAccount {
    /// Processes born, by the sensor: one number each, the launchers' too.
    pub births: Vec<u32>,
    /// Threads born beside the first of each process, by the sensor, io_uring workers too.
    pub threads: u64,
    /// Processes that ended, by the sensor.
    pub exits: Vec<u32>,
    /// Process numbers of the records of `acct(2)`, where it ran all the time.
    pub acct: Option<Vec<u32>>,
    /// The last number that the namespace gave, where it could be read.
    pub last_pid: Option<u32>,
    /// Numbers that the namespace gave and the sensor was not to see: init, and what init starts for itself.
    pub unwatched: Vec<u32>,
    /// Births that the kernel gave up after it had taken a number for them (a bound on processes, a signal that killed
    /// the maker), at most.
    pub refused: u64,
    /// The number at which the namespace begins anew, where it is known.
    pub pid_max: Option<u32>,
}

/// Holds the accounts against each other.
pub fn processes(account: &ProcessAccount) -> ProcessesWitness {
    let mut unexplained = Vec::new();
    let births = counted(&account.births);
    compare(
        "born and never seen to end",
        "ended and never seen to be born",
        &births,
        &counted(&account.exits),
    )
    .into_iter()
    .for_each(|text| unexplained.push(text));
    if let Some(acct) = &account.acct {
        let watched: Vec<u32> = acct.iter().copied().filter(|pid| !account.unwatched.contains(pid)).collect();
        let told = compare(
            "seen by the sensor without a record of acct(2)",
            "recorded by acct(2) and not seen by the sensor",
            &births,
            &counted(&watched),
        );
        unexplained.extend(told);
    }
    if let Some(last) = account.last_pid {
        let known = account.births.len() as u64 + account.threads + account.unwatched.len() as u64;
        let begins_anew = account.pid_max.is_some_and(|max| known + account.refused >= u64::from(max));
        let last = u64::from(last);
        if !begins_anew && !(known..=known + account.refused).contains(&last) {
            unexplained.push(format!(
                "the namespace gave {last} process numbers, and {known} are accounted for ({} processes, {} \
                 threads, {} of Detektr's own; {} births refused or broken off)",
                account.births.len(),
                account.threads,
                account.unwatched.len(),
                account.refused
            ));
        }
    }
    ProcessesWitness {
        births: account.births.len() as u64,
        threads: account.threads,
        exits: account.exits.len() as u64,
        acct: account.acct.as_ref().map(|records| records.len() as u64),
        last_pid: account.last_pid,
        unexplained,
    }
}

fn counted(pids: &[u32]) -> BTreeMap<u32, u64> {
    let mut counts = BTreeMap::new();
    for pid in pids {
        *counts.entry(*pid).or_default() += 1;
    }
    counts
}

/// What one multiset has that the other has not, both ways.
fn compare(left: &str, right: &str, a: &BTreeMap<u32, u64>, b: &BTreeMap<u32, u64>) -> Vec<String> {
    let excess = |x: &BTreeMap<u32, u64>, y: &BTreeMap<u32, u64>| -> Vec<(u32, u64)> {
        x.iter()
            .filter_map(|(pid, n)| {
                let more = n.saturating_sub(y.get(pid).copied().unwrap_or(0));
                (more > 0).then_some((*pid, more))
            })
            .collect()
    };
    let tell = |text: &str, excess: Vec<(u32, u64)>| {
        let count: u64 = excess.iter().map(|(_, n)| n).sum();
        let named: Vec<String> = excess.iter().take(NAMED).map(|(pid, _)| pid.to_string()).collect();
        let more = if excess.len() > NAMED { ", …" } else { "" };
        (count > 0).then(|| format!("{count} processes {text}: {}{more}", named.join(", ")))
    };
    tell(left, excess(a, b)).into_iter().chain(tell(right, excess(b, a))).collect()
}
