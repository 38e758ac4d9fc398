//! From a validation file to a plan: which questions, which arms, which seeds.

use super::ValidationFile;
use crate::builtin;
use crate::plan::{
    Arm, Attack, Benign, Digest, FORMAT, In, Plan, Program, Question, QuestionKind, Role, Rules,
    Surroundings, seed_of,
};
use crate::result::Inputs;
use crate::verdict::Verdict;
use detektr_event::glob::Glob;
use std::collections::BTreeSet;

/// What the user chooses beside the file.
#[derive(Clone, Debug)]
pub struct Choices {
    /// How often each arm runs; what the file says where absent.
    pub repeat: Option<u32>,
    /// Run each control alone and all but each, whether or not a question needs it.
    pub ablate: bool,
    /// Where the seeds come from; the validation's id where absent.
    pub seed: Option<u64>,
    /// Where the arms run.
    pub surroundings: Surroundings,
    /// Ask only questions whose id fits one of these patterns; all where empty.
    pub only: Vec<Glob>,
    /// Ask only questions whose verdicts have these ids; all where absent.
    pub verdicts: Option<BTreeSet<String>>,
}

/// The plan of each variant of the attack, and the files that it names. What could be wrong was found when the file was read.
pub fn plans(file: &ValidationFile, choices: &Choices) -> Vec<(Plan, Inputs)> {
    file.attacks.iter().map(|(variant, attack)| plan(file, variant, attack, choices)).collect()
}

fn plan(file: &ValidationFile, variant: &str, attack: &Attack, choices: &Choices) -> (Plan, Inputs) {
    let only = &choices.only;
    let asked = |question: &Question| {
        let id = || Verdict::id_of(&file.id, &question.id, variant);
        (only.is_empty() || only.iter().any(|glob| glob.matches_one(question.id.as_bytes())))
            && choices.verdicts.as_ref().is_none_or(|wanted| wanted.contains(&id()))
    };
    let questions: Vec<Question> =
        file.questions.iter().filter(|question| asked(question)).cloned().collect();
    let benign = match &file.benign {
        Some(program) => Benign { program: program.clone(), builtin: false },
        None => Benign { program: brought_along(builtin::SMOKE, attack), builtin: true },
    };
    // what watches is asked on the twin with it
    let detects = questions
        .iter()
        .any(|one| matches!(&one.kind, QuestionKind::Detection { rules, .. } if rules.monitor.is_none()));
    let ordinary = (benign.builtin && detects).then(|| Attack {
        // it takes a second; that a machine is busy is no fault of the rule's
        timeout_ms: Some(600_000),
        ..brought_along(builtin::ORDINARY, attack)
    });
    let mut plan = Plan {
        format: FORMAT.into(),
        validation: file.id.clone(),
        title: file.title.clone(),
        surroundings: choices.surroundings.clone(),
        variant: variant.to_owned(),
        attack: attack.clone(),
        benign,
        ordinary,
        goal: file.goal.clone(),
        attempt: file.attempt.clone(),
        controls: file.controls.clone(),
        arms: Vec::new(),
        ablate: choices.ablate && !file.controls.is_empty(),
        triggers: BTreeSet::new(),
        questions,
        files: file.inputs.iter().map(|(name, content)| (name.clone(), Digest::of(content))).collect(),
    };
    let roles = roles(&plan);
    let base = choices.seed.map_or_else(|| file.id.clone(), |seed| seed.to_string());
    for repeat in 0..choices.repeat.unwrap_or(file.repeat) {
        let seed = seed(&base, repeat);
        plan.arms.extend(roles.iter().map(|role| Arm { role: role.clone(), repeat, seed }));
    }
    if plan.ordinary.is_some() && !plan.arms.is_empty() {
        // no repeat and no validation makes a difference to it, so that one run serves all
        plan.arms.push(Arm { role: Role::Ordinary, repeat: 0, seed: seed(builtin::ORDINARY, 0) });
    }
    (plan, file.inputs.clone())
}

/// A script that stands in where no twin is given; it runs as whoever attacks.
fn brought_along(name: &str, attack: &Attack) -> Attack {
    Attack::of(Program::Builtin(name.into()), attack.root)
}

/// The same seed for the same repeat in every plan, so that arms can be used again.
fn seed(base: &str, repeat: u32) -> u64 {
    seed_of(&format!("{base}\n{repeat}"))
}

/// The arms that the answers need, in the order in which they are run.
fn roles(plan: &Plan) -> BTreeSet<Role> {
    let mut roles = BTreeSet::new();
    for question in &plan.questions {
        match &question.kind {
            QuestionKind::Mitigation {} => {
                roles.extend([Role::Baseline, Role::Treatment, Role::BenignBaseline, Role::Benign]);
            }
            QuestionKind::Control { control } => {
                roles.extend([Role::Baseline, Role::Treatment]);
                roles.insert(plan.arm_for(&Role::Without(control.clone())));
                roles.insert(plan.arm_for(&Role::Only(control.clone())));
                // that the twin is silent is part of what a watcher is for
                if plan.watcher(control).is_some() {
                    roles.insert(Role::Benign);
                }
            }
            QuestionKind::Detection { rules: Rules { monitor: Some(name), .. }, arm, .. } => {
                roles.extend([Role::Baseline, Role::Benign]);
                roles.insert(match arm {
                    In::Baseline => plan.arm_for(&Role::Only(name.clone())),
                    In::Treatment => Role::Treatment,
                });
            }
            // ordinary programs stand in for the twin
            QuestionKind::Detection { arm: In::Baseline, .. } if plan.ordinary.is_some() => {
                roles.insert(Role::Baseline);
            }
            QuestionKind::Detection { arm: In::Baseline, .. } => {
                roles.extend([Role::Baseline, Role::BenignBaseline]);
            }
            QuestionKind::Detection { arm: In::Treatment, .. } => {
                roles.extend([Role::Baseline, Role::Treatment, Role::BenignBaseline, Role::Benign]);
            }
        }
    }
    if plan.ablate && !roles.is_empty() {
        roles.extend([Role::Baseline, Role::Treatment, Role::BenignBaseline, Role::Benign]);
        for control in &plan.controls {
            roles.insert(plan.arm_for(&Role::Without(control.name.clone())));
            roles.insert(plan.arm_for(&Role::Only(control.name.clone())));
        }
    }
    if plan.controls.is_empty() && roles.remove(&Role::Benign) {
        roles.insert(Role::BenignBaseline);
    }
    roles
}
