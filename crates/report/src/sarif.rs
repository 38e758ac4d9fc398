//! SARIF 2.1.0: what fails and what can't be told, at the line of the rule or of the validation. Of the format only what is
//! written here; a test holds it to the official schema.
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>

use crate::placed::{Placed, Standing};
use detektr_evidence::sha256_hex;
use detektr_validate::Outcome;
use detektr_validate::judge::Reason;
use serde::Serialize;
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// What stands for the top of the repository.
const TOP: &str = "%SRCROOT%";

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool<'a>,
    /// All that the results count in.
    column_kind: &'static str,
    results: Vec<Result<'a>>,
}

#[derive(Serialize)]
struct Tool<'a> {
    driver: Driver<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver<'a> {
    name: &'static str,
    information_uri: &'static str,
    semantic_version: &'a str,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: String,
    short_description: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<Text>,
}

#[derive(Serialize)]
struct Text {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Result<'a> {
    rule_id: &'a str,
    rule_index: usize,
    kind: &'static str,
    level: &'static str,
    message: Text,
    locations: [Location; 1],
    partial_fingerprints: Fingerprints,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suppressions: Vec<Suppression>,
    properties: Properties<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: PhysicalLocation,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    region: Region,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactLocation {
    uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri_base_id: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
}

#[derive(Serialize)]
struct Fingerprints {
    #[serde(rename = "detektrVerdict/v1")]
    verdict: String,
}

#[derive(Serialize)]
struct Suppression {
    kind: &'static str,
    justification: &'static str,
}

#[derive(Serialize)]
struct Properties<'a> {
    verdict: &'a str,
    validation: &'a str,
    question: &'a str,
    variant: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<&'a str>,
}

/// The log for `verdicts`, made by Detektr `version`. A rule of it is a reason (`missed`); what holds is left out.
pub fn sarif(verdicts: &[Placed<'_>], version: &str) -> String {
    let told: Vec<&Placed<'_>> = verdicts.iter().filter(|one| one.standing() != Standing::Holds).collect();
    let mut rules: BTreeMap<&str, Rule> = BTreeMap::new();
    for one in &told {
        let verdict = one.verdict;
        rules.entry(&verdict.reason).or_insert_with(|| Rule {
            id: verdict.reason.clone(),
            short_description: Text { text: verdict.reason.replace('_', " ") },
            help: help(&verdict.reason).map(|text| Text { text: text.into() }),
        });
    }
    let index: Vec<&str> = rules.keys().copied().collect();
    let results = told.iter().map(|one| {
        let at = index.iter().position(|id| *id == one.verdict.reason).unwrap_or_default();
        result(one, at)
    });
    let results = results.collect();
    let driver = Driver {
        name: "Detektr",
        information_uri: env!("CARGO_PKG_REPOSITORY"),
        semantic_version: version,
        rules: rules.into_values().collect(),
    };
    let run = Run { tool: Tool { driver }, column_kind: "unicodeCodePoints", results };
    let log = Log { schema: SCHEMA, version: "2.1.0", runs: [run] };
    let mut text = serde_json::to_string_pretty(&log).expect("a log is JSON");
    text.push('\n');
    text
}

fn result<'a>(one: &Placed<'a>, rule_index: usize) -> Result<'a> {
    let verdict = one.verdict;
    let fails = verdict.verdict == Outcome::Fails || verdict.unexpected.is_some();
    let known = one.standing() == Standing::Known;
    let justification = if verdict.accepted { "the validation accepts it" } else { "the baseline knows it" };
    Result {
        rule_id: &verdict.reason,
        rule_index,
        // what can't be told is neither right nor wrong, and has no level
        kind: if fails { "fail" } else { "open" },
        level: if fails { level(verdict.severity.as_deref()) } else { "none" },
        message: Text { text: plain(one.message()) },
        locations: [Location {
            physical_location: PhysicalLocation {
                artifact_location: place(&one.file),
                region: Region { start_line: one.line },
            },
        }],
        partial_fingerprints: Fingerprints { verdict: sha256_hex(verdict.id.as_bytes()) },
        suppressions: known.then_some(Suppression { kind: "external", justification }).into_iter().collect(),
        properties: Properties {
            verdict: &verdict.id,
            validation: &verdict.validation,
            question: &verdict.question,
            variant: &verdict.variant,
            severity: verdict.severity.as_deref(),
        },
    }
}

