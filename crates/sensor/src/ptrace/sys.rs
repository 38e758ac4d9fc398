//! The kernel's tracing interface, thread by thread: thin, safe wrappers around `ptrace(2)` and `wait4(2)`.
//! Every call here acts on a tracee of the calling thread, so all of them are made on the tracer's own thread.

use std::io;
use std::os::raw::c_void;

/// Options of every tracee.
pub(super) const OPTIONS: i32 = libc::PTRACE_O_TRACEFORK
    | libc::PTRACE_O_TRACEVFORK
    | libc::PTRACE_O_TRACECLONE
    | libc::PTRACE_O_TRACEEXEC
    | libc::PTRACE_O_TRACEEXIT
    | libc::PTRACE_O_TRACESECCOMP
    | libc::PTRACE_O_TRACESYSGOOD
    | libc::PTRACE_O_EXITKILL;

/// `AUDIT_ARCH_X86_64`.
pub(super) const ARCH_X86_64: u32 = 0xc000_003e;
/// `AUDIT_ARCH_I386`.
pub(super) const ARCH_I386: u32 = 0x4000_0003;
/// Bit of the number of a x32 call.
pub(super) const X32_BIT: u32 = 0x4000_0000;

const GET_SYSCALL_INFO: libc::c_uint = 0x420e;
/// Offsets in `struct user_regs_struct` of x86_64, which ia32 tracees share with a 64-bit tracer.
const OFFSET_ORIG_RAX: usize = 15 * 8;
const OFFSET_RDI: usize = 14 * 8;
const OFFSET_RBX: usize = 5 * 8;
const OFFSET_RCX: usize = 11 * 8;
const OFFSET_RDX: usize = 12 * 8;

/// How the traced thread is to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resume {
    /// Until the next event.
    Run,
    /// Until the next event, system call entry or return.
    ToCall,
    /// Stay in the group stop.
    Listen,
}

/// `struct ptrace_syscall_info`, whose union holds six arguments at most.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct CallInfo {
    /// 0 none, 1 entry, 2 exit, 3 seccomp.
    pub(super) op: u8,
    reserved: u8,
    flags: u16,
    /// `AUDIT_ARCH_*` of the call.
    pub(super) arch: u32,
    /// Instruction pointer.
    pub(super) ip: u64,
    /// Stack pointer.
    pub(super) sp: u64,
    /// Entry and seccomp: number, then six arguments. Exit: return value, then whether it is an error.
    pub(super) words: [u64; 7],
    ret_data: u32,
    reserved2: u32,
}

/// What `wait4` reported.
pub(super) enum Waited {
    /// Thread and wait status.
    Status(i32, i32),
    /// No tracee is left.
    NoneLeft,
    /// A signal for the tracer thread came in.
    Interrupted,
}

