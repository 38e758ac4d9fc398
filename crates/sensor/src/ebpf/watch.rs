//! The watch over one environment: its cgroup, its ring, its slot in the programs' maps.

use super::kernel::{Count, KINDS, LEVELS, RUNS, Run, clear_slot};
use super::load::Loaded;
use super::pace::Pace;
use super::reader::{Seen, Shared, read};
use crate::raw::{Birth, Body, Raw};
use crate::{Closing, Counts, Hole, SensorError, Target, Watching};
use aya::maps::{ArrayOfMaps, HashMap, MapData, RingBuf};
use aya::programs::{RawTracePoint, RawTracePointRunOptions, TestRun};
use detektr_event::Kind;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long the end waits for the sentinel.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Watch {
    loaded: Arc<Mutex<Loaded>>,
    slot: u32,
    cgroup: u64,
    shared: Arc<Shared>,
    reader: Option<JoinHandle<(Seen, RingBuf<MapData>)>>,
    ring_bytes: u32,
    sink: Option<SyncSender<Vec<Raw>>>,
    misses_before: u64,
}

fn lost(what: &str, why: impl std::fmt::Display) -> SensorError {
    SensorError::Lost(format!("{what}: {why}"))
}

fn lock(loaded: &Mutex<Loaded>) -> MutexGuard<'_, Loaded> {
    loaded.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Loaded {
    /// Makes a ring of `bytes` (a power of two) and puts it into `slot`.
    fn new_ring(&mut self, slot: u32, bytes: u32) -> Result<RingBuf<MapData>, SensorError> {
        const RINGBUF: u32 = 27;
        let definition = aya_obj::Map::new_from_params(RINGBUF, 0, 0, bytes, 0);
        let ring = MapData::create(definition, "ring", None).map_err(|e| SensorError::Unavailable {
            what: format!("make a ring of {bytes} bytes"),
            why: e.to_string(),
        })?;
        let map = self.bpf.map_mut("rings").ok_or_else(|| lost("find the rings", "the map is gone"))?;
        let mut rings: ArrayOfMaps<_, MapData> = map.try_into().map_err(|e| lost("open the rings", e))?;
        rings.set(slot, &ring, 0).map_err(|e| lost("give the run its ring", e))?;
        RingBuf::try_from(aya::maps::Map::RingBuf(ring)).map_err(|e| lost("map the ring", e))
    }
}

/// The size of a ring that is asked for with so many bytes.
fn ring_size(bytes: u32) -> u32 {
    bytes.max(4096).next_power_of_two()
}

/// Puts a ring by for the first watch: giving one to the programs waits for every processor.
pub(super) fn prepare(loaded: &Mutex<Loaded>, bytes: u32) {
    let mut guard = lock(loaded);
    let this = &mut *guard;
    let bytes = ring_size(bytes);
    if !this.slots[0] && this.rings[0].is_none() {
        // one that can't be made is told of by whoever needs it
        this.rings[0] = this.new_ring(0, bytes).ok().map(|ring| (bytes, ring));
    }
}

