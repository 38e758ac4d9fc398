//! A plan that asks nothing: an attack, and its twin where it has one, run without controls to see what they do.

use crate::builtin;
use crate::plan::{Arm, Attack, Benign, Digest, FORMAT, Goal, Plan, Program, Role, Surroundings, seed_of};
use crate::result::Inputs;
use detektr_event::Phase;
use std::collections::BTreeSet;

/// What is run, and under which names.
pub(crate) struct Bare<'a> {
    /// What stands in the plan as the validation.
    pub(crate) id: &'a str,
    /// The variant.
    pub(crate) variant: &'a str,
    pub(crate) title: &'a str,
    /// What the seed follows from.
    pub(crate) seed: &'a str,
    pub(crate) attack: Attack,
    /// What must go on working; it has an arm where it is given.
    pub(crate) twin: Option<Attack>,
    pub(crate) goal: Option<Goal>,
    /// Trigger phases that follow, whatever the goal asks.
    pub(crate) triggers: BTreeSet<Phase>,
}

impl Bare<'_> {
    /// Its plan, in which `inputs` are the files.
    pub(crate) fn plan(self, surroundings: Surroundings, inputs: &Inputs) -> Plan {
        let seed = seed_of(self.seed);
        let roles = match self.twin {
            Some(_) => &[Role::Baseline, Role::BenignBaseline][..],
            None => &[Role::Baseline],
        };
        let arms = roles.iter().map(|role| Arm { role: role.clone(), repeat: 0, seed });
        let builtin = self.twin.is_none();
        let root = self.attack.root;
        let smoke = || Attack::of(Program::Builtin(builtin::SMOKE.into()), root);
        Plan {
            format: FORMAT.into(),
            validation: self.id.into(),
            variant: self.variant.into(),
            title: Some(self.title.into()),
            surroundings,
            attack: self.attack,
            benign: Benign { program: self.twin.unwrap_or_else(smoke), builtin },
            ordinary: None,
            goal: self.goal,
            attempt: None,
            controls: Vec::new(),
            arms: arms.collect(),
            ablate: false,
            triggers: self.triggers,
            questions: Vec::new(),
            files: inputs.iter().map(|(name, content)| (name.clone(), Digest::of(content))).collect(),
        }
    }
}
