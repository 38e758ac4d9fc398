//! Execs, successful and not.

use super::call::Call;
use super::path::Base;
use super::{Decoder, credentials, not_copied, specs, view};
use crate::raw::{RawExec, RawFailedExec, RawObject};
use detektr_event::{
    Actor, Copied, Credentials, Detail, Event, Exec, FilePath, Interpreter, Outcome, Phase, ProcessId,
    Provenance, Sha256,
};

impl Decoder {
    /// A successful exec. The event is already the new image's: its identity, its program, its actor.
    pub(super) fn exec(&mut self, boot_ns: u64, tgid: u32, tid: u32, exec: &RawExec, out: &mut Vec<Event>) {
        let known = self.tracker.process(tgid).and_then(|process| process.credentials);
        let old = exec.old_credentials.or(known);
        if let Some(process) = self.tracker.process_mut(tgid) {
            process.view = view(&exec.cwd);
        }
        let exe = self.paths(tgid).object(&exec.exe).path;
        let first = self.tracker.exec(tgid, exec.old_tid, exe.clone(), exec.credentials);
        if first && self.phase == Phase::Setup {
            self.phase = Phase::Execute;
        }
        let cwd = Base { object: Some(&exec.cwd), cwd: true };
        let paths = self.paths(tgid);
        let script = exec.interpreter.is_some();
        let file = if script {
            paths.joined(cwd, &exec.filename, Provenance::KernelCopy)
        } else {
            FilePath { base: None, ..paths.yielded(&exec.exe, cwd, &exec.filename) }
        };
        let new = self.config.environment.credentials(&exec.credentials);
        let implant = !self.implants.is_empty()
            && file.in_environment().is_some_and(|path| self.implants.contains(path));
        let detail = Exec {
            file,
            interpreter: script.then_some(Interpreter { path: exe }),
            argv: exec.argv.clone(),
            env: exec.env.clone(),
            incomplete: exec.incomplete.clone(),
            cwd: paths.object(&exec.cwd),
            parent: self.parent(exec.ppid),
            ppid: exec.env_ppid,
            credentials: new.clone(),
            stdio: stdio(&exec.stdio, |object| paths.object(object)),
            sha256: exec
                .sha256
                .clone()
                .unwrap_or_else(|| Sha256::Absent { absent: "the sensor made no hash of it".to_owned() }),
            memfd: !script && exec.exe.memfd,
            deleted: !script && exec.exe.unlinked,
            by_thread: exec.old_tid != tgid,
        };
        if implant && let Some(process) = self.tracker.process_mut(tgid) {
            process.actor = Actor::Artifact;
        }
        let reference = self.reference(tgid, tid);
        let detail = Detail::ProcessExec { exec: Box::new(detail) };
        out.push(self.event(boot_ns, reference.clone(), Outcome::SUCCESS, detail, None));
        let old =
            old.filter(|old| *old != exec.credentials).map(|old| self.config.environment.credentials(&old));
        if let Some(old) = old {
            out.push(self.event(boot_ns, reference, Outcome::SUCCESS, credentials::by_exec(old, new), None));
        }
    }

    /// A failed, skipped or unfinished exec.
    pub(super) fn failed_exec(
        &mut self,
        boot_ns: u64,
        tgid: u32,
        tid: u32,
        exec: &RawFailedExec,
        out: &mut Vec<Event>,
    ) {
        let Some(spec) = specs::find(exec.call.abi, exec.call.nr) else {
            self.unknown_calls.insert((super::abi::arch_name(exec.call.abi), exec.call.nr));
            return;
        };
        if let Some(process) = self.tracker.process_mut(tgid) {
            process.view = view(&exec.cwd);
        }
        let paths = self.paths(tgid);
        let call = Call::new(spec, &exec.call, paths);
        if call.value().is_some() {
            // A success is told by the kernel's own record of it.
            return;
        }
        let file = match call.name {
            "execveat" => call.path_at(0, 0, u64::from(call.uint(4))),
            "execve" => call.path(0, 0),
            _ => paths.raw(&not_copied()),
        };
        let new: Credentials = self.config.environment.credentials(&exec.credentials);
        let detail = Exec {
            file,
            interpreter: None,
            argv: exec.argv.clone(),
            env: exec.env.clone(),
            incomplete: exec.incomplete.clone(),
            cwd: paths.object(&exec.cwd),
            parent: self.parent(exec.ppid),
            ppid: exec.env_ppid,
            credentials: new,
            stdio: stdio(&exec.stdio, |object| paths.object(object)),
            sha256: Sha256::Absent { absent: "it was not executed".to_owned() },
            memfd: false,
            deleted: false,
            by_thread: tid != tgid,
        };
        let mut details = vec![Detail::ProcessExec { exec: Box::new(detail) }];
        super::races(&call, &mut details);
        let (outcome, syscall) = (call.outcome(), call.syscall());
        let reference = self.reference(tgid, tid);
        out.extend(details.into_iter().map(|detail| {
            self.event(boot_ns, reference.clone(), outcome.clone(), detail, Some(syscall.clone()))
        }));
    }

    fn parent(&self, ppid: u32) -> Option<ProcessId> {
        self.tracker.process(ppid).map(crate::tracker::Process::id)
    }
}

fn stdio(objects: &[Option<RawObject>; 3], path: impl Fn(&RawObject) -> FilePath) -> [Option<Copied>; 3] {
    [0, 1, 2].map(|fd| objects[fd].as_ref().map(|object| path(object).path))
}
