//! The matrix, from values alone. That executions come to be is tested with the command line.

use super::run::{alone, identity};
use super::{Execution, Exercise, Matrix, Seen, State, Status, matrix};
use crate::facts::{Observed, Seen as Fact};
use crate::plan::{
    Arm, Attack, Benign, Digest, FORMAT, Goal, Moment, Plan, Program, Role, Sensor, Surroundings,
};
use crate::truth::Truth;
use detektr_detect::{Match, RuleOutcome, RuleRef};
use std::sync::Arc;

fn exercise() -> Exercise {
    let program = |name: &str| Attack::of(Program::File(name.into()), false);
    let digest = |text: &str| Digest { sha256: text.into(), size: 1 };
    let goal = Goal { condition: "created('/tmp/x')".into(), moment: Moment::Ever, by_ms: None };
    let plan = Plan {
        format: FORMAT.into(),
        validation: "loot".into(),
        variant: "one".into(),
        title: None,
        surroundings: Surroundings::new(Sensor::Ebpf),
        attack: program("attack"),
        benign: Benign { program: program("twin"), builtin: false },
        ordinary: None,
        goal: Some(goal),
        attempt: None,
        controls: Vec::new(),
        arms: [Role::Baseline, Role::BenignBaseline].map(|role| Arm { role, repeat: 0, seed: 7 }).into(),
        ablate: false,
        triggers: Default::default(),
        questions: Vec::new(),
        files: ["attack", "twin", "beside"].map(|name| (name.to_owned(), digest(name))).into(),
    };
    Exercise {
        id: "loot#one".into(),
        family: "loot".into(),
        technique: "T1204.002".into(),
        tactic: Some("execution".into()),
        plan,
        inputs: Default::default(),
        missing: None,
    }
}

fn rule() -> RuleRef {
    RuleRef {
        id: "r".into(),
        title: "R".into(),
        file: "r.yml".into(),
        level: None,
        tags: vec!["attack.t1204.002".into()],
        correlation: false,
    }
}

/// A run in which the rule matches or not.
fn seen(role: Role, goal: Truth, matches: bool, hole: bool) -> Arc<Seen> {
    let fact = |truth: Truth| Fact { truth, events: Vec::new() };
    let facts = Observed {
        run: format!("run-{role}"),
        arm: Arm { role, repeat: 0, seed: 7 },
        unusable: None,
        missing: None,
        executed: fact(Truth::Yes),
        not_started: None,
        goal: fact(goal),
        goal_before: false,
        attempt: None,
        operations: Default::default(),
        toward: Vec::new(),
        forgotten: false,
        works: Truth::Yes,
        busy: true,
        programs: 1,
        watched: Default::default(),
        limit: None,
    };
    let one = Match { events: vec![3], fields: Vec::new(), harness_only: false };
    let said = RuleOutcome {
        rule: rule(),
        matched: matches.into(),
        matches: matches.then_some(one).into_iter().collect(),
        undecided: None,
        no_telemetry: None,
        why_not: None,
        nearest: Vec::new(),
    };
    let holes = hole.then(|| "groups were forgotten".to_owned()).into_iter().collect();
    Arc::new(Seen { facts, reused: false, said: vec![said], holes, lacked: Default::default() })
}

fn judged(exercise: &Exercise, attack: Arc<Seen>, twin: Arc<Seen>) -> Matrix {
    let execution = Execution { exercise, attack: Some(attack), twin: Some(twin) };
    matrix([rule()].iter(), Vec::new(), &[execution], Sensor::Ebpf, false)
}

#[test]
fn silence_where_the_answer_has_a_hole_neither_misses_nor_clears() {
    let exercise = exercise();
    let of = |attack: (bool, bool), twin: (bool, bool)| {
        let attack = seen(Role::Baseline, Truth::Yes, attack.0, attack.1);
        judged(&exercise, attack, seen(Role::BenignBaseline, Truth::No, twin.0, twin.1))
    };
    let told = |matrix: &Matrix| (matrix.rules[0].status, matrix.fails(), matrix.is_open());
    let (match_, silent) = ((true, false), (false, false));
    assert_eq!(told(&of(match_, silent)), (Status::Proven, false, false));
    assert_eq!(told(&of(silent, silent)), (Status::Missed, true, false));
    assert_eq!(told(&of((false, true), silent)), (Status::Inconclusive, false, true));
    // a match is one, whatever else was forgotten
    assert_eq!(told(&of((true, true), silent)), (Status::Proven, false, false));
    assert_eq!(told(&of(match_, match_)), (Status::Proven, true, false));
    let twin = of(match_, (false, true));
    assert_eq!(told(&twin), (Status::Proven, false, true));
    assert_eq!(twin.twins[0].state, State::Inconclusive);
    assert_eq!(told(&of(match_, (true, true))), (Status::Proven, true, true));
}

