//! What this host can do, found by doing it.

mod checks;
mod remedy;

use serde::Serialize;
use std::path::Path;

/// One thing tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was tried.
    pub name: String,
    /// It works.
    pub ok: bool,
    /// What the kernel said, or which kind of it is there.
    pub detail: String,
    /// What is lost without it.
    pub lost: String,
    /// How to get it.
    pub remedy: String,
}

/// All of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Probe {
    /// In the order in which they matter.
    pub checks: Vec<Check>,
}

/// Why no environment can be made here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Impossible {
    /// What was tried, and what the kernel said.
    pub why: String,
    /// What exactly would help.
    pub remedy: String,
}

/// Makes the namespaces of an environment, mounts in them, and lets them go; takes a few milliseconds. Environments will
/// be written below `home`.
///
/// # Errors
/// What the kernel refuses, and what would help.
pub fn possible(home: &Path) -> Result<(), Impossible> {
    checks::namespaces()
        .map(drop)
        .map_err(|why| Impossible { why, remedy: remedy::Host::this().remedy() })?;
    checks::writable_layers(home).map_err(|why| Impossible { why, remedy: remedy::Host::this().volume() })
}

/// Whether a file below `/proc/sys` can be written to by who is root of namespaces of their own.
pub(crate) fn can_write(parameter: &Path) -> Result<(), String> {
    checks::can_write(parameter)
}

/// Tries everything that an environment needs or would like to have, with the rights of the caller, in folders
/// and namespaces that are gone afterwards.
pub fn probe() -> Probe {
    let tried = checks::all();
    let checks = tried
        .into_iter()
        .map(|(what, result)| Check {
            name: what.name.into(),
            ok: result.is_ok(),
            detail: result.unwrap_or_else(|why| why),
            lost: what.lost.into(),
            remedy: match what.remedy {
                "" => remedy::Host::this().remedy(),
                remedy => remedy.into(),
            },
        })
        .collect();
    Probe { checks }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_missing_thing_says_what_is_lost_and_how_to_get_it() {
        let probe = super::probe();
        assert!(probe.checks.len() >= 9);
        for check in &probe.checks {
            assert!(
                !check.lost.is_empty() && !check.remedy.is_empty() && !check.detail.is_empty(),
                "{check:?}"
            );
        }
    }
}
