//! Egress: what may leave the environment, as an nftables ruleset in its own network namespace. A list of names,
//! networks and ports is written as such a ruleset too. `nft` reads, checks and loads them; whoever has power over the
//! namespace can take them away again, which is told.

mod allow;
pub mod effects;
mod nft;

pub use allow::{Allowed, Destination};
pub use effects::{Counted, Effects};
pub(crate) use nft::{Namespace, program};

use super::hardening::Problem;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;

/// What may leave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Egress {
    /// A ruleset as `nft -f` takes it.
    Nftables {
        /// Its file, for messages.
        file: String,
        /// Its text.
        text: String,
    },
    /// Only these destinations (and loopback); all else is refused.
    Allow {
        /// Each of them.
        entries: Vec<Allowed>,
        /// The addresses of names, as the run's name servers tell them.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        addresses: BTreeMap<String, Vec<IpAddr>>,
    },
}

/// A ruleset that `nft` has read, with what it came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Ruleset {
    /// The control.
    pub control: String,
    /// For `nft -f`.
    text: String,
    /// Its tables: family and name.
    tables: Vec<(String, String)>,
    /// How many of its rules refuse: with a counter, and without.
    refusing: (usize, usize),
}

impl Egress {
    /// Fills in the addresses of names, by whoever knows them.
    pub fn resolve(&mut self, addresses_of: &dyn Fn(&str) -> Vec<IpAddr>) {
        if let Egress::Allow { entries, addresses } = self {
            let names = entries.iter().filter_map(Allowed::name);
            *addresses = names.map(|name| (name.to_owned(), addresses_of(name))).collect();
        }
    }
}

/// Reads a ruleset in a throw-away namespace; what is done, in words. `before` are those that are loaded before it.
pub(super) fn decide(
    control: &str,
    egress: &Egress,
    before: &[Ruleset],
) -> Result<(Ruleset, Vec<String>), Vec<Problem>> {
    let (file, mut text) = match egress {
        Egress::Nftables { file, text } => (file.as_str(), text.clone()),
        Egress::Allow { entries, addresses } => {
            ("the allow-list", allow::ruleset(control, entries, addresses))
        }
    };
    if let Some(line) = includes(&text) {
        let what = format!("{file}:{line}: a ruleset that includes others can't be put on");
        let remedy = "write what is included into the file itself: all that it says is part of the evidence";
        return Err(vec![("nft_include", what, remedy.into())]);
    }
    if program().is_none() {
        let what = "`nft`, which reads and loads rulesets, is not installed".to_owned();
        return Err(vec![("nft_missing", what, "apt-get install nftables".into())]);
    }
    let failed = |e: io::Error| {
        let what = format!("a namespace for reading {file} can't be made: {e}");
        vec![("nft_namespace", what, "`detektr doctor` tells what is missing".to_owned())]
    };
    let namespace = Namespace::throw_away().map_err(failed)?;
    let refused = |what: String| {
        let remedy = "mend it; `unshare -rn nft -c -f FILE` reads it alike";
        vec![("nft_ruleset", what, remedy.to_owned())]
    };
    namespace.load(&text).map_err(failed)?.map_err(|said| refused(said.replace("/dev/stdin", file)))?;
    let listing = namespace.listing().map_err(failed)?;
    // what a chain refuses by its policy has no counter: a last rule says the same with one
    let more = effects::policies(&listing);
    if !more.is_empty() {
        namespace.load(&more).map_err(failed)?.map_err(refused)?;
        text = format!("{text}\n{more}");
    }
    let listing = namespace.listing().map_err(failed)?;
    let tables = effects::tables(&listing);
    if tables.is_empty() {
        let what = format!("{file} makes no table, and so does nothing");
        let remedy = "give it a table with a chain of the output hook";
        return Err(vec![("nft_empty", what, remedy.into())]);
    }
    if let Some(other) = before.iter().find(|other| other.tables.iter().any(|table| tables.contains(table))) {
        let what = format!("{file} makes a table that the control `{}` makes too", other.control);
        let remedy = "give the tables names of their own, so that what each refuses can be told";
        return Err(vec![("nft_table", what, remedy.into())]);
    }
    if !before.is_empty() && text.contains("flush ruleset") {
        let what = format!("{file} flushes the rules of the control `{}`", before[0].control);
        return Err(vec![(
            "nft_flush",
            what,
            "leave `flush ruleset` out: the environment begins empty".into(),
        )]);
    }
    let counted = effects::counted(&listing);
    let mut words =
        vec![format!("egress: {} tables, {} rules that refuse", tables.len(), counted.rules.len())];
    if counted.without > 0 {
        words.push(format!(
            "egress: {} rules refuse without a counter: what they refuse can't be told",
            counted.without
        ));
    }
    let refusing = (counted.rules.len(), counted.without);
    Ok((Ruleset { control: control.into(), text, tables, refusing }, words))
}

