//! For each control: an attack that it stops, one that it does not, one that comes to nothing by itself, and a twin
//! that it breaks. Four different answers, with both sensors, as root and as an ordinary user.

use crate::support::{How, Place};
use std::path::Path;

struct Case<'a> {
    control: &'static str,
    goal: &'static str,
    stopped: &'a str,
    /// Reaches its goal in spite of the control; where the goal is another one, it stands first.
    passes: (Option<&'static str>, &'a str),
    needs_it: &'a str,
    run_as: &'static str,
    /// An environment with one user id can't show it.
    needs_users: bool,
}

const TWIN: &str = "set -e; echo state >\"$HOME/state\"; test \"$(cat \"$HOME/state\")\" = state";

impl Case<'_> {
    fn check(&self) {
        let place = Place::new();
        place.write("profile.json", PROFILE);
        place.write("twin.sh", TWIN);
        let yaml = |name: &str, goal: &str, attack: &str, twin: &str| {
            place.write(&format!("{name}.sh"), attack);
            let text = format!(
                "detektr: 1\nattack: {{script: {name}.sh, as: {}}}\ngoal: {goal}\ncontrols:\n  it: {}\nbenign: {{script: {twin}, as: root}}\n",
                self.run_as, self.control
            );
            place.write(&format!("all/{name}.yaml"), &text.replace("script: ", "script: ../"));
        };
        place.write("needs.sh", self.needs_it);
        yaml("stopped", self.goal, self.stopped, "twin.sh");
        yaml("passes", self.passes.0.unwrap_or(self.goal), self.passes.1, "twin.sh");
        yaml("dies", self.goal, "exit 1", "twin.sh");
        yaml("breaks", self.goal, self.stopped, "needs.sh");
        // what controls name lies in the folder of the validations
        place.write("all/profile.json", PROFILE);
        place.write("all/web.service", UNIT);
        place.write("all/rules.nft", RULES);
        place.write("all/deploy.manifest", DEPLOYMENT);
        place.write("all/web.service.d/10-calls.conf", DROP_IN);
        for how in How::all() {
            if self.needs_users && !how.has_users() {
                eprintln!("skipped: {} needs users of its own ({how:?})", self.control);
                continue;
            }
            let said = place.validate(how, &["all"]);
            let answers = |name: &str| (said.answer(name, "control:it"), said.answer(name, "mitigation"));
            let expect = |name: &str, control: &str, mitigation: &str| {
                let (c, m) = answers(name);
                assert_eq!(
                    (c.as_str(), m.as_str()),
                    (control, mitigation),
                    "{name} of {} ({how:?}): {}",
                    self.control,
                    said.stdout
                );
            };
            expect("stopped", "holds/triggered", "holds/prevented");
            expect("passes", "fails/no_effect", "fails/goal_reached");
            expect("dies", "inconclusive/goal_not_reached", "inconclusive/goal_not_reached");
            expect("breaks", "holds/triggered", "fails/benign_broken");
            assert_eq!(said.code, 1, "{}", said.stderr);
        }
    }
}

const PROFILE: &str = r#"{
  "defaultAction": "SCMP_ACT_ALLOW",
  "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]}],
  "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]
}"#;

const RULES: &str = "table inet filter {\n  chain output {\n    type filter hook output priority filter; policy accept;\n    \
                     ip daddr 192.0.2.7 tcp dport 4444 counter reject with tcp reset\n    ip daddr 192.0.2.8 drop\n  }\n}\n";

const UNIT: &str = "[Unit]\nDescription=a web server\n[Service]\nExecStart=/usr/sbin/web\nProtectSystem=full\n\
                    PrivateTmp=yes\nInaccessiblePaths=/etc/pam.d -/none\nNoExecPaths=/var\n";
const DROP_IN: &str = "[Service]\nSystemCallErrorNumber=EPERM\nSystemCallFilter=~@mount\n";

const DEPLOYMENT: &str = "kind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n        - name: web\n          \
                          securityContext:\n            readOnlyRootFilesystem: true\n            capabilities: {drop: [ALL]}\n            \
                          seccompProfile: {type: RuntimeDefault}\n          volumeMounts:\n            - {name: t, mountPath: /tmp}\n            \
                          - {name: r, mountPath: /root}\n        - name: side\n";

#[test]
fn seccomp() {
    Case {
        control: "{seccomp: profile.json}",
        goal: "created('/tmp/loot')",
        stopped: "mkdir /tmp/loot",
        passes: (None, "echo x >/tmp/loot"),
        needs_it: "set -e; mkdir \"$HOME/d\"",
        run_as: "root",
        needs_users: false,
    }
    .check();
}

