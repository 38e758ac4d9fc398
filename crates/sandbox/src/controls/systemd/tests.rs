//! Units as people write them: assignments add up, empty ones begin anew, `~` turns a list around, drop-ins come after.

use super::*;
use crate::controls::paths::{Access, PathRule};
use crate::controls::seccomp::{Action, Call, Conditions, Filter, compile};
use crate::controls::{Measure, Treatment, User, capabilities};

fn unit(body: &str) -> Result<Translation, Vec<Problem>> {
    read(&[("web.service", &format!("[Service]\n{body}\n"))], &BTreeSet::new())
}

fn filters(unit: &Translation) -> Vec<Filter> {
    let conditions = Conditions { capabilities: capabilities::ALL, kernel: (6, 18) };
    let profiles = unit.measures.iter().filter_map(|measure| match measure {
        Measure::Seccomp(json) => Some(compile(json, &conditions).unwrap()),
        _ => None,
    });
    profiles.collect()
}

/// What all filters together answer to a call of x86_64.
fn answer(unit: &Translation, nr: i64, args: [u64; 6]) -> Action {
    let call = Call::recorded(u32::try_from(nr).unwrap(), "x86_64", args);
    let answers = filters(unit).into_iter().map(|filter| filter.run(&call));
    answers.filter(|answer| !answer.lets_pass()).min().unwrap_or(Action::Allow)
}

fn rules(unit: &Translation) -> Vec<(String, Access)> {
    let rules = unit.measures.iter().find_map(|measure| match measure {
        Measure::Paths(rules) => Some(rules.clone()),
        _ => None,
    });
    rules.unwrap_or_default().into_iter().map(|r| (r.path.display().to_string(), r.access)).collect()
}

fn bounding(unit: &Translation) -> u64 {
    let sets = unit.measures.iter().find_map(|measure| match measure {
        Measure::Capabilities(sets) => Some(capabilities::sets(sets).unwrap().0),
        _ => None,
    });
    sets.unwrap_or(capabilities::ALL)
}

const EPERM: Action = Action::Errno(libc::EPERM as u16);

#[test]
fn drop_ins_come_after_the_unit_and_an_empty_assignment_begins_anew() {
    let files = [
        (
            "web.service",
            "[Service]\nReadOnlyPaths=/a /b\nInaccessiblePaths=-/c\n[Install]\nReadOnlyPaths=/no\n",
        ),
        ("web.service.d/1.conf", "# a comment\n[Service]\nReadOnlyPaths=\nReadOnlyPaths=/d\\\n  /e\n"),
    ];
    let unit = read(&files, &BTreeSet::new()).unwrap();
    let expected = [("/d", Access::ReadOnly), ("/e", Access::ReadOnly), ("/c", Access::Inaccessible)];
    assert_eq!(rules(&unit), expected.map(|(path, access)| (path.to_owned(), access)));
    assert_eq!(unit.told.len(), 4);
}

#[test]
fn a_strict_system_leaves_open_what_other_directives_are_about() {
    let unit = unit("ProtectSystem=strict\nReadWritePaths=/var/lib/web\nStateDirectory=web").unwrap();
    let rules = rules(&unit);
    assert!(rules.contains(&("/".into(), Access::ReadOnly)));
    assert!(rules.contains(&("/home".into(), Access::ReadWrite)));
    assert!(rules.contains(&("/var/lib/web".into(), Access::ReadWrite)));
}

#[test]
fn capability_lists_add_up_and_turn_around() {
    let bit = |name: &str| 1u64 << capabilities::number(name).unwrap();
    let two = unit("CapabilityBoundingSet=CAP_CHOWN\nCapabilityBoundingSet=CAP_KILL").unwrap();
    assert_eq!(bounding(&two), bit("CHOWN") | bit("KILL"));
    let all_but = unit("CapabilityBoundingSet=~CAP_CHOWN").unwrap();
    assert_eq!(bounding(&all_but), capabilities::ALL & !bit("CHOWN"));
    let none = unit("CapabilityBoundingSet=CAP_CHOWN\nCapabilityBoundingSet=").unwrap();
    assert_eq!(bounding(&none), 0);
    let taken = unit("ProtectClock=yes\nProtectKernelModules=on").unwrap();
    assert_eq!(bounding(&taken) & (bit("SYS_TIME") | bit("SYS_MODULE")), 0);
}

