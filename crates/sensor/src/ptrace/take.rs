//! What is taken for a call at its entry and completed at its return, as `calls::Take` says.

use super::memory;
use super::socket;
use super::sys;
use super::tasks::{InFlight, Place, Slot, Written};
use super::tracer::Tracer;
use super::{procfs, procfs::Link};
use crate::calls::{CallSpec, Take};
use crate::raw::{Abi, RawCredentials, RawObject, Taken};
use detektr_event::Unreadable;

/// The most of an address that is copied.
const LONGEST_ADDRESS: usize = 256;

impl Tracer {
    /// Takes everything that is there at entry.
    pub(super) fn take_entry(&mut self, tid: i32, abi: Abi, args: &[u64; 6], spec: &CallSpec) -> Vec<Taken> {
        let pointer = if abi == Abi::X86_64 { 8 } else { 4 };
        spec.takes
            .iter()
            .map(|take| match *take {
                Take::Str(n) if unused_string(spec, n, args) => Taken::Nothing,
                Take::Str(n) => memory::string(tid, args[n as usize])
                    .map_or(Taken::Nothing, |entry| Taken::String { entry, at_return: None }),
                Take::Cwd => self.cwd(tid).map_or(Taken::Nothing, Taken::Object),
                Take::Dir(n) if args[n as usize] as i32 == libc::AT_FDCWD => {
                    self.cwd(tid).map_or(Taken::Nothing, Taken::Object)
                }
                Take::Dir(n) | Take::Fd(n) => match args[n as usize] as i32 {
                    fd if fd < 0 => Taken::Nothing,
                    fd => self.descriptor(tid, fd).map_or(Taken::Nothing, Taken::Object),
                },
                Take::WordFd(n, offset) => {
                    match memory::read_exact(tid, args[n as usize].wrapping_add(offset.into()), 4) {
                        Some(word) => match memory::word(&word) as i32 {
                            fd if fd < 0 => Taken::Nothing,
                            fd => self.descriptor(tid, fd).map_or(Taken::Nothing, Taken::Object),
                        },
                        None => Taken::Nothing,
                    }
                }
                Take::Bytes(n, length) => bytes(tid, args[n as usize], length as usize),
                Take::Sized(n, length) => {
                    bytes(tid, args[n as usize], (args[length as usize] as u32 as usize).min(LONGEST_ADDRESS))
                }
                Take::MessageName(n) => message_name(tid, args[n as usize], pointer),
                Take::SocketcallArgs(n) => bytes(tid, args[n as usize], 4 * socketcall_arguments(args[0])),
                Take::SocketcallAddress(n) => socketcall_address(tid, args[0], args[n as usize]),
                Take::Creds => {
                    self.thread_credentials(tid).map_or(Taken::Nothing, |now| Taken::Credentials(now, now))
                }
                Take::RetFd | Take::AddressOut(..) | Take::LocalEnd(_) | Take::SocketcallLocalEnd(_) => {
                    Taken::Nothing
                }
            })
            .collect()
    }

    /// Completes what the return shows. `value` is what the call returned.
    pub(super) fn take_return(&mut self, tid: i32, call: &mut InFlight, spec: &CallSpec, value: i64) {
        let races = self.shares_memory(tid);
        for (i, take) in spec.takes.iter().enumerate() {
            match *take {
                Take::RetFd if value >= 0 => {
                    if let Some(object) = self.descriptor(tid, value as i32) {
                        call.taken[i] = Taken::Object(object);
                    }
                }
                Take::AddressOut(n, length) if value >= 0 => {
                    call.taken[i] = address_out(tid, call.args[n as usize], call.args[length as usize]);
                }
                Take::SocketcallAddress(n) if value >= 0 && matches!(call.args[0], 5 | 18) => {
                    if let Some(words) = memory::read_exact(tid, call.args[n as usize], 12) {
                        call.taken[i] =
                            address_out(tid, memory::word(&words[4..8]), memory::word(&words[8..12]));
                    }
                }
                Take::LocalEnd(n) => call.taken[i] = self.local_end(tid, call.args[n as usize] as i32),
                Take::SocketcallLocalEnd(n) if matches!(call.args[0], 2 | 3 | 11 | 16) => {
                    if let Some(word) = memory::read_exact(tid, call.args[n as usize], 4) {
                        call.taken[i] = self.local_end(tid, memory::word(&word) as i32);
                    }
                }
                Take::Creds => {
                    if let (Some(before), Some(after)) =
                        (self.thread_credentials(tid), self.refresh_credentials(tid))
                    {
                        call.taken[i] = Taken::Credentials(before, after);
                    }
                }
                Take::Str(n) if races => {
                    if let Taken::String { entry, at_return } = &mut call.taken[i]
                        && let Some(now) = memory::string(tid, call.args[n as usize])
                        && now != *entry
                    {
                        *at_return = Some(now);
                    }
                }
                _ => {}
            }
        }
    }

