//! SIGKILL of Detektr at many moments: within 2 seconds nothing lives on, and what lies in the data folder is
//! recognised and goes.

use crate::support::{Place, Who, cgroups_of, everyone, finish, seconds, spawn, until, without_root};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// What must be seen before the blow.
type Moment = fn(&Place) -> bool;

const MOMENTS: [(&str, Moment); 9] = [
    ("at once", |_| true),
    ("its data folder is being made", |place| place.home().join("runs").exists()),
    ("the bundle is begun", |place| !partial(place).is_empty()),
    ("the work folder is made", |place| !place.names("work").iter().all(|name| name.starts_with('.'))),
    ("the cgroups are noted", |place| in_work(place, "leftover.json")),
    ("init lives", |place| hidden(place, "__init")),
    ("the artifact runs", |place| place.processes().iter().any(|p| p.words.starts_with("sleep 70"))),
    ("the artifact has ended", |place| {
        partial(place).iter().any(|name| size(place, name, "changes.ndjson") > 0)
    }),
    ("the manifest is written", |place| {
        partial(place).iter().any(|name| place.home().join("runs").join(name).join("manifest.json").exists())
    }),
];

fn partial(place: &Place) -> Vec<String> {
    place.names("runs").into_iter().filter(|name| name.ends_with(".partial")).collect()
}

fn in_work(place: &Place, file: &str) -> bool {
    place.names("work").iter().any(|run| place.home().join("work").join(run).join(file).exists())
}

fn hidden(place: &Place, role: &str) -> bool {
    place.processes().iter().any(|process| process.words.contains(role))
}

fn size(place: &Place, run: &str, file: &str) -> u64 {
    std::fs::metadata(place.home().join("runs").join(run).join(file)).map_or(0, |m| m.len())
}

#[test]
fn sigkill_at_any_moment_leaves_nothing_but_what_the_data_folder_recognises() {
    for place in everyone().into_iter().map(Place::new) {
        for (what, moment) in MOMENTS {
            killed_when(&place, what, moment);
        }
        place.detonate(&["--", "true"]).exits(0);
        place.is_clean("the next run");
        let probes = ["runs", "work"].map(|folder| place.home().join(folder).join(".probe"));
        assert!(!probes.iter().any(|probe| probe.exists()), "{probes:?}");
    }
}

fn killed_when(place: &Place, what: &str, moment: Moment) {
    // many files make the sealing long enough to be met
    let script = "for i in $(seq 1500); do echo $i > /tmp/$i; done; sleep 70.9";
    let quick = "for i in $(seq 1500); do echo $i > /tmp/$i; done";
    let script = if what.contains("artifact has") || what.contains("manifest") { quick } else { script };
    let mut child = spawn(&mut place.detonation(&["--timeout", "100s", "--", "sh", "-c", script]));
    let begun = Instant::now();
    let met = until(Duration::from_secs(60), || moment(place) || child.try_wait().unwrap().is_some());
    assert!(met, "never: {what}");
    let ended = child.try_wait().unwrap();
    assert!(
        ended.is_none(),
        "{:?}: it ended before {what}, after {:?}: {ended:?}",
        place.who(),
        begun.elapsed()
    );
    child.kill().unwrap();
    child.wait().unwrap();
    place.is_clean(what);
    recognised(place, what);
}

/// Every leftover is listed as unfinished, and `rm` removes it.
fn recognised(place: &Place, what: &str) {
    let document = place.detektr(["runs", "--json"]).exits(0).json();
    let rows = document["runs"].as_array().unwrap();
    assert_eq!(rows.len(), place.ids().len(), "{what}: {document}");
    for row in rows {
        let run = row["run"].as_str().unwrap();
        if partial(place).contains(&format!("{run}.partial")) {
            assert_eq!(row["state"], "unfinished", "{what}: {row}");
        } else {
            place.detektr(["verify", run]).exits(0);
        }
        place.detektr(["rm", run]).exits(0);
    }
    assert!(place.ids().is_empty(), "{what}: {:?}", place.ids());
}

/// A detonation whose artifact is running.
fn running(place: &Place, timeout: &str) -> Child {
    let child = spawn(&mut place.detonation(&["--timeout", timeout, "--", "sleep", "70.9"]));
    let runs = || place.processes().iter().any(|process| process.words.starts_with("sleep 70"));
    assert!(until(Duration::from_secs(60), runs), "{:?}", place.processes());
    child
}

/// Pauses the environment that runs, as its sensor does when it has to catch up.
fn pause(place: &Place) {
    let freeze = place.ids().iter().flat_map(|id| cgroups_of(id)).find_map(|cgroup| {
        let file = Path::new(&cgroup).join("cgroup.freeze");
        file.exists().then_some(file)
    });
    let freeze = freeze.expect("a cgroup that can be paused");
    std::fs::write(&freeze, "1").unwrap();
    let events = freeze.with_file_name("cgroup.events");
    let paused = || std::fs::read_to_string(&events).unwrap().contains("frozen 1");
    assert!(until(Duration::from_secs(60), paused), "{}", events.display());
}

#[test]
fn a_paused_environment_dies_with_detektr_and_at_its_timeout() {
    let has = |line: &str| line.contains(" - cgroup2 ");
    if without_root() {
        return;
    }
    if !std::fs::read_to_string("/proc/self/mountinfo").unwrap().lines().any(has) {
        eprintln!("skipped: cgroup2 is not mounted");
        return;
    }
    let place = Place::new(Who::Root);
    let mut child = running(&place, "100s");
    pause(&place);
    child.kill().unwrap();
    child.wait().unwrap();
    place.is_clean("SIGKILL while the environment is paused");
    recognised(&place, "SIGKILL while the environment is paused");
    let child = running(&place, &seconds(1));
    pause(&place);
    let document = finish(child).exits(3).json();
    assert_eq!(document["state"], "timeout", "{document}");
    place.is_clean("a timeout while the environment is paused");
}

fn kill_hidden(place: &Place, role: &str) {
    let processes = place.processes();
    let hidden = processes.iter().find(|process| process.words.contains(role)).unwrap();
    assert!(Command::new("kill").args(["-KILL", &hidden.pid.to_string()]).status().unwrap().success());
}

#[test]
fn what_survives_detektr_and_its_reaper_goes_at_the_next_start() {
    for place in everyone().into_iter().map(Place::new) {
        let mut child = running(&place, "100s");
        kill_hidden(&place, "__reaper");
        child.kill().unwrap();
        child.wait().unwrap();
        let ended = until(Duration::from_secs(10), || place.processes().is_empty());
        assert!(ended, "{:?}: {:?}", place.who(), place.processes());
        place.detonate(&["--", "true"]).exits(0);
        place.is_clean("the next start");
    }
}

#[test]
fn the_loss_of_init_is_told_as_a_failed_environment() {
    for place in everyone().into_iter().map(Place::new) {
        let child = running(&place, "100s");
        kill_hidden(&place, "__init");
        let document = finish(child).exits(4).json();
        assert_eq!(document["state"], "environment_failed", "{document}");
        assert_eq!(document["complete"], false, "{document}");
        place.detektr(["verify", document["run"].as_str().unwrap()]).exits(0);
        place.is_clean("the loss of init");
    }
}
