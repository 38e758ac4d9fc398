//! The table of watched calls by number.

use crate::calls::{self, CallSpec};
use crate::raw::Abi;
use std::sync::OnceLock;

/// One more than the highest number of either table.
const NUMBERS: u32 = 1024;

/// The watched call with number `nr` of `abi`; the same as [`calls::spec`], without the search.
pub(super) fn find(abi: Abi, nr: u32) -> Option<&'static CallSpec> {
    static NATIVE: OnceLock<Vec<Option<&'static CallSpec>>> = OnceLock::new();
    static X32: OnceLock<Vec<Option<&'static CallSpec>>> = OnceLock::new();
    static IA32: OnceLock<Vec<Option<&'static CallSpec>>> = OnceLock::new();
    let table = match abi {
        Abi::X86_64 => &NATIVE,
        Abi::X32 => &X32,
        Abi::I386 => &IA32,
    };
    let table = table.get_or_init(|| (0..NUMBERS).map(|nr| calls::spec(abi, nr)).collect());
    table.get(nr as usize).copied().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_watched_call_has_a_number_somewhere() {
        for call in calls::CALLS {
            let found = [Abi::X86_64, Abi::I386]
                .into_iter()
                .any(|abi| (0..NUMBERS).any(|nr| find(abi, nr).is_some_and(|found| found.name == call.name)));
            assert!(found, "{} is in neither table", call.name);
        }
    }

    #[test]
    fn the_tables_stand_at_the_kernels_numbers() {
        let name = |abi, nr| find(abi, nr).map(|spec| spec.name);
        assert_eq!(name(Abi::X86_64, 257), Some("openat"));
        assert_eq!(name(Abi::I386, 5), Some("open"));
        assert_eq!(name(Abi::I386, 102), Some("socketcall"));
        assert_eq!(name(Abi::I386, 412), Some("utimensat_time64"));
        assert_eq!(name(Abi::X32, 257), Some("openat"));
        assert_eq!(name(Abi::X32, 520), Some("execve"));
        assert_eq!(name(Abi::X86_64, 520), None);
        assert_eq!(name(Abi::X86_64, 0), None);
        assert_eq!(name(Abi::X86_64, u32::MAX), None);
    }
}
