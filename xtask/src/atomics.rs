//! `atomics DIR`: runs every test of a checkout of Atomic Red Team that lists Linux, with the Detektr of this workspace, and
//! prints what came of it as the tables of `docs/atomic-red-team.md`.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs the sweep over `folder`.
pub fn sweep(workspace: &Path, folder: &str) -> Result<String, String> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()))
        .args([
            "run",
            "--quiet",
            "--package",
            "detektr",
            "--",
            "atomic",
            "run",
            "--all",
            "--json",
            "--atomics",
        ])
        .arg(std::path::absolute(folder).map_err(|e| format!("{folder}: {e}"))?)
        .current_dir(workspace)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| format!("cargo can't be run: {e}"))?;
    let document: Value = serde_json::from_slice(&output.stdout)
        .map_err(|e| format!("detektr told no document ({e}); it ended with {}", output.status))?;
    let tests = document["tests"].as_array().ok_or("there are no tests in what detektr told")?;
    Ok(tables(tests))
}

/// Why a test was left out, or what came of it.
fn kind(test: &Value) -> &str {
    match (text(test, "result"), text(test, "reason")) {
        ("refused", reason) => reason,
        ("executed", _) if test["complete"] == true => "executed, evidence complete",
        ("executed", _) => "executed, evidence incomplete",
        (other, _) => other,
    }
}

fn text<'v>(test: &'v Value, name: &str) -> &'v str {
    test[name].as_str().unwrap_or_default()
}

fn tables(tests: &[Value]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    tests.iter().for_each(|test| *counts.entry(kind(test)).or_default() += 1);
    let of = |name: &str| counts.get(name).copied().unwrap_or_default();
    let apart = ["other_system", "manual", "executor_missing", "file_missing", "not_prepared"];
    let left: usize = tests.len() - apart.iter().map(|name| of(name)).sum::<usize>();
    let whole = of("executed, evidence complete");
    let mut out = String::new();
    let _ = writeln!(out, "| what came of it | tests |\n|---|---|");
    counts.iter().for_each(|(name, count)| {
        let _ = writeln!(out, "| {name} | {count} |");
    });
    let _ = writeln!(out, "| **all that list Linux** | **{}** |\n", tests.len());
    let share = 100.0 * whole as f64 / left.max(1) as f64;
    let _ = writeln!(
        out,
        "Of the {left} that need nothing foreign, {whole} ({share:.1} %) executed with complete evidence.\n"
    );
    let _ = writeln!(out, "| test | what came of it | why |\n|---|---|---|");
    for test in tests.iter().filter(|test| kind(test) != "executed, evidence complete") {
        let holes = test["incomplete"].as_array().map(Vec::as_slice).unwrap_or_default();
        let hole = holes.first().map(|hole| text(hole, "detail")).unwrap_or_default();
        let why = if text(test, "why").is_empty() { hole } else { text(test, "why") };
        row(&mut out, test, kind(test), why);
    }
    let _ = writeln!(out, "\nExecuted, but not to the end that they are for:\n");
    let _ = writeln!(out, "| test | exit | commands that were not found |\n|---|---|---|");
    for test in tests.iter().filter(|test| text(test, "result") == "executed") {
        let exit = match (text(test, "state"), &test["exit"]["code"]) {
            ("completed", code) if *code == 0 => "0".to_owned(),
            ("completed", code) => code.to_string(),
            (state, _) => state.to_owned(),
        };
        let lacked = test["not_found"].as_array().map(Vec::as_slice).unwrap_or_default();
        let lacked: Vec<&str> = lacked.iter().filter_map(Value::as_str).collect();
        if exit != "0" || !lacked.is_empty() {
            row(&mut out, test, &exit, &lacked.join(", "));
        }
    }
    out
}

fn row(out: &mut String, test: &Value, what: &str, why: &str) {
    let cell = |text: &str| text.replace('|', "\\|").split_whitespace().collect::<Vec<_>>().join(" ");
    let (id, name) = (text(test, "test"), cell(text(test, "name")));
    let _ = writeln!(out, "| `{id}` {name} | {what} | {} |", cell(why));
}

#[cfg(test)]
mod tests {
    use super::tables;
    use serde_json::json;

    #[test]
    fn what_was_left_out_is_not_counted_against_what_could_run() {
        let told = tables(&[
            json!({"test": "T1#1", "result": "executed", "complete": true, "state": "completed", "exit": {"code": 0}}),
            json!({"test": "T1#2", "result": "executed", "complete": false, "state": "timeout", "incomplete": []}),
            json!({"test": "T1#3", "result": "refused", "reason": "manual", "why": "a person | does it"}),
            json!({"test": "T1#4", "result": "not_prepared", "complete": false, "why": "x"}),
        ]);
        assert!(told.contains("Of the 2 that need nothing foreign, 1 (50.0 %)"), "{told}");
        assert!(told.contains("| `T1#3`  | manual | a person \\| does it |"), "{told}");
        assert!(told.contains("| `T1#2`  | timeout |"), "{told}");
    }
}
