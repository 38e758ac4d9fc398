//! The matrix on a terminal.

use crate::terminal::{Out, Style, clean, shorten};
use detektr_validate::matrix::{Matrix, RuleRow, State, Status};
use std::io::{self, Write as _};

/// Sentences are cut to so many letters.
const LONG: usize = 240;

pub fn matrix(matrix: &Matrix, out: &mut Out) -> io::Result<()> {
    let totals = &matrix.totals;
    for rule in &matrix.rules {
        // those that nothing was executed for are counted, and named in the other forms
        if rule.status != Status::NeverExercised || !rule.false_positives.is_empty() {
            told(rule, out)?;
        }
    }
    for variant in matrix.variants.iter().filter(|variant| variant.state != State::Ready) {
        let state = out.style.yellow(&format!("{:<15}", words(variant.state.name())));
        writeln!(out, "{state} variant {}: {}", clean(&variant.id), clean(&variant.why))?;
    }
    for twin in matrix.twins.iter().filter(|twin| twin.state != State::Ready) {
        let state = out.style.yellow(&format!("{:<15}", words(twin.state.name())));
        writeln!(out, "{state} twin of {}: {}", clean(&twin.id), clean(&twin.why))?;
    }
    writeln!(
        out,
        "{} rules: {} proven, {} in part, {} missed everything, {} matched only what Detektr chose, {} need telemetry, \
         {} inconclusive, {} never exercised; {} fire on a twin",
        totals.rules,
        totals.proven,
        totals.partly,
        totals.missed,
        totals.harness_only,
        totals.needs_telemetry,
        totals.inconclusive,
        totals.never_exercised,
        totals.false_positive
    )?;
    writeln!(
        out,
        "{} of {} variants did what they are there for, {} of them found by a rule of their technique; {} twins; {} \
         detonated now",
        totals.variants_ready, totals.variants, totals.variants_found, totals.twins, totals.detonated
    )?;
    if matrix.interrupted {
        writeln!(out, "interrupted: what is done is kept, and is used again by the same command")?;
    }
    Ok(())
}

fn words(name: &str) -> String {
    name.replace('_', " ")
}

fn coloured(status: Status, text: &str, style: Style) -> String {
    match status {
        Status::Proven => style.green(text),
        Status::Missed => style.red(text),
        Status::Partly | Status::HarnessOnly | Status::Inconclusive => style.yellow(text),
        Status::NeedsTelemetry | Status::NeverExercised => style.dim(text),
    }
}

fn told(rule: &RuleRow, out: &mut Out) -> io::Result<()> {
    let style = out.style;
    let word = coloured(rule.status, &format!("{:<15}", words(rule.status.name())), style);
    let techniques = rule.techniques.join(" ");
    writeln!(out, "{word} {} {}", style.bold(&clean(&rule.title)), style.dim(&clean(&techniques)))?;
    if !matches!(rule.status, Status::Proven | Status::Partly) {
        writeln!(out, "  {}", shorten(&clean(&rule.sentence), LONG))?;
    }
    if !rule.proven.is_empty() {
        let names: Vec<String> = rule.proven.iter().map(|hit| clean(&hit.variant)).collect();
        writeln!(out, "  proven by {}", names.join(", "))?;
    }
    if rule.status == Status::Partly {
        for miss in &rule.missed {
            writeln!(out, "  missed {}: {}", clean(&miss.variant), shorten(&clean(&miss.sentence), LONG))?;
        }
    }
    for hit in &rule.false_positives {
        let fields: Vec<String> =
            hit.fields.iter().take(3).map(|(name, value)| format!("{name}=`{}`", clean(value))).collect();
        let fields = shorten(&fields.join(", "), LONG);
        writeln!(out, "  {} on the twin of {}: {fields}", style.red("false positive"), clean(&hit.variant))?;
    }
    Ok(())
}
