//! Messages of programs as the system's logs have them: `syslog` all, `auth` those on rights and logins, and each
//! service its own, by the name that the program gives itself.

use super::{Source, View, journal};
use detektr_event::{Event, LogMessage};
use std::borrow::Cow;

/// Where programs send the journal's own form.
const JOURNAL: &str = "/run/systemd/journal/socket";

/// The fields of a message.
pub(super) const FIELDS: &[&str] = &["facility", "severity", "program", "pid", "message"];

/// `auth` and `authpriv` of syslog(3).
const AUTH: [u8; 2] = [4, 10];
/// `cron` of syslog(3).
const CRON: u8 = 9;

/// A message taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Message<'a> {
    pub(super) facility: Option<u8>,
    pub(super) severity: Option<u8>,
    /// The name that the program gives itself.
    pub(super) program: Option<Cow<'a, str>>,
    pub(super) pid: Option<Cow<'a, str>>,
    pub(super) text: Cow<'a, str>,
}

pub(super) fn views(event: &Event, log: &LogMessage, views: &mut Vec<View>) {
    let whole = log.message.as_whole().is_some();
    let text = log.message.text();
    let lossy = text.map(|text| text.lossy()).unwrap_or_default();
    let message = if log.socket == JOURNAL {
        journal::parse(text.map(|text| text.as_bytes()).unwrap_or_default())
    } else {
        parse(&lossy)
    };
    for source in Source::ALL.into_iter().filter(|source| logs(*source, &message)) {
        let mut view = View::new(event, source);
        for (name, value) in [("facility", message.facility), ("severity", message.severity)] {
            if let Some(value) = value {
                view.number(name, value);
            }
        }
        for (name, value) in [("program", &message.program), ("pid", &message.pid)] {
            if let Some(value) = value {
                view.text(name, value.as_ref());
            }
        }
        view.text("message", message.text.as_ref());
        if !whole {
            // a field of the journal may stand behind the cut
            let cut = log.socket == JOURNAL;
            view.unknown.extend(FIELDS.iter().filter(|field| cut || **field == "message"));
            view.is_part = true;
        }
        views.push(view);
    }
}

/// Whether a system would put the message into the log of `source`.
fn logs(source: Source, message: &Message<'_>) -> bool {
    let facility = message.facility;
    let by = |names: &[&str]| {
        message.program.as_ref().is_some_and(|program| {
            let name = program.rsplit('/').next().unwrap_or(program);
            names.iter().any(|known| known.eq_ignore_ascii_case(name))
        })
    };
    match source {
        Source::Syslog => true,
        Source::Auth => facility.is_some_and(|facility| AUTH.contains(&facility)),
        Source::Cron => facility == Some(CRON) || by(&["cron", "crond", "crontab", "anacron"]),
        Source::Sshd => by(&["sshd", "sshd-session", "sshd-auth"]),
        Source::Sudo => by(&["sudo"]),
        Source::Clamav => by(&["clamd", "clamscan", "clamdscan", "clamonacc", "freshclam"]),
        Source::Vsftpd => by(&["vsftpd"]),
        Source::Guacamole => by(&["guacd", "guacamole"]),
        Source::ProcessCreation | Source::FileEvent | Source::NetworkConnection | Source::Auditd => false,
    }
}

/// Takes apart what was written to `/dev/log`: RFC 5424, or the older form with or without its time.
fn parse(text: &str) -> Message<'_> {
    let text = text.trim_end_matches(['\0', '\n']);
    let (facility, severity, rest) = match priority(text) {
        Some(((facility, severity), rest)) => (Some(facility), Some(severity), rest),
        None => (None, None, text),
    };
    if let Some(rest) = rest.strip_prefix("1 ")
        && let Some(message) = newer(rest)
    {
        return Message { facility, severity, ..message };
    }
    let rest = without_time(rest);
    let end = rest.find([':', '[', ' ']).unwrap_or(rest.len());
    let (program, after) = rest.split_at(end);
    let (pid, after) = match after.strip_prefix('[').and_then(|after| after.split_once(']')) {
        Some((pid, after)) => (Some(pid), after),
        None => (None, after),
    };
    match after.strip_prefix(':') {
        Some(text) if !program.is_empty() => Message {
            facility,
            severity,
            program: Some(program.into()),
            pid: pid.map(Cow::Borrowed),
            text: text.strip_prefix(' ').unwrap_or(text).into(),
        },
        _ => Message { facility, severity, text: rest.into(), ..Message::default() },
    }
}

