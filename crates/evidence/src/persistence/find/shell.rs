//! Files that shells read when they start or end.

use super::Site;
use crate::persistence::lines::names;
use crate::persistence::{Found, Mechanism, Reason, Rule, Start, What};
use detektr_event::Phase;

/// Those of the system.
pub(super) const SYSTEM: [&str; 16] = [
    "/etc/profile",
    "/etc/bash.bashrc",
    "/etc/bashrc",
    "/etc/bash.bash_logout",
    "/etc/zshenv",
    "/etc/zprofile",
    "/etc/zshrc",
    "/etc/zlogin",
    "/etc/zlogout",
    "/etc/zsh/zshenv",
    "/etc/zsh/zprofile",
    "/etc/zsh/zshrc",
    "/etc/zsh/zlogin",
    "/etc/zsh/zlogout",
    "/etc/profile.local",
    "/etc/bash.bashrc.local",
];

/// Those of a home, by the rest of the path.
pub(super) fn in_home(rest: &str) -> bool {
    matches!(
        rest,
        ".profile"
            | ".bashrc"
            | ".bash_profile"
            | ".bash_login"
            | ".bash_logout"
            | ".bash_aliases"
            | ".zshenv"
            | ".zprofile"
            | ".zshrc"
            | ".zlogin"
            | ".zlogout"
    )
}

pub(super) fn find(site: &Site<'_>) -> Vec<Found> {
    let home = site.look.users.at_home(site.path).filter(|(_, rest)| in_home(rest)).map(|(user, _)| user);
    let part = site.path.strip_prefix("/etc/profile.d/").is_some_and(|name| !name.contains('/'));
    if home.is_none() && !part && !SYSTEM.contains(&site.path) {
        return Vec::new();
    }
    let lines = site.lines();
    if lines.is_empty() {
        return Vec::new();
    }
    let mut entry = site.entry(Mechanism::ShellProfile);
    entry.runs = Some(lines.join("\n").into());
    entry.lines = lines.iter().map(|line| line.as_str().into()).collect();
    entry.user = home.map(|user| user.name.clone());
    if part && !site.path.ends_with(".sh") {
        return vec![Found::idle(entry, Reason::Ignored)];
    }
    let users = home.map_or_else(|| site.look.everybody(), |user| vec![user.name.clone()]);
    let starts = users.into_iter().map(|user| {
        let home = site.look.users.named(&user).map_or("/", |user| user.home.as_str());
        let names = lines.iter().flat_map(|line| names(line, home)).collect();
        let rule = Rule::Lines { file: site.look.real(site.path), names };
        Start { phase: Phase::Login, user, by: "a shell".into(), what: What::Shells, rule }
    });
    let starts = starts.collect();
    vec![Found { entry, starts }]
}
