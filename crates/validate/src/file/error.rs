//! Why a file of the user's, a validation or a pattern, can't be used.

use detektr_yaml::{Node, Problem, Reader, locate, shown};
use miette::Diagnostic;
use std::io;
use std::path::{Path, PathBuf};

/// Why a file can't be used.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum FileError {
    /// The file can't be read as text.
    #[error("can't read {}", shown(.file))]
    #[diagnostic(
        code(detektr::validate::unreadable),
        help(
            "check that the file exists, that you may read it, and that it is UTF-8 text of no more than 1 MiB"
        )
    )]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What it says can't be used.
    #[error("the {what} {} can't be used", shown(.file))]
    #[diagnostic(code(detektr::validate::invalid))]
    Invalid {
        /// What it is meant to be: `validation`, `pattern`.
        what: &'static str,
        /// The file.
        file: PathBuf,
        /// Each mistake, in the order of the file.
        #[related]
        problems: Vec<Problem>,
    },
    /// More than one file can't be used.
    #[error("{} files can't be used", .each.len())]
    #[diagnostic(code(detektr::validate::invalid))]
    Several {
        /// Why not, for each of them.
        #[related]
        each: Vec<FileError>,
    },
}

impl FileError {
    /// The text of the file `path`.
    ///
    /// # Errors
    /// Where it can't be read.
    pub(crate) fn text(path: &Path) -> Result<String, FileError> {
        detektr_yaml::text(path).map_err(|source| FileError::Unreadable { file: path.to_owned(), source })
    }

    /// What `of` makes of `text`, the content of `path`, which is meant to be a `what`.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub(crate) fn parse<T>(
        what: &'static str,
        path: &Path,
        text: &str,
        of: impl FnOnce(&mut Reader, &Node) -> Option<T>,
    ) -> Result<T, FileError> {
        detektr_yaml::read(text, of).map_err(|problems| FileError::invalid(what, path, text, problems))
    }

    pub(crate) fn invalid(what: &'static str, file: &Path, text: &str, problems: Vec<Problem>) -> Self {
        let area = match what {
            "pattern" => "pattern",
            "atomic test" => "atomic",
            "baseline" => "baseline",
            "project file" => "project",
            _ => "validate",
        };
        let problems = locate(area, file, text, problems);
        FileError::Invalid { what, file: file.to_owned(), problems }
    }

    /// What is wrong with at least one file, as one.
    pub fn together(mut each: Vec<FileError>) -> Self {
        if each.len() == 1 { each.remove(0) } else { FileError::Several { each } }
    }

    /// What is wrong with several files.
    ///
    /// # Errors
    /// Where something is wrong with any.
    pub(crate) fn all(each: Vec<FileError>) -> Result<(), FileError> {
        if each.is_empty() { Ok(()) } else { Err(FileError::together(each)) }
    }
}
