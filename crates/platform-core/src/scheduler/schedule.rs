//! A schedule, and when it fires next.

use aws_model::{Document, Millis};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use timetable::{Expression, Service, Zone};

use crate::Cx;
use crate::events::story::Story;
use crate::world::Record;

/// A schedule.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Schedule {
    /// Region.
    pub region: String,
    /// `GROUP/NAME`.
    pub id: String,
    /// Name of its group.
    pub group: String,
    /// Name, unique in its group.
    pub name: String,
    /// What CreateSchedule or UpdateSchedule was sent, with the service's defaults.
    pub document: Document,
    /// Token of the call that made it.
    pub token: Option<String>,
    /// When it was made.
    pub created: Millis,
    /// When it was changed last.
    pub changed: Millis,
    /// The time for which it fires next; none if it never does again.
    pub planned: Option<Millis>,
    /// When it fires for that time: later, where it has a flexible window.
    pub next: Option<Millis>,
    /// How it went; nothing of it is in AWS's answers.
    #[serde(default)]
    pub story: Story,
}

impl Record for Schedule {
    const TABLE: &'static str = "scheduler.schedules";

    fn region(&self) -> &str {
        &self.region
    }

    fn id(&self) -> &str {
        &self.id
    }
}

/// Returns a schedule's id among the records: neither name has a stroke in it.
pub(super) fn id(group: &str, name: &str) -> String {
    format!("{group}/{name}")
}

impl Schedule {
    /// Returns its ARN.
    pub fn arn(&self, account: &str) -> String {
        aws_model::region::arn("scheduler", &self.region, account, &format!("schedule/{}", self.id))
    }

    pub(super) fn text(&self, member: &str) -> &str {
        self.document.get(member).and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn target(&self) -> &Document {
        self.document.get("Target").and_then(Value::as_object).expect("no schedule is kept without a target")
    }

    fn date(&self, member: &str) -> Option<Millis> {
        instant(self.document.get(member)?)
    }

    /// Returns the first time after an instant for which it fires.
    pub(super) fn next_after(&self, after: Millis) -> Option<Millis> {
        if self.text("State") == "DISABLED" {
            return None;
        }
        let expression = Expression::parse(self.text("ScheduleExpression"), Service::Scheduler).ok()?;
        let zone = Zone::named(self.text("ScheduleExpressionTimezone"))?;
        if let Expression::At(_) = expression {
            // "EventBridge Scheduler ignores StartDate for one-time schedules", and EndDate.
            return expression.next(after, after, &zone);
        }
        let start = self.date("StartDate");
        let next = match &expression {
            // "You use the StartDate property to set the first occurrence" (user guide, "Rate-based schedules").
            Expression::Rate(_) => match start {
                Some(start) if after < start => Some(start),
                anchor => expression.next(after, anchor.unwrap_or(self.changed), &zone),
            },
            _ => expression.next(start.map_or(after, |start| after.max(start - 1)), self.changed, &zone),
        };
        next.filter(|next| self.date("EndDate").is_none_or(|end| *next <= end))
    }

    /// Plans to fire for a time. Where the schedule has a flexible window, the moment in it is chosen here and kept, so
    /// that a restart does not choose another.
    pub(super) fn plan(&mut self, cx: &mut Cx<'_>, planned: Option<Millis>) {
        self.planned = planned;
        let window = self.document.get("FlexibleTimeWindow");
        let minutes = window.and_then(|window| window.get("MaximumWindowInMinutes")).and_then(Value::as_u64);
        let offset = minutes.filter(|minutes| *minutes > 0).map_or(0, |minutes| cx.ids.next() % (minutes * 60_000));
        self.next = planned.map(|planned| planned + Millis::try_from(offset).unwrap_or(0));
    }
}

/// Reads an instant of the model: seconds.
pub(super) fn instant(value: &Value) -> Option<Millis> {
    #[expect(clippy::cast_possible_truncation, reason = "a time is far from the ends")]
    value.as_f64().map(|seconds| (seconds * 1000.0).round() as Millis)
}
