//! What is asked: under `ask`, or what follows from `detect` and `controls`.

use super::engine;
use super::inputs::Reader;
use crate::plan::{Expect, In, On, Question, QuestionKind, Rules};
use detektr_sandbox::controls::Control;
use detektr_yaml::{Key, Node, Problem, Value};
use std::path::Path;

pub(super) const KEYS: &[&str] =
    &["control", "detection", "mitigation", "in", "on", "expect", "because", "until", "severity", "id"];
pub(crate) const LEVELS: &[(&str, &str)] = &[
    ("informational", "informational"),
    ("low", "low"),
    ("medium", "medium"),
    ("high", "high"),
    ("critical", "critical"),
];

/// The questions that `detect` and `controls` ask by themselves.
pub(super) fn derived(
    reader: &mut Reader<'_>,
    detect: Option<&Node>,
    measures: Option<&Node>,
    controls: &[Control],
) -> Vec<Question> {
    let mut questions = Vec::new();
    let each = match detect.map(|node| &node.value) {
        Some(Value::List(items)) => items.iter().collect(),
        _ => Vec::from_iter(detect),
    };
    for node in each {
        for (stem, files) in groups(reader, node) {
            let id = format!("detection:{stem}");
            reader.places.insert(id.clone(), node.span.start);
            let kind =
                QuestionKind::Detection { rules: Rules::sigma(files), arm: In::Baseline, on: On::Goal };
            questions.push(question(id, kind));
        }
    }
    for control in controls {
        let kind = QuestionKind::Control { control: control.name.clone() };
        questions.push(question(format!("control:{}", control.name), kind));
    }
    // what only watches mitigates nothing
    if controls.iter().any(|control| control.monitor().is_none()) {
        questions.push(question("mitigation".into(), QuestionKind::Mitigation {}));
    }
    if let Some(node) = measures {
        reader.places.insert("mitigation".into(), node.span.start);
        if let Value::Map(entries) = &node.value {
            let places = entries.iter().map(|(key, _)| (format!("control:{}", key.text), key.span.start));
            reader.places.extend(places);
        }
    }
    questions
}

fn question(id: String, kind: QuestionKind) -> Question {
    Question { id, kind, expect: Expect::Holds, because: None, until: None, severity: None }
}

/// Groups of rule files, each with a name: a file is one, a folder is one, a list is one each, and `any` joins.
fn groups(reader: &mut Reader<'_>, node: &Node) -> Vec<(String, Vec<String>)> {
    match &node.value {
        Value::List(items) => items.iter().flat_map(|item| groups(reader, item)).collect(),
        Value::Map(entries) => {
            let [(key, value)] = entries.as_slice() else {
                reader.problem(node, "value", "a group of rules takes one key", "write `any: [RULE, RULE]`");
                return Vec::new();
            };
            if key.text != "any" {
                reader.unknown(key, "a group of rules", &["any"]);
                return Vec::new();
            }
            let joined: Vec<(String, Vec<String>)> = groups(reader, value);
            let names: Vec<&str> = joined.iter().map(|(name, _)| name.as_str()).collect();
            if joined.is_empty() {
                return Vec::new();
            }
            let name = names.join("+");
            vec![(name, joined.into_iter().flat_map(|(_, files)| files).collect())]
        }
        _ => {
            let files = reader.rules(node);
            let Value::Scalar { text, .. } = &node.value else { return Vec::new() };
            let stem = Path::new(text).file_stem().map_or(text.clone(), |s| s.to_string_lossy().into_owned());
            if files.is_empty() { Vec::new() } else { vec![(stem, files)] }
        }
    }
}

/// The questions under `ask`.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node, controls: &[Control]) -> Vec<Question> {
    let items: &[Node] = match &node.value {
        Value::List(items) if !items.is_empty() => items,
        Value::Map(_) => std::slice::from_ref(node),
        _ => {
            reader.problem(node, "type", "`ask` is no list of questions", "write `- {mitigation: all}`");
            return Vec::new();
        }
    };
    let mut questions: Vec<Question> = Vec::new();
    for item in items {
        for question in one(reader, item, controls) {
            if questions.iter().any(|other| other.id == question.id) {
                let what = format!("another question is `{}` already", question.id);
                reader.problem(item, "id", what, "give it an id of its own: `id: NAME`");
            }
            reader.places.insert(question.id.clone(), item.span.start);
            questions.push(question);
        }
    }
    questions
}

