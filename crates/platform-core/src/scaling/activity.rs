//! Scaling activities: what was done, why, and whether it came true.

use aws_model::page::Order;
use aws_model::{AwsError, Millis, seconds};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::find::{DIMENSION, NAMESPACE, Resource};
use super::page::Paging;
use crate::operation::read;
use crate::world::{Change, Record, World};
use crate::{Cx, Input};

/// How many of a target are kept. AWS keeps those of six weeks.
const KEPT: usize = 100;

/// A scaling activity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Activity {
    /// Region.
    pub region: String,
    /// `service/CLUSTER/NAME|START|UUID`.
    id: String,
    /// `service/CLUSTER/NAME`.
    pub resource: String,
    /// Tasks wanted.
    pub count: u32,
    /// Why, in AWS's words.
    pub cause: String,
    /// When it began.
    pub started_at: Millis,
    /// When it ended.
    pub ended_at: Option<Millis>,
    /// How it stands.
    pub status: Status,
}

/// How an activity stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Status {
    /// The count is set; tasks are on their way.
    InProgress,
    /// As many tasks run.
    Successful,
    /// Another count was set meanwhile.
    Overridden,
    /// The service is gone.
    Failed,
    /// Nothing was done: the code of the reason (API reference, NotScaledReason).
    NotScaled(String),
}

impl Record for Activity {
    const TABLE: &'static str = "application-autoscaling.activities";

    fn region(&self) -> &str {
        &self.region
    }

    fn id(&self) -> &str {
        &self.id
    }
}

impl Activity {
    /// Begins one.
    pub(super) fn begin(cx: &mut Cx<'_>, resource: &str, count: u32, cause: String, status: Status) -> Self {
        let ended_at = (status != Status::InProgress).then_some(cx.now);
        Self {
            region: cx.region.to_owned(),
            id: format!("{resource}|{:015}|{}", cx.now, cx.ids.uuid()),
            resource: resource.to_owned(),
            count,
            cause,
            started_at: cx.now,
            ended_at,
            status,
        }
    }

    /// Returns what activities of all targets are sorted by: when it began, and its id.
    fn when(&self) -> &str {
        self.id.split_once('|').map_or("", |(_, when)| when)
    }

    fn uuid(&self) -> &str {
        self.id.rsplit('|').next().unwrap_or_default()
    }
}

/// Returns the activities of a service, oldest first.
pub(super) fn of<'w>(world: &'w World, region: &str, resource: &str) -> impl Iterator<Item = Activity> + use<'w> {
    world.records.under(region, &format!("{resource}|"))
}

/// Returns what keeps one more activity, and not more than are kept.
pub(super) fn kept(world: &World, activity: &Activity) -> Vec<Change> {
    let known: Vec<Activity> = of(world, &activity.region, &activity.resource).collect();
    let old = known.iter().take((known.len() + 1).saturating_sub(KEPT));
    let forgotten = old.map(|one| Change::remove::<Activity>(&one.region, &one.id));
    forgotten.chain(std::iter::once(Change::put(activity))).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listing {
    #[serde(flatten)]
    resource: Resource,
    #[serde(default)]
    include_not_scaled_activities: bool,
    #[serde(flatten)]
    paging: Paging,
}

/// DescribeScalingActivities: newest first.
pub(super) fn describe(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let asked: Listing = read(input.clone())?;
    let all = world.records.all::<Activity>(cx.region);
    let mut meant: Vec<Activity> = all
        .filter(|one| asked.resource.wants(&one.resource))
        .filter(|one| asked.include_not_scaled_activities || !matches!(one.status, Status::NotScaled(_)))
        .collect();
    meant.sort_by(|one, other| other.when().cmp(one.when()));
    let items = meant.iter().map(|one| (one.when().to_owned(), render(world, cx, one))).collect();
    asked.paging.page("ScalingActivities", Order::Falling, items)
}

fn render(world: &World, cx: &Cx<'_>, activity: &Activity) -> Value {
    let count = activity.count;
    let (code, words) = match &activity.status {
        Status::InProgress => (
            "InProgress",
            format!("Successfully set desired count to {count}. Waiting for change to be fulfilled by ecs."),
        ),
        Status::Successful => {
            ("Successful", format!("Successfully set desired count to {count}. Change successfully fulfilled by ecs."))
        }
        Status::Overridden => (
            "Overridden",
            format!("Successfully set desired count to {count}. Another desired count was set meanwhile."),
        ),
        Status::Failed => {
            ("Failed", format!("Failed to set desired count to {count}: the service is not there any more."))
        }
        Status::NotScaled(_) => ("Unfulfilled", format!("The desired count stays {count}.")),
    };
    let mut item = json!({
        "ActivityId": activity.uuid(), "ServiceNamespace": NAMESPACE, "ResourceId": activity.resource,
        "ScalableDimension": DIMENSION, "Description": format!("Setting desired count to {count}."),
        "Cause": activity.cause, "StartTime": seconds(activity.started_at), "StatusCode": code, "StatusMessage": words,
    });
    if let Some(ended) = activity.ended_at {
        item["EndTime"] = json!(seconds(ended));
    }
    if let Status::NotScaled(reason) = &activity.status {
        item["Description"] = json!("Attempting to scale due to alarm triggered");
        let target: Option<super::ScalableTarget> = world.records.get(cx.region, &activity.resource);
        let bound = match (reason.as_str(), target) {
            ("AlreadyAtMaxCapacity", Some(target)) => Some(("MaxCapacity", target.max)),
            ("AlreadyAtMinCapacity", Some(target)) => Some(("MinCapacity", target.min)),
            _ => None,
        };
        let mut told = json!({"Code": reason, "CurrentCapacity": count});
        if let Some((name, capacity)) = bound {
            told[name] = json!(capacity);
        }
        item["NotScaledReasons"] = json!([told]);
    }
    item
}
