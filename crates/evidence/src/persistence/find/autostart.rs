//! XDG autostart: what a graphical session starts.

use super::{Site, words};
use crate::persistence::lines::text;
use crate::persistence::{Found, Mechanism, Reason, Start, What};
use detektr_event::Phase;
use std::collections::BTreeMap;

pub(super) fn find(site: &Site<'_>) -> Vec<Found> {
    let home = site.look.users.at_home(site.path);
    let part = home.and_then(|(user, rest)| Some((user, rest.strip_prefix(".config/autostart/")?)));
    let system = site.path.strip_prefix("/etc/xdg/autostart/");
    let (user, name) = match (part, system) {
        (Some((user, name)), _) => (user.name.as_str(), name),
        (None, Some(name)) => (site.look.person, name),
        _ => return Vec::new(),
    };
    if name.contains('/') || !site.rewritten() {
        return Vec::new();
    }
    let mut entry = site.entry(Mechanism::Autostart);
    entry.user = Some(user.into());
    entry.lines = site
        .lines()
        .iter()
        .filter(|line| line.starts_with("Exec"))
        .map(|line| line.as_str().into())
        .collect();
    if !name.ends_with(".desktop") {
        return Vec::new();
    }
    let keys = keys(&text(&site.content()));
    let key = |name: &str| keys.get(name).map(String::as_str);
    let Some(line) = key("Exec").filter(|_| key("Type").is_none_or(|kind| kind == "Application")) else {
        return vec![Found::idle(entry, Reason::Invalid)];
    };
    entry.runs = Some(line.into());
    let absent =
        key("TryExec").is_some_and(|file| file.starts_with('/') && site.look.after.node(file).is_none());
    if key("Hidden") == Some("true") || key("X-GNOME-Autostart-enabled") == Some("false") || absent {
        return vec![Found::idle(entry, Reason::Disabled)];
    }
    // field codes stand for files, of which there are none
    let argv: Vec<String> =
        words(line).into_iter().filter(|word| !(word.len() == 2 && word.starts_with('%'))).collect();
    let Some(file) = argv.first().cloned() else { return vec![Found::idle(entry, Reason::Invalid)] };
    let home = site.look.users.named(user).map_or("/", |user| user.home.as_str());
    let rule = super::pam::shell_rule(&argv, home);
    let what = What::Program { file, argv, env: Vec::new(), cwd: None };
    let start =
        Start { phase: Phase::Login, user: user.into(), by: "the desktop session".into(), what, rule };
    vec![Found { entry, starts: vec![start] }]
}

/// The keys of the group `[Desktop Entry]`.
fn keys(text: &str) -> BTreeMap<String, String> {
    let mut inside = false;
    let mut keys = BTreeMap::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line == "[Desktop Entry]";
        } else if let (true, Some((name, value))) = (inside && !line.starts_with('#'), line.split_once('=')) {
            keys.insert(name.trim().to_owned(), value.trim().to_owned());
        }
    }
    keys
}
