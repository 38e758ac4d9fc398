//! Execs: the new program where one succeeded, what was asked for where it failed.

use super::tasks::{InFlight, Slot};
use super::tracer::Tracer;
use super::{image, memory, procfs, sys};
use crate::raw::{Abi, Body, RawExec, RawFailedExec, RawObject, Returned, Taken};
use detektr_event::{Copied, Unreadable};

/// Filters of an environment with no control: this sensor's, and the sandbox's wall against AF_VSOCK.
const DETEKTR_FILTERS: u32 = 2;

impl Tracer {
    /// Process `tid` executes another program now; the calling thread has become its leader.
    pub(super) fn executed(&mut self, tid: i32) {
        let old_tid = sys::event_message(tid).map_or(tid, |old| old as i32);
        self.become_leader(tid, old_tid);
        let status = procfs::status(tid).unwrap_or_default();
        let Some(thread) = self.tasks.threads.get_mut(&tid) else {
            self.hole(
                "untraced_process",
                format!("process {tid}, whose birth was not seen, executed a program"),
            );
            return self.resume(tid, 0);
        };
        let call = thread.call.take();
        let old_credentials = std::mem::replace(&mut thread.credentials, status.credentials);
        let first = self.tasks.processes.get_mut(&tid).is_some_and(|process| {
            process.shares_memory = false;
            std::mem::take(&mut process.launcher)
        });
        if first && status.filters.is_some_and(|filters| filters > DETEKTR_FILTERS) {
            // Another filter may answer calls before ours passes them on.
            self.stop_every_call_of_process(tid);
        }
        let word_size = if sys::is_32_bit(tid) { 4 } else { 8 };
        let pointer = sys::call_info(tid).map_or(0, |info| info.sp);
        let stack = image::stack(tid, pointer, word_size);
        let gone = || Copied::Unreadable { unreadable: Unreadable::Gone };
        let filename = stack.filename.or_else(|| call.as_ref().and_then(asked)).unwrap_or_else(gone);
        if let (Some(exe), Some(cwd)) = (self.look(tid, "exe", None), self.cwd(tid)) {
            let executed = image::executed(&mut self.hashes, tid, &filename, &cwd, &exe);
            let body = Body::Exec(Box::new(RawExec {
                old_tid: old_tid as u32,
                interpreter: stack.argv.first().filter(|_| executed.script).cloned(),
                filename,
                exe,
                argv: stack.argv,
                env: stack.env,
                incomplete: stack.incomplete,
                cwd,
                ppid: status.ppid,
                env_ppid: self.env_pid(status.ppid),
                old_credentials: Some(old_credentials),
                credentials: status.credentials,
                stdio: [0, 1, 2].map(|fd| self.descriptor(tid, fd)),
                sha256: Some(executed.sha256),
            }));
            self.emit(tid, body);
        }
        self.close_files_lost_by_exec(tid);
        self.resume(tid, 0);
    }

    /// The thread that executes takes the number of its leader, whose end nobody else reports.
    fn become_leader(&mut self, tid: i32, old_tid: i32) {
        if old_tid == tid {
            return;
        }
        if self.tasks.threads.contains_key(&tid) {
            self.ended(tid, 0, false);
        }
        if let Some(thread) = self.tasks.threads.remove(&old_tid) {
            self.tasks.threads.insert(tid, thread);
        }
    }

    /// An exec closes what is marked so.
    fn close_files_lost_by_exec(&mut self, tid: i32) {
        let Some(process) = self.tasks.processes.get_mut(&tid) else { return };
        process.files.retain(|_, slot| matches!(slot, Slot::File(_)));
        let lost: Vec<i32> = process
            .files
            .iter()
            .filter(|(fd, slot)| match slot {
                Slot::File(written) => !procfs::Link::look(tid, "fd", Some(**fd)).is_some_and(|link| {
                    (procfs::kernel_dev(link.dev), link.ino) == (written.object.dev, written.object.ino)
                }),
                Slot::Other => true,
            })
            .map(|(&fd, _)| fd)
            .collect();
        self.close_files(tid, |fd| lost.contains(&fd));
    }

    /// An exec that failed, was skipped, or never returned.
    pub(super) fn failed_exec(&mut self, tid: i32, call: InFlight, ret: Returned) {
        let pointer = if call.abi == Abi::X86_64 { 8 } else { 4 };
        let first = if call.name() == "execveat" { 2 } else { 1 };
        let (argv, env, incomplete) = if ret == Returned::Never {
            (Vec::new(), Vec::new(), Some("the process was gone before they could be read".to_string()))
        } else {
            let (argv, argv_lost) = memory::string_array(tid, call.args[first], pointer);
            let (env, env_lost) = memory::string_array(tid, call.args[first + 1], pointer);
            (argv, env, argv_lost.or(env_lost))
        };
        let Some(cwd) = self.cwd(tid).or_else(|| self.last_cwd(tid)) else {
            return self.emit(tid, Body::Call(Box::new(call.record(ret))));
        };
        let ppid = procfs::status(tid).map_or(0, |status| status.ppid);
        let exec = RawFailedExec {
            argv,
            env,
            incomplete,
            cwd,
            credentials: self.tasks.threads.get(&tid).map(|thread| thread.credentials).unwrap_or_default(),
            stdio: [0, 1, 2].map(|fd| self.descriptor(tid, fd)),
            ppid,
            env_ppid: self.env_pid(ppid),
            call: call.record(ret),
        };
        self.emit(tid, Body::FailedExec(Box::new(exec)));
    }

    /// The working directory that was seen last.
    fn last_cwd(&self, tid: i32) -> Option<RawObject> {
        let thread = self.tasks.threads.get(&tid)?;
        self.tasks.processes.get(&thread.tgid)?.place.as_ref()?.cwd.clone()
    }
}

/// The path that the call gave.
fn asked(call: &InFlight) -> Option<Copied> {
    call.taken.iter().find_map(|taken| match taken {
        Taken::String { entry, .. } => Some(entry.clone()),
        _ => None,
    })
}
