//! A list of what may be reached, and the ruleset that it comes to.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::IpAddr;

/// One destination, at one port or at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowed {
    /// Where.
    pub to: Destination,
    /// The TCP or UDP port; everything where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// Where packets may go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Destination {
    /// The addresses of a name, in small letters.
    Name(String),
    /// A network.
    Network {
        /// An address of it.
        address: IpAddr,
        /// How many of its leading bits are the network's.
        prefix: u8,
    },
}

impl Allowed {
    /// Reads `example.org:443`, `10.0.0.0/8`, `192.0.2.7:53`, `[2001:db8::]/32:53`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Allowed, String> {
        let (host, port) = split(text)?;
        let port = match port.map(str::parse::<u16>) {
            None => None,
            Some(Ok(port)) if port > 0 => Some(port),
            Some(_) => return Err(format!("`{text}` has no port from 1 to 65535")),
        };
        let (address, prefix) = host.split_once('/').map_or((host.as_str(), None), |(a, p)| (a, Some(p)));
        if let Ok(address) = address.parse::<IpAddr>() {
            let bits = if address.is_ipv4() { 32 } else { 128 };
            let prefix = match prefix.map(str::parse::<u8>) {
                None => bits,
                Some(Ok(prefix)) if prefix <= bits => prefix,
                Some(_) => return Err(format!("`{text}` has no prefix from 0 to {bits}")),
            };
            return Ok(Allowed { to: Destination::Network { address, prefix }, port });
        }
        if host.contains('*') {
            return Err(format!("`{text}` stands for names whose addresses nobody can know beforehand"));
        }
        let label = |part: &str| {
            let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            !part.is_empty() && part.len() < 64 && part.chars().all(good)
        };
        let name = host.trim_end_matches('.').to_ascii_lowercase();
        let numeric = name.rsplit('.').next().is_some_and(|last| last.parse::<u64>().is_ok());
        if name.len() > 253 || numeric || !name.split('.').all(label) {
            return Err(format!("`{text}` is no name, address or network"));
        }
        Ok(Allowed { to: Destination::Name(name), port })
    }

    /// Its name, where it is one.
    pub fn name(&self) -> Option<&str> {
        match &self.to {
            Destination::Name(name) => Some(name),
            Destination::Network { .. } => None,
        }
    }
}

/// Host (with its prefix) and port.
fn split(text: &str) -> Result<(String, Option<&str>), String> {
    if let Some(rest) = text.strip_prefix('[') {
        let (address, rest) = rest.split_once(']').ok_or_else(|| format!("`{text}` lacks its `]`"))?;
        let (prefix, port) = rest.split_once(':').map_or((rest, None), |(prefix, port)| (prefix, Some(port)));
        return Ok((format!("{address}{prefix}"), port));
    }
    match text.split_once(':') {
        Some((host, port)) if !port.contains(':') => Ok((host.into(), Some(port))),
        _ => Ok((text.into(), None)),
    }
}

/// What every network says of itself, and refuses nobody anything.
const OWN: &str = "icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-query, \
                   mld-listener-report, mld-listener-done, mld2-listener-report } accept";

/// The ruleset: what is not named is refused. Names need name servers, so these may be asked where there is a name.
pub(super) fn ruleset(
    control: &str,
    entries: &[Allowed],
    addresses: &BTreeMap<String, Vec<IpAddr>>,
) -> String {
    let mut rules = format!("oifname \"lo\" accept\n{OWN}\n");
    let mut allow = |address: IpAddr, prefix: u8, port: Option<u16>, why: &str| {
        let family = if address.is_ipv4() { "ip" } else { "ip6" };
        let port = port.map_or(String::new(), |port| format!("meta l4proto {{ tcp, udp }} th dport {port} "));
        let _ = writeln!(rules, "{family} daddr {address}/{prefix} {port}counter accept comment \"{why}\"");
    };
    for entry in entries {
        match &entry.to {
            Destination::Network { address, prefix } => {
                allow(*address, *prefix, entry.port, "a network of the list");
            }
            Destination::Name(name) => {
                // a comment has 128 bytes at most
                let why: String = name.chars().take(100).collect();
                for address in addresses.get(name).into_iter().flatten() {
                    allow(*address, if address.is_ipv4() { 32 } else { 128 }, entry.port, &why);
                }
            }
        }
    }
    if entries.iter().any(|entry| entry.name().is_some()) {
        // the environment's own network, in which there is none but its gateway
        for (address, prefix) in [("192.168.0.0", 16), ("fd00::", 8)] {
            let address = address.parse().expect("an address");
            allow(address, prefix, Some(53), "name servers");
        }
    }
    let table: String = control.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    // what comes and goes through two letters of one kind would be one table: the digest of the name tells them apart
    let mark = super::effects::short_digest(control);
    // a connection that waits takes a reset at once, and another refusal only when it asks again a second later
    format!(
        "table inet egress_{table}_{mark} {{\nchain output {{\ntype filter hook output priority filter; policy accept;\n\
         {rules}meta l4proto tcp counter reject with tcp reset comment \"not on the list\"\n\
         counter reject comment \"not on the list\"\n}}\n}}\n"
    )
}
