//! What changed in the file system, with the events that did it and the difference of texts.

use super::{Seen, lines, link, text};
use crate::clean::clean;
use crate::describe;
use crate::model::{FileChange, FileState, Files, TextDiff};
use detektr_event::{Access, Detail};
use detektr_evidence::{Bundle, Change, ChangeKind, FileType, Manifest};
use similar::{ChangeTag, TextDiff as Similar};
use std::collections::HashMap;
use std::io::Read;

/// Changes that are listed.
const LISTED: usize = 2_000;
/// Longest content that is compared, in bytes and in lines.
const CONTENT: u64 = 256 << 10;
const CONTENT_LINES: usize = 3_000;
/// Lines of one difference that are shown, and bytes of all differences.
const DIFF_LINES: usize = 300;
const DIFF_BYTES: usize = 1 << 20;

pub(super) struct Changes<'a> {
    changes: &'a [Change],
    index: HashMap<&'a [u8], usize>,
    events: Vec<Vec<u64>>,
}

impl<'a> Changes<'a> {
    pub(super) fn new(changes: &'a [Change]) -> Self {
        let listed = &changes[..changes.len().min(LISTED)];
        let index = listed.iter().enumerate().map(|(at, change)| (change.path.as_bytes(), at)).collect();
        Changes { changes, index, events: vec![Vec::new(); listed.len()] }
    }

    /// Notes the event, where it changed one of the listed paths.
    pub(super) fn event(&mut self, seen: &Seen<'_>) -> bool {
        if !seen.event.outcome.is_success() || !changes_files(&seen.event.detail) {
            return false;
        }
        let mut telling = false;
        for path in describe::paths(&seen.event.detail) {
            if let Some(at) = path.in_environment().and_then(|path| self.index.get(path)) {
                link(&mut self.events[*at], &mut 0, seen.event.seq);
                telling = true;
            }
        }
        telling
    }

    pub(super) fn finish(self, manifest: &Manifest, bundle: &Bundle) -> Result<Files, super::BuildError> {
        let count = |kind| self.changes.iter().filter(|change| change.change == kind).count() as u64;
        let mut room = DIFF_BYTES;
        let mut list = Vec::new();
        for (change, events) in self.changes.iter().zip(self.events) {
            let (diff, note) = difference(change, bundle, &mut room)?;
            let unreadable = change.unreadable.as_ref().map(|why| text(why.as_bytes()));
            list.push(FileChange {
                path: text(change.path.as_bytes()),
                change: match change.change {
                    ChangeKind::Created => "created",
                    ChangeKind::Modified => "modified",
                    ChangeKind::Removed => "removed",
                    ChangeKind::Metadata => "metadata",
                }
                .into(),
                before: change.before.as_ref().map(state),
                after: change.after.as_ref().map(state),
                events,
                diff,
                note: unreadable.or(note),
            });
        }
        Ok(Files {
            compared: manifest.witnesses.fsdiff.is_some(),
            created: count(ChangeKind::Created),
            modified: count(ChangeKind::Modified),
            removed: count(ChangeKind::Removed),
            metadata: count(ChangeKind::Metadata),
            changes: list,
        })
    }
}

fn changes_files(detail: &Detail) -> bool {
    match detail {
        Detail::FileOpen { file } => {
            matches!(file.access, Access::Write | Access::ReadWrite)
                || file.flags.iter().any(|flag| flag == "O_TRUNC")
        }
        Detail::FileWrite { file } => file.bytes > 0 || file.mapped,
        Detail::FileCreate { .. }
        | Detail::FileRename { .. }
        | Detail::FileUnlink { .. }
        | Detail::FileMkdir { .. }
        | Detail::FileRmdir { .. }
        | Detail::FileMknod { .. }
        | Detail::FileLink { .. }
        | Detail::FileSymlink { .. }
        | Detail::FileChmod { .. }
        | Detail::FileChown { .. }
        | Detail::FileTruncate { .. }
        | Detail::FileUtime { .. }
        | Detail::FileXattr { .. } => true,
        _ => false,
    }
}

