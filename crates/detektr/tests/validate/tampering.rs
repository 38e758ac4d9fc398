//! Attacks on what watches them, and what watches doing as attacks do: nothing is said that the evidence does not carry.

use crate::monitors::has;
use crate::support::{How, Place, Said};

/// A shell function that sends a signal to every process of this name; nothing where there is none.
const TO: &str = "to() { for own in /proc/[0-9]*; do read name <$own/comm 2>/dev/null && [ \"$name\" = \"$2\" ] \
                  && kill -$1 ${own#/proc/} 2>/dev/null; done; }\n\
                  parent() { for own in /proc/[0-9]*; do read name <$own/comm 2>/dev/null && [ \"$name\" = \"$2\" ] \
                  && read p n s parent rest <$own/stat && kill -$1 $parent; done; }\n";

const TWIN: &str = "echo state >/var/tmp/state; test -s /var/tmp/state";

const LOG: &str = "  it:\n    monitor:\n      command: [inotifywait, -m, -o, /var/tmp/w.log, -e, create, /tmp]\n      \
                   ready: ^Watches established\n      alert: {log: {file: /var/tmp/w.log, matches: CREATE upd$}}\n";

fn watcher(when: &str) -> String {
    format!(
        "  it:\n    monitor:\n      when: {when}\n      command: [inotifywait, -m, -e, create, /tmp]\n      \
         ready: ^Watches established\n      alert: {{output: CREATE upd$}}\n"
    )
}

/// Writes the validation `name` into `all/`: an attack, who runs it, its goal, and the controls.
fn write(place: &Place, name: &str, (attack, run_as): (&str, &str), goal: &str, controls: &str) {
    place.write(&format!("all/{name}.sh"), attack);
    place.write("all/twin.sh", TWIN);
    let text = format!(
        "detektr: 1\nattack: {{script: {name}.sh, as: {run_as}}}\ngoal: {goal}\nbenign: {{script: twin.sh, as: {run_as}}}\n\
         controls:\n{controls}"
    );
    place.write(&format!("all/{name}.yaml"), &text);
}

/// Each sensor once: an ordinary user's takes the longest, and sees the same.
fn each_sensor() -> Vec<How> {
    let all = How::all();
    all.iter().copied().filter(|how| all.len() == 1 || how.has_users()).collect()
}

fn sentence(said: &Said, validation: &str, question: &str) -> String {
    let document = said.document();
    let verdicts = document["verdicts"].as_array().unwrap();
    let found = verdicts.iter().find(|v| v["validation"] == validation && v["question"] == question);
    found.unwrap()["sentence"].as_str().unwrap().to_owned()
}

#[test]
fn an_attack_that_ends_or_stops_what_watches_leaves_it_lost_unless_it_is_out_of_reach() {
    if !has("inotifywait") {
        return;
    }
    let place = Place::new();
    let goal = "created('/tmp/upd')";
    for (name, act, run_as, when) in [
        ("killed", "to KILL inotifywait", "root", "beside"),
        ("stopped", "to STOP inotifywait", "root", "beside"),
        ("keeper-killed", "parent KILL inotifywait", "root", "beside"),
        ("keeper-stopped", "parent STOP inotifywait", "root", "beside"),
        ("inside", "to KILL inotifywait", "user", "inside"),
        // another user's process, where there are users
        ("walled", "to KILL inotifywait", "user", "beside"),
    ] {
        let attack = format!("{TO}{act}\necho x >/tmp/upd");
        write(&place, name, (&attack, run_as), goal, &watcher(when));
    }
    // one that was stopped and goes on has seen all
    let goes_on = format!("{TO}to STOP inotifywait\necho x >/tmp/upd\nto CONT inotifywait");
    write(&place, "goes-on", (&goes_on, "root"), goal, &watcher("beside"));
    // its code would be an alert, were it one of its own accord
    place.write(
        "all/watcher",
        "#!/bin/sh\ntrap 'exit 7' TERM\necho $$ >/tmp/pid\necho on\nwhile :; do sleep 0.05; done\n",
    );
    let ends = "  it:\n    monitor:\n      command: [/var/tmp/watcher]\n      files: {/var/tmp/watcher: watcher}\n      ready: ^on$\n      \
                alert: {exit: [7]}\n";
    let told = "read pid </tmp/pid && kill -TERM $pid && while test -e /proc/$pid; do sleep 0.05; done\necho x >/tmp/upd";
    write(&place, "told-to-end", (told, "root"), goal, ends);
    let lost = "inconclusive/monitor_lost";
    for how in How::all() {
        let walled = if how.has_users() { "holds/triggered" } else { lost };
        let cases = [
            ("killed", lost, "it ended before the attack did, by SIGKILL"),
            ("stopped", lost, "it was still busy, or stopped, when it was ended"),
            ("keeper-killed", lost, "the process that runs it was ended"),
            ("keeper-stopped", lost, "the process that runs it was stopped"),
            ("inside", lost, "it ended before the attack did, by SIGKILL"),
            ("told-to-end", lost, "it ended before the attack did, with exit code 7"),
            ("goes-on", "holds/triggered", "CREATE upd"),
            ("walled", walled, ""),
        ];
        // a tracer shows what is stopped in another way; users differ in what is in reach
        let tried = |name: &str| match how {
            How::RootEbpf => true,
            How::RootPtrace => name.ends_with("stopped"),
            How::UserPtrace => name == "walled",
        };
        let cases: Vec<_> = cases.into_iter().filter(|(name, ..)| tried(name)).collect();
        let files: Vec<String> = cases.iter().map(|(name, ..)| format!("all/{name}.yaml")).collect();
        let said = place.validate(how, &files.iter().map(String::as_str).collect::<Vec<_>>());
        for (name, answer, why) in cases {
            assert_eq!(said.answer(name, "control:it"), answer, "{name} ({how:?}): {}", said.stdout);
            let told = sentence(&said, name, "control:it");
            assert!(told.contains(why), "{name} ({how:?}): {told}");
        }
    }
}

