//! Artifacts that take all they can get: each ends in one state, with its evidence sealed, and the host is as before.

use crate::support::{Place, Told, Who, everyone, seconds};
use serde_json::Value;
use std::time::Duration;

/// Runs `script` with `shell -c`-like words and options; checks state and exit code; nothing stays.
fn abused(place: &Place, options: &[&str], words: &[&str], state: &str, code: i32) -> (Value, Told) {
    let told = place.detonate(&[options, &["--"], words].concat()).exits(code);
    let document = told.json();
    assert_eq!(document["state"], state, "{:?}: {document}", place.who());
    place.is_clean(&words.join(" "));
    place.detektr(["verify", document["run"].as_str().unwrap()]).exits(0);
    (document, told)
}

fn as_root_inside(options: &[&'static str]) -> Vec<&'static str> {
    [&["--user", "root"], options].concat()
}

#[test]
fn output_without_end_is_bounded_and_the_bound_is_told() {
    for place in everyone().into_iter().map(Place::new) {
        let words = ["sh", "-c", "head -c 20000000 /dev/zero; head -c 300000 /dev/zero >&2"];
        let (document, _) = abused(&place, &["--limit", "output=64KiB"], &words, "completed", 0);
        let output = &Place::manifest(&document)["output"];
        for (name, seen) in [("stdout", 20_000_000), ("stderr", 300_000)] {
            assert_eq!(output[name]["seen"], seen, "{output}");
            assert_eq!(output[name]["kept"], 65_536, "{output}");
            assert_eq!(Place::bundle_file(&document, name).len(), 65_536, "{name}");
        }
    }
}

#[test]
fn output_that_never_ends_ends_at_the_timeout() {
    for place in everyone().into_iter().map(Place::new) {
        let options = ["--limit", "output=64KiB", "--timeout", &seconds(2)];
        let (document, told) = abused(&place, &options, &["yes"], "timeout", 3);
        assert!(told.took < Duration::from_secs(100), "{:?}", told.took);
        let stdout = &Place::manifest(&document)["output"]["stdout"];
        assert_eq!(stdout["kept"], 65_536, "{stdout}");
    }
}

#[test]
fn what_never_ends_whether_it_waits_spins_or_stops_itself_ends_at_the_timeout() {
    for place in everyone().into_iter().map(Place::new) {
        for script in ["sleep 1000", "while :; do :; done", "kill -STOP $$; echo went on"] {
            let (document, _) = abused(&place, &["--timeout", "1s"], &["sh", "-c", script], "timeout", 3);
            assert_eq!(Place::bundle_file(&document, "stdout"), "");
        }
    }
}

#[test]
fn what_ignores_every_signal_ends_at_the_timeout() {
    for place in everyone().into_iter().map(Place::new) {
        let script = "trap '' HUP INT QUIT TERM PIPE; while :; do sleep 1; done";
        abused(&place, &["--timeout", "1s"], &["sh", "-c", script], "timeout", 3);
    }
}

#[test]
fn a_fork_bomb_ends_in_a_state_and_leaves_no_process() {
    for place in everyone().into_iter().map(Place::new) {
        for user in ["root", "user"] {
            let options = ["--user", user, "--limit", "processes=64", "--timeout", &seconds(3)];
            let words = ["perl", "-e", "while (1) { fork() }"];
            let (document, _) = abused(&place, &options, &words, "timeout", 3);
            assert!(document["events"].as_u64().unwrap() > 32, "{document}");
        }
    }
}

#[test]
fn a_fork_bomb_under_the_tracer_ends_in_a_state_and_leaves_no_process() {
    for place in everyone().into_iter().map(Place::new) {
        let options = ["--sensor", "ptrace", "--limit", "processes=64", "--timeout", &seconds(3)];
        abused(&place, &options, &["perl", "-e", "while (1) { fork() }"], "timeout", 3);
    }
}

#[test]
fn a_memory_hog_is_killed_and_the_limit_is_named() {
    for place in everyone().into_iter().map(Place::new) {
        let options = ["--limit", "memory=64MiB", "--timeout", "60s"];
        let words = ["perl", "-e", "my @hog; push @hog, 'x' x 1000000 while 1"];
        let (document, _) = abused(&place, &options, &words, "killed", 3);
        assert_eq!(document["limit_reached"], "memory", "{document}");
        let shown = place.detektr(["show", document["run"].as_str().unwrap()]).exits(0);
        assert!(shown.stdout.contains("the limit of memory was reached"), "{}", shown.stdout);
    }
}

#[test]
fn a_disk_filler_is_killed_and_the_limit_is_named() {
    for place in everyone().into_iter().map(Place::new) {
        for script in [
            "head -c 300000000 /dev/zero > /tmp/big; sleep 60",
            "i=0; while :; do i=$((i+1)); head -c 1000000 /dev/zero > /tmp/part$i; done",
        ] {
            let options = as_root_inside(&["--limit", "disk=32MiB", "--timeout", "60s"]);
            let (document, _) = abused(&place, &options, &["sh", "-c", script], "killed", 3);
            assert_eq!(Place::manifest(&document)["environment"]["limit_reached"], "disk", "{document}");
        }
    }
}

#[test]
fn a_file_that_grows_past_its_limit_stops_there() {
    for place in everyone().into_iter().map(Place::new) {
        let script = "head -c 9000000 /dev/zero > /tmp/big; stat -c %s /tmp/big";
        let options = ["--limit", "file-size=1MiB", "--timeout", "60s"];
        let (document, _) = abused(&place, &options, &["sh", "-c", script], "completed", 0);
        assert_eq!(Place::bundle_file(&document, "stdout"), "1048576\n");
    }
}

#[test]
fn killing_everything_in_sight_ends_the_artifact_and_not_the_watch() {
    for place in everyone().into_iter().map(Place::new) {
        for sensor in ["auto", "ptrace"] {
            let options = as_root_inside(&["--sensor", sensor]);
            let script = "sleep 900 & kill -9 -1; echo survived; kill -9 $$";
            let (document, _) = abused(&place, &options, &["bash", "-c", script], "completed", 0);
            assert_eq!(document["exit"]["signal"], "SIGKILL", "{document}");
            assert_eq!(Place::bundle_file(&document, "stdout"), "survived\n");
        }
    }
}

/// Tries everything against process 1 and prints what worked.
const AGAINST_INIT: &str = r#"
    for my $request (16, 0x4206) { print "ptrace $request\n" if syscall(101, $request, 1, 0, 0) == 0 }
    print "memory\n" if open my $m, '+<', '/proc/1/mem';
    for my $name (qw(environ maps)) {
        print "$name\n" if open(my $file, '<', "/proc/1/$name") && defined(readline $file);
    }
    for my $name (qw(exe root cwd fd/3 ns/mnt)) { print "$name\n" if defined readlink "/proc/1/$name" }
    print "oom\n" if open(my $oom, '>', '/proc/1/oom_score_adj') && syswrite($oom, "1000\n");
    my $pidfd = syscall(434, 1, 0);
    print "getfd\n" if $pidfd >= 0 && syscall(438, $pidfd, 3, 0) >= 0;
    # a user of one id may send them, and the kernel keeps them from the first process
    for my $signal (1, 2, 9, 15, 19) { kill $signal, 1; syscall(424, $pidfd, $signal, 0, 0) }
    print "it is gone\n" unless -d '/proc/1';
"#;

#[test]
fn tracing_signalling_and_reading_the_watcher_is_in_vain() {
    for place in everyone().into_iter().map(Place::new) {
        for sensor in ["auto", "ptrace"] {
            let options = as_root_inside(&["--sensor", sensor]);
            let (document, _) = abused(&place, &options, &["perl", "-e", AGAINST_INIT], "completed", 0);
            let worked = Place::bundle_file(&document, "stdout");
            assert_eq!(worked, "", "{:?} {sensor}: {worked}", place.who());
            assert_eq!(document["exit"]["code"], 0, "{document}");
            let told = place.detektr(["events", "last", "--json", "--kind", "process.ptrace"]).exits(0);
            assert!(told.stdout.contains("EPERM"), "the attempts are not told: {}", told.stdout);
        }
    }
}

#[test]
fn a_flood_of_log_messages_ends_in_the_environments_own_log() {
    for place in everyone().into_iter().map(Place::new) {
        let script = "use Socket; my $sent = 0; for (1..3000) { socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or next; \
                      $sent++ if connect($s, pack_sockaddr_un('/dev/log')) && send($s, '<1>flood', 0); } print $sent";
        let (document, _) = abused(&place, &["--timeout", "100s"], &["perl", "-e", script], "completed", 0);
        assert_eq!(Place::bundle_file(&document, "stdout"), "3000");
        let told = place.detektr(["events", "last", "--json", "--kind", "log.message"]).exits(0);
        assert_eq!(told.stdout.lines().count(), 3000, "{document}");
    }
}

#[test]
fn a_run_ends_when_the_last_daemon_is_gone_and_not_before() {
    for place in everyone().into_iter().map(Place::new) {
        let script = "(setsid sh -c 'sleep 2; echo last' >&2 &) ; exit 9";
        let (document, told) = abused(&place, &[], &["sh", "-c", script], "completed", 0);
        assert!(told.took >= Duration::from_secs(2), "{:?}", told.took);
        assert_eq!(document["exit"]["code"], 9);
        assert_eq!(Place::bundle_file(&document, "stderr"), "last\n");
    }
}

#[test]
fn daemons_that_stay_are_ended_at_the_timeout() {
    for place in everyone().into_iter().map(Place::new) {
        let script =
            "for i in 1 2 3; do (setsid sh -c 'cd /; sleep 900' </dev/null >/dev/null 2>&1 &); done; exit 0";
        let (document, _) = abused(&place, &["--timeout", "2s"], &["sh", "-c", script], "timeout", 3);
        assert_eq!(document["exit"]["code"], 0, "{document}");
    }
}

#[test]
fn a_great_many_files_are_all_told_and_all_removed() {
    for place in everyone().into_iter().map(Place::new) {
        let script =
            "mkdir '/tmp/many'; for (1..2000) { open my $f, '>', \"/tmp/many/$_\" or die; print $f $_ }";
        let (document, _) = abused(&place, &["--timeout", "200s"], &["perl", "-e", script], "completed", 0);
        let changes = Place::bundle_file(&document, "changes.ndjson");
        assert_eq!(changes.lines().filter(|line| line.contains("/tmp/many/")).count(), 2_000);
    }
}

#[test]
fn folders_deeper_than_any_path_are_removed() {
    for place in everyone().into_iter().map(Place::new) {
        let script =
            "chdir '/tmp'; for (1..1500) { mkdir 'deeper' or die; chdir 'deeper' or die } print 'deep'";
        let told = place.detonate(&["--timeout", "100s", "--", "perl", "-e", script]);
        let document = told.json();
        assert_eq!(document["state"], "completed", "{told:?}");
        assert_eq!(Place::bundle_file(&document, "stdout"), "deep");
        place.is_clean("deep folders");
    }
}

#[test]
fn an_ordinary_user_gains_nothing_on_the_host_by_being_root_inside() {
    let place = Place::new(Who::Ordinary);
    let secret = place.file("secret", b"host's own");
    crate::support::open_up(&secret, 0o000);
    let words = ["sh", "-c", "cat \"$1\"; echo $?", "sh", secret.to_str().unwrap()];
    let (document, _) = abused(&place, &as_root_inside(&[]), &words, "completed", 0);
    assert_eq!(Place::bundle_file(&document, "stdout"), "1\n");
}
