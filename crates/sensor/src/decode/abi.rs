//! What differs by architecture, and the kernel's numbers by name: errors, signals, calling conventions.

use crate::raw::Abi;

/// Name of a calling convention, as in `Syscall::arch`.
pub(super) const fn arch_name(abi: Abi) -> &'static str {
    match abi {
        Abi::X86_64 => "x86_64",
        Abi::I386 => "i386",
        Abi::X32 => "x32",
    }
}

/// The return value as a signed number, whichever way a 32-bit error was extended.
pub(super) fn normal_return(abi: Abi, value: i64) -> i64 {
    if abi == Abi::I386 && value as u32 >= 0xffff_f001 { i64::from(value as i32) } else { value }
}

/// The error number in a return value, where it is one.
pub(super) fn error_number(value: i64) -> Option<u32> {
    (-4095..=-1).contains(&value).then(|| value.unsigned_abs() as u32)
}

/// Errors that the kernel keeps to itself: the call is begun again or becomes `EINTR` when a signal handler ran.
pub(super) fn is_restart(errno: u32) -> bool {
    matches!(errno, 512..=514 | 516)
}

/// Name of error `errno` (`EACCES`), else its number.
pub fn errno_name(errno: u32) -> String {
    match ERRORS.get(errno as usize) {
        Some(name) if !name.is_empty() => (*name).to_owned(),
        _ => KERNEL_ERRORS
            .iter()
            .find(|(number, _)| *number == errno)
            .map_or_else(|| errno.to_string(), |(_, name)| (*name).to_owned()),
    }
}

/// Name of signal `signal` (`SIGKILL`, `SIGRTMIN+3`), `0` for the null signal, else its number.
pub fn signal_name(signal: i64) -> String {
    match signal {
        1..=31 => SIGNALS[signal as usize - 1].to_owned(),
        32 => "SIGRTMIN".to_owned(),
        33..=63 => format!("SIGRTMIN+{}", signal - 32),
        64 => "SIGRTMAX".to_owned(),
        _ => signal.to_string(),
    }
}

const SIGNALS: [&str; 31] = [
    "SIGHUP",
    "SIGINT",
    "SIGQUIT",
    "SIGILL",
    "SIGTRAP",
    "SIGABRT",
    "SIGBUS",
    "SIGFPE",
    "SIGKILL",
    "SIGUSR1",
    "SIGSEGV",
    "SIGUSR2",
    "SIGPIPE",
    "SIGALRM",
    "SIGTERM",
    "SIGSTKFLT",
    "SIGCHLD",
    "SIGCONT",
    "SIGSTOP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGXCPU",
    "SIGXFSZ",
    "SIGVTALRM",
    "SIGPROF",
    "SIGWINCH",
    "SIGIO",
    "SIGPWR",
    "SIGSYS",
];

/// By number; the gaps (41, 58) are numbers that x86 never gave.
#[rustfmt::skip]
const ERRORS: [&str; 134] = [
    "", "EPERM", "ENOENT", "ESRCH", "EINTR", "EIO", "ENXIO", "E2BIG", "ENOEXEC", "EBADF",
    "ECHILD", "EAGAIN", "ENOMEM", "EACCES", "EFAULT", "ENOTBLK", "EBUSY", "EEXIST", "EXDEV", "ENODEV",
    "ENOTDIR", "EISDIR", "EINVAL", "ENFILE", "EMFILE", "ENOTTY", "ETXTBSY", "EFBIG", "ENOSPC", "ESPIPE",
    "EROFS", "EMLINK", "EPIPE", "EDOM", "ERANGE", "EDEADLK", "ENAMETOOLONG", "ENOLCK", "ENOSYS", "ENOTEMPTY",
    "ELOOP", "", "ENOMSG", "EIDRM", "ECHRNG", "EL2NSYNC", "EL3HLT", "EL3RST", "ELNRNG", "EUNATCH",
    "ENOCSI", "EL2HLT", "EBADE", "EBADR", "EXFULL", "ENOANO", "EBADRQC", "EBADSLT", "", "EBFONT",
    "ENOSTR", "ENODATA", "ETIME", "ENOSR", "ENONET", "ENOPKG", "EREMOTE", "ENOLINK", "EADV", "ESRMNT",
    "ECOMM", "EPROTO", "EMULTIHOP", "EDOTDOT", "EBADMSG", "EOVERFLOW", "ENOTUNIQ", "EBADFD", "EREMCHG", "ELIBACC",
    "ELIBBAD", "ELIBSCN", "ELIBMAX", "ELIBEXEC", "EILSEQ", "ERESTART", "ESTRPIPE", "EUSERS", "ENOTSOCK", "EDESTADDRREQ",
    "EMSGSIZE", "EPROTOTYPE", "ENOPROTOOPT", "EPROTONOSUPPORT", "ESOCKTNOSUPPORT", "EOPNOTSUPP", "EPFNOSUPPORT",
    "EAFNOSUPPORT", "EADDRINUSE", "EADDRNOTAVAIL",
    "ENETDOWN", "ENETUNREACH", "ENETRESET", "ECONNABORTED", "ECONNRESET", "ENOBUFS", "EISCONN", "ENOTCONN",
    "ESHUTDOWN", "ETOOMANYREFS",
    "ETIMEDOUT", "ECONNREFUSED", "EHOSTDOWN", "EHOSTUNREACH", "EALREADY", "EINPROGRESS", "ESTALE", "EUCLEAN",
    "ENOTNAM", "ENAVAIL",
    "EISNAM", "EREMOTEIO", "EDQUOT", "ENOMEDIUM", "EMEDIUMTYPE", "ECANCELED", "ENOKEY", "EKEYEXPIRED",
    "EKEYREVOKED", "EKEYREJECTED",
    "EOWNERDEAD", "ENOTRECOVERABLE", "ERFKILL", "EHWPOISON",
];

