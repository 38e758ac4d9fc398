//! Reading a tree: every mistake is collected, none is guessed away.

use crate::problem::Problem;
use crate::tree::{Key, Node, Value};
use crate::units;
use std::time::Duration;

const LONGEST: Duration = Duration::from_secs(7 * 86_400);

/// What has been found wrong so far.
#[derive(Debug, Default)]
pub struct Reader {
    /// The mistakes.
    pub problems: Vec<Problem>,
}

impl Reader {
    /// A size in bytes of at least `least`: `512MiB`.
    pub fn size(&mut self, node: &Node, name: &str, least: u64) -> Option<u64> {
        let text = self.scalar(node, name, "a size")?;
        match units::size(&text) {
            Some(bytes) if bytes >= least => Some(bytes),
            Some(_) => {
                let what = format!("`{name}: {text}` is too small");
                self.problem(node, "range", what, format!("write {least} bytes or more"));
                None
            }
            None => {
                let help = "write a number and a unit (KiB, MiB, GiB), as in `512MiB`";
                self.problem(node, "type", format!("`{text}` is no size"), help);
                None
            }
        }
    }

    /// A time of more than nothing, and at most 7 days: `1m30s`.
    pub fn time(&mut self, node: &Node, name: &str) -> Option<Duration> {
        let text = self.scalar(node, name, "a time")?;
        let help = "write seconds, or numbers with units, as in `30s` or `1m30s`; at most 7 days";
        match units::duration(&text) {
            Some(time) if !time.is_zero() && time <= LONGEST => Some(time),
            Some(_) => {
                self.problem(node, "range", format!("`{text}` is out of range"), help);
                None
            }
            None => {
                self.problem(node, "type", format!("`{text}` is no time"), help);
                None
            }
        }
    }

    /// Environment variables by name, in the order of the file.
    pub fn setenv(&mut self, node: &Node) -> Vec<(String, String)> {
        let mut variables = Vec::new();
        for (key, value) in self.map(node, "`setenv`").unwrap_or_default() {
            let name = &key.text;
            let starts = name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_');
            if !starts || !name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_') {
                let problem =
                    Problem::new(key.span.clone(), "value", format!("`{name}` is no name of a variable"));
                self.problems.push(problem.help("use letters, digits and `_`, and no digit first"));
                continue;
            }
            let Some(text) = self.scalar(value, name, "a value (`\"\"` for an empty one)") else { continue };
            if text.contains('\0') {
                self.problem(value, "value", "a variable can't hold a zero byte", "leave it out");
                continue;
            }
            variables.push((name.clone(), text));
        }
        variables
    }

    /// `true` or `false`.
    pub fn truth(&mut self, node: &Node, name: &str) -> Option<bool> {
        let text = self.scalar(node, name, "`true` or `false`")?;
        let plain = matches!(node.value, Value::Scalar { plain: true, .. });
        match text.as_str() {
            "true" if plain => return Some(true),
            "false" if plain => return Some(false),
            _ => {}
        }
        let help = match text.to_ascii_lowercase().as_str() {
            "on" | "yes" | "true" => format!("write `{name}: true`"),
            "off" | "no" | "false" => format!("write `{name}: false`"),
            _ => "write `true` or `false`".to_owned(),
        };
        self.problem(node, "type", format!("`{text}` is neither `true` nor `false`"), help);
        None
    }

    /// One of `choices`, by name.
    pub fn choice<T: Copy>(&mut self, node: &Node, name: &str, choices: &[(&str, T)]) -> Option<T> {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let text = self.scalar(node, name, &listed(&names))?;
        if let Some((_, value)) = choices.iter().find(|(name, _)| *name == text) {
            return Some(*value);
        }
        self.problem(node, "value", format!("`{name}` can't be `{text}`"), suggestion(&text, &names));
        None
    }

    /// The text of a single value that is not empty of meaning.
    pub fn scalar(&mut self, node: &Node, name: &str, wanted: &str) -> Option<String> {
        match &node.value {
            Value::Scalar { text, .. } if node.kind() != "nothing" => Some(text.clone()),
            _ => {
                let what = format!("`{name}` is {}, where {wanted} belongs", node.kind());
                self.problems
                    .push(Problem::new(node.span.clone(), "type", what).help(format!("give it {wanted}")));
                None
            }
        }
    }

    /// The entries of a group of keys.
    pub fn map<'n>(&mut self, node: &'n Node, name: &str) -> Option<&'n [(Key, Node)]> {
        match &node.value {
            Value::Map(entries) => Some(entries),
            _ => {
                let what = format!("{name} is {}, where a group of keys belongs", node.kind());
                self.problem(node, "type", what, "write `key: value`, one a line, indented below");
                None
            }
        }
    }

    /// Notes a key that `place` doesn't have.
    pub fn unknown(&mut self, key: &Key, place: &str, known: &[&str]) {
        let problem =
            Problem::new(key.span.clone(), "unknown_key", format!("{place} has no key `{}`", key.text));
        self.problems.push(problem.help(suggestion(&key.text, known)));
    }

    /// Notes what is wrong with `node`.
    pub fn problem(
        &mut self,
        node: &Node,
        code: &'static str,
        what: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.problems.push(Problem::new(node.span.clone(), code, what).help(help));
    }
}

/// What `text` was probably meant to be, or what there is to choose from.
pub fn suggestion(text: &str, known: &[&str]) -> String {
    let folded = text.to_lowercase().replace('-', "_");
    let nearest = known.iter().map(|name| (distance(&folded, name), *name)).min();
    match nearest {
        Some((edits, name)) if edits <= 1 + name.len() / 4 => format!("did you mean `{name}`?"),
        _ => format!("use {}", listed(known)),
    }
}

fn listed(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

/// Edits (insertions, deletions, changes, swaps of neighbours) between two words.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let change = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let swap = if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    rows[i - 2][j - 2] + 1
                } else {
                    usize::MAX
                };
                change.min(swap).min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1)
            };
        }
    }
    rows[a.len()][b.len()]
}
