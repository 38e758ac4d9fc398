//! What everything that answers shares.

use crate::authority::Authority;
use crate::clock::boot_ns;
use crate::flows::{Flows, Way};
use crate::internet::Settings;
use crate::leak::{Found, Scanner};
use crate::leaks::Leaks;
use crate::names::Names;
use crate::packet::Key;
use crate::recording::Recording;
use crate::services::{Certificates, Secrets};
use crate::told::{Content, Sink, Told};
use detektr_event::{BaitExfiltrated, BaitRead, Detail, FlowRef};
use sha2::{Digest, Sha256};
use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// The shared state of one internet. It lives on one thread.
pub(crate) struct Context {
    pub(crate) settings: Settings,
    pub(crate) authority: Arc<Authority>,
    pub(crate) names: RefCell<Names>,
    pub(crate) secrets: Arc<Secrets>,
    pub(crate) certificates: Certificates,
    pub(crate) recording: RefCell<Recording>,
    flows: RefCell<Flows>,
    pub(crate) leaks: RefCell<Leaks>,
    sink: Sink,
    /// Nobody listens any more.
    deaf: Cell<bool>,
    /// Nobody is left in the environment.
    ended: Cell<bool>,
    ending: Notify,
    misunderstood: Cell<u64>,
    randoms: Cell<u64>,
}

impl Context {
    pub(crate) fn new(
        settings: Settings,
        authority: Arc<Authority>,
        sink: Sink,
        recording: Recording,
    ) -> Context {
        Context {
            leaks: RefCell::new(Leaks::new(settings.baits.clone())),
            recording: RefCell::new(recording),
            settings,
            authority,
            names: RefCell::default(),
            secrets: Arc::default(),
            certificates: Certificates::default(),
            flows: RefCell::default(),
            sink,
            deaf: Cell::new(false),
            ended: Cell::new(false),
            ending: Notify::new(),
            misunderstood: Cell::new(0),
            randoms: Cell::new(0),
        }
    }

    /// Tells a fact.
    pub(crate) fn tell(&self, told: Told) {
        if !self.deaf.get() && self.sink.send(told).is_err() {
            self.deaf.set(true);
        }
    }

    /// Tells of something said in a conversation.
    pub(crate) fn tell_now(&self, detail: Detail) {
        self.tell_at(boot_ns(), detail, Vec::new());
    }

    /// Tells of something that began at `boot_ns`.
    pub(crate) fn tell_at(&self, boot_ns: u64, detail: Detail, contents: Vec<Content>) {
        self.tell(Told { boot_ns, detail, contents });
    }

    /// Nobody is left in the environment.
    pub(crate) fn end(&self) {
        self.ended.set(true);
        self.ending.notify_waiters();
    }

    /// Has an answer wait for `delay`; whether there may still be somebody who waits for it.
    pub(crate) async fn wait(&self, delay: Duration) -> bool {
        if !delay.is_zero() && !self.ended.get() {
            tokio::select! {
                biased;
                () = self.ending.notified() => {}
                () = tokio::time::sleep(delay) => {}
            }
        }
        delay.is_zero() || !self.ended.get()
    }

    /// A packet that is no IP, or broken.
    pub(crate) fn misunderstood(&self) {
        self.misunderstood.set(self.misunderstood.get() + 1);
    }

    pub(crate) fn misunderstood_count(&self) -> u64 {
        self.misunderstood.get()
    }

    /// A packet passed the device: it is captured, and counted to its conversation, if it has one.
    pub(crate) fn passed(&self, key: Option<&Key>, way: Way, packet: &[u8]) {
        let (flow, given_up) =
            key.map_or((0, None), |key| self.flows.borrow_mut().packet(key, way, packet.len()));
        self.recording.borrow_mut().packet(way, flow, packet);
        if let Some(told) = given_up {
            self.tell(told);
        }
    }

    /// Something was said in a conversation; baits are looked for in what left.
    pub(crate) fn said(&self, key: &Key, way: Way, bytes: &[u8]) {
        self.flows.borrow_mut().said(key, way, bytes);
        if way == Way::Out {
            let found = self.leaks.borrow_mut().left(key, bytes);
            self.exfiltrated(key, found);
        }
    }

    /// From here on, what passes the device in a conversation is not what is said.
    pub(crate) fn hides(&self, key: &Key) {
        self.leaks.borrow_mut().hides(key);
    }

