//! `schedule`: the time of every table, job and timer has come.

use super::Planned;
use super::job::{CRON_PATH, of, ways};
use detektr_event::Phase;
use detektr_evidence::persistence::{Found, User, Users};

/// What cron, atd and timers would start, each with the few variables that cron gives.
pub(super) fn jobs(found: &[Found], users: &Users) -> Vec<Planned> {
    ways(found, Phase::Schedule).filter_map(|way| of(way, users, variables)).collect()
}

fn variables(user: &User) -> Vec<(&'static str, String)> {
    vec![
        ("SHELL", "/bin/sh".into()),
        ("PATH", CRON_PATH.into()),
        ("HOME", user.home.clone()),
        ("LOGNAME", user.name.clone()),
    ]
}
