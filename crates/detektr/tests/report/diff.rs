//! `diff`: what one run did that the other did not, and nothing of what merely differs from run to run.

use crate::support::{Home, story};
use crate::{able, detonated, sample};
use serde_json::Value;

/// A deterministic program that meets everything that differs from run to run.
const STEADY: &str = "f=$(mktemp); uname -n > \"$f\"; echo \"$HOME $USER\" > /tmp/kept; \
    cat $HOME/.aws/credentials > /tmp/stolen; ls -l /proc/self/fd > /dev/null; cat /etc/shadow; \
    d=$(mktemp -d); : > \"$d/inside\"; (sleep 0; true) & wait; echo $GITHUB_TOKEN > /tmp/token; \
    cat <<END > /dev/null
here
END
    rm -rf \"$f\"; true";

fn differences(home: &Home, first: &str, second: &str, code: i32) -> Vec<Value> {
    let document = home.detektr(["diff", first, second, "--json"]).exits(code).json();
    assert_eq!(document["runs"], serde_json::json!([first, second]));
    assert_eq!(document["same"], code == 0);
    document["differences"].as_array().unwrap().clone()
}

#[test]
fn two_runs_of_a_deterministic_program_show_nothing_with_either_sensor() {
    if !able() {
        return;
    }
    let home = Home::new();
    for sensor in ["auto", "ptrace"] {
        let [first, second] = [(); 2].map(|()| detonated(&home, &["--sensor", sensor], STEADY));
        assert_eq!(differences(&home, &first, &second, 0), Vec::<Value>::new(), "{sensor}");
    }
}

/// Git tries whether it can make links under a name of chance; what its hook does is seen in a commit of Detektr's own.
#[test]
fn two_runs_that_leave_the_same_hook_of_git_show_nothing() {
    if !able() {
        return;
    }
    if std::process::Command::new("git").arg("--version").output().is_err() {
        eprintln!("skipped: git is missing");
        return;
    }
    let home = Home::new();
    let script = "git init -q $HOME/repo; cd $HOME/repo/.git/hooks; \
        printf '#!/bin/sh\\necho ran >>$HOME/ran\\n' >post-commit; chmod 755 post-commit";
    let [first, second] = [(); 2].map(|()| detonated(&home, &[], script));
    let report = home.detektr(["report", &first, "--json"]).json();
    let entry = &report["persistence"]["entries"][0];
    assert_eq!(entry["status"], "proven", "{entry:#}");
    assert_eq!(differences(&home, &first, &second, 0), Vec::<Value>::new());
}

#[test]
fn two_runs_that_ask_the_simulated_internet_the_same_show_nothing() {
    if !able() {
        return;
    }
    let home = Home::new();
    let script = "getent hosts example.com; \
        bash -c 'exec 3<>/dev/tcp/192.0.2.1/80; printf \"GET /a HTTP/1.0\\r\\n\\r\\n\" >&3; cat <&3 > /dev/null'";
    let options = ["--net", "sim"];
    let [first, second] = [(); 2].map(|()| detonated(&home, &options, script));
    let report = home.detektr(["report", &first, "--json"]).json();
    let said = report["network"]["exchanges"].as_array().unwrap().clone();
    for kind in ["dns", "http", "flow"] {
        assert!(said.iter().any(|exchange| exchange["kind"] == kind), "{kind}: {said:#?}");
    }
    assert_eq!(differences(&home, &first, &second, 0), Vec::<Value>::new());
    let third = detonated(&home, &options, &script.replace("/a HTTP", "/b HTTP"));
    let found = differences(&home, &first, &third, 1);
    let asked = |path: &str| found.iter().any(|line| line["what"].as_str().unwrap().contains(path));
    assert!(asked("GET http://192.0.2.1/a") && asked("GET http://192.0.2.1/b"), "{found:#?}");
}

#[test]
fn what_only_one_run_does_is_told_with_its_event_and_nothing_else() {
    if !able() {
        return;
    }
    let home = Home::new();
    for sensor in ["auto", "ptrace"] {
        let options = &["--sensor", sensor];
        let first = detonated(&home, options, ". /etc/profile; echo a > /tmp/kept; exit 0");
        let more = ". /etc/profile; echo b > /tmp/kept; bash -c ': <>/dev/tcp/192.0.2.1/443'; exit 1";
        let second = detonated(&home, options, more);
        let found = differences(&home, &first, &second, 1);
        let told = |about: &str, side: &str, part: &str| {
            found.iter().any(|line| {
                line["about"] == about
                    && line["only_in"] == side
                    && line["what"].as_str().unwrap().contains(part)
            })
        };
        assert!(
            told("ending", "first", "exit code 0") && told("ending", "second", "exit code 1"),
            "{found:#?}"
        );
        assert!(told("network", "second", "192.0.2.1:443"), "{found:#?}");
        assert!(
            told("changes", "first", "/tmp/kept") && told("changes", "second", "/tmp/kept"),
            "{found:#?}"
        );
        assert!(told("processes", "second", "bash"), "{found:#?}");
        assert!(!told("files", "first", "/tmp/kept"), "both wrote it: {found:#?}");
        let connect = found.iter().find(|line| line["about"] == "network").unwrap();
        let seq = connect["event"].as_u64().unwrap();
        let events = home.detektr(["events", &second, "--json"]).stdout;
        let event: Value = serde_json::from_str(events.lines().nth(seq as usize - 1).unwrap()).unwrap();
        assert!(event["kind"].as_str().unwrap().starts_with("network."), "{event:#}");
        let people = home.detektr(["diff", &first, &second]).exits(1).stdout;
        assert!(people.contains("+ connecting to 192.0.2.1:443"), "{people}");
    }
}

#[test]
fn a_process_that_runs_twice_in_one_of_them_is_a_difference_of_one() {
    let home = Home::new();
    home.sealed("once", story());
    let mut twice = story();
    twice.push(sample::fork(11, 2, 4));
    twice.push(sample::exec(12, 4, Some(2), &["/usr/bin/cat", "/etc/shadow"]));
    twice.push(sample::exit(13, 4, 1));
    home.sealed("twice", twice);
    let found = differences(&home, "once", "twice", 1);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0]["what"], "/usr/bin/cat /etc/shadow: exit 1");
    assert_eq!((&found[0]["only_in"], &found[0]["count"]), (&"second".into(), &1.into()));
    assert_eq!(differences(&home, "once", "once", 0), Vec::<Value>::new());
}
