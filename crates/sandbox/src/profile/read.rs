//! From the tree of a profile's file to the profile; every mistake is collected, none is guessed away.

use super::error::Problem;
use super::tree::{Key, Node, Value};
use super::units;
use super::{Profile, ProfileLimits, ProfileNetwork, ProfileRootfs, ProfileSensor, VERSION};
use crate::RunAs;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

/// The keys of a profile.
pub(super) const KEYS: &[&str] = &[
    "detektr", "rootfs", "user", "limits", "timeout", "setenv", "hostname", "network", "baits", "sensor",
    "observe",
];
/// The keys under `limits`.
pub(super) const LIMITS: &[&str] = &["wall", "cpus", "memory", "processes", "file_size", "disk", "output"];

const LONGEST: Duration = Duration::from_secs(7 * 86_400);
const PROCESSES: RangeInclusive<u64> = 1..=4_194_304;
const CPUS: RangeInclusive<f64> = 0.01..=1024.0;

/// The profile, as far as it can be read, and all that is wrong with it.
pub(super) fn profile(node: &Node, folder: &Path) -> (Profile, Vec<Problem>) {
    let mut reader = Reader { folder, problems: Vec::new() };
    let profile = reader.profile(node);
    (profile, reader.problems)
}

struct Reader<'a> {
    folder: &'a Path,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn profile(&mut self, node: &Node) -> Profile {
        let mut profile = Profile::default();
        let Some(entries) = self.map(node, "a profile") else { return profile };
        if !entries.iter().any(|(key, _)| key.text == "detektr") {
            let problem =
                Problem::new(node.span.start..node.span.start, "version", "the version of the format lacks");
            self.problems.push(problem.help("begin the file with `detektr: 1`"));
        }
        let mut timeout = None;
        for (key, value) in entries {
            match key.text.as_str() {
                "detektr" => self.version(value),
                "rootfs" => profile.rootfs = self.rootfs(value),
                "user" => {
                    profile.user =
                        self.choice(value, "user", &[("user", RunAs::User), ("root", RunAs::Root)]);
                }
                "limits" => profile.limits = self.limits(value),
                "timeout" => timeout = self.time(value).map(|time| (key, time)),
                "setenv" => profile.setenv = self.setenv(value),
                "hostname" => profile.hostname = self.hostname(value),
                "network" => profile.network = self.network(value),
                "baits" => profile.baits = self.truth(value, "baits"),
                "sensor" => {
                    let choices = [
                        ("auto", ProfileSensor::Auto),
                        ("ebpf", ProfileSensor::Ebpf),
                        ("ptrace", ProfileSensor::Ptrace),
                    ];
                    profile.sensor = self.choice(value, "sensor", &choices);
                }
                "observe" => profile.observe_stat = self.observe(value),
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

    fn version(&mut self, node: &Node) {
        match self.scalar(node, "detektr", "the version of the format") {
            Some(text) if text.parse() == Ok(VERSION) => {}
            Some(text) if text.parse::<u64>().is_ok() => {
                let what = format!("a profile of format {text}; this Detektr reads format {VERSION}");
                self.problem(node, "version", what, "use the Detektr that it was written for, or rewrite it");
            }
            Some(text) => {
                self.problem(node, "version", format!("`{text}` is no version"), "write `detektr: 1`")
            }
            None => {}
        }
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

    fn limits(&mut self, node: &Node) -> ProfileLimits {
        let mut limits = ProfileLimits::default();
        let Some(entries) = self.map(node, "`limits`") else { return limits };
        for (key, value) in entries {
            let name = key.text.as_str();
            match name {
                "wall" => limits.wall = self.time(value),
                "cpus" => limits.cpus = self.cpus(value),
                "memory" => limits.memory = self.size(value, name, 1 << 20),
                "processes" => limits.processes = self.processes(value),
                "file_size" => limits.file_size = self.size(value, name, 1),
                "disk" => limits.disk = self.size(value, name, 1),
                "output" => limits.output = self.size(value, name, 1),
                _ => self.unknown(key, "`limits`", LIMITS),
            }
        }
        limits
    }

    fn cpus(&mut self, node: &Node) -> Option<f64> {
        let text = self.scalar(node, "cpus", "a number")?;
        match text.parse::<f64>() {
            Ok(cpus) if CPUS.contains(&cpus) => Some(cpus),
            Ok(_) => {
                let what = format!("{text} processors is out of range");
                self.problem(node, "range", what, "write a number from 0.01 to 1024");
                None
            }
            Err(_) => {
                self.problem(
                    node,
                    "type",
                    format!("`{text}` is no number"),
                    "write a number, as in `cpus: 1.5`",
                );
                None
            }
        }
    }

    fn processes(&mut self, node: &Node) -> Option<u64> {
        let text = self.scalar(node, "processes", "a number")?;
        let help = "write a whole number from 1 to 4194304";
        match text.parse::<u64>() {
            Ok(count) if PROCESSES.contains(&count) => Some(count),
            Ok(_) => {
                self.problem(node, "range", format!("{text} processes is out of range"), help);
                None
            }
            Err(_) => {
                self.problem(node, "type", format!("`{text}` is no whole number"), help);
                None
            }
        }
    }

    fn size(&mut self, node: &Node, name: &str, least: u64) -> Option<u64> {
        let text = self.scalar(node, name, "a size")?;
        match units::size(&text) {
            Some(bytes) if bytes >= least => Some(bytes),
            Some(_) => {
                let what = format!("`{name}: {text}` is too small");
                self.problem(node, "range", what, format!("write {least} bytes or more"));
                None
            }
            None => {
                let help = "write a number and a unit (KiB, MiB, GiB), as in `512MiB`";
                self.problem(node, "type", format!("`{text}` is no size"), help);
                None
            }
        }
    }

    fn time(&mut self, node: &Node) -> Option<Duration> {
        let text = self.scalar(node, "timeout", "a time")?;
        let help = "write seconds, or numbers with units, as in `30s` or `1m30s`; at most 7 days";
        match units::duration(&text) {
            Some(time) if !time.is_zero() && time <= LONGEST => Some(time),
            Some(_) => {
                self.problem(node, "range", format!("`{text}` is out of range"), help);
                None
            }
            None => {
                self.problem(node, "type", format!("`{text}` is no time"), help);
                None
            }
        }
    }

    fn setenv(&mut self, node: &Node) -> Vec<(String, String)> {
        let mut variables = Vec::new();
        for (key, value) in self.map(node, "`setenv`").unwrap_or_default() {
            let name = &key.text;
            let starts = name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_');
            if !starts || !name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_') {
                let problem =
                    Problem::new(key.span.clone(), "value", format!("`{name}` is no name of a variable"));
                self.problems.push(problem.help("use letters, digits and `_`, and no digit first"));
                continue;
            }
            let Some(text) = self.scalar(value, name, "a value (`\"\"` for an empty one)") else { continue };
            if text.contains('\0') {
                self.problem(value, "value", "a variable can't hold a zero byte", "leave it out");
                continue;
            }
            variables.push((name.clone(), text));
        }
        variables
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
            && matches!(text.as_str(), "sim" | "sim-404" | "sim-nx")
        {
            let what = format!(
                "network mode `{text}` needs the simulated internet, which this version doesn't have"
            );
            self.problem(node, "unsupported", what, "write `network: none`");
            return None;
        }
        if let Value::Scalar { text, .. } = &node.value
            && matches!(text.as_str(), "host" | "bridge" | "full" | "on" | "true")
        {
            let what = format!("network mode `{text}`: no packet of an artifact ever reaches a real network");
            self.problem(node, "unsupported", what, "write `network: none`");
            return None;
        }
        self.choice(node, "network", &[("none", ProfileNetwork::None)])
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

    fn truth(&mut self, node: &Node, name: &str) -> Option<bool> {
        let text = self.scalar(node, name, "`true` or `false`")?;
        let plain = matches!(node.value, Value::Scalar { plain: true, .. });
        match text.as_str() {
            "true" if plain => return Some(true),
            "false" if plain => return Some(false),
            _ => {}
        }
        let help = match text.to_ascii_lowercase().as_str() {
            "on" | "yes" | "true" => format!("write `{name}: true`"),
            "off" | "no" | "false" => format!("write `{name}: false`"),
            _ => "write `true` or `false`".to_owned(),
        };
        self.problem(node, "type", format!("`{text}` is neither `true` nor `false`"), help);
        None
    }

    fn choice<T: Copy>(&mut self, node: &Node, name: &str, choices: &[(&str, T)]) -> Option<T> {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let text = self.scalar(node, name, &listed(&names))?;
        if let Some((_, value)) = choices.iter().find(|(name, _)| *name == text) {
            return Some(*value);
        }
        self.problem(node, "value", format!("`{name}` can't be `{text}`"), suggestion(&text, &names));
        None
    }

    /// The text of a single value that is not empty of meaning.
    fn scalar(&mut self, node: &Node, name: &str, wanted: &str) -> Option<String> {
        match &node.value {
            Value::Scalar { text, .. } if node.kind() != "nothing" => Some(text.clone()),
            _ => {
                let what = format!("`{name}` is {}, where {wanted} belongs", node.kind());
                self.problems
                    .push(Problem::new(node.span.clone(), "type", what).help(format!("give it {wanted}")));
                None
            }
        }
    }

    fn map<'n>(&mut self, node: &'n Node, name: &str) -> Option<&'n [(Key, Node)]> {
        match &node.value {
            Value::Map(entries) => Some(entries),
            _ => {
                let what = format!("{name} is {}, where a group of keys belongs", node.kind());
                self.problem(node, "type", what, "write `key: value`, one a line, indented below");
                None
            }
        }
    }

    fn unknown(&mut self, key: &Key, place: &str, known: &[&str]) {
        let problem =
            Problem::new(key.span.clone(), "unknown_key", format!("{place} has no key `{}`", key.text));
        self.problems.push(problem.help(suggestion(&key.text, known)));
    }

    fn problem(&mut self, node: &Node, code: &'static str, what: impl Into<String>, help: impl Into<String>) {
        self.problems.push(Problem::new(node.span.clone(), code, what).help(help));
    }
}

fn suggestion(text: &str, known: &[&str]) -> String {
    let folded = text.to_lowercase().replace('-', "_");
    let nearest = known.iter().map(|name| (distance(&folded, name), *name)).min();
    match nearest {
        Some((edits, name)) if edits <= 1 + name.len() / 4 => format!("did you mean `{name}`?"),
        _ => format!("use {}", listed(known)),
    }
}

fn listed(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

/// Edits (insertions, deletions, changes, swaps of neighbours) between two words.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let change = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let swap = if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    rows[i - 2][j - 2] + 1
                } else {
                    usize::MAX
                };
                change.min(swap).min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1)
            };
        }
    }
    rows[a.len()][b.len()]
}
