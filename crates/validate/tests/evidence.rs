//! Real arms whose evidence is spoilt: none gives a verdict that would need what is missing.
//!
//! The test program is its own `init` (the sandbox executes `/proc/self/exe`), hence its own `main`.

use detektr_detonate::{Detonator, SensorChoice};
use detektr_evidence::{Bundle, Manifest};
use detektr_validate::facts::{Left, Observed};
use detektr_validate::file::{self, Choices};
use detektr_validate::judge::{Detections, judge};
use detektr_validate::run::{self, Located, Settings};
use detektr_validate::{Outcome, Plan, Sensor, Surroundings, Verdict, evaluate, result::Inputs};
use libtest_mimic::{Arguments, Failed, Trial};
use std::ffi::OsString;
use std::fs;

/// A test and its name, which says what it shows.
type Named = (&'static str, fn() -> Result<(), Failed>);

const TODAY: &str = "2026-11-27";

fn main() {
    let words: Vec<OsString> = std::env::args_os().collect();
    if detektr_sandbox::is_init(&words) {
        detektr_sandbox::init_main();
    }
    let tests: [Named; 3] = [
        ("whole_evidence_of_this_version_holds", whole),
        ("a_sensor_that_lost_events_lets_nothing_hold", lost),
        ("an_arm_of_another_version_gives_no_verdict", other_version),
    ];
    let trials = tests.map(|(name, test)| Trial::test(name, test)).into();
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(1);
    libtest_mimic::run(&arguments, trials).exit();
}

/// What was asked, and the arms that were run for it.
struct Case {
    _folder: tempfile::TempDir,
    plan: Plan,
    inputs: Inputs,
    arms: Vec<Located>,
}

/// Many files are opened, and a program gets 100 kB of environment, before a write that the control denies: all that
/// is told at one moment is more than a small ring holds, however quick its reader.
fn case(sensor: Sensor, ring_bytes: Option<u32>) -> Result<Case, Failed> {
    let folder = tempfile::tempdir()?;
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text);
    write(
        "attack.sh",
        "i=0\nwhile [ $i -lt 3000 ]; do : </etc/hostname; i=$((i+1)); done\nlong=$(seq 20000) /bin/true\nmkdir /etc/loot\n",
    )?;
    write("twin.sh", "set -e\nmkdir \"$HOME/d\"\n")?;
    let text = "detektr: 1\nattack: attack.sh\ngoal: created('/etc/loot')\ncontrols:\n  etc: {read_only: /etc}\n\
                benign: twin.sh\n";
    write("v.yaml", text)?;
    let file = file::read(&folder.path().join("v.yaml"), None)?;
    let choices = Choices {
        repeat: None,
        ablate: false,
        seed: None,
        surroundings: Surroundings::new(sensor),
        only: Vec::new(),
        verdicts: None,
    };
    let (plan, inputs) = file::plans(&file, &choices).remove(0);
    let settings = Settings {
        home: folder.path().join("home"),
        key: None,
        jobs: 1,
        fresh: true,
        ring_bytes,
        cancel: Default::default(),
        progress: &|_, _| {},
    };
    let arms = run::run(&plan, &inputs, &Detonator::new(), &settings)?;
    Ok(Case { _folder: folder, plan, inputs, arms })
}

fn verdicts(case: &Case) -> Result<Vec<Verdict>, Failed> {
    Ok(evaluate::evaluate(&case.plan, &case.inputs, &case.arms, TODAY)?.verdicts)
}

fn sensor() -> Result<Sensor, Failed> {
    let name = Detonator::new().sensor_for(SensorChoice::Auto)?;
    Ok(if name == detektr_event::SensorName::Ebpf { Sensor::Ebpf } else { Sensor::Ptrace })
}

fn whole() -> Result<(), Failed> {
    let verdicts = verdicts(&case(sensor()?, None)?)?;
    assert!(verdicts.iter().all(|v| v.verdict == Outcome::Holds), "{verdicts:#?}");
    Ok(())
}

fn lost() -> Result<(), Failed> {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: needs root (only the sensor ebpf has a ring that can be too small)");
        return Ok(());
    }
    let case = case(Sensor::Ebpf, Some(4096))?;
    let baseline = Bundle::open(&case.arms[0].bundle)?;
    assert!(!baseline.manifest().complete, "the ring was large enough");
    let verdicts = verdicts(&case)?;
    assert!(verdicts.iter().all(|v| v.verdict != Outcome::Holds), "{verdicts:#?}");
    Ok(())
}

fn other_version() -> Result<(), Failed> {
    let case = case(sensor()?, None)?;
    let read = |change: &dyn Fn(&mut Manifest)| -> Result<Vec<Verdict>, Failed> {
        let mut observed = Vec::new();
        for one in &case.arms {
            let bundle = Bundle::open(&one.bundle)?;
            let mut manifest = bundle.manifest().clone();
            change(&mut manifest);
            let changes = bundle.changes()?;
            let left = Left { changes: &changes, persistence: None, content: &|_| None };
            observed.push(Observed::read(
                &case.plan,
                &one.arm.arm,
                &manifest,
                bundle.events()?,
                &left,
                Ok(()),
            )?);
        }
        Ok(judge(&case.plan, &observed, &Detections::new(), TODAY))
    };
    assert!(read(&|_| {})?.iter().all(|v| v.verdict == Outcome::Holds));
    let old = read(&|manifest| manifest.tool_version = "0.0.9".into())?;
    assert!(old.iter().all(|v| v.reason == "other_version"), "{old:#?}");
    let foreign = read(&|manifest| manifest.seed += 1)?;
    assert!(foreign.iter().all(|v| v.reason == "arms_differ"), "{foreign:#?}");
    Ok(())
}
