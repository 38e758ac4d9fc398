//! Which sensor watches: the one asked for, or the best that this host allows.

use crate::doors::starves_ia32;
use crate::request::SensorChoice;
use detektr_sensor::ebpf::EbpfSensor;
use detektr_sensor::ptrace::PtraceSensor;
use detektr_sensor::{Sensor, SensorError};

/// The loaded sensors of this process: each is loaded once, at its first use, for all detonations.
#[derive(Default)]
pub struct Sensors {
    ebpf: Option<Box<dyn Sensor>>,
    ptrace: Option<Box<dyn Sensor>>,
    only: Option<Box<dyn Sensor>>,
}

/// A chosen sensor, and why it was chosen where there was a choice.
pub struct Chosen<'a> {
    /// The sensor.
    pub sensor: &'a mut dyn Sensor,
    /// Why not a better one.
    pub why: Option<String>,
}

impl Sensors {
    /// One sensor, whatever is asked for.
    pub fn only(sensor: Box<dyn Sensor>) -> Self {
        Sensors { only: Some(sensor), ..Self::default() }
    }

    /// Whether something would have to be loaded for `choice`.
    pub fn is_first(&self, choice: SensorChoice) -> bool {
        self.only.is_none() && self.ebpf.is_none() && choice != SensorChoice::Ptrace
    }

    /// Loads what [`choose`](Sensors::choose) will need for `choice` at its first use, with a ring of `ring_bytes`. What
    /// fails is told there.
    pub fn prepare(&mut self, choice: SensorChoice, ring_bytes: u32) {
        if self.is_first(choice) && self.load_ebpf(true).is_ok() {
            let sensor = self.ebpf.as_deref_mut().expect("load_ebpf succeeded");
            sensor.prepare(ring_bytes);
        }
    }

    /// The sensor for `choice`. `cgroup` tells whether the environment has a cgroup v2, without which the BPF
    /// programs can't tell its processes from others.
    ///
    /// An `ia32` artifact is traced where the BPF programs can't keep it from AF_VSOCK but by giving it no socket at all.
    pub fn choose(
        &mut self,
        choice: SensorChoice,
        cgroup: bool,
        ia32: bool,
    ) -> Result<Chosen<'_>, SensorError> {
        if self.only.is_some() {
            let sensor = self.only.as_deref_mut().expect("checked above");
            return Ok(Chosen { sensor, why: None });
        }
        let refused = match choice {
            SensorChoice::Ptrace => None,
            SensorChoice::Ebpf | SensorChoice::Auto => match self.load_ebpf(cgroup) {
                Ok(()) => None,
                Err(error) if choice == SensorChoice::Auto => Some(format!("ebpf is not to be had: {error}")),
                Err(error) => return Err(error),
            },
        };
        let starved = || {
            let rings = self.ebpf.as_deref().map(|sensor| sensor.describe().rings).unwrap_or_default();
            (choice == SensorChoice::Auto && ia32 && starves_ia32(&rings)).then(|| {
                "under ebpf this 32-bit program would get no socket by socketcall, as no program in the kernel can refuse AF_VSOCK here".to_owned()
            })
        };
        let refused = refused.or_else(starved);
        if choice != SensorChoice::Ptrace && refused.is_none() {
            let sensor = self.ebpf.as_deref_mut().expect("load_ebpf succeeded");
            return Ok(Chosen { sensor, why: None });
        }
        if self.ptrace.is_none() {
            self.ptrace = Some(Box::new(PtraceSensor::new()?));
        }
        let sensor = self.ptrace.as_deref_mut().expect("made above");
        Ok(Chosen { sensor, why: refused })
    }

    fn load_ebpf(&mut self, cgroup: bool) -> Result<(), SensorError> {
        if !cgroup {
            return Err(SensorError::Unavailable {
                what: "watching by cgroup".into(),
                why: "the environment has no cgroup v2; mount one where Detektr may make folders".into(),
            });
        }
        if self.ebpf.is_none() {
            self.ebpf = Some(Box::new(EbpfSensor::load()?));
        }
        Ok(())
    }
}
