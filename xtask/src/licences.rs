//! The list of what is linked into `detektr`, each with its licence and the words of that licence, as those who pass the
//! binary on have to add it.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Writes the list to `file`.
pub fn write(workspace: &Path, file: &str) -> Result<String, String> {
    let packages = linked(workspace)?;
    let mut list = String::from(
        "Detektr is under the Apache License 2.0 (LICENSE). Linked into it are the packages below, each under the licence\n\
         that it names; the texts follow, each once, with the packages that carry it. Also linked: Rust's standard library\n\
         (MIT OR Apache-2.0), and, in a static binary, the GNU C Library (LGPL-2.1-or-later): whoever wants another one\n\
         builds the binary anew from Detektr's source with `make dist`.\n\n",
    );
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in &packages {
        let _ =
            writeln!(list, "{} {}: {} ({})", package.name, package.version, package.licence, package.source);
        for text in &package.texts {
            texts.entry(text.clone()).or_default().push(package.name.clone());
        }
    }
    for (text, names) in &texts {
        let _ = write!(list, "\n{}\n{}\n\n{}\n", "=".repeat(80), names.join(", "), text.trim());
    }
    std::fs::write(file, list).map_err(|e| format!("{file}: {e}"))?;
    Ok(format!("{} packages, {} texts of licences, written to {file}", packages.len(), texts.len()))
}

struct Package {
    name: String,
    version: String,
    licence: String,
    source: String,
    texts: Vec<String>,
}

/// The packages that the binary is linked from, but for the project's own.
fn linked(workspace: &Path) -> Result<Vec<Package>, String> {
    let tree = cargo(
        workspace,
        &[
            "tree",
            "--locked",
            "--package",
            "detektr",
            "--edges",
            "normal",
            "--target",
            TARGET,
            "--prefix",
            "none",
        ],
    )?;
    let used: Vec<(&str, &str)> = tree
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            Some((words.next()?, words.next()?.strip_prefix('v')?))
        })
        .collect();
    let metadata =
        cargo(workspace, &["metadata", "--locked", "--format-version", "1", "--filter-platform", TARGET])?;
    let metadata: Value = serde_json::from_str(&metadata).map_err(|e| format!("cargo metadata: {e}"))?;
    let own: Vec<&Value> = metadata["workspace_members"].as_array().into_iter().flatten().collect();
    let mut packages = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let text = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
        let (name, version) = (text("name"), text("version"));
        if own.contains(&&package["id"]) || !used.contains(&(name.as_str(), version.as_str())) {
            continue;
        }
        let licence = text("license");
        if licence.is_empty() {
            return Err(format!("{name} {version} names no licence"));
        }
        let folder = PathBuf::from(text("manifest_path"));
        let texts = texts(folder.parent().ok_or("a manifest without a folder")?)?;
        packages.push(Package { name, version, licence, source: text("repository"), texts });
    }
    packages.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    Ok(packages)
}

/// The files of a package that are licences or notices.
fn texts(folder: &Path) -> Result<Vec<String>, String> {
    let entries = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
        path.is_file()
            && ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE"]
                .iter()
                .any(|start| name.starts_with(start))
    });
    files.sort();
    files
        .iter()
        .map(|path| std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display())))
        .collect()
}

fn cargo(workspace: &Path, words: &[&str]) -> Result<String, String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output =
        Command::new(cargo).args(words).current_dir(workspace).output().map_err(|e| format!("cargo: {e}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    String::from_utf8(output.stdout).map_err(|e| format!("cargo {}: {e}", words[0]))
}
