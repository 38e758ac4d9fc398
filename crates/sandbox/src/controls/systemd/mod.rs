//! A systemd unit's hardening: the directives of its `[Service]` section and of its drop-ins, as `systemd.exec(5)`
//! means them, brought to the measures that there are. Each directive is told as applied, not applicable or ignored;
//! what can't be enforced is a problem at its place.

mod capability_sets;
mod directives;
mod files;
mod filters;
mod limits;
mod names;
mod syscalls;
mod unit;
mod words;

pub use unit::Setting;

use super::{Problem, Translation};
use directives::Translator;
use std::collections::BTreeSet;

/// One file of a unit: its name, for messages, and its text.
pub type File<'a> = (&'a str, &'a str);

/// Reads a unit: its own file first, then its drop-ins in order. `ignored` names directives that may be left out where
/// they can't be enforced.
///
/// # Errors
/// Every directive that is unknown, wrong, or can't be enforced and is not ignored; and a unit that hardens nothing.
pub fn read(files: &[File<'_>], ignored: &BTreeSet<String>) -> Result<Translation, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut translator = Translator::new(files.first().map_or("", |(name, _)| name));
    for (name, text) in files {
        let settings = unit::settings(name, text, &mut problems);
        for setting in settings.iter().filter(|setting| setting.section == "Service") {
            if let Err((what, remedy)) = translator.take(setting, ignored) {
                problems.push(Problem { file: setting.file.clone(), line: setting.line, what, remedy });
            }
        }
    }
    let named: BTreeSet<&str> = translator.told.iter().map(|told| told.name.as_str()).collect();
    let first = files.first().map_or("", |(name, _)| name);
    for name in ignored.iter().filter(|name| !named.contains(name.as_str())) {
        problems.push(Problem {
            file: first.into(),
            line: 1,
            what: format!("`ignore` names {name}, which the unit does not set"),
            remedy: "remove it from `ignore`".into(),
        });
    }
    let unit = translator.finish();
    if problems.is_empty() && unit.measures.is_empty() {
        problems.push(Problem {
            file: first.into(),
            line: 1,
            what: "this unit has no hardening that could be put on".into(),
            remedy: "name a service with directives of systemd.exec(5), as `ProtectSystem=strict`".into(),
        });
    }
    if problems.is_empty() { Ok(unit) } else { Err(problems) }
}

#[cfg(test)]
mod tests;
