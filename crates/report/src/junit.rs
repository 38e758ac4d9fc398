//! JUnit XML: one suite a validation, one case a question. *Fails* is a failure, *inconclusive* an error, and what
//! was accepted beforehand or is known is skipped, so that a pipeline's own reader counts as Detektr does.

use crate::clean::clean;
use crate::placed::{Placed, Standing};
use detektr_validate::Verdict;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use std::collections::BTreeMap;

/// The document for `verdicts`, which may be of several validations. No time stands in it: the same verdicts give
/// the same bytes.
///
/// # Errors
/// What can't be written as XML.
pub fn junit(verdicts: &[Placed<'_>]) -> Result<String, String> {
    let mut suites: BTreeMap<&str, Vec<&Placed<'_>>> = BTreeMap::new();
    for one in verdicts {
        suites.entry(&one.verdict.validation).or_default().push(one);
    }
    let mut report = Report::new("detektr");
    for (name, verdicts) in suites {
        let mut suite = TestSuite::new(name);
        suite.add_test_cases(verdicts.into_iter().map(case));
        report.add_test_suite(suite);
    }
    report.to_string().map_err(|error| error.to_string())
}

fn case(one: &Placed<'_>) -> TestCase {
    let verdict = one.verdict;
    let status = match one.standing() {
        Standing::Holds => TestCaseStatus::success(),
        Standing::Known => {
            let mut skipped = TestCaseStatus::skipped();
            skipped.set_message(clean(&verdict.sentence));
            skipped
        }
        Standing::Fails => failing(NonSuccessKind::Failure, verdict, verdict.unexpected.as_ref()),
        Standing::Open => failing(NonSuccessKind::Error, verdict, None),
    };
    let name = if verdict.variant == "default" {
        verdict.question.clone()
    } else {
        format!("{}/{}", verdict.question, verdict.variant)
    };
    let mut case = TestCase::new(name, status);
    case.set_classname(verdict.validation.clone());
    // GitLab leads there from a test that failed
    case.extra.insert("file".into(), one.name().into());
    case
}

fn failing(kind: NonSuccessKind, verdict: &Verdict, unexpected: Option<&String>) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(verdict.reason.clone());
    status.set_message(clean(unexpected.unwrap_or(&verdict.sentence)));
    let mut lines = vec![verdict.sentence.clone()];
    lines.extend(verdict.next.iter().map(|next| format!("next: {next}")));
    for link in &verdict.evidence {
        lines.push(format!("{} {}: {} ({})", link.arm, link.run, link.what, link.shows));
    }
    let lines: Vec<String> = lines.iter().map(|line| clean(line)).collect();
    status.set_description(lines.join("\n"));
    status
}
