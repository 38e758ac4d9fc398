//! Rules on the messages of programs.

use crate::events::{asked, exec, message, of, report};
use detektr_detect::{RuleSet, RunContext};
use std::convert::Infallible;

const SSHD: &str = "title: Ssh\nlogsource:\n  product: linux\n  service: sshd\ndetection:\n  keywords:\n    - '*Failed \
                    password*'\n  condition: keywords\n";

#[test]
fn words_are_looked_for_in_the_messages_of_the_service_that_a_rule_reads() {
    let events = [
        message(1, "<38>Nov 27 14:21:20 sshd[7]: Failed password for root from 192.0.2.1"),
        message(2, "<14>other[8]: Failed password for root from 192.0.2.1"),
        message(3, "<38>sshd[7]: Accepted publickey for root"),
    ];
    let found = asked(SSHD, &events);
    assert_eq!(of(&found, "Ssh").matches.iter().map(|m| m.events[0]).collect::<Vec<_>>(), [1]);
    let everywhere = SSHD.replace("  service: sshd\n", "");
    assert_eq!(of(&asked(&everywhere, &events), "Ssh").matched, 2, "each message once");
}

#[test]
fn a_rule_may_ask_for_the_program_and_the_text_of_a_message() {
    let text = "title: Cron\nlogsource:\n  product: linux\n  service: cron\ndetection:\n  sel:\n    program: CRON\n    \
                message|contains: REPLACE\n  condition: sel\n";
    let events =
        [message(1, "<78>CRON[7]: (root) REPLACE (root)"), message(2, "<78>crond: (root) REPLACE (root)")];
    let report = asked(text, &events);
    assert_eq!(of(&report, "Cron").matched, 1, "{report:?}");
    assert_eq!(of(&report, "Cron").matches[0].events, [1]);
}

#[test]
fn a_run_without_messages_has_no_telemetry_for_them_unless_they_were_recorded() {
    let set = RuleSet::load([("rule.yml", SSHD.as_bytes())]).unwrap();
    let without = report(&set, &[exec(1, 0, &["/bin/sh"])]);
    let outcome = of(&without, "Ssh");
    assert!(outcome.no_telemetry.as_ref().unwrap().contains("service sshd"), "{outcome:?}");
    let context = RunContext { logs: true, ..RunContext::default() };
    let Ok(silent) = set.run(&context, [exec(1, 0, &["/bin/sh"])].into_iter().map(Ok::<_, Infallible>));
    let outcome = of(&silent, "Ssh");
    assert!(outcome.no_telemetry.is_none() && outcome.matched == 0, "{outcome:?}");
    assert!(outcome.why_not.as_ref().unwrap().sentence.contains("messages of sshd"), "{outcome:?}");
}

#[test]
fn what_may_stand_in_the_rest_of_a_message_is_undecided() {
    let mut cut = message(1, "<38>sshd[7]: Failed pass");
    let detektr_event::Detail::LogMessage { log } = &mut cut.detail else { panic!() };
    log.message =
        detektr_event::Copied::Truncated { text: "<38>sshd[7]: Failed pass".into(), truncated: 9000 };
    let outcome = of(&asked(SSHD, &[cut]), "Ssh").clone();
    assert!(outcome.matches.is_empty() && outcome.undecided.unwrap().contains("the whole message"));
}

#[test]
fn a_message_in_the_journals_own_form_has_its_fields() {
    let mut sent = message(1, "");
    let detektr_event::Detail::LogMessage { log } = &mut sent.detail else { panic!() };
    log.socket = "/run/systemd/journal/socket".into();
    let mut bytes = b"PRIORITY=6\nSYSLOG_FACILITY=4\nMESSAGE\n".to_vec();
    bytes.extend(24u64.to_le_bytes());
    bytes.extend(b"Failed password\nfor root\nSYSLOG_IDENTIFIER=sshd\n");
    log.message = detektr_event::Copied::whole(bytes);
    assert_eq!(of(&asked(SSHD, &[sent.clone()]), "Ssh").matched, 1);
    // over the socket of syslog the same bytes are the text of nobody
    let detektr_event::Detail::LogMessage { log } = &mut sent.detail else { panic!() };
    log.socket = "/dev/log".into();
    assert_eq!(of(&asked(SSHD, &[sent]), "Ssh").matched, 0);
}
