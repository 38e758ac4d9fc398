//! A run as events of the Open Cybersecurity Schema Framework, version 1.6.0: process, file system and network
//! activity, and a detection finding for each behaviour. One JSON object a line.

use crate::BuildError;
use crate::clean::{clean, command_line, copied};
use crate::describe;
use crate::model::{AttackName, Behaviour, Confidence, Outcome, Report, Severity};
use detektr_event::{
    Access, Actor, Address, Credentials, Detail, Event, FilePath, OutcomeResult, ProcessRef, Sha256,
};
use detektr_evidence::Bundle;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::io::Write;

/// Version of the schema.
const VERSION: &str = "1.6.0";
/// Longest command line, in characters.
const COMMAND: usize = 4_000;

const SYSTEM: u32 = 1;
const FINDINGS: u32 = 2;
const NETWORK: u32 = 4;

/// Writes the events of `bundle` that the framework has a class for, and the behaviours of its `report`.
///
/// # Errors
/// What of the bundle can't be read, and what can't be written.
pub fn ocsf(report: &Report, bundle: &Bundle, out: &mut dyn Write) -> Result<(), BuildError> {
    let mut writer = Writer { report, commands: HashMap::new(), out };
    for event in bundle.events()? {
        let event = event?;
        writer.event(&event)?;
    }
    for behaviour in &report.behaviours {
        writer.finding(behaviour)?;
    }
    Ok(())
}

struct Writer<'a> {
    report: &'a Report,
    /// Command lines by process image.
    commands: HashMap<String, String>,
    out: &'a mut dyn Write,
}

