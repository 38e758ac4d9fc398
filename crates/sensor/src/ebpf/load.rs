//! Loading and attaching: the committed object, the variants that this kernel's BTF calls for, the tables.

use super::kernel::{Config, KINDS, RUNS};
use super::refuse::{HOOK, Refusing};
use super::{specs, vsock};
use crate::{Description, Rings, SensorError};
use aya::maps::{Array, MapData, RingBuf};
use aya::programs::{BtfTracePoint, Program, RawTracePoint};
use aya::{Btf, Ebpf, EbpfLoader, VerifierLogLevel};
use aya_obj::btf::BtfKind;
use detektr_event::Kind;
use std::os::fd::AsFd;
use std::time::Instant;

static OBJECT: &[u8] = aya::include_bytes_aligned!("../../bpf/detektr.bpf.o");

/// Programs and the tracepoints that they go on.
const PROGRAMS: [(&str, &str); 8] = [
    ("on_task_newtask", "task_newtask"),
    ("on_exec", "sched_process_exec"),
    ("on_exit", "sched_process_exit"),
    ("on_sys_enter", "sys_enter"),
    ("on_sys_exit", "sys_exit"),
    ("on_signal", "signal_generate"),
    ("on_cgroup_attach", "cgroup_attach_task"),
    ("sentinel", ""),
];

/// Two programs for one tracepoint, whose arguments changed.
const COMPLETIONS: [&str; 2] = ["on_uring_complete_cqe", "on_uring_complete_res"];

/// The programs and maps, loaded.
pub(super) struct Loaded {
    pub bpf: Ebpf,
    pub config: Config,
    pub description: Description,
    /// Slots in use.
    pub slots: [bool; RUNS as usize],
    /// Empty rings of runs that ended, by slot, with their size: making a ring, and taking it out of the kernel's
    /// array, waits for every processor each time.
    pub rings: [Option<(u32, RingBuf<MapData>)>; RUNS as usize],
    /// The programs that must stay attached.
    pub attached: Vec<&'static str>,
    /// The wall against AF_VSOCK, where it is one that refuses.
    _refusing: Option<Refusing>,
}

fn unavailable(what: impl Into<String>, why: impl std::fmt::Display) -> SensorError {
    SensorError::Unavailable { what: what.into(), why: why.to_string() }
}

/// The error with all its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

