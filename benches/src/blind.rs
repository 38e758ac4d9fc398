//! A sensor that sees nothing: the same sandbox without the cost of watching.

use detektr_sensor::raw::Raw;
use detektr_sensor::{Closing, Description, Sensor, SensorError, Target, Watching};
use std::sync::mpsc::SyncSender;

/// The sensor.
pub struct Blind;

struct Dark;

impl Sensor for Blind {
    fn describe(&self) -> Description {
        Description { name: "none", ..Description::default() }
    }
    fn launch_filter(&self, _: bool) -> Option<Vec<(u16, u8, u8, u32)>> {
        None
    }
    fn watch(&mut self, _: Target, _: SyncSender<Vec<Raw>>) -> Result<Box<dyn Watching>, SensorError> {
        Ok(Box::new(Dark))
    }
}

impl Watching for Dark {
    fn adopt(&mut self, _: u32) -> Result<(), SensorError> {
        Ok(())
    }
    fn health(&mut self) -> Result<(), SensorError> {
        Ok(())
    }
    fn finish(self: Box<Self>) -> Closing {
        Closing::default()
    }
}
