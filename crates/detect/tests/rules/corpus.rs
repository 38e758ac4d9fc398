//! The rules that Sigma publishes for Linux, where they are at hand.

use detektr_detect::RuleSet;
use std::fs;
use std::path::{Path, PathBuf};

fn rules() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = std::env::var_os("DETEKTR_SHARED_DATA").map_or_else(beside, PathBuf::from);
    Some(data.join("sigma-linux")).filter(|folder| folder.is_dir())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|end| end == "yml") {
            files.push(path);
        }
    }
}

#[test]
fn every_published_rule_loads_or_says_why_not() {
    let Some(folder) = rules() else {
        println!(
            "skipped: the Sigma rules are not at hand; name their folder's parent in DETEKTR_SHARED_DATA"
        );
        return;
    };
    let mut files = Vec::new();
    collect(&folder, &mut files);
    files.sort();
    let contents: Vec<(String, Vec<u8>)> =
        files.iter().map(|file| (file.display().to_string(), fs::read(file).unwrap())).collect();
    let (set, errors) =
        RuleSet::load_usable(contents.iter().map(|(name, content)| (name.as_str(), &content[..])));
    let loaded = set.rules().count();
    println!("{} files: {loaded} rules loaded, {} errors", files.len(), errors.len());
    assert!(loaded > 0);
    for error in &errors {
        println!("{error} ({})", error.remedy);
        assert!(!error.what.is_empty() && !error.remedy.is_empty() && !error.file.is_empty(), "{error:?}");
    }
    for (name, _) in &contents {
        let told =
            errors.iter().any(|error| error.file == *name) || set.rules().any(|rule| rule.file == *name);
        assert!(told, "{name} is neither loaded nor told of");
    }
}
