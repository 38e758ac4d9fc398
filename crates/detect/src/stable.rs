//! What differs from run to run and means nothing: process numbers, inode numbers, the environment's own names, baits,
//! names of temporary files. One normalisation for all that compares runs.

use detektr_event::Detail;
use std::collections::BTreeSet;

/// Folders in which programs make files with names of chance.
const TEMPORARY: &[&str] = &["/tmp/", "/var/tmp/", "/dev/shm/", "/run/"];

/// Replaces what differs from run to run by words in braces.
#[derive(Clone, Debug, Default)]
pub struct Stable {
    artifact: Option<String>,
    /// Values and what they stand for, the longest first.
    names: Vec<(String, String)>,
}

impl Stable {
    /// For a run whose artifact lies at `artifact`.
    pub fn new(artifact: Option<&[u8]>) -> Self {
        let artifact = artifact.map(|path| String::from_utf8_lossy(path).into_owned());
        Stable { artifact, names: Vec::new() }
    }

    /// And of which `value` is a name of its own, that stands for `meaning`. Only whole words are taken for it.
    pub fn name(mut self, value: &str, meaning: &str) -> Self {
        if value.len() >= 3 {
            self.names.push((value.to_owned(), format!("{{{meaning}}}")));
            self.names.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.cmp(b)));
        }
        self
    }

    /// And which made a file at `path` as functions for temporary files do ([`Lots`]).
    pub fn made(mut self, path: &str) -> Self {
        if let Some((folder, _)) = path.rsplit_once('/') {
            self.names.push((path.to_owned(), format!("{folder}/{{temp}}")));
            self.names.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.cmp(b)));
        }
        self
    }

    /// A path.
    pub fn path(&self, path: &str) -> String {
        if self.artifact.as_deref() == Some(path) {
            return "{artifact}".into();
        }
        unnumbered(&self.named(path))
    }

    /// A text: a command line, a line of a file.
    pub fn text(&self, text: &str) -> String {
        let text = match &self.artifact {
            Some(artifact) => replace_words(text, artifact, "{artifact}"),
            None => text.to_owned(),
        };
        let text = self.named(&text);
        let mut out = String::with_capacity(text.len());
        let mut rest = text.as_str();
        let ends = |c: char| c.is_whitespace() || "'\"=,;()<>|&`".contains(c);
        while !rest.is_empty() {
            let end = rest.find(ends).unwrap_or(rest.len());
            out.push_str(&unnumbered(&rest[..end]));
            let next = rest[end..].chars().next().map_or(0, char::len_utf8);
            out.push_str(&rest[end..end + next]);
            rest = &rest[end + next..];
        }
        out
    }

    fn named(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (value, meaning) in &self.names {
            if text.contains(value.as_str()) {
                text = replace_words(&text, value, meaning);
            }
        }
        text
    }
}

/// Names that were drawn by lot, found by what was done with them: made as functions for temporary files make theirs
/// (`mkstemp` and its like: where nothing of that name was, for the owner alone), in a folder for such files or to be
/// taken away or given another name again.
#[derive(Debug, Default)]
pub struct Lots {
    names: BTreeSet<String>,
    /// Made so elsewhere, and still there.
    stay: BTreeSet<String>,
}

/// Names that are kept, of each sort.
const LOTS: usize = 500;

impl Lots {
    /// Takes in what a successful call did.
    pub fn see(&mut self, detail: &Detail) {
        match detail {
            Detail::FileCreate { file } => {
                let path = file.path.lossy().into_owned();
                let exclusive = file.flags.iter().any(|flag| flag == "O_EXCL");
                if exclusive && file.mode & 0o777 == 0o600 {
                    let temporary = TEMPORARY.iter().any(|folder| path.starts_with(folder));
                    let to = if temporary { &mut self.names } else { &mut self.stay };
                    if to.len() < LOTS {
                        to.insert(path);
                    }
                }
            }
            Detail::FileUnlink { file } => self.goes(&file.path.lossy()),
            Detail::FileRename { file } => self.goes(&file.path.lossy()),
            _ => {}
        }
    }

    /// The names, as paths.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    fn goes(&mut self, path: &str) {
        if let Some(path) = self.stay.take(path)
            && self.names.len() < LOTS
        {
            self.names.insert(path);
        }
    }
}

