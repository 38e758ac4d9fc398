//! The smallest difference between an execution that a rule misses and one that proves it.

use super::model::{Condition, Contrast, Hit, Miss};
use super::run::Seen;
use detektr_detect::operation::Key;
use detektr_detect::{Nearest, RuleOutcome};
use std::collections::BTreeSet;

/// Why `said`, a rule's answer on `variant`, is a miss: the event that the fewest conditions keep from matching, and,
/// of the executions in `proven`, the one that differs least.
pub(super) fn miss(variant: &str, seen: &Seen, said: &RuleOutcome, proven: &[(Hit, &Seen)]) -> Miss {
    let run = seen.facts.run.clone();
    let closest = proven.iter().map(|(hit, there)| (hit, apart(there, seen)));
    let closest = closest.min_by_key(|(_, (there, here))| there + here);
    let there = closest.map(|(hit, _)| hit);
    let nearest = said.nearest.iter().max_by_key(|near| {
        // of those that come equally near, the one most like what matched; of these the first
        (there.map_or(0, |hit| alike(near, hit)), std::cmp::Reverse(near.event))
    });
    let conditions: Vec<Condition> = nearest
        .map(|near| near.conditions.as_slice())
        .unwrap_or_default()
        .iter()
        .map(|unmet| Condition {
            selection: unmet.selection.clone(),
            field: unmet.field.clone(),
            wanted: unmet.wanted.clone(),
            here: unmet.was.clone(),
            there: there
                .and_then(|hit| value(hit, &unmet.field))
                .filter(|_| !unmet.excluded)
                .map(String::from),
            excluded: unmet.excluded,
        })
        .collect();
    let contrast = closest.map(|(hit, (only_there, only_here))| Contrast {
        variant: hit.variant.clone(),
        run: hit.run.clone(),
        events: hit.events.clone(),
        only_there,
        only_here,
    });
    let event = nearest.map(|near| near.event);
    let mut sentence = match (event, conditions.first()) {
        (Some(event), Some(first)) => format!("in event {event}, {}", told(first)),
        _ => said.why_not.as_ref().map_or_else(String::new, |why| why.sentence.clone()),
    };
    if conditions.len() > 1 {
        sentence += &format!(", and {} more", conditions.len() - 1);
    }
    if let Some(hit) = there {
        let event = hit.events.first().map(|event| format!("event {event} of ")).unwrap_or_default();
        let value = conditions.first().and_then(|one| Some((&one.field, one.there.as_ref()?)));
        sentence += &match value {
            Some((field, value)) => format!("; in {event}{}, `{field}` is `{value}`", hit.variant),
            None => format!("; {event}{} meets it", hit.variant),
        };
    }
    Miss { variant: variant.to_owned(), run, sentence, event, conditions, contrast }
}

fn told(condition: &Condition) -> String {
    let Condition { field, wanted, here, selection, excluded, .. } = condition;
    let wanted = if wanted.is_empty() { "what the rule wants".to_owned() } else { format!("`{wanted}`") };
    match here {
        Some(here) if *excluded => format!("`{field}` is `{here}`, which `{selection}` excludes"),
        None if *excluded => format!("`{selection}` excludes it"),
        Some(here) => format!("`{field}` is `{here}`, not {wanted}"),
        None => format!("`{field}` is absent, not {wanted}"),
    }
}

/// How many operations only `there`, and only `here`, made.
fn apart(there: &Seen, here: &Seen) -> (usize, usize) {
    let keys = |seen: &Seen| -> BTreeSet<Key> {
        let own = seen.facts.operations.keys();
        own.filter(|key| !key.act.is_ordinary()).cloned().collect()
    };
    let (there, here) = (keys(there), keys(here));
    (there.difference(&here).count(), here.difference(&there).count())
}

fn value<'h>(hit: &'h Hit, field: &str) -> Option<&'h str> {
    hit.fields.iter().find(|(name, _)| name == field).map(|(_, value)| value.as_str())
}

/// How much of the values that don't fit is as in what matched, in letters from both ends.
fn alike(near: &Nearest, hit: &Hit) -> usize {
    let both = near.conditions.iter().filter_map(|one| Some((one.was.as_deref()?, value(hit, &one.field)?)));
    both.map(|(here, there)| {
        let from = |a: &mut dyn Iterator<Item = char>, b: &mut dyn Iterator<Item = char>| {
            a.zip(b).take_while(|(a, b)| a == b).count()
        };
        from(&mut here.chars(), &mut there.chars()) + from(&mut here.chars().rev(), &mut there.chars().rev())
    })
    .sum()
}
