//! What `nft -j list ruleset` tells: which rules refuse, what they counted, and whether they are still there.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// What the rules of one control did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effects {
    /// The rules are not those that were loaded.
    pub changed: bool,
    /// The rules that refuse, and count what they refuse.
    pub rules: Vec<Counted>,
    /// How many refuse without counting.
    pub without: usize,
}

/// A rule and what it counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Where it is, and its comment: `inet filter output, rule 2 (no mail)`.
    pub rule: String,
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Effects {
    /// Packets that were refused.
    pub fn refused(&self) -> u64 {
        self.rules.iter().map(|rule| rule.packets).sum()
    }
}

fn objects<'a>(listing: &'a Value, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    listing["nftables"].as_array().into_iter().flatten().filter_map(move |object| object.get(kind))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Family and name of each table.
pub(super) fn tables(listing: &Value) -> Vec<(String, String)> {
    objects(listing, "table")
        .map(|table| (text(&table["family"]).into(), text(&table["name"]).into()))
        .collect()
}

/// What of `listing` belongs to these tables.
pub(super) fn part(listing: &Value, tables: &[(String, String)]) -> Value {
    let belongs = |object: &&Value| {
        object.as_object().into_iter().flatten().any(|(kind, one)| {
            let name = if kind == "table" { &one["name"] } else { &one["table"] };
            tables.iter().any(|(family, table)| family == text(&one["family"]) && table == text(name))
        })
    };
    let kept: Vec<Value> =
        listing["nftables"].as_array().into_iter().flatten().filter(belongs).cloned().collect();
    serde_json::json!({ "nftables": kept })
}

/// Rules that do, with a counter, what a chain does by its policy.
pub(super) fn policies(listing: &Value) -> String {
    let drops = objects(listing, "chain").filter(|chain| chain["policy"] == "drop");
    drops
        .map(|chain| {
            format!(
                "add rule {} {} {} counter drop comment \"by the chain's policy\"\n",
                text(&chain["family"]),
                text(&chain["table"]),
                text(&chain["name"])
            )
        })
        .collect()
}

/// What the rules that refuse counted.
pub(super) fn counted(listing: &Value) -> Effects {
    let mut effects = Effects::default();
    let mut place = (String::new(), 0);
    for rule in objects(listing, "rule") {
        let chain = format!("{} {} {}", text(&rule["family"]), text(&rule["table"]), text(&rule["chain"]));
        place = if place.0 == chain { (chain, place.1 + 1) } else { (chain, 1) };
        let parts: Vec<&Value> = rule["expr"].as_array().into_iter().flatten().collect();
        let Some(end) =
            parts.iter().position(|part| ["drop", "reject"].iter().any(|v| part.get(v).is_some()))
        else {
            continue;
        };
        // the last counter counts what passed all conditions before it; one with a name may be other rules' too
        let counter = parts[..end].iter().rposition(|part| part["counter"].is_object());
        let exact = counter.is_some_and(|at| parts[at..end].iter().all(|part| decides_nothing(part)));
        let Some(counter) = counter.filter(|_| exact).map(|at| &parts[at]["counter"]) else {
            effects.without += 1;
            continue;
        };
        let comment = rule["comment"].as_str().map_or(String::new(), |comment| format!(" ({comment})"));
        effects.rules.push(Counted {
            rule: format!("{}, rule {}{comment}", place.0, place.1),
            packets: counter["packets"].as_u64().unwrap_or(0),
            bytes: counter["bytes"].as_u64().unwrap_or(0),
        });
    }
    effects
}

/// Whether every packet passes a statement: neither a match nor a limit, which let some through only.
fn decides_nothing(part: &Value) -> bool {
    ["counter", "log", "mangle"].iter().any(|name| part.get(name).is_some())
}

/// What was counted between two listings.
pub(super) fn between(first: &Value, now: &Value) -> Effects {
    Effects { changed: still(first) != still(now), ..counted(now) }
}

/// The rules without what traffic itself changes.
fn still(listing: &Value) -> Value {
    let mut listing = listing.clone();
    strip(&mut listing);
    listing
}

fn strip(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(strip),
        Value::Object(entries) => {
            let dynamic = entries
                .get("flags")
                .and_then(Value::as_array)
                .is_some_and(|flags| flags.iter().any(|flag| flag == "dynamic" || flag == "timeout"));
            for name in ["packets", "bytes", "used", "used_unit", "expires"] {
                // as the number of a counter or quota, not as a condition of a rule
                if entries.get(name).is_some_and(|value| value.is_number() || name == "used_unit") {
                    entries.remove(name);
                }
            }
            if dynamic {
                entries.remove("elem");
            }
            entries.values_mut().for_each(strip);
        }
        _ => {}
    }
}

/// Eight digits that tell names apart.
pub(super) fn short_digest(name: &str) -> String {
    Sha256::digest(name).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}
