//! Scripts in folders that are run part by part, and what they have in common with other scripts.

use super::{Site, run_parts_name};
use crate::persistence::lines::names;
use crate::persistence::{Found, Mechanism, Reason, Rule, Start, What};
use detektr_event::Phase;

/// A script that is started by its path, as root, with `arguments`.
pub(super) fn started(
    site: &Site<'_>,
    mechanism: Mechanism,
    phase: Phase,
    by: &str,
    arguments: &[&str],
) -> Found {
    let mut entry = site.entry(mechanism);
    entry.user = Some("root".into());
    entry.runs = Some(site.path.into());
    let Some(rule) = rule(site, "/root") else { return Found::idle(entry, Reason::NoEffect) };
    if !site.is_new() {
        entry.lines = site.lines().into_iter().map(Into::into).collect();
    }
    if !site.look.after.node(site.path).is_some_and(|node| node.executable()) {
        return Found::idle(entry, Reason::NotExecutable);
    }
    let argv = std::iter::once(site.path).chain(arguments.iter().copied()).map(str::to_owned).collect();
    let what = What::Program { file: site.path.into(), argv, env: Vec::new(), cwd: None };
    Found { entry, starts: vec![Start { phase, user: "root".into(), by: by.into(), what, rule }] }
}

/// What shows that a script ran: all of it where it is new, else its new lines; `None` where there are none.
pub(super) fn rule(site: &Site<'_>, home: &str) -> Option<Rule> {
    let made_executable = || {
        let mode =
            |state: &Option<crate::changes::FileState>| state.as_ref().map_or(0, |state| state.mode & 0o111);
        mode(&site.change.before) == 0 && mode(&site.change.after) != 0
    };
    let real = site.look.real(site.path);
    if site.is_new() || made_executable() || site.content().starts_with(b"\x7fELF") {
        return Some(Rule::Executes(real));
    }
    let lines = site.lines();
    let names: Vec<String> = lines.iter().flat_map(|line| names(line, home)).collect();
    (!lines.is_empty()).then_some(Rule::Lines { file: real, names })
}

/// `/etc/update-motd.d`: run as root when somebody logs in.
pub(super) fn motd(site: &Site<'_>) -> Vec<Found> {
    let (folder, name) = site.split();
    if folder != "/etc/update-motd.d" {
        return Vec::new();
    }
    if !run_parts_name(name) {
        return vec![Found::idle(site.entry(Mechanism::Motd), Reason::Ignored)];
    }
    vec![started(site, Mechanism::Motd, Phase::Login, "update-motd", &[])]
}
