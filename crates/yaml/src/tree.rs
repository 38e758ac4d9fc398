//! YAML as a tree in which everything knows its place. Only what Detektr's own files need: no anchors, no tags, one
//! document, no key twice.

use crate::problem::Problem;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span};
use std::ops::Range;

/// Largest file, and deepest nesting.
pub(crate) const BYTES: usize = 1 << 20;
const DEPTH: usize = 16;

/// A value with its place, in bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it stands.
    pub span: Range<usize>,
    /// What it is.
    pub value: Value,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text; `plain` where it stands without quotes, so that it could be a number or a truth value.
    Scalar {
        /// The text.
        text: String,
        /// It stands without quotes.
        plain: bool,
    },
    /// Values one after the other.
    List(Vec<Node>),
    /// Values by key, in the order of the file.
    Map(Vec<(Key, Node)>),
}

/// A key with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// Where it stands.
    pub span: Range<usize>,
    /// The key.
    pub text: String,
}

impl Node {
    /// The tree of `text`.
    ///
    /// # Errors
    /// The first place that is no YAML, or YAML that has no place here.
    pub fn parse(text: &str) -> Result<Node, Box<Problem>> {
        if text.len() > BYTES {
            return Err(Problem::new(0..0, "size", format!("a file of more than {BYTES} bytes")).into());
        }
        let mut builder = Builder { lines: Lines::of(text), parser: Parser::new_from_str(text) };
        let mut root = None;
        loop {
            match builder.next()? {
                (Event::StreamEnd, _) => break,
                (Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing, _) => {}
                (_, span) if root.is_some() => {
                    let what = "a second document in one file";
                    return Err(Problem::new(span, "yaml", what).help("give each a file of its own").into());
                }
                (event, span) => root = Some(builder.node(event, span, 0)?),
            }
        }
        root.ok_or_else(|| {
            Problem::new(0..0, "empty", "the file is empty").help("begin it with `detektr: 1`").into()
        })
    }

    /// What kind of value it is, for people.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null") => "nothing",
            Value::Scalar { .. } => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a group of keys",
        }
    }
}

struct Builder<'t> {
    lines: Lines<'t>,
    parser: Parser<'t, saphyr_parser::StrInput<'t>>,
}

impl<'t> Builder<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Range<usize>), Box<Problem>> {
        match self.parser.next_event() {
            None => Ok((Event::StreamEnd, 0..0)),
            Some(Ok((event, span))) => Ok((event, self.lines.range(&span))),
            Some(Err(error)) => {
                let at = self.lines.offset(error.marker());
                let what = format!("this is no YAML: {}", error.info());
                Err(Problem::new(at..at, "yaml", what)
                    .help(
                        "check indentation (spaces, no tabs), colons followed by a space, and closed quotes",
                    )
                    .into())
            }
        }
    }

    fn node(&mut self, event: Event<'t>, span: Range<usize>, depth: usize) -> Result<Node, Box<Problem>> {
        if depth > DEPTH {
            return Err(Problem::new(span, "yaml", format!("nested more than {DEPTH} deep")).into());
        }
        let (anchor, tag) = match &event {
            Event::Scalar(_, _, anchor, tag) => (*anchor, tag.is_some()),
            Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => (*anchor, tag.is_some()),
            Event::Alias(_) => (1, false),
            _ => (0, false),
        };
        if anchor != 0 {
            let problem = Problem::new(
                span,
                "yaml",
                "anchors and aliases (`&name`, `*name`) are no part of these files",
            );
            return Err(problem.help("write the value out where it is needed").into());
        }
        if tag {
            let problem = Problem::new(span, "yaml", "tags (`!name`) are no part of these files");
            return Err(problem.help("leave the tag out; quotes make text of a number").into());
        }
        match event {
            Event::Scalar(text, style, ..) => {
                let plain = style == ScalarStyle::Plain;
                Ok(Node { span, value: Value::Scalar { text: text.into_owned(), plain } })
            }
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => return Ok(Node { span, value: Value::List(items) }),
                        (event, span) => items.push(self.node(event, span, depth + 1)?),
                    }
                }
            }
            Event::MappingStart(..) => self.map(span, depth),
            _ => Err(Problem::new(span, "yaml", "this is no value").into()),
        }
    }

    fn map(&mut self, span: Range<usize>, depth: usize) -> Result<Node, Box<Problem>> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        loop {
            let (event, at) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(Node { span, value: Value::Map(entries) });
            }
            let key = match self.node(event, at, depth + 1)? {
                Node { span, value: Value::Scalar { text, .. } } => Key { span, text },
                Node { span, .. } => {
                    return Err(Problem::new(span, "yaml", "a key must be a single word").into());
                }
            };
            if let Some((first, _)) = entries.iter().find(|(other, _)| other.text == key.text) {
                let line = self.lines.line_of(first.span.start);
                let what = format!("`{}` stands here for the second time (first in line {line})", key.text);
                return Err(Problem::new(key.span, "duplicate", what).help("keep one of the two").into());
            }
            let (event, at) = self.next()?;
            let value = self.node(event, at, depth + 1)?;
            entries.push((key, value));
        }
    }
}

/// Where the lines of a text begin.
struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Lines { text, starts }
    }

    /// The parser counts lines from 1 and columns in characters from 0.
    fn offset(&self, marker: &Marker) -> usize {
        let Some(start) = self.starts.get(marker.line().saturating_sub(1)) else { return self.text.len() };
        let line = &self.text[*start..];
        line.char_indices().nth(marker.col()).map_or(self.text.len(), |(at, _)| start + at)
    }

    fn range(&self, span: &Span) -> Range<usize> {
        let (start, end) = (self.offset(&span.start), self.offset(&span.end));
        let end = end.max(start);
        // A span that runs over line ends is shown by its first line.
        let text = &self.text[start..end];
        let first = text.lines().next().unwrap_or_default().trim_end();
        start..start + first.len()
    }

    fn line_of(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }
}
