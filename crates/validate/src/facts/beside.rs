//! What passes between the attack and what watches it. Acts of a watching program count for nothing, so one that does
//! the attack's bidding would hide them: that is a hole in the evidence. And a log that the attack had its hands on
//! proves nothing by its silence.

use detektr_event::{Access, Actor, Detail, Event, Kind};
use std::collections::BTreeSet;

/// What every program that is executed loads first, `ld.so(8)`.
const PRELOAD: &[u8] = b"/etc/ld.so.preload";

/// What is known of it by now.
#[derive(Debug, Default)]
pub(super) struct Beside {
    /// Whether anything watches.
    watched: bool,
    /// The files in which something that watches tells what it saw.
    logs: Vec<String>,
    /// Process numbers of what watches.
    own: BTreeSet<u32>,
    /// Files of the attack's making.
    written: BTreeSet<Vec<u8>>,
    /// Folders that it put somewhere, or mounted over.
    put: BTreeSet<Vec<u8>>,
    /// Those of the logs that the attack changed, and how.
    spoilt: Vec<(String, Kind)>,
    /// How what watches came to act for the attack.
    taken: Option<String>,
    /// The attack sent a signal to something that watches, or may have.
    signalled: bool,
}

impl Beside {
    /// Of a run in which something watches, and tells what it saw in `logs`. `artifact` is where the attack lies.
    pub(super) fn new(watched: bool, logs: Vec<String>, artifact: Option<&[u8]>) -> Beside {
        let written = artifact.map(<[u8]>::to_vec).into_iter().collect();
        Beside { watched, logs, written, ..Beside::default() }
    }

    /// Whether an end of what watches may be the attack's doing.
    pub(super) fn signalled(&self) -> bool {
        self.signalled
    }

    /// Why acts of what watches may be the attack's.
    pub(super) fn taken(&self) -> Option<&str> {
        self.taken.as_deref()
    }

    /// Why lines of the log at `file` may be gone.
    pub(super) fn spoilt(&self, file: &str) -> Option<String> {
        let (_, kind) = self.spoilt.iter().find(|(log, _)| log == file)?;
        Some(format!("the attack had its hands on {file} ({kind})"))
    }

    /// Takes the next event.
    pub(super) fn event(&mut self, event: &Event) {
        let Some(process) = event.process.as_ref().filter(|_| self.watched) else { return };
        if process.actor == Actor::Environment {
            self.own.insert(process.pid);
            self.runs(event);
            return;
        }
        // the launcher, once it is the attack
        self.own.remove(&process.pid);
        if !event.outcome.reached() {
            return;
        }
        self.reaches(event);
        self.signals(event);
        self.changes(event);
    }

    /// Whether what watches executes what the attack made.
    fn runs(&mut self, event: &Event) {
        let Detail::ProcessExec { exec } = &event.detail else { return };
        if !event.outcome.reached() || self.taken.is_some() {
            return;
        }
        let interpreter = exec.interpreter.as_ref().map(|interpreter| &interpreter.path);
        let run = [Some(&exec.file.path), interpreter].into_iter().flatten();
        let paths = run.filter_map(|path| path.as_whole()).map(|path| path.as_bytes());
        let made = |path: &&[u8]| {
            self.written.contains(*path) || self.put.iter().any(|folder| is_at_or_below(path, folder))
        };
        if let Some(path) = paths.chain([PRELOAD]).find(made) {
            let path = String::from_utf8_lossy(path);
            self.taken = Some(format!("what watches ran {path}, which the attack had made"));
        }
    }

    /// Whether the attack reaches into a process that watches.
    fn reaches(&mut self, event: &Event) {
        let target = match &event.detail {
            Detail::ProcessPtrace { ptrace } => Some(ptrace.target),
            Detail::ProcessMemoryWrite { memory_write } => memory_write.target,
            _ => None,
        };
        let own = target.and_then(|target| u32::try_from(target).ok()).filter(|pid| self.own.contains(pid));
        if let (Some(pid), None) = (own, &self.taken) {
            let how = event.kind();
            self.taken = Some(format!("the attack reached into the process {pid}, which watches ({how})"));
        }
    }