impl Watch {
    pub fn begin(
        loaded: Arc<Mutex<Loaded>>,
        target: Target,
        sink: SyncSender<Vec<Raw>>,
    ) -> Result<Watch, SensorError> {
        let cgroup = target.cgroup.ok_or_else(|| SensorError::Unavailable {
            what: "watch the environment".into(),
            why: "it has no cgroup v2 of its own; mount cgroup2, or use the ptrace sensor".into(),
        })?;
        let (id, level) = place(&cgroup)?;
        let pid_namespace = std::fs::metadata(format!("/proc/self/fd/{}", target.pid_namespace.as_raw_fd()))
            .map_err(|e| lost("look at the pid namespace", e))?
            .ino();
        let ring_bytes = ring_size(target.ring_bytes);
        let mut guard = lock(&loaded);
        let this = &mut *guard;
        let free = |slot: &usize| !this.slots[*slot];
        let pooled = |slot: &usize| this.rings[*slot].as_ref().is_some_and(|(bytes, _)| *bytes == ring_bytes);
        let mut candidates = (0..this.slots.len()).filter(free);
        let slot = candidates.clone().find(pooled).or_else(|| candidates.next()).ok_or_else(|| {
            SensorError::Unavailable {
                what: "watch one more environment".into(),
                why: format!("{RUNS} are watched at once already"),
            }
        })? as u32;
        let own_level = !this.config.levels.contains(&level);
        if own_level {
            let Some(free) = this.config.levels.iter().position(|l| *l == 0) else {
                return Err(SensorError::Unavailable {
                    what: "watch one more environment".into(),
                    why: format!("cgroups at {LEVELS} different depths are watched already"),
                });
            };
            this.config.levels[free] = level;
        }
        let run =
            Run { pid_ns: pid_namespace as u32, observe_stat: target.observe_stat.into(), ..Run::default() };
        this.array("runs")?.set(slot, run, 0).map_err(|e| lost("set up the run", e))?;
        this.array("doom")?.set(slot, 0u32, 0).map_err(|e| lost("set up the wall", e))?;
        let mut counts = this.array("counts")?;
        for kind in 0..KINDS {
            counts
                .set(slot * KINDS + kind, Count::default(), 0)
                .map_err(|e| lost("set the counts to 0", e))?;
        }
        let ring = match this.rings[slot as usize].take() {
            Some((bytes, ring)) if bytes == ring_bytes => ring,
            _ => this.new_ring(slot, ring_bytes)?,
        };
        // a kernel before 5.2 can't pause a cgroup: records that find no room are lost then, and counted
        let pace = Pace::of(&ring, ring_bytes, &cgroup).ok();
        let shared = Arc::new(Shared::default());
        shared.alive.store(true, Ordering::Release);
        let reader = {
            let (shared, sink) = (Arc::clone(&shared), sink.clone());
            std::thread::Builder::new()
                .name(format!("ring-{slot}"))
                .spawn(move || read(ring, sink, &shared, pace))
                .map_err(|e| lost("start the reader", e))?
        };
        let misses_before = this.recursion_misses();
        let map = this.bpf.map_mut("cgroups").ok_or_else(|| lost("find the cgroups", "the map is gone"))?;
        let mut cgroups: HashMap<_, u64, u32> = map.try_into().map_err(|e| lost("open the cgroups", e))?;
        cgroups.insert(id, slot, 0).map_err(|e| lost("enter the cgroup", e))?;
        this.slots[slot as usize] = true;
        this.config.active += 1;
        this.put_config()?;
        drop(guard);
        Ok(Watch {
            loaded,
            slot,
            cgroup: id,
            shared,
            reader: Some(reader),
            ring_bytes,
            sink: Some(sink),
            misses_before,
        })
    }

    /// Waits until the reader has emptied the ring once more.
    fn drain(&self) {
        let target = self.shared.drained.load(Ordering::Acquire) + 2;
        let until = Instant::now() + Duration::from_secs(2);
        while self.shared.drained.load(Ordering::Acquire) < target && Instant::now() < until {
            if let Some(reader) = &self.reader {
                reader.thread().unpark();
            }
            std::thread::yield_now();
        }
    }

