//! Each directive of a `[Service]` section: what it comes to.

use super::capability_sets::{Set, names};
use super::filters::{self, CallFilter, Families, Refusal};
use super::names::{NOT_APPLICABLE, PATHS, PREFIXES, SWITCHES, UNENFORCEABLE, known_names, nearest, single};
use super::unit::Setting;
use super::words::{Wrong, boolean, list, path};
use super::{files, limits};
use crate::controls::paths::{Access, PathRule};
use crate::controls::{Capabilities, Measure, Rlimit, Told, Translation, Treatment, User};
use crate::profile::ProfileLimits;
use std::collections::{BTreeMap, BTreeSet};

/// The ids from which systemd takes those of dynamic users begin here.
const DYNAMIC: u32 = 61_184;

/// A directive, and what it makes where it is on.
type Makes<T> = (&'static str, fn() -> T);

/// Gathers what directives say.
pub(super) struct Translator {
    unit: String,
    pub(super) told: Vec<Told>,
    /// Switches and texts: the last assignment holds.
    single: BTreeMap<&'static str, String>,
    /// Lists of paths: assignments add up.
    paths: BTreeMap<&'static str, Vec<PathRule>>,
    bounding: Set,
    ambient: Set,
    calls: CallFilter,
    families: Families,
    /// Namespaces that may be used; none where nothing restricts them.
    namespaces: Option<u64>,
    rlimits: BTreeMap<String, Rlimit>,
}

impl Translator {
    pub(super) fn new(unit: &str) -> Self {
        Translator {
            unit: unit.into(),
            told: Vec::new(),
            single: BTreeMap::new(),
            paths: BTreeMap::new(),
            bounding: Set::default(),
            ambient: Set::default(),
            calls: CallFilter::default(),
            families: Families::default(),
            namespaces: None,
            rlimits: BTreeMap::new(),
        }
    }

    /// Takes one directive.
    pub(super) fn take(&mut self, setting: &Setting, ignored: &BTreeSet<String>) -> Result<(), Wrong> {
        let Setting { name, value, .. } = setting;
        let told =
            |state, why: &str| Told { name: name.clone(), value: value.clone(), state, why: why.into() };
        if let Some((why, _)) = NOT_APPLICABLE.iter().find(|(_, names)| names.contains(&name.as_str())) {
            self.told.push(told(Treatment::NotApplicable, why));
            return Ok(());
        }
        if ignored.contains(name) {
            self.told.push(told(Treatment::Ignored, ""));
            return Ok(());
        }
        if let Some((why, _)) = UNENFORCEABLE.iter().find(|(_, names)| names.contains(&name.as_str())) {
            // what restricts nothing needs no enforcing
            if value.is_empty() || boolean(value) == Some(false) {
                self.told.push(told(Treatment::NotApplicable, "it restricts nothing"));
                return Ok(());
            }
            let what = format!("{name}={value} can't be enforced: {why}");
            return Err((what, format!("add `ignore: [{name}]`; the verdicts then say `partial`")));
        }
        match self.known(name, value) {
            Some(done) => {
                done?;
                self.told.push(told(Treatment::Applied, stand_in(name, value)));
                Ok(())
            }
            None if PREFIXES.iter().any(|prefix| name.starts_with(prefix)) => {
                self.told.push(told(
                    Treatment::NotApplicable,
                    "it takes part in what runs, not in what that may do",
                ));
                Ok(())
            }
            None => {
                let known: Vec<&str> = known_names().collect();
                Err((format!("no directive of a service is called {name}"), nearest(name, &known)))
            }
        }
    }

    /// A directive that can be brought about; none where it is no such one.
    fn known(&mut self, name: &str, value: &str) -> Option<Result<(), Wrong>> {
        if let Some((known, access)) = PATHS.iter().find(|(known, _)| *known == name) {
            return Some(self.path_list(known, *access, value));
        }
        if let Some(limit) = limits::limit(name, value) {
            return Some(limit.map(|limit| match limit {
                Some(limit) => {
                    self.rlimits.insert(limit.resource.clone(), limit);
                }
                None => self.rlimits.clear(),
            }));
        }
        if let Some(known) = single(name) {
            let checked = check(known, value);
            self.single.insert(known, value.into());
            return Some(checked);
        }
        Some(match name {
            "CapabilityBoundingSet" => self.bounding.assign(value),
            "AmbientCapabilities" => self.ambient.assign(value),
            "SystemCallFilter" => self.calls.assign(value),
            "RestrictAddressFamilies" => self.families.assign(value),
            "RestrictNamespaces" => self.restrict_namespaces(value),
            _ => return None,
        })
    }

    fn path_list(&mut self, name: &'static str, access: Access, value: &str) -> Result<(), Wrong> {
        let rules = self.paths.entry(name).or_default();
        if value.is_empty() {
            rules.clear();
        }
        for word in list(value) {
            let (word, options) = match word.split_once(':').filter(|_| name == "TemporaryFileSystem") {
                Some((word, options)) => (word.to_owned(), options.to_owned()),
                None => (word, String::new()),
            };
            let (path, optional) = path(&word, &self.unit)?;
            let read_only = options.split(',').any(|option| option == "ro");
            let access = if read_only { Access::EmptyReadOnly } else { access };
            rules.push(PathRule { path: path.into(), access, optional });
        }
        Ok(())
    }

    fn restrict_namespaces(&mut self, value: &str) -> Result<(), Wrong> {
        self.namespaces = match (value, boolean(value)) {
            ("", _) | (_, Some(false)) => None,
            (_, Some(true)) => Some(0),
            _ => match value.strip_prefix('~') {
                Some(names) => {
                    Some(self.namespaces.unwrap_or(filters::ALL_NAMESPACES) & !filters::namespaces(names)?)
                }
                None => Some(self.namespaces.unwrap_or(0) | filters::namespaces(value)?),
            },
        };
        Ok(())
    }

    fn on(&self, name: &str) -> bool {
        self.single.get(name).and_then(|value| boolean(value)) == Some(true)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.single.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// What all of it comes to.
    pub(super) fn finish(self) -> Translation {
        let mut measures = Vec::new();
        let dynamic = self.on("DynamicUser");
        let rules = self.rules(dynamic);
        if !rules.is_empty() {
            measures.push(Measure::Paths(rules));
        }
        let user = self.user(dynamic);
        let ordinary = user.as_ref().is_some_and(|user| *user != User::Root);
        measures.extend(user.map(Measure::User));
        measures.extend(self.capabilities());
        if let Some(mask) = self.text("UMask").and_then(|text| u32::from_str_radix(text, 8).ok()) {
            measures.push(Measure::Umask(mask));
        }
        let limits = self.bounds();
        if limits != ProfileLimits::default() {
            measures.push(Measure::Limits(limits));
        }
        if !self.rlimits.is_empty() {
            measures.push(Measure::Rlimits(self.rlimits.values().cloned().collect()));
        }
        let filters = self.filters(dynamic);
        // without CAP_SYS_ADMIN a filter needs it
        if self.on("NoNewPrivileges") || dynamic || (ordinary && !filters.is_empty()) {
            measures.push(Measure::NoNewPrivs);
        }
        measures.extend(filters);
        Translation { measures, told: self.told }
    }

    fn rules(&self, dynamic: bool) -> Vec<PathRule> {
        let implied = |name: &str, value: &'static str| match self.single.get(name) {
            Some(own) if boolean(own) != Some(false) => own.clone(),
            _ if dynamic => value.to_owned(),
            _ => "no".to_owned(),
        };
        let mut rules = files::protect_system(&implied("ProtectSystem", "strict")).unwrap_or_default();
        rules.extend(files::protect_home(&implied("ProtectHome", "read-only")).unwrap_or_default());
        let tables: [Makes<Vec<PathRule>>; 6] = [
            ("ProtectKernelTunables", files::kernel_tunables),
            ("ProtectKernelModules", files::kernel_modules),
            ("ProtectKernelLogs", files::kernel_logs),
            ("ProtectControlGroups", files::control_groups),
            ("ProtectHostname", files::hostname),
            ("PrivateDevices", files::devices),
        ];
        for (name, table) in tables.iter().filter(|(name, _)| self.on(name)) {
            debug_assert!(single(name).is_some());
            rules.extend(table());
        }
        if self.on("PrivateTmp") || dynamic {
            rules.extend(files::tmp());
        }
        for (name, _) in PATHS {
            rules.extend(self.paths.get(name).into_iter().flatten().cloned());
        }
        let own = [
            ("StateDirectory", "/var/lib"),
            ("CacheDirectory", "/var/cache"),
            ("LogsDirectory", "/var/log"),
            ("RuntimeDirectory", "/run"),
        ];
        for (name, folder) in own {
            for word in list(self.text(name).unwrap_or_default()) {
                let path = format!("{folder}/{}", word.split(':').next().unwrap_or_default());
                rules.push(PathRule { path: path.into(), access: Access::ReadWrite, optional: true });
            }
        }
        // what only opens something that nothing closed is no rule
        let closes = |access: &Access| !matches!(access, Access::ReadWrite | Access::Exec);
        if rules.iter().any(|rule| closes(&rule.access)) { rules } else { Vec::new() }
    }

    fn user(&self, dynamic: bool) -> Option<User> {
        if dynamic {
            return Some(User::Ids { uid: DYNAMIC, gid: DYNAMIC });
        }
        let group = self.text("Group").and_then(|group| group.parse().ok());
        Some(match self.text("User")? {
            "root" | "0" => User::Root,
            name => match name.parse() {
                Ok(uid) => User::Ids { uid, gid: group.unwrap_or(uid) },
                // no account of the run stands for it but the ordinary one
                Err(_) => User::User,
            },
        })
    }

    fn capabilities(&self) -> Option<Measure> {
        let mut left = self.bounding.get().unwrap_or(crate::controls::capabilities::ALL);
        let takes: [(&str, &[&str]); 5] = [
            ("ProtectKernelModules", &["SYS_MODULE"]),
            ("ProtectKernelLogs", &["SYSLOG"]),
            ("ProtectClock", &["SYS_TIME", "WAKE_ALARM"]),
            ("PrivateDevices", &["MKNOD", "SYS_RAWIO"]),
            ("ProtectHostname", &[]),
        ];
        for (name, taken) in takes.iter().filter(|(name, _)| self.on(name)) {
            debug_assert!(single(name).is_some());
            for number in taken.iter().filter_map(|name| crate::controls::capabilities::number(name)) {
                left &= !(1 << number);
            }
        }
        let ambient = self.ambient.get().unwrap_or(0) & left;
        if left == crate::controls::capabilities::ALL && ambient == 0 {
            return None;
        }
        Some(Measure::Capabilities(Capabilities {
            drop: vec!["ALL".into()],
            keep: names(left),
            ambient: names(ambient),
        }))
    }

    fn bounds(&self) -> ProfileLimits {
        let number = |name: &str| self.text(name).filter(|text| *text != "infinity");
        ProfileLimits {
            memory: number("MemoryMax").and_then(|text| super::words::size(text).ok().flatten()),
            processes: number("TasksMax").and_then(|text| text.parse().ok()),
            ..ProfileLimits::default()
        }
    }

    fn filters(&self, dynamic: bool) -> Vec<Measure> {
        let mut filters = Vec::new();
        filters.extend(self.families.measure());
        let made: [Makes<Measure>; 10] = [
            ("MemoryDenyWriteExecute", filters::memory_deny_write_execute),
            ("RestrictRealtime", filters::restrict_realtime),
            ("RestrictSUIDSGID", filters::restrict_suid_sgid),
            ("LockPersonality", filters::lock_personality),
            ("ProtectHostname", || filters::deny(&["sethostname", "setdomainname"])),
            ("ProtectKernelTunables", || filters::deny(&["_sysctl"])),
            ("ProtectKernelModules", || filters::deny(&["@module"])),
            ("ProtectKernelLogs", || filters::deny(&["syslog"])),
            ("ProtectClock", || filters::deny(&["@clock"])),
            ("PrivateDevices", || filters::deny(&["@raw-io"])),
        ];
        for (name, make) in made {
            if self.on(name) || (dynamic && name == "RestrictSUIDSGID") {
                filters.push(make());
            }
        }
        filters.extend(self.namespaces.and_then(filters::restrict_namespaces));
        let doors = self.text("SystemCallArchitectures").and_then(|text| filters::architectures(text).ok());
        filters.extend(doors.flatten());
        let otherwise = self.text("SystemCallErrorNumber").and_then(Refusal::parse).unwrap_or(Refusal::Kill);
        filters.extend(self.calls.measure(otherwise));
        filters
    }
}

/// What stands for an account that the environment may lack.
fn stand_in(name: &str, value: &str) -> &'static str {
    let named = !value.is_empty() && value != "root" && value.parse::<u32>().is_err();
    match name {
        "User" if named => "the run's ordinary user stands in",
        "Group" if named => "the user's own group stands in",
        _ => "",
    }
}