    /// Whether the attack sends a signal to what watches: to a process, a group, everybody, or by a descriptor.
    fn signals(&mut self, event: &Event) {
        let Detail::ProcessSignal { signal } = &event.detail else { return };
        let own = |target: i64| u32::try_from(target.abs()).is_ok_and(|pid| self.own.contains(&pid));
        let by_descriptor = signal.call == "pidfd_send_signal";
        self.signalled |=
            signal.signal != "0" && (by_descriptor || signal.target == -1 || own(signal.target));
    }

    fn changes(&mut self, event: &Event) {
        let kind = event.kind();
        let appends = |flags: &[String]| flags.iter().any(|flag| flag == "O_APPEND");
        let writes = |access| !matches!(access, Access::Read | Access::Path);
        let written = match &event.detail {
            Detail::FileOpen { file } => writes(file.access),
            Detail::FileCreate { file } => writes(file.access),
            _ => false,
        };
        // of the two names of a rename the second is where it comes to be
        let put = match kind {
            Kind::FileRename => Some(1),
            Kind::FileLink | Kind::FileMount => Some(0),
            _ => None,
        };
        // what only adds lines takes none away
        let takes_away = match &event.detail {
            Detail::FileOpen { file } => written && !appends(&file.flags),
            Detail::FileCreate { file } => written && !appends(&file.flags),
            _ => matches!(
                kind,
                Kind::FileRename
                    | Kind::FileUnlink
                    | Kind::FileLink
                    | Kind::FileSymlink
                    | Kind::FileChmod
                    | Kind::FileChown
                    | Kind::FileTruncate
                    | Kind::FileXattr
                    | Kind::FileMount
                    | Kind::FileUmount
                    | Kind::FilePivotRoot
            ),
        };
        for (place, path) in event.detail.paths().into_iter().enumerate() {
            // what is done to the root itself is done in a namespace of the attack's own
            let Some(path) = path.in_environment().filter(|path| *path != b"/") else { continue };
            if written {
                self.written.insert(path.to_vec());
            }
            if put == Some(place) {
                self.put.insert(path.to_vec());
            }
            let lost = |log: &&String| takes_away && is_at_or_below(log.as_bytes(), path);
            self.spoilt.extend(self.logs.iter().filter(lost).map(|log| (log.clone(), kind)));
        }
    }
}

