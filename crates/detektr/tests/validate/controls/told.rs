//! How an effect is told.

use super::{PROFILE, TWIN};
use crate::support::{How, Place};

#[test]
fn a_denial_of_what_the_attack_can_do_without_is_told_as_a_step_and_the_goals_own_comes_first() {
    for how in How::all() {
        let place = Place::new();
        place.write("profile.json", PROFILE);
        place.write("twin.sh", TWIN);
        place.write("attack.sh", "mkdir /tmp/aside; cp /bin/true /tmp/x; chmod 755 /tmp/x; /tmp/x");
        place.write(
            "v.yaml",
            "detektr: 1\nattack: attack.sh\ngoal: ran('/tmp/x')\nbenign: twin.sh\ncontrols:\n\
             \x20 step: {seccomp: profile.json}\n  tmp: {noexec: /tmp}\n",
        );
        let document = place.validate(how, &["v.yaml"]).document();
        let sentence = |question: &str| {
            let verdicts = document["verdicts"].as_array().unwrap();
            let verdict = verdicts.iter().find(|v| v["question"] == question).unwrap();
            assert_eq!(verdict["verdict"], "holds", "{how:?}: {verdict:#}");
            verdict["sentence"].as_str().unwrap().to_owned()
        };
        assert!(sentence("control:step").starts_with("step denied a step of the attack: making /tmp/aside"));
        assert!(sentence("control:tmp").starts_with("tmp stopped the attack: executing /tmp/x"));
        assert!(sentence("mitigation").contains("tmp denied executing /tmp/x"));
    }
}

#[test]
fn a_control_that_keeps_the_attack_from_starting_triggers() {
    for how in How::all() {
        let place = Place::new();
        place.write("attack.sh", "mkdir /tmp/loot");
        place.write(
            "v.yaml",
            "detektr: 1\nattack: {script: attack.sh, as: root}\ngoal: created('/tmp/loot')\n\
             benign: {command: [sh, -c, 'mkdir /tmp/work'], as: root}\ncontrols:\n  home: {noexec: /root}\n",
        );
        let said = place.validate(how, &["v.yaml"]);
        assert_eq!(said.answer("v", "control:home"), "holds/triggered", "{how:?}: {}", said.stdout);
        assert_eq!(said.answer("v", "mitigation"), "holds/prevented", "{how:?}: {}", said.stdout);
        assert!(said.stdout.contains("home kept the attack from starting: EACCES"), "{}", said.stdout);
    }
}
