//! From bundles to verdicts: every arm's evidence is checked and reduced to facts, the rules are run over it, and the
//! judge has its say. The same bundles and files give the same verdicts anywhere.

use crate::facts::Observed;
use crate::judge::{Fired, judge};
use crate::plan::{Arm, In, Plan, Question, QuestionKind, Role};
use crate::result::Inputs;
use crate::run::Located;
use crate::verdict::Verdict;
use detektr_detect::{Harness, RuleSet, RunContext};
use detektr_evidence::{Bundle, EvidenceError, Manifest, sha256_hex, verify};
use std::collections::BTreeMap;

/// Checks what can be checked before anything runs: every rule of every question can be asked.
///
/// # Errors
/// Everything that is wrong with the rules, one sentence each.
pub fn check(plan: &Plan, inputs: &Inputs) -> Result<(), Vec<String>> {
    let problems: Vec<String> = plan
        .questions
        .iter()
        .filter_map(|question| rules(question, inputs)?.err())
        .flatten()
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Judges `plan` by the bundles of its arms. `today` (YYYY-MM-DD) decides about dates.
///
/// # Errors
/// Where a bundle that is sealed can't be read to its end. One that is missing, damaged or not the one that was run
/// is no error: the verdicts say so.
pub fn evaluate(
    plan: &Plan,
    inputs: &Inputs,
    located: &[Located],
    today: &str,
) -> Result<Vec<Verdict>, EvidenceError> {
    let asked: Vec<(&Question, Option<RuleSet>)> = plan
        .questions
        .iter()
        .filter_map(|question| Some((question, rules(question, inputs)?.ok())))
        .collect();
    let mut observed = Vec::new();
    let mut fired: BTreeMap<(String, Arm), Fired> = BTreeMap::new();
    for one in located {
        let Ok(bundle) = Bundle::open(&one.bundle) else { continue };
        let sealed = sealed(one);
        let changes = bundle.changes().unwrap_or_default();
        let manifest = bundle.manifest();
        observed.push(Observed::read(plan, &one.arm.arm, manifest, bundle.events()?, &changes, sealed.clone())?);
        if sealed.is_err() {
            continue;
        }
        for (question, rules) in asked.iter().filter(|(question, _)| reads(plan, question, &one.arm.arm.role)) {
            let answer = match rules {
                Some(rules) => detect(rules, manifest, &bundle)?,
                None => Fired::not_loaded("a rule can't be used any more"),
            };
            fired.insert((question.id.clone(), one.arm.arm.clone()), answer);
        }
    }
    Ok(judge(plan, &observed, &fired, today))
}
