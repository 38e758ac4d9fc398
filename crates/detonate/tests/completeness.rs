//! Each safeguard of completeness is broken on purpose, and the run must say so: the ring shrunk, the sensor
//! killed, a hook dropped, the overlay changed behind its back. Real environments and real sensors; what needs
//! root is skipped without it.
//!
//! The test program is its own `init` (the sandbox executes `/proc/self/exe`), hence its own `main`.

use detektr_detonate::{
    ArtifactSpec, DetonateRequest, Detonator, NetworkChoice, Outcome, RunAs, SensorChoice, State,
};
use detektr_event::{Detail, Event, Kind};
use detektr_evidence::Bundle;
use detektr_sensor::ptrace::PtraceSensor;
use detektr_sensor::raw::{Body, Raw};
use detektr_sensor::{Closing, Description, Sensor, SensorError, Target, Watching, calls};
use libtest_mimic::{Arguments, Failed, Trial};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

/// A test and its name, which says what it shows.
type Named = (&'static str, fn() -> Result<(), Failed>);

fn main() {
    let words: Vec<OsString> = std::env::args_os().collect();
    if detektr_sandbox::is_init(&words) {
        detektr_sandbox::init_main();
    }
    let tests: [Named; 9] = [
        ("an_undisturbed_run_is_complete_with_both_sensors", undisturbed),
        ("a_ring_too_small_for_its_events_makes_the_run_incomplete", shrunk_ring),
        ("a_sensor_that_dies_ends_the_run_as_sensor_lost", dead_sensor),
        ("a_dropped_unlink_hook_is_noticed_by_the_file_system_difference", dropped_unlink),
        ("a_dropped_birth_is_noticed_by_the_kernels_account", dropped_birth),
        ("a_file_put_into_the_overlay_from_outside_is_noticed", changed_behind),
        ("an_event_without_a_trace_in_the_overlay_is_noticed", invented_event),
        ("a_further_detonation_with_the_same_sensor_starts_from_nothing", further),
        ("two_detonations_at_once_do_not_disturb_each_other", two_at_once),
    ];
    let trials = tests.map(|(name, test)| Trial::test(name, test)).into();
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(1);
    libtest_mimic::run(&arguments, trials).exit();
}

fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("skipped: needs root");
    }
    root
}

fn shell(home: &Path, script: &str, sensor: SensorChoice) -> DetonateRequest {
    DetonateRequest {
        user: RunAs::Root,
        network: NetworkChoice::None,
        sensor,
        triggers: Default::default(),
        ..DetonateRequest::new(
            ArtifactSpec::Command,
            ["sh", "-c", script].map(OsString::from).into(),
            home.to_owned(),
        )
    }
}

fn run(detonator: &Detonator, request: &DetonateRequest) -> Result<Outcome, Failed> {
    Ok(detonator.detonate(request, &mut |_| {})?)
}

fn reasons(outcome: &Outcome) -> Vec<&str> {
    outcome.incomplete.iter().map(|hole| hole.reason.as_str()).collect()
}

/// Fails unless `outcome` is incomplete for `reason`.
fn expect_hole(outcome: &Outcome, reason: &str) -> Result<(), Failed> {
    if outcome.complete || !reasons(outcome).contains(&reason) {
        return Err(format!("expected {reason}, got {:?}", outcome.incomplete).into());
    }
    Ok(())
}

const BUSY: &str = "cd /tmp; echo a > a; echo b > b; mv a c; rm b; mkdir d; ln -s c l; (echo child > d/f); chmod 600 c; true";

fn undisturbed() -> Result<(), Failed> {
    let home = tempfile::tempdir()?;
    let sensors: &[SensorChoice] = if rustix::process::geteuid().is_root() {
        &[SensorChoice::Ebpf, SensorChoice::Ptrace]
    } else {
        eprintln!("skipped: the ebpf sensor needs root");
        &[SensorChoice::Ptrace]
    };
    for sensor in sensors {
        let outcome = run(&Detonator::new(), &shell(home.path(), BUSY, *sensor))?;
        assert_eq!(outcome.state, State::Completed, "{sensor:?}");
        assert!(outcome.complete, "{sensor:?}: {:?}", outcome.incomplete);
        let bundle = Bundle::open(&outcome.bundle)?;
        let witnesses = &bundle.manifest().witnesses;
        let processes = witnesses.processes.as_ref().expect("the processes witness speaks");
        assert!(processes.births >= 4 && processes.births == processes.exits, "{processes:?}");
        let changes: Vec<String> = bundle.changes()?.iter().map(|c| c.path.lossy().into_owned()).collect();
        for path in ["/tmp/c", "/tmp/d", "/tmp/d/f", "/tmp/l"] {
            assert!(changes.iter().any(|c| c == path), "{sensor:?}: {path} is not among {changes:?}");
        }
        assert!(!changes.iter().any(|c| c == "/tmp/a" || c == "/tmp/b"), "{changes:?}");
    }
    Ok(())
}