#[test]
fn a_list_of_calls_allows_just_those_and_kills_the_rest() {
    let unit = unit("SystemCallFilter=@system-service\nSystemCallFilter=~@privileged ptrace:EIO").unwrap();
    assert_eq!(answer(&unit, libc::SYS_openat, [0; 6]), Action::Allow);
    assert_eq!(answer(&unit, libc::SYS_execve, [0; 6]), Action::Allow, "always there");
    assert_eq!(answer(&unit, libc::SYS_mount, [0; 6]), Action::KillProcess);
    assert_eq!(answer(&unit, libc::SYS_chroot, [0; 6]), Action::KillProcess, "taken away again");
    assert_eq!(answer(&unit, libc::SYS_ptrace, [0; 6]), Action::Errno(libc::EIO as u16));
    assert_eq!(answer(&unit, 9_999, [0; 6]), Action::Errno(libc::ENOSYS as u16), "unknown to systemd");
}

#[test]
fn a_turned_list_of_calls_denies_just_those_with_the_error_that_is_asked_for() {
    let unit =
        unit("SystemCallErrorNumber=EACCES\nSystemCallFilter=~@mount\nSystemCallFilter=umount2").unwrap();
    assert_eq!(answer(&unit, libc::SYS_mount, [0; 6]), Action::Errno(libc::EACCES as u16));
    assert_eq!(answer(&unit, libc::SYS_umount2, [0; 6]), Action::Allow, "allowed again");
    assert_eq!(answer(&unit, libc::SYS_openat, [0; 6]), Action::Allow);
}

#[test]
fn address_families_are_allowed_or_denied() {
    let socket =
        |unit: &Translation, family: i32| answer(unit, libc::SYS_socket, [family as u64, 1, 0, 0, 0, 0]);
    let refused = Action::Errno(libc::EAFNOSUPPORT as u16);
    let some = unit("RestrictAddressFamilies=AF_UNIX AF_INET\nRestrictAddressFamilies=AF_INET6").unwrap();
    assert_eq!(socket(&some, libc::AF_INET6), Action::Allow);
    assert_eq!(socket(&some, libc::AF_NETLINK), refused);
    assert_eq!(socket(&some, 99), refused);
    let but =
        unit("RestrictAddressFamilies=~AF_PACKET AF_NETLINK\nRestrictAddressFamilies=AF_NETLINK").unwrap();
    assert_eq!(socket(&but, libc::AF_PACKET), refused);
    assert_eq!(socket(&but, libc::AF_NETLINK), Action::Allow);
    assert_eq!(socket(&unit("RestrictAddressFamilies=none").unwrap(), libc::AF_UNIX), refused);
}

#[test]
fn namespaces_are_restricted_in_every_call_that_makes_or_enters_one() {
    let one = unit("RestrictNamespaces=net").unwrap();
    let user = libc::CLONE_NEWUSER as u64;
    assert_eq!(answer(&one, libc::SYS_unshare, [user, 0, 0, 0, 0, 0]), EPERM);
    assert_eq!(answer(&one, libc::SYS_clone, [user, 0, 0, 0, 0, 0]), EPERM);
    assert_eq!(answer(&one, libc::SYS_setns, [3, user, 0, 0, 0, 0]), EPERM);
    assert_eq!(answer(&one, libc::SYS_clone3, [0; 6]), Action::Errno(libc::ENOSYS as u16));
    let net = libc::CLONE_NEWNET as u64;
    assert_eq!(answer(&one, libc::SYS_unshare, [net, 0, 0, 0, 0, 0]), Action::Allow);
    let but = unit("RestrictNamespaces=~user").unwrap();
    assert_eq!(answer(&but, libc::SYS_unshare, [user, 0, 0, 0, 0, 0]), EPERM);
    assert_eq!(answer(&but, libc::SYS_unshare, [net, 0, 0, 0, 0, 0]), Action::Allow);
}

