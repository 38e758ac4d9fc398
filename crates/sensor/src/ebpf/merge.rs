//! Records joined into `Raw`: a call's entry with its return, an exec with the pieces of its argv, an open
//! file's sums with the file, an io_uring operation's submission with its completion.

use super::object::unknown_object;
use super::strings::Pieces;
use super::wire::{Header, Item, Record, kind_of};
use crate::calls::{self, Take};
use crate::raw::{
    Abi, Birth, Body, Raw, RawCall, RawCredentials, RawExec, RawExit, RawFailedExec, RawIo, RawObject,
    RawUring, Returned, Taken,
};
use detektr_event::{Copied, Kind};
use std::collections::{HashMap, HashSet};

/// What is known so far of things whose end has not been told.
#[derive(Debug, Default)]
pub(super) struct Merge {
    /// By thread: the call that it is in.
    entered: HashMap<u32, Entered>,
    /// By thread: a call that a signal broke off. Whether it is begun again, failed, or ended with its thread,
    /// the thread's next record tells.
    broken: HashMap<u32, Raw>,
    /// By thread: pieces of argv and env.
    pieces: HashMap<u32, Pieces>,
    /// By table, descriptor and open file.
    files: HashMap<(u64, u32, u64), RawObject>,
    /// By request.
    uring: HashMap<u64, (Header, RawUring)>,
    /// Processes whose end was told.
    ended: HashSet<u32>,
    /// Processes whose birth was told.
    pub born: HashSet<u32>,
}

#[derive(Debug)]
struct Entered {
    header: Header,
    nr: u32,
    abi: Abi,
    args: [u64; 6],
    items: Vec<Item>,
}

/// What a call returns inside the kernel when a signal breaks it off: ERESTARTSYS and its like.
const RESTART: [i64; 4] = [-512, -513, -514, -516];

/// IORING_OP_SOCKET.
const SOCKET: u32 = 45;

fn abi(number: u32) -> Abi {
    match number {
        1 => Abi::I386,
        2 => Abi::X32,
        _ => Abi::X86_64,
    }
}

fn raw(header: Header, body: Body) -> Raw {
    Raw { boot_ns: header.boot_ns, tgid: header.tgid, tid: header.tid, euid: Some(header.euid), body }
}

impl Merge {
    /// Takes one record in; what is complete goes to `out`.
    pub fn take(&mut self, record: Record<'_>, out: &mut Vec<Raw>) {
        let header = record.header;
        let mut n = record.fixed;
        self.mend(&record, out);
        match header.of {
            kind_of::BIRTH => {
                let (start_ns, flags) = (n.u64(), n.u64());
                let [tgid, tid, env_tgid, env_tid, worker] = n.u32s();
                self.entered.remove(&tid);
                self.pieces.remove(&tid);
                if tgid == tid {
                    self.ended.remove(&tgid);
                    self.born.insert(tgid);
                }
                let birth = Birth { tgid, tid, env_tgid, env_tid, start_ns, flags, io_worker: worker != 0 };
                out.push(raw(header, Body::Birth(birth)));
            }
            kind_of::EXEC => out.push(self.exec(record)),
            kind_of::EXIT => {
                let (status, ended, in_call, cpu_known, cpu_ns) =
                    (n.i32(), n.u32(), n.u32(), n.u32(), n.u64());
                let entered = self.entered.remove(&header.tid);
                self.pieces.remove(&header.tid);
                if let Some(entered) = entered.filter(|_| in_call != 0) {
                    out.push(never(entered, header));
                }
                // before 6.7 the last two threads of a process can both look like the last
                let process_ended = ended != 0 && self.ended.insert(header.tgid);
                if process_ended {
                    self.born.remove(&header.tgid);
                }
                let cpu_ns = (process_ended && cpu_known != 0).then_some(cpu_ns);
                out.push(raw(header, Body::Exit(RawExit { status, process_ended, cpu_ns })));
            }
            kind_of::ENTER => {
                let args = n.u64s();
                let [nr, abi_number] = n.u32s();
                let entered = Entered { header, nr, abi: abi(abi_number), args, items: record.items() };
                self.entered.insert(header.tid, entered);
            }
            kind_of::LEAVE | kind_of::SKIPPED => {
                let raw = self.leave(record);
                match &raw.body {
                    Body::Call(call) if matches!(call.ret, Returned::Value(ret) if RESTART.contains(&ret)) => {
                        self.broken.insert(header.tid, raw);
                    }
                    _ => out.push(raw),
                }
            }
            kind_of::CHUNK => self.pieces.entry(header.tid).or_default().push(&record),
            kind_of::IO_OBJECT => {
                let (key, _) = io(&record);
                if let Some(object) = record.items().first().and_then(Item::object) {
                    self.files.insert(key, object);
                }
            }
            kind_of::IO => {
                let (key, sum) = io(&record);
                let object = self.files.remove(&key).unwrap_or_else(unknown_object);
                if sum.writes > 0 || sum.mapped {
                    out.push(raw(header, Body::Io(Box::new(RawIo { object, ..sum }))));
                }
            }
            kind_of::SIGNAL => {
                let (signal, code) = (n.i32(), n.i32());
                let walled = header.walled;
                out.push(raw(header, Body::KernelSignal { signal, code, walled }));
            }
            kind_of::MOVE => out.push(raw(header, Body::CgroupMove { inside: n.i32() != 0 })),
            kind_of::URING_SUBMIT => self.submitted(record, out),
            kind_of::URING_DONE => self.completed(record, out),
            _ => {}
        }
    }

