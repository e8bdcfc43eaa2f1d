//! When an alarm is looked at, and at which stretch of time.
//!
//! "For any period of one minute or longer, an alarm is evaluated every minute ... If the alarm period is 10 seconds or
//! 30 seconds, the alarm is evaluated every 10 seconds" (user guide, "Evaluating an alarm"). A little later than the
//! minute ends, so that what is measured of it has come in.

use aws_model::Millis;

use crate::periods::Grid;

/// How long after the end of a minute it is looked at.
const LAG_OF_MINUTES: Millis = 5_000;
/// How long after the end of ten seconds.
const LAG_OF_SECONDS: Millis = 2_000;

/// How often an alarm is looked at, and how late, in milliseconds.
fn rhythm(period: i64) -> (Millis, Millis) {
    if period < 60 { (10_000, LAG_OF_SECONDS) } else { (60_000, LAG_OF_MINUTES) }
}

/// Returns the end of what is looked at now.
pub fn end(period: i64, now: Millis) -> Millis {
    let (every, lag) = rhythm(period);
    (now - lag).div_euclid(every) * every
}

/// Whether an alarm that was last looked at then is to be looked at now.
pub fn is_due(period: i64, last: Option<Millis>, now: Millis) -> bool {
    last.is_none_or(|last| end(period, last) < end(period, now))
}

/// Returns when an alarm that was last looked at then is to be looked at again.
pub fn next(period: i64, last: Option<Millis>, now: Millis) -> Millis {
    let (every, lag) = rhythm(period);
    last.map_or(now, |last| end(period, last) + every + lag)
}

/// Returns how long after an instant an alarm of so many periods has judged only what was measured after it: a period
/// may have begun before, and the last is looked at a little late, by which time all of it has been told.
pub fn settled_after(period: i64, count: usize) -> Millis {
    let (every, lag) = rhythm(period);
    let periods = i64::try_from(count).unwrap_or(i64::MAX).saturating_add(1);
    periods.saturating_mul(period.saturating_mul(1000)).max(every).saturating_add(lag)
}

/// Returns the last periods, so many of them, that have ended.
pub fn window(period: i64, count: usize, now: Millis) -> Grid {
    let end = end(period, now) / 1000;
    Grid { start: end - period * count as i64, end, period }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn minutes_are_looked_at_each_minute_and_short_periods_every_ten_seconds() {
        let minute = 1_700_000_040_000;
        assert!(is_due(60, None, minute));
        assert!(!is_due(300, Some(minute + 5_000), minute + 64_999));
        assert!(is_due(300, Some(minute + 5_000), minute + 65_000));
        assert!(is_due(30, Some(minute + 2_000), minute + 12_000));
        // "Then at the end of minute 6, the alarm is evaluated based on the data from minutes 2 to 6."
        let sixth = window(300, 1, minute + 6 * 60_000 + 5_000);
        assert_eq!((sixth.start, sixth.end), (minute / 1000 + 60, minute / 1000 + 360));
    }

    proptest! {
        #[test]
        fn an_alarm_that_has_settled_judges_nothing_from_before(
            period in prop::sample::select(vec![10_i64, 20, 30, 60, 300]), count in 1_usize..10, from in 0_i64..10_000_000,
        ) {
            let now = from + settled_after(period, count);
            // It is looked at by now, at periods that all began afterwards.
            let window = window(period, count, now);
            prop_assert!(window.start * 1000 >= from, "{window:?} {from}");
        }

        #[test]
        fn an_alarm_is_due_when_its_next_time_has_come_and_not_before(
            period in prop::sample::select(vec![10_i64, 20, 30, 60, 300]), last in 0_i64..1_000_000, later in 0_i64..200_000,
        ) {
            let now = last + later;
            let next = next(period, Some(last), now);
            prop_assert_eq!(is_due(period, Some(last), now), next <= now);
            prop_assert!(next > last);
        }
    }
}
