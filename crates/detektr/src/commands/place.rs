//! Where arms run: the arguments that choose root file system, bounds, variables, network and sensor.

use crate::exit;
use crate::failure::{Failure, shown};
use crate::recording::with_sources;
use detektr_detonate::{Detonator, NetworkChoice, SensorChoice, SensorError, SensorName};
use detektr_sandbox::Limits;
use detektr_sandbox::profile::{Profile, ProfileRootfs, ProfileSensor};
use detektr_validate::{InternetPlan, Rootfs, Sensor, Surroundings};
use std::path::PathBuf;

/// Where arms run.
#[derive(Debug, clap::Args)]
pub struct PlaceArgs {
    /// Take root file system, limits and variables from a profile (YAML)
    #[arg(long, value_name = "PROFILE.yaml")]
    pub env: Option<PathBuf>,
    /// Root file system: a folder, or an image as .tar (OCI layout or docker save) [default: the host's own]
    #[arg(long, value_name = "DIR|IMAGE.tar")]
    rootfs: Option<PathBuf>,
    /// Who watches; auto takes the best that this host allows [default: auto]
    #[arg(long, value_enum)]
    sensor: Option<SensorArg>,
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

impl PlaceArgs {
    /// The profile that `--env` names, else an empty one.
    pub fn profile(&self) -> Result<Profile, Failure> {
        let profile = self.env.as_deref().map_or(Ok(Profile::default()), Profile::read);
        profile.map_err(|e| Failure::foreign(exit::USAGE, miette::Report::new(e)))
    }

    /// The sensor that is asked for.
    fn sensor_choice(&self, profile: &Profile) -> SensorChoice {
        match (self.sensor, profile.sensor) {
            (Some(SensorArg::Ebpf), _) | (None, Some(ProfileSensor::Ebpf)) => SensorChoice::Ebpf,
            (Some(SensorArg::Ptrace), _) | (None, Some(ProfileSensor::Ptrace)) => SensorChoice::Ptrace,
            (Some(SensorArg::Auto), _) | (None, None | Some(ProfileSensor::Auto)) => SensorChoice::Auto,
        }
    }

    /// Where arms run. What only looks at a plan, or at stored arms, needs no sensor and no privilege: `runs` is false.
    pub fn surroundings(&self, detonator: &Detonator, runs: bool) -> Result<Surroundings, Failure> {
        let profile = self.profile()?;
        let unavailable = |e: SensorError| {
            Failure::failed("detektr::sensor", with_sources(&e))
                .help("`detektr doctor` tells what this host can't do")
        };
        let sensor = match self.sensor_choice(&profile) {
            choice if runs => match detonator.sensor_for(choice).map_err(unavailable)? {
                SensorName::Ptrace => Sensor::Ptrace,
                SensorName::Ebpf | SensorName::Detektr => Sensor::Ebpf,
            },
            SensorChoice::Ptrace => Sensor::Ptrace,
            _ => Sensor::Ebpf,
        };
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
            io_uring: profile.io_uring.unwrap_or_default(),
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
    // results name it
    if absolute.to_str().is_none() {
        return Err(refused(format!("the path of the root file system {} is not UTF-8", shown(&absolute))));
    }
    if metadata.is_dir() { Ok(Rootfs::Dir(absolute)) } else { Ok(Rootfs::Image(absolute)) }
}
