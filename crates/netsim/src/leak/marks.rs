//! The parts of a bait's value by which it is known again.

/// The shortest value that is looked for, in bytes.
const SHORTEST: usize = 8;
/// The shortest stretch that counts as random.
const STRETCH: usize = 12;
/// How much of a stretch is looked for: its end, since keys and tokens often begin all alike.
const LENGTH: usize = 32;

/// The marks of a value: its random stretches; the value as a whole where it has none.
pub(super) fn of(value: &[u8]) -> Vec<Vec<u8>> {
    let stretch = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'_');
    let mut marks: Vec<Vec<u8>> = Vec::new();
    for part in value.split(|byte| !stretch(byte)) {
        let mark = &part[part.len().saturating_sub(LENGTH)..];
        if part.len() >= STRETCH && random(mark) && !marks.iter().any(|known| known == mark) {
            marks.push(mark.to_vec());
        }
    }
    let whole = value.trim_ascii();
    if marks.is_empty() && whole.len() >= SHORTEST {
        marks.push(whole[whole.len().saturating_sub(LENGTH)..].to_vec());
    }
    marks
}

/// Whether a stretch looks random: a word has no digits, and the frame of a key one character over and over.
fn random(mark: &[u8]) -> bool {
    let digits = mark.iter().any(u8::is_ascii_digit);
    let letters = mark.iter().any(u8::is_ascii_alphabetic);
    let most = mark.iter().map(|byte| mark.iter().filter(|other| *other == byte).count()).max().unwrap_or(0);
    digits && letters && most * 4 <= mark.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(value: &str) -> Vec<String> {
        of(value.as_bytes()).into_iter().map(|mark| String::from_utf8_lossy(&mark).into_owned()).collect()
    }

    #[test]
    fn words_and_frames_are_no_marks_and_random_stretches_are() {
        let credentials = "[default]\naws_access_key_id = AKIAX7Q2M4T6Z3LKPOWN\n\
                           aws_secret_access_key = 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\n";
        assert_eq!(
            texts(credentials),
            ["AKIAX7Q2M4T6Z3LKPOWN", "9cD8eF7gH6iJ5kL4mN3oP2qR1sT0uVw".to_owned().as_str()]
                .map(|t| if t.len() == 31 { format!("B{t}") } else { t.to_owned() })
        );
        let frame = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW";
        let random = "QyNTUxOQAAACBq8Jm2v0Zt5Yx1Lr7Kc3Nf6Pd9Wh4Ge2Sb8Ua5Vo1Iq3Xz7";
        let key = format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{frame}\n{random}\n");
        assert_eq!(texts(&key), [&random[random.len() - 32..]]);
    }

    #[test]
    fn a_value_without_random_parts_is_looked_for_whole_and_a_short_one_not_at_all() {
        assert_eq!(texts("open sesame now\n"), ["open sesame now"]);
        assert!(texts("hunter2").is_empty());
    }
}
