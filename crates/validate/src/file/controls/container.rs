//! `container`: the security of a container in a manifest, or a Pod Security Standard.

use crate::file::inputs::Reader;
use crate::file::program::words;
use detektr_sandbox::controls::{Translation, container};
use detektr_yaml::{Node, Value};
use std::collections::BTreeSet;

/// The keys of `container`.
pub(in crate::file) const KEYS: &[&str] = &["from", "ignore"];

/// A standard by name, `FILE` or `FILE#CONTAINER`, or a group of that and what may be left out.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Translation> {
    let mut ignored = BTreeSet::new();
    let mut from = matches!(node.value, Value::Scalar { .. }).then_some(node);
    if from.is_none() {
        for (key, value) in reader.map(node, "`container`")? {
            match key.text.as_str() {
                "from" => from = Some(value),
                "ignore" => ignored.extend(words(reader, value, "ignore")),
                _ => reader.unknown(key, "`container`", KEYS),
            }
        }
    }
    let Some(from) = from else {
        let help = "add `from: FILE#CONTAINER`, or the name of a Pod Security Standard";
        reader.problem(node, "missing", "no container is named", help);
        return None;
    };
    let written = reader.scalar(from, "container", "a manifest, or a Pod Security Standard")?;
    if container::STANDARDS.contains(&written.as_str()) {
        let standard = container::standard(&written);
        if standard.is_none() {
            let what = format!("the standard `{written}` restricts nothing");
            reader.problem(from, "value", what, "name `baseline` or `restricted`");
        }
        return standard;
    }
    let (file, name) = match written.rsplit_once('#') {
        Some((file, name)) => (file, Some(name)),
        None => (written.as_str(), None),
    };
    let key = reader.named(from, file)?;
    let content = reader.inputs.get(&key).cloned().unwrap_or_default();
    match container::read(&key, &String::from_utf8_lossy(&content), name, &ignored) {
        Ok(translation) => Some(translation),
        Err(problems) => {
            for problem in problems {
                let what = format!("{}:{}: {}", problem.file, problem.line, problem.what);
                reader.problem(from, "container", what, problem.remedy);
            }
            None
        }
    }
}
