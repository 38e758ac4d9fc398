//! From the tree of a validation's file to what it says; every mistake is collected, none is guessed away.

use super::inputs::Reader;
use super::{Sources, VERSION, ValidationFile, ask, atomic, controls, drawn, program};
use crate::goal::{Condition, FactName};
use crate::plan::{DEFAULT, Goal, Moment, Question, QuestionKind};
use detektr_yaml::{Node, Problem, Value};
use std::path::Path;

/// The keys of a validation.
pub(super) const KEYS: &[&str] =
    &["detektr", "id", "title", "attack", "goal", "attempt", "detect", "controls", "benign", "repeat", "ask"];

/// The validation, where it can be had, and all that is wrong with it.
pub(super) fn file(
    node: &Node,
    path: &Path,
    text: &str,
    sources: &Sources,
) -> (Option<ValidationFile>, Vec<Problem>) {
    let mut reader = Reader::new(path.parent().unwrap_or(Path::new("")), sources);
    let file = validation(&mut reader, node, path, text);
    let line = |at: &usize| text.get(..*at).unwrap_or(text).matches('\n').count() + 1;
    let lines = reader.places.iter().map(|(id, at)| (id.clone(), line(at))).collect();
    let (inputs, problems) = reader.finish();
    (file.map(|file| ValidationFile { inputs, lines, ..file }), problems)
}

fn validation(reader: &mut Reader<'_>, node: &Node, path: &Path, text: &str) -> Option<ValidationFile> {
    let entries = reader.map(node, "a validation")?;
    let of = |name: &str| entries.iter().find(|(key, _)| key.text == name).map(|(_, value)| value);
    for (key, _) in entries.iter().filter(|(key, _)| !KEYS.contains(&key.text.as_str())) {
        reader.unknown(key, "a validation", KEYS);
    }
    reader.version(node, entries, "a validation", VERSION);
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    reader.inputs.insert(name.clone(), text.as_bytes().to_vec());
    let id = match of("id") {
        Some(value) => identifier(reader, value),
        None => Some(path.file_stem().unwrap_or_default().to_string_lossy().into_owned()),
    };
    let title = of("title").and_then(|value| reader.scalar(value, "title", "a sentence"));
    let goal = of("goal").and_then(|value| goal(reader, value));
    let attempt = of("attempt").and_then(|value| condition(reader, value, "attempt"));
    // whoever gains a user's rights must begin without them; any other attack runs with all that there is
    let gains = goal.as_ref().and_then(|goal| Condition::parse(&goal.condition).ok());
    let default_root =
        gains.is_none_or(|goal| !goal.facts().iter().any(|fact| fact.name == FactName::UidGained));
    let drawn = of("attack").filter(|value| drawn::is_drawn(value)).map(|value| drawn::read(reader, value));
    let single = |attack| vec![(DEFAULT.to_owned(), attack)];
    let attacks = match of("attack") {
        Some(_) if drawn.is_some() => {
            drawn.as_ref().and_then(Option::as_ref).map(|drawn| drawn.attacks.clone())
        }
        Some(value) if atomic::is_atomic(value) => atomic::read(reader, value).map(single),
        Some(value) => program::read(reader, value, "attack", default_root).map(single),
        None => {
            lacks(reader, node, "no attack is named", "add `attack: SCRIPT`");
            None
        }
    };
    let benign = of("benign").and_then(|value| program::read(reader, value, "benign", default_root));
    let controls = of("controls").map(|value| controls::read(reader, value)).unwrap_or_default();
    let repeat = of("repeat").and_then(|value| repeat(reader, value)).unwrap_or(1);
    let questions = match of("ask") {
        Some(value) => {
            if let Some(detect) = of("detect") {
                let what = "`ask` says what is asked, so `detect` has no place beside it";
                reader.problem(detect, "conflict", what, "add `- detection: RULE` under `ask`");
            }
            ask::read(reader, value, &controls)
        }
        None => ask::derived(reader, of("detect"), of("controls"), &controls),
    };
    if questions.is_empty() && of("ask").is_none() && of("detect").is_none() && of("controls").is_none() {
        lacks(reader, node, "this validation asks nothing", "add `detect: RULE`, `controls:` or `ask:`");
    }
    let needs_goal = |question: &Question| !matches!(question.kind, QuestionKind::Detection { .. });
    if of("goal").is_none() && drawn.is_none() && questions.iter().any(needs_goal) {
        let help = "add `goal:`, as in `goal: created('/etc/cron.d/upd')`";
        lacks(reader, node, "controls and mitigations need the attack's goal", help);
    }
    let from_pattern = || drawn.as_ref().and_then(Option::as_ref);
    Some(ValidationFile {
        id: id?,
        title,
        attacks: attacks?,
        benign: benign.or_else(|| from_pattern().map(|drawn| drawn.benign.clone())),
        goal: goal.or_else(|| from_pattern().map(|drawn| drawn.pattern.goal.clone())),
        attempt,
        controls,
        repeat,
        questions,
        lines: Default::default(),
        inputs: Default::default(),
    })
}