    /// Says of a call that a signal broke off how it ended, now that its thread goes on.
    fn mend(&mut self, record: &Record<'_>, out: &mut Vec<Raw>) {
        if self.broken.is_empty() {
            return;
        }
        let Some(mut raw) = self.broken.remove(&record.header.tid) else { return };
        let Body::Call(call) = &mut raw.body else { return };
        match record.header.of {
            // not by the thread itself
            kind_of::SIGNAL | kind_of::MOVE | kind_of::IO | kind_of::CHUNK => {
                self.broken.insert(record.header.tid, raw);
                return;
            }
            kind_of::EXIT => {
                call.ret = Returned::Never;
                raw.boot_ns = record.header.boot_ns;
            }
            kind_of::ENTER => {
                let mut n = record.fixed;
                let args: [u64; 6] = n.u64s();
                if args == call.args && n.u32() == call.nr {
                    return; // begun again
                }
                call.ret = Returned::Value(-i64::from(libc::EINTR));
            }
            _ => call.ret = Returned::Value(-i64::from(libc::EINTR)),
        }
        out.push(raw);
    }

    /// What never ended: operations of io_uring, and calls of which no more was heard.
    pub fn rest(&mut self, out: &mut Vec<Raw>) {
        for (_, mut raw) in self.broken.drain() {
            if let Body::Call(call) = &mut raw.body {
                call.ret = Returned::Value(-i64::from(libc::EINTR));
            }
            out.push(raw);
        }
        let mut left: Vec<_> = self.uring.drain().map(|(_, both)| both).collect();
        left.sort_by_key(|(header, _)| header.seq);
        out.extend(left.into_iter().map(|(header, uring)| raw(header, Body::Uring(Box::new(uring)))));
    }

