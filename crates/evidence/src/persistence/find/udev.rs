//! udev: programs that rules run when a device comes. At a boot every device comes.

use super::{Site, pam, words};
use crate::persistence::{Found, Mechanism, Reason, Start, What};
use detektr_event::Phase;

pub(super) fn find(site: &Site<'_>) -> Vec<Found> {
    let (folder, name) = site.split();
    if !folder.ends_with("/udev/rules.d") {
        return Vec::new();
    }
    let joined = site.lines().join("\n").replace("\\\n", " ");
    let mut found = Vec::new();
    for line in joined.lines() {
        for command in commands(line) {
            let mut entry = site.entry(Mechanism::Udev);
            entry.lines = vec![line.into()];
            entry.runs = Some(command.as_str().into());
            entry.user = Some("root".into());
            if !name.ends_with(".rules") {
                found.push(Found::idle(entry, Reason::Ignored));
                continue;
            }
            if line.replace(' ', "").contains("ACTION==\"remove\"") {
                found.push(Found::idle(entry, Reason::NotEmulated));
                continue;
            }
            let argv = words(&command);
            let Some(program) = argv.first() else {
                found.push(Found::idle(entry, Reason::Invalid));
                continue;
            };
            let file =
                if program.starts_with('/') { program.clone() } else { format!("/usr/lib/udev/{program}") };
            let env = vec![("ACTION".to_owned(), "add".to_owned())];
            let rule = pam::shell_rule(&argv, "/");
            let what = What::Program { file, argv, env, cwd: Some("/".into()) };
            let start = Start { phase: Phase::Reboot, user: "root".into(), by: "udev".into(), what, rule };
            found.push(Found { entry, starts: vec![start] });
        }
    }
    found
}

/// The programs that a rule runs: `RUN`, `PROGRAM` and `IMPORT{program}`.
fn commands(line: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut rest = line;
    while let Some(open) = rest.find('"') {
        let key: String = rest[..open].chars().filter(|c| !c.is_whitespace() && *c != ',').collect();
        let Some(length) = rest[open + 1..].find('"') else { break };
        let value = &rest[open + 1..open + 1 + length];
        rest = &rest[open + 2 + length..];
        let key = key.trim_end_matches(['=', '+', ':', '!', '-']);
        if matches!(key, "RUN" | "RUN{program}" | "PROGRAM" | "IMPORT{program}") && !value.is_empty() {
            commands.push(value.to_owned());
        }
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_runs_what_its_run_and_program_keys_say() {
        let line =
            r#"ACTION=="add", SUBSYSTEM=="net", PROGRAM="/a b", RUN+="/bin/sh -c 'x'", RUN{builtin}+="kmod""#;
        assert_eq!(commands(line), ["/a b", "/bin/sh -c 'x'"]);
        assert!(commands(r#"ENV{RUN}="no", NAME="eth0""#).is_empty());
    }
}
