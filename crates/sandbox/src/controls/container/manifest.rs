//! A manifest's documents and fields, with the place of what is wrong.

use crate::controls::Problem;
use detektr_yaml::{Key, Node, Value};
use std::collections::BTreeSet;
use std::ops::Range;

/// The manifest being read.
pub(super) struct Manifest<'a> {
    file: &'a str,
    text: &'a str,
    ignored: &'a BTreeSet<String>,
    /// Fields that were left out.
    left_out: BTreeSet<String>,
    pub(super) problems: Vec<Problem>,
}

impl<'a> Manifest<'a> {
    pub(super) fn new(file: &'a str, text: &'a str, ignored: &'a BTreeSet<String>) -> Self {
        Manifest { file, text, ignored, left_out: BTreeSet::new(), problems: Vec::new() }
    }

    /// Its documents.
    pub(super) fn documents(&mut self) -> Vec<Node> {
        let mut documents = Vec::new();
        for range in ranges(self.text) {
            // what stands before is blanked, so that places are those of the file
            let blank = |c: char| if c == '\n' { "\n".to_owned() } else { " ".repeat(c.len_utf8()) };
            let before: String = self.text[..range.start].chars().map(blank).collect();
            let one = format!("{before}{}", &self.text[range]);
            if one.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
                continue;
            }
            match Node::parse(&one) {
                Ok(node) => documents.push(node),
                Err(problem) => {
                    let (what, help) = (problem.what.clone(), problem.help.clone().unwrap_or_default());
                    self.wrong(problem.span.start, what, help);
                }
            }
        }
        if documents.is_empty() && self.problems.is_empty() {
            self.wrong(0, "the manifest is empty", "name a workload or a compose file");
        }
        documents
    }

    /// Notes what is wrong at a byte of the file.
    pub(super) fn wrong(&mut self, at: usize, what: impl Into<String>, remedy: impl Into<String>) {
        let line = self.text[..at.min(self.text.len())].matches('\n').count() + 1;
        let file = self.file.to_owned();
        self.problems.push(Problem { file, line, what: what.into(), remedy: remedy.into() });
    }

    /// Whether the field may be left out; notes that it can't be enforced where it may not.
    pub(super) fn leaves_out(&mut self, key: &Key, why: &str) -> bool {
        if self.ignored.contains(&key.text) {
            self.left_out.insert(key.text.clone());
            return true;
        }
        let what = format!("{} can't be enforced: {why}", key.text);
        self.wrong(
            key.span.start,
            what,
            format!("add `ignore: [{}]`; the verdicts then say `partial`", key.text),
        );
        false
    }

    /// Notes what `ignore` names for nothing.
    pub(super) fn check_ignored(&mut self) {
        let stray: Vec<&String> = self.ignored.difference(&self.left_out).collect();
        for name in stray {
            let what = format!("`ignore` names {name}, which can be enforced or is not set");
            self.problems.push(Problem {
                file: self.file.into(),
                line: 1,
                what,
                remedy: "remove it from `ignore`".into(),
            });
        }
    }

    /// A truth value.
    pub(super) fn truth(&mut self, key: &Key, node: &Node) -> Option<bool> {
        match text(node) {
            Some("true") => Some(true),
            Some("false") => Some(false),
            _ => {
                let what = format!("{} is no truth value", key.text);
                self.wrong(node.span.start, what, "write true or false");
                None
            }
        }
    }

    /// A number.
    pub(super) fn number(&mut self, key: &Key, node: &Node) -> Option<u32> {
        let number = text(node).and_then(|text| text.parse().ok());
        if number.is_none() {
            self.wrong(node.span.start, format!("{} is no number", key.text), "write a number");
        }
        number
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, key: &Key, node: &Node) -> Vec<String> {
        match &node.value {
            Value::List(items) => items.iter().filter_map(|item| text(item).map(String::from)).collect(),
            _ => {
                self.wrong(node.span.start, format!("{} is no list", key.text), "write a list");
                Vec::new()
            }
        }
    }
}

/// The byte ranges of the documents of `text`.
fn ranges(text: &str) -> Vec<Range<usize>> {
    let (mut ranges, mut start, mut at) = (Vec::new(), 0, 0);
    for line in text.split_inclusive('\n') {
        if line.trim_end() == "---" || line.starts_with("--- ") {
            ranges.push(start..at);
            start = at + line.len();
        }
        at += line.len();
    }
    ranges.push(start..text.len());
    ranges
}

/// The entries of a group of keys; none of anything else.
pub(super) fn entries(node: &Node) -> &[(Key, Node)] {
    match &node.value {
        Value::Map(entries) => entries,
        _ => &[],
    }
}

/// The value of one key.
pub(super) fn get<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    entries(node).iter().find(|(key, _)| key.text == name).map(|(_, value)| value)
}

/// The items of a list; none of anything else.
pub(super) fn items(node: Option<&Node>) -> &[Node] {
    match node.map(|node| &node.value) {
        Some(Value::List(items)) => items,
        _ => &[],
    }
}

/// The text of a single value that is not empty of meaning.
pub(super) fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar { text, .. } if node.kind() != "nothing" => Some(text),
        _ => None,
    }
}
