//! What a program that watched told, from what was sealed of it. Its silence counts only where it is shown that it could
//! have spoken.

use super::Left;
use super::beside::Beside;
use detektr_evidence::{Change, Exit, FileState, Manifest, Monitored, sha256_hex};
use detektr_sandbox::controls::monitor::{LogLine, Monitor, When};
use regex::bytes::Regex;
use std::collections::BTreeMap;

use crate::plan::Plan;

/// The longest piece of a line that is told.
const SHOWN: usize = 200;

/// What one watching program told in one arm.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    /// The alert, in words.
    pub alert: Option<String>,
    /// Why nothing follows from its silence.
    pub deaf: Option<String>,
}

/// What all that watched told.
pub(super) fn read(
    plan: &Plan,
    manifest: &Manifest,
    left: &Left<'_>,
    beside: &Beside,
) -> BTreeMap<String, Watched> {
    let told = manifest.monitors.iter().enumerate().filter_map(|(number, monitored)| {
        let monitor = plan.watcher(&monitored.control)?.monitor()?;
        Some((monitored.control.clone(), one(monitor, monitored, &(left.monitor)(number), left, beside)))
    });
    told.collect()
}

fn one(
    monitor: &Monitor,
    monitored: &Monitored,
    output: &Option<Vec<u8>>,
    left: &Left<'_>,
    beside: &Beside,
) -> Watched {
    let output_line = monitor.alert.output.as_deref().map(|pattern| match output {
        Some(output) => {
            let cut = (monitored.output.kept < monitored.output.seen)
                .then(|| "its output was longer than what is kept".to_owned());
            line(pattern, output, cut)
        }
        None => Heard::nothing("its output can't be read"),
    });
    let log_line = monitor.alert.log.as_ref().map(|log| in_log(log, left, beside));
    let (mut deaf, mut alert) = (None, None);
    for heard in output_line.into_iter().chain(log_line) {
        alert = alert.or(heard.line);
        deaf = deaf.or(heard.deaf);
    }
    let code = match monitored.exit {
        Some(Exit::Code { code }) => Some(code),
        _ => None,
    };
    // an end that it was told to make says nothing, by Detektr or by the attack
    let own_end = (monitored.early && !beside.signalled()) || monitor.when == When::After;
    if let Some(code) = code.filter(|code| own_end && monitor.alert.exit.contains(code)) {
        alert = alert.or(Some(format!("exit code {code}")));
    }
    let ended = match (&monitored.exit, monitor.when) {
        (None, _) => Some("it was cut short".to_owned()),
        (Some(exit), When::Beside | When::Inside) if monitored.early => {
            Some(format!("it ended before the attack did, {}", words(exit)))
        }
        // it was asked to end by SIGTERM before: one that did not was stopped, or hung
        (Some(Exit::Signal { signal }), When::Beside | When::Inside) if signal == "SIGKILL" => {
            Some("it did not end when it was told to".to_owned())
        }
        (Some(exit), When::After) if code != Some(0) => Some(format!("it failed, {}", words(exit))),
        _ if !monitored.whole => Some("it was still busy, or stopped, when it was ended".to_owned()),
        _ => None,
    };
    Watched { alert, deaf: ended.or(deaf) }
}

fn words(exit: &Exit) -> String {
    match exit {
        Exit::Code { code } => format!("with exit code {code}"),
        Exit::Signal { signal } => format!("by {signal}"),
    }
}

/// A line that tells of the attack, and why one may be missed.
#[derive(Debug, PartialEq, Eq)]
struct Heard {
    line: Option<String>,
    deaf: Option<String>,
}

impl Heard {
    fn nothing(why: impl Into<String>) -> Heard {
        Heard { line: None, deaf: Some(why.into()) }
    }
}

/// A line of the log. That none is there says something only of a log that is there to its end, and that the attack
/// had no hand in: one that is missing may lie elsewhere, and lines that were there may be gone.
fn in_log(log: &LogLine, left: &Left<'_>, beside: &Beside) -> Heard {
    let file = &log.file;
    let changed = |change: &&Change| change.path.as_bytes() == file.as_bytes();
    let change = left.changes.iter().find(changed);
    let Some((change, after)) = change.and_then(|change| Some((change, change.after.as_ref()?))) else {
        let absent = || format!("its log {file} was not written, or is gone");
        return Heard::nothing(beside.spoilt(file).unwrap_or_else(absent));
    };
    let Some(content) = after.sha256.as_deref().and_then(left.content) else {
        return Heard::nothing(format!("the content of {file} was not kept"));
    };
    let cut = after.size.is_some_and(|size| (content.len() as u64) < size);
    let cut = cut.then(|| format!("{file} is longer than what is read of it"));
    let before = change.before.as_ref().map_or(0, |before| lines_before(before, &content));
    line(&log.matches, &content[before..], cut.or_else(|| beside.spoilt(file)))
}

