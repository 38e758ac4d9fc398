//! Baits: things that a thief would look for, random for each run, so that a value seen elsewhere is proof.

use crate::identity::Identity;
use serde::{Deserialize, Serialize};

mod set;
pub use set::default_set;
pub(crate) use set::password_hash;

/// One bait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bait {
    /// A stable name: `ssh_key`, `aws_credentials`, …
    pub name: String,
    /// Where it lies.
    pub kind: BaitKind,
    /// The file's whole content, or the variable's value.
    pub value: String,
}

/// Where a bait lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BaitKind {
    /// In a file of the environment; one below a home belongs to that home's user.
    File {
        /// Absolute path inside.
        path: String,
        /// Mode bits.
        mode: u32,
    },
    /// In an answer of the network: a cloud's metadata service.
    Answer {
        /// Where it is asked for.
        url: String,
    },
    /// In an environment variable.
    Env {
        /// Its name.
        name: String,
    },
}

/// The home of whoever runs.
pub(crate) fn home(identity: &Identity, user: crate::plan::RunAs) -> String {
    match user {
        crate::plan::RunAs::Root => "/root".into(),
        crate::plan::RunAs::User => identity.home(),
    }
}
