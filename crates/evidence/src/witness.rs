//! What the independent observers of a run say, as it stands in the manifest.

use crate::fsdiff::Diff;
use crate::manifest::Incomplete;
use crate::reconcile::{FilesVerdict, Scope};
use crate::store::FileStore;
use detektr_event::Text;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the witnesses say. One that is absent did not work on this host or in this run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Witnesses {
    /// The difference of the file system before and after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fsdiff: Option<FsdiffWitness>,
    /// The kernel's process accounting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processes: Option<ProcessesWitness>,
    /// The packets that passed the environment's network device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packets: Option<PacketsWitness>,
}

/// Which of two accounts of a run tells something that the other can't explain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The witness saw it, and no event explains it.
    Witness,
    /// An event tells it, and the witness doesn't show it.
    Events,
}

/// A disagreement about one file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unexplained {
    /// Whose word stands alone.
    pub side: Side,
    /// The file, inside the environment.
    pub path: Text,
    /// What it is about.
    pub detail: String,
}

/// The file-system difference, held against the events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FsdiffWitness {
    /// Mount points of the layers that were compared.
    pub layers: Vec<Text>,
    /// Mount points inside the layers that were not compared; `/proc`, `/sys` and `/dev` never are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excluded: Vec<Text>,
    /// Lines of `changes.ndjson`.
    pub changes: u64,
    /// Changes that are not listed there, for they are too many.
    #[serde(default)]
    pub not_listed: u64,
    /// Changes that no event explains.
    pub unexplained_changes: u64,
    /// Events that the difference doesn't show.
    pub unexplained_events: u64,
    /// The disagreements themselves, at most [`FsdiffWitness::LISTED`].
    pub unexplained: Vec<Unexplained>,
    /// What lies in the upper folders and is the same as below (copied up, and not changed).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub copied_up: Vec<Text>,
    /// Symbolic links of the file system beneath that paths of events led through, with their targets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<LinkUsed>,
    /// Bytes of content stored below `files/`.
    #[serde(default)]
    pub stored_bytes: u64,
    /// Changed files whose content is not stored, for a bound was reached.
    #[serde(default)]
    pub not_stored: u64,
}

/// A symbolic link of the file system beneath.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkUsed {
    /// Where it lies, inside the environment.
    pub path: Text,
    /// What it holds.
    pub target: Text,
}

impl FsdiffWitness {
    /// How many disagreements are listed.
    pub const LISTED: usize = 200;

    /// What is to be told of a difference, and of what the events say to it.
    pub fn new(scope: Scope, diff: &Diff, verdict: FilesVerdict, store: &FileStore) -> Self {
        let mut witness = FsdiffWitness {
            layers: scope.layers,
            excluded: scope.excluded,
            changes: diff.changes.len() as u64,
            not_listed: diff.not_listed,
            copied_up: diff.copied_up.clone(),
            links: verdict.links,
            stored_bytes: store.used(),
            not_stored: store.refused(),
            ..FsdiffWitness::default()
        };
        witness.judge(verdict.unexplained);
        witness
    }

    /// Notes the disagreements.
    pub(crate) fn judge(&mut self, mut unexplained: Vec<Unexplained>) {
        let count = |side| unexplained.iter().filter(|u| u.side == side).count() as u64;
        self.unexplained_changes = count(Side::Witness);
        self.unexplained_events = count(Side::Events);
        unexplained.truncate(Self::LISTED);
        self.unexplained = unexplained;
    }

    /// The part of the environment that was compared.
    pub fn scope(&self) -> Scope {
        Scope { layers: self.layers.clone(), excluded: self.excluded.clone() }
    }
}

/// Births and exits by the events, held against the kernel's own account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProcessesWitness {
    /// Processes born, by the sensor.
    pub births: u64,
    /// Threads born beside the first of each process, by the sensor.
    pub threads: u64,
    /// Processes that ended, by the sensor.
    pub exits: u64,
    /// Records of `acct(2)`, where it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acct: Option<u64>,
    /// The last process number that the environment's pid namespace gave, where it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_pid: Option<u32>,
    /// The disagreements.
    pub unexplained: Vec<String>,
}

