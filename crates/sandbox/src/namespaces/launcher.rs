//! The launcher: a process in the environment's own namespaces that prepares itself, waits for its release and
//! becomes the artifact.

use super::protocol::Launch;
use super::{keeper, starter};
use crate::controls::{apply, sysctl};
use crate::sys;
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

/// What launcher and init say to each other, one packet each.
pub(super) mod word {
    pub(crate) const GO: u8 = b'g';
    pub(crate) const UNSHARED: u8 = b'u';
    pub(crate) const READY: u8 = b'r';
    pub(crate) const FAILED: u8 = b'f';
    pub(crate) const EXEC_FAILED: u8 = b'x';
    /// What was to run first has run; with a number, the one that failed.
    pub(crate) const PREPARED: u8 = b'p';
}

/// The launcher's life. Never returns.
pub(super) fn run(launch: &Launch, given: &[OwnedFd], socket: &OwnedFd) -> ! {
    let say = |kind: u8, body: &[u8]| {
        let mut packet = vec![kind];
        packet.extend_from_slice(body);
        let _ = rustix::net::send(socket, &packet, rustix::net::SendFlags::NOSIGNAL);
    };
    if let Err((step, e)) = prepare(launch, given, socket, &say) {
        say(word::FAILED, format!("{step}: {e}").as_bytes());
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL).ok();
        std::process::exit(125);
    }
    if !launch.jobs.is_empty() {
        starter::run(launch);
    }
    if has_first(launch) {
        let done = starter::set_up(launch)
            .and_then(|()| watched(launch, given, socket).map_err(|_| launch.setup.len()))
            .and_then(|()| controls(launch).map_err(|_| launch.setup.len()));
        match done {
            Ok(()) => {
                say(word::PREPARED, &[]);
                if launch.controls.egress && wait_go(socket).is_err() {
                    std::process::exit(125);
                }
            }
            Err(failed) => {
                say(word::PREPARED, &u32::try_from(failed).unwrap_or(u32::MAX).to_ne_bytes());
                std::process::exit(125);
            }
        }
    }
    let e = become_program(launch, None);
    say(word::EXEC_FAILED, &e.raw_os_error().unwrap_or(0).to_ne_bytes());
    std::process::exit(127)
}

/// Whether something has to run before the program.
fn has_first(launch: &Launch) -> bool {
    !launch.setup.is_empty() || !launch.monitors.is_empty()
}

/// Leaves a keeper behind, and waits until all that watches does so.
fn watched(launch: &Launch, given: &[OwnedFd], socket: &OwnedFd) -> io::Result<()> {
    if launch.monitors.is_empty() {
        return Ok(());
    }
    let first = 3 + launch.tasks;
    let own = given.get(first..first + launch.kept()).ok_or(io::ErrorKind::InvalidInput)?;
    keeper::leave(launch, own)?;
    wait_go(socket)
}

/// Puts on the controls that are there before the program is. What has to run first runs without them.
fn controls(launch: &Launch) -> Result<(), Step> {
    sysctl::set(&launch.controls)?;
    apply::mounts(&launch.controls)
}

fn wait_go(socket: &OwnedFd) -> io::Result<()> {
    let mut byte = [0u8; 1];
    match rustix::net::recv(socket, &mut byte, rustix::net::RecvFlags::empty())? {
        (1, _) if byte[0] == word::GO => Ok(()),
        _ => Err(io::Error::other("init is gone")),
    }
}

type Step = (String, io::Error);

fn prepare(
    launch: &Launch,
    given: &[OwnedFd],
    socket: &OwnedFd,
    say: &dyn Fn(u8, &[u8]),
) -> Result<(), Step> {
    let at = |step: &'static str| move |e| (step.to_owned(), e);
    for tasks in given.iter().skip(3).take(launch.tasks) {
        rustix::io::write(tasks, b"0")
            .map_err(|e| ("entering the cgroups that keep limits".to_owned(), e.into()))?;
    }
    let namespaces = libc::CLONE_NEWUSER
        | libc::CLONE_NEWNS
        | libc::CLONE_NEWNET
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWCGROUP;
    sys::unshare(namespaces).map_err(at("making the environment's namespaces"))?;
    say(word::UNSHARED, &[]);
    wait_go(socket).map_err(at("waiting for the id maps"))?;
    let mut notes = Vec::new();
    if let Some(seconds) = launch.boottime
        && let Err(e) = shift_clock(seconds)
    {
        notes.push(format!("no boot time of its own: {e}"));
    }
    let (uid, gid) = if launch.groups { (0, 0) } else { (launch.uid, launch.gid) };
    if launch.groups {
        sys::no_groups().map_err(at("giving up groups"))?;
    }
    sys::become_ids(uid, gid).map_err(at("taking the environment's ids"))?;
    rustix::system::sethostname(launch.hostname.as_bytes())
        .map_err(|e| ("setting the host name".to_owned(), e.into()))?;
    if !has_first(launch) {
        controls(launch)?;
    }
    if let Err(e) = loopback_up() {
        notes.push(format!("the loopback interface is down: {e}"));
    }
    // A keyring of its own; a kernel without keyrings has none to keep apart.
    // SAFETY: the name may be null (an anonymous keyring); no memory is passed.
    let _ = unsafe {
        libc::syscall(libc::SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, 0)
    };
    let _ = rustix::process::setsid();
    for (resource, value) in &launch.limits {
        if let Err(e) = sys::rlimit(*resource, *value) {
            notes.push(format!("resource limit {resource} could not be set: {e}"));
        }
    }
    for (number, fd) in given.iter().take(3).enumerate() {
        // SAFETY: both descriptors are valid or about to be replaced; nothing owns 0, 1 and 2 here.
        sys::check(unsafe { libc::dup2(fd.as_raw_fd(), number as i32) }.into())
            .map_err(at("placing stdin, stdout and stderr"))?;
    }
    // SAFETY: only marks descriptors; no memory is passed.
    sys::check(unsafe { libc::syscall(libc::SYS_close_range, 3u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) })
        .map_err(at("closing what is not the artifact's"))?;
    let namespace = std::fs::metadata("/proc/self/ns/mnt").map_err(at("reading the mount namespace"))?.ino();
    let mut body = namespace.to_ne_bytes().to_vec();
    body.extend_from_slice(notes.join("\n").as_bytes());
    say(word::READY, &body);
    wait_go(socket).map_err(at("waiting for the release"))
}

