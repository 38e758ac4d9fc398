//! A seccomp profile as its JSON says it: the fields of the OCI runtime specification, and those that Docker adds
//! (`archMap`, `includes`, `excludes`) and Podman (`defaultErrno`, `errno`: error numbers by name).

use super::program::Action;
use super::tables;
use serde_json::Value;

/// Something of a profile that can't be enforced.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {what}")]
pub struct Problem {
    /// Where in the JSON (`syscalls[3].args[0].op`).
    pub path: String,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

/// A profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// For calls that no rule names.
    pub(super) default: Action,
    /// `defaultErrnoRet` was given.
    pub(super) default_errno_given: bool,
    pub(super) arches: Vec<Arch>,
    pub(super) rules: Vec<Rule>,
    /// Flags of `seccomp(2)`.
    pub(super) flags: u64,
}

/// An architecture whose calls a profile covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Arch {
    X86_64,
    X86,
    X32,
}

/// One entry of `syscalls`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) names: Vec<String>,
    pub(super) action: Action,
    pub(super) args: Vec<Test>,
    pub(super) includes: Scope,
    pub(super) excludes: Scope,
}

/// For which processes and hosts a rule is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Scope {
    /// Bits of capabilities.
    pub(super) capabilities: Vec<u8>,
    /// Of the host, in Docker's words (`amd64`).
    pub(super) arches: Vec<String>,
    pub(super) min_kernel: Option<(u32, u32)>,
}

/// A condition on one argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Test {
    pub(super) index: u8,
    pub(super) value: u64,
    pub(super) second: u64,
    pub(super) op: Op,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    NotEqual,
    Less,
    LessOrEqual,
    Equal,
    GreaterOrEqual,
    Greater,
    MaskedEqual,
}

const EPERM: u16 = libc::EPERM as u16;

impl Profile {
    /// Reads a profile.
    ///
    /// # Errors
    /// All that is no profile, or that nothing here can enforce.
    pub fn parse(json: &Value) -> Result<Profile, Vec<Problem>> {
        let mut reader = Reader { problems: Vec::new() };
        let profile = reader.profile(json);
        match profile {
            Some(profile) if reader.problems.is_empty() => Ok(profile),
            _ => Err(reader.problems),
        }
    }
}

struct Reader {
    problems: Vec<Problem>,
}

impl Reader {
    fn problem(&mut self, path: &str, what: impl Into<String>, remedy: &str) {
        self.problems.push(Problem { path: path.into(), what: what.into(), remedy: remedy.into() });
    }

    fn profile(&mut self, json: &Value) -> Option<Profile> {
        let Some(object) = json.as_object() else {
            self.problem(
                "profile",
                "it is no JSON object",
                "give a profile as Docker's --security-opt takes it",
            );
            return None;
        };
        const KEYS: [&str; 9] = [
            "defaultAction",
            "defaultErrno",
            "defaultErrnoRet",
            "architectures",
            "archMap",
            "flags",
            "syscalls",
            "listenerPath",
            "listenerMetadata",
        ];
        for key in object.keys().filter(|key| !KEYS.contains(&key.as_str())) {
            self.problem(key, "no such field is known", "remove it, or check its spelling");
        }
        for key in ["listenerPath", "listenerMetadata"] {
            if json.get(key).and_then(Value::as_str).is_some_and(|text| !text.is_empty()) {
                self.problem(
                    key,
                    "there is no agent here that listens",
                    "use a profile without SCMP_ACT_NOTIFY",
                );
            }
        }
        let errno = self.errno(json, "defaultErrno", "defaultErrnoRet");
        let default = match json.get("defaultAction") {
            Some(action) => self.action(action, errno, "defaultAction"),
            None => {
                self.problem("defaultAction", "it is missing", "add it, as in \"SCMP_ACT_ERRNO\"");
                None
            }
        };
        let arches = self.arches(json);
        let flags = self.flags(json);
        let mut rules = Vec::new();
        for (at, rule) in list(json, "syscalls").iter().enumerate() {
            rules.extend(self.rule(rule, &format!("syscalls[{at}]")));
        }
        if json.get("syscalls").is_some_and(|s| !s.is_array() && !s.is_null()) {
            self.problem("syscalls", "it is no list", "write a list of rules");
        }
        Some(Profile { default: default?, default_errno_given: errno.is_some(), arches, rules, flags })
    }

