//! `CapabilityBoundingSet=` and `AmbientCapabilities=`: lists that add up, `~` for all but those, an empty one for a
//! new beginning.

use super::words::{Wrong, list};
use crate::controls::capabilities;

/// A set as several assignments make it; none where nothing was assigned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Set(Option<u64>);

impl Set {
    /// Takes one assignment.
    pub(super) fn assign(&mut self, value: &str) -> Result<(), Wrong> {
        let (inverted, names) = match value.strip_prefix('~') {
            Some(names) => (true, names),
            None => (false, value),
        };
        let mut bits = 0;
        for name in list(names) {
            let number = name.starts_with("CAP_").then(|| capabilities::number(&name)).flatten();
            let number = number.ok_or_else(|| {
                (format!("`{name}` is no capability"), "write the names of capabilities(7)".to_owned())
            })?;
            bits |= 1u64 << number;
        }
        self.0 = Some(match (inverted, bits, self.0) {
            (_, 0, _) => {
                if inverted {
                    capabilities::ALL
                } else {
                    0
                }
            }
            (false, _, before) => before.unwrap_or(0) | bits,
            (true, _, before) => before.unwrap_or(capabilities::ALL) & !bits,
        });
        Ok(())
    }

    /// The set, where one was assigned.
    pub(super) fn get(self) -> Option<u64> {
        self.0
    }
}

/// The names of the bits.
pub(super) fn names(bits: u64) -> Vec<String> {
    (0..64).filter(|number| bits >> number & 1 == 1).map(|number| capabilities::name(number as u8)).collect()
}
