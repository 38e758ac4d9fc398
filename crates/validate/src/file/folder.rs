//! Folders of rules and of validations.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The `.yml` and `.yaml` files in `folder` and below, ordered by their paths. Links to files are taken; links to
/// folders are not followed, for they may lead in a circle.
///
/// # Errors
/// Where a folder can't be read: what lies in it would be left out unseen.
pub fn yaml_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut todo = vec![folder.to_owned()];
    while let Some(folder) = todo.pop() {
        let unreadable = |e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", folder.display()));
        for entry in fs::read_dir(&folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let path = entry.path();
            if entry.file_type().map_err(unreadable)?.is_dir() {
                todo.push(path);
            } else if path.extension().is_some_and(|end| end == "yml" || end == "yaml") && path.is_file() {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::yaml_files;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn files_are_found_in_order_and_links_to_folders_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("a/b")).unwrap();
        for name in ["z.yml", "a/b/c.yaml", "a/notes.txt", "a/d.yml"] {
            fs::write(at(name), "x").unwrap();
        }
        symlink(folder.path(), at("a/circle")).unwrap();
        symlink(at("a/notes.txt"), at("link.yml")).unwrap();
        symlink(at("nothing"), at("gone.yml")).unwrap();
        let wanted = ["a/b/c.yaml", "a/d.yml", "link.yml", "z.yml"].map(at);
        assert_eq!(yaml_files(folder.path()).unwrap(), wanted);
        let error = yaml_files(&at("nowhere")).unwrap_err();
        assert!(error.to_string().contains("nowhere"), "{error}");
    }
}
