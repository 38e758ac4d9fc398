//! A seccomp program, and running it as the kernel would.

/// One instruction of classic BPF: code, jump if true, jump if false, constant.
pub type Instruction = (u16, u8, u8, u32);

pub(super) const LOAD: u16 = 0x20; // ld [k]
pub(super) const AND: u16 = 0x54; // and #k
pub(super) const JUMP: u16 = 0x05; // ja k
pub(super) const EQUAL: u16 = 0x15; // jeq #k
pub(super) const GREATER: u16 = 0x25; // jgt #k
pub(super) const AT_LEAST: u16 = 0x35; // jge #k
pub(super) const RETURN: u16 = 0x06; // ret #k

/// `AUDIT_ARCH_X86_64`.
pub(super) const X86_64: u32 = 0xc000_003e;
/// `AUDIT_ARCH_I386`.
pub(super) const I386: u32 = 0x4000_0003;
/// The bit that marks an x32 call.
pub(super) const X32_BIT: u32 = 0x4000_0000;

/// What a program answers, as in `seccomp(2)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// The call is made.
    Allow,
    /// It is made and logged.
    Log,
    /// It is not made and returns this error.
    Errno(u16),
    /// It is not made; the thread gets SIGSYS.
    Trap,
    /// It is not made; the thread is killed by SIGSYS.
    KillThread,
    /// It is not made; the process is killed by SIGSYS.
    KillProcess,
    /// A tracer decides; ENOSYS where there is none.
    Trace(u16),
}

impl Action {
    /// The kernel's number.
    pub(super) fn value(self) -> u32 {
        match self {
            Action::Allow => 0x7fff_0000,
            Action::Log => 0x7ffc_0000,
            Action::Errno(number) => 0x0005_0000 | u32::from(number),
            Action::Trap => 0x0003_0000,
            Action::KillThread => 0,
            Action::KillProcess => 0x8000_0000,
            Action::Trace(data) => 0x7ff0_0000 | u32::from(data),
        }
    }

    fn from_value(value: u32) -> Action {
        let data = (value & 0xffff) as u16;
        match value & 0xffff_0000 {
            0x7fff_0000 => Action::Allow,
            0x7ffc_0000 => Action::Log,
            0x0005_0000 => Action::Errno(data.min(4095)),
            0x0003_0000 => Action::Trap,
            0x8000_0000 => Action::KillProcess,
            0x7ff0_0000 => Action::Trace(data),
            // also what the kernel does with a number that it does not know
            _ => Action::KillThread,
        }
    }

    /// Whether the call is made.
    pub fn lets_pass(self) -> bool {
        matches!(self, Action::Allow | Action::Log)
    }
}

/// A call as a program sees it (`struct seccomp_data`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its number, the bit of x32 included.
    pub nr: u32,
    /// `AUDIT_ARCH_…`.
    pub arch: u32,
    /// Address of the instruction.
    pub ip: u64,
    /// Its arguments.
    pub args: [u64; 6],
}

impl Call {
    /// A recorded call; `arch` in the words of events (`x86_64`, `i386`, `x32`).
    pub fn recorded(nr: u32, arch: &str, args: [u64; 6]) -> Call {
        let (arch, bit) = match arch {
            "i386" => (I386, 0),
            "x32" => (X86_64, X32_BIT),
            _ => (X86_64, 0),
        };
        Call { nr: nr | bit, arch, ip: 0, args }
    }

    fn word(&self, offset: u32) -> u32 {
        match offset {
            0 => self.nr,
            4 => self.arch,
            8 => self.ip as u32,
            12 => (self.ip >> 32) as u32,
            _ => {
                let at = (offset - 16) as usize;
                let argument = self.args.get(at / 8).copied().unwrap_or(0);
                if at.is_multiple_of(8) { argument as u32 } else { (argument >> 32) as u32 }
            }
        }
    }
}

/// A compiled profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    pub(super) program: Vec<Instruction>,
    /// Flags of `seccomp(2)`.
    pub(super) flags: u64,
}

impl Filter {
    /// A program that is no profile's.
    pub(crate) fn of(program: Vec<Instruction>) -> Filter {
        Filter { program, flags: 0 }
    }

    /// Its instructions.
    pub fn program(&self) -> &[Instruction] {
        &self.program
    }

    /// Flags for `seccomp(2)`.
    pub fn flags(&self) -> u64 {
        self.flags
    }

    /// What the program answers to `call`.
    pub fn run(&self, call: &Call) -> Action {
        let (mut word, mut at) = (0u32, 0usize);
        loop {
            // jumps go forward only, and a program of ours ends in an answer
            let Some(&(code, yes, no, k)) = self.program.get(at) else { return Action::KillThread };
            at += 1;
            let taken = match code {
                LOAD => {
                    word = call.word(k);
                    continue;
                }
                AND => {
                    word &= k;
                    continue;
                }
                JUMP => {
                    at += k as usize;
                    continue;
                }
                RETURN => return Action::from_value(k),
                EQUAL => word == k,
                GREATER => word > k,
                AT_LEAST => word >= k,
                _ => return Action::KillThread,
            };
            at += usize::from(if taken { yes } else { no });
        }
    }
}
