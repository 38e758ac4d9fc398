//! The process tree as lines for people.

use crate::terminal::{Style, clean_bytes, command_line, copied, shorten};
use detektr_report::tree::{Acts, Bounded, End, Process, Tree};
use std::collections::HashMap;
use std::io::{self, Write};

/// Deepest level shown.
const DEPTH: usize = 40;

/// How much to show.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Entries of each list of a process.
    pub entries: usize,
    /// Children of a process.
    pub children: usize,
    /// Characters of a line's content.
    pub width: usize,
}

impl Bounds {
    /// What fits a screen.
    pub const SHORT: Bounds = Bounds { entries: 6, children: 25, width: 160 };
    /// All that was kept.
    pub const ALL: Bounds = Bounds { entries: usize::MAX, children: usize::MAX, width: 4_000 };
}

/// Writes `tree` to `out`.
pub fn render(tree: &Tree, bounds: Bounds, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let roots = tree.roots();
    let mut renderer = Renderer { tree, bounds, style, out };
    renderer.family(&roots, "", 0, true)?;
    if tree.unkept_events > 0 {
        writeln!(
            out,
            "{}",
            style.dim(&format!("… {} events of processes past the first 100,000", tree.unkept_events))
        )?;
    }
    Ok(())
}

struct Renderer<'a> {
    tree: &'a Tree,
    bounds: Bounds,
    style: Style,
    out: &'a mut dyn Write,
}

