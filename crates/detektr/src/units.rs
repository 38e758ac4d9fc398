//! Sizes (`512MiB`) and durations (`1m30s`) as people write them on the command line.

use std::time::Duration;

/// Factors of the units of size.
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

/// Milliseconds of the units of time; a bare number is seconds.
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

/// The longest time limit that is taken.
const LONGEST: Duration = Duration::from_secs(7 * 86_400);

/// A size in bytes: `4096`, `64KiB`, `1.5GiB`, `10MB` (powers of 1,000), `10M` (as `10MiB`). Never zero.
pub fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text.trim());
    let factor = factor(unit, SIZES)
        .ok_or_else(|| format!("`{unit}` is no unit of size; use B, KiB, MiB, GiB or TiB, as in 512MiB"))?;
    match scaled(number, factor) {
        Some(0) => Err("a size of zero makes no sense here".into()),
        Some(bytes) => Ok(bytes),
        None => Err("not a size; write a number and a unit, as in 512MiB".into()),
    }
}

/// A time: `30`, `30s`, `500ms`, `2m`, `1h30m`. Never zero, and at most 7 days.
pub fn duration(text: &str) -> Result<Duration, String> {
    let mut rest = text.trim();
    let mut total = 0u64;
    let wrong = || "not a time; write a number and a unit, as in 30s, 2m or 1m30s".to_owned();
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let (number, tail) = split(rest);
        let end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, next) = tail.split_at(end);
        let factor = factor(unit, TIMES)
            .ok_or_else(|| format!("`{unit}` is no unit of time; use ms, s, m, h or d, as in 30s"))?;
        total = scaled(number, factor).and_then(|ms| total.checked_add(ms)).ok_or_else(wrong)?;
        rest = next;
    }
    match Duration::from_millis(total) {
        Duration::ZERO => Err("a time of zero makes no sense here".into()),
        time if time > LONGEST => Err("longer than 7 days".into()),
        time => Ok(time),
    }
}

/// `1.5 KiB`: a size for people.
pub fn show_size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    let mut value = bytes;
    while value >= 1024 * 1024 && unit + 2 < UNITS.len() {
        value /= 1024;
        unit += 1;
    }
    if value < 1024 {
        return format!("{value} {}", UNITS[unit]);
    }
    // one decimal, by integers: tenths of the next unit
    let tenths = value * 10 / 1024;
    match tenths % 10 {
        0 => format!("{} {}", tenths / 10, UNITS[unit + 1]),
        decimal => format!("{}.{decimal} {}", tenths / 10, UNITS[unit + 1]),
    }
}

/// `1.234 s`, `2 m 5 s`: a time for people.
pub fn show_duration(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{} ms", time.as_millis()),
        seconds @ 1..60 => format!("{seconds}.{:01} s", time.subsec_millis() / 100),
        seconds => format!("{} m {} s", seconds / 60, seconds % 60),
    }
}

fn split(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len()))
}

fn factor(unit: &str, units: &[(&str, u64)]) -> Option<u64> {
    let unit = unit.trim().to_ascii_lowercase();
    units.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor)
}

/// `number` (digits, perhaps with a decimal part) times `factor`, rounded down.
fn scaled(number: &str, factor: u64) -> Option<u64> {
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || (number.contains('.') && decimals.is_empty()) || decimals.len() > 9 {
        return None;
    }
    let whole = whole.parse::<u64>().ok()?.checked_mul(factor)?;
    let part = match decimals {
        "" => 0,
        digits => {
            let scale = 10u128.pow(u32::try_from(digits.len()).ok()?);
            u64::try_from(digits.parse::<u128>().ok()? * u128::from(factor) / scale).ok()?
        }
    };
    whole.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_units() {
        for (text, bytes) in [
            ("1", 1),
            ("4096", 4096),
            ("64KiB", 65_536),
            ("64k", 65_536),
            ("512MiB", 536_870_912),
            ("10MB", 10_000_000),
            ("1.5GiB", 1_610_612_736),
            ("1 GiB", 1 << 30),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn nonsense_sizes_are_refused() {
        for text in
            ["", "0", "-1", "MiB", "12XB", "1.", ".5G", "99999999999999TiB", "1e9", "0.0001B", "1.2.3M"]
        {
            assert!(size(text).is_err(), "{text} was taken: {:?}", size(text));
        }
    }

    #[test]
    fn times_are_read_with_their_units() {
        for (text, ms) in [
            ("30", 30_000),
            ("30s", 30_000),
            ("500ms", 500),
            ("1m30s", 90_000),
            ("1.5s", 1_500),
            ("2h", 7_200_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn nonsense_times_are_refused() {
        for text in [
            "",
            "0",
            "0s",
            "-5s",
            "soon",
            "5 fortnights",
            "8d",
            "1e3s",
            "s",
            "99999999999999999999s",
            "inf",
            "NaN",
        ] {
            assert!(duration(text).is_err(), "{text} was taken: {:?}", duration(text));
        }
    }

    #[test]
    fn sizes_are_shown_in_the_largest_fitting_unit() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1536, "1.5 KiB"),
            (1 << 20, "1 MiB"),
            (10 << 20, "10 MiB"),
            (1 << 30, "1 GiB"),
            (u64::MAX, "16777215.9 TiB"),
        ] {
            assert_eq!(show_size(bytes), text);
        }
    }

    #[test]
    fn times_are_shown_short() {
        for (ms, text) in [(5, "5 ms"), (1_234, "1.2 s"), (125_000, "2 m 5 s")] {
            assert_eq!(show_duration(Duration::from_millis(ms)), text);
        }
    }
}
