//! Bytes and times as people read them.

use std::time::Duration;

/// Returns bytes with three digits or so.
pub(super) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0 && value < 99.95);
    format!("{value:.digits$} {}", UNITS[unit])
}

/// Returns what was moved, in which time, and how fast that is.
pub(super) fn moved(count: u64, took: Duration) -> String {
    let rate = count as f64 / took.as_secs_f64().max(0.001);
    format!("{} in {:.1} s ({}/s)", bytes(count), took.as_secs_f64(), bytes(rate as u64))
}

/// Returns milliseconds.
pub(super) fn millis(millis: f64) -> String {
    if millis >= 1000.0 { format!("{:.1} s", millis / 1000.0) } else { format!("{millis:.1} ms") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_a_unit() {
        for (count, expected) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (99_940, "99.9 kB"),
            (123_456, "123 kB"),
            (999_600, "1.0 MB"),
        ] {
            assert_eq!(bytes(count), expected);
        }
        assert_eq!(moved(10_000_000, Duration::from_secs(2)), "10.0 MB in 2.0 s (5.0 MB/s)");
        assert_eq!((millis(3.12).as_str(), millis(1500.0).as_str()), ("3.1 ms", "1.5 s"));
    }
}
