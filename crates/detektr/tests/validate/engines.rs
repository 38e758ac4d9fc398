//! Detection engines of the user's own: one that is right, those that are wrong, and those that can't be used; their
//! sealed answers are judged again where no program can be found.

use crate::support::{How, Place, Said, said};
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

/// The example of the repository, as a user would have it.
const EXAMPLE: [(&str, &str); 10] = [
    ("engines.yaml", include_str!("../../../../examples/engines/engines.yaml")),
    ("opened.py", include_str!("../../../../examples/engines/opened.py")),
    ("sqlite.py", include_str!("../../../../examples/engines/sqlite.py")),
    ("auditctl.py", include_str!("../../../../examples/engines/auditctl.py")),
    ("watches.rules", include_str!("../../../../examples/engines/watches.rules")),
    ("queries.sql", include_str!("../../../../examples/engines/queries.sql")),
    ("rules/vault_read.yml", include_str!("../../../../examples/engines/rules/vault_read.yml")),
    ("rules/vault_written.yml", include_str!("../../../../examples/engines/rules/vault_written.yml")),
    ("scripts/read-secret.sh", include_str!("../../../../examples/engines/scripts/read-secret.sh")),
    ("scripts/service.sh", include_str!("../../../../examples/engines/scripts/service.sh")),
];

fn example() -> Option<Place> {
    if !Path::new("/usr/bin/python3").exists() {
        eprintln!("skipped: python3 is not installed (scripts/setup.sh test)");
        return None;
    }
    let place = Place::new();
    for (name, content) in EXAMPLE {
        place.write(name, content);
    }
    Some(place)
}

/// Judges `result` where neither python3 nor anything else can be found.
fn judge_alone(place: &Place, how: How, result: &str) -> Said {
    let folder = place.path("bin");
    fs::create_dir_all(&folder).unwrap();
    if !folder.join("setpriv").exists() {
        std::os::unix::fs::symlink("/usr/bin/setpriv", folder.join("setpriv")).unwrap();
    }
    said(&place.command(how, &["judge", "--json", result]).env("PATH", &folder).output().unwrap())
}

/// Every engine of the table is asked about the same two runs.
const ASKED: [(&str, &str, &str); 19] = [
    ("sees", "{command: [python3, opened.py, /vault/key]}", "holds/detected"),
    ("sigma", "{command: [python3, sqlite.py, queries.sql], view: sysmon}", "holds/detected"),
    ("records", "{command: [./named.sh], view: auditd}", "holds/detected"),
    ("blind", "{command: [python3, opened.py, /never]}", "fails/missed"),
    ("watch", "{command: [python3, auditctl.py, watches.rules]}", "holds/detected"),
    ("watch-noisy", "{command: [python3, auditctl.py, noisy.rules]}", "fails/false_positive"),
    ("watch-wrong", "{command: [python3, auditctl.py, wrong.rules]}", "inconclusive/engine_failed"),
    ("other-view", "{command: [python3, sqlite.py, queries.sql], view: auditd}", "fails/missed"),
    ("noisy", "{command: [python3, opened.py, e]}", "fails/false_positive"),
    ("launcher", "{command: [./first.sh]}", "inconclusive/matched_harness_only"),
    ("undecided", "{command: [echo, '{\"undecided\": \"no DNS\"}']}", "inconclusive/telemetry_missing"),
    ("half", "{command: [./half.sh], files: opened.py}", "inconclusive/telemetry_missing"),
    ("garbage", "{command: [echo, seen]}", "inconclusive/engine_failed"),
    ("unknown", "{command: [echo, '{\"event\": 999999}']}", "inconclusive/engine_failed"),
    ("broken", "{command: [python3, opened.py]}", "inconclusive/engine_failed"),
    ("hanging", "{command: [sleep, 600], timeout: 200ms}", "inconclusive/engine_failed"),
    ("talking", "{command: [head, -c, 1048577, /dev/zero]}", "inconclusive/engine_failed"),
    // what it leaves behind does not keep it from being over
    ("leaving", "{command: [sh, -c, 'sleep 600.0625 & exit 0']}", "fails/missed"),
    // nothing of the caller's own surroundings but PATH and HOME, and nothing but its own files
    ("bare", "{command: [sh, -c, 'test -z \"$DETEKTR_HOME\" && test -z \"$(ls -A)\"']}", "fails/missed"),
];

