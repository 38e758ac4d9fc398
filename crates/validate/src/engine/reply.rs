//! What an engine answered, as it is sealed, and what that comes to.

use super::feed::{Fed, feed};
use super::{Engine, OUTPUT, TEXT, engines};
use crate::evaluate::reads;
use crate::judge::{Fired, Match};
use crate::plan::{Digest, Plan, Role};
use detektr_evidence::Bundle;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};
use std::{fmt, io};

/// One answer of one engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// The question.
    pub question: String,
    /// The run that it was asked about.
    pub run: String,
    /// The program that ran: where it lay on the host, or its name among the plan's files.
    pub program: String,
    /// Its content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program_digest: Option<Digest>,
    /// What it read.
    pub input: Digest,
    /// How it ended.
    pub ended: Ended,
    /// The last line of the beginning of what it wrote to standard error, as far as [`super::TEXT`] characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complaint: Option<String>,
    /// What it wrote to standard output.
    pub output: Digest,
    /// The bytes of that: a file of the result.
    #[serde(skip)]
    pub content: Vec<u8>,
}

/// How an engine ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// By itself, with this code.
    Exit(i32),
    /// By a signal that was not Detektr's.
    Signal(i32),
    /// It was killed: its time was up.
    TimedOut,
    /// It was killed: it put out more than is read.
    TooMuch,
    /// It was killed: the user ended the validation.
    Interrupted,
    /// It did not begin.
    NotStarted(String),
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ended::Exit(code) => write!(f, "it ended with code {code}"),
            Ended::Signal(signal) => write!(f, "it was ended by signal {signal}"),
            Ended::TimedOut => f.write_str("it did not end in its time"),
            Ended::TooMuch => write!(f, "it put out more than {} MiB", OUTPUT >> 20),
            Ended::Interrupted => f.write_str("the validation was ended meanwhile"),
            Ended::NotStarted(why) => write!(f, "it could not be started: {why}"),
        }
    }
}

/// One line of an answer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    event: Option<u64>,
    rule: Option<String>,
    message: Option<String>,
    undecided: Option<String>,
}

/// What the engines of `plan` said of the run in `bundle`, an arm of `role`: with the ids of their questions.
///
/// # Errors
/// Where the bundle can't be read to its end.
pub(crate) fn fired<'p>(
    plan: &'p Plan,
    role: &Role,
    bundle: &Bundle,
    replies: &[Reply],
) -> io::Result<Vec<(&'p str, Fired)>> {
    let run = &bundle.manifest().run;
    let mut views = BTreeMap::new();
    let mut all = Vec::new();
    for (question, engine) in engines(plan).filter(|(question, _)| reads(question, role)) {
        let fed = match views.entry(engine.view) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(feed(engine.view, bundle, io::sink())?),
        };
        let reply = replies.iter().find(|one| one.question == question.id && one.run == *run);
        let said = reply.ok_or_else(|| "it was not asked".to_owned()).and_then(|one| one.read(engine, fed));
        all.push((question.id.as_str(), said.unwrap_or_else(Fired::failed)));
    }
    Ok(all)
}

/// The beginning of a text of an engine: a sentence of a verdict is made of it.
fn shortened(text: &str) -> String {
    text.chars().take(TEXT).collect()
}

