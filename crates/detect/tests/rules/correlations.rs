//! Rules over several events.

use crate::events::{asked, exec, of, rule};

fn pair(kind: &str, naming: [&str; 2]) -> String {
    let first = rule("First", "  sel:\n    Image: /bin/a\n  condition: sel\n");
    let second = rule("Second", "  sel:\n    Image: /bin/b\n  condition: sel\n");
    format!(
        "{}\n{first}---\n{}\n{second}---\ntitle: Both\ncorrelation:\n  type: {kind}\n  rules: [first, second]\n  \
         group-by: [User]\n  timespan: 10s\n",
        naming[0], naming[1]
    )
}

#[test]
fn an_ordered_correlation_does_not_fire_on_events_reversed_within_a_second() {
    let text = pair("temporal_ordered", ["name: first", "name: second"]);
    let right = asked(&text, &[exec(1, 100, &["/bin/a"]), exec(2, 200, &["/bin/b"])]);
    assert_eq!(of(&right, "Both").matched, 1, "{right:?}");
    assert_eq!(of(&right, "Both").matches[0].events, [1, 2]);
    let reversed = asked(&text, &[exec(1, 100, &["/bin/b"]), exec(2, 200, &["/bin/a"])]);
    assert_eq!(of(&reversed, "Both").matched, 0, "{reversed:?}");
    assert!(of(&reversed, "Both").why_not.is_some());
}

#[test]
fn a_temporal_correlation_wants_all_its_rules_unless_its_condition_says_otherwise() {
    let text = pair("temporal", ["name: first", "name: second"]);
    let one = [exec(1, 100, &["/bin/a"])];
    assert_eq!(of(&asked(&text, &one), "Both").matched, 0);
    let any = format!("{text}  condition:\n    gte: 1\n");
    assert_eq!(of(&asked(&any, &one), "Both").matched, 1);
    let both = format!("{text}  condition:\n    gte: 2\n");
    assert_eq!(of(&asked(&both, &one), "Both").matched, 0);
}

#[test]
fn a_correlation_of_a_rule_that_was_not_asked_needs_its_telemetry() {
    let text = "title: Base\nname: base\nlogsource:\n  product: windows\n  service: security\ndetection:\n  sel:\n    \
                EventID: 1\n  condition: sel\n---\ntitle: Many\ncorrelation:\n  type: event_count\n  rules: [base]\n  \
                group-by: [User]\n  timespan: 10s\n  condition:\n    gte: 2\n";
    let report = asked(text, &[exec(1, 0, &["/bin/sh"])]);
    for title in ["Base", "Many"] {
        let outcome = of(&report, title);
        assert!(outcome.no_telemetry.as_ref().unwrap().contains("service security"), "{outcome:?}");
        assert!(outcome.undecided.is_none(), "{outcome:?}");
    }
}

#[test]
fn a_correlation_by_name_works_where_rules_have_no_id() {
    let report = asked(
        &pair("temporal", ["name: first", "name: second"]),
        &[exec(1, 100, &["/bin/b"]), exec(2, 200, &["/bin/a"])],
    );
    assert_eq!(of(&report, "Both").matched, 1, "{report:?}");
    assert_eq!(of(&report, "First").matched, 1);
}

#[test]
fn a_correlation_counts_only_within_its_time_span() {
    let text = pair("temporal", ["name: first", "name: second"]);
    let late = asked(&text, &[exec(1, 0, &["/bin/a"]), exec(2, 10_500_000, &["/bin/b"])]);
    assert_eq!(of(&late, "Both").matched, 0, "{late:?}");
    let early = asked(&text, &[exec(1, 0, &["/bin/a"]), exec(2, 9_500_000, &["/bin/b"])]);
    assert_eq!(of(&early, "Both").matched, 1, "{early:?}");
}

#[test]
fn a_correlation_of_a_rule_that_is_undecided_is_undecided() {
    let filtered =
        "  sel:\n    Image: /bin/sh\n  filter:\n    LogonId: '0x3e7'\n  condition: sel and not filter\n";
    let text = format!(
        "name: base\n{}---\ntitle: Twice\nname: twice\ncorrelation:\n  type: event_count\n  rules: [base]\n  \
         group-by: [User]\n  timespan: 10s\n  condition:\n    gte: 2\n---\ntitle: Above\ncorrelation:\n  \
         type: event_count\n  rules: [twice]\n  group-by: [User]\n  timespan: 10s\n  condition:\n    gte: 1\n",
        rule("Base", filtered)
    );
    let report = asked(&text, &[exec(1, 0, &["/bin/sh"]), exec(2, 1, &["/bin/sh"])]);
    for title in ["Base", "Twice", "Above"] {
        assert!(of(&report, title).undecided.as_ref().unwrap().contains("`LogonId`"), "{title}: {report:?}");
        assert_eq!(of(&report, title).matched, 0);
    }
}

#[test]
fn more_groups_than_are_remembered_make_a_hole() {
    let base = format!("name: base\n{}", rule("Base", "  sel:\n    Image: /bin/sh\n  condition: sel\n"));
    let text = format!(
        "{base}---\ntitle: Many\ncorrelation:\n  type: event_count\n  rules: [base]\n  group-by: [ProcessId]\n  \
         timespan: 1h\n  condition:\n    gte: 2\n"
    );
    let few: Vec<_> = (1..=100).map(|seq| exec(seq, 0, &["/bin/sh"])).collect();
    assert!(asked(&text, &few).holes.is_empty());
    let many: Vec<_> = (1..=100_001).map(|seq| exec(seq, 0, &["/bin/sh"])).collect();
    assert_eq!(asked(&text, &many).holes.len(), 1);
}