/// Something that is missing: told at the file's beginning.
fn lacks(reader: &mut Reader<'_>, node: &Node, what: &str, help: &str) {
    let start = node.span.start;
    reader.problems.push(Problem::new(start..start, "missing", what).help(help));
}

fn identifier(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    let id = reader.scalar(node, "id", "a name")?;
    let good = id.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) && !id.starts_with('.');
    if !good || id.is_empty() {
        reader.problem(node, "value", format!("`{id}` can't be an id"), "use letters, digits and `-_.`");
        return None;
    }
    Some(id)
}

fn repeat(reader: &mut Reader<'_>, node: &Node) -> Option<u32> {
    let text = reader.scalar(node, "repeat", "a number")?;
    match text.parse() {
        Ok(count @ 1..=1000) => Some(count),
        _ => {
            reader.problem(node, "range", format!("`repeat: {text}` is no count"), "write 1 to 1000");
            None
        }
    }
}

/// A condition, or a group of one with its moment.
fn goal(reader: &mut Reader<'_>, node: &Node) -> Option<Goal> {
    if let Value::Scalar { .. } = &node.value {
        let condition = condition(reader, node, "goal")?;
        return Some(Goal { condition, moment: Moment::Ever, by_ms: None });
    }
    let mut goal = Goal { condition: String::new(), moment: Moment::Ever, by_ms: None };
    let mut known = None;
    for (key, value) in reader.map(node, "`goal`")? {
        match key.text.as_str() {
            "condition" => known = Some(condition(reader, value, "condition")),
            "at" => {
                let choices = [("ever", Moment::Ever), ("end", Moment::End)];
                goal.moment = reader.choice(value, "at", &choices).unwrap_or(Moment::Ever);
            }
            "by" => {
                let time = reader.time(value, "by");
                goal.by_ms = time.map(|time| time.as_millis().try_into().unwrap_or(u64::MAX));
            }
            _ => reader.unknown(key, "`goal`", &["condition", "at", "by"]),
        }
    }
    if known.is_none() {
        reader.problem(node, "missing", "the goal has no condition", "add `condition: created('/path')`");
    }
    goal.condition = known??;
    Some(goal)
}

/// The text of a condition over facts.
fn condition(reader: &mut Reader<'_>, node: &Node, name: &str) -> Option<String> {
    let text = reader.scalar(node, name, "a condition")?;
    match Condition::parse(&text) {
        Ok(_) => Some(text),
        Err(error) => {
            // of a quoted or folded text the places within are not the file's
            let plain =
                matches!(node.value, Value::Scalar { plain: true, .. }) && node.span.len() == text.len();
            let at = node.span.start;
            let span = if plain { at + error.span.start..at + error.span.end } else { node.span.clone() };
            reader.problems.push(Problem::new(span, "condition", error.what).help(error.help));
            None
        }
    }
}
