//! Every behaviour made to happen for real, inside an environment, and what only looks like it; and ordinary programs, which
//! raise nothing that matters. The real binary detonates scripts that do it all one after the other; each trial looks at the part
//! of the process tree that is its own.

mod cases;
mod ordinary;
mod run;

use cases::Case;
use libtest_mimic::{Arguments, Failed, Trial};
use run::Place;
pub use run::Run;
use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

/// What near misses of other behaviours do on purpose: they start programs that they copied or compiled.
const BESIDE: &[&str] = &["compiler-run", "dropped-executed", "program-by-descriptor"];
/// Behaviours whose test is no script of root's, below.
const APART: &[&str] = &["io-uring-files", "setuid-program-run"];

/// A detonation that trials share; made when the first of them runs.
struct Shared {
    script: String,
    /// With a simulated internet that has this site; without one there is none.
    site: Option<&'static str>,
    run: OnceLock<Result<Run, String>>,
}

impl Shared {
    fn new(script: String, site: Option<&'static str>) -> Arc<Self> {
        Arc::new(Shared { script, site, run: OnceLock::new() })
    }

    fn run(&self) -> Result<&Run, Failed> {
        self.run.get_or_init(|| self.make()).as_ref().map_err(|why| Failed::from(why.clone()))
    }

