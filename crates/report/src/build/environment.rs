//! Where it ran, how it was watched, and what speaks for the completeness of the evidence.

use super::{TEXT, text};
use crate::clean::{clean, shorten};
use crate::model::{BundleFile, Control, Environment, Evidence, Fact, LedgerLine, Unexplained};
use detektr_evidence::Manifest;
use serde_json::Value;

/// Values of one fact that are listed.
const VALUES: usize = 50;

pub(super) fn environment(manifest: &Manifest) -> Environment {
    let mut facts = Vec::new();
    let mut gaps = Vec::new();
    if let Value::Object(fields) = &manifest.environment {
        for (name, value) in fields {
            match (name.as_str(), value) {
                ("gaps", Value::Array(list)) => {
                    gaps = list.iter().filter_map(Value::as_str).map(|gap| text(gap.as_bytes())).collect();
                }
                // each control stands with what was done
                ("controls", _) => {}
                _ => facts.push(Fact { name: clean(name), value: shorten(&clean(&told(value)), TEXT) }),
            }
        }
    }
    let paused = manifest.sensor.paused.map(|paused| {
        let told = format!(
            "all processes were paused {} times, {} ms in all, so that it lost nothing",
            paused.times,
            paused.us / 1000
        );
        text(told.as_bytes())
    });
    Environment {
        facts,
        sensor: clean(&manifest.sensor.name),
        limitations: manifest.sensor.limitations.iter().map(|s| text(s.as_bytes())).chain(paused).collect(),
        gaps,
        controls: manifest
            .controls
            .iter()
            .map(|control| Control {
                name: text(control.name.as_bytes()),
                applied: control.told().iter().map(|s| text(s.as_bytes())).collect(),
            })
            .collect(),
        seed: manifest.seed.to_string(),
    }
}

/// A value in words.
fn told(value: &Value) -> String {
    match value {
        Value::Null => "not there".into(),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().take(VALUES).map(told).collect::<Vec<_>>().join("; "),
        Value::Object(fields) => {
            let known = fields.iter().filter(|(_, value)| !value.is_null()).take(VALUES);
            known.map(|(name, value)| format!("{name} {}", told(value))).collect::<Vec<_>>().join(", ")
        }
        Value::Number(number) => number.to_string(),
    }
}

pub(super) fn evidence(manifest: &Manifest) -> Evidence {
    let witnesses = &manifest.witnesses;
    let mut unexplained = Vec::new();
    if let Some(fsdiff) = &witnesses.fsdiff {
        unexplained.extend(fsdiff.unexplained.iter().map(|one| Unexplained {
            side: one.side,
            detail: format!("{}: {}", text(one.path.as_bytes()), text(one.detail.as_bytes())),
        }));
    }
    if let Some(processes) = &witnesses.processes {
        unexplained.extend(processes.unexplained.iter().map(|detail| Unexplained {
            side: detektr_evidence::Side::Witness,
            detail: text(detail.as_bytes()),
        }));
    }
    if let Some(packets) = &witnesses.packets {
        unexplained.extend(packets.unexplained.iter().map(|detail| Unexplained {
            side: detektr_evidence::Side::Witness,
            detail: text(detail.as_bytes()),
        }));
    }
    Evidence {
        ledger: manifest
            .ledger
            .0
            .iter()
            .map(|(kind, c)| LedgerLine {
                kind: kind.name().into(),
                attempted: c.attempted,
                emitted: c.emitted,
                dropped: c.dropped,
                received: c.received,
                written: c.written,
                balances: c.balances(),
            })
            .collect(),
        sentinel: manifest.sentinel,
        fsdiff: witnesses.fsdiff.as_ref().map(|w| {
            format!(
                "The file system was compared before and after: {} changed paths, of which {} no event explains; \
                 {} events that it does not show.",
                w.changes + w.not_listed,
                w.unexplained_changes,
                w.unexplained_events
            )
        }),
        processes: witnesses.processes.as_ref().map(|w| {
            let kernel = match w.acct {
                Some(acct) => format!("the kernel's accounting has {acct}"),
                None => "the kernel's accounting was not to be had".into(),
            };
            format!("The sensor saw {} processes born and {} end; {kernel}.", w.births, w.exits)
        }),
        packets: witnesses.packets.as_ref().map(|w| {
            format!(
                "The packets of the environment's network device were held against the calls: {} conversations that no \
                 call explains, {} calls without packets.",
                w.unexplained_flows, w.unexplained_calls
            )
        }),
        unexplained,
        files: manifest
            .files
            .iter()
            .filter(|(name, _)| !name.starts_with("files/"))
            .map(|(name, entry)| BundleFile {
                name: clean(name),
                size: entry.size,
                sha256: clean(&entry.sha256),
            })
            .collect(),
    }
}
