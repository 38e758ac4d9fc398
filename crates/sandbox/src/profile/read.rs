//! From the tree of a profile's file to the profile; every mistake is collected, none is guessed away.

use super::limits;
use super::{Profile, ProfileNetwork, ProfileRootfs, ProfileSensor, ProfileTrigger, VERSION};
use crate::{IoUring, RunAs};
use detektr_yaml::{Node, Problem, Reader as Base, Value};
use std::ops::{Deref, DerefMut};
use std::path::Path;

/// The keys at the top of a profile.
pub const KEYS: &[&str] = &[
    "detektr", "rootfs", "user", "limits", "timeout", "setenv", "hostname", "network", "site", "baits",
    "sensor", "io_uring", "observe", "trigger",
];

/// The profile, as far as it can be read, and all that is wrong with it.
pub(super) fn profile(node: &Node, folder: &Path) -> (Profile, Vec<Problem>) {
    let mut reader = Reader { folder, base: Base::default() };
    let profile = reader.profile(node);
    (profile, reader.base.problems)
}

struct Reader<'a> {
    folder: &'a Path,
    base: Base,
}

impl Deref for Reader<'_> {
    type Target = Base;

    fn deref(&self) -> &Base {
        &self.base
    }
}

impl DerefMut for Reader<'_> {
    fn deref_mut(&mut self) -> &mut Base {
        &mut self.base
    }
}

impl Reader<'_> {
    fn profile(&mut self, node: &Node) -> Profile {
        let mut profile = Profile::default();
        let Some(entries) = self.map(node, "a profile") else { return profile };
        self.version(node, entries, "a profile", VERSION);
        let mut timeout = None;
        for (key, value) in entries {
            match key.text.as_str() {
                "detektr" => {}
                "rootfs" => profile.rootfs = self.rootfs(value),
                "user" => {
                    profile.user =
                        self.choice(value, "user", &[("user", RunAs::User), ("root", RunAs::Root)]);
                }
                "limits" => profile.limits = limits::read(self, value),
                "timeout" => timeout = self.time(value, key.text.as_str()).map(|time| (key, time)),
                "setenv" => profile.setenv = self.setenv(value),
                "hostname" => profile.hostname = self.hostname(value),
                "network" => profile.network = self.network(value),
                "site" => {
                    let file = self.scalar(value, "site", "a path");
                    profile.site = file.map(|file| self.folder.join(file));
                }
                "baits" => profile.baits = self.truth(value, "baits"),
                "sensor" => {
                    let choices = [
                        ("auto", ProfileSensor::Auto),
                        ("ebpf", ProfileSensor::Ebpf),
                        ("ptrace", ProfileSensor::Ptrace),
                    ];
                    profile.sensor = self.choice(value, "sensor", &choices);
                }
                "io_uring" => {
                    let choices =
                        [("auto", IoUring::Auto), ("allow", IoUring::Allow), ("refuse", IoUring::Refuse)];
                    profile.io_uring = self.choice(value, "io_uring", &choices);
                }
                "observe" => profile.observe_stat = self.observe(value),
                "trigger" => profile.trigger = self.trigger(value),
                _ => self.unknown(key, "a profile", KEYS),
            }
        }
        match timeout {
            Some((key, _)) if profile.limits.wall.is_some() => {
                let problem =
                    Problem::new(key.span.clone(), "conflict", "`timeout` and `limits.wall` say the same");
                self.problems.push(problem.help("keep one of the two"));
            }
            Some((_, time)) => profile.limits.wall = Some(time),
            None => {}
        }
        profile
    }

    fn rootfs(&mut self, node: &Node) -> Option<ProfileRootfs> {
        const HELP: &str = "write `rootfs: host`, `rootfs: {dir: FOLDER}` or `rootfs: {image: FILE.tar}`";
        match &node.value {
            Value::Scalar { text, .. } if text == "host" => Some(ProfileRootfs::Host),
            Value::Map(entries) => {
                let [(key, value)] = entries.as_slice() else {
                    self.problem(node, "value", "`rootfs` takes exactly one of `dir` and `image`", HELP);
                    return None;
                };
                let make = match key.text.as_str() {
                    "dir" => ProfileRootfs::Dir,
                    "image" => ProfileRootfs::Image,
                    _ => {
                        self.unknown(key, "`rootfs`", &["dir", "image"]);
                        return None;
                    }
                };
                let path = self.scalar(value, &key.text, "a path")?;
                if path.is_empty() || path.contains('\0') {
                    self.problem(value, "value", format!("`{}` needs a path", key.text), HELP);
                    return None;
                }
                Some(make(self.folder.join(path)))
            }
            _ => {
                self.problem(node, "value", "no root file system", HELP);
                None
            }
        }
    }

    fn hostname(&mut self, node: &Node) -> Option<String> {
        let text = self.scalar(node, "hostname", "a name")?;
        let fits = (1..=64).contains(&text.len())
            && text.starts_with(|letter: char| letter.is_ascii_alphanumeric())
            && text.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-'));
        if !fits {
            let help = "use 1 to 64 letters, digits, `.` and `-`, with a letter or digit first";
            self.problem(node, "value", format!("`{text}` is no host name"), help);
            return None;
        }
        Some(text)
    }

    fn network(&mut self, node: &Node) -> Option<ProfileNetwork> {
        if let Value::Scalar { text, .. } = &node.value
            && matches!(text.as_str(), "host" | "bridge" | "full" | "on" | "true")
        {
            let what = format!("network mode `{text}`: no packet of an artifact ever reaches a real network");
            self.problem(node, "unsupported", what, "write `network: sim` for one that is simulated");
            return None;
        }
        let choices = [
            ("none", ProfileNetwork::None),
            ("sim", ProfileNetwork::Sim),
            ("sim-404", ProfileNetwork::Sim404),
            ("sim-nx", ProfileNetwork::SimNx),
        ];
        self.choice(node, "network", &choices)
    }

    fn observe(&mut self, node: &Node) -> Option<bool> {
        let Value::List(items) = &node.value else {
            let what = format!("`observe` is {}, where a list belongs", node.kind());
            self.problem(node, "type", what, "write `observe: [stat]`");
            return None;
        };
        let mut observe_stat = false;
        for item in items {
            observe_stat |= self.choice(item, "observe", &[("stat", true)])?;
        }
        Some(observe_stat)
    }

    fn trigger(&mut self, node: &Node) -> Option<Vec<ProfileTrigger>> {
        let Value::List(items) = &node.value else {
            let what = format!("`trigger` is {}, where a list belongs", node.kind());
            self.problem(node, "type", what, "write `trigger: [login, schedule, reboot]`, or `[]` for none");
            return None;
        };
        let choices = [
            ("login", ProfileTrigger::Login),
            ("schedule", ProfileTrigger::Schedule),
            ("reboot", ProfileTrigger::Reboot),
        ];
        items.iter().map(|item| self.choice(item, "trigger", &choices)).collect()
    }
}
