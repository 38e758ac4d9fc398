//! Which rules match which events.

use crate::events::{asked, exec, of, open, rule};
use detektr_detect::{RuleSet, RunContext};
use std::convert::Infallible;

#[test]
fn a_match_names_its_event_and_fields_and_a_near_miss_what_it_lacks() {
    let hit =
        rule("Hit", "  sel:\n    Image|endswith: /cat\n    CommandLine|contains: shadow\n  condition: sel\n");
    let miss = rule(
        "Miss",
        "  sel:\n    Image|endswith: /cat\n    CommandLine|contains: sudoers\n  condition: sel\n",
    );
    let report = asked(
        &format!("{hit}---\n{miss}"),
        &[exec(1, 0, &["/bin/sh"]), exec(2, 1, &["/bin/cat", "/etc/shadow"])],
    );
    let found = &of(&report, "Hit").matches;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].events, [2]);
    assert!(found[0].fields.contains(&("Image".into(), "/bin/cat".into())), "{found:?}");
    let missed = of(&report, "Miss");
    assert!(missed.matches.is_empty() && missed.undecided.is_none());
    let why = missed.why_not.as_ref().unwrap();
    assert_eq!(why.event, Some(2));
    assert_eq!(why.fields.len(), 1, "{why:?}");
    assert_eq!(why.fields[0].field, "CommandLine");
    assert_eq!(why.fields[0].was.as_deref(), Some("/bin/cat /etc/shadow"));
}

#[test]
fn a_rule_sees_only_its_own_log_source() {
    let auditd = "title: Audit\nlogsource:\n  product: linux\n  service: auditd\ndetection:\n  sel:\n    \
                  Image: /bin/sh\n  condition: sel\n";
    let files = "title: Files\nlogsource:\n  product: linux\n  category: file_event\ndetection:\n  sel:\n    \
                 Image: /bin/sh\n  condition: sel\n";
    let windows = "title: Windows\nlogsource:\n  product: windows\n  category: process_creation\ndetection:\n  sel:\n    \
                   Image: /bin/sh\n  condition: sel\n";
    let process = rule("Process", "  sel:\n    Image: /bin/sh\n  condition: sel\n");
    let report = asked(&[auditd, files, windows, &process].join("---\n"), &[exec(1, 0, &["/bin/sh"])]);
    assert_eq!(of(&report, "Process").matched, 1);
    for other in ["Audit", "Files", "Windows"] {
        assert_eq!(of(&report, other).matched, 0, "{other}");
    }
    let windows = of(&report, "Windows");
    assert!(windows.no_telemetry.as_ref().unwrap().contains("windows"), "{windows:?}");
    assert!(windows.undecided.is_none() && of(&report, "Audit").no_telemetry.is_none());
}

#[test]
fn an_audit_record_is_seen_by_its_path() {
    let text = "title: Audit\nlogsource:\n  product: linux\n  service: auditd\ndetection:\n  sel:\n    type: PATH\n    \
                name: /etc/shadow\n  condition: sel\n";
    let report = asked(text, &[open(1, "/etc/hosts"), open(2, "/etc/shadow")]);
    assert_eq!(of(&report, "Audit").matches[0].events, [2]);
}

#[test]
fn a_filter_on_a_field_that_no_view_tells_is_undecided() {
    let text = rule(
        "Filtered",
        "  sel:\n    Image: /bin/sh\n  filter:\n    LogonId: '0x3e7'\n  condition: sel and not filter\n",
    );
    let report = asked(&text, &[exec(1, 0, &["/bin/sh"])]);
    let outcome = of(&report, "Filtered");
    assert_eq!(outcome.matched, 0, "{outcome:?}");
    assert!(outcome.undecided.as_ref().unwrap().contains("`LogonId`"), "{outcome:?}");
    let other = asked(&text, &[exec(1, 0, &["/bin/cat"])]);
    assert!(
        of(&other, "Filtered").undecided.is_none(),
        "where the selection fails, the filter does not matter"
    );
}

#[test]
fn keywords_are_looked_for_in_every_field() {
    let text =
        rule("Words", "  keywords:\n    - '*mimipenguin*'\n    - '*linpeas*'\n  condition: keywords\n");
    let report = asked(&text, &[exec(1, 0, &["/bin/sh", "/tmp/linpeas.sh"]), exec(2, 1, &["/bin/true"])]);
    let outcome = of(&report, "Words");
    assert_eq!(outcome.matched, 1, "{outcome:?}");
    assert_eq!(outcome.matches[0].events, [1]);
}

#[test]
fn values_that_were_seen_before_have_the_answer_that_they_had() {
    // records that differ in what no rule asks for, and others in what one does
    let hit = rule("Hit", "  sel:\n    CommandLine|contains: shadow\n  condition: sel\n");
    let audit = "title: Audit\nlogsource:\n  product: linux\n  service: auditd\ndetection:\n  sel:\n    type: EXECVE\n    \
                 a1: /etc/shadow\n  keywords:\n    - '*dow*'\n  condition: sel and keywords\n";
    let other = "title: Path\nlogsource:\n  product: linux\n  service: auditd\ndetection:\n  sel:\n    type: PATH\n    \
                 name|startswith: /etc/\n  condition: sel\n";
    let digits = rule("Digits", "  keywords:\n    - '*dd*'\n  condition: keywords\n");
    let mut events = Vec::new();
    for round in 0..3 {
        let seq = round * 4;
        events.push(exec(seq + 1, 0, &["/bin/cat", "/etc/hosts"]));
        events.push(exec(seq + 2, 0, &["/bin/cat", "/etc/shadow"]));
        events.push(exec(seq + 3, 0, &["/bin/dd"]));
        events.push(open(seq + 4, "/etc/hosts"));
    }
    let report = asked(&[&hit, audit, other, &digits].join("---\n"), &events);
    let seqs =
        |title| -> Vec<u64> { of(&report, title).matches.iter().map(|found| found.events[0]).collect() };
    assert_eq!(seqs("Hit"), [2, 6, 10]);
    assert_eq!(seqs("Audit"), [2, 6, 10]);
    assert_eq!(seqs("Digits"), [3, 7, 11]);
    let paths = seqs("Path");
    assert!([4, 8, 12].iter().all(|seq| paths.contains(seq)), "{paths:?}");
}

#[test]
fn a_rule_is_explained_on_the_event_that_the_question_is_about() {
    let miss =
        rule("Miss", "  sel:\n    Image: /bin/cat\n    CommandLine|contains: sudoers\n  condition: sel\n");
    let set = RuleSet::load([("rule.yml", miss.as_bytes())]).unwrap();
    let events = [exec(1, 0, &["/bin/cat", "/etc/x"]), exec(2, 0, &["/bin/sh"]), exec(3, 0, &["/bin/true"])];
    let event = |context: &RunContext| {
        let Ok(report) = set.run(context, events.iter().cloned().map(Ok::<_, Infallible>));
        of(&report, "Miss").why_not.as_ref().unwrap().event
    };
    assert_eq!(event(&RunContext::default()), Some(1), "the nearest");
    let telling = RunContext { telling: [(2, 1), (3, 2)].into(), ..RunContext::default() };
    assert_eq!(event(&telling), Some(3));
}
