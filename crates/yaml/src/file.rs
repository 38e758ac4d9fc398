//! What all of Detektr's files begin with: a text of a bounded size, a tree, the version of the format.

use crate::problem::Problem;
use crate::reader::Reader;
use crate::tree::{BYTES, Key, Node};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The content of `file`: UTF-8, and no more than any of these files has, so that a device is not read for ever.
///
/// # Errors
/// Where it can't be read, is larger, or is no text.
pub fn text(file: &Path) -> io::Result<String> {
    let mut content = Vec::new();
    File::open(file)?.take(BYTES as u64 + 1).read_to_end(&mut content)?;
    if content.len() > BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {BYTES} bytes")));
    }
    String::from_utf8(content).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// What `of` makes of the tree of `text`.
///
/// # Errors
/// All that is wrong with it.
pub fn read<T>(text: &str, of: impl FnOnce(&mut Reader, &Node) -> Option<T>) -> Result<T, Vec<Problem>> {
    let mut reader = Reader::default();
    let found = match Node::parse(text) {
        Ok(node) => of(&mut reader, &node),
        Err(problem) => {
            reader.problems.push(*problem);
            None
        }
    };
    match found {
        Some(found) if reader.problems.is_empty() => Ok(found),
        _ => Err(reader.problems),
    }
}

impl Reader {
    /// Checks that `entries`, those of the file `node`, have the version `known` of the format of `what`.
    pub fn version(&mut self, node: &Node, entries: &[(Key, Node)], what: &str, known: u64) {
        let begin = format!("begin the file with `detektr: {known}`");
        let Some((_, value)) = entries.iter().find(|(key, _)| key.text == "detektr") else {
            let start = node.span.start;
            let problem = Problem::new(start..start, "missing", "the version of the format is missing");
            self.problems.push(problem.help(begin));
            return;
        };
        let Some(text) = self.scalar(value, "detektr", "the version of the format") else { return };
        match text.parse::<u64>() {
            Ok(version) if version == known => {}
            Ok(version) => {
                let what = format!("{what} of format {version}; this Detektr reads format {known}");
                self.problem(
                    value,
                    "version",
                    what,
                    "use the Detektr that it was written for, or rewrite it",
                );
            }
            Err(_) => self.problem(value, "version", format!("`{text}` is no version"), begin),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_large_or_no_text_is_refused_and_a_device_is_not_read_for_ever() {
        let kind = |file: &str| text(Path::new(file)).map_err(|e| e.kind());
        assert_eq!(kind("/dev/zero"), Err(io::ErrorKind::FileTooLarge));
        assert_eq!(kind("/proc/self/exe"), Err(io::ErrorKind::FileTooLarge));
        assert_eq!(kind("/none"), Err(io::ErrorKind::NotFound));
        assert_eq!(kind("/dev/null"), Ok(String::new()));
    }

    #[test]
    fn the_version_is_there_and_known() {
        let told = |text: &str| {
            let of = |reader: &mut Reader, node: &Node| {
                let entries = reader.map(node, "a thing")?;
                reader.version(node, entries, "a thing", 1);
                Some(())
            };
            read(text, of).map_err(|problems| problems[0].what.clone())
        };
        assert_eq!(told("detektr: 1\n"), Ok(()));
        assert_eq!(told("x: 1\n"), Err("the version of the format is missing".into()));
        assert_eq!(told("detektr: 2\n"), Err("a thing of format 2; this Detektr reads format 1".into()));
        assert_eq!(told("detektr: one\n"), Err("`one` is no version".into()));
        assert_eq!(
            told("detektr: [1]\n"),
            Err("`detektr` is a list, where the version of the format belongs".into())
        );
    }
}
