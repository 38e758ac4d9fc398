//! Markdown: a table of verdicts, and below it what each stands on.

use crate::clean::clean;
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
                cell(&link.arm.to_string()),
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

/// Text that an artifact may have made, so that it can't end a cell, start markup, lead anywhere, name anybody or hide what
/// stands beside it.
pub(crate) fn cell(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in clean(text).chars() {
        match letter {
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '!' | '#' | '~' => {
                safe.push('\\');
                safe.push(letter);
            }
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            // a formula, and the name of a person or an address
            '$' => safe.push_str("&#36;"),
            '@' => safe.push_str("&#64;"),
            other => safe.push(other),
        }
    }
    // what looks like an address becomes a link by itself
    safe.replace("://", "&#58;//").replace("www.", "www&#46;")
}

/// The same for a code span, in which nothing but the closing mark counts.
pub(crate) fn code(text: &str) -> String {
    clean(text).replace('`', "'").replace('|', "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_artifact_made_is_text_and_nothing_else() {
        let made = "a|b\n# <img src=x> [l](http://e.test) $x$ @team `c` \u{202e}\x1b[31m www.e.test";
        assert_eq!(
            cell(made),
            "a\\|b\\\\n\\# &lt;img src=x&gt; \\[l\\](http&#58;//e.test) &#36;x&#36; &#64;team \\`c\\` \\\\u{202e}\\\\x1b\\[31m \
             www&#46;e.test"
        );
        assert_eq!(code("a`b|c\n\u{202e}"), "a'b/c\\n\\u{202e}");
    }

    #[test]
    fn the_name_of_a_control_is_text_too() {
        let mut verdict = crate::placed::tests::verdict("v/q/default", "fails", "missed");
        let link = serde_json::json!({"arm": "without:<b>", "run": "r", "events": [1], "what": "w", "shows": "goal"});
        verdict.evidence = vec![serde_json::from_value(link).unwrap()];
        let placed = Placed { verdict: &verdict, file: "v.yaml".into(), line: 1, known: false };
        assert!(markdown(&[placed]).contains("- without:&lt;b&gt; `r`"));
    }
}
