//! `reboot`: the system comes up again, over the files that are there.

use super::Planned;
use super::job::{SERVICE_PATH, of, ways};
use detektr_event::Phase;
use detektr_evidence::persistence::{Found, User, Users};

/// What the boot would start: services, scripts, rules of udev, and cron's `@reboot`.
pub(super) fn jobs(found: &[Found], users: &Users) -> Vec<Planned> {
    ways(found, Phase::Reboot).filter_map(|way| of(way, users, variables)).collect()
}

fn variables(user: &User) -> Vec<(&'static str, String)> {
    let mut variables = vec![("PATH", SERVICE_PATH.to_owned()), ("LANG", "C.UTF-8".to_owned())];
    // a service that names its user gets to know where that one lives
    if user.uid != 0 {
        variables.push(("HOME", user.home.clone()));
        variables.push(("LOGNAME", user.name.clone()));
        variables.push(("USER", user.name.clone()));
        variables.push(("SHELL", user.shell.clone()));
    }
    variables
}
