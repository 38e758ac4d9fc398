//! Keys that sshd takes, what they force to run, and the file that sshd runs at a login.

use super::Site;
use crate::persistence::lines::names;
use crate::persistence::{Found, Mechanism, Reason, Rule, Start, User, What};
use detektr_event::Phase;

pub(super) fn find(site: &Site<'_>) -> Vec<Found> {
    let Some((user, rest)) = site.look.users.at_home(site.path) else {
        return match site.path {
            "/etc/ssh/sshrc" => {
                site.look.users.named(site.look.person).and_then(|user| rc(site, user)).into_iter().collect()
            }
            _ => Vec::new(),
        };
    };
    match rest {
        ".ssh/authorized_keys" | ".ssh/authorized_keys2" => {
            site.lines().iter().map(|line| key(site, user, line)).collect()
        }
        ".ssh/rc" => rc(site, user).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn key(site: &Site<'_>, user: &User, line: &str) -> Found {
    let mut entry = site.entry(Mechanism::SshKey);
    entry.lines = vec![line.into()];
    entry.user = Some(user.name.clone());
    let (options, key) = options(line);
    let mut parts = key.split_whitespace();
    let known = parts
        .next()
        .is_some_and(|kind| ["ssh-", "ecdsa-", "sk-"].iter().any(|start| kind.starts_with(start)));
    if !known || !parts.next().is_some_and(|blob| blob.starts_with("AAAA")) {
        return Found::idle(entry, Reason::Invalid);
    }
    let command = options.iter().find_map(|option| option.strip_prefix("command=")).map(unquote);
    entry.runs = command.as_deref().map(Into::into);
    if !strict_modes(site, user) {
        return Found::idle(entry, Reason::Ignored);
    }
    let Some(command) = command else { return Found::idle(entry, Reason::GrantsAccess) };
    let start = Start {
        phase: Phase::Login,
        user: user.name.clone(),
        by: "sshd (forced command)".into(),
        rule: Rule::Line(names(&command, &user.home)),
        what: What::Line { shell: user.shell.clone(), line: command, env: Vec::new(), stdin: String::new() },
    };
    Found { entry, starts: vec![start] }
}

/// What sshd asks of files before it believes them (`StrictModes`): nobody but the user or root can have written
/// the file or the folders on the way.
fn strict_modes(site: &Site<'_>, user: &User) -> bool {
    let folder = site.split().0;
    [site.path, folder, user.home.as_str()].iter().all(|path| {
        site.look
            .after
            .node(path)
            .is_some_and(|node| (node.uid == user.uid || node.uid == 0) && node.mode & 0o022 == 0)
    })
}

fn rc(site: &Site<'_>, user: &User) -> Option<Found> {
    let lines = site.lines();
    if lines.is_empty() {
        return None;
    }
    let mut entry = site.entry(Mechanism::SshKey);
    entry.technique = "T1546.004".into();
    entry.user = Some(user.name.clone());
    entry.runs = Some(lines.join("\n").into());
    entry.lines = lines.iter().map(|line| line.as_str().into()).collect();
    let names = lines.iter().flat_map(|line| names(line, &user.home)).collect();
    let argv = vec!["sh".to_owned(), site.path.to_owned()];
    let start = Start {
        phase: Phase::Login,
        user: user.name.clone(),
        by: "sshd".into(),
        what: What::Program { file: "/bin/sh".into(), argv, env: Vec::new(), cwd: None },
        rule: Rule::Lines { file: site.look.real(site.path), names },
    };
    Some(Found { entry, starts: vec![start] })
}

/// The options before the key, and the key.
fn options(line: &str) -> (Vec<String>, &str) {
    let line = line.trim();
    if ["ssh-", "ecdsa-", "sk-"].iter().any(|start| line.starts_with(start)) {
        return (Vec::new(), line);
    }
    let (mut options, mut option, mut quoted, mut before) = (Vec::new(), String::new(), false, ' ');
    for (at, c) in line.char_indices() {
        match c {
            '"' if before != '\\' => {
                quoted = !quoted;
                option.push(c);
            }
            ',' if !quoted => options.push(std::mem::take(&mut option)),
            c if c.is_whitespace() && !quoted => {
                options.push(option);
                return (options, line[at..].trim_start());
            }
            c => option.push(c),
        }
        before = c;
    }
    (Vec::new(), "")
}

fn unquote(text: &str) -> String {
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    inner.replace("\\\"", "\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_before_a_key_may_hold_commas_and_spaces_in_quotes() {
        let (found, key) = options(r#"no-pty,command="a, \"b\" c" ssh-ed25519 AAAAx me"#);
        assert_eq!(found, ["no-pty", r#"command="a, \"b\" c""#]);
        assert_eq!(key, "ssh-ed25519 AAAAx me");
        assert_eq!(unquote(r#""a, \"b\" c""#), r#"a, "b" c"#);
        assert_eq!(options("ssh-rsa AAAA").1, "ssh-rsa AAAA");
    }
}
