//! JSON Schemas of the bundle's documents, generated from the types.

use crate::bundle::Start;
use crate::changes::Change;
use crate::manifest::Manifest;
use crate::persistence::Persistence;

/// The schema of `manifest.json`.
pub fn manifest() -> serde_json::Value {
    schemars::schema_for!(Manifest).to_value()
}

/// The schema of one line of `changes.ndjson`.
pub fn change() -> serde_json::Value {
    schemars::schema_for!(Change).to_value()
}

/// The schema of `persistence.json`.
pub fn persistence() -> serde_json::Value {
    schemars::schema_for!(Persistence).to_value()
}

/// The schema of `start.json`, which an unsealed bundle has.
pub fn start() -> serde_json::Value {
    schemars::schema_for!(Start).to_value()
}
