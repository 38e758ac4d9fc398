//! Patterns of paths: `*` and `?` within one name, `**` across names. A pattern without any of these is a
//! prefix by whole names: `/etc` is `/etc` and all beneath it.

/// A pattern of paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(Vec<u8>);

impl std::str::FromStr for Glob {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "" => Err("write a path or a pattern of paths, such as /etc or '/home/*/.ssh/**'".into()),
            "/" => Ok(Glob(b"/**".to_vec())),
            text => Ok(Glob(text.as_bytes().to_vec())),
        }
    }
}

impl Glob {
    /// Whether `path` matches, a pattern without wildcards meaning just the one path.
    pub fn matches_one(&self, path: &[u8]) -> bool {
        matches(&self.0, path)
    }

    /// Whether `path` matches.
    pub fn matches(&self, path: &[u8]) -> bool {
        if self.0.iter().any(|b| matches!(b, b'*' | b'?')) {
            return matches(&self.0, path);
        }
        let prefix = self.0.strip_suffix(b"/").unwrap_or(&self.0);
        path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
    }
}

/// Positions of `pattern` that are alive are carried along `path`, so that no pattern takes more than
/// pattern × path steps.
fn matches(pattern: &[u8], path: &[u8]) -> bool {
    let mut alive = vec![false; pattern.len() + 1];
    alive[0] = true;
    skip_stars(pattern, &mut alive);
    for &byte in path {
        let mut next = vec![false; pattern.len() + 1];
        for at in (0..pattern.len()).filter(|at| alive[*at]) {
            match pattern[at] {
                b'*' => {
                    let across = pattern.get(at + 1) == Some(&b'*') || (at > 0 && pattern[at - 1] == b'*');
                    next[at] |= across || byte != b'/';
                }
                b'?' => next[at + 1] |= byte != b'/',
                wanted => next[at + 1] |= wanted == byte,
            }
        }
        skip_stars(pattern, &mut next);
        alive = next;
    }
    alive[pattern.len()]
}

/// A star may stand for nothing.
fn skip_stars(pattern: &[u8], alive: &mut [bool]) {
    for at in 0..pattern.len() {
        if alive[at] && pattern[at] == b'*' {
            alive[at + 1] = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_documented() {
        for (pattern, path, expected) in [
            ("/etc", "/etc", true),
            ("/etc", "/etc/passwd", true),
            ("/etc/", "/etc/passwd", true),
            ("/etc", "/etcetera", false),
            ("/", "/anything", true),
            ("/tmp/*", "/tmp/a", true),
            ("/tmp/*", "/tmp/a/b", false),
            ("/tmp/**", "/tmp/a/b", true),
            ("/home/*/.ssh/**", "/home/x/.ssh/id", true),
            ("**/id_*", "/home/x/.ssh/id_rsa", true),
            ("*.so", "lib.so", true),
            ("/a?c", "/abc", true),
            ("/a?c", "/a/c", false),
            ("/a*b*c", "/a1b2c", true),
            ("/a*b*c", "/a1b2d", false),
            ("/*", "/", true),
        ] {
            let glob: Glob = pattern.parse().unwrap();
            assert_eq!(glob.matches(path.as_bytes()), expected, "{pattern} on {path}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_is_answered_at_once() {
        let glob: Glob = "*a".repeat(40).parse().unwrap();
        let path = "a".repeat(2_000);
        assert!(glob.matches(path.as_bytes()));
        assert!(!glob.matches(format!("{path}b").as_bytes()));
    }
}
