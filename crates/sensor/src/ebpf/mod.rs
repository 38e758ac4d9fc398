//! The `ebpf` sensor: programs on BTF tracepoints (`bpf/detektr.bpf.c`), loaded once, a ring for each run.
//!
//! User space fills the tables that say which calls are told and what is taken of each (`specs`), the kernel
//! puts records into the run's ring without waking anybody (`wire`), and a reader thread polls the ring,
//! joins what belongs together (`merge`) and hands it on. Where it can't keep up, the environment waits (`pace`).

mod extras;
mod hook;
#[cfg(test)]
mod hostile;
mod kernel;
mod load;
mod merge;
mod object;
mod pace;
mod reader;
mod refuse;
mod specs;
mod strings;
mod vsock;
mod watch;
mod wire;

pub use extras::{Extra, extras};

use crate::{Description, Sensor, SensorError, Target, Watching, raw::Raw};
use load::Loaded;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex};

/// The sensor, loaded and attached; dropping it (and every watch of it) detaches all.
pub struct EbpfSensor {
    loaded: Arc<Mutex<Loaded>>,
    description: Description,
}

impl EbpfSensor {
    /// Loads and attaches the programs. AF_VSOCK is refused where the kernel takes a program that does; else who comes
    /// to it in spite of the sandbox's own filter is killed.
    pub fn load() -> Result<EbpfSensor, SensorError> {
        EbpfSensor::load_with(true)
    }

    /// The same as if the kernel took no program that refuses.
    #[doc(hidden)]
    pub fn load_to_kill() -> Result<EbpfSensor, SensorError> {
        EbpfSensor::load_with(false)
    }

    fn load_with(refuse: bool) -> Result<EbpfSensor, SensorError> {
        let loaded = Loaded::new(refuse)?;
        let description = loaded.description.clone();
        Ok(EbpfSensor { loaded: Arc::new(Mutex::new(loaded)), description })
    }
}

impl Sensor for EbpfSensor {
    fn describe(&self) -> Description {
        self.description.clone()
    }

    fn launch_filter(&self, _observe_stat: bool) -> Option<Vec<(u16, u8, u8, u32)>> {
        None
    }

    fn prepare(&mut self, ring_bytes: u32) {
        watch::prepare(&self.loaded, ring_bytes);
    }

    fn watch(
        &mut self,
        target: Target,
        sink: SyncSender<Vec<Raw>>,
    ) -> Result<Box<dyn Watching>, SensorError> {
        Ok(Box::new(watch::Watch::begin(Arc::clone(&self.loaded), target, sink)?))
    }
}
