//! Moments as people write them: so long ago, or a date with a time.

use super::ago;

/// A moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Milliseconds before now.
    Ago(i64),
    /// Milliseconds since the epoch.
    At(i64),
}

impl Moment {
    /// Reads `10m` (ago) or RFC 3339 (`2026-11-25T09:30:00Z`, `2026-11-25T10:30:00+01:00`).
    ///
    /// # Errors
    /// When it is neither; says what to write.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if let Ok(ms) = ago::parse(text) {
            return Ok(Self::Ago(ms));
        }
        let wrong = |_| format!("`{text}` is not a time; write 30s, 10m, 2h or 1d, or 2026-11-25T09:30:00Z");
        text.parse::<jiff::Timestamp>().map(|at| Self::At(at.as_millisecond())).map_err(wrong)
    }

    /// Returns milliseconds since the epoch.
    pub(crate) fn at(self, now: i64) -> i64 {
        match self {
            Self::Ago(ms) => now - ms,
            Self::At(at) => at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_so_long_ago_or_a_date_with_its_offset() {
        assert_eq!(Moment::parse("10m").map(|m| m.at(1_000_000)), Ok(400_000));
        assert_eq!(Moment::parse("1970-01-01T00:00:01.5Z"), Ok(Moment::At(1_500)));
        assert_eq!(Moment::parse("1970-01-01T01:00:00+01:00"), Ok(Moment::At(0)));
        // Without an offset it is unclear whose clock is meant.
        for text in ["", "5", "yesterday", "2026-11-25", "2026-11-25T09:30:00"] {
            let told = Moment::parse(text).expect_err(text);
            assert!(told.contains("2026-11-25T09:30:00Z"), "{told}");
        }
    }
}
