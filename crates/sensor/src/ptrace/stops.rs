//! Stops at system calls: what is taken at the entry, completed at the return and handed out; and what a call
//! changes in the tracer's own books.

use super::memory;
use super::sys::{self, CallInfo, X32_BIT};
use super::take::{keep_traced, wanted};
use super::tasks::{InFlight, Slot};
use super::tracer::Tracer;
use super::watch::{self, Handling};
use crate::raw::{Abi, Body, RawCall, RawIo, Returned, Taken};

/// The kernel's own error numbers of a call that a signal interrupted and that may start over.
const RESTART: std::ops::RangeInclusive<i64> = -516..=-512;

impl InFlight {
    fn new(
        handling: Handling,
        abi: Abi,
        arch: u32,
        nr: u32,
        args: [u64; 6],
        taken: Vec<Taken>,
        passed_filters: bool,
    ) -> Self {
        InFlight {
            handling,
            abi,
            arch,
            nr,
            args,
            entry_ns: sys::boot_ns(),
            taken,
            refused: false,
            passed_filters,
            born: false,
            restore: None,
            rewritten: false,
            restore_word: None,
        }
    }

    /// The call's name.
    pub(super) fn name(&self) -> &'static str {
        match self.handling {
            Handling::Call(spec) => spec.name,
            _ => "",
        }
    }

    pub(super) fn record(self, ret: Returned) -> RawCall {
        RawCall {
            nr: self.nr,
            abi: self.abi,
            args: self.args,
            ret,
            entry_ns: self.entry_ns,
            taken: self.taken,
            walled: false,
        }
    }
}

/// `socketcall`'s number for `socket`.
const SYS_SOCKET: u64 = 1;
/// `socket` in the table of i386.
const I386_SOCKET: u32 = 359;

/// Has the kernel enter `socket` itself, with the words that were read in registers: what lies in memory no filter
/// can look at, and another thread can change. So the sandbox's wall against AF_VSOCK holds here too.
fn plain_socket(tid: i32, call: &mut InFlight) {
    let words = match call.taken.first() {
        Some(Taken::Bytes(bytes)) if bytes.len() >= 12 => {
            Some([0, 4, 8].map(|at: usize| memory::word(&bytes[at..at + 4]) as u32))
        }
        _ => None,
    };
    let done = match words {
        Some(words) => sys::set_ia32_arguments(tid, words).and_then(|()| sys::set_call(tid, I386_SOCKET)),
        // it must not be there a moment later
        None => sys::set_ia32_arguments(tid, [SYS_SOCKET as u32, 0, 0]),
    };
    call.rewritten = true;
    if done.is_err() {
        call.refused = sys::skip_call(tid).is_ok();
    }
}

impl Tracer {
    /// A stop of our filter.
    pub(super) fn seccomp_stop(&mut self, tid: i32) {
        if let Some(call) = self.tasks.threads.get_mut(&tid).and_then(|thread| thread.call.as_mut()) {
            // Every call is stopped here, and this one's entry was seen already.
            call.passed_filters = true;
            return self.resume(tid, 0);
        }
        match sys::call_info(tid) {
            Ok(info) => self.entered(tid, &info, true),
            Err(_) => self.resume(tid, 0),
        }
    }

    /// A stop at entry or return of a call.
    pub(super) fn call_stop(&mut self, tid: i32) {
        match sys::call_info(tid) {
            Ok(info) if info.op == 1 => self.entered(tid, &info, false),
            Ok(info) if info.op == 2 => self.returned(tid, info.words[0] as i64),
            _ => {}
        }
        self.resume(tid, 0);
    }

    fn entered(&mut self, tid: i32, info: &CallInfo, by_filter: bool) {
        let mut args = [0; 6];
        args.copy_from_slice(&info.words[1..7]);
        let nr = info.words[0] as u32;
        let (abi, nr) = match info.arch {
            sys::ARCH_I386 => (Abi::I386, nr),
            _ if nr & X32_BIT != 0 && nr != u32::MAX => (Abi::X32, watch::native_number(nr & !X32_BIT)),
            _ => (Abi::X86_64, nr),
        };
        let fd = |n: u8| args[n as usize] as i32;
        self.settle_restart(tid, nr, &args);
        match watch::handling(abi, nr) {
            Some(handling @ Handling::Call(spec))
                if (self.observe_stat || !spec.optional) && wanted(spec, abi, &args) =>
            {
                let taken = self.take_entry(tid, abi, &args, spec);
                let call = InFlight::new(handling, abi, info.arch, nr, args, taken, by_filter);
                self.begin(tid, spec.name, call);
            }
            Some(handling @ Handling::Write(n)) if matches!(self.slot(tid, fd(n)), Some(Slot::File(_))) => {
                let call = InFlight::new(handling, abi, info.arch, nr, args, Vec::new(), by_filter);
                if let Some(thread) = self.tasks.threads.get_mut(&tid) {
                    thread.call = Some(call);
                }
            }
            Some(Handling::Close) => self.close_files(tid, |open| open == fd(0)),
            Some(Handling::Replace) if fd(0) != fd(1) => self.close_files(tid, |open| open == fd(1)),
            Some(Handling::CloseRange) if args[2] & 4 == 0 => {
                let range = args[0] as u32..=args[1] as u32;
                self.close_files(tid, |open| range.contains(&(open as u32)));
            }
            _ => {}
        }
        if by_filter {
            self.resume(tid, 0);
        }
    }

