//! For which system a test really is: some that list Linux are for FreeBSD.

use super::Test;

/// Programs and files that FreeBSD has and Linux has not.
const FREEBSD: [&str; 9] = [
    "kldstat",
    "kldload",
    "pfctl",
    "sysrc",
    "pw user",
    "pw mod",
    "pw lock",
    "pw unlock",
    "/etc/master.passwd",
];

/// A system that a test is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum System {
    /// Linux.
    Linux,
    /// FreeBSD, though it lists Linux; and what shows it.
    FreeBsd(String),
    /// It does not list Linux.
    Other,
}

impl System {
    /// The system of `test`.
    pub fn of(test: &Test) -> System {
        if !test.platforms.iter().any(|platform| platform == "linux") {
            return System::Other;
        }
        let name = test.name.to_lowercase();
        if name.contains("(freebsd)") || (name.contains("freebsd") && !name.contains("linux")) {
            return System::FreeBsd("its name says so".into());
        }
        let dependencies = test.dependencies.iter().flat_map(|one| [&one.prereq, &one.get_prereq]);
        let texts: Vec<&String> = dependencies.chain([&test.executor.command]).collect();
        // what asks for the system goes another way on each
        let asks = texts.iter().any(|text| text.contains("uname"));
        let own = FREEBSD.iter().find(|word| texts.iter().any(|text| has_word(text, word)));
        match own.filter(|_| !asks) {
            Some(word) => System::FreeBsd(format!("it uses `{word}`")),
            None => System::Linux,
        }
    }
}

/// Whether `word` begins a word of `text`.
fn has_word(text: &str, word: &str) -> bool {
    let before = |at: usize| text[..at].chars().next_back();
    text.match_indices(word).any(|(at, _)| !before(at).is_some_and(|c| c.is_alphanumeric() || c == '-'))
}
