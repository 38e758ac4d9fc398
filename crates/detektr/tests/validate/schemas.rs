//! Documents held to the schemas of others, by `check-jsonschema`, which `scripts/setup.sh test` installs below target/.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of what is installed.
fn tools() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/test-tools")
}

/// Checks `file`; what is wrong with it, or nothing where it is as `schema` (arguments of the checker) says. Nothing at all where
/// the checker is missing.
fn check(file: &Path, schema: &[&str]) -> Option<Result<(), String>> {
    let python = tools().join("python");
    if !python.join("check_jsonschema").is_dir() {
        eprintln!("skipped: needs check-jsonschema (scripts/setup.sh test installs it)");
        return None;
    }
    let mut command = Command::new("python3");
    command.args(["-m", "check_jsonschema"]).args(schema).arg(file).env("PYTHONPATH", python);
    let output = command.output().unwrap();
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    Some(if output.status.success() { Ok(()) } else { Err(said) })
}

/// SARIF 2.1.0, by the schema of its committee.
pub fn sarif(file: &Path) -> Option<Result<(), String>> {
    let schema = tools().join("sarif/schema.json");
    if !schema.is_file() {
        eprintln!("skipped: needs the schema of SARIF (scripts/setup.sh test fetches it)");
        return None;
    }
    check(file, &["--regex-variant", "python", "--schemafile", schema.to_str().unwrap()])
}

/// An action of GitHub.
pub fn github_action(file: &Path) -> Option<Result<(), String>> {
    check(file, &["--builtin-schema", "vendor.github-actions"])
}

/// A configuration of GitLab's pipelines.
pub fn gitlab_ci(file: &Path) -> Option<Result<(), String>> {
    check(file, &["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"])
}
