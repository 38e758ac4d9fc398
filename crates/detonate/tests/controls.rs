//! Every control put on a real environment, with both sensors, as root and as an ordinary user: it takes effect, what
//! it refuses is credited to it, what something else refuses is not, and the run stays complete.
//!
//! The test program is its own `init` (the sandbox executes `/proc/self/exe`), hence its own `main`. As root it runs
//! itself once more as an ordinary user.

use detektr_detonate::{
    ArtifactSpec, DetonateError, DetonateRequest, Detonator, NetworkChoice, RunAs, SensorChoice, State,
};
use detektr_event::Event;
use detektr_evidence::Bundle;
use detektr_sandbox::controls::paths::Access;
use detektr_sandbox::controls::{Capabilities, Control, Landlock, Measure, PathRule, Rlimit, User};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::json;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

fn main() {
    let words: Vec<OsString> = std::env::args_os().collect();
    if detektr_sandbox::is_init(&words) {
        detektr_sandbox::init_main();
    }
    let mut trials: Vec<Trial> = CASES.iter().map(|case| Trial::test(case.name, || case.run())).collect();
    trials.push(Trial::test("a_refused_ring_is_credited_to_whose_answer_the_kernel_took", rings));
    trials.push(Trial::test("what_this_host_can_not_enforce_is_refused_before_anything_runs", refused));
    trials.push(Trial::test("everything_again_as_an_ordinary_user", again_as_user));
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(1);
    libtest_mimic::run(&arguments, trials).exit();
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// One control, what is tried under it, and what must be seen.
struct Case {
    name: &'static str,
    measures: fn() -> Vec<Measure>,
    user: RunAs,
    script: &'static str,
    /// What the script prints: which of its steps worked.
    prints: &'static str,
    /// A denied event: kind, part of its path (or empty), and who must be named.
    denied: Option<(&'static str, &'static str, Option<&'static str>)>,
    /// Only real root can show it.
    root_only: bool,
}

const SHADOW: &str = "cat /etc/os-release >/dev/null && echo read; echo x 2>/dev/null >/etc/detektr-test && echo wrote; \
                      echo y >/tmp/elsewhere && echo elsewhere";

const CASES: &[Case] = &[
    Case {
        name: "a_read_only_path_can_be_read_and_not_written_to",
        measures: || vec![Measure::ReadOnly(vec!["/etc".into()])],
        user: RunAs::Root,
        script: SHADOW,
        prints: "read\nelsewhere\n",
        denied: Some(("file.create", "/etc/detektr-test", Some("it"))),
        root_only: false,
    },
    Case {
        name: "the_whole_root_can_be_read_only",
        measures: || vec![Measure::ReadOnly(vec!["/".into()])],
        user: RunAs::Root,
        script: SHADOW,
        prints: "read\n",
        denied: Some(("file.create", "/tmp/elsewhere", Some("it"))),
        root_only: false,
    },
    Case {
        name: "a_folder_that_every_system_has_is_there_to_be_read_only",
        measures: || vec![Measure::ReadOnly(vec!["/var/spool/cron".into()])],
        user: RunAs::Root,
        script: "echo x 2>/dev/null >/var/spool/cron/crontabs/root && echo wrote; echo done",
        prints: "done\n",
        denied: Some(("file.create", "/var/spool/cron/crontabs/root", Some("it"))),
        root_only: false,
    },
    Case {
        name: "a_failure_elsewhere_is_not_credited",
        measures: || vec![Measure::ReadOnly(vec!["/etc".into()])],
        user: RunAs::Root,
        script: "cat /tmp/no-such-file 2>/dev/null; echo done",
        prints: "done\n",
        denied: Some(("file.open", "/tmp/no-such-file", None)),
        root_only: false,
    },
    Case {
        name: "nothing_is_executed_below_a_noexec_path",
        measures: || vec![Measure::Noexec(vec!["/tmp".into(), "/dev/shm".into()])],
        user: RunAs::Root,
        script: "cp /bin/true /tmp/x; chmod 755 /tmp/x; /tmp/x 2>/dev/null && echo ran; cp /bin/true /var/x && /var/x && echo elsewhere",
        prints: "elsewhere\n",
        denied: Some(("process.exec", "/tmp/x", Some("it"))),
        root_only: false,
    },
    Case {
        name: "a_masked_file_is_empty_and_a_masked_folder_too",
        measures: || vec![Measure::Masked(vec!["/etc/passwd".into(), "/etc/ssl".into()])],
        user: RunAs::Root,
        script: "wc -c </etc/passwd; ls /etc/ssl; echo x 2>/dev/null >/etc/ssl/new && echo wrote; echo done",
        prints: "0\ndone\n",
        denied: Some(("file.create", "/etc/ssl/new", Some("it"))),
        root_only: false,
    },
    Case {
        name: "a_dropped_capability_is_missed",
        measures: || {
            vec![Measure::Capabilities(Capabilities { drop: vec!["ALL".into()], ..Capabilities::default() })]
        },
        user: RunAs::Root,
        script: "mkdir /tmp/m; mount -t tmpfs none /tmp/m 2>/dev/null && echo mounted; grep -c 'CapEff:.*[1-9a-f]' /proc/self/status; echo done",
        prints: "0\ndone\n",
        denied: Some(("file.mount", "/tmp/m", Some("it"))),
        root_only: false,
    },
    Case {
        name: "a_kept_capability_is_there",
        measures: || {
            vec![Measure::Capabilities(Capabilities {
                drop: vec!["ALL".into()],
                keep: vec!["cap_sys_admin".into()],
                ..Capabilities::default()
            })]
        },
        user: RunAs::Root,
        script: "mkdir /tmp/m; mount -t tmpfs none /tmp/m && echo mounted",
        prints: "mounted\n",
        denied: None,
        root_only: false,
    },
    Case {
        name: "an_ambient_capability_reaches_an_ordinary_user",
        measures: || {
            vec![Measure::Capabilities(Capabilities {
                ambient: vec!["SYS_ADMIN".into()],
                ..Capabilities::default()
            })]
        },
        user: RunAs::User,
        script: "grep CapEff /proc/self/status",
        prints: "CapEff:\t0000000000200000\n",
        denied: None,
        root_only: false,
    },
    Case {
        name: "no_new_privs_is_set",
        measures: || vec![Measure::NoNewPrivs],
        user: RunAs::User,
        script: "grep NoNewPrivs /proc/self/status",
        prints: "NoNewPrivs:\t1\n",
        denied: None,
        root_only: false,
    },
    Case {
        name: "nosuid_takes_the_setuid_bits_power",
        measures: || vec![Measure::Nosuid(vec!["/".into()])],
        user: RunAs::User,
        script: "grep -q ' / .*nosuid' /proc/self/mounts && echo nosuid",
        prints: "nosuid\n",
        denied: None,
        root_only: false,
    },
    Case {
        name: "another_user_has_that_users_rights",
        measures: || vec![Measure::User(User::User)],
        user: RunAs::Root,
        script: "id -u; echo x 2>/dev/null >/etc/detektr-test && echo wrote; echo done",
        prints: "1000\ndone\n",
        denied: Some(("file.create", "/etc/detektr-test", Some("it"))),
        // the one user of an ordinary user's environment owns what is given
        root_only: true,
    },
    Case {
        name: "a_user_by_number_is_taken",
        measures: || vec![Measure::User(User::Ids { uid: 4242, gid: 4343 })],
        user: RunAs::Root,
        script: "id -u; id -g",
        prints: "4242\n4343\n",
        denied: None,
        root_only: false,
    },
    Case {
        name: "a_seccomp_profile_refuses_what_it_names_and_nothing_else",
        measures: || vec![Measure::Seccomp(profile("SCMP_ACT_ERRNO"))],
        user: RunAs::Root,
        script: "mkdir /tmp/made 2>/dev/null && echo made; echo x >/tmp/file && echo wrote",
        prints: "wrote\n",
        denied: Some(("file.mkdir", "/tmp/made", Some("it"))),
        root_only: false,
    },
    Case {
        name: "a_seccomp_profile_binds_an_ordinary_user_too",
        measures: || vec![Measure::Seccomp(profile("SCMP_ACT_ERRNO"))],
        user: RunAs::User,
        script: "mkdir /tmp/made 2>/dev/null && echo made; echo x >/tmp/file && echo wrote",
        prints: "wrote\n",
        denied: Some(("file.mkdir", "/tmp/made", Some("it"))),
        root_only: false,
    },
    Case {
        name: "a_seccomp_profile_kills",
        measures: || vec![Measure::Seccomp(profile("SCMP_ACT_KILL_PROCESS"))],
        user: RunAs::Root,
        script: "(mkdir /tmp/made; echo survived) 2>/dev/null; echo x >/tmp/file && echo wrote",
        prints: "survived\nwrote\n",
        denied: Some(("file.mkdir", "/tmp/made", Some("it"))),
        root_only: false,
    },
    Case {
        name: "a_seccomp_profile_traps",
        measures: || vec![Measure::Seccomp(profile("SCMP_ACT_TRAP"))],
        user: RunAs::Root,
        script: "mkdir /tmp/made 2>/dev/null; [ $? -gt 128 ] && echo killed",
        prints: "killed\n",
        denied: Some(("file.mkdir", "/tmp/made", Some("it"))),
        root_only: false,
    },
    Case {
        name: "a_limit_on_file_size_is_kept",
        measures: || {
            vec![Measure::Limits(detektr_sandbox::profile::ProfileLimits {
                file_size: Some(4096),
                ..Default::default()
            })]
        },
        user: RunAs::Root,
        script: "trap '' XFSZ; head -c 9000 /dev/zero >/tmp/big 2>/dev/null || echo refused; wc -c </tmp/big",
        prints: "refused\n4096\n",
        denied: None,
        root_only: false,
    },
    Case {
        name: "a_landlocked_program_writes_only_where_it_may",
        measures: || vec![landlock(&[("write", &["/tmp", "/dev"])])],
        user: RunAs::Root,
        script: SHADOW,
        prints: "read\nelsewhere\n",
        denied: Some(("file.create", "/etc/detektr-test", Some("it"))),
        root_only: false,
    },
    Case {
        name: "a_landlocked_program_reads_only_what_it_may",
        measures: || vec![landlock(&[("read", &["/usr", "/bin", "/lib", "/lib64", "/dev", "/tmp"])])],
        user: RunAs::User,
        script: "cat /etc/hostname 2>/dev/null && echo read; cat /bin/sh >/dev/null && echo linked",
        prints: "linked\n",
        denied: Some(("file.open", "/etc/hostname", Some("it"))),
        root_only: false,
    },
    Case {
        name: "what_ordinary_permissions_refuse_is_not_landlocks",
        measures: || vec![landlock(&[("write", &["/tmp", "/dev"])])],
        user: RunAs::User,
        script: "echo x 2>/dev/null >/etc/passwd; echo x 2>/dev/null >/root/x; echo done",
        prints: "done\n",
        denied: Some(("file.create", "/root/x", None)),
        // the one user of an ordinary user's environment owns what is given
        root_only: true,
    },
    Case {
        name: "a_landlocked_program_moves_no_file_to_another_folder",
        measures: || vec![landlock(&[("execute", &["/"])])],
        user: RunAs::Root,
        script: "mkdir /tmp/a /tmp/b; echo x >/tmp/a/f; ln /tmp/a/f /tmp/b/f 2>/dev/null && echo linked; ln /tmp/a/f /tmp/a/g && echo same",
        prints: "same\n",
        denied: Some(("file.link", "/tmp/b/f", Some("it"))),
        root_only: false,
    },
    Case {
        name: "a_landlocked_program_mounts_nothing",
        measures: || vec![landlock(&[("execute", &["/"])])],
        user: RunAs::Root,
        script: "mkdir /tmp/m; mount -t tmpfs none /tmp/m 2>/dev/null && echo mounted; echo done",
        prints: "done\n",
        denied: Some(("file.mount", "/tmp/m", Some("it"))),
        root_only: false,
    },
    Case {
        name: "what_is_writable_within_what_is_not_stays_so",
        measures: || {
            vec![rules(&[
                ("/", Access::ReadOnly),
                ("/tmp", Access::ReadWrite),
                ("/var/lib", Access::ReadWrite),
            ])]
        },
        user: RunAs::Root,
        script: "echo x >/tmp/a && echo tmp; echo x >/var/lib/a && echo lib; echo x 2>/dev/null >/var/a && echo var; \
                 echo x 2>/dev/null >/etc/a && echo etc; echo done",
        prints: "tmp\nlib\ndone\n",
        denied: Some(("file.create", "/etc/a", Some("it"))),
        root_only: false,
    },
    Case {
        name: "what_is_inaccessible_can_be_neither_opened_nor_listed",
        measures: || {
            vec![rules(&[("/etc/passwd", Access::Inaccessible), ("/etc/ssl", Access::Inaccessible)])]
        },
        user: RunAs::User,
        script: "cat /etc/passwd 2>/dev/null && echo read; ls /etc/ssl 2>/dev/null && echo listed; \
                 cat /etc/ssl/openssl.cnf 2>/dev/null && echo below; echo done",
        prints: "done\n",
        denied: Some(("file.open", "/etc/passwd", Some("it"))),
        // the one user of an ordinary user's environment owns what is given
        root_only: true,
    },
    Case {
        name: "what_is_empty_is_empty_and_may_be_written_to_or_not",
        measures: || vec![rules(&[("/etc/ssl", Access::Empty), ("/etc/pam.d", Access::EmptyReadOnly)])],
        user: RunAs::Root,
        script: "ls /etc/ssl /etc/pam.d; echo x >/etc/ssl/a && echo wrote; echo x 2>/dev/null >/etc/pam.d/a && echo too; echo done",
        prints: "/etc/pam.d:\n\n/etc/ssl:\nwrote\ndone\n",
        denied: Some(("file.create", "/etc/pam.d/a", Some("it"))),
        root_only: false,
    },
    Case {
        name: "of_what_is_noexec_a_part_can_be_executed_from",
        measures: || vec![rules(&[("/var", Access::Noexec), ("/var/lib", Access::Exec)])],
        user: RunAs::Root,
        script: "for d in /var /var/lib; do cp /bin/true $d/x; chmod 755 $d/x; $d/x 2>/dev/null && echo $d; done; echo done",
        prints: "/var/lib\ndone\n",
        denied: Some(("process.exec", "/var/x", Some("it"))),
        root_only: false,
    },
    Case {
        name: "a_limit_of_open_files_and_a_umask_are_kept",
        measures: || {
            let files = Rlimit { resource: "nofile".into(), soft: Some(64), hard: Some(128) };
            vec![Measure::Rlimits(vec![files]), Measure::Umask(0o077)]
        },
        user: RunAs::Root,
        script: "ulimit -Sn; ulimit -Hn; umask",
        prints: "64\n128\n0077\n",
        denied: None,
        root_only: false,
    },
    Case {
        name: "measures_of_one_control_work_together",
        measures: || {
            vec![
                Measure::ReadOnly(vec!["/etc".into()]),
                Measure::Noexec(vec!["/tmp".into()]),
                Measure::NoNewPrivs,
                Measure::Capabilities(Capabilities { drop: vec!["ALL".into()], ..Capabilities::default() }),
                Measure::Seccomp(profile("SCMP_ACT_ERRNO")),
                Measure::User(User::User),
            ]
        },
        user: RunAs::Root,
        script: "id -u; mkdir /tmp/made 2>/dev/null && echo made; grep NoNewPrivs /proc/self/status",
        prints: "1000\nNoNewPrivs:\t1\n",
        denied: Some(("file.mkdir", "/tmp/made", Some("it"))),
        root_only: false,
    },
    Case {
        name: "a_wall_of_the_environment_is_told_apart",
        measures: || vec![Measure::Noexec(vec!["/tmp".into()])],
        user: RunAs::Root,
        script: "mknod /tmp/disk b 8 0 2>/dev/null && echo made; echo done",
        prints: "done\n",
        denied: Some(("file.mknod", "/tmp/disk", Some("detektr"))),
        root_only: false,
    },
];

/// Rights with the paths beneath which they are given.
fn landlock(paths: &[(&str, &[&str])]) -> Measure {
    let paths = paths
        .iter()
        .map(|(right, paths)| ((*right).to_owned(), paths.iter().map(std::path::PathBuf::from).collect()));
    Measure::Landlock(Landlock { paths: paths.collect(), ..Landlock::default() })
}

/// Paths with what becomes of them.
fn rules(paths: &[(&str, Access)]) -> Measure {
    let rule =
        |(path, access): &(&str, Access)| PathRule { path: path.into(), access: *access, optional: false };
    Measure::Paths(paths.iter().map(rule).collect())
}

/// Everything is allowed but to make folders.
fn profile(action: &str) -> serde_json::Value {
    profile_of(&["mkdir", "mkdirat"], action, 1)
}

fn profile_of(names: &[&str], action: &str, errno: i32) -> serde_json::Value {
    json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]}],
        "syscalls": [{"names": names, "action": action, "errnoRet": errno}]
    })
}