/// What an event is in the framework: category, class, activity with its name.
struct Class(u32, u32, u32, &'static str);

impl Writer<'_> {
    fn event(&mut self, event: &Event) -> Result<(), BuildError> {
        let Some(process) = event.process.as_ref().filter(|p| p.actor == Actor::Artifact) else {
            return Ok(());
        };
        if let Detail::ProcessExec { exec } = &event.detail
            && event.outcome.is_success()
        {
            self.commands.insert(process.id.to_string(), command_line(&exec.argv, COMMAND));
        }
        let Some((class, mut fields)) = self.activity(event, process) else { return Ok(()) };
        let status = match event.outcome.result {
            OutcomeResult::Success => (1, "Success"),
            OutcomeResult::Failure => (2, "Failure"),
            OutcomeResult::Unfinished => (99, "unfinished"),
        };
        fields.insert("status_id".into(), json!(status.0));
        fields.insert("status".into(), json!(status.1));
        if let Some(errno) = &event.outcome.errno {
            fields.insert("status_code".into(), json!(clean(errno)));
        }
        let ending = describe::ending(event);
        if !ending.is_empty() {
            fields.insert("status_detail".into(), json!(ending));
        }
        let time = event.time.0.div_euclid(1_000_000);
        let uid = format!("{}:{}", self.report.run, event.seq);
        let message = format!("{} {}", event.kind().name(), describe::object(&event.detail));
        self.line(class, fields, time, &uid, Some(event), Severity::Informational, &message)
    }

    /// The class of an event, and the fields that are that class's own.
    fn activity(&self, event: &Event, process: &ProcessRef) -> Option<(Class, Map<String, Value>)> {
        let mut fields = Map::new();
        let class = match &event.detail {
            Detail::ProcessExec { exec } => {
                let file = match &exec.sha256 {
                    Sha256::Hash(hash) => {
                        let mut file = file(&exec.file);
                        file["hashes"] =
                            json!([{"algorithm_id": 3, "algorithm": "SHA-256", "value": clean(hash)}]);
                        file
                    }
                    Sha256::Absent { .. } => file(&exec.file),
                };
                let mut launched = self.process(process);
                launched["cmd_line"] = json!(command_line(&exec.argv, COMMAND));
                launched["file"] = file;
                launched["user"] = user(&exec.credentials);
                if exec.ppid != 0 {
                    launched["parent_process"] = json!({"pid": exec.ppid});
                }
                fields.insert("process".into(), launched);
                Class(SYSTEM, 1007, 1, "Launch")
            }
            Detail::ProcessFork { fork } if !fork.thread && !fork.io_worker => {
                let mut child =
                    json!({"uid": fork.child.to_string(), "parent_process": self.process(process)});
                // a fork that failed has no child to name
                if event.outcome.is_success() {
                    child["pid"] = json!(fork.pid);
                }
                fields.insert("process".into(), child);
                Class(SYSTEM, 1007, 1, "Launch")
            }
            Detail::ProcessExit { exit } if !exit.thread => {
                fields.insert("process".into(), self.process(process));
                if let Some(code) = exit.code {
                    fields.insert("exit_code".into(), json!(code));
                }
                Class(SYSTEM, 1007, 2, "Terminate")
            }
            Detail::ProcessPtrace { ptrace } => {
                fields.insert("process".into(), target(ptrace.target, process));
                Class(SYSTEM, 1007, 3, "Open")
            }
            Detail::ProcessMemoryWrite { memory_write } => {
                fields.insert("process".into(), target(memory_write.target.unwrap_or(0), process));
                Class(SYSTEM, 1007, 4, "Inject")
            }
            Detail::ProcessCredentials { credentials } if credentials.call.starts_with("set") => {
                let mut changed = self.process(process);
                changed["user"] = user(&credentials.new);
                fields.insert("process".into(), changed);
                Class(SYSTEM, 1007, 5, "Set User ID")
            }
            Detail::NetworkConnect { network } => {
                endpoints(&mut fields, "dst_endpoint", &network.address, 2)?;
                match (event.outcome.result, event.outcome.errno.as_deref()) {
                    (OutcomeResult::Failure, Some("ECONNREFUSED")) => Class(NETWORK, 4001, 5, "Refuse"),
                    (OutcomeResult::Failure, _) => Class(NETWORK, 4001, 4, "Fail"),
                    _ => Class(NETWORK, 4001, 1, "Open"),
                }
            }
            Detail::NetworkSend { network } => {
                endpoints(&mut fields, "dst_endpoint", &network.address, 2)?;
                if let Some(sent) = network.sent.filter(|_| network.call != "sendmmsg") {
                    fields.insert("traffic".into(), json!({"bytes_out": sent}));
                }
                Class(NETWORK, 4001, 6, "Traffic")
            }
            Detail::NetworkFlow { network } => {
                let end = |end: &detektr_event::End| json!({"ip": end.address.to_string(), "port": end.port});
                fields.insert("src_endpoint".into(), end(&network.flow.local));
                fields.insert("dst_endpoint".into(), end(&network.flow.remote));
                let version = if network.flow.remote.address.is_ipv4() { 4 } else { 6 };
                fields.insert(
                    "connection_info".into(),
                    json!({"direction_id": 2, "direction": "Outbound", "protocol_ver_id": version,
                           "protocol_name": clean(&network.flow.protocol)}),
                );
                fields.insert(
                    "traffic".into(),
                    json!({"bytes_in": network.bytes_in, "bytes_out": network.bytes_out,
                           "packets_in": network.packets_in, "packets_out": network.packets_out}),
                );
                Class(NETWORK, 4001, 6, "Traffic")
            }
            Detail::NetworkBind { network } => {
                endpoints(&mut fields, "src_endpoint", &network.address, 1)?;
                Class(NETWORK, 4001, 7, "Listen")
            }
            Detail::NetworkAccept { network } => {
                endpoints(&mut fields, "src_endpoint", network.address.as_ref()?, 1)?;
                Class(NETWORK, 4001, 1, "Open")
            }
            detail => {
                let class = file_activity(detail)?;
                let paths = describe::paths(detail);
                fields.insert("file".into(), file(paths.first()?));
                if let (Detail::FileRename { .. }, Some(to)) = (detail, paths.get(1)) {
                    fields.insert("file_result".into(), file(to));
                }
                class
            }
        };
        if class.0 == SYSTEM {
            fields.insert("actor".into(), json!({"process": self.process(process)}));
        } else {
            let actor = json!({"actor": {"process": self.process(process)}});
            fields.insert("unmapped".into(), actor);
        }
        Some((class, fields))
    }

    fn process(&self, process: &ProcessRef) -> Value {
        let exe = copied(&process.exe);
        let name = exe.rsplit('/').next().unwrap_or_default();
        let mut value = json!({
            "pid": process.pid, "uid": process.id.to_string(), "tid": process.tid, "name": name,
            "user": {"uid": process.euid.to_string()},
        });
        if let Some(line) = self.commands.get(process.id.as_str()) {
            value["cmd_line"] = json!(line);
        }
        value
    }

    fn finding(&mut self, behaviour: &Behaviour) -> Result<(), BuildError> {
        let uid = format!("{}:{}", self.report.run, behaviour.id);
        let related: Vec<Value> =
            behaviour.events.iter().map(|seq| json!({"uid": format!("{}:{seq}", self.report.run)})).collect();
        let mut info = json!({
            "uid": uid, "title": behaviour.title, "desc": behaviour.sentence,
            "analytic": {"name": behaviour.title, "uid": behaviour.id, "type_id": 1, "type": "Rule"},
            "related_events": related,
        });
        let attacks: Vec<Value> = behaviour
            .techniques
            .iter()
            .map(|technique| attack(technique, behaviour.tactic.as_ref()))
            .collect();
        if !attacks.is_empty() {
            info["attacks"] = json!(attacks);
        }
        let mut fields = Map::new();
        fields.insert("finding_info".into(), info);
        fields.insert("is_alert".into(), json!(behaviour.severity > Severity::Informational));
        let evidences: Vec<Value> = behaviour
            .processes
            .iter()
            .filter_map(|at| self.report.processes.get(*at as usize))
            .map(|p| json!({"process": {"pid": p.pid, "uid": p.id, "name": p.name, "cmd_line": p.command}}))
            .collect();
        if !evidences.is_empty() {
            fields.insert("evidences".into(), json!(evidences));
        }
        let outcome = match behaviour.outcome {
            Outcome::Attempted => "attempted",
            Outcome::Succeeded => "succeeded",
            Outcome::Blocked => "blocked",
        };
        fields.insert("status_detail".into(), json!(outcome));
        let confidence = match behaviour.confidence {
            Confidence::Low => (1, "Low"),
            Confidence::Medium => (2, "Medium"),
            Confidence::High => (3, "High"),
        };
        fields.insert("confidence_id".into(), json!(confidence.0));
        fields.insert("confidence".into(), json!(confidence.1));
        let time = self.began();
        let class = Class(FINDINGS, 2004, 1, "Create");
        self.line(class, fields, time, &uid, None, behaviour.severity, &behaviour.sentence)
    }

    /// When the run began, in milliseconds since 1970.
    fn began(&self) -> i64 {
        let started = self.report.ending.started.as_ref();
        let time = started.and_then(|time| {
            serde_json::from_value::<detektr_event::Timestamp>(Value::String(time.clone())).ok()
        });
        time.map_or(0, |time| time.0.div_euclid(1_000_000))
    }

    #[expect(clippy::too_many_arguments, reason = "each is one field of the line")]
    fn line(
        &mut self,
        class: Class,
        mut fields: Map<String, Value>,
        time: i64,
        uid: &str,
        event: Option<&Event>,
        severity: Severity,
        message: &str,
    ) -> Result<(), BuildError> {
        let Class(category, class, activity, name) = class;
        let severity = match severity {
            Severity::Informational => (1, "Informational"),
            Severity::Low => (2, "Low"),
            Severity::Medium => (3, "Medium"),
            Severity::High => (4, "High"),
            Severity::Critical => (5, "Critical"),
        };
        let mut metadata = json!({
            "version": VERSION,
            "product": {"name": "Detektr", "vendor_name": "Detektr", "version": self.report.tool_version},
            "uid": uid, "correlation_uid": self.report.run, "log_name": self.report.environment.sensor,
        });
        if let Some(event) = event {
            metadata["sequence"] = json!(event.seq);
            metadata["event_code"] = json!(event.kind().name());
        }
        for (key, value) in [
            ("category_uid", json!(category)),
            ("class_uid", json!(class)),
            ("activity_id", json!(activity)),
            ("activity_name", json!(name)),
            ("type_uid", json!(class * 100 + activity)),
            ("severity_id", json!(severity.0)),
            ("severity", json!(severity.1)),
            ("time", json!(time)),
            ("metadata", metadata),
            ("message", json!(crate::clean::shorten(message, COMMAND))),
        ] {
            fields.insert(key.into(), value);
        }
        if category == SYSTEM {
            // the environment of the run is the device
            fields.insert("device".into(), json!({"type_id": 6, "type": "Virtual", "uid": self.report.run}));
        }
        serde_json::to_writer(&mut *self.out, &fields).map_err(std::io::Error::from)?;
        self.out.write_all(b"\n")?;
        Ok(())
    }
}