    /// Ends the watch in the kernel, asks for the sentinel, and waits for the reader to come to it.
    fn close(&mut self) -> Closing {
        let Some(reader) = self.reader.take() else { return Closing::default() };
        let mut holes = Vec::new();
        {
            let mut guard = lock(&self.loaded);
            if let Some(map) = guard.bpf.map_mut("cgroups")
                && let Ok(mut cgroups) = HashMap::<_, u64, u32>::try_from(map)
            {
                let _ = cgroups.remove(&self.cgroup);
            }
        }
        // a full ring has room again once the reader went on
        let until = Instant::now() + PATIENCE;
        let mut told = self.tell_the_end();
        while told == Some(false) && Instant::now() < until {
            reader.thread().unpark();
            std::thread::yield_now();
            told = self.tell_the_end();
        }
        if told != Some(true) {
            self.shared.stop.store(true, Ordering::Release);
        }
        reader.thread().unpark();
        self.sink = None;
        let (seen, ring) = reader.join().ok().unzip();
        let mut guard = lock(&self.loaded);
        let this = &mut *guard;
        let run: Run = this.array("runs").ok().and_then(|a| a.get(&self.slot, 0).ok()).unwrap_or_default();
        let doom: Option<u32> = this.array("doom").ok().and_then(|a| a.get(&self.slot, 0).ok());
        let mut ledger = std::collections::BTreeMap::new();
        let mut dropped = 0;
        if let Ok(counts) = this.array::<Count>("counts") {
            for kind in 0..KINDS {
                let count = counts.get(&(self.slot * KINDS + kind), 0).unwrap_or_default();
                dropped += count.dropped;
                let Some(named) = Kind::ALL.get(kind as usize) else { continue };
                let received = seen.as_ref().map_or(0, |s| s.received[kind as usize]);
                if count.attempted != 0 || received != 0 {
                    let Count { attempted, emitted, dropped } = count;
                    ledger.insert(*named, Counts { attempted, emitted, dropped, received });
                }
            }
        }
        let of_the_run: u64 = ledger.values().map(|c| c.dropped).sum();
        if of_the_run > 0 {
            holes.push(Hole {
                reason: "ring_full",
                detail: format!("{of_the_run} records found the ring full"),
            });
        }
        if run.map_full > 0 {
            let detail = format!("{} things found a table of the sensor full", run.map_full);
            holes.push(Hole { reason: "map_full", detail });
        }
        let misses = this.recursion_misses().saturating_sub(self.misses_before);
        if misses > 0 {
            let detail = format!("programs were skipped {misses} times because they ran already on that CPU");
            holes.push(Hole { reason: "recursion_miss", detail });
        }
        match &seen {
            None => {
                holes.push(Hole { reason: "sensor_lost", detail: "the reader of the ring panicked".into() })
            }
            Some(seen) => {
                match seen.sentinel {
                    None => {
                        let detail = "the last record never came out of the ring".into();
                        holes.push(Hole { reason: "no_sentinel", detail });
                    }
                    Some(last) if seen.records + dropped != last + 1 => {
                        let detail = format!(
                            "{} records were numbered, {} came out and {dropped} were dropped",
                            last + 1,
                            seen.records
                        );
                        holes.push(Hole { reason: "sequence_gap", detail });
                    }
                    Some(_) => {}
                }
                if seen.malformed > 0 {
                    let detail = format!("{} records could not be read", seen.malformed);
                    holes.push(Hole { reason: "sequence_gap", detail });
                }
            }
        }
        // with its sentinel read a ring is empty, and as good as new
        let again = ring.filter(|_| seen.as_ref().is_some_and(|s| s.sentinel.is_some()));
        self.release(this, again);
        Closing {
            ledger,
            holes,
            pauses: seen.as_ref().map(|s| s.pauses).unwrap_or_default(),
            sentinel: seen.is_some_and(|s| s.sentinel.is_some()),
            killed_for_vsock: doom.is_some_and(|doom| doom != 0),
        }
    }

    /// Puts the sentinel into the ring; `Some(false)` where it was full, `None` where the program can't be run.
    fn tell_the_end(&self) -> Option<bool> {
        let guard = lock(&self.loaded);
        let program: &RawTracePoint = guard.bpf.program("sentinel")?.try_into().ok()?;
        let mut options = RawTracePointRunOptions::new();
        options.args[0] = self.slot.into();
        program.test_run(options).ok().map(|result| result.return_value == 0)
    }

