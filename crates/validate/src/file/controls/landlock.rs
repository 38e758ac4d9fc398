//! `landlock`: rights with the paths or ports for which they are given, and scopes.

use crate::file::inputs::Reader;
use crate::file::program::words_at;
use detektr_sandbox::controls::Landlock;
use detektr_sandbox::controls::landlock::{PORT_RIGHTS, SCOPES, file_words};
use detektr_yaml::{Node, Value, suggestion};

/// The keys of `landlock`.
pub(in crate::file) fn keys() -> Vec<&'static str> {
    file_words().chain(PORT_RIGHTS.iter().map(|right| right.name)).chain(["scope"]).collect()
}

pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Landlock> {
    let mut landlock = Landlock::default();
    let entries = reader.map(node, "`landlock`")?;
    for (key, value) in entries {
        let word = key.text.clone();
        if file_words().any(|known| known == word) {
            let paths = if is_empty(value) { Vec::new() } else { super::paths(reader, value, &word) };
            landlock.paths.insert(word, paths);
        } else if PORT_RIGHTS.iter().any(|right| right.name == word) {
            let ports = if is_empty(value) { Vec::new() } else { ports(reader, value, &word) };
            landlock.ports.insert(word, ports);
        } else if word == "scope" {
            landlock.scope = scopes(reader, value);
        } else {
            reader.unknown(key, "`landlock`", &keys());
        }
    }
    if entries.is_empty() {
        let help = "restrict something, as in `landlock: {write: /tmp, connect_tcp: [443]}`";
        reader.problem(node, "value", "this ruleset restricts nothing", help);
    }
    Some(landlock)
}

/// A list of nothing: the right is given nowhere.
fn is_empty(node: &Node) -> bool {
    matches!(&node.value, Value::List(items) if items.is_empty())
}

fn ports(reader: &mut Reader<'_>, node: &Node, name: &str) -> Vec<u16> {
    let mut ports = Vec::new();
    for (text, at) in words_at(reader, node, name) {
        match text.parse() {
            Ok(port) => ports.push(port),
            Err(_) => {
                let what = format!("`{text}` is no port");
                reader.problem(at, "range", what, "write numbers from 0 to 65535, or `[]` for none");
            }
        }
    }
    ports
}

fn scopes(reader: &mut Reader<'_>, node: &Node) -> Vec<String> {
    let known = SCOPES.map(|scope| scope.name);
    let names = words_at(reader, node, "scope");
    for (name, at) in names.iter().filter(|(name, _)| !known.contains(&name.as_str())) {
        reader.problem(at, "value", format!("`{name}` is no scope"), suggestion(name, &known));
    }
    names.into_iter().map(|(name, _)| name).collect()
}
