//! A folder as the root file system: all of it is seen, nothing of the host's.

use super::given::Given;
use crate::error::SandboxError;
use crate::namespaces::protocol::Part;
use std::fs;
use std::path::Path;

/// The one part, after a look at the folder.
pub(crate) fn parts(root: &Path) -> Result<Vec<Part>, SandboxError> {
    let root = fs::canonicalize(root).map_err(SandboxError::file("open the root file system", root))?;
    if !root.is_dir() {
        return Err(SandboxError::Plan(format!("{} is not a folder", root.display())));
    }
    Ok(vec![Part { mount_point: "/".into(), host: Some(root), filter: false }])
}

/// The folders that mounts need, and those that are private in every environment.
pub(crate) fn furnish(given: &Given, root: &Path) -> Result<(), SandboxError> {
    for (name, mode) in [("proc", 0o555), ("sys", 0o555), ("dev", 0o755), ("tmp", 0o1777), ("run", 0o755)] {
        given.empty_dir(&format!("/{name}"), mode, 0, 0)?;
    }
    for (name, mode) in [("root", 0o700), ("home", 0o755)] {
        if !root.join(name).is_dir() {
            given.empty_dir(&format!("/{name}"), mode, 0, 0)?;
        }
    }
    Ok(())
}
