//! `login`: somebody logs in and works a little: shells of each kind, any program, a commit.

use super::Planned;
use super::job::{SERVICE_PATH, USER_PATH, job, of, ways};
use detektr_event::Phase;
use detektr_evidence::persistence::{Found, Tree, User, Users, What};
use std::collections::BTreeMap;

/// Shells that people use, by path.
const SHELLS: [&str; 3] = ["/bin/sh", "/bin/bash", "/bin/zsh"];
/// Each mode: a word for people, whether it is a login shell, and what it is given.
const MODES: [(&str, bool, &[&str]); 3] = [
    ("a login shell at a terminal", true, &["-i"]),
    ("a shell at a terminal", false, &["-i"]),
    ("a login shell for one command", true, &["-c", ":"]),
];
/// A commit, in the repository that is the first argument, or in a new one.
const COMMIT: &str = "if [ -n \"$1\" ]; then cd \"$1\"; else d=$(mktemp -d) && cd \"$d\" && git init -q; fi && \
                      git commit -q --allow-empty -m update";

/// Who makes the commit, and when.
const COMMITTER: [(&str, &str); 3] =
    [("NAME", "user"), ("EMAIL", "user@localhost"), ("DATE", "@1767225600 +0000")];

/// What a login would start. What several entries need is started once for each user.
pub(super) fn jobs(found: &[Found], users: &Users, tree: &dyn Tree) -> Vec<Planned> {
    let mut planned = Vec::new();
    let mut together: BTreeMap<(String, What), Vec<(usize, usize)>> = BTreeMap::new();
    for way in ways(found, Phase::Login) {
        let (entry, position, _, start) = way;
        match start.what {
            What::Shells | What::Anything | What::Commit { .. } => {
                together.entry((start.user.clone(), start.what.clone())).or_default().push((entry, position));
            }
            What::Line { .. } | What::Program { .. } => planned.extend(of(way, users, variables)),
        }
    }
    for ((user, what), proves) in together {
        let Some(user) = users.named(&user) else { continue };
        let planned_for = |job, by: String| Planned {
            job,
            implant: false,
            by,
            user: user.name.clone(),
            proves: proves.clone(),
        };
        match what {
            What::Shells => {
                planned.extend(shells(user, tree).into_iter().map(|(job, by)| planned_for(job, by)))
            }
            What::Anything => {
                let job = plain(user, "true", vec!["true".into()]);
                planned.push(planned_for(job, "any program".into()));
            }
            What::Commit { tree } => {
                let words = ["sh", "-c", COMMIT, "sh", &tree].map(str::to_owned).into();
                let mut job = plain(user, "/bin/sh", words);
                // git asks for a name; nobody may have told it one. The same commit in every run: what differs
                // between runs is the artifact's own doing
                for who in ["AUTHOR", "COMMITTER"] {
                    for (what, value) in COMMITTER {
                        job.env.push(format!("GIT_{who}_{what}={value}").into_bytes());
                    }
                }
                planned.push(planned_for(job, "git commit".into()));
            }
            What::Line { .. } | What::Program { .. } => {}
        }
    }
    planned
}

fn shells(user: &User, tree: &dyn Tree) -> Vec<(detektr_sandbox::Job, String)> {
    let there = |shell: &&&str| tree.node(shell).is_some_and(|node| node.executable());
    let mut jobs = Vec::new();
    for shell in SHELLS.iter().filter(there) {
        let name = shell.rsplit('/').next().unwrap_or(shell);
        for (mode, login, words) in MODES {
            let own = if login { format!("-{name}") } else { name.to_owned() };
            let argv = std::iter::once(own).chain(words.iter().map(|word| (*word).to_owned())).collect();
            jobs.push((plain(user, shell, argv), format!("{name}, {mode}")));
        }
    }
    jobs
}

/// A program as a login gives it to a user.
fn plain(user: &User, program: &str, argv: Vec<String>) -> detektr_sandbox::Job {
    let variables = variables(user).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    job(user, program, argv, variables, user.home.clone(), "")
}

fn variables(user: &User) -> Vec<(&'static str, String)> {
    let path = if user.uid == 0 { SERVICE_PATH } else { USER_PATH };
    vec![
        ("HOME", user.home.clone()),
        ("USER", user.name.clone()),
        ("LOGNAME", user.name.clone()),
        ("SHELL", user.shell.clone()),
        ("PATH", path.into()),
        ("LANG", "C.UTF-8".into()),
        ("TERM", "xterm".into()),
    ]
}