#[test]
fn the_switches_deny_what_they_are_for_and_nothing_else() {
    let all = unit(
        "MemoryDenyWriteExecute=yes\nRestrictRealtime=yes\nRestrictSUIDSGID=yes\nLockPersonality=yes\n\
         ProtectHostname=yes\nProtectClock=yes\nProtectKernelModules=yes\nProtectKernelLogs=yes",
    )
    .unwrap();
    let (rwx, rw, rx) = (7, 3, 5);
    assert_eq!(answer(&all, libc::SYS_mmap, [0, 1, rwx, 0, 0, 0]), EPERM);
    assert_eq!(answer(&all, libc::SYS_mmap, [0, 1, rw, 0, 0, 0]), Action::Allow);
    assert_eq!(answer(&all, libc::SYS_mmap, [0, 1, rx, 0, 0, 0]), Action::Allow, "libraries");
    assert_eq!(answer(&all, libc::SYS_mprotect, [0, 1, rx, 0, 0, 0]), EPERM);
    assert_eq!(answer(&all, libc::SYS_fchmodat, [0, 0, 0o4755, 0, 0, 0]), EPERM);
    assert_eq!(answer(&all, libc::SYS_fchmodat, [0, 0, 0o755, 0, 0, 0]), Action::Allow);
    let creat = libc::O_CREAT as u64;
    assert_eq!(answer(&all, libc::SYS_openat, [0, 0, creat, 0o2755, 0, 0]), EPERM);
    assert_eq!(answer(&all, libc::SYS_openat, [0, 0, 0, 0o2755, 0, 0]), Action::Allow);
    assert_eq!(answer(&all, libc::SYS_sched_setscheduler, [0, libc::SCHED_FIFO as u64, 0, 0, 0, 0]), EPERM);
    assert_eq!(answer(&all, libc::SYS_sched_setscheduler, [0, 0, 0, 0, 0, 0]), Action::Allow);
    assert_eq!(answer(&all, libc::SYS_personality, [8, 0, 0, 0, 0, 0]), EPERM);
    for denied in [libc::SYS_sethostname, libc::SYS_settimeofday, libc::SYS_init_module, libc::SYS_syslog] {
        assert_eq!(answer(&all, denied, [0; 6]), EPERM);
    }
    assert_eq!(answer(&all, libc::SYS_write, [0; 6]), Action::Allow);
}

#[test]
fn only_native_calls_pass_where_that_is_asked() {
    let unit = unit("SystemCallArchitectures=native").unwrap();
    let filter = &filters(&unit)[0];
    assert_eq!(filter.run(&Call::recorded(20, "i386", [0; 6])), Action::KillThread);
    assert_eq!(filter.run(&Call::recorded(39, "x32", [0; 6])), Action::KillThread);
    assert_eq!(filter.run(&Call::recorded(39, "x86_64", [0; 6])), Action::Allow);
}

#[test]
fn a_user_without_privileges_needs_no_new_privileges_for_a_filter() {
    let filtered = unit("User=www-data\nLockPersonality=yes").unwrap();
    assert!(filtered.measures.contains(&Measure::NoNewPrivs));
    assert!(filtered.measures.contains(&Measure::User(User::User)));
    assert!(filtered.told[0].why.contains("ordinary user"));
    assert!(!unit("LockPersonality=yes").unwrap().measures.contains(&Measure::NoNewPrivs));
    let dynamic = unit("DynamicUser=yes").unwrap();
    assert!(dynamic.measures.contains(&Measure::NoNewPrivs));
    assert!(rules(&dynamic).contains(&("/".into(), Access::ReadOnly)));
}

#[test]
fn limits_are_read_with_their_units() {
    let unit = unit("LimitNOFILE=512:1K\nLimitFSIZE=4M\nLimitCPU=1min\nLimitNICE=+5\nLimitCORE=infinity");
    assert!(unit.is_err(), "a count has no unit");
    let unit =
        super::tests::unit("LimitNOFILE=512:1024\nLimitFSIZE=4M\nLimitCPU=1min 30s\nLimitNICE=+5").unwrap();
    let Some(Measure::Rlimits(limits)) = unit.measures.first() else { panic!("{unit:?}") };
    let of =
        |name: &str| limits.iter().find(|limit| limit.resource == name).map(|l| (l.soft, l.hard)).unwrap();
    assert_eq!(of("nofile"), (Some(512), Some(1024)));
    assert_eq!(of("fsize"), (Some(4 << 20), Some(4 << 20)));
    assert_eq!(of("cpu"), (Some(90), Some(90)));
    assert_eq!(of("nice"), (Some(15), Some(15)));
}

