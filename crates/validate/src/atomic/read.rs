//! From a file of the original to its tests. Keys that this Detektr does not know are passed over: the format is not ours.

use super::{Argument, Dependency, Executor, Test};
use crate::file::FileError;
use detektr_yaml::{Key, Node, Reader, Value};
use std::path::Path;

/// Reads the file of a technique that `text` is; `path` is where it stands.
///
/// # Errors
/// Everything that is wrong with it, each with its place.
pub fn read(path: &Path, text: &str) -> Result<Vec<Test>, FileError> {
    FileError::parse("atomic test", path, text, |reader, node| technique(reader, node, path))
}

fn technique(reader: &mut Reader, node: &Node, path: &Path) -> Option<Vec<Test>> {
    let entries = reader.map(node, "a file of atomic tests")?;
    let id = needed(reader, node, entries, "attack_technique")?;
    let id = reader.scalar(id, "attack_technique", "the id of a technique")?;
    let tests = needed(reader, node, entries, "atomic_tests")?;
    let tests = list(reader, tests, "atomic_tests")?;
    let source = path.display().to_string();
    tests.iter().enumerate().map(|(at, node)| test(reader, node, &id, at + 1, &source)).collect()
}

fn test(reader: &mut Reader, node: &Node, technique: &str, number: usize, source: &str) -> Option<Test> {
    let entries = reader.map(node, "an atomic test")?;
    let name = needed(reader, node, entries, "name")?;
    let name = reader.scalar(name, "name", "a name")?.trim().to_owned();
    let platforms = needed(reader, node, entries, "supported_platforms")?;
    let platforms: Vec<String> = list(reader, platforms, "supported_platforms")?.iter().map(text).collect();
    let executor = needed(reader, node, entries, "executor")?;
    let executor = self::executor(reader, executor)?;
    let mut arguments = Vec::new();
    if let Some(node) = of(entries, "input_arguments").filter(|node| node.kind() != "nothing") {
        for (key, value) in reader.map(node, "`input_arguments`")? {
            let entries = reader.map(value, "an argument")?;
            arguments.push(Argument {
                name: key.text.clone(),
                description: optional(entries, "description").trim().to_owned(),
                kind: optional(entries, "type"),
                default: optional(entries, "default"),
            });
        }
    }
    let mut dependencies = Vec::new();
    if let Some(node) = of(entries, "dependencies").filter(|node| node.kind() != "nothing") {
        for node in list(reader, node, "dependencies")? {
            let entries = reader.map(node, "a dependency")?;
            dependencies.push(Dependency {
                description: optional(entries, "description").trim().to_owned(),
                prereq: optional(entries, "prereq_command"),
                get_prereq: optional(entries, "get_prereq_command"),
            });
        }
    }
    let dependency_executor = Some(optional(entries, "dependency_executor_name"));
    Some(Test {
        technique: technique.to_owned(),
        number,
        name,
        guid: optional(entries, "auto_generated_guid"),
        description: optional(entries, "description").trim().to_owned(),
        platforms,
        arguments,
        dependency_executor: dependency_executor.filter(|name| !name.is_empty()),
        dependencies,
        executor,
        source: source.to_owned(),
    })
}

fn executor(reader: &mut Reader, node: &Node) -> Option<Executor> {
    let entries = reader.map(node, "`executor`")?;
    let name = needed(reader, node, entries, "name")?;
    let name = reader.scalar(name, "name", "the name of an executor")?;
    let elevated = match of(entries, "elevation_required") {
        Some(node) => reader.truth(node, "elevation_required")?,
        None => false,
    };
    let command = optional(entries, "command");
    if command.trim().is_empty() && name != "manual" {
        reader.problem(node, "missing", "the executor has no command", "add `command: |`");
    }
    let (cleanup, steps) = (optional(entries, "cleanup_command"), optional(entries, "steps"));
    Some(Executor { name, elevated, command, cleanup, steps })
}

fn of<'n>(entries: &'n [(Key, Node)], name: &str) -> Option<&'n Node> {
    entries.iter().find(|(key, _)| key.text == name).map(|(_, value)| value)
}

fn needed<'n>(reader: &mut Reader, node: &Node, entries: &'n [(Key, Node)], name: &str) -> Option<&'n Node> {
    let found = of(entries, name);
    if found.is_none() {
        let help = "use a file of a checkout of Atomic Red Team, as in T1053.003/T1053.003.yaml";
        reader.problem(node, "missing", format!("`{name}` is missing"), help);
    }
    found
}

fn list<'n>(reader: &mut Reader, node: &'n Node, name: &str) -> Option<&'n [Node]> {
    match &node.value {
        Value::List(items) => Some(items),
        _ => {
            let what = format!("`{name}` is {}, where a list belongs", node.kind());
            reader.problem(node, "type", what, "write a list");
            None
        }
    }
}

/// A single value as text; nothing is the empty text.
fn text(node: &Node) -> String {
    match &node.value {
        Value::Scalar { text, .. } if node.kind() != "nothing" => text.clone(),
        _ => String::new(),
    }
}

fn optional(entries: &[(Key, Node)], name: &str) -> String {
    of(entries, name).map(text).unwrap_or_default()
}
