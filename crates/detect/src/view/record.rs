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
        let wanted = |source: Source| match self {
            Shape::Native => false,
            Shape::Auditd => source == Source::Auditd,
            Shape::Sysmon => {
                [Source::ProcessCreation, Source::FileEvent, Source::NetworkConnection].contains(&source)
            }
        };
        match self {
            Shape::Native
                if event.process.as_ref().is_some_and(|process| process.actor == Actor::Environment) =>
            {
                Vec::new()
            }
            Shape::Native => match serde_json::to_value(event) {
                Ok(Value::Object(fields)) => vec![fields],
                _ => Vec::new(),
            },
            _ => {
                let views = views(event, known).into_iter().filter(|view| wanted(view.source));
                views.map(|view| record(event, &view)).collect()
            }
        }
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
