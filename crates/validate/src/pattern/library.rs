//! All patterns by id: those that ship, and those of the user's folders.

use super::{Pattern, Variant, read, shipped};
use crate::file::{FileError, yaml_files};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// The patterns that can be named.
#[derive(Clone, Debug)]
pub struct Library {
    patterns: BTreeMap<String, Pattern>,
}

/// Why a library can't be used.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// A folder can't be read.
    #[error("can't read {}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Files that are no patterns.
    #[error(transparent)]
    File(#[from] FileError),
    /// Two patterns of one id.
    #[error("{second}: the pattern `{id}` is in {first} already")]
    Twice {
        /// The id.
        id: String,
        /// Where it was first.
        first: String,
        /// Where it is again.
        second: String,
    },
}

/// A pattern that was named, and the variants that are meant.
#[derive(Clone, Copy, Debug)]
pub struct Named<'l> {
    /// The pattern.
    pub pattern: &'l Pattern,
    /// One variant, where one was named; else all.
    pub only: Option<&'l Variant>,
}

impl<'l> Named<'l> {
    /// The variants that are meant.
    pub fn variants(self) -> impl Iterator<Item = &'l Variant> {
        let all = if self.only.is_some() { &[][..] } else { &self.pattern.variants[..] };
        all.iter().chain(self.only)
    }
}

impl Library {
    /// Those that ship.
    pub fn shipped() -> Self {
        let patterns = shipped::FILES.iter().map(|(name, text)| {
            let pattern = read(Path::new(name), text).expect("a test reads them");
            (pattern.id.clone(), pattern)
        });
        Library { patterns: patterns.collect() }
    }

    /// Those that ship and those in `folders`.
    ///
    /// # Errors
    /// Every file that is no pattern; an id that is there twice.
    pub fn with(folders: &[PathBuf]) -> Result<Self, LibraryError> {
        let mut library = Library::shipped();
        let mut mistakes = Vec::new();
        for folder in folders {
            let unreadable = |source| LibraryError::Folder { folder: folder.clone(), source };
            for path in yaml_files(folder).map_err(unreadable)? {
                match Pattern::of(&path) {
                    Ok(pattern) => library.add(pattern)?,
                    Err(e) => mistakes.push(e),
                }
            }
        }
        FileError::all(mistakes)?;
        Ok(library)
    }

    fn add(&mut self, pattern: Pattern) -> Result<(), LibraryError> {
        if let Some(known) = self.patterns.get(&pattern.id) {
            let (first, second) = (known.source.clone(), pattern.source);
            return Err(LibraryError::Twice { id: pattern.id, first, second });
        }
        self.patterns.insert(pattern.id.clone(), pattern);
        Ok(())
    }

    /// All, by id.
    pub fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        self.patterns.values()
    }

    /// What `name` (`ID`, or `ID#VARIANT`) means.
    ///
    /// # Errors
    /// What is unknown, and what was probably meant.
    pub fn named(&self, name: &str) -> Result<Named<'_>, (String, String)> {
        let (id, variant) = name.split_once('#').map_or((name, None), |(id, variant)| (id, Some(variant)));
        let Some(pattern) = self.patterns.get(id) else {
            return Err((format!("there is no pattern `{id}`"), self.remedy(id)));
        };
        let Some(variant) = variant else { return Ok(Named { pattern, only: None }) };
        let Some(only) = pattern.variant(variant) else {
            let names: Vec<&str> = pattern.variants.iter().map(|variant| variant.name.as_str()).collect();
            let what = format!("the pattern `{id}` has no variant `{variant}`");
            return Err((what, detektr_yaml::suggestion(variant, &names)));
        };
        Ok(Named { pattern, only: Some(only) })
    }

    fn remedy(&self, id: &str) -> String {
        let ids: Vec<&str> = self.patterns.keys().map(String::as_str).collect();
        let near = detektr_yaml::suggestion(id, &ids);
        if near.starts_with("did you mean") { near } else { "`detektr pattern list` names them all".into() }
    }
}

impl Pattern {
    /// The pattern in the file `path`.
    ///
    /// # Errors
    /// Where it can't be read, or is no pattern.
    pub fn of(path: &Path) -> Result<Self, FileError> {
        read(path, &FileError::text(path)?)
    }
}