    fn arches(&mut self, json: &Value) -> Vec<Arch> {
        let mut arches = Vec::new();
        let mut add = |name: &Value| match name.as_str() {
            Some("SCMP_ARCH_X86_64") => Some(Arch::X86_64),
            Some("SCMP_ARCH_X86") => Some(Arch::X86),
            Some("SCMP_ARCH_X32") => Some(Arch::X32),
            // of other machines: none of their programs runs here
            _ => None,
        };
        for (at, name) in list(json, "architectures").iter().enumerate() {
            arches.extend(add(name));
            if !name.as_str().is_some_and(|name| name.starts_with("SCMP_ARCH_")) {
                self.problem(
                    &format!("architectures[{at}]"),
                    format!("{name} is no architecture"),
                    "write SCMP_ARCH_X86_64",
                );
            }
        }
        for entry in list(json, "archMap") {
            if entry.get("architecture").and_then(Value::as_str) == Some("SCMP_ARCH_X86_64") {
                arches.push(Arch::X86_64);
                arches.extend(list(entry, "subArchitectures").iter().filter_map(&mut add));
            }
        }
        // the runtimes add the host's own whatever is listed
        arches.push(Arch::X86_64);
        arches.sort_unstable();
        arches.dedup();
        arches
    }

    fn flags(&mut self, json: &Value) -> u64 {
        let mut flags = 0;
        for (at, flag) in list(json, "flags").iter().enumerate() {
            flags |= match flag.as_str() {
                Some("SECCOMP_FILTER_FLAG_LOG") => libc::SECCOMP_FILTER_FLAG_LOG,
                Some("SECCOMP_FILTER_FLAG_SPEC_ALLOW") => libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW,
                // one thread installs it, before the program begins
                Some("SECCOMP_FILTER_FLAG_TSYNC" | "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV") => 0,
                _ => {
                    self.problem(&format!("flags[{at}]"), format!("{flag} is no flag"), "remove it");
                    0
                }
            };
        }
        flags
    }

    /// An error by its name or by its number. Docker's rules may say both, as long as it is the same one.
    fn errno(&mut self, json: &Value, by_name: &str, by_number: &str) -> Option<u16> {
        let given = |key: &str| json.get(key).filter(|value| !value.is_null());
        let number = given(by_number).and_then(|value| match value.as_u64() {
            // more is cut off by the kernel (MAX_ERRNO)
            Some(number @ 0..=4095) => Some(number as u16),
            _ => {
                let what = format!("{value} is no error number");
                self.problem(by_number, what, "write a number from 0 to 4095");
                None
            }
        });
        let Some(value) = given(by_name).filter(|value| value.as_str() != Some("")) else { return number };
        let Some(named) = value.as_str().and_then(tables::errno) else {
            self.problem(by_name, format!("{value} is no error"), "write its name as in errno(3), \"EPERM\"");
            return None;
        };
        if number.is_some_and(|number| number != named) {
            self.problem(by_name, format!("{by_number} says another error"), "write one of the two");
        }
        Some(named)
    }

    fn action(&mut self, value: &Value, errno: Option<u16>, path: &str) -> Option<Action> {
        let number = errno.unwrap_or(EPERM);
        Some(match value.as_str() {
            Some("SCMP_ACT_ALLOW") => Action::Allow,
            Some("SCMP_ACT_LOG") => Action::Log,
            Some("SCMP_ACT_ERRNO") => Action::Errno(number),
            Some("SCMP_ACT_TRAP") => Action::Trap,
            Some("SCMP_ACT_KILL" | "SCMP_ACT_KILL_THREAD") => Action::KillThread,
            Some("SCMP_ACT_KILL_PROCESS") => Action::KillProcess,
            Some("SCMP_ACT_TRACE") => Action::Trace(errno.unwrap_or(EPERM)),
            Some("SCMP_ACT_NOTIFY") => {
                self.problem(path, "there is no agent here that answers", "use SCMP_ACT_ERRNO");
                return None;
            }
            _ => {
                self.problem(
                    path,
                    format!("{value} is no action"),
                    "write SCMP_ACT_ALLOW, SCMP_ACT_ERRNO, …",
                );
                return None;
            }
        })
    }

