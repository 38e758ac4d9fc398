//! `detektr pattern`: every pattern that ships does what it says, and what does not is told.

mod matrix;
#[path = "../validate/support.rs"]
#[expect(dead_code, reason = "not all of it is used here")]
mod support;

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use support::{How, Place};

fn proofs(place: &Place, how: How, args: &[&str], code: i32) -> Vec<Value> {
    let mut all = vec!["pattern", "run", "--json", "--jobs", "2", "--sensor", how.sensor()];
    all.extend(args);
    let said = place.run(how, &all);
    assert_eq!(said.code, code, "{how:?}: {}{}", said.stdout, said.stderr);
    said.document()["proofs"].as_array().unwrap().clone()
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

/// With both sensors: the goal is reached by every variant and by no twin. What needs a program that is missing here is skipped.
#[test]
fn every_variant_that_ships_reaches_its_goal_and_no_twin_does() {
    let place = Place::new();
    let mut table: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    let mut wrong = Vec::new();
    let sensors: Vec<How> = How::all().into_iter().filter(|how| !matches!(how, How::UserPtrace)).collect();
    for how in &sensors {
        let said =
            place.run(*how, &["pattern", "run", "--all", "--json", "--jobs", "2", "--sensor", how.sensor()]);
        for proof in said.document()["proofs"].as_array().unwrap() {
            let name = (text(proof, "pattern").to_owned(), text(proof, "variant").to_owned());
            match text(proof, "proof") {
                "proven" => assert!(proof["run"].is_string() && proof["twin"].is_string(), "{proof:#}"),
                "not_runnable" => eprintln!("skipped: {}#{}: {}", name.0, name.1, text(proof, "why")),
                _ => wrong.push(format!("{how:?} {proof}")),
            }
            table.entry(name).or_default().push(text(proof, "proof").to_owned());
        }
    }
    for ((pattern, variant), all) in &table {
        println!("{pattern:<32} {variant:<16} {}", all.join("  "));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(sensors.is_empty() || table.values().all(|all| all.len() == sensors.len()));
}

#[test]
fn the_library_covers_many_techniques_in_several_ways_each() {
    let place = Place::new();
    let said = place.run(How::UserPtrace, &["pattern", "list", "--json"]);
    let document = said.document();
    let patterns = document["patterns"].as_array().unwrap();
    let all = |key: &str| patterns.iter().map(|one| text(one, key).to_owned()).collect::<BTreeSet<_>>().len();
    let variants: usize = patterns.iter().map(|one| one["variants"].as_object().unwrap().len()).sum();
    assert!(all("technique") >= 30 && all("tactic") >= 10 && variants >= 90, "{} {variants}", patterns.len());
    assert!(patterns.iter().all(|one| one["variants"].as_object().unwrap().len() >= 3));
    let layer = place.run(How::UserPtrace, &["pattern", "list", "--navigator"]).document();
    assert_eq!(layer["versions"]["layer"], "4.5");
    assert!(layer["techniques"].as_array().unwrap().len() >= 30);
    let one = place.run(How::UserPtrace, &["pattern", "list", "--technique", "T1053", "--json"]).document();
    let ids: Vec<&str> =
        one["patterns"].as_array().unwrap().iter().map(|one| text(one, "technique")).collect();
    assert_eq!(ids, ["T1053.003", "T1053.006"]);
}

const HEAD: &str = "detektr: 1\ntitle: x\ntechnique: T1204.002\ntactic: execution\nemulates: x\nharmless: x\n\
                    goal: created('/tmp/loot')\n";

#[test]
fn what_does_not_do_what_it_says_is_told() {
    for how in How::all() {
        let place = Place::new();
        let write = |id: &str, attack: &str, twin: &str| {
            place.write(
                &format!("own/{id}.yaml"),
                &format!("{HEAD}pattern: {id}\nvariants: {{one: '{attack}'}}\nbenign: '{twin}'\n"),
            );
        };
        write("good", "echo x >/tmp/loot", "echo x >/tmp/other");
        write("idle", "echo x >/tmp/other", "true");
        write("twin-reaches", "echo x >/tmp/loot", "echo x >/tmp/loot");
        write("twin-fails", "echo x >/tmp/loot", "exit 3");
        place.write("own/needy.yaml", &format!("{HEAD}pattern: needy\nrequires: no-such-program\nvariants: {{one: 'echo x >/tmp/loot'}}\nbenign: 'true'\n"));
        let ids = ["good", "idle", "needy", "twin-fails", "twin-reaches"];
        let args: Vec<&str> = ["--patterns", "own"].into_iter().chain(ids).collect();
        let found: Vec<String> =
            proofs(&place, how, &args, 1).iter().map(|proof| text(proof, "proof").to_owned()).collect();
        assert_eq!(found, ["proven", "not_reached", "not_runnable", "twin_fails", "twin_reaches"], "{how:?}");
        assert_eq!(proofs(&place, how, &["--patterns", "own", "good#one"], 0).len(), 1);
        assert_eq!(
            text(&proofs(&place, how, &["--patterns", "own", "needy"], 3)[0], "why"),
            "it needs `no-such-program`"
        );
    }
}

#[test]
fn patterns_of_ones_own_are_begun_checked_and_proven() {
    for how in How::all() {
        let place = Place::new();
        std::fs::create_dir(place.path("mine")).unwrap();
        // the user who runs it may write there
        let anyone = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        std::fs::set_permissions(place.path("mine"), anyone).unwrap();
        let said = place.run(how, &["pattern", "new", "my-own", "--dir", "mine"]);
        assert_eq!(said.code, 0, "{}", said.stderr);
        assert_eq!(
            place.run(how, &["pattern", "new", "my-own", "--dir", "mine"]).code,
            2,
            "it is there already"
        );
        assert_eq!(place.run(how, &["pattern", "lint", "mine"]).code, 0);
        let proven = proofs(&place, how, &["--patterns", "mine", "my-own"], 0);
        assert_eq!(proven.len(), 3, "{proven:#?}");
    }
}

/// One rule, every variant: which of them it finds, and which it misses.
#[test]
fn a_validation_draws_its_attacks_goal_and_twin_from_a_pattern() {
    const RULE: &str = "title: Cron\nid: 3f1d0f0a-5d1b-4c55-9d0a-0c6f1c8a3c12\nlogsource: {product: linux, category: file_event}\n\
                        detection:\n  s: {TargetFilename|startswith: [/etc/cron.d/, /etc/cron.hourly/]}\n  condition: s\nlevel: high\n";
    for how in How::all() {
        let place = Place::new();
        place.write("rule.yml", RULE);
        place.write("all.yaml", "detektr: 1\nattack: {pattern: cron-job}\ndetect: rule.yml\n");
        let document = place.validate(how, &["all.yaml"]).document();
        let verdicts: BTreeMap<&str, String> = document["verdicts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| (text(one, "variant"), format!("{}/{}", text(one, "verdict"), text(one, "reason"))))
            .collect();
        let wanted = [
            ("cron-d", "holds/detected"),
            ("crontab-file", "fails/missed"),
            ("ia32-calls", "holds/detected"),
            ("run-parts", "holds/detected"),
            ("system-crontab", "fails/missed"),
        ];
        assert_eq!(
            verdicts.iter().map(|(a, b)| (*a, b.as_str())).collect::<Vec<_>>(),
            wanted,
            "{how:?}: {document:#}"
        );
        place.write(
            "own/mine.yaml",
            &format!(
                "{HEAD}pattern: mine\nvariants: {{one: 'echo x >/tmp/loot'}}\nbenign: 'echo x >/tmp/other'\n"
            ),
        );
        place.write("one.yaml", "detektr: 1\nattack: {pattern: own/mine.yaml#one}\ncontrols: {tmp: {read_only: /tmp}}\nbenign: twin.sh\n");
        place.write("twin.sh", "echo x >$HOME/state");
        let said = place.validate(how, &["one.yaml"]);
        assert_eq!(said.answer("one", "mitigation"), "holds/prevented", "{how:?}: {}", said.stdout);
    }
    let place = Place::new();
    let how = How::UserPtrace;
    place.write("own/bad.yaml", "detektr: 1\npattern: bad\n");
    for (attack, told) in [
        ("{pattern: cron-jub}", "did you mean `cron-job`?"),
        ("{pattern: cron-job#cron-e}", "did you mean `cron-d`?"),
        ("{pattern: own/none.yaml}", "own/none.yaml"),
        ("{pattern: own/bad.yaml}", "pattern lint own/bad.yaml"),
        ("{pattern: cron-job, as: root}", "an attack from a pattern has no key `as`"),
    ] {
        place.write(
            "v.yaml",
            &format!("detektr: 1\nattack: {attack}\ncontrols: {{tmp: {{read_only: /tmp}}}}\n"),
        );
        let said = place.run(how, &["validate", "v.yaml"]);
        assert!(said.code == 2 && said.stderr.contains(told), "{attack}: {}", said.stderr);
    }
}

#[test]
fn mistakes_are_told_with_their_places_and_nothing_runs() {
    let place = Place::new();
    let how = How::UserPtrace;
    place.write(
        "own/bad.yaml",
        "detektr: 1\npattern: Bad Name\ntitel: x\ntitle: x\ntechnique: T1562.001\ntactic: execution\nemulates: x\n\
         harmless: x\ngoal: creatd('/x')\nvariants:\n  one: 'true'\n  two: 'true'\nbenign: {scrip: x}\n",
    );
    for args in [["pattern", "lint", "own"].as_slice(), &["pattern", "list", "--patterns", "own"]] {
        let said = place.run(how, args);
        assert_eq!(said.code, if args[1] == "lint" { 1 } else { 2 }, "{}", said.stderr);
        for told in [
            "bad.yaml:2:10",
            "can't be a name",
            "bad.yaml:3:1",
            "did you mean `title`?",
            "ATT&CK revoked T1562.001",
            "there is no fact `creatd`",
            "does what another variant does",
            "did you mean `script`?",
        ] {
            assert!(said.stderr.contains(told), "{told}: {}", said.stderr);
        }
    }
    let known = place.write(
        "twice/cron.yaml",
        &format!("{HEAD}pattern: cron-job\nvariants: {{one: 'true'}}\nbenign: 'true'\n"),
    );
    let said = place.run(how, &["pattern", "list", "--patterns", "twice"]);
    assert_eq!(said.code, 2, "{}", said.stdout);
    assert!(said.stderr.contains("cron-job") && said.stderr.contains("another id"), "{}", said.stderr);
    let said = place.run(how, &["pattern", "lint", known.to_str().unwrap()]);
    assert!(
        said.code == 1 && said.stdout.contains("is taken") && said.stdout.contains("1 variants"),
        "{}",
        said.stdout
    );
    for (id, told) in
        [("cron-jub", "did you mean `cron-job`?"), ("cron-job#cron-e", "did you mean `cron-d`?")]
    {
        let said = place.run(how, &["pattern", "show", id]);
        assert!(said.code == 2 && said.stderr.contains(told), "{}", said.stderr);
    }
    assert_eq!(place.run(how, &["pattern", "run"]).code, 2, "nothing is named");
    assert!(!place.home(how).join("runs").exists());
}
