//! The project file as it is written: the type that the JSON Schema is made from. A test holds it and the reader together.

use super::Settings;
use crate::file::Version;
use schemars::JsonSchema;
use std::collections::BTreeMap;

/// A project's settings for `detektr validate`, found upward from the working directory.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, title = "Detektr project")]
#[expect(dead_code, reason = "only its schema is used")]
pub struct ProjectForm {
    /// Version of the format.
    detektr: Version,
    /// Settings by the name of their profile: `default` holds for every run, another one where `--profile` names it.
    profiles: Option<BTreeMap<String, Settings>>,
}

#[cfg(test)]
mod tests {
    use super::super::{KEYS, read};
    use super::ProjectForm;
    use std::collections::BTreeSet;

    #[test]
    fn the_schema_and_the_reader_know_the_same_keys() {
        let schema = schemars::schema_for!(ProjectForm).to_value();
        for (pointer, keys) in [("/properties", KEYS), ("/$defs/Settings/properties", read::SETTINGS)] {
            let known: BTreeSet<&str> =
                schema.pointer(pointer).unwrap().as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(known, keys.iter().copied().collect(), "{pointer}");
        }
    }
}
