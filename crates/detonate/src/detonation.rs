//! One detonation: plan, environment, sensor, artifact, witnesses, seal.
//!
//! Whatever happens after the bundle was begun ends in a sealed bundle with exactly one state; only what is found
//! before that (a bad artifact, a bad key, a data folder without permission) is an error instead.

use crate::artifact::{self, ArtifactSpec};
use crate::attribute::{Attribution, Surroundings};
use crate::beneath::{self, Beneath};
use crate::choose::Sensors;
use crate::clock::{Timing, boot_to_wall_ns, now, random, run_id, wall};
use crate::closing::{CAPTURE_BYTES, capture, close, effects, logged};
use crate::doors::Doors;
use crate::error::DetonateError;
use crate::eyes::{Eyes, RING_BYTES, numbers, sensor_name, watch_executed};
use crate::images::HashingReader;
use crate::network::conversation::Conversations;
use crate::outputs::Pump;
use crate::prepare::{Prepared, home, plan, prepare};
use crate::recorder::{Follower, Inputs, Live, Recorder};
use crate::request::{DetonateRequest, NetworkChoice, Progress, SensorChoice};
use crate::triggers::{Stage, Staged};
use crate::witnesses::Populations;
use crate::{ending, logs, monitors, witnesses};
use detektr_event::{Phase, SensorName, Text};
use detektr_evidence::persistence::Journal;
use detektr_evidence::{
    AppliedControl, Artifact, BundleWriter, Incomplete, Manifest, PhaseSpan, Start, State,
};
use detektr_netsim::{CaptureTo, Internet};
use detektr_sandbox::controls::egress::Loaded;
use detektr_sandbox::{Bait, BaitKind, Ended, Environment, Launched, Plan, Program, SandboxError};
use detektr_sensor::decode::{Decoder, DecoderConfig};
use detektr_sensor::{Description, ExecutedFiles, SensorError, Watching};
use std::collections::HashMap;
use std::fs::File;
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// Runs detonations; holds what they share in one process (the loaded sensor).
#[derive(Default)]
pub struct Detonator {
    pub(crate) sensors: Arc<Mutex<Sensors>>,
}

/// How a detonation ended, and where its bundle is.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Id of the run.
    pub run: String,
    /// The sealed bundle.
    pub bundle: PathBuf,
    /// Final state.
    pub state: State,
    /// How the artifact's first process ended, where that is known.
    pub exit: Option<detektr_evidence::Exit>,
    /// Whether nothing is known to be missing.
    pub complete: bool,
    /// What is known to be missing.
    pub incomplete: Vec<Incomplete>,
    /// Number of events.
    pub events: u64,
}

impl Detonator {
    /// A detonator with nothing loaded yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A detonator that watches with `sensor` alone, whatever a request asks for.
    pub fn with_sensor(sensor: Box<dyn detektr_sensor::Sensor>) -> Self {
        Detonator { sensors: Arc::new(Mutex::new(Sensors::only(sensor))) }
    }

    /// The sensor that `choice` means on this host: what is asked for, else the best that loads. It stays loaded
    /// for the detonations that follow.
    ///
    /// # Errors
    /// Where the sensor that is asked for, or for `auto` every sensor, can't be had.
    pub fn sensor_for(&self, choice: SensorChoice) -> Result<SensorName, SensorError> {
        let mut sensors = self.sensors.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let chosen = sensors.choose(choice, true, false)?;
        Ok(sensor_name(&chosen.sensor.describe()))
    }

    /// Whether `request` can be run here, as far as that can be known beforehand.
    ///
    /// # Errors
    /// What [`Detonator::detonate`] would refuse before anything runs.
    pub fn check(&self, request: &DetonateRequest) -> Result<(), DetonateError> {
        prepare(request).map(drop)
    }

