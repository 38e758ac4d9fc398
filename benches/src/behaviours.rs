//! Behaviours of runs with a million events: time and peak memory of a process that reads the bundle and derives them.

use crate::{Bench, Result, peak_mib};
use detektr_detect::Behaviours;
use detektr_detonate::{ArtifactSpec, Detonator, SensorChoice};
use detektr_evidence::Bundle;
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

/// A million opens of the same file, and a million events of a program that forks, creates, reads and removes: the same few
/// files, and files that are never the same.
pub fn derive(bench: &Bench) -> Result<()> {
    for (what, program, words) in [
        ("opens", &bench.opens, &["1000000", "2", "50000"][..]),
        ("forks, creations and removals", &bench.forkfile, &["6000", "40"]),
        ("the same, each file with a name of its own", &bench.forkfile, &["6000", "40", "own"]),
    ] {
        let request = bench.request(ArtifactSpec::Path(program.clone()), words, SensorChoice::Ebpf);
        let bundle = Detonator::new().detonate(&request, &mut |_| {})?.bundle;
        let mut child = Command::new("taskset");
        child.args(["--cpu-list", "0"]).arg(std::env::current_exe()?).args(["derive", what]).arg(&bundle);
        let output = child.stdin(Stdio::null()).output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
        print!("{}", String::from_utf8_lossy(&output.stdout));
        std::fs::remove_dir_all(bundle)?;
    }
    Ok(())
}

/// The child of [`derive`]: prints its row.
pub fn derive_child(what: &OsStr, bundle: &Path) -> ExitCode {
    match row(&what.to_string_lossy(), bundle) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn row(what: &str, bundle: &Path) -> Result<()> {
    let begin = Instant::now();
    let bundle = Bundle::open(bundle)?;
    let behaviours = Behaviours::shipped();
    let loaded = begin.elapsed().as_secs_f64() * 1000.0;
    let report = behaviours.derive(bundle.manifest().artifact.path.as_ref(), bundle.events()?)?;
    let took = begin.elapsed().as_secs_f64() * 1000.0;
    // reading alone, for comparison
    let begin = Instant::now();
    let mut read = 0u64;
    for event in bundle.events()? {
        event?;
        read += 1;
    }
    let reading = begin.elapsed().as_secs_f64() * 1000.0;
    println!(
        "| behaviours of {} events ({what}), one core: {} found, {loaded:.0} ms to load them, peak {:.0} MiB | {took:.0} ms | \
         reading {read} events alone | {reading:.0} ms | {:.2} | 1 |",
        report.events,
        report.findings.len(),
        peak_mib(),
        took / reading
    );
    Ok(())
}