    fn rule(&mut self, json: &Value, path: &str) -> Option<Rule> {
        let mut names: Vec<String> = Vec::new();
        for name in list(json, "names").iter().chain(json.get("name")) {
            match name.as_str() {
                Some(name) => names.push(name.to_owned()),
                None => self.problem(path, format!("{name} is no system call"), "write its name"),
            }
        }
        let before = self.problems.len();
        let errno = self.errno(json, "errno", "errnoRet");
        for problem in &mut self.problems[before..] {
            problem.path = format!("{path}.{}", problem.path);
        }
        let action = match json.get("action") {
            Some(action) => self.action(action, errno, &format!("{path}.action")),
            None => {
                self.problem(&format!("{path}.action"), "it is missing", "add it, as in \"SCMP_ACT_ALLOW\"");
                None
            }
        };
        let mut args = Vec::new();
        for (at, test) in list(json, "args").iter().enumerate() {
            args.extend(self.test(test, &format!("{path}.args[{at}]")));
        }
        let includes = self.scope(json.get("includes"), &format!("{path}.includes"));
        let excludes = self.scope(json.get("excludes"), &format!("{path}.excludes"));
        Some(Rule { names, action: action?, args, includes, excludes })
    }

    fn test(&mut self, json: &Value, path: &str) -> Option<Test> {
        let number = |key: &str| json.get(key).filter(|v| !v.is_null()).map_or(Some(0), Value::as_u64);
        let op = match json.get("op").and_then(Value::as_str) {
            Some("SCMP_CMP_NE") => Op::NotEqual,
            Some("SCMP_CMP_LT") => Op::Less,
            Some("SCMP_CMP_LE") => Op::LessOrEqual,
            Some("SCMP_CMP_EQ") => Op::Equal,
            Some("SCMP_CMP_GE") => Op::GreaterOrEqual,
            Some("SCMP_CMP_GT") => Op::Greater,
            Some("SCMP_CMP_MASKED_EQ") => Op::MaskedEqual,
            _ => {
                self.problem(&format!("{path}.op"), "it is no comparison", "write SCMP_CMP_EQ, …");
                return None;
            }
        };
        match (number("index"), number("value"), number("valueTwo")) {
            (Some(index @ 0..=5), Some(value), Some(second)) => {
                Some(Test { index: index as u8, value, second, op })
            }
            (Some(0..=5), ..) => {
                self.problem(path, "its value is no number", "write an unsigned 64-bit number");
                None
            }
            _ => {
                self.problem(
                    &format!("{path}.index"),
                    "a call has the arguments 0 to 5",
                    "write one of them",
                );
                None
            }
        }
    }

    fn scope(&mut self, json: Option<&Value>, path: &str) -> Scope {
        let Some(json) = json.filter(|json| !json.is_null()) else { return Scope::default() };
        let mut scope = Scope::default();
        for (at, name) in list(json, "caps").iter().enumerate() {
            match name.as_str().and_then(crate::controls::capabilities::number) {
                Some(number) => scope.capabilities.push(number),
                None => self.problem(
                    &format!("{path}.caps[{at}]"),
                    format!("{name} is no capability"),
                    "write it as in capabilities(7)",
                ),
            }
        }
        scope.arches =
            list(json, "arches").iter().filter_map(|arch| arch.as_str().map(String::from)).collect();
        if let Some(text) = json.get("minKernel").and_then(Value::as_str).filter(|text| !text.is_empty()) {
            let mut parts = text.splitn(2, '.').map(str::parse::<u32>);
            match (parts.next(), parts.next()) {
                (Some(Ok(major)), Some(Ok(minor))) => scope.min_kernel = Some((major, minor)),
                _ => self.problem(
                    &format!("{path}.minKernel"),
                    format!("{text:?} is no version"),
                    "write it as in \"4.8\"",
                ),
            }
        }
        scope
    }
}

fn list<'v>(json: &'v Value, key: &str) -> &'v [Value] {
    json.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