/// Where Detektr refuses rings itself, what a control does to them can't be told, and nobody says that it holds.
#[test]
fn a_control_of_rings_is_judged_only_where_rings_run() {
    if !std::path::Path::new("/usr/bin/python3").exists() {
        eprintln!("skipped: needs /usr/bin/python3");
        return;
    }
    let place = Place::new();
    let attack = "/usr/bin/python3 -c 'import ctypes
ring = ctypes.CDLL(None).syscall(425, 8, ctypes.create_string_buffer(120))
ring >= 0 and open(\"/tmp/loot\", \"w\")'";
    place.write("attack.sh", attack);
    place.write("twin.sh", TWIN);
    place.write("profile.json", &PROFILE.replace(r#""mkdir", "mkdirat""#, r#""io_uring_setup""#));
    place.write(
        "rings.yaml",
        "detektr: 1\nattack: {script: attack.sh, as: root}\ngoal: created('/tmp/loot')\n\
         controls:\n  it: {seccomp: profile.json}\nbenign: {script: twin.sh, as: root}\n",
    );
    for how in How::all() {
        for rings in ["refuse", "allow"] {
            place.write("place.yaml", &format!("detektr: 1\nio_uring: {rings}\n"));
            let said = place.validate(how, &["--env", "place.yaml", "rings.yaml"]);
            let (control, mitigation) = match (how, rings) {
                (How::RootEbpf, "allow") => ("holds/triggered", "holds/prevented"),
                _ => ("inconclusive/prevented_by_isolation", "inconclusive/prevented_by_isolation"),
            };
            assert_eq!(said.answer("rings", "control:it"), control, "{how:?}, {rings}: {}", said.stdout);
            assert_eq!(said.answer("rings", "mitigation"), mitigation, "{how:?}, {rings}: {}", said.stdout);
        }
    }
}

#[test]
fn read_only() {
    Case {
        control: "{read_only: /etc}",
        goal: "created('/etc/loot')",
        stopped: "echo x >/etc/loot",
        passes: (Some("created('/tmp/loot')"), "echo x >/tmp/loot"),
        needs_it: "set -e; echo x >/etc/app.conf",
        run_as: "root",
        needs_users: false,
    }
    .check();
}

#[test]
fn noexec() {
    Case {
        control: "{noexec: [/tmp, /dev/shm]}",
        goal: "ran('/tmp/x')",
        stopped: "cp /bin/true /tmp/x; chmod 755 /tmp/x; /tmp/x",
        // whoever may mount can undo it, as on a system
        passes: (None, "umount /tmp 2>/dev/null; cp /bin/true /tmp/x; chmod 755 /tmp/x; /tmp/x"),
        needs_it: "set -e; cp /bin/true /tmp/t; chmod 755 /tmp/t; /tmp/t",
        run_as: "root",
        needs_users: false,
    }
    .check();
}

#[test]
fn masked_folder() {
    Case {
        control: "{masked: /etc/pam.d}",
        goal: "read('/etc/pam.d/common-auth')",
        stopped: "cat /etc/pam.d/common-auth",
        passes: (None, "umount /etc/pam.d 2>/dev/null; cat /etc/pam.d/common-auth"),
        needs_it: "set -e; grep -q pam /etc/pam.d/common-auth; echo x >\"$HOME/state\"",
        run_as: "root",
        needs_users: false,
    }
    .check();
}

#[test]
fn masked_file() {
    Case {
        control: "{masked: /etc/hosts}",
        goal: "read('/etc/hosts')",
        stopped: "cat /etc/hosts",
        passes: (None, "umount /etc/hosts 2>/dev/null; cat /etc/hosts"),
        needs_it: "set -e; grep -q . /etc/hosts; echo x >\"$HOME/state\"",
        run_as: "root",
        needs_users: false,
    }
    .check();
}

#[test]
fn capabilities() {
    Case {
        control: "{capabilities: none}",
        goal: "created('/mnt/loot')",
        stopped: "mount -t tmpfs none /mnt && mkdir /mnt/loot",
        passes: (None, "mkdir /mnt/loot"),
        needs_it: "set -e; mount -t tmpfs none /mnt",
        run_as: "root",
        needs_users: false,
    }
    .check();
}

const SETUID: &str = "set -e; cp /usr/bin/id /usr/local/bin/own; chmod 4755 /usr/local/bin/own; \
                      test \"$(setpriv --reuid 1000 /usr/local/bin/own -u)\" = 0";

#[test]
fn nosuid() {
    Case {
        control: "{nosuid: /usr}",
        goal: "uid_gained(0)",
        stopped: "/usr/bin/su --version >/dev/null; exit 0",
        passes: (Some("created('/tmp/loot')"), "/usr/bin/su --version >/dev/null; echo x >/tmp/loot"),
        needs_it: SETUID,
        run_as: "user",
        needs_users: true,
    }
    .check();
}

#[test]
fn no_new_privs() {
    Case {
        control: "{no_new_privs: true}",
        goal: "uid_gained(0)",
        stopped: "/usr/bin/su --version >/dev/null; exit 0",
        passes: (Some("created('/tmp/loot')"), "echo x >/tmp/loot"),
        needs_it: SETUID,
        run_as: "user",
        needs_users: true,
    }
    .check();
}

#[test]
fn user() {
    Case {
        control: "{user: user}",
        goal: "created('/etc/loot')",
        stopped: "echo x >/etc/loot",
        passes: (Some("created('/tmp/loot')"), "echo x >/tmp/loot"),
        needs_it: "set -e; echo x >/etc/app.conf",
        run_as: "root",
        needs_users: true,
    }
    .check();
}

#[test]
fn limits() {
    Case {
        control: "{limits: {processes: 12}}",
        goal: "created('/tmp/loot')",
        stopped: MANY,
        passes: (None, "echo x >/tmp/loot"),
        needs_it: MANY,
        run_as: "root",
        needs_users: false,
    }
    .check();
}

#[test]
fn landlock_on_files() {
    Case {
        control: "{landlock: {write: [/tmp, /dev, /root, /home]}}",
        goal: "created('/etc/loot')",
        stopped: "echo x >/etc/loot",
        passes: (Some("created('/tmp/loot')"), "echo x >/tmp/loot"),
        needs_it: "set -e; echo x >/etc/app.conf",
        run_as: "root",
        needs_users: false,
    }
    .check();
}

#[test]
fn landlock_on_programs() {
    Case {
        control: "{landlock: {execute: [/usr, /bin, /lib, /lib64, /root, /home]}}",
        goal: "ran('/tmp/x')",
        stopped: "cp /bin/true /tmp/x; chmod 755 /tmp/x; /tmp/x",
        passes: (Some("ran('/usr/bin/env')"), "/usr/bin/env true"),
        needs_it: "set -e; cp /bin/true /tmp/t; chmod 755 /tmp/t; /tmp/t",
        run_as: "root",
        needs_users: false,
    }
    .check();
}

#[test]
fn landlock_on_ports() {
    let python = Path::new("/usr/bin/python3");
    if !python.exists() {
        eprintln!("skipped: needs python3");
        return;
    }
    Case {
        control: "{landlock: {connect_tcp: [80], bind_tcp: []}}",
        goal: "connected('192.0.2.7', 4444)",
        stopped: "/usr/bin/python3 -c 'import socket; socket.create_connection((\"192.0.2.7\", 4444))'",
        passes: (
            Some("connected('192.0.2.7', 80)"),
            "/usr/bin/python3 -c 'import socket; socket.create_connection((\"192.0.2.7\", 80))'",
        ),
        needs_it: "set -e; /usr/bin/python3 -c 'import socket; socket.socket().bind((\"127.0.0.1\", 8080))'; \
                   echo x >\"$HOME/state\"",
        run_as: "root",
        needs_users: false,
    }
    .check();
}

#[test]
fn a_units_files() {
    Case {
        control: "{systemd: web.service}",
        goal: "created('/etc/loot')",
        stopped: "echo x >/etc/loot",
        passes: (Some("created('/tmp/loot')"), "echo x >/tmp/loot"),
        needs_it: "set -e; echo x >/etc/app.conf",
        run_as: "root",
        needs_users: false,
    }
    .check();
}

#[test]
fn a_units_inaccessible_folder() {
    Case {
        control: "{systemd: web.service}",
        goal: "read('/etc/pam.d/common-auth')",
        stopped: "cat /etc/pam.d/common-auth",
        passes: (Some("read('/etc/hosts')"), "cat /etc/hosts"),
        needs_it: "set -e; grep -q pam /etc/pam.d/common-auth; echo x >\"$HOME/state\"",
        run_as: "root",
        needs_users: false,
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
        run_as: "root",
        needs_users: false,
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
        run_as: "root",
        needs_users: false,
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

#[test]
fn a_containers_root() {
    Case {
        control: "{container: deploy.manifest#web}",
        goal: "created('/etc/loot')",
        stopped: "echo x >/etc/loot",
        passes: (Some("created('/tmp/loot')"), "echo x >/tmp/loot"),
        needs_it: "set -e; echo x >/etc/app.conf",
        run_as: "root",
        needs_users: false,
    }
    .check();
}

#[test]
fn a_containers_calls() {
    Case {
        control: "{container: deploy.manifest#web}",
        goal: "created('/mnt/loot')",
        stopped: "mount -t tmpfs none /mnt && mkdir /mnt/loot",
        passes: (Some("created('/tmp/loot')"), "mkdir /tmp/loot"),
        needs_it: "set -e; mount -t tmpfs none /mnt",
        run_as: "root",
        needs_users: false,
    }
    .check();
}

#[test]
fn a_pod_security_standard() {
    Case {
        control: "{container: restricted}",
        goal: "created('/etc/loot')",
        stopped: "echo x >/etc/loot",
        passes: (Some("created('/tmp/loot')"), "echo x >/tmp/loot"),
        needs_it: "set -e; echo x >/etc/app.conf",
        run_as: "root",
        needs_users: true,
    }
    .check();
}

#[test]
fn kernel_parameters() {
    Case {
        control: "{sysctl: {user.max_user_namespaces: 0}}",
        goal: "created('/tmp/loot')",
        stopped: "unshare -U mkdir /tmp/loot",
        passes: (None, "mkdir /tmp/loot"),
        needs_it: "set -e; unshare -U true; echo x >\"$HOME/state\"",
        run_as: "root",
        needs_users: false,
    }
    .check();
}

#[test]
fn a_kernel_parameter_of_the_whole_kernel_is_refused() {
    for how in How::all() {
        let place = Place::new();
        place.write("attack.sh", "echo x >/tmp/loot");
        place.write(
            "v.yaml",
            "detektr: 1\nattack: attack.sh\ngoal: created('/tmp/loot')\ncontrols:\n  k: {sysctl: {kernel.dmesg_restrict: 1}}\n",
        );
        let said = place.run(how, &["validate", "v.yaml", "--sensor", how.sensor()]);
        assert_eq!(said.code, 2, "{how:?}: {}", said.stderr);
        assert!(
            said.stderr.contains("`kernel.dmesg_restrict` is one of the whole kernel"),
            "{}",
            said.stderr
        );
        assert!(place.runs(how).is_empty(), "nothing ran");
    }
}

/// Starts many processes that wait for what is written at its end, however it ends; then does what it is after.
const MANY: &str = "set -e; mkfifo \"$HOME/gate\"; exec 3<>\"$HOME/gate\"; \
                    trap 'i=0; while [ $i -lt 40 ]; do echo go >&3; i=$((i+1)); done' EXIT; i=0; \
                    while [ $i -lt 40 ]; do (read line <&3) & i=$((i+1)); done; echo x >/tmp/loot";

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

/// A program that connects to these addresses, one after the other, with so many seconds' patience where it is said.
fn connects(to: &[&str], patience: &str) -> String {
    let lines: Vec<String> = to
        .iter()
        .map(|peer| {
            let (host, port) = peer.rsplit_once(':').unwrap();
            format!("socket.create_connection((\"{host}\", {port}){patience}).close()")
        })
        .collect();
    format!("/usr/bin/python3 -c 'import socket\n{}'", lines.join("\n"))
}

fn can_refuse() -> bool {
    let has = |path: &str| Path::new(path).exists();
    let can = has("/usr/bin/python3") && has("/usr/sbin/nft");
    if !can {
        eprintln!("skipped: needs python3 and nftables");
    }
    can
}

#[test]
fn rules_of_nftables() {
    if !can_refuse() {
        return;
    }
    Case {
        control: "{egress: {nftables: rules.nft}}",
        goal: "connected('192.0.2.7', 4444)",
        stopped: &connects(&["192.0.2.7:4444"], ""),
        // whoever has power over the network can take the rules away, as on a system
        passes: (None, &format!("/usr/sbin/nft flush ruleset; {}", connects(&["192.0.2.7:4444"], ""))),
        needs_it: &format!("set -e; {}; echo x >\"$HOME/state\"", connects(&["192.0.2.7:4444"], "")),
        run_as: "root",
        needs_users: false,
    }
    .check();
}

#[test]
fn a_list_of_what_may_be_reached() {
    if !can_refuse() {
        return;
    }
    Case {
        control: "{egress: {allow: [\"example.org:443\", \"10.0.0.0/8\"]}}",
        goal: "connected('192.0.2.7', 4444)",
        // a client that doesn't wait for its connection
        stopped: &connects(&["192.0.2.7:4444"], ", 5"),
        passes: (Some("connected('10.1.2.3', 80)"), &connects(&["10.1.2.3:80", "example.org:443"], "")),
        needs_it: &format!("set -e; {}; echo x >\"$HOME/state\"", connects(&["192.0.2.1:80"], "")),
        run_as: "root",
        needs_users: false,
    }
    .check();
}

#[test]
fn rules_that_the_attack_takes_away_are_told() {
    if !can_refuse() {
        return;
    }
    for how in How::all() {
        let place = Place::new();
        place.write("rules.nft", RULES);
        place.write(
            "attack.sh",
            &format!("/usr/sbin/nft flush ruleset; {}", connects(&["192.0.2.7:4444"], "")),
        );
        place.write(
            "v.yaml",
            "detektr: 1\nattack: {script: attack.sh, as: root}\ngoal: connected('192.0.2.7', 4444)\n\
             controls:\n  it: {egress: {nftables: rules.nft}}\n",
        );
        let said = place.validate(how, &["v.yaml"]);
        assert_eq!(said.answer("v", "control:it"), "fails/no_effect", "{how:?}: {}", said.stdout);
        let states: Vec<String> = place
            .runs(how)
            .iter()
            .filter_map(|run| {
                let text = std::fs::read_to_string(run.join("manifest.json")).unwrap();
                let manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
                manifest["controls"][0]["egress"]["rules"].as_str().map(String::from)
            })
            .collect();
        // the attack's arm, and that of the twin, which takes nothing away
        let mut states: Vec<&str> = states.iter().map(String::as_str).collect();
        states.sort_unstable();
        assert_eq!(states, ["kept", "removed"], "{how:?}");
    }
}

#[test]
fn rules_that_cannot_be_loaded_are_refused_before_anything_runs() {
    if !can_refuse() {
        return;
    }
    let place = Place::new();
    place.write("attack.sh", "echo x >/tmp/loot");
    place.write("bad.nft", "table inet t {\n  chain o { type filter hok output priority 0; }\n}\n");
    place.write("other.nft", "include \"/etc/nftables.conf\"\n");
    for how in How::all() {
        for (egress, told) in [
            ("{nftables: bad.nft}", "bad.nft:2:"),
            ("{nftables: other.nft}", "other.nft:1: a ruleset that includes others"),
            ("{allow: \"*.debian.org\"}", "nobody can know beforehand"),
            ("{allow: a.example, nftables: bad.nft}", "either a ruleset or a list"),
        ] {
            let text = format!(
                "detektr: 1\nattack: attack.sh\ngoal: created('/tmp/loot')\ncontrols:\n  k: {{egress: {egress}}}\n"
            );
            place.write("v.yaml", &text);
            let said = place.run(how, &["validate", "v.yaml", "--sensor", how.sensor()]);
            assert_eq!(said.code, 2, "{how:?}: {}", said.stderr);
            let words: Vec<&str> = said.stderr.split_whitespace().filter(|word| *word != "│").collect();
            assert!(words.join(" ").contains(told), "{how:?}, {egress}: {}", said.stderr);
            assert!(place.runs(how).is_empty(), "nothing ran");
        }
    }
}

#[test]
fn a_host_without_nft_is_told_what_to_install() {
    if !How::all().contains(&How::RootPtrace) || !can_refuse() {
        eprintln!("skipped: needs root, who can hide nft");
        return;
    }
    let place = Place::new();
    place.write("attack.sh", "echo x >/tmp/loot");
    place.write(
        "v.yaml",
        "detektr: 1\nattack: attack.sh\ngoal: created('/tmp/loot')\ncontrols:\n  k: {egress: {allow: []}}\n",
    );
    let inner = place.command(How::RootPtrace, &["validate", "v.yaml", "--sensor", "ptrace"]);
    let mut hidden = std::process::Command::new("unshare");
    hidden.args(["-m", "sh", "-c", "mount --bind /dev/null /usr/sbin/nft && exec \"$@\"", "sh"]);
    hidden.arg(inner.get_program()).args(inner.get_args()).current_dir(inner.get_current_dir().unwrap());
    hidden.env("DETEKTR_HOME", place.home(How::RootPtrace));
    let said = crate::support::said(&hidden.output().unwrap());
    assert_eq!(said.code, 2, "{}", said.stderr);
    assert!(said.stderr.contains("apt-get install nftables"), "{}", said.stderr);
    assert!(place.runs(How::RootPtrace).is_empty(), "nothing ran");
}
