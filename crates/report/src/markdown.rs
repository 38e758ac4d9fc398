//! Markdown: a table of verdicts, and below it what each stands on.

use crate::placed::Placed;
use detektr_validate::Outcome;
use detektr_validate::baseline::{Change, Comparison};
use std::fmt::Write as _;

/// The text for `verdicts`, in their order.
pub fn markdown(verdicts: &[Placed<'_>]) -> String {
    let mut text = String::new();
    let count = |wanted| verdicts.iter().filter(|one| one.verdict.verdict == wanted).count();
    let _ = writeln!(
        text,
        "**{} hold, {} fail, {} inconclusive**\n",
        count(Outcome::Holds),
        count(Outcome::Fails),
        count(Outcome::Inconclusive)
    );
    text.push_str("| verdict | question | reason | sentence |\n|---|---|---|---|\n");
    for one in verdicts {
        let verdict = one.verdict;
        let _ = writeln!(
            text,
            "| {} | `{}` | `{}` | {} |",
            word(one),
            code(&verdict.id),
            code(&verdict.reason),
            cell(&verdict.sentence)
        );
    }
    let holds = |one: &Placed<'_>| one.verdict.verdict == Outcome::Holds && one.verdict.unexpected.is_none();
    for one in verdicts.iter().filter(|one| !holds(one)) {
        let verdict = one.verdict;
        let _ = writeln!(text, "\n### `{}`: {}\n", code(&verdict.id), word(one));
        let _ = writeln!(text, "{}", cell(&verdict.sentence));
        if let Some(why) = &verdict.unexpected {
            let _ = writeln!(text, "\nUnexpected: {}", cell(why));
        }
        if let Some(next) = &verdict.next {
            let _ = writeln!(text, "\nNext: {}", cell(next));
        }
        if !verdict.evidence.is_empty() {
            text.push('\n');
        }
        for link in &verdict.evidence {
            let events: Vec<String> = link.events.iter().map(u64::to_string).collect();
            let _ = writeln!(
                text,
                "- {} `{}`, events {}: {}",
                link.arm,
                code(&link.run),
                events.join(", "),
                cell(&link.what)
            );
        }
    }
    text
}

/// How the verdicts differ from the baseline, in words; nothing where they don't.
pub fn compared(comparison: &Comparison) -> String {
    let mut text = String::new();
    let lists: [(&str, &[Change]); 5] = [
        ("Regressed", &comparison.regressed),
        ("Better", &comparison.better),
        ("Changed", &comparison.changed),
        ("New", &comparison.new),
        ("Gone", &comparison.gone),
    ];
    for (title, changes) in lists.into_iter().filter(|(_, changes)| !changes.is_empty()) {
        let _ = writeln!(text, "\n### {title} ({})\n", changes.len());
        for change in changes {
            let _ = writeln!(text, "- `{}`: {}", code(&change.id), change.told());
        }
    }
    text
}

fn word(one: &Placed<'_>) -> &'static str {
    match (one.verdict.verdict, one.verdict.accepted, one.known) {
        (Outcome::Holds, ..) => "holds",
        (Outcome::Fails, true, _) => "fails (accepted)",
        (Outcome::Fails, false, true) => "fails (known)",
        (Outcome::Fails, false, false) => "**fails**",
        (Outcome::Inconclusive, _, true) => "inconclusive (known)",
        (Outcome::Inconclusive, _, false) => "inconclusive",
    }
}

/// Text that an artifact may have made, so that it can't end a cell, start markup or load anything.
pub(crate) fn cell(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' | '\r' => safe.push(' '),
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '!' | '#' | '~' => {
                safe.push('\\');
                safe.push(letter);
            }
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            other if other.is_control() => safe.push('\u{fffd}'),
            other => safe.push(other),
        }
    }
    safe
}

/// The same for a code span, in which nothing but the closing mark counts.
pub(crate) fn code(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            '`' => '\'',
            '|' => '/',
            other if other.is_control() => '\u{fffd}',
            other => other,
        })
        .collect()
}
