//! Programs that run with their owner's rights, whoever starts them.

use super::Site;
use crate::changes::{FileState, FileType};
use crate::persistence::{Found, Mechanism, Reason, Rule, Start, What};
use detektr_event::Phase;

pub(super) fn find(site: &Site<'_>) -> Vec<Found> {
    let set = |state: &FileState| state.file_type == FileType::File && state.mode & 0o4000 != 0;
    let Some(after) = site.change.after.as_ref().filter(|after| set(after)) else { return Vec::new() };
    if site.change.before.as_ref().is_some_and(set) && !site.rewritten() {
        return Vec::new();
    }
    let mut entry = site.entry(Mechanism::Setuid);
    entry.runs = Some(site.path.into());
    let owner = site.look.users.by_id(after.uid);
    entry.user = owner.map(|user| user.name.clone());
    let other = site.look.users.named(site.look.person).filter(|user| user.uid != after.uid);
    let other =
        other.or_else(|| site.look.users.0.iter().find(|user| user.uid != after.uid && user.uid != 0));
    let Some(user) = other else { return vec![Found::idle(entry, Reason::OtherUser)] };
    if after.mode & 0o111 == 0 {
        return vec![Found::idle(entry, Reason::NotExecutable)];
    }
    // the kernel gives the owner's rights to no script
    if site.content().starts_with(b"#!") {
        return vec![Found::idle(entry, Reason::Ignored)];
    }
    let argv = vec![site.path.to_owned()];
    let start = Start {
        phase: Phase::Login,
        user: user.name.clone(),
        by: "another user".into(),
        what: What::Program { file: site.path.into(), argv, env: Vec::new(), cwd: None },
        rule: Rule::Setuid(after.uid),
    };
    vec![Found { entry, starts: vec![start] }]
}
