//! Views: events in the shapes of log sources, as the engine's `Event`. Each tells which fields it has, which it
//! would have had (and are absent), and with that which it can't tell.

mod auditd;
mod journal;
mod log;
mod names;
pub(crate) mod native;
mod record;
mod sysmon;

pub use record::Shape;

use crate::processes::Processes;
use detektr_event::{Actor, Detail, Event};
use rsigma_eval::EventValue;
use rsigma_parser::LogSource;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// One event in the shape of one log source.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// The native event's number.
    pub seq: u64,
    /// The log source.
    pub source: Source,
    /// Fields with their values, in the order of the log source.
    pub fields: Vec<(Cow<'static, str>, Field)>,
    /// Fields that this source has and that could not be told this time.
    pub unknown: Vec<&'static str>,
    /// Only what tells records of its source apart is known.
    bare: bool,
    /// Words may stand in a part that is not known.
    is_part: bool,
}

/// The log sources that events are shown as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// `category: process_creation`.
    ProcessCreation,
    /// `category: file_event`.
    FileEvent,
    /// `category: network_connection`.
    NetworkConnection,
    /// `service: auditd`.
    Auditd,
    /// `service: syslog`: what programs wrote to `/dev/log`; the other logs are parts of it.
    Syslog,
    /// `service: auth`.
    Auth,
    /// `service: cron`.
    Cron,
    /// `service: sshd`.
    Sshd,
    /// `service: sudo`.
    Sudo,
    /// `service: clamav`.
    Clamav,
    /// `service: vsftpd`.
    Vsftpd,
    /// `service: guacamole`.
    Guacamole,
}

impl Source {
    /// Every source.
    pub const ALL: [Source; 12] = [
        Source::ProcessCreation,
        Source::FileEvent,
        Source::NetworkConnection,
        Source::Auditd,
        Source::Syslog,
        Source::Auth,
        Source::Cron,
        Source::Sshd,
        Source::Sudo,
        Source::Clamav,
        Source::Vsftpd,
        Source::Guacamole,
    ];

    /// As rules name it.
    pub fn log_source(self) -> LogSource {
        let (category, service) = match self {
            Source::ProcessCreation => (Some("process_creation"), None),
            Source::FileEvent => (Some("file_event"), None),
            Source::NetworkConnection => (Some("network_connection"), None),
            Source::Auditd => (None, Some("auditd")),
            Source::Syslog => (None, Some("syslog")),
            Source::Auth => (None, Some("auth")),
            Source::Cron => (None, Some("cron")),
            Source::Sshd => (None, Some("sshd")),
            Source::Sudo => (None, Some("sudo")),
            Source::Clamav => (None, Some("clamav")),
            Source::Vsftpd => (None, Some("vsftpd")),
            Source::Guacamole => (None, Some("guacamole")),
        };
        LogSource {
            product: Some("linux".into()),
            category: category.map(String::from),
            service: service.map(String::from),
            ..LogSource::default()
        }
    }

    /// Whether it consists of messages of programs. Not every run has recorded those.
    pub fn is_log(self) -> bool {
        !matches!(
            self,
            Source::ProcessCreation | Source::FileEvent | Source::NetworkConnection | Source::Auditd
        )
    }

    /// Whether a rule of `wanted` is asked about this source.
    pub fn serves(self, wanted: &LogSource) -> bool {
        let own = self.log_source();
        let fits = |wanted: &Option<String>, own: &Option<String>| {
            wanted
                .as_ref()
                .is_none_or(|wanted| own.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(wanted)))
        };
        // a rule that names no service is asked about a message once
        let part = self.is_log() && self != Source::Syslog;
        (!part || wanted.service.is_some())
            && fits(&wanted.product, &own.product)
            && fits(&wanted.category, &own.category)
            && fits(&wanted.service, &own.service)
    }

    /// The telemetry that a user collects for it.
    pub fn telemetry(self) -> &'static str {
        match self {
            Source::ProcessCreation => "process creation as Sysmon for Linux tells it",
            Source::FileEvent => "file creation as Sysmon for Linux tells it",
            Source::NetworkConnection => "network connections as Sysmon for Linux tells them",
            Source::Auditd => "audit records of the calls (auditd)",
            Source::Syslog => "messages of programs (syslog)",
            Source::Auth => "messages on logins and rights (auth)",
            Source::Cron => "messages of cron",
            Source::Sshd => "messages of sshd",
            Source::Sudo => "messages of sudo",
            Source::Clamav => "messages of ClamAV",
            Source::Vsftpd => "messages of vsftpd",
            Source::Guacamole => "messages of Guacamole",
        }
    }

    /// The fields that tell its records apart: with their values most rules are settled.
    pub(crate) fn telling(self) -> &'static [&'static str] {
        match self {
            Source::Auditd => &["type", "SYSCALL"],
            _ => &[],
        }
    }

    /// Whether the source has a field of that name at all.
    pub fn has(self, field: &str) -> bool {
        match self {
            Source::ProcessCreation => sysmon::PROCESS.contains(&field),
            Source::FileEvent => sysmon::FILE.contains(&field),
            Source::NetworkConnection => sysmon::NETWORK.contains(&field),
            Source::Auditd => auditd::has(field),
            log => log.is_log() && log::FIELDS.contains(&field),
        }
    }
}

