//! From what has to be started to a program with its user, folder and variables.

use super::Planned;
use detektr_event::Phase;
use detektr_evidence::persistence::{Found, Mechanism, Start, User, Users, What};
use detektr_sandbox::Job;
use std::collections::BTreeMap;

/// `PATH` of a service, of cron, and of an ordinary user.
pub(super) const SERVICE_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
pub(super) const CRON_PATH: &str = "/usr/bin:/bin";
pub(super) const USER_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The ways of `phase` with the entry and the way's own position.
pub(super) fn ways(found: &[Found], phase: Phase) -> impl Iterator<Item = (usize, usize, &Found, &Start)> {
    found.iter().enumerate().flat_map(move |(entry, found)| {
        let here = found.starts.iter().enumerate().filter(move |(_, start)| start.phase == phase);
        here.map(move |(position, start)| (entry, position, found, start))
    })
}

/// A program for one way, with the variables that `basics` gives to a user. None for what only a login knows how to
/// start, and for a user that there is not.
pub(super) fn of(
    (entry, position, found, start): (usize, usize, &Found, &Start),
    users: &Users,
    basics: impl Fn(&User) -> Vec<(&'static str, String)>,
) -> Option<Planned> {
    let user = users.named(&start.user)?;
    let (program, argv, env, cwd, stdin) = match &start.what {
        What::Line { shell, line, env, stdin } => {
            let argv = match line.is_empty() {
                true => vec![shell.clone()],
                false => vec![shell.clone(), "-c".into(), line.clone()],
            };
            (shell, argv, env, None, stdin.as_str())
        }
        What::Program { file, argv, env, cwd } => (file, argv.clone(), env, cwd.clone(), ""),
        What::Shells | What::Anything | What::Commit { .. } => return None,
    };
    let mut variables: BTreeMap<String, String> =
        basics(user).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    variables.extend(env.iter().cloned());
    let home = variables.get("HOME").cloned().unwrap_or_else(|| "/".into());
    Some(Planned {
        job: job(user, program, argv, variables, cwd.unwrap_or(home), stdin),
        implant: found.entry.mechanism != Mechanism::Account,
        by: start.by.clone(),
        user: user.name.clone(),
        proves: vec![(entry, position)],
    })
}

/// The program itself.
pub(super) fn job(
    user: &User,
    program: &str,
    argv: Vec<String>,
    variables: BTreeMap<String, String>,
    cwd: String,
    stdin: &str,
) -> Job {
    Job {
        program: program.into(),
        argv: argv.into_iter().map(String::into_bytes).collect(),
        env: variables.into_iter().map(|(name, value)| format!("{name}={value}").into_bytes()).collect(),
        cwd: cwd.into_bytes(),
        uid: user.uid,
        gid: user.gid,
        stdin: stdin.into(),
    }
}
