//! Values that leave in DNS names: the labels below one domain, put together again over its queries.

use super::{Finder, Found, Scanner};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// How many domains are followed; of more, the oldest is forgotten.
const DOMAINS: usize = 1_024;
/// How many names of a domain are remembered, so that one that is asked for twice (for both kinds of address, or again
/// for want of an answer) counts once.
const REMEMBERED: usize = 64;

/// All names that were asked for.
#[derive(Debug)]
pub struct Names {
    finder: Arc<Finder>,
    domains: HashMap<String, Domain>,
    order: VecDeque<String>,
}

#[derive(Debug)]
struct Domain {
    /// All labels one after the other, as they stand.
    all: Scanner,
    /// The longest label of each name alone: others may be its number in the sequence.
    longest: Scanner,
    /// Only what the last labels say, where names are told from the end.
    backwards: Scanner,
    seen: VecDeque<String>,
}

impl Names {
    /// Nothing was asked for yet.
    pub fn new(finder: &Arc<Finder>) -> Self {
        Names { finder: finder.clone(), domains: HashMap::new(), order: VecDeque::new() }
    }

    /// Looks through a name that is asked for, as it stands in the query (case kept, no root's dot).
    pub fn asked(&mut self, name: &str) -> Vec<Found> {
        let labels: Vec<&str> = name.trim_end_matches('.').split('.').collect();
        let Some(below) = labels.len().checked_sub(2).filter(|below| *below > 0) else {
            return Vec::new();
        };
        let domain = labels[below..].join(".").to_ascii_lowercase();
        if !self.domains.contains_key(&domain) {
            if self.domains.len() >= DOMAINS
                && let Some(oldest) = self.order.pop_front()
            {
                self.domains.remove(&oldest);
            }
            self.order.push_back(domain.clone());
        }
        let finder = &self.finder;
        let followed = self.domains.entry(domain).or_insert_with(|| Domain {
            all: Scanner::new(finder),
            longest: Scanner::new(finder),
            backwards: Scanner::new(finder),
            seen: VecDeque::new(),
        });
        if followed.seen.iter().any(|seen| seen == name) {
            return Vec::new();
        }
        followed.seen.push_back(name.to_owned());
        if followed.seen.len() > REMEMBERED {
            followed.seen.pop_front();
        }
        let labels = &labels[..below];
        let mut found = followed.all.feed(labels.concat().as_bytes());
        let longest = labels.iter().max_by_key(|label| label.len()).copied().unwrap_or_default();
        let turned: String = labels.iter().rev().copied().collect();
        for more in [followed.longest.feed(longest.as_bytes()), followed.backwards.feed(turned.as_bytes())] {
            let fresh = more.into_iter().filter(|one| !same(&found, one)).collect::<Vec<_>>();
            found.extend(fresh);
        }
        found
    }
}

fn same(found: &[Found], one: &Found) -> bool {
    found.iter().any(|known| known.bait == one.bait && known.encoding == one.encoding)
}
