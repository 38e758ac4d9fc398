//! A checkout of the original, and choosing tests in it.

use super::{Test, read};
use crate::file::FileError;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A checkout of Atomic Red Team.
#[derive(Clone, Debug)]
pub struct Atomics {
    root: PathBuf,
}

/// Why tests can't be had.
#[derive(Debug, thiserror::Error)]
pub enum AtomicError {
    /// The folder can't be read.
    #[error("can't read {}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The folder is no checkout.
    #[error("{} holds no atomic tests", folder.display())]
    Empty {
        /// The folder.
        folder: PathBuf,
    },
    /// A file is none of the original's.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no such test, or more than one.
    #[error("{what}")]
    Unknown {
        /// What is unknown.
        what: String,
        /// What to do.
        help: String,
    },
}

impl Atomics {
    /// The checkout `folder`, its folder `atomics`, or any folder of techniques.
    ///
    /// # Errors
    /// Where it can't be read, or holds no tests.
    pub fn open(folder: &Path) -> Result<Atomics, AtomicError> {
        let inner = folder.join("atomics");
        let atomics = Atomics { root: if inner.is_dir() { inner } else { folder.to_owned() } };
        if atomics.files()?.is_empty() {
            return Err(AtomicError::Empty { folder: folder.to_owned() });
        }
        Ok(atomics)
    }

    /// The folder of the techniques' folders.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Every test, in the order of techniques and numbers.
    ///
    /// # Errors
    /// Every file that is none of the original's.
    pub fn all(&self) -> Result<Vec<Test>, AtomicError> {
        let (mut tests, mut mistakes) = (Vec::new(), Vec::new());
        for (_, file) in self.files()? {
            match of_file(&file) {
                Ok(own) => tests.extend(own),
                Err(e) => mistakes.push(e),
            }
        }
        FileError::all(mistakes)?;
        Ok(tests)
    }

    /// What `name` means: `T1053.003` (each of its tests), `T1053.003#2`, `T1053.003#PART OF A NAME`, or a guid.
    ///
    /// # Errors
    /// What is unknown or ambiguous, and what to do.
    pub fn named(&self, name: &str) -> Result<Vec<Test>, AtomicError> {
        let unknown = |what: String, help: String| AtomicError::Unknown { what, help };
        if is_guid(name) {
            let own = self.all()?.into_iter().find(|test| test.guid.eq_ignore_ascii_case(name));
            let help = "`detektr atomic list --json` tells every guid";
            return own
                .map(|test| vec![test])
                .ok_or_else(|| unknown(format!("no test has the guid {name}"), help.into()));
        }
        let (technique, which) = name.split_once('#').map_or((name, None), |(id, which)| (id, Some(which)));
        let files = self.files()?;
        let Some((_, file)) = files.iter().find(|(id, _)| id.eq_ignore_ascii_case(technique)) else {
            let ids: Vec<&str> = files.iter().map(|(id, _)| id.as_str()).collect();
            let near = detektr_yaml::suggestion(technique, &ids);
            let list = "`detektr atomic list` names them all".to_owned();
            let help = if near.starts_with("did you mean") { near } else { list };
            let root = self.root.display();
            return Err(unknown(format!("there is no technique `{technique}` in {root}"), help));
        };
        let tests = of_file(file)?;
        let Some(which) = which else { return Ok(tests) };
        let listed = |tests: &[&Test]| {
            let each: Vec<String> =
                tests.iter().take(12).map(|test| format!("#{} {}", test.number, test.name)).collect();
            each.join(", ")
        };
        let fits: Vec<&Test> = match which.parse::<usize>() {
            Ok(number) => tests.iter().filter(|test| test.number == number).collect(),
            Err(_) => {
                let part = which.to_lowercase();
                let exact: Vec<&Test> =
                    tests.iter().filter(|test| test.name.to_lowercase() == part).collect();
                let near = || tests.iter().filter(|test| test.name.to_lowercase().contains(&part)).collect();
                if exact.is_empty() { near() } else { exact }
            }
        };
        match fits.as_slice() {
            [one] => Ok(vec![(*one).clone()]),
            [] => {
                let help = format!("it has {}", listed(&tests.iter().collect::<Vec<_>>()));
                Err(unknown(format!("{technique} has no test `{which}`"), help))
            }
            several => {
                let what =
                    format!("`{which}` is part of the names of {} tests of {technique}", several.len());
                Err(unknown(what, format!("give a number: {}", listed(several))))
            }
        }
    }

    /// The techniques and their files, in order: `T1053.003/T1053.003.yaml`, or that file alone.
    fn files(&self) -> Result<Vec<(String, PathBuf)>, AtomicError> {
        let unreadable = |source| AtomicError::Folder { folder: self.root.clone(), source };
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.root).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let Some(id) = path.file_stem().map(|name| name.to_string_lossy().into_owned()) else { continue };
            // of `T1053.003` the stem is `T1053`
            let id = if path.is_dir() { name_of(&path) } else { id };
            if !is_technique(&id) {
                continue;
            }
            let file = if path.is_dir() { path.join(format!("{id}.yaml")) } else { path };
            if file.is_file() && file.extension().is_some_and(|end| end == "yaml") {
                found.push((id, file));
            }
        }
        found.sort();
        Ok(found)
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn of_file(file: &Path) -> Result<Vec<Test>, FileError> {
    read(file, &FileError::text(file)?)
}

/// Whether `name` has the form of what [`Atomics::named`] knows: a technique, with or without a test, or a guid.
pub fn is_name(name: &str) -> bool {
    is_guid(name) || is_technique(name.split_once('#').map_or(name, |(technique, _)| technique))
}

fn is_technique(name: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    let Some(numbers) = name.strip_prefix('T') else { return false };
    match numbers.split_once('.') {
        Some((one, two)) => digits(one) && digits(two),
        None => digits(numbers),
    }
}

fn is_guid(name: &str) -> bool {
    let parts: Vec<&str> = name.split('-').collect();
    let lengths = [8, 4, 4, 4, 12];
    parts.len() == lengths.len()
        && parts
            .iter()
            .zip(lengths)
            .all(|(part, length)| part.len() == length && part.bytes().all(|c| c.is_ascii_hexdigit()))
}