fn shrunk_ring() -> Result<(), Failed> {
    if !is_root() {
        return Ok(());
    }
    let home = tempfile::tempdir()?;
    let script = "i=0; while [ $i -lt 3000 ]; do : < /dev/null; i=$((i+1)); done";
    let mut request = shell(home.path(), script, SensorChoice::Ebpf);
    request.ring_bytes = Some(4096);
    let outcome = run(&Detonator::new(), &request)?;
    expect_hole(&outcome, "events_dropped")?;
    let ledger = Bundle::open(&outcome.bundle)?.manifest().ledger.clone();
    assert!(ledger.unbalanced().next().is_none(), "the ledger still balances: {ledger:?}");
    Ok(())
}

/// What a saboteur does with the records of a real sensor.
type Sabotage = Box<dyn Fn(Raw, &mut Vec<Raw>) + Send + Sync>;

/// A real sensor with somebody between it and the recorder.
struct Sabotaged {
    sensor: Box<dyn Sensor>,
    sabotage: Arc<Sabotage>,
    dies: Arc<AtomicBool>,
}

struct SabotagedWatch {
    inner: Box<dyn Watching>,
    dies: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<()>,
}

impl Sabotaged {
    fn new(
        sensor: impl Sensor + 'static,
        sabotage: impl Fn(Raw, &mut Vec<Raw>) + Send + Sync + 'static,
    ) -> Self {
        Sabotaged { sensor: Box::new(sensor), sabotage: Arc::new(Box::new(sabotage)), dies: Arc::default() }
    }
}

impl Sensor for Sabotaged {
    fn describe(&self) -> Description {
        self.sensor.describe()
    }
    fn launch_filter(&self, observe_stat: bool) -> Option<Vec<(u16, u8, u8, u32)>> {
        self.sensor.launch_filter(observe_stat)
    }
    fn watch(
        &mut self,
        target: Target,
        sink: SyncSender<Vec<Raw>>,
    ) -> Result<Box<dyn Watching>, SensorError> {
        let (sender, receiver) = sync_channel::<Vec<Raw>>(16);
        let inner = self.sensor.watch(target, sender)?;
        let sabotage = self.sabotage.clone();
        let thread = std::thread::spawn(move || {
            for batch in receiver {
                let mut left = Vec::new();
                batch.into_iter().for_each(|raw| sabotage(raw, &mut left));
                if sink.send(left).is_err() {
                    return;
                }
            }
        });
        Ok(Box::new(SabotagedWatch { inner, dies: self.dies.clone(), thread }))
    }
}

impl Watching for SabotagedWatch {
    fn adopt(&mut self, pid: u32) -> Result<(), SensorError> {
        self.inner.adopt(pid)
    }
    fn health(&mut self) -> Result<(), SensorError> {
        if self.dies.load(Ordering::Relaxed) {
            return Err(SensorError::Lost("killed by the test".into()));
        }
        self.inner.health()
    }
    fn finish(self: Box<Self>) -> Closing {
        let closing = self.inner.finish();
        self.thread.join().expect("the saboteur does not panic");
        closing
    }
}

fn dead_sensor() -> Result<(), Failed> {
    let home = tempfile::tempdir()?;
    let mut sensor = Sabotaged::new(PtraceSensor::new()?, |raw, left| left.push(raw));
    let dies = sensor.dies.clone();
    // It dies with the first exec, while the artifact still sleeps.
    sensor.sabotage = Arc::new(Box::new(move |raw, left| {
        dies.store(matches!(raw.body, Body::Exec(_)) || dies.load(Ordering::Relaxed), Ordering::Relaxed);
        left.push(raw);
    }));
    let outcome = run(
        &Detonator::with_sensor(Box::new(sensor)),
        &shell(home.path(), "sleep 600", SensorChoice::Ptrace),
    )?;
    assert_eq!(outcome.state, State::SensorLost);
    expect_hole(&outcome, "sensor_lost")
}

/// Runs `BUSY` under the ptrace sensor (anyone can) with `sabotage` in between.
fn sabotaged(sabotage: impl Fn(Raw, &mut Vec<Raw>) + Send + Sync + 'static) -> Result<Outcome, Failed> {
    let home = tempfile::tempdir()?;
    let sensor = Sabotaged::new(PtraceSensor::new()?, sabotage);
    let outcome =
        run(&Detonator::with_sensor(Box::new(sensor)), &shell(home.path(), BUSY, SensorChoice::Ptrace))?;
    assert_eq!(outcome.state, State::Completed);
    Ok(outcome)
}

fn kind_of(raw: &Raw) -> Option<Kind> {
    match &raw.body {
        Body::Call(call) => calls::spec(call.abi, call.nr).map(|spec| spec.kind),
        _ => None,
    }
}