impl Renderer<'_> {
    fn family(&mut self, members: &[usize], indent: &str, depth: usize, root: bool) -> io::Result<()> {
        let groups = self.group(members);
        let shown = groups.len().min(self.bounds.children);
        for (n, (at, count)) in groups[..shown].iter().enumerate() {
            let last = n + 1 == groups.len();
            let (branch, below) = match (root, last) {
                (true, _) => (String::new(), String::new()),
                (false, true) => (format!("{indent}└─ "), format!("{indent}   ")),
                (false, false) => (format!("{indent}├─ "), format!("{indent}│  ")),
            };
            self.process(*at, *count, &branch, &below, depth)?;
        }
        if shown < groups.len() {
            let hidden: usize = groups[shown..].iter().map(|(at, count)| count * self.size(*at)).sum();
            writeln!(self.out, "{indent}└─ {}", self.style.dim(&format!("… and {hidden} more processes")))?;
        }
        Ok(())
    }

    fn process(
        &mut self,
        at: usize,
        count: usize,
        branch: &str,
        below: &str,
        depth: usize,
    ) -> io::Result<()> {
        let process = &self.tree.processes[at];
        let who = match count {
            1 => format!("(pid {})", process.pid),
            many => format!("× {many}"),
        };
        let end = match &process.end {
            Some(End::Code(0)) => self.style.dim("exit 0"),
            Some(End::Code(code)) => self.style.yellow(&format!("exit {code}")),
            Some(End::Signal(signal)) => self.style.red(&format!("killed by {signal}")),
            Some(End::Unknown) => self.style.dim("ended"),
            None => self.style.yellow("not seen to end"),
        };
        let title = self.style.bold(&self.title(process));
        writeln!(self.out, "{branch}{title} {} {end}", self.style.dim(&who))?;
        let children: Vec<usize> =
            process.children.iter().copied().filter(|child| self.tree.processes[*child].artifact).collect();
        let rail = if children.is_empty() { "   " } else { "│  " };
        for line in self.lines(process) {
            writeln!(self.out, "{below}{rail}{line}")?;
        }
        if depth + 1 >= DEPTH && !children.is_empty() {
            let hidden = self.size(at) - 1;
            return writeln!(
                self.out,
                "{below}└─ {}",
                self.style.dim(&format!("… {hidden} processes below"))
            );
        }
        self.family(&children, below, depth + 1, false)
    }

    fn title(&self, process: &Process) -> String {
        match process.programs.last() {
            Some(program) => {
                let line = command_line(&program.argv, self.bounds.width);
                if line.is_empty() { copied(&program.path) } else { line }
            }
            None => format!("fork of {}", copied(&process.born_as)),
        }
    }

    /// What it did, a line for each list that has something.
    fn lines(&self, process: &Process) -> Vec<String> {
        let (style, acts) = (self.style, &process.acts);
        let mut lines = Vec::new();
        let earlier = process.programs.len().saturating_sub(1);
        if earlier > 0 {
            let was = process.programs[..earlier]
                .iter()
                .map(|p| command_line(&p.argv, self.bounds.width))
                .collect();
            self.push(&mut lines, style.dim("was"), was, 0);
        }
        for program in &process.programs {
            let argv0 = program.argv.first().map(copied);
            let path = copied(&program.path);
            let how = match (program.memfd, program.deleted) {
                (true, _) => " from memory only",
                (false, true) => " from a deleted file",
                (false, false) => "",
            };
            if !how.is_empty() || argv0.is_some_and(|name| name.starts_with('/') && name != path) {
                self.push(&mut lines, style.cyan("program"), vec![format!("{path}{how}")], 0);
            }
        }
        for (word, label) in [
            ("created", style.green("created")),
            ("changed", style.cyan("changed")),
            ("removed", style.yellow("removed")),
        ] {
            self.push(&mut lines, label, files(acts, word), 0);
        }
        if acts.files.more > 0 {
            lines.push(style.dim(&format!("… and {} acts on other files", acts.files.more)));
        }
        self.push(&mut lines, style.red("secrets"), counted(&acts.secrets), acts.secrets.more);
        self.push(&mut lines, style.cyan("network"), counted(&acts.network), acts.network.more);
        self.push(&mut lines, style.cyan("did"), counted(&acts.notable), acts.notable.more);
        let failures = acts.failures.kept.iter().map(|(act, count)| {
            let object = if act.object.is_empty() { String::new() } else { format!(" {}", act.object) };
            times(format!("{}{object} {}", act.kind, act.ending), *count)
        });
        self.push(&mut lines, style.yellow("failed"), failures.collect(), acts.failures.more);
        lines
    }

    fn push(&self, lines: &mut Vec<String>, label: String, entries: Vec<String>, more: u64) {
        if entries.is_empty() && more == 0 {
            return;
        }
        let hidden = entries.len().saturating_sub(self.bounds.entries) as u64 + more;
        let shown = entries.iter().take(self.bounds.entries);
        for entry in shown {
            lines.push(format!("{label} {}", shorten(entry, self.bounds.width)));
        }
        if hidden > 0 {
            lines.push(format!("{label} {}", self.style.dim(&format!("… and {hidden} more"))));
        }
    }

    /// Siblings without children that look the same become one entry with their count.
    fn group(&self, members: &[usize]) -> Vec<(usize, usize)> {
        let mut groups: Vec<(usize, usize)> = Vec::new();
        let mut alike: HashMap<String, usize> = HashMap::new();
        for &at in members {
            let process = &self.tree.processes[at];
            if process.children.is_empty() {
                let look = format!("{} {:?} {:?}", self.title(process), process.end, self.lines(process));
                if let Some(group) = alike.get(&look) {
                    groups[*group].1 += 1;
                    continue;
                }
                alike.insert(look, groups.len());
            }
            groups.push((at, 1));
        }
        groups
    }

    /// How many processes stand in the tree from `at` downwards.
    fn size(&self, at: usize) -> usize {
        let (mut left, mut size) = (vec![at], 0);
        while let Some(at) = left.pop() {
            size += 1;
            left.extend(&self.tree.processes[at].children);
        }
        size
    }
}

/// Files that were `created`, `removed`, or else `changed`, each file in one of the three.
fn files(acts: &Acts, list: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for (path, file) in &acts.files.kept {
        let did = |word| file.did.contains(word);
        let made = did("created") || did("moved_here");
        let gone = did("removed") || did("moved_away");
        let belongs = match list {
            "created" => made,
            "removed" => gone && !made,
            _ => !made && !gone,
        };
        if belongs {
            let mut line = clean_bytes(path.as_bytes());
            if file.bytes > 0 {
                line.push_str(&format!(" ({} written)", crate::units::show_size(file.bytes)));
            }
            if did("moved_here") {
                line.push_str(", by renaming");
            }
            if made && gone {
                line.push_str(if did("removed") { ", then removed" } else { ", then renamed" });
            }
            lines.push(line);
        }
    }
    lines
}

fn counted(list: &Bounded<String, u64>) -> Vec<String> {
    list.kept.iter().map(|(what, count)| times(what.clone(), *count)).collect()
}