impl Case {
    fn run(&self) -> Result<(), Failed> {
        if self.root_only && !is_root() {
            eprintln!("skipped: needs root");
            return Ok(());
        }
        let home = tempfile::tempdir()?;
        let sensors: &[SensorChoice] =
            if is_root() { &[SensorChoice::Ebpf, SensorChoice::Ptrace] } else { &[SensorChoice::Ptrace] };
        for sensor in sensors {
            self.with(home.path(), *sensor)
                .map_err(|e| format!("{sensor:?}: {}", e.message().unwrap_or("")))?;
        }
        Ok(())
    }

    fn with(&self, home: &Path, sensor: SensorChoice) -> Result<(), Failed> {
        let control = Control::new("it", (self.measures)());
        let outcome = Detonator::new()
            .detonate(&request(home, self.script, self.user, vec![control], sensor), &mut |_| {})?;
        let bundle = Bundle::open(&outcome.bundle)?;
        let printed = std::fs::read_to_string(outcome.bundle.join("stdout"))?;
        let complained = std::fs::read_to_string(outcome.bundle.join("stderr"))?;
        if printed != self.prints {
            return Err(format!(
                "printed {printed:?}, complained {complained:?}, {:?}",
                bundle.manifest().incomplete
            )
            .into());
        }
        if outcome.state != State::Completed || !outcome.complete {
            return Err(format!("{:?}: {:?}", outcome.state, outcome.incomplete).into());
        }
        let manifest = bundle.manifest();
        if manifest.controls.len() != 1 || manifest.controls[0].applied.is_empty() {
            return Err(format!("the manifest tells of {:?}", manifest.controls).into());
        }
        let Some((kind, path, enforcer)) = self.denied else { return Ok(()) };
        let events: Vec<Event> = bundle.events()?.collect::<Result<_, _>>()?;
        let denied: Vec<&Event> = events
            .iter()
            .filter(|event| event.kind().name() == kind && !event.outcome.is_success())
            .filter(|event| event.detail.paths().iter().any(|p| p.lossy().contains(path)))
            .collect();
        if denied.is_empty() || denied.iter().any(|event| event.outcome.enforcer.as_deref() != enforcer) {
            let near: Vec<&Event> = events.iter().filter(|event| event.kind().name() == kind).collect();
            return Err(format!("denied {denied:#?} among {near:#?}").into());
        }
        Ok(())
    }
}