/// `text` with `value` replaced where it is not a part of a longer word.
fn replace_words(text: &str, value: &str, by: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = None;
    while let Some(at) = rest.find(value) {
        let left = rest[..at].chars().next_back().or(before);
        let right = rest[at + value.len()..].chars().next();
        let inner = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        out.push_str(&rest[..at]);
        out.push_str(if inner(left) || inner(right) { value } else { by });
        before = value.chars().next_back();
        rest = &rest[at + value.len()..];
    }
    out.push_str(rest);
    out
}

/// One path or word, without the numbers and names of chance that the kernel and common tools put into it.
fn unnumbered(word: &str) -> String {
    for (kind, rest) in [("pipe:[", word), ("socket:[", word)] {
        if let Some(inode) = rest.strip_prefix(kind).and_then(|r| r.strip_suffix(']'))
            && inode.bytes().all(|b| b.is_ascii_digit())
        {
            return format!("{kind}{{inode}}]");
        }
    }
    if let Some(rest) = word.strip_prefix("/proc/")
        && rest.starts_with(|c: char| c.is_ascii_digit())
    {
        let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let rest = match rest.strip_prefix("/task/") {
            Some(task) if task.starts_with(|c: char| c.is_ascii_digit()) => {
                format!("/task/{{tid}}{}", task.trim_start_matches(|c: char| c.is_ascii_digit()))
            }
            _ => rest.to_owned(),
        };
        return format!("/proc/{{pid}}{rest}");
    }
    match TEMPORARY.iter().find_map(|folder| word.strip_prefix(folder).map(|rest| (folder, rest))) {
        Some((folder, rest)) => {
            let parts: Vec<String> = rest.split('/').map(temporary).collect();
            format!("{folder}{}", parts.join("/"))
        }
        None => word.to_owned(),
    }
}

/// A name within a temporary folder; what is of chance in it becomes `{temp}`.
fn temporary(name: &str) -> String {
    let chance =
        |text: &str, least: usize| text.len() >= least && text.bytes().all(|b| b.is_ascii_alphanumeric());
    // mktemp's own template, bash's here documents
    for prefix in ["tmp.", "sh-thd.", "sh-thd-"] {
        if name.strip_prefix(prefix).is_some_and(|rest| chance(rest, 6)) {
            return format!("{prefix}{{temp}}");
        }
    }
    // Python's tempfile
    if let Some(rest) = name.strip_prefix("tmp")
        && let Some((random, suffix)) = rest.split_at_checked(8)
        && random.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && !suffix.starts_with(|c: char| c.is_ascii_alphanumeric())
    {
        return format!("tmp{{temp}}{suffix}");
    }
    // the compilers' intermediate files
    if let Some(rest) = name.strip_prefix("cc")
        && let Some((random, suffix)) = rest.split_at_checked(6)
        && chance(random, 6)
        && suffix.starts_with('.')
    {
        return format!("cc{{temp}}{suffix}");
    }
    // templates of one's own (name.XXXXXX): a last part that looks drawn by lot
    match name.rfind(['.', '-', '_']) {
        Some(at) if is_random(&name[at + 1..]) => format!("{}{{temp}}", &name[..=at]),
        _ => name.to_owned(),
    }
}

