//! What one run did that another did not. Both are brought into a form in which everything that differs from run to run
//! and means nothing is replaced ([`Stable`]); what is then in one alone is a difference.

mod summary;

pub use summary::Summary;

use detektr_detect::Stable;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What of two runs is not the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// Ids of the two runs.
    pub runs: [String; 2],
    /// Whether nothing differs.
    pub same: bool,
    /// What differs.
    pub differences: Vec<Line>,
    /// What weakens the comparison: evidence that is not whole, sensors of two kinds.
    pub notes: Vec<String>,
}

/// Which of the two runs did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Side {
    First,
    Second,
}

/// What a difference is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// How the run ended.
    Ending,
    /// A meaning of its acts.
    Behaviours,
    /// A process: its command line and its end.
    Processes,
    /// The file system before and after.
    Changes,
    /// An act on a file.
    Files,
    /// An act on the network.
    Network,
    /// An act of another kind.
    Other,
}

impl About {
    /// Every one, in the order in which they are told.
    pub const ALL: [About; 7] = [
        About::Ending,
        About::Behaviours,
        About::Processes,
        About::Changes,
        About::Files,
        About::Network,
        About::Other,
    ];

    /// The name, as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            About::Ending => "ending",
            About::Behaviours => "behaviours",
            About::Processes => "processes",
            About::Changes => "changes",
            About::Files => "files",
            About::Network => "network",
            About::Other => "other",
        }
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// What it is about.
    pub about: About,
    /// The run that has it, or has more of it.
    pub only_in: Side,
    /// What it is, with what differs from run to run replaced by words in braces.
    pub what: String,
    /// How many more times the run has it.
    pub count: u64,
    /// Number of the first event of that run that shows it, where an event does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<u64>,
}

/// What two runs do not share.
pub fn difference(first: &Summary, second: &Summary) -> Difference {
    let mut differences = Vec::new();
    for about in About::ALL {
        let of = |summary: &Summary| -> BTreeMap<String, (u64, Option<u64>)> {
            summary.entries.get(&about).cloned().unwrap_or_default()
        };
        let (a, b) = (of(first), of(second));
        let mut only =
            |side: Side, mine: &BTreeMap<String, (u64, Option<u64>)>, other: &BTreeMap<_, (u64, _)>| {
                for (what, (count, event)) in mine {
                    let more = count
                        .saturating_sub(other.get(what).map_or(0, |(count, _): &(u64, Option<u64>)| *count));
                    if more > 0 {
                        differences.push(Line {
                            about,
                            only_in: side,
                            what: what.clone(),
                            count: more,
                            event: *event,
                        });
                    }
                }
            };
        only(Side::First, &a, &b);
        only(Side::Second, &b, &a);
    }
    let mut notes = Vec::new();
    for summary in [first, second] {
        if !summary.complete {
            notes.push(format!(
                "the evidence of {} is incomplete: what it doesn't show may have happened all the same",
                summary.run
            ));
        }
        if summary.forgotten {
            notes.push(format!("{} has more different acts than are compared", summary.run));
        }
    }
    if first.sensor != second.sensor {
        let text =
            format!("the runs were watched by different sensors ({}, {})", first.sensor, second.sensor);
        notes.push(text);
    }
    Difference {
        runs: [first.run.clone(), second.run.clone()],
        same: differences.is_empty(),
        differences,
        notes,
    }
}
