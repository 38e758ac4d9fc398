//! What is told of a detection that missed.

use crate::support::{How, Place};

const RULE: &str = "title: Denied\nlogsource:\n  product: linux\n  service: auditd\ndetection:\n  call:\n    type: SYSCALL\n    \
                    success: 'no'\n    exit: [EACCES, EPERM]\n  condition: call\n";

#[test]
fn it_is_explained_on_the_operation_of_the_attack_that_was_denied() {
    for how in How::all() {
        let place = Place::new();
        // other failures come as near to the rule as the one that matters
        place.write("attack.sh", "cat /etc/none /var/none; echo '* * * * * root true' >/etc/cron.d/upd");
        place.write("rule.yml", RULE);
        place.write("twin.sh", "mkdir \"$HOME/d\"");
        place.write(
            "v.yaml",
            "detektr: 1\nattack: attack.sh\ngoal: created('/etc/cron.d/upd')\ncontrols: {ro: {read_only: [/etc]}}\nbenign: twin.sh\nask:\n  \
             - {detection: rule.yml, in: treatment, on: attempt}\n",
        );
        let said = place.validate(how, &["v.yaml"]);
        assert_eq!(said.answer("v", "detection:rule@treatment"), "fails/missed", "{how:?}");
        let document = said.document();
        let verdict = &document["verdicts"][0];
        let sentence = verdict["sentence"].as_str().unwrap();
        assert!(sentence.contains("`exit` is `EROFS`"), "{how:?}: {sentence}");
        let event = &verdict["evidence"][0]["events"][0];
        assert!(sentence.contains(&format!("in event {event},")), "{how:?}: {sentence}, {event}");
    }
}

#[test]
fn a_rule_on_a_log_that_no_run_has_is_not_missed() {
    let how = How::all()[0];
    let place = Place::new();
    place.write("attack.sh", "echo '* * * * * root true' >/etc/cron.d/upd");
    place.write("rule.yml", &RULE.replace("auditd", "powerdns"));
    place.write(
        "v.yaml",
        "detektr: 1\nattack: attack.sh\ngoal: created('/etc/cron.d/upd')\ndetect: rule.yml\n",
    );
    let said = place.validate(how, &["v.yaml"]);
    assert_eq!(said.answer("v", "detection:rule"), "inconclusive/telemetry_missing");
    assert_eq!(said.code, 3);
    assert!(said.document()["verdicts"][0]["sentence"].as_str().unwrap().contains("service powerdns"));
}
