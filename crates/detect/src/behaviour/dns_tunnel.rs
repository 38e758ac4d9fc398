//! Data that is carried in the names that are asked for.

use super::definition::Coded;
use super::{Collector, Confidence, Images, Level, Watch, objects};
use detektr_event::{Detail, Event};
use std::collections::{HashMap, HashSet};

pub(super) const CODED: &[Coded] = &[Coded {
    id: "dns-tunnel",
    title: "Carried data in names that it asked for",
    sentence: "{process.name} asks for many long names below {domain}, each another one, as tunnels over DNS do.",
    level: Level::High,
    confidence: Confidence::Medium,
    tags: &["attack.command_and_control", "attack.t1071.004"],
}];

/// So many different names are many.
const MANY: usize = 12;
/// A label of this length is long.
const LABEL: usize = 20;
/// So are several that are together of this length.
const LABELS: usize = 50;
/// Domains that are remembered.
const DOMAINS: usize = 10_000;
/// Names of a domain that are told apart.
const NAMES: usize = 1000;

#[derive(Default)]
pub(super) struct DnsTunnel {
    domains: HashMap<String, Domain>,
}

#[derive(Default)]
struct Domain {
    names: HashSet<u64>,
    events: Vec<u64>,
}

impl Watch for DnsTunnel {
    fn event(&mut self, event: &Event, _: &Images, found: &mut Collector<'_>) {
        let Detail::NetworkDns { network } = &event.detail else { return };
        let name = network.name.lossy().to_ascii_lowercase();
        let Some((data, domain)) = split(&name) else { return };
        let long = data.len() >= LABELS || data.split('.').any(|label| label.len() >= LABEL);
        if !long || (self.domains.len() >= DOMAINS && !self.domains.contains_key(domain)) {
            return;
        }
        let known = self.domains.entry(domain.to_owned()).or_default();
        if known.names.len() >= NAMES || !known.names.insert(objects::hash_bytes(data.as_bytes())) {
            return;
        }
        let told = [("domain", domain.to_owned())];
        if known.names.len() > MANY {
            found.saw("dns-tunnel", event, &[], &told);
        } else if known.names.len() == MANY {
            found.saw("dns-tunnel", event, &std::mem::take(&mut known.events), &told);
        } else {
            known.events.push(event.seq);
        }
    }
}

/// A name's labels below the domain that somebody registered, and that domain. Names of addresses are long by nature.
fn split(name: &str) -> Option<(&str, &str)> {
    if name.ends_with(".arpa") {
        return None;
    }
    let dots: Vec<usize> = name.rmatch_indices('.').map(|(at, _)| at).collect();
    // `example.com`, or `example.co.uk`
    let second = &name[dots.get(1).map_or(0, |at| at + 1)..*dots.first()?];
    let own = if second.len() <= 3 { 2 } else { 1 };
    let at = *dots.get(own)?;
    Some((&name[..at], &name[at + 1..]))
}
