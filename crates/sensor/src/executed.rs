//! Hashes of executed files, taken before they run.
//!
//! As root a fanotify group with `FAN_OPEN_EXEC_PERM` on the environment's file system is asked by the kernel
//! before each exec (fanotify(7)); it hashes the very file that will run, also when the artifact deletes it at once
//! or executes it in a mount namespace of its own. Files on other file systems (a tmpfs or memfd of the artifact)
//! never come by here, and their events say so. If Detektr dies, the kernel closes the group and lets every
//! waiting exec go on.

use crate::hashes::Hashes;
use detektr_event::Sha256;
use std::collections::HashMap;
use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

#[derive(Default)]
struct Seen {
    /// What each thread opened to execute since its last exec was told, in order.
    by_thread: HashMap<u32, Vec<(Vec<u8>, Sha256)>>,
}

/// Watches one file system for executed files.
pub struct ExecutedFiles {
    seen: Arc<Mutex<Seen>>,
    /// Closing it ends the thread, which nobody waits for: the kernel lets no group go before every processor has
    /// passed a quiescent state, and by then no exec of the run is left to answer.
    _stop: Option<OwnedFd>,
}

impl ExecutedFiles {
    /// Watches the file systems that `trees` (the environment's mounts, seen from here) lie on. Needs
    /// CAP_SYS_ADMIN.
    pub fn watch(trees: &[PathBuf]) -> io::Result<Self> {
        // SAFETY: fanotify_init takes two plain numbers; a descriptor or -1 comes back.
        let group = unsafe {
            libc::fanotify_init(
                libc::FAN_CLOEXEC
                    | libc::FAN_CLASS_CONTENT
                    | libc::FAN_UNLIMITED_QUEUE
                    | libc::FAN_REPORT_TID,
                (libc::O_RDONLY | libc::O_CLOEXEC | libc::O_LARGEFILE) as u32,
            )
        };
        if group < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: `group` is a fresh descriptor that nothing else owns.
        let group = unsafe { OwnedFd::from_raw_fd(group) };
        for tree in trees {
            let path = CString::new(tree.as_os_str().as_bytes())?;
            // SAFETY: `group` is open and `path` a NUL-terminated string that outlives the call.
            let marked = unsafe {
                libc::fanotify_mark(
                    group.as_raw_fd(),
                    libc::FAN_MARK_ADD | libc::FAN_MARK_FILESYSTEM,
                    libc::FAN_OPEN_EXEC_PERM,
                    libc::AT_FDCWD,
                    path.as_ptr(),
                )
            };
            if marked < 0 {
                return Err(io::Error::last_os_error());
            }
        }
        let (wait, stop) = pipe()?;
        let seen = Arc::new(Mutex::new(Seen::default()));
        std::thread::Builder::new().name("executed-files".into()).spawn({
            let seen = seen.clone();
            move || serve(&File::from(group), &wait, &seen)
        })?;
        Ok(ExecutedFiles { seen, _stop: Some(stop) })
    }

    /// The hash of the file that thread `tid` (host's numbering) has just executed. `exe` is the binary that now
    /// runs; for a script (`script`) the file opened right before it is meant.
    pub fn take(&self, tid: u32, exe: &[u8], script: bool) -> Option<Sha256> {
        let mut seen = self.seen.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let files = seen.by_thread.get_mut(&tid)?;
        let named = |mark: &[u8]| files.iter().position(|(path, _)| path.strip_suffix(mark) == Some(exe));
        // so the kernel writes the path of a file whose name is gone
        let binary = named(b"").or_else(|| named(b" (deleted)"))?;
        let asked = if script { binary.checked_sub(1)? } else { binary };
        let hash = files[asked].1.clone();
        files.drain(..=binary);
        Some(hash)
    }

    /// Thread `tid` is gone, and what it opened with it.
    pub fn forget(&self, tid: u32) {
        self.seen.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).by_thread.remove(&tid);
    }
}

fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut fds = [0; 2];
    // SAFETY: pipe2 fills the two numbers it is given room for.
    if unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: both are fresh descriptors that nothing else owns.
    Ok(unsafe { (OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1])) })
}

/// Answers the kernel until `stop`'s other end closes.
fn serve(group: &File, stop: &OwnedFd, seen: &Mutex<Seen>) {
    let mut hashes = Hashes::default();
    let mut buffer = vec![0u8; 64 << 10];
    loop {
        let mut polls = [group.as_raw_fd(), stop.as_raw_fd()].map(|fd| libc::pollfd {
            fd,
            events: libc::POLLIN,
            revents: 0,
        });
        // SAFETY: `polls` is an array of two initialised entries.
        let ready = unsafe { libc::poll(polls.as_mut_ptr(), 2, -1) };
        if ready < 0 && io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return;
        }
        if polls[0].revents != 0 {
            let mut reader = group;
            match reader.read(&mut buffer) {
                Ok(length) => answer_all(group, &buffer[..length], seen, &mut hashes),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        } else if polls[1].revents != 0 {
            return;
        }
    }
}

fn answer_all(group: &File, mut events: &[u8], seen: &Mutex<Seen>, hashes: &mut Hashes) {
    let size = size_of::<libc::fanotify_event_metadata>();
    while events.len() >= size {
        // SAFETY: at least `size` bytes are there, and every bit pattern is a valid fanotify_event_metadata.
        let event: libc::fanotify_event_metadata =
            unsafe { std::ptr::read_unaligned(events.as_ptr().cast()) };
        let length = (event.event_len as usize).clamp(size, events.len());
        events = &events[length..];
        if event.fd < 0 {
            continue;
        }
        // SAFETY: the kernel opened this descriptor for the reader of the event, and nothing else owns it.
        let file = unsafe { File::from_raw_fd(event.fd) };
        let path = std::fs::read_link(format!("/proc/self/fd/{}", event.fd))
            .map(|path| path.as_os_str().as_bytes().to_vec())
            .unwrap_or_default();
        let hash = hashes.of(&file);
        seen.lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .by_thread
            .entry(event.pid.unsigned_abs())
            .or_default()
            .push((path, hash));
        let response = libc::fanotify_response { fd: event.fd, response: libc::FAN_ALLOW };
        // SAFETY: `response` is plain data, and its own size is given. A lost answer would leave an exec waiting;
        // write(2) to a fanotify group writes all or nothing, and the group's end lets it go on.
        unsafe {
            libc::write(
                group.as_raw_fd(),
                (&raw const response).cast(),
                size_of::<libc::fanotify_response>(),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(paths: &[&str]) -> ExecutedFiles {
        let file = |path: &&str| (path.as_bytes().to_vec(), Sha256::Hash((*path).into()));
        let by_thread = HashMap::from([(7, paths.iter().map(file).collect())]);
        ExecutedFiles { seen: Arc::new(Mutex::new(Seen { by_thread })), _stop: None }
    }

    #[test]
    fn a_deleted_program_is_known_by_its_former_path() {
        let hash = |path: &str| Some(Sha256::Hash(path.into()));
        let files = opened(&["/tmp/copy (deleted)", "/lib/ld.so"]);
        assert_eq!(files.take(8, b"/tmp/copy", false), None);
        assert_eq!(files.take(7, b"/tmp/copy", false), hash("/tmp/copy (deleted)"));
        let odd = opened(&["/tmp/x (deleted)", "/tmp/x"]);
        assert_eq!(odd.take(7, b"/tmp/x", false), hash("/tmp/x"));
        assert_eq!(opened(&["/script", "/bin/sh"]).take(7, b"/bin/sh", true), hash("/script"));
    }
}