fn request(
    home: &Path,
    script: &str,
    user: RunAs,
    controls: Vec<Control>,
    sensor: SensorChoice,
) -> DetonateRequest {
    DetonateRequest {
        user,
        network: NetworkChoice::None,
        sensor,
        controls,
        seed: Some(7),
        triggers: Default::default(),
        ..DetonateRequest::new(
            ArtifactSpec::Command,
            ["sh", "-c", script].map(OsString::from).into(),
            home.to_owned(),
        )
    }
}

/// Under Detektr's own refusal of rings: of two filters that answer with an error the kernel takes the one installed
/// last, a control's; what is weaker than an error (a tracer's word, a log) is the wall's doing. The tracer comes before
/// all filters.
fn rings() -> Result<(), Failed> {
    if !Path::new("/usr/bin/python3").exists() {
        eprintln!("skipped: needs /usr/bin/python3");
        return Ok(());
    }
    let script = "/usr/bin/python3 -c 'import ctypes
c = ctypes.CDLL(None, use_errno=True)
print(c.syscall(425, 8, ctypes.create_string_buffer(120)), ctypes.get_errno())'";
    let home = tempfile::tempdir()?;
    let sensors: &[SensorChoice] =
        if is_root() { &[SensorChoice::Ebpf, SensorChoice::Ptrace] } else { &[SensorChoice::Ptrace] };
    for sensor in sensors {
        for (answers, errno, enforcer) in [
            (&[("SCMP_ACT_LOG", 0)][..], 38, "detektr"),
            (&[("SCMP_ACT_TRACE", 7)], 38, "detektr"),
            (&[("SCMP_ACT_ERRNO", 1)], 1, "first"),
            (&[("SCMP_ACT_ERRNO", 38)], 38, "first"),
            (&[("SCMP_ACT_ERRNO", 1), ("SCMP_ACT_ERRNO", 13)], 13, "second"),
            (&[("SCMP_ACT_ERRNO", 1), ("SCMP_ACT_LOG", 0)], 1, "first"),
        ] {
            let (errno, enforcer) =
                if *sensor == SensorChoice::Ptrace { (38, "detektr") } else { (errno, enforcer) };
            let case = format!("{sensor:?}, {answers:?}");
            let controls =
                ["first", "second"].into_iter().zip(answers).map(|(name, (action, errno))| Control {
                    name: name.into(),
                    told: Vec::new(),
                    measures: vec![Measure::Seccomp(profile_of(&["io_uring_setup"], action, *errno))],
                });
            let request = DetonateRequest {
                io_uring: detektr_sandbox::IoUring::Refuse,
                ..request(home.path(), script, RunAs::Root, controls.collect(), *sensor)
            };
            let outcome = Detonator::new().detonate(&request, &mut |_| {})?;
            if !outcome.complete {
                return Err(format!("{case}: {:?}", outcome.incomplete).into());
            }
            assert_eq!(
                std::fs::read_to_string(outcome.bundle.join("stdout"))?,
                format!("-1 {errno}\n"),
                "{case}"
            );
            let events: Vec<Event> = Bundle::open(&outcome.bundle)?.events()?.collect::<Result<_, _>>()?;
            let credited: Vec<_> = events
                .iter()
                .filter(|event| event.kind().name() == "kernel.io_uring")
                .map(|event| event.outcome.enforcer.as_deref())
                .collect();
            assert_eq!(credited, [Some(enforcer)], "{case}");
        }
    }
    Ok(())
}