    /// Whether others can change the memory of this thread while it is in a call.
    fn shares_memory(&self, tid: i32) -> bool {
        let process = self.tasks.threads.get(&tid).and_then(|thread| self.tasks.processes.get(&thread.tgid));
        process.is_some_and(|process| process.threads > 1 || process.shares_memory)
    }

    /// The own end of the socket behind `fd`.
    fn local_end(&self, tid: i32, fd: i32) -> Taken {
        let tgid = self.tasks.threads.get(&tid).map_or(tid, |thread| thread.tgid);
        socket::local_end(tgid, tid, fd).map_or(Taken::Nothing, Taken::Bytes)
    }

    fn thread_credentials(&self, tid: i32) -> Option<RawCredentials> {
        self.tasks.threads.get(&tid).map(|thread| thread.credentials)
    }

    /// Reads the credentials anew.
    pub(super) fn refresh_credentials(&mut self, tid: i32) -> Option<RawCredentials> {
        let credentials = procfs::status(tid).ok()?.credentials;
        self.tasks.threads.get_mut(&tid)?.credentials = credentials;
        Some(credentials)
    }

    /// Where the process of `tid` stands, looked at again where anything may have moved it.
    pub(super) fn place(&mut self, tid: i32) -> Option<&mut Place> {
        let generation = self.generation;
        let tgid = self.tasks.threads.get(&tid)?.tgid;
        let process = self.tasks.processes.get_mut(&tgid)?;
        if process.place.as_ref().is_none_or(|place| place.generation != generation) {
            process.place = Some(Place {
                generation,
                mount_namespace: procfs::mount_namespace(tid),
                root: procfs::root(tid),
                cwd: None,
            });
        }
        process.place.as_mut()
    }

    /// The working directory.
    pub(super) fn cwd(&mut self, tid: i32) -> Option<RawObject> {
        let place = self.place(tid)?;
        if let Some(cwd) = &place.cwd {
            return Some(cwd.clone());
        }
        let cwd = self.look(tid, "cwd", None)?;
        self.place(tid)?.cwd = Some(cwd.clone());
        Some(cwd)
    }

    /// The object behind a descriptor.
    pub(super) fn descriptor(&mut self, tid: i32, fd: i32) -> Option<RawObject> {
        self.look(tid, "fd", Some(fd))
    }

    /// The object behind a link of `/proc/TID`.
    pub(super) fn look(&mut self, tid: i32, word: &str, number: Option<i32>) -> Option<RawObject> {
        let link = Link::look(tid, word, number)?;
        let (mount_namespace, root) = {
            let place = self.place(tid)?;
            (place.mount_namespace, place.root.clone())
        };
        Some(self.objects.object(tid, word, number, link, mount_namespace, root))
    }

    /// What is remembered of the open file behind `fd`, looked at where nothing is yet.
    pub(super) fn slot(&mut self, tid: i32, fd: i32) -> Option<&mut Slot> {
        let tgid = self.tasks.threads.get(&tid)?.tgid;
        if !self.tasks.processes.get(&tgid)?.files.contains_key(&fd) {
            let slot = match self.descriptor(tid, fd)? {
                object if object.mode & libc::S_IFMT == libc::S_IFREG => {
                    Slot::File(Box::new(Written { object, bytes: 0, calls: 0, mapped: false }))
                }
                _ => Slot::Other,
            };
            self.tasks.processes.get_mut(&tgid)?.files.insert(fd, slot);
        }
        self.tasks.processes.get_mut(&tgid)?.files.get_mut(&fd)
    }
}

/// Arguments that are strings only with certain operations.
fn unused_string(spec: &CallSpec, n: u8, args: &[u64; 6]) -> bool {
    spec.name == "prctl" && n == 1 && args[0] as i32 != libc::PR_SET_NAME
}

