//! systemd: services and timers of the system and of users, their drop-ins, and the links that enable them.
//!
//! A unit is looked at as a whole: its file, the drop-ins of all folders, and whether a boot (or a login, of a
//! user's manager) comes to it from `default.target` by wants and requirements. What counts as new are the commands
//! that the same look at the files as they were doesn't show. Generators and conditions are left out.

mod command;
mod unit;

use super::Look;
use super::pam::shell_rule;
use crate::persistence::lines::new_lines;
use crate::persistence::{Found, Mechanism, Reason, Start, User, What};
use command::{Command, commands};
use detektr_event::Phase;
use std::collections::{BTreeMap, BTreeSet};
use unit::{Manager, Unit};

/// The mechanism that a unit's file belongs to, by its name.
pub(super) fn kind_of(name: &str) -> Option<Mechanism> {
    match name.rsplit('.').next() {
        Some("service") => Some(Mechanism::SystemdService),
        Some("timer") => Some(Mechanism::SystemdTimer),
        _ => None,
    }
}

/// What a changed path is to a manager.
struct Touched {
    /// The unit that it is about.
    unit: String,
    path: String,
}

pub(super) fn find(look: &Look<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for (manager, touched) in managers(look) {
        let after = Manager::new(look.after, manager.folders.clone());
        let before = Manager::new(look.before, manager.folders.clone());
        let (reached, was_reached) =
            (after.reached(manager.user.is_none()), before.reached(manager.user.is_none()));
        let state = State { look, manager: &manager, after, before, reached, was_reached };
        let mut units: BTreeMap<String, String> = BTreeMap::new();
        for touched in touched {
            // A unit is told at its own file, else at whatever else changed of it.
            let own =
                touched.path.ends_with(&format!("/{}", touched.unit)) && !touched.path.contains(".wants/");
            match units.entry(touched.unit) {
                std::collections::btree_map::Entry::Vacant(entry) => {
                    entry.insert(touched.path);
                }
                std::collections::btree_map::Entry::Occupied(mut entry) if own => {
                    entry.insert(touched.path);
                }
                std::collections::btree_map::Entry::Occupied(_) => {}
            }
        }
        let timed: BTreeSet<String> = units
            .keys()
            .filter(|name| name.ends_with(".timer"))
            .map(|name| state.after.service_of(name))
            .collect();
        for (name, path) in &units {
            match kind_of(name) {
                Some(Mechanism::SystemdTimer) => found.extend(state.timer(name, path)),
                // the service of a timer that is told as well is what that one runs
                Some(_) if !timed.contains(name) || state.reached.contains(name) => {
                    found.extend(state.service(name, path));
                }
                _ => {}
            }
        }
    }
    found
}

/// Whose units: the system's, or those of one user (`None`: of whoever works on the system).
struct Whose {
    user: Option<User>,
    folders: Vec<String>,
}

/// The managers that changed paths concern, with those paths.
fn managers(look: &Look<'_>) -> Vec<(Whose, Vec<Touched>)> {
    let strings = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let mut all = vec![Whose { user: None, folders: strings(&unit::SYSTEM) }];
    for user in look.users.people() {
        let own =
            [".config/systemd/user", ".local/share/systemd/user"].map(|part| format!("{}/{part}", user.home));
        let mut folders = vec![own[0].clone()];
        folders.extend(strings(&unit::USER[..2]));
        folders.push(own[1].clone());
        folders.extend(strings(&unit::USER[2..]));
        all.push(Whose { user: Some(user.clone()), folders });
    }
    let mut told = BTreeSet::new();
    let mut managers = Vec::new();
    for whose in all {
        let mut touched = Vec::new();
        for change in look.changes {
            let Ok(path) = std::str::from_utf8(change.path.as_bytes()) else { continue };
            let Some(folder) = whose.folders.iter().find(|folder| path.starts_with(&format!("{folder}/")))
            else {
                continue;
            };
            // what lies in a folder of all users is told once, for the person
            let shared = whose.user.as_ref().is_some_and(|user| !folder.starts_with(&user.home));
            if shared
                && (whose.user.as_ref().is_some_and(|user| user.name != look.person) || !told.insert(path))
            {
                continue;
            }
            for unit in units_of(&path[folder.len() + 1..], look, path) {
                touched.push(Touched { unit, path: path.to_owned() });
            }
        }
        if !touched.is_empty() {
            managers.push((whose, touched));
        }
    }
    managers
}

/// The units that a path below a folder of units is about.
fn units_of(rest: &str, look: &Look<'_>, path: &str) -> Vec<String> {
    match rest.split_once('/') {
        None => match look.after.link(path) {
            // an alias: the unit that it leads to
            Some(target) => vec![target.rsplit('/').next().unwrap_or(rest).to_owned(), rest.to_owned()],
            None => vec![rest.to_owned()],
        },
        Some((folder, name)) if folder.ends_with(".wants") || folder.ends_with(".requires") => {
            vec![name.to_owned()]
        }
        Some((folder, name)) if folder.ends_with(".d") && name.ends_with(".conf") => {
            let unit = folder.trim_end_matches(".d").to_owned();
            let text = look.after.read(path).unwrap_or_default();
            // a drop-in of a target may want units of its own
            let mut units = Unit::parse(&[String::from_utf8_lossy(&text).into_owned()]).wanted();
            units.push(unit);
            units
        }
        Some(_) => Vec::new(),
    }
}

