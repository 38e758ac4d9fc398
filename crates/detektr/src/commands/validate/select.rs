//! Which files are validated: those that are named, and of folders those that are validations.

use crate::failure::{Failure, shown};
use detektr_netsim::site;
use detektr_sandbox::profile;
use detektr_validate::file::yaml_files;
use detektr_validate::{baseline, project};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The validation files that `named` means, in the order of their names within a folder.
pub fn files(named: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for path in named {
        let metadata = fs::metadata(path).map_err(|e| unreadable(path, e))?;
        if metadata.is_dir() {
            let below = yaml_files(path).map_err(|e| unreadable(path, e))?;
            let before = found.len();
            found.extend(below.into_iter().filter(|file| is_validation(file)));
            if found.len() == before {
                return Err(Failure::usage(
                    "detektr::validate::nothing",
                    format!("no validation in the folder {}", shown(path)),
                )
                .help("a validation is a .yaml or .yml file with the keys `detektr` and `attack`"));
            }
        } else {
            found.push(path.clone());
        }
    }
    // a file that is named twice, as by its folder too, is asked once
    let mut seen = BTreeSet::new();
    found.retain(|file| seen.insert(file.canonicalize().unwrap_or_else(|_| file.clone())));
    Ok(found)
}

/// Whether `path`, found in a folder, is meant as a validation: of the YAML that may lie beside one, rules have no
/// `detektr` key, and profiles, site files, project files and baselines have no keys but their own. What is misspelt must be told, not passed over.
fn is_validation(path: &Path) -> bool {
    // line by line, for what can't be parsed must be told as well
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let key = |line: &'_ str| line.split_once(':').map(|(key, _)| key.trim_end().to_owned());
    let at_top = |line: &&str| line.starts_with(|first: char| first.is_alphanumeric() || first == '_');
    let keys: Vec<String> = text.lines().filter(at_top).filter_map(key).collect();
    let only = |known: &[&str]| keys.iter().all(|key| known.contains(&key.as_str()));
    let other = [profile::KEYS, site::KEYS, project::KEYS, baseline::KEYS];
    keys.iter().any(|key| key == "detektr") && !other.iter().any(|known| only(known))
        || keys.iter().any(|key| key == "attack")
}

fn unreadable(path: &Path, e: std::io::Error) -> Failure {
    Failure::usage("detektr::validate::file", format!("can't read {}", shown(path)))
        .because(e)
        .help("name a validation file, or a folder of them")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_folder_only_validations_are_taken_in_the_order_of_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("b.yaml", "detektr: 1\nattack: ./x.sh\n");
        write("a/c.yml", "# first\ndetektr: 1\nattack: ./x.sh\n");
        write("rule.yml", "title: x\ndetection:\n  attack: y\n");
        write("profile.yaml", "detektr: 1\nuser: root\n");
        write("detektr.yaml", "detektr: 1\nprofiles: {}\n");
        write("detektr-baseline.yaml", "detektr: 1\nverdicts: {}\n");
        write("site.yaml", "detektr: 1\nhttp:\n  - {delay: 2s}\n");
        let found = files(&[folder.path().to_owned()]).unwrap();
        assert_eq!(found, [folder.path().join("a/c.yml"), folder.path().join("b.yaml")]);
        let named = ["b.yaml", "", "./a/../b.yaml"].map(|name| folder.path().join(name));
        assert_eq!(files(&named).unwrap(), [folder.path().join("b.yaml"), folder.path().join("a/c.yml")]);
    }

    #[test]
    fn a_validation_with_a_mistake_at_its_top_is_not_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let texts =
            ["detektr: 1\natack: ./x.sh\n", "detector: 1\nattack: ./x.sh\n", "detektr: 1\nattack: [\n"];
        for (at, text) in texts.iter().enumerate() {
            fs::write(folder.path().join(format!("{at}.yaml")), text).unwrap();
        }
        assert_eq!(files(&[folder.path().to_owned()]).unwrap().len(), texts.len());
    }

    #[test]
    fn a_folder_without_a_validation_and_a_missing_file_are_usage_errors() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().to_owned(), folder.path().join("none.yaml")] {
            assert_eq!(files(&[path]).unwrap_err().exit(), crate::exit::USAGE);
        }
    }
}
