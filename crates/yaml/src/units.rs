//! Sizes (`512MiB`) and times (`1m30s`) as people write them.

use std::time::Duration;

const SIZES: &[(&str, u64)] = &[
    ("", 1),
    ("b", 1),
    ("k", 1 << 10),
    ("kib", 1 << 10),
    ("kb", 1_000),
    ("m", 1 << 20),
    ("mib", 1 << 20),
    ("mb", 1_000_000),
    ("g", 1 << 30),
    ("gib", 1 << 30),
    ("gb", 1_000_000_000),
    ("t", 1 << 40),
    ("tib", 1 << 40),
    ("tb", 1_000_000_000_000),
];

/// Milliseconds of each unit; a bare number is seconds.
const TIMES: &[(&str, u64)] = &[
    ("", 1_000),
    ("ms", 1),
    ("s", 1_000),
    ("sec", 1_000),
    ("m", 60_000),
    ("min", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// Bytes of a size: `4096`, `64KiB`, `1.5GiB`, `10MB` (powers of 1,000). `None` where it is none.
pub fn size(text: &str) -> Option<u64> {
    let (number, unit) = split(text.trim());
    scaled(number, factor(unit, SIZES)?)
}

/// A time: `30` (seconds), `500ms`, `2m`, `1m30s`. `None` where it is none.
pub fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total = 0u64;
    loop {
        let (number, tail) = split(rest);
        let end = tail.find(|letter: char| letter.is_ascii_digit()).unwrap_or(tail.len());
        total = total.checked_add(scaled(number, factor(tail[..end].trim(), TIMES)?)?)?;
        rest = &tail[end..];
        if rest.is_empty() {
            return Some(Duration::from_millis(total));
        }
    }
}

fn split(text: &str) -> (&str, &str) {
    text.split_at(text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len()))
}

fn factor(unit: &str, units: &[(&str, u64)]) -> Option<u64> {
    let unit = unit.trim().to_ascii_lowercase();
    units.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor)
}

/// `number` times `factor`, in whole numbers where `number` has no fraction.
fn scaled(number: &str, factor: u64) -> Option<u64> {
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(factor);
    }
    let (whole, fraction) = number.split_once('.')?;
    if whole.is_empty() || fraction.is_empty() || fraction.len() > 9 {
        return None;
    }
    let scale = 10u128.pow(u32::try_from(fraction.len()).ok()?);
    let digits: u128 = whole.parse::<u128>().ok()?.checked_mul(scale)?.checked_add(fraction.parse().ok()?)?;
    u64::try_from(digits.checked_mul(u128::from(factor))? / scale).ok()
}
