//! Which of several controls does the work: each is seen alone and left out, and the twin with all of them. A table
//! beside the verdicts, and like them a pure function of what the arms showed.

use super::arms::Arms;
use super::watching::alerted;
use crate::facts::Observed;
use crate::plan::{Plan, Role};
use crate::truth::Truth;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What one control does among the others. Over several repeats a statement is *yes* or *no* where all agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The control.
    pub control: String,
    /// All controls stop the attack, and without this one it reaches its goal.
    pub necessary: Truth,
    /// It alone stops the attack.
    pub sufficient: Truth,
    /// It alone stops the attack, and without it the others do so too.
    pub redundant: Truth,
    /// Alone it has an effect, and with the others none, as one of them comes before it.
    pub masked: Truth,
    /// The twin works without controls, and this one breaks it.
    pub harmful: Truth,
    /// The table in words, for people.
    pub sentence: String,
}

/// The table: one row per control, in the order of the file.
pub(super) fn table(plan: &Plan, cases: &[Arms<'_>]) -> Vec<Part> {
    plan.controls
        .iter()
        .map(|control| {
            let repeats: Vec<Found> = cases.iter().map(|case| Found::of(case, &control.name)).collect();
            part(&control.name, &repeats)
        })
        .collect()
}

/// What one repeat shows of one control.
struct Found {
    necessary: Truth,
    sufficient: Truth,
    redundant: Truth,
    masked: Truth,
    harmful: Truth,
    /// Why something can't be told.
    open: Option<String>,
}

impl Found {
    fn of(arms: &Arms<'_>, control: &str) -> Found {
        match Found::stopped(arms, control) {
            Ok(found) => found,
            Err(why) => Found {
                necessary: Truth::Unknown,
                sufficient: Truth::Unknown,
                redundant: Truth::Unknown,
                masked: Truth::Unknown,
                harmful: harmful(arms, control),
                open: Some(why),
            },
        }
    }

    fn stopped(arms: &Arms<'_>, control: &str) -> Result<Found, String> {
        // without an attack that succeeds, nothing says that it was stopped
        let baseline = arms.successful_baseline().map_err(|answer| answer.sentence)?;
        let usable = |role| arms.usable(&role).map_err(|answer| answer.sentence);
        let all = usable(Role::Treatment)?;
        let without = usable(Role::Without(control.into()))?;
        let only = usable(Role::Only(control.into()))?;
        let (by_all, by_others, alone) = (stops(arms, all), stops(arms, without), stops(arms, only));
        let open = [(all, by_all), (without, by_others), (only, alone)]
            .into_iter()
            .find(|(_, stopped)| *stopped == Truth::Unknown)
            .map(|(arm, _)| {
                let missing =
                    arm.missing.as_deref().unwrap_or("it did nothing of what it does without controls");
                format!(
                    "it can't be told whether the attack is stopped in the arm {}: {missing}",
                    arm.arm.role
                )
            });
        Ok(Found {
            necessary: by_all.and(!by_others),
            sufficient: alone,
            redundant: alone.and(by_others),
            masked: masked(arms, [baseline, all, only], control),
            harmful: harmful(arms, control),
            open,
        })
    }
}

/// Whether the attack was tried in `arm` and did not reach its goal.
fn stops(arms: &Arms<'_>, arm: &Observed) -> Truth {
    match arm.goal.truth {
        Truth::Yes => Truth::No,
        Truth::Unknown => Truth::Unknown,
        Truth::No if arms.attempted(arm).truth == Truth::Yes => Truth::Yes,
        Truth::No => Truth::Unknown,
    }
}

fn masked(arms: &Arms<'_>, [baseline, all, only]: [&Observed; 3], control: &str) -> Truth {
    if arms.plan.watcher(control).is_some() {
        return alerted(only, control).and(!alerted(all, control));
    }
    // of a control whose effect no event names, none being seen says nothing; and the baseline's operations say what
    // an effect is
    let unsure =
        |arm: &Observed| arms.may_be_silent(control) || arm.missing.is_some() || baseline.missing.is_some();
    let effect = |arm: &Observed| match arms.effects(arm, control).is_empty() {
        false => Truth::Yes,
        true if unsure(arm) => Truth::Unknown,
        true => Truth::No,
    };
    effect(only).and(!effect(all))
}

/// Whether `control` breaks the twin: it denied what the twin does without controls.
fn harmful(arms: &Arms<'_>, control: &str) -> Truth {
    let (Ok(without), Ok(with)) = (arms.usable(&Role::BenignBaseline), arms.usable(&Role::Benign)) else {
        return Truth::Unknown;
    };
    match (without.works, with.works) {
        (Truth::Yes, Truth::Yes) => return Truth::No,
        (Truth::Yes, Truth::No) => {}
        _ => return Truth::Unknown,
    }
    if arms.plan.controls.len() == 1 || breakers(without, with).contains(control) {
        return Truth::Yes;
    }
    // one that tells its denials and denied nothing of the twin's is not the one that broke it; what watches has none
    let whole = |arm: &Observed| arm.missing.is_none() && !arm.forgotten;
    let tells = !arms.may_be_silent(control) && arms.plan.watcher(control).is_none();
    let told = whole(without) && whole(with) && tells;
    if told { Truth::No } else { Truth::Unknown }
}

/// The controls that denied what the twin does without them.
fn breakers<'a>(without: &Observed, with: &'a Observed) -> BTreeSet<&'a str> {
    let done = |key| without.operations.get(key).is_some_and(|operation| operation.succeeded.is_some());
    let denials = with.operations.iter().filter(|(key, _)| done(key)).flat_map(|(_, one)| &one.denied);
    denials.chain(&with.not_started).filter_map(|denial| denial.enforcer.as_deref()).collect()
}

fn part(control: &str, repeats: &[Found]) -> Part {
    let all = |of: fn(&Found) -> Truth| {
        let mut truths = repeats.iter().map(of);
        let first = truths.next().unwrap_or(Truth::Unknown);
        if truths.all(|truth| truth == first) { first } else { Truth::Unknown }
    };
    let mut part = Part {
        control: control.into(),
        necessary: all(|found| found.necessary),
        sufficient: all(|found| found.sufficient),
        redundant: all(|found| found.redundant),
        masked: all(|found| found.masked),
        harmful: all(|found| found.harmful),
        sentence: String::new(),
    };
    let open = repeats.iter().find_map(|found| found.open.as_deref());
    part.sentence = sentence(&part, open);
    part
}

fn sentence(part: &Part, open: Option<&str>) -> String {
    let alone = match part.sufficient {
        Truth::Yes => "alone it stops the attack",
        Truth::No => "alone it does not stop the attack",
        Truth::Unknown => "whether it stops the attack alone can't be told",
    };
    let mut said = vec![alone.to_owned()];
    match (part.necessary, part.redundant) {
        (Truth::Yes, _) => said.push("without it the attack reaches its goal".into()),
        (_, Truth::Yes) => said.push("without it the others stop the attack too".into()),
        (Truth::No, _) => said.push("leaving it out changes nothing".into()),
        _ => said.push("whether the others do without it can't be told".into()),
    }
    if part.masked == Truth::Yes {
        said.push("with the others it has no effect of its own, as one of them comes before it".into());
    }
    if part.harmful == Truth::Yes {
        said.push("it breaks the twin".into());
    }
    if let Some(open) = open {
        said.push(open.into());
    }
    said.join("; ")
}
