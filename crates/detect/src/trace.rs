//! A rule's answer in three values. The engine takes a field that a log source does not have for one that is absent;
//! here it is unknown, and unknown decides only where it matters.

use crate::view::View;
use rsigma_eval::{ConditionTrace, DetectionTrace, ItemTrace, MatchReason, RuleExplanation};
use std::collections::BTreeSet;

/// `None` is unknown.
type Three = Option<bool>;

/// What a rule says of a view, and the fields that it would need to know for certain.
pub(crate) struct Verdict {
    pub(crate) matched: Three,
    /// Fields that the view can't tell, and that the rule asked.
    pub(crate) needed: BTreeSet<String>,
}

/// Evaluates a trace anew, in three values.
pub(crate) fn verdict(explanation: &RuleExplanation, view: &View) -> Verdict {
    let mut needed = BTreeSet::new();
    let each: Vec<Three> =
        explanation.conditions.iter().map(|trace| condition(trace, view, &mut needed)).collect();
    Verdict { matched: any(&each), needed }
}

fn all(each: &[Three]) -> Three {
    match (each.contains(&Some(false)), each.contains(&None)) {
        (true, _) => Some(false),
        (false, true) => None,
        (false, false) => Some(true),
    }
}

fn any(each: &[Three]) -> Three {
    let negated: Vec<Three> = each.iter().map(|one| one.map(|value| !value)).collect();
    all(&negated).map(|value| !value)
}

fn condition(trace: &ConditionTrace, view: &View, needed: &mut BTreeSet<String>) -> Three {
    match trace {
        ConditionTrace::Selection { detection: found, .. } => detection(found, view, needed),
        ConditionTrace::And { children, .. } => {
            let each: Vec<Three> = children.iter().map(|child| condition(child, view, needed)).collect();
            all(&each)
        }
        ConditionTrace::Or { children, .. } => {
            let each: Vec<Three> = children.iter().map(|child| condition(child, view, needed)).collect();
            any(&each)
        }
        ConditionTrace::Not { child, .. } => condition(child, view, needed).map(|value| !value),
        ConditionTrace::Quantified { need, branches, .. } => {
            let each: Vec<Three> =
                branches.iter().map(|branch| detection(&branch.detection, view, needed)).collect();
            let certain = each.iter().filter(|one| **one == Some(true)).count() as u64;
            let possible = each.iter().filter(|one| **one != Some(false)).count() as u64;
            match (certain >= *need, possible >= *need) {
                (true, _) => Some(true),
                (false, false) => Some(false),
                (false, true) => None,
            }
        }
    }
}

fn detection(trace: &DetectionTrace, view: &View, needed: &mut BTreeSet<String>) -> Three {
    match trace {
        DetectionTrace::AllOf { items, .. } => {
            let each: Vec<Three> = items.iter().map(|one| item(one, view, needed)).collect();
            all(&each)
        }
        DetectionTrace::AnyOf { branches, .. } => {
            let each: Vec<Three> = branches.iter().map(|one| detection(one, view, needed)).collect();
            any(&each)
        }
        DetectionTrace::And { branches, .. } => {
            let each: Vec<Three> = branches.iter().map(|one| detection(one, view, needed)).collect();
            all(&each)
        }
        DetectionTrace::Keywords { item: one, .. } => item(one, view, needed),
        // lists within an event: no view has any
        other => Some(other.matched()),
    }
}

fn item(item: &ItemTrace, view: &View, needed: &mut BTreeSet<String>) -> Three {
    if let Some(field) = &item.field
        && item.actual.is_none()
        && !view.tells(field)
        && matches!(item.reason, MatchReason::FieldAbsent | MatchReason::Existence | MatchReason::Matched)
    {
        needed.insert(field.clone());
        return None;
    }
    if item.field.is_none() && !item.matched && view.is_part() {
        needed.insert("the whole message".into());
        return None;
    }
    Some(item.matched)
}

/// How near a rule came to matching, and the fields that kept it from it: name, pattern, value.
pub(crate) struct Near {
    pub(crate) matched: usize,
    pub(crate) failed: Vec<(String, String, Option<String>)>,
}

/// Counts the leaves of a trace.
pub(crate) fn near(explanation: &RuleExplanation) -> Near {
    let mut near = Near { matched: 0, failed: Vec::new() };
    for trace in &explanation.conditions {
        walk(trace, &mut near);
    }
    near
}

fn walk(trace: &ConditionTrace, near: &mut Near) {
    match trace {
        ConditionTrace::Selection { detection, .. } => leaves(detection, near),
        ConditionTrace::And { children, .. } | ConditionTrace::Or { children, .. } => {
            children.iter().for_each(|child| walk(child, near));
        }
        // what must not match is in the way only where it does
        ConditionTrace::Not { matched: true, .. } => {}
        ConditionTrace::Not { child, .. } => {
            let mut inside = Near { matched: 0, failed: Vec::new() };
            walk(child, &mut inside);
            near.failed.push(("not".into(), "a filter of the rule matches".into(), None));
        }
        ConditionTrace::Quantified { branches, .. } => {
            branches.iter().for_each(|branch| leaves(&branch.detection, near));
        }
    }
}

fn leaves(trace: &DetectionTrace, near: &mut Near) {
    match trace {
        DetectionTrace::AllOf { items, .. } => items.iter().for_each(|item| leaf(item, near)),
        DetectionTrace::AnyOf { branches, .. } | DetectionTrace::And { branches, .. } => {
            branches.iter().for_each(|branch| leaves(branch, near));
        }
        DetectionTrace::Keywords { item, .. } => leaf(item, near),
        _ => {}
    }
}

fn leaf(item: &ItemTrace, near: &mut Near) {
    if item.matched {
        near.matched += 1;
        return;
    }
    let actual = item.actual.as_ref().map(|value| match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    let field = item.field.clone().unwrap_or_else(|| "keywords".into());
    near.failed.push((field, item.pattern.clone().unwrap_or_default(), actual));
}
