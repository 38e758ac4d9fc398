//! The examples that rules carry, run and written.
//!
//! They stand in the rule's own document as `rsigma.exemplars`: events with whether the rule is to match them.

use crate::processes::Processes;
use crate::rules::{RuleError, RuleRef, RuleSet, TICKS};
use crate::run::RuleReport;
use crate::trace;
use crate::view::{Field, Source, View, views};
use detektr_event::Event;
use rsigma_eval::{CompiledRule, ExemplarRunError, explain_rule, run_exemplars};
use rsigma_parser::{Expect, SigmaCollection, exemplars, parse_sigma_yaml};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The key that exemplars stand under.
const KEY: &str = "rsigma.exemplars";
/// Exemplars that are written at once.
pub const WRITTEN: usize = 20;

/// What became of one exemplar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tried {
    /// The rule that carries it.
    pub rule: RuleRef,
    /// Its name, or its number where it has none.
    pub name: String,
    /// Whether the rule did as the exemplar says.
    pub passed: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What became of the exemplars of a set of rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExemplarReport {
    /// Each exemplar.
    pub exemplars: Vec<Tried>,
    /// Rules that carry none.
    pub without: Vec<RuleRef>,
}

impl RuleSet {
    /// Runs the exemplars that the rules carry.
    ///
    /// # Errors
    /// Where one has not the shape of an exemplar.
    pub fn run_exemplars(&self) -> Result<ExemplarReport, RuleError> {
        // exemplars count in seconds
        let mut collection = self.collection.clone();
        for rule in &mut collection.correlations {
            rule.timespan.seconds /= TICKS;
            if let Some(gap) = &mut rule.gap {
                gap.seconds /= TICKS;
            }
        }
        let report = run_exemplars(&collection, &[]).map_err(|error| self.misshapen(&error))?;
        let rule = |id: &Option<String>| self.rules.get(id.as_deref()?).cloned();
        let tried = report.results.iter().filter_map(|result| {
            let (name, why) = (result.name.clone(), result.diagnostic.clone());
            Some(Tried { rule: rule(&result.rule_id)?, name, passed: result.passed, why })
        });
        Ok(ExemplarReport {
            exemplars: tried.collect(),
            without: report.missing.iter().filter_map(|missing| rule(&missing.rule_id)).collect(),
        })
    }

    /// The views of `events` that made the one rule of this set match in `report`, but for those that only Detektr's
    /// own start of the artifact made match. The first error of the stream ends it and is handed back.
    pub fn matching_views<E>(
        &self,
        report: &RuleReport,
        events: impl Iterator<Item = Result<Event, E>>,
    ) -> Result<Vec<View>, E> {
        let wanted: BTreeSet<u64> = report
            .rules
            .iter()
            .flat_map(|outcome| &outcome.matches)
            .filter(|found| !found.harness_only)
            .flat_map(|found| found.events.iter().copied())
            .collect();
        let compiled: Vec<CompiledRule> =
            self.collection.rules.iter().filter_map(|rule| rsigma_eval::compile_rule(rule).ok()).collect();
        let mut known = Processes::default();
        let mut found = Vec::new();
        for event in events {
            let event = event?;
            known.event(&event);
            if !wanted.contains(&event.seq) {
                continue;
            }
            found.extend(views(&event, &known).into_iter().filter(|view| {
                compiled.iter().any(|rule| {
                    view.source.serves(&rule.logsource)
                        && trace::verdict(&explain_rule(rule, view), view).matched == Some(true)
                })
            }));
        }
        Ok(found)
    }

    fn misshapen(&self, error: &ExemplarRunError) -> RuleError {
        let rule = match error {
            ExemplarRunError::Shape { rule, .. } => self.rules.get(rule),
            _ => None,
        };
        RuleError {
            file: rule.map(|rule| rule.file.clone()).unwrap_or_default(),
            what: error.to_string(),
            remedy:
                "give each exemplar a name of its own, `expect: match` or `no-match`, and `event`; for a \
                     correlation `events`, each with `offset` and `event`"
                    .into(),
        }
    }
}

/// The file with `views` of run `run` as further exemplars of its one rule; all else stays byte for byte. The first
/// [`WRITTEN`] are taken.
///
/// # Errors
/// Where there is nothing to write, the file has not one detection rule, it has exemplars of that run already, or
/// they can't be added without changing anything else.
pub fn with_exemplars(file: &str, content: &str, run: &str, views: &[View]) -> Result<String, RuleError> {
    let refused = |what: String, remedy: &str| RuleError { file: file.into(), what, remedy: remedy.into() };
    let parse = |text: &str| parse_sigma_yaml(text).ok().and_then(|parsed| parsed.into_result().ok());
    let before = parse(content).ok_or_else(|| {
        refused("it can't be parsed".into(), "correct it: `detektr rule test` tells what is wrong")
    })?;
    single(&before).map_err(|what| refused(what, "put the rule into a file of its own"))?;
    if views.is_empty() {
        let remedy = "`detektr rule check` tells why not; exemplars are of events that it matches";
        return Err(refused(format!("no event of run {run} makes its rule match"), remedy));
    }
    let had = exemplars(&before.rules[0]).map_err(|errors| {
        refused(format!("its exemplars are misshapen: {}", sentence(&errors)), "correct them first")
    })?;
    let prefix = format!("{run} event ");
    if had.iter().any(|one| one.name.starts_with(&prefix)) {
        return Err(refused(
            format!("it has exemplars of run {run} already"),
            "remove these first, if the run's events are to be written anew",
        ));
    }
    let views = &views[..views.len().min(WRITTEN)];
    let text = insert(content, &prefix, views);
    // the text was put in by its looks; whether it says what it should is asked of the parser
    let right = parse(&text).is_some_and(|after| {
        let all = after.rules.first().and_then(|rule| exemplars(rule).ok()).unwrap_or_default();
        same_but_for_exemplars(&before, &after)
            && all.len() == had.len() + views.len()
            && had.iter().zip(&all).all(|(old, new)| old == new)
            && all[had.len()..].iter().all(|one| one.expect == Expect::Match)
            && passes(file, &text, &prefix)
    });
    if !right {
        return Err(refused(
            "exemplars can't be added to it without changing more of it".into(),
            "write its keys one a line from the first column, and `rsigma.exemplars:` as a list of one item a line",
        ));
    }
    Ok(text)
}

