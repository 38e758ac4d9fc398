//! The arguments of `validate`.

use crate::exit;
use crate::failure::{Failure, shown};
use detektr_detonate::{NetworkChoice, SensorChoice};
use detektr_event::glob::Glob;
use detektr_sandbox::Limits;
use detektr_sandbox::profile::{Profile, ProfileRootfs, ProfileSensor};
use detektr_validate::{InternetPlan, Rootfs, Sensor, Surroundings};
use std::path::PathBuf;

/// Ask whether controls, detections and mitigations hold, and run what the answers need
///
/// FILE is a validation (YAML); of a folder, every validation in it is taken. All of them are read and planned
/// before anything runs.
///
/// The exit code is 0 where every answer holds (or is as the file expects), 1 where one fails, 3 where one can't be
/// given, 4 where the environment failed, and 2 where the request was wrong and nothing ran.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Validation files, or folders of them
    #[arg(required = true, value_name = "FILE|DIR")]
    pub files: Vec<PathBuf>,
    /// Run every arm so many times [default: what the file says]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub repeat: Option<u32>,
    /// Also run each control alone, and all but each
    #[arg(long)]
    pub ablate: bool,
    /// Ask only the questions whose id fits, with * and ?; may be given several times
    #[arg(long, value_name = "ID")]
    pub only: Vec<Glob>,
    /// Run so many arms at once
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub jobs: u16,
    /// Use no arm that was run before
    #[arg(long)]
    pub fresh: bool,
    /// Judge arms that were run before: a result, or a folder of bundles; nothing is run
    #[arg(long, value_name = "RESULT|DIR")]
    pub arms_from: Option<PathBuf>,
    /// Print the plan and run nothing
    #[arg(long)]
    pub plan: bool,
    /// Where the seeds of the repeats come from; another one gives other names, baits and hosts
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    /// Exit with 1 only where something of this severity or higher fails
    #[arg(long, value_name = "LEVEL", value_parser = ["informational", "low", "medium", "high", "critical"])]
    pub fail_on: Option<String>,
    /// Take no validation that has no benign twin of its own
    #[arg(long)]
    pub require_benign: bool,
    /// Take root file system, limits and variables from a profile (YAML)
    #[arg(long, value_name = "PROFILE.yaml")]
    env: Option<PathBuf>,
    /// Root file system: a folder, or an image as .tar (OCI layout or docker save) [default: the host's own]
    #[arg(long, value_name = "DIR|IMAGE.tar")]
    rootfs: Option<PathBuf>,
    /// Who watches; auto takes the best that this host allows [default: auto]
    #[arg(long, value_enum)]
    sensor: Option<SensorArg>,
    /// Write the verdicts as JUnit XML
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Write the verdicts as Markdown
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<PathBuf>,
    /// Folder that the result's folder is made in, with the bundles that it stands on [default: results/ of the
    /// data folder, the bundles in runs/]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Sign with this private key (PEM) instead of your own
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum SensorArg {
    /// The best that this host allows
    Auto,
    /// BPF programs (needs root, or CAP_BPF and CAP_PERFMON)
    Ebpf,
    /// A tracer (anyone; the artifact can notice it)
    Ptrace,
}

impl Args {
    /// The profile that `--env` names, else an empty one.
    pub fn profile(&self) -> Result<Profile, Failure> {
        let profile = self.env.as_deref().map_or(Ok(Profile::default()), Profile::read);
        profile.map_err(|e| Failure::foreign(exit::USAGE, miette::Report::new(e)))
    }

    /// The sensor that is asked for.
    pub fn sensor_choice(&self, profile: &Profile) -> SensorChoice {
        match (self.sensor, profile.sensor) {
            (Some(SensorArg::Ebpf), _) | (None, Some(ProfileSensor::Ebpf)) => SensorChoice::Ebpf,
            (Some(SensorArg::Ptrace), _) | (None, Some(ProfileSensor::Ptrace)) => SensorChoice::Ptrace,
            (Some(SensorArg::Auto), _) | (None, None | Some(ProfileSensor::Auto)) => SensorChoice::Auto,
        }
    }

    /// Where the arms run.
    pub fn surroundings(&self, profile: Profile, sensor: Sensor) -> Result<Surroundings, Failure> {
        let internet = match crate::commands::detonate::network(None, None, &profile)? {
            NetworkChoice::Sim { mode, site } => Some(InternetPlan { mode, site: (*site).clone() }),
            NetworkChoice::None => None,
        };
        let rootfs = match (&self.rootfs, profile.rootfs) {
            (Some(path), _) => rootfs(path.clone())?,
            (None, None | Some(ProfileRootfs::Host)) => Rootfs::Host,
            (None, Some(ProfileRootfs::Dir(path) | ProfileRootfs::Image(path))) => rootfs(path)?,
        };
        Ok(Surroundings {
            rootfs,
            sensor,
            limits: profile.limits.over(Limits::default()),
            hostname: profile.hostname,
            setenv: profile.setenv,
            internet,
            baits: profile.baits.unwrap_or(true),
        })
    }
}

fn rootfs(path: PathBuf) -> Result<Rootfs, Failure> {
    let refused = |message: String| {
        Failure::usage("detektr::rootfs", message).help(
            "give a folder that holds a root file system, or an image as .tar (OCI layout or docker save)",
        )
    };
    let metadata = std::fs::metadata(&path)
        .map_err(|e| refused(format!("can't read the root file system {}", shown(&path))).because(e))?;
    let absolute = std::path::absolute(&path).unwrap_or(path);
    if metadata.is_dir() { Ok(Rootfs::Dir(absolute)) } else { Ok(Rootfs::Image(absolute)) }
}
