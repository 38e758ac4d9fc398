//! True paths from what path calls gave: symbolic links followed as far as they are known.

use super::names::is_below;
use crate::witness::LinkUsed;
use detektr_event::FilePath;
use std::collections::{BTreeMap, HashMap};

/// Links followed in one path before it is given up.
const MAX_LINKS: usize = 40;
/// Answers about the file system beneath that are remembered.
const MAX_REMEMBERED: usize = 65_536;

/// Answers what the symbolic link at a path of the file system beneath holds.
pub(super) type ReadLink<'a> = dyn FnMut(&[u8]) -> Option<Vec<u8>> + Send + 'a;

/// What the run did to a name.
pub(super) enum Known {
    /// It made a symbolic link with this target.
    Link(Vec<u8>),
    /// It made something else, or took away what was there.
    NoLink,
    /// Nothing: what is beneath shows through.
    Untouched,
}

/// Follows symbolic links: those that the run made, and those that were there.
pub(super) struct Resolver<'a> {
    beneath: Box<ReadLink<'a>>,
    remembered: HashMap<Vec<u8>, Option<Vec<u8>>>,
    used: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(beneath: Box<ReadLink<'a>>) -> Self {
        Resolver { beneath, remembered: HashMap::new(), used: BTreeMap::new() }
    }

    /// The links of the file system beneath that were followed.
    pub(super) fn used(&self) -> Vec<LinkUsed> {
        let link = |(path, target): (&Vec<u8>, &Vec<u8>)| LinkUsed {
            path: path.clone().into(),
            target: target.clone().into(),
        };
        self.used.iter().map(link).collect()
    }

    /// The path that `file` means, links followed; and where that is another, the path as the event tells it.
    /// `made` answers for what the run made.
    pub(super) fn paths(
        &mut self,
        file: &FilePath,
        follow: bool,
        made: &dyn Fn(&[u8]) -> Known,
    ) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
        let told = file.path.as_whole()?.as_bytes();
        if told.first() != Some(&b'/') {
            return None;
        }
        let told = fold(told);
        if file.resolved {
            return Some((told, None));
        }
        let given = file.given.as_ref().and_then(|given| given.as_whole()).map(|text| text.as_bytes());
        let base = file.base.as_ref().and_then(|base| base.as_whole()).map(|text| text.as_bytes());
        let walked = match (base, given) {
            (Some(base), Some(given)) if base.first() == Some(&b'/') => self.walk(base, given, follow, made),
            (None, Some(given)) if given.first() == Some(&b'/') => self.walk(b"/", given, follow, made),
            _ => self.walk(b"/", &told, follow, made),
        };
        match walked {
            Some(path) if path != told => Some((path, Some(told))),
            _ => Some((told, None)),
        }
    }

    fn walk(
        &mut self,
        base: &[u8],
        given: &[u8],
        follow: bool,
        made: &dyn Fn(&[u8]) -> Known,
    ) -> Option<Vec<u8>> {
        let mut here = fold(base);
        let mut left: Vec<Vec<u8>> = parts(given).rev().map(<[u8]>::to_vec).collect();
        let mut links = 0;
        while let Some(part) = left.pop() {
            if part == b".." {
                parent(&mut here);
                continue;
            }
            let length = here.len();
            if here != b"/" {
                here.push(b'/');
            }
            here.extend_from_slice(&part);
            if left.is_empty() && !follow {
                break;
            }
            if [&b"/proc"[..], b"/sys", b"/dev"].iter().any(|root| is_below(&here, root)) {
                // the kernel's own links lead anywhere
                return None;
            }
            let target = match made(&here) {
                Known::Link(target) => Some(target),
                Known::NoLink => None,
                Known::Untouched => self.beneath(&here),
            };
            if let Some(target) = target {
                links += 1;
                if links > MAX_LINKS {
                    return None;
                }
                if target.first() == Some(&b'/') {
                    here = b"/".to_vec();
                } else {
                    here.truncate(length.max(1));
                }
                left.extend(parts(&target).rev().map(<[u8]>::to_vec));
            }
        }
        Some(here)
    }

    fn beneath(&mut self, path: &[u8]) -> Option<Vec<u8>> {
        if let Some(known) = self.remembered.get(path) {
            return known.clone();
        }
        let target = (self.beneath)(path);
        if let Some(target) = &target {
            self.used.insert(path.to_vec(), target.clone());
        }
        if self.remembered.len() >= MAX_REMEMBERED {
            self.remembered.clear();
        }
        self.remembered.insert(path.to_vec(), target.clone());
        target
    }
}

/// The parts of a path, without empty ones and `.`.
fn parts(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|b| *b == b'/').filter(|part| !part.is_empty() && *part != b".")
}

fn parent(path: &mut Vec<u8>) {
    let slash = path.iter().rposition(|b| *b == b'/').unwrap_or(0);
    path.truncate(slash.max(1));
}

/// An absolute path with `.`, `..` and needless slashes folded by the letter.
pub(super) fn fold(path: &[u8]) -> Vec<u8> {
    let mut folded = b"/".to_vec();
    for part in parts(path) {
        if part == b".." {
            parent(&mut folded);
        } else {
            if folded.len() > 1 {
                folded.push(b'/');
            }
            folded.extend_from_slice(part);
        }
    }
    folded
}
