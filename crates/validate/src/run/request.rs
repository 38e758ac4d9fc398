//! From an arm of the plan to a detonation.

use super::{RunError, Settings};
use crate::plan::{Arm, Attack, Plan, Program, Rootfs, Sensor};
use crate::result::Inputs;
use detektr_detonate::{
    ArtifactSpec, DetonateRequest, NetworkChoice, RootfsChoice, RunAs, SensorChoice, SetupStep, TRIGGERS,
};
use detektr_evidence::sha256_hex;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// How the folders begin that hold them.
const INPUTS: &str = "inputs-";
/// A file in each, so that none is empty.
const KEEP: &str = "keep";

/// The programs of a plan as files, as they were when the plan was made. Gone when dropped.
pub(super) struct Scratch {
    folder: PathBuf,
    /// Says that the folder is in use, also to other processes.
    _lock: File,
    files: BTreeMap<String, PathBuf>,
}

impl Scratch {
    pub(super) fn new(home: &Path, inputs: &Inputs) -> Result<Self, RunError> {
        let (folder, lock) = free(&home.join("work"))?;
        let mut scratch = Scratch { folder, _lock: lock, files: BTreeMap::new() };
        for (name, content) in inputs.iter().map(|(name, content)| (name.as_str(), content.as_slice())) {
            scratch.add(name, content)?;
        }
        for name in crate::builtin::NAMES {
            let content = crate::builtin::script(name).unwrap_or_default();
            scratch.add(name, content)?;
        }
        Ok(scratch)
    }