    fn exec(&mut self, record: Record<'_>) -> Raw {
        let mut n = record.fixed;
        let [old_tid, ppid, env_ppid, argc] = n.u32s();
        let [_, _] = n.u64s::<2>();
        let [chunks, envc] = n.u32s();
        let entered = self.entered.remove(&old_tid).or_else(|| self.entered.remove(&record.header.tid));
        let old_credentials = entered.and_then(|e| e.items.iter().find_map(Item::credentials));
        let pieces = self.pieces.remove(&record.header.tid).unwrap_or_default();
        let (argv, env, mut incomplete) = pieces.finish(chunks, false);
        if incomplete.is_none() && (argv.len(), env.len()) != (argc as usize, envc as usize) {
            incomplete = Some(format!(
                "{argc} arguments and {envc} variables were passed, {} and {} arrived",
                argv.len(),
                env.len()
            ));
        }
        let items = record.items();
        let string = |i: usize| items.get(i).and_then(Item::string);
        let object = |i: usize| items.get(i).and_then(Item::object);
        let filename = string(0).unwrap_or(detektr_event::Unreadable::NotCopied.into());
        let exec = RawExec {
            old_tid,
            interpreter: string(1).filter(|interpreter| *interpreter != filename),
            filename,
            exe: object(2).unwrap_or_else(unknown_object),
            argv,
            env,
            incomplete,
            cwd: object(3).unwrap_or_else(unknown_object),
            ppid,
            env_ppid,
            old_credentials,
            credentials: items.get(4).and_then(Item::credentials).unwrap_or_default(),
            stdio: [object(5), object(6), object(7)],
            sha256: None,
        };
        raw(record.header, Body::Exec(Box::new(exec)))
    }

    fn leave(&mut self, record: Record<'_>) -> Raw {
        let header = record.header;
        let mut n = record.fixed;
        let args = n.u64s();
        let [nr, abi_number] = n.u32s();
        let (entry_ns, ret) = (n.u64(), n.u64() as i64);
        let [ppid, env_ppid, failed_exec, chunks] = n.u32s();
        let abi = abi(abi_number);
        let skipped = header.of == kind_of::SKIPPED;
        let entered = self.entered.remove(&header.tid).filter(|e| !skipped && e.nr == nr && e.abi == abi);
        let entry_items = entered.map(|e| e.items).unwrap_or_default();
        let items = record.items();
        let takes = calls::spec(abi, nr).map_or(&[][..], |spec| spec.takes);
        let ret = if skipped { Returned::Skipped(ret) } else { Returned::Value(ret) };
        let taken = takes
            .iter()
            .enumerate()
            .map(|(i, take)| match skipped {
                true => items.get(i).map_or(Taken::Nothing, Item::taken),
                false => join(*take, entry_items.get(i), items.get(i)),
            })
            .collect();
        let call = RawCall { nr, abi, args, ret, entry_ns, taken, walled: header.walled };
        if failed_exec == 0 {
            return raw(header, Body::Call(Box::new(call)));
        }
        let (argv, env, incomplete) =
            self.pieces.remove(&header.tid).unwrap_or_default().finish(chunks, true);
        let object = |i: usize| items.get(takes.len() + i).and_then(Item::object);
        let credentials = items.get(takes.len() + 1).and_then(Item::credentials).unwrap_or_default();
        let failed = RawFailedExec {
            call,
            argv,
            env,
            incomplete,
            cwd: object(0).unwrap_or_else(unknown_object),
            credentials,
            stdio: [object(2), object(3), object(4)],
            ppid,
            env_ppid,
        };
        raw(header, Body::FailedExec(Box::new(failed)))
    }

    fn submitted(&mut self, record: Record<'_>, out: &mut Vec<Raw>) {
        let mut n = record.fixed;
        let (request, fd, _, opcode, domain) = (n.u64(), n.i32(), n.i32(), n.u32(), n.i32());
        let items = record.items();
        let string = |i: usize| items.get(i).and_then(Item::string);
        let object = |i: usize| items.get(i).and_then(Item::object);
        let uring = RawUring {
            opcode: opcode as u8,
            fd,
            result: None,
            path: string(0),
            path2: string(2),
            base: object(1),
            base2: object(3),
            object: None,
            domain: (opcode == SOCKET).then_some(domain),
            walled: record.header.walled,
            address: items.get(4).map(|i| i.body.clone()).filter(|bytes| !bytes.is_empty()),
        };
        if let Some((header, lost)) = self.uring.insert(request, (record.header, uring)) {
            out.push(raw(header, Body::Uring(Box::new(lost))));
        }
    }

