//! Spans of time as people write them: `30s`, `10m`, `2h`, `1d`.

/// Returns milliseconds.
///
/// # Errors
/// When it is something else; says what to write.
pub(crate) fn parse(text: &str) -> Result<i64, String> {
    let wrong = || format!("`{text}` is not a time; write 30s, 10m, 2h or 1d");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    let number: i64 = digits.parse().map_err(|_| wrong())?;
    number.checked_mul(unit).filter(|ms| *ms >= 0).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_ago_is_a_number_and_a_unit() {
        assert_eq!(parse("30s"), Ok(30_000));
        assert_eq!(parse("2h"), Ok(7_200_000));
        for text in ["", "5", "m", "5w", "-5m", "1.5h", "99999999999999999d"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
