//! Scripts of the boot: `init.d` with its links, and `rc.local`.

use super::{Site, script};
use crate::persistence::lines::names;
use crate::persistence::{Found, Mechanism, Reason, Rule};
use detektr_event::Phase;

/// Folders of the run levels that a boot goes through.
const LEVELS: [&str; 10] = [
    "/etc/rcS.d",
    "/etc/rc2.d",
    "/etc/rc3.d",
    "/etc/rc4.d",
    "/etc/rc5.d",
    "/etc/rc.d/rc2.d",
    "/etc/rc.d/rc3.d",
    "/etc/rc.d/rc4.d",
    "/etc/rc.d/rc5.d",
    "/etc/rc.d/rcS.d",
];

pub(super) fn find(site: &Site<'_>) -> Vec<Found> {
    let (folder, name) = site.split();
    match folder {
        _ if matches!(site.path, "/etc/rc.local" | "/etc/rc.d/rc.local") => rc_local(site),
        "/etc/init.d" | "/etc/rc.d/init.d" if name != "README" => init_script(site),
        _ if LEVELS.contains(&folder) && name.starts_with('S') => link(site),
        _ => Vec::new(),
    }
}

fn rc_local(site: &Site<'_>) -> Vec<Found> {
    let lines = site.lines();
    let acts: Vec<&String> = lines.iter().filter(|line| !line.trim().starts_with("exit")).collect();
    let mut found = script::started(site, Mechanism::RcLocal, Phase::Reboot, "rc.local", &["start"]);
    if acts.is_empty() {
        return Vec::new();
    }
    found.entry.lines = acts.iter().map(|line| line.as_str().into()).collect();
    found.entry.runs = Some(acts.iter().map(|line| line.as_str()).collect::<Vec<_>>().join("\n").into());
    for start in &mut found.starts {
        let names = acts.iter().flat_map(|line| names(line, "/root")).collect();
        start.rule = Rule::Lines { file: site.look.real(site.path), names };
    }
    vec![found]
}

fn init_script(site: &Site<'_>) -> Vec<Found> {
    let mut found = script::started(site, Mechanism::InitScript, Phase::Reboot, "init", &["start"]);
    let real = site.look.real(site.path);
    let linked = LEVELS.iter().any(|level| {
        site.look.after.list(level).iter().any(|name| {
            name.starts_with('S')
                && site.look.after.resolve(&format!("{level}/{name}")).as_deref() == Some(&real)
        })
    });
    if !linked && !found.starts.is_empty() {
        found = Found::idle(found.entry, Reason::Disabled);
    }
    vec![found]
}

/// A link to a script that was there before; of one that is new the script itself is told.
fn link(site: &Site<'_>) -> Vec<Found> {
    let Some(real) = site.look.after.resolve(site.path) else { return Vec::new() };
    let changed = site.look.changes.iter().any(|change| change.path.as_bytes() == real.as_bytes());
    if changed && (real.starts_with("/etc/init.d/") || real.starts_with("/etc/rc.d/init.d/")) {
        return Vec::new();
    }
    vec![script::started(site, Mechanism::InitScript, Phase::Reboot, "init", &["start"])]
}