#[test]
fn what_lies_beside_an_attack_and_what_it_is_after_tell_its_detonation_apart() {
    let mut one = exercise();
    one.plan.attack.files.insert("/opt/x".into(), "beside".into());
    let [attack, twin] = [0, 1].map(|at| one.plan.arms[at].clone());
    let names = |arm: &Arm| alone(&one, arm).files.into_keys().collect::<Vec<_>>();
    assert_eq!((names(&attack), names(&twin)), (vec!["attack".into(), "beside".into()], vec!["twin".into()]));
    let of = |exercise: &Exercise, arm: &Arm| identity(&alone(exercise, arm), arm);
    let mut other = one.clone();
    other.plan.files.get_mut("beside").unwrap().sha256 = "other".into();
    assert_ne!(of(&one, &attack), of(&other, &attack));
    assert_eq!(of(&one, &twin), of(&other, &twin), "the twin is the same");
    let mut other = one.clone();
    other.plan.goal.as_mut().unwrap().condition = "created('/tmp/y')".into();
    assert_ne!(of(&one, &attack), of(&other, &attack));
    assert_ne!(of(&one, &twin), of(&other, &twin));
}

#[test]
fn what_has_no_goal_counts_only_where_it_was_carried_out_whole() {
    let mut exercise = exercise();
    exercise.plan.goal = None;
    exercise.plan.arms.truncate(1);
    let of = |change: &dyn Fn(&mut Seen)| {
        let mut attack = Seen::clone(&seen(Role::Baseline, Truth::Unknown, false, false));
        change(&mut attack);
        let execution = Execution { exercise: &exercise, attack: Some(Arc::new(attack)), twin: None };
        let matrix = matrix([rule()].iter(), Vec::new(), &[execution], Sensor::Ebpf, false);
        assert!(matrix.twins.is_empty());
        (matrix.rules[0].status, matrix.variants[0].state, matrix.variants[0].why.clone())
    };
    assert_eq!(of(&|_| ()), (Status::Missed, State::Ready, String::new()));
    let open = |change: &dyn Fn(&mut Seen), told: &str| {
        let (status, state, why) = of(change);
        assert_eq!((status, state), (Status::Inconclusive, State::Inconclusive), "{told}");
        assert!(why.contains(told), "{why}, not {told}");
    };
    open(&|seen| seen.facts.works = Truth::No, "exit code 0");
    open(&|seen| seen.facts.works = Truth::Unknown, "exit code 0");
    open(&|seen| seen.facts.executed.truth = Truth::No, "never started");
    open(&|seen| seen.lacked = ["sudo".to_owned()].into(), "did not find sudo");
    open(&|seen| seen.facts.missing = Some("records were lost".into()), "records were lost");
    let stopped = |seen: &mut Seen| (seen.facts.works, seen.facts.limit) = (Truth::No, Some("wall".into()));
    open(&stopped, "limit `wall`");
}

#[test]
fn a_run_that_was_asked_nothing_does_not_hide_that_the_telemetry_is_nowhere() {
    let exercise = exercise();
    let deaf = |what: &str| {
        let mut attack = Seen::clone(&seen(Role::Baseline, Truth::Yes, false, false));
        attack.said[0].no_telemetry = (!what.is_empty()).then(|| what.to_owned());
        Some(Arc::new(attack))
    };
    let mut unasked = Seen::clone(&seen(Role::Baseline, Truth::Unknown, false, false));
    unasked.said.clear();
    unasked.facts.missing = Some("it could not be prepared".into());
    let unasked = Some(Arc::new(unasked));
    let status = |attacks: &[&Option<Arc<Seen>>]| {
        let execution = |attack: &&Option<Arc<Seen>>| Execution {
            exercise: &exercise,
            attack: (*attack).clone(),
            twin: None,
        };
        let executions: Vec<_> = attacks.iter().map(execution).collect();
        matrix([rule()].iter(), Vec::new(), &executions, Sensor::Ebpf, false).rules[0].status
    };
    let (none, some) = (deaf("it reads logs"), deaf(""));
    assert_eq!(status(&[&none, &unasked]), Status::NeedsTelemetry);
    assert_eq!(status(&[&none, &some, &unasked]), Status::Missed);
    assert_eq!(status(&[&unasked]), Status::Inconclusive);
}