    /// What some calls need before they go on.
    fn begin(&mut self, tid: i32, name: &str, mut call: InFlight) {
        match name {
            "clone" | "clone3" => keep_traced(tid, &mut call, name),
            "socketcall" if call.args[0] == SYS_SOCKET => plain_socket(tid, &mut call),
            "io_uring_setup" => call.refused = sys::skip_call(tid).is_ok(),
            "seccomp" => {
                if call.args[1] & libc::SECCOMP_FILTER_FLAG_TSYNC != 0 {
                    self.stop_every_call_of_process(tid);
                }
                self.listener |= call.args[1] & libc::SECCOMP_FILTER_FLAG_NEW_LISTENER != 0;
            }
            _ => {}
        }
        if let Some(thread) = self.tasks.threads.get_mut(&tid) {
            thread.signalled = match name {
                "kill" | "tkill" | "rt_sigqueueinfo" | "pidfd_send_signal" => call.args[1] as i32,
                "tgkill" | "rt_tgsigqueueinfo" => call.args[2] as i32,
                _ => thread.signalled,
            };
            thread.call = Some(call);
        }
    }

    /// From now on every call of every thread of the process stops; running threads are stopped to be told.
    pub(super) fn stop_every_call_of_process(&mut self, tid: i32) {
        let Some(tgid) = self.tasks.threads.get(&tid).map(|thread| thread.tgid) else { return };
        for other in self.tasks.of_process(tgid) {
            if let Some(thread) = self.tasks.threads.get_mut(&other)
                && !std::mem::replace(&mut thread.every_call, true)
                && other != tid
            {
                // A thread that stands still already, or is gone, needs none.
                drop(sys::interrupt(other));
            }
        }
    }

    fn returned(&mut self, tid: i32, value: i64) {
        let Some(thread) = self.tasks.threads.get_mut(&tid) else { return };
        let Some(mut call) = thread.call.take() else { return };
        let every_call = thread.every_call;
        if let Some(argument) = call.restore.take() {
            drop(sys::set_first_argument(tid, call.arch, argument));
        }
        if call.rewritten {
            drop(sys::set_ia32_arguments(tid, [0, 1, 2].map(|n: usize| call.args[n] as u32)));
        }
        if let Some((address, word)) = call.restore_word.take() {
            drop(sys::poke(tid, address, word));
        }
        let spec = match call.handling {
            Handling::Call(spec) => spec,
            Handling::Write(n) => return self.wrote(tid, call.args[n as usize] as i32, value),
            _ => return,
        };
        if RESTART.contains(&value) {
            thread.restarting = Some(call);
            return;
        }
        // A filter that answers with a signal leaves the call's number, and one may answer with 0: what did not
        // reach our own filter was not made, whatever it seems to return.
        let denied = every_call && !call.passed_filters && !self.listener;
        if !denied {
            self.take_return(tid, &mut call, spec, value);
            self.follow(tid, spec.name, &call, value);
        }
        let ret = if call.refused || denied { Returned::Skipped(value) } else { Returned::Value(value) };
        self.hand_out(tid, call, ret);
    }

    /// Emits the record of a call that is over.
    fn hand_out(&mut self, tid: i32, call: InFlight, ret: Returned) {
        let name = call.name();
        match name {
            "execve" | "execveat" => self.failed_exec(tid, call, ret),
            "fork" | "vfork" | "clone" | "clone3" if matches!(ret, Returned::Value(value) if value >= 0) => {
                if let Returned::Value(child) = ret
                    && child > 0
                    && !call.born
                {
                    self.lost_child(tid, child);
                }
            }
            _ => self.emit(tid, Body::Call(Box::new(call.record(ret)))),
        }
    }

