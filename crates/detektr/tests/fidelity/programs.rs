//! Every action that a program tells stands among its events exactly once, with its object and its outcome, and
//! nothing that it didn't tell.

use crate::object::{join, object, outcome, told};
use crate::support::{Counted, Place, Run, SENSORS, able, assert_same, count};
use serde_json::Value;

/// Kind, object, outcome.
type Act = (String, String, String);

/// What `run` told of itself. Programs tell where they go, so that relative names can be joined.
fn told_by(run: &Run) -> Counted<Act> {
    let me = run.start()["exec"]["file"]["path"].as_str().unwrap();
    let mut here = "/".to_owned();
    let acts = run.stdout.lines().map(|line| {
        let words: Vec<&str> = line.split('\t').collect();
        let [kind, object, result] = words[..] else { panic!("a line of the program: {line:?}") };
        let act = (kind.to_owned(), told(kind, object, &here, me), result.to_owned());
        if kind == "process.chdir" && result == "ok" {
            here = join(&here, object);
        }
        act
    });
    count(acts.collect::<Vec<_>>())
}

/// What was seen of it. Ends of processes, and the kernel's own workers, are told by nobody.
fn seen_of(run: &Run, told: &Counted<Act>) -> Counted<Act> {
    let own = |event: &&Value| event["kind"] != "process.exit" && event["fork"]["io_worker"] != true;
    let acts = run.acts().filter(own).map(|event| {
        let kind = event["kind"].as_str().unwrap().to_owned();
        let act = (kind, object(event), outcome(event));
        // a program that doesn't tell how much it wrote is not asked for it
        let bare = act.1.rsplit_once(' ').filter(|_| act.0 == "file.write");
        match bare.map(|(path, _)| (act.0.clone(), path.to_owned(), act.2.clone())) {
            Some(bare) if told.contains_key(&bare) => bare,
            _ => act,
        }
    });
    count(acts)
}

fn hold(program: &str, sensors: &[&str], least: i64) {
    for sensor in sensors.iter().filter(|sensor| able(sensor)) {
        for user in ["root", "user"] {
            let place = Place::new();
            let Some(file) = place.program(program) else { return };
            let run = match program {
                "uring" => place.act_with_rings(sensor, user, &file),
                _ => place.act(sensor, user, &file),
            };
            let told = told_by(&run);
            assert!(told.values().sum::<i64>() >= least, "{program} told little: {}", run.stdout);
            let seen = seen_of(&run, &told);
            assert_same(&format!("{program}, {sensor}, {user}"), ("told", told), ("seen", seen));
        }
    }
}

#[test]
fn every_kind_of_action_is_seen_exactly_once() {
    hold("actions", &SENSORS, 90);
}

#[test]
fn threads_that_act_at_once_are_seen_exactly_once() {
    hold("threads", &SENSORS, 160);
}

#[test]
fn actions_through_the_32_bit_interface_are_seen_exactly_once() {
    hold("ia32", &SENSORS, 29);
}

#[test]
fn actions_in_namespaces_and_roots_of_its_own_are_seen_exactly_once() {
    hold("nested", &SENSORS, 20);
}

#[test]
fn operations_of_a_ring_or_its_refusal_are_seen_exactly_once() {
    hold("uring", &["ebpf"], 11);
    hold("uring", &["ptrace"], 2);
}
