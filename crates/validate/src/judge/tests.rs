//! Exhaustive over small cases: whatever the truths and whatever is missing, nothing holds without its evidence.

mod ablation;
mod watching;

use super::*;
use crate::facts::{Denial, Observed, Operation, Seen, Unusable};
use crate::plan::{
    Attack, Benign, Expect, FORMAT, Goal, In, Moment, On, Program, Rules, Sensor, Surroundings,
};
use detektr_detect::operation::{Act, Key};
use detektr_sandbox::controls::{Control, Measure};

const TRUTHS: [Truth; 3] = [Truth::Yes, Truth::No, Truth::Unknown];

fn program() -> Attack {
    Attack {
        program: Program::Command(vec!["true".into()]),
        args: Vec::new(),
        root: true,
        setenv: Default::default(),
        timeout_ms: None,
        setup: Vec::new(),
        files: Default::default(),
    }
}

fn plan(kind: QuestionKind, controls: &[&str], repeats: u32) -> Plan {
    let measure = || Measure::ReadOnly(vec!["/etc".into()]);
    let controls: Vec<Control> = controls.iter().map(|name| Control::new(*name, vec![measure()])).collect();
    let roles = [
        Role::Baseline,
        Role::Treatment,
        Role::Benign,
        Role::BenignBaseline,
        Role::Without("a".into()),
        Role::Only("a".into()),
    ];
    let arms =
        (0..repeats).flat_map(|repeat| roles.clone().map(|role| Arm { role, repeat, seed: 7 })).collect();
    Plan {
        format: FORMAT.into(),
        validation: "v".into(),
        variant: "default".into(),
        title: None,
        surroundings: Surroundings::new(Sensor::Ebpf),
        attack: program(),
        benign: Benign { program: program(), builtin: false },
        ordinary: None,
        goal: Some(Goal { condition: "created('/etc/x')".into(), moment: Moment::Ever, by_ms: None }),
        attempt: None,
        controls,
        arms,
        ablate: false,
        triggers: Default::default(),
        questions: vec![Question {
            id: "q".into(),
            kind,
            expect: Expect::Holds,
            because: None,
            until: None,
            severity: None,
        }],
        files: Default::default(),
    }
}

fn key() -> Key {
    Key { act: Act::Write, object: "/etc/x".into() }
}

fn seen(truth: Truth) -> Seen {
    Seen { truth, events: if truth == Truth::Yes { vec![5] } else { Vec::new() } }
}

/// An arm in which the goal's operation succeeds where the goal is reached.
fn arm(role: Role, goal: Truth) -> Observed {
    let mut operations = BTreeMap::new();
    if goal == Truth::Yes {
        operations.insert(key(), Operation { succeeded: Some(5), denied: Vec::new() });
    }
    Observed {
        run: format!("run-{role}"),
        arm: Arm { role, repeat: 0, seed: 7 },
        unusable: None,
        missing: None,
        executed: Seen::yes(vec![1]),
        not_started: None,
        goal: seen(goal),
        goal_before: false,
        attempt: None,
        operations,
        toward: vec![key()],
        forgotten: false,
        works: Truth::Yes,
        busy: true,
        programs: 1,
        watched: Default::default(),
        limit: None,
    }
}

fn denied(mut arm: Observed, enforcer: Option<&str>) -> Observed {
    let denial =
        Denial { event: 4, how: "EROFS".into(), enforcer: enforcer.map(String::from), skipped: false };
    arm.operations.entry(key()).or_default().denied.push(denial);
    arm
}

fn one(plan: &Plan, arms: &[Observed], detections: &Detections) -> Verdict {
    judge(plan, arms, detections, "2026-01-01").remove(0)
}

