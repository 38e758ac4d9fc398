//! A code quality report of GitLab: what fails, and what can't be told, at its line in the merge request. (Its tests tab
//! reads JUnit.) <https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format>

use crate::clean::clean;
use crate::placed::{Placed, Standing};
use detektr_evidence::sha256_hex;
use serde_json::{Value, json};

/// The report. GitLab tells itself what is new and what was there before by the fingerprint, so that what a baseline knows
/// stands here too; what a validation accepts does not.
pub fn gitlab(verdicts: &[Placed<'_>]) -> String {
    let told = verdicts.iter().filter_map(|one| {
        let severity = match one.standing() {
            Standing::Holds => return None,
            Standing::Known if one.verdict.accepted => return None,
            Standing::Open => "info",
            Standing::Known | Standing::Fails => severity(one.verdict.severity.as_deref()),
        };
        Some(json!({
            "description": format!("{}: {}", clean(&one.verdict.id), one.message()),
            "check_name": one.verdict.reason,
            "fingerprint": sha256_hex(format!("{}\n{}", one.verdict.id, one.verdict.reason).as_bytes()),
            "severity": severity,
            "location": {"path": one.name(), "lines": {"begin": one.line}},
        }))
    });
    format!("{:#}\n", Value::Array(told.collect()))
}

/// GitLab's word for a level of Sigma's; what has none fails as it may.
fn severity(level: Option<&str>) -> &'static str {
    match level {
        Some("informational") => "info",
        Some("low") => "minor",
        Some("medium") => "major",
        Some("critical") => "blocker",
        _ => "critical",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placed::tests::verdict;

    #[test]
    fn each_has_a_place_a_severity_and_a_fingerprint_of_its_own_that_stays() {
        let fails = verdict("v/a/default", "fails", "missed");
        let open = verdict("v/b/default", "inconclusive", "not_executed");
        let holds = verdict("v/c/default", "holds", "detected");
        let of = |verdict, line| Placed { verdict, file: "v.yaml".into(), line, known: false };
        let text = gitlab(&[of(&fails, 1), of(&open, 2), of(&holds, 3)]);
        let told: Vec<Value> = serde_json::from_str(&text).unwrap();
        assert_eq!(told.len(), 2);
        assert_eq!(
            (&told[0]["severity"], &told[1]["severity"]),
            (&json!("critical"), &json!("info")),
            "{text}"
        );
        assert_eq!(told[1]["location"], json!({"path": "v.yaml", "lines": {"begin": 2}}));
        assert_ne!(told[0]["fingerprint"], told[1]["fingerprint"]);
        let moved: Vec<Value> = serde_json::from_str(&gitlab(&[of(&fails, 9)])).unwrap();
        assert_eq!(moved[0]["fingerprint"], told[0]["fingerprint"]);
    }

    #[test]
    fn a_known_failure_stays_and_an_accepted_one_does_not() {
        let mut one = verdict("v/a/default", "fails", "missed");
        let count = |one: &detektr_validate::Verdict| {
            let placed = Placed { verdict: one, file: "v.yaml".into(), line: 1, known: true };
            serde_json::from_str::<Vec<Value>>(&gitlab(&[placed])).unwrap().len()
        };
        assert_eq!(count(&one), 1);
        one.accepted = true;
        assert_eq!(count(&one), 0);
    }
}
