//! What is written can be read again, and is the same.

mod common;

use detektr_event::{Copied, Event, Kind, Text, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

fn any_event() -> impl Strategy<Value = Event> {
    proptest::sample::select(Kind::ALL).prop_flat_map(|kind| common::event(kind).boxed())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_event_survives_json(event in any_event()) {
        let line = serde_json::to_string(&event).expect("events serialise");
        prop_assert!(!line.contains('\n'));
        let read: Event = serde_json::from_str(&line).map_err(|e| TestCaseError::fail(format!("{e}: {line}")))?;
        prop_assert_eq!(&read, &event);
        prop_assert_eq!(serde_json::to_string(&read).expect("events serialise"), line);
    }

    #[test]
    fn any_event_survives_a_json_value(event in any_event()) {
        let value = serde_json::to_value(&event).expect("events serialise");
        prop_assert_eq!(value["kind"].as_str(), Some(event.kind().name()));
        prop_assert_eq!(serde_json::from_value::<Event>(value).expect("it is read again"), event);
    }

    #[test]
    fn any_bytes_survive_as_text(text in common::text()) {
        let written = serde_json::to_string(&text).expect("texts serialise");
        prop_assert_eq!(serde_json::from_str::<Text>(&written).expect("it is read again"), text);
    }

    #[test]
    fn any_time_survives_to_the_nanosecond(nanoseconds: i64) {
        let time = Timestamp(nanoseconds);
        let written = serde_json::to_string(&time).expect("times serialise");
        prop_assert!(written.ends_with("Z\""), "{}", written);
        prop_assert_eq!(written.split('.').nth(1).map(str::len), Some("123456789Z\"".len()));
        prop_assert_eq!(serde_json::from_str::<Timestamp>(&written).expect("it is read again"), time);
    }
}

#[test]
fn every_kind_survives_json_and_is_named_in_it() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for kind in Kind::ALL {
        for _ in 0..20 {
            let tree = common::event(*kind).new_tree(&mut runner).expect("the strategy makes one");
            let event = proptest::strategy::ValueTree::current(&tree);
            assert_eq!(event.kind(), *kind);
            let written = serde_json::to_value(&event).expect("events serialise");
            assert_eq!(written["kind"], kind.name());
            assert_eq!(serde_json::from_value::<Event>(written).expect("it is read again"), event);
        }
        assert_eq!(Kind::from_name(kind.name()), Some(*kind));
        assert_eq!(serde_json::to_value(kind).expect("kinds serialise"), kind.name());
    }
}

#[test]
fn the_bytes_of_text_that_is_not_utf_8_stand_as_hexadecimal() {
    let text = Text::from(b"caf\xe9".as_slice());
    assert_eq!(serde_json::to_value(&text).expect("texts serialise"), json!({"hex": "636166e9"}));
    let whole = Copied::Whole(text.clone());
    assert_eq!(serde_json::to_value(&whole).expect("copies serialise"), json!({"hex": "636166e9"}));
    let part = Copied::Truncated { text, truncated: 5000 };
    let written = serde_json::to_value(&part).expect("copies serialise");
    assert_eq!(written, json!({"text": {"hex": "636166e9"}, "truncated": 5000}));
    assert_eq!(serde_json::from_value::<Copied>(written).expect("it is read again"), part);
}

#[test]
fn hexadecimal_that_is_none_is_refused() {
    for bad in
        [json!({"hex": "6"}), json!({"hex": "zz"}), json!({"hex": "é9"}), json!(7), json!({"hex": null})]
    {
        assert!(serde_json::from_value::<Text>(bad.clone()).is_err(), "{bad} was taken for a text");
    }
}

fn open() -> Value {
    json!({
        "seq": 7, "time": "2026-03-01T12:00:00.000000001Z", "boot_ns": 5, "phase": "execute", "sensor": "ebpf",
        "process": {"id": "1f-12-1", "pid": 12, "tid": 12, "exe": "/tmp/sample", "euid": 0, "actor": "artifact"},
        "outcome": {"result": "failure", "errno": "EACCES"},
        "kind": "file.open",
        "file": {"path": "/etc/shadow", "resolved": false, "provenance": "user_memory", "flags": ["O_CLOEXEC"],
                 "access": "read"},
        "syscall": {"nr": 257, "arch": "x86_64", "args": [0, 1, 2, 3, 4, u64::MAX]}
    })
}

#[test]
fn an_event_reads_as_the_documentation_says() {
    let event: Event = serde_json::from_value(open()).expect("it is an event");
    assert_eq!(serde_json::to_value(&event).expect("events serialise"), open());
    assert_eq!(event.time, Timestamp(1_772_366_400_000_000_001));
}

#[test]
fn a_field_that_nobody_knows_is_refused_within_the_content() {
    for place in ["/file", "/process", "/outcome", "/syscall"] {
        let mut value = open();
        value
            .pointer_mut(place)
            .and_then(Value::as_object_mut)
            .expect("an object")
            .insert("surprise".into(), 1.into());
        let error = serde_json::from_value::<Event>(value).expect_err("it has a field too many").to_string();
        assert!(error.contains("surprise"), "{place}: {error}");
    }
}

#[test]
fn an_unknown_kind_is_refused_by_name() {
    let mut value = open();
    value["kind"] = "file.teleport".into();
    let error = serde_json::from_value::<Event>(value).expect_err("there is no such kind").to_string();
    assert!(error.contains("file.teleport"), "{error}");
}
