//! A program that is started under the name of another.

use super::definition::Coded;
use super::{Collector, Confidence, Images, Level, Watch};
use detektr_event::{Detail, Event};

pub(super) const CODED: &[Coded] = &[Coded {
    id: "process-name-forged",
    title: "Program started under the name of a system process",
    sentence: "{exec.file.path} is started under the name {exec.argv}, which belongs to another program.",
    level: Level::High,
    confidence: Confidence::High,
    tags: &["attack.stealth", "attack.t1036.011"],
}];

/// Names that hide well, because every system runs processes of that name.
const TRUSTED: &[&str] = &[
    "agetty",
    "apache2",
    "auditd",
    "cron",
    "crond",
    "dbus-daemon",
    "init",
    "kthreadd",
    "login",
    "nginx",
    "rsyslogd",
    "sshd",
    "systemd",
    "systemd-journald",
    "systemd-logind",
    "systemd-udevd",
    "udevd",
];

#[derive(Default)]
pub(super) struct ArgvForged;

impl Watch for ArgvForged {
    fn event(&mut self, event: &Event, _: &Images, found: &mut Collector<'_>) {
        let Detail::ProcessExec { exec } = &event.detail else { return };
        let Some(word) = exec.argv.first().and_then(|word| word.text()).map(|word| word.lossy()) else {
            return;
        };
        // a script's first word is its interpreter's, and the kernel puts it there
        if exec.interpreter.is_some() {
            return;
        }
        let path = exec.file.lossy();
        let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        // daemons add to their names what they do: `sshd: root [priv]`
        let claimed = name(word.split([' ', ':']).next().unwrap_or_default());
        let given = exec.file.given.as_ref().map(|given| name(&given.lossy()));
        let own = claimed == name(&path) || given.as_deref() == Some(claimed.as_str());
        let kernel = word.starts_with('[') && word.ends_with(']') && word.len() > 2;
        if kernel || (!own && TRUSTED.contains(&claimed.as_str())) {
            let told = [("exec.file.path", path.into_owned()), ("exec.argv", word.clone().into_owned())];
            found.saw("process-name-forged", event, &[], &told);
        }
    }
}
