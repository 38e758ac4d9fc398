//! The report of a run with 100,000 events: how long it takes to make, how large it is, and how long a browser takes to
//! draw it.

use crate::rows::process;
use crate::sample::Pairs;
use crate::{Bench, Result};
use detektr_detonate::{ArtifactSpec, Detonator, SensorChoice};
use detektr_evidence::Bundle;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

const RUNS: usize = 5;

/// A report that is made, and opened in a headless Chromium against an empty page: each a whole process.
pub fn page(bench: &Bench) -> Result<()> {
    let request =
        bench.request(ArtifactSpec::Path(bench.forkfile.clone()), &["600", "40"], SensorChoice::Ebpf);
    let bundle = Detonator::new().detonate(&request, &mut |_| {})?.bundle;
    let events = Bundle::open(&bundle)?.events()?.count();
    let page = bench.home.path().join("page.html");
    let begin = Instant::now();
    process(Command::new(&bench.detektr).arg("report").arg(&bundle).arg("--out").arg(&page))?;
    let made = begin.elapsed().as_secs_f64() * 1000.0;
    let size = std::fs::metadata(&page)?.len() as f64 / f64::from(1 << 20);
    println!("| report of {events} events, bundle verified: {size:.1} MiB | {made:.0} ms | | | | 1 |");
    if Command::new("chromium").arg("--version").output().is_err() {
        println!("| the page in Chromium | not measured: there is no chromium | | | | |");
        return Ok(());
    }
    let profile = bench.home.path().join("chromium");
    let opened = |what: &str, drawn: &str| -> Result<f64> {
        let begin = Instant::now();
        let dom = dump(&profile, what)?;
        let took = begin.elapsed().as_secs_f64() * 1000.0;
        if dom.contains(drawn) { Ok(took) } else { Err(format!("chromium did not draw {what}").into()) }
    };
    let report = format!("file://{}", page.display());
    let pairs =
        Pairs::measure(RUNS, || opened(&report, "data-ready=\"yes\""), || opened("about:blank", "<html>"))?;
    pairs.print("the page in Chromium, from the start of the browser to what is drawn", "an empty page");
    Ok(())
}

/// The document as Chromium has it once it is loaded.
fn dump(profile: &Path, page: &str) -> Result<String> {
    let mut command = Command::new("chromium");
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]);
    command.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
    command.arg(format!("--user-data-dir={}", profile.display())).args(["--dump-dom", page]);
    let output = command.env("HOME", profile).stdin(Stdio::null()).output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
