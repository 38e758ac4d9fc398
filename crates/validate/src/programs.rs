//! Whether a program is in the root file system of an environment.

use crate::plan::Rootfs;
use std::path::Path;

const FOLDERS: [&str; 6] = ["usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin", "sbin", "bin"];

/// Whether `rootfs` lacks `program`. In an image it is not looked for: there the script says so.
pub(crate) fn is_missing(program: &str, rootfs: &Rootfs) -> bool {
    if program == detektr_actor::NAME {
        return false; // it is brought along
    }
    let root = match rootfs {
        Rootfs::Host => Path::new("/"),
        Rootfs::Dir(dir) => dir,
        Rootfs::Image(_) => return false,
    };
    !FOLDERS.iter().any(|folder| root.join(folder).join(program).exists())
}