fn is_at_or_below(path: &[u8], folder: &[u8]) -> bool {
    let folder = folder.strip_suffix(b"/").unwrap_or(folder);
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn event(actor: &str, pid: u32, kind: &str, detail: (&str, Value)) -> Event {
        let mut event = json!({
            "seq": 1, "time": "2026-03-01T12:00:00.000000000Z", "boot_ns": 1, "phase": "execute", "kind": kind,
            "sensor": "ebpf", "outcome": {"result": "success"},
            "process": {"id": format!("64-{pid}-1"), "pid": pid, "tid": pid, "exe": "/usr/bin/x", "euid": 0, "actor": actor},
        });
        event[detail.0] = detail.1;
        serde_json::from_value(event).unwrap()
    }

    fn opened(actor: &str, path: &str, flags: &[&str]) -> Event {
        let file = json!({"path": path, "resolved": true, "provenance": "kernel_object", "flags": flags,
                          "access": "write", "fd": 3});
        event(actor, if actor == "artifact" { 9 } else { 4 }, "file.open", ("file", file))
    }

    fn after(events: &[Event]) -> Beside {
        let mut beside = Beside::new(true, vec!["/var/log/w.log".into()], Some(b"/root/attack"));
        events.iter().for_each(|event| beside.event(event));
        beside
    }

    fn ptrace(actor: &str, target: u32) -> Event {
        let detail = json!({"request": "PTRACE_ATTACH", "target": target});
        event(actor, 9, "process.ptrace", ("ptrace", detail))
    }

    #[test]
    fn a_log_is_spoilt_by_what_may_take_lines_away() {
        let log = "/var/log/w.log";
        let spoilt = |event: &Event| after(std::slice::from_ref(event)).spoilt(log).is_some();
        assert!(spoilt(&opened("artifact", log, &["O_TRUNC"])));
        assert!(spoilt(&opened("artifact", log, &[])));
        assert!(!spoilt(&opened("artifact", log, &["O_APPEND"])));
        assert!(!spoilt(&opened("environment", log, &["O_TRUNC"])));
        assert!(!spoilt(&opened("artifact", "/var/log/other.log", &["O_TRUNC"])));
        let moved = |from: &str| {
            let to = json!({"path": "/tmp/x", "resolved": true, "provenance": "kernel_object"});
            let mut file = to.clone();
            (file["path"], file["to"]) = (from.into(), to);
            event("artifact", 9, "file.rename", ("file", file))
        };
        assert!(spoilt(&moved("/var/log")) && spoilt(&moved(log)) && !spoilt(&moved("/var/lo")));
    }

    #[test]
    fn what_watches_is_taken_where_it_runs_what_the_attack_made_or_put_there() {
        let runs = |path: &str, before: &[Event]| {
            let place = json!({"path": path, "resolved": true, "provenance": "kernel_object"});
            let capabilities =
                json!({"inheritable": 0, "permitted": 0, "effective": 0, "bounding": 0, "ambient": 0});
            let mut credentials = json!({"capabilities": capabilities});
            for id in ["uid", "euid", "suid", "fsuid", "gid", "egid", "sgid", "fsgid"] {
                credentials[id] = 0.into();
            }
            let exec = json!({"file": place, "argv": [path], "env": [], "cwd": place, "ppid": 1, "credentials": credentials,
                "stdio": [null, null, null], "sha256": {"absent": "x"}});
            let ran = event("environment", 4, "process.exec", ("exec", exec));
            after(&[before, &[ran]].concat()).taken().is_some()
        };
        let two = |kind: &str, from: &str, to: &str| {
            let to = json!({"path": to, "resolved": true, "provenance": "kernel_object"});
            let mut file = to.clone();
            (file["path"], file["to"]) = (from.into(), to);
            event("artifact", 9, kind, ("file", file))
        };
        let moved = [two("file.rename", "/tmp/tools", "/opt/tools")];
        assert!(runs("/root/attack", &[]) && !runs("/usr/bin/test", &[]));
        assert!(runs("/usr/bin/test", &[opened("artifact", "/usr/bin/test", &["O_TRUNC"])]));
        assert!(!runs("/usr/bin/test", &[opened("environment", "/usr/bin/test", &["O_TRUNC"])]));
        assert!(runs("/usr/bin/test", &[opened("artifact", "/etc/ld.so.preload", &[])]));
        assert!(runs("/opt/tools/bin/run", &moved) && !runs("/tmp/tools/bin/run", &moved));
    }

    #[test]
    fn an_end_may_be_the_attacks_doing_where_it_sends_a_signal_that_reaches_what_watches() {
        let signalled = |target: i64, call: &str, signal: &str| {
            let detail = json!({"signal": signal, "call": call, "target": target});
            let sent = event("artifact", 9, "process.signal", ("signal", detail));
            after(&[opened("environment", "/tmp/own", &[]), sent]).signalled()
        };
        assert!(signalled(4, "kill", "SIGTERM") && signalled(-4, "kill", "SIGTERM"));
        assert!(signalled(-1, "kill", "SIGTERM") && signalled(3, "pidfd_send_signal", "SIGTERM"));
        assert!(!signalled(5, "kill", "SIGTERM") && !signalled(4, "kill", "0"));
    }

    #[test]
    fn what_watches_is_taken_where_the_attack_reaches_into_it() {
        let watches = opened("environment", "/tmp/own", &[]);
        assert!(after(&[watches.clone(), ptrace("artifact", 4)]).taken().is_some());
        assert!(after(&[watches.clone(), ptrace("artifact", 5)]).taken().is_none(), "a process of its own");
        assert!(
            after(&[watches, ptrace("environment", 4)]).taken().is_none(),
            "what watches looks at itself"
        );
        let mut nobody = Beside::new(false, Vec::new(), None);
        nobody.event(&opened("environment", "/tmp/own", &[]));
        nobody.event(&ptrace("artifact", 4));
        assert!(nobody.taken().is_none(), "nothing watches");
    }
}
