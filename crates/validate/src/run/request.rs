//! From an arm of the plan to a detonation.

use super::{RunError, Settings};
use crate::plan::{Arm, Attack, Plan, Program, Rootfs, Sensor};
use crate::result::Inputs;
use detektr_detonate::{
    ArtifactSpec, DetonateRequest, NetworkChoice, RootfsChoice, RunAs, SensorChoice, SetupStep,
};
use detektr_evidence::sha256_hex;
use detektr_sandbox::WorkFolder;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The programs of a plan as files, as they were when the plan was made. Gone when dropped.
pub(super) struct Scratch {
    folder: WorkFolder,
    files: BTreeMap<String, PathBuf>,
}

impl Scratch {
    pub(super) fn new(home: &Path, inputs: &Inputs) -> Result<Self, RunError> {
        let work = home.join("work");
        let folder =
            WorkFolder::new(&work, "inputs").map_err(|source| RunError::Io { path: work.clone(), source })?;
        let mut scratch = Scratch { folder, files: BTreeMap::new() };
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
        let folder = self.folder.path().join(self.files.len().to_string());
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
            triggers: plan.phases(),
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

/// The name under which an artifact lies in the environment: it says nothing of what it does.
pub fn neutral_name(seed: u64) -> String {
    format!("task-{}", &sha256_hex(format!("name {seed}").as_bytes())[..8])
}
