//! Real arms whose evidence is spoilt: none gives a verdict that would need what is missing.
//!
//! The test program is its own `init` (the sandbox executes `/proc/self/exe`), hence its own `main`.

use detektr_detonate::{Detonator, SensorChoice};
use detektr_evidence::{Bundle, Manifest};
use detektr_validate::facts::{Left, Observed};
use detektr_validate::file::{self, Choices, Sources};
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
    let tests: [Named; 4] = [
        ("whole_evidence_of_this_version_holds", whole),
        ("a_sensor_that_lost_events_lets_nothing_hold", lost),
        ("an_arm_with_a_hole_is_run_again_unless_a_failure_stands_on_it", again),
        ("an_arm_of_another_version_gives_no_verdict", other_version),
    ];
    let trials = tests.map(|(name, test)| Trial::test(name, test)).into();
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(1);
    libtest_mimic::run(&arguments, trials).exit();
}

/// What was asked, and the arms that were run for it.
struct Case {
    folder: tempfile::TempDir,
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
    let file = file::read(&folder.path().join("v.yaml"), &Sources::default())?;
    let choices = Choices {
        repeat: None,
        ablate: false,
        seed: None,
        surroundings: Surroundings::new(sensor),
        only: Vec::new(),
        verdicts: None,
    };
    let (plan, inputs) = file::plans(&file, &choices).remove(0);
    let arms = run::run(&plan, &inputs, &Detonator::new(), &settings(&folder, ring_bytes))?;
    Ok(Case { folder, plan, inputs, arms })
}

fn settings(folder: &tempfile::TempDir, ring_bytes: Option<u32>) -> Settings<'static> {
    Settings {
        home: folder.path().join("home"),
        key: None,
        jobs: 1,
        fresh: true,
        ring_bytes,
        cancel: Default::default(),
        progress: &|_, _| {},
    }
}

/// Runs again what broke and `verdicts` ask for, now with a ring that is large enough; how many arms that was.
fn retry(case: &mut Case, verdicts: &[Verdict]) -> Result<usize, Failed> {
    let settings = settings(&case.folder, None);
    Ok(run::retry(&case.plan, &case.inputs, &Detonator::new(), &settings, &mut case.arms, verdicts)?)
}

fn verdicts(case: &Case) -> Result<Vec<Verdict>, Failed> {
    Ok(evaluate::evaluate(&case.plan, &case.inputs, &case.arms, &[], TODAY)?.verdicts)
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

fn again() -> Result<(), Failed> {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: needs root (only the sensor ebpf has a ring that can be too small)");
        return Ok(());
    }
    let mut case = case(Sensor::Ebpf, Some(4096))?;
    let before: Vec<String> = case.arms.iter().map(|one| one.arm.run.clone()).collect();
    let told = verdicts(&case)?;
    assert!(told.iter().all(|v| v.reason == "incomplete"), "{told:#?}");
    // were the mitigation told to fail, no second try may take away what that stands on
    let mut fails = told.clone();
    fails.iter_mut().filter(|v| v.kind == "mitigation").for_each(|v| v.verdict = Outcome::Fails);
    assert_eq!(retry(&mut case, &fails)?, 0);

    let count = retry(&mut case, &told)?;
    assert!(count > 0);
    let told = verdicts(&case)?;
    assert!(told.iter().all(|v| v.verdict == Outcome::Holds), "{told:#?}");
    let anew = case.arms.iter().zip(&before).filter(|(one, _)| !one.arm.retried.is_empty());
    for (one, before) in anew.clone() {
        assert_eq!((&one.arm.retried, one.arm.run == *before), (&vec![before.clone()], false));
        assert!(Bundle::open(&one.bundle.with_file_name(before)).is_ok(), "what was seen before is kept");
    }
    assert_eq!(anew.count(), count);
    assert_eq!(retry(&mut case, &told)?, 0, "everything is told");
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
            let left = Left { changes: &changes, persistence: None, content: &|_| None, monitor: &|_| None };
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
