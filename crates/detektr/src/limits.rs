//! `--limit NAME=VALUE`.

use crate::units;
use detektr_detonate::Limits;

/// One limit, as given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LimitOption {
    /// Processors.
    Cpus(f64),
    /// Memory in bytes.
    Memory(u64),
    /// Processes and threads.
    Processes(u64),
    /// Bytes written to disk in all.
    Disk(u64),
    /// Bytes of any one file.
    FileSize(u64),
    /// Bytes of standard output and of standard error each.
    Output(u64),
}

impl std::str::FromStr for LimitOption {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("write NAME=VALUE, as in memory=512MiB")?;
        Ok(match name {
            "cpu" | "cpus" => LimitOption::Cpus(cpus(value)?),
            "memory" => LimitOption::Memory(units::size(value)?),
            "processes" => LimitOption::Processes(count(value)?),
            "disk" => LimitOption::Disk(units::size(value)?),
            "file-size" | "file_size" => LimitOption::FileSize(units::size(value)?),
            "output" => LimitOption::Output(units::size(value)?),
            other => {
                return Err(format!(
                    "there is no limit `{other}`; there are cpus, memory, processes, disk, file-size and output \
                     (time is --timeout)"
                ));
            }
        })
    }
}

impl LimitOption {
    /// Puts it into `limits`.
    pub fn apply(self, limits: &mut Limits) {
        match self {
            LimitOption::Cpus(cpus) => limits.cpus = cpus,
            LimitOption::Memory(bytes) => limits.memory = bytes,
            LimitOption::Processes(count) => limits.processes = count,
            LimitOption::Disk(bytes) => limits.disk = bytes,
            LimitOption::FileSize(bytes) => limits.file_size = bytes,
            LimitOption::Output(bytes) => limits.output = bytes,
        }
    }
}

fn cpus(value: &str) -> Result<f64, String> {
    match value.parse::<f64>() {
        Ok(cpus) if (0.01..=1024.0).contains(&cpus) => Ok(cpus),
        _ => Err("write a number of processors from 0.01 to 1024, as in cpus=1.5".into()),
    }
}

fn count(value: &str) -> Result<u64, String> {
    match value.parse::<u64>() {
        Ok(count) if (1..=4_194_304).contains(&count) => Ok(count),
        _ => Err("write a number of processes from 1 to 4194304".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_by_name() {
        for (text, limit) in [
            ("cpus=1.5", LimitOption::Cpus(1.5)),
            ("memory=512MiB", LimitOption::Memory(512 << 20)),
            ("processes=64", LimitOption::Processes(64)),
            ("disk=1GiB", LimitOption::Disk(1 << 30)),
            ("file-size=1MB", LimitOption::FileSize(1_000_000)),
            ("output=64KiB", LimitOption::Output(65_536)),
        ] {
            assert_eq!(text.parse(), Ok(limit));
        }
    }

    #[test]
    fn nonsense_limits_are_refused() {
        for text in [
            "memory",
            "memory=",
            "memory=0",
            "memory=-1",
            "cpus=0",
            "cpus=NaN",
            "cpus=inf",
            "processes=0",
            "processes=1.5",
            "speed=3",
            "=3",
            "",
        ] {
            assert!(text.parse::<LimitOption>().is_err(), "{text} was taken");
        }
    }
}
