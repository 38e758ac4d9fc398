//! Validations that are right are read as they stand; of those that are not, every mistake is told with its place.

use super::*;
use crate::plan::{Expect, In, On, Program, QuestionKind, Role, Surroundings};
use detektr_sandbox::controls::Measure;
use std::fs;

/// A folder with what the examples name.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let rule = "title: t\nlogsource: {product: linux, category: file_event}\n\
                detection: {sel: {TargetFilename: /x}, condition: sel}\nlevel: low\n";
    let profile = r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []}"#;
    for (name, content) in [
        ("v/cron-drop.sh", "#!/bin/sh\n"),
        ("v/admin-cron.sh", "#!/bin/sh\n"),
        ("v/drop-and-run.sh", "#!/bin/sh\n"),
        ("v/smoke.sh", "#!/bin/sh\n"),
        ("v/docker-default.json", profile),
        ("v/bad.json", r#"{"defaultAction": "SCMP_ACT_MAYBE"}"#),
        ("v/rules/cron_file.yml", rule),
        ("v/rules/crontab.yml", rule),
        ("v/rules/denied_write.yml", rule),
        ("rules/lnx_cron.yml", rule),
    ] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

fn read_text(text: &str) -> Result<ValidationFile, FileError> {
    let folder = folder();
    let path = folder.path().join("v/v.yaml");
    fs::write(&path, text).unwrap();
    read(&path, &Sources::default())
}

fn ids(file: &ValidationFile) -> Vec<&str> {
    file.questions.iter().map(|question| question.id.as_str()).collect()
}

#[test]
fn a_rule_repositorys_validation_asks_its_rule() {
    let file = read_text(
        "detektr: 1\nattack: ./cron-drop.sh\ngoal: created('/etc/cron.d/upd')\ndetect: ../rules/lnx_cron.yml\n\
         benign: ./admin-cron.sh\n",
    )
    .unwrap();
    assert_eq!(ids(&file), ["detection:lnx_cron"]);
    assert_eq!(file.attacks[0].1.program, Program::File("cron-drop.sh".into()));
    assert!(file.benign.is_some());
    let inputs: Vec<&str> = file.inputs.keys().map(String::as_str).collect();
    assert_eq!(inputs, ["../rules/lnx_cron.yml", "admin-cron.sh", "cron-drop.sh", "v.yaml"]);
}

#[test]
fn a_platform_teams_validation_asks_each_control_and_the_mitigation() {
    let file = read_text(
        "detektr: 1\nattack: {script: ./drop-and-run.sh, as: root}\ngoal: ran('/tmp/x')\ncontrols:\n\
         \x20 seccomp: {seccomp: ./docker-default.json}\n  tmp: {noexec: [/tmp, /dev/shm]}\nbenign: ./smoke.sh\n",
    )
    .unwrap();
    assert_eq!(ids(&file), ["control:seccomp", "control:tmp", "mitigation"]);
    assert!(file.attacks[0].1.root);
    assert_eq!(file.controls[1].measures, [Measure::Noexec(vec!["/tmp".into(), "/dev/shm".into()])]);
    let choices = Choices {
        repeat: Some(2),
        ablate: false,
        seed: None,
        surroundings: Surroundings::new(crate::plan::Sensor::Ptrace),
        only: Vec::new(),
        verdicts: None,
    };
    let (plan, _) = plans(&file, &choices).remove(0);
    // baseline, treatment, two twins, each control alone: of two, all but one is the other alone
    assert_eq!(plan.arms.len(), 2 * 6);
    let first = plan.arms.iter().filter(|arm| arm.repeat == 0);
    assert!(first.clone().all(|arm| arm.seed == plan.arms[0].seed));
    assert!(first.clone().any(|arm| arm.role == Role::Only("tmp".into())));
}

#[test]
fn a_purple_teams_validation_asks_what_stands_under_ask() {
    let file = read_text(
        "detektr: 1\nattack: {script: ./cron-drop.sh, as: root}\ngoal: created('/etc/cron.d/upd')\ncontrols:\n\
         \x20 ro-etc: {read_only: [/etc, /var/spool/cron]}\nrepeat: 3\nask:\n  - {mitigation: all, severity: high}\n\
         \x20 - {control: ro-etc}\n  - {detection: {any: [rules/cron_file.yml, rules/crontab.yml]}}\n\
         \x20 - detection: rules/denied_write.yml\n    in: treatment\n    on: attempt\n    expect: fails\n\
         \x20   because: EROFS is not collected, SEC-123\n    until: 2027-03-31\n",
    )
    .unwrap();
    let expected =
        ["mitigation", "control:ro-etc", "detection:cron_file+crontab", "detection:denied_write@treatment"];
    assert_eq!(ids(&file), expected);
    assert_eq!((file.repeat, file.questions[0].severity.as_deref()), (3, Some("high")));
    let last = &file.questions[3];
    assert!(matches!(last.kind, QuestionKind::Detection { arm: In::Treatment, on: On::Attempt, .. }));
    assert_eq!((last.expect, last.until.as_deref()), (Expect::Fails, Some("2027-03-31")));
}

#[test]
fn a_folder_asks_any_of_its_rules_and_a_list_asks_each() {
    let ask = |detect: &str| {
        read_text(&format!("detektr: 1\nattack: cron-drop.sh\ndetect: {detect}\n")).map(|file| {
            let of = |question: &crate::plan::Question| match &question.kind {
                QuestionKind::Detection { rules, .. } => rules.files.len(),
                _ => 0,
            };
            file.questions.iter().map(of).collect::<Vec<_>>()
        })
    };
    assert_eq!(ask("rules").unwrap(), [3]);
    assert_eq!(ask("[rules/crontab.yml, rules/cron_file.yml]").unwrap(), [1, 1]);
}

/// The mistakes as people read them: place, what is wrong, what to write instead.
fn mistakes(text: &str) -> String {
    match read_text(text) {
        Err(FileError::Invalid { problems, .. }) => problems
            .iter()
            .map(|p| {
                format!("{}:{} {}\n    {}\n", p.line, p.column, p.what, p.help.as_deref().unwrap_or("-"))
            })
            .collect(),
        other => panic!("not refused as it should be: {other:?}"),
    }
}

#[test]
fn every_mistake_is_told_with_its_place_and_what_to_write() {
    let cases = [
        "detektr: 2\nattack: cron-drop.sh\ndetect: rules\n",
        "attack: cron-drop.sh\ndetect: rules\n",
        "detektr: 1\ndetect: rules\n",
        "detektr: 1\nattack: cron-drop.sh\n",
        "detektr: 1\nattack: cron-drop.sh\ndetct: rules\n",
        "detektr: 1\nattack: {script: cron-drop.sh, command: ls}\ndetect: rules\n",
        "detektr: 1\nattack: {script: cron-drop.sh, as: admin}\ndetect: nowhere.yml\n",
        "detektr: 1\nattack: cron-drop.sh\ngoal: creatd('/x')\ndetect: rules\n",
        "detektr: 1\nattack: cron-drop.sh\ngoal: created('x')\ndetect: rules\n",
        "detektr: 1\nattack: cron-drop.sh\ngoal: 1 + 1\ndetect: rules\n",
        "detektr: 1\nattack: cron-drop.sh\ncontrols: {all: {read_only: etc}, b: {nexec: /tmp}, c: {}}\n",
        "detektr: 1\nattack: cron-drop.sh\ngoal: ran('/x')\ncontrols:\n  s: {seccomp: bad.json}\n  c: {capabilities: NET_ROW}\n",
        "detektr: 1\nattack: cron-drop.sh\ngoal: ran('/x')\ncontrols:\n  l: {landlock: {reed: /, write: tmp, bind_tcp: 70000, scope: signals}}\n  m: {landlock: {}}\n",
        "detektr: 1\nattack: cron-drop.sh\ngoal: ran('/x')\ncontrols: {tmp: {noexec: /tmp}}\nask: [{control: tmpp}, {mitigation: some}]\n",
        "detektr: 1\nattack: cron-drop.sh\nask:\n  - {detection: rules, expect: fails, until: soon}\n  - {in: treatment}\nrepeat: 0\n",
        "detektr: 1\nattack: cron-drop.sh\ndetect: rules\nask: {detection: rules}\n",
        "detektr: 1\nattack: cron-drop.sh\nask: [{detection: rules}, {detection: rules}]\n",
        "detektr: 1\nattack: cron-drop.sh\ngoal: ran('/x')\ncontrols:\n  \
         w: {monitor: {command: [x], ready: '(', alert: {output: '[', exit: [1, some], log: {file: /l, matches: '('}}}}\n  \
         e: {egress: {allow: ['*.example.org', example.org, 10.0.0.0/99]}}\n  r: {read_only: [/etc, usr]}\n",
        "detektr: 1\nattack: cron-drop.sh\ngoal: ran('/x')\ncontrols: {w: {monitor: {command: [x]}}, v: {monitor: {command: x, alert: {log: {file: /l}}}}}\n",
        "detektr: 1\nattack: [\n",
    ];
    let told: String = cases.iter().map(|text| format!("{text}--\n{}\n", mistakes(text))).collect();
    insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("mistakes", told);
    });
}
