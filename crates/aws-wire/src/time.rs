//! The ways in which the protocols write an instant, to and from the number of seconds that documents hold.

use aws_model::model::TimeFormat;
use aws_model::{Millis, seconds};
use jiff::fmt::rfc2822;
use jiff::{Timestamp, tz};
use serde_json::Value;

/// Writes an instant.
pub fn write(at: Millis, format: TimeFormat) -> String {
    match format {
        TimeFormat::Iso8601 => iso8601(at),
        TimeFormat::Seconds => seconds(at).to_string(),
        TimeFormat::Http => {
            let day = Timestamp::from_millisecond(at).unwrap_or_default().to_zoned(tz::TimeZone::UTC);
            day.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
        }
    }
}

/// Writes an instant as `2026-11-30T14:00:00.500Z`; with milliseconds always, as the Query services do.
pub fn iso8601(at: Millis) -> String {
    let day = Timestamp::from_millisecond(at).unwrap_or_default().to_zoned(tz::TimeZone::UTC);
    day.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// Reads an instant that is written in any of the three ways: clients of every age send what they always sent.
pub fn read(text: &str) -> Option<Value> {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>() {
        return millis(number).map(seconds);
    }
    // A date alone, and a time without a zone, are UTC's, as botocore's own reader takes them.
    let with_zone = |text: &str| text.parse::<Timestamp>().ok();
    let parsed = with_zone(text)
        .or_else(|| with_zone(&format!("{text}Z")))
        .or_else(|| with_zone(&format!("{text}T00:00:00Z")))
        .or_else(|| rfc2822::DateTimeParser::new().parse_timestamp(text).ok())?;
    Some(seconds(parsed.as_millisecond()))
}

/// Returns the milliseconds of a document's number of seconds.
pub fn millis_of(value: &Value) -> Option<Millis> {
    match value.as_i64() {
        Some(whole) => whole.checked_mul(1_000),
        None => millis(value.as_f64()?),
    }
}

fn millis(seconds: f64) -> Option<Millis> {
    let millis = (seconds * 1_000.0).round();
    (millis.is_finite() && millis.abs() < 1e17).then_some(millis as Millis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_instant_is_written_in_three_ways_and_read_back() {
        let at = 1_796_047_200_500;
        assert_eq!(write(at, TimeFormat::Iso8601), "2026-11-30T14:00:00.500Z");
        assert_eq!(write(at, TimeFormat::Seconds), "1796047200.5");
        assert_eq!(write(at, TimeFormat::Http), "Mon, 30 Nov 2026 14:00:00 GMT");
        assert_eq!(read("2026-11-30T14:00:00.500Z"), Some(json!(1_796_047_200.5)));
        assert_eq!(read("1796047200.5"), Some(json!(1_796_047_200.5)));
        assert_eq!(read("1796047200"), Some(json!(1_796_047_200)));
        assert_eq!(read("Mon, 30 Nov 2026 14:00:00 GMT"), Some(json!(1_796_047_200)));
    }

    #[test]
    fn a_day_of_a_leap_year_and_the_last_millisecond_of_a_year() {
        for (at, wanted) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_798_761_599_001, "2026-12-31T23:59:59.001Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(iso8601(at), wanted);
        }
    }

    #[test]
    fn an_instant_may_have_another_zone_or_none() {
        for text in ["2026-11-30T15:00:00+01:00", "2026-11-30T14:00:00", "2026-11-30T14:00:00Z"] {
            assert_eq!(read(text), Some(json!(1_796_047_200)), "{text}");
        }
        assert_eq!(read("2026-11-30"), Some(json!(1_795_996_800)));
        for text in ["", "yesterday", "NaN", "inf", "1e300", "2026-13-01T00:00:00Z"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_documents_number_has_its_milliseconds() {
        assert_eq!(millis_of(&json!(1_796_047_200)), Some(1_796_047_200_000));
        assert_eq!(millis_of(&json!(1_796_047_200.123)), Some(1_796_047_200_123));
        assert_eq!(millis_of(&json!("x")), None);
    }
}
