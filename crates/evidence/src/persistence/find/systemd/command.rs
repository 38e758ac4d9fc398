//! The commands of a service: lines cut into words, prefixes, specifiers and variables put in.

use super::unit::Unit;
use crate::persistence::find::words;
use crate::persistence::lines::text;
use crate::persistence::{Tree, User};
use std::collections::BTreeMap;

/// One command that a service starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) file: String,
    pub(super) argv: Vec<String>,
    pub(super) env: Vec<(String, String)>,
    pub(super) cwd: Option<String>,
    pub(super) user: String,
}

/// What a service runs as it starts, in order.
pub(super) fn commands(unit: &Unit, name: &str, user: &User, tree: &dyn Tree) -> Vec<Command> {
    let specifiers = Specifiers { name, user };
    let mut variables: BTreeMap<String, String> = BTreeMap::new();
    let mut set = |word: &str| {
        if let Some((name, value)) = word.split_once('=') {
            variables.insert(name.to_owned(), value.to_owned());
        }
    };
    for line in unit.all("Service", "Environment") {
        words(line).iter().for_each(|word| set(&specifiers.put_in(word)));
    }
    for file in unit.all("Service", "EnvironmentFile") {
        let content = tree.read(&specifiers.put_in(file.trim_start_matches('-'))).unwrap_or_default();
        for line in text(&content).lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
            words(line).first().into_iter().for_each(|word| set(word));
        }
    }
    let cwd = unit.last("Service", "WorkingDirectory").map(|cwd| {
        match specifiers.put_in(cwd.trim_start_matches('-')) {
            home if home == "~" => user.home.clone(),
            other => other,
        }
    });
    let keys = ["ExecCondition", "ExecStartPre", "ExecStart", "ExecStartPost"];
    let mut commands = Vec::new();
    for line in keys.iter().flat_map(|key| unit.all("Service", key)) {
        for part in words(line).split(|word| word == ";") {
            let Some(first) = part.first() else { continue };
            let program = first.trim_start_matches(['@', '-', ':', '+', '!', '|']);
            let prefixes = &first[..first.len() - program.len()];
            let program = specifiers.put_in(program);
            let file = match program.contains('/') {
                true => program.clone(),
                false => in_path(&program, tree),
            };
            let mut argv = vec![program];
            for word in &part[1..] {
                let word = specifiers.put_in(word);
                argv.extend(if prefixes.contains(':') { vec![word] } else { expand(&word, &variables) });
            }
            if prefixes.contains('@') && argv.len() > 1 {
                argv.remove(0);
            }
            // `+`, and once `!`, run with full rights whatever `User=` says
            let user = if prefixes.contains(['+', '!']) { "root" } else { user.name.as_str() };
            commands.push(Command {
                file,
                argv,
                env: variables.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
                cwd: cwd.clone().or_else(|| Some("/".into())),
                user: user.to_owned(),
            });
        }
    }
    commands
}

fn in_path(program: &str, tree: &dyn Tree) -> String {
    let folders = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
    let full = folders.iter().map(|folder| format!("{folder}/{program}"));
    full.into_iter()
        .find(|path| tree.node(path).is_some_and(|node| node.executable()))
        .unwrap_or_else(|| program.to_owned())
}

/// Variables in a word: `${NAME}` anywhere; `$NAME` as a word of its own is cut into words.
fn expand(word: &str, variables: &BTreeMap<String, String>) -> Vec<String> {
    let value = |name: &str| variables.get(name).cloned().unwrap_or_default();
    if let Some(name) = word.strip_prefix('$')
        && !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    {
        return value(name).split_whitespace().map(str::to_owned).collect();
    }
    let (mut out, mut rest) = (String::new(), word);
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        match (rest.strip_prefix("$$"), rest.strip_prefix("${").and_then(|inner| inner.split_once('}'))) {
            (Some(after), _) => {
                out.push('$');
                rest = after;
            }
            (None, Some((name, after))) => {
                out.push_str(&value(name));
                rest = after;
            }
            (None, None) => {
                out.push('$');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    vec![out]
}

struct Specifiers<'a> {
    name: &'a str,
    user: &'a User,
}

impl Specifiers<'_> {
    /// `%X` in a word.
    fn put_in(&self, word: &str) -> String {
        let bare = self.name.rsplit_once('.').map_or(self.name, |(bare, _)| bare);
        let (prefix, instance) = bare.split_once('@').unwrap_or((bare, ""));
        let mut out = String::new();
        let mut chars = word.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            match chars.next() {
                Some('%') => out.push('%'),
                Some('h') => out.push_str(&self.user.home),
                Some('u') => out.push_str(&self.user.name),
                Some('U') => out.push_str(&self.user.uid.to_string()),
                Some('s') => out.push_str(&self.user.shell),
                Some('n') => out.push_str(self.name),
                Some('N') => out.push_str(bare),
                Some('p' | 'P') => out.push_str(prefix),
                Some('i' | 'I') => out.push_str(instance),
                Some('t') if self.user.uid == 0 => out.push_str("/run"),
                Some('t') => out.push_str(&format!("/run/user/{}", self.user.uid)),
                Some('T') => out.push_str("/tmp"),
                Some('V') => out.push_str("/var/tmp"),
                Some('S') if self.user.uid == 0 => out.push_str("/var/lib"),
                Some('S') => out.push_str(&format!("{}/.local/state", self.user.home)),
                Some('E') if self.user.uid == 0 => out.push_str("/etc"),
                Some('E') => out.push_str(&format!("{}/.config", self.user.home)),
                Some(other) => out.extend(['%', other]),
                None => out.push('%'),
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_put_in_as_systemd_does() {
        let variables = BTreeMap::from([("A".to_owned(), "x y".to_owned())]);
        assert_eq!(expand("$A", &variables), ["x", "y"]);
        assert_eq!(expand("-${A}-$$", &variables), ["-x y-$"]);
        assert_eq!(expand("$1", &variables), Vec::<String>::new());
    }
}
