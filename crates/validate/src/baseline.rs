//! The baseline: the verdicts that are known, in a file that is reviewed and kept beside the validations, and how the
//! verdicts of a run differ from it.

use crate::file::FileError;
use crate::judge::Reason;
use crate::verdict::{Outcome, Verdict};
use detektr_yaml::{Node, Problem, Reader};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

/// The version of the file's format.
const VERSION: u64 = 1;
/// The largest file that is read, in bytes: some 12,000 verdicts.
const LARGEST: usize = 1 << 20;
/// The keys of a baseline.
pub const KEYS: &[&str] = &["detektr", "verdicts"];

/// What is known, by the id of the verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    entries: BTreeMap<String, Known>,
}

/// One known verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Known {
    /// The answer.
    pub verdict: Outcome,
    /// Its reason.
    pub reason: String,
}

/// How the verdicts of a run differ from the baseline. Ids stand in the order of the alphabet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Comparison {
    /// Worse than before: held, or was open and fails now.
    pub regressed: Vec<Change>,
    /// Better than before: holds now.
    pub better: Vec<Change>,
    /// Neither: another reason, or something that could not be told this time.
    pub changed: Vec<Change>,
    /// Not in the baseline.
    pub new: Vec<Change>,
    /// In the baseline, and not asked any more. Empty where only some questions were asked.
    pub gone: Vec<Change>,
    /// Fails, as the baseline says with the same reason.
    pub known: BTreeSet<String>,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Change {
    /// Id of the verdict.
    pub id: String,
    /// What the baseline says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Known>,
    /// What is found now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now: Option<Known>,
}

impl Comparison {
    /// Whether `verdict` is one that is known not to hold. What is unexpected (a date that has passed) is never excused.
    pub fn excuses(&self, verdict: &Verdict) -> bool {
        verdict.unexpected.is_none() && self.known.contains(&verdict.id)
    }
}

impl Change {
    /// What it was and what it is, for people: `holds (prevented) → fails (goal_reached)`.
    pub fn told(&self) -> String {
        let of = |known: &Known| format!("{} ({})", word(known.verdict), known.reason);
        match (&self.before, &self.now) {
            (Some(before), Some(now)) => format!("{} → {}", of(before), of(now)),
            (None, Some(now)) => of(now),
            (Some(before), None) => format!("was {}", of(before)),
            (None, None) => String::new(),
        }
    }
}

impl Known {
    fn of(verdict: &Verdict) -> Known {
        Known { verdict: verdict.verdict, reason: verdict.reason.clone() }
    }
}

impl Baseline {
    /// Reads the baseline in `path`.
    ///
    /// # Errors
    /// Where the file can't be read as text, or something in it is no known verdict.
    pub fn read(path: &Path) -> Result<Baseline, FileError> {
        Baseline::parse(path, &FileError::text(path)?)
    }

    /// Reads `text`, the content of `path`.
    ///
    /// # Errors
    /// All that is wrong with it, each with its place.
    pub fn parse(path: &Path, text: &str) -> Result<Baseline, FileError> {
        FileError::parse("baseline", path, text, baseline)
    }

    /// The file: one verdict a line, in the order of their ids, so that a difference of two versions reads as what changed.
    ///
    /// # Errors
    /// Where it would be larger than what is read.
    pub fn text(&self) -> Result<String, String> {
        let mut text = format!(
            "# Known verdicts, written by `detektr validate --update-baseline`. What does not hold and stands here with the\n\
             # same reason fails no pipeline.\ndetektr: {VERSION}\nverdicts:{}\n",
            if self.entries.is_empty() { " {}" } else { "" }
        );
        for (id, known) in &self.entries {
            // a JSON string is a YAML string, whatever a question's id is made of
            let id = serde_json::Value::from(id.as_str());
            let _ = writeln!(text, "  {id}: {{verdict: {}, reason: {}}}", word(known.verdict), known.reason);
        }
        if text.len() > LARGEST {
            return Err(format!("{} verdicts are more than one baseline holds", self.entries.len()));
        }
        Ok(text)
    }

    /// What is known after a run that gave `verdicts`. Where it asked all questions (`whole`), nothing else stays. What says
    /// something about this run alone (a failed environment, evidence with a hole) is not taken up: what was known stays.
    pub fn updated(&self, verdicts: &[Verdict], whole: bool) -> Baseline {
        let asked: BTreeSet<&str> = verdicts.iter().map(|verdict| verdict.id.as_str()).collect();
        let mut entries = self.entries.clone();
        entries.retain(|id, _| !whole || asked.contains(id.as_str()));
        for verdict in verdicts.iter().filter(|verdict| !is_accident(&verdict.reason)) {
            entries.insert(verdict.id.clone(), Known::of(verdict));
        }
        Baseline { entries }
    }

