//! Where each verdict is shown in a pipeline: at its rule, or at its question in the validation.

use super::Planned;
use detektr_report::Placed;
use detektr_validate::{QuestionKind, Verdict};
use std::path::{Path, PathBuf};

/// `verdicts` with their places; `known` tells which are known not to hold.
pub fn placed<'a>(
    verdicts: &'a [Verdict],
    planned: &[Planned],
    known: &dyn Fn(&Verdict) -> bool,
) -> Vec<Placed<'a>> {
    let top = top();
    let each = verdicts.iter().map(|verdict| {
        let (file, line) = place(verdict, planned);
        Placed { verdict, file: relative(&file, &top), line, known: known(verdict) }
    });
    each.collect()
}

/// How a pipeline names `file`.
pub fn shown_at(file: &Path) -> String {
    relative(file, &top()).to_string_lossy().into_owned()
}

/// The file of `verdict`, and the line in it.
fn place(verdict: &Verdict, planned: &[Planned]) -> (PathBuf, usize) {
    let of =
        |one: &&Planned| one.plan.validation == verdict.validation && one.plan.variant == verdict.variant;
    let Some(one) = planned.iter().find(of) else { return (PathBuf::from("."), 1) };
    let question = one.plan.questions.iter().find(|question| question.id == verdict.question);
    // a question about several rules is no matter of one of them
    if let Some(QuestionKind::Detection { rules, .. }) = question.map(|question| &question.kind)
        && let [rule] = rules.files.as_slice()
    {
        let text = one.inputs.get(rule).map(|text| String::from_utf8_lossy(text)).unwrap_or_default();
        return (one.file.parent().unwrap_or(Path::new("")).join(rule), beginning(&text));
    }
    (one.file.clone(), one.lines.get(&verdict.question).copied().unwrap_or(1))
}

/// The line in which a rule begins, after comments.
fn beginning(text: &str) -> usize {
    let says = |line: &str| !line.trim().is_empty() && !line.starts_with('#') && !line.starts_with("---");
    text.lines().position(says).map_or(1, |at| at + 1)
}

/// The top of the repository: what the pipeline says, else the working directory.
fn top() -> PathBuf {
    let said = ["GITHUB_WORKSPACE", "CI_PROJECT_DIR"].iter().find_map(std::env::var_os).map(PathBuf::from);
    let top = said.filter(|path| path.is_absolute()).or_else(|| std::env::current_dir().ok());
    let top = top.unwrap_or_default();
    top.canonicalize().unwrap_or(top)
}

/// `file` relative to `top`; as a whole where it lies elsewhere.
fn relative(file: &Path, top: &Path) -> PathBuf {
    let file = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    file.strip_prefix(top).unwrap_or(&file).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_begins_after_its_comments() {
        assert_eq!(beginning("title: x\n"), 1);
        assert_eq!(beginning("# one\n\n---\n# two\ntitle: x\n"), 5);
        assert_eq!(beginning(""), 1);
    }

    #[test]
    fn a_file_below_the_top_is_told_from_there_and_another_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().canonicalize().unwrap();
        std::fs::create_dir(top.join("a")).unwrap();
        std::fs::write(top.join("a/r.yml"), "").unwrap();
        assert_eq!(relative(&top.join("a/../a/r.yml"), &top), Path::new("a/r.yml"));
        assert_eq!(relative(&top.join("a/r.yml"), &top.join("b")), top.join("a/r.yml"));
    }
}