#[test]
fn what_can_not_be_enforced_is_refused_at_its_line_unless_it_is_ignored() {
    let text =
        "NoNewPrivileges=yes\nAppArmorProfile=web\nPrivateMounts=yes\nIPAddressDeny=any\nPrivateNetwork=no";
    let problems = unit(text).unwrap_err();
    let told: Vec<(usize, &str)> =
        problems.iter().map(|p| (p.line, p.what.split(' ').next().unwrap())).collect();
    assert_eq!(told, [(3, "AppArmorProfile=web"), (5, "IPAddressDeny=any")]);
    assert!(problems[0].remedy.contains("ignore: [AppArmorProfile]"));
    let ignored = ["AppArmorProfile".to_owned(), "IPAddressDeny".to_owned()].into();
    let unit = read(&[("web.service", &format!("[Service]\n{text}\n"))], &ignored).unwrap();
    let states: Vec<Treatment> = unit.told.iter().map(|told| told.state).collect();
    use Treatment::{Applied, Ignored, NotApplicable};
    assert_eq!(states, [Applied, Ignored, NotApplicable, Ignored, NotApplicable]);
}

#[test]
fn mistakes_are_told_with_what_to_write() {
    for (text, what, remedy) in [
        ("ProtectSytem=yes", "no directive of a service is called ProtectSytem", "ProtectSystem"),
        ("ProtectSystem=maybe", "ProtectSystem=maybe: there is no such value", "strict"),
        ("NoNewPrivileges=perhaps", "it is no boolean", "yes"),
        ("ReadOnlyPaths=etc", "`etc` is no absolute path", "/etc"),
        ("ReadOnlyPaths=%h/x", "`%h` stands for nothing here", "itself"),
        ("CapabilityBoundingSet=CAP_FLY", "`CAP_FLY` is no capability", "capabilities(7)"),
        ("SystemCallFilter=@system-servce", "`@system-servce` is no group", "@system-service"),
        ("SystemCallFilter=opne", "`opne` is no system call", "spelling"),
        ("RestrictNamespaces=nets", "`nets` is no kind of namespace", "cgroup"),
        ("RestrictAddressFamilies=INET", "`INET` is no address family", "AF_INET"),
        ("UMask=999", "it is no mask", "0077"),
        ("ExecStart=/bin/true", "this unit has no hardening", "ProtectSystem"),
        ("nonsense", "`nonsense` is no assignment", "NoNewPrivileges"),
    ] {
        let problems = unit(text).unwrap_err();
        assert!(problems[0].what.contains(what), "{text}: {problems:?}");
        assert!(problems[0].remedy.contains(remedy), "{text}: {problems:?}");
    }
    let stray = read(&[("w", "[Service]\nUMask=7\n")], &["AppArmorProfile".to_owned()].into()).unwrap_err();
    assert!(stray[0].what.contains("does not set"));
}

#[test]
fn a_private_tmp_is_writable_where_all_else_is_not() {
    let open = |text: &str| {
        let unit = unit(text).unwrap();
        let rules = unit.measures.iter().find_map(|measure| match measure {
            Measure::Paths(rules) => Some(rules.clone()),
            _ => None,
        });
        let writable = |rule: &PathRule| rule.access == Access::ReadWrite && rule.path.ends_with("tmp");
        rules.unwrap_or_default().iter().filter(|rule| writable(rule)).count()
    };
    assert_eq!(open("ProtectSystem=strict\nPrivateTmp=yes"), 2);
    assert_eq!(open("DynamicUser=yes"), 2);
    assert_eq!(open("ProtectSystem=strict\nPrivateTmp=no"), 0);
    assert_eq!(open("ProtectSystem=strict"), 0);
}
