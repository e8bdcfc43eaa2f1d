//! Numbers as people read them in a column: three digits that matter, and a unit.

/// Returns a share of a hundred.
pub(super) fn percent(value: f64) -> String {
    format!("{} %", digits(value))
}

/// Returns a frequency, without its unit.
pub(super) fn frequency(value: f64) -> String {
    digits(value)
}

/// Returns memory.
pub(super) fn mebibytes(value: f64) -> String {
    scaled(value, 1024.0, &["MiB", "GiB", "TiB"])
}

/// Returns bytes in a second.
pub(super) fn rate(value: f64) -> String {
    scaled(value, 1000.0, &["B/s", "kB/s", "MB/s", "GB/s"])
}

/// Returns a time.
pub(super) fn seconds(value: f64) -> String {
    if value < 0.999_5 { format!("{} ms", digits(value * 1000.0)) } else { format!("{} s", digits(value)) }
}

fn scaled(mut value: f64, step: f64, units: &[&str]) -> String {
    let mut at = 0;
    // What would be rounded to the next unit's 1 is shown in that unit.
    while value.round() >= step && at + 1 < units.len() {
        (value, at) = (value / step, at + 1);
    }
    format!("{} {}", digits(value), units[at])
}

/// Returns a number with one digit behind the point where that says something: below 100, unless it is whole.
fn digits(value: f64) -> String {
    let text = if value.abs() < 99.95 { format!("{value:.1}") } else { format!("{value:.0}") };
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_matter() {
        assert_eq!(
            [0.0, 0.04, 0.05, 9.96, 99.94, 99.96, 1234.5].map(percent),
            ["0 %", "0 %", "0.1 %", "10 %", "99.9 %", "100 %", "1234 %"]
        );
        assert_eq!(
            [0.4, 999.4, 999.6, 1500.0, 2.5e6, 3e9, 4e12].map(rate),
            ["0.4 B/s", "999 B/s", "1 kB/s", "1.5 kB/s", "2.5 MB/s", "3 GB/s", "4000 GB/s"]
        );
        assert_eq!([3.2, 1023.4, 1023.6, 1536.0].map(mebibytes), ["3.2 MiB", "1023 MiB", "1 GiB", "1.5 GiB"]);
        assert_eq!(
            [0.0004, 0.0125, 0.9994, 0.9996, 12.34].map(seconds),
            ["0.4 ms", "12.5 ms", "999 ms", "1 s", "12.3 s"]
        );
    }
}