    /// How `verdicts` differ from what is known; `whole` where all questions were asked.
    pub fn compare(&self, verdicts: &[Verdict], whole: bool) -> Comparison {
        let mut comparison = Comparison::default();
        let now: BTreeMap<&str, &Verdict> = verdicts.iter().map(|one| (one.id.as_str(), one)).collect();
        for (id, verdict) in &now {
            let known = Known::of(verdict);
            let change = |before: Option<&Known>| Change {
                id: (*id).to_owned(),
                before: before.cloned(),
                now: Some(known.clone()),
            };
            let Some(before) = self.entries.get(*id) else {
                comparison.new.push(change(None));
                continue;
            };
            if *before == known {
                // what can't be told passes nowhere, known or not
                if known.verdict == Outcome::Fails {
                    comparison.known.insert((*id).to_owned());
                }
                continue;
            }
            let list = match (before.verdict, known.verdict) {
                _ if is_accident(&known.reason) => &mut comparison.changed,
                (Outcome::Holds | Outcome::Inconclusive, Outcome::Fails)
                | (Outcome::Holds, Outcome::Inconclusive) => &mut comparison.regressed,
                (Outcome::Fails | Outcome::Inconclusive, Outcome::Holds) => &mut comparison.better,
                _ => &mut comparison.changed,
            };
            list.push(change(Some(before)));
        }
        if whole {
            let gone = self.entries.iter().filter(|(id, _)| !now.contains_key(id.as_str()));
            comparison.gone.extend(gone.map(|(id, before)| Change {
                id: id.clone(),
                before: Some(before.clone()),
                now: None,
            }));
        }
        comparison
    }
}

/// Whether a reason says something about one run, and nothing about the security.
fn is_accident(code: &str) -> bool {
    Reason::ALL.iter().any(|reason| reason.code() == code && reason.is_accident())
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Holds => "holds",
        Outcome::Fails => "fails",
        Outcome::Inconclusive => "inconclusive",
    }
}

fn baseline(reader: &mut Reader, node: &Node) -> Option<Baseline> {
    let entries = reader.map(node, "a baseline")?;
    reader.version(node, entries, "a baseline", VERSION);
    let mut verdicts = None;
    for (key, value) in entries {
        match key.text.as_str() {
            "detektr" => {}
            "verdicts" => verdicts = Some(known(reader, value)?),
            _ => reader.unknown(key, "a baseline", KEYS),
        }
    }
    if verdicts.is_none() {
        let start = node.span.start;
        let problem = Problem::new(start..start, "missing", "`verdicts` is missing");
        reader.problems.push(problem.help("write the file anew: --update-baseline"));
    }
    verdicts
}