fn state(state: &detektr_evidence::FileState) -> FileState {
    FileState {
        file_type: type_name(state.file_type).into(),
        mode: format!("{:04o}", state.mode),
        owner: format!("{}:{}", state.uid, state.gid),
        size: state.size,
        sha256: state.sha256.as_deref().map(clean),
        target: state.target.as_ref().map(|target| text(target.as_bytes())),
        xattrs: state.xattrs.keys().take(20).map(|name| text(name.as_bytes())).collect(),
    }
}

fn type_name(file_type: FileType) -> &'static str {
    match file_type {
        FileType::File => "file",
        FileType::Directory => "directory",
        FileType::Symlink => "symlink",
        FileType::Fifo => "fifo",
        FileType::Socket => "socket",
        FileType::CharDevice => "char_device",
        FileType::BlockDevice => "block_device",
    }
}

/// The content of one side: a text, or why there is none to show.
enum Content {
    Text(Vec<u8>),
    None(&'static str),
}

fn content(
    state: Option<&detektr_evidence::FileState>,
    bundle: &Bundle,
) -> Result<Content, super::BuildError> {
    let Some(state) = state else { return Ok(Content::Text(Vec::new())) };
    if state.file_type != FileType::File {
        return Ok(Content::None("not a file"));
    }
    if state.size.is_some_and(|size| size > CONTENT) {
        return Ok(Content::None(
            "too long to be shown here (256 KiB are); its content may be in the bundle",
        ));
    }
    let Some(hash) = state.sha256.as_deref().filter(|_| state.stored) else {
        return Ok(Content::None("its content is not in the bundle"));
    };
    let Some(file) = bundle.file(hash)? else {
        return Ok(Content::None("its content is not in the bundle"));
    };
    let mut bytes = Vec::new();
    file.take(CONTENT).read_to_end(&mut bytes)?;
    if bytes.contains(&0) || std::str::from_utf8(&bytes).is_err() {
        return Ok(Content::None("not a text"));
    }
    Ok(Content::Text(bytes))
}

fn difference(
    change: &Change,
    bundle: &Bundle,
    room: &mut usize,
) -> Result<(Option<TextDiff>, Option<String>), super::BuildError> {
    let is_file = |state: &detektr_evidence::FileState| state.file_type == FileType::File;
    let any_file = [&change.before, &change.after].into_iter().flatten().any(is_file);
    if change.change == ChangeKind::Metadata || !any_file {
        return Ok((None, None));
    }
    let (before, after) =
        match (content(change.before.as_ref(), bundle)?, content(change.after.as_ref(), bundle)?) {
            (Content::Text(before), Content::Text(after)) => (before, after),
            (Content::None(why), _) | (_, Content::None(why)) => return Ok((None, Some(why.into()))),
        };
    let before: Vec<String> = lines(&before).map(|line| line.collect_line()).collect();
    let after: Vec<String> = lines(&after).map(|line| line.collect_line()).collect();
    if before.len().max(after.len()) > CONTENT_LINES {
        return Ok((None, Some("of too many lines to be compared here".into())));
    }
    let diff = compare(&before, &after);
    let bytes: usize = diff.lines.iter().map(String::len).sum();
    if bytes > *room {
        return Ok((None, Some("left out: the report shows 1 MiB of differences".into())));
    }
    *room -= bytes;
    Ok((Some(diff), None))
}

fn compare(before: &[String], after: &[String]) -> TextDiff {
    let before: Vec<&str> = before.iter().map(String::as_str).collect();
    let after: Vec<&str> = after.iter().map(String::as_str).collect();
    let diff = Similar::from_slices(&before, &after);
    let mut all = Vec::new();
    let groups = diff.grouped_ops(3);
    for group in &groups {
        if groups.len() > 1 || !(before.is_empty() || after.is_empty()) {
            let place = group.first().map_or(0, |op| op.new_range().start);
            all.push(format!("@line {}", place + 1));
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let mark = match change.tag() {
                ChangeTag::Equal => ' ',
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
            };
            all.push(format!("{mark}{}", change.value()));
        }
    }
    let cut = all.len().saturating_sub(DIFF_LINES) as u64;
    all.truncate(DIFF_LINES);
    TextDiff { lines: all, cut }
}
