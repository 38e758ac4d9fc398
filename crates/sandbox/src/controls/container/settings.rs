//! What a container's fields say, whichever manifest has them, and what that comes to.

use super::runtime;
use crate::controls::paths::{Access, PathRule};
use crate::controls::{Capabilities, Measure, Told, Translation, Treatment, User, capabilities};
use std::collections::{BTreeMap, BTreeSet};

/// Which system calls pass.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Seccomp {
    /// All.
    #[default]
    Unconfined,
    /// Those of the runtime's own profile.
    RuntimeDefault,
}

/// The fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Settings {
    /// Nothing of what a runtime restricts is in force.
    pub(super) privileged: bool,
    pub(super) no_new_privs: bool,
    /// It must not run as root.
    pub(super) non_root: Option<bool>,
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    /// Capabilities without `CAP_`, or `ALL`.
    pub(super) add: BTreeSet<String>,
    pub(super) drop: BTreeSet<String>,
    pub(super) read_only_root: bool,
    /// Paths that are mounts of their own: writable, or not.
    pub(super) volumes: Vec<(String, bool)>,
    /// Paths that are empty and writable.
    pub(super) empty: Vec<String>,
    /// Nothing of `/proc` is hidden.
    pub(super) unmasked: bool,
    pub(super) seccomp: Seccomp,
    /// Kernel parameters, by name.
    pub(super) sysctls: BTreeMap<String, String>,
    pub(super) told: Vec<Told>,
}

impl Settings {
    fn tell(&mut self, name: &str, value: &str, state: Treatment, why: &str) {
        self.told.push(Told { name: name.into(), value: value.into(), state, why: why.into() });
    }

    pub(super) fn applied(&mut self, name: &str, value: &str, why: &str) {
        self.tell(name, value, Treatment::Applied, why);
    }

    pub(super) fn not_applicable(&mut self, name: &str, value: &str, why: &str) {
        self.tell(name, value, Treatment::NotApplicable, why);
    }

    pub(super) fn ignored(&mut self, name: &str, value: &str) {
        self.tell(name, value, Treatment::Ignored, "");
    }

    /// What it comes to.
    ///
    /// # Errors
    /// Where fields contradict each other, or nothing is restricted.
    pub(super) fn finish(self) -> Result<Translation, (String, &'static str)> {
        let mut measures = Vec::new();
        if self.privileged && self.no_new_privs {
            let what = "a privileged container can't be kept from gaining privileges".to_owned();
            return Err((what, "set either `privileged` or `allowPrivilegeEscalation: false`"));
        }
        if self.non_root == Some(true) && self.uid == Some(0) {
            let what = "it must not run as root, and is to run as user 0: it would not be started".to_owned();
            return Err((what, "give `runAsUser` another number"));
        }
        let mut rules = Vec::new();
        if !self.privileged && !self.unmasked {
            rules.extend(runtime::kernel_paths());
        }
        if self.read_only_root {
            let rule = |path: &str, access| PathRule { path: path.into(), access, optional: true };
            rules.push(rule("/", Access::ReadOnly));
            // mounts of their own in every container
            rules.extend(["/proc", "/dev"].map(|path| rule(path, Access::ReadWrite)));
        }
        for (path, writable) in &self.volumes {
            let access = if *writable { Access::ReadWrite } else { Access::ReadOnly };
            rules.push(PathRule { path: path.into(), access, optional: true });
        }
        for path in &self.empty {
            rules.push(PathRule { path: path.into(), access: Access::Empty, optional: true });
        }
        if rules.iter().any(|rule| rule.access != Access::ReadWrite) {
            measures.push(Measure::Paths(rules));
        }
        match (self.uid, self.gid) {
            (Some(uid), gid) => measures.push(Measure::User(User::Ids { uid, gid: gid.unwrap_or(0) })),
            // the image's own user is not known: the ordinary one stands for it
            (None, _) if self.non_root == Some(true) => measures.push(Measure::User(User::User)),
            _ => {}
        }
        if !self.privileged {
            measures.push(Measure::Capabilities(self.capabilities()?));
        }
        if !self.sysctls.is_empty() {
            measures.push(Measure::Sysctl(self.sysctls.clone()));
        }
        if self.no_new_privs {
            measures.push(Measure::NoNewPrivs);
        }
        if self.seccomp == Seccomp::RuntimeDefault && !self.privileged {
            measures.push(Measure::Seccomp(runtime::profile()));
        }
        if measures.is_empty() {
            let what = "nothing restricts this container".to_owned();
            return Err((what, "name one that has a `securityContext`, or is not privileged"));
        }
        Ok(Translation { measures, told: self.told })
    }

    /// The runtime's own set, without what is dropped, with what is added.
    fn capabilities(&self) -> Result<Capabilities, (String, &'static str)> {
        let all = |set: &BTreeSet<String>| set.iter().any(|name| name == "ALL");
        let mut left = 0u64;
        let bit = |name: &str| {
            capabilities::number(name).map(|number| 1u64 << number).ok_or_else(|| {
                (format!("`{name}` is no capability"), "write the names of capabilities(7), without CAP_")
            })
        };
        if all(&self.add) {
            left = capabilities::ALL;
        } else if !all(&self.drop) {
            for name in runtime::CAPABILITIES {
                left |= bit(name)?;
            }
        }
        for name in self.drop.iter().filter(|name| *name != "ALL") {
            left &= !bit(name)?;
        }
        for name in self.add.iter().filter(|name| *name != "ALL") {
            left |= bit(name)?;
        }
        let keep =
            (0..64).filter(|number| left >> number & 1 == 1).map(|number| capabilities::name(number as u8));
        Ok(Capabilities { drop: vec!["ALL".into()], keep: keep.collect(), ambient: Vec::new() })
    }
}
