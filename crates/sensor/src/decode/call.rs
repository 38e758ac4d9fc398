//! One system call, read safely: arguments by width, what was taken by position, and the outcome.

use super::abi;
use super::path::{Base, Paths};
use crate::calls::CallSpec;
use crate::raw::{Abi, RawCall, RawCredentials, RawObject, Returned, Taken};
use detektr_event::{Copied, FilePath, Outcome, OutcomeResult, Provenance, Syscall, Unreadable, WALL};

pub(super) const AT_FDCWD: i32 = -100;
const AT_EMPTY_PATH: u64 = 0x1000;
const NOTHING: Taken = Taken::Nothing;

/// A call with its line of the table.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub name: &'static str,
    pub raw: &'a RawCall,
    pub paths: Paths<'a>,
}

impl<'a> Call<'a> {
    pub fn new(spec: &CallSpec, raw: &'a RawCall, paths: Paths<'a>) -> Self {
        Call { name: spec.name, raw, paths }
    }

    /// Whether it is a 32-bit call.
    pub fn ia32(&self) -> bool {
        self.raw.abi == Abi::I386
    }

    /// Argument `position`, as wide as a register of the calling convention.
    pub fn arg(&self, position: usize) -> u64 {
        let value = self.raw.args.get(position).copied().unwrap_or(0);
        if self.ia32() { value & 0xffff_ffff } else { value }
    }

    /// Argument `position` as an `int`.
    pub fn int(&self, position: usize) -> i32 {
        self.arg(position) as i32
    }

    /// Argument `position` as an `unsigned int`.
    pub fn uint(&self, position: usize) -> u32 {
        self.arg(position) as u32
    }

    /// Argument `position` as a `long` of the calling convention.
    pub fn long(&self, position: usize) -> i64 {
        if self.ia32() { i64::from(self.int(position)) } else { self.arg(position) as i64 }
    }

    /// A 64-bit argument: one register natively, two (low first) in a 32-bit call.
    pub fn wide(&self, native: usize, low: usize) -> i64 {
        if self.ia32() { (self.arg(low) | self.arg(low + 1) << 32) as i64 } else { self.arg(native) as i64 }
    }

    /// The value that a success returned.
    pub fn value(&self) -> Option<i64> {
        match self.raw.ret {
            Returned::Value(value) => {
                let value = abi::normal_return(self.raw.abi, value);
                abi::error_number(value).is_none().then_some(value)
            }
            Returned::Skipped(_) | Returned::Never => None,
        }
    }

    /// The descriptor that a success returned.
    pub fn fd(&self) -> Option<i32> {
        self.value().map(|value| value as i32)
    }

    /// Whether it was never entered.
    pub fn skipped(&self) -> bool {
        matches!(self.raw.ret, Returned::Skipped(_))
    }

    /// How it ended.
    pub fn outcome(&self) -> Outcome {
        let (value, skipped) = match self.raw.ret {
            Returned::Never if self.raw.walled => return self.by_the_wall(OutcomeResult::Unfinished, None),
            Returned::Never => return Outcome::UNFINISHED,
            Returned::Value(value) => (value, false),
            Returned::Skipped(value) => (value, true),
        };
        let errno = abi::error_number(abi::normal_return(self.raw.abi, value));
        if self.raw.walled {
            // killed before it could see what it returned, or refused
            let result = if errno.is_some() { OutcomeResult::Failure } else { OutcomeResult::Unfinished };
            return self.by_the_wall(result, errno);
        }
        let result = match errno {
            _ if skipped => OutcomeResult::Failure,
            None => OutcomeResult::Success,
            Some(errno) if abi::is_restart(errno) => OutcomeResult::Unfinished,
            Some(115) if self.is_connect() => OutcomeResult::Unfinished,
            Some(_) => OutcomeResult::Failure,
        };
        Outcome { result, errno: errno.map(abi::errno_name), enforcer: None, skipped }
    }

    fn by_the_wall(&self, result: OutcomeResult, errno: Option<u32>) -> Outcome {
        Outcome { result, errno: errno.map(abi::errno_name), enforcer: Some(WALL.to_owned()), skipped: false }
    }