    /// Runs `request.artifact` and seals what was seen.
    pub fn detonate(
        &self,
        request: &DetonateRequest,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Outcome, DetonateError> {
        let prepared = prepare(request)?;
        let run = run_id();
        let mut timing = Timing::default();
        let manifest_artifact = Artifact {
            name: Text::from(prepared.name.as_bytes()),
            sha256: None,
            kind: prepared.kind.name().into(),
            path: None,
            argv: Vec::new(),
        };
        let start = Start {
            run: run.clone(),
            tool_version: env!("CARGO_PKG_VERSION").into(),
            started: now(),
            artifact: Some(manifest_artifact.clone()),
        };
        let writer = BundleWriter::create(&prepared.runs, &start)?;
        let mut manifest = Manifest::new(run.clone(), env!("CARGO_PKG_VERSION"), manifest_artifact);
        manifest.boot_to_wall_ns = boot_to_wall_ns();
        let writer = self.run(request, &prepared, &run, writer, &mut manifest, &mut timing, progress)?;
        timing.mark("witnesses");
        manifest.timing_us = timing.steps;
        let bundle = writer.seal(manifest, &prepared.key)?;
        let manifest = bundle.manifest();
        Ok(Outcome {
            run,
            bundle: bundle.path().to_owned(),
            state: manifest.state,
            exit: manifest.exit.clone(),
            complete: manifest.complete,
            incomplete: manifest.incomplete.clone(),
            events: manifest.events,
        })
    }

    /// Everything between the begun bundle and the seal. Fills `manifest`; an environment that fails leaves its
    /// reason there.
    #[expect(clippy::too_many_arguments, reason = "each is another part of one detonation")]
    fn run(
        &self,
        request: &DetonateRequest,
        prepared: &Prepared,
        run: &str,
        mut writer: BundleWriter,
        manifest: &mut Manifest,
        timing: &mut Timing,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<BundleWriter, DetonateError> {
        let setup = now();
        self.prepare_sensor(request);
        let seed = request.seed.unwrap_or_else(|| u64::from_le_bytes(random()));
        manifest.seed = seed;
        let (plan, internet) = match plan(request, prepared, run, seed) {
            Ok(plan) => plan,
            Err(error) => {
                manifest.mark_incomplete("environment_failed", chain(&error));
                return Ok(writer);
            }
        };
        let mut environment = match Environment::create(&plan) {
            Ok(environment) => environment,
            Err(error) => {
                manifest.mark_incomplete("environment_failed", chain(&error));
                return Ok(writer);
            }
        };
        timing.mark("environment");
        if let Some(internet) = &internet
            && let Err(error) = internet.furnish(&mut environment, &prepared.root)
        {
            manifest.mark_incomplete("environment_failed", chain(&error));
            destroy(environment, manifest);
            return Ok(writer);
        }
        manifest.environment = describe(&environment, prepared, request);
        // as it was asked for: the addresses of names follow from the network, which is told too
        manifest.controls = request
            .controls
            .iter()
            .map(|control| AppliedControl {
                name: control.name.clone(),
                sha256: control.sha256(),
                egress: None,
                applied: environment.description().controls.get(&control.name).cloned().unwrap_or_default(),
            })
            .collect();
        manifest.baits = plan.baits.iter().map(witnesses::bait).collect();
        let launched =
            match self.launch(request, prepared, &plan, &mut environment, &mut writer, manifest, timing) {
                Ok(launched) => launched,
                Err(error) => {
                    manifest.state = error.state;
                    manifest.mark_incomplete(error.state.name(), error.why);
                    destroy(environment, manifest);
                    return Ok(writer);
                }
            };
        let Running { mut watching, receiver, pumps, mut launched, executed, description, why, doors } =
            launched;
        let started = match (internet, launched.device.take()) {
            (Some(internet), Some(device)) => {
                let capture = CaptureTo {
                    file: writer.capture()?,
                    bound: CAPTURE_BYTES,
                    boot_to_wall_ns: manifest.boot_to_wall_ns,
                };
                Some(internet.start(device, capture))
            }
            _ => None,
        };
        let (internet, told) = match started.transpose() {
            Ok(started) => started.unzip(),
            Err(source) => return Err(DetonateError::Thread { source }),
        };
        let sockets = environment.take_logs();
        let (reading, logs) = read_logs(&sockets, manifest.boot_to_wall_ns)?;
        let live = Arc::new(Live::default());
        let rules = match environment.egress().map(Loaded::try_clone).transpose() {
            Ok(rules) => rules,
            Err(source) => return Err(DetonateError::Thread { source }),
        };
        let mut decoder = Decoder::new(DecoderConfig {
            sensor: sensor_name(&description),
            environment: numbers(&launched),
            boot_to_wall_ns: manifest.boot_to_wall_ns,
        });
        decoder.launcher(launched.pid);
        manifest.sensor = witnesses::sensor(&description, why, request.ring_bytes.unwrap_or(RING_BYTES));
        let overlays = witnesses::Overlays::before(&environment, &launched)?;
        let beneath = Beneath::new(overlays.layers().to_vec(), environment.given().to_owned(), setup.0);
        let recorder = Recorder::start(
            receiver,
            Inputs {
                writer,
                decoder,
                executed,
                baits: bait_paths(&plan.baits),
                files: overlays.files(),
                beneath,
                attribution: Attribution::new(
                    &plan.controls,
                    &prepared.hardening,
                    Surroundings {
                        rootfs: prepared.rootfs.clone(),
                        root: prepared.root.clone(),
                        all_ids: environment.description().id_mapping == "range",
                    },
                    &doors,
                    rules,
                ),
                follower: Follower::Journal(Journal::default()),
                live: live.clone(),
                conversations: told.map(|told| {
                    let own = plan.network.iter().flat_map(|network| [network.v4.into(), network.v6.into()]);
                    Conversations::new(told, manifest.boot_to_wall_ns, own.collect())
                }),
                logs,
            },
        )
        .map_err(|source| DetonateError::Thread { source })?;

        let mut executed_at = now();
        let begin = Instant::now();
        let ended: Result<Ended, SandboxError> = environment.release().map(|()| {
            let mut watch = || {
                progress(Progress {
                    elapsed: begin.elapsed(),
                    phase: "execute",
                    events: live.events.load(Ordering::Relaxed),
                    processes: live.processes.load(Ordering::Relaxed),
                });
                if request.cancel.load(Ordering::Relaxed) {
                    return ControlFlow::Break("cancelled".into());
                }
                if live.broken.load(Ordering::Relaxed) {
                    return ControlFlow::Break("bundle_failed".into());
                }
                match watching.health() {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(error) => ControlFlow::Break(format!("sensor_lost: {error}")),
                }
            };
            environment.wait(begin + plan.limits.wall, &mut watch)
        });
        timing.mark("execute");
        let prepared_at = ended.as_ref().ok().and_then(|ended| ended.prepared);
        let first = !request.setup.is_empty() || monitors::of(&plan.controls).next().is_some();
        let executes = !first || matches!(prepared_at, Some((None, _)));
        if let Some((None, at)) = prepared_at {
            executed_at = wall(at);
        }
        let ended_at = now();
        let before = if executes { executed_at } else { ended_at };
        manifest.phases = vec![PhaseSpan { phase: Phase::Setup, start: setup, end: before }];
        if executes {
            manifest.phases.push(PhaseSpan { phase: Phase::Execute, start: executed_at, end: ended_at });
        }
        let closing = watching.finish();
        drop(reading);
        let internet = internet.map(Internet::finish);
        let Ok((mut inputs, recorded)) = recorder.finish() else { return Err(DetonateError::Recorder) };
        for pump in pumps {
            if let Err(error) = pump.finish() {
                manifest.mark_incomplete("output_lost", error.to_string());
            }
        }
        timing.mark("drain");
        recorded?;
        ending::tell(manifest, &ended);
        effects(manifest, &environment);
        ending::prepared(manifest, &ended, &request.setup);
        if let Ok(ended) = &ended {
            monitors::tell(manifest, &plan.controls, ended);
        }
        manifest.sentinel = closing.sentinel;
        close(manifest, &closing, &inputs.decoder);
        logged(manifest, inputs.logs.take());
        let lost = ended.as_ref().ok().and_then(|ended| ended.packets_lost);
        let mut population = Populations::default();
        population.add(&inputs.decoder);
        let diff = overlays.diff(&mut inputs.writer);
        let stage = Stage {
            detonator: self,
            request,
            kind: &prepared.kind,
            plan: &plan,
            overlays: &overlays,
            diff: &diff,
            sockets: &sockets,
        };
        let Staged { inputs, ended, ran } =
            stage.run(inputs, ended, &mut environment, manifest, &mut population, progress)?;
        timing.mark("triggers");
        let Inputs { mut writer, files, beneath, conversations, .. } = inputs;
        let diff = if ran { overlays.diff(&mut writer) } else { diff };
        manifest.witnesses.fsdiff = Some(overlays.tell(&diff, files, &mut writer)?);
        match internet.zip(conversations) {
            Some((Ok(report), conversations)) => capture(&mut writer, manifest, report, conversations, lost)?,
            Some((Err(error), _)) => manifest.mark_incomplete("internet_failed", error.to_string()),
            None => {}
        }
        for sentence in beneath.changed() {
            manifest.mark_incomplete("host_changed", sentence);
        }
        witnesses::processes(manifest, &population, &environment, &ended);
        // Whoever lets go of the overlays last waits until the kernel has taken them apart: not us, but what is left of init.
        drop(sockets);
        destroy(environment, manifest);
        Ok(writer)
    }

    /// Places the artifact, attaches the sensor, and launches a paused program.
    #[expect(clippy::too_many_arguments, reason = "each is another part of one detonation")]
    fn launch(
        &self,
        request: &DetonateRequest,
        prepared: &Prepared,
        plan: &Plan,
        environment: &mut Environment,
        writer: &mut BundleWriter,
        manifest: &mut Manifest,
        timing: &mut Timing,
    ) -> Result<Running, Failed> {
        let placed = Path::new(&home(plan)).join(&prepared.name);
        if let ArtifactSpec::Path(path) = &request.artifact {
            let mut file = HashingReader::new(File::open(path).map_err(environment_failed)?);
            environment.place(&placed, &mut file, 0o755).map_err(environment_failed)?;
            // of what was placed, whatever becomes of the original meanwhile
            manifest.artifact.sha256 = Some(file.finish());
            manifest.artifact.path = Some(Text::from(placed.as_os_str().as_bytes()));
        }
        for (inside, file) in &request.files {
            let mut content = File::open(file).map_err(environment_failed)?;
            environment.place(inside, &mut content, 0o755).map_err(environment_failed)?;
        }
        for (_, monitor) in monitors::of(&plan.controls) {
            for (inside, content) in &monitor.files {
                environment
                    .place(Path::new(inside), &mut content.as_bytes(), 0o755)
                    .map_err(environment_failed)?;
            }
        }
        let argv = artifact::command_line(&prepared.kind, &placed, &request.args);
        manifest.artifact.argv = argv.iter().map(|word| Text::from(word.as_bytes())).collect();

        let Eyes { mut watching, receiver, filter, doors, mut description, why } =
            self.watch(request, &prepared.kind, environment)?;
        timing.mark("sensor");

        let (stdout, stdout_end) = pipe().map_err(environment_failed)?;
        let (stderr, stderr_end) = pipe().map_err(environment_failed)?;
        let mut pumps = vec![
            Pump::start("stdout", stdout, writer.stdout(plan.limits.output).map_err(environment_failed)?)
                .map_err(environment_failed)?,
            Pump::start("stderr", stderr, writer.stderr(plan.limits.output).map_err(environment_failed)?)
                .map_err(environment_failed)?,
        ];
        let (watchers, more) = monitors::begin(&plan.controls, plan.limits.output, writer)
            .map_err(|error| Failed { state: State::EnvironmentFailed, why: error.to_string() })?;
        pumps.extend(more);
        let launched = environment
            .launch(Program {
                argv,
                cwd: None,
                stdin: prepared.stdin.try_clone().map_err(environment_failed)?.into(),
                stdout: stdout_end,
                stderr: stderr_end,
                filter,
                shut: doors.shut,
                setup: request.setup.iter().map(|step| step.command.clone()).collect(),
                monitors: watchers,
            })
            .map_err(environment_failed)?;
        let executed =
            if description.name == "ebpf" { watch_executed(environment, &mut description) } else { None };
        watching.adopt(launched.pid).map_err(sensor_failed)?;
        manifest.environment = describe(environment, prepared, request);
        manifest.environment["io_uring"] = if doors.no_rings { "refused" } else { "allowed" }.into();
        if let Some(gaps) = manifest.environment["gaps"].as_array_mut() {
            gaps.extend(doors.gaps.iter().map(|gap| gap.as_str().into()));
        }
        timing.mark("launch");
        Ok(Running { watching, receiver, pumps, launched, executed, description, why, doors })
    }
}

/// A paused launcher under the eyes of a sensor.
struct Running {
    watching: Box<dyn Watching>,
    receiver: std::sync::mpsc::Receiver<Vec<detektr_sensor::raw::Raw>>,
    pumps: Vec<Pump>,
    launched: Launched,
    executed: Option<ExecutedFiles>,
    description: Description,
    why: Option<String>,
    doors: Doors,
}

/// Why nothing was run.
pub(crate) struct Failed {
    pub state: State,
    pub why: String,
}

pub(crate) fn environment_failed(error: impl std::error::Error) -> Failed {
    Failed { state: State::EnvironmentFailed, why: chain(&error) }
}

pub(crate) fn sensor_failed(error: impl std::error::Error) -> Failed {
    Failed { state: State::SensorLost, why: chain(&error) }
}

/// Removes the environment; what stays behind is said.
fn destroy(environment: Environment, manifest: &mut Manifest) {
    if let Err(error) = environment.destroy() {
        manifest.mark_incomplete("environment_left", chain(&error));
    }
}

/// An error with all that lies beneath it, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

/// The environment as the sandbox describes it, with what only this crate knows of its root file system.
fn describe(environment: &Environment, prepared: &Prepared, request: &DetonateRequest) -> serde_json::Value {
    let mut value = serde_json::to_value(environment.description()).unwrap_or_default();
    let Some(object) = value.as_object_mut() else { return value };
    object.insert("network".into(), request.network.name().into());
    if let NetworkChoice::Sim { site, .. } = &request.network
        && let Some(sha256) = &site.sha256
    {
        object.insert("site_sha256".into(), sha256.clone().into());
    }
    match &prepared.image {
        Some(image) => {
            object.insert("image_archive_sha256".into(), image.sha256.clone().into());
            object.insert("image".into(), serde_json::to_value(&image.info).unwrap_or_default());
        }
        None => object.extend(beneath::identity(&prepared.root)),
    }
    value
}

fn bait_paths(baits: &[Bait]) -> HashMap<Vec<u8>, String> {
    baits
        .iter()
        .filter_map(|bait| match &bait.kind {
            BaitKind::File { path, .. } => Some((path.as_bytes().to_vec(), bait.name.clone())),
            BaitKind::Env { .. } | BaitKind::Answer { .. } => None,
        })
        .collect()
}

/// Reads the environment's log sockets for one phase.
pub(crate) fn read_logs(
    sockets: &[OwnedFd],
    boot_to_wall_ns: i64,
) -> Result<(Option<logs::Reading>, Option<logs::Logs>), DetonateError> {
    if sockets.is_empty() {
        return Ok((None, None));
    }
    let read = || {
        let own = sockets.iter().map(OwnedFd::try_clone).collect::<std::io::Result<Vec<_>>>()?;
        logs::read(own, boot_to_wall_ns)
    };
    let (reading, logs) = read().map_err(|source| DetonateError::Thread { source })?;
    Ok((Some(reading), Some(logs)))
}

fn pipe() -> std::io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?)
}

/// Ended, as this crate passes it on.
pub(crate) type EndedResult = Result<Ended, SandboxError>;
