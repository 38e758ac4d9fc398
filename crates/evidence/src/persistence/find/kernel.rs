//! Modules that the kernel is told to load. An environment has no kernel of its own to load them into.

use super::Site;
use crate::persistence::{Found, Mechanism, Reason};

pub(super) fn find(site: &Site<'_>) -> Vec<Found> {
    let (folder, name) = site.split();
    let list =
        site.path == "/etc/modules" || (folder.ends_with("/modules-load.d") && name.ends_with(".conf"));
    let settings = folder.ends_with("/modprobe.d") && name.ends_with(".conf");
    let lines = if list || settings { site.lines() } else { Vec::new() };
    let told = |line: &String| {
        let mut words = line.split_whitespace();
        // of `modprobe.d`, only what runs something
        if settings && words.next() != Some("install") {
            return None;
        }
        let mut entry = site.entry(Mechanism::KernelModule);
        entry.lines = vec![line.as_str().into()];
        entry.runs = Some(
            if settings { words.skip(1).collect::<Vec<_>>().join(" ") } else { line.trim().to_owned() }
                .into(),
        );
        entry.user = Some("root".into());
        Some(Found::idle(entry, Reason::NotEmulated))
    };
    lines.iter().filter(|line| !line.trim_start().starts_with(';')).filter_map(told).collect()
}
