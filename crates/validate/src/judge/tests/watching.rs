//! A watching control over every small case: whatever alerted, was deaf or is missing, nothing holds without an alert on
//! the attack and a silence on the twin that means something.

use super::*;
use crate::facts::Watched;
use detektr_sandbox::controls::monitor::{Alert, Monitor, When};

pub(super) fn watched_plan() -> Plan {
    let mut plan = plan(QuestionKind::Control { control: "a".into() }, &["a", "b"], 1);
    let monitor = Monitor {
        when: When::Beside,
        setup: Vec::new(),
        command: vec!["watch".into()],
        ready: None,
        alert: Alert { output: Some("line".into()), ..Alert::default() },
        files: BTreeMap::new(),
        settle_ms: None,
    };
    plan.controls[0] = Control::new("a", vec![Measure::Monitor(monitor)]);
    plan
}

/// What an arm heard of the watcher: an alert, or why it is deaf, or both, or neither.
pub(super) fn heard(mut arm: Observed, alert: bool, deaf: bool) -> Observed {
    let watched = Watched { alert: alert.then(|| "line".into()), deaf: deaf.then(|| "it ended".into()) };
    arm.watched.insert("a".into(), watched);
    arm
}

#[test]
fn a_watcher_holds_only_with_an_alert_on_the_attack_and_a_silence_on_the_twin_that_means_something() {
    let plan = watched_plan();
    let (mut held, mut failed) = (0, 0);
    let cases = (0..512_u32).flat_map(|bits| TRUTHS.map(move |goal| (bits, goal)));
    let cases = cases.flat_map(|(bits, goal)| TRUTHS.map(move |together| (bits, goal, together)));
    let cases = cases.flat_map(|(bits, goal, together)| TRUTHS.map(|only| (bits, goal, together, only)));
    for (bits, goal, together, only) in cases {
        let is = |bit: u32| bits >> bit & 1 == 1;
        let mut arms = vec![
            arm(Role::Baseline, goal),
            heard(arm(Role::Treatment, together), is(0), is(1)),
            heard(arm(Role::Benign, Truth::No), is(2), is(3)),
            heard(arm(Role::Only("a".into()), only), is(4), is(5)),
            arm(Role::Only("b".into()), Truth::Yes),
        ];
        if is(6) {
            arms[2].missing = Some("events were lost".into());
        }
        if is(7) {
            arms[3].executed = Seen::absent(true);
        }
        if is(8) {
            arms[3].watched.clear();
        }
        let verdict = one(&plan, &arms, &Detections::new());
        let (alone, twin) = (is(4) && !is(8), is(2));
        match verdict.verdict {
            Outcome::Holds => {
                held += 1;
                assert!(
                    goal == Truth::Yes && alone && !twin && !is(3) && !is(6) && !is(7),
                    "{bits:b} {goal:?}"
                );
                // silent beside the others, it is masked only by those that stop the attack
                let masked = verdict.reason == "masked" && !is(1) && together == Truth::No;
                assert!(is(0) || masked, "{bits:b} {goal:?} {together:?}");
            }
            Outcome::Fails if verdict.reason == "false_positive" => assert!(twin, "{bits:b}"),
            Outcome::Fails => {
                failed += 1;
                if alone {
                    assert!(together == Truth::Yes && !is(0) && !is(1) && !twin, "{bits:b} {goal:?}");
                    continue;
                }
                assert!(goal == Truth::Yes && !is(5) && !is(8) && !is(0) && !is(7), "{bits:b} {goal:?}");
                assert!(only == Truth::Yes, "{bits:b}: what did not happen can't be told of");
            }
            Outcome::Inconclusive => {}
        }
    }
    assert!(held > 0 && failed > 0);
}

#[test]
fn the_silence_on_a_twin_that_fails_or_does_nothing_means_nothing() {
    let rules = Rules { files: Vec::new(), monitor: Some("a".into()), command: None };
    let detection = QuestionKind::Detection { rules, arm: In::Baseline, on: On::Goal };
    for kind in [QuestionKind::Control { control: "a".into() }, detection] {
        let mut plan = watched_plan();
        plan.questions[0].kind = kind;
        for works in TRUTHS {
            for busy in [false, true] {
                let mut twin = heard(arm(Role::Benign, Truth::No), false, false);
                (twin.works, twin.busy) = (works, busy);
                let arms = [
                    arm(Role::Baseline, Truth::Yes),
                    heard(arm(Role::Treatment, Truth::Yes), true, false),
                    twin,
                    heard(arm(Role::Only("a".into()), Truth::Yes), true, false),
                    arm(Role::Only("b".into()), Truth::Yes),
                ];
                let told = |arm: &Observed| {
                    let watched = arm.watched.get("a")?;
                    Some((("q".into(), arm.arm.clone()), Fired::told("a", watched)))
                };
                let fired: Detections = arms.iter().filter_map(told).collect();
                let verdict = one(&plan, &arms, &fired);
                let expected = match (works, busy) {
                    (Truth::Yes, true) => Outcome::Holds,
                    _ => Outcome::Inconclusive,
                };
                assert_eq!(verdict.verdict, expected, "{works:?} {busy} {}", verdict.sentence);
                if works == Truth::No {
                    assert_eq!(verdict.reason, "benign_invalid");
                }
            }
        }
    }
}

#[test]
fn without_one_of_its_arms_nothing_is_told() {
    let plan = watched_plan();
    let arms = [
        arm(Role::Baseline, Truth::Yes),
        heard(arm(Role::Treatment, Truth::Yes), true, false),
        heard(arm(Role::Benign, Truth::No), false, false),
        heard(arm(Role::Only("a".into()), Truth::Yes), true, false),
        arm(Role::Only("b".into()), Truth::Yes),
    ];
    assert_eq!(one(&plan, &arms, &Detections::new()).verdict, Outcome::Holds);
    for index in 0..arms.len() {
        let mut some = arms.to_vec();
        some.remove(index);
        assert_eq!(one(&plan, &some, &Detections::new()).reason, "arm_missing", "{index}");
    }
}
