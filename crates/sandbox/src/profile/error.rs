//! What is wrong with a profile, where, and what to write instead.

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Why a profile can't be used.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum ProfileError {
    /// The file can't be read as text.
    #[error("can't read the profile {}", .file.display())]
    #[diagnostic(
        code(detektr::profile::unreadable),
        help("check that the file exists, that you may read it, and that it is UTF-8 text")
    )]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What it says can't be used.
    #[error("the profile {} can't be used", .file.display())]
    #[diagnostic(code(detektr::profile::invalid))]
    Invalid {
        /// The file.
        file: PathBuf,
        /// Each mistake, in the order of the file.
        #[related]
        problems: Vec<Problem>,
    },
}

impl ProfileError {
    pub(super) fn invalid(file: &Path, text: &str, mut problems: Vec<Problem>) -> Self {
        let name = file.display().to_string();
        problems.sort_by_key(|problem| problem.span.start);
        for problem in &mut problems {
            problem.locate(&name, text);
        }
        ProfileError::Invalid { file: file.to_owned(), problems }
    }
}

/// One mistake.
#[derive(Debug)]
pub struct Problem {
    /// Name of the file.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub what: String,
    /// What to write instead.
    pub help: Option<String>,
    code: &'static str,
    source: NamedSource<String>,
    pub(super) span: Range<usize>,
}

impl Problem {
    pub(super) fn new(span: Range<usize>, code: &'static str, what: impl Into<String>) -> Self {
        Problem {
            file: String::new(),
            line: 0,
            column: 0,
            what: what.into(),
            help: None,
            code,
            source: NamedSource::new("", String::new()),
            span,
        }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    fn locate(&mut self, name: &str, text: &str) {
        let before = text.get(..self.span.start).unwrap_or(text);
        self.line = before.matches('\n').count() + 1;
        self.column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        self.file = name.to_owned();
        self.source = NamedSource::new(name, text.to_owned());
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.what)
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(format!("detektr::profile::{}", self.code)))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as _)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = LabeledSpan::new_with_span(Some("here".to_owned()), self.span.clone());
        Some(Box::new(std::iter::once(label)))
    }
}
