//! From a profile to the program that a container runtime would load: every architecture of the profile by itself,
//! another one's calls kill the thread, and calls newer than the profile are answered with ENOSYS, as runc does.

use super::Conditions;
use super::profile::{Arch, Op, Problem, Profile, Rule, Scope, Test};
use super::program::{
    AND, AT_LEAST, Action, EQUAL, Filter, GREATER, I386, Instruction, JUMP, LOAD, RETURN, X32_BIT, X86_64,
};
use super::tables::{self, SOCKETCALLS};
use std::collections::BTreeMap;

/// Most instructions that the kernel takes (`BPF_MAXINSNS`).
const LONGEST: usize = 4096;
const ENOSYS: u16 = libc::ENOSYS as u16;

/// How the calls of one number are answered: the first case whose tests all pass.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Answer {
    cases: Vec<(Vec<Test>, Action)>,
    last: Action,
}

pub(super) fn compile(profile: &Profile, conditions: &Conditions) -> Result<Filter, Problem> {
    let code = |arch| code(&table(profile, conditions, arch), profile, arch);
    let foreign = Action::KillThread.value();
    let has = |arch| profile.arches.contains(&arch);
    let native = code(Arch::X86_64);
    let x32 = if has(Arch::X32) { code(Arch::X32) } else { vec![(RETURN, 0, 0, foreign)] };
    let ia32 = if has(Arch::X86) { code(Arch::X86) } else { vec![(RETURN, 0, 0, foreign)] };

    let mut program =
        vec![(LOAD, 0, 0, 4), (EQUAL, 3, 0, X86_64), (EQUAL, 1, 0, I386), (RETURN, 0, 0, foreign)];
    // over the two tables of x86_64, and the four instructions that choose between them
    program.push((JUMP, 0, 0, (native.len() + x32.len() + 3) as u32));
    program.push((LOAD, 0, 0, 0));
    program.push((AT_LEAST, 0, 1, X32_BIT));
    program.push((JUMP, 0, 0, native.len() as u32));
    program.extend(native);
    program.extend(x32);
    program.push((LOAD, 0, 0, 0));
    program.extend(ia32);
    if program.len() > LONGEST {
        return Err(Problem {
            path: "syscalls".into(),
            what: format!("it takes {} instructions, and the kernel takes {LONGEST}", program.len()),
            remedy: "use fewer rules with conditions on arguments".into(),
        });
    }
    Ok(Filter { program, flags: profile.flags })
}

/// The answers that differ from the default, by number (x32 without its bit).
fn table(profile: &Profile, conditions: &Conditions, arch: Arch) -> BTreeMap<u32, Answer> {
    let mut table: BTreeMap<u32, Answer> = BTreeMap::new();
    let mut add = |number: u32, tests: Vec<Test>, action: Action| {
        let answer =
            table.entry(number).or_insert_with(|| Answer { cases: Vec::new(), last: profile.default });
        if tests.is_empty() {
            answer.last = action;
        } else {
            answer.cases.push((tests, action));
        }
    };
    for rule in profile.rules.iter().filter(|rule| applies(rule, conditions)) {
        // libseccomp drops a rule that says what the default says
        if rule.action == profile.default {
            continue;
        }
        for name in &rule.names {
            if let Some(number) = tables::number(arch, name) {
                for tests in alternatives(&rule.args) {
                    add(number, tests, rule.action);
                }
            }
            // What socketcall is asked for lies in memory: only a rule without conditions can be kept there.
            if arch == Arch::X86
                && rule.args.is_empty()
                && let Some((_, call)) = SOCKETCALLS.iter().find(|(known, _)| known == name)
                && let Some(number) = tables::number(arch, "socketcall")
            {
                let test = Test { index: 0, value: u64::from(*call), second: 0, op: Op::Equal };
                add(number, vec![test], rule.action);
            }
        }
    }
    table
}

/// The tests of one rule must all pass; but where two are about the same argument, runtimes make a rule of each.
fn alternatives(args: &[Test]) -> Vec<Vec<Test>> {
    let twice =
        args.iter().enumerate().any(|(at, test)| args[..at].iter().any(|before| before.index == test.index));
    if twice { args.iter().map(|test| vec![*test]).collect() } else { vec![args.to_vec()] }
}

fn applies(rule: &Rule, conditions: &Conditions) -> bool {
    let has = |capability: &u8| conditions.capabilities >> capability & 1 == 1;
    let here = |arch: &String| arch == "amd64";
    let new_enough = |scope: &Scope| scope.min_kernel.is_none_or(|version| conditions.kernel >= version);
    let Rule { includes, excludes, .. } = rule;
    (includes.arches.is_empty() || includes.arches.iter().any(here))
        && includes.capabilities.iter().all(has)
        && new_enough(includes)
        && !excludes.arches.iter().any(here)
        && !excludes.capabilities.iter().any(has)
        && !(excludes.min_kernel.is_some() && new_enough(excludes))
}

