//! What did not hold when `validate` ran last: `last/validate.json` in the data folder.

use super::Planned;
use crate::failure::{Failure, shown};
use crate::replace::replace;
use detektr_validate::{Outcome, Verdict};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const FORMAT: &str = "detektr.last/1";

/// What the file holds.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Last {
    /// `detektr.last/1`.
    format: String,
    /// Ids of the verdicts that did not hold, and of those that were not reached.
    open: BTreeSet<String>,
}

fn path(home: &Path) -> PathBuf {
    home.join("last").join("validate.json")
}

/// What is open.
pub fn open(home: &Path) -> Result<BTreeSet<String>, Failure> {
    let path = path(home);
    let text = fs::read(&path).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => Failure::usage("detektr::validate::last", "nothing was validated yet")
            .help("leave --rerun out the first time"),
        _ => Failure::usage("detektr::validate::last", format!("can't read {}", shown(&path)))
            .because(e)
            .help("leave --rerun out"),
    })?;
    match serde_json::from_slice::<Last>(&text) {
        Ok(last) if last.format == FORMAT => Ok(last.open),
        _ => {
            Err(Failure::usage("detektr::validate::last", format!("{} is of another version", shown(&path)))
                .help("leave --rerun out once: it is written anew then"))
        }
    }
}

/// Notes what is open after `planned` gave `verdicts`; of what was `open` before, what was not asked stays so.
pub fn note(
    home: &Path,
    planned: &[Planned],
    verdicts: &[Verdict],
    open: Option<&BTreeSet<String>>,
) -> Result<(), Failure> {
    let last = Last { format: FORMAT.into(), open: still_open(&asked(planned), verdicts, open) };
    let path = path(home);
    let written = fs::create_dir_all(home.join("last"))
        .and_then(|()| Ok(serde_json::to_vec_pretty(&last)?))
        .and_then(|text| replace(&path, &text));
    written.map_err(|e| {
        Failure::failed("detektr::validate::last", format!("can't write {}", shown(&path)))
            .because(e)
            .help("make room there")
    })
}

/// The ids of the verdicts that `planned` asks for.
fn asked(planned: &[Planned]) -> BTreeSet<String> {
    let ids = planned.iter().map(|one| &one.plan).flat_map(|plan| {
        plan.questions.iter().map(|question| Verdict::id_of(&plan.validation, &question.id, &plan.variant))
    });
    ids.collect()
}

fn still_open(
    asked: &BTreeSet<String>,
    verdicts: &[Verdict],
    open: Option<&BTreeSet<String>>,
) -> BTreeSet<String> {
    let held: BTreeSet<&str> =
        verdicts.iter().filter(|one| one.verdict == Outcome::Holds).map(|one| one.id.as_str()).collect();
    let before = open.into_iter().flatten().filter(|id| !asked.contains(*id));
    asked.iter().filter(|id| !held.contains(id.as_str())).chain(before).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::still_open;
    use serde_json::json;
    use std::collections::BTreeSet;

    #[test]
    fn what_did_not_hold_what_was_not_reached_and_what_was_not_asked_stays_open() {
        let set = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<BTreeSet<_>>();
        let verdict = |id: &str, outcome: &str| {
            serde_json::from_value(json!({
                "id": id, "validation": "v", "question": "q", "kind": "mitigation", "variant": "default",
                "verdict": outcome, "reason": "r", "sentence": "s", "arms": {}, "outcomes": {}, "evidence": [],
                "repeats": {"holds": 0, "fails": 0, "inconclusive": 0},
            }))
            .unwrap()
        };
        let verdicts = [verdict("a", "holds"), verdict("b", "fails"), verdict("c", "inconclusive")];
        let asked = set(&["a", "b", "c", "d"]);
        assert_eq!(still_open(&asked, &verdicts, None), set(&["b", "c", "d"]));
        assert_eq!(still_open(&asked, &verdicts, Some(&set(&["a", "e"]))), set(&["b", "c", "d", "e"]));
    }
}
