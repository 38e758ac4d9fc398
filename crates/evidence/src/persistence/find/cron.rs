//! cron: tables of the system and of users, and the folders that are run by the hour, day, week and month.

use super::{Site, run_parts_name, script};
use crate::persistence::lines::{names, text};
use crate::persistence::{Found, Mechanism, Reason, Rule, Start, What};
use detektr_event::Phase;
use std::collections::BTreeMap;

/// Folders whose scripts are run from time to time.
pub(super) const PERIODS: [&str; 4] =
    ["/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly", "/etc/cron.monthly"];

pub(super) fn find(site: &Site<'_>) -> Vec<Found> {
    let (folder, name) = site.split();
    if PERIODS.contains(&folder) {
        if !run_parts_name(name) {
            return vec![Found::idle(site.entry(Mechanism::Cron), Reason::Ignored)];
        }
        return vec![script::started(site, Mechanism::Cron, Phase::Schedule, "cron (run-parts)", &[])];
    }
    match (folder, site.path) {
        (_, "/etc/crontab") => table(site, None, site.trusted(0)),
        ("/etc/cron.d", _) => table(site, None, site.trusted(0) && run_parts_name(name)),
        ("/var/spool/cron/crontabs" | "/var/spool/cron", _) => match site.look.users.named(name) {
            Some(user) => {
                // Debian's cron takes no other mode than 0600, others take what nobody else may write.
                let strict = site.look.after.node("/etc/debian_version").is_some();
                let mode = site.look.after.node(site.path).map_or(0, |node| node.mode & 0o7777);
                let good = site.trusted(user.uid) && (!strict || mode == 0o600);
                table(site, Some(name), good)
            }
            None => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// The new lines of a table; `user` is its owner, where the lines don't name one.
fn table(site: &Site<'_>, user: Option<&str>, taken: bool) -> Vec<Found> {
    let new = site.lines();
    let variable_is_new =
        new.iter().any(|line| variable(line).is_some_and(|(name, _)| name == "SHELL" || name == "PATH"));
    let mut variables = BTreeMap::new();
    let mut found = Vec::new();
    for line in
        text(&site.content()).lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        if let Some((name, value)) = variable(line) {
            variables.insert(name.to_owned(), value.to_owned());
            continue;
        }
        if !variable_is_new && !new.iter().any(|known| known.trim() == line) {
            continue;
        }
        found.push(job(site, user, line, &variables, taken));
    }
    found
}

fn job(
    site: &Site<'_>,
    user: Option<&str>,
    line: &str,
    variables: &BTreeMap<String, String>,
    taken: bool,
) -> Found {
    let mut entry = site.entry(Mechanism::Cron);
    entry.lines = vec![line.into()];
    let Some((when, rest)) = schedule(line) else { return Found::idle(entry, Reason::Invalid) };
    let (user, command) = match user {
        Some(user) => (user, rest),
        None => match rest.split_once(char::is_whitespace) {
            Some((user, command)) => (user, command.trim_start()),
            None => return Found::idle(entry, Reason::Invalid),
        },
    };
    let (command, stdin) = percent(command);
    entry.user = Some(user.into());
    entry.runs = Some(command.as_str().into());
    if !taken {
        return Found::idle(entry, Reason::Ignored);
    }
    let Some(account) = site.look.users.named(user) else { return Found::idle(entry, Reason::Invalid) };
    let phase = match when {
        When::Never => return Found::idle(entry, Reason::Never),
        When::Boot => Phase::Reboot,
        When::Time => Phase::Schedule,
    };
    let home = variables.get("HOME").unwrap_or(&account.home);
    let start = Start {
        phase,
        user: user.into(),
        by: "cron".into(),
        rule: Rule::Line(names(&command, home)),
        what: What::Line {
            shell: variables.get("SHELL").cloned().unwrap_or_else(|| "/bin/sh".into()),
            line: command,
            env: variables.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
            stdin,
        },
    };
    Found { entry, starts: vec![start] }
}

/// `NAME = value`, the value in quotes or not.
fn variable(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let quoted = |q: char| value.strip_prefix(q).and_then(|value| value.strip_suffix(q));
    plain.then(|| (name, quoted('"').or_else(|| quoted('\'')).unwrap_or(value)))
}

/// The command, and what follows its first bare `%`: input, each further `%` a new line.
fn percent(command: &str) -> (String, String) {
    let (mut line, mut input, mut before, mut in_input) = (String::new(), String::new(), None, false);
    for c in command.chars() {
        let to = if in_input { &mut input } else { &mut line };
        match (before, c) {
            (Some('\\'), '%') => {
                to.pop();
                to.push('%');
            }
            (_, '%') if in_input => to.push('\n'),
            (_, '%') => in_input = true,
            _ => to.push(c),
        }
        before = Some(c);
    }
    if in_input {
        input.push('\n');
    }
    (line, input)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Boot,
    Time,
    Never,
}

/// When, and the rest of the line; `None` where it is no schedule.
fn schedule(line: &str) -> Option<(When, &str)> {
    if let Some(word) = line.strip_prefix('@') {
        let (name, rest) = word.split_once(char::is_whitespace)?;
        let when = match name {
            "reboot" => When::Boot,
            "yearly" | "annually" | "monthly" | "weekly" | "daily" | "midnight" | "hourly" => When::Time,
            _ => return None,
        };
        return Some((when, rest.trim_start()));
    }
    let mut rest = line;
    let mut fields = Vec::new();
    for (low, high, words) in [(0, 59, ""), (0, 23, ""), (1, 31, ""), (1, 12, MONTHS), (0, 7, DAYS)] {
        let (text, after) = rest.split_once(char::is_whitespace)?;
        fields.push((text.starts_with('*'), field(text, low, high, words)?));
        rest = after.trim_start();
    }
    let [_, _, days, months, week] = fields.as_slice() else { return None };
    let longest = |month: &u32| match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let comes = months.1.iter().any(|month| days.1.iter().any(|day| *day <= longest(month)));
    // a day of the week is another way for the day to come
    Some((if comes || !week.0 { When::Time } else { When::Never }, rest))
}

const MONTHS: &str = "jan feb mar apr may jun jul aug sep oct nov dec";
const DAYS: &str = "sun mon tue wed thu fri sat";

/// The numbers of one field.
fn field(text: &str, low: u32, high: u32, words: &str) -> Option<Vec<u32>> {
    let number = |text: &str| -> Option<u32> {
        let named = words.split(' ').position(|word| !word.is_empty() && word.eq_ignore_ascii_case(text));
        let named = named.map(|position| position as u32 + low);
        named.or_else(|| text.parse().ok()).filter(|number| (low..=high).contains(number))
    };
    let mut numbers = Vec::new();
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse::<usize>().ok().filter(|step| *step > 0)?),
            None => (part, 1),
        };
        let (first, last) = match (range, range.split_once('-')) {
            ("*", _) => (low, high),
            (_, Some((first, last))) => (number(first)?, number(last)?),
            (one, None) => (number(one)?, number(one)?),
        };
        numbers.extend((first..=last).step_by(step));
    }
    (!numbers.is_empty()).then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_read_as_cron_reads_them() {
        assert_eq!(schedule("*/5 1-3,7 * jan-mar mon root x"), Some((When::Time, "root x")));
        assert_eq!(schedule("@reboot x y"), Some((When::Boot, "x y")));
        assert_eq!(schedule("0 0 31 2 * x"), Some((When::Never, "x")));
        assert_eq!(schedule("0 0 31 2 mon x"), Some((When::Time, "x")));
        for wrong in ["60 * * * * x", "* * * * x", "@never x", "a b c d e f", "*/0 * * * * x"] {
            assert_eq!(schedule(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_percent_sign_begins_the_input() {
        assert_eq!(percent(r"cat > /x\%y%a%b"), ("cat > /x%y".into(), "a\nb\n".into()));
        assert_eq!(percent("date"), ("date".into(), String::new()));
    }
}
