//! The JSON Schemas of what Detektr writes and reads, generated from the types.

use serde_json::Value;
use std::fs;
use std::path::Path;

/// Each file under `schema/`, and what belongs into it.
fn all() -> Vec<(&'static str, Value)> {
    vec![
        ("behaviour.schema.json", schemars::schema_for!(detektr_detect::Finding).to_value()),
        ("change.schema.json", detektr_evidence::schema::change()),
        ("event.schema.json", schemars::schema_for!(detektr_event::Event).to_value()),
        ("manifest.schema.json", detektr_evidence::schema::manifest()),
        ("matrix.schema.json", schemars::schema_for!(detektr_validate::matrix::Matrix).to_value()),
        ("pattern.schema.json", schemars::schema_for!(detektr_validate::pattern::PatternForm).to_value()),
        ("persistence.schema.json", detektr_evidence::schema::persistence()),
        ("project.schema.json", schemars::schema_for!(detektr_validate::project::ProjectForm).to_value()),
        ("profile.schema.json", schemars::schema_for!(detektr_sandbox::profile::ProfileFile).to_value()),
        ("site.schema.json", schemars::schema_for!(detektr_netsim::site::SiteFile).to_value()),
        ("report.schema.json", schemars::schema_for!(detektr_report::model::Report).to_value()),
        ("validation.schema.json", schemars::schema_for!(detektr_validate::file::ValidationForm).to_value()),
        ("verdict.schema.json", schemars::schema_for!(detektr_validate::Verdict).to_value()),
    ]
}

fn text(schema: &Value) -> String {
    format!("{schema:#}\n")
}

/// Writes them all.
pub fn write(workspace: &Path) -> Result<String, String> {
    let folder = workspace.join("schema");
    fs::create_dir_all(&folder).map_err(|error| format!("can't make {}: {error}", folder.display()))?;
    for (name, schema) in all() {
        let file = folder.join(name);
        fs::write(&file, text(&schema))
            .map_err(|error| format!("can't write {}: {error}", file.display()))?;
    }
    Ok(format!("{} schemas written to schema/", all().len()))
}

/// Compares them with what the types say now.
pub fn check(workspace: &Path) -> Result<String, String> {
    let differs = |name: &&str, schema: &Value| {
        fs::read_to_string(workspace.join("schema").join(name)).ok().as_deref() != Some(&text(schema))
    };
    let stale: Vec<&str> =
        all().iter().filter(|(name, schema)| differs(name, schema)).map(|(name, _)| *name).collect();
    if stale.is_empty() {
        return Ok("all schemas are what the types say".to_owned());
    }
    Err(format!("schema/ is not what the types say: {}; run `cargo xtask schema`", stale.join(", ")))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_schemas_of_the_repository_are_those_of_the_types() {
        assert_eq!(super::check(&crate::workspace()), Ok("all schemas are what the types say".to_owned()));
    }
}
