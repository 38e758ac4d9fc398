//! The table of an ablation as Markdown: which control does the work.

use crate::markdown::cell;
use detektr_validate::Truth;
use detektr_validate::judge::Part;
use std::fmt::Write as _;

/// The table for the controls of the validation `name`; nothing where none was asked.
pub fn ablation_markdown(name: &str, parts: &[Part]) -> String {
    let mut text = String::new();
    if parts.is_empty() {
        return text;
    }
    let word = |truth: Truth| match truth {
        Truth::Yes => "**yes**",
        Truth::No => "no",
        Truth::Unknown => "unknown",
    };
    let _ = writeln!(text, "\n### Controls of {}\n", cell(name));
    text.push_str("| control | necessary | sufficient | redundant | masked | harmful to the twin | |\n|---|---|---|---|---|---|---|\n");
    for part in parts {
        let truths = [part.necessary, part.sufficient, part.redundant, part.masked, part.harmful].map(word);
        let _ =
            writeln!(text, "| {} | {} | {} |", cell(&part.control), truths.join(" | "), cell(&part.sentence));
    }
    text
}
