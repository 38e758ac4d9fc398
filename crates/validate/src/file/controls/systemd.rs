//! `systemd`: the hardening of a unit file with its drop-ins.

use crate::file::inputs::Reader;
use crate::file::program::words;
use detektr_sandbox::controls::{Translation, systemd};
use detektr_yaml::{Node, Value};
use std::collections::BTreeSet;

/// The keys of `systemd`.
pub(in crate::file) const KEYS: &[&str] = &["unit", "ignore"];

/// A path, or a group of the path and what may be left out.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Translation> {
    let mut ignored = BTreeSet::new();
    let mut named = matches!(node.value, Value::Scalar { .. }).then_some(node);
    if named.is_none() {
        for (key, value) in reader.map(node, "`systemd`")? {
            match key.text.as_str() {
                "unit" => named = Some(value),
                "ignore" => ignored.extend(words(reader, value, "ignore")),
                _ => reader.unknown(key, "`systemd`", KEYS),
            }
        }
    }
    let Some(named) = named else {
        reader.problem(node, "missing", "no unit is named", "add `unit: FILE`");
        return None;
    };
    let files = files(reader, named)?;
    let texts: Vec<(String, String)> = files
        .into_iter()
        .map(|file| {
            let text = String::from_utf8_lossy(reader.inputs.get(&file).map_or(&[], Vec::as_slice));
            (file.clone(), text.into_owned())
        })
        .collect();
    let texts: Vec<systemd::File<'_>> =
        texts.iter().map(|(file, text)| (file.as_str(), text.as_str())).collect();
    match systemd::read(&texts, &ignored) {
        Ok(unit) => Some(unit),
        Err(problems) => {
            for problem in problems {
                let what = format!("{}:{}: {}", problem.file, problem.line, problem.what);
                reader.problem(named, "systemd", what, problem.remedy);
            }
            None
        }
    }
}

/// The unit's file, then its drop-ins in the order of their names: `UNIT.d/*.conf` beside it.
fn files(reader: &mut Reader<'_>, node: &Node) -> Option<Vec<String>> {
    let unit = reader.file(node, "systemd")?;
    let folder = format!("{unit}.d");
    let mut files = vec![unit];
    if let Ok(entries) = std::fs::read_dir(reader.folder.join(&folder)) {
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name.ends_with(".conf") && !name.starts_with('.'))
            .collect();
        names.sort();
        for name in names {
            files.push(reader.named(node, &format!("{folder}/{name}"))?);
        }
    }
    Some(files)
}
