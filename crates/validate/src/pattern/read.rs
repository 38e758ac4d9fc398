//! From a pattern's file to the pattern; every mistake is collected, none is guessed away.

use super::{Pattern, Script, VERSION, Variant};
use crate::file::FileError;
use crate::goal::Condition;
use crate::plan::{Goal, Moment};
use detektr_detect::attack;
use detektr_yaml::{Node, Problem, Reader, Value};
use std::collections::BTreeSet;
use std::path::Path;

/// The keys of a pattern.
pub(super) const KEYS: &[&str] = &[
    "detektr",
    "pattern",
    "title",
    "technique",
    "tactic",
    "emulates",
    "harmless",
    "goal",
    "as",
    "requires",
    "variants",
    "benign",
];
/// Those that may be left out.
const OPTIONAL: [&str; 2] = ["as", "requires"];
/// The keys of a script.
pub(super) const SCRIPT_KEYS: &[&str] = &["script", "requires"];

/// Reads the pattern that `text` is; `path` is where it stands, for errors.
///
/// # Errors
/// Everything that is wrong with it, each with its place.
pub fn read(path: &Path, text: &str) -> Result<Pattern, FileError> {
    FileError::parse("pattern", path, text, |reader, node| pattern(reader, node, path))
}

fn pattern(reader: &mut Reader, node: &Node, path: &Path) -> Option<Pattern> {
    let entries = reader.map(node, "a pattern")?;
    for (key, _) in entries.iter().filter(|(key, _)| !KEYS.contains(&key.text.as_str())) {
        reader.unknown(key, "a pattern", KEYS);
    }
    let of = |name: &str| entries.iter().find(|(key, _)| key.text == name).map(|(_, value)| value);
    for name in KEYS.iter().filter(|name| **name != "detektr" && !OPTIONAL.contains(name)) {
        if of(name).is_none() {
            let start = node.span.start;
            let problem = Problem::new(start..start, "missing", format!("a pattern needs `{name}`"));
            reader
                .problems
                .push(problem.help("`detektr pattern new` writes a pattern with all that it needs"));
        }
    }
    reader.version(node, entries, "a pattern", VERSION);
    let id = of("pattern").and_then(|value| name(reader, value, "pattern"));
    let text = |reader: &mut Reader, name: &str| -> Option<String> {
        let value = of(name)?;
        let text = reader.scalar(value, name, "a text")?.trim().to_owned();
        if text.is_empty() {
            reader.problem(value, "value", format!("`{name}` says nothing"), "write a sentence");
        }
        Some(text)
    };
    let (title, emulates) = (text(reader, "title"), text(reader, "emulates"));
    let harmless = text(reader, "harmless");
    let (technique, tactic) = (of("technique").and_then(|value| technique(reader, value)), of("tactic"));
    let tactic = tactic.and_then(|value| self::tactic(reader, value, technique.as_deref()));
    let goal = of("goal").and_then(|value| goal(reader, value));
    let root = match of("as") {
        Some(value) => reader.choice(value, "as", &[("root", true), ("user", false)]),
        None => Some(true),
    };
    let requires = of("requires").map(|value| programs(reader, value)).unwrap_or_default();
    let variants = of("variants").map(|value| variants(reader, value, &requires)).unwrap_or_default();
    let benign = of("benign").and_then(|value| script(reader, value, "benign", &requires));
    Some(Pattern {
        id: id?,
        title: title?,
        technique: technique?,
        tactic: tactic?,
        emulates: emulates?,
        harmless: harmless?,
        goal: goal?,
        root: root?,
        variants,
        benign: benign?,
        source: path.display().to_string(),
    })
}

fn name(reader: &mut Reader, node: &Node, key: &str) -> Option<String> {
    let text = reader.scalar(node, key, "a name")?;
    if is_name(&text) {
        return Some(text);
    }
    reader.problem(node, "value", format!("`{text}` can't be a name"), "use small letters, digits and `-`");
    None
}

fn is_name(text: &str) -> bool {
    let part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(part)
}

fn technique(reader: &mut Reader, node: &Node) -> Option<String> {
    let id = reader.scalar(node, "technique", "the id of a technique")?;
    let digits = |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    let numbers = id.strip_prefix('T').unwrap_or_default();
    let sound = match numbers.split_once('.') {
        Some((technique, sub)) => digits(technique, 4) && digits(sub, 3),
        None => digits(numbers, 4),
    };
    let new = attack::current(&id);
    if !sound {
        let what = format!("`{id}` is no id of a technique");
        reader.problem(node, "technique", what, "write it as ATT&CK does, as in T1053.003");
    } else if new != id {
        reader.problem(
            node,
            "technique",
            format!("ATT&CK revoked {id}"),
            format!("write {new}, which took its place"),
        );
    }
    Some(id)
}