impl Reply {
    /// What it says of the run whose events are `fed`; else why it can't be used.
    fn read(&self, engine: &Engine, fed: &Fed) -> Result<Fired, String> {
        if self.ended != Ended::Exit(0) {
            let complaint = self.complaint.as_ref().map(|line| format!(" ({line})")).unwrap_or_default();
            return Err(format!("{}{complaint}", self.ended));
        }
        if self.input != fed.digest {
            return Err("it was asked about other events than the bundle holds".into());
        }
        if Digest::of(&self.content) != self.output {
            return Err("its output is not what was sealed".into());
        }
        let text = str::from_utf8(&self.content).map_err(|_| "its output is not UTF-8")?;
        let mut fired = Fired::default();
        let mut seen = BTreeSet::new();
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let wrong = |what: String| format!("line {} of its output {what}", at + 1);
            let line: Line = serde_json::from_str(line)
                .map_err(|e| wrong(format!("is no answer: {}", shortened(&e.to_string()))))?;
            let event = match (line.event, line.undecided) {
                (Some(event), None) => event,
                (None, Some(why)) => {
                    let why = shortened(&why);
                    fired.undecided.get_or_insert(format!("`{}` can't decide: {why}", engine.name()));
                    continue;
                }
                _ => return Err(wrong("has not exactly one of `event` and `undecided`".into())),
            };
            if !fed.events.contains(&event) {
                return Err(wrong(format!("names event {event}, which it was not given")));
            }
            let rule = line.rule.map_or_else(|| engine.name(), |rule| shortened(&rule));
            if !seen.insert((rule.clone(), event)) {
                continue;
            }
            let told = match line.message {
                Some(message) => ("message".into(), shortened(&message)),
                None => ("event".into(), event.to_string()),
            };
            let harness_only = fed.launched == Some(event);
            fired.matches.push(Match { rule, events: vec![event], fields: vec![told], harness_only });
        }
        Ok(fired)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine() -> Engine {
        let command = vec!["python3".into(), "own.py".into()];
        Engine { command, view: Default::default(), files: vec!["own.py".into()], timeout_ms: 1000 }
    }

    /// What is read of an engine that was given the events 1 to 3, of which 1 is the launcher's.
    fn read(content: &[u8], change: impl Fn(&mut Reply)) -> Result<Fired, String> {
        let digest = Digest::of(b"asked");
        let mut reply = Reply {
            question: "q".into(),
            run: "r".into(),
            program: "/usr/bin/python3".into(),
            program_digest: None,
            input: digest.clone(),
            ended: Ended::Exit(0),
            complaint: None,
            output: Digest::of(content),
            content: content.to_vec(),
        };
        change(&mut reply);
        reply.read(&engine(), &Fed { events: (1..=3).collect(), launched: Some(1), digest })
    }

    #[test]
    fn matches_are_read_once_each_and_those_of_the_launcher_are_told_apart() {
        let all = read(
            b"{\"event\": 3}\n\n{\"event\": 3}\n{\"event\": 1, \"rule\": \"a\", \"message\": \"m\"}",
            |_| {},
        )
        .unwrap();
        let told: Vec<_> =
            all.matches.iter().map(|one| (one.rule.as_str(), one.events[0], one.harness_only)).collect();
        assert_eq!(told, [("own", 3, false), ("a", 1, true)]);
        assert_eq!(all.matches[1].fields, [("message".to_owned(), "m".to_owned())]);
        assert_eq!(read(b"", |_| {}).unwrap(), Fired::default());
        let open = read(b"{\"undecided\": \"no DNS\"}", |_| {}).unwrap();
        assert!(open.undecided.unwrap().contains("no DNS") && open.matches.is_empty());
    }

    #[test]
    fn what_is_no_answer_is_never_taken_for_silence() {
        for (content, why) in [
            (&b"seen"[..], "line 1"),
            (b"{\"event\": 2}\n{\"event\": 4}", "line 2 of its output names event 4"),
            (b"{\"event\": -1}", "line 1"),
            (b"{\"events\": 2}", "unknown field"),
            (b"{}", "exactly one"),
            (b"{\"event\": 2, \"undecided\": \"?\"}", "exactly one"),
            (b"{\"event\": 2", "EOF"),
            (b"\xff", "UTF-8"),
        ] {
            let told = read(content, |_| {}).unwrap_err();
            assert!(told.contains(why), "{told}");
        }
        // what it wrote becomes part of a sentence
        let long = format!("{{\"{}\": 2}}", "x".repeat(OUTPUT / 2));
        assert!(read(long.as_bytes(), |_| {}).unwrap_err().len() < 2 * TEXT);
        let whole = b"{\"event\": 2}";
        let other = |reply: &mut Reply| reply.input = Digest::of(b"others");
        assert!(read(whole, other).unwrap_err().contains("other events"));
        let lost = |reply: &mut Reply| reply.content.clear();
        assert!(read(whole, lost).unwrap_err().contains("not what was sealed"));
        for ended in [Ended::Exit(1), Ended::Signal(11), Ended::TimedOut, Ended::TooMuch, Ended::Interrupted]
        {
            assert_eq!(read(whole, |reply| reply.ended = ended.clone()).unwrap_err(), ended.to_string());
        }
    }
}
