//! Exemplars, run and written.

use crate::events::{exec, report, rule};
use detektr_detect::exemplar::{WRITTEN, with_exemplars};
use detektr_detect::{RuleSet, View};
use detektr_event::Event;
use std::convert::Infallible;

const SHELL: &str = "  sel:\n    Image: /bin/sh\n  condition: sel\n";

fn matching(text: &str, events: &[Event]) -> Vec<View> {
    let set = RuleSet::load([("rule.yml", text.as_bytes())]).unwrap();
    let said = report(&set, events);
    match set.matching_views(&said, events.iter().cloned().map(Ok::<_, Infallible>)) {
        Ok(views) => views,
    }
}

fn tried(text: &str) -> Vec<(String, bool)> {
    let set = RuleSet::load([("rule.yml", text.as_bytes())]).unwrap();
    let report = set.run_exemplars().unwrap();
    report.exemplars.into_iter().map(|one| (one.name, one.passed)).collect()
}

fn events() -> Vec<Event> {
    vec![
        exec(1, 0, &["/bin/sh", "-c", "x: \"y\" # \u{1b}[31m \u{7f} \u{2028} 'z'\n é \u{1f600}"]),
        exec(2, 1, &["/bin/cat"]),
        exec(3, 2, &["/bin/sh"]),
    ]
}

#[test]
fn events_become_exemplars_that_hold_and_all_else_stays() {
    let plain = rule("Shell", SHELL);
    let dressed = format!("# a comment\n{plain}tags:\n  - attack.execution   # why\n\n# the end");
    let windows = plain.replace('\n', "\r\n");
    let marked = format!("---\n{plain}...\n");
    for text in [&plain, &dressed, &windows, &marked] {
        let written = with_exemplars("rule.yml", text, "r1", &matching(text, &events())).unwrap();
        assert_eq!(
            tried(&written),
            [("r1 event 1".to_owned(), true), ("r1 event 3".into(), true)],
            "{written}"
        );
        let kept: Vec<&str> = text.lines().filter(|line| *line != "...").collect();
        let now: Vec<&str> = written.lines().take(kept.len()).collect();
        assert_eq!(now, kept);
    }
}

#[test]
fn another_run_adds_to_the_exemplars_that_are_there() {
    let nested = format!(
        "{}custom_attributes:\n  rsigma.exemplars:\n  - name: mine\n    expect: no-match\n    event: {{Image: /bin/cat}}\n\
         date: 2026-01-01\n",
        rule("Shell", SHELL)
    );
    let first = with_exemplars("rule.yml", &nested, "r1", &matching(&nested, &events())).unwrap();
    let second = with_exemplars("rule.yml", &first, "r2", &matching(&first, &events()[2..])).unwrap();
    assert!(second.ends_with("date: 2026-01-01\n"), "{second}");
    let names = ["mine", "r1 event 1", "r1 event 3", "r2 event 3"].map(|name| (name.to_owned(), true));
    assert_eq!(tried(&second), names);
    let again = with_exemplars("rule.yml", &second, "r1", &matching(&second, &events())).unwrap_err();
    assert!(again.what.contains("already"), "{again:?}");
}

#[test]
fn what_can_not_be_written_is_refused_with_a_reason() {
    let plain = rule("Shell", SHELL);
    let views = matching(&plain, &events());
    let refused = |text: &str, views: &[View]| with_exemplars("rule.yml", text, "r1", views).unwrap_err();
    assert!(refused(&plain, &[]).what.contains("no event"));
    let two = format!("{plain}---\n{}", rule("Other", SHELL));
    assert!(refused(&two, &views).what.contains("2 documents"));
    let flow = format!("{plain}rsigma.exemplars: [{{expect: match, event: {{Image: /bin/sh}}}}]\n");
    assert!(refused(&flow, &views).what.contains("can't be added"));
    let other = rule("Cat", "  sel:\n    Image: /bin/cat\n  condition: sel\n");
    assert!(
        refused(&other, &views).what.contains("can't be added"),
        "exemplars that do not hold are not written"
    );
}

#[test]
fn of_many_events_the_first_are_written() {
    let plain = rule("Shell", SHELL);
    let many: Vec<Event> = (1..=30).map(|seq| exec(seq, 0, &["/bin/sh"])).collect();
    let written = with_exemplars("rule.yml", &plain, "r1", &matching(&plain, &many)).unwrap();
    assert_eq!(tried(&written).len(), WRITTEN);
}

#[test]
fn an_exemplar_that_does_not_hold_is_named() {
    let text = format!(
        "{}rsigma.exemplars:\n  - name: wrong\n    expect: match\n    event:\n      Image: /bin/cat\n",
        rule("Shell", SHELL)
    );
    let set = RuleSet::load([("rule.yml", text.as_bytes())]).unwrap();
    let report = set.run_exemplars().unwrap();
    assert_eq!(report.exemplars[0].name, "wrong");
    assert_eq!(report.exemplars[0].rule.title, "Shell");
    assert!(!report.exemplars[0].passed && report.exemplars[0].why.is_some());
    let misshapen = text.replace("expect: match", "expect: perhaps");
    let set = RuleSet::load([("rule.yml", misshapen.as_bytes())]).unwrap();
    assert!(set.run_exemplars().unwrap_err().what.contains("perhaps"));
}

#[test]
fn the_exemplars_of_a_correlation_count_in_seconds() {
    let base = format!("name: shell\n{}", rule("Shell", SHELL));
    let correlation = "title: Twice\ncorrelation:\n  type: event_count\n  rules: [shell]\n  group-by: [User]\n  \
                       timespan: 10s\n  condition:\n    gte: 2\nrsigma.exemplars:\n";
    let sequence = |name: &str, expect: &str, offset: &str| {
        format!(
            "  - name: {name}\n    expect: {expect}\n    events:\n      - offset: 0s\n        event: {{Image: /bin/sh, \
             User: root}}\n      - offset: {offset}\n        event: {{Image: /bin/sh, User: root}}\n"
        )
    };
    let text = format!(
        "{base}---\n{correlation}{}{}",
        sequence("near", "match", "5s"),
        sequence("far", "no-match", "20s")
    );
    assert_eq!(tried(&text), [("near".to_owned(), true), ("far".into(), true)]);
}