impl Loaded {
    /// Loads all; with `refuse`, the wall against AF_VSOCK that refuses too, if the kernel takes it.
    pub fn new(refuse: bool) -> Result<Loaded, SensorError> {
        let began = Instant::now();
        // The loader parses the kernel's types for itself; the other copy, for the tracepoints' ids, is parsed
        // meanwhile.
        let (btf, loaded) = std::thread::scope(|scope| {
            let btf = scope.spawn(Btf::from_sys_fs);
            let cpus = possible_cpus();
            let loaded = EbpfLoader::new()
                .verifier_log_level(VerifierLogLevel::DISABLE)
                .map_max_entries("scratches", cpus * 2)
                .load(OBJECT);
            (btf.join(), loaded)
        });
        let btf = match btf {
            Ok(btf) => btf.map_err(|e| {
                unavailable(
                    "read the kernel's types",
                    format!("{}; a kernel with BTF (6.1 or newer) is needed", chain(&e)),
                )
            })?,
            Err(_) => return Err(unavailable("read the kernel's types", "the parser panicked")),
        };
        let mut bpf = loaded.map_err(|e| {
            unavailable(
                "load the BPF programs",
                format!("{}; root, or CAP_BPF and CAP_PERFMON, is needed", chain(&e)),
            )
        })?;
        let mut programs = PROGRAMS.to_vec();
        let mut limitations = limitations();
        match uring(&btf) {
            Some(both) => programs.extend(both),
            None => limitations
                .push("This kernel's io_uring tracepoints are unknown: operations are not seen.".to_owned()),
        }
        fill(&mut bpf)?;
        let wanted: std::collections::HashMap<&str, &str> = programs.iter().copied().collect();
        let mut results = Vec::new();
        std::thread::scope(|scope| {
            let threads: Vec<_> = bpf
                .programs_mut()
                .filter_map(|(name, program)| {
                    let tracepoint = *wanted.get(name)?;
                    let btf = &btf;
                    let name = name.to_owned();
                    Some(scope.spawn(move || (name, load(program, tracepoint, btf))))
                })
                .collect();
            results.extend(threads.into_iter().map(|t| t.join()));
        });
        for result in results {
            let (name, result) =
                result.map_err(|_| unavailable("load a BPF program", "the loader panicked"))?;
            let other =
                COMPLETIONS.iter().find(|other| COMPLETIONS.contains(&name.as_str()) && **other != name);
            let result = match (result, other) {
                (Err(why), Some(other)) => {
                    let second = bpf
                        .program_mut(other)
                        .ok_or_else(|| unavailable("load the io_uring program", why))?;
                    programs.retain(|(known, _)| *known != name);
                    programs.push((other, "io_uring_complete"));
                    load(second, "io_uring_complete", &btf)
                }
                (result, _) => result,
            };
            result.map_err(|why| unavailable(format!("load the BPF program {name}"), why))?;
        }
        let mut hooks = Vec::new();
        let mut attached = Vec::new();
        for (name, tracepoint) in programs.iter().filter(|(_, tracepoint)| !tracepoint.is_empty()) {
            let program: &mut BtfTracePoint = bpf
                .program_mut(name)
                .and_then(|p| p.try_into().ok())
                .ok_or_else(|| unavailable(format!("find the BPF program {name}"), "the object lacks it"))?;
            program
                .attach()
                .map_err(|e| unavailable(format!("attach to the tracepoint {tracepoint}"), chain(&e)))?;
            hooks.push(format!("tp_btf/{tracepoint}"));
            attached.push(*name);
        }
        let refusing = match refuse {
            true => Refusing::attach(&bpf, &btf),
            false => Err("not asked for".to_owned()),
        };
        let mut rings = Rings::Contained;
        let refusing = match refusing {
            Ok(refusing) => {
                hooks.push(HOOK.to_owned());
                Some(refusing)
            }
            Err(why) => {
                if vsock::exists() {
                    limitations.push(killing(&why));
                    rings = Rings::Leak(why);
                }
                None
            }
        };
        let kinds = [
            Kind::ProcessFork,
            Kind::ProcessExec,
            Kind::ProcessExit,
            Kind::FileWrite,
            Kind::ProcessSignal,
            Kind::KernelIoUring,
            Kind::ProcessNamespace,
        ];
        let config = Config {
            own_pid_ns: own_pid_namespace(),
            kinds: kinds.map(|kind| specs::kind_index(kind).into()),
            refuses: refusing.is_some().into(),
            ..Config::default()
        };
        let description = Description {
            name: "ebpf",
            hooks,
            limitations,
            load_us: began.elapsed().as_micros() as u64,
            rings,
        };
        let mut loaded = Loaded {
            bpf,
            config,
            description,
            slots: [false; RUNS as usize],
            rings: [const { None }; RUNS as usize],
            attached,
            _refusing: refusing,
        };
        loaded.put_config()?;
        Ok(loaded)
    }

    /// Writes `config` to the kernel.
    pub fn put_config(&mut self) -> Result<(), SensorError> {
        let config = self.config;
        self.array("config")?.set(0, config, 0).map_err(|e| SensorError::Lost(chain(&e)))
    }

    /// The array map `name`.
    pub fn array<V: aya::Pod>(
        &mut self,
        name: &str,
    ) -> Result<Array<&mut aya::maps::MapData, V>, SensorError> {
        let map =
            self.bpf.map_mut(name).ok_or_else(|| SensorError::Lost(format!("the map {name} is gone")))?;
        Array::try_from(map).map_err(|e| SensorError::Lost(format!("the map {name}: {}", chain(&e))))
    }

