//! The times that `utime` and its like ask for, in the layout of each calling convention.

use super::call::Call;
use detektr_event::{Detail, FilePath, Utime};

const UTIME_NOW: i64 = (1 << 30) - 1;
const UTIME_OMIT: i64 = (1 << 30) - 2;

/// The event of a call that sets times.
pub(super) fn decode(call: &Call<'_>) -> Detail {
    let (path, position): (FilePath, usize) = match call.name {
        "utime" | "utimes" => (call.path(0, 0), 2),
        "futimesat" => (at_or_descriptor(call, 0), 2),
        _ => (at_or_descriptor(call, u64::from(call.uint(3))), 2),
    };
    let bytes = call.bytes(position).unwrap_or(&[]);
    // 32-bit words natively only in the calls of old 32-bit programs.
    let word = if call.ia32() && call.name != "utimensat_time64" { 4 } else { 8 };
    let at = |index: usize| -> Option<i64> {
        let bytes = bytes.get(index * word..(index + 1) * word)?;
        Some(match word {
            4 => i64::from(i32::from_le_bytes(bytes.try_into().ok()?)),
            _ => i64::from_le_bytes(bytes.try_into().ok()?),
        })
    };
    let time = |which: usize| -> Option<i64> {
        match call.name {
            "utime" => at(which)?.checked_mul(1_000_000_000),
            "utimes" | "futimesat" => {
                let micros = at(2 * which + 1)?.checked_mul(1000)?;
                at(2 * which)?.checked_mul(1_000_000_000)?.checked_add(micros)
            }
            _ => {
                let nanos = at(2 * which + 1)?;
                // The upper half is padding for 32-bit programs.
                let nanos = if call.ia32() { nanos & 0xffff_ffff } else { nanos };
                if nanos == UTIME_NOW || nanos == UTIME_OMIT {
                    return None;
                }
                at(2 * which)?.checked_mul(1_000_000_000)?.checked_add(nanos)
            }
        }
    };
    Detail::FileUtime { file: Utime { path, times: [time(0), time(1)] } }
}

/// A null path means the descriptor itself.
fn at_or_descriptor(call: &Call<'_>, flags: u64) -> FilePath {
    let flags = if call.arg(1) == 0 { flags | 0x1000 } else { flags };
    call.path_at(0, 0, flags)
}
