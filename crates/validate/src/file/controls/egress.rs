//! `egress`: a file of nftables rules, or a list of what may be reached.

use crate::file::inputs::Reader;
use crate::file::program::words_at;
use detektr_sandbox::controls::Egress;
use detektr_sandbox::controls::egress::Allowed;
use detektr_yaml::{Node, Value};
use std::collections::BTreeMap;

/// The keys of `egress`.
pub(in crate::file) const KEYS: &[&str] = &["nftables", "allow"];

pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Egress> {
    let entries = reader.map(node, "`egress`")?;
    let mut found = Vec::new();
    for (key, value) in entries {
        match key.text.as_str() {
            "nftables" => found.push(nftables(reader, value)),
            "allow" => found.push(allow(reader, value)),
            _ => reader.unknown(key, "`egress`", KEYS),
        }
    }
    if entries.len() != 1 {
        let what = "`egress` is either a ruleset or a list";
        let help = "write `egress: {nftables: rules.nft}` or `egress: {allow: [\"example.org:443\"]}`";
        reader.problem(node, "value", what, help);
        return None;
    }
    found.pop()?
}

fn nftables(reader: &mut Reader<'_>, node: &Node) -> Option<Egress> {
    let file = reader.file(node, "nftables")?;
    let content = reader.inputs.get(&file).cloned().unwrap_or_default();
    match String::from_utf8(content) {
        Ok(text) => Some(Egress::Nftables { file, text }),
        Err(_) => {
            let what = format!("`{file}` is no text");
            reader.problem(node, "value", what, "name a ruleset as `nft -f` takes it");
            None
        }
    }
}

fn allow(reader: &mut Reader<'_>, node: &Node) -> Option<Egress> {
    // nothing may be reached
    let texts = match &node.value {
        Value::List(items) if items.is_empty() => Vec::new(),
        _ => words_at(reader, node, "allow"),
    };
    let mut entries = Vec::new();
    for (text, at) in texts {
        match Allowed::parse(&text) {
            Ok(allowed) => entries.push(allowed),
            Err(what) => {
                let help = "write names, addresses and networks, as in `example.org:443`, `10.0.0.0/8` or \
                            `[2001:db8::]/32:53`; each name by itself";
                reader.problem(at, "value", what, help);
            }
        }
    }
    Some(Egress::Allow { entries, addresses: BTreeMap::new() })
}
