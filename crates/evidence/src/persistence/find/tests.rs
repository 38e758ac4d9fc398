//! The finders over small file systems made of text: what needs no running system is shown here.

use super::*;
use crate::changes::{ChangeKind, FileState};
use crate::persistence::{Node, Rule, Start, What};
use detektr_event::Phase;
use std::collections::BTreeMap;

/// A file: its mode, its owner, and its content or (mode 0) the target of a link.
type File = (u32, u32, String);

#[derive(Clone, Default)]
struct Files(BTreeMap<String, File>);

impl Files {
    fn new(files: &[(&str, u32, &str)]) -> Self {
        let mut made = Files::default();
        made.put("/etc/passwd", 0o644, "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/bash\n");
        for (path, mode, content) in files {
            made.put(path, *mode, content);
        }
        made
    }

    fn put(&mut self, path: &str, mode: u32, content: &str) {
        let owner = if path.starts_with("/home/ann") { 1000 } else { 0 };
        self.0.insert(path.into(), (mode, owner, content.into()));
    }

    fn is_folder(&self, path: &str) -> bool {
        self.0.keys().any(|file| file.starts_with(&format!("{path}/")))
    }
}

impl Tree for Files {
    fn node(&self, path: &str) -> Option<Node> {
        let path = self.resolve(path)?;
        let (file_type, (mode, uid)) = match self.0.get(&path) {
            Some((mode, uid, _)) => (FileType::File, (*mode, *uid)),
            None => (FileType::Directory, (0o755, if path.starts_with("/home/ann") { 1000 } else { 0 })),
        };
        Some(Node { file_type, mode, uid, gid: uid })
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.0.get(&self.resolve(path)?).map(|(_, _, content)| content.clone().into_bytes())
    }

