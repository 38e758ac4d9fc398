//! The text of a unit file: sections and settings with their lines (`systemd.syntax(7)`).

use crate::controls::Problem;

/// One assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The file.
    pub file: String,
    /// The line on which it begins, from 1.
    pub line: usize,
    /// The section, without its brackets.
    pub section: String,
    /// The directive.
    pub name: String,
    /// Its value, white space around it removed, lines that go on joined by a space.
    pub value: String,
}

/// The settings of `text`, in order.
pub(super) fn settings(file: &str, text: &str, problems: &mut Vec<Problem>) -> Vec<Setting> {
    let mut settings = Vec::new();
    let mut section = String::new();
    let mut wrong = |line: usize, what: String, remedy: &str| {
        problems.push(Problem { file: file.into(), line, what, remedy: remedy.into() });
    };
    for (line, content) in logical_lines(text) {
        let content = content.trim();
        if let Some(name) = content.strip_prefix('[') {
            match name.strip_suffix(']') {
                Some(name) => section = name.into(),
                None => wrong(line, format!("`{content}` is no section"), "write it as in `[Service]`"),
            }
        } else if let Some((name, value)) = content.split_once('=') {
            settings.push(Setting {
                file: file.into(),
                line,
                section: section.clone(),
                name: name.trim().into(),
                value: value.trim().into(),
            });
        } else {
            wrong(line, format!("`{content}` is no assignment"), "write it as in `NoNewPrivileges=yes`");
        }
    }
    settings
}

/// Lines with what follows a backslash joined, comments and empty lines left out. A comment between joined lines
/// does not end them.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (at, line) in text.lines().enumerate() {
        let start = line.trim_start();
        if start.starts_with('#') || start.starts_with(';') {
            continue;
        }
        let (number, mut whole) = open.take().unwrap_or((at + 1, String::new()));
        match line.strip_suffix('\\') {
            Some(part) => {
                whole.push_str(part);
                whole.push(' ');
                open = Some((number, whole));
            }
            None => {
                whole.push_str(line);
                if !whole.trim().is_empty() {
                    lines.push((number, whole));
                }
            }
        }
    }
    lines.extend(open.filter(|(_, whole)| !whole.trim().is_empty()));
    lines
}
