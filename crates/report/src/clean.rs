//! Strings that an artifact made, for people: with nothing in them that a terminal would obey, or that hides or turns
//! what stands beside it.

use detektr_event::{Copied, FilePath, Text};
use std::fmt::Write as _;

/// `bytes` for a terminal: one line, no control character, no invisible or direction-changing one. What is
/// taken out is written as an escape (`\n`, `\x1b`, `\u{202e}`); bytes that are not UTF-8 as `\xff`.
pub fn clean_bytes(bytes: &[u8]) -> String {
    let mut clean = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            push_clean(&mut clean, c);
        }
        for byte in chunk.invalid() {
            let _ = write!(clean, "\\x{byte:02x}");
        }
    }
    clean
}

/// [`clean_bytes`] of a string.
pub fn clean(text: &str) -> String {
    clean_bytes(text.as_bytes())
}

/// A copied field for a terminal, with a mark where it is not whole.
pub fn copied(value: &Copied) -> String {
    match value {
        Copied::Whole(text) => clean_bytes(text.as_bytes()),
        Copied::Truncated { text, truncated } => {
            format!("{}… ({truncated} bytes)", clean_bytes(text.as_bytes()))
        }
        Copied::Unreadable { .. } => "?".into(),
    }
}

/// A path for a terminal; one that is not of the environment's own tree is marked.
pub fn path(value: &FilePath) -> String {
    let text = copied(&value.path);
    match &value.path_root {
        None => text,
        Some(root) => format!("{text} [in mount namespace {}]", root.mount_namespace),
    }
}

/// Arguments for a terminal, quoted where a shell would need it, at most `limit` characters.
pub fn command_line(argv: &[Copied], limit: usize) -> String {
    let mut line = String::new();
    for argument in argv {
        if !line.is_empty() {
            line.push(' ');
        }
        let text = copied(argument);
        let plain = |c: char| c.is_alphanumeric() || "_-./=:,+@%^".contains(c);
        if !text.is_empty() && text.chars().all(plain) {
            line.push_str(&text);
        } else {
            let _ = write!(line, "'{}'", text.replace('\'', r"'\''"));
        }
        if line.len() > limit * 4 {
            break;
        }
    }
    shorten(&line, limit)
}

/// [`command_line`] of words that are whole.
pub fn words_line(words: &[Text], limit: usize) -> String {
    let words: Vec<Copied> = words.iter().cloned().map(Copied::Whole).collect();
    command_line(&words, limit)
}

/// At most `limit` characters of `text`, the cut marked.
pub fn shorten(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

fn push_clean(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if c.is_ascii_control() => {
            let _ = write!(out, "\\x{:02x}", u32::from(c));
        }
        c if is_hazard(c) => {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        }
        c => out.push(c),
    }
}

/// C1 controls, direction marks, invisible characters, line separators, tags.
fn is_hazard(c: char) -> bool {
    matches!(c,
        '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_escapes_become_visible_text() {
        assert_eq!(clean("\x1b[2J\x1b]0;owned\x07"), "\\x1b[2J\\x1b]0;owned\\x07");
        assert_eq!(clean("a\nb\rc\td\0e\x7f"), "a\\nb\\rc\\td\\x00e\\x7f");
        assert_eq!(clean("\u{9b}31m"), "\\u{9b}31m");
    }

    #[test]
    fn characters_that_turn_or_hide_text_become_visible() {
        assert_eq!(clean("photo\u{202e}gnp.sh"), "photo\\u{202e}gnp.sh");
        assert_eq!(clean("a\u{200b}b\u{2066}c\u{feff}"), "a\\u{200b}b\\u{2066}c\\u{feff}");
    }

    #[test]
    fn bytes_that_are_not_text_are_shown_as_bytes() {
        assert_eq!(clean_bytes(b"/tmp/\xff\xfe\x9b!"), "/tmp/\\xff\\xfe\\x9b!");
    }

    #[test]
    fn ordinary_text_of_any_script_stays_as_it_is() {
        for text in ["/usr/bin/true", "naïve – café", "日本語", "данные", "C:\\x"] {
            assert_eq!(clean(text), text);
        }
    }

    #[test]
    fn nothing_that_clean_yields_is_a_control_character() {
        let all: Vec<u8> = (0..=255).collect();
        assert!(!clean_bytes(&all).chars().any(char::is_control));
        let every: String = (0..=0x10ffff).filter_map(char::from_u32).collect();
        assert!(!clean(&every).chars().any(char::is_control));
    }

    #[test]
    fn arguments_are_quoted_as_a_shell_needs_it() {
        let argv = ["sh", "-c", "echo 'hi' > /tmp/x", ""].map(Copied::whole);
        assert_eq!(command_line(&argv, 100), r"sh -c 'echo '\''hi'\'' > /tmp/x' ''");
        assert_eq!(command_line(&argv, 5), "sh -c…");
    }
}
