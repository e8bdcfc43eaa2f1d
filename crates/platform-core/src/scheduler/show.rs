//! What is said of schedules.

use aws_model::{AwsError, seconds};
use serde::Deserialize;
use serde_json::{Value, json};

use super::change::Which;
use super::group;
use super::schedule::Schedule;
use crate::events::page::page;
use crate::operation::read;
use crate::{Cx, Input, World};

fn common(cx: &Cx<'_>, schedule: &Schedule) -> Value {
    json!({
        "Arn": schedule.arn(cx.account),
        "GroupName": schedule.group,
        "Name": schedule.name,
        "State": schedule.text("State"),
        "CreationDate": seconds(schedule.created),
        "LastModificationDate": seconds(schedule.changed),
    })
}

pub(super) fn get(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let schedule = read::<Which>(input.clone())?.find(world, cx)?;
    let mut out = common(cx, &schedule);
    if let Some(out) = out.as_object_mut() {
        out.extend(schedule.document);
    }
    Ok(out)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct List {
    group_name: Option<String>,
    name_prefix: Option<String>,
    state: Option<String>,
    next_token: Option<String>,
    max_results: Option<usize>,
}

pub(super) fn list(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let List { group_name, name_prefix, state, next_token, max_results } = read(input.clone())?;
    if let Some(name) = &group_name {
        group::find(world, cx, Some(name))?;
    }
    let fits = |schedule: &Schedule| {
        group_name.as_ref().is_none_or(|group| schedule.group == *group)
            && name_prefix.as_ref().is_none_or(|prefix| schedule.name.starts_with(prefix))
            && state.as_ref().is_none_or(|state| schedule.text("State") == state)
    };
    let one = |schedule: Schedule| {
        let mut out = common(cx, &schedule);
        out["Target"] = json!({"Arn": schedule.target().get("Arn")});
        (schedule.id, out)
    };
    let items = world.records.all::<Schedule>(cx.region).filter(fits).map(one);
    Ok(page("Schedules", items.collect(), max_results, next_token.as_deref()))
}