/// The program for one architecture. The number is loaded when it begins.
fn code(table: &BTreeMap<u32, Answer>, profile: &Profile, arch: Arch) -> Vec<Instruction> {
    let mut code = Vec::new();
    if arch == Arch::X32 {
        code.push((AND, 0, 0, !X32_BIT));
    }
    if let Some(newest) = newest(profile, arch) {
        code.push((GREATER, 0, 1, newest));
        code.push((RETURN, 0, 0, Action::Errno(ENOSYS).value()));
    }
    let default = Answer { cases: Vec::new(), last: profile.default };
    let mut runs: Vec<(u32, &Answer)> = vec![(0, &default)];
    for (number, answer) in table {
        put(&mut runs, *number, answer);
        put(&mut runs, number + 1, &default);
    }
    code.extend(search(&runs));
    code
}

/// Appends a run that begins at `number`, joining it to an equal one before.
fn put<'a>(runs: &mut Vec<(u32, &'a Answer)>, number: u32, answer: &'a Answer) {
    while runs.last().is_some_and(|(begin, _)| *begin >= number) {
        runs.pop();
    }
    if runs.last().is_none_or(|(_, before)| *before != answer) {
        runs.push((number, answer));
    }
}

/// The highest number that the profile names, where calls above it are ENOSYS: not where the default is to allow, or
/// is ENOSYS by the profile's own word (runc's `patchbpf`).
fn newest(profile: &Profile, arch: Arch) -> Option<u32> {
    let own_word = profile.default_errno_given && profile.default == Action::Errno(ENOSYS);
    if own_word || profile.default.lets_pass() {
        return None;
    }
    profile.rules.iter().flat_map(|rule| &rule.names).filter_map(|name| tables::number(arch, name)).max()
}

/// A balanced search over runs of numbers; each half stands whole behind its jump.
fn search(runs: &[(u32, &Answer)]) -> Vec<Instruction> {
    if let [(_, answer)] = runs {
        return end(answer);
    }
    let (low, high) = runs.split_at(runs.len() / 2);
    let (below, above) = (search(low), search(high));
    let mut code = Vec::with_capacity(2 + below.len() + above.len());
    match u8::try_from(below.len()) {
        Ok(distance) => code.push((AT_LEAST, distance, 0, high[0].0)),
        Err(_) => {
            code.push((AT_LEAST, 0, 1, high[0].0));
            code.push((JUMP, 0, 0, below.len() as u32));
        }
    }
    code.extend(below);
    code.extend(above);
    code
}

fn end(answer: &Answer) -> Vec<Instruction> {
    let mut code = Vec::new();
    for (tests, action) in &answer.cases {
        let mut case = vec![(RETURN, 0, 0, action.value())];
        // from the last to the first, for each must know how far it is to the next case
        for test in tests.iter().rev() {
            let mut one = compare(*test, case.len());
            one.append(&mut case);
            case = one;
        }
        code.extend(case);
    }
    code.push((RETURN, 0, 0, answer.last.value()));
    code
}

/// Falls through where the test passes, else jumps over `rest` instructions that follow.
fn compare(test: Test, rest: usize) -> Vec<Instruction> {
    let low = 16 + 8 * u32::from(test.index);
    let high = low + 4;
    let (value_low, value_high) = (test.value as u32, (test.value >> 32) as u32);
    // a case is a handful of tests of at most seven instructions: always within a jump's 255
    let over = |more: usize| u8::try_from(rest + more).unwrap_or(u8::MAX);
    match test.op {
        Op::Equal => vec![
            (LOAD, 0, 0, high),
            (EQUAL, 0, over(2), value_high),
            (LOAD, 0, 0, low),
            (EQUAL, 0, over(0), value_low),
        ],
        Op::NotEqual => vec![
            (LOAD, 0, 0, high),
            (EQUAL, 0, 2, value_high),
            (LOAD, 0, 0, low),
            (EQUAL, over(0), 0, value_low),
        ],
        Op::MaskedEqual => vec![
            (LOAD, 0, 0, high),
            (AND, 0, 0, value_high),
            (EQUAL, 0, over(3), (test.second >> 32) as u32),
            (LOAD, 0, 0, low),
            (AND, 0, 0, value_low),
            (EQUAL, 0, over(0), test.second as u32),
        ],
        Op::Greater | Op::GreaterOrEqual => {
            let code = if test.op == Op::Greater { GREATER } else { AT_LEAST };
            vec![
                (LOAD, 0, 0, high),
                (GREATER, 3, 0, value_high),
                (EQUAL, 0, over(2), value_high),
                (LOAD, 0, 0, low),
                (code, 0, over(0), value_low),
            ]
        }
        Op::Less | Op::LessOrEqual => {
            let code = if test.op == Op::Less { AT_LEAST } else { GREATER };
            vec![
                (LOAD, 0, 0, high),
                (GREATER, over(3), 0, value_high),
                (EQUAL, 0, 2, value_high),
                (LOAD, 0, 0, low),
                (code, over(0), 0, value_low),
            ]
        }
    }
}
