//! Any history of births, execs and ends that a kernel could tell, with few numbers that are used again often.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::{BTreeMap, HashSet};

/// Numbers that the small kernel of this test has.
const NUMBERS: std::ops::Range<u32> = 6000..6012;

/// A kernel that knows only who lives: threads by process, the first one the leader's.
#[derive(Default)]
struct Kernel {
    living: BTreeMap<u32, Vec<u32>>,
    /// Leaders that ended before their process, whose number is still taken.
    zombies: HashSet<u32>,
    clock: u64,
}

impl Kernel {
    fn free(&self) -> Option<u32> {
        let taken: HashSet<u32> = self
            .living
            .iter()
            .flat_map(|(leader, threads)| threads.iter().chain([leader]))
            .copied()
            .collect();
        NUMBERS.clone().find(|number| !taken.contains(number))
    }

    fn pick(&self, choice: usize) -> Option<(u32, u32)> {
        let all: Vec<(u32, u32)> =
            self.living.iter().flat_map(|(tgid, threads)| threads.iter().map(|tid| (*tgid, *tid))).collect();
        (!all.is_empty()).then(|| all[choice % all.len()])
    }

    /// The records of one act.
    fn act(&mut self, action: u8, choice: usize) -> Vec<Raw> {
        let Some((tgid, tid)) = self.pick(choice) else { return Vec::new() };
        self.clock += 10;
        let record = |tid, body| Raw { boot_ns: 0, tgid, tid, euid: None, body };
        match action {
            0 | 1 => {
                let Some(number) = self.free() else { return Vec::new() };
                let leader = if action == 0 { number } else { tgid };
                self.living.entry(leader).or_default().push(number);
                let birth = Birth {
                    tgid: leader,
                    tid: number,
                    env_tgid: leader - 5990,
                    env_tid: number - 5990,
                    start_ns: self.clock,
                    flags: 0,
                    io_worker: false,
                };
                vec![record(tid, Body::Birth(birth))]
            }
            2 => {
                // All other threads end, and the caller becomes the leader.
                let others: Vec<u32> =
                    self.living[&tgid].iter().copied().filter(|other| *other != tid).collect();
                let mut records: Vec<Raw> = others
                    .into_iter()
                    .map(|other| {
                        record(other, Body::Exit(RawExit { status: 0, process_ended: false, cpu_ns: None }))
                    })
                    .collect();
                self.living.insert(tgid, vec![tgid]);
                self.zombies.remove(&tgid);
                let exec = RawExec { old_tid: tid, ..exec_of("/bin/true") };
                records.push(record(tgid, Body::Exec(Box::new(exec))));
                records
            }
            _ => {
                let threads = self.living.get_mut(&tgid).expect("it lives");
                threads.retain(|other| *other != tid);
                let process_ended = threads.is_empty();
                if process_ended {
                    self.living.remove(&tgid);
                    self.zombies.remove(&tgid);
                } else if tid == tgid {
                    self.zombies.insert(tgid);
                }
                vec![record(tid, Body::Exit(RawExit { status: 0, process_ended, cpu_ns: None }))]
            }
        }
    }
}

fn sorted(population: &Population) -> Population {
    let mut sorted = population.clone();
    sorted.processes.sort_unstable();
    sorted.threads.sort_unstable();
    sorted
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn every_life_is_told_once_under_its_own_name(acts in vec((0..4_u8, any::<usize>()), 1..200)) {
        let mut decoder = running();
        // The artifact's first child is the small kernel's first process.
        let first = Birth { env_tgid: 10_000, env_tid: 10_000, ..birth_of(6000, 6000) };
        let mut out = Vec::new();
        decoder.decode(raw(3, ARTIFACT, ARTIFACT, Body::Birth(first)), &mut out);
        let mut kernel = Kernel::default();
        kernel.living.insert(6000, vec![6000]);
        for (action, choice) in acts {
            for record in kernel.act(action, choice) {
                decoder.decode(record, &mut out);
            }
        }
        while let Some((tgid, _)) = kernel.pick(0) {
            for record in kernel.act(3, 0) {
                prop_assert_eq!(record.tgid, tgid);
                decoder.decode(record, &mut out);
            }
        }
        let end = RawExit { status: 0, process_ended: true, cpu_ns: None };
        decoder.decode(raw(4, ARTIFACT, ARTIFACT, Body::Exit(end)), &mut out);

        prop_assert_eq!(sorted(decoder.births()), sorted(decoder.exits()));
        prop_assert_eq!(decoder.holes(), Vec::new());
        prop_assert_eq!(decoder.living(), 0);
        // No identity is given twice: not by a birth, not by an exec.
        let mut names = HashSet::new();
        for event in &out {
            let name = match &event.detail {
                Detail::ProcessFork { fork } if !fork.thread => Some(fork.child.clone()),
                Detail::ProcessExec { .. } => event.process.as_ref().map(|process| process.id.clone()),
                _ => None,
            };
            if let Some(name) = name {
                prop_assert!(names.insert(name.clone()), "{} twice", name);
            }
        }
    }
}
