//! What GitHub Actions shows: annotations at lines of files (workflow commands), and output in which no command is obeyed.
//! <https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands>

use crate::clean::clean;
use crate::placed::{Placed, Standing};
use detektr_validate::baseline::Change;
use std::fmt::Write as _;

/// One workflow command a line: an error for what fails, a warning for what can't be told. What holds or is known is passed
/// over.
pub fn annotations(verdicts: &[Placed<'_>]) -> String {
    let mut text = String::new();
    for one in verdicts {
        let word = match one.standing() {
            Standing::Fails => "error",
            Standing::Open => "warning",
            Standing::Holds | Standing::Known => continue,
        };
        let title = clean(&format!("{}: {}", one.verdict.id, one.verdict.reason));
        let _ = writeln!(
            text,
            "::{word} file={},line={},title={}::{}",
            property(&one.name()),
            one.line,
            property(&title),
            data(&one.message())
        );
    }
    text
}

/// A warning for each verdict that the baseline `file` knows and that was not asked.
pub fn gone(file: &str, changes: &[Change]) -> String {
    let each = changes.iter().map(|change| {
        let told = format!("{} is in the baseline ({}) and was not asked", clean(&change.id), change.told());
        format!("::warning file={},line=1,title={}::{}\n", property(file), property("not asked"), data(&told))
    });
    each.collect()
}

/// Lines between which the runner obeys no command, whatever an artifact has put into a name that is shown there. `token` must
/// be one that nobody can guess.
pub fn deaf(token: &str) -> (String, String) {
    (format!("::stop-commands::{token}\n"), format!("::{token}::\n"))
}

/// The text of a command: one line.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a command's property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placed::tests::verdict;

    #[test]
    fn what_an_artifact_made_ends_no_command_and_starts_none() {
        let verdict = verdict("v/detection:a,b/default", "fails", "missed");
        let placed = Placed { verdict: &verdict, file: "rules/a:b,c.yml".into(), line: 3, known: false };
        assert_eq!(
            annotations(&[placed]),
            "::error file=rules/a%3Ab%2Cc.yml,line=3,title=v/detection%3Aa%2Cb/default%3A missed::wrote /tmp/100%25\\n\
             ::set-env name=x::y. Next: look\n"
        );
    }

    #[test]
    fn what_is_gone_is_told_at_the_baseline() {
        let known = detektr_validate::baseline::Known {
            verdict: detektr_validate::Outcome::Holds,
            reason: "prevented".into(),
        };
        let change = Change { id: "v/q%/x".into(), before: Some(known), now: None };
        assert_eq!(
            gone("a,b.yaml", &[change]),
            "::warning file=a%2Cb.yaml,line=1,title=not asked::v/q%25/x is in the baseline (was holds (prevented)) and was \
             not asked\n"
        );
    }

    #[test]
    fn what_fails_is_an_error_what_is_open_a_warning_and_the_rest_is_passed_over() {
        let told = |outcome: &str, known: bool, change: &dyn Fn(&mut detektr_validate::Verdict)| {
            let mut verdict = verdict("v/q/default", outcome, "missed");
            change(&mut verdict);
            let text = annotations(&[Placed { verdict: &verdict, file: "v.yaml".into(), line: 1, known }]);
            text.split(' ').next().unwrap_or_default().to_owned()
        };
        assert_eq!(told("fails", false, &|_| {}), "::error");
        assert_eq!(told("inconclusive", false, &|_| {}), "::warning");
        assert_eq!(told("holds", false, &|_| {}), "");
        assert_eq!(told("fails", true, &|_| {}), "");
        assert_eq!(told("fails", false, &|v| v.accepted = true), "");
        assert_eq!(told("holds", false, &|v| v.unexpected = Some("it holds".into())), "::error");
    }
}
