//! Profiles: an environment in a YAML file, for `--env`. A profile is read whole before anything runs; every
//! mistake in it is told with line, column and a remedy, and one mistake is enough to refuse it.

mod error;
mod form;
mod limits;
mod read;

#[cfg(test)]
mod tests;

pub use detektr_yaml::{Problem, duration, size};
pub use error::ProfileError;
pub use form::ProfileFile;
pub use limits::read as read_limits;
pub use read::KEYS;

use crate::{IoUring, Limits, RunAs};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The version of the file format.
pub const VERSION: u64 = 1;

/// What a profile says. What it leaves out stays as it would be without one; the command line goes before both.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    /// Root file system.
    pub rootfs: Option<ProfileRootfs>,
    /// Whom the artifact runs as.
    pub user: Option<RunAs>,
    /// Bounds.
    pub limits: ProfileLimits,
    /// Environment variables, in the order of the file.
    pub setenv: Vec<(String, String)>,
    /// Host name inside.
    pub hostname: Option<String>,
    /// Network mode.
    pub network: Option<ProfileNetwork>,
    /// The site file of the simulated internet, joined to the profile's own folder.
    pub site: Option<PathBuf>,
    /// Whether baits are placed.
    pub baits: Option<bool>,
    /// Sensor.
    pub sensor: Option<ProfileSensor>,
    /// Whether io_uring can be used.
    pub io_uring: Option<IoUring>,
    /// Whether the optional calls (`stat`, `readlink`, `access`) are watched.
    pub observe_stat: Option<bool>,
    /// The trigger phases that may follow; none where the list is empty.
    pub trigger: Option<Vec<ProfileTrigger>>,
}

/// Where the files come from. Paths are as in the file, relative ones joined to the profile's own folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProfileRootfs {
    /// The host's own.
    Host,
    /// A folder.
    Dir(PathBuf),
    /// An image file.
    Image(PathBuf),
}

/// The network modes that this version has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileNetwork {
    /// A private network namespace with nothing in it.
    None,
    /// A simulated internet.
    Sim,
    /// The same, whose web servers have no pages.
    Sim404,
    /// The same, in which no name exists.
    SimNx,
}

/// Which sensor to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileSensor {
    /// The best that the host allows.
    Auto,
    /// BPF programs.
    Ebpf,
    /// The ptrace tracer.
    Ptrace,
}

/// The trigger phases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileTrigger {
    /// Somebody logs in.
    Login,
    /// The time of schedules comes.
    Schedule,
    /// The system comes up again.
    Reboot,
}

/// The bounds that a profile sets.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ProfileLimits {
    /// Wall-clock time.
    pub wall: Option<Duration>,
    /// Processors.
    pub cpus: Option<f64>,
    /// Memory of all processes together, bytes.
    pub memory: Option<u64>,
    /// Processes and threads.
    pub processes: Option<u64>,
    /// Size of any one file, bytes.
    pub file_size: Option<u64>,
    /// What may be written to disk in all, bytes.
    pub disk: Option<u64>,
    /// Standard output and standard error, bytes each.
    pub output: Option<u64>,
}

impl ProfileLimits {
    /// `base` with what the profile sets.
    pub fn over(&self, base: Limits) -> Limits {
        Limits {
            wall: self.wall.unwrap_or(base.wall),
            cpus: self.cpus.unwrap_or(base.cpus),
            memory: self.memory.unwrap_or(base.memory),
            processes: self.processes.unwrap_or(base.processes),
            file_size: self.file_size.unwrap_or(base.file_size),
            disk: self.disk.unwrap_or(base.disk),
            output: self.output.unwrap_or(base.output),
        }
    }
}

impl Profile {
    /// Reads the profile in `file`.
    pub fn read(file: &Path) -> Result<Self, ProfileError> {
        let unreadable = |source| ProfileError::Unreadable { file: file.to_owned(), source };
        Self::parse(&detektr_yaml::text(file).map_err(unreadable)?, file)
    }

    /// Reads the text of a profile; `file` names it in errors, and its folder is where relative paths begin.
    pub fn parse(text: &str, file: &Path) -> Result<Self, ProfileError> {
        let folder = file.parent().unwrap_or(Path::new(""));
        let parsed = detektr_yaml::read(text, |reader, node| {
            let (profile, problems) = read::profile(node, folder);
            reader.problems.extend(problems);
            Some(profile)
        });
        parsed.map_err(|problems| ProfileError::invalid(file, text, problems))
    }
}