    /// A folder for each, so that a file keeps its name: it tells what kind of script it is.
    fn add(&mut self, name: &str, content: &[u8]) -> Result<(), RunError> {
        let folder = self.folder.join(self.files.len().to_string());
        let file = folder.join(Path::new(name).file_name().unwrap_or("program".as_ref()));
        let unusable = |source: io::Error| RunError::Io { path: file.clone(), source };
        fs::create_dir(&folder).map_err(unusable)?;
        fs::write(&file, content).map_err(unusable)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).map_err(unusable)?;
        self.files.insert(name.to_owned(), file);
        Ok(())
    }

    /// The detonation of `arm`.
    pub(super) fn request(&self, plan: &Plan, arm: &Arm, settings: &Settings<'_>) -> DetonateRequest {
        let Attack { program, args, root, setenv, timeout_ms, setup, files } = plan.program(&arm.role);
        let file = |name: &String| ArtifactSpec::Path(self.files.get(name).cloned().unwrap_or_default());
        let (artifact, args): (ArtifactSpec, Vec<OsString>) = match program {
            Program::File(name) | Program::Builtin(name) => {
                (file(name), args.iter().map(OsString::from).collect())
            }
            Program::Command(words) => {
                (ArtifactSpec::Command, words.iter().chain(args).map(OsString::from).collect())
            }
        };
        let surroundings = &plan.surroundings;
        let mut limits = surroundings.limits;
        if let Some(ms) = timeout_ms {
            limits.wall = Duration::from_millis(*ms);
        }
        let place_as = matches!(artifact, ArtifactSpec::Path(_)).then(|| neutral_name(arm.seed).into());
        DetonateRequest {
            artifact,
            args,
            home: settings.home.clone(),
            rootfs: match &surroundings.rootfs {
                Rootfs::Host => RootfsChoice::Host,
                Rootfs::Dir(path) => RootfsChoice::Dir(path.clone()),
                Rootfs::Image(path) => RootfsChoice::Image(path.clone()),
            },
            user: if *root { RunAs::Root } else { RunAs::User },
            limits,
            setenv: surroundings
                .setenv
                .iter()
                .cloned()
                .chain(setenv.iter().map(|(name, value)| (name.clone(), value.clone())))
                .collect(),
            hostname: surroundings.hostname.clone(),
            network: match &surroundings.internet {
                Some(internet) => {
                    NetworkChoice::Sim { mode: internet.mode, site: Arc::new(internet.site.clone()) }
                }
                None => NetworkChoice::None,
            },
            baits: surroundings.baits,
            io_uring: surroundings.io_uring,
            observe_stat: false,
            stdin: None,
            sensor: match surroundings.sensor {
                Sensor::Ebpf => SensorChoice::Ebpf,
                Sensor::Ptrace => SensorChoice::Ptrace,
            },
            key: settings.key.clone(),
            out: None,
            ring_bytes: settings.ring_bytes,
            triggers: if plan.asks_what_persists() { TRIGGERS.into() } else { Default::default() },
            setup: setup
                .iter()
                .map(|step| SetupStep {
                    what: step.what.clone(),
                    command: step.command.iter().map(OsString::from).collect(),
                })
                .collect(),
            files: files
                .iter()
                .map(|(inside, name)| {
                    (PathBuf::from(inside), self.files.get(name).cloned().unwrap_or_default())
                })
                .collect(),
            cancel: settings.cancel.clone(),
            controls: plan.controls.iter().filter(|c| arm.role.has(&c.name)).cloned().collect(),
            seed: Some(arm.seed),
            place_as,
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The name under which an artifact lies in the environment: it says nothing of what it does.
pub fn neutral_name(seed: u64) -> String {
    format!("task-{}", &sha256_hex(format!("name {seed}").as_bytes())[..8])
}

/// A folder of this process's own, locked as long as it is in use. What a killed process left behind goes.
fn free(work: &Path) -> Result<(PathBuf, File), RunError> {
    let unusable = |path: &Path, source| RunError::Io { path: path.to_owned(), source };
    fs::create_dir_all(work).map_err(|source| unusable(work, source))?;
    sweep(work).map_err(|source| unusable(work, source))?;
    // several plans of one process are run at once
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let name = format!("{INPUTS}{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        // it gets its name once it is locked, so that nobody takes it for left behind
        let (new, folder) = (work.join(format!(".{name}")), work.join(&name));
        if folder.exists() {
            continue;
        }
        match DirBuilder::new().mode(0o700).create(&new) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(source) => return Err(unusable(&new, source)),
        }
        let locked: io::Result<File> = (|| {
            let lock = File::open(&new)?;
            lock.lock()?;
            // environments that begin meanwhile remove folders here that are empty, and no others
            File::create(new.join(KEEP))?;
            fs::rename(&new, &folder)?;
            Ok(lock)
        })();
        match locked {
            Ok(lock) => return Ok((folder, lock)),
            Err(gone) if gone.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(unusable(&new, source)),
        }
    }
}

/// Removes the folders of processes that are gone.
fn sweep(work: &Path) -> io::Result<()> {
    for entry in fs::read_dir(work)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with(INPUTS) {
            continue;
        }
        // another may remove it meanwhile
        let Ok(folder) = File::open(entry.path()) else { continue };
        if folder.try_lock().is_ok() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Inputs, Scratch};
    use std::fs;

    #[test]
    fn many_at_once_have_a_folder_each() {
        let home = tempfile::tempdir().unwrap();
        let folders = std::thread::scope(|scope| {
            let all: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        for _ in 0..50 {
                            drop(Scratch::new(home.path(), &Inputs::new()).unwrap());
                        }
                        Scratch::new(home.path(), &Inputs::new()).unwrap()
                    })
                })
                .collect();
            let kept: Vec<Scratch> = all.into_iter().map(|one| one.join().unwrap()).collect();
            kept.iter().map(|scratch| scratch.folder.clone()).collect::<std::collections::BTreeSet<_>>().len()
        });
        assert_eq!(folders, 8);
    }

    #[test]
    fn an_environment_that_begins_meanwhile_takes_no_folder_away() {
        let home = tempfile::tempdir().unwrap();
        let work = home.path().join("work");
        fs::create_dir_all(&work).unwrap();
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    detektr_sandbox::sweep(&work);
                }
            });
            let inputs: Inputs = [("a.sh".to_owned(), b"true".to_vec())].into();
            let lost = (0..200).find_map(|_| match Scratch::new(home.path(), &inputs) {
                Ok(scratch) => (!scratch.files["a.sh"].exists()).then(|| "the file is gone".to_owned()),
                Err(error) => Some(error.to_string()),
            });
            done.store(true, std::sync::atomic::Ordering::Relaxed);
            assert_eq!(lost, None);
        });
    }

    #[test]
    fn what_a_killed_process_left_is_removed_and_what_is_in_use_is_not() {
        let home = tempfile::tempdir().unwrap();
        let work = home.path().join("work");
        fs::create_dir_all(work.join("inputs-1-0/0")).unwrap();
        fs::create_dir_all(work.join("20261127-120000-abcdef")).unwrap();
        let first = Scratch::new(home.path(), &Inputs::new()).unwrap();
        assert!(!work.join("inputs-1-0").exists(), "left behind");
        let second = Scratch::new(home.path(), &Inputs::new()).unwrap();
        assert!(first.folder.is_dir() && second.folder.is_dir() && first.folder != second.folder);
        assert!(work.join("20261127-120000-abcdef").is_dir(), "not ours");
        drop((first, second));
        assert_eq!(fs::read_dir(&work).unwrap().count(), 1);
    }
}
