//! Every definition of the original reads, where it is there; those for other systems are told apart.

use super::{Atomics, Options, Refusal, Refused, System, Test, read};
use crate::plan::{Program, Rootfs};
use crate::programs::is_missing;
use std::path::{Path, PathBuf};

fn original() -> Option<Atomics> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = std::env::var_os("DETEKTR_SHARED_DATA").map_or_else(beside, PathBuf::from);
    let folder = data.join("atomic-linux");
    if folder.is_dir() {
        return Some(Atomics::open(&folder).unwrap());
    }
    eprintln!(
        "skipped: the definitions of Atomic Red Team are not at hand; name their folder's parent in DETEKTR_SHARED_DATA"
    );
    None
}

#[test]
fn every_definition_of_the_original_reads_and_those_for_freebsd_are_told_apart() {
    let Some(atomics) = original() else { return };
    let all = atomics.all().unwrap();
    let guids: std::collections::BTreeSet<&str> = all.iter().map(|test| test.guid.as_str()).collect();
    assert_eq!(guids.len(), all.len(), "a guid twice, or none");
    let of = |id: &str| System::of(all.iter().find(|test| test.id() == id).unwrap());
    for id in ["T1078.003#10", "T1113#6", "T1685.006#10", "T1003.008#2", "T1686#8", "T1686#12"] {
        assert!(matches!(of(id), System::FreeBsd(_)), "{id}");
    }
    for id in [
        "T1049#5",
        "T1049#6",
        "T1082#12",
        "T1003.008#4",
        "T1003.008#5",
        "T1078.003#8",
        "T1105#1",
        "T1070.003#9",
    ] {
        assert_eq!(of(id), System::Linux, "{id}");
    }
    assert_eq!(of("T1105#7"), System::Other);
}

/// A test with the given part of its executor and its arguments.
fn test(rest: &str) -> Test {
    let text =
        format!("attack_technique: T1\natomic_tests:\n- name: x\n  supported_platforms: [linux]\n{rest}");
    read(Path::new("T1.yaml"), &text).unwrap().remove(0)
}

#[test]
fn a_test_becomes_a_script_with_its_arguments_filled_in() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("T1.yaml"), "attack_technique: T1\natomic_tests: []\n").unwrap();
    let atomics = Atomics::open(folder.path()).unwrap();
    let prepare = |test: &Test, options: &Options| test.prepare(&atomics, options, &Rootfs::Host);
    let one = test(
        "  input_arguments: {a: {default: 1}, b: {default: '#{a}'}}\n  executor: {name: bash, command: 'x #{a} #{b} #{c} #{', elevation_required: true}\n",
    );
    let prepared = prepare(&one, &Options::default()).unwrap();
    let script = &prepared.inputs["atomic/T1#1"];
    // a value is put in as it is, and what is unknown stays
    assert_eq!(String::from_utf8_lossy(script), "#!/bin/bash\nx 1 #{a} #{c} #{");
    assert!(prepared.attack.root);
    let other =
        Options { root: Some(false), arguments: vec![("a".into(), "2".into())], ..Options::default() };
    let prepared = prepare(&one, &other).unwrap();
    assert!(!prepared.attack.root && prepared.inputs["atomic/T1#1"].starts_with(b"#!/bin/bash\nx 2"));
    assert!(matches!(prepared.attack.program, Program::File(_)));
    for (executor, wanted) in [
        ("manual", Refusal::Manual),
        ("command_prompt", Refusal::ExecutorMissing),
        ("sh, command: cat PathToAtomicsFolder/T1/src/x", Refusal::FileMissing),
        // a path that leads out of the folder is never read
        ("sh, command: cat PathToAtomicsFolder/T1/link/passwd", Refusal::FileMissing),
    ] {
        std::fs::create_dir_all(folder.path().join("T1")).unwrap();
        let _ = std::os::unix::fs::symlink("/etc", folder.path().join("T1/link"));
        let command = if executor.contains("command:") { "" } else { ", command: x" };
        let one = test(&format!("  executor: {{name: {executor}{command}}}\n"));
        assert!(
            matches!(prepare(&one, &Options::default()), Err(Refused::Test(why, _)) if why == wanted),
            "{executor}"
        );
    }
}