#[test]
fn a_log_that_is_not_there_or_that_the_attack_laid_hands_on_is_not_silent() {
    if !has("inotifywait") {
        return;
    }
    let place = Place::new();
    let goal = "created('/tmp/upd')";
    let elsewhere = LOG.replace("{file: /var/tmp/w.log", "{file: /var/tmp/v.log");
    write(&place, "elsewhere", ("echo x >/tmp/upd", "root"), goal, &elsewhere);
    // the watcher has its log open, and none of its lines is found by its name any more
    write(&place, "removed", ("rm -f /var/tmp/w.log\necho x >/tmp/upd", "root"), goal, LOG);
    write(
        &place,
        "replaced",
        ("mv /var/tmp/w.log /var/tmp/x\necho quiet >/var/tmp/w.log\necho x >/tmp/upd", "root"),
        goal,
        LOG,
    );
    let blind = LOG.replace("CREATE upd$", "CREATE other$");
    write(&place, "blind", ("echo x >/tmp/upd", "root"), goal, &blind);
    for how in How::all().into_iter().take(1) {
        let said = place.validate(how, &["all"]);
        for (name, answer, why) in [
            ("elsewhere", "inconclusive/monitor_lost", "its log /var/tmp/v.log was not written"),
            ("removed", "inconclusive/monitor_lost", "the attack had its hands on /var/tmp/w.log"),
            ("replaced", "inconclusive/monitor_lost", "the attack had its hands on /var/tmp/w.log"),
            ("blind", "fails/no_effect", "did not alert"),
        ] {
            assert_eq!(said.answer(name, "control:it"), answer, "{name} ({how:?}): {}", said.stdout);
            let told = sentence(&said, name, "control:it");
            assert!(told.contains(why), "{name} ({how:?}): {told}");
        }
    }
}

const RULE: &str = "title: id is run\nid: 6f0f1a52-7c1c-4a0e-9a35-0d6ad1b0a001\nstatus: test\nlogsource: \
                    {category: process_creation, product: linux}\ndetection: {selection: {Image|endswith: /id}, condition: selection}\n\
                    level: low\n";

/// The monitor reads and runs what the attack would, before the mask is there: no goal, no attempt and no rule is its.
#[test]
fn what_a_monitor_does_is_no_doing_of_the_attacks() {
    let place = Place::new();
    let busy = "  it:\n    monitor:\n      command: 'cat /etc/debian_version /etc/shadow >/dev/null 2>&1; id >/dev/null; mkdir /tmp/own; \
                echo on; exec sleep 600'\n      ready: ^on$\n      alert: {output: never}\n";
    let controls = format!("{busy}  mask: {{masked: /etc/debian_version}}\n");
    let goal = "read('/etc/debian_version') || ran('/usr/bin/id') || created('/tmp/own')";
    place.write("all/id.yml", RULE);
    let ask = "ask:\n- mitigation: all\n- {detection: id.yml, in: treatment, on: attempt}\n";
    write(&place, "acts", ("cat /etc/debian_version", "root"), goal, &format!("{controls}{ask}"));
    // that the monitor runs `id` is no attempt
    let attempt =
        "attempt: \"ran('/usr/bin/id')\"\nask:\n- {detection: id.yml, in: treatment, on: attempt}\n";
    write(&place, "attempts", ("cat /etc/debian_version", "root"), goal, &format!("{controls}{attempt}"));
    for how in each_sensor() {
        let said = place.validate(how, &["all"]);
        for (name, question, answer) in [
            ("acts", "mitigation", "holds/prevented"),
            ("acts", "detection:id@treatment", "fails/missed"),
            ("attempts", "detection:id@treatment", "inconclusive/not_attempted"),
        ] {
            assert_eq!(said.answer(name, question), answer, "{name} ({how:?}): {}", said.stdout);
        }
    }
}

