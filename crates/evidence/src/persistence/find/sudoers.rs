//! sudoers: who may act as whom. It starts nothing by itself.

use super::Site;
use crate::persistence::{Found, Mechanism, Reason};

pub(super) fn find(site: &Site<'_>) -> Vec<Found> {
    let (folder, name) = site.split();
    let part = folder == "/etc/sudoers.d";
    if site.path != "/etc/sudoers" && !part {
        return Vec::new();
    }
    let taken = site.trusted(0) && !(part && (name.contains('.') || name.ends_with('~')));
    site.lines().iter().filter_map(|line| rule(site, line, taken)).collect()
}

fn rule(site: &Site<'_>, line: &str, taken: bool) -> Option<Found> {
    let line = line.trim();
    let first = line.split_whitespace().next()?;
    // `@include` and aliases give nobody anything by themselves
    if first.starts_with(['@', '#']) || first.ends_with("_Alias") || first.starts_with("Defaults") {
        return None;
    }
    let mut entry = site.entry(Mechanism::Sudoers);
    entry.lines = vec![line.into()];
    entry.user = Some(first.into());
    let Some((_, granted)) = line.split_once('=') else { return Some(Found::idle(entry, Reason::Invalid)) };
    entry.runs = Some(granted.trim().into());
    Some(Found::idle(entry, if taken { Reason::GrantsAccess } else { Reason::Ignored }))
}