/// Conversations on the network device, held against the socket calls of the events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PacketsWitness {
    /// What the capture came to.
    #[serde(default)]
    pub capture: CaptureTotals,
    /// The environment's own addresses.
    pub own: Vec<std::net::IpAddr>,
    /// Conversations on the device.
    pub flows: u64,
    /// Conversations that the kernel began by itself.
    pub kernel_flows: u64,
    /// Connects and datagrams that went to somebody else.
    pub calls: u64,
    /// Calls that were too many to be held against anything.
    #[serde(default)]
    pub calls_not_judged: u64,
    /// A raw socket or io_uring was used: conversations that no call began may be its own.
    pub raw: bool,
    /// The artifact had a network namespace of its own, in which calls reach no device of the environment's.
    pub own_network: bool,
    /// Conversations that no call explains.
    pub unexplained_flows: u64,
    /// Calls whose packets were not seen.
    pub unexplained_calls: u64,
    /// The disagreements, at most [`PacketsWitness::LISTED`].
    pub unexplained: Vec<String>,
}

/// What a capture came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CaptureTotals {
    /// Packets in the file.
    pub packets: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// The most bytes that would be kept.
    pub bound: u64,
    /// Packets that passed after the bound was reached.
    pub cut_packets: u64,
    /// Bytes of those.
    pub cut_bytes: u64,
    /// Packets from the environment that were no IP, or broken.
    pub misunderstood: u64,
    /// Packets that the kernel dropped before they were read, for want of room; absent where that can't be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<u64>,
    /// Streams in which something compressed was not looked through for baits to its end, since that would have cost
    /// too much.
    #[serde(default)]
    pub unsearched: u64,
}

impl PacketsWitness {
    /// How many disagreements are listed.
    pub const LISTED: usize = 50;
}

impl Witnesses {
    /// What follows from them for the completeness of the run.
    pub fn holes(&self) -> Vec<Incomplete> {
        let mut holes = Vec::new();
        let mut hole =
            |reason: &str, detail: String| holes.push(Incomplete { reason: reason.into(), detail });
        if let Some(fsdiff) = &self.fsdiff {
            let listed = |side| {
                let paths = fsdiff.unexplained.iter().filter(|u| u.side == side).take(3);
                paths.map(|u| u.path.lossy().into_owned()).collect::<Vec<_>>().join(", ")
            };
            if fsdiff.unexplained_changes > 0 {
                let paths = listed(Side::Witness);
                let detail =
                    format!("{} changed files that no event explains: {paths}", fsdiff.unexplained_changes);
                hole("fsdiff_unexplained_change", detail);
            }
            if fsdiff.not_listed > 0 {
                hole("changes_not_listed", format!("{} changed files are not listed", fsdiff.not_listed));
            }
            if fsdiff.unexplained_events > 0 {
                let paths = listed(Side::Events);
                let detail = format!(
                    "{} events that the file-system difference does not show: {paths}",
                    fsdiff.unexplained_events
                );
                hole("fsdiff_unexplained_event", detail);
            }
        }
        if let Some(processes) = &self.processes {
            for detail in &processes.unexplained {
                hole("processes_unexplained", detail.clone());
            }
        }
        let lost = self.packets.as_ref().and_then(|packets| packets.capture.lost).filter(|lost| *lost > 0);
        if let Some(lost) = lost {
            hole("packets_lost", format!("{lost} packets were dropped before they were read"));
        }
        let unsearched = self.packets.as_ref().map_or(0, |packets| packets.capture.unsearched);
        if unsearched > 0 {
            let detail = format!(
                "something compressed in {unsearched} streams was not looked through for baits to its end"
            );
            hole("baits_unsearched", detail);
        }
        if let Some(packets) = &self.packets
            && packets.unexplained_flows + packets.unexplained_calls + packets.calls_not_judged > 0
        {
            let listed = packets.unexplained.iter().take(3).cloned().collect::<Vec<_>>().join("; ");
            let detail = format!(
                "{} conversations without a call, {} calls without a conversation, {} not judged: {listed}",
                packets.unexplained_flows, packets.unexplained_calls, packets.calls_not_judged
            );
            hole("packets_unexplained", detail);
        }
        holes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reasons(capture: CaptureTotals) -> Vec<String> {
        let packets = Some(PacketsWitness { capture, ..PacketsWitness::default() });
        let holes = Witnesses { packets, ..Witnesses::default() }.holes();
        holes.into_iter().map(|hole| hole.reason).collect()
    }

    #[test]
    fn packets_that_were_lost_and_streams_that_were_not_searched_are_holes() {
        assert!(
            reasons(CaptureTotals { lost: Some(0), cut_packets: 7, ..CaptureTotals::default() }).is_empty()
        );
        assert_eq!(reasons(CaptureTotals { lost: Some(1), ..CaptureTotals::default() }), ["packets_lost"]);
        assert_eq!(
            reasons(CaptureTotals { unsearched: 1, ..CaptureTotals::default() }),
            ["baits_unsearched"]
        );
    }
}
