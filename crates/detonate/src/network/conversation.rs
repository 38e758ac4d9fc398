//! What the simulated internet told, on its way to the bundle: it waits until its process is known, or nobody can know.

use super::owners::Owners;
use detektr_event::{Attribution, Detail, Event, FlowRef, Outcome, Phase, ProcessRef, SensorName, Timestamp};
use detektr_evidence::reconcile::Packets;
use detektr_evidence::{BundleWriter, EvidenceError, PacketsWitness};
use detektr_netsim::{Content, Told};
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::mpsc::Receiver;

/// Facts that wait for their process. Of more, the oldest is told without one.
const WAITING: usize = 50_000;

/// The conversations of a run.
pub struct Conversations {
    told: Receiver<Told>,
    boot_to_wall_ns: i64,
    owners: Owners,
    /// By own end: facts whose process is not known yet.
    waiting: HashMap<(u16, u16), VecDeque<Told>>,
    order: VecDeque<(u16, u16)>,
    ready: VecDeque<(Told, Option<ProcessRef>)>,
    ended: bool,
    /// Holds conversations and calls against each other.
    packets: Packets,
}

impl Conversations {
    /// Listens to `told`, of an environment with the addresses `own`.
    pub fn new(told: Receiver<Told>, boot_to_wall_ns: i64, own: Vec<IpAddr>) -> Self {
        Conversations {
            told,
            boot_to_wall_ns,
            owners: Owners::default(),
            waiting: HashMap::new(),
            order: VecDeque::new(),
            ready: VecDeque::new(),
            ended: false,
            packets: Packets::new(own),
        }
    }

    /// Learns whose sockets are whose from an event of the sensor.
    pub fn event(&mut self, event: &Event) {
        self.packets.event(event);
        let Some(own) = self.owners.event(event) else { return };
        for told in self.waiting.remove(&own).unwrap_or_default() {
            self.place(told);
        }
    }

    /// Takes what was told meanwhile.
    pub fn listen(&mut self) {
        while let Ok(told) = self.told.try_recv() {
            self.place(told);
        }
    }

    /// Takes all that is still to be told; nobody will know more about processes from here on.
    pub fn finish(&mut self) {
        self.ended = true;
        while let Ok(told) = self.told.recv() {
            self.place(told);
        }
        let mut left: Vec<Told> = std::mem::take(&mut self.waiting).into_values().flatten().collect();
        left.sort_by_key(|told| told.boot_ns);
        left.into_iter().for_each(|told| self.place(told));
    }

    /// The next fact that is ready, with what is to be stored of it.
    pub fn ready(&mut self) -> Option<(Event, Vec<Content>)> {
        let (told, process) = self.ready.pop_front()?;
        let wall = i64::try_from(told.boot_ns).unwrap_or(i64::MAX).saturating_add(self.boot_to_wall_ns);
        let event = Event {
            seq: 0,
            time: Timestamp(wall),
            boot_ns: told.boot_ns,
            phase: Phase::Execute,
            sensor: SensorName::Detektr,
            process,
            outcome: Outcome::SUCCESS,
            detail: told.detail,
            syscall: None,
        };
        self.packets.event(&event);
        Some((event, told.contents))
    }

    /// What conversations and calls say to each other, when everything was told.
    pub fn judge(self) -> PacketsWitness {
        self.packets.judge()
    }

    /// Makes a fact ready, or has it wait.
    fn place(&mut self, mut told: Told) {
        let boot_ns = told.boot_ns;
        let Some(flow) = flow(&mut told.detail) else { return self.ready.push_back((told, None)) };
        if let Some((how, process)) = self.owners.of(flow, boot_ns) {
            flow.attribution = how;
            return self.ready.push_back((told, Some(ProcessRef::clone(&process))));
        }
        if !self.ended {
            let own = Owners::own(flow);
            self.waiting.entry(own).or_default().push_back(told);
            self.order.push_back(own);
            return self.give_up();
        }
        let caller = self.owners.by_remote(flow);
        if caller.is_some() {
            flow.attribution = Attribution::Peer;
        }
        self.ready.push_back((told, caller.map(|process| ProcessRef::clone(&process))));
    }

    fn give_up(&mut self) {
        while self.order.len() > WAITING
            && let Some(own) = self.order.pop_front()
        {
            let Some(waiting) = self.waiting.get_mut(&own) else { continue };
            self.ready.extend(waiting.pop_front().map(|told| (told, None)));
            if waiting.is_empty() {
                self.waiting.remove(&own);
            }
        }
    }
}

/// The conversation that a fact is about.
fn flow(detail: &mut Detail) -> Option<&mut FlowRef> {
    match detail {
        Detail::NetworkDns { network } => Some(&mut network.flow),
        Detail::NetworkHttp { network } => Some(&mut network.flow),
        Detail::NetworkTls { network } => Some(&mut network.flow),
        Detail::NetworkFlow { network } => Some(&mut network.flow),
        Detail::BaitExfiltrated { bait } => bait.flow.as_deref_mut(),
        _ => None,
    }
}

/// Writes a fact, its bodies first.
pub fn write(
    writer: &mut BundleWriter,
    mut event: Event,
    contents: Vec<Content>,
) -> Result<(), EvidenceError> {
    for content in contents {
        let stored = writer.file(&mut content.bytes.as_slice())?;
        let Detail::NetworkHttp { network } = &mut event.detail else { continue };
        for body in [&mut network.request_body, &mut network.response_body].into_iter().flatten() {
            body.stored |= stored.kept && stored.sha256 == body.sha256;
        }
    }
    writer.event(event).map(drop)
}
