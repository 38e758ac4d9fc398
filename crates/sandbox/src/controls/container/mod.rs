//! A container's security as a manifest has it: a Kubernetes workload, a compose service, or a Pod Security Standard by
//! name. What a runtime does to every container comes with it; what can't be enforced is a problem at its place.

mod compose;
mod kubernetes;
mod manifest;
mod runtime;
mod settings;

#[cfg(test)]
mod tests;

use super::{Problem, Translation};
use detektr_yaml::Value;
use manifest::Manifest;
use settings::{Seccomp, Settings};
use std::collections::BTreeSet;

/// The Pod Security Standards.
pub const STANDARDS: [&str; 3] = ["privileged", "baseline", "restricted"];

/// The least that a Pod Security Standard asks for; none for one that asks for nothing, or that there is not.
pub fn standard(name: &str) -> Option<Translation> {
    let mut settings = Settings::default();
    match name {
        "baseline" => {}
        "restricted" => {
            settings.non_root = Some(true);
            settings.no_new_privs = true;
            settings.seccomp = Seccomp::RuntimeDefault;
            settings.drop.insert("ALL".into());
        }
        _ => return None,
    }
    settings.applied("podSecurity", name, "");
    settings.finish().ok()
}

/// Reads the manifest `text` of `file`. `container` names one of its containers, where there are several. `ignored` names
/// fields that may be left out where they can't be enforced.
///
/// # Errors
/// Every field that is wrong, or can't be enforced and is not ignored; and a container that is restricted by nothing.
pub fn read(
    file: &str,
    text: &str,
    container: Option<&str>,
    ignored: &BTreeSet<String>,
) -> Result<Translation, Vec<Problem>> {
    let mut manifest = Manifest::new(file, text, ignored);
    let documents = manifest.documents();
    if !manifest.problems.is_empty() {
        return Err(manifest.problems);
    }
    let compose = documents.iter().find_map(|document| match &document.value {
        Value::Map(entries) => entries.iter().find(|(key, _)| key.text == "services").map(|(_, node)| node),
        _ => None,
    });
    let settings = match compose {
        Some(services) => compose::settings(&mut manifest, services, container),
        None => kubernetes::settings(&mut manifest, &documents, container),
    };
    manifest.check_ignored();
    match settings {
        Some(settings) if manifest.problems.is_empty() => settings.finish().map_err(|(what, remedy)| {
            vec![Problem { file: file.into(), line: 1, what, remedy: remedy.into() }]
        }),
        _ => Err(manifest.problems),
    }
}