fn known(reader: &mut Reader, node: &Node) -> Option<Baseline> {
    let outcomes = [Outcome::Holds, Outcome::Fails, Outcome::Inconclusive].map(|one| (word(one), one));
    let codes: Vec<(&str, &str)> = Reason::ALL.iter().map(|reason| (reason.code(), reason.code())).collect();
    let mut entries = BTreeMap::new();
    for (id, value) in reader.map(node, "`verdicts`")? {
        let (mut verdict, mut reason) = (None, None);
        let written = reader.map(value, "a known verdict")?;
        for (key, value) in written {
            match key.text.as_str() {
                "verdict" => verdict = reader.choice(value, "verdict", &outcomes),
                "reason" => reason = reader.choice(value, "reason", &codes).map(String::from),
                _ => reader.unknown(key, "a known verdict", &["verdict", "reason"]),
            }
        }
        match (verdict, reason) {
            (Some(verdict), Some(reason)) => {
                entries.insert(id.text.clone(), Known { verdict, reason });
            }
            _ if ["verdict", "reason"]
                .iter()
                .all(|name| written.iter().any(|(key, _)| key.text == *name)) => {}
            _ => {
                let what = format!("of `{}` the verdict or its reason is missing", id.text);
                reader.problem(value, "missing", what, "write `{verdict: fails, reason: missed}`");
            }
        }
    }
    Some(Baseline { entries })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn verdict(id: &str, outcome: &str, reason: &str) -> Verdict {
        serde_json::from_value(json!({
            "id": id, "validation": "v", "question": "q", "kind": "mitigation", "variant": "default",
            "verdict": outcome, "reason": reason, "sentence": "s", "arms": {}, "outcomes": {}, "evidence": [],
            "repeats": {"holds": 0, "fails": 0, "inconclusive": 0},
        }))
        .unwrap()
    }

    fn ids(changes: &[Change]) -> Vec<&str> {
        changes.iter().map(|change| change.id.as_str()).collect()
    }

    fn parse(text: &str) -> Result<Baseline, FileError> {
        Baseline::parse(Path::new("b.yaml"), text)
    }

    #[test]
    fn what_regressed_what_got_better_what_is_new_and_what_is_gone_are_told_apart() {
        let before = Baseline::default().updated(
            &[
                verdict("worse", "holds", "prevented"),
                verdict("worst", "inconclusive", "not_attempted"),
                verdict("better", "fails", "missed"),
                verdict("open", "fails", "missed"),
                verdict("other", "fails", "missed"),
                verdict("same", "fails", "missed"),
                verdict("unclear", "inconclusive", "telemetry_missing"),
                verdict("broke", "holds", "prevented"),
                verdict("well", "holds", "detected"),
                verdict("gone", "holds", "detected"),
            ],
            true,
        );
        let now = [
            verdict("worse", "inconclusive", "goal_not_reached"),
            verdict("worst", "fails", "goal_reached"),
            verdict("better", "holds", "detected"),
            verdict("open", "inconclusive", "not_executed"),
            verdict("other", "fails", "false_positive"),
            verdict("same", "fails", "missed"),
            verdict("unclear", "inconclusive", "telemetry_missing"),
            verdict("broke", "inconclusive", "incomplete"),
            verdict("well", "holds", "detected"),
            verdict("fresh", "fails", "missed"),
        ];
        let told = before.compare(&now, true);
        assert_eq!(ids(&told.regressed), ["worse", "worst"]);
        assert_eq!(ids(&told.better), ["better"]);
        assert_eq!(ids(&told.changed), ["broke", "open", "other"]);
        assert_eq!(ids(&told.new), ["fresh"]);
        assert_eq!(ids(&told.gone), ["gone"]);
        let excused: Vec<&str> =
            now.iter().filter(|one| told.excuses(one)).map(|one| one.id.as_str()).collect();
        assert_eq!(excused, ["same"], "what can't be told passes nowhere");
        assert!(before.compare(&now, false).gone.is_empty(), "only some were asked");
    }

    #[test]
    fn a_date_that_has_passed_is_never_excused() {
        let mut one = verdict("a", "fails", "missed");
        let known = Baseline::default().updated(std::slice::from_ref(&one), true);
        assert!(known.compare(std::slice::from_ref(&one), true).excuses(&one));
        one.unexpected = Some("accepted until 2020-01-31".into());
        assert!(!known.compare(std::slice::from_ref(&one), true).excuses(&one));
    }

    #[test]
    fn an_accident_is_never_taken_up_and_what_was_known_stays() {
        let known = Baseline::default().updated(&[verdict("a", "fails", "missed")], true);
        for reason in Reason::ALL.iter().filter(|reason| reason.is_accident()) {
            let broke =
                [verdict("a", "inconclusive", reason.code()), verdict("b", "inconclusive", reason.code())];
            assert_eq!(known.updated(&broke, true), known, "{}", reason.code());
        }
    }

    #[test]
    fn of_some_questions_the_others_stay_as_they_were() {
        let known = Baseline::default()
            .updated(&[verdict("a", "fails", "missed"), verdict("b", "fails", "missed")], true);
        let now = known.updated(&[verdict("a", "holds", "detected")], false);
        assert_eq!(now.entries["a"].verdict, Outcome::Holds);
        assert_eq!(now.entries["b"].verdict, Outcome::Fails);
        assert!(!known.updated(&[verdict("a", "holds", "detected")], true).entries.contains_key("b"));
    }

    #[test]
    fn the_file_has_one_line_a_verdict_in_the_order_of_the_ids() {
        let known = Baseline::default().updated(
            &[verdict("z/q/default", "holds", "prevented"), verdict("a/q/x", "fails", "missed")],
            true,
        );
        let text = known.text().unwrap();
        let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("  ")).collect();
        assert_eq!(
            lines,
            [
                "  \"a/q/x\": {verdict: fails, reason: missed}",
                "  \"z/q/default\": {verdict: holds, reason: prevented}"
            ]
        );
        assert_eq!(parse(&Baseline::default().text().unwrap()).unwrap(), Baseline::default());
    }

    #[test]
    fn a_mistake_is_told_with_its_place() {
        let told = |text: &str| match parse(text) {
            Err(FileError::Invalid { problems, .. }) => problems[0].to_string(),
            other => panic!("{other:?}"),
        };
        let one = |line: &str| told(&format!("detektr: 1\nverdicts:\n  {line}\n"));
        assert!(one("a: {verdict: fails, reason: mised}").starts_with("b.yaml:3:31: "));
        assert!(one("a: {verdict: fail, reason: missed}").starts_with("b.yaml:3:16: "));
        assert!(one("a: {verdict: fails}").contains("is missing"));
        assert!(one("a: {verdict: fails, reason: missed, by: me}").contains("`by`"));
        assert!(told("detektr: 2\nverdicts: {}\n").contains("format 2"));
        assert!(told("verdicts: {}\n").contains("missing"));
        assert!(
            told("detektr: 1\nverdicts:\n  a: {verdict: fails, reason: missed}\n  a: {}\n").contains("a")
        );
    }

    proptest! {
        #[test]
        fn any_id_comes_back_as_it_was(ids in proptest::collection::btree_set(".{0,40}", 0..20)) {
            let verdicts: Vec<Verdict> = ids.iter().map(|id| verdict(id, "fails", "missed")).collect();
            let known = Baseline::default().updated(&verdicts, true);
            prop_assert_eq!(parse(&known.text().unwrap()).unwrap(), known);
        }
    }
}
