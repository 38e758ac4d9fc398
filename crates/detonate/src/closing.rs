//! What is said at the end of a phase, as the manifest tells it: the ledger, what was logged, the capture.

use crate::ending;
use crate::error::DetonateError;
use crate::logs;
use crate::network::conversation::Conversations;
use detektr_event::Kind;
use detektr_evidence::{
    BundleWriter, CaptureTotals, EgressEffects, Manifest, PacketsWitness, RefusedPackets, RulesState,
};
use detektr_netsim::Report;
use detektr_sandbox::Environment;
use detektr_sensor::Closing;
use detektr_sensor::decode::Decoder;
use std::io::{BufReader, BufWriter};

/// Bytes of packets that are kept.
pub(crate) const CAPTURE_BYTES: u64 = 1 << 30;

/// What the sensor and the decoder say at the end of a phase.
pub(crate) fn close(manifest: &mut Manifest, closing: &Closing, decoder: &Decoder) {
    for (kind, counts) in &closing.ledger {
        let entry = manifest.ledger.0.entry(*kind).or_default();
        entry.attempted += counts.attempted;
        entry.emitted += counts.emitted;
        entry.dropped += counts.dropped;
        entry.received += counts.received;
    }
    for hole in closing.holes.iter().chain(&decoder.holes()) {
        manifest.mark_incomplete(hole.reason, hole.detail.clone());
    }
    if closing.pauses.times > 0 {
        let paused = manifest.sensor.paused.get_or_insert_default();
        paused.times += closing.pauses.times;
        paused.us += closing.pauses.us;
    }
    if closing.killed_for_vsock {
        ending::killed_by_wall(manifest);
    }
}

/// What rules for what leaves refused, and whether they are still there.
pub(crate) fn effects(manifest: &mut Manifest, environment: &Environment) {
    let Some(rules) = environment.egress() else { return };
    let mut effects = match rules.effects() {
        Ok(effects) => effects,
        Err(error) => {
            let why = format!("what the rules for what leaves refused could not be read back: {error}");
            return manifest.mark_incomplete("egress_unread", why);
        }
    };
    for control in &mut manifest.controls {
        control.egress = effects.remove(&control.name).map(|own| EgressEffects {
            rules: match (own.changed, own.rules.is_empty()) {
                (false, _) => RulesState::Kept,
                (true, false) => RulesState::Changed,
                (true, true) => RulesState::Removed,
            },
            uncounted: own.without as u64,
            refused: own
                .rules
                .into_iter()
                .map(|rule| RefusedPackets { rule: rule.rule, packets: rule.packets, bytes: rule.bytes })
                .collect(),
        });
    }
}

/// Counts what programs logged in one phase.
pub(crate) fn logged(manifest: &mut Manifest, logs: Option<logs::Logs>) {
    if let Some(logged) = logs.map(|logs| logs.counts()).filter(|logged| logged.attempted > 0) {
        let entry = manifest.ledger.0.entry(Kind::LogMessage).or_default();
        entry.attempted += logged.attempted;
        entry.emitted += logged.emitted;
        entry.dropped += logged.dropped;
        entry.received += logged.received;
    }
}

/// Completes the capture with what is known of its packets by now.
pub(crate) fn capture(
    writer: &mut BundleWriter,
    manifest: &mut Manifest,
    report: Report,
    conversations: Conversations,
    lost: Option<u64>,
) -> Result<(), DetonateError> {
    if let Some(why) = report.capture.failure {
        manifest.mark_incomplete("capture_lost", format!("packets could not be written: {why}"));
        return Ok(());
    }
    if let Some(why) = report.blind {
        manifest.mark_incomplete("baits_not_looked_for", format!("what left was not looked through: {why}"));
    }
    // without any packet there is nothing more to say of it
    if !report.capture.flows.is_empty() {
        writer.capture_again(|from, out| {
            detektr_netsim::capture::annotate(
                BufReader::with_capacity(256 << 10, from),
                BufWriter::with_capacity(256 << 10, out),
                &report.secrets,
                &report.capture.flows,
                |flow| conversations.comment(flow),
            )
        })?;
    }
    let totals = report.capture.totals;
    manifest.witnesses.packets = Some(PacketsWitness {
        capture: CaptureTotals {
            packets: totals.packets,
            bytes: totals.bytes,
            bound: CAPTURE_BYTES,
            cut_packets: totals.cut_packets,
            cut_bytes: totals.cut_bytes,
            misunderstood: report.misunderstood,
            lost,
            unsearched: report.unsearched,
        },
        ..conversations.judge()
    });
    Ok(())
}
