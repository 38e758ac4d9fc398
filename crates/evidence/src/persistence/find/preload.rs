//! `/etc/ld.so.preload`: libraries that every program takes in.

use super::Site;
use crate::persistence::{Found, Mechanism, Reason, Rule, Start, What};
use detektr_event::Phase;

pub(super) fn find(site: &Site<'_>) -> Vec<Found> {
    if site.path != "/etc/ld.so.preload" {
        return Vec::new();
    }
    let mut found = Vec::new();
    for line in site.lines() {
        let code = line.split('#').next().unwrap_or_default();
        for library in code.split(|c: char| c.is_whitespace() || c == ':').filter(|word| !word.is_empty()) {
            let mut entry = site.entry(Mechanism::Preload);
            entry.lines = vec![line.as_str().into()];
            entry.runs = Some(library.into());
            let tree = site.look.after;
            let Some(head) = tree.read(library).filter(|_| library.starts_with('/')) else {
                found.push(Found::idle(entry, Reason::ProgramAbsent));
                continue;
            };
            // the loader takes an ELF file of type shared object, and passes over anything else
            if head.get(..4) != Some(b"\x7fELF") || head.get(16..18) != Some(&[3, 0]) {
                found.push(Found::idle(entry, Reason::Invalid));
                continue;
            }
            let starts = site.look.everybody().into_iter().map(|user| Start {
                phase: Phase::Login,
                user,
                by: "the loader of any program".into(),
                what: What::Anything,
                rule: Rule::Opens(site.look.real(library)),
            });
            let starts = starts.collect();
            found.push(Found { entry, starts });
        }
    }
    found
}
