//! Lines of text: which are new, and what a line of shell names.

use std::collections::{BTreeMap, BTreeSet};

/// The lines of `after` that `before` doesn't have (as often), with their end trimmed, in order.
pub(super) fn new_lines(before: Option<&[u8]>, after: &[u8]) -> Vec<String> {
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for line in text(before.unwrap_or_default()).lines() {
        *known.entry(line.trim_end().to_owned()).or_default() += 1;
    }
    text(after)
        .lines()
        .map(str::trim_end)
        .filter(|line| match known.get_mut(*line) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            _ => true,
        })
        .map(str::to_owned)
        .collect()
}

/// Bytes as text.
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A line of a configuration file that says something: neither empty nor a comment.
pub(super) fn says_something(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with('#')
}

/// Words of the shell's own, which name nothing that can be seen to run.
const OWN_WORDS: [&str; 52] = [
    "if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "case", "esac", "in",
    "function", "{", "}", "!", "[", "]", "[[", "]]", ".", ":", "source", "echo", "export", "set", "unset",
    "alias", "eval", "exec", "exit", "return", "cd", "test", "true", "false", "read", "local", "printf",
    "umask", "trap", "type", "command", "builtin", "declare", "shift", "wait", "time", "nohup", "setsid",
    "PATH",
];

/// What a line of shell names that could be seen to run or be touched: words that are paths or names of programs,
/// with `~` and `$HOME` as `home`. Quotes are taken away, so that what stands in them is looked into as well.
pub(super) fn names(line: &str, home: &str) -> Vec<String> {
    let code = uncommented(line).replace(['"', '\''], "");
    let separators = |c: char| c.is_whitespace() || ";&|<>()`=,".contains(c);
    let mut names = BTreeSet::new();
    for word in code.split(separators) {
        let word = word.trim_start_matches("$(").trim_matches(|c| "{}".contains(c));
        let word = word.replace("${HOME}", home).replace("$HOME", home);
        let word = match word.strip_prefix("~/") {
            Some(rest) => format!("{home}/{rest}"),
            None => word,
        };
        let good = |c: char| c.is_alphanumeric() || "/._-+@%:~".contains(c);
        if word.len() < 2
            || word.starts_with(['-', '$'])
            || OWN_WORDS.contains(&word.as_str())
            || word.starts_with("/dev/")
            || !word.chars().all(good)
            || word.chars().all(|c| c.is_ascii_digit() || c == '.' || c == ':')
        {
            continue;
        }
        names.insert(word);
    }
    names.into_iter().collect()
}

/// The line up to a comment.
fn uncommented(line: &str) -> &str {
    let mut quote = None;
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '#') if before.is_whitespace() || ";&|(".contains(before) => return &line[..at],
            _ => {}
        }
        before = c;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_that_are_new_are_told_as_often_as_they_are_new() {
        assert_eq!(new_lines(Some(b"a\nb\n"), b"a\nb\nb\nc \n"), ["b", "c"]);
        assert_eq!(new_lines(None, b"x"), ["x"]);
        assert!(new_lines(Some(b"x\ny"), b"y\nx").is_empty());
    }

    #[test]
    fn a_line_names_programs_and_paths_and_no_words_of_the_shell() {
        assert_eq!(
            names("if true; then $HOME/.cache/x --go & fi # /bin/no", "/home/a"),
            ["/home/a/.cache/x"]
        );
        assert_eq!(names("\"$HOME\"/x &", "/home/a"), ["/home/a/x"]);
        assert_eq!(names("nohup '/tmp/a b' >/dev/null 2>&1", "/root"), ["/tmp/a"]);
        assert_eq!(names("export LD_PRELOAD=/tmp/x.so", "/root"), ["/tmp/x.so", "LD_PRELOAD"]);
        assert!(names("# curl x", "/root").is_empty());
    }
}