    fn list(&self, path: &str) -> Vec<String> {
        let inside =
            |file: &String| Some(file.strip_prefix(&format!("{path}/"))?.split('/').next()?.to_owned());
        self.0.keys().filter_map(inside).collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn link(&self, path: &str) -> Option<String> {
        self.0.get(path).filter(|(mode, _, _)| *mode == 0).map(|(_, _, target)| target.clone())
    }

    fn resolve(&self, path: &str) -> Option<String> {
        match self.link(path) {
            Some(target) if target.starts_with('/') => self.resolve(&target),
            Some(target) => {
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                match target.strip_prefix("../") {
                    Some(rest) => self.resolve(&format!("{}/{rest}", folder.rsplit_once('/')?.0)),
                    None => self.resolve(&format!("{folder}/{target}")),
                }
            }
            None => (self.0.contains_key(path) || self.is_folder(path)).then(|| path.to_owned()),
        }
    }
}

fn state((mode, uid, content): &File) -> FileState {
    let link = *mode == 0;
    FileState {
        file_type: if link { FileType::Symlink } else { FileType::File },
        mode: *mode,
        uid: *uid,
        gid: *uid,
        size: None,
        mtime_ns: None,
        sha256: Some(crate::hash::sha256_hex(content.as_bytes())),
        stored: false,
        target: None,
        device: None,
        xattrs: BTreeMap::new(),
        hard_link: None,
    }
}

/// What is found where `after` is put over `before`.
fn found(before: &[(&str, u32, &str)], after: &[(&str, u32, &str)]) -> Vec<Found> {
    let before = Files::new(before);
    let mut now = before.clone();
    after.iter().for_each(|(path, mode, content)| now.put(path, *mode, content));
    let changed = now.0.iter().filter(|(path, file)| before.0.get(*path) != Some(file));
    let changes: Vec<Change> = changed
        .map(|(path, file)| Change {
            path: path.as_str().into(),
            change: if before.0.contains_key(path) { ChangeKind::Modified } else { ChangeKind::Created },
            before: before.0.get(path).map(state),
            after: Some(state(file)),
            unreadable: None,
        })
        .collect();
    let users = Users::read(&now);
    let journal = Journal::default();
    find(&Look {
        changes: &changes,
        before: &before,
        after: &now,
        journal: &journal,
        users: &users,
        person: "ann",
    })
}

/// The one thing that is found.
fn one(before: &[(&str, u32, &str)], after: &[(&str, u32, &str)]) -> Found {
    let all = found(before, after);
    assert_eq!(all.len(), 1, "{all:#?}");
    all.into_iter().next().expect("there is one")
}

fn programs(found: &Found) -> Vec<Vec<String>> {
    let argv = |start: &Start| match &start.what {
        What::Program { argv, .. } => argv.clone(),
        other => panic!("{other:?}"),
    };
    found.starts.iter().map(argv).collect()
}

const SERVICE: &str = "/etc/systemd/system/a.service";
const WANTED: &str = "/etc/systemd/system/multi-user.target.wants/a.service";

#[test]
fn a_drop_in_of_an_enabled_unit_runs_only_what_it_adds() {
    let before = [
        ("/usr/lib/systemd/system/a.service", 0o644, "[Service]\nExecStart=/bin/old\n"),
        ("/etc/systemd/system/multi-user.target.wants/a.service", 0, "/usr/lib/systemd/system/a.service"),
    ];
    let add =
        [("/etc/systemd/system/a.service.d/x.conf", 0o644, "[Service]\nExecStartPre=/opt/x --a 'b c'\n")];
    let all = one(&before, &add);
    assert_eq!(programs(&all), [["/opt/x", "--a", "b c"]]);
    assert_eq!(all.starts[0].phase, Phase::Reboot);
    let replace =
        [("/etc/systemd/system/a.service.d/x.conf", 0o644, "[Service]\nExecStart=\nExecStart=/opt/y\n")];
    assert_eq!(programs(&one(&before, &replace)), [["/opt/y"]]);
    let quiet = [("/etc/systemd/system/a.service.d/x.conf", 0o644, "[Service]\n#ExecStart=/opt/y\nNice=5\n")];
    assert!(found(&before, &quiet).is_empty());
}

#[test]
fn a_link_that_enables_a_unit_that_was_there_makes_its_commands_new() {
    let before = [(SERVICE, 0o644, "[Service]\nExecStart=/bin/old\n")];
    let all = one(&before, &[(WANTED, 0, "../a.service")]);
    assert_eq!(
        (programs(&all), all.entry.path.lossy().as_ref()),
        (vec![vec!["/bin/old".to_owned()]], WANTED)
    );
}

#[test]
fn a_unit_is_reached_through_targets_aliases_and_other_units_and_not_when_it_is_masked() {
    let unit = (SERVICE, 0o644, "[Service]\nExecStart=/opt/x\n");
    let enabled = |found: &Found| found.starts.len() == 1;
    let other =
        ("/etc/systemd/system/b.service", 0o644, "[Unit]\nWants=a.service\n[Service]\nExecStart=/bin/b\n");
    let wants_b = ("/etc/systemd/system/default.target.wants/b.service", 0, "../b.service");
    assert!(enabled(&one(&[other, wants_b], &[unit])));
    let target = ("/etc/systemd/system/multi-user.target.d/x.conf", 0o644, "[Unit]\nWants=a.service\n");
    assert!(enabled(&one(&[], &[unit, target])));
    let alias = ("/etc/systemd/system/multi-user.target.wants/alias.service", 0, "../alias.service");
    let link = ("/etc/systemd/system/alias.service", 0, "/etc/systemd/system/a.service");
    let all = found(&[alias], &[unit, link]);
    assert!(all.iter().any(|found| enabled(found) && found.entry.path.lossy() == SERVICE), "{all:#?}");
    assert_eq!(one(&[], &[unit]).entry.reason, Some(Reason::Disabled));
    let socket = ("/etc/systemd/system/a.socket", 0o644, "[Socket]\nListenStream=1\n");
    let wants = ("/etc/systemd/system/sockets.target.wants/a.socket", 0, "../a.socket");
    assert_eq!(one(&[], &[unit, socket, wants]).entry.reason, Some(Reason::NotEmulated));
    let masked = [(SERVICE, 0, "/dev/null"), (WANTED, 0, "../a.service")];
    assert!(
        found(&[("/usr/lib/systemd/system/a.service", 0o644, "[Service]\nExecStart=/opt/x\n")], &masked)
            .is_empty()
    );
}

#[test]
fn an_instance_takes_its_template_and_specifiers_and_users_are_put_in() {
    let template = (
        "/etc/systemd/system/a@.service",
        0o644,
        "[Service]\nUser=ann\nWorkingDirectory=~\nEnvironment=X=1 \"Y=2 3\"\nExecStart=-/opt/%i %h %u %n ${Y} $Y %%\n",
    );
    let wants = ("/etc/systemd/system/multi-user.target.wants/a@one.service", 0, "../a@.service");
    let all = found(&[], &[template, wants]);
    let instance = all.iter().find(|found| !found.starts.is_empty()).expect("the instance is enabled");
    assert_eq!(programs(instance), [["/opt/one", "/home/ann", "ann", "a@one.service", "2 3", "2", "3", "%"]]);
    assert_eq!(instance.starts[0].user, "ann");
    assert!(matches!(&instance.starts[0].what, What::Program { cwd: Some(cwd), .. } if cwd == "/home/ann"));
}

#[test]
fn full_rights_are_kept_where_a_prefix_says_so_and_a_shell_is_judged_by_its_line() {
    let unit = (SERVICE, 0o644, "[Service]\nUser=ann\nExecStart=+/bin/sh -c '/opt/x; true'\n");
    let all = one(&[], &[unit, (WANTED, 0, "../a.service")]);
    assert_eq!(all.starts[0].user, "root");
    assert_eq!(all.starts[0].rule, Rule::Line(vec!["/opt/x".into()]));
}

#[test]
fn a_units_own_account_of_its_user_and_of_a_timer_that_starts_another_unit_count() {
    let timer = ("/etc/systemd/system/t.timer", 0o644, "[Timer]\nOnCalendar=daily\nUnit=a.service\n");
    let unit = (SERVICE, 0o644, "[Service]\nExecStart=/opt/x\n");
    let wants = ("/etc/systemd/system/timers.target.wants/t.timer", 0, "../t.timer");
    let all = one(&[], &[timer, unit, wants]);
    assert_eq!((all.entry.mechanism, all.starts[0].phase), (Mechanism::SystemdTimer, Phase::Schedule));
    let without = ("/etc/systemd/system/t.timer", 0o644, "[Timer]\nUnit=a.service\n");
    assert_eq!(one(&[], &[without, unit, wants]).entry.reason, Some(Reason::Invalid));
}

#[test]
fn a_user_table_is_taken_by_debians_cron_only_with_its_own_mode() {
    let line = "* * * * * /opt/x\n";
    let table = ("/var/spool/cron/crontabs/ann", 0o644, line);
    assert_eq!(one(&[], &[table]).starts.len(), 1);
    let debian = ("/etc/debian_version", 0o644, "13\n");
    assert_eq!(one(&[debian], &[table]).entry.reason, Some(Reason::Ignored));
    assert!(found(&[], &[("/var/spool/cron/crontabs/nobody-here", 0o600, line)]).is_empty());
}

#[test]
fn a_new_shell_of_a_table_makes_all_its_lines_new() {
    let before = ("/etc/crontab", 0o644, "1 * * * * root /bin/a\n");
    assert!(found(&[before], &[("/etc/crontab", 0o644, "MAILTO=x\n1 * * * * root /bin/a\n")]).is_empty());
    let all = one(&[before], &[("/etc/crontab", 0o644, "SHELL=/opt/x\n1 * * * * root /bin/a\n")]);
    assert!(matches!(&all.starts[0].what, What::Line { shell, .. } if shell == "/opt/x"));
}

#[test]
fn pam_lines_with_brackets_and_options_are_read() {
    let line = "auth [success=1 default=ignore] /lib/security/pam_exec.so expose_authtok log=/x /opt/x --a\n";
    let all = one(&[], &[("/etc/pam.d/su", 0o644, line)]);
    assert_eq!(programs(&all), [["/opt/x", "--a"]]);
    let reason = |line: &str| one(&[], &[("/etc/pam.d/su", 0o644, line)]).entry.reason;
    assert_eq!(reason("auth sufficient pam_permit.so\n"), Some(Reason::GrantsAccess));
    assert_eq!(reason("auth sufficient /opt/own.so\n"), Some(Reason::NotEmulated));
    assert_eq!(reason("other sufficient pam_permit.so\n"), Some(Reason::Invalid));
}

#[test]
fn a_key_without_a_command_lets_somebody_in_and_starts_nothing() {
    let path = "/home/ann/.ssh/authorized_keys";
    let reason = |text: &str| one(&[], &[(path, 0o600, text)]).entry.reason;
    assert_eq!(reason("ssh-ed25519 AAAAC3 me\n"), Some(Reason::GrantsAccess));
    assert_eq!(reason("ssh-ed25519 not-a-key\n"), Some(Reason::Invalid));
    assert!(found(&[], &[(path, 0o600, "# ssh-ed25519 AAAAC3 me\n")]).is_empty());
}

#[test]
fn a_changed_password_and_a_member_of_a_powerful_group_are_told() {
    let before =
        [("/etc/shadow", 0o640, "ann:$6$a:1::::::\nroot:!:1::::::\n"), ("/etc/group", 0o644, "sudo:x:27:\n")];
    let shadow = ("/etc/shadow", 0o640, "ann:$6$b:1::::::\nroot:!:2::::::\n");
    assert_eq!(one(&before, &[shadow]).entry.lines[0].lossy(), "ann: another password");
    let group = one(&before, &[("/etc/group", 0o644, "sudo:x:27:ann\n")]);
    assert_eq!(group.entry.technique, "T1098.007");
    assert!(found(&before, &[("/etc/group", 0o644, "sudo:x:27:\nplain:x:9:ann\n")]).is_empty());
}

#[test]
fn only_the_lines_that_are_new_are_told_of_a_file_that_was_there() {
    let before = [("/home/ann/.bashrc", 0o644, "alias l=ls\nexport A=1\n")];
    let all = one(&before, &[("/home/ann/.bashrc", 0o644, "alias l=ls\n/opt/x &\nexport A=1\n")]);
    assert_eq!(
        all.entry.lines.iter().map(|line| line.lossy().into_owned()).collect::<Vec<_>>(),
        ["/opt/x &"]
    );
    assert!(found(&before, &[("/home/ann/.bashrc", 0o644, "export A=1\n\n# x\nalias l=ls\n")]).is_empty());
}
