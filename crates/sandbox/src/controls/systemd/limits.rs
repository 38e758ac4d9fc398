//! `Limit…=`: resource limits (`setrlimit(2)`), a soft and a hard value or one for both.

use super::words::{Wrong, microseconds, seconds, size};
use crate::controls::Rlimit;

/// How a limit's value is written.
#[derive(Clone, Copy)]
enum Written {
    Count,
    Size,
    Seconds,
    Microseconds,
    Nice,
}

const LIMITS: [(&str, &str, Written); 16] = [
    ("LimitCPU", "cpu", Written::Seconds),
    ("LimitFSIZE", "fsize", Written::Size),
    ("LimitDATA", "data", Written::Size),
    ("LimitSTACK", "stack", Written::Size),
    ("LimitCORE", "core", Written::Size),
    ("LimitRSS", "rss", Written::Size),
    ("LimitNOFILE", "nofile", Written::Count),
    ("LimitAS", "as", Written::Size),
    ("LimitNPROC", "nproc", Written::Count),
    ("LimitMEMLOCK", "memlock", Written::Size),
    ("LimitLOCKS", "locks", Written::Count),
    ("LimitSIGPENDING", "sigpending", Written::Count),
    ("LimitMSGQUEUE", "msgqueue", Written::Size),
    ("LimitNICE", "nice", Written::Nice),
    ("LimitRTPRIO", "rtprio", Written::Count),
    ("LimitRTTIME", "rttime", Written::Microseconds),
];

/// The limit that a directive sets; none where it is no such directive, and `Some(Ok(None))` where it sets nothing.
pub(super) fn limit(name: &str, value: &str) -> Option<Result<Option<Rlimit>, Wrong>> {
    let (_, resource, written) = LIMITS.into_iter().find(|(known, ..)| *known == name)?;
    Some(read(resource, value, written))
}

fn read(resource: &str, value: &str, written: Written) -> Result<Option<Rlimit>, Wrong> {
    if value.is_empty() {
        return Ok(None);
    }
    let one = |text: &str| -> Result<Option<u64>, Wrong> {
        match written {
            Written::Count if text == "infinity" => Ok(None),
            Written::Count => text
                .parse()
                .map(Some)
                .map_err(|_| (format!("`{text}` is no number"), "write a number, or `infinity`".to_owned())),
            Written::Size => size(text),
            Written::Seconds => seconds(text),
            Written::Microseconds => microseconds(text, 1),
            Written::Nice => nice(text),
        }
    };
    let (soft, hard) = match value.split_once(':') {
        Some((soft, hard)) => (one(soft)?, one(hard)?),
        None => {
            let both = one(value)?;
            (both, both)
        }
    };
    if soft.unwrap_or(u64::MAX) > hard.unwrap_or(u64::MAX) {
        return Err((format!("`{value}` has a soft limit above the hard one"), "write SOFT:HARD".into()));
    }
    Ok(Some(Rlimit { resource: resource.into(), soft, hard }))
}

/// A nice level with its sign stands for 20 less that level.
fn nice(text: &str) -> Result<Option<u64>, Wrong> {
    let wrong =
        || (format!("`{text}` is no nice level"), "write -20 to +19 with its sign, or 1 to 40".to_owned());
    if text == "infinity" {
        return Ok(None);
    }
    let number: i64 = text.parse().map_err(|_| wrong())?;
    let value = if text.starts_with(['+', '-']) { 20 - number } else { number };
    u64::try_from(value).ok().filter(|value| *value <= 40).map(Some).ok_or_else(wrong)
}
