//! The sockets that programs log to, bound inside the environment and read outside of it: nothing that is logged
//! reaches the host's own log, and what is told was really sent.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::Path;

/// Where the sockets lie: that of syslog(3), and those of systemd's journal for the same protocol and for its own
/// (`sd_journal_sendv(3)`).
pub const LOG_SOCKETS: [&str; 3] =
    ["/dev/log", "/run/systemd/journal/dev-log", "/run/systemd/journal/socket"];

/// Binds the sockets as `owner`'s, in the order of [`LOG_SOCKETS`]. The environment's root must be the root already: in
/// an image, a folder on the way may be a link to anywhere.
pub(super) fn bind_all(owner: u32) -> io::Result<Vec<OwnedFd>> {
    LOG_SOCKETS.iter().map(|path| bind(Path::new(path), owner)).collect()
}

fn bind(place: &Path, owner: u32) -> io::Result<OwnedFd> {
    if let Some(folder) = place.parent() {
        for above in folder.ancestors().collect::<Vec<_>>().into_iter().rev() {
            if !above.as_os_str().is_empty() && !above.exists() {
                DirBuilder::new().mode(0o755).create(above)?;
                chown(above, Some(owner), Some(owner))?;
            }
        }
    }
    match fs::remove_file(place) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let socket = rustix::net::socket_with(
        rustix::net::AddressFamily::UNIX,
        rustix::net::SocketType::DGRAM,
        rustix::net::SocketFlags::CLOEXEC,
        None,
    )?;
    rustix::net::bind(&socket, &rustix::net::SocketAddrUnix::new(place)?)?;
    rustix::net::sockopt::set_socket_passcred(&socket, true)?;
    fs::set_permissions(place, Permissions::from_mode(0o666))?;
    chown(place, Some(owner), Some(owner))?;
    Ok(socket)
}
