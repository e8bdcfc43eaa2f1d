//! A rule: what it waits for, and whom it tells.

use aws_model::{AwsError, Document, Millis, region};
use serde::{Deserialize, Serialize};
use timetable::{Expression, Service, Zone};

use super::story::Story;
use super::tags::Tag;
use super::{bus, missing};
use crate::world::Record;
use crate::{Cx, World};

/// A rule and its targets.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Rule {
    /// Region.
    pub region: String,
    /// `BUS/NAME`.
    pub id: String,
    /// Name of its bus.
    pub bus: String,
    /// Name, unique on its bus.
    pub name: String,
    /// Which events it waits for, as it was sent.
    pub pattern: Option<String>,
    /// When it fires, as it was sent.
    pub schedule: Option<String>,
    /// `ENABLED`, `DISABLED`, ...
    pub state: String,
    /// Description.
    pub description: Option<String>,
    /// Role.
    pub role: Option<String>,
    /// Tags.
    pub tags: Vec<Tag>,
    /// Targets, as they were sent, in the order in which they came.
    pub targets: Vec<Document>,
    /// When it was put or switched last: a rate is counted from there.
    pub since: Millis,
    /// When its schedule fires next; none if it never does.
    pub next: Option<Millis>,
    /// How it went; nothing of it is in AWS's answers.
    #[serde(default)]
    pub story: Story,
}

impl Record for Rule {
    const TABLE: &'static str = "events.rules";

    fn region(&self) -> &str {
        &self.region
    }

    fn id(&self) -> &str {
        &self.id
    }
}

/// Returns a rule's id among the records: rules have no stroke in their names.
pub(super) fn id(bus: &str, name: &str) -> String {
    format!("{bus}/{name}")
}

impl Rule {
    /// Returns the rules of a bus, by name.
    pub fn of_bus<'w>(world: &'w World, region: &str, bus: &str) -> impl Iterator<Item = Self> + use<'w> {
        let bus = bus.to_owned();
        world.records.all::<Self>(region).filter(move |rule| rule.bus == bus)
    }

    /// Returns its ARN; those of the default bus have no bus in it (user guide, "Amazon EventBridge rules").
    pub fn arn(&self, account: &str) -> String {
        let path = if self.bus == bus::DEFAULT { self.name.clone() } else { self.id.clone() };
        region::arn("events", &self.region, account, &format!("rule/{path}"))
    }

    /// Whether it does anything.
    pub fn is_enabled(&self) -> bool {
        self.state != "DISABLED"
    }

    /// Returns when its schedule fires next after an instant.
    pub fn next_after(&self, after: Millis) -> Option<Millis> {
        let schedule = self.schedule.as_deref().filter(|_| self.is_enabled())?;
        let expression = Expression::parse(schedule, Service::EventBridge).ok()?;
        expression.next(after, self.since, &Zone::UTC)
    }

    /// Counts from now on: it was put, or switched.
    pub(super) fn begin(&mut self, now: Millis) {
        self.since = now;
        self.next = self.next_after(now);
    }
}

/// Returns the rule of a name on a bus.
pub(super) fn find(world: &World, cx: &Cx<'_>, bus: Option<&str>, name: &str) -> Result<Rule, AwsError> {
    let bus = bus::find(world, cx, bus)?;
    let found = world.records.get(cx.region, &id(&bus.name, name));
    found.ok_or_else(|| missing(format!("Rule {name} does not exist on EventBus {}.", bus.name)))
}
