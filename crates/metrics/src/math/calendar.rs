//! What the clock and the calendar say at an instant, in UTC.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Returns what a function of the calendar says of an instant; none if there is no such function. Days are counted from
/// Monday, which is 1.
pub(super) fn of(function: &str, seconds: i64) -> Option<f64> {
    let at = Timestamp::from_second(seconds).ok()?.to_zoned(TimeZone::UTC);
    let number = match function {
        "MINUTE" => i64::from(at.minute()),
        "HOUR" => i64::from(at.hour()),
        "DAY" => i64::from(at.weekday().to_monday_one_offset()),
        "DATE" => i64::from(at.day()),
        "MONTH" => i64::from(at.month()),
        "YEAR" => i64::from(at.year()),
        "EPOCH" => seconds,
        _ => return None,
    };
    Some(number as f64)
}
