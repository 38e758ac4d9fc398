//! The sensor at work on one environment, for the artifact and for each trigger phase alike.

use crate::artifact::ArtifactKind;
use crate::detonation::{Detonator, Failed, environment_failed, sensor_failed};
use crate::doors::{Doors, doors};
use crate::request::DetonateRequest;
use detektr_event::SensorName;
use detektr_sandbox::{Environment, Launched};
use detektr_sensor::decode::{IdRange, Numbers};
use detektr_sensor::{Description, ExecutedFiles, Target, Watching};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The sensor's ring where nobody asks for another: room for a quarter of a million events between two reads.
pub(crate) const RING_BYTES: u32 = 32 << 20;
/// Batches that may wait between sensor and recorder.
const BATCHES: usize = 256;

/// A sensor that watches one environment.
pub(crate) struct Eyes {
    pub watching: Box<dyn Watching>,
    pub receiver: std::sync::mpsc::Receiver<Vec<detektr_sensor::raw::Raw>>,
    pub filter: Option<Vec<(u16, u8, u8, u32)>>,
    pub doors: Doors,
    pub description: Description,
    pub why: Option<String>,
}

impl Detonator {
    /// Has the sensor loaded while the environment is made, which does not need it: of all that a first detonation waits
    /// for, this takes longest.
    pub(crate) fn prepare_sensor(&self, request: &DetonateRequest) {
        // others can hardly load it, and would try twice
        let first = self.sensors.try_lock().is_ok_and(|sensors| sensors.is_first(request.sensor));
        if !first || !rustix::process::geteuid().is_root() {
            return;
        }
        let sensors = Arc::clone(&self.sensors);
        let (choice, ring_bytes) = (request.sensor, request.ring_bytes.unwrap_or(RING_BYTES));
        let load = move || {
            sensors.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).prepare(choice, ring_bytes)
        };
        // without a thread it is loaded when it is needed
        let _ = std::thread::Builder::new().name("sensor".into()).spawn(load);
    }

    /// Has the sensor watch `environment`: what watches, where its records come out, the filter that a launcher must
    /// install for it, the sensor's description, and why it was no better one.
    pub(crate) fn watch(
        &self,
        request: &DetonateRequest,
        kind: &ArtifactKind,
        environment: &Environment,
    ) -> Result<Eyes, Failed> {
        let pid_namespace =
            File::open(format!("/proc/{}/ns/pid", environment.init_pid())).map_err(environment_failed)?;
        let (sender, receiver) = std::sync::mpsc::sync_channel(BATCHES);
        let mut sensors = self.sensors.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let (cgroup, ia32) = (environment.cgroup().is_some(), kind.is_ia32());
        let chosen = sensors.choose(request.sensor, cgroup, ia32).map_err(sensor_failed)?;
        let mut description = chosen.sensor.describe();
        let doors = doors(request.io_uring, &description.rings);
        description.limitations.extend(doors.gaps.clone());
        let filter = chosen.sensor.launch_filter(request.observe_stat);
        let target = Target {
            cgroup: environment.cgroup().map(Path::to_owned),
            pid_namespace: pid_namespace.into(),
            observe_stat: request.observe_stat,
            ring_bytes: request.ring_bytes.unwrap_or(RING_BYTES),
        };
        let watching = chosen.sensor.watch(target, sender).map_err(sensor_failed)?;
        Ok(Eyes { watching, receiver, filter, doors, description, why: chosen.why })
    }
}

pub(crate) fn sensor_name(description: &Description) -> SensorName {
    if description.name == "ebpf" { SensorName::Ebpf } else { SensorName::Ptrace }
}

pub(crate) fn numbers(launched: &Launched) -> Numbers {
    let ranges = |map: &[detektr_sandbox::IdRange]| {
        map.iter().map(|r| IdRange { inside: r.inside, outside: r.outside, count: r.count }).collect()
    };
    Numbers {
        mount_namespace: launched.mount_namespace,
        uid_map: ranges(&launched.uid_map),
        gid_map: ranges(&launched.gid_map),
        root_path: Vec::new(),
    }
}

/// Reads what is executed, as it is executed; a sensor without it says so.
pub(crate) fn watch_executed(
    environment: &Environment,
    description: &mut Description,
) -> Option<ExecutedFiles> {
    let root = PathBuf::from(format!("/proc/{}/root", environment.init_pid()));
    let trees: Vec<PathBuf> = environment
        .layers()
        .iter()
        .map(|layer| root.join(layer.mount_point.strip_prefix("/").unwrap_or(&layer.mount_point)))
        .collect();
    match ExecutedFiles::watch(&trees) {
        Ok(executed) => {
            description.hooks.push("fanotify/FAN_OPEN_EXEC_PERM".into());
            Some(executed)
        }
        Err(error) => {
            description.limitations.push(format!("executed files are not hashed: fanotify: {error}"));
            None
        }
    }
}