/// What to do about a reason, whatever the verdict.
fn help(code: &str) -> Option<&'static str> {
    Reason::ALL.iter().find(|reason| reason.code() == code)?.next()
}

fn level(severity: Option<&str>) -> &'static str {
    match severity {
        Some("informational" | "low") => "note",
        Some("medium") => "warning",
        _ => "error",
    }
}

/// A text in which nothing is taken for a link (section 3.11.6: `[text](target)`).
fn plain(text: String) -> String {
    if text.contains("](") {
        return text.replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]");
    }
    text
}

/// A path as a reference of RFC 3986: its bytes, whether or not they are text.
fn place(path: &Path) -> ArtifactLocation {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=@".contains(&byte);
    let mut uri = String::new();
    for &byte in path.as_os_str().as_bytes() {
        if plain(byte) {
            uri.push(char::from(byte));
        } else {
            uri += &format!("%{byte:02X}");
        }
    }
    match path.is_absolute() {
        true => ArtifactLocation { uri: format!("file://{uri}"), uri_base_id: None },
        false => ArtifactLocation { uri, uri_base_id: Some(TOP) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placed::tests::verdict;
    use serde_json::{Value, json};

    fn log(verdicts: &[Placed<'_>]) -> Value {
        serde_json::from_str(&sarif(verdicts, "0.1.0")).unwrap()
    }

    #[test]
    fn what_fails_is_told_at_its_line_with_its_rule_and_what_holds_is_not() {
        let fails = verdict("v/a/default", "fails", "missed");
        let open = verdict("v/b/default", "inconclusive", "goal_not_reached");
        let holds = verdict("v/c/default", "holds", "detected");
        let of = |verdict, line| Placed { verdict, file: "a b/rule.yml".into(), line, known: false };
        let log = log(&[of(&fails, 4), of(&open, 5), of(&holds, 6)]);
        let run = &log["runs"][0];
        let results = run["results"].as_array().unwrap();
        assert_eq!(results.len(), 2);
        assert_eq!(results[0]["ruleId"], "missed");
        assert_eq!((&results[0]["kind"], &results[0]["level"]), (&json!("fail"), &json!("error")));
        assert_eq!((&results[1]["kind"], &results[1]["level"]), (&json!("open"), &json!("none")));
        assert_eq!(
            results[0]["locations"][0]["physicalLocation"],
            json!({"artifactLocation": {"uri": "a%20b/rule.yml", "uriBaseId": "%SRCROOT%"}, "region": {"startLine": 4}})
        );
        for result in results {
            let rule = result["ruleIndex"].as_u64().unwrap() as usize;
            assert_eq!(run["tool"]["driver"]["rules"][rule]["id"], result["ruleId"]);
        }
    }

    #[test]
    fn a_path_that_is_no_text_keeps_its_bytes_and_evidence_becomes_no_link() {
        let mut fails = verdict("v/a/default", "fails", "missed");
        fails.sentence = "wrote [here](http://e.test)".into();
        fails.next = None;
        let file = std::ffi::OsStr::from_bytes(b"a%\xff#?/r.yml").into();
        let log = log(&[Placed { verdict: &fails, file, line: 1, known: false }]);
        let result = &log["runs"][0]["results"][0];
        let location = &result["locations"][0]["physicalLocation"]["artifactLocation"];
        assert_eq!(location["uri"], "a%25%FF%23%3F/r.yml");
        assert_eq!(result["message"]["text"], "wrote \\[here\\](http://e.test)");
    }

    #[test]
    fn what_is_known_is_suppressed_and_stays() {
        let fails = verdict("v/a/default", "fails", "missed");
        let known = Placed { verdict: &fails, file: "/v.yaml".into(), line: 1, known: true };
        let log = log(&[known]);
        let result = &log["runs"][0]["results"][0];
        assert_eq!(result["suppressions"][0]["kind"], "external");
        assert_eq!(
            result["locations"][0]["physicalLocation"]["artifactLocation"],
            json!({"uri": "file:///v.yaml"})
        );
    }
}