/// What the attack can't do itself it has a monitor do, which runs without the control: it is not said to be stopped.
#[test]
fn a_monitor_that_runs_what_the_attack_made_is_a_hole_and_no_wall() {
    let place = Place::new();
    let runs = "  it:\n    monitor:\n      command: 'echo on; while :; do test -x /tmp/hook && /tmp/hook && rm /tmp/hook; sleep 0.05; done'\n      \
                ready: ^on$\n      alert: {output: never}\n";
    let controls = format!("{runs}  rights: {{landlock: {{write: [/tmp, /dev, /var]}}}}\n");
    let attack = "echo x >/etc/loot && exit 0\n\
                  printf '#!/bin/sh\\nmkdir /etc/loot; mkdir /tmp/done' >/tmp/new; chmod 755 /tmp/new; mv /tmp/new /tmp/hook\n\
                  until test -e /tmp/done; do sleep 0.05; done";
    let ask = "ask: [{mitigation: all}]\n";
    write(&place, "hook", (attack, "root"), "created('/etc/loot')", &format!("{controls}{ask}"));
    for how in each_sensor() {
        let said = place.validate(how, &["all"]);
        let told = sentence(&said, "hook", "mitigation");
        assert_eq!(said.answer("hook", "mitigation"), "inconclusive/incomplete", "{how:?}: {told}");
        assert!(told.contains("what watches ran /tmp/hook, which the attack had made"), "{told}");
    }
}

#[test]
fn ablation_tells_what_a_monitor_is_beside_a_control_that_prevents() {
    if !has("inotifywait") {
        return;
    }
    let place = Place::new();
    let controls = format!("{}  ro: {{read_only: /tmp}}\n", watcher("beside"));
    write(&place, "both", ("echo x >/tmp/upd", "user"), "created('/tmp/upd')", &controls);
    for how in How::all().into_iter().take(1) {
        let said = place.validate(how, &["--ablate", "all"]);
        let document = said.document();
        let result = document["results"][0]["path"].as_str().unwrap();
        let text = std::fs::read_to_string(std::path::Path::new(result).join("result.json")).unwrap();
        let sealed: serde_json::Value = serde_json::from_str(&text).unwrap();
        let part = |at: usize| {
            let part = &sealed["ablation"][at];
            ["control", "necessary", "sufficient", "redundant", "masked", "harmful"]
                .map(|key| part[key].as_str().unwrap_or_default().to_owned())
        };
        assert_eq!(part(0), ["it", "no", "no", "no", "yes", "no"], "{how:?}: {text}");
        assert_eq!(part(1), ["ro", "yes", "yes", "no", "no", "no"], "{how:?}: {text}");
        let judged = place.run(how, &["judge", "--json", result]);
        assert_eq!(judged.document()["same"], true, "{}", judged.stderr);
    }
}

#[test]
fn a_monitor_that_never_says_that_it_watches_is_waited_for_as_long_as_the_attack_may_take() {
    let place = Place::new();
    place.write("attack.sh", "echo x >/tmp/upd");
    place.write(
        "v.yaml",
        "detektr: 1\nattack: {script: attack.sh, timeout: 1s}\ngoal: created('/tmp/upd')\n\
         benign: {script: attack.sh, timeout: 1s}\ncontrols:\n  it:\n    \
         monitor: {command: [sleep, '600'], ready: never, alert: {output: never}}\n",
    );
    let how = How::all()[0];
    let said = place.validate(how, &["v.yaml"]);
    assert_eq!(said.answer("v", "control:it"), "inconclusive/monitor_not_ready", "{}", said.stdout);
    let told = sentence(&said, "v", "control:it");
    assert!(told.contains("within 1s, the time that the attack has (`timeout`)"), "{told}");
}
