//! Groups of schedules.

use aws_model::{AwsError, Millis, Service, seconds};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::schedule::Schedule;
use super::{conflict, missing};
use crate::events::page::page;
use crate::events::tags::{Tag, lay_over};
use crate::events::wrong;
use crate::operation::read;
use crate::world::Record;
use crate::{Change, Cx, Input, Outcome, World};

/// The group that is always there. It is stored only once it has tags.
pub(super) const DEFAULT: &str = "default";

/// Most groups of an account in a region (Scheduler's quotas).
const MOST: usize = 500;

/// A group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Group {
    region: String,
    pub(super) name: String,
    created: Millis,
    changed: Millis,
    pub(super) tags: Vec<Tag>,
}

impl Record for Group {
    const TABLE: &'static str = "scheduler.groups";

    fn region(&self) -> &str {
        &self.region
    }

    fn id(&self) -> &str {
        &self.name
    }
}

impl Group {
    fn new(cx: &Cx<'_>, name: &str, created: Millis) -> Self {
        Self { region: cx.region.to_owned(), name: name.to_owned(), created, changed: created, tags: Vec::new() }
    }

    fn shown(&self, cx: &Cx<'_>) -> Value {
        json!({
            "Arn": arn(cx, &self.name),
            "Name": self.name,
            "State": "ACTIVE",
            "CreationDate": seconds(self.created),
            "LastModificationDate": seconds(self.changed),
        })
    }
}

pub(super) fn arn(cx: &Cx<'_>, name: &str) -> String {
    cx.arn("scheduler", &format!("schedule-group/{name}"))
}

/// Returns a group; the default one if the caller names none.
pub(super) fn find(world: &World, cx: &Cx<'_>, name: Option<&str>) -> Result<Group, AwsError> {
    let name = name.unwrap_or(DEFAULT);
    let stored = world.records.get(cx.region, name);
    stored
        .or_else(|| (name == DEFAULT).then(|| Group::new(cx, DEFAULT, 0)))
        .ok_or_else(|| missing(format!("Schedule group {name} does not exist.")))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Create {
    name: String,
    #[serde(default)]
    tags: Vec<Tag>,
}

pub(super) fn create(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let Create { name, tags } = read(input)?;
    if find(world, cx, Some(&name)).is_ok() {
        return Err(conflict(format!("Schedule group {name} already exists.")));
    }
    if world.records.all::<Group>(cx.region).count() >= MOST {
        return Err(
            AwsError::new("ServiceQuotaExceededException", "You have too many schedule groups.").with_status(402)
        );
    }
    let mut group = Group::new(cx, &name, cx.now);
    lay_over(Service::Scheduler, &mut group.tags, tags)?;
    let reply = json!({"ScheduleGroupArn": arn(cx, &name)});
    Ok(Outcome { reply, changes: vec![Change::put(&group)] })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Which {
    name: String,
}

pub(super) fn get(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let Which { name } = read(input.clone())?;
    Ok(find(world, cx, Some(&name))?.shown(cx))
}

/// Deletes a group with all its schedules (API reference, DeleteScheduleGroup), at once.
pub(super) fn delete(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let Which { name } = read(input)?;
    if name == DEFAULT {
        return Err(wrong("You cannot delete the default schedule group."));
    }
    find(world, cx, Some(&name))?;
    let own = world.records.all::<Schedule>(cx.region).filter(|schedule| schedule.group == name);
    let mut changes: Vec<Change> = own.map(|schedule| Change::remove::<Schedule>(cx.region, &schedule.id)).collect();
    changes.push(Change::remove::<Group>(cx.region, &name));
    Ok(Outcome { reply: json!({}), changes })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct List {
    name_prefix: Option<String>,
    next_token: Option<String>,
    max_results: Option<usize>,
}

pub(super) fn list(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let List { name_prefix, next_token, max_results } = read(input.clone())?;
    let mut all: Vec<Group> = world.records.all(cx.region).collect();
    if all.iter().all(|group| group.name != DEFAULT) {
        all.push(Group::new(cx, DEFAULT, 0));
        all.sort_by(|a, b| a.name.cmp(&b.name));
    }
    let fits = |group: &&Group| name_prefix.as_ref().is_none_or(|prefix| group.name.starts_with(prefix));
    let items = all.iter().filter(fits).map(|group| (group.name.clone(), group.shown(cx)));
    Ok(page("ScheduleGroups", items.collect(), max_results, next_token.as_deref()))
}
