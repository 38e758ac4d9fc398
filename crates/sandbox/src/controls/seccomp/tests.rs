//! The compiled program against the profile's own words, interpreted the slow way, for every number of every
//! architecture; and what is refused.

use super::profile::{Arch, Op, Test};
use super::program::{I386, X32_BIT, X86_64};
use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

const CONDITIONS: Conditions = Conditions { capabilities: 1 << 21, kernel: (6, 1) };

fn profile() -> Value {
    json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": 1,
        "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]}],
        "syscalls": [
            {"names": ["read", "write", "openat", "execve", "exit_group", "ioctl", "statx", "connect"], "action": "SCMP_ACT_ALLOW"},
            {"names": ["personality"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 0, "op": "SCMP_CMP_EQ"}]},
            {"names": ["personality"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 0xffff_ffffu64, "op": "SCMP_CMP_EQ"}]},
            {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 40, "op": "SCMP_CMP_NE"}]},
            {"names": ["clone"], "action": "SCMP_ACT_ALLOW",
             "args": [{"index": 0, "value": 0x7e02_0000u64, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]},
            {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
            {"names": ["lseek"], "action": "SCMP_ACT_TRAP",
             "args": [{"index": 1, "value": 0x1_0000_0000u64, "op": "SCMP_CMP_GE"}, {"index": 2, "value": 2, "op": "SCMP_CMP_LT"}]},
            {"names": ["dup"], "action": "SCMP_ACT_KILL_PROCESS", "args": [{"index": 0, "value": 7, "op": "SCMP_CMP_GT"}]},
            {"names": ["dup2"], "action": "SCMP_ACT_ALLOW",
             "args": [{"index": 0, "value": 3, "op": "SCMP_CMP_LE"}, {"index": 0, "value": 9, "op": "SCMP_CMP_EQ"}]},
            {"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
            {"names": ["umount2"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
            {"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}},
            {"names": ["bpf"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "9.9"}},
            {"names": ["no_such_call_anywhere"], "action": "SCMP_ACT_ALLOW"}
        ]
    })
}

/// What the profile says in its own words. `newest` is the highest number that it names.
fn slow(profile: &Profile, arch: Arch, number: u32, args: [u64; 6]) -> Action {
    let named = |name: &String| tables::number(arch, name) == Some(number);
    let newest = profile.rules.iter().flat_map(|r| &r.names).filter_map(|n| tables::number(arch, n)).max();
    if !profile.default.lets_pass() && newest.is_some_and(|newest| number > newest) {
        return Action::Errno(38);
    }
    let holds = |scope: &super::profile::Scope, yes: bool| {
        let caps = scope.capabilities.iter().map(|c| CONDITIONS.capabilities >> c & 1 == 1);
        let kernel = scope.min_kernel.map(|version| CONDITIONS.kernel >= version);
        if yes { caps.chain(kernel).all(|b| b) } else { caps.chain(kernel).any(|b| b) }
    };
    let test = |t: &Test| {
        let value = args[t.index as usize];
        match t.op {
            Op::NotEqual => value != t.value,
            Op::Less => value < t.value,
            Op::LessOrEqual => value <= t.value,
            Op::Equal => value == t.value,
            Op::GreaterOrEqual => value >= t.value,
            Op::Greater => value > t.value,
            Op::MaskedEqual => value & t.value == t.second,
        }
    };
    let mut plain = None;
    for rule in &profile.rules {
        if !holds(&rule.includes, true) || holds(&rule.excludes, false) || !rule.names.iter().any(named) {
            continue;
        }
        let twice = rule.args.len() == 2 && rule.args[0].index == rule.args[1].index;
        if rule.args.is_empty() {
            plain = Some(rule.action);
        } else if if twice { rule.args.iter().any(test) } else { rule.args.iter().all(test) } {
            return rule.action;
        }
    }
    plain.unwrap_or(profile.default)
}

fn call(arch: Arch, number: u32, args: [u64; 6]) -> Call {
    match arch {
        Arch::X86_64 => Call { nr: number, arch: X86_64, ip: 0, args },
        Arch::X86 => Call { nr: number, arch: I386, ip: 0, args },
        Arch::X32 => Call { nr: number | X32_BIT, arch: X86_64, ip: 0, args },
    }
}

fn argument() -> impl Strategy<Value = u64> {
    prop_oneof![
        0u64..12,
        Just(40),
        Just(0xffff_ffff),
        Just(1 << 32),
        Just((1 << 32) - 1),
        Just(0x7e02_0000),
        Just(0x1_0000_0007),
        any::<u64>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_number_of_every_door_gets_what_the_profile_says(args in prop::array::uniform6(argument())) {
        let parsed = Profile::parse(&profile()).unwrap();
        let filter = compile(&profile(), &CONDITIONS).unwrap();
        for arch in [Arch::X86_64, Arch::X86, Arch::X32] {
            let socketcall = tables::number(Arch::X86, "socketcall");
            for number in (0..700).filter(|n| arch != Arch::X86 || Some(*n) != socketcall) {
                let expected = slow(&parsed, arch, number, args);
                prop_assert_eq!(filter.run(&call(arch, number, args)), expected, "{:?} {}", arch, number);
            }
        }
    }
}

#[test]
fn socketcall_passes_for_what_a_rule_without_conditions_names() {
    let filter = compile(&profile(), &CONDITIONS).unwrap();
    let socketcall = tables::number(Arch::X86, "socketcall").unwrap();
    let run = |which| filter.run(&call(Arch::X86, socketcall, [which, 0, 0, 0, 0, 0]));
    assert_eq!(run(3), Action::Allow, "connect");
    assert_eq!(run(1), Action::Errno(1), "socket has a condition that can't be seen there");
    assert_eq!(run(2), Action::Errno(1), "bind is not named");
}

#[test]
fn a_door_that_the_profile_does_not_list_is_shut() {
    let json =
        json!({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": []});
    let filter = compile(&json, &CONDITIONS).unwrap();
    assert_eq!(filter.run(&call(Arch::X86_64, 0, [0; 6])), Action::Allow);
    assert_eq!(filter.run(&call(Arch::X86, 0, [0; 6])), Action::KillThread);
    assert_eq!(filter.run(&call(Arch::X32, 0, [0; 6])), Action::KillThread);
    assert_eq!(filter.run(&Call { nr: 0, arch: 0x1234, ip: 0, args: [0; 6] }), Action::KillThread);
}

#[test]
fn calls_newer_than_the_profile_do_not_exist_unless_its_default_says_otherwise() {
    let mut json = json!({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]});
    let write = call(Arch::X86_64, 1, [0; 6]);
    assert_eq!(compile(&json, &CONDITIONS).unwrap().run(&write), Action::Errno(38));
    json["defaultAction"] = "SCMP_ACT_LOG".into();
    assert_eq!(compile(&json, &CONDITIONS).unwrap().run(&write), Action::Log);
}

#[test]
fn an_error_may_be_named() {
    let json = json!({
        "defaultAction": "SCMP_ACT_ERRNO", "defaultErrno": "ENOSYS", "defaultErrnoRet": 38,
        "syscalls": [
            {"names": ["dup3"], "action": "SCMP_ACT_ALLOW"},
            {"names": ["dup"], "action": "SCMP_ACT_ERRNO", "errno": "EACCES"},
            {"names": ["dup2"], "action": "SCMP_ACT_ERRNO", "errno": "", "errnoRet": 22}
        ]
    });
    let filter = compile(&json, &CONDITIONS).unwrap();
    let run = |name| filter.run(&call(Arch::X86_64, tables::number(Arch::X86_64, name).unwrap(), [0; 6]));
    assert_eq!(run("dup"), Action::Errno(libc::EACCES as u16));
    assert_eq!(run("dup2"), Action::Errno(libc::EINVAL as u16));
    assert_eq!(run("read"), Action::Errno(libc::ENOSYS as u16));
}

#[test]
fn what_is_no_profile_is_refused_with_all_its_places() {
    let json = json!({
        "defaultAction": "SCMP_ACT_DENY",
        "syscals": [],
        "listenerPath": "/run/agent.sock",
        "syscalls": [
            {"names": ["read"], "action": "SCMP_ACT_NOTIFY"},
            {"names": [3], "action": "SCMP_ACT_ALLOW", "args": [{"index": 6, "op": "SCMP_CMP_EQ"}, {"index": 0, "op": "EQ"}]},
            {"names": ["read"], "action": "SCMP_ACT_ERRNO", "errnoRet": 70000, "includes": {"caps": ["CAP_NONE"], "minKernel": "new"}},
            {"names": ["read"], "action": "SCMP_ACT_ERRNO", "errno": "ENOTHING"},
            {"names": ["read"], "action": "SCMP_ACT_ERRNO", "errno": "EPERM", "errnoRet": 2}
        ]
    });
    let paths: Vec<String> = compile(&json, &CONDITIONS).unwrap_err().into_iter().map(|p| p.path).collect();
    for expected in [
        "syscals",
        "listenerPath",
        "defaultAction",
        "syscalls[0].action",
        "syscalls[1]",
        "syscalls[1].args[0].index",
        "syscalls[1].args[1].op",
        "syscalls[2].errnoRet",
        "syscalls[3].errno",
        "syscalls[4].errno",
        "syscalls[2].includes.caps[0]",
        "syscalls[2].includes.minKernel",
    ] {
        assert!(paths.iter().any(|path| path == expected), "{expected} in {paths:?}");
    }
    assert!(compile(&json!([]), &CONDITIONS).is_err());
}

#[test]
fn a_profile_that_is_too_long_for_the_kernel_is_refused() {
    let rule = |at: u64| {
        json!({"names": ["ioctl", "read", "write"], "action": "SCMP_ACT_ALLOW",
               "args": [{"index": 1, "value": at, "op": "SCMP_CMP_EQ"}]})
    };
    let json = json!({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": (0..500).map(rule).collect::<Vec<_>>()});
    assert!(compile(&json, &CONDITIONS).unwrap_err()[0].what.contains("instructions"));
}
