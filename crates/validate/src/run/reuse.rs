//! Arms that were run before: found again by everything that an arm depends on.
//!
//! `arms/KEY` in the data folder holds the id of a run. The key is a digest over the program and how it runs, the
//! controls, the seed, the root file system, the kernel, the sensor and the very Detektr that ran it.

use super::{RunError, is_run};
use crate::plan::{Arm, Plan, Program, Rootfs};
use detektr_evidence::{Manifest, State, keys, sha256_hex, verify};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

/// What all arms of a plan have in common on this host.
pub(super) struct Circumstances {
    /// Nothing where the root file system can't be named by a digest: then no arm is used again.
    common: Option<serde_json::Value>,
}

impl Circumstances {
    pub(super) fn of(plan: &Plan, home: &Path) -> Result<Self, RunError> {
        let unreadable = |path: &Path, source| RunError::Io { path: path.to_owned(), source };
        let folder = home.join("arms");
        fs::create_dir_all(&folder).map_err(|source| unreadable(&folder, source))?;
        let release = Path::new("/proc/sys/kernel/osrelease");
        let kernel = fs::read_to_string(release).map_err(|source| unreadable(release, source))?;
        let own = Path::new("/proc/self/exe");
        let program = fs::metadata(own).map_err(|source| unreadable(own, source))?;
        let rootfs = match &plan.surroundings.rootfs {
            Rootfs::Host => {
                Some(serde_json::Value::Object(detektr_detonate::rootfs_identity(Path::new("/"))))
            }
            Rootfs::Dir(_) => None,
            Rootfs::Image(image) => {
                let bytes = fs::metadata(image).map_err(|source| unreadable(image, source))?;
                Some(serde_json::json!([image, bytes.ino(), bytes.len(), bytes.mtime(), bytes.mtime_nsec()]))
            }
        };
        let common = rootfs.map(|rootfs| {
            serde_json::json!({
                "kernel": kernel.trim(),
                "uid": uid(),
                "detektr": (env!("CARGO_PKG_VERSION"), program.ino(), program.len(), program.mtime(), program.mtime_nsec()),
                "rootfs": rootfs,
                "surroundings": plan.surroundings,
                "triggers": plan.phases(),
            })
        });
        Ok(Circumstances { common })
    }

    /// The key of `arm`.
    pub(super) fn key(&self, plan: &Plan, arm: &Arm) -> Option<String> {
        let common = self.common.as_ref()?;
        let program = plan.program(&arm.role);
        let digest = match &program.program {
            Program::File(name) => plan.files.get(name).map(|file| file.sha256.clone()),
            Program::Builtin(name) => crate::builtin::script(name).map(sha256_hex),
            Program::Command(_) => None,
        };
        // the name's ending may say what kind of script a file is
        let ending = match &program.program {
            Program::File(name) => Path::new(name).extension().map(|e| e.to_string_lossy().into_owned()),
            _ => None,
        };
        let beside: Vec<_> = program.files.values().map(|name| plan.files.get(name)).collect();
        let mut how = serde_json::to_value(program).ok()?;
        if digest.is_some() {
            how["program"] = serde_json::Value::Null;
        }
        let controls: Vec<_> = plan.controls.iter().filter(|c| arm.role.has(&c.name)).collect();
        let all = serde_json::json!([common, digest, beside, ending, how, controls, arm.seed]);
        Some(sha256_hex(all.to_string().as_bytes()))
    }
}

/// Whom this process belongs to.
fn uid() -> Option<u32> {
    fs::metadata("/proc/self").ok().map(|own| own.uid())
}

/// The run that was noted under `key`, if its bundle is still what was sealed, by us, whole, and of a run that
/// ended by itself (a timeout may be the fault of a busy machine).
pub(super) fn find(home: &Path, key: &str) -> Option<String> {
    let run = fs::read_to_string(home.join("arms").join(key)).ok()?;
    let run = run.trim();
    let verification = is_run(run).then(|| verify(&home.join("runs").join(run), None))?;
    let ended = |manifest: &Manifest| {
        manifest.complete && matches!(manifest.state, State::Completed | State::Crashed)
    };
    let own = keys::own_public_keys(home).unwrap_or_default();
    let ours = verification.signer.as_ref().is_some_and(|signer| own.contains(signer));
    let usable = verification.is_good() && ours && verification.manifest.as_ref().is_some_and(ended);
    usable.then(|| run.to_owned())
}

/// Notes that `run` is the arm of `key`.
pub(super) fn note(home: &Path, key: &str, run: &str) -> Result<(), RunError> {
    let path = home.join("arms").join(key);
    // two arms of one key may be done at once
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let own = format!(".{key}.{}.{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let partial = home.join("arms").join(own);
    let written: io::Result<()> = fs::write(&partial, run).and_then(|()| fs::rename(&partial, &path));
    written.map_err(|source| RunError::Io { path, source })
}

#[cfg(test)]
mod tests {
    use super::note;

    #[test]
    fn two_arms_of_one_key_are_noted_at_once() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("arms")).unwrap();
        std::thread::scope(|scope| {
            for run in ["a", "b", "c", "d"] {
                let home = home.path();
                scope.spawn(move || (0..100).for_each(|_| note(home, "key", run).unwrap()));
            }
        });
        let left: Vec<_> = std::fs::read_dir(home.path().join("arms")).unwrap().collect();
        assert_eq!(left.len(), 1);
    }
}