const KERNEL_ERRORS: &[(u32, &str)] = &[
    (512, "ERESTARTSYS"),
    (513, "ERESTARTNOINTR"),
    (514, "ERESTARTNOHAND"),
    (515, "ENOIOCTLCMD"),
    (516, "ERESTART_RESTARTBLOCK"),
    (517, "EPROBE_DEFER"),
    (518, "EOPENSTALE"),
    (519, "ENOPARAM"),
    (521, "EBADHANDLE"),
    (522, "ENOTSYNC"),
    (523, "EBADCOOKIE"),
    (524, "ENOTSUPP"),
    (525, "ETOOSMALL"),
    (526, "ESERVERFAULT"),
    (527, "EBADTYPE"),
    (528, "EJUKEBOX"),
    (529, "EIOCBQUEUED"),
    (530, "ERECALLCONFLICT"),
    (531, "ENOGRACE"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_errno_that_libc_knows_has_its_name() {
        let known = [
            (libc::EPERM, "EPERM"),
            (libc::EACCES, "EACCES"),
            (libc::EDEADLK, "EDEADLK"),
            (libc::ENOSYS, "ENOSYS"),
            (libc::ENOMSG, "ENOMSG"),
            (libc::EBFONT, "EBFONT"),
            (libc::EBADFD, "EBADFD"),
            (libc::ERESTART, "ERESTART"),
            (libc::ENOTSOCK, "ENOTSOCK"),
            (libc::EADDRNOTAVAIL, "EADDRNOTAVAIL"),
            (libc::ETOOMANYREFS, "ETOOMANYREFS"),
            (libc::EINPROGRESS, "EINPROGRESS"),
            (libc::ENAVAIL, "ENAVAIL"),
            (libc::EKEYREJECTED, "EKEYREJECTED"),
            (libc::EHWPOISON, "EHWPOISON"),
        ];
        for (number, name) in known {
            assert_eq!(errno_name(number as u32), name);
        }
        assert_eq!(errno_name(512), "ERESTARTSYS");
        assert_eq!(errno_name(41), "41");
        assert_eq!(errno_name(4000), "4000");
    }

    #[test]
    fn signals_have_their_names() {
        let known = [
            (libc::SIGKILL, "SIGKILL"),
            (libc::SIGSTKFLT, "SIGSTKFLT"),
            (libc::SIGIO, "SIGIO"),
            (libc::SIGSYS, "SIGSYS"),
        ];
        for (number, name) in known {
            assert_eq!(signal_name(i64::from(number)), name);
        }
        assert_eq!(signal_name(0), "0");
        assert_eq!(signal_name(35), "SIGRTMIN+3");
        assert_eq!(signal_name(64), "SIGRTMAX");
        assert_eq!(signal_name(-7), "-7");
    }

    #[test]
    fn a_32_bit_error_is_an_error_however_it_was_extended() {
        assert_eq!(normal_return(Abi::I386, 0xffff_fff3), -13);
        assert_eq!(normal_return(Abi::I386, -13), -13);
        assert_eq!(normal_return(Abi::I386, 0xf7fc_1000), 0xf7fc_1000);
        assert_eq!(normal_return(Abi::X86_64, 0xffff_fff3), 0xffff_fff3);
        assert_eq!(error_number(-4095), Some(4095));
        assert_eq!(error_number(-4096), None);
        assert_eq!(error_number(0), None);
    }
}
