//! Values that leave in DNS names: the labels below one domain, put together again over its queries.

use super::{Finder, Found, Scanner};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// How many domains are followed; of more, the oldest is forgotten.
const DOMAINS: usize = 1_024;
/// How many names of a domain are remembered, so that one that is asked for twice (for both kinds of address, or again
/// for want of an answer) counts once.
const REMEMBERED: usize = 64;
/// The longest label that may be a number in a sequence.
const COUNTER: usize = 4;

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
    /// The labels between those that frame them ([`frame`]).
    framed: Scanner,
    /// The labels of the name before, and whether they are looked through between their frame already.
    before: Option<(Vec<String>, bool)>,
    seen: VecDeque<String>,
}

impl Domain {
    fn new(finder: &Arc<Finder>) -> Self {
        let scanner = || Scanner::new(finder);
        Domain {
            all: scanner(),
            longest: scanner(),
            backwards: scanner(),
            framed: scanner(),
            before: None,
            seen: VecDeque::new(),
        }
    }

    /// Looks through the labels of one more name.
    fn labels(&mut self, labels: &[&str]) -> Vec<Found> {
        let longest = labels.iter().max_by_key(|label| label.len()).copied().unwrap_or_default();
        let turned: String = labels.iter().rev().copied().collect();
        let mut found = self.all.feed(labels.concat().as_bytes());
        for more in [
            self.longest.feed(longest.as_bytes()),
            self.backwards.feed(turned.as_bytes()),
            self.between(labels),
        ] {
            let fresh = more.into_iter().filter(|one| !same(&found, one)).collect::<Vec<_>>();
            found.extend(fresh);
        }
        found
    }

    /// Looks through what a name has between the labels that frame it. The first name's frame is known by the second.
    fn between(&mut self, labels: &[&str]) -> Vec<Found> {
        let mut found = Vec::new();
        let current: Vec<String> = labels.iter().map(|label| (*label).to_owned()).collect();
        if let Some((before, looked)) = self.before.take() {
            let (front, back) = frame(&before, &current);
            if !looked {
                found.extend(self.framed.feed(before[front..before.len() - back].concat().as_bytes()));
            }
            found.extend(self.framed.feed(current[front..current.len() - back].concat().as_bytes()));
            self.before = Some((current, true));
        } else {
            self.before = Some((current, false));
        }
        found
    }
}

/// How many labels at the front and at the back of two names of one domain carry nothing: a number in the sequence at
/// either end, and what both have in common at the back. At least one is left of each.
fn frame(before: &[String], current: &[String]) -> (usize, usize) {
    let most = before.len().min(current.len()) - 1;
    let counts = |one: &String, other: &String| one.len() <= COUNTER && other.len() <= COUNTER;
    let pairs = before.iter().rev().zip(current.iter().rev());
    let mut back = pairs.take(most).take_while(|(one, other)| one.eq_ignore_ascii_case(other)).count();
    if back < most && counts(&before[before.len() - 1 - back], &current[current.len() - 1 - back]) {
        back += 1;
    }
    let front = usize::from(back < most && counts(&before[0], &current[0]));
    (front, back)
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
        let followed = self.domains.entry(domain).or_insert_with(|| Domain::new(finder));
        if followed.seen.iter().any(|seen| seen == name) {
            return Vec::new();
        }
        followed.seen.push_back(name.to_owned());
        if followed.seen.len() > REMEMBERED {
            followed.seen.pop_front();
        }
        followed.labels(&labels[..below])
    }
}

fn same(found: &[Found], one: &Found) -> bool {
    found.iter().any(|known| known.bait == one.bait && known.encoding == one.encoding)
}