    /// A name was asked for.
    pub(crate) fn asked(&self, key: &Key, name: &str) {
        let found = self.leaks.borrow_mut().asked(key, name);
        self.exfiltrated(key, found);
    }

    /// What looks through a stream that is part of a conversation.
    pub(crate) fn scanner(&self) -> Option<Scanner> {
        self.leaks.borrow_mut().scanner()
    }

    /// Something was found by such a scanner.
    pub(crate) fn found(&self, key: &Key, found: Vec<Found>) {
        let found = self.leaks.borrow_mut().found(key, found);
        self.exfiltrated(key, found);
    }

    fn exfiltrated(&self, key: &Key, found: Vec<Found>) {
        for Found { bait, encoding, .. } in found {
            let flow = Some(Box::new(self.reference(key)));
            self.tell_now(Detail::BaitExfiltrated { bait: BaitExfiltrated { bait, encoding, flow } });
        }
    }

    /// An answer is given to whoever asked for it: the baits in it are read.
    pub(crate) fn gives(&self, key: &Key, answer: &[u8]) {
        let inside =
            |value: &[u8]| !value.is_empty() && answer.windows(value.len()).any(|part| part == value);
        for (bait, _) in self.settings.baits.iter().filter(|(_, value)| inside(value)) {
            let flow = Some(Box::new(self.reference(key)));
            self.tell_now(Detail::BaitRead { bait: BaitRead { bait: bait.clone(), flow } });
        }
    }

    /// Names what speaks for the internet in a conversation.
    pub(crate) fn serves(&self, key: &Key, service: &'static str) {
        self.flows.borrow_mut().serves(key, service);
    }

    /// Whether there is such a conversation.
    pub(crate) fn is_open(&self, key: &Key) -> bool {
        self.flows.borrow().is_open(key)
    }

    /// Packets that a conversation was answered with.
    pub(crate) fn answered(&self, key: &Key) -> u64 {
        self.flows.borrow().answered(key)
    }

    /// The conversation as events name it.
    pub(crate) fn reference(&self, key: &Key) -> FlowRef {
        self.flows.borrow().reference(key)
    }

    /// A conversation ended.
    pub(crate) fn ends(&self, key: &Key, end: &'static str) {
        self.leaks.borrow_mut().ends(key);
        self.flows.borrow_mut().ends(key, end);
    }

    /// A connection is to begin, maybe with the ends of one that has ended.
    pub(crate) fn begins(&self, key: &Key) {
        let told = self.flows.borrow_mut().begins(key);
        told.into_iter().for_each(|told| self.tell(told));
    }

    /// What came in fragments belongs to a conversation: it begins here where there is none yet.
    pub(crate) fn continues(&self, key: &Key) {
        let (_, given_up) = self.flows.borrow_mut().packet(key, Way::Out, 0);
        given_up.into_iter().for_each(|told| self.tell(told));
    }

    /// Tells of conversations that had no packet since `idle_ns`, and of those that ended before `ended_ns`.
    pub(crate) fn end_idle(&self, idle_ns: u64, ended_ns: u64) {
        let told = self.flows.borrow_mut().sweep(idle_ns, ended_ns);
        for (key, told) in told {
            self.leaks.borrow_mut().ends(&key);
            self.tell(told);
        }
    }

    /// Ends all conversations.
    pub(crate) fn end_all(&self) {
        let told = self.flows.borrow_mut().finish();
        told.into_iter().for_each(|told| self.tell(told));
    }

    /// Whether the site file has this host and port refuse connections.
    pub(crate) fn refuses(&self, key: &Key) -> bool {
        let names = self.names.borrow();
        let (address, port) = key.remote;
        self.settings.site.refuses(names.of(address), address, port)
    }

    /// The name under which an address was asked for, else the address.
    pub(crate) fn name_of(&self, address: IpAddr) -> String {
        self.names.borrow().of(address).map_or_else(|| address.to_string(), str::to_owned)
    }

    /// A number that nobody can guess who doesn't know the run's seed.
    pub(crate) fn random(&self) -> u64 {
        let count = self.randoms.get();
        self.randoms.set(count + 1);
        let hash =
            Sha256::new().chain_update(self.settings.seed.to_le_bytes()).chain_update(count.to_le_bytes());
        let hash: [u8; 32] = hash.chain_update("internet").finalize().into();
        u64::from_le_bytes([hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]])
    }
}