fn times(text: String, count: u64) -> String {
    if count > 1 { format!("{text} ({count}×)") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use detektr_event::{Access, Copied, Create, Detail, Open, Outcome};

    fn rendered(tree: &Tree, bounds: Bounds) -> String {
        let mut out = Vec::new();
        render(tree, bounds, Style::default(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn tree(events: &[detektr_event::Event]) -> Tree {
        let mut tree = Tree::default();
        events.iter().for_each(|event| tree.add(event));
        tree
    }

    #[test]
    fn a_tree_shows_who_started_whom_and_what_each_did() {
        let created = Create {
            path: sample::file("/tmp/dropped"),
            flags: vec![],
            access: Access::Write,
            mode: 0o644,
            fd: Some(3),
            certain: true,
        };
        let shadow =
            Open { path: sample::file("/etc/shadow"), flags: vec![], access: Access::Read, fd: None };
        let text = rendered(
            &tree(&[
                sample::exec(1, 2, None, &["/bin/sh", "-c", "x y"]),
                sample::event(
                    2,
                    sample::process(2, 1, "/bin/sh"),
                    Outcome::SUCCESS,
                    Detail::FileCreate { file: created },
                ),
                sample::fork(3, 2, 3),
                sample::exec(4, 3, Some(2), &["/bin/cat", "/etc/shadow"]),
                sample::event(
                    5,
                    sample::process(3, 1, "/bin/cat"),
                    Outcome::failure("EACCES"),
                    Detail::FileOpen { file: shadow },
                ),
                sample::exit(6, 3, 1),
                sample::exit(7, 2, 0),
            ]),
            Bounds::SHORT,
        );
        assert_eq!(
            text,
            [
                "/bin/sh -c 'x y' (pid 2) exit 0",
                "│  created /tmp/dropped",
                "└─ /bin/cat /etc/shadow (pid 3) exit 1",
                "      secrets /etc/shadow (EACCES)",
                "      failed file.open /etc/shadow EACCES",
                "",
            ]
            .join("\n")
        );
    }

    #[test]
    fn thousands_of_alike_children_become_one_line() {
        let mut events = vec![sample::exec(1, 2, None, &["/bin/sh"])];
        for pid in 10..5_010 {
            events.push(sample::fork(2, 2, pid));
            events.push(sample::exec(3, pid, Some(2), &["/bin/true"]));
            events.push(sample::exit(4, pid, 0));
        }
        let tree = tree(&events);
        assert_eq!(tree.count(), 5_001);
        assert_eq!(
            rendered(&tree, Bounds::SHORT),
            "/bin/sh (pid 2) not seen to end\n└─ /bin/true × 5000 exit 0\n"
        );
    }

    #[test]
    fn a_chain_of_thousands_of_processes_ends_in_a_count() {
        let mut events = vec![sample::exec(1, 2, None, &["/bin/sh"])];
        events.extend((2..20_000).map(|pid| sample::fork(2, pid, pid + 1)));
        let text = rendered(&tree(&events), Bounds::ALL);
        assert!(text.lines().count() < 100);
        assert!(text.ends_with("… 19959 processes below\n"), "{}", text.lines().last().unwrap());
    }

    #[test]
    fn names_that_an_artifact_chose_can_not_command_the_terminal() {
        let mut events = vec![sample::exec(1, 2, None, &["/tmp/\x1b[2J", "\x1b]0;x\x07\n└─ /bin/fake"])];
        let open = Open {
            path: sample::file("/root/.ssh/\x1b[31mid"),
            flags: vec![],
            access: Access::Read,
            fd: None,
        };
        events.push(sample::event(
            2,
            sample::process(2, 1, "/x"),
            Outcome::failure("EACCES\x1b[0m"),
            Detail::FileOpen { file: open },
        ));
        events.push(sample::fork(3, 2, 3));
        events[2].process.as_mut().unwrap().exe = Copied::whole("\x1b[5m");
        let text = rendered(&tree(&events), Bounds::ALL);
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
        assert_eq!(text.matches('\n').count(), text.lines().count());
        assert!(text.lines().all(|line| !line.starts_with("└─ /bin/fake")));
    }

    #[test]
    fn a_parent_that_claims_to_descend_from_its_child_makes_no_ring() {
        let tree =
            tree(&[sample::fork(1, 2, 3), sample::fork(2, 3, 2), sample::exec(3, 2, Some(3), &["/bin/x"])]);
        assert_eq!(rendered(&tree, Bounds::ALL).lines().count(), 2);
    }
}
