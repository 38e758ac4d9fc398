//! A detection engine of the user's own, in place of rules: its command line, and the files that it needs.

use super::inputs::Reader;
use super::program::words;
use crate::engine::{Engine, TIMEOUT_MS};
use detektr_detect::Shape;
use detektr_yaml::{Node, Value};
use std::path::{Component, Path};

pub(super) const KEYS: &[&str] = &["command", "view", "files", "timeout"];

/// Whether `node` names an engine, and not rules.
pub(super) fn is_engine(node: &Node) -> bool {
    matches!(&node.value, Value::Map(entries) if entries.iter().any(|(key, _)| key.text == "command"))
}

/// Reads an engine, with every file that its words name.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Engine> {
    let mut engine =
        Engine { command: Vec::new(), view: Shape::default(), files: Vec::new(), timeout_ms: TIMEOUT_MS };
    for (key, value) in reader.map(node, "an engine")? {
        match key.text.as_str() {
            "command" => engine.command = command(reader, value, &mut engine.files),
            "view" => {
                let known = [("native", Shape::Native), ("auditd", Shape::Auditd), ("sysmon", Shape::Sysmon)];
                engine.view = reader.choice(value, "view", &known)?;
            }
            "files" => {
                for name in words(reader, value, "files") {
                    place(reader, value, &name, &mut engine.files);
                }
            }
            "timeout" => {
                let time = reader.time(value, "timeout")?;
                engine.timeout_ms = time.as_millis().try_into().unwrap_or(u64::MAX);
            }
            _ => reader.unknown(key, "an engine", KEYS),
        }
    }
    let program = engine.command.first()?;
    // what stands beside the validation is placed; a program elsewhere is named whole
    let relative = program.contains('/') && !program.starts_with('/');
    if relative && engine.path_of(program).is_none() {
        let what = format!("there is no file `{program}` beside the validation");
        reader.problem(node, "file", what, "name a program of this host, or a file beside the validation");
        return None;
    }
    Some(engine)
}

/// The words of the command line; those that name a file beside the validation are files of the engine.
fn command(reader: &mut Reader<'_>, node: &Node, files: &mut Vec<String>) -> Vec<String> {
    let Value::List(items) = &node.value else {
        let help = "write `command: [PROGRAM, ARGUMENT]`";
        reader.problem(node, "type", "the command line of an engine is a list of words", help);
        return Vec::new();
    };
    let mut all = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let Some(word) = reader.scalar(item, "command", "a word") else { return Vec::new() };
        // a program without a slash is one of the host's
        let named = at > 0 || word.contains('/');
        if named && !Path::new(&word).is_absolute() && reader.folder.join(&word).is_file() {
            place(reader, item, &word, files);
        }
        all.push(word);
    }
    if all.first().is_none_or(String::is_empty) {
        reader.problem(node, "missing", "the engine has no program", "add `command: [PROGRAM, ARGUMENT]`");
        return Vec::new();
    }
    all
}

/// Reads a file that lies beside the engine as it lies beside the validation.
fn place(reader: &mut Reader<'_>, node: &Node, written: &str, files: &mut Vec<String>) {
    let below = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    if !Path::new(written).components().all(below) {
        let what = format!("`{written}` can't be placed beside the engine");
        reader.problem(node, "file", what, "name a file in the validation's folder, or below it");
        return;
    }
    let Some(name) = reader.named(node, written) else { return };
    if !files.contains(&name) {
        files.push(name);
    }
}
