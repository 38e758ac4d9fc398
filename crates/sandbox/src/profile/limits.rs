//! The bounds that a profile, or a control, sets.

use super::ProfileLimits;
use detektr_yaml::{Node, Reader};
use std::ops::RangeInclusive;

/// The keys under `limits`.
pub(super) const KEYS: &[&str] = &["wall", "cpus", "memory", "processes", "file_size", "disk", "output"];

const PROCESSES: RangeInclusive<u64> = 1..=4_194_304;
const CPUS: RangeInclusive<f64> = 0.01..=1024.0;

/// Reads a group of bounds.
pub fn read(reader: &mut Reader, node: &Node) -> ProfileLimits {
    let mut limits = ProfileLimits::default();
    let Some(entries) = reader.map(node, "`limits`") else { return limits };
    for (key, value) in entries {
        let name = key.text.as_str();
        match name {
            "wall" => limits.wall = reader.time(value, name),
            "cpus" => limits.cpus = cpus(reader, value),
            "memory" => limits.memory = reader.size(value, name, 1 << 20),
            "processes" => limits.processes = processes(reader, value),
            "file_size" => limits.file_size = reader.size(value, name, 1),
            "disk" => limits.disk = reader.size(value, name, 1),
            "output" => limits.output = reader.size(value, name, 1),
            _ => reader.unknown(key, "`limits`", KEYS),
        }
    }
    limits
}

fn cpus(reader: &mut Reader, node: &Node) -> Option<f64> {
    let text = reader.scalar(node, "cpus", "a number")?;
    match text.parse::<f64>() {
        Ok(cpus) if CPUS.contains(&cpus) => Some(cpus),
        Ok(_) => {
            let what = format!("{text} processors is out of range");
            reader.problem(node, "range", what, "write a number from 0.01 to 1024");
            None
        }
        Err(_) => {
            reader.problem(
                node,
                "type",
                format!("`{text}` is no number"),
                "write a number, as in `cpus: 1.5`",
            );
            None
        }
    }
}

fn processes(reader: &mut Reader, node: &Node) -> Option<u64> {
    let text = reader.scalar(node, "processes", "a number")?;
    let help = "write a whole number from 1 to 4194304";
    match text.parse::<u64>() {
        Ok(count) if PROCESSES.contains(&count) => Some(count),
        Ok(_) => {
            reader.problem(node, "range", format!("{text} processes is out of range"), help);
            None
        }
        Err(_) => {
            reader.problem(node, "type", format!("`{text}` is no whole number"), help);
            None
        }
    }
}