/// The line of an `include`, from 1.
fn includes(text: &str) -> Option<usize> {
    let has = |line: &str| {
        without_comment(line).split(['{', '}', ';']).any(|part| {
            let after = part.trim_start().strip_prefix("include");
            after.is_some_and(|rest| rest.trim_start().starts_with(['"', '\'', '\\']))
        })
    };
    text.lines().position(has).map(|at| at + 1)
}

/// A line up to the `#` that begins a comment.
fn without_comment(line: &str) -> &str {
    let mut quoted = false;
    let end = line.find(|c| {
        quoted ^= c == '"';
        c == '#' && !quoted
    });
    &line[..end.unwrap_or(line.len())]
}

/// The rulesets of an environment's namespace.
#[derive(Debug)]
pub struct Loaded {
    namespace: Namespace,
    rulesets: Vec<Ruleset>,
    /// As they were once all were loaded; absent before.
    listing: Option<serde_json::Value>,
}

impl Loaded {
    pub(crate) fn new(namespace: std::os::fd::OwnedFd, rulesets: Vec<Ruleset>) -> Loaded {
        Loaded { namespace: Namespace::from(namespace), rulesets, listing: None }
    }

    /// Loads all of them, in order.
    pub(crate) fn load(&mut self) -> io::Result<()> {
        for ruleset in &self.rulesets {
            self.namespace.load(&ruleset.text)?.map_err(io::Error::other)?;
        }
        let listing = self.namespace.listing()?;
        for ruleset in &self.rulesets {
            let own = effects::counted(&effects::part(&listing, &ruleset.tables));
            if (own.rules.len(), own.without) != ruleset.refusing {
                let what = format!("another control takes away rules of `{}`", ruleset.control);
                return Err(io::Error::other(what));
            }
        }
        self.listing = Some(listing);
        Ok(())
    }

    /// What the rules of each control have counted by now.
    ///
    /// # Errors
    /// Where the kernel's rules can't be read, or were never loaded.
    pub fn effects(&self) -> io::Result<BTreeMap<String, Effects>> {
        let first = self.listing.as_ref().ok_or_else(|| io::Error::other("the rules were not loaded"))?;
        let now = self.namespace.listing()?;
        let of = |ruleset: &Ruleset| {
            let first = effects::part(first, &ruleset.tables);
            let now = effects::part(&now, &ruleset.tables);
            (ruleset.control.clone(), effects::between(&first, &now))
        };
        Ok(self.rulesets.iter().map(of).collect())
    }

    /// How many packets the rules of each control have refused by now; of none where they are not those that were
    /// loaded, for then what was refused may be somebody else's doing.
    ///
    /// # Errors
    /// Where the kernel's rules can't be read.
    pub fn refused(&self) -> io::Result<BTreeMap<String, u64>> {
        let now = self.namespace.listing()?;
        let of = |ruleset: &Ruleset| {
            let own = effects::counted(&effects::part(&now, &ruleset.tables));
            let whole = (own.rules.len(), own.without) == ruleset.refusing;
            whole.then(|| (ruleset.control.clone(), own.refused()))
        };
        Ok(self.rulesets.iter().map(of).collect::<Option<_>>().unwrap_or_default())
    }

    /// The same, for another thread.
    ///
    /// # Errors
    /// Where the namespace's descriptor can't be copied.
    pub fn try_clone(&self) -> io::Result<Loaded> {
        let namespace = self.namespace.try_clone()?;
        Ok(Loaded { namespace, rulesets: self.rulesets.clone(), listing: self.listing.clone() })
    }
}

#[cfg(test)]
mod tests;
