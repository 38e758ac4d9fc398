//! Resource limits of a process (`setrlimit(2)`), soft and hard. None is raised above what the host gives.

use super::hardening::{Problem, Steps};
use serde::{Deserialize, Serialize};

/// One limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rlimit {
    /// The kernel's name in small letters, without its prefix (`nofile`).
    pub resource: String,
    /// The soft value; none for no limit.
    pub soft: Option<u64>,
    /// The hard value; none for no limit.
    pub hard: Option<u64>,
}

const RESOURCES: [(&str, u32); 16] = [
    ("cpu", libc::RLIMIT_CPU),
    ("fsize", libc::RLIMIT_FSIZE),
    ("data", libc::RLIMIT_DATA),
    ("stack", libc::RLIMIT_STACK),
    ("core", libc::RLIMIT_CORE),
    ("rss", libc::RLIMIT_RSS),
    ("nofile", libc::RLIMIT_NOFILE),
    ("as", libc::RLIMIT_AS),
    ("nproc", libc::RLIMIT_NPROC),
    ("memlock", libc::RLIMIT_MEMLOCK),
    ("locks", libc::RLIMIT_LOCKS),
    ("sigpending", libc::RLIMIT_SIGPENDING),
    ("msgqueue", libc::RLIMIT_MSGQUEUE),
    ("nice", libc::RLIMIT_NICE),
    ("rtprio", libc::RLIMIT_RTPRIO),
    ("rttime", libc::RLIMIT_RTTIME),
];

/// Adds the limits; what is done, in words.
pub(super) fn decide(steps: &mut Steps, limits: &[Rlimit]) -> Result<Vec<String>, Vec<Problem>> {
    let mut words = Vec::new();
    for limit in limits {
        let Some((_, number)) = RESOURCES.iter().find(|(name, _)| *name == limit.resource) else {
            let what = format!("there is no resource `{}`", limit.resource);
            return Err(vec![("rlimit", what, "write the names of setrlimit(2) in small letters".into())]);
        };
        // the kernel's word for no limit is the highest number
        let (soft, hard) = (limit.soft.unwrap_or(u64::MAX), limit.hard.unwrap_or(u64::MAX));
        steps.rlimits.push((*number, soft, hard));
        let told = |value: Option<u64>| value.map_or("infinity".to_owned(), |value| value.to_string());
        words.push(format!("rlimit {}: {}:{}", limit.resource, told(limit.soft), told(limit.hard)));
    }
    Ok(words)
}