/// Whether the value of a directive with one value is one.
fn check(name: &str, value: &str) -> Result<(), Wrong> {
    let wrong = |what: &str, remedy: &str| Err((format!("{name}={value}: {what}"), remedy.to_owned()));
    if value.is_empty() {
        return Ok(());
    }
    match name {
        _ if SWITCHES.contains(&name) && boolean(value).is_none() => {
            let remedy = format!("write `{name}=yes` or `{name}=no`; this version knows no other");
            wrong("it is no boolean", &remedy)
        }
        "ProtectSystem" if files::protect_system(value).is_none() => {
            wrong("there is no such value", "write yes, no, full or strict")
        }
        "ProtectHome" if files::protect_home(value).is_none() => {
            wrong("there is no such value", "write yes, no, read-only or tmpfs")
        }
        "UMask" if u32::from_str_radix(value, 8).is_ok_and(|mask| mask <= 0o777) => Ok(()),
        "UMask" => wrong("it is no mask", "write it in octal, as in `0077`"),
        "SystemCallErrorNumber" if Refusal::parse(value).is_none() => {
            wrong("it is no error", "write it as in `EPERM`, or `kill`")
        }
        "SystemCallArchitectures" => filters::architectures(value).map(drop),
        "MemoryMax" if value.ends_with('%') => {
            wrong("a share of the machine says nothing here", "write a size")
        }
        "MemoryMax" => super::words::size(value).map(drop),
        "TasksMax" if value != "infinity" && value.parse::<u64>().is_err() => {
            wrong("it is no number of tasks", "write a number")
        }
        _ => Ok(()),
    }
}
