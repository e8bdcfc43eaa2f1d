//! When does it fire next? Computed here, since AWS does not say. Pure.

use aws_model::{Document, Millis};
use deploy_core::manifest::Via;
use timetable::{Expression, Service, Zone};

use crate::observe::text;
use crate::tasks::millis;

/// What fires a schedule, as the service describes it.
pub(super) struct Clock<'a> {
    pub(super) via: Via,
    /// Answer of DescribeRule or GetSchedule.
    pub(super) described: &'a Document,
    /// When the clock started it last, if that is known.
    pub(super) fired: Option<Millis>,
}

impl Clock<'_> {
    /// Returns whether it fires at all.
    pub(super) fn is_enabled(&self) -> bool {
        self.described.get("State").is_none_or(|state| state == "ENABLED")
    }

    /// Returns the name of its zone.
    pub(super) fn zone(&self) -> &str {
        match text(self.described, "ScheduleExpressionTimezone") {
            "" => "UTC",
            zone => zone,
        }
    }

    /// Returns when it fires next; none if it does not, or if that is unknown: a rate is counted from a moment that
    /// EventBridge does not tell, and is known from the last firing only.
    pub(super) fn next(&self, now: Millis) -> Option<Millis> {
        if !self.is_enabled() {
            return None;
        }
        let service = if self.via == Via::Rule { Service::EventBridge } else { Service::Scheduler };
        let expression = Expression::parse(text(self.described, "ScheduleExpression"), service).ok()?;
        let date = |name: &str| self.described.get(name).and_then(millis);
        let (start, end) = (date("StartDate"), date("EndDate"));
        let anchor = match (&expression, self.via) {
            (Expression::Rate(_), Via::Rule) => self.fired?,
            // It is counted from its start, or else from when it was changed last, which the first firing tells better.
            (Expression::Rate(_), Via::Scheduler) => match start {
                Some(start) if now < start => return Some(start),
                Some(start) => start,
                None => self.fired.or(date("LastModificationDate"))?,
            },
            _ => now,
        };
        let is_once = matches!(expression, Expression::At(_));
        let after = if is_once { now } else { start.map_or(now, |start| now.max(start - 1)) };
        let next = expression.next(after, anchor, &Zone::named(self.zone())?)?;
        (is_once || end.is_none_or(|end| next <= end)).then_some(next)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::observe::object;

    /// 2027-03-27T12:00:00Z, a day before clocks go forward in Berlin.
    const NOW: Millis = 1_806_148_800_000;

    fn check(via: Via, described: Value, fired: Option<Millis>, expected: Option<&str>) {
        let described = object(described);
        let next = Clock { via, described: &described, fired }.next(NOW);
        let shown = next.and_then(|next| Zone::UTC.shown(next));
        assert_eq!(shown.as_deref(), expected, "{described:?}");
    }

    #[test]
    fn the_next_firing_is_in_the_zone_of_the_schedule() {
        let cron = |zone: &str| json!({"ScheduleExpression": "cron(0 6 * * ? *)", "ScheduleExpressionTimezone": zone});
        check(Via::Rule, json!({"ScheduleExpression": "cron(0 6 * * ? *)"}), None, Some("2027-03-28 06:00:00 +00:00"));
        check(Via::Scheduler, cron("Europe/Berlin"), None, Some("2027-03-28 04:00:00 +00:00"));
        check(Via::Scheduler, cron("America/New_York"), None, Some("2027-03-28 10:00:00 +00:00"));
        let mut off = cron("UTC");
        off["State"] = "DISABLED".into();
        check(Via::Scheduler, off, None, None);
        let mut over = cron("UTC");
        over["EndDate"] = json!(NOW / 1000 + 60);
        check(Via::Scheduler, over, None, None);
    }

    #[test]
    fn a_rate_is_known_from_what_it_is_counted_from() {
        let rate = || json!({"ScheduleExpression": "rate(1 hour)"});
        check(Via::Rule, rate(), None, None);
        check(Via::Rule, rate(), Some(NOW - 600_000), Some("2027-03-27 12:50:00 +00:00"));
        let mut dated = rate();
        dated["LastModificationDate"] = json!(NOW / 1000 - 60);
        check(Via::Scheduler, dated.clone(), None, Some("2027-03-27 12:59:00 +00:00"));
        dated["StartDate"] = json!(NOW / 1000 + 86_400);
        check(Via::Scheduler, dated, None, Some("2027-03-28 12:00:00 +00:00"));
        check(
            Via::Scheduler,
            json!({"ScheduleExpression": "at(2027-03-27T13:00:00)", "ScheduleExpressionTimezone": "Europe/Berlin"}),
            None,
            None,
        );
        check(
            Via::Scheduler,
            json!({"ScheduleExpression": "at(2027-03-27T13:00:01)", "ScheduleExpressionTimezone": "Europe/Berlin"}),
            None,
            Some("2027-03-27 12:00:01 +00:00"),
        );
    }
}
