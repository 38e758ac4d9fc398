//! The event reference and the types tell the same.

use detektr_event::{Event, Kind};

const REFERENCE: &str = include_str!("../../../docs/events.md");

#[test]
fn the_reference_tells_every_kind_in_its_order() {
    let mut from = 0;
    for kind in Kind::ALL {
        let heading = format!("### `{}`", kind.name());
        let at = REFERENCE[from..].find(&heading);
        from += at.unwrap_or_else(|| panic!("docs/events.md has no section {heading:?} in its place"));
    }
}

#[test]
fn every_example_of_the_reference_is_an_event() {
    let mut examples = 0;
    for block in REFERENCE.split("```json\n").skip(1) {
        let text = block.split("```").next().unwrap_or_default();
        let value: serde_json::Value = serde_json::from_str(text)
            .unwrap_or_else(|error| panic!("an example is no JSON: {error}\n{text}"));
        let event: Event = serde_json::from_value(value.clone())
            .unwrap_or_else(|error| panic!("an example is no event: {error}\n{text}"));
        let written = serde_json::to_value(&event).expect("events serialise");
        assert_eq!(written, value, "an example is not as it would be written");
        examples += 1;
    }
    assert!(examples >= 6, "one example a family, only {examples} found");
}

#[test]
fn the_reference_tells_every_field() {
    let schema = serde_json::to_value(schemars::schema_for!(Event)).expect("schemas serialise");
    let mut fields = std::collections::BTreeSet::new();
    collect(&schema, &mut fields);
    assert!(fields.len() > 100, "only {} fields found in the schema", fields.len());
    let missing: Vec<_> = fields.into_iter().filter(|field| !told(field)).collect();
    assert!(missing.is_empty(), "docs/events.md does not tell {missing:?}");
}

/// Whether the reference has `field` as code, or as a key of an example; or it is the word under which the content
/// of a kind stands.
fn told(field: &str) -> bool {
    Kind::ALL.iter().any(|kind| kind.name().split_once('.').is_some_and(|(_, word)| word == field))
        || REFERENCE.contains(&format!("`{field}`"))
        || REFERENCE.contains(&format!("\"{field}\":"))
}

fn collect(schema: &serde_json::Value, fields: &mut std::collections::BTreeSet<String>) {
    match schema {
        serde_json::Value::Object(members) => {
            if let Some(serde_json::Value::Object(properties)) = members.get("properties") {
                fields.extend(properties.keys().cloned());
            }
            members.values().for_each(|value| collect(value, fields));
        }
        serde_json::Value::Array(values) => values.iter().for_each(|value| collect(value, fields)),
        _ => {}
    }
}