struct State<'a> {
    look: &'a Look<'a>,
    manager: &'a Whose,
    after: Manager<'a>,
    before: Manager<'a>,
    reached: BTreeSet<String>,
    was_reached: BTreeSet<String>,
}

impl State<'_> {
    fn commands(&self, manager: &Manager<'_>, name: &str) -> Vec<Command> {
        let Some(unit) = manager.load(name) else { return Vec::new() };
        let user = match (&self.manager.user, unit.last("Service", "User")) {
            (Some(user), _) => user.clone(),
            (None, None) => self.root(),
            (None, Some(name)) => {
                let by_id = || name.parse().ok().and_then(|uid| self.look.users.by_id(uid));
                let unknown = || User { name: name.to_owned(), uid: u32::MAX, ..self.root() };
                self.look.users.named(name).or_else(by_id).cloned().unwrap_or_else(unknown)
            }
        };
        commands(&unit, name, &user, manager.tree())
    }

    fn root(&self) -> User {
        self.look.users.by_id(0).cloned().unwrap_or(User {
            name: "root".into(),
            uid: 0,
            gid: 0,
            home: "/root".into(),
            shell: "/bin/sh".into(),
        })
    }

    /// Commands of the service that are new, or newly started.
    fn new_commands(&self, service: &str, was_started: bool) -> Vec<Command> {
        let old = if was_started { self.commands(&self.before, service) } else { Vec::new() };
        self.commands(&self.after, service).into_iter().filter(|command| !old.contains(command)).collect()
    }

    fn service(&self, name: &str, path: &str) -> Option<Found> {
        let was = self.was_reached.contains(name);
        let commands = self.new_commands(name, was);
        let unchanged = self.commands(&self.before, name) == self.commands(&self.after, name);
        let reached = self.reached.contains(name);
        if commands.is_empty() || (unchanged && !reached) {
            return None;
        }
        let phase = if self.manager.user.is_some() { Phase::Login } else { Phase::Reboot };
        let found = self.told(Mechanism::SystemdService, path, name, &commands, phase, "systemd");
        Some(match reached {
            true => found,
            // what a socket or a path would start waits for somebody to come
            false if self.activated(name) => Found::idle(found.entry, Reason::NotEmulated),
            false => Found::idle(found.entry, Reason::Disabled),
        })
    }

    /// Whether a socket, path or other unit that is started would start the service in its turn.
    fn activated(&self, service: &str) -> bool {
        let stem = service.trim_end_matches(".service");
        self.reached.iter().filter(|name| name.ends_with(".socket") || name.ends_with(".path")).any(|name| {
            let unit = self.after.load(name).unwrap_or_default();
            let named = unit.last("Socket", "Service").or(unit.last("Path", "Unit"));
            match named {
                Some(named) => named == service,
                None => name.rsplit_once('.').is_some_and(|(own, _)| own == stem),
            }
        })
    }

    fn timer(&self, name: &str, path: &str) -> Option<Found> {
        let timer = self.after.load(name)?;
        let service = self.after.service_of(name);
        let when: Vec<String> = timer
            .section("Timer")
            .filter(|(key, _)| key.starts_with("On") && *key != "OnClockChange" && *key != "OnTimezoneChange")
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        let reached = self.reached.contains(name);
        let old = self.before.load(name).filter(|_| self.was_reached.contains(name));
        let same = old.is_some_and(|old| old.section("Timer").eq(timer.section("Timer")));
        let commands = self.new_commands(&service, same);
        let by = format!("systemd ({name})");
        let mut found = self.told(Mechanism::SystemdTimer, path, &service, &commands, Phase::Schedule, &by);
        found.entry.lines.splice(0..0, when.iter().map(|line| line.as_str().into()));
        Some(match () {
            () if when.is_empty() => Found::idle(found.entry, Reason::Invalid),
            () if commands.is_empty() && same => return None,
            () if commands.is_empty() => Found::idle(found.entry, Reason::ProgramAbsent),
            () if !reached => Found::idle(found.entry, Reason::Disabled),
            () => found,
        })
    }

    fn told(
        &self,
        mechanism: Mechanism,
        path: &str,
        service: &str,
        commands: &[Command],
        phase: Phase,
        by: &str,
    ) -> Found {
        let mut entry = self.look.entry(mechanism, path);
        let before = self.look.before.read(path);
        let now = self.look.after.read(path).unwrap_or_default();
        let exec = |line: &String| line.trim_start().starts_with("Exec");
        entry.lines = new_lines(before.as_deref(), &now).into_iter().filter(exec).map(Into::into).collect();
        entry.runs = (!commands.is_empty()).then(|| {
            commands.iter().map(|command| command.argv.join(" ")).collect::<Vec<_>>().join("\n").into()
        });
        entry.user = commands.first().map(|command| command.user.clone());
        let starts = commands.iter().map(|command| {
            let home = self.look.users.named(&command.user).map_or("/", |user| user.home.as_str());
            let rule = shell_rule(&command.argv, home);
            let by = if by == "systemd" { format!("systemd ({service})") } else { by.to_owned() };
            Start { phase, user: command.user.clone(), by, what: self.what(command), rule }
        });
        Found { starts: starts.collect(), entry }
    }

    fn what(&self, command: &Command) -> What {
        What::Program {
            file: command.file.clone(),
            argv: command.argv.clone(),
            env: command.env.clone(),
            cwd: command.cwd.clone(),
        }
    }
}