/// A technique and its tactic, as the framework has them.
fn attack(technique: &AttackName, tactic: Option<&AttackName>) -> Value {
    let named = |name: &AttackName| match &name.name {
        Some(text) => json!({"uid": name.id, "name": text}),
        None => json!({"uid": name.id}),
    };
    let mut attack = match technique.id.split_once('.') {
        Some((parent, _)) => json!({"technique": {"uid": parent}, "sub_technique": named(technique)}),
        None => json!({"technique": named(technique)}),
    };
    if let Some(tactic) = tactic {
        attack["tactic"] = named(tactic);
    }
    attack
}

fn file_activity(detail: &Detail) -> Option<Class> {
    let (activity, name) = match detail {
        Detail::FileCreate { .. }
        | Detail::FileMkdir { .. }
        | Detail::FileMknod { .. }
        | Detail::FileLink { .. }
        | Detail::FileSymlink { .. } => (1, "Create"),
        Detail::FileOpen { file } if matches!(file.access, Access::Read) => (2, "Read"),
        Detail::FileOpen { .. } => (14, "Open"),
        Detail::FileWrite { .. } | Detail::FileTruncate { .. } => (3, "Update"),
        Detail::FileUnlink { .. } | Detail::FileRmdir { .. } => (4, "Delete"),
        Detail::FileRename { .. } => (5, "Rename"),
        Detail::FileUtime { .. } | Detail::FileXattr { .. } => (6, "Set Attributes"),
        Detail::FileChmod { .. } | Detail::FileChown { .. } => (7, "Set Security"),
        Detail::FileStat { .. } | Detail::FileReadlink { .. } | Detail::FileAccess { .. } => {
            (8, "Get Attributes")
        }
        Detail::FileMount { .. } => (12, "Mount"),
        Detail::FileUmount { .. } => (13, "Unmount"),
        _ => return None,
    };
    Some(Class(SYSTEM, 1001, activity, name))
}

