//! Persistence, each mechanism installed for real and started again for real, with both sensors; and beside each one
//! that looks right and does nothing. Real environments; what needs root is skipped without it.
//!
//! The test program is its own `init` (the sandbox executes `/proc/self/exe`), hence its own `main`.

use detektr_detonate::{ArtifactSpec, DetonateRequest, Detonator, Phase, RunAs, SensorChoice, State};
use detektr_event::{Actor, Detail, Event};
use detektr_evidence::persistence::{Entry, Mechanism, Persistence, Reason, Status};
use detektr_evidence::{Bundle, Manifest, verify};
use libtest_mimic::{Arguments, Failed, Trial};
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

/// A test and its name, which says what it shows.
type Named = (&'static str, fn() -> Result<(), Failed>);

fn main() {
    let words: Vec<OsString> = std::env::args_os().collect();
    if detektr_sandbox::is_init(&words) {
        detektr_sandbox::init_main();
    }
    let tests: [Named; 12] = [
        ("what_root_installs_is_proven_by_the_phase_that_starts_it", root_proven),
        ("what_an_ordinary_user_installs_is_proven_as_that_user", user_proven),
        ("what_looks_right_and_does_nothing_is_not_proven_and_the_reason_is_told", near_misses),
        ("what_is_taken_away_before_the_end_is_told_as_removed", removed),
        ("a_hook_of_a_repository_is_proven_by_a_commit", git_hooks),
        ("an_implant_that_goes_on_running_is_ended_and_the_evidence_is_whole", goes_on),
        ("an_artifact_that_runs_into_its_timeout_is_started_again_all_the_same", after_timeout),
        ("a_run_that_installs_nothing_has_no_trigger_phase", nothing),
        ("phases_that_were_not_asked_for_do_not_run", not_asked),
        ("an_implant_can_neither_read_nor_silently_end_the_starter", starter),
        ("an_implant_is_alone_with_loopback_in_its_phase_and_proven_all_the_same", alone),
        ("what_root_of_another_user_would_start_is_not_started_where_there_is_one_user", one_user),
    ];
    let trials = tests.map(|(name, test)| Trial::test(name, test)).into();
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(1);
    libtest_mimic::run(&arguments, trials).exit();
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn root_only() -> bool {
    if !is_root() {
        eprintln!("skipped: needs root, for an environment with more than one user");
    }
    is_root()
}

fn sensors() -> &'static [SensorChoice] {
    if is_root() {
        return &[SensorChoice::Ebpf, SensorChoice::Ptrace];
    }
    eprintln!("skipped: the ebpf sensor needs root");
    &[SensorChoice::Ptrace]
}

fn request(home: &Path, script: &str, user: RunAs, sensor: SensorChoice) -> DetonateRequest {
    DetonateRequest {
        user,
        baits: false,
        sensor,
        seed: Some(1),
        ..DetonateRequest::new(
            ArtifactSpec::Command,
            ["sh", "-c", script].map(OsString::from).into(),
            home.to_owned(),
        )
    }
}

/// What a run left.
struct Seen {
    manifest: Manifest,
    persistence: Option<Persistence>,
    events: Vec<Event>,
}

impl Seen {
    fn entries(&self) -> &[Entry] {
        self.persistence.as_ref().map_or(&[], |persistence| &persistence.entries)
    }

    /// The one entry at a path that ends so and says so.
    fn entry(&self, path: &str, line: &str) -> Result<&Entry, Failed> {
        let fits = |entry: &&Entry| {
            let text = |text: &detektr_event::Text| text.lossy().into_owned();
            let says = entry.lines.iter().chain(&entry.runs).any(|said| text(said).contains(line));
            text(&entry.path).ends_with(path) && (line.is_empty() || says)
        };
        let mut found = self.entries().iter().filter(fits);
        found.next().ok_or_else(|| format!("no entry at {path} ({line}) among {:#?}", self.entries()).into())
    }
}

fn run(request: &DetonateRequest) -> Result<Seen, Failed> {
    let outcome = Detonator::new().detonate(request, &mut |_| {})?;
    let bundle = Bundle::open(&outcome.bundle)?;
    let verified = verify(&outcome.bundle, None);
    assert!(verified.problems.is_empty(), "{:?}", verified.problems);
    let events = bundle.events()?.collect::<Result<Vec<Event>, _>>()?;
    Ok(Seen { manifest: bundle.manifest().clone(), persistence: bundle.persistence()?, events })
}

/// Programs `/opt/x/NAME` that leave their name in `/tmp/ran`.
fn programs(names: &str) -> String {
    format!(
        "set -e; D=${{D:-/opt/x}}; mkdir -p $D; \
         for n in {names}; do printf '#!/bin/sh\\necho '$n' >> /tmp/ran-'$n'\\n' > $D/$n; chmod 755 $D/$n; done\n"
    )
}

const ROOT: &str = r#"
echo '* * * * * root /opt/x/cron-d' > /etc/cron.d/job
printf '30 4 1-7 * mon root cat > /tmp/fed%%one%%two\n' >> /etc/crontab
mkdir -p /var/spool/cron/crontabs; echo '@reboot /opt/x/spool' > /var/spool/cron/crontabs/root; chmod 600 /var/spool/cron/crontabs/root
cp /opt/x/daily /etc/cron.daily/zz-daily
mkdir -p /var/spool/cron/atjobs; printf '#!/bin/sh\n# atrun uid=0 gid=0\nHOME=/root; export HOME\n/opt/x/at\n' > /var/spool/cron/atjobs/a0000101abcdef; chmod 700 /var/spool/cron/atjobs/a0000101abcdef
cd /etc/systemd/system; mkdir -p multi-user.target.wants timers.target.wants wanted.service.d
printf '[Service]\nEnvironment="WHAT=word"\nExecStartPre=-/nonexistent\nExecStart=@/opt/x/service other-name ${WHAT} %%n\n' > wanted.service
ln -s ../wanted.service multi-user.target.wants/wanted.service
printf '[Service]\nExecStartPost=+/bin/sh -c "/opt/x/drop-in"\n' > wanted.service.d/more.conf
printf '[Timer]\nOnCalendar=daily\n' > tick.timer; printf '[Service]\nType=oneshot\nExecStart=/opt/x/timer\n' > tick.service
ln -s ../tick.timer timers.target.wants/tick.timer
mkdir -p /etc/init.d /etc/rc2.d; cp /opt/x/init /etc/init.d/own; ln -s ../init.d/own /etc/rc2.d/S01own
printf '#!/bin/sh\n/opt/x/rc\nexit 0\n' > /etc/rc.local; chmod 755 /etc/rc.local
echo '[ -n "$PS1" ] || true; /opt/x/profile &' > /etc/profile.d/own.sh
echo '/opt/x/bashrc # comment' >> /root/.bashrc
echo 'session optional pam_exec.so quiet /opt/x/pam' >> /etc/pam.d/sshd
mkdir -p -m 700 /root/.ssh; echo 'no-pty,command="/opt/x/key --now" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA me' > /root/.ssh/authorized_keys; chmod 600 /root/.ssh/authorized_keys
echo 'ACTION=="add", SUBSYSTEM=="net", RUN+="/opt/x/udev %k"' > /etc/udev/rules.d/99-own.rules
printf '[Desktop Entry]\nType=Application\nName=x\nExec=/opt/x/desktop %%U\n' > /etc/xdg/autostart/own.desktop
cp /opt/x/motd /etc/update-motd.d/99-own
cp /usr/bin/id /opt/x/suid; chmod 4755 /opt/x/suid
echo 'evil::0:0::/root:/bin/sh' >> /etc/passwd
for l in /lib/x86_64-linux-gnu/libm.so.6 /lib64/libm.so.6 /usr/lib/libm.so.6; do [ -e $l ] && cp -L $l /opt/x/own.so; done
echo /opt/x/own.so > /etc/ld.so.preload
echo 'evil ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/own; chmod 440 /etc/sudoers.d/own
echo own_module > /etc/modules-load.d/own.conf
"#;

fn root_proven() -> Result<(), Failed> {
    if !root_only() {
        return Ok(());
    }
    let home = tempfile::tempdir()?;
    let names =
        "cron-d spool daily at service drop-in timer init rc profile bashrc pam key udev desktop motd";
    let script = programs(names) + "mkdir -p /etc/pam.d /etc/modules-load.d; touch /etc/crontab" + ROOT;
    for sensor in sensors() {
        let seen = run(&request(home.path(), &script, RunAs::Root, *sensor))?;
        assert_eq!(seen.manifest.state, State::Completed);
        assert!(seen.manifest.complete, "{sensor:?}: {:?}", seen.manifest.incomplete);
        let expected = [
            (Mechanism::Cron, "cron.d/job", "/opt/x/cron-d", Phase::Schedule),
            (Mechanism::Cron, "/etc/crontab", "/tmp/fed", Phase::Schedule),
            (Mechanism::Cron, "crontabs/root", "/opt/x/spool", Phase::Reboot),
            (Mechanism::Cron, "cron.daily/zz-daily", "", Phase::Schedule),
            (Mechanism::At, "atjobs/a0000101abcdef", "/opt/x/at", Phase::Schedule),
            (Mechanism::SystemdService, "system/wanted.service", "/opt/x/drop-in", Phase::Reboot),
            (Mechanism::SystemdTimer, "system/tick.timer", "/opt/x/timer", Phase::Schedule),
            (Mechanism::InitScript, "init.d/own", "", Phase::Reboot),
            (Mechanism::RcLocal, "rc.local", "/opt/x/rc", Phase::Reboot),
            (Mechanism::ShellProfile, "profile.d/own.sh", "/opt/x/profile", Phase::Login),
            (Mechanism::ShellProfile, "/root/.bashrc", "/opt/x/bashrc", Phase::Login),
            (Mechanism::Pam, "pam.d/sshd", "/opt/x/pam", Phase::Login),
            (Mechanism::SshKey, ".ssh/authorized_keys", "/opt/x/key", Phase::Login),
            (Mechanism::Udev, "99-own.rules", "/opt/x/udev", Phase::Reboot),
            (Mechanism::Autostart, "own.desktop", "/opt/x/desktop", Phase::Login),
            (Mechanism::Motd, "99-own", "", Phase::Login),
            (Mechanism::Setuid, "/opt/x/suid", "", Phase::Login),
            (Mechanism::Account, "/etc/passwd", "evil", Phase::Login),
            (Mechanism::Preload, "ld.so.preload", "/opt/x/own.so", Phase::Login),
        ];
        for (mechanism, path, line, phase) in expected {
            let entry = seen.entry(path, line)?;
            let what = format!("{sensor:?}, {path}: {entry:#?}");
            assert_eq!(
                (entry.mechanism, entry.status, entry.phase),
                (mechanism, Status::Proven, Some(phase)),
                "{what}"
            );
            assert!(
                !entry.made_by.is_empty() && !entry.proven_by.is_empty() && entry.reason.is_none(),
                "{what}"
            );
            let proof = |seq: &u64| seen.events.iter().find(|event| event.seq == *seq);
            assert!(
                entry.proven_by.iter().all(|seq| proof(seq).is_some_and(|event| event.phase == phase)),
                "{what}"
            );
            let made = |seq: &u64| proof(seq).is_some_and(|event| event.phase == Phase::Execute);
            assert!(entry.made_by.iter().all(made), "{what}");
        }
        for (path, reason) in
            [("sudoers.d/own", Reason::GrantsAccess), ("modules-load.d/own.conf", Reason::NotEmulated)]
        {
            let entry = seen.entry(path, "")?;
            assert_eq!((entry.status, entry.reason), (Status::Installed, Some(reason)), "{entry:#?}");
        }
        // every started program left its trace, and acts for the artifact; the login shells act for the environment
        for name in names.split(' ') {
            let path = format!("/tmp/ran-{name}");
            let by_artifact = |event: &&Event| {
                matches!(&event.detail, Detail::FileCreate { file } if file.path.lossy() == path)
                    && event.process.as_ref().is_some_and(|process| process.actor == Actor::Artifact)
            };
            let found = seen.events.iter().find(by_artifact);
            assert!(
                found.is_some_and(|event| event.phase > Phase::Execute),
                "{sensor:?}: nothing made {path}"
            );
        }
        let fed = |event: &&Event| matches!(&event.detail, Detail::FileWrite { file } if file.path.lossy() == "/tmp/fed" && file.bytes == 8);
        assert!(seen.events.iter().any(|event| fed(&event)), "{sensor:?}: cron's input did not arrive");
        let argv = |event: &Event| match &event.detail {
            Detail::ProcessExec { exec } => {
                exec.argv.iter().map(|word| word.lossy().into_owned()).collect::<Vec<_>>()
            }
            _ => Vec::new(),
        };
        let service = ["/bin/sh", "/opt/x/service", "word", "wanted.service"];
        let other = ["other-name", "word", "wanted.service"];
        assert!(
            seen.events.iter().map(argv).any(|words| words == service || words == other),
            "{sensor:?}: the service's arguments"
        );
        let phases: Vec<Phase> = seen.manifest.phases.iter().map(|span| span.phase).collect();
        assert_eq!(phases, [Phase::Setup, Phase::Execute, Phase::Login, Phase::Schedule, Phase::Reboot]);
    }
    Ok(())
}

fn user_proven() -> Result<(), Failed> {
    let home = tempfile::tempdir()?;
    let script = "export D=$HOME/.x\n".to_owned()
        + &programs("profile bashrc unit timer desktop key")
        + r#"
echo '. "$HOME/.x/more"' >> ~/.profile; echo '~/.x/profile' > ~/.x/more
echo '"$HOME"/.x/bashrc &' >> ~/.bashrc
U=~/.config/systemd/user; mkdir -p $U/default.target.wants $U/timers.target.wants ~/.config/autostart
printf '[Service]\nExecStart=%%h/.x/unit\n' > $U/own.service; ln -s ../own.service $U/default.target.wants/
printf '[Timer]\nOnBootSec=5min\nUnit=timed.service\n' > $U/tick.timer; printf '[Service]\nExecStart=%%h/.x/timer\n' > $U/timed.service
ln -s ../tick.timer $U/timers.target.wants/
printf '[Desktop Entry]\nType=Application\nExec=sh -c "$HOME/.x/desktop"\n' > ~/.config/autostart/own.desktop
chmod 755 ~; mkdir -p -m 700 ~/.ssh; echo "command=\"$HOME/.x/key\" ssh-rsa AAAAB3NzaC1yc2E x" > ~/.ssh/authorized_keys; chmod 600 ~/.ssh/authorized_keys
"#;
    for sensor in sensors() {
        let seen = run(&request(home.path(), &script, RunAs::User, *sensor))?;
        assert!(seen.manifest.complete, "{sensor:?}: {:?}", seen.manifest.incomplete);
        let expected = [
            ("/.profile", Phase::Login),
            ("/.bashrc", Phase::Login),
            ("/own.service", Phase::Login),
            ("/tick.timer", Phase::Schedule),
            ("/own.desktop", Phase::Login),
            ("/authorized_keys", Phase::Login),
        ];
        for (path, phase) in expected {
            let entry = seen.entry(path, "")?;
            assert_eq!(
                (entry.status, entry.phase),
                (Status::Proven, Some(phase)),
                "{sensor:?}, {path}: {entry:#?}"
            );
            let proof = seen.events.iter().find(|event| entry.proven_by.last() == Some(&event.seq));
            let euid = proof.and_then(|event| event.process.as_ref()).map(|process| process.euid);
            assert_eq!(euid, Some(1000), "{sensor:?}, {path}");
            assert!(entry.user.as_deref().is_some_and(|user| user != "root"), "{entry:#?}");
        }
    }
    Ok(())
}

const NEAR: &str = r#"
echo '#* * * * * root /opt/x/no' > /etc/cron.d/inert
echo '* * * * * root /opt/x/no' > /etc/cron.d/with.dot
chmod 644 /etc/cron.d/*
echo '* * * * * root /opt/x/no' > /etc/cron.d/open; chmod 666 /etc/cron.d/open
echo '0 0 31 2 * root /opt/x/no' > /etc/cron.d/never
echo '* * * * * root /opt/x/absent' > /etc/cron.d/absent
echo '* * * * * root /opt/x/plain' > /etc/cron.d/plain; cp /opt/x/no /opt/x/plain; chmod 644 /opt/x/plain
echo '* * * * * root kill -SEGV $$' > /etc/cron.d/crash
echo '* * * * * root true' > /etc/cron.d/idle
echo '61 * * * * root /opt/x/no' > /etc/cron.d/wrong
cp /opt/x/no /etc/cron.daily/plain; chmod 644 /etc/cron.daily/plain
cp /opt/x/no /etc/cron.daily/with.dot
mkdir -p /var/spool/cron/atjobs; printf '#!/bin/sh\n/opt/x/no\n' > /var/spool/cron/atjobs/a0000101abcdef; chmod 600 /var/spool/cron/atjobs/a0000101abcdef
cd /etc/systemd/system; printf '[Service]\nExecStart=/opt/x/no\n' > disabled.service; echo notes > README
mkdir -p multi-user.target.wants; ln -s ../masked.service multi-user.target.wants/masked.service; ln -s /dev/null masked.service
printf '[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n' > off.timer; cp disabled.service off.service
printf '[Service]\nExecStart=/opt/x/absent\n' > gone.service; ln -s ../gone.service multi-user.target.wants/gone.service
mkdir -p /etc/init.d; cp /opt/x/no /etc/init.d/unlinked
printf '#!/bin/sh\n# /opt/x/no\nexit 0\n' > /etc/rc.local; chmod 755 /etc/rc.local
echo '/opt/x/no' > /etc/profile.d/wrong.txt
echo '# /opt/x/no' > /etc/profile.d/comment.sh
echo 'if false; then /opt/x/no; fi' > /etc/profile.d/branch.sh
echo '# session optional pam_exec.so /opt/x/no' >> /etc/pam.d/sshd
mkdir -p -m 700 /root/.ssh; echo 'command="/opt/x/no" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA me' > /root/.ssh/authorized_keys; chmod 666 /root/.ssh/authorized_keys
echo 'RUN+="/opt/x/no"' > /etc/udev/rules.d/99-own.txt
echo '# RUN+="/opt/x/no"' > /etc/udev/rules.d/98-own.rules
printf '[Desktop Entry]\nType=Application\nExec=/opt/x/no\nHidden=true\n' > /etc/xdg/autostart/own.desktop
cp /opt/x/no /etc/update-motd.d/50-plain; chmod 644 /etc/update-motd.d/50-plain
echo text > /opt/x/text.so; echo /opt/x/text.so > /etc/ld.so.preload
printf '#!/bin/sh\n' > /opt/x/suid-script; chmod 4755 /opt/x/suid-script
echo 'locked:x:1500:1500::/:/bin/sh' >> /etc/passwd; echo 'evil:!:1::::::' >> /etc/shadow
echo '# root ALL=(ALL) ALL' > /etc/sudoers.d/comment
"#;

fn near_misses() -> Result<(), Failed> {
    if !root_only() {
        return Ok(());
    }
    let home = tempfile::tempdir()?;
    let script = programs("no") + "mkdir -p /etc/pam.d" + NEAR;
    for sensor in sensors() {
        let seen = run(&request(home.path(), &script, RunAs::Root, *sensor))?;
        assert!(seen.manifest.complete, "{sensor:?}: {:?}", seen.manifest.incomplete);
        let expected = [
            ("cron.d/with.dot", Reason::Ignored),
            ("cron.d/open", Reason::Ignored),
            ("cron.d/never", Reason::Never),
            ("cron.d/absent", Reason::ProgramAbsent),
            ("cron.d/plain", Reason::NotExecutable),
            ("cron.d/crash", Reason::Crashed),
            ("cron.d/idle", Reason::NoEffect),
            ("cron.d/wrong", Reason::Invalid),
            ("cron.daily/plain", Reason::NotExecutable),
            ("cron.daily/with.dot", Reason::Ignored),
            ("atjobs/a0000101abcdef", Reason::Ignored),
            ("system/disabled.service", Reason::Disabled),
            ("system/off.timer", Reason::Disabled),
            ("system/gone.service", Reason::ProgramAbsent),
            ("init.d/unlinked", Reason::Disabled),
            ("profile.d/wrong.txt", Reason::Ignored),
            ("profile.d/branch.sh", Reason::NoEffect),
            (".ssh/authorized_keys", Reason::Ignored),
            ("99-own.txt", Reason::Ignored),
            ("own.desktop", Reason::Disabled),
            ("50-plain", Reason::NotExecutable),
            ("ld.so.preload", Reason::Invalid),
            ("/opt/x/suid-script", Reason::Ignored),
            ("/etc/passwd", Reason::Disabled),
        ];
        for (path, reason) in expected {
            let entry = seen.entry(path, "")?;
            assert_eq!(
                (entry.status, entry.reason),
                (Status::Installed, Some(reason)),
                "{sensor:?}: {entry:#?}"
            );
        }
        let inert = [
            "inert",
            "README",
            "masked.service",
            "rc.local",
            "comment.sh",
            "pam.d/sshd",
            "98-own.rules",
            "comment",
        ];
        for path in inert {
            assert!(seen.entry(path, "").is_err(), "{sensor:?}: {path} says nothing, and is told");
        }
        assert_eq!(seen.entries().len(), expected.len(), "{sensor:?}: {:#?}", seen.entries());
        let ran = |event: &Event| {
            event.phase > Phase::Execute
                && matches!(&event.detail, Detail::ProcessExec { exec } if exec.file.lossy() == "/opt/x/no")
        };
        assert!(!seen.events.iter().any(ran), "{sensor:?}: what is inert was started");
    }
    Ok(())
}

fn removed() -> Result<(), Failed> {
    let home = tempfile::tempdir()?;
    let script = r#"
set -e; mkdir -p ~/.config/autostart ~/.ssh
printf '[Desktop Entry]\nType=Application\nExec=/bin/true\n' > ~/.config/autostart/gone.desktop; rm ~/.config/autostart/gone.desktop
touch ~/.config/autostart/.tmp; mv ~/.config/autostart/.tmp ~/kept
"#;
    for sensor in sensors() {
        let seen = run(&request(home.path(), script, RunAs::User, *sensor))?;
        let entry = seen.entry("gone.desktop", "")?;
        assert_eq!((entry.status, entry.mechanism), (Status::Removed, Mechanism::Autostart), "{entry:#?}");
        let last = entry.made_by.last().and_then(|seq| seen.events.iter().find(|event| event.seq == *seq));
        assert!(last.is_some_and(|event| matches!(event.detail, Detail::FileUnlink { .. })), "{entry:#?}");
        assert_eq!(seen.entries().len(), 1, "{:#?}", seen.entries());
        assert!(seen.persistence.as_ref().is_some_and(|persistence| persistence.phases.is_empty()));
    }
    Ok(())
}

fn git_hooks() -> Result<(), Failed> {
    if !["/usr/bin/git", "/usr/local/bin/git"].iter().any(|git| Path::new(git).exists()) {
        eprintln!("skipped: needs git");
        return Ok(());
    }
    let home = tempfile::tempdir()?;
    let script = "export D=$HOME/.x\n".to_owned()
        + &programs("post-commit pre-commit")
        + r#"
git init -q ~/work; cp ~/.x/post-commit ~/work/.git/hooks/post-commit; cp ~/.x/post-commit ~/work/.git/hooks/pre-push
cp ~/.x/post-commit ~/work/.git/hooks/commit-msg; chmod 644 ~/work/.git/hooks/commit-msg
mkdir ~/hooks; cp ~/.x/pre-commit ~/hooks/; git config --global core.hooksPath ~/hooks; git -C ~/work config core.hooksPath .git/hooks
"#;
    for sensor in sensors() {
        let seen = run(&request(home.path(), &script, RunAs::User, *sensor))?;
        assert!(seen.manifest.complete, "{sensor:?}: {:?}", seen.manifest.incomplete);
        for path in ["work/.git/hooks/post-commit", "/hooks/pre-commit"] {
            let entry = seen.entry(path, "")?;
            assert_eq!(
                (entry.status, entry.mechanism),
                (Status::Proven, Mechanism::GitHook),
                "{sensor:?}: {entry:#?}"
            );
        }
        let reason = |path| seen.entry(path, "").map(|entry| entry.reason);
        assert_eq!(reason("hooks/pre-push")?, Some(Reason::NotEmulated));
        assert_eq!(reason("hooks/commit-msg")?, Some(Reason::NotExecutable));
        assert!(seen.entry(".sample", "").is_err());
    }
    Ok(())
}

fn goes_on() -> Result<(), Failed> {
    let home = tempfile::tempdir()?;
    for sensor in sensors() {
        let script =
            "echo 'sleep 1000 &' >> ~/.profile; echo 'setsid sleep 2000 > /dev/null &' >> ~/.profile";
        let seen = run(&request(home.path(), script, RunAs::User, *sensor))?;
        assert!(seen.manifest.complete, "{sensor:?}: {:?}", seen.manifest.incomplete);
        assert_eq!(seen.manifest.state, State::Completed);
        let phases =
            seen.persistence.as_ref().map(|persistence| persistence.phases.clone()).unwrap_or_default();
        assert_eq!(phases.iter().map(|phase| phase.end.as_str()).collect::<Vec<_>>(), ["settled"]);
        assert_eq!(seen.entry("/.profile", "")?.status, Status::Proven);
    }
    Ok(())
}

fn after_timeout() -> Result<(), Failed> {
    let home = tempfile::tempdir()?;
    for sensor in sensors() {
        let script = "echo 'uname -a' >> ~/.profile; sleep 1000";
        let mut request = request(home.path(), script, RunAs::User, *sensor);
        request.limits.wall = Duration::from_millis(1500);
        let seen = run(&request)?;
        assert_eq!(seen.manifest.state, State::Timeout);
        assert!(seen.manifest.complete, "{sensor:?}: {:?}", seen.manifest.incomplete);
        assert_eq!(seen.entry("/.profile", "")?.status, Status::Proven, "{:#?}", seen.entries());
    }
    Ok(())
}

fn nothing() -> Result<(), Failed> {
    let home = tempfile::tempdir()?;
    let script =
        "echo x > ~/file; mkdir -p ~/.git ~/cron.d; echo '* * * * * x' > ~/cron.d/x; chmod 755 ~/file";
    let seen = run(&request(home.path(), script, RunAs::User, SensorChoice::Ptrace))?;
    assert!(seen.persistence.is_none());
    assert_eq!(seen.manifest.phases.len(), 2);
    Ok(())
}

fn not_asked() -> Result<(), Failed> {
    let home = tempfile::tempdir()?;
    let script = "echo 'uname' >> ~/.profile; mkdir -p ~/.config/systemd/user/timers.target.wants; cd ~/.config/systemd/user; \
                  printf '[Timer]\\nOnBootSec=1\\n' > a.timer; printf '[Service]\\nExecStart=/bin/true\\n' > a.service; \
                  ln -s ../a.timer timers.target.wants/a.timer";
    let mut request = request(home.path(), script, RunAs::User, SensorChoice::Ptrace);
    request.triggers = [Phase::Schedule].into();
    let seen = run(&request)?;
    assert_eq!(seen.entry("/.profile", "")?.reason, Some(Reason::NotTriggered));
    assert_eq!(seen.entry("a.timer", "")?.status, Status::Proven);
    request.triggers.clear();
    let seen = run(&request)?;
    assert!(
        seen.entries().iter().all(|entry| entry.reason == Some(Reason::NotTriggered)),
        "{:#?}",
        seen.entries()
    );
    assert_eq!(seen.manifest.phases.len(), 2);
    Ok(())
}

fn starter() -> Result<(), Failed> {
    if !root_only() {
        return Ok(());
    }
    let home = tempfile::tempdir()?;
    let script = r#"
echo '* * * * * root cat /proc/$PPID/environ > /tmp/out; cat /proc/$PPID/mem >> /tmp/out' > /etc/cron.d/a-read
echo '* * * * * root kill -9 $PPID; uname' > /etc/cron.d/b-kill
echo '* * * * * root uname' > /etc/cron.d/c-late
"#;
    for sensor in sensors() {
        let seen = run(&request(home.path(), script, RunAs::Root, *sensor))?;
        let reads = seen.events.iter().filter(|event| {
            matches!(&event.detail, Detail::FileOpen { file }
                if file.path.lossy().ends_with("/environ") || file.path.lossy().ends_with("/mem"))
        });
        let results: Vec<bool> = reads.map(|event| event.outcome.is_success()).collect();
        assert_eq!(results, [false, false], "{sensor:?}: the starter could be read");
        assert_eq!(seen.entry("c-late", "")?.reason, Some(Reason::NotReached), "{:#?}", seen.entries());
        assert!(!seen.manifest.complete);
        let told = seen.manifest.incomplete.iter().any(|hole| hole.reason == "trigger_cut");
        assert!(told, "{:?}", seen.manifest.incomplete);
    }
    Ok(())
}

fn alone() -> Result<(), Failed> {
    if !Path::new("/bin/bash").exists() {
        eprintln!("skipped: needs bash");
        return Ok(());
    }
    let home = tempfile::tempdir()?;
    let script = "echo '(exec 3<>/dev/tcp/192.0.2.7/8080); uname' > ~/.bash_profile";
    for sensor in sensors() {
        let seen = run(&request(home.path(), script, RunAs::User, *sensor))?;
        assert!(seen.manifest.complete, "{sensor:?}: {:?}", seen.manifest.incomplete);
        assert_eq!(seen.entry("/.bash_profile", "")?.status, Status::Proven);
        let connects: Vec<&Event> = seen
            .events
            .iter()
            .filter(|event| {
                event.phase == Phase::Login && matches!(event.detail, Detail::NetworkConnect { .. })
            })
            .collect();
        let refused = |event: &&Event| event.outcome.errno.as_deref() == Some("ENETUNREACH");
        // bash looks for a name service first, by a local socket
        let failed = connects.iter().all(|event| !event.outcome.is_success());
        assert!(failed && connects.iter().any(refused), "{sensor:?}: {connects:#?}");
    }
    Ok(())
}

fn one_user() -> Result<(), Failed> {
    if is_root() {
        eprintln!("skipped: root has environments with many users");
        return Ok(());
    }
    let home = tempfile::tempdir()?;
    let script = "echo '* * * * * nobody /bin/uname' > /etc/cron.d/job";
    let seen = run(&request(home.path(), script, RunAs::Root, SensorChoice::Ptrace))?;
    assert_eq!(seen.entry("cron.d/job", "")?.reason, Some(Reason::OtherUser), "{:#?}", seen.entries());
    Ok(())
}