#[test]
fn an_engine_answers_and_one_that_does_not_is_no_answer() {
    let Some(place) = example() else { return };
    // the first event that it is given is the start of the attack
    place.write("first.sh", "sed -n '/\"process.exec\"/{s/.*\"seq\":\\([0-9]*\\).*/{\"event\": \\1}/p;q}'");
    place.write(
        "named.sh",
        "sed -n '/\"name\":\"\\/var\\/tmp\\/vault\\/key\"/s/.*\"seq\":\\([0-9]*\\).*/{\"event\": \\1}/p'",
    );
    // of the attack it is sure, of the twin it is not
    place.write("half.sh", "python3 opened.py /vault/key; echo '{\"undecided\": \"no DNS\"}'");
    place.write("noisy.rules", "-w /var/tmp -p w -k any\n");
    place.write("wrong.rules", "-a always,exit -S execve -k all\n");
    let questions: String =
        ASKED.iter().map(|(id, engine, _)| format!("- {{id: {id}, detection: {engine}}}\n")).collect();
    let text = format!(
        "detektr: 1\nattack: {{script: scripts/read-secret.sh, as: user}}\ngoal: read('/var/tmp/vault/key')\n\
         benign: {{script: scripts/service.sh, as: user}}\nask:\n{questions}"
    );
    place.write("all.yaml", &text);
    for how in How::all() {
        let told = place.validate(how, &["--engines", "all.yaml"]);
        for (id, _, answer) in ASKED {
            assert_eq!(told.answer("all", id), answer, "{id} ({how:?}): {}\n{}", told.stdout, told.stderr);
        }
        let document = told.document();
        let result = document["results"][0]["path"].as_str().unwrap().to_owned();
        let sentence = |id: &str| {
            let all = document["verdicts"].as_array().unwrap();
            all.iter().find(|one| one["question"] == id).unwrap()["sentence"].as_str().unwrap().to_owned()
        };
        assert!(sentence("sees").contains("message=/var/tmp/vault/key"), "{}", sentence("sees"));
        assert!(sentence("sigma").contains("A secret is printed"), "{}", sentence("sigma"));
        assert!(sentence("broken").contains("code 1 (IndexError"), "{}", sentence("broken"));
        assert!(sentence("hanging").contains("did not end in its time"), "{}", sentence("hanging"));
        assert!(sentence("unknown").contains("event 999999"), "{}", sentence("unknown"));
        assert!(sentence("half").contains("in the arm benign-baseline"), "{}", sentence("half"));
        assert!(!is_running("600.0625"), "what an engine left behind goes on");

        let here = place.run(how, &["judge", "--json", &result]);
        let alone = judge_alone(&place, how, &result);
        assert_eq!(alone.document()["same"], true, "{}", alone.stderr);
        assert_eq!(alone.stdout, here.stdout);
        assert_eq!(alone.document()["verdicts"], document["verdicts"]);
        if how == How::all()[0] {
            refuses_what_was_changed(&place, how, &result);
        }
    }
}

/// Changes one byte of each sealed answer, one at a time.
fn refuses_what_was_changed(place: &Place, how: How, result: &str) {
    let mut changed = 0;
    for entry in fs::read_dir(Path::new(result).join("engines")).unwrap() {
        let path = entry.unwrap().path();
        let content = fs::read(&path).unwrap();
        let mut other = content.clone();
        match other.first_mut() {
            Some(byte) => *byte ^= 1,
            None => other.push(b'\n'),
        }
        fs::write(&path, other).unwrap();
        let judged = judge_alone(place, how, result);
        assert_eq!(judged.code, 2, "{path:?} was changed: {}\n{}", judged.stdout, judged.stderr);
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(judged.stderr.replace('\n', "").contains(&name[..16]), "{}", judged.stderr);
        fs::write(&path, content).unwrap();
        changed += 1;
    }
    assert!(changed > 3, "{changed} answers are sealed");
    assert_eq!(judge_alone(place, how, result).document()["same"], true);
}

fn is_running(word: &str) -> bool {
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let mut lines = processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines.any(|line| line.split(|byte| *byte == 0).any(|one| one == word.as_bytes()))
}

#[test]
fn the_example_asks_python_and_sigma_rules_in_sqlite() {
    let Some(place) = example() else { return };
    let how = How::all()[0];
    let told = place.validate(how, &["--engines", "engines.yaml"]);
    for id in ["detection:opened", "detection:sqlite", "detection:auditctl"] {
        assert_eq!(told.answer("engines", id), "holds/detected", "{}\n{}", told.stdout, told.stderr);
    }
    assert_eq!(told.code, 0, "{}", told.stderr);
    let document = told.document();
    let verdicts = document["verdicts"].as_array().unwrap();
    let sqlite = verdicts.iter().find(|one| one["question"] == "detection:sqlite").unwrap();
    // one of process creation, one of file creation with a regular expression
    assert_eq!(sqlite["notes"], serde_json::json!(["matches:2"]), "{sqlite:#}");
    for name in ["vault_read", "vault_written"] {
        let rule = format!("examples/engines/rules/{name}.yml");
        let rule = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(rule);
        let runs = place.runs(how);
        let checked =
            place.command(how, &["rule", "check", "--json"]).arg(rule).args(&runs).output().unwrap();
        let checked = said(&checked).document();
        let matched: u64 = checked["runs"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|run| run["report"]["rules"].as_array().unwrap())
            .map(|rule| rule["matched"].as_u64().unwrap())
            .sum();
        assert_eq!(matched, 1, "Detektr's own engine agrees: {checked:#}");
    }
}

