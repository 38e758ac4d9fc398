//! A ruleset as the kernel takes it, decided beforehand, and asked again about a recorded act.

use super::{Abi, FILE_RIGHTS, Landlock, PORT_RIGHTS, Right, SCOPES, rights};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A ruleset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruleset {
    /// The rights on files that are restricted.
    pub(super) files: u64,
    /// The rights on TCP ports that are restricted.
    pub(super) ports: u64,
    /// The scopes.
    pub(super) scoped: u64,
    /// What is given beneath which path.
    pub(super) beneath: Vec<(PathBuf, u64)>,
    /// What is given on which port.
    pub(super) on_ports: Vec<(u16, u64)>,
}

/// What is wrong: a code, what, and what to do.
type Problem = (&'static str, String, String);

impl Ruleset {
    /// The ruleset of `landlock` for a kernel of `abi`.
    ///
    /// # Errors
    /// Each right that the kernel lacks, or that there is not.
    pub(crate) fn decide(landlock: &Landlock, abi: Abi) -> Result<Ruleset, Vec<Problem>> {
        let newest = match abi {
            Abi::Version(version) => version,
            Abi::Absent => {
                let what = "this kernel was built without Landlock".to_owned();
                return Err(vec![(
                    "landlock_abi",
                    what,
                    "use a kernel with CONFIG_SECURITY_LANDLOCK".into(),
                )]);
            }
            Abi::Disabled => {
                let what = "Landlock is not switched on".to_owned();
                return Err(vec![("landlock_abi", what, "boot with `lsm=landlock,…`".into())]);
            }
        };
        let mut problems: Vec<Problem> = Vec::new();
        let mut known = |word: &str, rights: &[Right]| {
            let mut bits = 0;
            if rights.is_empty() {
                let what = format!("Landlock has no right `{word}`");
                problems.push((
                    "landlock_right",
                    what,
                    "write the names of landlock(7) in small letters".into(),
                ));
            }
            for right in rights {
                if right.abi <= newest {
                    bits |= right.bit;
                    continue;
                }
                let part = if right.name == word { String::new() } else { format!(", part of `{word}`,") };
                let what = format!(
                    "`{}`{part} came with Landlock's ABI {}, and this kernel has {newest}",
                    right.name, right.abi
                );
                problems.push(("landlock_abi", what, "leave it out, or use a newer kernel".into()));
            }
            bits
        };
        let named = |table: &[Right], word: &str| -> Vec<Right> {
            table.iter().filter(|right| right.name == word).copied().collect()
        };
        let mut made = Ruleset::default();
        for (word, paths) in &landlock.paths {
            let bits = known(word, &rights(word));
            made.files |= bits;
            for path in paths {
                given(&mut made.beneath, path.clone(), bits);
            }
        }
        for (word, ports) in &landlock.ports {
            let bits = known(word, &named(&PORT_RIGHTS, word));
            made.ports |= bits;
            for port in ports {
                given(&mut made.on_ports, *port, bits);
            }
        }
        for word in &landlock.scope {
            made.scoped |= known(word, &named(&SCOPES, word));
        }
        if problems.is_empty() { Ok(made) } else { Err(problems) }
    }

    /// In words, for people: the rights that are restricted, with where they are given.
    pub(crate) fn words(&self) -> Vec<String> {
        let list = |places: Vec<String>| match places.as_slice() {
            [] => "nowhere".to_owned(),
            _ => places.join(" "),
        };
        let file = |right: &Right| {
            let paths = self.beneath.iter().filter(|(_, bits)| bits & right.bit != 0);
            list(paths.map(|(path, _)| path.display().to_string()).collect())
        };
        let port = |right: &Right| {
            let ports = self.on_ports.iter().filter(|(_, bits)| bits & right.bit != 0);
            list(ports.map(|(port, _)| port.to_string()).collect())
        };
        let files = FILE_RIGHTS.iter().filter(|right| self.files & right.bit != 0);
        let ports = PORT_RIGHTS.iter().filter(|right| self.ports & right.bit != 0);
        let scopes = SCOPES.iter().filter(|right| self.scoped & right.bit != 0);
        files
            .map(|right| format!("landlock {}: {}", right.name, file(right)))
            .chain(ports.map(|right| format!("landlock {}: {}", right.name, port(right))))
            .chain(scopes.map(|right| format!("landlock scope: {}", right.name)))
            .collect()
    }

    /// The same with each path as `resolve` has it.
    pub(crate) fn resolved(&self, resolve: impl Fn(&Path) -> PathBuf) -> Ruleset {
        let beneath = self.beneath.iter().map(|(path, bits)| (resolve(path), *bits)).collect();
        Ruleset { beneath, ..self.clone() }
    }

    /// Whether any of the rights `wanted` (bits) is denied on `path`, which is free of links.
    pub fn denies_path(&self, path: &Path, wanted: u64) -> bool {
        let given = self
            .beneath
            .iter()
            .filter(|(root, _)| path.starts_with(root))
            .fold(0, |given, (_, bits)| given | bits);
        self.files & wanted & !given != 0
    }

    /// Whether linking or renaming from below one folder to below another is denied. It is wherever any right on
    /// files is restricted and `refer` is not given on both.
    pub fn denies_refer(&self, from: &Path, to: &Path) -> bool {
        let refer = Ruleset { files: super::bit("refer"), ..self.clone() };
        self.restricts_files() && [from, to].iter().any(|path| refer.denies_path(path, super::bit("refer")))
    }

    /// Whether binding to a TCP port is denied.
    pub fn denies_bind(&self, port: u16) -> bool {
        self.denies_port(PORT_RIGHTS[0], port)
    }

    /// Whether connecting to a TCP port is denied.
    pub fn denies_connect(&self, port: u16) -> bool {
        self.denies_port(PORT_RIGHTS[1], port)
    }

    fn denies_port(&self, right: Right, port: u16) -> bool {
        let given = self.on_ports.iter().any(|(one, bits)| *one == port && bits & right.bit != 0);
        self.ports & right.bit != 0 && !given
    }

    /// Whether any right on files is restricted: then no mount can be changed.
    pub fn restricts_files(&self) -> bool {
        self.files != 0
    }

    /// Whether abstract unix sockets outside are out of reach.
    pub fn scopes_sockets(&self) -> bool {
        self.scoped & SCOPES[0].bit != 0
    }

    /// Whether processes outside can't be signalled.
    pub fn scopes_signals(&self) -> bool {
        self.scoped & SCOPES[1].bit != 0
    }
}

/// Adds `bits` to what is given at `place`.
fn given<T: PartialEq>(places: &mut Vec<(T, u64)>, place: T, bits: u64) {
    match places.iter_mut().find(|(one, _)| *one == place) {
        Some((_, given)) => *given |= bits,
        None => places.push((place, bits)),
    }
}
