//! The verdict: changes that no event explains, and events that left no trace.

use super::files::{By, CONTENT, Files, GONE, MADE, METADATA, MOVED, ancestors, last_part};
use super::names::is_below;
use crate::changes::{Change, ChangeKind, FileType};
use crate::witness::{LinkUsed, Side, Unexplained};
use detektr_event::Text;
use std::collections::{BTreeMap, HashSet};

/// What [`Files::judge`] says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilesVerdict {
    /// The disagreements, by side and path.
    pub unexplained: Vec<Unexplained>,
    /// Links of the file system beneath that were followed; with them [`files`] says the same again.
    pub links: Vec<LinkUsed>,
}

impl Files<'_> {
    /// Holds what the events said against the difference.
    pub fn judge(&self, changes: &[Change], copied_up: &[Text]) -> FilesVerdict {
        let mut unexplained = Vec::new();
        self.judge_changes(changes, &mut unexplained);
        self.judge_events(changes, copied_up, &mut unexplained);
        unexplained.sort();
        FilesVerdict { unexplained, links: self.resolver.used() }
    }

    fn judge_changes(&self, changes: &[Change], unexplained: &mut Vec<Unexplained>) {
        let mut shared: BTreeMap<[u64; 2], u8> = BTreeMap::new();
        for change in changes {
            if let Some(file) = change.after.as_ref().and_then(|after| after.hard_link) {
                *shared.entry(file).or_default() |= self.acts_on(change.path.as_bytes());
            }
        }
        for change in changes {
            let path = change.path.as_bytes();
            let mut report = |detail: String| {
                unexplained.push(Unexplained { side: Side::Witness, path: change.path.clone(), detail });
            };
            if let (None, None, Some(why)) = (&change.before, &change.after, &change.unreadable) {
                report(format!("could not be compared: {why}"));
                continue;
            }
            let (needed, word) = match change.change {
                ChangeKind::Created => (MADE | MOVED, "created"),
                ChangeKind::Removed => (GONE | MOVED, "removed"),
                ChangeKind::Modified => (MADE | CONTENT | MOVED, "modified"),
                ChangeKind::Metadata => (MADE | CONTENT | METADATA | MOVED, "given other metadata"),
            };
            let mut acts = self.acts_on(path);
            if matches!(change.change, ChangeKind::Modified | ChangeKind::Metadata) {
                let aliases = self.aliases.get(path).into_iter().flatten();
                acts |= aliases.fold(0, |acts, alias| acts | self.acts_on(alias));
                let file = change.after.as_ref().and_then(|after| after.hard_link);
                acts |= file.and_then(|file| shared.get(&file)).copied().unwrap_or(0);
            }
            let socket = change.after.as_ref().is_some_and(|after| after.file_type == FileType::Socket);
            let bound = socket && last_part(path).is_some_and(|name| self.sockets.contains(name));
            if acts & needed == 0 && !bound {
                report(format!("{word}, and no event tells by whom"));
            }
        }
    }

    fn judge_events(&self, changes: &[Change], copied_up: &[Text], unexplained: &mut Vec<Unexplained>) {
        let of = |removed: bool| {
            let kept = changes.iter().filter(move |c| (c.change == ChangeKind::Removed) == removed);
            kept.map(|change| change.path.as_bytes())
        };
        let present: HashSet<&[u8]> = of(false).chain(copied_up.iter().map(Text::as_bytes)).collect();
        let removed: HashSet<&[u8]> = of(true).collect();
        let unseen: Vec<&[u8]> = changes
            .iter()
            .filter(|change| change.unreadable.is_some())
            .map(|change| change.path.as_bytes())
            .collect();
        for (path, name) in self.names.iter().filter(|(_, name)| !name.contested) {
            if self.layers.contains(path) || unseen.iter().any(|folder| is_below(path, folder)) {
                continue;
            }
            let By { seq, kind, .. } = name.by;
            let found = present.contains(path.as_slice());
            let gone = || ancestors(path).any(|above| removed.contains(above));
            let detail = if name.present && !found && !self.blind {
                format!("event {seq} ({kind}) left no trace in the difference")
            } else if !name.present && found {
                format!("event {seq} ({kind}) took it away, and it is there")
            } else if !name.present && !name.made && !found && !gone() {
                format!("event {seq} ({kind}) took it away, and the difference does not show it")
            } else {
                continue;
            };
            unexplained.push(Unexplained { side: Side::Events, path: path.clone().into(), detail });
        }
    }
}
