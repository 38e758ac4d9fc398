//! What the simulated internet told, on its way to the bundle: it waits until its process is known, or nobody can know.

use super::owners::Owners;
use detektr_event::{
    Attribution, Copied, Detail, Event, FlowRef, Outcome, Phase, ProcessId, ProcessRef, SensorName, Timestamp,
};
use detektr_evidence::reconcile::Packets;
use detektr_evidence::{BundleWriter, EvidenceError, PacketsWitness};
use detektr_netsim::{Content, Told};
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

/// Facts that wait for their process. Of more, the oldest is told without one.
const WAITING: usize = 50_000;
/// Bytes of a command line that a packet is marked with.
const COMMAND: usize = 1024;

/// The conversations of a run.
pub struct Conversations {
    told: Receiver<Told>,
    boot_to_wall_ns: i64,
    owners: Owners,
    /// By own end: facts whose process is not known yet.
    waiting: HashMap<(u16, u16), VecDeque<Told>>,
    order: VecDeque<(u16, u16)>,
    ready: VecDeque<(Told, Option<ProcessRef>)>,
    /// By number: whose it is.
    of: HashMap<u64, Arc<ProcessRef>>,
    /// Command lines by process.
    commands: HashMap<ProcessId, String>,
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
            of: HashMap::new(),
            commands: HashMap::new(),
            ended: false,
            packets: Packets::new(own),
        }
    }

    /// Learns whose sockets are whose from an event of the sensor.
    pub fn event(&mut self, event: &Event) {
        self.packets.event(event);
        if let (Detail::ProcessExec { exec }, Some(process), true) =
            (&event.detail, &event.process, event.outcome.is_success())
        {
            self.commands.insert(process.id.clone(), command(&exec.argv));
        }
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

    /// What a packet of conversation `flow` is marked with.
    pub fn comment(&self, flow: u32) -> Option<String> {
        let process = self.of.get(&u64::from(flow))?;
        let exe = match &process.exe {
            Copied::Whole(exe) | Copied::Truncated { text: exe, .. } => exe.lossy(),
            Copied::Unreadable { .. } => "?".into(),
        };
        let command = self.commands.get(&process.id).map_or("", String::as_str);
        Some(format!("process {} pid {} exe {exe} argv {command}", process.id, process.pid))
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
            self.of.entry(flow.id).or_insert_with(|| process.clone());
            return self.ready.push_back((told, Some(ProcessRef::clone(&process))));
        }
        if !self.ended {
            let own = Owners::own(flow);
            self.waiting.entry(own).or_default().push_back(told);
            self.order.push_back(own);
            return self.give_up();
        }
        let caller = self.owners.by_remote(flow);
        if let Some(caller) = &caller {
            flow.attribution = Attribution::Peer;
            self.of.entry(flow.id).or_insert_with(|| caller.clone());
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

/// A command line, as far as a comment has room for it.
fn command(argv: &[Copied]) -> String {
    let mut line = String::new();
    for word in argv {
        if let Copied::Whole(word) | Copied::Truncated { text: word, .. } = word {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&word.lossy());
        }
        if line.len() > COMMAND {
            let end = line.floor_char_boundary(COMMAND);
            line.truncate(end);
            line.push('…');
            break;
        }
    }
    line
}

/// The conversation that a fact is about.
fn flow(detail: &mut Detail) -> Option<&mut FlowRef> {
    match detail {
        Detail::NetworkDns { network } => Some(&mut network.flow),
        Detail::NetworkHttp { network } => Some(&mut network.flow),
        Detail::NetworkTls { network } => Some(&mut network.flow),
        Detail::NetworkFlow { network } => Some(&mut network.flow),
        Detail::BaitRead { bait } => bait.flow.as_deref_mut(),
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
