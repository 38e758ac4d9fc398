//! What is wrong with a file, where, and what to write instead.

use crate::harmless::{harmless, shown};
use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};
use std::fmt;
use std::ops::Range;
use std::path::Path;

/// Sorts the mistakes by their place in `text`, the content of `file`, and tells each its place. `area` is the middle
/// of their codes (`detektr::AREA::CODE`).
pub fn locate(area: &'static str, file: &Path, text: &str, mut problems: Vec<Problem>) -> Vec<Problem> {
    let name = shown(file);
    let safe = harmless(text);
    problems.sort_by_key(|problem| problem.span.start);
    for problem in &mut problems {
        problem.locate(area, &name, &safe);
    }
    problems
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
    area: &'static str,
    source: NamedSource<String>,
    /// Where, in bytes.
    pub span: Range<usize>,
}

impl Problem {
    /// A mistake at `span`, with a stable code; [`locate`] adds the rest.
    pub fn new(span: Range<usize>, code: &'static str, what: impl Into<String>) -> Self {
        Problem {
            file: String::new(),
            line: 0,
            column: 0,
            what: what.into(),
            help: None,
            code,
            area: "",
            source: NamedSource::new("", String::new()),
            span,
        }
    }

    /// With what to write instead.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    fn locate(&mut self, area: &'static str, name: &str, text: &str) {
        self.area = area;
        self.what = harmless(&self.what);
        self.help = self.help.take().map(|help| harmless(&help));
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
        Some(Box::new(format!("detektr::{}::{}", self.area, self.code)))
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
