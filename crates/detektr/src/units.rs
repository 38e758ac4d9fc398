//! Sizes (`512MiB`) and durations (`1m30s`) as people write them on the command line.

use detektr_sandbox::profile;
use std::time::Duration;

/// The longest time limit that is taken.
const LONGEST: Duration = Duration::from_secs(7 * 86_400);

/// A size in bytes, as in a profile: `4096`, `64KiB`, `1.5GiB`, `10MB` (powers of 1,000). Never zero.
pub fn size(text: &str) -> Result<u64, String> {
    match profile::size(text) {
        Some(0) => Err("a size of zero makes no sense here".into()),
        Some(bytes) => Ok(bytes),
        None => Err("not a size; write a number and a unit (B, KiB, MiB, GiB, TiB), as in 512MiB".into()),
    }
}

/// A time, as in a profile: `30`, `30s`, `500ms`, `2m`, `1h30m`. Never zero, and at most 7 days.
pub fn duration(text: &str) -> Result<Duration, String> {
    match profile::duration(text) {
        Some(Duration::ZERO) => Err("a time of zero makes no sense here".into()),
        Some(time) if time > LONGEST => Err("longer than 7 days".into()),
        Some(time) => Ok(time),
        None => Err("not a time; write a number and a unit (ms, s, m, h, d), as in 30s, 2m or 1m30s".into()),
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
