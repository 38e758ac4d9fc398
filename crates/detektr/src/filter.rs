//! Which events of a stream are wanted.

use crate::describe;
use detektr_event::glob::Glob;
use detektr_event::{Event, Kind, OutcomeResult};

/// What an event must be to be shown: each condition given must hold; of one condition's values, any.
#[derive(Debug, Default)]
pub struct Filter {
    /// Kinds.
    pub kinds: Vec<Kind>,
    /// Processes.
    pub processes: Vec<ProcessPattern>,
    /// Paths: any path that the event tells.
    pub paths: Vec<Glob>,
    /// How it ended.
    pub outcomes: Vec<OutcomePattern>,
}

/// A process by id, number or program name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProcessPattern {
    /// Process number in the environment.
    Pid(u32),
    /// `START-PID-EXECS`, or `START-PID` for all programs of one process.
    Id(String),
    /// File name of the program, or its whole path.
    Name(String),
}

/// An outcome by result or by error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutcomePattern {
    /// `success`, `failure`, `unfinished`.
    Result(OutcomeResult),
    /// `EACCES`, …
    Errno(String),
}

impl Filter {
    /// Whether `event` is wanted.
    pub fn wants(&self, event: &Event) -> bool {
        any(&self.kinds, |kind| *kind == event.kind())
            && any(&self.processes, |pattern| pattern.matches(event))
            && any(&self.outcomes, |pattern| pattern.matches(event))
            && (self.paths.is_empty()
                || describe::paths(&event.detail).iter().any(|path| {
                    path.path
                        .text()
                        .is_some_and(|text| self.paths.iter().any(|glob| glob.matches(text.as_bytes())))
                }))
    }
}

fn any<T>(patterns: &[T], matches: impl FnMut(&T) -> bool) -> bool {
    patterns.is_empty() || patterns.iter().any(matches)
}

/// The kinds that `word` names: one kind (`file.open`), or a whole family (`file`, `file.`, `file.*`).
pub fn kinds(word: &str) -> Result<Vec<Kind>, String> {
    let family = word.trim_end_matches('*').trim_end_matches('.');
    let found: Vec<Kind> = Kind::ALL
        .iter()
        .copied()
        .filter(|kind| {
            kind.name() == word || kind.name().strip_prefix(family).is_some_and(|r| r.starts_with('.'))
        })
        .collect();
    if !found.is_empty() && !family.is_empty() {
        return Ok(found);
    }
    let near = Kind::ALL.iter().map(|k| k.name()).find(|name| name.rsplit('.').next() == Some(word));
    Err(match near {
        Some(name) => format!("no such kind of event; did you mean {name}?"),
        None => "no such kind of event; the families are process, file, network, kernel, log and bait \
                 (docs/events.md lists every kind)"
            .into(),
    })
}

impl std::str::FromStr for ProcessPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("write a process id, a process number or the name of a program".into());
        }
        if let Ok(pid) = text.parse() {
            return Ok(ProcessPattern::Pid(pid));
        }
        let parts: Vec<&str> = text.split('-').collect();
        let hex = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_hexdigit());
        let decimal = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        match parts.as_slice() {
            [start, rest @ ..]
                if (1..=2).contains(&rest.len()) && hex(start) && rest.iter().all(|p| decimal(p)) =>
            {
                Ok(ProcessPattern::Id(text.into()))
            }
            _ => Ok(ProcessPattern::Name(text.into())),
        }
    }
}

impl ProcessPattern {
    fn matches(&self, event: &Event) -> bool {
        let Some(process) = &event.process else { return false };
        match self {
            ProcessPattern::Pid(pid) => process.pid == *pid,
            ProcessPattern::Id(id) => process.id.as_str() == id || process.id.process() == id,
            ProcessPattern::Name(name) => process.exe.text().is_some_and(|exe| {
                let exe = exe.as_bytes();
                exe == name.as_bytes() || exe.rsplit(|b| *b == b'/').next() == Some(name.as_bytes())
            }),
        }
    }
}

impl std::str::FromStr for OutcomePattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "success" => OutcomePattern::Result(OutcomeResult::Success),
            "failure" => OutcomePattern::Result(OutcomeResult::Failure),
            "unfinished" => OutcomePattern::Result(OutcomeResult::Unfinished),
            errno
                if errno.len() > 1
                    && errno.starts_with('E')
                    && errno.bytes().all(|b| b.is_ascii_alphanumeric()) =>
            {
                OutcomePattern::Errno(errno.into())
            }
            _ => {
                return Err(
                    "write success, failure, unfinished, or the name of an error such as EACCES".into()
                );
            }
        })
    }
}

impl OutcomePattern {
    fn matches(&self, event: &Event) -> bool {
        match self {
            OutcomePattern::Result(result) => event.outcome.result == *result,
            OutcomePattern::Errno(errno) => event.outcome.errno.as_ref() == Some(errno),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn a_kind_is_named_whole_or_by_its_family() {
        assert_eq!(kinds("file.open"), Ok(vec![Kind::FileOpen]));
        let files = kinds("file").unwrap();
        assert!(files.len() > 10 && files.iter().all(|k| k.name().starts_with("file.")));
        assert_eq!(kinds("file.*"), Ok(files.clone()));
        assert_eq!(kinds("file."), Ok(files));
        for wrong in ["", "*", ".", "fil", "file.ope", "nonsense"] {
            assert!(kinds(wrong).is_err(), "{wrong} was taken");
        }
        assert!(kinds("open").unwrap_err().contains("file.open"));
    }

    #[test]
    fn a_process_is_found_by_number_id_or_name() {
        let event = sample::open(1, "/usr/bin/cat", "/etc/passwd");
        let wants =
            |text: &str| Filter { processes: vec![text.parse().unwrap()], ..Filter::default() }.wants(&event);
        for right in ["7", "cat", "/usr/bin/cat", "64-7-1", "64-7"] {
            assert!(wants(right), "{right}");
        }
        for wrong in ["8", "ca", "64-7-2", "65-7", "bin/cat"] {
            assert!(!wants(wrong), "{wrong}");
        }
    }

    #[test]
    fn paths_match_as_prefix_or_pattern_and_conditions_are_joined_by_and() {
        let event = sample::open(1, "/usr/bin/cat", "/etc/passwd");
        let filter = |path: &str, outcome: &str| Filter {
            paths: vec![path.parse().unwrap()],
            outcomes: vec![outcome.parse().unwrap()],
            ..Filter::default()
        };
        assert!(filter("/etc", "success").wants(&event));
        assert!(filter("/etc/pass*", "success").wants(&event));
        assert!(!filter("/etc", "failure").wants(&event));
        assert!(!filter("/et", "success").wants(&event));
        assert!(!filter("/etc", "ENOENT").wants(&event));
    }
}
