//! The attack and its twin.

use super::inputs::Reader;
use crate::plan::{Attack, Program};
use detektr_yaml::{Node, Value};

pub(super) const KEYS: &[&str] = &["script", "command", "args", "as", "setenv", "timeout"];

/// Reads a program: a path, or a group of keys. `default_root` decides where `as` is left out.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node, name: &str, default_root: bool) -> Option<Attack> {
    let plain = |program| Attack::of(program, default_root);
    let entries = match &node.value {
        Value::Scalar { .. } => return reader.file(node, name).map(|file| plain(Program::File(file))),
        _ => reader.map(node, &format!("`{name}`"))?,
    };
    let mut programs = Vec::new();
    let mut attack = plain(Program::Command(Vec::new()));
    let mut sound = true;
    for (key, value) in entries {
        match key.text.as_str() {
            "script" => programs.push(reader.file(value, "script").map(Program::File)),
            "command" => programs.push(command(reader, value)),
            "args" => attack.args = words(reader, value, "args"),
            "as" => match reader.choice(value, "as", &[("root", true), ("user", false)]) {
                Some(root) => attack.root = root,
                None => sound = false,
            },
            "setenv" => attack.setenv = reader.setenv(value).into_iter().collect(),
            "timeout" => {
                attack.timeout_ms =
                    reader.time(value, "timeout").map(|time| time.as_millis().try_into().unwrap_or(u64::MAX));
            }
            _ => reader.unknown(key, &format!("`{name}`"), KEYS),
        }
    }
    match programs.as_slice() {
        [Some(program)] if sound => Some(Attack { program: program.clone(), ..attack }),
        [_] => None,
        _ => {
            let what = format!("`{name}` takes exactly one of `script` and `command`");
            reader.problem(node, "program", what, "write `script: FILE`, or `command: [PROGRAM, ARGUMENT]`");
            None
        }
    }
}

/// A list of words; a single text is given to the shell.
fn command(reader: &mut Reader<'_>, node: &Node) -> Option<Program> {
    if let Value::Scalar { .. } = &node.value {
        let text = reader.scalar(node, "command", "a command")?;
        return Some(Program::Command(vec!["sh".into(), "-c".into(), text]));
    }
    let words = words(reader, node, "command");
    (!words.is_empty()).then_some(Program::Command(words))
}

/// Texts by name, in the order of the file.
pub(super) fn words_by_name(
    reader: &mut Reader<'_>,
    node: &Node,
    name: &str,
) -> Option<Vec<(String, String)>> {
    let entries = reader.map(node, &format!("`{name}`"))?;
    entries
        .iter()
        .map(|(key, value)| Some((key.text.clone(), reader.scalar(value, &key.text, "a text")?)))
        .collect()
}

/// One text or a list of them.
pub(super) fn words(reader: &mut Reader<'_>, node: &Node, name: &str) -> Vec<String> {
    words_at(reader, node, name).into_iter().map(|(word, _)| word).collect()
}

/// The same, each with the place where it stands.
pub(super) fn words_at<'n>(reader: &mut Reader<'_>, node: &'n Node, name: &str) -> Vec<(String, &'n Node)> {
    let (items, what) = match &node.value {
        Value::List(items) if !items.is_empty() => (items.as_slice(), "a text"),
        _ => (std::slice::from_ref(node), "a text, or a list of texts"),
    };
    items.iter().filter_map(|item| Some((reader.scalar(item, name, what)?, item))).collect()
}