    fn make(&self) -> Result<Run, String> {
        let place = Place::new();
        let Some(site) = self.site else { return place.script("root", &self.script) };
        let (site, acts) = (place.write("site.yaml", site), place.write("acts", &self.script));
        place.detonate_in(&["--net", "sim", "--site", &site], &["--user", "root", &acts])
    }
}

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    if let Some(why) = run::unable() {
        eprintln!("skipped: {why}");
    } else {
        let groups: [(Vec<&'static Case>, _); 2] =
            [(cases::all().collect(), None), (cases::on_the_internet().collect(), Some(cases::SITE))];
        for (cases, site) in groups {
            let acts = Shared::new(script(&cases, |case| case.act, "act"), site);
            let nears = Shared::new(script(&cases, |case| case.near, "near"), site);
            for case in cases {
                let (acts, nears) = (acts.clone(), nears.clone());
                trials.push(Trial::test(format!("happens::{}", case.id), move || happens(case, acts.run()?)));
                trials
                    .push(Trial::test(format!("near_miss::{}", case.id), move || misses(case, nears.run()?)));
            }
        }
        trials.push(Trial::test("apart::setuid-program-run", setuid));
        trials.push(Trial::test("apart::io-uring-files", io_uring));
        trials.push(Trial::test("outcomes::an_attempt_is_told_apart_from_a_refusal_and_a_success", outcomes));
        trials.push(Trial::test("outcomes::the_same_bundle_gives_the_same_behaviours", same_again));
        trials.push(Trial::test("outcomes::behaviours_of_ones_own_are_looked_for_too", own));
        trials.extend(ordinary::trials());
    }
    trials.push(Trial::test("every_shipped_behaviour_has_a_test", complete));
    libtest_mimic::run(&arguments, trials).exit();
}

/// One script of all cases, each in a shell of its own that tells by its arguments which it is.
fn script(cases: &[&Case], part: fn(&Case) -> &str, mark: &str) -> String {
    let mut script = String::from("#!/bin/sh\ncd /tmp\n");
    for case in cases {
        let quoted = part(case).replace('\'', r"'\''");
        script.push_str(&format!("sh -c '{quoted}' {mark}:{} > /dev/null 2>&1 < /dev/null\n", case.id));
    }
    script.push_str("exit 0\n");
    script
}

fn happens(case: &Case, run: &Run) -> Result<(), Failed> {
    let Some(finding) = run.finding(case.id) else {
        return Err(format!(
            "it is not found; its part of the run:\n{}",
            run.part(&format!("act:{}", case.id))
        )
        .into());
    };
    if !run.proves(finding, &format!("act:{}", case.id)) {
        return Err(format!("others prove it: {finding:#}\n{}", run.part(&format!("act:{}", case.id))).into());
    }
    Ok(())
}

fn misses(case: &Case, run: &Run) -> Result<(), Failed> {
    let mark = format!("near:{}", case.id);
    if run.processes(&mark).is_empty() {
        return Err("its script did not run".into());
    }
    match run.finding(case.id) {
        Some(finding) if run.proves(finding, &mark) || !BESIDE.contains(&case.id) => {
            Err(format!("it is found: {finding:#}").into())
        }
        _ => Ok(()),
    }
}

fn complete() -> Result<(), Failed> {
    let shipped = detektr_detect::Behaviours::shipped();
    let cases = cases::all().chain(cases::on_the_internet());
    let mut tested: Vec<&str> = cases.map(|case| case.id).chain(APART.iter().copied()).collect();
    let all: BTreeSet<&str> = tested.iter().copied().collect();
    tested.sort_unstable();
    let known: BTreeSet<&str> = shipped.definitions().map(|one| one.id.as_str()).collect();
    if tested.len() != all.len() || all != known {
        let untested: Vec<_> = known.difference(&all).collect();
        let unknown: Vec<_> = all.difference(&known).collect();
        return Err(format!("without a test: {untested:?}; tests of none: {unknown:?}").into());
    }
    let tactics: BTreeSet<_> = shipped.definitions().filter_map(|one| one.tactic.clone()).collect();
    let enough = known.len() >= 70 && tactics.len() >= 11;
    enough
        .then_some(())
        .ok_or_else(|| format!("{} behaviours, {} tactics", known.len(), tactics.len()).into())
}

/// An ordinary user becomes root only by a program whose file says so.
fn setuid() -> Result<(), Failed> {
    let script = "#!/bin/sh\nsh -c 'su --version' act:setuid > /dev/null\nsh -c 'true' near:setuid\n";
    let run = Place::new().script("user", script)?;
    let finding = run.finding("setuid-program-run").ok_or("it is not found")?;
    let right = run.proves(finding, "act:setuid") && !run.proves(finding, "near:setuid");
    right.then_some(()).ok_or_else(|| format!("{finding:#}").into())
}

fn io_uring() -> Result<(), Failed> {
    let place = Place::new();
    let Some(program) = place.program("uring") else { return Ok(()) };
    let rings = place.write("rings.yaml", "detektr: 1\nio_uring: allow\n");
    let run = place.detonate(&["--env", &rings, "--user", "root", &program, "--", "/tmp"])?;
    if !run.tells("IORING_OP_OPENAT") {
        eprintln!("skipped: io_uring is switched off here");
        return Ok(());
    }
    run.finding("io-uring-files").ok_or("it is not found")?;
    let Some(program) = place.program("actions") else { return Ok(()) };
    let run = place.detonate(&["--user", "root", &program, "--", "/tmp"])?;
    run.finding("io-uring-files").map_or(Ok(()), |finding| Err(format!("{finding:#}").into()))
}

fn outcomes() -> Result<(), Failed> {
    let script =
        "#!/bin/sh\ncat /etc/shadow\ncat /etc/gshadow-\ncat /dev/input/event0\nmkdir /tmp/...\nexit 0\n";
    let run = Place::new().script("user", script)?;
    for (id, outcome, word) in [
        ("password-hashes-read", "blocked", "It was refused (EACCES)."),
        ("keyboard-read", "attempted", "It did not take effect (ENOENT)."),
        ("deceptive-folder-name", "succeeded", "/tmp/..."),
    ] {
        let finding = run.finding(id).ok_or_else(|| format!("{id} is not found"))?;
        let sentence = finding["sentence"].as_str().unwrap_or_default();
        if finding["outcome"] != outcome || !sentence.contains(word) {
            return Err(format!("{id}: {finding:#}").into());
        }
    }
    Ok(())
}

fn same_again() -> Result<(), Failed> {
    let place = Place::new();
    let run = place.script("root", "#!/bin/sh\ncat /etc/shadow\necho x > /etc/cron.d/x\n")?;
    let told = |command: &str| place.json(&[command, "last", "--json"]);
    let (again, shown) = (told("behaviours")?, told("show")?);
    let right = run.findings.len() >= 2 && again["behaviours"] == run.document["behaviours"];
    let right = right && shown["behaviours"] == run.document["behaviours"];
    right.then_some(()).ok_or_else(|| format!("{:#}\n{again:#}", run.document).into())
}

fn own() -> Result<(), Failed> {
    let place = Place::new();
    place.script("root", "#!/bin/sh\necho x > /tmp/marker\necho x > \"/tmp/$(printf 'e\\033[2Jvil')\"\n")?;
    let rule = "title: Evil\nid: own\ndescription: '{path} is written.'\nlevel: low\nlogsource:\n  product: detektr\n  \
                category: file.changed\ndetection:\n  sel:\n    path|startswith: /tmp/\n  condition: sel\n";
    place.write("rules/own.yml", rule);
    let told = place.json(&["behaviours", "last", "--behaviours", "rules", "--json"])?;
    let found = |told: &serde_json::Value| {
        told["behaviours"].as_array().is_some_and(|all| all.iter().any(|f| f["id"] == "own"))
    };
    if !found(&told) || found(&place.json(&["behaviours", "last", "--json"])?) {
        return Err(format!("{told:#}").into());
    }
    let text = place.told(&["behaviours", "last", "--behaviours", "rules"], 0)?;
    if !text.contains(r"/tmp/e\x1b[2Jvil") || text.contains('\x1b') {
        return Err(format!("{text:?}").into());
    }
    for (rule, why) in [
        (rule.replace("product: detektr", "product: linux"), "no rule over Detektr's own events"),
        (rule.replace("file.changed", "file.wished"), "no kind of event named file.wished"),
        (rule.replace("path|", "pth|"), "no event of file.changed has a field `pth`"),
        (rule.replace("{path}", "{file.name}"), "no event of file.changed has a field `file.name`"),
        (rule.replace("id: own", "id: cron-job"), "cron-job"),
        (rule.replace("id: own", "id: self-delete"), "self-delete"),
        (rule.replace("level: low", "confidence: total"), "confidence"),
    ] {
        place.write("rules/own.yml", &rule);
        let text = place.told(&["behaviours", "last", "--behaviours", "rules", "--json"], 2)?;
        if !text.contains(why) || !text.contains("own.yml") {
            return Err(format!("{why}: {text}").into());
        }
    }
    place.told(&["behaviours", "last", "--behaviours", "nowhere"], 2)?;
    Ok(())
}
