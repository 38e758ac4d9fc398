//! git: hooks of a repository, and settings that run programs.

use super::Site;
use crate::persistence::lines::{names, new_lines, text};
use crate::persistence::{Found, Mechanism, Reason, Rule, Start, What};
use detektr_event::Phase;

/// Hooks that a commit runs.
const COMMIT: [&str; 6] = [
    "pre-commit",
    "prepare-commit-msg",
    "commit-msg",
    "post-commit",
    "reference-transaction",
    "post-index-change",
];
const OTHER: [&str; 12] = [
    "applypatch-msg",
    "fsmonitor-watchman",
    "post-applypatch",
    "post-checkout",
    "post-merge",
    "post-receive",
    "post-rewrite",
    "post-update",
    "pre-applypatch",
    "pre-merge-commit",
    "pre-push",
    "pre-rebase",
];

/// The working tree and the name of the hook, where `path` is one's.
pub(super) fn hook(path: &str) -> Option<(&str, &str)> {
    let (tree, name) = path.split_once("/.git/hooks/")?;
    (COMMIT.contains(&name) || OTHER.contains(&name)).then_some((tree, name))
}

pub(super) fn find(site: &Site<'_>) -> Vec<Found> {
    if let Some((tree, name)) = hook(site.path) {
        return if site.rewritten() { vec![told(site, Some(tree), site.path, name)] } else { Vec::new() };
    }
    let global = site.path == "/etc/gitconfig"
        || site
            .look
            .users
            .at_home(site.path)
            .is_some_and(|(_, rest)| matches!(rest, ".gitconfig" | ".config/git/config"));
    let local = site.path.strip_suffix("/.git/config");
    if !global && local.is_none() {
        return Vec::new();
    }
    let before = site.look.before.read(site.path).map(|bytes| settings(&text(&bytes)).join("\n"));
    let now = settings(&text(&site.content())).join("\n");
    let mut found = Vec::new();
    for setting in new_lines(before.as_deref().map(str::as_bytes), now.as_bytes()) {
        let Some((name, value)) = setting.split_once('=') else { continue };
        match name {
            "core.hookspath" => found.extend(hooks_path(site, local, &setting, value)),
            "core.fsmonitor" if !matches!(value, "true" | "false") => {
                found.push(setting_runs(site, local, &setting, value))
            }
            "core.sshcommand" | "core.editor" | "core.pager" => {
                let mut entry = site.entry(Mechanism::GitHook);
                entry.lines = vec![setting.as_str().into()];
                entry.runs = Some(value.into());
                found.push(Found::idle(entry, Reason::NotEmulated));
            }
            _ => {}
        }
    }
    found
}

/// As whom git would be used on what lies at `path`.
fn owner(site: &Site<'_>, path: &str) -> String {
    let uid = site.look.after.node(path).map_or(0, |node| node.uid);
    site.look.users.by_id(uid).map_or_else(|| "root".into(), |user| user.name.clone())
}

fn told(site: &Site<'_>, tree: Option<&str>, path: &str, name: &str) -> Found {
    let mut entry = site.look.entry(Mechanism::GitHook, path);
    if entry.made_by.is_empty() {
        entry.made_by = site.look.journal.made(site.path);
    }
    let user = owner(site, tree.unwrap_or(site.path));
    entry.runs = Some(path.into());
    entry.user = Some(user.clone());
    if !site.look.after.node(path).is_some_and(|node| node.executable()) {
        return Found::idle(entry, Reason::NotExecutable);
    }
    if !COMMIT.contains(&name) {
        return Found::idle(entry, Reason::NotEmulated);
    }
    let start = Start {
        phase: Phase::Login,
        user,
        by: "git commit".into(),
        what: What::Commit { tree: tree.unwrap_or_default().into() },
        rule: Rule::Executes(site.look.real(path)),
    };
    Found { entry, starts: vec![start] }
}

/// The hooks in the folder that a setting names.
fn hooks_path(site: &Site<'_>, tree: Option<&str>, setting: &str, value: &str) -> Vec<Found> {
    let home = site.look.users.at_home(site.path).map_or("", |(user, _)| user.home.as_str());
    let folder = match (value.strip_prefix("~/"), tree) {
        (Some(rest), _) => format!("{home}/{rest}"),
        (None, Some(tree)) if !value.starts_with('/') => format!("{tree}/{value}"),
        _ => value.to_owned(),
    };
    let known = |name: &String| COMMIT.contains(&name.as_str()) || OTHER.contains(&name.as_str());
    let hook = |name: String| {
        let mut found = told(site, tree, &format!("{folder}/{name}"), &name);
        found.entry.lines = vec![setting.into()];
        found
    };
    site.look.after.list(&folder).into_iter().filter(known).map(hook).collect()
}

fn setting_runs(site: &Site<'_>, tree: Option<&str>, setting: &str, value: &str) -> Found {
    let mut entry = site.entry(Mechanism::GitHook);
    let user = owner(site, tree.unwrap_or(site.path));
    entry.lines = vec![setting.into()];
    entry.runs = Some(value.into());
    entry.user = Some(user.clone());
    let home = site.look.users.named(&user).map_or("/", |user| user.home.as_str());
    let rule = Rule::Lines { file: site.look.real(site.path), names: names(value, home) };
    let what = What::Commit { tree: tree.unwrap_or_default().into() };
    Found { entry, starts: vec![Start { phase: Phase::Login, user, by: "git commit".into(), what, rule }] }
}

/// `section.key=value` for each setting, in lower case but for the value.
fn settings(text: &str) -> Vec<String> {
    let mut section = String::new();
    let mut settings = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
        if let Some(head) = line.strip_prefix('[') {
            section = head.split([']', ' ']).next().unwrap_or_default().to_ascii_lowercase();
        } else if let Some((name, value)) = line.split_once('=') {
            let value = value.trim().trim_matches('"');
            settings.push(format!("{section}.{}={value}", name.trim().to_ascii_lowercase()));
        }
    }
    settings
}
