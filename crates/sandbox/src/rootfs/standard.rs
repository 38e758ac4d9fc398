//! Folders that a system has once its usual services are installed, and a minimal host may lack: every environment
//! has them, so that what belongs there can be put there, and controls can be put on them.

use super::given::Given;
use crate::error::SandboxError;
use std::path::Path;

/// The folders, by the Filesystem Hierarchy Standard and the services' own manuals.
pub(crate) const FOLDERS: [&str; 12] = [
    "/etc/cron.d",
    "/etc/cron.daily",
    "/etc/cron.hourly",
    "/etc/ld.so.conf.d",
    "/etc/profile.d",
    "/etc/sudoers.d",
    "/etc/systemd/system",
    "/etc/systemd/user",
    "/etc/udev/rules.d",
    "/etc/update-motd.d",
    "/etc/xdg/autostart",
    "/var/spool/cron/crontabs",
];

/// Makes those that `root` lacks.
pub(crate) fn furnish(given: &Given, root: &Path) -> Result<(), SandboxError> {
    for folder in FOLDERS.map(Path::new) {
        let inside = folder.strip_prefix("/").unwrap_or(folder);
        if root.join(inside).symlink_metadata().is_err() {
            given.bare_dir(folder).map_err(SandboxError::file("make the environment's folder", folder))?;
        }
    }
    Ok(())
}
