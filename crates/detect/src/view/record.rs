//! Events as other engines are given them: one JSON object each, in the shape of a kind of log source.

use super::{Source, View, views};
use crate::processes::Processes;
use detektr_event::{Actor, Event};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The shape in which another engine gets the events of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Detektr's own events, as they are recorded.
    #[default]
    Native,
    /// Audit records, as auditd would write them.
    Auditd,
    /// Process creation, file creation and network connections, as Sysmon for Linux tells them.
    Sysmon,
}

impl Shape {
    /// What `event` comes to in this shape; nothing of what Detektr's own launcher does. Each record has the event's
    /// number as `seq`. `known` has learnt from all events before, and from this one.
    pub fn records(self, event: &Event, known: &Processes) -> Vec<Map<String, Value>> {
        let sources = match self {
            Shape::Native => return native(event),
            Shape::Auditd => &[Source::Auditd][..],
            Shape::Sysmon => &[Source::ProcessCreation, Source::FileEvent, Source::NetworkConnection],
        };
        let views = views(event, known).into_iter().filter(|view| sources.contains(&view.source));
        views.map(|view| record(event, &view)).collect()
    }
}

/// The event itself, where it is not the launcher's.
fn native(event: &Event) -> Vec<Map<String, Value>> {
    if event.process.as_ref().is_some_and(|process| process.actor == Actor::Environment) {
        return Vec::new();
    }
    match serde_json::to_value(event) {
        Ok(Value::Object(fields)) => vec![fields],
        other => unreachable!("an event is a JSON object, and not {other:?}"),
    }
}

/// The fields of `view`, with the event's number, its time, its log source, and the fields that can't be told.
fn record(event: &Event, view: &View) -> Map<String, Value> {
    let mut fields = view.values();
    let source = view.source.log_source();
    fields.insert("seq".into(), event.seq.into());
    fields.insert("time".into(), event.time.to_string().into());
    fields.insert("source".into(), source.category.or(source.service).into());
    if !view.unknown.is_empty() {
        fields.insert("unknown".into(), view.unknown.clone().into());
    }
    fields
}
