//! The report of a run, in all its forms, and the comparison of runs. The page is opened in a real Chromium.

mod browser;
mod diff;
mod forms;
mod hostile;
mod page;
#[path = "../../src/sample.rs"]
mod sample;
#[expect(dead_code, reason = "shared with the tests of the command line, which need more of it")]
#[path = "../cli/support.rs"]
mod support;

use support::Home;

/// Whether this host can run detonations at all; says so where it can't.
fn able() -> bool {
    let root = std::fs::metadata("/proc/self").is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0);
    if !root {
        eprintln!("skipped: these tests run as root");
    }
    root
}

/// Detonates a shell script with `options`; the id of the run.
fn detonated(home: &Home, options: &[&str], script: &str) -> String {
    let args = [&["detonate", "--json"], options, &["--", "sh", "-c", script]].concat();
    let told = home.detektr(args);
    assert!(matches!(told.code, 0 | 3), "{}{}", told.stdout, told.stderr);
    told.json()["run"].as_str().unwrap().to_owned()
}

/// The page of `run`, as a file of the test.
fn page_of(home: &Home, run: &str) -> std::path::PathBuf {
    let file = home.path(&format!("{run}.html"));
    let told = home.detektr(["report", run, "--html", "--force", "--out", file.to_str().unwrap()]);
    assert!(matches!(told.code, 0 | 3), "{}{}", told.stdout, told.stderr);
    file
}