/// Whether the file holds one detection rule and nothing else.
fn single(parsed: &SigmaCollection) -> Result<(), String> {
    let documents = parsed.rules.len() + parsed.correlations.len() + parsed.filters.len();
    match (documents, parsed.correlations.first(), parsed.filters.first()) {
        (1, None, None) => Ok(()),
        (0, ..) => Err("it holds no rule".into()),
        (1, Some(rule), _) => {
            Err(format!("`{}` is a correlation, whose events make other rules match", rule.title))
        }
        (1, ..) => Err("it holds a filter, which matches nothing".into()),
        (many, ..) => Err(format!("it holds {many} documents, and which rule is meant can't be told")),
    }
}

fn same_but_for_exemplars(before: &SigmaCollection, after: &SigmaCollection) -> bool {
    let bare = |collection: &SigmaCollection| {
        let mut collection = collection.clone();
        collection.rules.iter_mut().for_each(|rule| drop(rule.custom_attributes.remove(KEY)));
        collection
    };
    let (before, after) = (bare(before), bare(after));
    before.rules == after.rules && after.correlations.is_empty() && after.filters.is_empty()
}

/// Whether the exemplars of that run hold.
fn passes(file: &str, text: &str, prefix: &str) -> bool {
    RuleSet::load([(file, text.as_bytes())])
        .ok()
        .and_then(|set| set.run_exemplars().ok())
        .is_some_and(|report| report.exemplars.iter().all(|one| one.passed || !one.name.starts_with(prefix)))
}

fn sentence(errors: &[rsigma_parser::ExemplarShapeError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Puts the items behind those that are there, or a new block at the end of the document.
fn insert(content: &str, prefix: &str, views: &[View]) -> String {
    let end = if content.contains("\r\n") { "\r\n" } else { "\n" };
    let lines: Vec<&str> = content.split_inclusive('\n').collect();
    let (at, block) = match existing(&lines) {
        Some((at, indent)) => (at, items(indent, prefix, views)),
        None => (document_end(&lines), format!("{KEY}:\n{}", items(2, prefix, views))),
    };
    let mut text: String = lines[..at].concat();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push_str(end);
    }
    text.push_str(&block.replace('\n', end));
    text.push_str(&lines[at..].concat());
    text
}

/// Behind which line the exemplars that are there end, and how far their items are indented.
fn existing(lines: &[&str]) -> Option<(usize, usize)> {
    let indent = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let counts = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let key = format!("{KEY}:");
    let at = lines.iter().position(|line| {
        let rest = line.trim_start().strip_prefix(&key).map(str::trim);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('#'))
    })?;
    let first = (at + 1..lines.len()).find(|n| counts(lines[*n]))?;
    let item = indent(lines[first]);
    let inside =
        |line: &str| indent(line) > item || (indent(line) == item && line.trim_start().starts_with("- "));
    let last = (first..lines.len())
        .take_while(|n| !counts(lines[*n]) || inside(lines[*n]))
        .filter(|n| counts(lines[*n]));
    Some((last.last()? + 1, item))
}

/// Behind the last line of the document; before a mark that ends it.
fn document_end(lines: &[&str]) -> usize {
    let mark = lines.iter().rposition(|line| !line.trim().is_empty());
    match mark {
        Some(at) if at > 0 && matches!(lines[at].trim_end(), "..." | "---") => at,
        _ => lines.len(),
    }
}

fn items(indent: usize, prefix: &str, views: &[View]) -> String {
    let mut text = String::new();
    let pad = " ".repeat(indent);
    let mut last = (0, 0);
    for view in views {
        // several views of one event, as the records of auditd, need names of their own
        let nth = if last.0 == view.seq { last.1 + 1 } else { 1 };
        last = (view.seq, nth);
        let more = if nth > 1 { format!(".{nth}") } else { String::new() };
        let name = quoted(&format!("{prefix}{}{more}", view.seq));
        let source = source(view.source);
        let _ = writeln!(text, "{pad}- name: {name} # {source}\n{pad}  expect: match\n{pad}  event:");
        for (field, value) in &view.fields {
            let value = match value {
                Field::Text(value) => quoted(value),
                other => other.to_string(),
            };
            let _ = writeln!(text, "{pad}    {}: {value}", quoted(field));
        }
    }
    text
}

fn source(source: Source) -> String {
    let wanted = source.log_source();
    wanted.category.or(wanted.service).unwrap_or_default()
}

/// A double-quoted YAML scalar that any parser reads back as `text`: all but plain ASCII and letters is escaped.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            c if c.is_alphanumeric() => out.push(c),
            c if u32::from(c) <= 0xffff => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => {
                let _ = write!(out, "\\U{:08x}", u32::from(c));
            }
        }
    }
    out.push('"');
    out
}
