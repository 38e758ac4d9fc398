//! The fewest conditions that would have to be otherwise for a rule to match an event.

use rsigma_eval::{ConditionTrace, DetectionTrace, ItemTrace, RuleExplanation};
use serde::Serialize;

/// An event that a rule does not match, and the least that keeps it from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Nearest {
    /// The event.
    pub event: u64,
    /// What would have to be otherwise; all of it.
    pub conditions: Vec<Unmet>,
}

/// A condition of a rule that stands in the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unmet {
    /// The selection that it is part of.
    pub selection: String,
    /// The field; `keywords` where words are looked for anywhere.
    pub field: String,
    /// The pattern; empty where it can't be told in a few words.
    pub wanted: String,
    /// What the field was; absent where there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    /// The pattern matches, and the rule excludes what it matches.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub excluded: bool,
}

/// The fewest conditions that keep the rule from matching; nothing where it matches, or can't be made to.
pub(crate) fn unmet(explanation: &RuleExplanation) -> Option<Vec<Unmet>> {
    if explanation.matched {
        return None;
    }
    fewest(explanation.conditions.iter().map(|trace| condition(trace, true)))
}

type Ways = Option<Vec<Unmet>>;

fn fewest(ways: impl Iterator<Item = Ways>) -> Ways {
    ways.flatten().min_by_key(Vec::len)
}

fn together(ways: impl Iterator<Item = Ways>) -> Ways {
    ways.collect::<Option<Vec<_>>>().map(|all| all.concat())
}

/// Whether all parts are needed for `wanted`, or any does: an `and` is made true by all and false by any.
fn parts(all: bool, wanted: bool, ways: impl Iterator<Item = Ways>) -> Ways {
    if all == wanted { together(ways) } else { fewest(ways) }
}

fn condition(trace: &ConditionTrace, wanted: bool) -> Ways {
    if trace.matched() == wanted {
        return Some(Vec::new());
    }
    match trace {
        ConditionTrace::Selection { name, detection: found, .. } => detection(found, wanted, name),
        ConditionTrace::And { children, .. } => {
            parts(true, wanted, children.iter().map(|child| condition(child, wanted)))
        }
        ConditionTrace::Or { children, .. } => {
            parts(false, wanted, children.iter().map(|child| condition(child, wanted)))
        }
        ConditionTrace::Not { child, .. } => condition(child, !wanted),
        ConditionTrace::Quantified { need, branches, .. } => {
            let matching = branches.iter().filter(|branch| branch.matched).count() as u64;
            let missing = if wanted { need.checked_sub(matching) } else { (matching + 1).checked_sub(*need) };
            let others = branches.iter().filter(|branch| branch.matched != wanted);
            let mut ways: Vec<Vec<Unmet>> =
                others.filter_map(|branch| detection(&branch.detection, wanted, &branch.name)).collect();
            ways.sort_by_key(Vec::len);
            let missing = usize::try_from(missing?).ok().filter(|missing| *missing <= ways.len())?;
            ways.truncate(missing);
            Some(ways.concat())
        }
    }
}

fn detection(trace: &DetectionTrace, wanted: bool, selection: &str) -> Ways {
    if trace.matched() == wanted {
        return Some(Vec::new());
    }
    match trace {
        DetectionTrace::AllOf { items, .. } => parts(
            true,
            wanted,
            items.iter().map(|one| {
                let way = if one.matched == wanted { Vec::new() } else { vec![leaf(one, wanted, selection)] };
                Some(way)
            }),
        ),
        DetectionTrace::AnyOf { branches, .. } => {
            parts(false, wanted, branches.iter().map(|one| detection(one, wanted, selection)))
        }
        DetectionTrace::And { branches, .. } => {
            parts(true, wanted, branches.iter().map(|one| detection(one, wanted, selection)))
        }
        DetectionTrace::Keywords { item, .. } => Some(vec![leaf(item, wanted, selection)]),
        // lists within an event: no view has any
        _ => None,
    }
}

fn leaf(item: &ItemTrace, wanted: bool, selection: &str) -> Unmet {
    let was = item.actual.as_ref().map(|value| match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    Unmet {
        selection: selection.to_owned(),
        field: item.field.clone().unwrap_or_else(|| "keywords".into()),
        wanted: item.pattern.clone().unwrap_or_default(),
        was,
        excluded: !wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::unmet;
    use rsigma_eval::{JsonEvent, compile_rule, explain_rule};
    use rsigma_parser::parse_sigma_yaml;
    use serde_json::json;

    const RULE: &str = "title: x\nlogsource: {product: linux, category: process_creation}\ndetection:\n  \
                        one: {Image|endswith: /tar, User: root}\n  two_a: {CommandLine|contains: -c}\n  \
                        two_b: {CommandLine|contains: -x, CurrentDirectory: /}\n  not_me: {ParentImage|endswith: /apt}\n  \
                        condition: one and 1 of two_* and not not_me\n";

    fn fields(event: serde_json::Value) -> Option<Vec<(String, bool)>> {
        let parsed = parse_sigma_yaml(RULE).unwrap();
        let rule = compile_rule(&parsed.rules[0]).unwrap();
        let all = unmet(&explain_rule(&rule, &JsonEvent::borrow(&event)))?;
        Some(all.into_iter().map(|one| (format!("{}.{}", one.selection, one.field), one.excluded)).collect())
    }

    #[test]
    fn just_what_stands_in_the_way_is_told_and_no_branch_that_another_replaces() {
        let own = |name: &str, excluded| (name.to_owned(), excluded);
        let event = json!({"Image": "/bin/tar", "User": "root", "CommandLine": "tar -c x"});
        assert_eq!(fields(event), None, "it matches");
        let event = json!({"Image": "/bin/cp", "User": "root", "CommandLine": "cp -c x"});
        assert_eq!(fields(event), Some(vec![own("one.Image", false)]));
        let event = json!({"Image": "/bin/tar", "User": "root", "CommandLine": "tar t"});
        assert_eq!(fields(event), Some(vec![own("two_a.CommandLine", false)]), "the cheaper branch");
        let event = json!({"Image": "/bin/tar", "User": "me", "CommandLine": "tar -c", "ParentImage": "/usr/bin/apt"});
        let wanted = vec![own("one.User", false), own("not_me.ParentImage", true)];
        assert_eq!(fields(event), Some(wanted));
    }
}