#[test]
fn a_mitigation_holds_only_with_goal_attempt_denial_and_a_twin_that_works() {
    let plan = plan(QuestionKind::Mitigation {}, &["a"], 1);
    let (mut held, mut failed) = (0, 0);
    for executed in TRUTHS {
        for baseline_goal in TRUTHS {
            for goal in TRUTHS {
                for before in [false, true] {
                    for missing in [false, true] {
                        for enforcer in [None, Some(None), Some(Some("a")), Some(Some("detektr"))] {
                            for works in TRUTHS {
                                for works_before in TRUTHS {
                                    for busy in [false, true] {
                                        let mut baseline = arm(Role::Baseline, baseline_goal);
                                        baseline.executed = seen(executed);
                                        baseline.goal_before = before;
                                        let mut treatment = arm(Role::Treatment, goal);
                                        treatment.goal_before = before;
                                        treatment.missing = missing.then(|| "a hole".into());
                                        if let Some(enforcer) = enforcer {
                                            treatment = denied(treatment, enforcer);
                                        }
                                        let mut benign = arm(Role::Benign, Truth::No);
                                        benign.works = works;
                                        let mut benign_baseline = arm(Role::BenignBaseline, Truth::No);
                                        benign_baseline.works = works_before;
                                        benign_baseline.busy = busy;
                                        let all = [baseline, treatment, benign, benign_baseline];
                                        let verdict = one(&plan, &all, &Detections::new());
                                        let evidence = !missing
                                            && executed == Truth::Yes
                                            && baseline_goal == Truth::Yes
                                            && goal == Truth::No
                                            && !before
                                            && enforcer == Some(Some("a"))
                                            && works == Truth::Yes
                                            && works_before == Truth::Yes
                                            && busy;
                                        if verdict.verdict == Outcome::Holds {
                                            held += 1;
                                            assert!(evidence, "{verdict:#?}");
                                            assert!(!verdict.evidence.is_empty());
                                        }
                                        let broken = works == Truth::No && works_before == Truth::Yes;
                                        let reached = goal == Truth::Yes && !before;
                                        if verdict.verdict == Outcome::Fails {
                                            failed += 1;
                                            assert!(broken || reached, "{verdict:#?}");
                                        } else {
                                            assert!(!reached && !broken, "{verdict:#?}");
                                        }
                                        assert!(!verdict.sentence.is_empty());
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(held > 0 && failed > 0, "{held} held, {failed} failed");
}

#[test]
fn a_control_holds_only_where_its_denial_is_gone_without_it() {
    let plan = plan(QuestionKind::Control { control: "a".into() }, &["a", "b", "c"], 1);
    let outcomes = [None, Some(None), Some(Some("a")), Some(Some("b")), Some(Some("detektr"))];
    let (mut held, mut failed) = (0, 0);
    for baseline_goal in TRUTHS {
        for goal in [Truth::No, Truth::Yes] {
            for in_treatment in outcomes {
                for in_only in outcomes {
                    for without in ["reached", "denied by b", "denied", "nothing"] {
                        for missing in [false, true] {
                            let with = |role, outcome: Option<Option<&str>>, goal| {
                                let mut arm = match outcome {
                                    Some(enforcer) => denied(arm(role, Truth::No), enforcer),
                                    None => arm(role, goal),
                                };
                                arm.missing = missing.then(|| "a hole".into());
                                arm
                            };
                            let without_arm = match without {
                                "reached" => arm(Role::Without("a".into()), Truth::Yes),
                                "denied by b" => denied(arm(Role::Without("a".into()), Truth::No), Some("b")),
                                "denied" => denied(arm(Role::Without("a".into()), Truth::No), None),
                                _ => arm(Role::Without("a".into()), Truth::No),
                            };
                            let all = [
                                arm(Role::Baseline, baseline_goal),
                                with(Role::Treatment, in_treatment, goal),
                                with(Role::Only("a".into()), in_only, goal),
                                without_arm,
                            ];
                            let verdict = one(&plan, &all, &Detections::new());
                            let shown = in_treatment == Some(Some("a"))
                                && matches!(without, "reached" | "denied by b");
                            let alone = in_only == Some(Some("a")) && in_treatment != Some(Some("a"));
                            match verdict.verdict {
                                Outcome::Holds => {
                                    held += 1;
                                    assert!(
                                        !missing && baseline_goal == Truth::Yes && (shown || alone),
                                        "{verdict:#?}"
                                    );
                                    assert!(verdict.evidence.iter().any(|link| link.shows == "denied"));
                                }
                                Outcome::Fails => {
                                    failed += 1;
                                    assert!(!missing && in_only != Some(Some("a")), "{verdict:#?}");
                                    assert!(baseline_goal == Truth::Yes);
                                }
                                Outcome::Inconclusive => {}
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(held > 0 && failed > 0, "{held} held, {failed} failed");
}

#[test]
fn a_detection_holds_only_with_the_goal_a_match_of_its_own_and_a_silent_twin() {
    detection(None, Role::BenignBaseline);
}

#[test]
fn a_detection_without_a_twin_holds_only_where_ordinary_programs_ran_and_were_silent() {
    detection(Some(program()), Role::Ordinary);
}

/// All cases of a detection whose twin runs in the arm of `role`.
fn detection(ordinary: Option<Attack>, role: Role) {
    let kind = QuestionKind::Detection {
        rules: Rules::sigma(vec!["r.yml".into()]),
        arm: In::Baseline,
        on: On::Goal,
    };
    let plan = Plan { ordinary, ..plan(kind, &[], 1) };
    let found = |harness_only| Match {
        rule: "r".into(),
        events: vec![5],
        fields: vec![("Image".into(), "/x".into())],
        harness_only,
    };
    type Kind = fn(&dyn Fn(bool) -> Match) -> Fired;
    let kinds: [Kind; 5] = [
        |_| Fired::default(),
        |found| Fired { matches: vec![found(false)], ..Fired::default() },
        |found| Fired { matches: vec![found(true)], ..Fired::default() },
        |_| Fired { undecided: Some("a field".into()), ..Fired::default() },
        |_| Fired::not_loaded("no rule"),
    ];
    let (mut held, mut failed) = (0, 0);
    for goal in TRUTHS {
        for on_attack in 0..kinds.len() {
            for on_twin in 0..kinds.len() {
                for missing in [false, true] {
                    for twin_missing in [false, true] {
                        for works in TRUTHS {
                            for busy in [false, true] {
                                let mut baseline = arm(Role::Baseline, goal);
                                baseline.missing = missing.then(|| "a hole".into());
                                let mut twin = arm(role.clone(), Truth::No);
                                twin.missing = twin_missing.then(|| "a hole".into());
                                twin.works = works;
                                twin.busy = busy;
                                let mut detections = Detections::new();
                                detections
                                    .insert(("q".into(), baseline.arm.clone()), kinds[on_attack](&found));
                                detections.insert(("q".into(), twin.arm.clone()), kinds[on_twin](&found));
                                let alone = one(&plan, std::slice::from_ref(&baseline), &detections);
                                assert_ne!(alone.verdict, Outcome::Holds, "without its twin: {alone:#?}");
                                let verdict = one(&plan, &[baseline, twin], &detections);
                                match verdict.verdict {
                                    Outcome::Holds => {
                                        held += 1;
                                        assert!(
                                            !missing && goal == Truth::Yes && on_attack == 1,
                                            "{verdict:#?}"
                                        );
                                        assert!(
                                            on_twin != 1 && on_twin != 4 && !twin_missing,
                                            "{verdict:#?}"
                                        );
                                        assert!(works == Truth::Yes && busy, "{verdict:#?}");
                                    }
                                    Outcome::Fails => {
                                        failed += 1;
                                        let missed = on_attack == 0 && goal == Truth::Yes && !missing;
                                        assert!(on_twin == 1 || missed, "{verdict:#?}");
                                    }
                                    Outcome::Inconclusive => {}
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(held > 0 && failed > 0, "{held} held, {failed} failed");
}

#[test]
fn a_masked_control_is_said_to_stop_the_attack_only_where_it_does() {
    let plan = plan(QuestionKind::Control { control: "a".into() }, &["a", "b", "c"], 1);
    for (goal, words) in [
        (Truth::No, "a stops the attack when it is alone"),
        (Truth::Yes, "a denies a step of the attack when it is alone"),
    ] {
        // with both, `b` denies what `a` would have
        let treatment = denied(arm(Role::Treatment, Truth::No), Some("b"));
        let without = denied(arm(Role::Without("a".into()), Truth::No), Some("b"));
        let mut only = arm(Role::Only("a".into()), Truth::No);
        only.goal = seen(goal);
        let arms = [arm(Role::Baseline, Truth::Yes), treatment, without, denied(only, Some("a"))];
        let verdict = one(&plan, &arms, &Detections::new());
        assert_eq!((verdict.verdict, verdict.reason.as_str()), (Outcome::Holds, "masked"), "{verdict:#?}");
        assert!(verdict.sentence.starts_with(words), "{}", verdict.sentence);
        assert!(verdict.notes.contains(&"masked_by:b".into()), "{:?}", verdict.notes);
    }
}

#[test]
fn one_run_of_ordinary_programs_is_for_all_repeats_and_is_named_once() {
    let kind = QuestionKind::Detection {
        rules: Rules::sigma(vec!["r.yml".into()]),
        arm: In::Baseline,
        on: On::Goal,
    };
    let mut plan = Plan { ordinary: Some(program()), ..plan(kind, &[], 2) };
    let mut ordinary = arm(Role::Ordinary, Truth::No);
    plan.arms.push(ordinary.arm.clone());
    ordinary.programs = 40;
    let mut second = arm(Role::Baseline, Truth::Yes);
    second.arm.repeat = 1;
    let arms = [arm(Role::Baseline, Truth::Yes), second, ordinary];
    let found = Match { rule: "r".into(), events: vec![5], fields: Vec::new(), harness_only: false };
    let fired = |arm: &Observed| match arm.arm.role {
        Role::Ordinary => Fired::default(),
        _ => Fired { matches: vec![found.clone()], ..Fired::default() },
    };
    let detections = arms.iter().map(|arm| (("q".into(), arm.arm.clone()), fired(arm))).collect();
    let verdict = one(&plan, &arms, &detections);
    assert_eq!(verdict.verdict, Outcome::Holds, "{verdict:#?}");
    assert_eq!(verdict.repeats.holds, 2);
    assert_eq!(verdict.arms[&Role::Ordinary].len(), 1);
    assert!(verdict.sentence.contains("40 ordinary programs"), "{}", verdict.sentence);
    assert!(verdict.notes.contains(&"programs:40".into()), "{:?}", verdict.notes);
}

fn mitigated(repeat: u32, baseline_goal: Truth, goal: Truth) -> Vec<Observed> {
    let treatment = match goal {
        Truth::No => denied(arm(Role::Treatment, Truth::No), Some("a")),
        other => arm(Role::Treatment, other),
    };
    let mut arms = vec![
        arm(Role::Baseline, baseline_goal),
        treatment,
        arm(Role::Benign, Truth::No),
        arm(Role::BenignBaseline, Truth::No),
    ];
    for arm in &mut arms {
        arm.arm.repeat = repeat;
    }
    arms
}

#[test]
fn a_mitigation_that_is_beaten_once_in_ten_fails_and_tells_the_counts() {
    let plan = plan(QuestionKind::Mitigation {}, &["a"], 10);
    let arms: Vec<Observed> = (0..10)
        .flat_map(|repeat| mitigated(repeat, Truth::Yes, if repeat == 6 { Truth::Yes } else { Truth::No }))
        .collect();
    let verdict = one(&plan, &arms, &Detections::new());
    assert_eq!((verdict.verdict, verdict.reason.as_str()), (Outcome::Fails, "goal_reached"));
    assert_eq!((verdict.repeats.holds, verdict.repeats.fails), (9, 1));
    assert!(verdict.sentence.contains("1 of 10"), "{}", verdict.sentence);
}

#[test]
fn an_attack_of_luck_needs_enough_repeats() {
    let judged = |reached: u32, total: u32| {
        let plan = plan(QuestionKind::Mitigation {}, &["a"], total);
        let arms: Vec<Observed> = (0..total)
            .flat_map(|repeat| {
                let goal = if repeat < reached { Truth::Yes } else { Truth::No };
                mitigated(repeat, goal, Truth::No)
            })
            .collect();
        one(&plan, &arms, &Detections::new())
    };
    assert_eq!(judged(1, 2).reason, "too_few_repeats");
    assert!(judged(1, 2).next.unwrap().contains("--repeat"));
    let enough = judged(9, 10);
    assert_eq!(enough.verdict, Outcome::Holds, "{enough:#?}");
    assert_eq!(judged(0, 3).reason, "goal_not_reached");
}

#[test]
fn repeats_whose_preconditions_disagree_are_flaky() {
    let plan = plan(QuestionKind::Mitigation {}, &["a"], 2);
    let mut arms = mitigated(0, Truth::Yes, Truth::No);
    let mut second = mitigated(1, Truth::Yes, Truth::No);
    second[0].executed = seen(Truth::No);
    arms.extend(second);
    assert_eq!(one(&plan, &arms, &Detections::new()).reason, "flaky");
}

#[test]
fn evidence_that_can_not_be_trusted_gives_no_answer() {
    let plan = plan(QuestionKind::Mitigation {}, &["a"], 1);
    for reason in ["not_sealed", "other_version", "arms_differ", "environment_failed", "sensor_lost"] {
        for index in 0..4 {
            let mut arms = mitigated(0, Truth::Yes, Truth::No);
            arms[index].unusable = Some(Unusable { reason, what: "so it is".into() });
            let verdict = one(&plan, &arms, &Detections::new());
            assert_eq!((verdict.verdict, verdict.reason.as_str()), (Outcome::Inconclusive, reason));
        }
    }
    for index in 0..4 {
        let mut arms = mitigated(0, Truth::Yes, Truth::No);
        arms.remove(index);
        assert_eq!(one(&plan, &arms, &Detections::new()).reason, "arm_missing");
    }
}

#[test]
fn a_denial_that_any_program_would_meet_is_no_attempt() {
    let plan = plan(QuestionKind::Mitigation {}, &["a"], 1);
    let fork = Key { act: Act::Fork, object: String::new() };
    let mut arms = mitigated(0, Truth::Yes, Truth::No);
    let denial = arms[1].operations.remove(&key()).unwrap().denied;
    arms[0].operations.insert(fork.clone(), Operation { succeeded: Some(2), denied: Vec::new() });
    arms[1].operations.insert(fork, Operation { succeeded: None, denied: denial.clone() });
    let verdict = one(&plan, &arms, &Detections::new());
    assert_eq!((verdict.verdict, verdict.reason.as_str()), (Outcome::Inconclusive, "not_attempted"));
    // nor is a filter that lets nothing be executed
    arms[1].executed = seen(Truth::No);
    arms[1].not_started = Some(Denial { skipped: true, ..denial[0].clone() });
    assert_eq!(one(&plan, &arms, &Detections::new()).reason, "not_attempted");
    arms[1].not_started = Some(denial[0].clone());
    assert_eq!(one(&plan, &arms, &Detections::new()).verdict, Outcome::Holds);
}

#[test]
fn an_accepted_gap_counts_until_its_day_and_an_unexpected_success_is_told() {
    let mut plan = plan(QuestionKind::Mitigation {}, &["a"], 1);
    plan.questions[0].expect = Expect::Fails;
    plan.questions[0].because = Some("SEC-123".into());
    plan.questions[0].until = Some("2026-01-01".into());
    let fails = mitigated(0, Truth::Yes, Truth::Yes);
    let on = |day: &str, arms: &[Observed]| judge(&plan, arms, &Detections::new(), day).remove(0);
    assert!(on("2026-01-01", &fails).accepted);
    let expired = on("2026-01-02", &fails);
    assert!(!expired.accepted && expired.unexpected.unwrap().contains("2026-01-01"));
    assert!(on("2025-12-31", &mitigated(0, Truth::Yes, Truth::No)).unexpected.unwrap().contains("SEC-123"));
}

#[test]
fn the_environments_own_walls_are_told_apart() {
    let plan = plan(QuestionKind::Mitigation {}, &["a"], 1);
    let mut arms = mitigated(0, Truth::No, Truth::No);
    arms[0] = denied(arms[0].clone(), Some("detektr"));
    assert_eq!(one(&plan, &arms, &Detections::new()).reason, "prevented_by_isolation");
}