fn tactic(reader: &mut Reader, node: &Node, technique: Option<&str>) -> Option<String> {
    let tag = reader.scalar(node, "tactic", "a tactic")?;
    let Some(tactic) = attack::tactic(&tag) else {
        let tags: Vec<&str> = attack::TACTICS.iter().map(|tactic| tactic.tag).collect();
        let what = format!("`{tag}` is no tactic");
        reader.problem(node, "tactic", what, detektr_yaml::suggestion(&tag, &tags));
        return None;
    };
    let known = technique.and_then(attack::technique);
    if let Some(known) = known.filter(|known| !known.tactics.contains(&tactic.tag)) {
        let what = format!("{} does not serve {}", known.id, tactic.name);
        reader.problem(node, "tactic", what, format!("write {}", known.tactics.join(" or ")));
    }
    Some(tactic.tag.to_owned())
}

fn goal(reader: &mut Reader, node: &Node) -> Option<Goal> {
    let condition = reader.scalar(node, "goal", "a condition over facts")?;
    if let Err(e) = Condition::parse(&condition) {
        reader.problem(node, "condition", e.what, e.help);
        return None;
    }
    Some(Goal { condition, moment: Moment::Ever, by_ms: None })
}

fn variants(reader: &mut Reader, node: &Node, requires: &[String]) -> Vec<Variant> {
    let Some(entries) = reader.map(node, "`variants`") else { return Vec::new() };
    let mut all: Vec<Variant> = Vec::new();
    let mut texts = BTreeSet::new();
    for (key, value) in entries {
        if !is_name(&key.text) {
            let what = format!("`{}` can't be a name", key.text);
            let problem = Problem::new(key.span.clone(), "value", what);
            reader.problems.push(problem.help("use small letters, digits and `-`"));
        }
        let Some(script) = script(reader, value, &key.text, requires) else { continue };
        if !texts.insert(script.text.clone()) {
            let what = format!("`{}` does what another variant does", key.text);
            reader.problem(value, "twice", what, "give each variant a way of its own to the goal");
        }
        all.push(Variant { name: key.text.clone(), script });
    }
    if entries.is_empty() {
        reader.problem(node, "missing", "there is no variant", "write at least one, as in `shell: |`");
    }
    all
}

/// A script: its text, or a group of it and what it needs.
fn script(reader: &mut Reader, node: &Node, name: &str, requires: &[String]) -> Option<Script> {
    let (text, mut own) = match &node.value {
        Value::Scalar { .. } => (reader.scalar(node, name, "a script")?, Vec::new()),
        _ => {
            let (mut text, mut own) = (None, Vec::new());
            for (key, value) in reader.map(node, &format!("`{name}`"))? {
                match key.text.as_str() {
                    "script" => text = reader.scalar(value, "script", "a script"),
                    "requires" => own = programs(reader, value),
                    _ => reader.unknown(key, &format!("`{name}`"), SCRIPT_KEYS),
                }
            }
            if text.is_none() {
                reader.problem(node, "missing", format!("`{name}` has no script"), "add `script: |`");
            }
            (text?, own)
        }
    };
    if text.trim().is_empty() {
        reader.problem(node, "value", format!("the script of `{name}` is empty"), "write what it does");
    }
    let text = if text.starts_with("#!") { text } else { format!("#!/bin/sh\n{text}") };
    own.extend(requires.iter().cloned());
    own.sort();
    own.dedup();
    Some(Script { text, requires: own })
}

/// Names of programs: one, or a list.
fn programs(reader: &mut Reader, node: &Node) -> Vec<String> {
    let nodes = match &node.value {
        Value::List(items) => items.iter().collect(),
        _ => vec![node],
    };
    let names: Vec<_> = nodes
        .into_iter()
        .filter_map(|node| Some((node, reader.scalar(node, "requires", "the name of a program")?)))
        .collect();
    for (node, name) in &names {
        if name.is_empty() || name.contains(['/', ' ']) {
            let what = format!("`{name}` is no name of a program");
            reader.problem(node, "value", what, "write it as a shell finds it, as in python3");
        }
    }
    names.into_iter().map(|(_, name)| name).collect()
}
