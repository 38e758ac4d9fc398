//! The pattern as its file has it: the type that the JSON Schema is made from. A test holds it and the reader together.

use crate::file::{OneOrMore, UserForm};
use schemars::JsonSchema;
use std::collections::BTreeMap;

/// An attack pattern for `detektr pattern` and `attack: {pattern: ID}`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, title = "Detektr pattern")]
#[expect(dead_code, reason = "only its schema is used")]
pub struct PatternForm {
    /// Version of the format.
    #[schemars(range(min = 1, max = 1))]
    detektr: u64,
    /// Id, which never changes.
    #[schemars(regex(pattern = r"^[a-z][a-z0-9-]*$"))]
    pattern: String,
    /// What it does, in a few words.
    title: String,
    /// The technique's id in ATT&CK v19.1 (`T1053.003`).
    #[schemars(regex(pattern = r"^T[0-9]{4}(\.[0-9]{3})?$"))]
    technique: String,
    /// The tactic that it serves (`persistence`).
    tactic: String,
    /// What it emulates.
    emulates: String,
    /// Why it is harmless.
    harmless: String,
    /// CEL over facts: what every variant reaches, and the twin does not.
    goal: String,
    /// Whom it runs as: root of the environment (the default) or its ordinary user.
    #[schemars(rename = "as")]
    run_as: Option<UserForm>,
    /// Programs that all scripts need in the environment, beside a shell and the core utilities.
    requires: Option<OneOrMore<String>>,
    /// The ways to the goal, by name.
    variants: BTreeMap<String, ScriptForm>,
    /// Ordinary work that comes near and does not reach the goal; works where it exits with 0.
    benign: ScriptForm,
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum ScriptForm {
    /// The text; for `/bin/sh` where it has no interpreter line.
    Text(String),
    /// With what it needs.
    Group(ScriptGroup),
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct ScriptGroup {
    /// The text; for `/bin/sh` where it has no interpreter line.
    script: String,
    /// Programs that it needs. `detektr-actor` is brought along: it does what shells can't.
    requires: Option<OneOrMore<String>>,
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::PatternForm;

    #[test]
    fn the_schema_knows_the_keys_that_are_read() {
        let schema = schemars::schema_for!(PatternForm).to_value();
        for (place, keys) in
            [("/properties", read::KEYS), ("/$defs/ScriptGroup/properties", read::SCRIPT_KEYS)]
        {
            let mut told: Vec<&str> =
                schema.pointer(place).unwrap().as_object().unwrap().keys().map(String::as_str).collect();
            let mut keys = keys.to_vec();
            told.sort_unstable();
            keys.sort_unstable();
            assert_eq!(told, keys, "{place}");
        }
    }
}
