//! The fields that a rule over the native taxonomy can name: those of its category's events by their schema, and those
//! that the view joins to them. A field that no such event has would make a rule that never matches, without a word.

use crate::view::native;
use detektr_event::Event;
use rsigma_parser::{Detection, SigmaRule};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// How deep fields lie in one another.
const DEPTH: usize = 8;

/// The fields of every category's events.
pub(crate) struct Fields {
    by_kind: BTreeMap<String, BTreeSet<String>>,
}

impl Fields {
    /// As the events' schema says.
    pub(crate) fn new() -> Self {
        let schema = schemars::schema_for!(Event).to_value();
        let walk = Walk { definitions: &schema["$defs"] };
        let mut common = BTreeSet::new();
        walk.properties(&schema, "", &mut common, 0);
        let mut by_kind = BTreeMap::new();
        for variant in schema["oneOf"].as_array().into_iter().flatten() {
            let Some(kind) = variant["properties"]["kind"]["const"].as_str() else { continue };
            let mut fields = common.clone();
            walk.properties(variant, "", &mut fields, 0);
            by_kind.insert(kind.to_owned(), fields);
        }
        Fields { by_kind }
    }

    /// Whether some event of `category` can have `field`.
    fn has(&self, category: &str, field: &str) -> bool {
        let place = place(field);
        native::joined(category, &place)
            || native::kinds(category)
                .any(|kind| self.by_kind.get(kind).is_some_and(|all| all.contains(&place)))
    }

    /// The fields of `category` that end as `field` does.
    fn alike(&self, category: &str, field: &str) -> Vec<&str> {
        let end = |field: &str| field.rsplit('.').next().unwrap_or_default().to_owned();
        let wanted = end(field);
        let all = native::kinds(category).filter_map(|kind| self.by_kind.get(kind)).flatten();
        let alike: BTreeSet<&str> =
            all.map(String::as_str).filter(|known| end(known) == wanted || known.ends_with(field)).collect();
        alike.into_iter().take(3).collect()
    }

    /// The fields that `rule` or its sentence names and that its events never have, each with what to write instead.
    pub(crate) fn unknown(&self, rule: &SigmaRule) -> Vec<(String, String)> {
        let category = rule.logsource.category.as_deref().unwrap_or_default();
        let mut named = BTreeSet::new();
        rule.detection.named.values().for_each(|detection| collect(detection, "", &mut named));
        named.extend(super::definition::fields(rule.description.as_deref().unwrap_or_default()));
        let unknown = named.into_iter().filter(|field| !self.has(category, field));
        let remedy = |field: &String| match self.alike(category, field)[..] {
            [] => "write the path of a field in the event's JSON, as in docs/events.md".to_owned(),
            ref alike => format!("did you mean `{}`?", alike.join("`, `")),
        };
        unknown.map(|field| (remedy(&field), field)).map(|(remedy, field)| (field, remedy)).collect()
    }
}

/// `field` without the numbers of members.
fn place(field: &str) -> String {
    field.split('.').filter(|part| part.parse::<usize>().is_err()).collect::<Vec<_>>().join(".")
}

fn collect(detection: &Detection, within: &str, named: &mut BTreeSet<String>) {
    let below = |field: &str| if within.is_empty() { field.to_owned() } else { format!("{within}.{field}") };
    match detection {
        Detection::AllOf(items) => {
            named.extend(items.iter().filter_map(|item| item.field.name.as_deref()).map(below));
        }
        Detection::AnyOf(all) | Detection::And(all) => all.iter().for_each(|one| collect(one, within, named)),
        Detection::ArrayMatch { field, body, .. } => {
            named.insert(below(field));
            collect(body, &below(field), named);
        }
        Detection::Conditional { named: inner, .. } => {
            inner.values().for_each(|one| collect(one, within, named));
        }
        Detection::Keywords(_) => {}
    }
}

struct Walk<'s> {
    definitions: &'s Value,
}

impl Walk<'_> {
    /// The paths of all properties of `schema` and of what they hold.
    fn properties(&self, schema: &Value, at: &str, all: &mut BTreeSet<String>, depth: usize) {
        if depth > DEPTH {
            return;
        }
        if let Some(name) = schema["$ref"].as_str().and_then(|name| name.strip_prefix("#/$defs/")) {
            self.properties(&self.definitions[name], at, all, depth + 1);
        }
        // variants of the whole event are walked one by one
        let choices = ["anyOf", "allOf", "oneOf"].into_iter().filter(|_| !at.is_empty());
        for choice in choices.flat_map(|key| schema[key].as_array()).flatten() {
            self.properties(choice, at, all, depth + 1);
        }
        if schema["items"].is_object() {
            self.properties(&schema["items"], at, all, depth + 1);
        }
        for item in schema["prefixItems"].as_array().into_iter().flatten() {
            self.properties(item, at, all, depth + 1);
        }
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
            self.properties(property, &path, all, depth + 1);
            all.insert(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_those_of_the_categorys_own_events() {
        let fields = Fields::new();
        for (category, field) in [
            ("file.create", "file.path"),
            ("file.create", "outcome.errno"),
            ("file.create", "process.exe"),
            ("file.create", "process.name"),
            ("file.rename", "file.to.path"),
            ("file.changed", "path"),
            ("file.removed", "path.other_process"),
            ("file", "file.mode_octal"),
            ("process.exec", "exec.argv"),
            ("process.exec", "exec.command_line"),
            ("process.exec", "exec.stdio.0"),
            ("process", "exec.file.path"),
            ("network.connect", "network.address.port"),
            ("network", "network.query"),
            ("kernel.io_uring", "io_uring.operation"),
        ] {
            assert!(fields.has(category, field), "{category}: {field}");
        }
        for (category, field) in [
            ("file.create", "path"),
            ("file.create", "file.pth"),
            ("file.create", "exec.argv"),
            ("file.changed", "exec.command_line"),
            ("process.exec", "file.path"),
            ("network.connect", "CommandLine"),
        ] {
            assert!(!fields.has(category, field), "{category}: {field}");
        }
        assert_eq!(fields.alike("file.create", "path")[0], "file.path");
    }

    #[test]
    fn no_rule_that_ships_names_a_field_that_its_events_never_have() {
        let shipped = || super::super::shipped::FILES.iter();
        let set =
            crate::rules::RuleSet::load(shipped().map(|(name, text)| (*name, text.as_bytes()))).unwrap();
        let names = shipped().map(|(name, _)| *name).collect();
        assert_eq!(super::super::sigma::unknown_fields(&set, &names), []);
    }
}
