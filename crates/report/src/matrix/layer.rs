//! A layer for ATT&CK Navigator, format 4.5: of each technique, how much of what was executed its rules find.

use crate::navigator::NAVIGATOR;
use detektr_validate::matrix::{Matrix, RuleRow, State, VariantRow};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of one technique.
#[derive(Default)]
struct Technique<'m> {
    variants: Vec<&'m VariantRow>,
    rules: Vec<&'m RuleRow>,
}

/// The layer: a technique's score is the share of its ready variants, in percent, that a rule finds; what was not
/// exercised has no score.
pub fn matrix_layer(matrix: &Matrix) -> Value {
    let mut techniques: BTreeMap<&str, Technique<'_>> = BTreeMap::new();
    for variant in &matrix.variants {
        techniques.entry(&variant.technique).or_default().variants.push(variant);
    }
    for rule in &matrix.rules {
        for technique in &rule.techniques {
            techniques.entry(technique).or_default().rules.push(rule);
        }
    }
    let techniques: Vec<Value> = techniques.iter().map(|(id, known)| entry(id, known)).collect();
    json!({
        "name": "Detektr evidence matrix",
        "versions": {"navigator": NAVIGATOR, "layer": "4.5"},
        "domain": "enterprise-attack",
        "description": "Score: percent of the executed variants of a technique that a rule of it finds. No score: nothing was executed.",
        "filters": {"platforms": ["Linux"]},
        "sorting": 3,
        "layout": {"layout": "side", "showID": true, "showName": true, "expandedSubtechniques": "annotated"},
        "hideDisabled": false,
        "techniques": techniques,
        "gradient": {"colors": ["#e0433a", "#ffd36b", "#2f9e5c"], "minValue": 0, "maxValue": 100},
        "legendItems": [{"label": "rules, and nothing executed", "color": "#c9ced6"}],
        "metadata": [{"name": "detektr", "value": matrix.detektr}],
    })
}

fn entry(id: &str, known: &Technique<'_>) -> Value {
    let ready: Vec<_> = known.variants.iter().filter(|variant| variant.state == State::Ready).collect();
    let found = ready.iter().filter(|variant| !variant.found_by.is_empty()).count();
    let mut lines = vec![format!("{found} of {} executed variants found", ready.len())];
    lines.extend(known.rules.iter().map(|rule| format!("{}: {}", rule.status.name(), rule.title)));
    let missed: BTreeSet<&str> = ready
        .iter()
        .filter(|variant| variant.found_by.is_empty())
        .map(|variant| variant.id.as_str())
        .collect();
    let metadata: Vec<Value> =
        missed.iter().map(|variant| json!({"name": "not found", "value": variant})).collect();
    let mut entry = json!({
        "techniqueID": id, "comment": lines.join("\n"), "enabled": true, "metadata": metadata,
        "showSubtechniques": id.contains('.'),
    });
    if ready.is_empty() {
        entry["color"] = json!("#c9ced6");
    } else {
        entry["score"] = json!(found * 100 / ready.len());
    }
    entry
}
