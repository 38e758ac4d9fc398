//! What a file says, shown to people: a file may come from anywhere, and a terminal must not obey it.

use std::path::Path;

/// `text` with `?` in place of what a terminal obeys, or what hides or turns the text beside it; lines stay lines, and every
/// byte stays at its place.
pub(crate) fn harmless(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut safe, letter| {
        match letter {
            '\n' | '\t' => safe.push(letter),
            _ if letter.is_control() || turns(letter) => {
                safe.extend(std::iter::repeat_n('?', letter.len_utf8()))
            }
            _ => safe.push(letter),
        }
        safe
    })
}

/// The name of `file`, in one line.
pub fn shown(file: &Path) -> String {
    harmless(&file.display().to_string()).replace('\n', "?")
}

/// Invisible letters, and those that change the direction or end a line.
fn turns(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_obeys_nothing_and_every_byte_stays_at_its_place() {
        let text = "a: \u{1b}[31m\u{9b}x\r\nü\u{202e}: 1\n";
        let safe = harmless(text);
        assert_eq!(safe, "a: ?[31m??x?\nü???: 1\n");
        assert_eq!(safe.len(), text.len());
        assert_eq!(shown(Path::new("v\u{1b}]0;x\u{7}\n.yaml")), "v?]0;x??.yaml");
    }
}