    fn release(&self, this: &mut Loaded, ring: Option<RingBuf<MapData>>) {
        if let Some(ring) = ring {
            this.rings[self.slot as usize] = Some((self.ring_bytes, ring));
        } else if let Some(aya::maps::Map::ArrayOfMaps(map)) = this.bpf.map("rings") {
            let _ = clear_slot(map.fd().as_fd(), self.slot);
        }
        this.slots[self.slot as usize] = false;
        this.config.active = this.config.active.saturating_sub(1);
        if this.config.active == 0 {
            this.config.levels = [0; LEVELS];
        }
        let _ = this.put_config();
    }
}

impl Watching for Watch {
    fn adopt(&mut self, pid: u32) -> Result<(), SensorError> {
        self.drain();
        if self.shared.born.lock().is_ok_and(|born| born.contains(&pid)) {
            return Ok(());
        }
        let birth = birth_from_proc(pid).map_err(|e| lost("look at the launcher", e))?;
        if let Some(sink) = &self.sink {
            sink.send(vec![birth]).map_err(|_| lost("tell the launcher's birth", "nobody listens"))?;
        }
        Ok(())
    }

    fn health(&mut self) -> Result<(), SensorError> {
        if !self.shared.alive.load(Ordering::Acquire) {
            return Err(SensorError::Lost("the reader of the ring has ended".into()));
        }
        let guard = lock(&self.loaded);
        for name in &guard.attached {
            let program = guard.bpf.program(name).and_then(|p| p.fd().ok());
            if program.is_none() {
                return Err(SensorError::Lost(format!("the program {name} is gone")));
            }
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Closing {
        self.close()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if self.reader.is_some() {
            self.close();
        }
    }
}

/// The id and the level of a cgroup by its folder.
fn place(cgroup: &Path) -> Result<(u64, u32), SensorError> {
    let failed = |why: String| SensorError::Unavailable {
        what: format!("watch the cgroup {}", cgroup.display()),
        why,
    };
    let folder = cgroup.canonicalize().map_err(|e| failed(e.to_string()))?;
    let id = folder.metadata().map_err(|e| failed(e.to_string()))?.ino();
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").map_err(|e| failed(e.to_string()))?;
    let levels = mounts
        .lines()
        .filter_map(|line| {
            let (left, right) = line.split_once(" - ")?;
            let mut fields = left.split(' ').skip(3);
            let (root, mount_point) = (fields.next()?, fields.next()?);
            if !right.starts_with("cgroup2 ") {
                return None;
            }
            let below = folder.strip_prefix(mount_point).ok()?;
            let above = root.split('/').filter(|part| !part.is_empty()).count();
            Some((above + below.components().count()) as u32)
        })
        .next_back();
    match levels {
        Some(level) if level > 0 => Ok((id, level)),
        Some(_) => Err(failed("it is the root: everything would be watched".into())),
        None => Err(failed("it lies on no cgroup v2 file system".into())),
    }
}

/// The birth of a process that no hook told, from `/proc`.
fn birth_from_proc(pid: u32) -> std::io::Result<Raw> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let number = |key: &str| -> Option<u32> {
        status.lines().find_map(|l| l.strip_prefix(key))?.split_whitespace().last()?.parse().ok()
    };
    let ticks: u64 = stat
        .rsplit_once(')')
        .and_then(|(_, rest)| rest.split_whitespace().nth(19))
        .and_then(|n| n.parse().ok())
        .unwrap_or(0);
    // SAFETY: sysconf reads no memory of ours.
    let per_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) }.max(1) as u64;
    let parent = number("PPid:").unwrap_or(0);
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a live timespec.
    unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &raw mut now) };
    Ok(Raw {
        boot_ns: now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64,
        tgid: parent,
        tid: parent,
        euid: None,
        body: Body::Birth(Birth {
            tgid: pid,
            tid: pid,
            env_tgid: number("NStgid:").unwrap_or(0),
            env_tid: number("NSpid:").unwrap_or(0),
            start_ns: ticks * (1_000_000_000 / per_second),
            flags: 0,
            io_worker: false,
        }),
    })
}
