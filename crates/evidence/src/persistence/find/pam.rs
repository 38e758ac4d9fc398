//! PAM: lines of services, and modules.

use super::{Site, words};
use crate::persistence::lines::names;
use crate::persistence::{Found, Mechanism, Reason, Rule, Start, What};
use detektr_event::Phase;

pub(super) fn find(site: &Site<'_>) -> Vec<Found> {
    let (folder, name) = site.split();
    if folder.ends_with("/security") && name.starts_with("pam_") && name.ends_with(".so") {
        return match site.rewritten() {
            true => vec![Found::idle(site.entry(Mechanism::Pam), Reason::NotEmulated)],
            false => Vec::new(),
        };
    }
    let service = match site.path {
        "/etc/pam.conf" => None,
        _ if folder == "/etc/pam.d" => Some(name),
        _ => return Vec::new(),
    };
    site.lines().iter().filter_map(|line| rule(site, service, line)).collect()
}

fn rule(site: &Site<'_>, service: Option<&str>, line: &str) -> Option<Found> {
    let mut rest: Vec<String> = fields(line);
    if service.is_none() && !rest.is_empty() {
        rest.remove(0);
    }
    let mut rest = rest.into_iter();
    let kind = rest.next()?;
    let kind = kind.trim_start_matches('-').to_owned();
    if kind == "@include" {
        return None;
    }
    let mut entry = site.entry(Mechanism::Pam);
    entry.lines = vec![line.into()];
    if !matches!(kind.as_str(), "auth" | "account" | "password" | "session") {
        return Some(Found::idle(entry, Reason::Invalid));
    }
    let (_control, module) = (rest.next()?, rest.next()?);
    entry.runs = Some(module.as_str().into());
    if module.rsplit('/').next() != Some("pam_exec.so") {
        let reason = if module.starts_with('/') { Reason::NotEmulated } else { Reason::GrantsAccess };
        return Some(Found::idle(entry, reason));
    }
    let option = |word: &String| {
        matches!(word.as_str(), "debug" | "expose_authtok" | "seteuid" | "quiet" | "quiet_log" | "stdout")
            || word.starts_with("log=")
            || word.starts_with("type=")
    };
    let argv: Vec<String> = rest.skip_while(option).collect();
    entry.runs = Some(argv.join(" ").into());
    entry.user = Some("root".into());
    let Some(file) = argv.first().cloned() else { return Some(Found::idle(entry, Reason::Invalid)) };
    let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let kind = if kind == "session" { "open_session".to_owned() } else { kind };
    let env = vec![
        variable("PAM_TYPE", &kind),
        variable("PAM_USER", site.look.person),
        variable("PAM_SERVICE", service.unwrap_or("login")),
        variable("PAM_TTY", "tty1"),
    ];
    let rule = shell_rule(&argv, "/root");
    let what = What::Program { file, argv, env, cwd: Some("/".into()) };
    let start = Start { phase: Phase::Login, user: "root".into(), by: "pam_exec".into(), what, rule };
    Some(Found { entry, starts: vec![start] })
}

/// Fields of a line; one in brackets is one.
fn fields(line: &str) -> Vec<String> {
    let mut fields: Vec<String> = Vec::new();
    let mut open = false;
    for word in line.split_whitespace() {
        match fields.last_mut().filter(|_| open) {
            Some(last) => {
                last.push(' ');
                last.push_str(word);
            }
            None => {
                open = word.starts_with('[');
                fields.push(word.to_owned());
            }
        }
        if word.ends_with(']') {
            open = false;
        }
    }
    fields
}

/// What shows that a command line ran: of a shell with a line of its own, what that line names.
pub(super) fn shell_rule(argv: &[String], home: &str) -> Rule {
    let shell = argv.first().and_then(|file| file.rsplit('/').next());
    if let (Some("sh" | "bash" | "dash" | "zsh" | "ksh" | "ash"), Some(line)) = (shell, argv.get(2))
        && argv[1].starts_with('-')
        && argv[1].ends_with('c')
    {
        return Rule::Line(words(line).iter().flat_map(|word| names(word, home)).collect());
    }
    Rule::Program
}
