//! Sigma: `detektr rule check` on a run against the rsigma command line on the same events, with the same rules. Both
//! as whole processes on one core, from what lies on disk to the list of matches.

use crate::sample::Pairs;
use crate::{Bench, Result};
use detektr_detect::{Processes, views};
use detektr_detonate::{ArtifactSpec, Detonator, SensorChoice};
use detektr_evidence::Bundle;
use rsigma_eval::Event as _;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

const RUNS: usize = 5;

/// Command lines that rules for Linux are about, harmless here, in turn.
const WORK: &str = "i=0; while [ $i -lt \"$1\" ]; do
  /usr/bin/id; /bin/cat /etc/passwd; /usr/bin/base64 -d </dev/null; /usr/bin/nohup /bin/true; /bin/uname -a
  /usr/bin/find / -maxdepth 0 -perm -4000; /bin/grep -c root /etc/group; /usr/bin/touch -t 202001010000 /tmp/t
  i=$((i+1)); done >/dev/null 2>&1";

/// Matches by rule id.
type Matches = BTreeMap<String, u64>;

/// The row; says why where it can't be measured.
pub fn throughput(bench: &Bench) -> Result<()> {
    let what = "Sigma, Linux rules, whole process";
    let Some(rules) = std::env::var_os("SIGMA_RULES").map(PathBuf::from).filter(|path| path.is_dir()) else {
        println!("| {what} | not measured: SIGMA_RULES names no folder of rules | | | | |");
        return Ok(());
    };
    let Some(rsigma) = std::env::var_os("RSIGMA").map(PathBuf::from).filter(|path| path.is_file()) else {
        println!("| {what} | not measured: RSIGMA names no rsigma program | | | | |");
        return Ok(());
    };
    let request =
        bench.request(ArtifactSpec::Command, &["sh", "-c", WORK, "work", "600"], SensorChoice::Ebpf);
    let outcome = Detonator::new().detonate(&request, &mut |_| {})?;
    let bundle = Bundle::open(&outcome.bundle)?;
    let shown = bench.home.path().join("views.ndjson");
    let count = show(&bundle, &shown)?;
    let (mut ours, mut theirs) = (Matches::new(), Matches::new());
    let pairs = Pairs::measure(
        RUNS,
        || {
            let begin = Instant::now();
            ours = check(&bench.detektr, &rules, &outcome.bundle)?;
            Ok(begin.elapsed().as_secs_f64() * 1000.0)
        },
        || {
            let begin = Instant::now();
            theirs = evaluate(&rsigma, &rules, &shown)?;
            Ok(begin.elapsed().as_secs_f64() * 1000.0)
        },
    )?;
    pairs.print(
        &format!("{what} ({} events, {count} records of log sources)", outcome.events),
        "`rsigma engine eval` on those records",
    );
    let differ: Vec<String> = ours
        .keys()
        .chain(theirs.keys())
        .filter(|rule| ours.get(*rule) != theirs.get(*rule))
        .map(|rule| format!("{rule}: {:?} against {:?}", ours.get(rule), theirs.get(rule)))
        .collect();
    if differ.is_empty() {
        println!(
            "| matches of both | the same: {} by {} rules | | | | |",
            ours.values().sum::<u64>(),
            ours.len()
        );
        Ok(())
    } else {
        Err(format!("the matches differ: {}", differ.join("; ")).into())
    }
}

/// Writes the run's events as log sources would tell them; how many records that makes. Each says where it is from,
/// and where it is not, since a rule of a source that a record is silent about would be asked too.
fn show(bundle: &Bundle, path: &Path) -> Result<usize> {
    let mut file = BufWriter::new(fs::File::create(path)?);
    let mut known = Processes::default();
    let mut count = 0;
    for event in bundle.events()? {
        let event = event?;
        known.event(&event);
        for view in views(&event, &known) {
            let source = view.source.log_source();
            let mut record = view.to_json();
            let or_none = |part: Option<String>| part.unwrap_or_else(|| "none".into());
            record["product"] = or_none(source.product).into();
            record["category"] = or_none(source.category).into();
            record["service"] = or_none(source.service).into();
            writeln!(file, "{record}")?;
            count += 1;
        }
    }
    file.flush()?;
    Ok(count)
}

fn on_one_core(program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", "0"]).arg(program);
    command
}

fn check(detektr: &Path, rules: &Path, run: &Path) -> Result<Matches> {
    let output = on_one_core(detektr).args(["rule", "check", "--json"]).arg(rules).arg(run).output()?;
    let document: Value = serde_json::from_slice(&output.stdout)
        .map_err(|e| format!("{e}: {}", String::from_utf8_lossy(&output.stderr)))?;
    let mut matches = Matches::new();
    for rule in document["runs"][0]["report"]["rules"].as_array().into_iter().flatten() {
        let matched = rule["matched"].as_u64().unwrap_or_default();
        if matched > 0 {
            matches.insert(rule["rule"]["id"].as_str().unwrap_or_default().into(), matched);
        }
    }
    Ok(matches)
}

fn evaluate(rsigma: &Path, rules: &Path, events: &Path) -> Result<Matches> {
    let output = on_one_core(rsigma)
        .args(["engine", "eval", "--input-format", "json", "--logsource-routing", "--rules"])
        .arg(rules)
        .arg("--event")
        .arg(format!("@{}", events.display()))
        .stdin(Stdio::null())
        .output()?;
    if !output.status.success() {
        return Err(format!("rsigma: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let mut matches = Matches::new();
    for line in output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let found: Value = serde_json::from_slice(line)?;
        if let Some(rule) = found["rule_id"].as_str() {
            *matches.entry(rule.into()).or_default() += 1;
        }
    }
    Ok(matches)
}
