//! Messages as programs send them to the systemd journal: fields, each a line `NAME=VALUE`, or for values of more than
//! one line the name alone in a line, the value's length in eight bytes (little-endian), the value, and a line feed
//! (systemd's *Native Journal Protocol*).

use super::log::Message;

/// Takes a message apart; what follows after something that is none of both forms is left out.
pub(super) fn parse(mut rest: &[u8]) -> Message<'_> {
    let mut message = Message::default();
    while let Some((name, value, after)) = field(rest) {
        rest = after;
        let text = || String::from_utf8_lossy(value);
        let number = || std::str::from_utf8(value).ok()?.parse::<u8>().ok();
        match name {
            b"MESSAGE" => message.text = text(),
            b"PRIORITY" => message.severity = number().filter(|severity| *severity <= 7),
            b"SYSLOG_FACILITY" => message.facility = number().filter(|facility| *facility <= 23),
            b"SYSLOG_IDENTIFIER" => message.program = Some(text()),
            b"SYSLOG_PID" => message.pid = Some(text()),
            _ => {}
        }
    }
    message
}

/// The first field: name, value, and what follows it.
fn field(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (line, after) = (&bytes[..end], bytes.get(end + 1..).unwrap_or_default());
    if let Some(at) = line.iter().position(|byte| *byte == b'=') {
        return Some((&line[..at], &line[at + 1..], after));
    }
    let (length, after) = after.split_first_chunk::<8>()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    // what was cut off ends within the value
    let (value, after) = after.split_at(length.min(after.len()));
    Some((line, value, after.strip_prefix(b"\n").unwrap_or(after)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_field_are_read() {
        let mut bytes =
            b"PRIORITY=6\nSYSLOG_FACILITY=4\nSYSLOG_IDENTIFIER=sshd\nSYSLOG_PID=7\nMESSAGE\n".to_vec();
        bytes.extend(11u64.to_le_bytes());
        bytes.extend(b"first\nA=b x\nCODE_FILE=x.c\n");
        let message = parse(&bytes);
        assert_eq!(message.text, "first\nA=b x");
        assert_eq!((message.facility, message.severity), (Some(4), Some(6)));
        assert_eq!((message.program.as_deref(), message.pid.as_deref()), (Some("sshd"), Some("7")));
    }

    #[test]
    fn what_is_broken_or_cut_off_ends_the_message_and_harms_nothing() {
        assert_eq!(parse(b"MESSAGE=hello").text, "hello");
        let mut cut = b"MESSAGE\n".to_vec();
        cut.extend(u64::MAX.to_le_bytes());
        cut.extend(b"hel");
        assert_eq!(parse(&cut).text, "hel");
        for bytes in [&b""[..], b"\n", b"MESSAGE", b"MESSAGE\n\x05\0", b"PRIORITY=9\nSYSLOG_FACILITY=x\n"] {
            assert_eq!(parse(bytes), Message::default(), "{bytes:?}");
        }
    }
}
