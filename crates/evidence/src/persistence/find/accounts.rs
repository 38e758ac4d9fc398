//! Accounts: new or changed users, and new members of groups that may do more.

use super::Site;
use crate::persistence::lines::text;
use crate::persistence::users::line as account;
use crate::persistence::{Found, Mechanism, Reason, Rule, Start, What};
use detektr_event::Phase;

/// Groups whose members can become root, by their usual meaning.
const POWERFUL: [&str; 9] = ["root", "sudo", "wheel", "admin", "adm", "docker", "lxd", "disk", "shadow"];

pub(super) fn find(site: &Site<'_>) -> Vec<Found> {
    match site.path {
        "/etc/passwd" => site.lines().iter().filter_map(|line| user(site, line)).collect(),
        "/etc/shadow" => site.lines().iter().filter_map(|line| password(site, line)).collect(),
        "/etc/group" => site.lines().iter().filter_map(|line| group(site, line)).collect(),
        _ => Vec::new(),
    }
}

/// What stands second in the line of `name`.
fn field(bytes: &[u8], name: &str) -> Option<String> {
    text(bytes).lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.next().unwrap_or_default().to_owned())
    })
}

/// Whether a password lets nobody in.
fn locked(password: &str) -> bool {
    password.starts_with(['!', '*'])
}

fn user(site: &Site<'_>, line: &str) -> Option<Found> {
    let new = account(line)?;
    let old = text(&site.look.before.read(site.path).unwrap_or_default())
        .lines()
        .filter_map(account)
        .find(|user| user.name == new.name);
    let mut entry = site.entry(Mechanism::Account);
    if old.is_some() {
        entry.technique = "T1098".into();
    }
    entry.lines = vec![line.into()];
    entry.user = Some(new.name.clone());
    entry.runs = Some(new.shell.as_str().into());
    let in_file = line.split(':').nth(1).unwrap_or_default();
    let shadow = site.look.after.read("/etc/shadow");
    let password = match in_file {
        "x" => shadow.and_then(|bytes| field(&bytes, &new.name)).unwrap_or_else(|| "*".into()),
        other => other.to_owned(),
    };
    if locked(&password) || ["nologin", "false"].iter().any(|end| new.shell.ends_with(end)) {
        return Some(Found::idle(entry, Reason::Disabled));
    }
    let name = new.shell.rsplit('/').next().unwrap_or_default();
    let start = Start {
        phase: Phase::Login,
        user: new.name,
        by: "login".into(),
        what: What::Program { argv: vec![format!("-{name}")], file: new.shell, env: Vec::new(), cwd: None },
        rule: Rule::Program,
    };
    Some(Found { entry, starts: vec![start] })
}

/// Another password of a user that was there before.
fn password(site: &Site<'_>, line: &str) -> Option<Found> {
    let name = line.split(':').next()?;
    let now = line.split(':').nth(1)?;
    let before = site.look.before.read(site.path).and_then(|bytes| field(&bytes, name))?;
    if before == now || locked(now) {
        return None;
    }
    let mut entry = site.entry(Mechanism::Account);
    entry.technique = "T1098".into();
    entry.user = Some(name.into());
    entry.lines = vec![format!("{name}: another password").into()];
    Some(Found::idle(entry, Reason::GrantsAccess))
}

fn group(site: &Site<'_>, line: &str) -> Option<Found> {
    let fields: Vec<&str> = line.split(':').collect();
    let [name, _, _, members] = fields.as_slice() else { return None };
    if !POWERFUL.contains(name) || members.is_empty() {
        return None;
    }
    let mut entry = site.entry(Mechanism::Account);
    entry.technique = "T1098.007".into();
    entry.lines = vec![line.into()];
    entry.user = Some((*members).into());
    Some(Found::idle(entry, Reason::GrantsAccess))
}
