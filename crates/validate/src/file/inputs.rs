//! The files that a validation names: read once, kept by their path as written.

use super::LARGEST;
use super::folder::yaml_files;
use super::sources::Sources;
use crate::result::Inputs;
use detektr_yaml::{Node, Problem, Reader as Base};
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::ops::{Deref, DerefMut};
use std::path::{Component, Path, PathBuf};

/// A reader of the tree that also reads the files named in it.
pub(super) struct Reader<'a> {
    /// The validation's folder, where relative paths begin.
    pub(super) folder: &'a Path,
    pub(super) inputs: Inputs,
    /// Where in the file each question stands, in bytes, by its id.
    pub(super) places: BTreeMap<String, usize>,
    /// Where named attacks come from.
    pub(super) sources: &'a Sources,
    base: Base,
}

impl<'a> Reader<'a> {
    pub(super) fn new(folder: &'a Path, sources: &'a Sources) -> Self {
        Reader { folder, inputs: Inputs::new(), places: BTreeMap::new(), sources, base: Base::default() }
    }

    pub(super) fn finish(self) -> (Inputs, Vec<Problem>) {
        (self.inputs, self.base.problems)
    }

    /// Reads the file that `node` names; its key among the inputs.
    pub(super) fn file(&mut self, node: &Node, name: &str) -> Option<String> {
        let written = self.scalar(node, name, "the path of a file")?;
        self.named(node, &written)
    }

    /// Reads the file written as `written`; mistakes are told at `node`.
    pub(super) fn named(&mut self, node: &Node, written: &str) -> Option<String> {
        let key = tidy(written);
        if self.inputs.contains_key(&key) {
            return Some(key);
        }
        let path = self.folder.join(&key);
        match content(&path) {
            Ok(content) => {
                self.inputs.insert(key.clone(), content);
                Some(key)
            }
            Err(why) => {
                let what = format!("`{written}` can't be read: {why}");
                self.problem(node, "file", what, "name a file, relative to the folder of the validation");
                None
            }
        }
    }

    /// The rule files that `node` names: one file, or every `.yml` and `.yaml` below a folder.
    pub(super) fn rules(&mut self, node: &Node) -> Vec<String> {
        let Some(written) = self.scalar(node, "rule", "the path of a rule or of a folder of rules") else {
            return Vec::new();
        };
        if !self.folder.join(&written).is_dir() {
            return self.named(node, &written).into_iter().collect();
        }
        let found = match yaml_files(&self.folder.join(&written)) {
            Ok(found) => found,
            Err(e) => {
                let what = format!("the folder `{written}` can't be read: {e}");
                self.problem(node, "file", what, "name a folder that you may read, with all below it");
                return Vec::new();
            }
        };
        if found.is_empty() {
            let what = format!("the folder `{written}` holds no rule");
            self.problem(node, "file", what, "name a folder with .yml or .yaml files in it");
        }
        let folder = self.folder;
        found
            .iter()
            .filter_map(|path| {
                let inside = path.strip_prefix(folder).unwrap_or(path);
                self.named(node, &inside.to_string_lossy())
            })
            .collect()
    }
}

impl Deref for Reader<'_> {
    type Target = Base;

    fn deref(&self) -> &Base {
        &self.base
    }
}

impl DerefMut for Reader<'_> {
    fn deref_mut(&mut self) -> &mut Base {
        &mut self.base
    }
}

/// A path without its `./`.
fn tidy(written: &str) -> String {
    let path = Path::new(written);
    let parts: PathBuf = path.components().filter(|part| *part != Component::CurDir).collect();
    parts.to_string_lossy().into_owned()
}

fn content(path: &Path) -> Result<Vec<u8>, String> {
    let metadata = fs::metadata(path).map_err(|e| e.to_string())?;
    if !metadata.is_file() {
        return Err("it is no file".into());
    }
    if metadata.len() > LARGEST {
        return Err(format!("it is larger than {} MiB", LARGEST >> 20));
    }
    let mut content = Vec::new();
    let file = fs::File::open(path).map_err(|e| e.to_string())?;
    file.take(LARGEST).read_to_end(&mut content).map_err(|e| e.to_string())?;
    Ok(content)
}
