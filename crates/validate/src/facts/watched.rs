//! What a program that watched told, from what was sealed of it.

use super::Left;
use detektr_evidence::{Change, Exit, Manifest, Monitored};
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
pub(super) fn read(plan: &Plan, manifest: &Manifest, left: &Left<'_>) -> BTreeMap<String, Watched> {
    let told = manifest.monitors.iter().enumerate().filter_map(|(number, monitored)| {
        let monitor = plan.watcher(&monitored.control)?.monitor()?;
        Some((monitored.control.clone(), one(monitor, monitored, &(left.monitor)(number), left)))
    });
    told.collect()
}

fn one(monitor: &Monitor, monitored: &Monitored, output: &Option<Vec<u8>>, left: &Left<'_>) -> Watched {
    let mut deaf = None;
    let mut alert = None;
    let output_line = monitor.alert.output.as_deref().map(|pattern| match output {
        Some(output) => {
            let cut = (monitored.output.kept < monitored.output.seen)
                .then(|| "its output was longer than what is kept".to_owned());
            (line(pattern, output), cut)
        }
        None => (None, Some("its output can't be read".into())),
    });
    let log_line = monitor.alert.log.as_ref().map(|log| in_log(log, left));
    for (line, cut) in output_line.into_iter().chain(log_line) {
        alert = alert.or(line);
        deaf = deaf.or(cut);
    }
    let code = match monitored.exit {
        Some(Exit::Code { code }) => Some(code),
        _ => None,
    };
    // an end that it was told to make says nothing
    let own_end = monitored.early || monitor.when == When::After;
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
        _ if !monitored.whole => Some("it was still busy when it was ended".to_owned()),
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

/// A line of the log, and why it may be missed.
fn in_log(log: &LogLine, left: &Left<'_>) -> (Option<String>, Option<String>) {
    let changed = |change: &&Change| change.path.as_bytes() == log.file.as_bytes();
    let after = left.changes.iter().find(changed).and_then(|change| change.after.as_ref());
    // a file that was not written holds no line of this run
    let Some(after) = after else { return (None, None) };
    let Some(content) = after.sha256.as_deref().and_then(left.content) else {
        return (None, Some(format!("the content of {} was not kept", log.file)));
    };
    let cut = after.size.is_some_and(|size| (content.len() as u64) < size);
    let cut = cut.then(|| format!("{} is longer than what is read of it", log.file));
    (line(&log.matches, &content), cut)
}

/// The first line that `pattern` matches.
fn line(pattern: &str, text: &[u8]) -> Option<String> {
    let pattern = Regex::new(pattern).ok()?;
    let found = text.split(|byte| *byte == b'\n').find(|line| pattern.is_match(line))?;
    let line: String = String::from_utf8_lossy(found).trim().chars().take(SHOWN).collect();
    Some(format!("`{line}`"))
}