/// Whether a call that `every_call` stopped is one that the filter would have passed on.
pub(super) fn wanted(spec: &CallSpec, abi: Abi, args: &[u64; 6]) -> bool {
    let has = |argument: usize, bits: i32| args[argument] as i32 & bits != 0;
    match (spec.name, abi) {
        ("mmap", Abi::I386) => true,
        ("mmap" | "mmap2", _) => {
            has(2, libc::PROT_EXEC) || (has(2, libc::PROT_WRITE) && has(3, libc::MAP_SHARED))
        }
        ("mprotect" | "pkey_mprotect", _) => has(2, libc::PROT_EXEC),
        ("sendto", _) => args[4] != 0,
        ("prctl", _) => matches!(
            args[0] as i32,
            libc::PR_SET_NAME | libc::PR_SET_SECCOMP | libc::PR_CAP_AMBIENT | libc::PR_CAPBSET_DROP
        ),
        _ => true,
    }
}

fn bytes(tid: i32, address: u64, length: usize) -> Taken {
    if address == 0 || length == 0 {
        return Taken::Nothing;
    }
    let bytes = memory::read_up_to(tid, address, length);
    if bytes.is_empty() { Taken::Unreadable(Unreadable::BadAddress) } else { Taken::Bytes(bytes) }
}

fn address_out(tid: i32, address: u64, length: u64) -> Taken {
    if address == 0 || length == 0 {
        return Taken::Nothing;
    }
    match memory::read_exact(tid, length, 4) {
        Some(length) => bytes(tid, address, (memory::word(&length) as usize).min(LONGEST_ADDRESS)),
        None => Taken::Unreadable(Unreadable::BadAddress),
    }
}

fn message_name(tid: i32, message: u64, pointer: usize) -> Taken {
    if message == 0 {
        return Taken::Nothing;
    }
    match memory::read_exact(tid, message, pointer + 4) {
        Some(begin) => {
            let length = (memory::word(&begin[pointer..]) as usize).min(LONGEST_ADDRESS);
            bytes(tid, memory::word(&begin[..pointer]), length)
        }
        None => Taken::Unreadable(Unreadable::BadAddress),
    }
}

/// How many words the sub-call of `socketcall` takes.
fn socketcall_arguments(sub: u64) -> usize {
    match sub {
        4 | 13 => 2,
        1..=7 | 16 | 17 => 3,
        8..=10 | 18 | 20 => 4,
        14 | 15 | 19 => 5,
        11 | 12 => 6,
        _ => 0,
    }
}

fn socketcall_address(tid: i32, sub: u64, arguments: u64) -> Taken {
    let Some(words) = memory::read_exact(tid, arguments, 4 * socketcall_arguments(sub)) else {
        return Taken::Unreadable(Unreadable::BadAddress);
    };
    let word = |n: usize| memory::word(&words[4 * n..4 * n + 4]);
    match sub {
        2 | 3 => bytes(tid, word(1), (word(2) as usize).min(LONGEST_ADDRESS)),
        11 => bytes(tid, word(4), (word(5) as usize).min(LONGEST_ADDRESS)),
        16 | 20 => message_name(tid, word(1), 4),
        _ => Taken::Nothing,
    }
}

/// The flags of a call that makes a process or thread.
pub(super) fn clone_flags(name: &str, args: &[u64; 6], taken: &[Taken]) -> u64 {
    const EXIT_SIGNAL: u64 = 0xff;
    match name {
        "clone" => args[0] & 0xffff_ffff & !EXIT_SIGNAL,
        "clone3" => match taken.first() {
            Some(Taken::Bytes(bytes)) if bytes.len() >= 8 => memory::word(&bytes[..8]),
            _ => 0,
        },
        "vfork" => (libc::CLONE_VFORK | libc::CLONE_VM) as u64,
        _ => 0,
    }
}

/// Takes CLONE_UNTRACED out of what a call is about to use, so that no child escapes. What to put back at return.
pub(super) fn keep_traced(tid: i32, call: &mut InFlight, name: &str) {
    let untraced = libc::CLONE_UNTRACED as u64;
    let flags = clone_flags(name, &call.args, &call.taken);
    if flags & untraced == 0 {
        return;
    }
    if name == "clone" {
        let done = sys::set_first_argument(tid, call.arch, call.args[0] & !untraced);
        call.restore = done.is_ok().then_some(call.args[0]);
    } else {
        let done = sys::poke(tid, call.args[0], flags & !untraced);
        call.restore_word = done.is_ok().then_some((call.args[0], flags));
    }
}
