//! What this host can do, found by doing it.

use serde::Serialize;

/// One thing tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was tried.
    pub name: String,
    /// It works.
    pub ok: bool,
    /// What the kernel said, or which version of it is there.
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

/// Tries everything that an environment needs or would like to have.
pub fn probe() -> Probe {
    Probe { checks: Vec::new() }
}