fn dropped_unlink() -> Result<(), Failed> {
    // rename: its new name then has no explanation either
    let outcome = sabotaged(|raw, left| {
        if !matches!(kind_of(&raw), Some(Kind::FileRename | Kind::FileUnlink)) {
            left.push(raw);
        }
    })?;
    expect_hole(&outcome, "fsdiff_unexplained_change")
}

fn dropped_birth() -> Result<(), Failed> {
    let births = AtomicU64::new(0);
    let outcome = sabotaged(move |raw, left| {
        let second = matches!(raw.body, Body::Birth(_)) && births.fetch_add(1, Ordering::Relaxed) == 1;
        if !second {
            left.push(raw);
        }
    })?;
    expect_hole(&outcome, "processes_unexplained")
}

fn invented_event() -> Result<(), Failed> {
    // A mkdir that never was: the record of a real one under another name.
    let outcome = sabotaged(|raw, left| {
        if kind_of(&raw) == Some(Kind::FileMkdir) {
            let mut invented = raw.clone();
            if let Body::Call(call) = &mut invented.body {
                for taken in &mut call.taken {
                    if let detektr_sensor::raw::Taken::String { entry, .. } = taken {
                        *entry = detektr_event::Copied::whole("/tmp/never-was");
                    }
                }
            }
            left.push(invented);
        }
        left.push(raw);
    })?;
    expect_hole(&outcome, "fsdiff_unexplained_event")
}

fn changed_behind() -> Result<(), Failed> {
    let home = tempfile::tempdir()?;
    let work = home.path().join("work");
    // The artifact waits for a file that only the outside can make; the test makes it in the overlay's upper folder.
    let script = "touch /tmp/ready; while [ ! -e /tmp/from-outside ]; do sleep 0.05; done";
    let request = shell(home.path(), script, SensorChoice::Ptrace);
    let placed = AtomicBool::new(false);
    let outcome = Detonator::new().detonate(&request, &mut |_| {
        if !placed.load(Ordering::Relaxed)
            && let Some(ready) = find(&work, "ready")
        {
            std::fs::write(ready.with_file_name("from-outside"), "x")
                .expect("the upper folder can be written to");
            placed.store(true, Ordering::Relaxed);
        }
    })?;
    assert!(placed.load(Ordering::Relaxed), "the upper folder was found; {outcome:?}");
    expect_hole(&outcome, "fsdiff_unexplained_change")
}

/// A file named `name` anywhere below `folder`.
fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    for entry in std::fs::read_dir(folder).ok()?.flatten() {
        let path = entry.path();
        if path.file_name().is_some_and(|n| n == name) {
            return Some(path);
        }
        if entry.file_type().is_ok_and(|kind| kind.is_dir())
            && let Some(found) = find(&path, name)
        {
            return Some(found);
        }
    }
    None
}

fn further() -> Result<(), Failed> {
    if !is_root() {
        return Ok(());
    }
    let home = tempfile::tempdir()?;
    let detonator = Detonator::new();
    let mut counts = Vec::new();
    for _ in 0..3 {
        let outcome = run(&detonator, &shell(home.path(), "exec true", SensorChoice::Ebpf))?;
        assert!(outcome.complete, "{:?}", outcome.incomplete);
        counts.push(outcome.events);
    }
    assert!(
        counts.iter().all(|count| *count == counts[0] && *count > 0),
        "each has its own events: {counts:?}"
    );
    Ok(())
}

fn two_at_once() -> Result<(), Failed> {
    let home = tempfile::tempdir()?;
    let detonator = Detonator::new();
    let outcomes: Vec<Result<Outcome, String>> = std::thread::scope(|scope| {
        let threads: Vec<_> = ["one", "two", "three"]
            .map(|word| {
                let request = shell(
                    home.path(),
                    &format!("for i in 1 2 3 4 5; do echo {word} > /tmp/{word}$i; done"),
                    SensorChoice::Auto,
                );
                let detonator = &detonator;
                scope.spawn(move || {
                    detonator.detonate(&request, &mut |_| {}).map_err(|error| error.to_string())
                })
            })
            .into();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    for (word, outcome) in ["one", "two", "three"].iter().zip(outcomes) {
        let outcome = outcome?;
        assert!(outcome.complete, "{word}: {:?}", outcome.incomplete);
        let events: Vec<Event> = Bundle::open(&outcome.bundle)?.events()?.collect::<Result<_, _>>()?;
        let created: Vec<String> = events
            .iter()
            .filter_map(|event| match &event.detail {
                Detail::FileCreate { file } if event.outcome.is_success() => {
                    Some(file.path.lossy().into_owned())
                }
                _ => None,
            })
            .filter(|path| path.starts_with("/tmp/"))
            .collect();
        let expected: Vec<String> = (1..=5).map(|i| format!("/tmp/{word}{i}")).collect();
        assert_eq!(created, expected);
    }
    Ok(())
}