    /// Whether Detektr's own wall answered it.
    pub fn walled(&self) -> bool {
        self.raw.walled
    }

    fn is_connect(&self) -> bool {
        self.name == "connect" || (self.name == "socketcall" && self.uint(0) == 3)
    }

    /// The raw call, for the event.
    pub fn syscall(&self) -> Syscall {
        Syscall { nr: self.raw.nr, arch: abi::arch_name(self.raw.abi).to_owned(), args: self.raw.args }
    }

    /// What was taken at `position` of the call's line.
    pub fn taken(&self, position: usize) -> &'a Taken {
        self.raw.taken.get(position).unwrap_or(&NOTHING)
    }

    /// The string taken at `position`, whose pointer is argument `pointer`.
    pub fn string(&self, position: usize, pointer: usize) -> Copied {
        match self.taken(position) {
            Taken::String { entry, .. } => entry.clone(),
            Taken::Unreadable(why) => (*why).into(),
            _ if self.arg(pointer) == 0 => Unreadable::BadAddress.into(),
            _ => Unreadable::NotCopied.into(),
        }
    }

    /// The string taken at `position`, or nothing where the call gave a null pointer.
    pub fn optional_string(&self, position: usize, pointer: usize) -> Option<Copied> {
        (self.arg(pointer) != 0 || !matches!(self.taken(position), Taken::Nothing))
            .then(|| self.string(position, pointer))
    }

    /// The kernel object taken at `position`.
    pub fn object(&self, position: usize) -> Option<&'a RawObject> {
        match self.taken(position) {
            Taken::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The bytes taken at `position`.
    pub fn bytes(&self, position: usize) -> Option<&'a [u8]> {
        match self.taken(position) {
            Taken::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Credentials before and after, taken at `position`.
    pub fn credentials(&self, position: usize) -> Option<(&'a RawCredentials, &'a RawCredentials)> {
        match self.taken(position) {
            Taken::Credentials(old, new) => Some((old, new)),
            _ => None,
        }
    }

    /// The working directory taken at `position`, as a base.
    pub fn cwd(&self, position: usize) -> Base<'a> {
        Base { object: self.object(position), cwd: true }
    }

    /// The directory of descriptor argument `descriptor`, taken at `position`, as a base.
    pub fn dir(&self, position: usize, descriptor: usize) -> Base<'a> {
        Base { object: self.object(position), cwd: self.int(descriptor) == AT_FDCWD }
    }

    /// The path of a call on the working directory: base at `position`, string right after it.
    pub fn path(&self, position: usize, pointer: usize) -> FilePath {
        let given = self.string(position + 1, pointer);
        self.paths.joined(self.cwd(position), &given, Provenance::UserMemory)
    }

    /// The path of an `…at` call: base at `position` from argument `descriptor`, string right after it from
    /// argument `descriptor + 1`, and its `flags`.
    pub fn path_at(&self, position: usize, descriptor: usize, flags: u64) -> FilePath {
        let base = self.dir(position, descriptor);
        let given = self.string(position + 1, descriptor + 1);
        let nothing_given =
            matches!(self.taken(position + 1), Taken::Nothing) && self.arg(descriptor + 1) == 0;
        let empty = given.as_whole().is_some_and(|text| text.as_bytes().is_empty()) || nothing_given;
        if empty
            && flags & AT_EMPTY_PATH != 0
            && let Some(object) = base.object
        {
            return self.paths.object(object);
        }
        self.paths.joined(base, &given, Provenance::UserMemory)
    }

    /// The file behind a descriptor, taken at `position`; its number where it led nowhere.
    pub fn file(&self, position: usize, descriptor: usize) -> FilePath {
        match self.object(position) {
            Some(object) => self.paths.object(object),
            None => match self.taken(position) {
                Taken::Unreadable(why) => self.paths.raw(&(*why).into()),
                _ => self.paths.raw(&Copied::whole(format!("fd:[{}]", self.int(descriptor)))),
            },
        }
    }
}
