//! For each control: an attack that it stops, one that it does not, one that comes to nothing by itself, and a twin
//! that it breaks. Four different answers, with both sensors, as root and as an ordinary user.

use crate::support::{How, Place};

mod calls;
mod containers;
mod egress;
mod landlock;
mod paths;
mod rights;
mod told;
mod units;

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

/// What most cases have in common: the attack is root's, and an environment with one user id can show it.
const AS_ROOT: Case<'static> = Case {
    control: "",
    goal: "",
    stopped: "",
    passes: (None, ""),
    needs_it: "",
    run_as: "root",
    needs_users: false,
};

const TWIN: &str = "set -e; echo state >\"$HOME/state\"; test \"$(cat \"$HOME/state\")\" = state";

impl Case<'_> {
    fn check(&self) {
        self.check_where(|how| how.has_users() || !self.needs_users);
    }

    /// Where the environment is one that can show it.
    fn check_where(&self, can: impl Fn(How) -> bool) {
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
            if !can(how) {
                eprintln!("skipped: {} needs another environment ({how:?})", self.control);
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