/// One entry; of several rules one question each.
fn one(reader: &mut Reader<'_>, node: &Node, controls: &[Control]) -> Vec<Question> {
    let Some(entries) = reader.map(node, "a question") else { return Vec::new() };
    let mut subject: Option<(&Key, &Node)> = None;
    let (mut arm, mut on, mut id) = (None, None, None);
    let mut rest = question(String::new(), QuestionKind::Mitigation {});
    let mut expects_fails = None;
    for (key, value) in entries {
        match key.text.as_str() {
            "control" | "detection" | "mitigation" => {
                if subject.replace((key, value)).is_some() {
                    let what = "a question is about one of `control`, `detection` and `mitigation`";
                    reader
                        .problems
                        .push(Problem::new(key.span.clone(), "question", what).help("make it two questions"));
                }
            }
            "in" => {
                arm = reader.choice(value, "in", &[("baseline", In::Baseline), ("treatment", In::Treatment)])
            }
            "on" => on = reader.choice(value, "on", &[("goal", On::Goal), ("attempt", On::Attempt)]),
            "expect" => {
                if let Some(expect) =
                    reader.choice(value, "expect", &[("holds", Expect::Holds), ("fails", Expect::Fails)])
                {
                    rest.expect = expect;
                    expects_fails = (expect == Expect::Fails).then_some(value);
                }
            }
            "because" => rest.because = reader.scalar(value, "because", "a reason"),
            "until" => rest.until = date(reader, value),
            "severity" => rest.severity = reader.choice(value, "severity", LEVELS).map(String::from),
            "id" => id = reader.scalar(value, "id", "a name").filter(|id| fits(reader, value, id)),
            _ => reader.unknown(key, "a question", KEYS),
        }
    }
    if let Some(value) = expects_fails.filter(|_| rest.because.is_none()) {
        reader.problem(
            value,
            "because",
            "an accepted gap says why",
            "add `because: REASON`, and `until: DATE`",
        );
    }
    let Some((key, value)) = subject else {
        let help = "add one of `control: NAME`, `detection: RULE` and `mitigation: all`";
        reader.problem(node, "question", "this asks nothing", help);
        return Vec::new();
    };
    if key.text != "detection" && (arm.is_some() || on.is_some()) {
        let what = "only a detection is asked in an arm, or on a truth";
        reader.problem(node, "question", what, "leave `in` and `on` out");
    }
    let kinds = subjects(reader, key, value, controls, arm, on);
    let several = kinds.len() > 1;
    kinds
        .into_iter()
        .map(|(own, kind)| {
            let id = match &id {
                Some(id) if several => format!("{id}.{}", own.split(':').next_back().unwrap_or_default()),
                Some(id) => id.clone(),
                None => own,
            };
            Question { id, kind, ..rest.clone() }
        })
        .collect()
}

fn subjects(
    reader: &mut Reader<'_>,
    key: &Key,
    value: &Node,
    controls: &[Control],
    arm: Option<In>,
    on: Option<On>,
) -> Vec<(String, QuestionKind)> {
    match key.text.as_str() {
        "mitigation" => {
            reader.choice(value, "mitigation", &[("all", ())]);
            if controls.is_empty() {
                let what = "there are no controls whose mitigation could be asked";
                reader.problem(value, "question", what, "add `controls:`");
            }
            vec![("mitigation".into(), QuestionKind::Mitigation {})]
        }
        "control" => {
            let Some(name) = reader.scalar(value, "control", "a control's name") else { return Vec::new() };
            if !controls.iter().any(|control| control.name == name) {
                let names: Vec<&str> = controls.iter().map(|control| control.name.as_str()).collect();
                let what = format!("there is no control `{name}`");
                let help = if names.is_empty() {
                    "add it under `controls:`".into()
                } else {
                    detektr_yaml::suggestion(&name, &names)
                };
                reader.problem(value, "question", what, help);
            }
            vec![(format!("control:{name}"), QuestionKind::Control { control: name })]
        }
        _ => {
            let arm = arm.unwrap_or(In::Baseline);
            // where the controls are to prevent the goal, what can be seen is the attempt
            let on = on.unwrap_or(if arm == In::Treatment { On::Attempt } else { On::Goal });
            let suffix = if arm == In::Treatment { "@treatment" } else { "" };
            if let Some(name) = monitor(reader, value, controls) {
                let rules = Rules { monitor: Some(name.clone()), ..Rules::sigma(Vec::new()) };
                let kind = QuestionKind::Detection { rules, arm, on };
                return vec![(format!("detection:{name}{suffix}"), kind)];
            }
            if engine::is_engine(value) {
                let Some(engine) = engine::read(reader, value) else { return Vec::new() };
                let id = format!("detection:{}{suffix}", engine.name());
                let rules = Rules { command: Some(engine), ..Rules::sigma(Vec::new()) };
                return vec![(id, QuestionKind::Detection { rules, arm, on })];
            }
            groups(reader, value)
                .into_iter()
                .map(|(stem, files)| {
                    let kind = QuestionKind::Detection { rules: Rules::sigma(files), arm, on };
                    (format!("detection:{stem}{suffix}"), kind)
                })
                .collect()
        }
    }
}

/// The control that `{monitor: NAME}` names in place of a rule.
fn monitor(reader: &mut Reader<'_>, node: &Node, controls: &[Control]) -> Option<String> {
    let Value::Map(entries) = &node.value else { return None };
    let [(key, value)] = entries.as_slice() else { return None };
    if key.text != "monitor" {
        return None;
    }
    let name = reader.scalar(value, "monitor", "the name of a control that watches")?;
    if !controls.iter().any(|control| control.name == name && control.monitor().is_some()) {
        let watching = controls.iter().filter(|control| control.monitor().is_some());
        let names: Vec<&str> = watching.map(|control| control.name.as_str()).collect();
        let what = format!("there is no monitor `{name}`");
        let help = if names.is_empty() {
            "add a control with `monitor:`".into()
        } else {
            detektr_yaml::suggestion(&name, &names)
        };
        reader.problem(value, "question", what, help);
    }
    Some(name)
}

fn date(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    let text = reader.scalar(node, "until", "a date")?;
    match text.parse::<jiff::civil::Date>() {
        Ok(date) => Some(date.to_string()),
        Err(_) => {
            reader.problem(node, "type", format!("`{text}` is no date"), "write it as in `2027-03-31`");
            None
        }
    }
}

fn fits(reader: &mut Reader<'_>, node: &Node, id: &str) -> bool {
    let good = !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:@+".contains(c));
    if !good {
        reader.problem(node, "value", format!("`{id}` can't be an id"), "use letters, digits and `-_.:@+`");
    }
    good
}