#[test]
fn a_folders_files_come_along_once_each_and_none_that_a_link_leads_to_outside() {
    let folder = tempfile::tempdir().unwrap();
    let src = folder.path().join("T1/src");
    std::fs::create_dir_all(&src).unwrap();
    std::fs::write(folder.path().join("T1.yaml"), "attack_technique: T1\natomic_tests: []\n").unwrap();
    // two of them would be too large
    std::fs::File::create(src.join("own")).unwrap().set_len(40 << 20).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", src.join("outside")).unwrap();
    std::os::unix::fs::symlink("own", src.join("inside")).unwrap();
    let atomics = Atomics::open(folder.path()).unwrap();
    let prepare = |command: &str| {
        let one = test(&format!("  executor: {{name: sh, command: '{command}'}}\n"));
        one.prepare(&atomics, &Options::default(), &Rootfs::Host)
    };
    let own = "PathToAtomicsFolder/T1/src/own";
    let prepared = prepare(&format!("cat {own}; rm {own}")).unwrap();
    assert_eq!(prepared.attack.files.keys().collect::<Vec<_>>(), ["/opt/tasks/T1/src/own"]);
    let whole = prepare("ls PathToAtomicsFolder/T1/src");
    assert!(
        matches!(&whole, Err(Refused::Test(Refusal::FileMissing, why)) if why.contains("64 MiB")),
        "a link within counts as the file that it is"
    );
    std::fs::File::create(src.join("own")).unwrap().set_len(1).unwrap();
    let prepared = prepare("ls PathToAtomicsFolder/T1/src").unwrap();
    let there: Vec<&String> = prepared.attack.files.keys().collect();
    assert_eq!(there, ["/opt/tasks/T1/src/inside", "/opt/tasks/T1/src/own"]);
}

#[test]
fn a_dependency_is_run_by_its_interpreter_and_not_checked_for_syntax() {
    for (executor, command) in
        [("sh", "exit 7"), ("bash", "exit 7"), ("python", "exit(7)"), ("perl", "exit 7"), ("ruby", "exit 7")]
    {
        let one = test(&format!(
            "  dependencies: [{{prereq_command: '{command}', get_prereq_command: ''}}]\n  executor: {{name: {executor}, command: x}}\n"
        ));
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("T1.yaml"), "attack_technique: T1\natomic_tests: []\n").unwrap();
        let atomics = Atomics::open(folder.path()).unwrap();
        let prepared = match one.prepare(&atomics, &Options::default(), &Rootfs::Host) {
            Ok(prepared) => prepared,
            Err(Refused::Test(Refusal::ExecutorMissing, why)) => {
                eprintln!("skipped: {why}");
                continue;
            }
            Err(other) => panic!("{executor}: {other:?}"),
        };
        let words = &prepared.attack.setup[0].command;
        let status = std::process::Command::new(&words[0]).args(&words[1..]).status().unwrap();
        assert_eq!(status.code(), Some(7), "{executor}");
    }
}

#[test]
fn in_an_image_the_interpreter_is_asked_for_before_the_test_runs() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("T1.yaml"), "attack_technique: T1\natomic_tests: []\n").unwrap();
    let atomics = Atomics::open(folder.path()).unwrap();
    let steps = |executor: &str| {
        let one = test(&format!("  executor: {{name: {executor}, command: x}}\n"));
        let image = Rootfs::Image("x.tar".into());
        one.prepare(&atomics, &Options::default(), &image).unwrap().attack.setup
    };
    assert!(steps("sh").is_empty(), "without it no test can be run");
    let asked = [("bash", "bash"), ("python", "python3"), ("powershell", "pwsh"), ("zsh", "zsh")];
    for (executor, program) in asked {
        let [step] = steps(executor).try_into().unwrap();
        let mut command = std::process::Command::new(&step.command[0]);
        let found = command.args(&step.command[1..]).output().unwrap().status.success();
        assert_eq!(found, !is_missing(program, &Rootfs::Host), "{step:?}");
    }
}

#[test]
fn mistakes_are_told_with_their_place() {
    for (text, wanted) in [
        ("", "the file is empty"),
        ("atomic_tests: []\n", "T1.yaml:1:1: `attack_technique` is missing"),
        ("attack_technique: T1\natomic_tests: x\n", "T1.yaml:2:15: `atomic_tests` is a single value"),
        (
            "attack_technique: T1\natomic_tests:\n- name: x\n  supported_platforms: [linux]\n  executor: {name: sh}\n",
            "T1.yaml:5:13: the executor has no command",
        ),
    ] {
        let crate::file::FileError::Invalid { problems, .. } = read(Path::new("T1.yaml"), text).unwrap_err()
        else {
            panic!("another error")
        };
        assert!(problems[0].to_string().contains(wanted), "{}", problems[0]);
    }
}
