//! Units as systemd puts them together: the first file of a name, its drop-ins from all folders, its aliases, and
//! what leads to it.

use crate::persistence::Tree;
use crate::persistence::lines::text;
use std::collections::{BTreeMap, BTreeSet};

/// Folders of the system's units, the first one that has a file of a name wins.
pub(super) const SYSTEM: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];
/// Folders of all users' units; those of the home stand before the first and after the second.
pub(super) const USER: [&str; 4] =
    ["/etc/systemd/user", "/run/systemd/user", "/usr/local/lib/systemd/user", "/usr/lib/systemd/user"];
/// What a boot comes to where nothing else says so.
const BOOT: [&str; 8] = [
    "default.target",
    "multi-user.target",
    "graphical.target",
    "sysinit.target",
    "basic.target",
    "timers.target",
    "sockets.target",
    "network-online.target",
];
/// What a login comes to, of the user's own manager.
const LOGIN: [&str; 5] =
    ["default.target", "basic.target", "timers.target", "sockets.target", "graphical-session.target"];
/// The most units that are followed.
const UNITS: usize = 4_000;

/// One unit: its settings, by section, in order. An empty one takes back those before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Unit(Vec<(String, String, String)>);

impl Unit {
    /// Reads files in their order.
    pub(super) fn parse(texts: &[String]) -> Self {
        let mut settings: Vec<(String, String, String)> = Vec::new();
        for text in texts {
            let joined = text.replace("\\\n", " ");
            let mut section = String::new();
            for line in joined.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
                if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                    section = name.to_owned();
                } else if let Some((key, value)) = line.split_once('=') {
                    let (key, value) = (key.trim(), value.trim());
                    if value.is_empty() {
                        settings.retain(|(s, k, _)| !(*s == section && k == key));
                    } else {
                        settings.push((section.clone(), key.to_owned(), value.to_owned()));
                    }
                }
            }
        }
        Unit(settings)
    }

    /// The settings of a section.
    pub(super) fn section<'u>(&'u self, name: &'u str) -> impl Iterator<Item = (&'u str, &'u str)> {
        self.0
            .iter()
            .filter(move |(section, _, _)| section == name)
            .map(|(_, key, value)| (key.as_str(), value.as_str()))
    }

    /// All values of a key.
    pub(super) fn all<'u>(&'u self, section: &'u str, key: &'u str) -> impl Iterator<Item = &'u str> {
        self.section(section).filter(move |(name, _)| *name == key).map(|(_, value)| value)
    }

    /// The last value of a key.
    pub(super) fn last<'u>(&'u self, section: &'u str, key: &'u str) -> Option<&'u str> {
        self.all(section, key).last()
    }

    /// The units that this one pulls in.
    pub(super) fn wanted(&self) -> Vec<String> {
        let pulls = ["Wants", "Requires", "BindsTo", "Upholds", "Requisite"];
        let values = self.section("Unit").filter(|(key, _)| pulls.contains(key));
        values.flat_map(|(_, value)| value.split_whitespace()).map(str::to_owned).collect()
    }
}

/// The units of one manager.
pub(super) struct Manager<'a> {
    tree: &'a dyn Tree,
    folders: Vec<String>,
    /// What each folder holds, asked once.
    names: BTreeMap<String, Vec<String>>,
}

impl<'a> Manager<'a> {
    pub(super) fn new(tree: &'a dyn Tree, folders: Vec<String>) -> Self {
        let names = folders.iter().map(|folder| (folder.clone(), tree.list(folder))).collect();
        Manager { tree, folders, names }
    }

    /// The files that it looks at.
    pub(super) fn tree(&self) -> &'a dyn Tree {
        self.tree
    }

    fn has(&self, folder: &str, name: &str) -> bool {
        self.names
            .get(folder)
            .is_some_and(|names| names.binary_search_by(|known| known.as_str().cmp(name)).is_ok())
    }

    /// The unit of that name; `None` where there is none or it is masked.
    pub(super) fn load(&self, name: &str) -> Option<Unit> {
        let template = template(name);
        let file = [Some(name), template.as_deref()].into_iter().flatten().find_map(|name| {
            self.folders.iter().find(|folder| self.has(folder, name)).map(|folder| format!("{folder}/{name}"))
        });
        let mut texts = match file {
            Some(file) => {
                let null = "/dev/null";
                if self.tree.link(&file).as_deref() == Some(null)
                    || self.tree.resolve(&file).as_deref() == Some(null)
                {
                    return None;
                }
                vec![text(&self.tree.read(&file).filter(|bytes| !bytes.is_empty())?)]
            }
            // the boot comes to its targets whether or not this system has a file for each
            None if name.ends_with(".target") => Vec::new(),
            None => return None,
        };
        let kind = name.rsplit('.').next().unwrap_or_default();
        let mut parts: BTreeMap<String, String> = BTreeMap::new();
        // the more special, and the earlier folder, win over files of the same name
        let bases =
            [Some(format!("{kind}.d")), template.map(|name| format!("{name}.d")), Some(format!("{name}.d"))];
        for base in bases.into_iter().flatten() {
            for folder in self.folders.iter().rev().filter(|folder| self.has(folder, &base)) {
                for part in self.tree.list(&format!("{folder}/{base}")) {
                    if part.ends_with(".conf") {
                        parts.insert(part.clone(), format!("{folder}/{base}/{part}"));
                    }
                }
            }
        }
        texts.extend(parts.values().filter_map(|path| self.tree.read(path)).map(|bytes| text(&bytes)));
        Some(Unit::parse(&texts))
    }

    /// The service that a timer starts.
    pub(super) fn service_of(&self, timer: &str) -> String {
        let own = || timer.trim_end_matches(".timer").to_owned() + ".service";
        self.load(timer).and_then(|unit| unit.last("Timer", "Unit").map(str::to_owned)).unwrap_or_else(own)
    }

    /// All units that a boot, or a login, comes to.
    pub(super) fn reached(&self, boot: bool) -> BTreeSet<String> {
        let begin = if boot { &BOOT[..] } else { &LOGIN[..] };
        let mut open: Vec<String> = begin.iter().map(|name| (*name).to_owned()).collect();
        let mut reached = BTreeSet::new();
        while let Some(name) = open.pop() {
            if reached.len() >= UNITS || !reached.insert(name.clone()) {
                continue;
            }
            for folder in &self.folders {
                for kind in ["wants", "requires", "upholds"] {
                    let base = format!("{name}.{kind}");
                    if self.has(folder, &base) {
                        open.extend(self.tree.list(&format!("{folder}/{base}")));
                    }
                }
                // an alias leads to the unit's own name
                if self.has(folder, &name)
                    && let Some(target) = self.tree.link(&format!("{folder}/{name}"))
                {
                    open.extend(target.rsplit('/').next().map(str::to_owned));
                }
            }
            if let Some(unit) = self.load(&name) {
                open.extend(unit.wanted());
            }
        }
        reached
    }
}

/// The template of an instance: `a@.service` of `a@b.service`.
fn template(name: &str) -> Option<String> {
    let (prefix, rest) = name.split_once('@')?;
    let kind = rest.rsplit_once('.').map(|(_, kind)| kind)?;
    Some(format!("{prefix}@.{kind}"))
}