/// `<38>`: facility 4, severity 6.
fn priority(text: &str) -> Option<((u8, u8), &str)> {
    let (number, rest) = text.strip_prefix('<')?.split_once('>')?;
    let number: u8 = number.parse().ok().filter(|number| *number <= 191)?;
    Some(((number / 8, number % 8), rest))
}

/// `TIME HOST PROGRAM PID ID DATA MESSAGE`, with `-` for what is not told.
fn newer(rest: &str) -> Option<Message<'_>> {
    let mut words = rest.splitn(6, ' ');
    let (_time, _host) = (words.next()?, words.next()?);
    let told = |word: &'_ str| word != "-" && !word.is_empty();
    let program = words.next().filter(|word| told(word));
    let pid = words.next().filter(|word| told(word));
    let _id = words.next()?;
    let rest = words.next()?;
    let text = match rest.strip_prefix('[') {
        // a bracket within a value is escaped
        Some(_) => rest.rfind("] ").map_or("", |end| &rest[end + 2..]),
        None => rest.strip_prefix("- ").unwrap_or(if rest == "-" { "" } else { rest }),
    };
    Some(Message {
        program: program.map(Cow::Borrowed),
        pid: pid.map(Cow::Borrowed),
        text: text.trim_start_matches('\u{feff}').into(),
        ..Message::default()
    })
}

/// Without `Nov 27 14:21:20 ` at its beginning.
fn without_time(text: &str) -> &str {
    const TIME: &[u8] = b"Aaa _d dd:dd:dd ";
    let fits = |(c, at): (u8, &u8)| match at {
        b'A' => c.is_ascii_uppercase(),
        b'a' => c.is_ascii_lowercase(),
        b'd' => c.is_ascii_digit(),
        b'_' => c == b' ' || c.is_ascii_digit(),
        at => c == *at,
    };
    let timed = text.len() >= TIME.len() && text.bytes().zip(TIME).all(fits);
    if timed { &text[TIME.len()..] } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message<'a>(priority: (u8, u8), program: &'a str, pid: Option<&'a str>, text: &'a str) -> Message<'a> {
        Message {
            facility: Some(priority.0),
            severity: Some(priority.1),
            program: Some(program.into()),
            pid: pid.map(Cow::Borrowed),
            text: text.into(),
        }
    }

    #[test]
    fn messages_are_taken_apart_in_all_the_forms_that_programs_write() {
        let ssh = message((4, 6), "sshd", Some("7"), "Failed password for root");
        assert_eq!(parse("<38>Nov  7 14:21:20 sshd[7]: Failed password for root\n"), ssh);
        assert_eq!(parse("<38>sshd[7]: Failed password for root\0"), ssh);
        assert_eq!(parse("<38>1 2026-11-27T14:21:20Z host sshd 7 - - Failed password for root"), ssh);
        let data = "<38>1 - - sshd 7 ID47 [x@1 a=\"b\"][y c=\"d\"] Failed password for root";
        assert_eq!(parse(data), ssh);
        assert_eq!(parse("<13>Nov 27 14:21:20 root: hello"), message((1, 5), "root", None, "hello"));
        assert_eq!(
            parse("<14>CRON[12]: (root) CMD (x)"),
            message((1, 6), "CRON", Some("12"), "(root) CMD (x)")
        );
    }

    #[test]
    fn what_is_no_message_of_a_program_is_text_alone() {
        for text in ["", "hello world", ": x", "<999>x", "<13", "[7]: x"] {
            let message = parse(text);
            assert_eq!((message.program, message.pid, message.text), (None, None, text.into()), "{text}");
        }
        assert_eq!(parse("<13>hello world").text, "hello world");
    }

    #[test]
    fn a_message_stands_in_the_logs_of_its_service_and_facility() {
        let of = |text: &str| -> Vec<Source> {
            let message = parse(text);
            Source::ALL.into_iter().filter(|source| logs(*source, &message)).collect()
        };
        assert_eq!(of("<38>sshd[7]: x"), [Source::Syslog, Source::Auth, Source::Sshd]);
        assert_eq!(of("<78>/usr/sbin/CRON[7]: x"), [Source::Syslog, Source::Cron]);
        assert_eq!(of("<86>sudo: x"), [Source::Syslog, Source::Auth, Source::Sudo]);
        assert_eq!(of("<14>other: sshd[7]: x"), [Source::Syslog]);
        assert_eq!(of("nothing"), [Source::Syslog]);
    }
}
