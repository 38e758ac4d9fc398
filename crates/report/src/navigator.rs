//! A layer for ATT&CK Navigator, format 4.5: the techniques of a run's behaviours.

use crate::model::{Behaviour, Report, Severity};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The oldest version of Navigator that reads this format.
pub(crate) const NAVIGATOR: &str = "4.9.0";

/// The layer for `report`. A run without behaviours gives a layer without techniques.
pub fn navigator(report: &Report) -> Value {
    let mut techniques: BTreeMap<(&str, Option<String>), Vec<&Behaviour>> = BTreeMap::new();
    for behaviour in &report.behaviours {
        let tactic = behaviour.tactic.as_ref().and_then(|tactic| tactic.name.as_deref()).map(short);
        for technique in &behaviour.techniques {
            techniques.entry((&technique.id, tactic.clone())).or_default().push(behaviour);
        }
    }
    let techniques: Vec<Value> = techniques
        .iter()
        .map(|((technique, tactic), list)| {
            let worst = list.iter().map(|b| b.severity).max().unwrap_or(Severity::Informational);
            let comment: Vec<&str> = list.iter().map(|b| b.sentence.as_str()).collect();
            let metadata: Vec<Value> = list
                .iter()
                .map(|b| {
                    let events: Vec<String> = b.events.iter().take(10).map(u64::to_string).collect();
                    json!({"name": b.title, "value": format!("events {}", events.join(", "))})
                })
                .collect();
            let mut entry = json!({
                "techniqueID": technique, "score": score(worst), "comment": comment.join("\n"),
                "enabled": true, "metadata": metadata, "showSubtechniques": technique.contains('.'),
            });
            if let Some(tactic) = tactic {
                entry["tactic"] = json!(tactic);
            }
            entry
        })
        .collect();
    json!({
        "name": format!("{} ({})", report.artifact.name, report.run),
        "versions": {"navigator": NAVIGATOR, "layer": "4.5"},
        "domain": "enterprise-attack",
        "description": report.headline.sentence,
        "filters": {"platforms": ["Linux"]},
        "sorting": 3,
        "layout": {"layout": "side", "showID": true, "showName": true, "expandedSubtechniques": "annotated"},
        "hideDisabled": false,
        "techniques": techniques,
        "gradient": {"colors": ["#9ecbff", "#ffd36b", "#e0433a"], "minValue": 0, "maxValue": 100},
        "metadata": [
            {"name": "run", "value": report.run},
            {"name": "evidence", "value": if report.ending.complete { "complete" } else { "incomplete" }},
            {"name": "signer", "value": report.signature.signer},
        ],
    })
}

/// Something that covers a technique.
#[derive(Clone, Copy, Debug)]
pub struct Covered<'a> {
    /// The technique's id.
    pub technique: &'a str,
    /// The tactic, by its tag.
    pub tactic: &'a str,
    /// What covers it.
    pub title: &'a str,
    /// In how many ways.
    pub count: usize,
}

/// A layer of what `covered` covers, called `name`; a technique's score is in how many ways.
pub fn coverage<'a>(name: &str, covered: impl IntoIterator<Item = Covered<'a>>) -> Value {
    let mut techniques: BTreeMap<(&str, &str), Vec<Covered<'_>>> = BTreeMap::new();
    for one in covered {
        techniques.entry((one.technique, one.tactic)).or_default().push(one);
    }
    let most =
        techniques.values().map(|all| all.iter().map(|one| one.count).sum::<usize>()).max().unwrap_or(1);
    let techniques: Vec<Value> = techniques
        .iter()
        .map(|((technique, tactic), all)| {
            let titles: Vec<&str> = all.iter().map(|one| one.title).collect();
            json!({
                "techniqueID": technique, "tactic": tactic, "comment": titles.join("\n"), "enabled": true,
                "score": all.iter().map(|one| one.count).sum::<usize>(), "metadata": [],
                "showSubtechniques": technique.contains('.'),
            })
        })
        .collect();
    json!({
        "name": name,
        "versions": {"navigator": NAVIGATOR, "layer": "4.5"},
        "domain": "enterprise-attack",
        "filters": {"platforms": ["Linux"]},
        "sorting": 3,
        "layout": {"layout": "side", "showID": true, "showName": true, "expandedSubtechniques": "annotated"},
        "hideDisabled": false,
        "techniques": techniques,
        "gradient": {"colors": ["#e8f1ff", "#3178c6"], "minValue": 0, "maxValue": most},
    })
}

/// A tactic's short name, as Navigator knows it.
fn short(name: &str) -> String {
    name.to_lowercase().replace(' ', "-")
}

fn score(severity: Severity) -> u32 {
    match severity {
        Severity::Informational => 10,
        Severity::Low => 30,
        Severity::Medium => 50,
        Severity::High => 75,
        Severity::Critical => 100,
    }
}
