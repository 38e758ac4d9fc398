//! Which files are validated: those that are named, and of folders those that are validations.

use crate::failure::{Failure, shown};
use detektr_validate::file::yaml_files;
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
    found.dedup();
    Ok(found)
}

/// Rules, profiles and other YAML lie beside validations; a validation has both keys at the top.
fn is_validation(path: &Path) -> bool {
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let has =
        |key: &str| text.lines().any(|line| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':')));
    has("detektr") && has("attack")
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
        let found = files(&[folder.path().to_owned()]).unwrap();
        assert_eq!(found, [folder.path().join("a/c.yml"), folder.path().join("b.yaml")]);
    }

    #[test]
    fn a_folder_without_a_validation_and_a_missing_file_are_usage_errors() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().to_owned(), folder.path().join("none.yaml")] {
            assert_eq!(files(&[path]).unwrap_err().exit(), crate::exit::USAGE);
        }
    }
}
