//! at: jobs that run once, at their time.

use super::Site;
use crate::persistence::lines::{names, says_something, text};
use crate::persistence::{Found, Mechanism, Reason, Rule, Start, What};
use detektr_event::Phase;

pub(super) fn find(site: &Site<'_>) -> Vec<Found> {
    let (folder, name) = site.split();
    if !matches!(folder, "/var/spool/cron/atjobs" | "/var/spool/at") || name.starts_with('.') {
        return Vec::new();
    }
    let Some(node) = site.look.after.node(site.path) else { return Vec::new() };
    if node.file_type != crate::changes::FileType::File {
        return Vec::new();
    }
    let script = text(&site.content());
    let mut entry = site.entry(Mechanism::At);
    // at(1) puts the whole environment of the caller before the command
    let own = |line: &&str| {
        says_something(line)
            && !line.contains("; export ")
            && !line.starts_with("umask ")
            && !line.starts_with("cd ")
    };
    let lines: Vec<&str> = script.lines().filter(own).take_while(|line| !line.starts_with("}")).collect();
    entry.lines = lines.iter().map(|line| (*line).into()).collect();
    entry.runs = Some(lines.join("\n").into());
    let Some(user) = site.look.users.by_id(node.uid) else {
        return vec![Found::idle(entry, Reason::Invalid)];
    };
    entry.user = Some(user.name.clone());
    // the queue's letter, five digits of the job, eight of the time, all hexadecimal
    let named = name.len() == 14 && name.is_ascii() && name[1..].bytes().all(|b| b.is_ascii_hexdigit());
    if !named || node.mode & 0o100 == 0 {
        return vec![Found::idle(entry, Reason::Ignored)];
    }
    let rule = Rule::Line(lines.iter().flat_map(|line| names(line, &user.home)).collect());
    let what = What::Line { shell: "/bin/sh".into(), line: String::new(), env: Vec::new(), stdin: script };
    let start = Start { phase: Phase::Schedule, user: user.name.clone(), by: "atd".into(), what, rule };
    vec![Found { entry, starts: vec![start] }]
}
