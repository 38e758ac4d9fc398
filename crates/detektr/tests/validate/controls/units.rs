//! The hardening of a unit of systemd.

use super::{AS_ROOT, Case, TWIN};
use crate::support::{How, Place};

#[test]
fn a_units_files() {
    Case {
        control: "{systemd: web.service}",
        goal: "created('/etc/loot')",
        stopped: "echo x >/etc/loot",
        passes: (Some("created('/tmp/loot')"), "echo x >/tmp/loot"),
        needs_it: "set -e; echo x >/etc/app.conf",
        ..AS_ROOT
    }
    .check();
}

#[test]
fn a_units_inaccessible_folder() {
    Case {
        control: "{systemd: web.service}",
        goal: "read('/etc/pam.d/common-auth')",
        stopped: "cat /etc/pam.d/common-auth",
        passes: (Some("read('/etc/debian_version')"), "cat /etc/debian_version"),
        needs_it: "set -e; grep -q pam /etc/pam.d/common-auth; echo x >\"$HOME/state\"",
        ..AS_ROOT
    }
    .check();
}

#[test]
fn a_units_programs() {
    Case {
        control: "{systemd: web.service}",
        goal: "ran('/var/x')",
        stopped: "cp /bin/true /var/x; chmod 755 /var/x; /var/x",
        passes: (Some("ran('/tmp/x')"), "cp /bin/true /tmp/x; chmod 755 /tmp/x; /tmp/x"),
        needs_it: "set -e; cp /bin/true /var/t; chmod 755 /var/t; /var/t",
        ..AS_ROOT
    }
    .check();
}

#[test]
fn a_units_calls() {
    Case {
        control: "{systemd: web.service}",
        goal: "created('/mnt/loot')",
        stopped: "mount -t tmpfs none /mnt && mkdir /mnt/loot",
        passes: (None, "mkdir /mnt/loot"),
        needs_it: "set -e; mount -t tmpfs none /mnt",
        ..AS_ROOT
    }
    .check();
}

#[test]
fn what_can_not_be_enforced_is_refused_with_its_line_or_the_verdict_is_partial() {
    for how in How::all() {
        let place = Place::new();
        place.write("attack.sh", "echo x >/etc/loot");
        place.write("twin.sh", TWIN);
        place.write("web.service", "[Service]\nProtectSystem=full\nAppArmorProfile=web\n");
        let text = |control: &str| {
            format!(
                "detektr: 1\nattack: {{script: attack.sh, as: root}}\ngoal: created('/etc/loot')\n\
                 benign: {{script: twin.sh, as: root}}\ncontrols:\n  web: {{systemd: {control}}}\n"
            )
        };
        place.write("refused.yaml", &text("web.service"));
        let said = place.run(how, &["validate", "refused.yaml", "--sensor", how.sensor()]);
        assert_eq!(said.code, 2, "{how:?}: {}", said.stderr);
        assert!(
            said.stderr.contains("web.service:3: AppArmorProfile=web can't be enforced"),
            "{}",
            said.stderr
        );
        assert!(place.runs(how).is_empty(), "nothing ran");
        place.write("partial.yaml", &text("{unit: web.service, ignore: AppArmorProfile}"));
        let document = place.validate(how, &["partial.yaml"]).document();
        for verdict in document["verdicts"].as_array().unwrap() {
            assert_eq!(verdict["verdict"], "holds", "{how:?}: {verdict:#}");
            assert_eq!(verdict["notes"][0], "partial:web", "{verdict:#}");
            let sentence = verdict["sentence"].as_str().unwrap();
            assert!(sentence.ends_with("partial: web without AppArmorProfile"), "{sentence}");
        }
    }
}