/// A field's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// Text.
    Text(String),
    /// A number.
    Number(i64),
    /// `true` or `false`.
    Truth(bool),
}

impl View {
    fn new(event: &Event, source: Source) -> View {
        // most records have as many fields
        View {
            seq: event.seq,
            source,
            fields: Vec::with_capacity(18),
            unknown: Vec::new(),
            bare: false,
            is_part: false,
        }
    }

    fn text(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) {
        self.fields.push((name.into(), Field::Text(value.into())));
    }

    fn number(&mut self, name: &'static str, value: impl Into<i64>) {
        self.fields.push((name.into(), Field::Number(value.into())));
    }

    /// A field that may not be known this time.
    fn perhaps(&mut self, name: &'static str, value: Option<String>) {
        match value {
            Some(value) => self.text(name, value),
            None => self.unknown.push(name),
        }
    }

    /// Whether the absence of `field` means that there was none.
    pub fn tells(&self, field: &str) -> bool {
        let known = if self.bare { self.source.telling().contains(&field) } else { self.source.has(field) };
        known && !self.unknown.contains(&field)
    }

    /// Whether words may stand in a part of it that is not known.
    pub(crate) fn is_part(&self) -> bool {
        self.is_part
    }

    /// The value of a field.
    pub(crate) fn get(&self, field: &str) -> Option<&Field> {
        self.fields.iter().find(|(name, _)| name == field).map(|(_, value)| value)
    }

    /// The value of a field as text.
    pub fn value(&self, field: &str) -> Option<String> {
        self.get(field).map(Field::to_string)
    }

    /// Its fields as JSON.
    fn values(&self) -> Map<String, Value> {
        let value = |field: &Field| match field {
            Field::Text(text) => Value::from(text.as_str()),
            Field::Number(number) => Value::from(*number),
            Field::Truth(truth) => Value::from(*truth),
        };
        self.fields.iter().map(|(name, field)| (name.to_string(), value(field))).collect()
    }

    /// What it has in common with all records that are alike in [`Source::telling`]: the rest is unknown.
    pub(crate) fn bare(&self) -> View {
        let mut view = self.clone();
        view.fields.retain(|(name, _)| self.source.telling().contains(&name.as_ref()));
        view.bare = true;
        view.is_part = true;
        view
    }

    /// The same event, had the file of that path another path.
    pub(crate) fn renamed(&self, path: &str, other: &str) -> View {
        let base = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
        let (name, other_name) = (base(path), base(other));
        let mut view = self.clone();
        for (_, field) in &mut view.fields {
            if let Field::Text(text) = field {
                *text = text.replace(path, other).replace(&name, &other_name);
            }
        }
        view
    }
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Field::Text(text) => f.write_str(text),
            Field::Number(number) => number.fmt(f),
            Field::Truth(truth) => truth.fmt(f),
        }
    }
}

impl rsigma_eval::Event for View {
    fn get_field(&self, path: &str) -> Option<EventValue<'_>> {
        self.get(path).map(|value| match value {
            Field::Text(text) => EventValue::Str(Cow::Borrowed(text)),
            Field::Number(number) => EventValue::Int(*number),
            Field::Truth(truth) => EventValue::Bool(*truth),
        })
    }

    fn any_string_value(&self, pred: &dyn Fn(&str) -> bool) -> bool {
        self.fields.iter().any(|(_, value)| matches!(value, Field::Text(text) if pred(text)))
    }

    fn all_string_values(&self) -> Vec<Cow<'_, str>> {
        let texts = self.fields.iter().filter_map(|(_, value)| match value {
            Field::Text(text) => Some(Cow::Borrowed(text.as_str())),
            _ => None,
        });
        texts.collect()
    }

    fn visit_string_values(&self, visit: &mut dyn FnMut(&str)) {
        for (_, value) in &self.fields {
            if let Field::Text(text) = value {
                visit(text);
            }
        }
    }

    fn visit_top_level_keys(&self, visit: &mut dyn FnMut(&str)) -> bool {
        self.fields.iter().for_each(|(name, _)| visit(name));
        true
    }

    /// With the event's number as `_id`, by which correlations tell their events.
    fn to_json(&self) -> Value {
        let mut map = self.values();
        map.insert("_id".into(), Value::from(self.seq));
        Value::Object(map)
    }
}

/// The shapes in which log sources would tell `event`; none of what Detektr's own launcher does. `known` has learnt
/// from all events before, and from this one.
pub fn views(event: &Event, known: &Processes) -> Vec<View> {
    let mut views = Vec::new();
    if event.process.as_ref().is_some_and(|process| process.actor == Actor::Environment) {
        return views;
    }
    if let Detail::LogMessage { log } = &event.detail {
        // the log has it, whoever sent it
        log::views(event, log, &mut views);
        return views;
    }
    let Some(process) = &event.process else { return views };
    let actor = known.get(&process.id);
    sysmon::views(event, process, actor, known, &mut views);
    auditd::views(event, process, actor, &mut views);
    views
}
