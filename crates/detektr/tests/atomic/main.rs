//! `detektr atomic`, and validations whose attack is a test of Atomic Red Team: on tests of our own in the original's form, and on
//! a sample of the original where it is there.

mod matrix;
#[path = "../validate/support.rs"]
mod support;

use serde_json::Value;
use std::path::{Path, PathBuf};
use support::{How, Place};

/// Tests of our own, in the original's form.
const OWN: &str = r##"
attack_technique: T1204.002
display_name: Ours
atomic_tests:
- name: Write a file that was brought about first
  auto_generated_guid: 11111111-1111-4111-8111-111111111111
  description: copies what a dependency wrote
  supported_platforms: [linux, macos]
  input_arguments:
    source: {description: what is copied, type: path, default: /tmp/brought}
    target: {description: where to, type: path, default: /tmp/loot}
    nothing: {description: has no value, type: string, default: }
  dependency_executor_name: sh
  dependencies:
  - description: |
      #{source} must be there
    prereq_command: "test -f #{source}"
    get_prereq_command: "echo x >#{source}; env | grep -c detektr; true"
  executor:
    name: sh
    command: |
      cp #{source} #{target} # #{nothing}
    cleanup_command: "rm -f #{target}"
- name: Need what nobody can bring about
  auto_generated_guid: 22222222-2222-4222-8222-222222222222
  description: never runs
  supported_platforms: [linux]
  dependencies:
  - description: a program that nobody has
    prereq_command: command -v no-such-program
    get_prereq_command: echo can not
  executor:
    name: bash
    elevation_required: true
    command: echo x >/tmp/never
- name: Use a file of the folder with bash
  auto_generated_guid: 33333333-3333-4333-8333-333333333333
  description: runs a file that lies beside the definitions, as root
  supported_platforms: [linux]
  executor:
    name: bash
    elevation_required: true
    command: |
      [[ $(id -u) == 0 ]] && sh $PathToAtomicsFolder/T1204.002/src/helper.sh
      no-such-program-either
- name: Miss a file of the folder
  auto_generated_guid: 44444444-4444-4444-8444-444444444444
  description: the file is not there
  supported_platforms: [linux]
  executor: {name: sh, command: sh PathToAtomicsFolder/T1204.002/src/absent.sh}
- name: Do it by hand
  auto_generated_guid: 55555555-5555-4555-8555-555555555555
  description: a person's work
  supported_platforms: [linux]
  executor: {name: manual, steps: 1. click}
- name: List modules (FreeBSD)
  auto_generated_guid: 66666666-6666-4666-8666-666666666666
  description: lists linux all the same
  supported_platforms: [linux]
  executor: {name: sh, command: echo x}
- name: List modules another way
  auto_generated_guid: 77777777-7777-4777-8777-777777777777
  description: lists linux all the same, and does not say so
  supported_platforms: [linux]
  executor: {name: sh, command: kldstat -v}
- name: Run elsewhere
  auto_generated_guid: 88888888-8888-4888-8888-888888888888
  description: for Windows
  supported_platforms: [windows]
  executor: {name: command_prompt, command: dir}
"##;

fn place() -> Place {
    let place = Place::new();
    place.write("art/atomics/T1204.002/T1204.002.yaml", OWN);
    place.write("art/atomics/T1204.002/src/helper.sh", "echo loot >/tmp/by-helper");
    place
}