/// A time namespace whose boot time lies further back.
fn shift_clock(seconds: u64) -> io::Result<()> {
    sys::unshare(0x80 /* CLONE_NEWTIME */)?;
    std::fs::write("/proc/self/timens_offsets", format!("boottime {seconds} 0\nmonotonic {seconds} 0\n"))?;
    let own = std::fs::File::open("/proc/self/ns/time_for_children")?;
    sys::setns(own.as_fd(), 0x80)
}

fn loopback_up() -> io::Result<()> {
    let socket = rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::DGRAM, None)?;
    #[repr(C)]
    struct Request {
        name: [u8; 16],
        flags: libc::c_short,
        rest: [u8; 22],
    }
    let mut request =
        Request { name: [0; 16], flags: (libc::IFF_UP | libc::IFF_RUNNING) as i16, rest: [0; 22] };
    request.name[..2].copy_from_slice(b"lo");
    // SAFETY: `request` has the size and layout of struct ifreq for this request.
    sys::check(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw mut request) }.into())
        .map(drop)
}

/// Filters, ids, exec of `program`, or of the first argument. Returns only with the error.
pub(super) fn become_program(launch: &Launch, program: Option<&[u8]>) -> io::Error {
    match try_exec(launch, program) {
        Ok(never) => match never {},
        Err(e) => e,
    }
}

fn try_exec(launch: &Launch, program: Option<&[u8]>) -> io::Result<std::convert::Infallible> {
    let strings =
        |list: &[Vec<u8>]| list.iter().map(|s| CString::new(s.clone())).collect::<Result<Vec<_>, _>>();
    let argv = strings(&launch.argv)?;
    let env = strings(&launch.env)?;
    let candidates = candidates(launch, program)?;
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(launch.controls.umask.unwrap_or(0o022)));
    for filter in &launch.filters {
        apply::install(filter, 0)?;
    }
    apply::before_ids(&launch.controls)?;
    if launch.groups && (launch.uid, launch.gid) != (0, 0) {
        sys::become_ids(launch.uid, launch.gid)?;
    }
    rustix::process::chdir(CString::new(launch.cwd.clone())?.as_c_str())
        .or_else(|_| rustix::process::chdir(c"/"))?;
    // SAFETY: the default action of a signal that Rust's runtime ignores; no handler is involved.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    // SAFETY: an all-zero signal set is valid, and is emptied properly before its use.
    unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
    apply::before_exec(&launch.controls)?;
    let pointers = |list: &[CString]| {
        list.iter().map(|s| s.as_ptr()).chain([std::ptr::null()]).collect::<Vec<*const libc::c_char>>()
    };
    let (argv, env) = (pointers(&argv), pointers(&env));
    let mut last = io::Error::from_raw_os_error(libc::ENOENT);
    for path in &candidates {
        // SAFETY: path, argv and env are NUL-terminated strings in null-terminated lists that outlive the call.
        unsafe { libc::execve(path.as_ptr(), argv.as_ptr(), env.as_ptr()) };
        let e = io::Error::last_os_error();
        let missing = matches!(e.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR));
        if !missing {
            last = e;
            if last.raw_os_error() != Some(libc::EACCES) {
                break;
            }
        }
    }
    Err(last)
}

/// The paths to try, in order: only those that exist, so that no failed exec is seen that a shell's own search
/// would not make.
fn candidates(launch: &Launch, program: Option<&[u8]>) -> io::Result<Vec<CString>> {
    let first = || launch.argv.first().map(Vec::as_slice);
    let name = program.or_else(first).ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))?;
    if name.contains(&b'/') {
        return Ok(vec![CString::new(name)?]);
    }
    let path = launch.env.iter().find_map(|e| e.strip_prefix(b"PATH=")).unwrap_or(b"/usr/bin:/bin");
    let mut found = Vec::new();
    for folder in path.split(|b| *b == b':').filter(|f| !f.is_empty()) {
        let mut full = folder.to_vec();
        full.push(b'/');
        full.extend_from_slice(name);
        let full = CString::new(full)?;
        if rustix::fs::stat(full.as_c_str()).is_ok_and(|s| s.st_mode & libc::S_IFMT == libc::S_IFREG) {
            found.push(full);
        }
    }
    Ok(found)
}
