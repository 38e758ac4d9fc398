//! What the independent observers say, held against the events and written into the manifest.

use crate::detonation::EndedResult;
use crate::error::DetonateError;
use detektr_event::Text;
use detektr_evidence::reconcile::{self, Files, ProcessAccount, Scope};
use detektr_evidence::{
    Bait, BaitPlace, Baseline, BundleWriter, Diff, DiffOptions, EvidenceError, FsdiffWitness, IdMap, IdMaps,
    IdRange, Layer, LayerIds, LowerView, Manifest, MergedView, Sensor, fsdiff, sha256_hex,
};
use detektr_sandbox::{BaitKind, Environment, Launched};
use detektr_sensor::Description;
use detektr_sensor::decode::Decoder;
use std::os::unix::ffi::OsStrExt;

/// A bait as the manifest tells it.
pub fn bait(bait: &detektr_sandbox::Bait) -> Bait {
    let (kind, place) = match &bait.kind {
        BaitKind::File { path, .. } => ("file", BaitPlace::Path(Text::from(path.as_str()))),
        BaitKind::Answer { url } => ("answer", BaitPlace::Url(Text::from(url.as_str()))),
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
        paused: None,
    }
}

/// Births and ends over all phases, by number in the environment.
#[derive(Clone, Debug, Default)]
pub struct Populations {
    births: Vec<u32>,
    threads: u64,
    exits: Vec<u32>,
    broken_births: u64,
}

impl Populations {
    /// Takes what one phase's decoder counted.
    pub fn add(&mut self, decoder: &Decoder) {
        self.births.extend(&decoder.births().processes);
        self.threads += decoder.births().threads.len() as u64;
        self.exits.extend(&decoder.exits().processes);
        self.broken_births += decoder.broken_births();
    }
}

/// Births and ends, held against the kernel's account of them.
pub fn processes(
    manifest: &mut Manifest,
    population: &Populations,
    environment: &Environment,
    ended: &EndedResult,
) {
    let Ok(ended) = ended else { return };
    let account = ProcessAccount {
        births: population.births.clone(),
        threads: population.threads,
        exits: population.exits.clone(),
        acct: environment.acct_records().map(|records| records.iter().map(|record| record.pid).collect()),
        last_pid: ended.last_pid,
        unwatched: vec![1],
        refused: ended.refused_processes + population.broken_births,
        pid_max: pid_max(),
    };
    manifest.witnesses.processes = Some(reconcile::processes(&account));
}

fn pid_max() -> Option<u32> {
    std::fs::read_to_string("/proc/sys/kernel/pid_max").ok()?.trim().parse().ok()
}

/// The overlays of an environment, as the file-system difference reads them.
pub struct Overlays {
    layers: Vec<Layer>,
    baseline: Baseline,
    options: DiffOptions,
    excluded: Vec<Text>,
}

impl Overlays {
    /// The overlays as they are before the artifact starts.
    pub fn before(environment: &Environment, launched: &Launched) -> Result<Self, DetonateError> {
        let layers: Vec<Layer> = environment
            .layers()
            .into_iter()
            .map(|layer| Layer { mount_point: layer.mount_point, upper: layer.upper, lowers: layer.lowers })
            .collect();
        let map = |ranges: &[detektr_sandbox::IdRange]| {
            let range = |r: &detektr_sandbox::IdRange| IdRange {
                inside: r.inside,
                outside: r.outside,
                count: r.count,
            };
            IdMap(ranges.iter().map(range).collect())
        };
        let upper = IdMaps { uid: map(&launched.uid_map), gid: map(&launched.gid_map) };
        let description = environment.description();
        let idmapped = description.mounts.iter().all(|mount| mount.ids != "plain");
        // Beneath, Detektr's own folders bear the environment's ids; the host's bear the disk's, which an idmapped
        // mount shows as they are.
        let mut lower = upper.clone();
        if description.id_mapping == "range" && idmapped {
            for ids in [&mut lower.uid, &mut lower.gid] {
                ids.0.push(IdRange { inside: 0, outside: 0, count: detektr_sandbox::RANGE });
            }
        }
        // What has no number here belongs to nobody, inside too.
        if description.id_mapping == "subordinate" {
            for ids in [&mut lower.uid, &mut lower.gid] {
                ids.0.insert(0, IdRange { inside: 65_534, outside: 65_534, count: 1 });
            }
        }
        let options = DiffOptions {
            ids: LayerIds { upper, lower },
            host_lower: description.rootfs == "host",
            max_changes: None,
        };
        let baseline = Baseline::take(&layers, &options.ids)?;
        Ok(Overlays { layers, baseline, options, excluded: vec![Text::from("/dev/shm")] })
    }

    /// The overlays themselves.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// What takes the events, to be held against what the run changed.
    pub fn files(&self) -> Files<'static> {
        let beneath = LowerView::new(&self.layers);
        Files::new(self.scope(), move |path| beneath.read_link(path))
    }

    fn scope(&self) -> Scope {
        let layers =
            self.layers.iter().map(|layer| Text::from(layer.mount_point.as_os_str().as_bytes())).collect();
        Scope { layers, excluded: self.excluded.clone() }
    }

    /// What the run has changed so far; contents go to the bundle.
    pub fn diff(&self, writer: &mut BundleWriter) -> Diff {
        fsdiff(&self.layers, &self.baseline, &self.options, writer.store())
    }

    /// The files as they were, and as they are.
    pub fn views(&self) -> (MergedView, MergedView) {
        let ids = &self.options.ids;
        (MergedView::before(&self.layers, ids), MergedView::after(&self.layers, ids))
    }

    /// The difference at the end, written to the bundle and held against the events that `files` took.
    pub fn tell(
        &self,
        diff: &Diff,
        files: Files<'_>,
        writer: &mut BundleWriter,
    ) -> Result<FsdiffWitness, EvidenceError> {
        writer.changes(&diff.changes)?;
        let verdict = files.judge(&diff.changes, &diff.copied_up);
        Ok(FsdiffWitness::new(self.scope(), diff, verdict, writer.store()))
    }
}
