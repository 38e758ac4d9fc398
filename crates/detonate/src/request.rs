//! What a detonation is asked for, what it tells on the way, and what comes out of it.

use crate::artifact::ArtifactSpec;
use detektr_event::Phase;
use detektr_netsim::{Mode, site::Site};
use detektr_sandbox::controls::Control;
use detektr_sandbox::{IoUring, Limits, RunAs};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// The root file system to run in.
#[derive(Clone, Debug)]
pub enum RootfsChoice {
    /// The host's own, beneath a throw-away overlay.
    Host,
    /// A folder with a root file system, beneath a throw-away overlay.
    Dir(PathBuf),
    /// An image: a tar of an OCI layout or of `docker save`.
    Image(PathBuf),
}

/// The network of the environment.
#[derive(Clone, Debug, Default)]
pub enum NetworkChoice {
    /// A private network with nothing in it.
    #[default]
    None,
    /// A simulated internet.
    Sim {
        /// How it answers.
        mode: Mode,
        /// What the user wants answered.
        site: Arc<Site>,
    },
}

impl NetworkChoice {
    /// The simulated internet as it is by default.
    pub fn sim() -> Self {
        NetworkChoice::Sim { mode: Mode::Sim, site: Arc::default() }
    }

    /// The name of the mode.
    pub fn name(&self) -> &'static str {
        match self {
            NetworkChoice::None => "none",
            NetworkChoice::Sim { mode, .. } => mode.name(),
        }
    }
}

/// The sensor to watch with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SensorChoice {
    /// The best that this host allows.
    Auto,
    /// BPF programs.
    Ebpf,
    /// The ptrace tracer.
    Ptrace,
}

/// One detonation, fully told: running it makes no more choices of the user's.
#[derive(Clone, Debug)]
pub struct DetonateRequest {
    /// The artifact.
    pub artifact: ArtifactSpec,
    /// Its arguments (for a command: all its words).
    pub args: Vec<OsString>,
    /// Detektr's data folder.
    pub home: PathBuf,
    /// Root file system.
    pub rootfs: RootfsChoice,
    /// As whom the artifact runs.
    pub user: RunAs,
    /// Limits, those of wall time and output included.
    pub limits: Limits,
    /// Environment variables beside those that Detektr makes.
    pub setenv: Vec<(String, String)>,
    /// Host name inside; random by default.
    pub hostname: Option<String>,
    /// Its network.
    pub network: NetworkChoice,
    /// Whether to place baits.
    pub baits: bool,
    /// Whether programs can use io_uring.
    pub io_uring: IoUring,
    /// Whether to watch the optional calls.
    pub observe_stat: bool,
    /// What the artifact reads from stdin; nothing by default.
    pub stdin: Option<PathBuf>,
    /// Sensor.
    pub sensor: SensorChoice,
    /// Signing key; the data folder's own by default.
    pub key: Option<PathBuf>,
    /// Where the bundle goes; the data folder by default.
    pub out: Option<PathBuf>,
    /// Size of the sensor's ring in bytes, a power of two.
    pub ring_bytes: Option<u32>,
    /// Controls to put on the environment, in order.
    pub controls: Vec<Control>,
    /// Where the run's names and baits come from; random by default.
    pub seed: Option<u64>,
    /// The artifact's file name inside; its own by default.
    pub place_as: Option<OsString>,
    /// The trigger phases that may follow, where something was installed that they start.
    pub triggers: BTreeSet<Phase>,
    /// What runs before the artifact, in order, in the same environment and as the same user, but without controls:
    /// it belongs to the phase `setup`. Where one does not end with code 0, the artifact is not run.
    pub setup: Vec<SetupStep>,
    /// Files of the host's that lie in the environment beforehand: path inside, and the file.
    pub files: Vec<(PathBuf, PathBuf)>,
    /// Set to end the run early.
    pub cancel: Arc<AtomicBool>,
}

impl DetonateRequest {
    /// `artifact` as an ordinary user in the host's root file system, with the simulated internet, baits, all
    /// trigger phases and the best sensor: what `detektr detonate` does where nothing else is said.
    pub fn new(artifact: ArtifactSpec, args: Vec<OsString>, home: PathBuf) -> Self {
        DetonateRequest {
            artifact,
            args,
            home,
            rootfs: RootfsChoice::Host,
            user: RunAs::User,
            limits: Limits::default(),
            setenv: Vec::new(),
            hostname: None,
            network: NetworkChoice::sim(),
            baits: true,
            io_uring: IoUring::default(),
            observe_stat: false,
            stdin: None,
            sensor: SensorChoice::Auto,
            key: None,
            out: None,
            ring_bytes: None,
            controls: Vec::new(),
            seed: None,
            place_as: None,
            triggers: TRIGGERS.into(),
            setup: Vec::new(),
            files: Vec::new(),
            cancel: Arc::default(),
        }
    }
}

/// Something that has to be done before the artifact can run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetupStep {
    /// What it brings about, for people.
    pub what: String,
    /// The command line.
    pub command: Vec<OsString>,
}

/// All trigger phases.
pub const TRIGGERS: [Phase; 3] = [Phase::Login, Phase::Schedule, Phase::Reboot];

/// A sign of life.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Time since the artifact started.
    pub elapsed: Duration,
    /// What is being done.
    pub phase: &'static str,
    /// Events so far.
    pub events: u64,
    /// Processes born so far.
    pub processes: u64,
}