    /// How often a program was skipped because it ran already on its CPU.
    pub fn recursion_misses(&self) -> u64 {
        self.attached
            .iter()
            .filter_map(|name| self.bpf.program(name))
            .filter_map(|program| program.fd().ok())
            .filter_map(|fd| super::kernel::recursion_misses(fd.as_fd()).ok())
            .sum()
    }
}

fn load(program: &mut Program, tracepoint: &str, btf: &Btf) -> Result<(), String> {
    if tracepoint.is_empty() {
        let program: &mut RawTracePoint =
            program.try_into().map_err(|e| chain(&e as &aya::programs::ProgramError))?;
        return program.load().map_err(|e| chain(&e));
    }
    let program: &mut BtfTracePoint =
        program.try_into().map_err(|e| chain(&e as &aya::programs::ProgramError))?;
    program.load(tracepoint, btf).map_err(|e| chain(&e))
}

/// The programs for this kernel's io_uring tracepoints: the submission was `submit_sqe` until 6.3. The completion
/// gives the queue entry on newer kernels, its parts on older: the version is a guess, the verifier knows.
fn uring(btf: &Btf) -> Option<[(&'static str, &'static str); 2]> {
    let has = |name: &str| btf.id_by_type_name_kind(name, BtfKind::Typedef).is_ok();
    if !has("btf_trace_io_uring_complete") {
        return None;
    }
    let submit = if has("btf_trace_io_uring_submit_req") {
        ("on_uring_submit_req", "io_uring_submit_req")
    } else if has("btf_trace_io_uring_submit_sqe") {
        ("on_uring_submit_sqe", "io_uring_submit_sqe")
    } else {
        return None;
    };
    let complete = COMPLETIONS[usize::from(kernel_version() < (6, 14))];
    Some([submit, (complete, "io_uring_complete")])
}

fn kernel_version() -> (u32, u32) {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

fn fill(bpf: &mut Ebpf) -> Result<(), SensorError> {
    let map = bpf.map_mut("specs").ok_or_else(|| unavailable("find the map specs", "the object lacks it"))?;
    let mut specs = Array::try_from(map).map_err(|e| unavailable("open the map specs", chain(&e)))?;
    for (index, value) in specs::table().into_iter().enumerate() {
        if value.watched != 0 || value.io != 0 {
            specs.set(index as u32, value, 0).map_err(|e| unavailable("fill the map specs", chain(&e)))?;
        }
    }
    debug_assert!(Kind::ALL.len() < KINDS as usize);
    Ok(())
}

/// The inode of this process's pid namespace, 0 for the first one of the host.
fn own_pid_namespace() -> u32 {
    use std::os::unix::fs::MetadataExt;
    const FIRST: u64 = 0xEFFF_FFFC;
    let inode = std::fs::metadata("/proc/self/ns/pid").map_or(FIRST, |m| m.ino());
    if inode == FIRST { 0 } else { inode as u32 }
}

fn possible_cpus() -> u32 {
    let text = std::fs::read_to_string("/sys/devices/system/cpu/possible").unwrap_or_default();
    text.trim().rsplit([',', '-']).next().and_then(|n| n.parse::<u32>().ok()).map_or(1024, |n| n + 1)
}

/// What the wall against AF_VSOCK is where the kernel takes no program that refuses: the second one, behind a filter.
fn killing(why: &str) -> String {
    format!(
        "No program can refuse AF_VSOCK here ({why}): the ways to it that no filter can look into are shut whole, and an artifact that comes to it by one \
         that was opened for it is killed; one written to race its own death can then get a request of connection to the hypervisor."
    )
}

fn limitations() -> Vec<String> {
    [
        "A failed exec's arguments are copied at its return; pages that are not resident then are told as unreadable.",
        "An exec that is killed in the call has no arguments.",
        "A path call yields its string and its base; it is not resolved.",
        "Bytes written through io_uring are told by their operation, not by the file's sum.",
        "Paths longer than 4,096 bytes are cut, and told so.",
        "No fentry, LSM or kprobe program is used for what is seen, whether or not this kernel takes them.",
    ]
    .map(str::to_owned)
    .to_vec()
}