/// How much of `content` was there before the run, of a file that has only grown.
fn lines_before(before: &FileState, content: &[u8]) -> usize {
    let length = before.size.and_then(|size| usize::try_from(size).ok()).unwrap_or(0);
    match content.get(..length) {
        Some(beginning) if before.sha256.as_ref() == Some(&sha256_hex(beginning)) => length,
        Some(_) => 0,
        // what is read of it is no longer than what was there
        None => content.len(),
    }
}

/// The first line that `pattern` matches; `deaf` is why one may be missed.
fn line(pattern: &str, text: &[u8], deaf: Option<String>) -> Heard {
    let pattern = match Regex::new(pattern) {
        Ok(pattern) => pattern,
        // a plan has none of these, unless it was altered or comes from another version
        Err(_) => return Heard::nothing(format!("`{pattern}` is no regular expression")),
    };
    let found = text.split(|byte| *byte == b'\n').find(|line| pattern.is_match(line));
    let shown = |line: &[u8]| String::from_utf8_lossy(line).trim().chars().take(SHOWN).collect::<String>();
    Heard { line: found.map(|line| format!("`{}`", shown(line))), deaf }
}

#[cfg(test)]
mod tests {
    use super::*;
    use detektr_evidence::{ChangeKind, FileType};
    use serde_json::json;

    const FILE: &str = "/var/log/w.log";

    fn log(matches: &str) -> LogLine {
        LogLine { file: FILE.into(), matches: matches.into() }
    }

    fn written(content: &[u8], size: usize) -> FileState {
        serde_json::from_value(json!({
            "type": "file", "mode": 0o644, "uid": 0, "gid": 0, "size": size, "sha256": String::from_utf8_lossy(content),
        }))
        .unwrap()
    }

    fn change(kind: ChangeKind, after: Option<FileState>) -> Change {
        Change { path: FILE.as_bytes().into(), change: kind, before: None, after, unreadable: None }
    }

    /// What is heard of a log whose content is its digest.
    fn heard(changes: &[Change], matches: &str) -> Heard {
        let content = |sha256: &str| Some(sha256.as_bytes().to_vec());
        let left = Left { changes, persistence: None, content: &content, monitor: &|_| None };
        in_log(&log(matches), &left, &Beside::default())
    }

    #[test]
    fn the_silence_of_a_log_counts_only_where_it_is_there_to_its_end() {
        let whole = change(ChangeKind::Created, Some(written(b"quiet\nlines\n", 12)));
        assert_eq!(heard(std::slice::from_ref(&whole), "alert"), Heard { line: None, deaf: None });
        let deaf = |changes: &[Change]| heard(changes, "alert").deaf.expect("silence that counts");
        assert!(deaf(&[]).contains("was not written"));
        assert!(deaf(&[change(ChangeKind::Removed, None)]).contains("is gone"));
        assert!(deaf(&[change(ChangeKind::Created, Some(written(b"quiet", 900)))]).contains("longer"));
        let mut fifo = written(b"", 0);
        (fifo.file_type, fifo.sha256) = (FileType::Fifo, None);
        assert!(deaf(&[change(ChangeKind::Created, Some(fifo))]).contains("not kept"));
    }

    #[test]
    fn a_line_of_a_log_that_is_cut_short_counts_all_the_same() {
        let cut = change(ChangeKind::Created, Some(written(b"an alert\n", 900)));
        assert_eq!(heard(&[cut], "alert$").line.as_deref(), Some("`an alert`"));
    }

    #[test]
    fn a_line_that_was_there_before_the_run_is_no_alert() {
        let grown = |before: &[u8], size: usize, after: &[u8]| {
            let mut before = written(before, size);
            before.sha256 = before.sha256.map(|content| sha256_hex(content.as_bytes()));
            let change = change(ChangeKind::Modified, Some(written(after, after.len())));
            heard(&[Change { before: Some(before), ..change }], "alert").line
        };
        let old = b"an old alert\n";
        assert_eq!(grown(old, old.len(), b"an old alert\nquiet\n"), None);
        assert_eq!(grown(old, old.len(), b"an old alert\na new alert\n").as_deref(), Some("`a new alert`"));
        // it was begun anew, with a line that is this run's
        assert_eq!(
            grown(old, old.len(), b"alert, and more than before\n").as_deref(),
            Some("`alert, and more than before`")
        );
        assert_eq!(grown(old, 100_000, old), None, "what is read lies within what was there");
    }

    #[test]
    fn a_pattern_that_is_none_is_deaf_and_not_silent() {
        assert!(line("(", b"anything", None).deaf.unwrap().contains("no regular expression"));
        let whole = change(ChangeKind::Created, Some(written(b"quiet", 5)));
        assert!(heard(&[whole], "(").deaf.is_some());
    }
}
