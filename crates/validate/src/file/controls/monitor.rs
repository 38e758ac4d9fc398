//! `monitor`: a program that watches, and what of it says that it saw something.

use crate::file::inputs::Reader;
use crate::file::program::{words, words_at};
use detektr_sandbox::controls::Monitor;
use detektr_sandbox::controls::monitor::{Alert, LogLine, When, is_plain};
use detektr_yaml::{Node, Value};
use regex::bytes::Regex;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The keys of `monitor`.
pub(in crate::file) const KEYS: &[&str] = &["when", "setup", "command", "ready", "alert", "files", "settle"];
/// Those of `alert`.
pub(in crate::file) const ALERT: &[&str] = &["output", "log", "exit"];
/// Those of `log`.
pub(in crate::file) const LOG: &[&str] = &["file", "matches"];

pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Monitor> {
    let mut monitor = Monitor {
        when: When::default(),
        setup: Vec::new(),
        command: Vec::new(),
        ready: None,
        alert: Alert::default(),
        files: BTreeMap::new(),
        settle_ms: None,
    };
    let mut alert_given = false;
    for (key, value) in reader.map(node, "`monitor`")? {
        match key.text.as_str() {
            "when" => {
                let words = [When::Beside, When::Inside, When::After].map(|when| (when.word(), when));
                monitor.when = reader.choice(value, "when", &words).unwrap_or_default();
            }
            "setup" => monitor.setup = lines(reader, value),
            "command" => monitor.command = line(reader, value, "command"),
            "ready" => monitor.ready = pattern(reader, value, "ready"),
            "alert" => {
                // what stands there and is wrong was told already
                alert_given = !matches!(&value.value, Value::Map(entries) if entries.is_empty());
                monitor.alert = alert(reader, value);
            }
            "files" => monitor.files = files(reader, value),
            "settle" => {
                let time = reader.time(value, "settle");
                monitor.settle_ms = time.map(|time| time.as_millis().try_into().unwrap_or(u64::MAX));
            }
            _ => reader.unknown(key, "`monitor`", KEYS),
        }
    }
    if monitor.command.is_empty() {
        let help = "add `command: [PROGRAM, ARGUMENT]`";
        reader.problem(node, "value", "no program is named that watches", help);
    }
    if !alert_given {
        let help =
            "add `alert:` with one of `output: REGEX`, `log: {file: PATH, matches: REGEX}` and `exit: [1]`";
        reader.problem(node, "value", "nothing says when the monitor saw something", help);
    }
    if monitor.when == When::After && (monitor.ready.is_some() || monitor.settle_ms.is_some()) {
        let help = "leave `ready` and `settle` out: it runs once, to its end";
        reader.problem(node, "conflict", "what runs after the attack need not be ready before it", help);
    }
    Some(monitor)
}

/// One command line, or a list of them.
fn lines(reader: &mut Reader<'_>, node: &Node) -> Vec<Vec<String>> {
    match &node.value {
        Value::List(items) if items.iter().any(|item| matches!(item.value, Value::List(_))) => {
            items.iter().map(|item| line(reader, item, "setup")).collect()
        }
        _ => vec![line(reader, node, "setup")],
    }
}

/// A list of words; a single text is given to the shell.
fn line(reader: &mut Reader<'_>, node: &Node, name: &str) -> Vec<String> {
    let words = words(reader, node, name);
    match &node.value {
        Value::Scalar { .. } => [&["sh".to_owned(), "-c".to_owned()], words.as_slice()].concat(),
        _ => words,
    }
}

fn pattern(reader: &mut Reader<'_>, node: &Node, name: &str) -> Option<String> {
    let text = reader.scalar(node, name, "a regular expression")?;
    match Regex::new(&text) {
        Ok(_) => Some(text),
        Err(error) => {
            let why = error.to_string();
            let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
            let what = format!("`{text}` is no regular expression: {why}");
            reader.problem(node, "regex", what, "write it as the Rust crate `regex` reads it");
            None
        }
    }
}

fn alert(reader: &mut Reader<'_>, node: &Node) -> Alert {
    let mut alert = Alert::default();
    for (key, value) in reader.map(node, "`alert`").unwrap_or_default() {
        match key.text.as_str() {
            "output" => alert.output = pattern(reader, value, "output"),
            "exit" => {
                for (text, at) in words_at(reader, value, "exit") {
                    match text.parse() {
                        Ok(code) => alert.exit.push(code),
                        Err(_) => {
                            let what = format!("`{text}` is no exit code");
                            reader.problem(at, "range", what, "write numbers from 0 to 255");
                        }
                    }
                }
            }
            "log" => alert.log = log(reader, value),
            _ => reader.unknown(key, "`alert`", ALERT),
        }
    }
    alert
}

fn log(reader: &mut Reader<'_>, node: &Node) -> Option<LogLine> {
    let (mut file, mut matches) = (None, None);
    let entries = reader.map(node, "`log`")?;
    for (key, value) in entries {
        match key.text.as_str() {
            "file" => {
                let path = reader.scalar(value, "file", "a path inside");
                path.iter().for_each(|path| check_path(reader, value, path));
                // as the difference of the file system has it
                file = path.map(|path| PathBuf::from_iter(Path::new(&path).components()));
            }
            "matches" => matches = pattern(reader, value, "matches"),
            _ => reader.unknown(key, "`log`", LOG),
        }
    }
    if entries.len() < LOG.len() {
        let help = "write `log: {file: /var/log/NAME, matches: REGEX}`";
        reader.problem(node, "value", "`log` takes a file and what a line of it matches", help);
    }
    file.zip(matches).map(|(file, matches)| LogLine { file: file.to_string_lossy().into_owned(), matches })
}

/// Says so where a path does not lead downwards from the environment's root.
fn check_path(reader: &mut Reader<'_>, node: &Node, path: &str) {
    if !is_plain(path) {
        let what = format!("the path `{path}` is relative or leads upwards");
        reader.problem(node, "value", what, "write it from the environment's root, without `..`");
    }
}

/// Files that it needs: path inside, and the file beside the validation.
fn files(reader: &mut Reader<'_>, node: &Node) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for (key, value) in reader.map(node, "`files`").unwrap_or_default() {
        check_path(reader, value, &key.text);
        let Some(name) = reader.file(value, &key.text) else { continue };
        match String::from_utf8(reader.inputs.get(&name).cloned().unwrap_or_default()) {
            Ok(content) => {
                files.insert(key.text.clone(), content);
            }
            Err(_) => {
                let what = format!("`{name}` is no text in UTF-8");
                reader.problem(value, "file", what, "give the monitor text files only");
            }
        }
    }
    files
}
