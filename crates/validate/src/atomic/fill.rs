//! Filling a test's arguments into its commands.

use super::Test;
use std::collections::BTreeMap;

/// The value of each argument.
pub(super) type Values = BTreeMap<String, String>;

/// The values of `test`'s arguments where `chosen` are chosen.
///
/// # Errors
/// A choice that the test has no argument for, and what to do.
pub(super) fn values(test: &Test, chosen: &[(String, String)]) -> Result<Values, (String, String)> {
    let mut values: Values =
        test.arguments.iter().map(|argument| (argument.name.clone(), argument.default.clone())).collect();
    for (name, value) in chosen {
        match values.get_mut(name) {
            Some(known) => known.clone_from(value),
            None => {
                let names: Vec<&str> = test.arguments.iter().map(|one| one.name.as_str()).collect();
                let what = format!("{} has no argument `{name}`", test.id());
                let none = || "it has none: leave it out".to_owned();
                let help = if names.is_empty() { none() } else { detektr_yaml::suggestion(name, &names) };
                return Err((what, help));
            }
        }
    }
    Ok(values)
}

/// `text` with each `#{name}` replaced, and the folder of the original's files put where it belongs.
pub(super) fn fill(text: &str, values: &Values, folder: &str) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("#{") {
        filled.push_str(&rest[..at]);
        let name = rest[at + 2..].split_once('}').map(|(name, _)| name);
        match name.and_then(|name| Some((name, values.get(name)?))) {
            Some((name, value)) => {
                filled.push_str(value);
                rest = &rest[at + 3 + name.len()..];
            }
            None => {
                filled.push_str("#{");
                rest = &rest[at + 2..];
            }
        }
    }
    filled.push_str(rest);
    filled.replace("$PathToAtomicsFolder", folder).replace("PathToAtomicsFolder", folder)
}
