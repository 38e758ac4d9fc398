//! What the independent observers say, held against the events and written into the manifest.

use crate::detonation::EndedResult;
use detektr_event::Text;
use detektr_evidence::{Bait, BaitPlace, Manifest, Sensor, sha256_hex};
use detektr_sandbox::BaitKind;
use detektr_sensor::Description;

/// A bait as the manifest tells it.
pub fn bait(bait: &detektr_sandbox::Bait) -> Bait {
    let (kind, place) = match &bait.kind {
        BaitKind::File { path, .. } => ("file", BaitPlace::Path(Text::from(path.as_str()))),
        BaitKind::Env { name } => ("variable", BaitPlace::Variable(Text::from(name.as_str()))),
    };
    Bait {
        name: bait.name.clone(),
        kind: kind.into(),
        place,
        value: Text::from(bait.value.as_str()),
        sha256: sha256_hex(bait.value.as_bytes()),
    }
}

/// The sensor as the manifest tells it; `why` says why it was no better one.
pub fn sensor(description: &Description, why: Option<String>, ring_bytes: u32) -> Sensor {
    Sensor {
        name: description.name.into(),
        hooks: description.hooks.clone(),
        limitations: description.limitations.iter().cloned().chain(why).collect(),
        load_us: description.load_us,
        ring_bytes: (description.name == "ebpf").then_some(u64::from(ring_bytes)),
    }
}
