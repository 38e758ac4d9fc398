//! An attack that is drawn from a pattern: one of its variants, or each of them; with them come goal and twin.

use super::inputs::Reader;
use crate::pattern::{self, Pattern};
use crate::plan::Attack;
use detektr_yaml::{Node, Value};
use std::path::Path;

pub(super) const KEYS: &[&str] = &["pattern"];

/// What a pattern gives a validation.
pub(super) struct Drawn {
    pub(super) pattern: Pattern,
    /// The attacks by the names of their variants.
    pub(super) attacks: Vec<(String, Attack)>,
    pub(super) benign: Attack,
}

/// Whether `node`, an attack, is one that is drawn from a pattern.
pub(super) fn is_drawn(node: &Node) -> bool {
    matches!(&node.value, Value::Map(entries) if entries.iter().any(|(key, _)| key.text == "pattern"))
}

/// Reads `{pattern: ID}` or `{pattern: FILE.yaml}`, either with `#VARIANT`.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Drawn> {
    let mut named = None;
    for (key, value) in reader.map(node, "`attack`")? {
        match key.text.as_str() {
            "pattern" => {
                named = reader.scalar(value, "pattern", "the id of a pattern").map(|text| (value, text))
            }
            // a pattern says itself what runs, and as whom
            _ => reader.unknown(key, "an attack from a pattern", KEYS),
        }
    }
    let (node, name) = named?;
    let (place, variant) =
        name.split_once('#').map_or((name.as_str(), None), |(place, one)| (place, Some(one)));
    let pattern = if place.ends_with(".yaml") || place.ends_with(".yml") {
        of_file(reader, node, place)?
    } else {
        match reader.sources.library().named(place) {
            Ok(named) => named.pattern.clone(),
            Err((what, help)) => {
                reader.problem(node, "pattern", what, help);
                return None;
            }
        }
    };
    let wanted = |name: &str| variant.is_none_or(|variant| variant == name);
    let chosen: Vec<_> = pattern.variants.iter().filter(|one| wanted(&one.name)).collect();
    if let (Some(variant), true) = (variant, chosen.is_empty()) {
        let names: Vec<&str> = pattern.variants.iter().map(|one| one.name.as_str()).collect();
        let what = format!("the pattern `{}` has no variant `{variant}`", pattern.id);
        reader.problem(node, "pattern", what, detektr_yaml::suggestion(variant, &names));
        return None;
    }
    let inputs = &mut reader.inputs;
    let attacks = chosen
        .iter()
        .map(|one| (one.name.clone(), pattern.program(&one.name, &one.script, inputs)))
        .collect();
    let benign = pattern.program("benign", &pattern.benign, inputs);
    Some(Drawn { attacks, benign, pattern })
}

fn of_file(reader: &mut Reader<'_>, node: &Node, place: &str) -> Option<Pattern> {
    let name = reader.named(node, place)?;
    let text = String::from_utf8_lossy(&reader.inputs[&name]).into_owned();
    match pattern::read(Path::new(&name), &text) {
        Ok(pattern) => Some(pattern),
        Err(e) => {
            let help = format!("`detektr pattern lint {place}` tells what is wrong with it");
            reader.problem(node, "pattern", e.to_string(), help);
            None
        }
    }
}
