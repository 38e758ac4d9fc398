//! Programs that watch, as controls and as detections: an alert that comes with the attack alone, none, one that the
//! twin makes too; and a monitor that can't watch, or not to the end, from whose silence nothing follows.

use crate::support::{How, Place};
use std::path::Path;

const ATTACK: &str = "echo '* * * * * root true' >/tmp/upd";
const GOAL: &str = "created('/tmp/upd')";

pub fn has(program: &str) -> bool {
    let there = ["/usr/bin", "/usr/sbin"].iter().any(|folder| Path::new(folder).join(program).exists());
    if !there {
        eprintln!("skipped: {program} is not installed (scripts/setup.sh test)");
    }
    there
}

/// Writes the validation `name` into `all/`.
fn write(place: &Place, name: &str, controls: &str, twin: &str, ask: &str) {
    place.write("all/attack.sh", ATTACK);
    place.write(&format!("all/{name}.sh"), twin);
    let text = format!(
        "detektr: 1\nattack: {{script: attack.sh, as: user}}\ngoal: {GOAL}\nbenign: {{script: {name}.sh, as: user}}\n\
         controls:\n{controls}{ask}"
    );
    place.write(&format!("all/{name}.yaml"), &text);
}

const QUIET: &str = "echo state >/var/tmp/state; test -s /var/tmp/state";

/// A watcher of files on `/tmp`.
fn watcher(more: &str) -> String {
    format!(
        "  it:\n    monitor:\n      command: [inotifywait, -m, -e, create, /tmp]\n      ready: ^Watches established\n{more}"
    )
}

#[test]
fn a_watcher_of_files_alerts_on_the_attack_alone_and_what_it_did_not_see_is_told() {
    if !has("inotifywait") {
        return;
    }
    let place = Place::new();
    let alert = watcher("      alert: {output: CREATE upd$}\n");
    write(&place, "sees", &alert, QUIET, "ask:\n- control: it\n- detection: {monitor: it}\n");
    write(&place, "blind", &watcher("      alert: {output: CREATE other$}\n"), QUIET, "");
    write(&place, "noisy", &alert, "echo state >/tmp/upd; test -s /tmp/upd", "");
    let inside = alert.replace("command:", "when: inside\n      command:");
    write(&place, "inside", &inside, QUIET, "");
    let log = "  it:\n    monitor:\n      command: [inotifywait, -m, -o, /var/tmp/w.log, -e, create, /tmp]\n      \
               ready: ^Watches established\n      alert: {log: {file: /var/tmp/w.log, matches: CREATE upd$}}\n";
    write(&place, "logs", log, QUIET, "");
    // one that looks by the clock has to be given time
    let polls = "  it:\n    monitor:\n      command: 'echo on; while :; do test -e /tmp/upd && echo seen; sleep 0.2; done'\n      \
                 ready: ^on$\n      settle: 1s\n      alert: {output: ^seen$}\n";
    write(&place, "polls", polls, QUIET, "");
    // beside a control that prevents what it watches for, it is silent
    let both = format!("{alert}  ro: {{read_only: /tmp}}\n");
    write(&place, "masked", &both, QUIET, "ask: [{control: it}, {control: ro}, {mitigation: all}]\n");
    // one that ends at the first event, and one that never says that it watches
    let ends = "  it:\n    monitor: {command: [sh, -c, exit 0], alert: {output: never}}\n";
    write(&place, "ends", ends, QUIET, "");
    let absent = "  it:\n    monitor: {command: [no-such-program], alert: {output: never}}\n";
    write(&place, "absent", absent, QUIET, "");
    let unready =
        "  it:\n    monitor: {command: [sh, -c, exit 3], ready: watching, alert: {output: never}}\n";
    write(&place, "unready", unready, QUIET, "");
    for how in How::all() {
        let said = place.validate(how, &["all"]);
        let expect = |name: &str, question: &str, answer: &str| {
            assert_eq!(
                said.answer(name, question),
                answer,
                "{name} ({how:?}): {}\n{}",
                said.stdout,
                said.stderr
            );
        };
        expect("sees", "control:it", "holds/triggered");
        expect("sees", "detection:it", "holds/detected");
        expect("inside", "control:it", "holds/triggered");
        expect("logs", "control:it", "holds/triggered");
        expect("polls", "control:it", "holds/triggered");
        expect("blind", "control:it", "fails/no_effect");
        expect("noisy", "control:it", "fails/false_positive");
        expect("masked", "control:it", "holds/masked");
        expect("masked", "control:ro", "holds/triggered");
        expect("masked", "mitigation", "holds/prevented");
        expect("ends", "control:it", "inconclusive/monitor_lost");
        expect("absent", "control:it", "inconclusive/monitor_not_ready");
        expect("unready", "control:it", "inconclusive/monitor_not_ready");
        // what watched is not asked again: the sealed result alone gives the same
        let document = said.document();
        for result in document["results"].as_array().unwrap() {
            let judged = place.run(how, &["judge", "--json", result["path"].as_str().unwrap()]);
            assert_eq!(judged.document()["same"], true, "{result}: {}", judged.stderr);
        }
    }
}

