//! An attack that is a test of Atomic Red Team.

use super::FileError;
use super::inputs::Reader;
use super::program::words_by_name;
use crate::atomic::{AtomicError, Atomics, Options, Refused};
use crate::plan::{Attack, Rootfs};
use detektr_yaml::{Node, Value};
use std::path::PathBuf;

pub(super) const KEYS: &[&str] = &["atomic", "arguments", "as", "timeout"];

/// Where tests of Atomic Red Team come from, and what they run in.
#[derive(Clone, Debug)]
pub struct AtomicSource {
    /// The checkout.
    pub folder: PathBuf,
    /// The root file system of the arms.
    pub rootfs: Rootfs,
}

/// Whether `node`, an attack, is a test of Atomic Red Team.
pub(super) fn is_atomic(node: &Node) -> bool {
    matches!(&node.value, Value::Map(entries) if entries.iter().any(|(key, _)| key.text == "atomic"))
}

/// Reads `{atomic: T1053.003#2}` or `{atomic: GUID}`.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Attack> {
    let mut named = None;
    let mut options = Options::default();
    let (mut sound, mut timeout_ms) = (true, None);
    for (key, value) in reader.map(node, "`attack`")? {
        match key.text.as_str() {
            "atomic" => {
                let text = reader.scalar(value, "atomic", "a test, as in T1053.003#2, or a guid");
                named = text.map(|text| (value, text));
            }
            "arguments" => match words_by_name(reader, value, "arguments") {
                Some(arguments) => options.arguments = arguments,
                None => sound = false,
            },
            "as" => match reader.choice(value, "as", &[("root", true), ("user", false)]) {
                Some(root) => options.root = Some(root),
                None => sound = false,
            },
            "timeout" => {
                timeout_ms =
                    reader.time(value, "timeout").map(|time| time.as_millis().try_into().unwrap_or(u64::MAX));
            }
            _ => reader.unknown(key, "an attack of Atomic Red Team", KEYS),
        }
    }
    let (node, name) = named.filter(|_| sound)?;
    let Some(source) = &reader.sources.atomics else {
        let what = "Atomic Red Team is not part of Detektr, and no folder of it is given";
        reader.problem(node, "atomic", what, "name a checkout of the original: --atomics DIR");
        return None;
    };
    let found = Atomics::open(&source.folder).and_then(|all| Ok((all.named(&name)?, all)));
    let (tests, atomics) = match found {
        Ok(found) => found,
        Err(e) => {
            let help = remedy(&e);
            reader.problem(node, "atomic", told(&e), help);
            return None;
        }
    };
    let [test] = tests.as_slice() else {
        let what = format!("`{name}` has {} tests, and an attack is one", tests.len());
        reader.problem(node, "atomic", what, format!("write which, as in {name}#1"));
        return None;
    };
    match test.prepare(&atomics, &options, &source.rootfs) {
        Ok(prepared) => {
            reader.inputs.extend(prepared.inputs);
            Some(Attack { timeout_ms, ..prepared.attack })
        }
        Err(Refused::Choice(what, help)) => {
            reader.problem(node, "argument", what, help);
            None
        }
        Err(Refused::Test(_, why)) => {
            let what = format!("{} can't be run: {why}", test.id());
            reader.problem(
                node,
                "atomic",
                what,
                "name another test; `detektr atomic list` tells which can run",
            );
            None
        }
    }
}

/// What is wrong, with the place of the first mistake of a file.
fn told(error: &AtomicError) -> String {
    match error {
        AtomicError::File(FileError::Invalid { problems, .. }) if !problems.is_empty() => {
            problems[0].to_string()
        }
        AtomicError::Folder { source, .. } => format!("{error}: {source}"),
        other => other.to_string(),
    }
}

fn remedy(error: &AtomicError) -> String {
    match error {
        AtomicError::Folder { .. } => "name a folder that you may read: --atomics DIR".into(),
        AtomicError::Empty { .. } => {
            "name a checkout of Atomic Red Team, or its folder `atomics`: --atomics DIR".into()
        }
        AtomicError::File(_) => {
            "mend the file, or take a fresh checkout; `detektr atomic list` tells what is wrong".into()
        }
        AtomicError::Unknown { help, .. } => help.clone(),
    }
}