#[test]
fn an_engine_that_can_not_run_is_told_before_anything_runs() {
    let Some(place) = example() else { return };
    let how = How::all()[0];
    for (engine, told) in [
        ("{command: [no-such-engine, queries.sql]}", "no program `no-such-engine`"),
        ("{command: [./no-such.sh]}", "no file `./no-such.sh`"),
        ("{command: [/etc/passwd]}", "no program `/etc/passwd`"),
        ("{command: [python3, opened.py], files: [../other.db]}", "can't be placed"),
        ("{command: [python3, opened.py], files: [none.db]}", "`none.db` can't be read"),
        ("{command: python3 opened.py}", "is a list of words"),
        ("{command: [python3, opened.py], shape: native}", "shape"),
    ] {
        let text = format!(
            "detektr: 1\nattack: {{script: scripts/read-secret.sh, as: user}}\nask: [{{detection: {engine}}}]\n"
        );
        place.write("wrong.yaml", &text);
        let wrong = place.run(how, &["validate", "--engines", "wrong.yaml"]);
        assert_eq!(wrong.code, 2, "{engine}: {}\n{}", wrong.stdout, wrong.stderr);
        let words: Vec<&str> = wrong.stderr.split_whitespace().collect();
        assert!(words.join(" ").replace("│ ", "").contains(told), "{engine}: {}", wrong.stderr);
    }
    // what a validation names is not run on the host because it is named
    for args in [&["engines.yaml"][..], &["engines.yaml", "--fresh"]] {
        let refused = place.validate(how, args);
        assert_eq!(refused.code, 2, "{}", refused.stderr);
        assert!(refused.stderr.contains("opened.py /vault/key"), "{}", refused.stderr);
        assert!(refused.stderr.contains("--engines"), "{}", refused.stderr);
    }
    let planned = place.validate(how, &["engines.yaml", "--plan"]);
    assert_eq!(planned.code, 0, "{}", planned.stderr);
    assert!(place.runs(how).is_empty());
}

/// A validation whose engine sleeps for `seconds`, once it does.
fn waiting_for_engine(place: &Place, how: How, seconds: &str) -> Child {
    let text = format!(
        "detektr: 1\nattack: {{script: scripts/read-secret.sh, as: user}}\nbenign: {{script: scripts/service.sh, as: user}}\n\
         ask: [{{detection: {{command: [sleep, '{seconds}'], timeout: 7d}}}}]\n"
    );
    place.write("slow.yaml", &text);
    let mut command =
        place.command(how, &["validate", "--json", "--sensor", how.sensor(), "--engines", "slow.yaml"]);
    let mut running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until(|| {
        assert!(running.try_wait().unwrap().is_none(), "it ended before the engine was asked");
        is_running(seconds)
    });
    running
}

/// Waits for `condition`, which another process brings about.
fn until(mut condition: impl FnMut() -> bool) {
    while !condition() {
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_engine_ends_with_the_validation_that_asks_it() {
    let Some(place) = example() else { return };
    let how = How::all()[0];
    let running = waiting_for_engine(&place, how, "600.0312");
    let number = rustix::process::Pid::from_raw(running.id().cast_signed()).unwrap();
    rustix::process::kill_process(number, rustix::process::Signal::INT).unwrap();
    let told = said(&running.wait_with_output().unwrap());
    assert_eq!(told.answer("slow", "detection:sleep"), "inconclusive/engine_failed", "{}", told.stderr);
    assert_eq!(told.code, 3, "{}", told.stderr);
    assert!(!is_running("600.0312"), "the engine goes on");
}

#[test]
fn sigkill_ends_the_engine_too_and_the_next_command_clears_what_was_left() {
    let Some(place) = example() else { return };
    let how = How::all()[0];
    let mut running = waiting_for_engine(&place, how, "600.0417");
    running.kill().unwrap();
    running.wait().unwrap();
    until(|| !is_running("600.0417"));
    let work = place.home(how).join("work");
    let left = || fs::read_dir(&work).unwrap().count();
    assert!(left() > 0, "what it worked with is there");
    assert_eq!(place.run(how, &["runs"]).code, 0);
    assert_eq!(left(), 0, "{:?}", fs::read_dir(&work).unwrap().collect::<Vec<_>>());
}