#[test]
fn an_integrity_checker_finds_afterwards_what_the_attack_changed() {
    if !has("aide") {
        return;
    }
    let place = Place::new();
    let config = "database_in=file:/var/tmp/aide.db\ndatabase_out=file:/var/tmp/aide.db\ngzip_dbout=no\n/tmp/upd p+sha256\n";
    place.write("all/aide.conf", config);
    let control = |exit: &str| {
        format!(
            "  it:\n    monitor:\n      when: after\n      setup: [aide, --config, /var/tmp/aide.conf, --init]\n      \
             command: [aide, --config, /var/tmp/aide.conf, --check]\n      alert: {exit}\n      \
             files: {{/var/tmp/aide.conf: aide.conf}}\n"
        )
    };
    // its exit code says by bits what was found: 1 for what is new
    write(&place, "finds", &control("{exit: [1, 2, 3, 4, 5, 6, 7]}"), QUIET, "");
    write(&place, "tells", &control("{output: /tmp/upd}"), QUIET, "");
    for how in How::all() {
        let said = place.validate(how, &["all"]);
        for name in ["finds", "tells"] {
            let told = said.answer(name, "control:it");
            assert_eq!(told, "holds/triggered", "{name} ({how:?}): {}\n{}", said.stdout, said.stderr);
        }
    }
}

/// A signature of the project's own: these words, and nothing else, are what it calls malicious.
const MARKER: &str = "detektr harmless marker 7f2c";

#[test]
fn a_scanner_finds_afterwards_what_the_attack_left_by_a_signature_of_ones_own() {
    if !has("clamscan") {
        return;
    }
    let place = Place::new();
    let hex: String = MARKER.bytes().map(|byte| format!("{byte:02x}")).collect();
    place.write("all/own.ndb", &format!("Detektr.Test.Marker:0:*:{hex}\n"));
    let scan = |alert: &str| {
        format!(
            "  it:\n    monitor:\n      when: after\n      command: [clamscan, --database, /var/tmp/own.ndb, --no-summary, --recursive, /tmp]\n      \
             alert: {alert}\n      files: {{/var/tmp/own.ndb: own.ndb}}\n"
        )
    };
    let marked = format!("echo '{MARKER}' >/tmp/upd");
    for (name, alert) in
        [("code", "{exit: [1]}"), ("line", "{output: Detektr.Test.Marker.UNOFFICIAL FOUND$}")]
    {
        write(&place, name, &scan(alert), QUIET, "");
        // each has a script of its own, as not every attack of this file carries the words
        let text = std::fs::read_to_string(place.path(&format!("all/{name}.yaml"))).unwrap();
        place.write(&format!("all/{name}-attack.sh"), &marked);
        place.write(&format!("all/{name}.yaml"), &text.replace("attack.sh", &format!("{name}-attack.sh")));
    }
    // what carries no such words is not found
    write(&place, "clean", &scan("{exit: [1]}"), QUIET, "");
    for how in How::all() {
        let said = place.validate(how, &["all"]);
        for (name, answer) in
            [("code", "holds/triggered"), ("line", "holds/triggered"), ("clean", "fails/no_effect")]
        {
            assert_eq!(
                said.answer(name, "control:it"),
                answer,
                "{name} ({how:?}): {}\n{}",
                said.stdout,
                said.stderr
            );
        }
    }
}
