//! A whole validation: what a pipeline waits for.

use crate::rows::process;
use crate::sample::median;
use crate::{Bench, Result};
use std::fs;
use std::path::Path;
use std::process::Command;

const RUNS: usize = 3;
/// Each is made read-only by a control of its own, and the attack needs to write to all of them.
const PLACES: [&str; 18] = [
    "/etc",
    "/opt",
    "/srv",
    "/mnt",
    "/media",
    "/root",
    "/usr/local/bin",
    "/usr/local/lib",
    "/usr/bin",
    "/usr/sbin",
    "/usr/lib",
    "/usr/share",
    "/var/lib",
    "/var/log",
    "/var/cache",
    "/var/spool",
    "/var/local",
    "/var/backups",
];
/// One for each control, the mitigation by all of them, a detection.
const QUESTIONS: usize = PLACES.len() + 2;
/// Attack and twin, with and without the controls; the attack with each control alone, and with all but each.
const ARMS: usize = 4 + 2 * PLACES.len();

/// 20 questions, 40 arms of a small script, two at once, none used again.
pub fn whole(bench: &Bench) -> Result<()> {
    let folder = bench.home.path().join("validate");
    fs::create_dir_all(&folder)?;
    write(&folder)?;
    let mut took = Vec::new();
    for run in 0..RUNS {
        let home = folder.join(format!("home-{run}"));
        let mut command = Command::new(&bench.detektr);
        command.args(["validate", "v.yaml", "--jobs", "2", "--junit", "j.xml"]);
        // exits with 0 only where every answer holds
        took.push(process(command.current_dir(&folder).env("DETEKTR_HOME", &home))? / 1000.0);
        let arms = fs::read_dir(home.join("runs"))?.filter(|run| run.is_ok()).count();
        let junit = fs::read_to_string(folder.join("j.xml"))?;
        if arms != ARMS || !junit.contains(&format!("tests=\"{QUESTIONS}\"")) {
            return Err(format!("{arms} arms were run, and not {ARMS} for {QUESTIONS} questions").into());
        }
    }
    println!(
        "| `validate`, {QUESTIONS} questions, {ARMS} arms of a small script, two at once | {:.1} s | | | | {RUNS} |",
        median(&took)
    );
    Ok(())
}

fn write(folder: &Path) -> Result<()> {
    let places = PLACES.join(" ");
    fs::write(
        folder.join("attack.sh"),
        format!("#!/bin/sh\nfor place in {places}; do echo x >$place/loot; done\n"),
    )?;
    fs::write(
        folder.join("twin.sh"),
        "#!/bin/sh\nset -e\nfile=\"$(mktemp)\"\necho x >\"$file\"\ngrep -q x \"$file\"\n",
    )?;
    fs::write(
        folder.join("rule.yml"),
        "title: Loot\nid: 5b0e1f38-6f7e-4bd1-9a0c-6f2b8f6d1c55\nlogsource: {product: linux, category: file_event}\n\
         detection:\n  selection:\n    TargetFilename|endswith: /loot\n  condition: selection\nlevel: high\n",
    )?;
    let goal: Vec<String> = PLACES.iter().map(|place| format!("created('{place}/loot')")).collect();
    let name = |place: &str| place.trim_start_matches('/').replace('/', "-");
    let controls: Vec<String> =
        PLACES.iter().map(|place| format!("  {}: {{read_only: {place}}}\n", name(place))).collect();
    fs::write(
        folder.join("v.yaml"),
        format!(
            "detektr: 1\nattack: {{script: attack.sh, as: root}}\ngoal: {}\nbenign: twin.sh\ndetect: rule.yml\ncontrols:\n{}",
            goal.join(" && "),
            controls.concat()
        ),
    )?;
    Ok(())
}