    /// A call made a child, and no birth was reported for it.
    fn lost_child(&mut self, tid: i32, child: i64) {
        self.hole(
            "untraced_process",
            format!("thread {tid} made child {child} of its pid namespace, which is not traced"),
        );
    }

    /// A call that never returned: its thread is gone.
    pub(super) fn unfinished(&mut self, tid: i32) {
        let Some(thread) = self.tasks.threads.get_mut(&tid) else { return };
        let call = thread.call.take().or_else(|| thread.restarting.take());
        if let Some(call) = call
            && let Handling::Call(_) = call.handling
        {
            self.hand_out(tid, call, Returned::Never);
        }
    }

    /// A call that a signal interrupted starts over now, or another one shows that it ended with EINTR.
    fn settle_restart(&mut self, tid: i32, nr: u32, args: &[u64; 6]) {
        let Some(thread) = self.tasks.threads.get_mut(&tid) else { return };
        if let Some(call) = thread.restarting.take()
            && (call.nr != nr || call.args != *args)
        {
            self.hand_out(tid, call, Returned::Value(-i64::from(libc::EINTR)));
        }
    }

    /// What a call that returned changes in the tracer's books.
    fn follow(&mut self, tid: i32, name: &str, call: &InFlight, value: i64) {
        if value < 0 {
            return;
        }
        match name {
            "chdir" | "fchdir" if !self.directories_shared => self.leave_place(tid),
            "chdir" | "fchdir" | "chroot" | "pivot_root" | "rename" | "renameat" | "renameat2" | "rmdir"
            | "mount" | "move_mount" | "umount" | "umount2" => self.generation += 1,
            "unlinkat" if call.args[2] & libc::AT_REMOVEDIR as u64 != 0 => self.generation += 1,
            "unshare" | "setns" => {
                self.generation += 1;
                self.refresh_credentials(tid);
            }
            "seccomp" if call.args[0] <= 1 => self.stop_every_call(tid),
            "prctl" if call.args[0] as i32 == libc::PR_SET_SECCOMP => self.stop_every_call(tid),
            "mmap" | "mmap2" => self.mapped(tid, call),
            _ => {}
        }
    }

    /// The process has another working directory now.
    fn leave_place(&mut self, tid: i32) {
        if let Some(thread) = self.tasks.threads.get(&tid)
            && let Some(process) = self.tasks.processes.get_mut(&thread.tgid)
        {
            process.place = None;
        }
    }

    fn stop_every_call(&mut self, tid: i32) {
        if let Some(thread) = self.tasks.threads.get_mut(&tid) {
            thread.every_call = true;
        }
    }

    fn mapped(&mut self, tid: i32, call: &InFlight) {
        let args = if call.abi == Abi::I386 && call.name() == "mmap" {
            let Some(words) = memory::read_exact(tid, call.args[0], 24) else { return };
            [0, 1, 2, 3, 4, 5].map(|n: usize| memory::word(&words[4 * n..4 * n + 4]))
        } else {
            call.args
        };
        let shared = args[3] & libc::MAP_SHARED as u64 != 0 && args[3] & libc::MAP_ANONYMOUS as u64 == 0;
        if shared
            && args[2] & libc::PROT_WRITE as u64 != 0
            && let Some(Slot::File(written)) = self.slot(tid, args[4] as i32)
        {
            written.mapped = true;
        }
    }

    fn wrote(&mut self, tid: i32, fd: i32, value: i64) {
        if value >= 0
            && let Some(Slot::File(written)) = self.slot(tid, fd)
        {
            written.bytes += value as u64;
            written.calls += 1;
        }
    }

    /// Tells what was written to the open files that `which` names, and forgets them.
    pub(super) fn close_files(&mut self, tid: i32, which: impl Fn(i32) -> bool) {
        let Some(thread) = self.tasks.threads.get(&tid) else { return };
        let Some(process) = self.tasks.processes.get_mut(&thread.tgid) else { return };
        if process.files.is_empty() {
            return;
        }
        let mut closed: Vec<_> = process.files.extract_if(|&fd, _| which(fd)).collect();
        closed.sort_by_key(|&(fd, _)| fd);
        for (_, slot) in closed {
            if let Slot::File(written) = slot
                && (written.calls > 0 || written.mapped)
            {
                let io = RawIo {
                    object: written.object,
                    written: written.bytes,
                    writes: written.calls,
                    read: 0,
                    mapped: written.mapped,
                };
                self.emit(tid, Body::Io(Box::new(io)));
            }
        }
    }
}
