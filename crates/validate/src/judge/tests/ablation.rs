//! The table of ablation over small worlds, of which it is known what every control does.

use super::*;
use crate::judge::{Part, ablate};

const ROLES: [fn(&Plan) -> Role; 8] = [
    |_| Role::Baseline,
    |_| Role::Treatment,
    |_| Role::BenignBaseline,
    |_| Role::Benign,
    |_| Role::Only("a".into()),
    |_| Role::Only("b".into()),
    |plan| plan.arm_for(&Role::Without("a".into())),
    |plan| plan.arm_for(&Role::Without("b".into())),
];

fn two() -> Plan {
    let mut plan = plan(QuestionKind::Mitigation {}, &["a", "b"], 1);
    plan.ablate = true;
    plan
}

/// The arms of a world in which those controls that are in force stop the attack as `stopper` says: by whom.
fn world(plan: &Plan, stopper: fn(bool, bool) -> Option<&'static str>) -> Vec<Observed> {
    let mut arms: Vec<Observed> = Vec::new();
    for role in ROLES.map(|role| role(plan)) {
        if arms.iter().any(|arm| arm.arm.role == role) {
            continue;
        }
        let by = stopper(role.has("a"), role.has("b")).filter(|_| !role.is_benign());
        arms.push(match by {
            Some(by) => denied(arm(role, Truth::No), Some(by)),
            None => arm(role, Truth::Yes),
        });
    }
    arms
}

fn truths(part: &Part) -> [Truth; 5] {
    [part.necessary, part.sufficient, part.redundant, part.masked, part.harmful]
}

const Y: Truth = Truth::Yes;
const N: Truth = Truth::No;

#[test]
fn the_part_of_each_control_is_told() {
    type World = fn(bool, bool) -> Option<&'static str>;
    let worlds: [(&str, World, [Truth; 5], [Truth; 5]); 5] = [
        ("a alone does it", |a, _| a.then_some("a"), [Y, Y, N, N, N], [N, N, N, N, N]),
        (
            "each does it, and a comes first",
            |a, b| if a { Some("a") } else { b.then_some("b") },
            [N, Y, Y, N, N],
            [N, Y, Y, Y, N],
        ),
        ("it takes both", |a, b| (a && b).then_some("b"), [Y, N, N, N, N], [Y, N, N, N, N]),
        ("none does it", |_, _| None, [N; 5], [N; 5]),
        ("a works only without b", |a, b| (a && !b).then_some("a"), [N, Y, N, Y, N], [N; 5]),
    ];
    for (name, stopper, a, b) in worlds {
        let plan = two();
        let parts = ablate(&plan, &world(&plan, stopper));
        assert_eq!(parts.iter().map(truths).collect::<Vec<_>>(), [a, b], "{name}");
    }
}

#[test]
fn what_watches_is_masked_by_what_leaves_it_nothing_to_tell() {
    let mut plan = super::watching::watched_plan();
    plan.ablate = true;
    let arms = |alone: (bool, bool), together: (bool, bool)| {
        let mut arms = world(&plan, |_, b| b.then_some("b"));
        for arm in &mut arms {
            let (alert, deaf) = match arm.arm.role {
                Role::Treatment => together,
                Role::Only(ref name) if name == "a" => alone,
                _ => continue,
            };
            *arm = super::watching::heard(arm.clone(), alert, deaf);
        }
        arms
    };
    let (loud, quiet, deaf) = ((true, false), (false, false), (false, true));
    for (alone, together, masked) in [
        (loud, quiet, Y),
        (loud, loud, N),
        (quiet, quiet, N),
        (loud, deaf, Truth::Unknown),
        (deaf, quiet, Truth::Unknown),
    ] {
        let parts = ablate(&plan, &arms(alone, together));
        assert_eq!(truths(&parts[0]), [N, N, N, masked, N], "{alone:?} {together:?}");
        assert_eq!(truths(&parts[1]), [Y, Y, N, N, N]);
    }
    // it denies nothing, and may yet have broken the twin
    let mut arms = arms(loud, quiet);
    arms.iter_mut().find(|arm| arm.arm.role == Role::Benign).unwrap().works = N;
    assert_eq!(ablate(&plan, &arms)[0].harmful, Truth::Unknown);
}

#[test]
fn nothing_is_told_where_nobody_asked() {
    let mut plan = two();
    plan.ablate = false;
    assert_eq!(ablate(&plan, &world(&plan, |_, _| None)), []);
}

#[test]
fn what_is_missing_makes_a_statement_unknown_and_never_another_one() {
    let plan = two();
    let whole = world(&plan, |a, b| if a { Some("a") } else { b.then_some("b") });
    let known = ablate(&plan, &whole);
    let mut unknown = 0;
    for index in 0..whole.len() {
        for how in 0..3 {
            let mut arms = whole.clone();
            match how {
                0 => drop(arms.remove(index)),
                1 => {
                    let what = "it was altered".into();
                    arms[index].unusable = Some(Unusable { reason: Reason::NotSealed.code(), what });
                }
                _ => {
                    let arm = &mut arms[index];
                    arm.missing = Some("events were lost".into());
                    // from a hole nothing follows that was not seen
                    let unsure = |truth: Truth| if truth == N { Truth::Unknown } else { truth };
                    arm.goal.truth = unsure(arm.goal.truth);
                    arm.works = unsure(arm.works);
                    arm.operations.clear();
                }
            }
            for (now, before) in ablate(&plan, &arms).iter().zip(&known) {
                for (now, before) in truths(now).into_iter().zip(truths(before)) {
                    unknown += usize::from(now == Truth::Unknown);
                    assert!(
                        now == before || now == Truth::Unknown,
                        "{index} {how}: {before:?} became {now:?}"
                    );
                }
            }
        }
    }
    assert!(unknown > 0);
}

#[test]
fn a_control_that_denies_what_the_twin_does_is_harmful() {
    let plan = two();
    let mut arms = world(&plan, |a, _| a.then_some("a"));
    let benign = arms.iter_mut().find(|arm| arm.arm.role == Role::Benign).unwrap();
    *benign = denied(arm(Role::Benign, Truth::No), Some("b"));
    benign.works = N;
    let parts = ablate(&plan, &arms);
    assert_eq!((parts[0].harmful, parts[1].harmful), (N, Y));
    assert!(parts[1].sentence.contains("breaks the twin"), "{}", parts[1].sentence);
    // a twin that fails anyway accuses nobody
    arms.iter_mut().find(|arm| arm.arm.role == Role::BenignBaseline).unwrap().works = N;
    assert!(ablate(&plan, &arms).iter().all(|part| part.harmful == Truth::Unknown));
}

#[test]
fn repeats_that_disagree_tell_nothing() {
    let mut plan = two();
    plan.arms = ROLES
        .iter()
        .flat_map(|role| [0, 1].map(|repeat| Arm { role: role(&plan), repeat, seed: 7 }))
        .collect();
    let mut arms = world(&plan, |a, _| a.then_some("a"));
    for mut other in world(&plan, |_, b| b.then_some("b")) {
        other.arm.repeat = 1;
        arms.push(other);
    }
    let parts = ablate(&plan, &arms);
    assert!(parts.iter().all(|part| part.necessary == Truth::Unknown && part.redundant == N), "{parts:?}");
}
