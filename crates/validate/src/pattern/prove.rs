//! Whether a variant does what its pattern says: it reaches the goal, and the twin works and does not.

use super::{Pattern, Variant};
use crate::bare::Bare;
use crate::evaluate::{Unreadable, observe};
use crate::facts::Observed;
use crate::plan::{Plan, Role, Surroundings};
use crate::programs;
use crate::result::Inputs;
use crate::run::Located;
use crate::truth::Truth;
use serde::{Deserialize, Serialize};

/// What was found out about a variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// It reaches the goal; the twin works and does not.
    Proven,
    /// It does not reach the goal.
    NotReached,
    /// The twin reaches the goal too.
    TwinReaches,
    /// The twin does not work.
    TwinFails,
    /// It needs a program that the environment has not.
    NotRunnable,
    /// It can't be told.
    Inconclusive,
}

impl Proof {
    /// The name, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Proof::Proven => "proven",
            Proof::NotReached => "not_reached",
            Proof::TwinReaches => "twin_reaches",
            Proof::TwinFails => "twin_fails",
            Proof::NotRunnable => "not_runnable",
            Proof::Inconclusive => "inconclusive",
        }
    }
}

/// A proof, and what it stands on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proved {
    /// The pattern's id.
    pub pattern: String,
    /// The variant's name.
    pub variant: String,
    /// What was found out.
    pub proof: Proof,
    /// Why, for people; empty where it is proven.
    pub why: String,
    /// The run of the variant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The events that show the goal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<u64>,
    /// The twin's run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub twin: Option<String>,
}

impl Proved {
    fn new(pattern: &Pattern, variant: &Variant, proof: Proof, why: impl Into<String>) -> Self {
        Proved {
            pattern: pattern.id.clone(),
            variant: variant.name.clone(),
            proof,
            why: why.into(),
            run: None,
            events: Vec::new(),
            twin: None,
        }
    }

    /// It was not run, for `program` is missing.
    pub fn missing(pattern: &Pattern, variant: &Variant, program: &str) -> Self {
        Proved::new(pattern, variant, Proof::NotRunnable, format!("it needs `{program}`"))
    }
}

/// A program that the environment has not and the scripts need. In an image it is not looked for: there the script says so.
pub fn missing<'p>(
    pattern: &'p Pattern,
    variant: &'p Variant,
    surroundings: &Surroundings,
) -> Option<&'p str> {
    let mut needed = variant.script.requires.iter().chain(&pattern.benign.requires);
    needed.find(|program| programs::is_missing(program, &surroundings.rootfs)).map(String::as_str)
}

/// What runs to prove `variant`: itself and the twin, without controls.
pub fn plan(pattern: &Pattern, variant: &Variant, surroundings: Surroundings) -> (Plan, Inputs) {
    let mut inputs = Inputs::new();
    let attack = pattern.program(&variant.name, &variant.script, &mut inputs);
    let twin = pattern.program("benign", &pattern.benign, &mut inputs);
    let plan = Bare {
        id: &pattern.id,
        variant: &variant.name,
        title: &pattern.title,
        // the same for all variants, so that the twin runs once for all of them
        seed: &pattern.id,
        attack,
        twin: Some(twin),
        goal: Some(pattern.goal.clone()),
        triggers: Default::default(),
    };
    let plan = plan.plan(surroundings, &inputs);
    (plan, inputs)
}

/// What the arms of [`plan`] show.
///
/// # Errors
/// Where a bundle can't be read to its end.
pub fn prove(
    pattern: &Pattern,
    variant: &Variant,
    plan: &Plan,
    located: &[Located],
) -> Result<Proved, Unreadable> {
    let mut arms = Vec::new();
    for one in located {
        arms.extend(observe(plan, one)?.map(|(facts, _)| facts));
    }
    let of = |role: Role| arms.iter().find(|arm| arm.arm.role == role);
    let (attack, twin) = (of(Role::Baseline), of(Role::BenignBaseline));
    let (proof, why) = match (attack, twin) {
        (Some(attack), Some(twin)) => found(attack, twin),
        _ => (Proof::Inconclusive, "an arm was not run".to_owned()),
    };
    Ok(Proved {
        run: attack.map(|arm| arm.run.clone()),
        events: attack.map(|arm| arm.goal.events.clone()).unwrap_or_default(),
        twin: twin.map(|arm| arm.run.clone()),
        ..Proved::new(pattern, variant, proof, why)
    })
}

fn found(attack: &Observed, twin: &Observed) -> (Proof, String) {
    for (arm, who) in [(attack, "the variant"), (twin, "the twin")] {
        if let Some(unusable) = &arm.unusable {
            return (Proof::Inconclusive, format!("the evidence of {who} can't be used: {}", unusable.what));
        }
    }
    if attack.goal_before {
        return (Proof::Inconclusive, "the goal is true before anything ran".into());
    }
    let unsure = |arm: &Observed, who: &str| {
        let why = arm.missing.clone().unwrap_or_else(|| "the goal can't be told".into());
        (Proof::Inconclusive, format!("of {who}: {why}"))
    };
    match (attack.goal.truth, twin.goal.truth, twin.works) {
        (Truth::No, ..) => (Proof::NotReached, "it does not reach the goal".into()),
        (Truth::Unknown, ..) => unsure(attack, "the variant"),
        (_, Truth::Yes, _) => (Proof::TwinReaches, "the twin reaches the goal as well".into()),
        (_, Truth::Unknown, _) => unsure(twin, "the twin"),
        (.., Truth::No) => (Proof::TwinFails, "the twin does not end with exit code 0".into()),
        (.., Truth::Unknown) => unsure(twin, "the twin"),
        _ => (Proof::Proven, String::new()),
    }
}