fn run(place: &Place, how: How, args: &[&str], code: i32) -> Vec<Value> {
    let mut all = vec!["atomic", "run", "--json", "--sensor", how.sensor()];
    all.extend(args);
    let said = place.run(how, &all);
    assert_eq!(said.code, code, "{how:?} {args:?}: {}{}", said.stdout, said.stderr);
    said.document()["tests"].as_array().unwrap().clone()
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

fn holds(test: &Value, fact: &str, what: &str) -> bool {
    test["facts"][fact].as_array().unwrap().iter().any(|one| one == what)
}

#[test]
fn each_test_runs_after_what_it_needs_or_says_why_not() {
    for how in How::all() {
        let place = place();
        let tests = run(&place, how, &["--atomics", "art", "--all"], 3);
        let told: Vec<(&str, &str)> =
            tests.iter().map(|test| (text(test, "result"), text(test, "reason"))).collect();
        let wanted = [
            ("executed", ""),
            ("not_prepared", ""),
            ("executed", ""),
            ("refused", "file_missing"),
            ("refused", "manual"),
            ("refused", "other_system"),
            ("refused", "other_system"),
        ];
        assert_eq!(told, wanted, "{how:?} {tests:#?}");
        let [first, second, third, ..] = tests.as_slice() else { unreachable!() };
        assert!(first["complete"] == true && first["exit"]["code"] == 0, "{first:#}");
        assert!(holds(first, "created", "/tmp/loot"), "{first:#}");
        assert!(text(second, "why").contains("a program that nobody has"), "{second:#}");
        assert!(!holds(second, "created", "/tmp/never"), "{second:#}");
        assert!(holds(third, "created", "/tmp/by-helper"), "as root, and with the folder's file: {third:#}");
        assert_eq!(third["not_found"], serde_json::json!(["no-such-program-either"]));
        assert!(text(&tests[6], "why").contains("kldstat"), "{}", tests[6]);
    }
}

/// What is brought about belongs to the phase `setup`, and is no doing of the attack's.
#[test]
fn what_is_brought_about_first_is_not_the_attacks_doing() {
    for how in How::all() {
        let place = place();
        let tests =
            run(&place, how, &["--atomics", "art/atomics", "11111111-1111-4111-8111-111111111111"], 0);
        let said = place.run(how, &["events", "--json", text(&tests[0], "run")]);
        let lines: Vec<Value> = said.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let execs: Vec<(&str, &str, &str)> = lines
            .iter()
            .filter(|event| event["kind"] == "process.exec" && event["outcome"]["result"] == "success")
            .map(|event| {
                (
                    text(event, "phase"),
                    text(&event["process"], "actor"),
                    event["exec"]["argv"][0].as_str().unwrap_or(""),
                )
            })
            .collect();
        let of = |phase: &str| execs.iter().filter(move |one| one.0 == phase).collect::<Vec<_>>();
        assert!(of("setup").iter().any(|one| one.2 == "grep"), "{execs:?}");
        assert!(of("setup").iter().all(|one| one.1 == "environment"), "{execs:?}");
        let attack = of("execute");
        assert!(attack.iter().all(|one| one.1 == "artifact"), "{execs:?}");
        assert!(
            attack.iter().any(|one| one.2 == "cp") && !attack.iter().any(|one| one.2 == "grep"),
            "{execs:?}"
        );
        // its own file says nothing of what it does
        let own = attack[0].2.to_owned() + &said.stdout;
        assert!(!own.contains("T1204") && !own.contains("atomic"), "{own}");
        assert!(!holds(&tests[0], "ran", "/usr/bin/grep"), "{:#}", tests[0]);
        assert!(holds(&tests[0], "prepared", "/tmp/brought") && !holds(&tests[0], "created", "/tmp/brought"));
    }
}

#[test]
fn prerequisites_are_looked_at_without_getting_them_or_running_the_test() {
    for how in How::all() {
        let place = place();
        let check = |argument: &str, code| {
            let args = ["--atomics", "art", "--check-prereqs", "T1204.002#1", "--arg", argument];
            run(&place, how, &args, code).remove(0)
        };
        let absent = check("source=/tmp/brought", 3);
        assert_eq!(text(&absent, "result"), "not_prepared");
        assert!(!holds(&absent, "created", "/tmp/brought"), "nothing is got: {absent:#}");
        assert!(text(&absent, "why").contains("/tmp/brought must be there"), "{absent:#}");
        let there = check("source=/etc/passwd", 0);
        assert_eq!(text(&there, "result"), "prepared");
        assert!(!holds(&there, "created", "/tmp/loot"), "the test itself did not run: {there:#}");
    }
}

const EXECUTORS: &str = r##"
attack_technique: T1059
atomic_tests:
- name: Python
  auto_generated_guid: aaaaaaaa-1111-4111-8111-111111111111
  supported_platforms: [linux]
  executor: {name: python, command: "open('/tmp/by-python', 'w').write('x')"}
- name: PowerShell
  auto_generated_guid: bbbbbbbb-1111-4111-8111-111111111111
  supported_platforms: [linux]
  executor: {name: powershell, command: "Set-Content /tmp/by-powershell x"}
"##;

#[test]
fn another_executor_runs_where_the_environment_has_it_and_is_refused_elsewhere() {
    let place = Place::new();
    place.write("flat/T1059.yaml", EXECUTORS);
    let how = How::all().remove(0);
    for (name, program, made) in
        [("T1059#1", "python3", "/tmp/by-python"), ("T1059#2", "pwsh", "/tmp/by-powershell")]
    {
        let there = Path::new("/usr/bin").join(program).exists();
        let test = run(&place, how, &["--atomics", "flat", name], if there { 0 } else { 3 }).remove(0);
        if there {
            assert!(holds(&test, "created", made), "{test:#}");
        } else {
            assert_eq!((text(&test, "result"), text(&test, "reason")), ("refused", "executor_missing"));
            assert!(text(&test, "why").contains(program), "{test:#}");
        }
    }
}

#[test]
fn arguments_and_user_are_chosen() {
    for how in How::all() {
        let place = place();
        let args = ["--atomics", "art", "T1204.002#brought", "--arg", "target=/tmp/other", "--user", "root"];
        let test = run(&place, how, &args, 0).remove(0);
        assert!(holds(&test, "created", "/tmp/other") && !holds(&test, "created", "/tmp/loot"), "{test:#}");
        // named twice it runs once; what preparation installed, the test did not
        let [brought, own] = ["/etc/profile.d/brought.sh", "/etc/profile.d/own.sh"];
        let (source, target) = (format!("source={brought}"), format!("target={own}"));
        let args = ["--atomics", "art", "T1204.002#1", "T1204.002#brought", "--user", "root"];
        let tests = run(&place, how, &[&args[..], &["--arg", &source, "--arg", &target]].concat(), 0);
        assert_eq!(tests.len(), 1, "{tests:#?}");
        let installed: Vec<&str> =
            tests[0]["persistence"].as_array().unwrap().iter().map(|entry| text(entry, "path")).collect();
        assert_eq!(installed, [own], "{how:?}: {:#}", tests[0]);
        let shown =
            place.run(how, &["atomic", "show", "--atomics", "art", "T1204.002#1", "--arg", "target=/tmp/o"]);
        assert!(
            shown.stdout.contains("test -f /tmp/brought")
                && shown.stdout.contains("cp /tmp/brought /tmp/o #"),
            "{}",
            shown.stdout
        );
        assert!(shown.stdout.contains("rm -f /tmp/o"), "{}", shown.stdout);
    }
}

const PERSISTENT: &str = r##"
attack_technique: T1053.003
display_name: Cron
atomic_tests:
- name: Install a job
  auto_generated_guid: aaaaaaaa-1111-4111-8111-111111111111
  description: has something run every minute
  supported_platforms: [linux]
  executor:
    name: sh
    elevation_required: true
    command: echo '* * * * * root touch /var/tmp/by-cron' >/etc/cron.d/upd
- name: Go on for ever
  auto_generated_guid: bbbbbbbb-1111-4111-8111-111111111111
  description: ends with its time
  supported_platforms: [linux]
  executor: {name: sh, command: exec tail -f /dev/null}
- name: Write something
  auto_generated_guid: cccccccc-1111-4111-8111-111111111111
  description: is quick
  supported_platforms: [linux]
  executor: {name: sh, command: echo x >/tmp/quick}
"##;

#[test]
fn what_a_test_installs_is_started_again_and_one_that_goes_on_ends_with_its_time() {
    let how = How::all().remove(0);
    let place = Place::new();
    place.write("art/T1053.003/T1053.003.yaml", PERSISTENT);
    let all = ["--atomics", "art", "--all", "--timeout", "2s", "--jobs", "3"];
    let tests = run(&place, how, &all, 0);
    let [cron, endless, quick] = tests.as_slice() else { unreachable!("{tests:#?}") };
    let status = |test: &Value| text(&test["persistence"][0], "status").to_owned();
    assert_eq!((text(cron, "test"), status(cron).as_str()), ("T1053.003#1", "proven"), "{cron:#}");
    assert!(holds(cron, "created", "/var/tmp/by-cron"), "{cron:#}");
    assert_eq!((text(endless, "test"), text(endless, "state")), ("T1053.003#2", "timeout"));
    assert_eq!((text(quick, "test"), text(quick, "result")), ("T1053.003#3", "executed"));
    // told in the order of the tests, by the words of `show`
    let said = place.run(how, &[&["atomic", "run", "--sensor", how.sensor()], &all[..]].concat());
    let at = |word: &str| said.stdout.find(word).unwrap_or_else(|| panic!("{word}: {}", said.stdout));
    assert!(at("T1053.003#1") < at("proven: cron") && at("proven: cron") < at("T1053.003#2"));
    assert!(at("T1053.003#2") < at("T1053.003#3"));
    let test = run(&place, how, &["--atomics", "art", "T1053.003#1", "--trigger", "none"], 0).remove(0);
    assert_eq!(status(&test), "installed", "{test:#}");
    assert!(!holds(&test, "created", "/var/tmp/by-cron"), "{test:#}");
}

#[test]
fn after_a_kill_nothing_goes_on_and_the_next_command_clears_what_is_left() {
    let endless = |number: u8| {
        format!(
            "- name: Go on for ever\n  auto_generated_guid: {number}aaaaaaa-1111-4111-8111-111111111111\n  description: ends with its time\n  \
             supported_platforms: [linux]\n  executor: {{name: sh, command: 'exec tail -f /dev/null /tmp/mark-{number}-of-the-killed'}}\n"
        )
    };
    let marks = || {
        let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        let lines = processes.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
        lines.filter(|line| line.starts_with(b"tail") && line.ends_with(b"-of-the-killed\0")).count()
    };
    for how in How::all() {
        let place = Place::new();
        let tests = format!("attack_technique: T1000\natomic_tests:\n{}{}", endless(1), endless(2));
        place.write("art/T1000.yaml", &tests);
        let words = ["atomic", "run", "--atomics", "art", "--all", "--jobs", "2", "--sensor", how.sensor()];
        let mut running = place.command(how, &words).spawn().unwrap();
        until(|| {
            assert!(running.try_wait().unwrap().is_none(), "{how:?}: it ended before both ran");
            marks() == 2
        });
        running.kill().unwrap();
        running.wait().unwrap();
        until(|| marks() == 0);
        let work = place.home(how).join("work");
        // the reaper has a moment for what it does beside the next command
        until(|| place.run(how, &["runs"]).code == 0 && std::fs::read_dir(&work).unwrap().count() == 0);
    }
}

/// Waits for `condition`, which the kernel or another process brings about.
fn until(mut condition: impl FnMut() -> bool) {
    while !condition() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[test]
fn what_is_wrong_is_told_before_anything_runs() {
    let place = place();
    place.write(
        "bad/T1204.002.yaml",
        "attack_technique: T1204.002\natomic_tests:\n- name: x\n  executor: {name: sh}\n",
    );
    let how = How::all().remove(0);
    for (args, wanted) in [
        (vec!["--atomics", "art", "T1204.003"], "did you mean `T1204.002`?"),
        (vec!["--atomics", "art", "T1204.002#9"], "has no test `9`"),
        (vec!["--atomics", "art", "T1204.002#List modules"], "names of 2 tests"),
        (vec!["--atomics", "art", "99999999-1111-4111-8111-111111111111"], "no test has the guid"),
        (vec!["--atomics", "art", "T1204.002#1", "--arg", "sorce=x"], "did you mean `source`?"),
        (vec!["--atomics", "nowhere", "--all"], "can't read nowhere"),
        (vec!["--atomics", "art/atomics/T1204.002/src", "--all"], "holds no atomic tests"),
        (vec!["--atomics", "bad", "--all"], "T1204.002.yaml:3:3: `supported_platforms` is missing"),
    ] {
        let said = place.run(how, &[&["atomic", "run"][..], &args[..]].concat());
        let words = said.stderr.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
        assert_eq!(said.code, 2, "{args:?} {words}");
        assert!(words.contains(wanted), "{args:?} {words}");
    }
    assert!(place.runs(how).is_empty(), "something ran");
}

#[test]
fn a_validation_draws_its_attack_from_a_test() {
    for how in How::all() {
        let place = place();
        let validation = |name: &str, attack: &str, goal: &str| {
            place.write(
                &format!("{name}.yaml"),
                &format!(
                    "detektr: 1\nattack: {attack}\ngoal: created('{goal}')\nbenign: {{command: 'true'}}\n\
                     controls: {{shut: {{read_only: [/var/tmp]}}}}\nask: [{{control: shut}}]\n"
                ),
            );
        };
        let target = "{atomic: 'T1204.002#1', arguments: {source: /var/tmp/in, target: /var/tmp/out}}";
        validation("stopped", target, "/var/tmp/out");
        validation("needy", "{atomic: 22222222-2222-4222-8222-222222222222}", "/tmp/never");
        validation("prepared", "{atomic: 'T1204.002#1'}", "/tmp/brought");
        validation("manual", "{atomic: 'T1204.002#5'}", "/tmp/x");
        // the preparation writes where the control lets nobody write: it comes before
        let said = place.validate(how, &["--atomics", "art", "stopped.yaml"]);
        assert_eq!(said.answer("stopped", "control:shut"), "holds/triggered", "{how:?} {}", said.stdout);
        // the goal's file is there, and it was the preparation that made it
        let said = place.validate(how, &["--atomics", "art", "prepared.yaml"]);
        assert_eq!(said.answer("prepared", "control:shut"), "inconclusive/goal_not_reached", "{how:?}");
        let said = place.validate(how, &["--atomics", "art", "needy.yaml"]);
        assert_eq!(
            (said.code, said.answer("needy", "control:shut").as_str()),
            (3, "inconclusive/not_prepared")
        );
        let said = place.validate(how, &["--atomics", "art", "manual.yaml"]);
        assert!(said.code == 2 && said.stderr.contains("manual.yaml:2:18"), "{}", said.stderr);
        let said = place.validate(how, &["stopped.yaml"]);
        assert!(said.code == 2 && said.stderr.contains("--atomics DIR"), "{}", said.stderr);
    }
}

/// The folder with the original's definitions, where it is there.
fn original() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = std::env::var_os("DETEKTR_SHARED_DATA").map_or_else(beside, PathBuf::from);
    let folder = data.join("atomic-linux");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!(
        "skipped: the definitions of Atomic Red Team are not at hand; name their folder's parent in DETEKTR_SHARED_DATA"
    );
    None
}

/// A few that differ: a dependency that is brought about, root, an ordinary user, a name that resolves to the simulated internet,
/// what reads baits.
#[test]
fn a_sample_of_the_original_runs_as_it_is() {
    let Some(folder) = original() else { return };
    for how in How::all() {
        let place = Place::new();
        let copy = place.path("original");
        copy_files(&folder, &copy);
        let sample = ["T1027#1", "T1053.003#2", "T1552.004#2", "T1070.003#2", "T1053.003#1"];
        let args = [&["--atomics", "original"][..], &sample[..]].concat();
        let wanted = if how.has_users() { 0 } else { 3 };
        let mut all = vec!["atomic", "run", "--json", "--sensor", how.sensor()];
        all.extend(args);
        let said = place.run(how, &all);
        let document = said.document();
        let tests = document["tests"].as_array().unwrap();
        let executed = tests.iter().filter(|test| test["result"] == "executed" && test["complete"] == true);
        let count = executed.count();
        assert!(count == sample.len() || !how.has_users(), "{how:?}: {document:#}");
        assert!(said.code == 0 || said.code == wanted, "{how:?}: {document:#}");
        assert!(holds(&tests[1], "created", "/etc/cron.daily/persistevil"), "{how:?}: {:#}", tests[1]);
        assert!(holds(&tests[0], "created", "/tmp/art.sh"), "{how:?}: {:#}", tests[0]);
    }
}

fn copy_files(from: &Path, to: &Path) {
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_files(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
    std::fs::set_permissions(to, readable).unwrap();
}