fn request(request: libc::c_uint, tid: i32, address: usize, data: usize) -> io::Result<i64> {
    // SAFETY: callers pass as `data` (and `address`) plain numbers, or pointers to live memory of the size that
    // the request writes; a thread that is no stopped tracee of this one gives ESRCH.
    let result = unsafe { libc::ptrace(request, tid, address as *mut c_void, data as *mut c_void) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Begins to trace the running process `tid`, without stopping it.
pub(super) fn seize(tid: i32) -> io::Result<()> {
    request(libc::PTRACE_SEIZE, tid, 0, OPTIONS as usize).map(drop)
}

/// Lets the stopped thread go on, with `signal` delivered (0: none).
pub(super) fn resume(tid: i32, how: Resume, signal: i32) -> io::Result<()> {
    let code = match how {
        Resume::Run => libc::PTRACE_CONT,
        Resume::ToCall => libc::PTRACE_SYSCALL,
        Resume::Listen => libc::PTRACE_LISTEN,
    };
    request(code, tid, 0, signal as usize).map(drop)
}

/// Makes a running thread stop soon.
pub(super) fn interrupt(tid: i32) -> io::Result<()> {
    request(libc::PTRACE_INTERRUPT, tid, 0, 0).map(drop)
}

/// The message of the event that `tid` is stopped at.
pub(super) fn event_message(tid: i32) -> io::Result<u64> {
    let mut message: libc::c_ulong = 0;
    request(libc::PTRACE_GETEVENTMSG, tid, 0, &raw mut message as usize)?;
    Ok(message)
}

/// The call that `tid` is stopped at.
pub(super) fn call_info(tid: i32) -> io::Result<CallInfo> {
    let mut info = CallInfo::default();
    request(GET_SYSCALL_INFO, tid, size_of::<CallInfo>(), &raw mut info as usize)?;
    Ok(info)
}

/// Signal number, `si_code` and sender of the signal that `tid` is stopped at.
pub(super) fn signal_info(tid: i32) -> io::Result<(i32, i32, i32)> {
    // SAFETY: siginfo_t is plain data, for which zeroes are valid.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    request(libc::PTRACE_GETSIGINFO, tid, 0, &raw mut info as usize)?;
    // SAFETY: si_pid lies within the structure; where the signal has no sender it is only a number.
    let sender = unsafe { info.si_pid() };
    Ok((info.si_signo, info.si_code, sender))
}

/// Whether the stopped thread runs 32-bit code.
pub(super) fn is_32_bit(tid: i32) -> bool {
    // SAFETY: user_regs_struct is plain data, for which zeroes are valid.
    let mut registers: libc::user_regs_struct = unsafe { std::mem::zeroed() };
    request(libc::PTRACE_GETREGS, tid, 0, &raw mut registers as usize).is_ok() && registers.cs == 0x23
}

/// Makes the kernel skip the call that `tid` is about to enter; it returns ENOSYS.
pub(super) fn skip_call(tid: i32) -> io::Result<()> {
    request(libc::PTRACE_POKEUSER, tid, OFFSET_ORIG_RAX, usize::MAX).map(drop)
}

/// Sets the first argument register of the call that `tid` is about to enter or returns from.
pub(super) fn set_first_argument(tid: i32, arch: u32, value: u64) -> io::Result<()> {
    let offset = if arch == ARCH_I386 { OFFSET_RBX } else { OFFSET_RDI };
    request(libc::PTRACE_POKEUSER, tid, offset, value as usize).map(drop)
}

/// Makes the ia32 call that `tid` is about to enter call `nr`; with what arguments, `set_ia32_arguments` says.
pub(super) fn set_call(tid: i32, nr: u32) -> io::Result<()> {
    request(libc::PTRACE_POKEUSER, tid, OFFSET_ORIG_RAX, nr as usize).map(drop)
}

/// Sets the first three argument registers of the ia32 call that `tid` is about to enter or returns from.
pub(super) fn set_ia32_arguments(tid: i32, values: [u32; 3]) -> io::Result<()> {
    for (offset, value) in [OFFSET_RBX, OFFSET_RCX, OFFSET_RDX].into_iter().zip(values) {
        request(libc::PTRACE_POKEUSER, tid, offset, value as usize)?;
    }
    Ok(())
}

/// Writes one word into the memory of the stopped thread.
pub(super) fn poke(tid: i32, address: u64, value: u64) -> io::Result<()> {
    request(libc::PTRACE_POKEDATA, tid, address as usize, value as usize).map(drop)
}

/// Waits until a tracee of this thread reports something.
pub(super) fn wait(block: bool) -> io::Result<Option<Waited>> {
    let mut status = 0;
    let options = libc::__WALL | libc::__WNOTHREAD | if block { 0 } else { libc::WNOHANG };
    // SAFETY: `status` outlives the call, and no resource usage is asked for.
    let tid = unsafe { libc::wait4(-1, &raw mut status, options, std::ptr::null_mut()) };
    if tid > 0 {
        return Ok(Some(Waited::Status(tid, status)));
    }
    if tid == 0 {
        return Ok(None);
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::ECHILD) => Ok(Some(Waited::NoneLeft)),
        Some(libc::EINTR) => Ok(Some(Waited::Interrupted)),
        _ => Err(error),
    }
}

/// Nanoseconds since boot.
pub(super) fn boot_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` outlives the call, which can't fail for this clock.
    unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// CPU time in nanoseconds of all threads that process `tgid` has had; `None` where there is none of that number. A
/// thread of it must stand still meanwhile, lest the number be another process's.
pub(super) fn cpu_ns(tgid: i32) -> Option<u64> {
    let mut clock: libc::clockid_t = 0;
    // SAFETY: `clock` outlives the call, which takes a plain number beside it.
    if unsafe { libc::clock_getcpuclockid(tgid, &raw mut clock) } != 0 {
        return None;
    }
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` outlives the call.
    if unsafe { libc::clock_gettime(clock, &raw mut time) } < 0 {
        return None;
    }
    Some(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
}

/// The signal that wakes the tracer thread out of its wait; nothing else of the process uses it.
pub(super) fn wake_signal() -> i32 {
    libc::SIGRTMAX() - 3
}

extern "C" fn ignore(_: i32) {}

/// Gives the wake signal a handler that does nothing, so that it interrupts a wait and no more.
pub(super) fn prepare_wake() -> io::Result<()> {
    // SAFETY: sigaction is plain data, for which zeroes are valid (no flags, an empty mask).
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = ignore as extern "C" fn(i32) as usize;
    // SAFETY: the handler does nothing, so it is safe at any point of any thread; `action` outlives the call.
    let result = unsafe { libc::sigaction(wake_signal(), &raw const action, std::ptr::null_mut()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The calling thread's number.
pub(super) fn this_thread() -> i32 {
    // SAFETY: gettid takes nothing and can't fail.
    unsafe { libc::gettid() }
}

/// Wakes thread `tid` of this process out of its wait.
pub(super) fn wake(tid: i32) {
    // SAFETY: tgkill takes plain numbers; a thread that is gone gives ESRCH, which is as good as woken.
    unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), tid, wake_signal()) };
}

/// Traces a child made for it, to see whether the host allows that.
pub(super) fn probe() -> io::Result<()> {
    // SAFETY: the child calls nothing but pause and _exit, which are safe after a fork of a process with threads.
    let child = unsafe { libc::fork() };
    if child < 0 {
        return Err(io::Error::last_os_error());
    }
    if child == 0 {
        // SAFETY: both are async-signal-safe.
        unsafe {
            libc::pause();
            libc::_exit(0);
        }
    }
    let traced = seize(child);
    // SAFETY: `child` is a child of this process that nobody has waited for, so the number is still its own.
    unsafe { libc::kill(child, libc::SIGKILL) };
    loop {
        let mut status = 0;
        // SAFETY: `status` outlives the call.
        let waited = unsafe { libc::waitpid(child, &raw mut status, libc::__WALL) };
        if waited < 0 && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted {
            continue;
        }
        if waited < 0 || !libc::WIFSTOPPED(status) {
            return traced;
        }
        drop(resume(child, Resume::Run, 0));
    }
}
