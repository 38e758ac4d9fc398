//! JSON Schemas of the bundle's documents, generated from the types.

use crate::bundle::Start;
use crate::changes::Change;
use crate::manifest::Manifest;

/// The schema of `manifest.json`.
pub fn manifest() -> serde_json::Value {
    schemars::schema_for!(Manifest).to_value()
}

/// The schema of one line of `changes.ndjson`.
pub fn change() -> serde_json::Value {
    schemars::schema_for!(Change).to_value()
}

/// The schema of `start.json`, which an unsealed bundle has.
pub fn start() -> serde_json::Value {
    schemars::schema_for!(Start).to_value()
}