    fn completed(&mut self, record: Record<'_>, out: &mut Vec<Raw>) {
        let mut n = record.fixed;
        let (request, _, result) = (n.u64(), n.i32(), n.i32());
        if let Some((header, mut uring)) = self.uring.remove(&request) {
            uring.result = Some(result);
            uring.object = record.items().first().and_then(Item::object);
            let header = Header { boot_ns: record.header.boot_ns, ..header };
            out.push(raw(header, Body::Uring(Box::new(uring))));
        }
    }
}

fn io(record: &Record<'_>) -> ((u64, u32, u64), RawIo) {
    let mut n = record.fixed;
    let (files, file) = (n.u64(), n.u64());
    let (fd, mapped) = (n.u32(), n.u32() != 0);
    let (written, writes, read) = (n.u64(), n.u64(), n.u64());
    ((files, fd, file), RawIo { object: unknown_object(), written, writes, read, mapped })
}

/// One take of a call that returned, from what was read at its entry and at its return.
fn join(take: Take, entry: Option<&Item>, leave: Option<&Item>) -> Taken {
    match take {
        Take::Str(_) => match (entry.and_then(Item::string), leave.and_then(Item::string)) {
            // the kernel has faulted the page in meanwhile
            (Some(Copied::Unreadable { .. }), Some(now)) | (None, Some(now)) => {
                Taken::String { entry: now, at_return: None }
            }
            (Some(entry), Some(Copied::Unreadable { .. }) | None) => Taken::String { entry, at_return: None },
            (Some(entry), Some(now)) => {
                let at_return = (now != entry).then_some(now);
                Taken::String { entry, at_return }
            }
            (None, None) => Taken::Nothing,
        },
        Take::RetFd | Take::AddressOut(..) | Take::LocalEnd(_) | Take::SocketcallLocalEnd(_) => {
            leave.map_or(Taken::Nothing, Item::taken)
        }
        Take::SocketcallAddress(_) => match entry.map(Item::taken) {
            Some(Taken::Nothing) | None => leave.map_or(Taken::Nothing, Item::taken),
            Some(taken) => taken,
        },
        Take::Creds => match (entry.and_then(Item::credentials), leave.and_then(Item::credentials)) {
            (Some(before), Some(after)) => Taken::Credentials(before, after),
            _ => Taken::Nothing,
        },
        _ => entry.map_or(Taken::Nothing, Item::taken),
    }
}

/// The call that a thread never returned from.
fn never(entered: Entered, exit: Header) -> Raw {
    let Entered { header, nr, abi, args, items } = entered;
    let spec = calls::spec(abi, nr);
    let takes = spec.map_or(&[][..], |spec| spec.takes);
    let taken: Vec<Taken> = takes
        .iter()
        .enumerate()
        .map(|(i, take)| match take {
            Take::RetFd | Take::AddressOut(..) => Taken::Nothing,
            _ => items.get(i).map_or(Taken::Nothing, Item::taken),
        })
        .collect();
    let call = RawCall {
        nr,
        abi,
        args,
        ret: Returned::Never,
        entry_ns: header.boot_ns,
        taken,
        walled: header.walled,
    };
    let header = Header { boot_ns: exit.boot_ns, ..header };
    if spec.is_none_or(|spec| spec.kind != Kind::ProcessExec) {
        return raw(header, Body::Call(Box::new(call)));
    }
    let cwd = items.first().filter(|_| matches!(takes.first(), Some(Take::Cwd))).and_then(Item::object);
    let credentials = items.iter().find_map(Item::credentials).unwrap_or(RawCredentials::default());
    let failed = RawFailedExec {
        call,
        argv: Vec::new(),
        env: Vec::new(),
        incomplete: Some("the call never returned, and its arguments are copied at return".to_owned()),
        cwd: cwd.unwrap_or_else(unknown_object),
        credentials,
        stdio: [None, None, None],
        ppid: 0,
        env_ppid: 0,
    };
    raw(header, Body::FailedExec(Box::new(failed)))
}