/// Six or more letters and digits that change often between lower case, upper case and digits.
fn is_random(text: &str) -> bool {
    let class = |b: u8| match b {
        b'a'..=b'z' => Some(0),
        b'A'..=b'Z' => Some(1),
        b'0'..=b'9' => Some(2),
        _ => None,
    };
    let classes: Option<Vec<u8>> = text.bytes().map(class).collect();
    classes.is_some_and(|classes| {
        (6..=16).contains(&classes.len()) && classes.windows(2).filter(|pair| pair[0] != pair[1]).count() >= 2
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use detektr_event::{Access, Copied, Create, FilePath, PathOnly};

    #[test]
    fn numbers_of_processes_and_inodes_are_replaced() {
        let stable = Stable::new(Some(b"/home/anna/x.sh"));
        for (given, wanted) in [
            ("/home/anna/x.sh", "{artifact}"),
            ("/home/anna/x.sh.bak", "/home/anna/x.sh.bak"),
            ("/proc/17/maps", "/proc/{pid}/maps"),
            ("/proc/17/task/18/comm", "/proc/{pid}/task/{tid}/comm"),
            ("/proc/self/maps", "/proc/self/maps"),
            ("pipe:[1234]", "pipe:[{inode}]"),
            ("/etc/passwd", "/etc/passwd"),
        ] {
            assert_eq!(stable.path(given), wanted);
        }
    }

    #[test]
    fn names_of_the_environment_are_replaced_where_they_are_whole_words() {
        let stable =
            Stable::new(None).name("anna", "user").name("/home/anna", "home").name("web-1a2b3c", "host");
        assert_eq!(stable.path("/home/anna/.ssh/id"), "{home}/.ssh/id");
        assert_eq!(stable.path("/var/mail/anna"), "/var/mail/{user}");
        assert_eq!(stable.path("/opt/annabelle"), "/opt/annabelle");
        assert_eq!(stable.text("echo anna@web-1a2b3c > /home/annas"), "echo {user}@{host} > /home/annas");
    }

    #[test]
    fn a_file_made_as_mkstemp_does_has_a_name_of_chance_whatever_it_looks_like() {
        let create = |flags: &[&str], mode, path: &str| Detail::FileCreate {
            file: Create {
                path: FilePath::resolved(Copied::whole(path)),
                flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
                access: Access::ReadWrite,
                mode,
                fd: Some(3),
                certain: true,
            },
        };
        let lots = |seen: &[Detail]| {
            let mut lots = Lots::default();
            seen.iter().for_each(|detail| lots.see(detail));
            lots.names().map(str::to_owned).collect::<Vec<_>>()
        };
        let exclusive: &[&str] = &["O_CREAT", "O_EXCL"];
        let lot = lots(&[create(exclusive, 0o600, "/tmp/lbkowlra")]);
        let stable = Stable::new(None).made(&lot[0]);
        assert_eq!(stable.path("/tmp/lbkowlra"), "/tmp/{temp}");
        assert_eq!(stable.text("rm /tmp/lbkowlra"), "rm /tmp/{temp}");
        assert_eq!(stable.path("/tmp/lbkowlram"), "/tmp/lbkowlram");
        for other in [
            create(&["O_CREAT"], 0o600, "/tmp/payload"),
            create(exclusive, 0o644, "/tmp/payload"),
            create(exclusive, 0o600, "/etc/payload"),
        ] {
            assert_eq!(lots(&[other]), Vec::<String>::new());
        }
        let gone = |path: &str| Detail::FileUnlink {
            file: PathOnly { path: FilePath::resolved(Copied::whole(path)) },
        };
        let made = || create(exclusive, 0o600, "/repo/.git/tikGA7x");
        assert_eq!(lots(&[made(), gone("/repo/.git/tikGA7x")]), ["/repo/.git/tikGA7x"]);
        assert_eq!(lots(&[made(), gone("/repo/.git/config")]), Vec::<String>::new());
    }

    #[test]
    fn names_of_chance_in_temporary_folders_are_replaced_and_others_stay() {
        let stable = Stable::default();
        for (given, wanted) in [
            ("/tmp/tmp.Ab3dEfGhIj", "/tmp/tmp.{temp}"),
            ("/tmp/tmpabcdefgh/x", "/tmp/tmp{temp}/x"),
            ("/tmp/tmpk3_9xy1z.json", "/tmp/tmp{temp}.json"),
            ("/tmp/ccAbCdEf.s", "/tmp/cc{temp}.s"),
            ("/var/tmp/job.aB3dE6", "/var/tmp/job.{temp}"),
            ("/tmp/stage2", "/tmp/stage2"),
            ("/tmp/dropped.payload", "/tmp/dropped.payload"),
            ("/tmp/report-2024", "/tmp/report-2024"),
            ("/tmp/.cache-helper", "/tmp/.cache-helper"),
            ("/etc/tmp.Ab3dEfGhIj", "/etc/tmp.Ab3dEfGhIj"),
        ] {
            assert_eq!(stable.path(given), wanted);
        }
        assert_eq!(
            stable.text("cat '/tmp/tmp.Ab3dEfGhIj' x=/proc/9/fd"),
            "cat '/tmp/tmp.{temp}' x=/proc/{pid}/fd"
        );
    }
}
