//! A full disk: a clear message, exit code 4, nothing half-sealed, the environment gone. The disk is a small tmpfs
//! in a mount namespace of the test's own.

use crate::support::{Place, Who, finish, spawn, without_root};
use serde_json::Value;
use std::path::Path;

/// Runs `script` where the data folder is a tmpfs of `size`.
fn on_small_disk(place: &Place, size: &str, script: &str) -> crate::support::Told {
    let mount =
        format!("mount -t tmpfs -o size={size},mode=0700 small \"$DETEKTR_HOME\" || exit 99\n{script}");
    let mut command = place.command_of(Path::new("/usr/bin/unshare"));
    command.env("DETEKTR", place.binary()).args(["-m", "--propagation", "private", "sh", "-c", &mount]);
    finish(spawn(&mut command))
}

#[test]
fn an_artifact_that_fills_the_disk_of_the_data_folder_costs_the_run_and_nothing_else() {
    if without_root() {
        return;
    }
    for sensor in ["ebpf", "ptrace"] {
        let place = Place::new(Who::Root);
        let script = format!(
            "\"$DETEKTR\" detonate --json --sensor {sensor} --timeout 60s -- perl -e 'open my $f, \">\", \"/tmp/big\"; \
             1 while syswrite $f, \"x\" x 65536; for (1..3000) {{ open my $g, \"<\", \"/etc/passwd-$_-$$\" }} sleep 50'; \
             echo code $?; ls \"$DETEKTR_HOME/runs\" \"$DETEKTR_HOME/work\" >&2; \
             echo listed >&2; \"$DETEKTR\" runs --json >&2; \"$DETEKTR\" rm --all --yes >&2; \
             echo after >&2; ls \"$DETEKTR_HOME/runs\" >&2"
        );
        let told = on_small_disk(&place, "24m", &script);
        assert!(told.stdout.contains("code 4"), "{told:?}");
        let document = told.stdout.split("code ").next().unwrap_or_default();
        let document: Value = serde_json::from_str(document).unwrap_or_else(|e| panic!("{e} {told:?}"));
        assert!(document["error"]["message"].as_str().unwrap().contains("No space left"), "{document}");
        assert!(document["error"]["help"].as_str().unwrap().contains("make room"), "{document}");
        let (left, listed) = told.stderr.split_once("listed\n").unwrap_or_else(|| panic!("{told:?}"));
        assert!(left.trim_end().ends_with("/work:"), "the environment is left: {told:?}");
        assert!(listed.contains("\"state\": \"unfinished\""), "{told:?}");
        assert!(listed.contains("removed "), "{told:?}");
        assert!(listed.ends_with("after\n"), "{told:?}");
        place.is_clean("a full disk");
    }
}

#[test]
fn a_disk_that_is_full_from_the_beginning_is_told_before_anything_runs() {
    if without_root() {
        return;
    }
    let place = Place::new(Who::Root);
    let script = "head -c 9000000 /dev/zero > \"$DETEKTR_HOME/filler\" 2>/dev/null; \
                  \"$DETEKTR\" detonate --json -- true; echo code $?; find \"$DETEKTR_HOME\" -path '*/runs/*'";
    let told = on_small_disk(&place, "1m", script);
    assert!(told.stdout.contains("No space left"), "{told:?}");
    assert!(told.stdout.ends_with("code 4\n"), "left in runs/: {told:?}");
    place.is_clean("a full disk");
}

/// acct(2) stops, without a word, on a file system with less than 4 % to spare: its file must not lie on the disk.
#[test]
fn on_an_almost_full_disk_every_process_still_has_the_kernels_record() {
    if without_root() {
        return;
    }
    let place = Place::new(Who::Root);
    let script = "head -c $(($(stat -f -c '%a * %S' \"$DETEKTR_HOME\") * 97 / 100)) /dev/zero > \"$DETEKTR_HOME/filler\"; \
                  stat -f -c 'free %a of %b' \"$DETEKTR_HOME\" >&2; \
                  \"$DETEKTR\" detonate --json --sensor ebpf -- sh -c 'true; /bin/true & wait'; echo code $?";
    let told = on_small_disk(&place, "512m", script);
    let free =
        told.stderr.lines().find_map(|line| line.strip_prefix("free ")).unwrap_or_else(|| panic!("{told:?}"));
    let (free, all) = free.split_once(" of ").unwrap();
    let number = |text: &str| text.trim().parse::<u64>().unwrap();
    assert!(number(free) * 25 < number(all), "the disk is not full enough to show anything: {told:?}");
    assert!(told.stdout.contains("\"complete\": true"), "{told:?}");
    assert!(told.stdout.ends_with("code 0\n"), "{told:?}");
    place.is_clean("an almost full disk");
}