fn refused() -> Result<(), Failed> {
    let control = |name: &str, measure| Control::new(name, vec![measure]);
    let limits = detektr_sandbox::profile::ProfileLimits { memory: Some(1 << 50), ..Default::default() };
    let controls = vec![
        control("gone", Measure::ReadOnly(vec!["/no/such/path".into()])),
        control("relative", Measure::Noexec(vec!["tmp".into()])),
        control(
            "caps",
            Measure::Capabilities(Capabilities { drop: vec!["CAP_FLY".into()], ..Default::default() }),
        ),
        control("loose", Measure::Limits(limits)),
        control("ids", Measure::User(User::Ids { uid: 70_000, gid: 0 })),
        control("right", landlock(&[("fly", &["/"])])),
        control("nowhere", landlock(&[("read", &["/no/such/path"])])),
        control("agent", Measure::Seccomp(json!({"defaultAction": "SCMP_ACT_NOTIFY"}))),
    ];
    let home = tempfile::tempdir()?;
    let request = request(home.path(), "true", RunAs::Root, controls, SensorChoice::Ptrace);
    let Err(DetonateError::Refused(refusals)) = Detonator::new().detonate(&request, &mut |_| {}) else {
        return Err("it was not refused".into());
    };
    let named: Vec<&str> = refusals.iter().map(|refusal| refusal.control.as_str()).collect();
    assert_eq!(named, ["gone", "relative", "caps", "loose", "ids", "right", "nowhere", "agent"]);
    assert!(refusals.iter().all(|refusal| !refusal.reason.is_empty() && !refusal.remedy.is_empty()));
    assert!(
        !home.path().join("runs").exists() || std::fs::read_dir(home.path().join("runs"))?.next().is_none()
    );
    Ok(())
}

fn again_as_user() -> Result<(), Failed> {
    if !is_root() {
        return Ok(());
    }
    let folder = tempfile::tempdir_in("/tmp")?;
    let program = folder.path().join("controls");
    std::fs::copy(std::env::current_exe()?, &program)?;
    Command::new("chmod").args(["-R", "a+rX"]).arg(folder.path()).status()?;
    let output = Command::new("setpriv")
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "env", "-i", "PATH=/usr/bin:/bin"])
        .arg(&program)
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stdout).into_owned().into());
    }
    Ok(())
}