fn file(path: &FilePath) -> Value {
    let text = crate::clean::path(path);
    let name = text.rsplit('/').find(|part| !part.is_empty()).unwrap_or("/");
    // an event tells a path, not the type of what lies there
    json!({"name": name, "path": text, "type_id": 0, "type": "Unknown"})
}

fn user(credentials: &Credentials) -> Value {
    json!({"uid": credentials.euid.to_string()})
}

/// The process that a call names by number; the caller itself where it names none.
fn target(pid: i64, caller: &ProcessRef) -> Value {
    if pid > 0 { json!({"pid": pid}) } else { json!({"pid": caller.pid, "uid": caller.id.to_string()}) }
}

/// Puts an address where the framework has it; none for families that it has no endpoint for.
fn endpoints(fields: &mut Map<String, Value>, key: &str, address: &Address, direction: u32) -> Option<()> {
    let (endpoint, version) = match address {
        Address::Inet { address, port } => (json!({"ip": address.to_string(), "port": port}), 4),
        Address::Inet6 { address, port, .. } => (json!({"ip": address.to_string(), "port": port}), 6),
        _ => return None,
    };
    fields.insert(key.into(), endpoint);
    let direction_name = if direction == 1 { "Inbound" } else { "Outbound" };
    fields.insert(
        "connection_info".into(),
        json!({"direction_id": direction, "direction": direction_name, "protocol_ver_id": version}),
    );
    Some(())
}
